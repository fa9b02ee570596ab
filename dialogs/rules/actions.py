"""What the actions of rules do to a plan: which sessions they are about, and what those become.

`touched` decides when a rule fires, and names sessions by id. `wanted` says what they become, of the plan as it stands
when somebody asks: what has been moved or taken out since is passed over. No race is ever touched, nor a day that is
over, nor a session that was reported already; and what has been made easier and waits for the coach is eased no
further, though it may still be held.

A missed session may take the place of an easy run of its own week, where no hard day is beside it. It is never added on
top, and a week that has no such place lets it go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from dialogs import plan as plans
from dialogs.model import Json, Plan, Session
from dialogs.rules import form
from dialogs.rules.conditions import Numbers, number
from dialogs.rules.view import View

_DAY = timedelta(days=1)
SNACK_UNDER = 15  # minutes that are left, under which strength becomes a snack
REPORTED = 8  # days back in which a session of today may have been reported
LEAST = 5  # minutes, under which a session is none
Pair = tuple[Session, Session]


def touched(then: form.Action, view: View, facts: Mapping[str, Json], *, first: bool) -> tuple[str, ...]:
    """Ids of the sessions that the action is about today; none where there is nothing to do."""
    match then:
        case form.Ease() | form.Hold():
            if then.once and not first:
                return ()
            last = (
                date.fromisoformat(facts["race"]) if isinstance(then, form.Ease) and then.until == "race" else date.max
            )
            return tuple(one.id for one in _meant(then, view) if one.day <= last)
        case form.Relay():
            found = _gap(then, view, facts)
            return () if found is None else (found.id,)
        case form.Step():
            found = _next_run(then, view, facts)
            return () if found is None else (found.id,)
        case _:
            return ()


def wanted(
    then: form.Action, numbers: Numbers, facts: Mapping[str, Json], ids: Iterable[str], plan: Plan, today: date
) -> list[Pair]:
    """Each session that would change, before and after, as the plan stands now."""
    found = [
        one
        for id in ids
        if (one := plan.find(id)) is not None and one.day >= today and one.kind not in ("race", "rest")
    ]
    pairs: list[Pair] = []
    spent: dict[date, float] = {}  # of the minutes that they have on that day: two sessions share them
    for one in found:
        match then:
            case form.Ease() if one.held:
                pass  # another rule was here first, and waits for the coach
            case form.Ease() | form.Hold():
                new = _lighter(then, one, numbers, facts, spent.get(one.day, 0))
                spent[one.day] = spent.get(one.day, 0) + plans.minutes(new)
                if _counts(new) != _counts(one) and plans.eases(one, new):
                    pairs.append((one, new))
            case form.Relay():
                missed = plan.find(facts["missed"])
                if missed is not None and _gives_way(plan, one, missed, today):
                    pairs.append((one, replace(missed, id=one.id, day=one.day, held=None)))
            case form.Step():
                minutes = int(facts["step"])
                if plans.minutes(one) < minutes:
                    pairs.append((one, replace(one, kind="easy", minutes=minutes, km=None, held=None)))
            case _:
                pass
    return pairs


def _counts(session: Session) -> tuple[object, ...]:
    """What makes a session lighter or not. That its usual effort is written out now is no change."""
    return session.kind, session.form, plans.minutes(session), plans.effort(session), session.descent or 0


def _told(view: View) -> frozenset[str]:
    """Sessions that were reported already; one of tomorrow may have been done today."""
    return frozenset(session.id for _, _, session in view.reports(REPORTED))


def _meant(then: form.Ease | form.Hold, view: View) -> list[Session]:
    told = _told(view)
    ahead = plans.ordered(view.plan.between(view.today, view.today + (then.days - 1) * _DAY))
    found = [one for one in ahead if one.kind not in ("race", "rest") and one.id not in told]
    if isinstance(then, form.Ease) and then.next:
        following = next((one for one in found if _is(then.what, one) or one.held), None)
        found = [] if following is None else [following]
    if isinstance(then, form.Ease):
        found = [one for one in found if not one.held]
    return [one for one in found if _is(then.what, one)]


def _is(what: form.What, session: Session) -> bool:
    match what:
        case "hard":
            return plans.hard(session)
        case "runs":
            return session.kind in plans.RUNS
        case "strength":
            return session.kind == "strength"
        case _:
            return True


def _lighter(
    then: form.Ease | form.Hold, session: Session, numbers: Numbers, facts: Mapping[str, Json], spent: float
) -> Session:
    if isinstance(then, form.Hold):
        return plans.lighter(session, "rest")
    at_most = None if then.at_most is None else int(number(then.at_most)(numbers))
    if then.to == "short":
        # What they said they have, before what is usual; the first session of a day is what it is about.
        at_most = int(max(facts.get("minutes", at_most) - spent, 0))
        if session.kind == "strength" and at_most < SNACK_UNDER:
            session = plans.lighter(session, "snack")
        return _no_longer(session, at_most)
    eased = plans.lighter(session, then.to)
    return eased if at_most is None else _no_longer(eased, at_most)


def _no_longer(session: Session, minutes: int) -> Session:
    if plans.minutes(session) <= minutes:
        return session
    return plans.lighter(session, "rest") if minutes < LEAST else plans.lighter(session, "short", at_most=minutes)


def _gap(then: form.Relay, view: View, facts: Mapping[str, Json]) -> Session | None:
    """The easy run that may give way to a missed hard session, of the same week. None: it is let go."""
    missed = view.plan.find(facts["missed"])
    if missed is None:
        return None
    sunday = missed.day + (6 - missed.day.weekday()) * _DAY
    ahead = view.plan.between(view.today, min(sunday, view.today + then.within * _DAY))
    told = _told(view)
    return next(
        (one for one in ahead if one.id not in told and _gives_way(view.plan, one, missed, view.today)),
        None,
    )


def _gives_way(plan: Plan, easy: Session, missed: Session, today: date) -> bool:
    """An easy run without a hard session on its day or beside it. What was missed on a day that is over is none."""
    beside = plan.between(easy.day - _DAY, easy.day + _DAY)
    apart = not any(plans.hard(one) and not (one.id == missed.id and one.day < today) for one in beside)
    return easy.kind == "easy" and not easy.held and apart


def _next_run(then: form.Step, view: View, facts: Mapping[str, Json]) -> Session | None:
    """The next run, if it is shorter than the step says."""
    minutes = step_of(then, facts)
    if minutes is None:
        return None
    told = _told(view)
    ahead = view.plan.between(view.today, view.today + then.within * _DAY)
    run = next((one for one in ahead if one.kind in plans.RUNS and one.id not in told), None)
    return run if run is not None and run.kind == "easy" and plans.minutes(run) < minutes else None


def step_of(then: form.Step, facts: Mapping[str, Json]) -> int | None:
    """The first step of the ladder above the run that went well; None at its end: what comes then, the coach says."""
    return next((one for one in then.minutes if one > facts["ran_minutes"]), None)
