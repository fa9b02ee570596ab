"""What athletes type for an hour or a date. Each table reads: typed, understood."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.when import HORIZON, Problem, day, hour
from dialogs.when_words import ENGLISH, GERMAN, LANGUAGES

TODAY = date(2026, 11, 22)  # a Sunday

HOURS = {
    "7": "07:00",
    "07": "07:00",
    "7:30": "07:30",
    "07.30": "07:30",
    "0730": "07:30",
    "730": "07:30",
    "7 30": "07:30",
    "7am": "07:00",
    "7 a.m.": "07:00",
    "6:15 pm": "18:15",
    "6.15PM": "18:15",
    "12am": "00:00",
    "12pm": "12:00",
    "19": "19:00",
    "19h": "19:00",
    "19h30": "19:30",
    "0:00": "00:00",
    "23:59": "23:59",
    "noon": "12:00",
    "Midnight": "00:00",
    "seven": "07:00",
    "half past six": "06:30",
    "half past 7 pm": "19:30",
    "quarter to seven": "06:45",
    "six in the evening": "18:00",
    "7 in the morning": "07:00",
    "at 7": "07:00",
    "around 7 o'clock": "07:00",
    "  7:30 ": "07:30",
    "７：３０": "07:30",
    "٧:٣٠": "07:30",
    "25:00": "hour_out_of_range",
    "24:00": "hour_out_of_range",
    "99": "hour_out_of_range",
    "-1": "hour_out_of_range",
    "-7:30": "hour_out_of_range",
    "13pm": "hour_out_of_range",
    "0am": "hour_out_of_range",
    "7:75": "minute_out_of_range",
    "0760": "minute_out_of_range",
    "": "empty",
    " \n": "empty",
    "asdf": "not_an_hour",
    "7 or 8": "not_an_hour",
    "6-7": "not_an_hour",
    "7:5": "not_an_hour",
    "12345": "not_an_hour",
    "7:30:00": "not_an_hour",
    "a": "not_an_hour",
    "am": "not_an_hour",
    "half past": "not_an_hour",
    "quarter to midnight": "not_an_hour",
    "tomorrow": "not_an_hour",
    "🏃": "not_an_hour",
    "{{7*7}}": "not_an_hour",
    "<b": "not_an_hour",
    "7" * 4096: "not_an_hour",
}


@pytest.mark.parametrize(("typed", "understood"), HOURS.items(), ids=lambda text: ascii(text[:20]))
def test_an_hour_is_understood_or_refused_by_a_code(typed: str, understood: str) -> None:
    found = hour(typed)
    assert (found.code if isinstance(found, Problem) else found.isoformat("minutes")) == understood


# Typed on Sunday, 22 November 2026.
DAYS = {
    "2026-12-01": "2026-12-01",
    "2026/12/1": "2026-12-01",
    "1 Dec": "2026-12-01",
    "Dec. 1": "2026-12-01",
    "December 1": "2026-12-01",
    "1st of December": "2026-12-01",
    "Dec 1st, 2026": "2026-12-01",
    "1-Dec-2026": "2026-12-01",
    "1.12.": "2026-12-01",
    "1.12": "2026-12-01",
    "1. 12. 2026": "2026-12-01",
    "1.12.2026": "2026-12-01",
    "until 1 December": "2026-12-01",
    "Tuesday 1 December": "2026-12-01",
    "Tue, 1 Dec": "2026-12-01",
    "25/12": "2026-12-25",
    "12/25": "2026-12-25",
    "12/25/2026": "2026-12-25",
    "5/5": "2027-05-05",
    "may 1": "2027-05-01",
    "1 Oct": "2027-10-01",
    "22 November": "2026-11-22",
    "today": "2026-11-22",
    "tomorrow": "2026-11-23",
    "the day after tomorrow": "2026-11-24",
    "on Monday": "2026-11-23",
    "Sunday": "2026-11-29",
    "until Sunday": "2026-11-29",
    "this Friday": "2026-11-27",
    "next Friday": "2026-11-27",
    "next week": "2026-11-23",
    "in 3 days": "2026-11-25",
    "in 0 days": "2026-11-22",
    "a week": "2026-11-29",
    "2 weeks": "2026-12-06",
    "for two weeks": "2026-12-06",
    "a couple of weeks": "2026-12-06",
    "a fortnight": "2026-12-06",
    "a month": "2026-12-22",
    "2028-02-29": "2028-02-29",
    "12/1": "ambiguous_date",
    "12/1/2026": "ambiguous_date",
    "12-1": "ambiguous_date",
    "Monday 1 December": "ambiguous_date",
    "29 Feb": "no_such_date",
    "29/2": "no_such_date",
    "2027-02-29": "no_such_date",
    "29 February 2027": "no_such_date",
    "30 Feb": "no_such_date",
    "31.11.": "no_such_date",
    "32 Jan": "no_such_date",
    "13/13": "no_such_date",
    "0000-00-00": "no_such_date",
    "7.30": "no_such_date",
    "yesterday": "past",
    "21 Nov": "past",
    "1 November": "past",
    "2020-01-01": "past",
    "2099-01-01": "too_far",
    "9999-12-31": "too_far",
    "200 weeks": "too_far",
    "99999999999999999999 months": "too_far",
    "": "empty",
    "   ": "empty",
    "asdf": "not_a_date",
    "7": "not_a_date",
    "2026": "not_a_date",
    "20261201": "not_a_date",
    "December": "not_a_date",
    "December 2026": "not_a_date",
    "1.12.26": "not_a_date",
    "10000-01-01": "not_a_date",
    "a few days": "not_a_date",
    "-3 days": "not_a_date",
    "3 days ago": "not_a_date",
    "next": "not_a_date",
    "next asdf": "not_a_date",
    "until": "not_a_date",
    "7:30": "not_a_date",
    "🏃": "not_a_date",
    "{{7*7}}": "not_a_date",
    "1 " * 2048: "not_a_date",
}


@pytest.mark.parametrize(("typed", "understood"), DAYS.items(), ids=lambda text: ascii(text[:20]))
def test_a_date_is_understood_or_refused_by_a_code(typed: str, understood: str) -> None:
    found = day(typed, TODAY)
    assert (found.code if isinstance(found, Problem) else found.isoformat()) == understood


def test_the_leap_day_without_a_year_is_the_next_one_if_that_is_within_a_year() -> None:
    assert day("29 Feb", date(2027, 6, 1)) == date(2028, 2, 29)
    assert day("29 Feb", date(2027, 2, 28)) == Problem("no_such_date")
    assert day("29 Feb", date(2028, 2, 29)) == date(2028, 2, 29)
    assert day("29 Feb", date(2028, 3, 1)) == Problem("past")


def test_next_friday_is_of_next_week_and_friday_is_the_coming_one() -> None:
    wednesday = date(2026, 11, 25)
    assert day("Friday", wednesday) == date(2026, 11, 27)
    assert day("next Friday", wednesday) == date(2026, 12, 4)
    assert day("Wednesday", wednesday) == date(2026, 12, 2)


def test_a_month_after_the_31st_is_the_last_day_of_the_month() -> None:
    assert day("in a month", date(2027, 1, 31)) == date(2027, 2, 28)


def test_a_date_of_the_turn_of_the_year_is_the_near_one() -> None:
    assert day("2 Jan", date(2026, 12, 30)) == date(2027, 1, 2)
    assert day("30 Dec", date(2027, 1, 2)) == Problem("past")


def test_a_past_date_is_taken_where_the_question_is_about_the_past() -> None:
    assert day("yesterday", TODAY, past_allowed=True) == date(2026, 11, 21)
    assert day("1 Nov", TODAY, past_allowed=True) == date(2026, 11, 1)
    assert day("2025-06-01", TODAY, past_allowed=True) == date(2025, 6, 1)
    assert day("0001-01-01", TODAY, past_allowed=True) == Problem("too_far")


# Typed on Sunday, 22 November 2026, by somebody whose language nobody has asked for.
OTHERS = {
    "mañana": "2026-11-23",
    "pasado mañana": "2026-11-24",
    "el martes": "2026-11-24",
    "hasta el domingo": "2026-11-29",
    "el próximo viernes": "2026-11-27",
    "viernes que viene": "2026-11-27",
    "la semana que viene": "2026-11-23",
    "dentro de tres días": "2026-11-25",
    "2 semanas": "2026-12-06",
    "una semana": "2026-11-29",
    "un mes": "2026-12-22",
    "1 de diciembre": "2026-12-01",
    "1º de diciembre de 2026": "2026-12-01",
    "ayer": "past",
    "demain": "2026-11-23",
    "après-demain": "2026-11-24",
    "aujourd’hui": "2026-11-22",
    "jusqu'à dimanche": "2026-11-29",
    "jusqu’au 1er décembre": "2026-12-01",
    "mardi": "2026-11-24",
    "vendredi prochain": "2026-11-27",
    "la semaine prochaine": "2026-11-23",
    "dans deux semaines": "2026-12-06",
    "15 jours": "2026-12-07",
    "1er août 2027": "2027-08-01",
    "morgen": "2026-11-23",
    "übermorgen": "2026-11-24",
    "am Dienstag": "2026-11-24",
    "bis Sonntag": "2026-11-29",
    "bis zum nächsten Montag": "2026-11-23",
    "nächste Woche": "2026-11-23",
    "kommenden Freitag": "2026-11-27",
    "in einer Woche": "2026-11-29",
    "3 Tage": "2026-11-25",
    "1. Dezember": "2026-12-01",
    "1. März 2027": "2027-03-01",
    "30. Februar": "no_such_date",
    "bis bald": "not_a_date",
    "once upon a time": "not_a_date",
}


@pytest.mark.parametrize(("typed", "understood"), OTHERS.items(), ids=lambda text: ascii(text[:20]))
def test_a_date_is_understood_in_spanish_french_and_german(typed: str, understood: str) -> None:
    found = day(typed, TODAY)
    assert (found.code if isinstance(found, Problem) else found.isoformat()) == understood


OTHER_HOURS = {
    "a las 7": "07:00",
    "7 y media": "07:30",
    "las ocho menos cuarto de la tarde": "19:45",
    "6 de la mañana": "06:00",
    "mediodía": "12:00",
    "12 de la noche": "00:00",
    "7 h 30": "07:30",
    "sept heures": "07:00",
    "sept heures et demie": "07:30",
    "8 heures du soir": "20:00",
    "minuit": "00:00",
    "um 7 Uhr": "07:00",
    "7 Uhr 30": "07:30",
    "halb acht": "07:30",
    "Viertel nach sechs": "06:15",
    "7 Uhr abends": "19:00",
    "6 Uhr früh": "06:00",
    "morgen": "not_an_hour",
    "mañana": "not_an_hour",
}


@pytest.mark.parametrize(("typed", "understood"), OTHER_HOURS.items(), ids=lambda text: ascii(text[:20]))
def test_an_hour_is_understood_in_spanish_french_and_german(typed: str, understood: str) -> None:
    found = hour(typed)
    assert (found.code if isinstance(found, Problem) else found.isoformat("minutes")) == understood


def test_no_name_of_a_day_or_month_means_another_one_in_another_language() -> None:
    for kind in ("weekdays", "months", "days", "units", "hours"):
        meant: dict[str, object] = {}
        for words in LANGUAGES:
            for word, value in getattr(words, kind).items():
                assert meant.setdefault(word, value) == value, (kind, word)
    names = [{*one.weekdays} for one in LANGUAGES], [{*one.months} for one in LANGUAGES]
    assert not set().union(*names[0]) & set().union(*names[1])


def test_a_table_alone_reads_its_own_language() -> None:
    assert day("tomorrow", TODAY, (GERMAN,)) == Problem("not_a_date")
    assert day("morgen", TODAY, (ENGLISH,)) == Problem("not_a_date")


WORDS = [
    word
    for one in LANGUAGES
    for words in (one.weekdays, one.months, one.numbers, one.days, one.units, one.halves, one.offsets, one.hours)
    for word in words
]
MIXED = st.lists(
    st.sampled_from([*WORDS, "next", "próximo", "y media", "until", "in", ".", "/", "-", ":"])
    | st.integers(-1, 10**9).map(str),
    max_size=6,
).flatmap(lambda parts: st.sampled_from([" ".join(parts), "".join(parts)]))
TEXTS = st.text(max_size=200) | MIXED
DATES = st.dates(date(2024, 1, 1), date(2090, 12, 31))


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_any_text_is_an_hour_of_whole_minutes_or_a_problem(text: str) -> None:
    found = hour(text)
    assert isinstance(found, Problem) or (found.second == found.microsecond == 0 and found.tzinfo is None)


@settings(max_examples=400, deadline=None)
@given(TEXTS, DATES)
def test_any_text_is_a_coming_date_or_a_problem(text: str, today: date) -> None:
    found = day(text, today)
    assert isinstance(found, Problem) or today <= found <= today + HORIZON


@given(DATES, st.integers(0, 330))
def test_a_date_that_is_written_out_is_read_back_in_every_style(today: date, ahead: int) -> None:
    wanted = today + timedelta(days=ahead)
    for style in ("%Y-%m-%d", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y", "%A %d %b %Y", "%d.%m.", "%b %d"):
        if (wanted.month, wanted.day) != (2, 29) or "%Y" in style:
            assert day(wanted.strftime(style), today) == wanted, style


@given(DATES, st.integers(1, 60))
def test_a_count_of_weeks_and_months_is_the_calendars(today: date, count: int) -> None:
    assert day(f"in {count} weeks", today) == today + timedelta(weeks=count)
    months = day(f"{count} months", today)
    assert months == (today + relativedelta(months=count) if count <= 36 else Problem("too_far"))


@given(st.times())
def test_an_hour_that_is_written_out_is_read_back(at: time) -> None:
    wanted = at.replace(second=0, microsecond=0)
    for style in ("%H:%M", "%H%M", "%H.%M", "%Hh%M", "%I:%M %p", "%I.%M%p"):
        assert hour(wanted.strftime(style)) == wanted, style
