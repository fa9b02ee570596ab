"""Each rule of the real server that a bot may run against, with the words in which it refuses."""

from __future__ import annotations

import json

import aiohttp
import pytest

from bot.sandbox.botapi import NOT_MODIFIED, TOO_OLD, BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.limits import Limits
from bot.sandbox.phone import Phone
from tests.sandbox.wire import TOKEN, Clock, Wire

YES = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
FAMILY = "👨‍👩‍👧‍👦"


async def test_a_wrong_token_is_401_and_an_unknown_method_404(wire: Wire, url: str) -> None:
    async with wire.session.get(f"{url}/bot1:other/getMe") as response:
        assert response.status == 401
        assert await response.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert await wire.error("sendTelepathy") == (404, "Not Found")
    assert (await wire.ok("GETME"))["username"] == "aid_station_sandbox_bot"


async def test_parameters_arrive_in_each_of_the_four_ways(wire: Wire, url: str, api: BotApi, ann: Phone) -> None:
    given = {"chat_id": str(ann.user_id), "text": "hi", "reply_markup": json.dumps(YES)}
    address = f"{url}/bot{TOKEN}/sendMessage"
    multipart = aiohttp.FormData(given, quote_fields=True)
    multipart.add_field("unused", b"x", filename="x.txt")
    for way in (
        {"params": given},
        {"data": given},
        {"json": given | {"reply_markup": YES}},
        {"data": multipart},
    ):
        async with wire.session.post(address, **way) as response:
            assert (await response.json())["result"]["reply_markup"] == YES
    assert [bubble.labels for bubble in ann.new()] == [["Yes"]] * 4
    async with wire.session.post(address, data="{", headers={"Content-Type": "application/json"}) as response:
        assert response.status == 400


async def test_a_text_has_4096_utf16_units_after_parsing_and_no_more(wire: Wire, api: BotApi, ann: Phone) -> None:
    full = "<b>" + "😀" * 2048 + "</b>"
    assert (await wire.ok("sendMessage", chat_id=ann.user_id, text=full, parse_mode="HTML"))["text"] == "😀" * 2048
    too_long = (400, "Bad Request: message is too long")
    assert await wire.error("sendMessage", chat_id=ann.user_id, text="😀" * 2048 + "a") == too_long
    assert await wire.error("sendMessage", chat_id=ann.user_id, text=FAMILY * 400) == too_long
    assert len(api.ledger) == 1


async def test_an_empty_text_is_refused(wire: Wire, ann: Phone) -> None:
    empty = (400, "Bad Request: message text is empty")
    assert await wire.error("sendMessage", chat_id=ann.user_id, text="") == empty
    blank = (400, "Bad Request: text must be non-empty")
    assert await wire.error("sendMessage", chat_id=ann.user_id, text=" \n ") == blank
    assert await wire.error("sendMessage", chat_id=ann.user_id, text="<b></b>", parse_mode="HTML") == blank


async def test_a_caption_has_1024_units(wire: Wire, api: BotApi, ann: Phone) -> None:
    ann.sends_photo()
    photo = next(iter(api.files))
    await wire.ok("sendPhoto", chat_id=ann.user_id, photo=photo, caption="a" * 1024)
    error = await wire.error("sendPhoto", chat_id=ann.user_id, photo=photo, caption="a" * 1025)
    assert error == (400, "Bad Request: message caption is too long")


async def test_html_that_does_not_parse_is_not_sent(wire: Wire, api: BotApi, ann: Phone) -> None:
    error = await wire.error("sendMessage", chat_id=ann.user_id, text="é <b", parse_mode="HTML")
    assert error == (400, "Bad Request: can't parse entities: Unclosed start tag at byte offset 3")
    assert (await wire.ok("sendMessage", chat_id=ann.user_id, text="{{7*7}} <b"))["text"] == "{{7*7}} <b"
    assert len(api.ledger) == 1


async def test_a_lone_surrogate_is_refused(wire: Wire, ann: Phone) -> None:
    error = await wire.error("sendMessage", chat_id=ann.user_id, text="\ud83d")
    assert error == (400, "Bad Request: strings must be encoded in UTF-8")


@pytest.mark.parametrize(("size", "fine"), [(1, True), (64, True), (65, False)])
async def test_button_data_has_1_to_64_bytes(wire: Wire, ann: Phone, size: int, fine: bool) -> None:
    data = "é" * (size // 2) + "a" * (size % 2)
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
    body = await wire.call("sendMessage", chat_id=ann.user_id, text="x", reply_markup=markup)
    assert body["ok"] is fine
    assert fine or body["description"] == "Bad Request: BUTTON_DATA_INVALID"


async def test_a_button_without_an_action_is_refused(wire: Wire, ann: Phone) -> None:
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": ""}]]}
    _, words = await wire.error("sendMessage", chat_id=ann.user_id, text="x", reply_markup=markup)
    assert "Text buttons are unallowed in the inline keyboard" in str(words)


async def test_over_100_buttons_are_refused(wire: Wire, ann: Phone) -> None:
    markup = {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]] * 101}
    error = await wire.error("sendMessage", chat_id=ann.user_id, text="x", reply_markup=markup)
    assert error == (400, "Bad Request: reply markup is too long")


async def test_an_edit_must_change_something_and_hit_an_own_message(wire: Wire, api: BotApi, ann: Phone) -> None:
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="a", reply_markup=YES)
    here = {"chat_id": ann.user_id, "message_id": sent["message_id"]}
    assert await wire.error("editMessageText", **here, text="a", reply_markup=YES) == (400, NOT_MODIFIED)
    assert await wire.error("editMessageReplyMarkup", **here, reply_markup=YES) == (400, NOT_MODIFIED)
    edited = await wire.ok("editMessageText", **here, text="a")
    assert "reply_markup" not in edited  # a keyboard that is not sent again is taken away
    missing = {"chat_id": ann.user_id, "message_id": 9999}
    assert await wire.error("editMessageText", **missing, text="b") == (
        400,
        "Bad Request: message to edit not found",
    )
    ann.says("mine")
    theirs = {"chat_id": ann.user_id, "message_id": ann.screen()[-1].message_id}
    assert await wire.error("editMessageText", **theirs, text="b") == (
        400,
        "Bad Request: message can't be edited",
    )


async def test_a_message_with_a_reply_keyboard_cannot_be_edited(wire: Wire, ann: Phone) -> None:
    markup = {"keyboard": [["Berlin"]]}
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="a", reply_markup=markup)
    error = await wire.error("editMessageText", chat_id=ann.user_id, message_id=sent["message_id"], text="b")
    assert error == (400, "Bad Request: message can't be edited")


async def test_nobody_can_be_written_to_who_has_not_started_or_has_blocked(wire: Wire, api: BotApi) -> None:
    async def write() -> tuple[object, object]:
        return await wire.error("sendMessage", chat_id=1002, text="x")

    assert await write() == (400, "Bad Request: chat not found")
    ben = Phone(api, 1002, "Ben")
    assert await write() == (403, "Forbidden: bot can't initiate conversation with a user")
    ben.starts()
    assert await write() == (None, None)
    ben.blocks()
    assert await write() == (403, "Forbidden: bot was blocked by the user")
    with pytest.raises(ValueError, match="must unblock"):
        ben.says("hello")
    ben.starts()
    assert await write() == (None, None)
    api.user_deletes_account(1002)
    assert await write() == (403, "Forbidden: user is deactivated")


async def test_a_tap_is_answered_once_in_time_and_in_200_characters(
    wire: Wire, api: BotApi, clock: Clock, ann: Phone
) -> None:
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="a", reply_markup=YES)

    def tap() -> str:
        return api.user_taps(ann.user_id, ann.user_id, sent["message_id"], "y")

    first, late = tap(), tap()
    too_long = await wire.error("answerCallbackQuery", callback_query_id=first, text="x" * 201)
    assert too_long == (400, "Bad Request: MESSAGE_TOO_LONG")
    assert await wire.ok("answerCallbackQuery", callback_query_id=first, text="x" * 200)
    assert await wire.error("answerCallbackQuery", callback_query_id=first) == (400, TOO_OLD)
    assert await wire.error("answerCallbackQuery", callback_query_id="12") == (400, TOO_OLD)
    clock.turn(seconds=16)
    assert await wire.error("answerCallbackQuery", callback_query_id=late) == (400, TOO_OLD)


async def test_a_reply_needs_its_message_unless_it_may_do_without(wire: Wire, ann: Phone) -> None:
    lost = {"message_id": 9999}
    error = await wire.error("sendMessage", chat_id=ann.user_id, text="x", reply_parameters=lost)
    assert error == (400, "Bad Request: message to be replied not found")
    may = lost | {"allow_sending_without_reply": True}
    assert await wire.ok("sendMessage", chat_id=ann.user_id, text="x", reply_parameters=may)


async def test_a_message_can_be_deleted_for_48_hours(wire: Wire, clock: Clock, ann: Phone) -> None:
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="x")
    here = {"chat_id": ann.user_id, "message_id": sent["message_id"]}
    clock.turn(hours=49)
    assert await wire.error("deleteMessage", **here) == (
        400,
        "Bad Request: message can't be deleted for everyone",
    )
    fresh = await wire.ok("sendMessage", chat_id=ann.user_id, text="x")
    here["message_id"] = fresh["message_id"]
    assert await wire.ok("deleteMessage", **here)
    assert await wire.error("deleteMessage", **here) == (400, "Bad Request: message to delete not found")


async def test_a_protected_message_is_not_copied_or_forwarded(wire: Wire, ann: Phone) -> None:
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="private", protect_content=True)
    here = {"chat_id": ann.user_id, "from_chat_id": ann.user_id, "message_id": sent["message_id"]}
    assert (await wire.error("copyMessage", **here))[0] == 400
    assert (await wire.error("forwardMessage", **here))[0] == 400
    gone = here | {"message_id": 9999}
    assert await wire.error("copyMessage", **gone) == (400, "Bad Request: message to copy not found")


async def test_a_migrated_group_names_its_new_id(wire: Wire, api: BotApi, ann: Phone) -> None:
    group = api.group_created(ann.user_id, "Squad")
    new = api.group_migrates(ann.user_id, group)
    body = await wire.call("sendMessage", chat_id=group, text="x")
    assert body["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
    assert body["parameters"] == {"migrate_to_chat_id": new}


async def test_a_group_the_bot_left_or_was_kicked_from_is_forbidden(wire: Wire, api: BotApi, ann: Phone) -> None:
    group = api.group_created(ann.user_id, "Squad", supergroup=True)
    assert await wire.ok("leaveChat", chat_id=group)
    left = (403, "Forbidden: bot is not a member of the supergroup chat")
    assert await wire.error("sendMessage", chat_id=group, text="x") == left
    api.bot_added(ann.user_id, group)
    assert await wire.ok("sendMessage", chat_id=group, text="x")
    api.bot_removed(ann.user_id, group)
    kicked = (403, "Forbidden: bot was kicked from the supergroup chat")
    assert await wire.error("sendMessage", chat_id=group, text="x") == kicked


async def test_in_a_group_the_bot_hears_commands_and_replies_only(wire: Wire, api: BotApi, ann: Phone) -> None:
    group = api.group_created(ann.user_id, "Squad")
    api.updates.pending.clear()
    sent = await wire.ok("sendMessage", chat_id=group, text="Hello")
    api.user_says(ann.user_id, "my knee hurts", chat_id=group)
    api.user_says(ann.user_id, "/help", chat_id=group)
    api.user_says(ann.user_id, "thanks", chat_id=group, reply_to=sent["message_id"])
    heard = [update["message"]["text"] for update in await wire.ok("getUpdates")]
    assert heard == ["/help", "thanks"]


async def test_files_have_their_limits(wire: Wire, url: str, api: BotApi, ann: Phone) -> None:
    api.user_sends(ann.user_id, "document", size=(20 << 20) + 1)
    big = next(iter(api.files))
    assert await wire.error("getFile", file_id=big) == (400, "Bad Request: file is too big")
    _, words = await wire.error("getFile", file_id="nonsense")
    assert words == "Bad Request: wrong file_id or the file is temporarily unavailable"
    assert await wire.error("sendDocument", chat_id=ann.user_id) == (
        400,
        "Bad Request: there is no document in the request",
    )
    _, words = await wire.error("sendVoice", chat_id=ann.user_id)
    assert words == "Bad Request: there is no voice in the request"
    _, words = await wire.error("sendVoice", chat_id=ann.user_id, voice="nonsense")
    assert words == "Bad Request: wrong file identifier/HTTP URL specified"
    form = aiohttp.FormData({"chat_id": str(ann.user_id)})
    form.add_field("photo", b"not a picture", filename="x.png")
    async with wire.session.post(f"{url}/bot{TOKEN}/sendPhoto", data=form) as response:
        assert (await response.json())["description"] == "Bad Request: IMAGE_PROCESS_FAILED"
    async with wire.session.get(f"{url}/file/bot{TOKEN}/voice/none.oga") as response:
        assert response.status == 404


async def test_a_file_lies_under_its_path_after_get_file_and_for_an_hour(
    wire: Wire, url: str, api: BotApi, ann: Phone, clock: Clock
) -> None:
    api.user_sends(ann.user_id, "voice", content=b"OggS hello")
    file = next(iter(api.files.values()))

    async def fetched(token: str = TOKEN) -> tuple[int, bytes]:
        async with wire.session.get(f"{url}/file/bot{token}/{file.path}") as response:
            return response.status, await response.read()

    gone = (404, b'{"ok": false, "error_code": 404, "description": "Not Found"}')
    assert await fetched() == gone, "a path that getFile has not given"
    found = await wire.ok("getFile", file_id=file.id)
    assert (found["file_path"], found["file_size"]) == (file.path, 10)
    assert await fetched() == (200, b"OggS hello")
    assert await fetched("1:other") == gone
    clock.turn(minutes=60)
    assert await fetched() == gone
    await wire.ok("getFile", file_id=file.id)
    assert (await fetched())[0] == 200
    assert api.calls["download"] == 5


async def test_a_download_can_go_wrong_like_a_call(wire: Wire, url: str, api: BotApi, ann: Phone) -> None:
    api.user_sends(ann.user_id, "voice")
    path = (await wire.ok("getFile", file_id=next(iter(api.files))))["file_path"]
    api.faults = [Fault(502, "download", body="html")]
    async with wire.session.get(f"{url}/file/bot{TOKEN}/{path}") as response:
        assert (response.status, response.content_type) == (502, "text/html")
    async with wire.session.get(f"{url}/file/bot{TOKEN}/{path}") as response:
        assert response.status == 200


async def test_a_command_list_is_checked(wire: Wire) -> None:
    bad = [{"command": "Check-In", "description": "x"}]
    assert await wire.error("setMyCommands", commands=bad) == (400, "Bad Request: BOT_COMMAND_INVALID")
    _, words = await wire.error("setMyDescription", description="x" * 513)
    assert words == "Bad Request: bot description is too long"


# --- limits --------------------------------------------------------------------------------------------


@pytest.fixture
def slow(api: BotApi, clock: Clock) -> BotApi:
    """The limits run on the clock that is turned by hand."""
    api.limits = Limits(lambda: clock.now.timestamp())
    return api


async def test_a_person_gets_a_burst_of_five_and_then_one_a_second(
    wire: Wire, slow: BotApi, clock: Clock, ann: Phone
) -> None:
    for _ in range(5):
        await wire.ok("sendMessage", chat_id=ann.user_id, text="x")
    body = await wire.call("sendMessage", chat_id=ann.user_id, text="x")
    assert (body["error_code"], body["description"]) == (429, "Too Many Requests: retry after 1")
    assert body["parameters"] == {"retry_after": 1}
    Phone(slow, 1002, "Ben").starts()
    assert await wire.ok("sendMessage", chat_id=1002, text="others are not held up")
    clock.turn(seconds=1)
    assert await wire.ok("sendMessage", chat_id=ann.user_id, text="x")
    assert (await wire.error("sendMessage", chat_id=ann.user_id, text="x"))[0] == 429


async def test_a_group_gets_twenty_a_minute(wire: Wire, slow: BotApi, clock: Clock, ann: Phone) -> None:
    group = slow.group_created(ann.user_id, "Squad")
    for _ in range(20):
        await wire.ok("sendMessage", chat_id=group, text="x")
    assert (await wire.call("sendMessage", chat_id=group, text="x"))["parameters"] == {"retry_after": 3}
    clock.turn(seconds=3)
    assert await wire.ok("sendMessage", chat_id=group, text="x")


async def test_all_chats_together_get_thirty_a_second_and_edits_count(
    wire: Wire, slow: BotApi, clock: Clock, ann: Phone
) -> None:
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="x")
    for number in range(29):
        await wire.ok("editMessageText", chat_id=ann.user_id, message_id=sent["message_id"], text=str(number))
    assert (await wire.error("sendMessage", chat_id=ann.user_id, text="x"))[0] == 429
    clock.turn(seconds=0.1)
    assert await wire.ok("sendMessage", chat_id=ann.user_id, text="x")


async def test_the_limits_can_be_switched_off(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.limits = False
    for _ in range(40):
        await wire.ok("sendMessage", chat_id=ann.user_id, text="x")
