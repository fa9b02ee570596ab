"""How much the shipped rules ask of a coach of 20, counted on public check-ins that are not in the project."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from dialogs.levels import Level
from dialogs.rules.book import shipped
from dialogs.rules.evaluate import Case, evaluate
from dialogs.signals import Day, Pain
from tests.dialogs.rules.page import COUNTED

DATA = Path(__file__).parents[4] / "shared" / "data" / "checkins_pmdata.csv"
WEEK = 20 * 7  # answers of 20 athletes in a week
ITEMS = {"sleep_quality": "sleep"} | {name: name for name in ("fatigue", "soreness", "stress", "mood")}
LEVELS = {"minor": 3.0, "major": 6.0}

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the public check-ins (../shared/data) are not here")


@cache
def squad() -> dict[str, dict[date, Day]]:
    """The file as days; deliberately read here once more, and as plainly as can be."""
    found: dict[str, dict[date, Day]] = defaultdict(dict)
    with DATA.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            pains: dict[str, Pain] = {}
            for site in filter(None, row["injury"].split(";")):
                where, _, level = site.partition(":")
                side, _, place = where.partition("_") if where.startswith(("left_", "right_")) else (None, "", where)
                both = "both" if place in pains else side
                pains[place] = Pain(max(LEVELS[level], pains[place].level if place in pains else 0), None, both)
            items = {ours: float(row[theirs]) for theirs, ours in ITEMS.items() if row[theirs]}
            hours = float(row["sleep_h"] or 0) or None
            found[row["athlete"]][date.fromisoformat(row["date"])] = Day(items, False, hours, pains)
    return dict(found)


@cache
def counted() -> tuple[Counter[str], list[tuple[str, date, frozenset[str]]]]:
    """What begins, in a week; and of each athlete's day, the rules that were told to the coach."""
    begins: Counter[str] = Counter()
    told = []
    answers = 0
    for name, known in squad().items():
        days = dict(sorted(known.items()))
        for today in list(days):
            answers += days[today].answered
            fired = evaluate(shipped(), Case(today, days, assumes_hard=True))
            days[today] = replace(days[today], fired=frozenset(one.rule.id for one in fired))
            first = [one.rule for one in fired if one.first]
            begins["concerns"] += sum(rule.level is Level.CONCERN for rule in first)
            begins["pages"] += sum(rule.level >= Level.TODAY for rule in first)
            begins["days"] += any(rule.level >= Level.CONCERN or rule.alone != "nothing" for rule in first)
            told.append((name, today, frozenset(rule.id for rule in first if rule.level >= Level.CONCERN)))
    return Counter({what: count * WEEK / answers for what, count in begins.items()}), told


def test_a_coach_of_twenty_hears_of_seven_concerns_a_week_at_most_with_room_to_spare() -> None:
    begins, _ = counted()
    assert begins["concerns"] <= 5
    assert begins["concerns"] + begins["pages"] <= 6
    assert begins["pages"] <= 7 * 0.5, "a page a day is the most; half of it is what we want"


def test_the_page_says_what_is_counted() -> None:
    begins, _ = counted()
    assert {what: round(begins[what], 1) for what in COUNTED} == COUNTED


def test_every_pain_is_told_when_it_begins_and_on_its_third_and_seventh_day() -> None:
    told = {(name, day): rules for name, day, rules in counted()[1]}
    reports = 0
    for name, days in squad().items():
        sites: dict[tuple[str, str | None], list[date]] = {}
        for day in sorted(days):
            for place, pain in days[day].pains.items():
                for side in ("left", "right") if pain.side == "both" else (pain.side,):
                    before = sites.get((place, side), [])
                    goes_on = before and (day - before[-1]).days <= 7
                    sites[place, side] = [*before, day] if goes_on else [day]
                    numbers = [(one - sites[place, side][0]).days + 1 for one in sites[place, side]]
                    for due in (1, 3, 7):
                        if numbers[-1] >= due and not any(one >= due for one in numbers[:-1]):
                            reports += 1
                            assert told[name, day], f"{place} of {name} on {day}, day {numbers[-1]}"
    assert reports > 60, "there was something to tell"
