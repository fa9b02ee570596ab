"""Telegram is not well: before and after it has accepted, silent, overloaded, confused. And the limits, with a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot import app as service
from bot import receive
from bot.sandbox.limits import Limits
from storage import schema
from tests.world import World

CHEST = "chest pain, can't breathe properly"
ASKED = "How did you sleep?"


@pytest.mark.parametrize("kind", ["after", "hang_after"])
async def test_a_check_in_whose_fate_is_unknown_is_not_repeated_a_page_is_and_says_so(world: World, kind: str) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.expect("outbox unknown")
    await world.fast_forward_to("06:50")
    world.fault(kind, chat_id=ann.chat_id, seconds=0.3)
    await world.fast_forward_to("07:10")
    assert len(ann.got(ASKED)) == 1
    world.fault(kind, chat_id=kim.chat_id, seconds=0.3)
    await ann.says(CHEST)
    pages = kim.got("Ann · NOW")
    short = world.escalations()[0].short
    assert [f"repeat of #{short}" in one.text for one in pages] == [False, True]
    await kim.taps("I have it")
    await world.fast_forward(hours=3)
    assert len(ann.got(ASKED)) == 1 and len(kim.got("Ann · NOW")) == 2


@pytest.mark.parametrize("kind", ["before", "hang"])
async def test_a_page_whose_call_broke_before_it_was_accepted_arrives(world: World, kind: str) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.fault(kind, None, chat_id=kim.chat_id, times=3, seconds=0.3)
    await ann.says(CHEST)
    (page,) = kim.got("Ann · NOW")
    assert page.at - world.escalations()[0].raised_at < timedelta(seconds=30)
    await kim.taps("I have it")


@pytest.mark.parametrize(("status", "body"), [(502, "html"), (500, "empty"), (504, "truncated"), (429, "json")])
async def test_a_page_gets_through_every_kind_of_bad_answer(world: World, status: int, body: str) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.fault(status, None, chat_id=kim.chat_id, times=3, body=body, seconds=3)
    await ann.says(CHEST)
    assert len(kim.got("Ann · NOW")) == 1
    await kim.taps("I have it")
    ann.sees("Kim has your words")


async def test_a_long_outage_of_all_sending_ends_with_everything_told_and_no_burst_of_pages(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    for method in ("sendMessage", "editMessageText"):
        world.fault("before", method, times=40)
    await ann.says(CHEST)
    await world.fast_forward(minutes=5)
    assert ann.got("Stop now") and kim.got("Ann · NOW")
    assert len(kim.got("Ann · NOW")) <= 3
    await kim.taps("I have it")


async def test_a_chat_that_is_told_to_wait_does_not_hold_up_the_page_of_another(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann, ben = await world.athlete("Ann", kim), await world.athlete("Ben", dana)
    world.fault(429, chat_id=ann.chat_id, seconds=60)
    ann.phone.says("/checkin")
    ben.phone.says(CHEST)
    began = world.now
    await world.settle()
    (page,) = dana.got("Ben · NOW")
    assert page.at - began < timedelta(seconds=2)
    (late,) = ann.got(ASKED)
    assert late.at - began >= timedelta(seconds=60)
    await dana.taps("I have it")


@pytest.mark.parametrize("times", [1, 2])
async def test_a_page_whose_markup_is_refused_arrives_as_plain_text(world: World, times: int) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    if times == 2:
        world.announce("send.refused")
    words = "Bad Request: can't parse entities: Unsupported start tag"
    world.fault(400, chat_id=kim.chat_id, times=times, description=words)
    await ann.says(CHEST)
    (page,) = kim.got("Ann · NOW")
    assert CHEST in page.text and "<b>" not in page.text
    await kim.says("i have it")
    ann.sees("Kim has your words")


async def test_a_token_that_is_refused_for_a_while_loses_nothing(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.fault(401, times=4)
    await ann.says(CHEST)
    assert len(kim.got("Ann · NOW")) == 1 and ann.got("Stop now")
    await kim.taps("I have it")


async def test_no_answer_to_a_poll_makes_the_bot_deaf(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(service, "BEAT_S", 0.05)
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    faults: list[int | str] = [401, 404, 409, 502, "before", "after"]
    squad = world.squad(kim, [{} for _ in faults])
    async with world.live():
        for fault, runner in zip(faults, squad, strict=True):
            world.fault(fault, "getUpdates", times=2, body="html" if fault == 502 else "json")
            runner.phone.says("/checkin")
            await runner.phone.will_see(ASKED)
        ann.phone.says(CHEST)
        await kim.phone.will_see("Ann · NOW")
        kim.phone.taps("I have it")
        await ann.phone.will_see("Kim has your words")
        await world.settle()


async def test_a_page_leaves_within_a_second_although_three_hundred_check_ins_are_due(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim, ask_at=world.now.time().replace(hour=20))
    squad = world.squad(kim, [{}] * 300)
    world.stage.clock.turn_to(world.next_time("07:00"))
    began = world.now
    world.api.limits = Limits(lambda: world.now.timestamp())
    while await world.app.handle_once():
        pass
    for _ in range(3):  # the first check-ins are leaving
        await world.app.send_once()
    assert 0 < sum(len(one.got(ASKED)) for one in squad) < 300
    ann.phone.says(CHEST)
    await world.settle()
    (page,) = kim.got("Ann · NOW")
    (told,) = ann.got("Stop now")
    assert page.at - began <= timedelta(seconds=1) and told.at - began <= timedelta(seconds=1)
    asked = [one.got(ASKED) for one in squad]
    assert [len(one) for one in asked] == [1] * 300
    last = max(one[0].at for one in asked)
    assert timedelta(seconds=5) < last - began < timedelta(seconds=20), "as fast as the limits allow"
    assert not world.rows(schema.outbox, error_class="flood"), "we never ran into Telegram's own limit"
    await kim.taps("I have it")


async def test_a_burst_of_messages_to_one_coach_arrives_whole_and_in_order(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says(CHEST)
    for number in range(12):
        ann.phone.says(f"and number {number}")
    await world.settle()
    added = [one.text for one in kim.got("and number")]
    assert [f"number {number}" in text for number, text in enumerate(added)] == [True] * 12
    await kim.taps("I have it")
