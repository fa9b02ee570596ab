"""What the checks of days mean: each a function of a `View` that gives the evidence, or None where it does not hold.

    compiled(check) -> test;  test(view, numbers) -> facts | None        numbers: the values of the rule's edges

Missing is no evidence, in every check: a night without hours was not short, a day without an answer was not low, and no
answer is not a pain. Facts are JSON, by names that the texts use; a rule's evidence is that of its checks together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from dialogs import plan as plans
from dialogs.model import Json
from dialogs.rules import checks
from dialogs.rules.view import GAP, LOOK, Ache, Facts, View
from dialogs.signals import FLOOR, HEALTH, SCALES

Numbers = Mapping[str, float]
Test = Callable[[View, Numbers], Facts | None]

REPORTS = 14  # days back in which "sessions running" are looked for
FRESH = 2  # a report of today or yesterday is news
UNWELL = frozenset({"ill_above", "ill_below", "fever", "injured"})
_DAY = timedelta(days=1)


# --- how a check becomes a function ---------------------------------------------------------------------------------


def number(value: float | checks.EdgeRef | None) -> Callable[[Numbers], float]:
    """What a field says, with the edges of the moment. None: no bound, which is 0 for all that is asked here."""
    if isinstance(value, checks.EdgeRef):
        name = value.edge
        return lambda numbers: numbers[name]
    fixed = 0.0 if value is None else value
    return lambda _numbers: fixed


def compiled(when: checks.OfDays | checks.OfPlan | checks.AnyOf) -> Test:
    """Raises KeyError for a check of plans."""
    if isinstance(when, checks.AnyOf):
        return _any([compiled(one) for one in when.any])
    return _MADE[type(when)](when)


def _any(tests: Sequence[Test]) -> Test:
    def test(view: View, numbers: Numbers) -> Facts | None:
        found = [facts for one in tests if (facts := one(view, numbers)) is not None]
        return merged(found) if found else None

    return test


def merged(found: Iterable[Facts]) -> Facts:
    together: Facts = {}
    for one in found:
        together |= one
    return together


# --- sleep and load -------------------------------------------------------------------------------------------------


def _sleep_hours(check: checks.SleepHours) -> Test:
    under = number(check.under)

    def test(view: View, numbers: Numbers) -> Facts | None:
        limit = under(numbers)
        short = [
            [day.isoformat(), told.sleep_hours]
            for day, told in view.last(check.of_last)
            if told.sleep_hours is not None and told.sleep_hours < limit
        ]
        return {"nights": short} if len(short) >= check.nights else None

    return test


def _low_items(check: checks.LowItems) -> Test:
    below = number(check.below)

    def test(view: View, numbers: Numbers) -> Facts | None:
        limit = below(numbers)
        found: list[list[Json]] = []
        for day, told in view.last(check.of_last):
            left = check.of_last - (view.today - day).days  # this day and those before it
            if len(found) + left < check.days:
                return None  # whatever they say
            low = [item for item, value in told.items.items() if _low(view, item, value, limit)]
            if len(low) >= check.items:
                found.append([day.isoformat(), low])
        return {"low": found} if len(found) >= check.days else None

    return test


def _low(view: View, item: str, value: float, below: float) -> bool:
    scale = SCALES.get(item)
    if scale is None or scale.worse_by(value, scale.best) < below * FLOOR:
        return False  # not low for anybody
    known = view.usual(item)
    return known is not None and scale.worse_by(value, known.mean) >= below * known.sd


def _harder_than_meant(check: checks.HarderThanMeant) -> Test:
    by = number(check.by)

    def test(view: View, numbers: Numbers) -> Facts | None:
        felt: list[list[Json]] = []
        for day, done, session in view.reports(REPORTS):
            if done.did == "not_done" or done.effort is None:
                continue
            if not felt and (view.today - day).days >= FRESH:
                return None
            if done.effort - plans.effort(session) < by(numbers):
                return None
            felt.append([day.isoformat(), plans.effort(session), done.effort])
            if len(felt) == check.sessions:
                return {"harder": felt}
        return None

    return test


def _next_hard(check: checks.NextHard) -> Test:
    def test(view: View, numbers: Numbers) -> Facts | None:
        if view.assumes_hard:
            return {}
        found = view.next_hard(check.within)
        return None if found is None else {"hard": found.id, "hard_day": found.day.isoformat()}

    return test


# --- pain -----------------------------------------------------------------------------------------------------------


def _pains(where: checks.Place, fits: Callable[[View, Ache, Numbers], bool]) -> Test:
    def test(view: View, numbers: Numbers) -> Facts | None:
        if not view.told.pains:
            return None
        found = [
            one
            for one in view.aches()
            if (where == "anywhere" or one.bone == (where == "bone")) and fits(view, one, numbers)
        ]
        return {"pains": [one.shown() for one in found]} if found else None

    return test


def _pain(check: checks.PainNow) -> Test:
    least, over = number(check.least), number(check.over)
    stride = check.changes_stride

    def fits(_view: View, ache: Ache, numbers: Numbers) -> bool:
        return (
            ache.level >= least(numbers)
            and ache.level > over(numbers)
            and (stride is None or (ache.stride is True) == stride)
        )

    return _pains(check.where, fits)


def _pain_day(check: checks.PainDay) -> Test:
    """A day without an answer is made up for by the next: on day 4, if that is the first one told from day 3 on."""

    def fits(view: View, ache: Ache, _numbers: Numbers) -> bool:
        start = view.today - (ache.day - 1) * _DAY
        told = [(day - start).days + 1 for day, _ in ache.before]
        return any(on <= ache.day and not any(on <= one for one in told) for on in check.on)

    return _pains(check.where, fits)


def _pain_unsettled(check: checks.PainUnsettled) -> Test:
    least = number(check.least)

    def fits(view: View, ache: Ache, numbers: Numbers) -> bool:
        day, level = ache.before[0] if ache.before else (view.today, 0.0)
        return ache.level >= least(numbers) <= level and day == view.today - _DAY

    return _pains(check.where, fits)


def _pain_rises(check: checks.PainRises) -> Test:
    least, by = number(check.least), number(check.by)

    def fits(_view: View, ache: Ache, numbers: Numbers) -> bool:
        return bool(ache.before) and ache.level >= least(numbers) and ache.level - ache.before[0][1] >= by(numbers)

    return _pains(check.where, fits)


# --- what life does, and the way back -------------------------------------------------------------------------------


def _said(check: checks.Said) -> Test:
    asked = frozenset(check.any)

    def test(view: View, _numbers: Numbers) -> Facts | None:
        for day, told in view.last(check.of_last):
            if said := sorted(asked & told.said):
                time = told.time if "busy" in said else None
                return {"said": said, "said_on": day.isoformat(), **({} if time is None else {"minutes": time})}
        return None

    return test


_BREAKS = {"illness": ("ill_below", "fever"), "injury": ("injured",)}


def _returning(check: checks.Returning) -> Test:
    words = frozenset(word for cause in check.after for word in _BREAKS[cause])

    def test(view: View, _numbers: Numbers) -> Facts | None:
        well = None
        for day, told in view.last(check.within + 1):
            if "well" in told.said and well is None:
                well = day
            if found := sorted(words & told.said):
                over = day < view.today and (well is not None or (view.today - day).days >= check.silent)
                return {"break": found, "break_day": day.isoformat()} if over else None
        return None

    return test


def _days_off(check: checks.DaysOff) -> Test:
    days = number(check.days)

    def test(view: View, numbers: Numbers) -> Facts | None:
        if not view.plan.sessions:
            return None
        last = next((day for day, told in view.last(LOOK) if any(one.did != "not_done" for one in told.done)), None)
        if last is None or (view.today - last).days < days(numbers):
            return None
        missed = [one for one in view.plan.between(last + _DAY, view.today - _DAY) if one.kind in plans.RUNS]
        ahead = [one for one in view.plan.between(view.today, view.today + FRESH * _DAY) if one.kind in plans.RUNS]
        if len(missed) < check.planned or not ahead:
            return None
        return {"off": (view.today - last).days, "last_day": last.isoformat(), "planned": len(missed)}

    return test


def _fired(check: checks.FiredBefore) -> Test:
    asked = frozenset(check.rules)

    def test(view: View, _numbers: Numbers) -> Facts | None:
        spoke = (day for day, told in view.last(check.of_last + 1) if day < view.today and asked & told.fired)
        day = next(spoke, None)
        return None if day is None else {"since": day.isoformat()}

    return test


def _ran_well(check: checks.RanWell) -> Test:
    effort = number(check.effort)

    def test(view: View, numbers: Numbers) -> Facts | None:
        told = view.told
        if not told.answered or any(
            item in SCALES and value == SCALES[item].worst for item, value in told.items.items()
        ):
            return None
        found = next((one for one in view.reports(GAP + 1) if one[2].kind in plans.RUNS), None)
        if found is None:
            return None
        day, done, session = found
        since = list(view.last((view.today - day).days + 1))
        hurt = any(pain.level > 0 for _, one in since for pain in one.pains.values())
        if day == view.today or done.did != "done" or done.effort is None or done.effort > effort(numbers):
            return None
        if hurt or any(one.said & UNWELL for _, one in since):
            return None
        return {"ran": day.isoformat(), "ran_minutes": plans.minutes(session), "effort": done.effort}

    return test


def _missed(check: checks.Missed) -> Test:
    def test(view: View, _numbers: Numbers) -> Facts | None:
        made_up: set[str] = set()
        for day, done, session in view.reports(check.of_last):
            if done.did != "not_done":
                made_up.add(session.id)
            elif done.why in check.why and session.id not in made_up and plans.hard(session) and session.kind != "race":
                return {"missed": session.id, "missed_day": day.isoformat(), "why": done.why}
        return None

    return test


def _unhurt(check: checks.Unhurt) -> Test:
    def test(view: View, _numbers: Numbers) -> Facts | None:
        for _, told in view.last(check.of_last):
            if told.said & UNWELL or any(pain.level > 0 for pain in told.pains.values()):
                return None
        return {}

    return test


def _race_within(check: checks.RaceWithin) -> Test:
    def test(view: View, _numbers: Numbers) -> Facts | None:
        ahead = view.plan.between(view.today, view.today + check.days * _DAY)
        found = next((one for one in ahead if one.kind == "race"), None)
        return None if found is None else {"race": found.day.isoformat()}

    return test


_HELD_BACK = ("training", "performance")


def _health(check: checks.Health) -> Test:
    least = number(check.least)

    def test(view: View, numbers: Numbers) -> Facts | None:
        told = view.told.health
        held = any(HEALTH.worse_by(told[part], HEALTH.best) >= least(numbers) for part in _HELD_BACK if part in told)
        return {"health": dict(told)} if held or told.get("participation") == HEALTH.worst else None

    return test


_MADE: Mapping[type, Callable[[Any], Test]] = {
    checks.SleepHours: _sleep_hours,
    checks.LowItems: _low_items,
    checks.HarderThanMeant: _harder_than_meant,
    checks.NextHard: _next_hard,
    checks.PainNow: _pain,
    checks.PainDay: _pain_day,
    checks.PainUnsettled: _pain_unsettled,
    checks.PainRises: _pain_rises,
    checks.Said: _said,
    checks.Returning: _returning,
    checks.DaysOff: _days_off,
    checks.FiredBefore: _fired,
    checks.RanWell: _ran_well,
    checks.Missed: _missed,
    checks.Unhurt: _unhurt,
    checks.RaceWithin: _race_within,
    checks.Health: _health,
}
