"""A week as facts; the letter that a coach might write after it; and how words about the next days are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import render, summary, week_letters
from dialogs.engine import Value
from dialogs.levels import Level
from dialogs.model import Change, Person, Plan, Record, Session, Training
from dialogs.scripts.availability import availability
from dialogs.scripts.checkin import ITEMS
from dialogs.week_letters import TOPICS
from tests.dialogs.talk import ANN
from tests.dialogs.test_weeks import MONDAY, PLAN, SUNDAY, WORK

# --- letters --------------------------------------------------------------------------------------------------------

ATHLETE = Person(
    ANN, "Ann Smith", runs=True, zone="Europe/London", consent_at=datetime(2026, 4, 1, tzinfo=UTC), asked_on=SUNDAY
)


def at(number: int) -> datetime:
    return datetime(2026, 6, 1, 9, tzinfo=UTC) + timedelta(days=number)


def told(number: int, name: str, value: Any) -> Record:
    return Record("answer", name, at(number), MONDAY + timedelta(days=number), value)


def said(number: int, words: str, level: Level | None = None) -> Record:
    value = level.value if level else None
    return Record("words", "free", at(number), MONDAY + timedelta(days=number), value, words)


def hurt(number: int, where: str, level: int) -> Record:
    value = {"where": where, "level": level, "stride": "no"}
    return Record("step", "pain", at(number), MONDAY + timedelta(days=number), value)


def usual(*numbers: int) -> list[Record]:
    return [told(number, item, "usual") for number in numbers for item in ITEMS]


def did(number: int, id: str, how: str = "done", **more: Any) -> list[Record]:
    return [told(number, "session", id), told(number, "did", how), *(told(number, *pair) for pair in more.items())]


def week_of(records: Sequence[Record], *sessions: Session) -> tuple[summary.Week, Plan]:
    plan = Plan(1, sessions)
    answers = tuple(one for one in records if one.kind in ("answer", "step"))
    return summary.of_week(ATHLETE, records, Training(plan, answers), SUNDAY), plan


RACE = Session("race", date(2026, 6, 13), "race", km=42)
RACED = Session("raced", SUNDAY, "race", km=50)
CASES: dict[str, tuple[list[Record], tuple[Session, ...]]] = {
    "silent": ([], PLAN),
    "injured": ([*usual(0), told(1, "life", "injured"), said(1, "rolled my ankle on the stairs")], PLAN),
    "weighs": ([*usual(0), said(2, "some days I can't stand myself", Level.CONCERN)], PLAN),
    "ill": ([*usual(0), told(1, "life", "fever"), said(1, "in bed with a fever since last night")], PLAN),
    "pain_rising": ([*usual(0, 1), hurt(1, "shin", 2), hurt(4, "shin", 4), said(4, "shin is worse downstairs")], PLAN),
    "pain_easing": ([*usual(0), hurt(0, "achilles", 4), hurt(3, "achilles", 2)], PLAN),
    "pain_lasting": ([*usual(0), hurt(0, "achilles", 3), hurt(5, "achilles", 3)], PLAN),
    "pain": ([*usual(0, 1), hurt(2, "knee", 4)], PLAN),
    "raced": ([*usual(0), *did(6, "raced", effort=9), said(6, "finished it crying, in a good way")], (RACED,)),
    "more": ([*usual(0), said(1, "did the intervals, then ten more k because it felt right")], PLAN),
    "mind": ([told(n, item, 2) for n in (1, 3) for item in ("mood", "stress")] + [said(3, WORK)], PLAN),
    "nights": ([*usual(0), told(1, "sleep", 2), told(3, "sleep", 1), said(3, "baby up all night again")], PLAN),
    "worn": ([told(1, "fatigue", 2), told(2, "fatigue", 2), said(2, "legs are dead since the hills")], PLAN),
    "body": ([*usual(0), *did(1, "tue", "not_done", why="body")], PLAN),
    "head": ([*usual(0), *did(1, "tue", "not_done", why="head"), said(1, "could not get out of the door")], PLAN),
    "uneasy": ([*usual(0), said(3, "some men at the bar shouted something, i turned round")], PLAN),
    "pain_gone": ([*usual(0, 1), hurt(1, "calf", 4), hurt(4, "calf", 0)], PLAN),
    "pain_slight": ([*usual(0, 1), hurt(1, "calf", 2)], PLAN),
    "race": ([*usual(0), said(5, "nervous about the start, honestly")], (RACE,)),
    "away": ([*usual(0), told(1, "life", "away"), said(1, "conference until thursday, hotel gym maybe")], PLAN),
    "busy": ([*usual(0), *did(1, "tue", "not_done", why="life"), said(1, "kid home from school, no chance")], PLAN),
    "harder": ([*usual(0), *did(1, "tue", effort=7), *did(5, "sat", effort=9)], PLAN),
    "long": ([*usual(0), *did(5, "sat", effort=5), said(5, "legs felt light until the last climb")], PLAN),
    "steady": ([*usual(0), *did(1, "tue", effort=3), *did(3, "thu", effort=8)], PLAN[:2]),
    "said": ([*usual(0), said(1, "first swallows over the river this morning")], ()),
    "plain": (usual(0, 1, 2), ()),
}
CHEER = re.compile(
    r"liked reading|good long run|well judged|no drama|Have a good week|good week|steady|how I meant", re.I
)
NEVER = re.compile(
    r"\b(?:streak|score|should have|failed|only \d|detect|diagnos|clear(?:ed)?|safe|proud|keep it up)\b", re.I
)


def test_each_topic_has_a_case_and_the_table_is_in_the_order_of_what_matters() -> None:
    assert list(CASES) == [one.name for one in TOPICS]


@pytest.mark.parametrize("name", CASES)
def test_the_first_thing_that_fits_is_what_the_letter_is_about(name: str) -> None:
    records, sessions = CASES[name]
    week, _ = week_of(records, *sessions)
    assert week_letters.chosen(week)[0].name == name


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("pick", range(12))
def test_every_wording_is_of_facts_and_quotes_without_guilt_and_without_cheer_after_bad_news(
    name: str, pick: int
) -> None:
    records, sessions = CASES[name]
    week, plan = week_of(records, *sessions)
    facts = week_letters.facts(week, ATHLETE, plan, pick)
    words = render.plain(render.text("en", "coach_week.letter", facts))
    assert len(words) <= 640 and "  " not in words and not re.search(r"\s[.,;]|None|\bnan\b|\.\.", words), words
    assert not NEVER.search(words), words
    if week_letters.NAMES[name].heavy:
        assert not CHEER.search(words), words
    for quote in re.findall(r"“([^”]*?)(?: …)?”", words):
        assert any(quote in (one.words or "") for one in records), f"never said: {quote}"


@pytest.mark.parametrize("name", [one.name for one in TOPICS if one.heavy])
def test_what_weighs_is_named_in_a_few_words(name: str) -> None:
    words = render.text("en", f"coach_week.weighs_{name}", {"place": "achilles"})
    assert 0 < len(words) <= 40 and not NEVER.search(words)


@pytest.mark.parametrize("name", CASES)
def test_no_sentence_comes_twice_running_also_over_the_turn_of_a_year(name: str) -> None:
    records, sessions = CASES[name]
    week, plan = week_of(records, *sessions)
    before: set[str] = set()
    for number in range(60):
        later = replace(week, last=SUNDAY + timedelta(days=7 * number))
        said_now = set(sentences(week_letters.letter(later, ATHLETE, plan, "en")))
        assert not said_now & before, said_now & before
        before = said_now


def sentences(letter: str) -> list[str]:
    """But for the name at the top, and with quotes as they stand there."""
    body = letter.partition("\n")[2]
    return [one.strip() for one in re.split(r"(?<=[.?!])\s+(?![a-z“])", body) if one.strip()]


def test_words_are_answered_or_not_quoted() -> None:
    """A letter that quotes something and goes on about something else reads as if nobody had listened."""
    records = [*usual(0), said(2, "the skunk and I agreed on separate trails"), *CASES["harder"][0][5:]]
    week, plan = week_of(records, *PLAN)
    facts = week_letters.facts(week, ATHLETE, plan, 1)
    assert facts["topic"] == "harder" and facts["quoted"] == "free"
    assert "Tell me more" in render.plain(render.text("en", "coach_week.letter", facts))
    night = [*CASES["nights"][0][:-1], said(5, "kids slept through the night, eight hours")]
    week, plan = week_of(night, *PLAN)
    assert week_letters.facts(week, ATHLETE, plan, 1)["quote"] is None, "of a good night, beside the bad ones"


def test_a_week_is_praised_as_laid_out_only_where_it_was() -> None:
    records, _ = CASES["steady"]
    whole, plan = week_of(records, *PLAN[:2])
    half, _ = week_of(records, *PLAN[:3])
    more, _ = week_of([*records, said(1, "did the easy run, then five more k")], *PLAN[:2])
    for pick in range(3):
        told_whole, told_half, told_more = (
            render.plain(render.text("en", "coach_week.letter", week_letters.facts(week, ATHLETE, plan, pick)))
            for week in (whole, half, more)
        )
        assert re.search(r"All 2 sessions|2 of 2", told_whole)
        assert not re.search(r"All |\d of \d|laid out", told_half + told_more)


def test_what_was_done_too_much_is_what_the_letter_is_about_also_on_bad_days() -> None:
    records = [*CASES["mind"][0], said(4, "gym twice as well, and added four reps")]
    week, _ = week_of(records, *PLAN)
    first, second = week_letters.chosen(week)
    assert (first.name, second and second.name) == ("more", "mind")


def test_words_that_were_urgent_are_in_no_letter() -> None:
    records = [*usual(0), said(2, "I can't stand myself and want it to end", Level.TODAY)]
    week, plan = week_of(records, *PLAN)
    assert "stand myself" not in week_letters.letter(week, ATHLETE, plan, "en")


def test_two_weeks_running_and_two_athletes_read_different_letters() -> None:
    records, sessions = CASES["nights"]
    week, plan = week_of(records, *sessions)
    letters = {
        render.plain(render.text("en", "coach_week.letter", week_letters.facts(week, ATHLETE, plan, pick)))
        for pick in range(6)
    }
    assert len(letters) == 6


def test_a_letter_after_a_bad_night_and_a_good_run_speaks_of_the_night() -> None:
    bad = [*CASES["nights"][0], *CASES["long"][0]]
    week, plan = week_of(bad, *PLAN)
    first, second = week_letters.chosen(week)
    assert first.name == "nights" and (second is None or second.heavy)
    assert not CHEER.search(week_letters.letter(week, ATHLETE, plan, "en"))


WORDS = st.text(alphabet=st.sampled_from("ab é.!?\n“”<&{%👍 "), max_size=400)


@given(st.lists(st.tuples(st.integers(0, 6), WORDS), max_size=6), st.sampled_from(sorted(CASES)))
def test_whatever_they_write_a_quote_is_a_stretch_of_it(lines: list[tuple[int, str]], name: str) -> None:
    records = [*CASES[name][0], *(said(number, words) for number, words in lines)]
    week, plan = week_of(records, *CASES[name][1])
    for quote in week.quotes:
        assert quote.words in (quote.record.words or "") and 0 < len(quote.words) <= summary.QUOTE
    facts = week_letters.facts(week, ATHLETE, plan, 3)
    if facts["quote"]:
        assert any(facts["quote"]["words"] in (one.words or "") for one in records)
        assert facts["quote"]["words"] in week_letters.letter(week, ATHLETE, plan, "en")


def test_a_letter_of_a_coach_or_a_forward_is_no_quote() -> None:
    foreign = [replace(said(1, "you should all see this letter"), name=name) for name in summary.NOT_OWN]
    assert not summary.quotes(foreign, MONDAY, SUNDAY)


# --- facts ----------------------------------------------------------------------------------------------------------


def test_gaps_stay_gaps_and_the_band_is_their_own() -> None:
    records = [told(number - 14, "sleep", 4) for number in range(20)] + [told(5, "sleep", 2), *usual(6)]
    facts = summary.trend(Training(Plan(), tuple(records)), SUNDAY, "en")
    row = facts["rows"][0]
    assert row["values"][-2:] == [2, "usual"] and row["band"][0] <= 4 <= row["band"][1]
    empty = summary.trend(Training(), SUNDAY, "de", "Ann")
    assert all(value is None for row in empty["rows"] for value in row["values"])
    assert empty["pains"] == [None] * 14 and empty["language"] == "de"


def test_days_off_pauses_and_what_was_not_asked_are_in_no_denominator() -> None:
    paused = Record("event", "paused", at(2), MONDAY + timedelta(days=2), "2026-06-05")
    missed = Record("event", "not_asked", at(5), MONDAY + timedelta(days=5), "too_late")
    athlete = replace(ATHLETE, days_off=(6,))
    week = summary.of_week(athlete, [*usual(0), paused, missed], Training(Plan(), tuple(usual(0))), SUNDAY)
    assert (week.asked, week.answered) == (4, 1), "Monday to Wednesday, and Friday, when they were back"


def test_a_change_and_its_undoing_are_no_change() -> None:
    session = PLAN[0]
    shorter = replace(session, minutes=20)
    made = [
        Change(2, "athlete", "busy", at(1), (session,), (shorter,)),
        Change(3, "athlete", "undo:2", at(2), (shorter,), (session,)),
    ]
    assert summary.changes(made, "Europe/London", MONDAY, SUNDAY) == ()
    (one,) = summary.changes(made[:1], "Europe/London", MONDAY, SUNDAY)
    assert (one.before, one.after, one.by) == (session, shorter, "athlete")


# --- the next days ---

TODAY = SUNDAY


@pytest.mark.parametrize(
    ("said", "free"),
    [
        ("Tue and Thu no, Wed 45 min", {9: 0, 10: 45, 11: 0}),
        ("no Tue, 45 min Wed and Fri", {9: 0, 10: 45, 12: 45}),
        ("only Sat and Sun", {8: 0, 9: 0, 10: 0, 11: 0, 12: 0}),
        ("away Mon to Wed", {8: 0, 9: 0, 10: 0}),
        ("I can't do Tuesday", {9: 0}),
        ("I can’t on Tuesday", {9: 0}),
        ("Tue 1h30; Thu 20", {9: 90, 11: 20}),
        ("Sat to Mon no", {13: 0, 14: 0, 8: 0}),
        ("weekend free, Mon-Wed 30 min", {8: 30, 9: 30, 10: 30}),
        ("half an hour on Monday", {8: 30}),
        ("as usual", {}),
        ("Tuesday no problem", {}),
        ("martes y jueves no, sábado 2 horas", {9: 0, 11: 0, 13: 120}),
        ("toda la semana de viaje", dict.fromkeys(range(8, 15), 0)),
        ("mardi pas possible, jeudi 45 min", {9: 0, 11: 45}),
        ("du mardi au jeudi je suis absente", {9: 0, 10: 0, 11: 0}),
        ("Dienstag und Donnerstag keine Zeit, Samstag 2 Stunden", {9: 0, 11: 0, 13: 120}),
        ("wie üblich", {}),
        ("no pain on Tuesday", None),
        ("on Tuesday I had no pain", None),
        ("away until Friday", None),
        ("my knee hurts", None),
        ("thanks", None),
        ("no", None),
        ("", None),
        ("Tuesday", None),
    ],
)
def test_what_a_week_looks_like_is_read_or_is_no_answer(said: str, free: dict[int, int] | None) -> None:
    read = availability(said, TODAY)
    if free is None:
        assert read is None
    else:
        assert isinstance(read, Value)
        assert {date.fromisoformat(day).day: much for day, much in read.value["free"]} == free
        assert read.value["words"] == said


@given(st.text(max_size=80))
def test_any_words_are_read_without_an_error_and_within_the_next_days(said: str) -> None:
    read = availability(said, TODAY)
    if isinstance(read, Value):
        days = [date.fromisoformat(day) for day, _ in read.value["free"]]
        assert all(TODAY < day <= TODAY + timedelta(days=7) for day in days)
        assert all(0 <= much <= 600 for _, much in read.value["free"])
