"""A plan as a calendar: what a phone subscribes to, and what other calendar programs export.

Our own is exact: whole days, an id that stays, and the facts of each session in X-AIDSTATION-* lines, so that what is
read back is what was written. In other people's the kind is taken from the title, or the categories; minutes and
kilometres from the words, where they name just one of each; the rest stays open.

The lines are unfolded and counted here, because a problem must name a line, and the libraries only know that something
is wrong. What repeats, and on which day something is: `plan_series`.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import icalendar
from icalendar.prop import vText

from dialogs import plan_reading as reading
from dialogs import plan_series as series
from dialogs.model import Session
from dialogs.plan import FORMS, KINDS
from dialogs.plan_reading import Problem, Read
from dialogs.plan_series import Event, Unreadable, Zones

OWN = "X-AIDSTATION-"
_NUMBERS = {"MINUTES": "minutes", "KM": "km", "DESCENT": "descent", "EFFORT": "effort"}
_DAY = timedelta(days=1)


# --- writing ------------------------------------------------------------------------------------------------------


class _Text(vText):
    """The library makes a line end of every \\N, also where somebody wrote a backslash and an N."""

    def to_ical(self) -> bytes:
        text = str(self)
        for sign, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
            text = text.replace(sign, escaped)
        return text.encode()


def write(
    sessions: Iterable[Session], *, name: str, zone: str, now: datetime, whose: str = "plan", language: str = "en"
) -> str:
    """A calendar that a phone may subscribe to. `name`: what the phone calls it. `whose`: a name for the athlete that
    never changes and tells nobody who it is; with the session's id it makes the event's, by which a phone knows a
    moved session again."""
    calendar = icalendar.Calendar()
    for key, value in (
        ("VERSION", "2.0"), ("PRODID", "-//Aid Station//plan//EN"), ("CALSCALE", "GREGORIAN"), ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", reading.tidy(name)), ("NAME", reading.tidy(name)), ("X-WR-TIMEZONE", zone),
    ):  # fmt: skip
        calendar[key] = _Text(value)
    calendar.add("REFRESH-INTERVAL", timedelta(minutes=1), parameters={"VALUE": "DURATION"})
    calendar["X-PUBLISHED-TTL"] = _Text("PT1M")
    for number, one in enumerate(sessions):
        calendar.add_component(_event(one, f"{one.id or f'{one.day:%y%m%d}-x{number}'}.{whose}", now, language))
    written: bytes = calendar.to_ical(sorted=False)
    return written.decode()


def _event(session: Session, id: str, now: datetime, language: str) -> icalendar.Event:
    event = icalendar.Event()
    event["UID"] = _Text(f"{id}@aidstation")
    event.add("DTSTAMP", now)
    event.add("DTSTART", session.day)
    event.add("DTEND", session.day + _DAY)
    event["TRANSP"] = _Text("TRANSPARENT")  # a session does not make its day busy
    event["SUMMARY"] = _Text(reading.shown(session, language))
    if text := reading.tidy(session.text):
        event["DESCRIPTION"] = _Text(text)
    event[f"{OWN}KIND"] = _Text(session.kind)
    for key, column in _NUMBERS.items():
        if (value := getattr(session, column)) is not None:
            event[f"{OWN}{key}"] = _Text(reading.decimal(value))
    if session.form is not None:
        event[f"{OWN}FORM"] = _Text(session.form)
    return event


# --- lines --------------------------------------------------------------------------------------------------------

_LINE = re.compile(r'([A-Za-z0-9-]+)((?:;[^:"]*(?:"[^"]*"[^:"]*)*)?):(.*)', re.DOTALL)
_PARAMETER = re.compile(r';\s*([A-Za-z-]+)\s*=\s*("[^"]*"|[^;:"]*)')
_OUTER = {("BEGIN", "VEVENT"), ("BEGIN", "VTIMEZONE"), ("BEGIN", "VCALENDAR"), ("END", "VCALENDAR")}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    name: str
    parameters: Mapping[str, str]
    value: str

    @property
    def text(self) -> str:
        return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value)


@dataclass(slots=True)
class _Component:
    """An event, or a zone with its parts flat in `raw`; `lines` are its own, not those of an alarm inside."""

    number: int
    name: str
    lines: list[_Line] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    def all(self, name: str) -> list[_Line]:
        return [one for one in self.lines if one.name == name]

    def first(self, name: str) -> _Line | None:
        return next((one for one in self.lines if one.name == name), None)

    def text(self, name: str) -> str:
        found = self.first(name)
        return reading.tidy(found.text) if found else ""


def _unfolded(data: bytes) -> Iterator[tuple[int, str]]:
    """Lines with their numbers. Some programs fold within a letter, so the bytes are joined before they are read."""
    whole: list[bytes] = []
    begun = 0
    for number, line in enumerate(re.split(rb"\r\n|\n|\r", data), 1):
        if line[:1] in (b" ", b"\t") and whole:
            whole.append(line[1:])
            continue
        if whole:
            yield begun, reading.letters(b"".join(whole))
        whole, begun = [line], number
    yield begun, reading.letters(b"".join(whole))


def _components(data: bytes, problems: list[Problem]) -> list[_Component]:
    """The events and zones of a file. What stands in no event, or in one that does not end, is a problem."""
    found: list[_Component] = []
    open_: _Component | None = None
    inside: list[str] = []
    for number, raw in _unfolded(data):
        if not raw.strip():
            continue
        if (parts := _LINE.fullmatch(raw)) is None:
            if open_ is None or open_.name == "VEVENT":
                problems.append(Problem(number, "plan_file.line", {"words": reading.excerpt(raw)}))
            continue
        name, value = parts[1].upper(), parts[3].strip().upper()
        if (name, value) in _OUTER:
            if open_ is not None:
                problems.append(Problem(open_.number, "plan_file.no_end"))
            open_, inside = None if value == "VCALENDAR" else _Component(number, value), []
        elif open_ is None:
            continue
        elif name == "END" and value == open_.name:
            found.append(open_)
            open_, inside = None, []
        elif open_.name == "VTIMEZONE":
            open_.raw.append(raw)
        elif name == "BEGIN":
            inside.append(value)
        elif name == "END":
            inside = inside[:-1]
        elif not inside:
            told = {key.upper(): said.strip('"') for key, said in _PARAMETER.findall(parts[2])}
            open_.lines.append(_Line(number, name, told, parts[3]))
    if open_ is not None:
        problems.append(Problem(open_.number, "plan_file.no_end"))
    return found


# --- reading ------------------------------------------------------------------------------------------------------


def read(data: bytes, *, zone: str, today: date) -> Read:
    """The sessions of a calendar, in UTF-8. `zone`: the athlete's, on whose wall an event with a time has its day."""
    problems: list[Problem] = []
    components = _components(data, problems)
    zones = Zones({name: one.raw for one in components if one.name == "VTIMEZONE" for name in _tzid(one)})
    events: list[Event] = []
    at: dict[int, _Component] = {}
    for component in components:
        if component.name == "VEVENT":
            try:
                events.append(_event_of(component, zones))
                at[component.number] = component
            except Unreadable as error:
                problems.append(Problem(error.line, error.what, error.data))
    seen: Counter[str] = Counter()
    sessions: dict[int, Session | Problem] = {}
    laid: list[Session] = []
    for event, day in _days(events, zone, today, problems, seen):
        if event.number not in sessions:
            sessions[event.number] = _session(at[event.number])
        found = sessions[event.number]
        if isinstance(found, Session):
            laid.append(replace(found, day=day))
        if len(laid) > reading.MAX_SESSIONS:
            break
    problems += [one for one in sessions.values() if isinstance(one, Problem)]
    taken = [at[number] for number, one in sessions.items() if isinstance(one, Session)]
    foreign = [one for one in taken if one.first(f"{OWN}KIND") is None]
    seen["plan_file.guessed"] = len(foreign)
    seen["plan_file.cut"] = sum(len(_text(one)) > reading.MAX_TEXT for one in foreign)
    range_ = {"first": (today - reading.BEFORE).isoformat(), "last": (today + reading.AHEAD).isoformat()}
    notes = [Problem(0, what, {"n": n, **range_}) for what, n in seen.items() if n]
    notes += [Problem(line, "plan_file.zone", {"zone": reading.excerpt(name)}) for name, line in zones.unknown.items()]
    return reading.read_as(laid, problems, notes)


def _tzid(zone: _Component) -> list[str]:
    return [line.partition(":")[2].strip() for line in zone.raw if line.upper().startswith("TZID")][:1]


def _event_of(component: _Component, zones: Zones) -> Event:
    """Raises Unreadable."""

    def whens(line: _Line) -> tuple[series.When, ...]:
        return series.whens(line.number, line.value, line.parameters.get("TZID"), zones)

    start = next(iter(component.all("DTSTART")), None)
    begun = whens(start) if start else ()
    if not begun:
        raise Unreadable(start.number if start else component.number, "plan_file.no_start")
    replaced = component.first("RECURRENCE-ID")
    sequence = component.text("SEQUENCE")
    return Event(
        component.number,
        component.text("UID") or f"line {component.number}",
        begun[0],
        int(sequence) if re.fullmatch(r"\d{1,9}", sequence, re.ASCII) else 0,
        component.text("STATUS").upper() == "CANCELLED",
        next(iter(whens(replaced)), None) if replaced else None,
        replaced is not None and replaced.parameters.get("RANGE", "").upper() == "THISANDFUTURE",
        tuple((line.number, series.rule_of(line.number, line.value)) for line in component.all("RRULE")),
        tuple(when for line in component.all("RDATE") for when in whens(line)),
        tuple(when for line in component.all("EXDATE") for when in whens(line)),
    )


def _days(
    events: list[Event], zone: str, today: date, problems: list[Problem], seen: Counter[str]
) -> Iterator[tuple[Event, date]]:
    """Each event with its days around today. What is left out is counted in `seen`, by the text that says so."""
    own = series.rules_of(zone)
    first, last = today - reading.BEFORE, today + reading.AHEAD
    left = series.MAX_STEPS
    for core, others in _series(events):
        if core.cancelled:
            seen["plan_file.cancelled"] += 1
            continue
        if not (core.rules or core.more or others):
            day = series.day_of(core.start, own)
            seen["plan_file.old"] += day < first
            seen["plan_file.later"] += day > last
            if first <= day <= last:
                yield core, day
            continue
        left -= series.steps(core, last)
        try:
            if left < 0:
                line = next((line for line, _ in core.rules), core.number)
                raise Unreadable(line, "plan_file.rule_long", limit=reading.MAX_SESSIONS)
            days = list(series.expanded(core, others, own, first, last))
        except Unreadable as error:
            problems.append(Problem(error.line, error.what, error.data))
            continue
        if not days:
            seen["plan_file.later" if series.day_of(core.start, own) > last else "plan_file.old"] += 1
        seen["plan_file.endless"] += series.endless(core, last)
        yield from days


def _series(events: list[Event]) -> Iterator[tuple[Event, list[Event]]]:
    """Each series, and what replaces single times of it. Where one id stands twice, the later edition counts; where
    neither is later, somebody has copied an event with its id, and both are meant."""
    by_uid: dict[str, list[Event]] = {}
    for one in events:
        by_uid.setdefault(one.uid, []).append(one)
    for several in by_uid.values():
        replacing = [one for one in several if one.replaces is not None]
        cores = [one for one in several if one.replaces is None]
        newest = max((one.sequence for one in cores), default=0)
        cores = [one for one in cores if one.sequence == newest]
        if not cores:  # its series is not in the file
            cores, replacing = [replace(one, replaces=None) for one in replacing], []
        for core in cores:
            yield core, replacing
            replacing = []


# --- what an event says -------------------------------------------------------------------------------------------

_MARKUP = re.compile(r"<(?:br|p|b|i|u|ul|li|div|span|a|html)\b[^<>]{0,500}>", re.IGNORECASE)
_BREAKS = re.compile(r"<br\s*/?>|</(?:p|li|div)>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]{0,500}>", re.IGNORECASE)


def _text(component: _Component) -> str:
    """The title, and what stands below it; some programs export the latter as HTML."""
    more = component.text("DESCRIPTION")
    if _MARKUP.search(more):
        more = reading.tidy(html.unescape(_TAG.sub("", _BREAKS.sub("\n", more))))
    return "\n".join(part for part in (component.text("SUMMARY"), more) if part)


def _session(component: _Component) -> Session | Problem:
    """On no day yet."""
    if component.first(f"{OWN}KIND") is not None:
        return _own_session(component)
    title = component.first("SUMMARY")
    line = title.number if title else component.number
    text = _text(component)
    head = component.text("SUMMARY")
    categories = " ".join(one.text for one in component.all("CATEGORIES"))
    kinds = reading.kinds_of(head, categories)
    if len(kinds) != 1:
        what = "plan_file.two_sessions" if kinds else "plan_file.kind"
        return Problem(line, what, {"words": reading.excerpt(head)})
    kind = kinds.pop()
    minutes, km = reading.told(head, text[len(head) :]) if kind != "rest" else (None, None)
    session = Session("", date.min, kind, minutes, km, text=text[: reading.MAX_TEXT])
    return reading.out_of_range(line, session) or session


def _own_session(component: _Component) -> Session | Problem:
    values: dict[str, float] = {}
    for key, column in _NUMBERS.items():
        if (line := component.first(f"{OWN}{key}")) is None:
            continue
        number = reading.number_in(line.text.strip(), comma=False)
        if number is None or (column != "km" and number != int(number)):
            return Problem(line.number, "plan_file.number", {"column": column, "words": reading.excerpt(line.text)})
        values[column] = number if column == "km" else int(number)
    kind, form = component.text(f"{OWN}KIND"), component.text(f"{OWN}FORM") or None
    if kind not in KINDS or (form is not None and form not in FORMS):
        return Problem(component.number, "plan_file.kind", {"words": reading.excerpt(f"{kind} {form or ''}")})
    text = component.text("DESCRIPTION")
    session = Session("", date.min, kind, text=text, form=form, **values)  # type: ignore[arg-type]
    return reading.out_of_range(component.number, session) or session
