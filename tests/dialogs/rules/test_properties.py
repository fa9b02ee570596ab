"""What no rule book may do to a plan, whatever stands in it and whatever an athlete answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

from hypothesis import event, given, settings
from hypothesis import strategies as st

from dialogs.model import Plan, Session
from dialogs.plan import changed, hard, hard_days, load, ordered
from dialogs.rules.book import Book, shipped
from dialogs.rules.evaluate import Case, evaluate, settled
from dialogs.signals import Day, Done
from tests.dialogs.rules import made_up
from tests.dialogs.rules.told import TODAY

NOW = datetime(2026, 6, 10, 8, tzinfo=UTC)
_DAY = timedelta(days=1)
SEEDS = st.integers(0, 2**32)
WEEK = 4  # mornings on which the rules look


def loads(plan: Plan) -> dict[date, float]:
    found: dict[date, float] = {}
    for one in plan.sessions:
        found[one.day] = found.get(one.day, 0) + load(one)
    return found


def neighbours(plan: Plan) -> set[date]:
    """Hard days that another one follows."""
    days = set(hard_days(plan, date.min, date.max))
    return {day for day in days if day + _DAY in days}


def lived_through(book: Book, plan: Plan, days: Mapping[date, Day]) -> tuple[Plan, list[Plan]]:
    """Some mornings on which all that the rules may do alone is done: the plan at the end, and each one on the way."""
    known = dict(days)
    on_the_way = [plan]
    for number in range(WEEK):
        today = TODAY + number * _DAY
        fired = evaluate(book, Case(today, known, plan))
        json.dumps([dict(one.facts) for one in fired])
        known[today] = replace(known.get(today, Day()), fired=frozenset(one.rule.id for one in fired))
        for one, before, after, held in settled(fired, plan, today):
            if held:
                assert one.rule.alone in ("hold", "ease")
                waiting = [replace(session, held="K7Q2M") for session in after]
                plan, _ = changed(plan, today, NOW, by="rule", cause=one.rule.id, removed=before, added=waiting)
                on_the_way.append(plan)
                event("something was eased")
        assert_only_easier(on_the_way[0], plan, today)
    return plan, on_the_way


def assert_only_easier(before: Plan, after: Plan, today: date) -> None:
    assert {one.id for one in after.sessions} == {one.id for one in before.sessions}, "nothing comes, nothing goes"
    old, new = loads(before), loads(after)
    assert all(new[day] <= old[day] for day in new), "no day has more in it"
    assert set(hard_days(after, date.min, date.max)) <= set(hard_days(before, date.min, date.max))
    assert neighbours(after) <= neighbours(before), "hard days stay apart"
    for one in before.sessions:
        if one.kind == "race" or one.day < TODAY:
            assert after.find(one.id) == one, "races and days that are over stay as they are"
        found = after.find(one.id)
        assert found is not None and found.day == one.day


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_whatever_rules_do_alone_makes_a_plan_easier_and_nothing_else(seed: int) -> None:
    dice = Random(seed)
    book = made_up.book(dice)
    for _ in range(5):
        lived_through(book, made_up.plan(dice), made_up.days(dice, TODAY + (WEEK - 1) * _DAY, least=4))


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_so_do_the_rules_that_are_shipped(seed: int) -> None:
    dice = Random(seed)
    lived_through(shipped(), made_up.plan(dice), made_up.days(dice, TODAY + (WEEK - 1) * _DAY, least=4))


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_each_session_goes_to_one_rule(seed: int) -> None:
    dice = Random(seed)
    plan, days = made_up.plan(dice), made_up.days(dice, least=4)
    found = settled(evaluate(shipped(), Case(TODAY, days, plan)), plan, TODAY)
    touched = [session.id for _, before, _, _ in found for session in before]
    assert len(touched) == len(set(touched))


@settings(max_examples=200, deadline=None)
@given(SEEDS, st.sampled_from(("speed", "hills", "long")), st.integers(0, 1))
def test_what_was_missed_is_never_put_beside_a_hard_day_nor_on_top(seed: int, kind: str, back: int) -> None:
    dice = Random(seed)
    days = made_up.days(dice, TODAY - 2 * _DAY)
    missed = Session("missed", TODAY - back * _DAY, kind, 60)
    easy_runs = [Session(f"easy-{number}", TODAY + number * _DAY, "easy", 40) for number in range(6)]
    others = [one for one in made_up.plan(dice).sessions[::3] if one.kind != "race"]
    plan = Plan(1, ordered((*others, *easy_runs, missed)))
    days[missed.day] = Day(done=(Done("missed", "not_done", why="life"),))
    for one, before, after, held in settled(evaluate(shipped(), Case(TODAY, days, plan)), plan, TODAY):
        if one.rule.then.do != "relay":
            continue
        event("it has a place")
        assert not held, "it is a wish"
        (easy,), (new,) = before, after
        assert easy.kind == "easy" and (new.id, new.day, new.kind) == (easy.id, easy.day, kind)
        assert (new.day - new.day.weekday() * _DAY) == (missed.day - missed.day.weekday() * _DAY), "of the same week"
        others = [each for each in plan.sessions if each.id not in (easy.id, "missed") and hard(each)]
        assert all(abs((each.day - new.day).days) > 1 for each in others)


@settings(max_examples=200, deadline=None)
@given(SEEDS)
def test_a_plan_that_has_moved_on_meanwhile_is_taken_as_it_is_now(seed: int) -> None:
    dice = Random(seed)
    plan, days = made_up.plan(dice), made_up.days(dice, least=4)
    fired = evaluate(shipped(), Case(TODAY, days, plan))
    moved = Plan(2, tuple(replace(one, day=one.day - 3 * _DAY) for one in plan.sessions if dice.random() < 0.7))
    for _, before, after, held in settled(fired, moved, TODAY):
        assert all(one in moved.sessions and one.day >= TODAY for one in before)
        if held:
            changed(moved, TODAY, NOW, by="rule", cause="test", removed=before, added=after)
