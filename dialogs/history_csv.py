"""Other squads' check-ins from a CSV file, as the days that the rule book looks at.

The form is that of the public data on which the rules were tried: one line is one athlete's day, and what is empty was
not answered. Needed are `athlete`, `date` (2026-11-22) and at least one column of answers; whatever else stands in the
file is passed over.

    sleep_quality, fatigue, soreness, stress, mood, motivation
                      1 to `scale_max` (5 where there is no such column), the best at the top for every item; at 100 the
                      scale begins at 0. Everything is brought to 1..5. A 0 on a shorter scale means: not answered
    sleep_h           hours; 0 means: not answered
    pain              yes or no (1 or 0), or a strength up to 10: the largest number in the file tells which
    injury            "right_knee:minor;left_foot:major", from a form that is filled in now and then; with
                      `injury_answered` 1 and nothing here it was answered with "none"
    illness           yes or no, or what it is in words; a part of 1, the lower half of several numbers, or "slightly":
                      a little
    rpe_max, minutes, ran
                      a session was done, this hard (0..10)

A pain of which nobody says how strong counts as SOME, an injury that is no small one as HIGH: the same edges as in the
check-in. There is no plan in such a file, so a hard session is taken to lie ahead on every day.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isfinite

from dialogs.checkin import PAIN_HIGH, PAIN_SOME
from dialogs.replaying import History
from dialogs.signals import Day, Done, Pain

ITEMS = {
    "sleep_quality": "sleep", "fatigue": "fatigue", "soreness": "soreness", "stress": "stress", "mood": "mood",
}  # fmt: skip
ANSWERS = (*ITEMS, "sleep_h", "pain", "injury", "illness")
SOMEWHERE = "somewhere"  # where nothing is said of the place
FIRST_YEAR, LAST_YEAR = 1900, 2200
LARGEST = 50_000_000  # bytes: a hundred athletes for a lifetime
_EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "-"})
_YES = frozenset({"yes", "true", "y"})
_NO = frozenset({"no", "false", "n"})
_STRENGTH = {
    "minor": PAIN_SOME, "mild": PAIN_SOME, "moderate": PAIN_HIGH, "major": PAIN_HIGH + 1, "severe": PAIN_HIGH + 1,
}  # fmt: skip
_PLACES = {"groin_hip": "groin"}  # two places in one name: the one of which a coach must hear sooner
_SITE = re.compile(r"(?:(left|right)_)?([a-z][a-z_ ]{0,30}?)\s*(?::\s*(\w+))?")
_ABOVE = re.compile(r"slight|cold|nose|sniffle|sneez|throat|hay|sinus")
_FEVER = re.compile(r"fever|temperature|flu\b|influenza")


class Unreadable(ValueError):
    """The file is not in this form: what stands where, in one sentence without the name of the file."""


@dataclass(frozen=True, slots=True)
class _Line:
    number: int  # as an editor shows it: the first is 1
    cells: Mapping[str, str]

    def text(self, name: str) -> str:
        found = self.cells.get(name, "").strip()
        return "" if found.casefold() in _EMPTY else found

    def number_of(self, name: str, most: float | None = None) -> float | None:
        """A number from 0 to `most`; None where nothing stands."""
        text = self.text(name)
        if not text:
            return None
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not isfinite(found) or found < 0:
            raise self.wrong(name, "no number from 0 up")
        if most is not None and found > most:
            raise self.wrong(name, f"more than {most:g}")
        return found

    def wrong(self, name: str, why: str) -> Unreadable:
        return Unreadable(f"line {self.number}: {name} is {self.cells[name].strip()[:40]!r}, which is {why}")


def read(data: bytes) -> tuple[History, ...]:
    """Every athlete of the file, in the order in which they come up; `id` counts them from 1. Raises Unreadable."""
    lines = list(_lines(data))
    if not lines:
        raise Unreadable("it has a heading and no line below it")
    levels = max((_amount(line, "pain") or 0 for line in lines), default=0) > 1
    ill = max((_amount(line, "illness") or 0 for line in lines), default=0)
    days: dict[tuple[str, str], dict[date, Day]] = {}
    asked: dict[tuple[str, str], set[date]] = {}
    for line in lines:
        who = (line.text("dataset"), line.text("athlete"))
        if not who[1]:
            raise Unreadable(f"line {line.number}: athlete is empty")
        day = _date(line)
        one = _day(line, levels, ill)
        known = days.setdefault(who, {})
        known[day] = _together(known[day], one) if day in known else one
        if line.text("pain") or line.text("injury") or (_amount(line, "injury_answered") or 0) > 0:
            asked.setdefault(who, set()).add(day)
    several = len({dataset for dataset, _ in days}) > 1
    return tuple(
        History(
            id=number,
            name=f"{who[0]} {who[1]}" if several else who[1],
            days=dict(sorted(known.items())),
            asked=frozenset(asked.get(who, ())),
            assumes_hard=True,
        )
        for number, (who, known) in enumerate(days.items(), 1)
    )


def _lines(data: bytes) -> Iterator[_Line]:
    if len(data) > LARGEST:
        raise Unreadable(f"it is larger than {LARGEST // 1_000_000} MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unreadable(f"line {line} is not UTF-8: save it as CSV in UTF-8") from None
    if not text.strip():
        raise Unreadable("it is empty")
    if "\0" in text:
        raise Unreadable("it holds zero bytes, so it is no CSV")
    first = text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    names: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _heading(cells)
                continue
            if len(cells) != len(names):
                raise Unreadable(f"line {reader.line_num} has {len(cells)} fields, and the heading has {len(names)}")
            yield _Line(reader.line_num, dict(zip(names, cells, strict=True)))
    except csv.Error as error:
        raise Unreadable(f"line {reader.line_num} is no CSV ({error})") from None


def _heading(cells: Sequence[str]) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    missing = [name for name in ("athlete", "date") if name not in names]
    if missing or not set(ANSWERS) & set(names):
        wanted = f"no column {missing[0]}" if missing else f"none of the columns {', '.join(ANSWERS)}"
        there = ", ".join(names)
        raise Unreadable(f"it has {wanted}; what it has is {there[:120]}{'…' if len(there) > 120 else ''}")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise Unreadable(f"its heading has the column {twice} twice")
    return names


def _date(line: _Line) -> date:
    text = line.text("date")
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+)?", text):
            raise ValueError
        found = date.fromisoformat(text[:10])
        if not FIRST_YEAR <= found.year <= LAST_YEAR:  # the rules look some weeks back and ahead
            raise ValueError
        return found
    except ValueError:
        raise line.wrong("date", "no date like 2026-11-22") from None


def _day(line: _Line, levels: bool, ill: float) -> Day:
    most = line.number_of("scale_max") or 5
    if most not in (5, 7, 10, 100):
        raise line.wrong("scale_max", "none of 5, 7, 10 and 100")
    items = {}
    for column, item in ITEMS.items():
        value = line.number_of(column, most)
        if value is not None and (value > 0 or most == 100):
            items[item] = _to_five(value, most)
    hours = line.number_of("sleep_h", 24) or None
    effort = line.number_of("rpe_max", 10)
    trained = effort is not None or any(line.number_of(name) for name in ("minutes", "ran"))
    return Day(
        items=items,
        sleep_hours=hours,
        pains=_pains(line, levels),
        done=(Done(None, "done", effort),) if trained else (),
        said=_said(line, ill),
    )


def _to_five(value: float, most: float) -> float:
    least = 0 if most == 100 else 1
    return min(5.0, max(1.0, 1 + (value - least) * 4 / (most - least)))


def _amount(line: _Line, name: str) -> float | None:
    """Of a yes or no, or of a strength; None where nothing stands or where it is told in other words."""
    text = line.text(name).casefold()
    if text in _YES:
        return 1.0
    if text in _NO:
        return 0.0
    if not re.fullmatch(r"[\d.]+", text):
        return None
    return line.number_of(name)


def _pains(line: _Line, levels: bool) -> dict[str, Pain]:
    found: dict[str, Pain] = {}
    for part in filter(None, (part.strip() for part in line.text("injury").casefold().split(";"))):
        site = _SITE.fullmatch(part)
        if site is None:
            raise line.wrong("injury", 'nothing like "right_knee:minor;left_foot:major"')
        side, place, strength = site[1], site[2].strip(), site[3] or "minor"
        level = int(strength) if strength.isdecimal() and int(strength) <= 10 else _STRENGTH.get(strength)
        if level is None:
            raise line.wrong("injury", "neither minor nor major")
        if level:
            _add(found, _PLACES.get(place, place), Pain(level, side=side))
    amount = _amount(line, "pain")
    if amount is None and line.text("pain"):
        raise line.wrong("pain", "neither yes or no nor a number up to 10")
    if amount:
        _add(found, SOMEWHERE, Pain(line.number_of("pain", 10) or 0 if levels else PAIN_SOME))
    return found


def _add(found: dict[str, Pain], place: str, pain: Pain) -> None:
    """Both knees are one place: the worse of the two counts."""
    if (other := found.get(place)) is not None:
        pain = replace(
            max(pain, other, key=lambda one: one.level), side="both" if pain.side != other.side else pain.side
        )
    found[place] = pain


def _said(line: _Line, ill: float) -> frozenset[str]:
    """Somebody who is a little ill is taken to be so above the neck, whoever is ill without a word more, below it."""
    text, amount = line.text("illness").casefold(), _amount(line, "illness")
    if amount is not None:
        little = amount < 1 or amount <= ill / 2
        return frozenset({"ill_above" if little else "ill_below"} if amount else ())
    if not text or text in _NO:
        return frozenset()
    fever = {"fever"} if _FEVER.search(text) else set()
    return frozenset({"ill_above" if _ABOVE.search(text) and not fever else "ill_below", *fever})


def _together(first: Day, second: Day) -> Day:
    """Two lines of one day: the later answer to a question counts, and nothing that hurts is forgotten."""
    pains = dict(first.pains)
    for place, pain in second.pains.items():
        _add(pains, place, pain)
    return replace(
        second,
        items={**first.items, **second.items},
        sleep_hours=first.sleep_hours if second.sleep_hours is None else second.sleep_hours,
        pains=pains,
        done=(*first.done, *second.done),
        said=first.said | second.said,
    )
