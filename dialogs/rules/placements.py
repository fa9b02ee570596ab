"""What the checks of plans mean: each a function that finds every breach from today on. It is shown, and never mended.

    compiled(check) -> search;  search(view, numbers) -> breaches: the sessions that are in it, and the facts

A week runs from Monday to Sunday. Strength means real strength work; a snack of ten minutes is none, and goes anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from dialogs import plan as plans
from dialogs.model import Session
from dialogs.rules import checks
from dialogs.rules.conditions import Numbers, number
from dialogs.rules.view import Facts, View

_DAY = timedelta(days=1)
LIGHT_MINUTES, LIGHT_EFFORT = 20, 3  # strength that is at most so long, or felt so easy, is light
TAPER = 21  # days before a race in which less strength is right (strength-taper)
AFTER_RACE = 7


@dataclass(frozen=True, slots=True)
class Breach:
    sessions: tuple[str, ...]
    facts: Facts


Search = Callable[[View, Numbers], Iterator[Breach]]


def compiled(check: checks.OfPlan) -> Search:
    """Raises KeyError for a check of days."""
    return _MADE[type(check)](check)


def _ahead(view: View) -> list[Session]:
    return [one for one in view.plan.sessions if one.day >= view.today]


def _full(session: Session) -> bool:
    return session.kind == "strength" and session.form != "snack"


def _light(session: Session) -> bool:
    return plans.minutes(session) <= LIGHT_MINUTES or plans.effort(session) <= LIGHT_EFFORT


def _breach(sessions: Iterable[Session], **facts: object) -> Breach:
    found = tuple(sessions)
    return Breach(tuple(one.id for one in found), {"days": sorted({one.day.isoformat() for one in found}), **facts})


def _monday(day: date) -> date:
    return day - day.weekday() * _DAY


def _weeks(sessions: Iterable[Session]) -> dict[date, list[Session]]:
    found: dict[date, list[Session]] = {}
    for one in sessions:
        found.setdefault(_monday(one.day), []).append(one)
    return found


# --- how long, how far down -----------------------------------------------------------------------------------------


def _longest_run(check: checks.LongestRun) -> Search:
    """By what was done; where nobody has reported any session of those days, by what was planned."""
    percent = number(check.percent)

    def search(view: View, numbers: Numbers) -> Iterator[Breach]:
        runs = [one for one in view.plan.sessions if one.kind in plans.RUNS and _measured(one)]
        did = {
            session.id: done.did
            for day, told in view.days.items()
            for done in told.done
            if (session := view.plan.find(done.session) if done.session else plans.main_session(view.plan, day))
        }
        known = [one for one in runs if one.day >= view.today or not did or did.get(one.id) in ("done", "changed")]
        for one in runs:
            if one.day < view.today or one.kind == "race":
                continue
            before = [other for other in known if one.day - check.of_last * _DAY <= other.day < one.day]
            if not before or (one.day - min(other.day for other in before)).days < check.history:
                continue
            longest = max(before, key=plans.minutes)
            if plans.minutes(one) * 100 > plans.minutes(longest) * percent(numbers):
                yield _breach(
                    [one],
                    minutes=round(plans.minutes(one)),
                    longest=round(plans.minutes(longest)),
                    longest_day=longest.day.isoformat(),
                    percent=round(plans.minutes(one) * 100 / plans.minutes(longest))
                    if plans.minutes(longest)
                    else None,
                )

    return search


def _measured(session: Session) -> bool:
    """How long it is was said. What is only usual for its kind is no figure to compare with."""
    return session.minutes is not None or session.km is not None


def _descent(check: checks.DescentOver) -> Search:
    over = number(check.over)

    def search(view: View, numbers: Numbers) -> Iterator[Breach]:
        for one in _ahead(view):
            if (one.descent or 0) > over(numbers):
                yield _breach([one], descent=one.descent, cap=over(numbers))

    return search


# --- hard and easy --------------------------------------------------------------------------------------------------


def _hard_in_a_row(_check: checks.HardInARow) -> Search:
    def search(view: View, _numbers: Numbers) -> Iterator[Breach]:
        by_day: dict[date, list[Session]] = {}
        for one in view.plan.between(view.today - _DAY, date.max):
            if plans.hard(one):
                by_day.setdefault(one.day, []).append(one)
        for day, following in pairwise(sorted(by_day)):
            if following - day == _DAY:
                yield _breach([*by_day[day], *by_day[following]])

    return search


def _strength_before(check: checks.StrengthBefore) -> Search:
    """On the hard day itself it is where it should be, whatever comes on the next."""

    def search(view: View, _numbers: Numbers) -> Iterator[Breach]:
        for one in _ahead(view):
            if _full(one) and not any(plans.hard(other) for other in view.plan.on(one.day)):
                following = [other for other in view.plan.on(one.day + _DAY) if other.kind in check.kinds]
                if following:
                    yield _breach([one, *following], before=following[0].kind)

    return search


def _strength_on_easy_day(_check: checks.StrengthOnEasyDay) -> Search:
    def search(view: View, _numbers: Numbers) -> Iterator[Breach]:
        hard = {one.day for one in view.plan.sessions if plans.hard(one)}
        for week in _weeks(view.plan.sessions).values():
            strong = {one.day for one in week if _full(one)}
            free = sorted({one.day for one in week if one.kind in ("speed", "hills")} - strong)
            for one in week:
                easy = one.day not in hard and one.day - _DAY not in hard
                if _full(one) and one.day >= view.today and easy and free:
                    yield _breach([one], better=[day.isoformat() for day in free])

    return search


# --- strength, by the week and near a race --------------------------------------------------------------------------


def _strength_dose(check: checks.StrengthDose) -> Search:
    def search(view: View, _numbers: Numbers) -> Iterator[Breach]:
        sessions = view.plan.sessions
        if not any(one.kind == "strength" and one.day >= view.today for one in sessions):
            return
        days = [one.day for one in sessions]
        races = [one.day for one in sessions if one.kind == "race"]
        for monday, week in sorted(_weeks(sessions).items()):
            whole = min(days) <= monday + _DAY and max(days) >= monday + 5 * _DAY  # its ends may be days of rest
            near = any(-AFTER_RACE <= (race - monday).days <= TAPER + 6 for race in races)
            if not whole or monday < _monday(view.today):
                continue
            strength = [one for one in week if one.kind == "strength"]
            full = sum(map(_full, strength))
            snacks = len(strength) - full
            enough = full >= check.least or (full == 1 and snacks >= check.snacks)
            if full > check.to or not (enough or near):
                yield _breach(strength or week[:1], full=full, snacks=snacks, monday=monday.isoformat())

    return search


def _strength_near_race(check: checks.StrengthNearRace) -> Search:
    def search(view: View, _numbers: Numbers) -> Iterator[Breach]:
        races = [one for one in view.plan.sessions if one.kind == "race"]
        for one in _ahead(view):
            if not _full(one) or (check.allowed == "light" and _light(one)):
                continue
            for race in races:
                away = (race.day - one.day).days
                if 0 <= away <= check.before if check.before else 0 < -away <= check.after:
                    yield _breach([one], race=race.day.isoformat(), away=away, allowed=check.allowed)
                    break

    return search


def _strength_on_step_down(check: checks.StrengthOnStepDown) -> Search:
    percent = number(check.percent)

    def search(view: View, numbers: Numbers) -> Iterator[Breach]:
        weeks = _weeks(view.plan.sessions)
        run = {
            monday: sum(plans.minutes(one) for one in week if one.kind in plans.RUNS) for monday, week in weeks.items()
        }
        for monday, week in sorted(weeks.items()):
            before = run.get(monday - 7 * _DAY, 0)
            if not 0 < run[monday] <= before * (1 - percent(numbers) / 100):
                continue
            for one in week:
                if _full(one) and not _light(one) and one.day >= view.today:
                    yield _breach([one], minutes=round(run[monday]), minutes_before=round(before))

    return search


_MADE: Mapping[type, Callable[[Any], Search]] = {
    checks.LongestRun: _longest_run,
    checks.HardInARow: _hard_in_a_row,
    checks.StrengthBefore: _strength_before,
    checks.StrengthOnEasyDay: _strength_on_easy_day,
    checks.StrengthDose: _strength_dose,
    checks.StrengthNearRace: _strength_near_race,
    checks.StrengthOnStepDown: _strength_on_step_down,
    checks.DescentOver: _descent,
}
