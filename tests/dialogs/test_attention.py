"""Attention is a budget: what interrupts a coach, what waits for the list, and how much of it was useful."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from dialogs import attention, rulebook
from dialogs.model import Record, Session
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, SEVEN, Talk

MON = date(2026, 6, 1)
SPEED = Session("a", MON + timedelta(days=1), "speed", 50, effort=8)


def step(name: str, value: Any, *, ago: timedelta = timedelta(hours=1)) -> tuple[int, int, Record]:
    at = SEVEN - ago
    return ANN, KIM, Record("step", name, at, at.date(), value)


def spent(*shorts: str, ago: timedelta = timedelta(minutes=30)) -> Talk:
    """So many pages have come to Kim."""
    talk = Talk().plans(SPEED)
    talk.club.journal += [step("paged", {"short": one, "step": 0, "to": [KIM]}, ago=ago) for one in shorts]
    return talk


def test_a_proposal_is_shown_at_once_while_there_is_budget() -> None:
    talk = spent("AAAAA", "BBBBB").says("/ill").taps("Below the neck")
    talk.kim_reads("📋 Ann")


def test_when_the_budget_is_used_up_a_proposal_waits_for_the_list_which_says_so() -> None:
    talk = spent("AAAAA", "BBBBB", "CCCCC").says("/ill").taps("Below the neck")
    talk.reads_not(KIM, "📋 Ann").answers_with("held until Kim has looked")
    talk.kim_says("/queue").kim_reads("📋 Ann")
    talk.until(SEVEN + timedelta(hours=23, minutes=1))  # Kim's hour, seven in Berlin
    seen = [bubble.text for bubble in talk.chat(KIM)]
    assert any("1 proposal waited for this list: your budget of 3 a day was used up" in text for text in seen)


def test_what_is_urgent_always_leaves() -> None:
    talk = spent("AAAAA", "BBBBB", "CCCCC", "DDDDD")
    talk.says("chest pain").kim_reads("Ann · NOW")


def test_the_rungs_of_one_ladder_are_one_interruption_and_yesterdays_are_none_of_today() -> None:
    spent("AAAAA", "AAAAA", "AAAAA").says("/ill").taps("Below the neck").kim_reads("📋 Ann")
    spent("AAAAA", "BBBBB", "CCCCC", ago=timedelta(hours=30)).says("/ill").taps("Below the neck").kim_reads("📋 Ann")


def test_a_list_on_which_nothing_waited_says_nothing_of_it() -> None:
    talk = Talk().plans(SPEED).says("/ill").taps("Below the neck")
    talk.until(SEVEN + timedelta(hours=23, minutes=1))
    assert not any("waited for this list" in bubble.text for bubble in talk.chat(KIM))


def test_a_budget_can_be_set() -> None:
    talk = spent("AAAAA").kim_says("/attention 1").kim_reads("Your budget is 1 a day")
    talk.says("/ill").taps("Below the neck").reads_not(KIM, "📋 Ann")
    for said in ("0", "11", "-1", "many", "1000", "٣"):
        talk.kim_says(f"/attention {said}").kim_reads("A number from 1 to 10")
    assert talk.kim.budget == 1


def test_the_page_counts_what_came_in_seven_days_and_what_was_useful() -> None:
    talk = spent("AAAAA", "BBBBB")
    talk.club.journal += [
        step("useful", {"short": "AAAAA", "flag": "chest", "useful": False}),
        step("useful", {"short": "AAAAA", "flag": "chest", "useful": True}),  # the last word counts
        step("useful", {"short": "BBBBB", "flag": "chest", "useful": False}),
        step("useful", {"short": "CCCCC", "flag": "rule_sleep-short", "useful": True}),
    ]
    talk.kim_says("/attention").kim_reads("Mon 2: 2 together")
    talk.kim_reads("chest pain or pressure: 1 of 2 useful").kim_reads("Short nights: 1 of 1 useful")
    talk.dana_says("/attention").dana_reads("Mon 0: 0 together").dana_reads("You have called nothing")


def test_a_proposal_that_was_shown_at_once_counts_and_one_that_waited_does_not() -> None:
    at_once = Talk().plans(SPEED).says("/ill").taps("Below the neck").kim_says("/attention").kim_reads("Mon 1")
    assert at_once.records("step", "proposed")[-1].value["to"] == KIM
    waited = spent("AAAAA", "BBBBB", "CCCCC").says("/ill").taps("Below the neck").kim_says("/attention")
    waited.kim_reads("Mon 3")
    assert waited.records("step", "proposed")[-1].value["waits"] == KIM


def test_the_rules_page_says_how_useful_it_was() -> None:
    talk = Talk()
    talk.kim_says("/rules sleep-short").reads_not(KIM, "useful")
    verdicts = [("AAAAA", True), ("BBBBB", True), ("CCCCC", False)]
    talk.club.journal += [
        step("useful", {"short": short, "flag": "rule_sleep-short", "useful": good}) for short, good in verdicts
    ]
    talk.kim_says("/rules sleep-short").kim_reads("Of what it flagged you called 2 of 3 useful")
    assert rulebook.WEEKS == 8


def test_another_coachs_interruptions_are_not_ones_own() -> None:
    talk = Talk(*PEOPLE)
    talk.change(BEN, coach_id=KIM)
    talk.says("chest pain").after(minutes=21).dana_says("/attention").dana_reads("1 together")
    talk.kim_says("/attention").kim_reads("1 together")
    assert talk.person(DANA).budget == 3


@pytest.mark.parametrize("value", [None, "x", 3, [], {}, {"to": None}, {"to": 3}, {"short": None, "to": []}])
def test_odd_lines_of_the_journal_are_no_interruptions(value: Any) -> None:
    kim = PEOPLE[1]
    line = Record("step", "paged", SEVEN, MON, value)
    assert attention._interruptions([replace(line, name="useful"), line] if value != {"to": 3} else [], kim) == {}
