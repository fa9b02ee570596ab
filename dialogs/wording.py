"""Dates, weekdays, numbers and plurals as each language has them: what Babel (CLDR) knows, as filters of the texts.

    {{ day | date }}                                "2026-06-09"  ->  9 June · 9 de junio · 9 juin · 9. Juni
    {{ 0 | weekday }}  {{ 0 | short_weekday }}      Monday · lunes · lundi · Montag;  Mon · lun · lun · Mo
    {{ 5.5 | number }}                              5.5 · 5,5
    {{ n | plural("a session", "{} sessions") }}    the first for one, the second for all else; {} is the number

Which numbers count as "one" is the language's own affair: in French 0 does, too. The millions for which Spanish and
French have a third form do not occur here. English is British: that is where the day stands before the month.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from babel import Locale
from babel.dates import format_skeleton, get_day_names
from babel.numbers import format_decimal

_LOCALES = {"en": "en_GB"}


@cache
def locale(language: str) -> Locale:
    """CLDR's data for one of the languages that have texts."""
    return Locale.parse(_LOCALES.get(language, language))


def date(language: str, day: str | datetime.date) -> str:
    """Day and month, without the year, of a date or of "2026-06-09". Raises ValueError for what is no date."""
    day = datetime.date.fromisoformat(day) if isinstance(day, str) else day
    said = format_skeleton("MMMMd", day, locale=locale(language))
    # CLDR has no ordinal there, and every Frenchman writes one on the first.
    return said.replace("1 ", "1er ", 1) if language == "fr" and day.day == 1 else said


def weekday(language: str, number: int) -> str:
    """Its name; Monday is 0."""
    return str(get_day_names("wide", "stand-alone", locale(language))[number])


def short_weekday(language: str, number: int) -> str:
    """Its name in two or three letters, without the dot that French puts behind it; Monday is 0."""
    return str(get_day_names("abbreviated", "stand-alone", locale(language))[number]).rstrip(".")


def number(language: str, value: float) -> str:
    """With at most two decimals, and nothing between the thousands: "1200" is no decimal to anybody."""
    return format_decimal(value, "0.##", locale=locale(language))


def plural(language: str, count: float, one: str, other: str) -> str:
    """`one` or `other`, by the count, with the count in the place of {}."""
    chosen = one if locale(language).plural_form(count) == "one" else other
    return chosen.replace("{}", number(language, count))


def filters(language: str) -> Mapping[str, Callable[..., Any]]:
    """All of them, for the texts of this language."""
    every = (date, weekday, short_weekday, number, plural)
    return {one.__name__: partial(one, language) for one in every}
