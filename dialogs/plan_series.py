"""What repeats in a calendar, and on which day it is: the part of `plan_ics` that keeps the libraries in bounds.

icalendar reads the values, recurring-ical-events expands what repeats. Three things are kept away from both:

    zones     a VTIMEZONE that icalendar reads is kept, under its name, for all files of the process. So zones are
              resolved here (IANA and Windows names, else by what the file itself says of one), and a series is expanded
              on the wall clock of its own zone, without a zone; only then its day is that of the athlete's wall
    what does not end
              FREQ=SECONDLY keeps the library busy for minutes, and so do rules that never come true. Only rules as
              calendar programs write them are let through: they come true often enough, and their steps are counted
              before the first is taken
    what is cancelled, for the library counts it
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]
from dateutil import tz
from icalendar.prop import vDDDLists, vDDDTypes, vRecur, vText
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from dialogs import timing
from dialogs.plan_reading import MAX_SESSIONS, excerpt

When = date | datetime  # a day, a wall clock (without a zone), or an instant
Wall = Callable[[When], When]
_DAY = timedelta(days=1)
_YEARS = range(1900, 2200)
_WRONG = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)  # what the libraries raise


class Unreadable(Exception):
    """This line is not to be read; `what` and `data` as in plan_reading.Problem."""

    def __init__(self, line: int, what: str, **data: str | int) -> None:
        super().__init__(what)
        self.line, self.what, self.data = line, what, data


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a calendar. Times of its own zone carry it, others are the wall clock that stands in the file.

    number    of the line it begins on; `uid` names its series
    replaces  which time of its series it stands for; `onwards`: and for all that follow
    rules     with their lines; `more` and `less` are RDATE and EXDATE
    """

    number: int
    uid: str
    start: When
    sequence: int = 0
    cancelled: bool = False
    replaces: When | None = None
    onwards: bool = False
    rules: tuple[tuple[int, vRecur], ...] = ()
    more: tuple[When, ...] = ()
    less: tuple[When, ...] = ()


# --- zones --------------------------------------------------------------------------------------------------------

_EPOCH = datetime(2000, 1, 1, tzinfo=tz.UTC)
_ZONE_LINES = ("TZID", "BEGIN", "END", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "TZNAME")
_ZONE_PARTS = 20  # what has a history of a hundred changes has an IANA name, too
_SINCE_1601 = re.compile(r"(\nDTSTART:)(?:0\d{3}|1[0-8]\d\d|19[0-6]\d)")  # each year would be counted for each event
_ZONE_RULE = re.compile(
    r"FREQ=YEARLY(?:;(?:UNTIL=\w+|BYMONTH=\d{1,2}|BYDAY=[+-]?[1-4][A-Z]{2}|WKST=[A-Z]{2}|INTERVAL=1))*"
)


@dataclass(slots=True)
class Zones:
    """What the names of zones mean in one file.

    defined  the lines inside each VTIMEZONE, by its TZID
    unknown  names that mean nothing, with the line that asked first: their clocks are taken as the athlete's own
    """

    defined: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)
    _known: dict[str, tzinfo | None] = field(default_factory=dict)

    def named(self, name: str, line: int) -> tzinfo | None:
        if name not in self._known:
            iana = _iana(name)
            self._known[name] = rules_of(iana) if iana else _defined(self.defined.get(name, ()))
            if self._known[name] is None:
                self.unknown[name] = line
        return self._known[name]


def rules_of(zone: str) -> tzinfo:
    """Of an IANA name, by the pinned tzdata. Raises ValueError for another name."""
    return timing.local(zone, _EPOCH).tzinfo or tz.UTC


def _iana(name: str) -> str | None:
    """ "/freeassociation.sourceforge.net/Europe/Berlin", "W. Europe Standard Time" -> "Europe/Berlin"."""
    parts = name.strip("/").split("/")
    names = ["/".join(parts[start:]) for start in range(len(parts))]
    return next((one for one in (*names, WINDOWS_TO_OLSON.get(name, "")) if timing.known_zone(one)), None)


def _defined(raw: Sequence[str]) -> tzinfo | None:
    lines = []
    for line in raw:
        name, _, value = line.partition(":")
        name, value = name.partition(";")[0].upper(), value.strip()
        if name == "RRULE" and not _ZONE_RULE.fullmatch(value.upper()):
            return None
        if name in _ZONE_LINES:
            lines.append(f"{name}:{value}")
    if not 0 < sum(line.startswith("BEGIN:") for line in lines) <= _ZONE_PARTS:
        return None
    text = "\n".join(["BEGIN:VTIMEZONE", *lines, "END:VTIMEZONE", ""])
    parts = (_SINCE_1601.sub(r"\g<1>1970", part) if "\nRRULE:" in part else part for part in text.split("END:"))
    try:
        zone = tz.tzical(io.StringIO("END:".join(parts))).get()
        _on_wall(_EPOCH, zone or tz.UTC)  # raises for an offset of 99 hours
        return zone
    except _WRONG:
        return None


def whens(line: int, value: str, zone: str | None, zones: Zones) -> tuple[When, ...]:
    """The dates or times of one line, e.g. of a DTSTART or EXDATE. Raises Unreadable."""
    read: list[When] = []
    try:
        for one in vDDDLists.from_ical(value.strip()) if value.strip() else ():  # type: ignore[no-untyped-call]
            begun = one[0] if isinstance(one, tuple) else one  # of a period
            if not isinstance(begun, date):
                raise ValueError("a length, or a time of day")
            if begun.year not in _YEARS:
                raise ValueError("no calendar holds that with its zone")
            if isinstance(begun, datetime) and begun.tzinfo is None and zone:
                begun = begun.replace(tzinfo=zones.named(zone, line))
                _on_wall(begun, tz.UTC)  # raises where its zone does not hold that time
            read.append(begun)
    except _WRONG as error:
        raise Unreadable(line, "plan_file.date", words=excerpt(value)) from error
    return tuple(read)


def day_of(start: When, own: tzinfo) -> date:
    """The day on the wall of `own`."""
    found = _on_wall(start, own)
    return found.date() if isinstance(found, datetime) else found


def _on_wall(value: When, zone: tzinfo) -> When:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(zone).replace(tzinfo=None)
    return value


# --- rules --------------------------------------------------------------------------------------------------------

MAX_STEPS = 20_000  # of all rules of a file, each from where it begins; they take a tenth of a second
_STEP = {"DAILY": (1, 1), "WEEKLY": (7, 1), "MONTHLY": (28, 4), "YEARLY": (365, 10)}  # days, and what one costs
_FILTERS: Mapping[str, tuple[set[str], ...]] = {
    "DAILY": ({"BYDAY"},),
    "WEEKLY": ({"BYDAY"},),
    "MONTHLY": ({"BYMONTHDAY"}, {"BYDAY"}, {"BYDAY", "BYSETPOS"}),
    "YEARLY": ({"BYMONTH", "BYMONTHDAY"}, {"BYMONTH", "BYDAY"}, {"BYMONTH", "BYDAY", "BYSETPOS"}),
}
_FRAME = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
_CLOCK = {"BYHOUR", "BYMINUTE", "BYSECOND"}  # with one value each: some programs repeat the event's own hour there
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def rule_of(line: int, value: str) -> vRecur:
    """A rule that can be expanded without harm. Raises Unreadable."""
    try:
        rule: vRecur = vRecur.from_ical(value.strip())
        if "UNTIL" in rule and rule["UNTIL"][0].year not in _YEARS:
            del rule["UNTIL"]  # 31.12.9999 is "for ever" to some
        wrong = _wrong(rule)
    except _WRONG as error:
        raise Unreadable(line, "plan_file.rule", words=excerpt(value)) from error
    if wrong is not None:
        raise Unreadable(line, wrong, words=excerpt(value), limit=MAX_SESSIONS)
    return rule


def _wrong(rule: vRecur) -> str | None:
    """Why this rule is not let through: the id of a text."""
    parts = {key.upper(): values for key, values in rule.items()}
    freq = str(parts["FREQ"][0]).upper()
    filters = {key for key, values in parts.items() if key not in _FRAME and not (key in _CLOCK and len(values) == 1)}
    if freq in ("SECONDLY", "MINUTELY", "HOURLY") or filters & _CLOCK:
        return "plan_file.too_often"
    if _number(rule, "COUNT", 1) > MAX_SESSIONS:
        return "plan_file.rule_long"
    known = freq in _FILTERS and (not filters or filters in _FILTERS[freq]) and not {"COUNT", "UNTIL"} <= set(parts)
    if not known or _number(rule, "INTERVAL", 1) < 1 or _number(rule, "COUNT", 1) < 1 or _rare(rule, freq, filters):
        return "plan_file.rule"
    return None


def _number(rule: vRecur, key: str, usual: int) -> int:
    return int(rule[key][0]) if key in rule else usual


def _rare(rule: vRecur, freq: str, filters: set[str]) -> bool:
    """May it be years until it comes true, or for ever? The 6th Monday of a month, the 30th of February."""
    interval = _number(rule, "INTERVAL", 1)
    days = [re.fullmatch(r"([+-]?\d{0,2})[A-Z]{2}", str(day).upper()) for day in rule.get("BYDAY", ())]
    ordinals = [abs(int(day[1] or 0)) if day else 99 for day in days]
    month_days = [abs(int(day)) for day in rule.get("BYMONTHDAY", ())]
    months = [int(month) for month in rule.get("BYMONTH", ())]
    longest = max((_LONGEST[month - 1] for month in months if 1 <= month <= 12), default=31)
    return (
        max(ordinals, default=0) > (0 if freq in ("DAILY", "WEEKLY") or "BYSETPOS" in filters else 5)
        or any(not 1 <= abs(int(place)) <= 4 for place in rule.get("BYSETPOS", ()))
        or any(not 1 <= day <= longest for day in month_days)
        or any(not 1 <= month <= 12 for month in months)
        or bool(filters and freq == "DAILY" and interval % 7 == 0)
        or bool(filters and freq == "MONTHLY" and interval > 11)
        or bool(filters and freq == "YEARLY" and interval > 1)
    )


def steps(event: Event, last: date) -> int:
    """What it costs to expand an event until `last`, in steps of a daily rule."""
    cost = len(event.more)
    start = day_of(event.start, tz.UTC)
    for _, rule in event.rules:
        days, each = _STEP[str(rule["FREQ"][0]).upper()]
        until = day_of(rule["UNTIL"][0], tz.UTC) if "UNTIL" in rule else last
        periods = max((min(until, last) - start).days, 0) // (days * _number(rule, "INTERVAL", 1)) + 1
        cost += each * len(rule.get("BYDAY", ".")) * min(periods, _number(rule, "COUNT", periods))
    return cost


def endless(event: Event, last: date) -> bool:
    """Does it go on after `last`?"""
    return any(
        "COUNT" not in rule and ("UNTIL" not in rule or day_of(rule["UNTIL"][0], tz.UTC) > last)
        for _, rule in event.rules
    )


# --- expanding ----------------------------------------------------------------------------------------------------


def expanded(
    core: Event, others: Iterable[Event], own: tzinfo, first: date, last: date
) -> Iterator[tuple[Event, date]]:
    """A series between two days: each time the event that stands there, and its day on the wall of `own`. `others` are
    those that replace one of its times. Raises Unreadable."""
    zone = (core.start.tzinfo if isinstance(core.start, datetime) else None) or own
    clock = core.start.time() if isinstance(core.start, datetime) else None

    def wall(value: When) -> When:
        """Of the sort that the series has: days, or times on the wall of its zone."""
        found = _on_wall(value, zone)
        if clock is None:
            return found.date() if isinstance(found, datetime) else found
        return found if isinstance(found, datetime) else datetime.combine(found, clock)

    events = [core, *(one for one in others if not one.cancelled)]
    cancelled = [one.replaces for one in others if one.cancelled and one.replaces is not None]
    span = (datetime.combine(first - 2 * _DAY, time()), datetime.combine(last + 2 * _DAY, time()))  # a wall apart
    try:
        calendar = icalendar.Calendar()
        for number, one in enumerate(events):
            calendar.add_component(_bare(one, number, wall))
        head = calendar.subcomponents[0]
        if core.rules:
            head["RRULE"] = [_walled(rule, wall, clock) for _, rule in core.rules]
        if core.more:
            head["RDATE"] = vDDDLists([wall(value) for value in core.more])
        if gone := [wall(value) for value in (*core.less, *cancelled)]:
            head["EXDATE"] = vDDDLists(gone)
        for found in recurring_ical_events.CalendarQuery(calendar).between(*span):
            at = found["DTSTART"].dt
            day = day_of(at.replace(tzinfo=zone) if isinstance(at, datetime) else at, own)
            if first <= day <= last:
                yield events[int(found["X-NUMBER"])], day
    except _WRONG as error:
        line = next((line for line, _ in core.rules), core.number)
        raise Unreadable(line, "plan_file.rule", words="") from error


def _bare(event: Event, number: int, wall: Wall) -> icalendar.Event:
    """What the library needs of it; `number` leads back."""
    bare = icalendar.Event()
    bare["UID"] = vText("series")
    bare["SEQUENCE"] = event.sequence
    bare["X-NUMBER"] = vText(str(number))
    bare["DTSTART"] = vDDDTypes(wall(event.start))
    if event.replaces is not None:
        bare["RECURRENCE-ID"] = vDDDTypes(wall(event.replaces))
        if event.onwards:
            bare["RECURRENCE-ID"].params["RANGE"] = "THISANDFUTURE"
    return bare


def _walled(rule: vRecur, wall: Wall, clock: time | None) -> vRecur:
    """The same rule with its end on the wall, which may be a day where the series has times: then that whole day."""
    kept = {key: values for key, values in rule.items() if key.upper() not in _CLOCK}
    if "UNTIL" in rule:
        until = rule["UNTIL"][0]
        if clock is not None and not isinstance(until, datetime):
            until = datetime.combine(until, time(23, 59, 59))
        kept["UNTIL"] = [wall(until)]
    return vRecur(kept)
