"""Weeks on the real service: once per person and local week, in their own words, whatever is killed on the way."""

from __future__ import annotations

import secrets
import struct
from datetime import UTC, date, datetime

import sqlalchemy as sa

from bot.handle import handle_one
from bot.metrics import Metrics
from storage import schema, weeks
from tests.world import Someone, World

SUNDAY = date(2027, 3, 7)  # the Sunday after the Monday on which a world begins
WORDS = "legs like lead after the night shift, but i went"


async def club(world: World, athletes: int = 2) -> tuple[Someone, list[Someone]]:
    kim = await world.coach("Kim", weekly=True)
    await kim.says("/weekday")
    await kim.taps("Sun", "17:00")
    everyone = []
    for number in range(athletes):
        someone = await world.athlete(f"Runner{number}", kim, weekly=True)
        await someone.says("/weekday")
        await someone.taps("Sun", "18:00")
        everyone.append(someone)
    for one in (kim, *everyone):
        one.looks()
    return kim, everyone


def pictures(someone: Someone) -> list[str]:
    return [one.text for one in someone.world.ledger if one.chat_id == someone.chat_id and one.method == "sendPhoto"]


async def test_a_week_is_lived_and_told_to_both_and_the_letter_leaves_with_a_tap(world: World) -> None:
    kim, (ann, ben) = await club(world)
    await world.fast_forward_to("07:00", day=date(2027, 3, 2))
    await ann.taps("All as usual")
    await ann.says(WORDS)
    await world.fast_forward_to("17:00", day=SUNDAY)
    assert kim.got("Your athletes’ week")
    cards = pictures(kim)
    assert len(cards) == 2 and any(f"“{WORDS}”" in card for card in cards)
    assert not ann.got("Your week"), "a draft goes nowhere by itself"
    await world.fast_forward_to("18:00", day=SUNDAY)
    assert len(pictures(ann)) == 1 and f"“{WORDS}”" in pictures(ann)[0]
    assert ben.got("It was quiet here this week.") and not pictures(ben)
    ann.looks()
    await ann.says("Tue no, Thu 45 min")
    ann.sees("Kept: Tue no, Thu 45 min.")
    before = len(ann.got("Kim:"))
    await kim.taps("Send")
    assert len(ann.got("Kim:")) + len(ben.got("Kim:")) == before + 1
    assert [row["status"] for row in world.rows(schema.due, kind="week") if row["day"] == SUNDAY] == ["done"] * 2


async def test_the_drawing_is_a_picture_of_this_athlete(world: World) -> None:
    _, (ann,) = await club(world, 1)
    await world.fast_forward_to("07:00", day=date(2027, 3, 6))
    await ann.taps("4", "4", "4", "4", "4")
    await world.fast_forward_to("18:00", day=SUNDAY)
    sent = [file.content for file in world.api.files.values() if file.content.startswith(b"\x89PNG")]
    sizes = [struct.unpack(">II", png[16:24]) for png in sent]
    assert sizes and all(wide == 900 and high > 500 for wide, high in sizes)


async def test_a_run_that_is_killed_goes_on_and_sends_nothing_twice(world: World) -> None:
    kim, everyone = await club(world, 3)
    await world.fast_forward_to("07:00", day=date(2027, 3, 3))
    for one in everyone:
        await one.taps("All as usual")
    world.expect("outbox unknown")
    world.stage.clock.turn_to(world.next_time("17:00", day=SUNDAY))
    await world.crash_and_restart(before="send")
    world.stage.clock.turn_to(world.next_time("18:00", day=SUNDAY))
    await world.crash_and_restart(before="record")
    await world.crash_and_restart(before="handle")
    await world.crash_and_restart()
    assert len(kim.got("Your athletes’ week")) == 1 and len(pictures(kim)) == 3
    for one in everyone:
        assert len(pictures(one)) <= 1 and len(one.got("What does your week look like?")) <= 1
    keys = [row["key"] for row in world.rows(schema.due, kind="week")]
    assert len(keys) == len(set(keys)) == 6, "this week's and the next one's of each"


async def test_replicas_plan_and_tell_a_week_once(world: World) -> None:
    kim, (ann, _) = await club(world)
    world.stage.clock.turn_to(world.next_time("17:00", day=SUNDAY))
    await world.replicas_handle()
    await world.settle()
    assert len(kim.got("Your athletes’ week")) == 1
    world.stage.clock.turn_to(world.next_time("18:00", day=SUNDAY))
    await world.replicas_handle()
    await world.settle()
    assert len(ann.got("It was quiet here this week.")) == 1


async def test_somebody_erased_on_saturday_night_is_in_no_week(world: World) -> None:
    kim, (ann, _) = await club(world)
    await world.fast_forward_to("07:00", day=date(2027, 3, 6))
    await ann.taps("All as usual")
    await ann.says(WORDS)
    await world.fast_forward_to("20:00", day=date(2027, 3, 6))
    ann.looks()
    await ann.says("/erase")
    await ann.taps("Erase everything")
    if any("wants everything" in bubble.text for bubble in kim.looks()):  # her words are open: a human looks first
        await kim.taps("Erase now")
    await world.fast_forward_to("18:30", day=SUNDAY)
    assert not [one for one in kim.got(WORDS) if one.at >= datetime(2027, 3, 7, 12, tzinfo=UTC)]
    assert not [text for text in pictures(kim) if text.startswith("Runner0")]
    assert not [one for one in ann.got("Your week") if one.at >= datetime(2027, 3, 7, 12, tzinfo=UTC)]


async def test_a_coachs_week_reads_as_often_for_twenty_as_for_two(world: World) -> None:
    await world.coach("Hal")  # the head coach, who reads once more: who is without a coach
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    world.squad(kim, [{}] * 2)
    world.squad(dana, [{}] * 20)
    await world.fast_forward_to("12:00", day=date(2027, 3, 2))  # who was not asked yet has no card
    few, many = await reads(kim), await reads(dana)
    assert many == few <= 40


async def reads(coach: Someone) -> int:
    """How many statements read, in the turn that makes this coach's week."""
    world, seen = coach.world, []

    def noted(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    coach.phone.says("/week")
    await world.app.receive_once()
    handle_one(world.app.base, world.now, lambda: secrets.token_hex(32), "bot", Metrics())
    sa.event.listen(world.app.base.engine, "before_cursor_execute", noted)
    try:
        handle_one(world.app.base, world.now, lambda: secrets.token_hex(32), "bot", Metrics())
    finally:
        sa.event.remove(world.app.base.engine, "before_cursor_execute", noted)
    await world.settle()
    assert coach.got("Your athletes’ week")
    return sum(one.lstrip().startswith("SELECT") for one in seen)


async def test_the_clubs_week_counts_reach_and_response(world: World) -> None:
    kim, (ann, _) = await club(world)
    await world.fast_forward_to("07:00", day=date(2027, 3, 2))
    await ann.taps("All as usual")
    await ann.says("i need my coach")
    await world.fast_forward(minutes=10)
    await kim.taps("I have it")
    await world.fast_forward_to("18:00", day=SUNDAY)
    page = kim.got("The club’s week")
    assert len(page) == 1 and "today: within 10 min (1 of 1)" in page[0].text
    assert "Runner1 (Kim)" in page[0].text and "Runner0 (Kim)" not in page[0].text
    figures = world.read(lambda tx: weeks.club(tx, world.now))
    assert figures["athletes"] == 2 and figures["answered"] == 1 and figures["asked"] >= 10
    assert [one["paged"] for one in figures["coaches"]] == [1]


def test_a_quantile_is_a_value_that_was_measured() -> None:
    assert weeks.quantile([1.0], 0.5) == 1.0
    assert weeks.quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert weeks.quantile([float(n) for n in range(1, 11)], 0.9) == 9.0
