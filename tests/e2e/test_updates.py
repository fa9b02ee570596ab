"""What comes in: repeated, reordered, unreadable, and everything a phone can send that is no text."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from bot import handle
from dialogs import turn
from dialogs.events import Due, Event, Said
from dialogs.model import Outcome, Snapshot
from storage import inbox, schema
from tests.world import Someone, World


def _words(world: World, someone: Someone) -> list[str | None]:
    return [one.words for one in world.journal(someone) if one.kind in ("words", "typed")]


async def test_an_update_that_comes_fifty_times_in_any_order_has_one_effect(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    dice = random.Random(7)
    ann.phone.says("chest pain on the stairs")
    ann.phone.says("it is easing off")
    ann.phone.says("/checkin")
    bodies = [copy.deepcopy(pending.body) for pending in world.api.updates.pending]
    for _ in range(49):
        dice.shuffle(bodies)
        for body in bodies:
            world.api.raw_update(copy.deepcopy(body), lane=ann.chat_id)
    await world.settle()
    for body in bodies:  # and again, long after it was confirmed
        world.api.raw_update(copy.deepcopy(body), lane=ann.chat_id)
    await world.settle()
    assert sorted(map(str, _words(world, ann))) == ["chest pain on the stairs", "it is easing off"]
    assert len(world.rows(schema.inbox, who=str(ann.chat_id))) == 4, "with the /resume of moving in"
    assert len(kim.got("Ann · NOW")) == 1
    assert len(ann.got("How did you sleep?")) == 1
    await kim.taps("I have it")


async def test_what_could_not_be_stored_was_not_confirmed_and_comes_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    real, failures = inbox.accept, 2

    def full_disk(tx: sa.Connection, rows: Sequence[inbox.Incoming], now: datetime) -> int:
        nonlocal failures
        added = real(tx, rows, now)
        if failures:
            failures -= 1
            raise sa.exc.OperationalError("INSERT", None, Exception("disk I/O error"))
        return added

    monkeypatch.setattr(inbox, "accept", full_disk)
    ann.phone.says("chest pain")
    for _ in range(2):
        with pytest.raises(sa.exc.OperationalError):
            await world.app.receive_once()
    await world.crash_and_restart()
    assert len(kim.got("Ann · NOW")) == 1
    await kim.taps("I have it")


async def test_the_same_update_id_with_another_content_is_kept_too(world: World) -> None:
    """Telegram may number anew after a week without updates; then an old number is a new message."""
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    ann.phone.says("my shins are fine again")
    body = copy.deepcopy(world.api.updates.pending[0].body)
    await world.settle()
    body["message"]["text"] = "but my heart races, chest pain"
    body["message"]["message_id"] += 50
    world.api.raw_update(body, lane=ann.chat_id)
    await world.settle()
    kim.sees("but my heart races")
    assert "my shins are fine again" in _words(world, ann)
    await kim.taps("I have it")


def _poison(someone: Someone, text: str) -> dict[str, Any]:
    """A message whose date no program can read."""
    person = {"id": someone.chat_id, "is_bot": False, "first_name": someone.name}
    chat = {"id": someone.chat_id, "type": "private", "first_name": someone.name}
    return {"message": {"message_id": 9000, "date": "yesterday", "from": person, "chat": chat, "text": text}}


async def test_an_unreadable_update_reaches_the_coach_as_it_is_and_its_neighbours_never_notice(world: World) -> None:
    kim = await world.coach("Kim")
    ann, ben = await world.athlete("Ann", kim), await world.athlete("Ben", kim)
    world.announce("handle.failed error=Unreadable")
    world.expect("inbox dead")
    ann.phone.says("first, a good one")
    world.api.raw_update(_poison(ann, "this one is poison"), lane=ann.chat_id)
    ann.phone.says("third, a good one")
    ben.phone.says("/checkin")
    await world.settle()
    assert _words(world, ann)[0] == "first, a good one" and "third, a good one" in _words(world, ann)
    ben.sees("How did you sleep?")
    await world.fast_forward_to("07:00")
    kim.sees("this one is poison")
    assert len(world.rows(schema.inbox, status="dead")) == 1


async def test_poison_that_names_nobody_reaches_the_head_coach(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.announce("handle.failed error=Unreadable")
    world.expect("inbox dead")
    world.api.raw_update({"message": {"something": "a poisoned nobody"}})
    world.api.raw_update({})
    ann.phone.says("/checkin")
    await world.settle()
    kim.sees("a poisoned nobody")
    ann.sees("How did you sleep?")


async def test_a_turn_that_always_fails_reaches_the_coach_and_blocks_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await world.coach("Kim")
    ann, ben = await world.athlete("Ann", kim), await world.athlete("Ben", kim)

    def failing(known: Snapshot, event: Event) -> Outcome:
        if isinstance(event, Said) and "kaboom" in event.text:
            raise LookupError(event.text)
        return turn.take_turn(known, event)

    monkeypatch.setattr(handle, "take_turn", failing)
    world.announce("handle.failed error=LookupError")
    world.expect("inbox dead")
    ann.phone.says("kaboom, and my tooth hurts")
    ann.phone.says("/checkin")
    ben.phone.says("/checkin")
    await world.settle()
    ben.sees("How did you sleep?")
    ann.sees("How did you sleep?")
    assert "kaboom" not in "".join(record.getMessage() for record in world.errors)
    await world.fast_forward_to("07:00")
    kim.sees("kaboom, and my tooth hurts")


async def test_a_wakeup_that_always_fails_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await world.coach("Kim")
    ann, ben = world.squad(kim, [{}, {}])

    def failing(known: Snapshot, event: Event) -> Outcome:
        if known.person is not None and known.person.name == ann.name and type(event).__name__ == "Due":
            raise LookupError
        return turn.take_turn(known, event)

    monkeypatch.setattr(handle, "take_turn", failing)
    world.announce("handle.failed error=LookupError")
    world.expect("due dead")
    await world.fast_forward_to("07:10")
    assert len(ben.got("How did you sleep?")) == 1
    await world.fast_forward_to("07:00")
    assert len(ben.got("How did you sleep?")) == 2
    assert kim.got("checkin:"), "a human hears that something of Ann's did not work"


async def test_both_versions_of_an_edited_message_are_kept_and_the_new_one_is_read(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("all good today")
    kim.sees_nothing_more()
    await ann.edits("all good today", "all good today, but chest pain at night, now too")
    kim.sees("chest pain at night")
    ann.sees("Stop now")
    assert _words(world, ann)[0] == "all good today"
    await ann.edits("chest pain", "never mind, all good")
    await world.fast_forward(minutes=10)
    kim.sees("Still nobody has it")  # an edit may raise, never lower
    await kim.taps("I have it")
    await kim.says("/help")
    await kim.edits("/help", "hello Ann")
    kim.sees("Your edit was not sent on")


async def test_what_cannot_be_screened_is_copied_to_the_coach(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.sends("voice", seconds=7)
    assert "Is it urgent?" in ann.sees("I can neither hear nor see what is in it").text
    kim.sees("Ann sends this")
    assert [one.text for one in kim.phone.screen() if "[voice 7 s]" in one.text], kim.phone.transcript()
    await ann.sends("photo", caption="this toe, chest pain since this morning")
    ann.sees("Stop now")
    kim.sees("this toe")
    assert [one for one in kim.phone.screen() if "[photo]" in one.text]
    await kim.taps("I have it")
    await ann.sends("sticker")
    ann.sees("👍")
    await ann.sends("contact", phone_number="+44")
    await ann.sends("document", file_name="plan.pdf")
    await ann.sends("location", latitude=51.5, longitude=-0.1)
    ann.sees("/zone")
    await ann.sends("forward", text="look what Ben wrote: chest pain")
    ann.sees("These are somebody else’s words")
    await ann.taps("Yes")
    chest, unread = world.escalations()
    assert chest.open and len(chest.past) == 1, "Kim has it, and this is new"
    assert unread.open
    await kim.taps("I have it")


async def test_a_block_is_a_finding_and_an_unblock_goes_on(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.blocks()
    await world.fast_forward_to("07:00")
    kim.sees("has blocked the bot")
    assert not ann.got("How did you sleep?")
    await ann.unblocks()
    await ann.says("hello again")
    ann.looks()
    await world.fast_forward_to("07:00")
    ann.sees("How did you sleep?")


async def test_a_block_right_after_chest_pain_cancels_nothing(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    ann.phone.says("chest pain")
    ann.phone.blocks()
    world.expect("outbox dead")
    await world.settle()
    kim.sees("Ann · NOW")
    await world.fast_forward(minutes=10)
    kim.sees("Still nobody has it")
    await kim.taps("I have it")


async def test_a_group_hears_one_line_and_nothing_about_anybody(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    group = world.api.group_created(ann.chat_id, "Runners", members=(kim.chat_id,))
    await world.settle()
    world.api.user_says(ann.chat_id, "/coach chest pain", chat_id=group)
    await world.settle()
    world.api.user_says(ann.chat_id, "chest pain", chat_id=group)
    await world.settle()
    said = [one.text for one in world.ledger if one.chat_id == group]
    assert said and all("I only talk in private" in text for text in said)
    kim.sees_nothing_more()
    new = world.api.group_migrates(ann.chat_id, group)
    await world.settle()
    await world.fast_forward(minutes=2)
    world.api.user_says(ann.chat_id, "/help", chat_id=new)
    await world.settle()
    assert [one for one in world.ledger if one.chat_id == new]
    assert not world.escalations()


async def test_a_group_that_moves_while_a_line_is_on_its_way_gets_it_once_at_its_new_address(world: World) -> None:
    kim = await world.coach("Kim")
    group = world.api.group_created(kim.chat_id, "Coaches")
    while await world.app.receive_once():
        pass
    while await world.app.handle_once():
        pass
    new = world.api.group_migrates(kim.chat_id, group)
    await world.settle()
    assert len([one for one in world.ledger if one.chat_id in (group, new)]) == 1


async def test_kinds_that_we_do_not_know_are_answered(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    raw = _poison(ann, "x")["message"] | {"date": 1}
    del raw["text"]
    world.api.raw_update({"message": raw | {"dice": {"emoji": "🎲", "value": 3}}}, lane=ann.chat_id)
    await world.settle()
    ann.sees("I cannot read this kind of message")


async def test_a_rung_that_fails_again_and_again_is_never_given_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("chest pain")
    kim.sees("NOW")
    broken = True

    def failing(known: Snapshot, event: Event) -> Outcome:
        if broken and isinstance(event, Due) and event.kind == "page":
            raise LookupError("a mistake of ours")
        return turn.take_turn(known, event)

    monkeypatch.setattr(handle, "take_turn", failing)
    world.announce("handle.failed error=LookupError")
    await world.fast_forward(hours=1)
    assert len(kim.got("Still nobody has it")) == 0
    broken = False
    await world.fast_forward(minutes=6)
    kim.sees("Still nobody has it")
