"""When to ask, in the athlete's own day.

Theory of operation. A check-in belongs to a *local date*, not to an instant: the caller keeps the last date
asked and stores each wakeup under its local date, and `next_ask` only ever answers with a later date. So
there is at most one check-in per local date, whatever daylight saving, a restart, a new hour or a flight
over the date line do. Instants are aware UTC datetimes, and every sum is done in UTC: in local time `+
timedelta` walks through a gap as if it were not there, forgets which pass of a repeated hour it was in, and
a "day" may last 23 hours.

    gap     (spring, the wall skips 02:00-03:00)   02:30 means the first instant after the gap
    fold    (autumn, the wall shows 01:30 twice)   01:30 means the first pass
    a date that a zone skipped (Apia, 2011-12-30)  has no instant, and nobody is asked on it

What is stored is the zone's name and the wall time, never an instant months ahead: governments move clocks.
The zone rules are those of the pinned `tzdata` package and not of the machine, so that two replicas agree,
and the tests prove the rules that run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

# Past this a morning question is about another part of the day, and is dropped rather than sent (design,
# point 7).
LATE_AFTER = timedelta(hours=2)

# Two weeks and a day: even where the only day on is a date that the zone skipped, the week after has it.
_LOOK_AHEAD = 15
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When an athlete wants to be asked.

    `zone` is an IANA name; `at` is the wall time there; `days_off` has Monday as 0; `paused_until` is the
    first local date on which we ask again. Raises ValueError for a zone, a weekday or a time that cannot
    be.
    """

    zone: str
    at: time
    days_off: frozenset[int] = frozenset()
    paused_until: date | None = None

    def __post_init__(self) -> None:
        _rules(self.zone)
        if self.at.tzinfo is not None:
            raise ValueError("the hour is wall time and carries no zone")
        if not self.days_off <= frozenset(range(7)):
            raise ValueError(f"days off are 0 (Monday) to 6 (Sunday), not {sorted(self.days_off)}")


@cache
def zone_names() -> frozenset[str]:
    """Every IANA name of the pinned tzdata, old aliases included."""
    names = (resources.files("tzdata") / "zones").read_text(encoding="utf-8").split()
    return frozenset(names) - {"Factory"}  # "Factory" is tzdata's word for "nobody has set this clock yet"


def known_zone(name: str) -> bool:
    """Whether `name` is an IANA zone, spelled exactly."""
    return name in zone_names()


@cache
def _rules(zone: str) -> ZoneInfo:
    if not known_zone(zone):  # also keeps "../../etc/passwd" from ever becoming a path
        raise ValueError(f"no such time zone: {zone!r}")
    with resources.files("tzdata.zoneinfo").joinpath(*zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=zone)


def local(zone: str, instant: datetime) -> datetime:
    """The wall clock of `zone` at `instant`. For showing and comparing; never add to it."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs its zone")  # a naive one would be read as the server's own time
    return instant.astimezone(_rules(zone))


def local_date(zone: str, instant: datetime) -> date:
    """The date on the wall of `zone` at `instant`."""
    return local(zone, instant).date()


def instant_of(zone: str, day: date, at: time) -> datetime | None:
    """The UTC instant at which the wall of `zone` first shows `day`, `at`.

    In a gap: the first instant after it (which may already be the next date, where the gap spans midnight).
    None where the whole of `day` was skipped by that zone.
    """
    if local_date(zone, _first_pass(zone, day, time(0))) != day:
        return None
    return _first_pass(zone, day, at)


def next_ask(rhythm: Rhythm, after: datetime, asked_on: date | None) -> tuple[date, datetime] | None:
    """The next local date on which to ask, with its UTC instant; the date is the key of the wakeup.

    Strictly later than `after`, and the date strictly later than `asked_on`. None when every day is a day
    off.
    """
    first = local_date(rhythm.zone, after)
    if asked_on is not None:
        first = max(first, asked_on + _DAY)
    if rhythm.paused_until is not None:
        first = max(first, rhythm.paused_until)
    for ahead in range(_LOOK_AHEAD):
        day = first + ahead * _DAY
        if day.weekday() in rhythm.days_off:
            continue
        instant = instant_of(rhythm.zone, day, rhythm.at)
        if instant is not None and instant > after:
            return day, instant
    return None


def next_weekday_at(zone: str, weekday: int, at: time, after: datetime) -> tuple[date, datetime]:
    """The next local `weekday` (Monday is 0) at `at`, strictly after `after`: its date and UTC instant."""
    found = next_ask(Rhythm(zone, at, frozenset(range(7)) - {weekday}), after, None)
    if found is None:
        raise ValueError(f"no such weekday: {weekday}")
    return found


def too_late(at: datetime, now: datetime, window: timedelta = LATE_AFTER) -> bool:
    """Whether what was due at `at` is to be dropped: more than `window` has passed."""
    return now - at > window


def lost_until(data: Mapping[str, object]) -> datetime | None:
    """On a wakeup that a restored backup has brought back (storage.restoring): up to this instant it may have rung
    already, and nobody knows. None: an ordinary one."""
    until = data.get("lost_until")
    return None if until is None else datetime.fromisoformat(str(until))


def quiet_until(zone: str, quiet_from: time, quiet_to: time, now: datetime) -> datetime | None:
    """The UTC instant at which the quiet hours around `now` end; None when `now` is not quiet.

    From `quiet_from` up to, not including, `quiet_to`, on the wall of `zone`; over midnight where from >
    to; equal times mean never quiet. In autumn one night is one window, from the first pass of its
    beginning to the last pass of its end: a phone does not ring between two passes of the same hour.
    """
    awake = waking(zone, quiet_from, quiet_to, now)
    return None if awake == now else awake


def waking(zone: str, quiet_from: time, quiet_to: time, now: datetime) -> datetime:
    """`now` itself (as UTC) when it is not quiet, otherwise the end of the quiet hours; see `quiet_until`."""
    awake = now.astimezone(UTC)
    if quiet_from == quiet_to:
        return awake
    over_midnight = _DAY if quiet_from > quiet_to else timedelta(0)
    today = local_date(zone, awake)
    # From two days back, as a night can span a date that the zone skipped; to tomorrow, as a window of
    # tomorrow can already have begun where the clock went back over midnight. In order, so that windows
    # that touch are joined.
    for day in (today + ahead * _DAY for ahead in (-2, -1, 0, 1)):
        begins = _first_pass(zone, day, quiet_from)
        ends = _last_pass(zone, day + over_midnight, quiet_to)
        if begins <= awake < ends:
            awake = ends
    return awake


def _first_pass(zone: str, day: date, at: time) -> datetime:
    """The first instant at which the wall shows `day`, `at`; in a gap, the first instant after it."""
    wall = datetime.combine(day, at, tzinfo=_rules(zone))  # fold=0
    instant = wall.astimezone(UTC)
    if _shows(zone, instant, wall):
        return instant
    # In a gap, fold=0 reads the wall with the offset before it and lands behind the gap; fold=1 lands
    # before the gap. The clocks were changed in between: halve until the very second is found.
    wall = wall.replace(microsecond=0)  # clocks are changed on whole seconds
    before, behind = wall.replace(fold=1).astimezone(UTC), wall.astimezone(UTC)
    offset_before = local(zone, before).utcoffset()
    while behind - before > _SECOND:
        middle = before + (behind - before) // (2 * _SECOND) * _SECOND
        if local(zone, middle).utcoffset() == offset_before:
            before = middle
        else:
            behind = middle
    return behind


def _last_pass(zone: str, day: date, at: time) -> datetime:
    wall = datetime.combine(day, at, tzinfo=_rules(zone)).replace(fold=1)
    instant = wall.astimezone(UTC)
    return instant if _shows(zone, instant, wall) else _first_pass(zone, day, at)


def _shows(zone: str, instant: datetime, wall: datetime) -> bool:
    return local(zone, instant).replace(tzinfo=None) == wall.replace(tzinfo=None)
