"""The rules of a book, asked about one athlete on one day, or about a plan.

    evaluate    today's answers and the plan -> what has fired, in the written order
    placement   a plan that was imported, moved or proposed -> its breaches, each with its days
    action      what fired wants of the plan as it stands now, as sessions before and after
    settled     the same for all that fired: each session goes to one rule, the first in the written order

The written order, which also settles who wins where two rules want the same session. Safety first, then least change:
    1. what a human must hear at once (now, today)
    2. what takes a session away until a human has looked (hold), before what makes it lighter, before what only tells
    3. the more urgent level
    4. the smaller change (`LEAST`)
    5. the place in the book

A rule speaks on every day on which it holds, but begins to speak only once in a spell (`first`): when it last spoke as
many days ago as its `spell` says, or more, or when a pain that it speaks of is new. Only then does it cost a coach's
attention; what it does to the plan it does each time, unless it is said `once`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from dialogs.levels import Level
from dialogs.model import Json, Plan, Session, Setting
from dialogs.rules import actions, form
from dialogs.rules.book import Book, Rule
from dialogs.rules.conditions import Numbers
from dialogs.rules.view import Facts, View
from dialogs.signals import Day

_DAY = timedelta(days=1)
LEAST = ("tell", "quiet", "short", "snack", "easy", "half", "mobility", "rest", "relay", "step")
ALONE = ("hold", "ease", "nothing")


@dataclass(frozen=True, slots=True)
class Case:
    """What the rules look at. `today` is a date in the athlete's zone. `assumes_hard`: there is no plan to look at (a
    file of another squad), and a check for the next hard session is taken as met."""

    today: date
    days: Mapping[date, Day]
    plan: Plan = field(default_factory=Plan)
    assumes_hard: bool = False


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that holds today, with the edges that count for this athlete. `facts`: the evidence. `sessions`: ids of
    those in the plan that it would change, or that are in the breach."""

    rule: Rule
    first: bool
    facts: Mapping[str, Json]
    sessions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effective:
    """What of a rule counts for an athlete, or for all: switched on, until when muted (the first local date on which it
    speaks again), and each edge."""

    on: bool
    muted_until: date | None
    edges: Mapping[str, float]

    def speaks(self, today: date) -> bool:
        return self.on and (self.muted_until is None or today >= self.muted_until)


def effective(rule: Rule, settings: Iterable[Setting], athlete_id: int | None) -> Effective:
    """The latest setting that names a thing counts, and one for this athlete before one for all. `settings` oldest
    first, of this athlete's coach alone. An edge outside of its bounds counts as the bound that it is beyond."""
    on, muted, edges = rule.on, None, dict(rule.numbers)
    mine = [one for one in settings if one.rule == rule.id]
    for whose in (None, athlete_id) if athlete_id is not None else (None,):
        for one in mine:
            if one.athlete_id != whose:
                continue
            on = on if one.on is None else one.on
            muted = muted if one.muted_until is None else one.muted_until
            for name, value in one.edges.items():
                if name in rule.edges:
                    edges[name] = min(max(value, rule.edges[name].least), rule.edges[name].to)
    return Effective(on, muted, edges)


def _in_force(
    book: Book, settings: Sequence[Setting], athlete_id: int | None, today: date
) -> Iterable[tuple[Rule, Numbers]]:
    set_ = {one.rule for one in settings}
    for rule in book.rules:
        if rule.id not in set_:
            if rule.on:
                yield rule, rule.numbers
        elif (now := effective(rule, settings, athlete_id)).speaks(today):
            yield rule, now.edges


# --- days -----------------------------------------------------------------------------------------------------------


def evaluate(
    book: Book, case: Case, settings: Sequence[Setting] = (), *, athlete_id: int | None = None
) -> tuple[Fired, ...]:
    """What has fired today, in the written order. Rules about plans are asked by `placement`."""
    view = View(case.today, case.days, case.plan, case.assumes_hard)
    found = []
    for rule, numbers in _in_force(book, settings, athlete_id, case.today):
        facts = _facts(rule, view, numbers) if rule.tests else None  # a rule about plans has none
        if facts is not None and (fired := _fired(rule, view, numbers, facts)) is not None:
            found.append(fired)
    return tuple(sorted(_quiet(found), key=order))


def _facts(rule: Rule, view: View, numbers: Numbers) -> Facts | None:
    together: Facts = {}
    for test in rule.tests:
        facts = test(view, numbers)
        if facts is None:
            return None
        together |= facts
    return together


def _fired(rule: Rule, view: View, numbers: Numbers, facts: Facts) -> Fired | None:
    spoke = any(rule.id in told.fired for day, told in view.last(rule.spell) if day < view.today)
    first = not spoke or any(pain["day"] == 1 for pain in facts.get("pains", ()))
    then = rule.then
    if isinstance(then, form.Step):
        facts["step"] = actions.step_of(then, facts)
    ids = actions.touched(then, view, facts, first=first)
    if not ids and (isinstance(then, form.Step) or (isinstance(then, form.Ease) and then.until is not None)):
        return None  # the ladder is at its end, no run is near, nothing stands before the race: there is nothing to ask
    if view.plan.sessions and any(one.kind == "race" for one in view.plan.on(view.today)):
        facts["race_today"] = True  # which no rule touches
    return Fired(rule.with_edges(numbers) if numbers != rule.numbers else rule, first, facts, ids)


def _quiet(found: Sequence[Fired]) -> list[Fired]:
    """Without what others keep quiet; and those others only where there was something to keep quiet."""
    quiet = {id for one in found if isinstance(one.rule.then, form.Quiet) for id in one.rule.then.rules}
    said = {one.rule.id for one in found}
    return [
        one
        for one in found
        if one.rule.id not in quiet and (not isinstance(one.rule.then, form.Quiet) or said & set(one.rule.then.rules))
    ]


def order(fired: Fired) -> tuple[int, int, int, int, int]:
    """The written order, as a key to sort by; see on top."""
    rule = fired.rule
    at_once = rule.level >= Level.TODAY
    to = "rest" if isinstance(rule.then, form.Hold) else getattr(rule.then, "to", rule.then.do)
    return (not at_once, ALONE.index(rule.alone), -rule.level.order, LEAST.index(to), rule.place)


# --- plans ----------------------------------------------------------------------------------------------------------


def placement(
    book: Book,
    plan: Plan,
    days: Mapping[date, Day],
    today: date,
    settings: Sequence[Setting] = (),
    *,
    athlete_id: int | None = None,
) -> tuple[Fired, ...]:
    """Every breach of the placement rules from today on, one by one, in the order of their days; `facts["days"]` are
    its dates."""
    view = View(today, days, plan, assumes_hard=False)
    found = []
    for rule, numbers in _in_force(book, settings, athlete_id, today):
        shown = rule.with_edges(numbers) if numbers != rule.numbers else rule
        seen: set[tuple[str, ...]] = set()
        for search in rule.breaches:
            for one in search(view, numbers):
                if one.sessions not in seen:
                    seen.add(one.sessions)
                    found.append(Fired(shown, True, one.facts, one.sessions))
    return tuple(sorted(found, key=lambda one: (one.facts["days"], order(one))))


# --- what is done about it ------------------------------------------------------------------------------------------


def action(fired: Fired, plan: Plan, today: date) -> tuple[tuple[Session, ...], tuple[Session, ...], bool]:
    """The sessions that the rule would change, before and after, as the plan stands now; and whether that may stand at
    once, held until the coach has looked. Only what eases may: of what adds load nothing has changed yet."""
    rule = fired.rule
    pairs = actions.wanted(rule.then, rule.numbers, fired.facts, fired.sessions, plan, today)
    before, after = tuple(one for one, _ in pairs), tuple(one for _, one in pairs)
    return before, after, bool(pairs) and rule.alone != "nothing"


def settled(
    fired: Iterable[Fired], plan: Plan, today: date
) -> list[tuple[Fired, tuple[Session, ...], tuple[Session, ...], bool]]:
    """`action` of each, where a session that an earlier one changes is left to it."""
    taken: set[str] = set()
    found = []
    for one in sorted(fired, key=order):
        mine = tuple(id for id in one.sessions if id not in taken)
        before, after, held = action(Fired(one.rule, one.first, one.facts, mine), plan, today)
        if before:
            taken |= {session.id for session in before}
            found.append((one, before, after, held))
    return found
