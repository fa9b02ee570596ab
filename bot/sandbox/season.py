"""Who lives in `aidstation play`: five athletes and their coach, out of `season.toml`, and what they do on a day.

Theory of operation
-------------------
A diary names moments, by week, weekday and the hour where its writer lives ("3 Wed 21:10"), and what is done then:

    "[Done]"                 tap the newest button that is called so
    "Cara: [Approve]"        the same, in the newest message that names Cara
    "(4 3 3 4 4)"            a check-in: sleep, freshness, muscles, calm, mood; "(2:4 3 3 3 3)" after four hours
    "(Achilles 3 no 4 3 3 4 4)"  the same with a pain: where, how strong, does it change the stride
    "(usual)"  "(ran 6)"  "(missed Life)"   a check-in in one tap; a session told in the evening, with its effort
    anything else            is written, letter for letter

Where a diary has nothing to say, habits do: a moment before noon takes the place of that morning's habit, one after
noon of the evening's; on a `silent` day there is neither. What a habit does is chance, and chance comes from the seed,
the name and the day alone: another day more changes nothing of those before it. After six weeks a diary begins anew.
"""

from __future__ import annotations

import functools
import random
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from dialogs import timing

FIRST_DAY = date(2027, 3, 1)  # a Monday
DAYS = 42
COACH_ZONE = "Europe/London"
NOON, WEEK_ANSWER = time(12), time(19)
REPORTS_AFTER = timedelta(hours=11)  # from the hour of the check-in
_DAY = timedelta(days=1)
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FILE = Path(__file__).with_name("season.toml")


@dataclass(frozen=True, slots=True)
class Moment:
    """`day`: 0 is FIRST_DAY, and -1 the Sunday before it."""

    day: int
    at: time
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Someone:
    """`usual`: how often a check-in is one tap; `skips`: how often none comes; `tells`: how often a session is told of;
    `answers`: how often the question what the week looks like is answered. `base`: the five items on a day like others.
    `runs`: on which weekdays they train, and how hard that feels. `zones`: where they are, from which day on. `weeks`:
    what the coach lays for each week, of the library, or line by line with its weekday."""

    name: str
    place: str
    zones: tuple[tuple[int, str], ...]
    hour: time
    goal: str
    injuries: str
    usual: float
    skips: float
    tells: float
    answers: float
    base: tuple[int, ...]
    runs: Mapping[int, int]
    weeks: tuple[str | tuple[tuple[int, str], ...], ...]
    silent: frozenset[int]
    diary: tuple[Moment, ...]

    def zone(self, day: int) -> str:
        return next((zone for first, zone in reversed(self.zones) if first <= day % DAYS), self.zones[0][1])


@dataclass(frozen=True, slots=True)
class Coach:
    """`letters`: what is written to whom when a worry of theirs is taken, one after the other. `decides`: another
    button than the usual one, for proposals in whose text these words stand. `waits`: how often "what has come of it?"
    is left lying. `notes`: what is noted when something came of it."""

    name: str
    looks: tuple[time, ...]
    lays: time  # on Saturdays: the next week
    desk: time  # on Sundays: drafts are read, what is handled is closed
    waits: float
    letters: Mapping[str, tuple[str, ...]]
    decides: Mapping[str, str]
    notes: tuple[str, ...]
    rests: frozenset[int]  # days on which the phone stays where it is until the desk's hour
    diary: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Season:
    squad: tuple[Someone, ...]
    coach: Coach


@functools.cache
def load() -> Season:
    """Raises KeyError or ValueError for a file that cannot be."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    coach = data["coach"]
    return Season(
        tuple(_someone(row) for row in data["athlete"]),
        Coach(
            coach["name"],
            tuple(time.fromisoformat(one) for one in coach["looks"]),
            time.fromisoformat(coach["lays"]),
            time.fromisoformat(coach["desk"]),
            coach["waits"],
            {name: tuple(some) for name, some in coach["letters"].items()},
            coach["decides"],
            tuple(coach["notes"]),
            frozenset(_day(one) for one in coach["rests"]),
            _diary(coach["diary"]),
        ),
    )


def _someone(row: Mapping[str, Any]) -> Someone:
    return Someone(
        name=row["name"],
        place=row["place"],
        zones=tuple((_day(day), zone) for day, zone in row["zones"].items()),
        hour=time.fromisoformat(row["hour"]),
        goal=row["goal"],
        injuries=row["injuries"],
        usual=row["usual"],
        skips=row["skips"],
        tells=row["tells"],
        answers=row["answers"],
        base=tuple(row["base"]),
        runs={_WEEKDAYS.index(name): effort for name, effort in row["runs"].items()},
        weeks=tuple(one if isinstance(one, str) else tuple(_line(each) for each in one) for one in row["weeks"]),
        silent=frozenset(_day(one) for one in row.get("silent", ())),
        diary=_diary(row["diary"]),
    )


def _day(said: str) -> int:
    """ "3 Wed" -> 16."""
    week, name = said.split()
    return (int(week) - 1) * 7 + _WEEKDAYS.index(name)


def _line(said: str) -> tuple[int, str]:
    """ "Tue easy 20: flat" -> 1, "easy 20: flat"."""
    name, _, rest = said.partition(" ")
    return _WEEKDAYS.index(name), rest


def _diary(rows: Mapping[str, Sequence[str]]) -> tuple[Moment, ...]:
    found = []
    for when, steps in rows.items():
        said, at = when.rsplit(" ", 1)
        found.append(Moment(_day(said), time.fromisoformat(at), tuple(step for one in steps for step in _spelt(one))))
    return tuple(sorted(found, key=lambda one: (one.day, one.at)))


# --- what a step means ----------------------------------------------------------------------------------------------

_SHORT = re.compile(r"\((.+)\)")


def _spelt(step: str) -> Iterable[str]:
    """A step in brackets of its own, tap by tap."""
    short = _SHORT.fullmatch(step)
    if short is None:
        yield step
        return
    head, *rest = short[1].split()
    if head == "usual":
        yield "[All as usual]"
    elif head == "ran":
        yield from ran(int(rest[0]))
    elif head == "missed":
        yield from ("/done", "[Not done]", f"[{rest[0]}]", "[Nothing hurts]")
    elif head[0].isalpha():
        yield from ("[Something hurts]", f"[{head}]", f"[{rest[0]}]", f"[{rest[1].title()}]")
        yield from items(rest[2:])
    else:
        yield from items([head, *rest])


def ran(effort: int) -> tuple[str, ...]:
    return ("/done", "[Done]", f"[{effort}]", "[Nothing hurts]")


def items(said: Sequence[str]) -> Iterable[str]:
    """The five of a check-in; a bad night is asked how long it was."""
    for number, one in enumerate(said):
        value, _, hours = one.partition(":")
        yield f"[{value}]"
        if number == 0 and int(value) <= 2:
            yield f"[{hours or 5} h]"


# --- a day ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """At this instant somebody does these steps. `habit`: what cannot be done is left; in a diary it is a mistake."""

    at: datetime
    who: str
    steps: tuple[str, ...]
    habit: bool = False


def instant(zone: str, day: int, at: time) -> datetime:
    """Raises ValueError where that zone skips the day."""
    found = timing.instant_of(zone, FIRST_DAY + day * _DAY, at)
    if found is None:
        raise ValueError(f"{zone} skips day {day}")
    return found


def acts(one: Someone, day: int, seed: int) -> list[Act]:
    """What this athlete does on this day, from 0 on."""
    dice = random.Random(f"{seed} {one.name} {day}")  # noqa: S311 - characters, not secrets
    zone, weekday = one.zone(day), day % 7
    told = [each for each in one.diary if each.day == day % DAYS]
    found = [Act(instant(zone, day, each.at), one.name, each.steps) for each in told]
    rolled = [dice.random() for _ in range(4)]
    jitter = [timedelta(minutes=dice.randint(2, 70)) for _ in range(3)]
    wobble = [dice.choice((-1, 0, 0, 1)) for _ in range(6)]
    if day % DAYS in one.silent:
        return found
    asked = instant(zone, day, one.hour)
    if not any(each.at < NOON for each in told) and rolled[0] >= one.skips:
        values = [str(min(5, max(1, base + by))) for base, by in zip(one.base, wobble[1:], strict=True)]
        taps = ("[All as usual]",) if rolled[1] < one.usual else tuple(items(values))
        found.append(Act(asked + jitter[0], one.name, taps, habit=True))
    if not any(each.at >= NOON for each in told) and weekday in one.runs and rolled[2] < one.tells:
        evening = asked + REPORTS_AFTER + jitter[1]
        found.append(Act(evening, one.name, ran(one.runs[weekday] + wobble[0]), habit=True))
    if weekday == 6 and not any(each.at >= WEEK_ANSWER for each in told) and rolled[3] < one.answers:
        found.append(Act(instant(zone, day, WEEK_ANSWER) + jitter[2], one.name, ("[As usual]",), habit=True))
    return found


def coach_acts(coach: Coach, day: int) -> list[Act]:
    return [
        Act(instant(COACH_ZONE, day, one.at), coach.name, one.steps)
        for one in coach.diary
        if one.day == (day % DAYS if day >= 0 else day)
    ]


def looks(coach: Coach, day: int) -> list[datetime]:
    """When the coach takes up the phone on this day."""
    resting = day % DAYS in coach.rests
    return [instant(COACH_ZONE, day, at) for at in coach.looks if at >= coach.desk or not resting]


def midnight(days: int) -> datetime:
    """When `days` are over for everybody in the squad who has a Sunday evening: the last is in Denver."""
    return datetime.combine(FIRST_DAY + days * _DAY, time(3), UTC)
