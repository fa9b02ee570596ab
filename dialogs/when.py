"""What people type for an hour or a date -> a time, a date, or a Problem that says what to ask.

Theory of operation. A wrong guess here is a check-in at the wrong hour, or a pause of a year instead of a
day, and nobody notices for weeks. So the text has to match one of a few plain shapes as a whole, after its
fill words have been dropped; what matches none is `not_an_hour` or `not_a_date`, and what has two readings
is `ambiguous_date`. dateutil's parser is not used, for it never says no ("7" is a date to it); its calendar
sums are. The caller shows the result to the athlete, by weekday and date, before it counts.

    1.12.  1.12.2026          day first, as everybody who writes dots does
    12/1   12-1               ambiguous, unless one reading is impossible (25/12) or both are one (5/5)
    1 Dec                     the next one; but the last one (so `past`) if that was within a month
    Sunday                    the next one, and never today
    next Friday               the Friday of the next week, weeks beginning on Monday
    2 weeks, in 3 days        counted from today

Words are data, one `Words` per language. Problems are codes; what the athlete reads stands in the templates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from types import MappingProxyType
from typing import Literal

from dateutil.relativedelta import relativedelta

Code = Literal[
    "empty",
    "not_an_hour",
    "hour_out_of_range",
    "minute_out_of_range",
    "not_a_date",
    "ambiguous_date",
    "no_such_date",
    "past",
    "too_far",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no hour or no date; the code names a template."""

    code: Code


_DAY, _WEEK = relativedelta(days=1), relativedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Words:
    """What one language calls things; all in lower case, without accents, abbreviations without their dot."""

    weekdays: Mapping[str, int]  # Monday is 0
    months: Mapping[str, int]
    numbers: Mapping[str, int]
    days: Mapping[str, int]  # days from today
    units: Mapping[str, relativedelta]  # what people count in
    hours: Mapping[str, time]
    offsets: Mapping[str, int]  # minutes to add to the hour that follows: "half past"
    halves: Mapping[str, Literal["am", "pm"]]
    following: frozenset[str]  # "next"
    fill: frozenset[str]  # may be left out anywhere
    ordinal: str  # a pattern, right behind the digits of a day


def _names(*rows: str, start: int = 0) -> Mapping[str, int]:
    """Numbers the rows; the words in one row mean the same."""
    return MappingProxyType({name: n for n, row in enumerate(rows, start) for name in row.split()})


ENGLISH = Words(
    weekdays=_names(
        "monday mondays mon",
        "tuesday tuesdays tue tues",
        "wednesday wednesdays wed",
        "thursday thursdays thu thur thurs",
        "friday fridays fri",
        "saturday saturdays sat",
        "sunday sundays sun",
    ),
    months=_names(
        "january jan",
        "february feb",
        "march mar",
        "april apr",
        "may",
        "june jun",
        "july jul",
        "august aug",
        "september sep sept",
        "october oct",
        "november nov",
        "december dec",
        start=1,
    ),
    numbers=_names(
        "a an one",
        "two couple",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        start=1,
    ),
    days={"today": 0, "tomorrow": 1, "tmrw": 1, "yesterday": -1, "day after tomorrow": 2, "fortnight": 14},
    units=dict.fromkeys(("day", "days"), _DAY)
    | dict.fromkeys(("week", "weeks", "wk", "wks"), _WEEK)
    | dict.fromkeys(("month", "months"), relativedelta(months=1)),
    hours={
        "noon": time(12),
        "midday": time(12),
        "12 noon": time(12),
        "midnight": time(0),
        "12 midnight": time(0),
    },
    offsets={
        "half past": 30,
        "half": 30,
        "quarter past": 15,
        "quarter to": -15,
        "ten past": 10,
        "ten to": -10,
        "twenty past": 20,
        "twenty to": -20,
    },
    halves={
        "am": "am",
        "a m": "am",
        "pm": "pm",
        "p m": "pm",
        "morning": "am",
        "afternoon": "pm",
        "evening": "pm",
    },
    following=frozenset({"next"}),
    fill=frozenset(
        {
            "at",
            "around",
            "about",
            "oclock",
            "until",
            "till",
            "til",
            "on",
            "the",
            "this",
            "for",
            "in",
            "of",
            "from",
        }
    ),
    ordinal="(?:st|nd|rd|th)?",
)

LONGEST = 60  # characters; the longest thing that is read here is "Wednesday the 30th of September, 2026"
HORIZON = relativedelta(years=3)  # a goal race may be two seasons away; what is further is a slip of the finger
_JUST_PAST = timedelta(days=31)


def hour(text: str, words: Words = ENGLISH) -> time | Problem:
    """Wall time in whole minutes. A bare "7" is 07:00; for the evening one says pm or 19.

    Never raises; problems: empty, not_an_hour, hour_out_of_range, minute_out_of_range.
    """
    said = _plain(text, words)
    if not said:
        return Problem("empty" if not text.strip() else "not_an_hour")
    if said in words.hours:
        return words.hours[said]
    offset = 0
    for name in sorted(words.offsets, key=len, reverse=True):
        if said.startswith(name + " "):
            said, offset = said.removeprefix(name + " "), words.offsets[name]
            break
    half: str | None = None
    for name, meant in words.halves.items():
        if match := re.fullmatch(rf"(.*(?:\d|[^\W\d]\s))\s*{name}", said):
            said, half = match[1].strip(), meant
            break
    if re.fullmatch(r"-\s*\d{1,2}(?:[:.]\d\d)?", said):
        return Problem("hour_out_of_range")
    shown = re.fullmatch(r"(\d{1,2})(?:(?: ?[:.h] ?| )(\d\d)| ?h)?", said) or re.fullmatch(r"(\d{1,2})(\d\d)", said)
    if shown:
        hours, minutes = int(shown[1]), int(shown[2] or 0)
    elif said in words.numbers and said not in ("a", "an"):
        hours, minutes = words.numbers[said], 0
    else:
        return Problem("not_an_hour")
    if hours > 23 or (half is not None and not 1 <= hours <= 12):
        return Problem("hour_out_of_range")
    if minutes > 59:
        return Problem("minute_out_of_range")
    if half is not None:
        hours = hours % 12 + (12 if half == "pm" else 0)
    return _clock(hours * 60 + minutes + offset)


def day(text: str, today: date, words: Words = ENGLISH, past_allowed: bool = False) -> date | Problem:
    """A date, today or later; `today` is the athlete's local date. See the top of the file for the readings.

    Never raises; problems: empty, not_a_date, ambiguous_date, no_such_date, past (unless `past_allowed`), and
    too_far (over three years away, either way).
    """
    said = _plain(text, words)
    if not said:
        return Problem("empty" if not text.strip() else "not_a_date")
    found = _spoken(said, today, words)
    if found is None:
        found = _written(said, today, words)
    if isinstance(found, Problem):
        return found
    if found < today and not past_allowed:
        return Problem("past")
    if not today - HORIZON <= found <= today + HORIZON:
        return Problem("too_far")
    return found


def _plain(text: str, words: Words) -> str:
    """One line of lower-case words and digits, without fill words; "" where too long to be an answer."""
    if len(text) > LONGEST:
        return ""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(letter for letter in text if unicodedata.category(letter) not in ("Mn", "Cf"))
    text = re.sub(r"['’`!?]", "", text).replace(",", " ")
    text = re.sub(r"([^\W\d])\.", r"\1 ", text)  # the dot of an abbreviation: "p.m.", "Dec."
    return " ".join(word for word in text.split() if word not in words.fill)


def _clock(minutes: int) -> time:
    minutes %= 24 * 60
    return time(minutes // 60, minutes % 60)


def _spoken(said: str, today: date, words: Words) -> date | Problem | None:
    """Dates that are told from today: "tomorrow", "next Friday", "2 weeks". None where it is none of them."""
    plain = said.removeprefix("a ")
    if plain in words.days:
        return today + timedelta(days=words.days[plain])
    first, _, rest = said.partition(" ")
    next_monday = today + timedelta(days=7 - today.weekday())
    if first in words.following:
        if rest in words.weekdays:
            return next_monday + timedelta(days=words.weekdays[rest])
        return next_monday if words.units.get(rest) == _WEEK else None
    if said in words.weekdays:
        return today + timedelta(days=(words.weekdays[said] - today.weekday() - 1) % 7 + 1)
    *counted, unit = said.split()
    number = " ".join(counted).removeprefix("a ")  # "a couple of weeks"
    if unit in words.units and (number in words.numbers or re.fullmatch(r"\d+", number)):
        count = words.numbers.get(number) or int(number)
        if count > 3 * 366:
            return Problem("too_far")  # also keeps a million months out of the calendar
        return today + words.units[unit] * count
    return None


def _written(said: str, today: date, words: Words) -> date | Problem:
    """Dates that name a day of the calendar, with or without a weekday before them."""
    first, _, rest = said.partition(" ")
    if first in words.weekdays and rest:
        found = _calendar(rest, today, words)
        wrong = isinstance(found, date) and found.weekday() != words.weekdays[first]
        return Problem("ambiguous_date") if wrong else found  # "Monday 1 December", and it is a Tuesday
    return _calendar(said, today, words)


def _calendar(said: str, today: date, words: Words) -> date | Problem:
    name, number = r"([^\W\d]+)", rf"(\d{{1,2}}){words.ordinal}"
    if match := re.fullmatch(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", said):
        return _dated(int(match[4]), int(match[3]), int(match[1]))
    if match := re.fullmatch(rf"{number}[ .-]*{name}(?:[ -]+(\d{{4}}))?", said):
        spelled, numeral, year = match[2], match[1], match[3]
    elif match := re.fullmatch(rf"{name}[ .-]*{number}(?:[ -]+(\d{{4}}))?", said):
        spelled, numeral, year = match[1], match[2], match[3]
    else:
        return _numeric(said, today)
    if spelled not in words.months:
        return Problem("not_a_date")
    return _in_year(int(numeral), words.months[spelled], year, today)


def _numeric(said: str, today: date) -> date | Problem:
    if match := re.fullmatch(r"(\d{1,2})\. ?(\d{1,2})(?:\.|\. ?(\d{4}))?", said):
        return _in_year(int(match[1]), int(match[2]), match[3], today)
    match = re.fullmatch(r"(\d{1,2})([/-])(\d{1,2})(?:\2(\d{4}))?", said)
    if not match:
        return Problem("not_a_date")
    one, other, year = int(match[1]), int(match[3]), match[4]
    readings = {(one, other), (other, one)}
    possible = [(day, month) for day, month in readings if _dated(day, month, 2028) != Problem("no_such_date")]
    if len(possible) != 1:
        return Problem("ambiguous_date" if possible else "no_such_date")
    return _in_year(*possible[0], year, today)


def _in_year(day: int, month: int, year: str | None, today: date) -> date | Problem:
    """That day of the given year; without one, the one of last month, or the next within twelve months."""
    if year is not None:
        return _dated(day, month, int(year))
    for ahead in (-1, 0, 1):
        found = _dated(day, month, today.year + ahead)
        if isinstance(found, date) and today - _JUST_PAST <= found <= today + relativedelta(years=1):
            return found
    return Problem("no_such_date")


def _dated(day: int, month: int, year: int) -> date | Problem:
    try:
        return date(year, month, day)
    except ValueError:
        return Problem("no_such_date")
