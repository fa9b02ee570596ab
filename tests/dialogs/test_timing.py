"""Time, proved by an oracle that knows nothing of the code under test.

The oracle walks the wall clock of a zone in quarter hours and says: the check-in of a date belongs to the
first instant at which the wall shows that date and hour, or has just jumped past it. Every IANA zone that
moves its clocks in 2024-2030 is walked around each of its transitions, for each quarter hour of the day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.timing import (
    Rhythm,
    instant_of,
    known_zone,
    local,
    local_date,
    next_ask,
    next_weekday_at,
    quiet_until,
    too_late,
    waking,
    zone_names,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
SLOTS = [time(minute // 60, minute % 60) for minute in range(0, 24 * 60, 15)]
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)

# The first instant with the new offset, the old offset, the new one.
Transition = tuple[datetime, timedelta, timedelta]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def pinned(zone: str) -> ZoneInfo:
    with resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file)


def offset(rules: ZoneInfo, instant: datetime) -> timedelta:
    found = instant.astimezone(rules).utcoffset()
    assert found is not None
    return found


def transitions(rules: ZoneInfo, first: datetime = FIRST, last: datetime = LAST) -> list[Transition]:
    """Every change of the clocks, found by looking at each day and halving."""
    found = []
    before, old = first, offset(rules, first)
    while before < last:
        after = before + DAY
        new = offset(rules, after)
        if new != old:
            low, high = before, after
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
                low, high = (middle, high) if offset(rules, middle) == old else (low, middle)
            found.append((high, old, new))
        before, old = after, new
    return found


@cache
def moving_zones() -> dict[str, tuple[list[Transition], list[str]]]:
    """Zones that move their clocks; those with the same clocks (aliases, neighbours) under one name."""
    groups: dict[tuple[object, ...], tuple[list[Transition], list[str]]] = {}
    same_file: dict[bytes, tuple[list[Transition], list[str]]] = {}
    for zone in sorted(zone_names()):
        raw = resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).read_bytes()
        if raw not in same_file:
            changes = transitions(pinned(zone))
            key = (offset(pinned(zone), FIRST), *changes)
            same_file[raw] = groups.setdefault(key, (changes, []))
        same_file[raw][1].append(zone)
    return {names[0]: (changes, names) for changes, names in groups.values() if changes}


def wall(rules: ZoneInfo, around: datetime) -> list[tuple[datetime, datetime]]:
    """(what the wall shows, the instant) for each quarter hour, two days to both sides."""
    steps = range(-2 * 96, 2 * 96)
    return [((around + n * QUARTER).astimezone(rules).replace(tzinfo=None), around + n * QUARTER) for n in steps]


def asks(rhythm: Rhythm, after: datetime, until: date) -> Iterator[tuple[date, datetime]]:
    """What an athlete gets who is never changed: each ask computed from the one before."""
    asked_on: date | None = None
    while (found := next_ask(rhythm, after, asked_on)) is not None and found[0] <= until:
        yield found
        asked_on, after = found


def test_every_slot_in_every_moving_zone_rings_once_on_each_date_and_at_the_right_instant() -> None:
    wrong = []
    for zone, (changes, _) in moving_zones().items():
        rules = pinned(zone)
        for change, _, _ in changes:
            shown = wall(rules, change)
            middle = local_date(zone, change)
            dates = [middle - DAY, middle, middle + DAY]
            ahead = 0
            expected: dict[time, list[tuple[date, datetime]]] = {slot: [] for slot in SLOTS}
            for day in dates:
                for slot in SLOTS:  # both grow, so the pointer never has to go back
                    wanted = datetime.combine(day, slot)
                    while shown[ahead][0] < wanted:
                        ahead += 1
                    expected[slot].append((day, shown[ahead][1]))
            for slot in SLOTS:
                start = expected[slot][0][1] - timedelta(minutes=1)
                if list(asks(Rhythm(zone, slot), start, dates[-1])) != expected[slot]:
                    wrong.append((zone, change, slot))
    assert wrong == []


def test_the_table_of_moving_zones_is_not_empty_by_mistake() -> None:
    table = moving_zones()
    names = {name for _, group in table.values() for name in group}
    assert len(names) > 150
    assert {"Europe/London", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe"} <= names
    assert {"Asia/Beirut", "Africa/Cairo", "America/Havana", "America/Santiago", "America/Asuncion"} <= names
    assert not {"Asia/Kolkata", "UTC", "Asia/Tokyo"} & names
    instants = [change for changes, _ in table.values() for change, _, _ in changes]
    assert all(change.minute % 15 == 0 for change in instants)  # else the oracle's quarter hours were too coarse


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Niue"])
def test_a_zone_that_never_moves_rings_every_24_hours(zone: str) -> None:
    rung = list(asks(Rhythm(zone, time(7)), utc("2028-02-26"), date(2028, 3, 3)))
    assert [day for day, _ in rung][-4:] == [
        date(2028, 2, 29),
        date(2028, 3, 1),
        date(2028, 3, 2),
        date(2028, 3, 3),
    ]
    assert all(b[1] - a[1] == DAY for a, b in pairwise(rung))


# zone, local date, wall time, the instant, and why
ODD_NIGHTS = [
    ("Europe/London", "2026-03-29", "01:30", "2026-03-29T01:00", "spring gap: just after it"),
    ("Europe/London", "2026-10-25", "01:30", "2026-10-25T00:30", "autumn fold: the first pass"),
    ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30", "autumn fold: the first pass"),
    ("Australia/Lord_Howe", "2026-10-04", "02:10", "2026-10-03T15:30", "a gap of half an hour"),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45", "a fold of half an hour, first pass"),
    ("Asia/Beirut", "2026-03-29", "00:00", "2026-03-28T22:00", "midnight is in the gap"),
    ("Africa/Cairo", "2026-04-24", "00:30", "2026-04-23T22:00", "midnight is in the gap"),
    ("America/Havana", "2026-03-08", "00:00", "2026-03-08T05:00", "midnight is in the gap"),
    ("America/Havana", "2026-11-01", "00:30", "2026-11-01T04:30", "the hour after midnight comes twice"),
    ("America/Santiago", "2026-09-06", "00:15", "2026-09-06T04:00", "midnight is in the gap"),
    ("America/Santiago", "2026-04-04", "23:30", "2026-04-05T02:30", "the hour before midnight comes twice"),
    ("America/Asuncion", "2023-10-01", "00:00", "2023-10-01T04:00", "midnight was in the gap, until 2024"),
    ("Europe/Dublin", "2026-03-29", "01:30", "2026-03-29T01:00", "winter is the odd time there"),
    ("Europe/Dublin", "2026-10-25", "01:30", "2026-10-25T00:30", "winter is the odd time there"),
    (
        "Africa/Casablanca",
        "2026-02-15",
        "02:30",
        "2026-02-15T01:30",
        "Ramadan: the clock goes back in February",
    ),
    (
        "Pacific/Auckland",
        "2026-12-31",
        "23:59:59.999",
        "2026-12-31T10:59:59.999",
        "the last moment of a year",
    ),
    ("Europe/London", "2026-03-29", "01:59:59.999", "2026-03-29T01:00", "the last moment of a gap"),
    ("Pacific/Apia", "2011-12-31", "00:00", "2011-12-30T10:00", "the first date after the skipped one"),
]


@pytest.mark.parametrize(("zone", "day", "at", "instant", "why"), ODD_NIGHTS)
def test_an_hour_in_an_odd_night_has_one_instant(zone: str, day: str, at: str, instant: str, why: str) -> None:
    assert instant_of(zone, date.fromisoformat(day), time.fromisoformat(at)) == utc(instant), why


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Apia", "2011-12-30"), ("Pacific/Fakaofo", "2011-12-30"), ("Pacific/Kiritimati", "1994-12-31")],
)
@pytest.mark.parametrize("at", SLOTS[::8])
def test_a_skipped_date_has_no_instant_and_nobody_is_asked_on_it(zone: str, day: str, at: time) -> None:
    skipped = date.fromisoformat(day)
    assert instant_of(zone, skipped, at) is None
    start = datetime.combine(skipped - 2 * DAY, time(0), tzinfo=UTC)
    rung = [found for found, _ in asks(Rhythm(zone, at), start, skipped + 2 * DAY)]
    assert skipped not in rung
    assert {skipped - DAY, skipped + DAY, skipped + 2 * DAY} <= set(rung)
    assert len(rung) == len(set(rung))


def test_one_who_runs_only_on_the_skipped_weekday_is_asked_a_week_later() -> None:
    only_fridays = Rhythm("Pacific/Apia", time(7), frozenset({0, 1, 2, 3, 5, 6}))
    found = next_ask(only_fridays, utc("2011-12-27"), None)
    assert found is not None
    assert found[0] == date(2012, 1, 6)


def test_days_off_are_skipped_and_seven_of_them_mean_never() -> None:
    weekdays_only = Rhythm("Europe/Riga", time(7), frozenset({5, 6}))
    assert [day for day, _ in asks(weekdays_only, utc("2026-06-04"), date(2026, 6, 9))] == [
        date(2026, 6, 4),
        date(2026, 6, 5),
        date(2026, 6, 8),
        date(2026, 6, 9),
    ]
    assert next_ask(Rhythm("Europe/Riga", time(7), frozenset(range(7))), utc("2026-06-04"), None) is None


def test_a_pause_ends_on_its_date_and_then_on_the_next_day_that_is_on() -> None:
    paused = Rhythm("Europe/Riga", time(7), frozenset({6}), paused_until=date(2026, 6, 14))  # a Sunday, and off
    assert next_ask(paused, utc("2026-06-01"), None) == (date(2026, 6, 15), utc("2026-06-15T04:00"))
    over = Rhythm("Europe/Riga", time(7), paused_until=date(2026, 5, 1))
    assert next_ask(over, utc("2026-06-01"), None) == (date(2026, 6, 1), utc("2026-06-01T04:00"))


def test_the_ask_is_strictly_after_the_given_instant() -> None:
    seven = utc("2026-06-01T04:00")  # 07:00 in Riga
    rhythm = Rhythm("Europe/Riga", time(7))
    assert next_ask(rhythm, seven - timedelta(microseconds=1), None) == (date(2026, 6, 1), seven)
    assert next_ask(rhythm, seven, None) == (date(2026, 6, 2), seven + DAY)


def test_three_days_of_downtime_bring_one_ask_and_no_burst() -> None:
    found = next_ask(Rhythm("Europe/Riga", time(7)), utc("2026-06-04T12:00"), asked_on=date(2026, 6, 1))
    assert found == (date(2026, 6, 5), utc("2026-06-05T04:00"))


def test_a_later_hour_on_the_same_day_does_not_ask_twice() -> None:
    found = next_ask(Rhythm("Europe/Riga", time(20)), utc("2026-06-01T05:00"), asked_on=date(2026, 6, 1))
    assert found == (date(2026, 6, 2), utc("2026-06-02T17:00"))


def test_flying_east_over_the_date_line_and_back_skips_at_most_one_morning() -> None:
    asked = date(2026, 6, 2)  # in Auckland, where it is already Tuesday
    found = next_ask(Rhythm("Pacific/Honolulu", time(7)), utc("2026-06-01T20:00"), asked)  # Monday there
    assert found == (date(2026, 6, 3), utc("2026-06-03T17:00"))


ZONES = st.sampled_from(sorted(zone_names()))
MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
INSTANTS = st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None), timezones=st.just(UTC))
MOVES = st.lists(st.tuples(ZONES, MINUTES, st.integers(0, 72 * 60)), min_size=2, max_size=12)


@settings(max_examples=150, deadline=None)
@given(start=INSTANTS, moves=MOVES)
def test_no_change_of_zone_or_hour_ever_gives_two_asks_for_one_local_date(
    start: datetime, moves: list[tuple[str, time, int]]
) -> None:
    """An athlete who moves at any minute: what came due before the move was sent, the rest replanned."""
    asked: list[date] = []
    now = start
    for zone, at, minutes in moves:
        until = now + timedelta(minutes=minutes)
        while True:
            found = next_ask(Rhythm(zone, at), now, asked[-1] if asked else None)
            assert found is not None
            assert found[1] > now
            if found[1] > until:
                break
            asked.append(found[0])
            now = found[1]
        now = until
    assert asked == sorted(set(asked))


@settings(max_examples=150, deadline=None)
@given(
    zone=ZONES,
    at=MINUTES,
    off=st.frozensets(st.integers(0, 6), max_size=6),
    now=INSTANTS,
    pause=st.integers(-9, 40),
)
def test_an_ask_is_on_a_day_that_is_on_and_after_the_pause(
    zone: str, at: time, off: frozenset[int], now: datetime, pause: int
) -> None:
    until = local_date(zone, now) + pause * DAY
    found = next_ask(Rhythm(zone, at, off, until), now, None)
    assert found is not None
    day, instant = found
    assert day.weekday() not in off
    assert day >= until
    shown = local(zone, instant).replace(tzinfo=None)
    # Past the hour only by the width of a gap; the widest is Troll, 2 h.
    assert timedelta(0) <= shown - datetime.combine(day, at) <= 2 * HOUR


@settings(max_examples=150, deadline=None)
@given(zone=ZONES, weekday=st.integers(0, 6), at=MINUTES, after=INSTANTS)
def test_a_weekly_thing_falls_on_its_weekday_within_eight_days(
    zone: str, weekday: int, at: time, after: datetime
) -> None:
    day, instant = next_weekday_at(zone, weekday, at, after)
    assert day.weekday() == weekday
    assert after < instant <= after + 8 * DAY
    assert instant == instant_of(zone, day, at)


def test_a_weekly_thing_at_its_own_minute_is_next_week() -> None:
    sunday = utc("2026-06-07T15:00")  # 18:00 in Riga
    assert next_weekday_at("Europe/Riga", 6, time(18), sunday) == (date(2026, 6, 14), sunday + 7 * DAY)
    with pytest.raises(ValueError, match="weekday"):
        next_weekday_at("Europe/Riga", 7, time(18), sunday)


# zone, quiet from, to, now, awake at
NIGHTS = [
    ("Europe/Riga", "21:30", "06:30", "2026-06-01T18:29", None, "a minute before the night"),
    ("Europe/Riga", "21:30", "06:30", "2026-06-01T18:30", "2026-06-02T03:30", "the night begins"),
    ("Europe/Riga", "21:30", "06:30", "2026-06-02T02:00", "2026-06-02T03:30", "after midnight"),
    ("Europe/Riga", "21:30", "06:30", "2026-06-02T03:30", None, "the end itself is awake"),
    ("Europe/Riga", "13:00", "14:00", "2026-06-02T10:30", "2026-06-02T11:00", "a nap"),
    ("Europe/Riga", "13:00", "14:00", "2026-06-02T02:00", None, "who naps only is awake at night"),
    ("Europe/Riga", "07:00", "07:00", "2026-06-02T04:00", None, "equal hours: never quiet"),
    ("Europe/London", "22:00", "06:30", "2026-03-29T00:30", "2026-03-29T05:30", "a short night in spring"),
    ("Europe/London", "22:00", "06:30", "2026-10-25T00:30", "2026-10-25T06:30", "a long night in autumn"),
    ("Europe/London", "22:00", "01:30", "2026-03-29T00:45", "2026-03-29T01:00", "the end is in the gap"),
    (
        "Europe/London",
        "22:00",
        "01:30",
        "2026-10-25T00:45",
        "2026-10-25T01:30",
        "no ringing between the two passes",
    ),
    ("Europe/London", "01:15", "01:45", "2026-03-29T01:05", None, "the whole nap was in the gap"),
    (
        "America/Santiago",
        "00:00",
        "07:00",
        "2026-04-05T03:30",
        None,
        "23:30 for the second time: still awake",
    ),
    (
        "Pacific/Apia",
        "21:00",
        "07:00",
        "2011-12-30T08:00",
        "2011-12-30T17:00",
        "one night over the skipped date",
    ),
]


@pytest.mark.parametrize(("zone", "begins", "ends", "now", "awake", "why"), NIGHTS)
def test_quiet_hours_end_when_the_wall_says_so(
    zone: str, begins: str, ends: str, now: str, awake: str | None, why: str
) -> None:
    window = time.fromisoformat(begins), time.fromisoformat(ends)
    expected = None if awake is None else utc(awake)
    assert quiet_until(zone, *window, utc(now)) == expected, why
    assert waking(zone, *window, utc(now)) == (expected or utc(now)), why


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(sorted(moving_zones())),
    pick=st.integers(0, 1000),
    minutes=st.integers(-40 * 60, 40 * 60),
    begins=MINUTES,
    ends=MINUTES,
)
def test_nobody_is_woken_while_the_wall_shows_a_quiet_minute(
    zone: str, pick: int, minutes: int, begins: time, ends: time
) -> None:
    changes = moving_zones()[zone][0]
    now = changes[pick % len(changes)][0] + timedelta(minutes=minutes)
    awake = waking(zone, begins, ends, now)
    shown = local(zone, awake).time()
    quiet = begins <= shown < ends if begins <= ends else (shown >= begins or shown < ends)
    assert not quiet
    # Windows that touch are joined: one from 00:01 to 00:00, and a gap over that minute, are two days in one.
    assert now <= awake <= now + 49 * HOUR
    assert waking(zone, begins, ends, awake) == awake


def test_what_is_over_two_hours_late_is_dropped() -> None:
    due = utc("2026-06-01T04:00")
    assert not too_late(due, due - HOUR)
    assert not too_late(due, due + 2 * HOUR)
    assert too_late(due, due + 2 * HOUR + timedelta(seconds=1))
    assert too_late(due, due + HOUR, window=timedelta(minutes=30))


@pytest.mark.parametrize("name", ["Europe/Riga", "UTC", "US/Pacific", "Asia/Calcutta", "Etc/GMT+12"])
def test_a_zone_of_the_pinned_tzdata_is_known(name: str) -> None:
    assert known_zone(name)
    assert local_date(name, utc("2026-06-01T12:00")) in {date(2026, 6, 1), date(2026, 6, 2)}


@pytest.mark.parametrize(
    "name",
    ["", "europe/riga", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Factory", "🏃", "x" * 4096],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    assert not known_zone(name)
    with pytest.raises(ValueError, match="zone"):
        local(name, utc("2026-06-01T12:00"))
    with pytest.raises(ValueError, match="zone"):
        Rhythm(name, time(7))


def test_a_rhythm_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="days off"):
        Rhythm("UTC", time(7), frozenset({7}))
    with pytest.raises(ValueError, match="wall time"):
        Rhythm("UTC", time(7, tzinfo=UTC))
    with pytest.raises(ValueError, match="instant"):
        local("UTC", datetime(2026, 6, 1))  # noqa: DTZ001 - the very mistake that is refused
