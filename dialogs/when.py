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

Words are data, one `Words` per language (when_words). People write in any of them, whatever language they are spoken to
in: all are tried, and what two of them read as different days or hours is none. "Next Friday" is the one of the next
week in English and German; "el próximo viernes" and "vendredi prochain" are the first to come. Problems are codes; what
the athlete reads stands in the templates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal, TypeVar

from dateutil.relativedelta import relativedelta

from dialogs.when_words import ENGLISH as ENGLISH
from dialogs.when_words import LANGUAGES, WEEK, Words

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


T = TypeVar("T", date, time)


LONGEST = 60  # characters; the longest thing that is read here is "Wednesday the 30th of September, 2026"
HORIZON = relativedelta(years=3)  # a goal race may be two seasons away; what is further is a slip of the finger
_NEVER_FILL = frozenset({"am"})  # German "am Sonntag"; in an hour it is "12 am"
_JUST_PAST = timedelta(days=31)


def hour(text: str, languages: Sequence[Words] = LANGUAGES) -> time | Problem:
    """Wall time in whole minutes. A bare "7" is 07:00; for the evening one says pm or 19.

    Never raises; problems: empty, not_an_hour, hour_out_of_range, minute_out_of_range.
    """
    return _agreed([_hour(text, words) for words in languages], Problem("not_an_hour"), Problem("not_an_hour"))


def day(text: str, today: date, languages: Sequence[Words] = LANGUAGES, past_allowed: bool = False) -> date | Problem:
    """A date, today or later; `today` is the athlete's local date. See the top of the file for the readings.

    Never raises; problems: empty, not_a_date, ambiguous_date, no_such_date, past (unless `past_allowed`), and
    too_far (over three years away, either way).
    """
    read = [_day(text, today, words) for words in languages]
    found = _agreed(read, Problem("not_a_date"), Problem("ambiguous_date"))
    if isinstance(found, Problem):
        return found
    if found < today and not past_allowed:
        return Problem("past")
    if not today - HORIZON <= found <= today + HORIZON:
        return Problem("too_far")
    return found


def _agreed(read: Sequence[T | Problem], nothing: Problem, several: Problem) -> T | Problem:
    """What the languages make of it: the one reading, `several` where there are two, else why it is none: the first
    problem that says more than `nothing`."""
    found = {one for one in read if not isinstance(one, Problem)}
    if len(found) > 1:
        return several
    wrong = (one for one in read if isinstance(one, Problem) and one != nothing)
    return found.pop() if found else next(wrong, nothing)


def _hour(text: str, words: Words) -> time | Problem:
    said = _plain(text, words, _NEVER_FILL)
    if not said:
        return Problem("empty" if not text.strip() else "not_an_hour")
    if said in words.hours:
        return words.hours[said]
    offset = 0
    for name in sorted(words.offsets, key=len, reverse=True):
        if said.startswith(name + " "):
            said, offset = said.removeprefix(name + " "), words.offsets[name]
            break
    for name, minutes_more in words.behind.items():
        if re.search(rf"\s{name}(?=\s|$)", said):
            said, offset = re.sub(rf"\s{name}(?=\s|$)", "", said, count=1), minutes_more
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


def _day(text: str, today: date, words: Words) -> date | Problem:
    """In one language; however far away, and past or not."""
    said = _plain(text, words)
    if not said:
        return Problem("empty" if not text.strip() else "not_a_date")
    found = _spoken(said, today, words)
    return _written(said, today, words) if found is None else found


def _plain(text: str, words: Words, never_fill: frozenset[str] = frozenset()) -> str:
    """One line of lower-case words and digits, without fill words; "" where too long to be an answer."""
    if len(text) > LONGEST:
        return ""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(letter for letter in text if unicodedata.category(letter) not in ("Mn", "Cf"))
    text = re.sub(r"['’`!?]", "", text).replace(",", " ")
    text = re.sub(r"([^\W\d])\.", r"\1 ", text)  # the dot of an abbreviation: "p.m.", "Dec."
    return " ".join(word for word in text.split() if word not in words.fill or word in never_fill)


def _clock(minutes: int) -> time:
    minutes %= 24 * 60
    return time(minutes // 60, minutes % 60)


def _spoken(said: str, today: date, words: Words) -> date | Problem | None:
    """Dates that are told from today: "tomorrow", "next Friday", "2 weeks". None where it is none of them."""
    plain = said.removeprefix("a ")
    if plain in words.days:
        return today + timedelta(days=words.days[plain])
    next_monday = today + timedelta(days=7 - today.weekday())
    for word in words.coming:
        if said.startswith(word + " ") or said.endswith(" " + word):
            said = said.removeprefix(word + " ").removesuffix(" " + word)
            if words.units.get(said) == WEEK:
                return next_monday
    first, _, rest = said.partition(" ")
    if first in words.following:
        if rest in words.weekdays:
            return next_monday + timedelta(days=words.weekdays[rest])
        return next_monday if words.units.get(rest) == WEEK else None
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
