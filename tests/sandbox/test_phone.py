"""The phone in a person's hand: what it does, what it sees, and how it complains."""

from __future__ import annotations

import pytest

from bot.sandbox.botapi import BotApi
from bot.sandbox.people import split
from bot.sandbox.phone import Phone
from tests.sandbox.wire import Wire


def buttons(*labels: str) -> dict[str, object]:
    return {"inline_keyboard": [[{"text": label, "callback_data": label.lower()} for label in labels]]}


async def test_sees_looks_at_what_is_new_and_in_order(wire: Wire, ann: Phone) -> None:
    for text in ("one", "two", "three"):
        await wire.ok("sendMessage", chat_id=ann.user_id, text=text)
    assert ann.sees("two").text == "two"
    with pytest.raises(AssertionError, match="does not see 'one'"):
        ann.sees("one")
    with pytest.raises(AssertionError, match="sees more than expected"):
        ann.sees_nothing_more()
    assert [bubble.text for bubble in ann.new()] == ["three"]
    ann.sees_nothing_more()
    assert ann.last.text == "three"


async def test_an_edited_bubble_is_new_again_but_stays_in_its_place(wire: Wire, ann: Phone) -> None:
    first = await wire.ok("sendMessage", chat_id=ann.user_id, text="one")
    await wire.ok("sendMessage", chat_id=ann.user_id, text="two")
    ann.new()
    await wire.ok("editMessageText", chat_id=ann.user_id, message_id=first["message_id"], text="uno")
    assert ann.sees("uno").edited
    assert [bubble.text for bubble in ann.screen() if not bubble.mine] == ["uno", "two"]


async def test_taps_takes_the_newest_button_and_taps_old_an_older_one(wire: Wire, api: BotApi, ann: Phone) -> None:
    for turn in ("1", "2"):
        await wire.ok("sendMessage", chat_id=ann.user_id, text=turn, reply_markup=buttons(f"As usual {turn}", "More"))
    ann.taps("as usual")
    ann.taps_old("as usual")
    ann.taps_data(ann.last.message_id, "invented")
    data = [update["callback_query"]["data"] for update in await wire.ok("getUpdates")]
    assert data == ["as usual 2", "as usual 1", "invented"]
    with pytest.raises(AssertionError, match=r"sees no button 'Skip'\nbuttons in sight: \['As usual 1', 'More'"):
        ann.taps("Skip")
    with pytest.raises(AssertionError, match="no old button"):
        ann.taps_old("as usual 2")


async def test_a_tap_on_a_deleted_message_brings_an_inaccessible_one(wire: Wire, ann: Phone) -> None:
    sent = await wire.ok("sendMessage", chat_id=ann.user_id, text="x", reply_markup=buttons("Yes"))
    await wire.ok("deleteMessage", chat_id=ann.user_id, message_id=sent["message_id"])
    ann.taps_data(sent["message_id"], "yes")
    (update,) = await wire.ok("getUpdates")
    assert update["callback_query"]["message"]["date"] == 0


async def test_the_transcript_reads_like_a_chat(wire: Wire, ann: Phone) -> None:
    sent = await wire.ok(
        "sendMessage", chat_id=ann.user_id, text="How do you feel?", reply_markup=buttons("Fine", "So so")
    )
    ann.says("my knee")
    ann.sends_voice(7)
    await wire.ok("editMessageText", chat_id=ann.user_id, message_id=sent["message_id"], text="Noted: fine")
    assert ann.transcript() == (
        "--- Ann's phone ---\n"
        "                Mon 06:00 Ann\n                /start\n\n"
        "  * Mon 06:00 Aid Station (edited)\n  Noted: fine\n\n"
        "                Mon 06:00 Ann\n                my knee\n\n"
        "                Mon 06:00 Ann\n                [voice 7 s]\n"
    )


def test_a_long_text_leaves_the_phone_in_pieces_of_4096_units(api: BotApi, ann: Phone) -> None:
    ann.says("a" * 4096)
    assert len(api.updates.pending) == 1
    ann.says("😀" * 2048 + "b")
    assert [bubble.text for bubble in ann.screen()][-2:] == ["😀" * 2048, "b"]
    assert split("a" + "😀" * 2048) == ["a" + "😀" * 2047, "😀"]


def test_only_own_bubbles_can_be_edited_and_nothing_empty_be_said(api: BotApi, ann: Phone) -> None:
    with pytest.raises(AssertionError, match="no bubble with 'hello'"):
        ann.edits("hello", "x")
    with pytest.raises(ValueError, match="empty message"):
        ann.says(" ")


async def test_will_see_fails_with_the_whole_screen(api: BotApi, ann: Phone) -> None:
    with pytest.raises(AssertionError, match="Ann's phone"):
        await ann.will_see("never", within=0.01)
