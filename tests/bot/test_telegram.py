"""Telegram's edge: what comes in becomes an event, what goes out arrives or says why not; over real HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest

from bot import charts
from bot.refusals import SendError
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from bot.telegram import DOWNLOAD_LIMIT, Api, Wire
from bot.updates import Unreadable, to_event
from dialogs import events
from tests.sandbox.wire import TOKEN, Clock

Json = dict[str, Any]
CANARY = "my left knee is on fire"
WEBHOOK_ACTIVE = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first"


@pytest.fixture(autouse=True)
def _future_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `bot.__main__` sets it: without it the library warns at each duration that it reads."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
def box() -> BotApi:
    return BotApi(token=TOKEN, now=Clock())


@pytest.fixture
def ann(box: BotApi) -> Phone:
    phone = Phone(box, 1001, "Ann")
    phone.starts()
    box.updates.pending.clear()
    return phone


@pytest.fixture
async def api(box: BotApi) -> AsyncIterator[Api]:
    async with serve(box) as url, Wire(read_s=0.2) as wire:
        yield Api(TOKEN, url, wire)


async def failure(api: Api, payload: Json | None = None, chat_id: int = 1001, **more: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        await api.deliver(chat_id, payload or {"text": CANARY}, **more)
    return caught.value


# --- sending ------------------------------------------------------------------------------------------


async def test_a_message_arrives_with_its_markup_and_buttons(api: Api, ann: Phone) -> None:
    buttons = [[{"text": "As usual", "data": "1:usual"}, {"text": "Help", "url": "https://example.org/"}]]
    sent = await api.deliver(1001, {"text": "<b>How</b> did you sleep?", "buttons": buttons})
    bubble = ann.sees("How did you sleep?")
    assert bubble.message_id == sent
    assert bubble.labels == ["As usual", "Help"]


async def test_a_bubble_is_edited_in_place_and_an_edit_that_changes_nothing_is_a_success(api: Api, ann: Phone) -> None:
    first = await api.deliver(1001, {"text": "one", "buttons": [[{"text": "A", "data": "a"}]]})
    for _ in range(2):
        assert await api.deliver(1001, {"text": "two", "edit": True}, message_id=first) == first
    assert [(bubble.text, bubble.labels) for bubble in ann.screen() if not bubble.mine] == [("two", [])]


async def test_an_edit_of_a_bubble_that_is_gone_is_sent_anew(api: Api, box: BotApi, ann: Phone) -> None:
    first = await api.deliver(1001, {"text": "one"})
    assert first is not None
    del box.chats[1001].messages[first]
    second = await api.deliver(1001, {"text": "two", "edit": True}, message_id=first)
    assert second not in (None, first)
    assert ann.last.text == "two"


async def test_an_edit_of_a_bubble_never_sent_is_sent(api: Api, ann: Phone) -> None:
    assert await api.deliver(1001, {"text": "two", "edit": True}) == ann.last.message_id


async def test_strip_takes_the_buttons_off_and_leaves_the_text(api: Api, ann: Phone) -> None:
    first = await api.deliver(1001, {"text": "one", "buttons": [[{"text": "A", "data": "a"}]]})
    assert await api.deliver(1001, {"text": "", "strip": True, "edit": True}, message_id=first) == first
    assert (ann.last.text, ann.last.labels) == ("one", [])
    assert await api.deliver(1001, {"text": "", "strip": True, "edit": True}, message_id=9999) is None
    assert await api.deliver(1001, {"text": "", "strip": True, "edit": True}) is None


async def test_markup_that_telegram_refuses_is_sent_as_plain_text(api: Api, ann: Phone) -> None:
    await api.deliver(1001, {"text": "<blink>a &lt; b</blink>", "buttons": [[{"text": "A", "data": "a"}]]})
    assert (ann.last.text, ann.last.labels) == ("a < b", ["A"])


async def test_half_an_emoji_does_not_keep_a_message_from_leaving(api: Api, ann: Phone) -> None:
    await api.deliver(1001, {"text": "broken \ud83d here"})
    assert ann.last.text == "broken ? here"


async def test_a_document_arrives_as_a_file_with_its_name_and_caption(api: Api, box: BotApi, ann: Phone) -> None:
    content = "<p>ünïcode \ud83d</p>" + "x" * (3 << 20)  # larger than what aiohttp would write in one piece
    sent = await api.deliver(1001, {"text": "<b>Yours</b>", "document": {"name": "all.html", "content": content}})
    assert ann.sees("[document all.html] Yours").message_id == sent
    assert ann.opens("all.html") == content.encode("utf-8", "backslashreplace")
    assert box.ledger[-1].method == "sendDocument" and box.ledger[-1].params["parse_mode"] == "HTML"


async def test_a_document_whose_caption_is_refused_comes_with_a_plain_one(api: Api, ann: Phone) -> None:
    await api.deliver(1001, {"text": "<blink>yours</blink>", "document": {"name": "all.json", "content": "{}"}})
    assert ann.last.text == "[document all.json] yours"


async def test_a_document_that_telegram_finds_too_big_is_never_tried_again(
    api: Api, ann: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.sandbox.botapi.MAX_UPLOAD", 10)
    error = await failure(api, {"text": "yours", "document": {"name": "all.json", "content": "x" * 11}})
    assert error.permanent and error.kind == "too_big" and not error.maybe_delivered


async def test_a_picture_arrives_as_a_photo_with_its_caption(api: Api, box: BotApi, ann: Phone) -> None:
    png = charts.picture("roster", {"columns": [{"day": 1, "month": 6, "weekday": 0}], "rows": [], "first": 1, "of": 0})
    sent = await api.deliver(1001, {"text": "<b>All</b> of them", "picture": png})
    assert ann.last.message_id == sent and ann.last.text == "[photo] All of them"
    assert box.ledger[-1].method == "sendPhoto"
    (photo,) = [file for file in box.files.values() if file.content == png]
    assert photo


async def test_a_chat_gets_a_menu_of_its_own_and_a_menu_that_fails_holds_back_no_message(
    api: Api, box: BotApi, ann: Phone
) -> None:
    menu = [["today", "Who needs you first"], ["help", "What there is"]]
    await api.deliver(1001, {"text": "one", "menu": menu})
    ((scope, commands),) = box.about["commands"].items()
    assert '"chat_id": 1001' in scope and [one["command"] for one in commands] == ["today", "help"]
    await api.deliver(1001, {"text": "two", "menu": [["NOT A COMMAND", ""]]})
    assert ann.last.text == "two"


async def test_a_tap_is_answered_beside_the_edit(api: Api, box: BotApi, ann: Phone) -> None:
    first = await api.deliver(1001, {"text": "one", "buttons": [[{"text": "A", "data": "a"}]]})
    ann.taps("A")
    query = next(iter(box.taps))
    payload = {"text": "two", "edit": True, "answers": query, "notice": "Noted"}
    await api.deliver(1001, payload, message_id=first)
    assert ann.last.text == "two"
    assert [notice.text for notice in ann.notices] == ["Noted"]


async def test_a_toast_is_a_notice_and_no_message(api: Api, box: BotApi, ann: Phone) -> None:
    await api.deliver(1001, {"text": "one", "buttons": [[{"text": "A", "data": "a"}]]})
    ann.taps("A")
    query = next(iter(box.taps))
    assert await api.deliver(1001, {"text": "<i>Closed</i>", "toast": True, "answers": query}) is None
    assert [notice.text for notice in ann.notices] == ["Closed"]
    assert ann.last.text == "one"


@pytest.mark.parametrize("fault", [Fault(400), Fault("before"), Fault("after"), Fault("hang"), Fault(502)])
async def test_a_tap_that_cannot_be_answered_does_not_hold_back_the_message(
    api: Api, box: BotApi, ann: Phone, fault: Fault
) -> None:
    fault.method, fault.times = "answerCallbackQuery", 1
    fault.seconds = 0.1
    box.faults = [fault]
    assert await api.deliver(1001, {"text": "two", "answers": "12345"}) == ann.last.message_id
    assert await api.deliver(1001, {"text": "three", "answers": "too old"}) == ann.last.message_id


async def test_the_voice_note_of_an_athlete_is_copied_below_the_text(api: Api, box: BotApi, ann: Phone) -> None:
    kim = Phone(box, 2001, "Kim")
    kim.starts()
    ann.sends_voice()
    note = ann.screen()[-1].message_id
    attach = {"from_chat": 1001, "message_id": note}
    sent = await api.deliver(2001, {"text": "Ann sent this", "attach": attach, "protect": True})
    copy = next(entry for entry in box.ledger if entry.method == "copyMessage")
    assert (copy.chat_id, copy.reply_to) == (2001, sent)
    assert box.chats[2001].messages[copy.message_id or 0].protected


async def test_a_voice_note_that_is_gone_does_not_hold_back_the_text(api: Api, ann: Phone) -> None:
    assert await api.deliver(1001, {"text": "look", "attach": {"from_chat": 1001, "message_id": 9999}})
    assert ann.last.text == "look"


async def test_when_only_the_copy_fails_a_repeat_is_known_as_one(api: Api, box: BotApi, ann: Phone) -> None:
    box.faults = [Fault(429, method="copyMessage", seconds=7)]
    ann.says("hm")
    attach = {"from_chat": 1001, "message_id": ann.screen()[-1].message_id}
    error = await failure(api, {"text": "look", "attach": attach})
    assert (error.kind, error.retry_after, error.maybe_delivered) == ("flood", 7, True)


async def test_a_repeat_is_marked_as_one(api: Api, ann: Phone) -> None:
    payload = {"text": "Ann needs you", "repeat_prefix": "<b>Repeat K7Q2M</b>"}
    await api.deliver(1001, payload)
    assert ann.last.text == "Ann needs you"
    await api.deliver(1001, payload, repeat=True)
    assert ann.last.text == "Repeat K7Q2M\nAnn needs you"


async def test_a_location_is_asked_for_by_a_button_below_the_text_field_which_goes_away_again(
    api: Api, box: BotApi, ann: Phone
) -> None:
    payload = {"text": "Where?", "keyboard": "location", "location_label": "Share my place"}
    await api.deliver(1001, payload)
    ann.taps("Share my place")
    assert "[location" in ann.screen()[-1].text
    await api.deliver(1001, {"text": "Thank you", "keyboard": "remove"})
    assert box.chats[1001].keyboard is None


async def test_bare_text_leaves_in_as_many_pieces_as_it_takes(api: Api, ann: Phone) -> None:
    words = "pain " * 1500
    first = await api.deliver(1001, {"text": f"<x>{words}", "buttons": [[{"text": ""}]]}, bare=True)
    pieces = [bubble for bubble in ann.screen() if not bubble.mine]
    assert first == pieces[0].message_id
    assert sum(bubble.text.count("pain") for bubble in pieces) == 1500


# --- topics -------------------------------------------------------------------------------------------


@pytest.fixture
def forum(box: BotApi, ann: Phone) -> int:
    """A group with topics, which the bot administers."""
    chat_id = box.group_created(1001, "Squad", is_forum=True)
    box.bot_promoted(1001, chat_id)
    return chat_id


async def test_everything_of_a_payload_is_shown_in_its_topic(api: Api, box: BotApi, ann: Phone, forum: int) -> None:
    first, second = [await api.create_topic(forum, name) for name in ("Ann", "Ben")]
    ann.sends_voice()
    attach = {"from_chat": 1001, "message_id": ann.screen()[-1].message_id}
    sent = await api.deliver(forum, {"text": "Ann sent this", "attach": attach, "topic": first})
    await api.deliver(forum, {"text": "yours", "document": {"name": "a.json", "content": "{}"}, "topic": first})
    await api.deliver(forum, {"text": "<blink>a &lt; b</blink>", "topic": first})
    await api.deliver(forum, {"text": "long", "topic": first}, bare=True)
    await api.deliver(forum, {"text": "Ben", "topic": second})
    assert await api.deliver(forum, {"text": "Ann sent that"}, message_id=sent) == sent
    assert [bubble.text for bubble in ann.in_topic(forum, "Ann").screen()][1:] == [
        "Ann sent that",
        "[voice 5 s]",
        "[document a.json] yours",
        "a < b",
        "long",
    ]
    assert [bubble.text for bubble in ann.in_topic(forum, "Ben").screen()][1:] == ["Ben"]
    with pytest.raises(AssertionError, match="written nothing"):
        _ = ann.at(forum).last


async def test_a_topic_that_is_gone_or_closed_says_so(api: Api, box: BotApi, ann: Phone, forum: int) -> None:
    topic = box.topic_created(1001, forum, "Ann")
    box.bot_demoted(1001, forum)
    ann.at(forum, topic).closes_topic()
    error = await failure(api, {"text": CANARY, "topic": topic}, forum)
    assert (error.kind, error.permanent, error.maybe_delivered) == ("topic_closed", True, False)
    box.bot_promoted(1001, forum)
    ann.at(forum, topic).deletes_topic()
    for payload in ({"text": CANARY, "topic": topic}, {"text": CANARY, "topic": 1}):
        error = await failure(api, payload, forum)
        assert (error.kind, error.permanent, error.maybe_delivered) == ("thread_gone", True, False)
    box.bot_silenced(1001, forum)
    assert (await failure(api, chat_id=forum)).kind == "no_rights"
    box.bot_removed(1001, forum)
    assert (await failure(api, chat_id=forum)).kind == "not_in_group"


@pytest.mark.parametrize("payload", [{}, {"document": {"name": "a.json", "content": "{}"}}, {"bare": True}], ids=str)
async def test_what_lands_outside_of_its_topic_is_taken_back(
    api: Api, box: BotApi, ann: Phone, forum: int, payload: Json
) -> None:
    topic = await api.create_topic(forum, "Ann")
    box.topics_switched(1001, forum, on=False)
    bare = payload.pop("bare", False)
    error = await failure(api, {"text": CANARY, "topic": topic, **payload}, forum, bare=bare)
    assert (error.kind, error.permanent, error.maybe_delivered) == ("thread_gone", True, False)
    assert CANARY not in ann.at(forum).transcript()
    box.faults = [Fault("before", "deleteMessage")]
    error = await failure(api, {"text": CANARY, "topic": topic, **payload}, forum, bare=bare)
    assert (error.kind, error.maybe_delivered) == ("thread_gone", True), "it may still be there"
    box.ignores_stray_threads = False
    error = await failure(api, {"text": CANARY, "topic": topic, **payload}, forum, bare=bare)
    assert (error.kind, error.maybe_delivered) == ("thread_gone", False)


async def test_a_topic_is_made_renamed_closed_and_reopened_and_once_more_is_no_error(
    api: Api, box: BotApi, forum: int
) -> None:
    topic = await api.create_topic(forum, "Ann")
    for _ in range(2):
        await api.edit_topic(forum, topic, "Ann R.")
        await api.close_topic(forum, topic)
    assert (box.chats[forum].topics[topic].name, box.chats[forum].topics[topic].closed) == ("Ann R.", True)
    for _ in range(2):
        await api.reopen_topic(forum, topic)
    assert not box.chats[forum].topics[topic].closed


@pytest.mark.parametrize(
    ("before", "kind", "maybe"),
    [
        (lambda box, forum: box.bot_demoted(1001, forum), "no_rights", False),
        (lambda box, forum: box.topics_switched(1001, forum, on=False), "no_topics", False),
        (lambda box, forum: box.bot_removed(1001, forum), "not_in_group", False),
        (lambda box, forum: box.faults.append(Fault("after")), "network", True),
        (lambda box, forum: box.faults.append(Fault(200, body="truncated", accepted=True)), "server", True),
    ],
    ids=["member", "off", "kicked", "after", "truncated"],
)
async def test_a_topic_that_cannot_be_made_says_why(
    api: Api, box: BotApi, forum: int, before: Callable[[BotApi, int], None], kind: str, maybe: bool
) -> None:
    before(box, forum)
    with pytest.raises(SendError) as caught:
        await api.create_topic(forum, "Ann")
    assert (caught.value.kind, caught.value.maybe_delivered) == (kind, maybe)


async def test_to_change_a_topic_may_be_repeated_and_one_that_is_gone_is_known_as_gone(
    api: Api, box: BotApi, ann: Phone, forum: int
) -> None:
    topic = await api.create_topic(forum, "Ann")
    box.faults = [Fault("after", "closeForumTopic")]
    with pytest.raises(SendError) as caught:
        await api.close_topic(forum, topic)
    assert (caught.value.kind, caught.value.maybe_delivered) == ("network", False)
    await api.close_topic(forum, topic)
    ann.at(forum, topic).deletes_topic()
    for change in (api.edit_topic(forum, topic, "x"), api.close_topic(forum, topic), api.reopen_topic(forum, topic)):
        with pytest.raises(SendError) as caught:
            await change
        assert (caught.value.kind, caught.value.permanent) == ("thread_gone", True)


async def test_a_small_group_that_became_a_forum_says_where_it_is(api: Api, box: BotApi, ann: Phone) -> None:
    small = box.group_created(1001, "Squad")
    box.bot_promoted(1001, small)
    forum = box.topics_switched(1001, small)
    with pytest.raises(SendError) as caught:
        await api.create_topic(small, "Ann")
    assert (caught.value.kind, caught.value.migrate_to) == ("migrated", forum)
    assert await api.create_topic(forum, "Ann")


async def test_what_is_written_in_a_topic_arrives_as_it_was_meant(
    api: Api, box: BotApi, ann: Phone, forum: int
) -> None:
    topic = await api.create_topic(forum, "Ann")
    sent = await api.deliver(forum, {"text": "my shin", "topic": topic})
    box.updates.pending.clear()
    here = ann.in_topic(forum, "Ann")
    here.says("rest")
    here.says("since when?", reply_to="shin")
    here.sends_voice()
    here.edits("rest", "rest, please")
    here.closes_topic()
    ann.at(forum).says("/help")
    box.bot_demoted(1001, forum)
    box.bot_removed(1001, forum)
    came = [to_event(raw) for raw in await api.get_updates(None, 0)]
    assert {sender for sender, _ in came} == {events.Sender(forum, 1001, "Ann", "en", private=False)}
    rest, when, voice, help_ = (bubble.message_id for bubble in [*here.screen()[2:5], ann.at(forum).screen()[-1]])
    file = box.chats[forum].messages[voice].content["voice"]["file_id"]
    assert [event for _, event in came] == [
        events.Grouped("said", topic, events.Said("rest", rest)),
        events.Grouped("said", topic, events.Said("since when?", when, sent)),
        events.Grouped("said", topic, events.Sent("voice", voice, file)),
        events.Grouped("edited", topic, events.Edited("rest, please", rest)),
        events.Grouped("closed", topic),
        events.Grouped("command", None, events.Said("/help", help_)),
        events.Grouped("rights"),
        events.Grouped("removed"),
    ]


# --- failing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "permanent", "maybe"),
    [
        (Fault("before"), "network", False, True),  # written and reset: nobody can tell
        (Fault("after"), "network", False, True),
        (Fault("hang"), "timeout", False, True),
        (Fault("hang_after"), "timeout", False, True),
        (Fault(500), "server", False, True),
        (Fault(502, body="html"), "server", False, True),
        (Fault(504, body="empty"), "server", False, True),
        (Fault(503, body="truncated"), "server", False, True),
        (Fault(200, body="html", accepted=True), "server", False, True),
        (Fault(200, body="empty", accepted=True), "server", False, True),
        (Fault(200, body="truncated", accepted=True), "server", False, True),
        (Fault(401), "unauthorized", False, False),
        (Fault(404), "unauthorized", False, False),
        (Fault(409), "two_polls", False, False),
        (Fault(409, description=WEBHOOK_ACTIVE), "conflict", False, False),
        (Fault(403), "blocked", True, False),
        (Fault(400, description="Bad Request: chat not found"), "chat_not_found", True, False),
        (Fault(400, description="Bad Request: PEER_ID_INVALID"), "chat_not_found", True, False),
        (Fault(403, description="Forbidden: bot was kicked from the supergroup chat"), "not_in_group", True, False),
        (Fault(403, description="Forbidden: bot is not a member of the group chat"), "not_in_group", True, False),
        (Fault(403, description="Forbidden: the group chat was deleted"), "not_in_group", True, False),
        (Fault(400, description="Bad Request: message thread not found"), "thread_gone", True, False),
        (Fault(400, description="Bad Request: TOPIC_DELETED"), "thread_gone", True, False),
        (Fault(400, description="Bad Request: TOPIC_CLOSED"), "topic_closed", True, False),
        (Fault(400, description="Bad Request: the chat is not a forum"), "no_topics", True, False),
        (Fault(400, description="Bad Request: not enough rights to create a topic"), "no_rights", True, False),
        (Fault(400, description="Bad Request: CHAT_WRITE_FORBIDDEN"), "no_rights", True, False),
        (Fault(400, description="Bad Request: something new"), "bad_request", True, False),
        (Fault(400, description=f"Bad Request: can't parse entities: {CANARY}", times=2), "bad_markup", True, False),
    ],
    ids=lambda value: f"{value.kind} {value.body} {value.description or ''}" if isinstance(value, Fault) else None,
)
async def test_each_failure_carries_its_decision(
    api: Api, box: BotApi, ann: Phone, fault: Fault, kind: str, permanent: bool, maybe: bool
) -> None:
    box.faults = [fault]
    error = await failure(api)
    assert (error.kind, error.permanent, error.maybe_delivered) == (kind, permanent, maybe)
    assert CANARY not in repr(error) and TOKEN not in repr(error)


@pytest.mark.parametrize(
    ("parameters", "seconds"),
    [
        ({"retry_after": 1}, 1),
        ({"retry_after": 3600}, 3600),
        ({"retry_after": 1.5}, 1.5),
        ({"retry_after": "7"}, 7),
        ({"retry_after": -3}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": 1e999}, None),
        ({}, None),
        (None, None),
    ],
)
async def test_a_429_says_how_long_to_wait_or_that_it_does_not_say(
    parameters: Json | None, seconds: float | None
) -> None:
    body = json.dumps({"ok": False, "error_code": 429, "description": "Too Many", "parameters": parameters})
    async with answering(429, body.encode()) as api:
        error = await failure(api)
    assert (error.kind, error.permanent, error.retry_after) == ("flood", False, seconds)


async def test_a_group_that_moved_says_where_to(api: Api, box: BotApi, ann: Phone) -> None:
    group = box.group_created(1001, "Squad")
    new = box.group_migrates(1001, group)
    error = await failure(api, chat_id=group)
    assert (error.kind, error.permanent, error.migrate_to) == ("migrated", False, new)


async def test_nobody_there_means_never_sent() -> None:
    async with Wire() as wire:
        for base in ("http://127.0.0.1:1", "http://no-such-host.invalid", "nonsense"):
            error = await failure(Api(TOKEN, base, wire))
            assert (error.kind, error.permanent, error.maybe_delivered) == ("network", False, False)


async def test_tls_that_fails_means_never_sent(api: Api, box: BotApi) -> None:
    async with serve(box) as url, Wire() as wire:
        error = await failure(Api(TOKEN, url.replace("http:", "https:"), wire))
    assert (error.kind, error.maybe_delivered) == ("network", False)


async def test_a_full_pool_means_never_sent(box: BotApi, ann: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.telegram.CONNECT_S", 0.05)
    box.faults = [Fault("hang", times=1)]
    async with serve(box) as url, Wire(connections=1, read_s=0.4) as wire:
        hanging = asyncio.create_task(failure(Api(TOKEN, url, wire)))
        await asyncio.sleep(0.05)
        error = await failure(Api(TOKEN, url, wire))
        assert (error.kind, error.maybe_delivered) == ("network", False)
        assert (await hanging).maybe_delivered


async def test_a_kept_connection_that_the_server_closes_while_we_write_may_have_delivered() -> None:
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the first request and keep the connection; take the second one and hang up."""
        nonlocal served
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            served += 1
            if served == 1:
                body = b'{"ok": true, "result": {"message_id": 1}}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                await writer.drain()

    async with answers(once) as api:
        assert await api.deliver(1, {"text": "one"}) == 1
        error = await failure(api)
    assert (error.kind, error.maybe_delivered) == ("network", True)
    assert served == 2  # and it was not repeated behind our back


async def test_an_answer_that_drips_for_ever_is_given_up() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with answers(drip, read_s=0.1, connect_s=0.1) as api:
        error = await failure(api)
    assert (error.kind, error.maybe_delivered) == ("timeout", True)


async def test_the_update_of_a_failed_edit_may_always_be_repeated(api: Api, box: BotApi, ann: Phone) -> None:
    first = await api.deliver(1001, {"text": "one"})
    box.faults = [Fault("after", method="editMessageText")]
    error = await failure(api, {"text": "two", "edit": True}, message_id=first)
    assert not error.maybe_delivered


# --- receiving ----------------------------------------------------------------------------------------


async def test_updates_come_raw_and_a_bad_one_does_not_hide_its_neighbours(api: Api, box: BotApi, ann: Phone) -> None:
    ann.says("one")
    box.raw_update({"message": "poison"})
    ann.says("two")
    raws = await api.get_updates(None, 0)
    assert len(raws) == 3
    assert [event.text for raw in raws if isinstance(event := _try(raw), events.Said)] == ["one", "two"]
    assert await api.get_updates(raws[-1]["update_id"] + 1, 0) == []


async def test_a_webhook_is_set_and_deleted_without_dropping_what_is_pending(api: Api, box: BotApi, ann: Phone) -> None:
    ann.says("in the night")
    await api.set_webhook("https://127.0.0.1:1/telegram", "secret")
    assert (await api.webhook_info())["url"] == "https://127.0.0.1:1/telegram"
    await api.delete_webhook()
    assert len(await api.get_updates(None, 0)) == 1


async def test_the_bot_knows_itself_and_its_commands(api: Api, box: BotApi) -> None:
    await api.set_commands([("coach", "Call my coach")])
    assert (await api.get_me())["username"] == "aid_station_sandbox_bot"
    assert [command["command"] for command in next(iter(box.about["commands"].values()))] == ["coach"]


def _try(raw: Json) -> events.Event | None:
    try:
        return to_event(raw)[1]
    except Unreadable:
        return None


# --- saying nothing -----------------------------------------------------------------------------------


# --- files --------------------------------------------------------------------------------------------


async def fetching(api: Api, file_id: str, limit: int = DOWNLOAD_LIMIT) -> SendError:
    with pytest.raises(SendError) as caught:
        await api.download(await api.get_file(file_id, limit), limit)
    assert TOKEN.split(":")[1] not in repr(caught.value) and caught.value.__cause__ is None
    return caught.value


async def test_what_somebody_has_sent_is_fetched_byte_for_byte(api: Api, box: BotApi, ann: Phone) -> None:
    content = bytes(range(256)) * 40_000
    file = box.add_file("voice", ".oga", content)
    path = await api.get_file(file.id)
    assert path == file.path
    assert await api.download(path) == content


@pytest.mark.parametrize(
    ("fault", "kind", "permanent", "pause"),
    [
        (Fault(400, "getFile", description="Bad Request: file is too big"), "too_big", True, None),
        (Fault(400, "getFile", description="Bad Request: wrong file_id or the file is temporarily unavailable"),
         "file_gone", False, None),
        (Fault(401, "getFile"), "unauthorized", False, None),
        (Fault(429, "getFile", seconds=7), "flood", False, 7),
        (Fault(500, "getFile"), "server", False, None),
        (Fault("before", "getFile"), "network", False, None),
        (Fault(404, "download"), "file_gone", False, None),
        (Fault(401, "download"), "unauthorized", False, None),
        (Fault(429, "download", seconds=7), "flood", False, 7),
        (Fault(502, "download", body="html"), "server", False, None),
        (Fault(302, "download"), "server", False, None),
        (Fault("before", "download", times=2), "network", False, None),  # aiohttp repeats what only asks, once
        (Fault("hang", "download"), "timeout", False, None),
    ],
    ids=lambda value: f"{value.method} {value.kind}" if isinstance(value, Fault) else None,
)  # fmt: skip
async def test_a_file_that_cannot_be_fetched_says_whether_it_ever_can(
    api: Api,
    box: BotApi,
    fault: Fault,
    kind: str,
    permanent: bool,
    pause: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.telegram.DOWNLOAD_S", 0.5)
    file = box.add_file("voice", ".oga", b"OggS")
    box.faults = [fault]
    error = await fetching(api, file.id)
    assert (error.kind, error.permanent, error.retry_after, error.maybe_delivered) == (kind, permanent, pause, False)


async def test_a_file_larger_than_the_limit_is_not_read_to_its_end(api: Api, box: BotApi) -> None:
    huge = box.add_file("voice", ".oga", b"x", size=DOWNLOAD_LIMIT + 1)
    assert (await fetching(api, huge.id)).kind == "too_big"
    said = box.add_file("voice", ".oga", b"x" * 101)
    error = await fetching(api, said.id, 100)
    assert (error.kind, error.permanent, box.calls["download"]) == ("too_big", True, 0)
    lies = box.add_file("voice", ".oga", b"x" * (8 << 20), size=100)
    error = await fetching(api, lies.id, 100)
    assert (error.kind, error.permanent, box.calls["download"]) == ("too_big", True, 1)
    exact = box.add_file("voice", ".oga", b"x" * 100)
    assert await api.download(await api.get_file(exact.id, 100), 100) == b"x" * 100


@pytest.mark.parametrize("path", ["/var/lib/telegram/voice/f.oga", "a?b", "a#b", "http://x/y", "", None, 7])
async def test_a_path_that_is_none_below_the_server_is_not_asked_for(path: Json) -> None:
    async with answering(200, json.dumps({"ok": True, "result": {"file_id": "F", "file_path": path}}).encode()) as api:
        with pytest.raises(SendError) as caught:
            await api.get_file("F")
    assert (caught.value.kind, caught.value.permanent) == ("server", False)


async def test_half_a_file_is_none() -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()

    async with answers(half) as api:
        with pytest.raises(SendError) as caught:
            await api.download("voice/f.oga")
    assert caught.value.kind == "network"


async def test_neither_the_token_nor_anybodys_words_are_logged_at_any_level(
    api: Api, box: BotApi, ann: Phone, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ann.says(CANARY)
    raws = await api.get_updates(None, 0)
    to_event(raws[0])
    box.raw_update({"message": CANARY})
    for raw in await api.get_updates(None, 0):
        _try(raw)
    await api.deliver(1001, {"text": CANARY, "answers": "1"})
    for fault in (Fault(500), Fault("hang"), Fault("after"), Fault(200, body="truncated", accepted=True), Fault(401)):
        box.faults = [fault]
        try:
            await api.deliver(1001, {"text": f"<b>{CANARY}"})
        except SendError:
            logging.getLogger().exception("as badly as one can log it")
    for status in (200, 400):
        async with answering(status, f"<html>{TOKEN} {CANARY}".encode()) as broken:
            try:
                await broken.get_updates(None, 0)
            except SendError:
                logging.getLogger().exception("as badly as one can log it")
    file = box.add_file("voice", ".oga", CANARY.encode())
    path = await api.get_file(file.id)
    box.faults = []
    assert await api.download(path) == CANARY.encode()
    for fault in (Fault(500, "download"), Fault("before", "download", times=2), Fault(404, "download")):
        box.faults = [fault]
        try:
            await api.download(path)
        except SendError:
            logging.getLogger().exception("as badly as one can log it")
    async with Wire() as wire:
        for calling in (Api(TOKEN, "http://127.0.0.1:1", wire).get_me, partial(api.download, "no such")):
            try:
                await calling()
            except SendError:
                logging.getLogger().exception("as badly as one can log it")
    assert file.path not in caplog.text
    assert len(caplog.records) >= 5
    assert CANARY not in caplog.text
    assert TOKEN.split(":")[1] not in caplog.text


# --- servers that behave like no Bot API --------------------------------------------------------------


@asynccontextmanager
async def answers(serve_one: Any, *, read_s: float = 1.0, connect_s: float = 5.0) -> AsyncIterator[Api]:
    """An Api in front of a raw TCP server; `serve_one` has a connection, which is closed when it returns."""
    calls: set[asyncio.Task[None]] = set()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve_one(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(call, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bot.telegram.CONNECT_S", connect_s)
        async with server, Wire(read_s=read_s) as wire:
            yield Api(TOKEN, f"http://127.0.0.1:{port}", wire)
    for task in calls:
        task.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


@asynccontextmanager
async def answering(status: int, body: bytes) -> AsyncIterator[Api]:
    """An Api in front of a server that says the same to everything."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()

    async with answers(one) as api:
        yield api
