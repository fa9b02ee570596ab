"""Answers of the last weeks -> days, and what is usual for this athlete.

    records --days--> {date: Day} --usual(item)--> mean, sd, n, or None: still learning

A `Day` holds what was told on one local date and nothing else. Missing is missing: an item that was not answered is not
there, and a date without any answer has no Day. An athlete is compared with themself: what is low for one is every
morning for another, and a fixed line would pick people, not days. So there is no "usual" before ten answers.

"As usual" in one tap says that nothing is low today. It counts as an answer, and it carries no number: it moves neither
the mean nor the spread. Somebody who only ever names their bad days would have a usual that is all bad days; so a mean
needs some numbers too, and never lies under the middle of the scale unless the numbers alone are ten.

Which end of a scale is the good one belongs to the scale (`SCALES`), and "how much worse" is asked of it. So that no
reader here compares two numbers and gets a direction wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import sqrt

from dialogs.levels import Level
from dialogs.model import Json, Record
from dialogs.scripts.checkin import ITEMS

WINDOW = 28  # days before today that make the usual
NEEDED = 10  # answers among them; fewer: learning
NUMBERS = 3  # of these, at the least, with a number
FLOOR = 0.5  # of a step: somebody who answers 3 every day has no spread, and one 2 would be infinitely far off
UNRATED = 3.0  # a pain that was named and never rated: where the pain-monitoring model begins to act

DID = ("done", "changed", "not_done")
WHY = ("life", "body", "head")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scale:
    """From `worst` to `best`, whichever is the larger number."""

    worst: float
    best: float

    @property
    def middle(self) -> float:
        return (self.worst + self.best) / 2

    def worse_by(self, value: float, than: float) -> float:
        """How far `value` lies on the bad side of `than`, in steps of the scale; negative on the good side."""
        return than - value if self.best > self.worst else value - than

    def holds(self, value: float) -> bool:
        return min(self.worst, self.best) <= value <= max(self.worst, self.best)


PAIN = Scale(worst=10, best=0)
SCALES: Mapping[str, Scale] = dict.fromkeys(ITEMS, Scale(worst=1, best=5))
HEALTH = Scale(worst=25, best=0)  # each of the week's four health questions (dialogs.health)


@dataclass(frozen=True, slots=True)
class Pain:
    """`level` 0..10, 0 = none (asked about, and settled). `stride`: does it change how they walk or run, None where it
    was not said. `side`: left, right, both, or None where it was not said."""

    level: float
    stride: bool | None = None
    side: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The report of one session. `session` is its id in the plan, None where it was not said. `did` is one of DID,
    `why` one of WHY, `effort` 0..10 as it felt."""

    session: str | None
    did: str
    effort: float | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """What one athlete told on one local date.

    items       by name, 1..5 with 5 = best; only those that were given a number
    usual       what has no number here was answered "as usual", in one tap
    pains       by place (one of `words.aches.PLACES`, or the athlete's own words for it), the worst of that day
    said        what life does: ill_above, ill_below, fever, injured, busy, slower, away, well
    fired       ids of the rules that spoke on this day
    time        minutes that they have today ("I have 20 minutes"), None where not said
    health      the week's health questions, where they were answered: participation, training, performance, trouble
                (each 0..25, 0 = best; what was not asked is not there) and severity (0..100)
    """

    items: Mapping[str, float] = field(default_factory=dict)
    usual: bool = False
    sleep_hours: float | None = None
    pains: Mapping[str, Pain] = field(default_factory=dict)
    done: tuple[Done, ...] = ()
    said: frozenset[str] = frozenset()
    fired: frozenset[str] = frozenset()
    time: float | None = None
    health: Mapping[str, float] = field(default_factory=dict)

    @property
    def answered(self) -> bool:
        """Something of a check-in was answered."""
        return self.usual or bool(self.items) or bool(self.pains)


NOTHING = Day()


@dataclass(frozen=True, slots=True)
class Usual:
    """`mean` and `sd` of the numbers, the sd never under FLOOR; `n` answers in the window, with and without one."""

    mean: float
    sd: float
    n: int


def usual(days: Mapping[date, Day], item: str, today: date) -> Usual | None:
    """What is usual for this athlete, from the 28 days before `today`. None: learning, there are too few answers."""
    return usual_of([days[day] for back in range(1, WINDOW + 1) if (day := today - back * _DAY) in days], item)


def usual_of(window: Sequence[Day], item: str) -> Usual | None:
    """The same from days that were picked already; for whoever asks for several items."""
    numbers = [value for day in window if (value := day.items.get(item)) is not None]
    taps = sum([day.usual and item not in day.items for day in window])
    n = len(numbers) + taps
    if n < NEEDED or len(numbers) < NUMBERS:
        return None
    mean = sum(numbers) / len(numbers)
    sd = sqrt(sum([(one - mean) ** 2 for one in numbers]) / len(numbers))
    if len(numbers) < NEEDED and item in SCALES:
        mean = max(mean, SCALES[item].middle)
    return Usual(mean, max(sd, FLOOR), n)


# --- from the journal -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Sheet:
    """One date while its records are being read."""

    items: dict[str, float | None] = field(default_factory=dict)  # None: "as usual"
    sleep_hours: float | None = None
    told: list[dict[str, Json]] = field(default_factory=list)  # pains as the questions were answered, one by one
    pains: dict[str, Pain] = field(default_factory=dict)  # pains as a whole
    done: list[Done] = field(default_factory=list)
    session: str | None = None  # the one that the next report is of
    said: set[str] = field(default_factory=set)
    fired: set[str] = field(default_factory=set)
    time: float | None = None
    health: dict[str, float] = field(default_factory=dict)


def days(records: Iterable[Record]) -> dict[date, Day]:
    """By local date, of records in their order. What cannot be is passed over: an answer is never an error here."""
    sheets: dict[date, _Sheet] = {}
    for record in records:
        if record.kind in ("answer", "step"):
            sheet = sheets.get(record.day) or sheets.setdefault(record.day, _Sheet())
            (_answer if record.kind == "answer" else _step)(sheet, record.name, record.value)
    return {day: _day(sheet) for day, sheet in sheets.items()}


def _answer(sheet: _Sheet, name: str, value: Json) -> None:
    number = _number(value)
    if name in SCALES:
        if name == "sleep":
            sheet.sleep_hours = None  # they belonged to the answer that is changed now
        if value == "usual":
            sheet.items[name] = None
        elif number is not None and SCALES[name].holds(number):
            sheet.items[name] = number
    elif name == "sleep_hours":
        sheet.sleep_hours = number if number is not None and 0 <= number <= 24 else sheet.sleep_hours
    elif name == "pain_where" and isinstance(value, str) and value:
        sheet.told.append({"where": value})
    elif name in ("pain_level", "pain_stride", "pain_side") and sheet.told:
        sheet.told[-1][name.removeprefix("pain_")] = value
    elif name == "session":
        sheet.session = value if isinstance(value, str) else None
    elif name == "did" and value in DID:
        sheet.done.append(Done(sheet.session, value))
        sheet.session = None
    elif name == "effort" and sheet.done and number is not None and 0 <= number <= 10:
        last = sheet.done[-1]
        sheet.done[-1] = Done(last.session, last.did, number, last.why)
    elif name == "why" and sheet.done and value in WHY:
        last = sheet.done[-1]
        sheet.done[-1] = Done(last.session, last.did, last.effort, value)
    elif name == "life":
        sheet.said |= {one for one in (value if isinstance(value, list | tuple) else [value]) if isinstance(one, str)}
    elif name == "minutes_free":
        sheet.time = number if number is not None and number >= 0 else sheet.time


def _step(sheet: _Sheet, name: str, value: Json) -> None:
    if not isinstance(value, Mapping):
        return
    if name == "pain":
        _hurts(sheet.pains, value)
    elif name == "rule" and isinstance(value.get("rule"), str):
        sheet.fired.add(value["rule"])
    elif name == "health":
        sheet.health = {part: number for part, one in value.items() if (number := _number(one)) is not None}
    elif name == "judged":
        themes = value.get("themes")
        if isinstance(themes, list | tuple) and "illness" in themes and _concern(value.get("level")):
            sheet.said.add("ill_below")  # what it is, words do not say: the stricter stands


def _day(sheet: _Sheet) -> Day:
    for told in sheet.told:
        if told["where"] not in sheet.pains:  # else it has been told as a whole, with all that was answered
            _hurts(sheet.pains, told)
    last = {one.session: number for number, one in enumerate(sheet.done) if one.session is not None}
    return Day(
        items={item: value for item, value in sheet.items.items() if value is not None},
        usual=any(value is None for value in sheet.items.values()),
        sleep_hours=sheet.sleep_hours,
        pains=sheet.pains,
        done=tuple(one for number, one in enumerate(sheet.done) if one.session is None or last[one.session] == number),
        said=frozenset(sheet.said),
        fired=frozenset(sheet.fired),
        time=sheet.time,
        health=sheet.health,
    )


def _hurts(pains: dict[str, Pain], told: Mapping[str, Json]) -> None:
    """The worst of a day stands: what was 6 in the morning and is 3 at noon has been 6 today."""
    where, side, stride = (told.get(name) for name in ("where", "side", "stride"))
    if not isinstance(where, str) or not where:
        return
    level = _number(told.get("level"))
    new = Pain(
        UNRATED if level is None or not PAIN.holds(level) else level,
        True if stride in (True, "yes") else False if stride in (False, "no") else None,
        side if side in ("left", "right", "both") else None,
    )
    old = pains.get(where, new)
    worse = max(old, new, key=lambda one: one.level)
    sides = {one for one in (old.side, new.side) if one is not None}
    changes = old.stride or new.stride or worse.stride
    pains[where] = Pain(worse.level, changes, "both" if len(sides) > 1 else next(iter(sides), None))


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 else None


def _concern(level: Json) -> bool:
    return any(level == one for one in Level if one >= Level.CONCERN)
