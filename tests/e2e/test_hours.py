"""Check-ins: at each athlete's own hour, once per local date, never at night and never late."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest

from dialogs import timing
from dialogs.model import Wakeup
from storage import due, schema
from tests.world import Someone, World

ASKED = "How did you sleep?"


def _asked(someone: Someone) -> list[datetime]:
    return [one.at for one in someone.got(ASKED)]


def _walls(someone: Someone, zone: str) -> list[str]:
    return [f"{timing.local(zone, at):%d. %H:%M}" for at in _asked(someone)]


@pytest.mark.parametrize(
    ("zone", "eve"),
    [
        ("Europe/London", date(2027, 3, 27)),  # 01:00 -> 02:00 in the night to the 28th
        ("Europe/London", date(2027, 10, 30)),  # 02:00 -> 01:00 in the night to the 31st
        ("Australia/Lord_Howe", date(2027, 4, 3)),  # half an hour back
    ],
)
async def test_every_local_hour_is_asked_once_a_day_over_the_night_of_the_change(
    world: World, zone: str, eve: date
) -> None:
    kim = await world.coach("Kim")
    begin = timing.instant_of(zone, eve, time(12))
    assert begin is not None
    world.stage.clock.turn_to(begin - timedelta(minutes=1))
    await world.settle()
    hours = [time(n) for n in range(6)] + [time(1, 30), time(2, 30), time(7), time(14), time(18), time(21)]
    squad = world.squad(kim, [{"zone": zone, "ask_at": at, "quiet_to": min(at, time(6, 30))} for at in hours])
    await world.fast_forward(days=2)
    for at, runner in zip(hours, squad, strict=True):
        walls = [timing.local(zone, asked) for asked in _asked(runner)]
        assert len({wall.date() for wall in walls}) == len(walls) == 2, f"{at}: {_walls(runner, zone)}"
        for wall in walls:
            rings = timing.instant_of(zone, wall.date(), at)  # right after the gap, where the hour fell into it
            assert rings is not None
            shown = timing.local(zone, rings)
            assert (wall.hour, wall.minute) == (shown.hour, shown.minute), f"{at}: {_walls(runner, zone)}"


async def test_an_hour_in_the_late_evening_is_asked_too(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("/hour 22:00")
    await world.fast_forward(days=2)
    assert [wall[4:] for wall in _walls(ann, "Europe/London")] == ["22:00", "22:00"]


async def test_a_restart_asks_nobody_twice_and_forgets_nobody(world: World) -> None:
    kim = await world.coach("Kim")
    squad = world.squad(kim, [{}] * 5)
    at = world.next_time("07:00")
    await world.fast_forward_to("06:50")
    await world.crash_and_restart()
    world.stage.clock.turn_to(at)
    await world.crash_and_restart(before="send")
    await world.crash_and_restart(before="handle")
    await world.crash_and_restart()
    assert [len(_asked(one)) for one in squad] == [1] * 5
    await world.fast_forward(days=1)
    assert [len(_asked(one)) for one in squad] == [2] * 5


async def test_replicas_that_plan_the_same_date_plan_it_once_also_after_it_has_rung(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    (planned,) = world.rows(schema.due, kind="checkin")
    again = Wakeup("checkin", planned["key"], planned["at"], planned["day"])
    for _ in range(2):
        with world.app.base.begin() as tx:
            due.put(tx, ann.known.id, again, world.now)
        await world.stage.travel(planned["at"] + timedelta(minutes=30))
    assert len(_asked(ann)) == 1
    assert len(world.rows(schema.due, kind="checkin", day=planned["day"])) == 1


async def test_a_crash_while_check_ins_leave_may_cost_one_but_never_doubles_one(world: World) -> None:
    kim = await world.coach("Kim")
    squad = world.squad(kim, [{}] * 5)
    world.expect("outbox unknown")
    world.stage.clock.turn_to(world.next_time("07:00"))
    await world.crash_and_restart(before="record")
    counts = [len(_asked(one)) for one in squad]
    assert counts == [1] * 5, "what was accepted stays, what was not on its way leaves"


async def test_after_three_days_of_downtime_there_is_no_burst_and_the_journal_says_what_was_not_asked(
    world: World,
) -> None:
    kim = await world.coach("Kim")
    squad = world.squad(kim, [{}, {"zone": "Europe/Riga"}, {"zone": "America/Denver"}])
    ann = squad[0]
    await world.crash_and_restart(down=timedelta(days=3))
    assert all(len(_asked(one)) <= 1 for one in squad)
    assert not _asked(ann), "07:00 is five hours ago"
    assert [one.value for one in world.journal(ann) if one.name == "not_asked"] == ["too_late"]
    await world.fast_forward_to("07:00")
    assert len(_asked(ann)) == 1
    await world.fast_forward(days=2)
    for one in squad:
        zone = one.known.zone
        assert max(Counter(wall[:3] for wall in _walls(one, zone)).values()) == 1


async def test_what_came_up_within_two_hours_of_downtime_is_still_asked(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("06:50")
    await world.crash_and_restart(down=timedelta(hours=1))
    assert [wall[4:] for wall in _walls(ann, "Europe/London")] == ["07:50"]


async def test_after_days_of_downtime_todays_check_in_is_asked_if_its_hour_has_just_been(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("07:50")
    asked = len(_asked(ann))
    await world.crash_and_restart(down=timedelta(days=3))
    assert len(_asked(ann)) == asked + 1, "50 minutes ago is not too late"
    await world.fast_forward_to("07:05")
    assert len(_asked(ann)) == asked + 2


async def test_a_flight_round_the_world_never_brings_two_check_ins_on_one_local_date(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    days = []
    for place in ("Denver", "Honolulu", "Sydney", "Auckland", "Riga", "Los Angeles"):
        await world.fast_forward(hours=16)
        await ann.says(f"/zone {place}")
        days.append(ann.known.zone)
    await world.fast_forward(days=2)
    assert len(set(days)) == 6, days
    keys = [row["key"] for row in world.rows(schema.due, kind="checkin")]
    assert len(keys) == len(set(keys))
    prompts = [row for row in world.rows(schema.outbox) if row["once"] and (row["key"] or "").startswith("checkin:")]
    dates = [row["key"].rpartition(":")[2] for row in prompts if row["status"] == "sent"]
    assert len(dates) == len(set(dates)) >= 4
    assert dates == sorted(dates)


async def test_an_evening_check_in_held_up_by_an_outage_is_not_sent_in_the_night(world: World) -> None:
    """Quiet hours count at the moment of sending, not when the check-in was planned."""
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim, ask_at=time(21, 0))
    world.fault(429, chat_id=ann.chat_id, seconds=60, times=-1)
    over_at = datetime(2027, 3, 1, 21, 40, tzinfo=UTC)
    world.api.on_call = lambda _method, _given: world.api.faults.clear() if world.now >= over_at else None
    await world.fast_forward_to("21:00")
    assert world.now >= datetime(2027, 3, 1, 21, 30, tzinfo=UTC), "the outage lasted into the quiet hours"
    await world.fast_forward_to("22:00")
    world.api.faults.clear()
    await world.fast_forward_to("12:00", day=date(2027, 3, 2))
    assert not _asked(ann)
    await world.fast_forward_to("21:00")
    assert _walls(ann, "Europe/London") == ["02. 21:00"]


async def test_snoozed_skipped_and_paused(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("07:00")
    ann.sees(ASKED)
    await ann.taps("In an hour")
    ann.sees("I will ask again at 08:00")
    await world.crash_and_restart()
    await world.fast_forward_to("07:55")
    ann.sees_nothing_more()
    await world.fast_forward_to("08:00")
    ann.sees(ASKED)
    await ann.taps("Not today")
    ann.sees("not today")
    await world.fast_forward_to("23:00")
    ann.sees_nothing_more()

    await world.fast_forward_to("07:00")
    ann.sees(ASKED)
    await ann.says("/pause")
    await ann.says("Sunday")
    ann.sees("The next question comes on Sunday, 7 March, at 07:00")
    asked = len(_asked(ann))
    await world.fast_forward_to("07:00", day=date(2027, 3, 6))
    assert len(_asked(ann)) == asked
    await world.fast_forward_to("07:00")
    assert len(_asked(ann)) == asked + 1
    assert f"{world.now:%A}" == "Sunday"


async def test_a_check_in_begun_early_is_not_asked_again_on_that_day(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("05:30")
    await ann.says("/checkin")
    await ann.taps("All as usual")
    ann.sees("kept")
    await world.fast_forward_to("12:00")
    ann.sees_nothing_more()
    await world.fast_forward_to("07:00")
    ann.sees(ASKED)


async def test_buttons_of_yesterday_are_answered_kindly_and_change_nothing(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("07:00")
    old = ann.sees(ASKED)
    data = str(old.buttons[0][0].data)
    await world.fast_forward_to("07:00")
    ann.sees(ASKED)
    before = world.count()
    await ann.taps_data(data, old.message_id)
    ann.sees_notice("That question is closed")
    after = world.count()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "inbox": 1,
        "outbox": 1,
    }
