"""The rule book on the past: each time that it would have spoken.

An athlete's days are walked through from the first to the last, and on each the rules see what they would have seen
then: earlier days, the plan as it stood that morning, and what they themselves said before. What a rule book said at
the time is not looked at; moments of silence (a rule muted for a fortnight) are left out as well, since they are no
part of the rules. So what comes out for a day does not depend on any later one.

    walk        one athlete's history -> firings. Rules about plans speak when a new version brings a breach with it
    what_if     one rule and the last weeks, for a coach who thinks of switching it on

Counting over a whole squad is in `replay_figures`. The unit everywhere is a coach-week: what a coach of 20 athletes who
all answer daily would read in a week. Twenty athletes answer 140 times in a week, so firings are divided by the days
answered and multiplied by 140.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from dialogs import plan as plans
from dialogs import signals, timing
from dialogs.levels import Level
from dialogs.model import Change, Json, Plan, Setting, Training
from dialogs.rules.book import Book
from dialogs.rules.evaluate import Case, evaluate, placement
from dialogs.signals import Day

ATHLETES = 20  # of a coach, in every figure
WEEK = 7
COACH_WEEK = ATHLETES * WEEK
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class History:
    """One athlete's past.

    days          by local date; those on which something was answered
    plan          as it stands now; `changes` (oldest first) lead back to what it was
    asked         days on which pain or injury was asked and answered; None: whenever anything was answered
    assumes_hard  there is no plan, and a hard session is taken to lie ahead on every day
    zone          in which the dates of `changes` are read
    """

    id: int
    name: str
    days: Mapping[date, Day]
    plan: Plan = field(default_factory=Plan)
    changes: tuple[Change, ...] = ()
    settings: tuple[Setting, ...] = ()
    asked: frozenset[date] | None = None
    assumes_hard: bool = False
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule has spoken. `first`: on the first day of its spell, which is when the coach hears of it. `places`: of the
    pains that it spoke of."""

    athlete: int
    day: date
    rule: str
    level: Level
    first: bool
    places: frozenset[str] = frozenset()


# --- walking ------------------------------------------------------------------------------------------------------


def walk(book: Book, history: History) -> Iterator[Firing]:
    """Each time that a rule would have spoken, day after day; what is said of plans comes last."""
    days = {day: replace(one, fired=frozenset()) for day, one in sorted(history.days.items())}
    settings = [replace(one, muted_until=None) for one in history.settings]
    since, versions = _versions(history)
    for day in list(days):
        plan = versions[bisect_right(since, day)]
        fired = evaluate(book, Case(day, days, plan, history.assumes_hard), settings, athlete_id=history.id)
        if fired:
            days[day] = replace(days[day], fired=frozenset(one.rule.id for one in fired))
        for one in fired:
            places = frozenset(pain["where"] for pain in one.facts.get("pains", ()))
            yield Firing(history.id, day, one.rule.id, one.rule.level, one.first, places)
    for day, before, after in zip(since, versions, versions[1:], strict=False):
        known = {when: one for when, one in days.items() if when <= day}
        old, new = (placement(book, one, known, day, settings, athlete_id=history.id) for one in (before, after))
        there = {(one.rule.id, one.sessions) for one in old}
        for one in new:
            if (one.rule.id, one.sessions) not in there:
                yield Firing(history.id, day, one.rule.id, one.rule.level, one.first)


def _versions(history: History) -> tuple[list[date], list[Plan]]:
    """Days from which the rules saw another plan, and the plans: one more, the first before all these days.

    A rule sees the plan of before its own doing: a hard session that it has eased is none any more, and on the second
    look it would have nothing to say.
    """
    since: list[date] = []
    found = [history.plan]
    for change in reversed(history.changes):
        day = timing.local_date(history.zone, change.at)
        since.append(day + _DAY if change.by == "rule" else day)
        gone = {one.id for one in change.added}
        kept = [one for one in found[-1].sessions if one.id not in gone]
        found.append(Plan(change.number - 1, plans.ordered((*kept, *change.removed))))
    return since[::-1], found[::-1]


def what_if(
    book: Book,
    histories: Mapping[int, Training],
    rule_id: str,
    settings: Sequence[Setting],
    today: date,
    weeks: int = 8,
) -> dict[str, Json]:
    """What this rule would have done in the last `weeks` weeks, today included, had it been on for everybody but those
    for whom it has been switched off.

    `settings` are the coach's, the latest last; they come after those in the trainings, so that a threshold can be
    tried before it is set. Facts: `fires` and `first` (first day of a spell: what the coach hears), `pages` (those of
    them that ring), `athletes` ({id: first}), `days` ({id: fires}), `per_week` (from, fires, first, answered; oldest
    first), `answered`, `squad` (athletes who answered), `a_week` (first, for a coach of 20), `since`, `until`.
    """
    since = today - (weeks * WEEK - 1) * _DAY
    rule = next(one for one in book.rules if one.id == rule_id)
    on = Setting(rule_id, 0, datetime.combine(today + _DAY, time(), UTC), on=True)
    squad = [
        History(
            id=id,
            name=str(id),
            days={day: one for day, one in signals.days(training.records).items() if day <= today},
            plan=training.plan,
            changes=training.changes,
            settings=(*training.settings, *settings, on),
        )
        for id, training in histories.items()
    ]
    firings = [
        one for history in squad for one in walk(book, history) if one.rule == rule_id and since <= one.day <= today
    ]
    firsts = [one for one in firings if one.first]
    said = {one.id: [day for day, what in one.days.items() if day >= since and what.answered] for one in squad}
    every = [day for days in said.values() for day in days]

    def weekly(days: Iterable[date]) -> Counter[int]:
        return Counter((day - since).days // WEEK for day in days)

    fires, first, answers = weekly(o.day for o in firings), weekly(o.day for o in firsts), weekly(every)
    return {
        "rule": rule_id,
        "since": since.isoformat(),
        "until": today.isoformat(),
        "squad": sum(bool(days) for days in said.values()),
        "answered": len(every),
        "fires": len(firings),
        "first": len(firsts),
        "pages": len(firsts) if rule.level >= Level.TODAY else 0,
        "a_week": round(len(firsts) * COACH_WEEK / len(every), 1) if every else 0.0,
        "athletes": dict(Counter(one.athlete for one in firsts).most_common()),
        "days": dict(Counter(one.athlete for one in firings).most_common()),
        "per_week": [
            {
                "from": (since + n * WEEK * _DAY).isoformat(),
                "fires": fires[n],
                "first": first[n],
                "answered": answers[n],
            }
            for n in range(weeks)
        ],
    }
