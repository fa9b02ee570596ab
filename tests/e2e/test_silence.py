"""Silence, a pain followed up, the week's questions and a race, on the real service and both databases."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa

from dialogs.model import Change, Lane, Outcome, Session, Snapshot
from storage import gauges, outcomes, schema
from tests.world import Someone, World

DAY = timedelta(days=1)


async def mornings(world: World, number: int) -> None:
    for _ in range(number):
        await world.fast_forward_to("07:00")


async def test_a_silence_is_one_kind_word_and_then_a_line_for_the_coach(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    await mornings(world, 1)
    await ann.taps("All as usual")
    await ann.says("off to a wedding in Leeds")
    ann.looks()
    await mornings(world, 2)
    assert not ann.got("so is a word")
    await mornings(world, 1)
    ann.sees("How did you sleep?")
    assert len(ann.got("so is a word")) == 1
    await world.fast_forward(hours=5)
    (one,) = world.escalations()
    assert (one.flag, one.words) == ("silent", "off to a wedding in Leeds")
    await mornings(world, 3)
    assert len(ann.got("so is a word")) == 1, "one for each silence"
    assert kim.got("has gone quiet") and kim.got("off to a wedding in Leeds")
    await ann.taps("All as usual")
    assert world.escalations()[0].flag == "silent_back" and ann.known.unheard == 0


async def test_killed_between_the_wakeup_and_its_message_the_kind_word_comes_once(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    await mornings(world, 2)
    world.stage.clock.turn_to(world.next_time("07:00"))
    await world.crash_and_restart(before="send")
    await world.fast_forward(hours=5)
    await world.crash_and_restart()
    assert len(ann.got("so is a word")) == 1
    assert [one.flag for one in world.escalations()] == ["silent"]


async def test_a_pain_is_followed_up_in_one_bubble_and_settles(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    await mornings(world, 1)
    await ann.taps("Something hurts", "Knee", "3", "No", "All as usual")
    await mornings(world, 1)
    ann.sees("First: knee, 3/10, you said yesterday. How is it now?")
    before = len(ann.phone.screen())
    await ann.taps("Settled", "All as usual")
    assert len(ann.phone.screen()) == before
    told = [one.value for one in world.journal(ann) if one.kind == "step" and one.name == "pain"]
    assert [one["level"] for one in told] == [3, 0]
    await mornings(world, 1)
    assert len(ann.got("How is it now?")) == 1


async def test_the_weeks_questions_continue_sundays_check_in(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0), consent_at=world.now - 20 * DAY)
    for _ in range(6):
        await mornings(world, 1)
        await ann.taps("All as usual")
    ann.sees("could you train as you wanted to")
    await ann.taps("Less than I wanted", "Clearly", "A little", "Clear")
    assert [one.flag for one in world.escalations()] == ["rule_health-substantial"]
    (kept,) = [one.value for one in world.journal(ann) if one.kind == "step" and one.name == "health"]
    assert kept == {"participation": 17, "training": 17, "performance": 8, "trouble": 17, "severity": 59}


def plan(world: World, ann: Someone, *sessions: Session, number: int = 1, removed: tuple[Session, ...] = ()) -> None:
    """It was laid by a coach."""
    with world.app.base.begin() as tx:
        me = ann.known
        change = Change(number, "coach", "import", world.now, removed, sessions)
        outcomes.save(tx, Snapshot(world.now, "", person=me), Outcome(person=me, changes=(change,)), (), "w", world.now)


async def test_a_race_is_lived_through_and_one_that_is_moved_is_looked_at_anew(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    first = world.now.date()
    race = Session("race", first + 2 * DAY, "race", km=60.0, minutes=540)
    plan(world, ann, race)
    await mornings(world, 1)
    await ann.taps("All as usual")
    ann.sees("Do you have a plan for the first hour")
    await ann.taps("I have a plan")
    moved = Session("race", first + 3 * DAY, "race", km=60.0, minutes=540)
    plan(world, ann, moved, number=2, removed=(race,))
    await mornings(world, 1)
    ann.sees("How did you sleep?")
    await ann.taps("All as usual")
    await mornings(world, 1)
    ann.sees("I ask nothing today.")
    assert not ann.known.unheard
    await mornings(world, 1)
    ann.sees("Your head?")
    await ann.taps("Fine", "Vomiting")
    ann.sees("No running until a person has spoken with you.")
    kim.sees("vomiting after an ultra")


async def test_an_athlete_erased_on_saturday_night_leaves_no_wakeup(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    plan(world, ann, Session("race", date(2027, 3, 7), "race"))
    for _ in range(5):
        await mornings(world, 1)
        await ann.taps("All as usual")
    assert [row for row in world.rows(schema.due, kind="race") if row["status"] == "open"]
    await world.fast_forward_to("22:30", day=date(2027, 3, 6))
    await ann.says("/erase")
    await ann.taps("Erase everything")
    assert not [row for row in world.rows(schema.due, kind="race") if row["status"] == "open"]
    await world.fast_forward(days=3)
    assert not ann.got("I ask nothing today.")


async def test_when_nobody_is_asked_the_operator_can_see_it(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    await mornings(world, 1)
    await world.fast_forward(hours=1)
    assert world.read(lambda tx: gauges.read(tx, world.now)).asked == gauges.Asked(1, 1)
    # A day of downtime: what was due is met too late, and is not sent.
    await world.crash_and_restart(down=timedelta(hours=27))
    assert world.read(lambda tx: gauges.read(tx, world.now)).asked == gauges.Asked(1, 0)
    assert ann.known.unheard == 1


@pytest.mark.parametrize("zone", ["Australia/Sydney", "America/Denver"])
async def test_two_missed_are_two_of_their_own_mornings(world: World, zone: str) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, zone=zone, ask_at=time(7, 0))
    for number in range(3):
        await world.fast_forward_to("07:00", zone=zone)
        assert bool(ann.got("so is a word")) == (number == 2)


async def test_questions_that_never_left_are_not_a_silence(world: World) -> None:
    kim = await world.coach("Kim", ask_at=time(6, 0))
    ann = await world.athlete("Ann", kim, ask_at=time(7, 0))
    await mornings(world, 2)
    with world.app.base.begin() as tx:  # Telegram was away on these mornings
        tx.execute(sa.update(schema.outbox).where(schema.outbox.c.lane == Lane.PROMPT).values(status="expired"))
    await mornings(world, 1)
    await world.fast_forward(hours=5)
    assert ann.known.unheard == 3 and world.escalations() == []
    assert [one.value for one in world.journal(ann) if one.name == "silence"] == ["not_sent"]
