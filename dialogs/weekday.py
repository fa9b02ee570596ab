"""When the weekly messages come: one for each part that somebody plays, once in a local week.

    an athlete   Sunday 18:00 of their own clock, until they choose another day and hour
    a coach      Sunday 17:00 of theirs

The wakeup's key is the part, the person and the local date, so two replicas plan it once. The turn that it wakes plans
the next one. Whoever was here before there were weekly messages gets the first one by the turn that comes anyway each
day: `mend` costs a look at a date. Between two messages lie more than APART days, whatever becomes of the chosen day or
of the zone: a flight over the date line brings no second Sunday.

A late one still comes on its own date. On another date it is about another week, and only the next one is planned.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from dialogs import engine, timing
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.model import Json, Talk

ATHLETES_AT, COACHES_AT = time(18), time(17)
APART = timedelta(days=3)
STALE = timedelta(hours=18)  # not sent any more when it could not leave for so long
WEEK, COACH_WEEK = "week", "coachweek"


def plan_next(draft: Draft, after: datetime | None = None) -> None:
    """The wakeups of the next weekly messages of this turn's person, in each part they play, after now (or `after`);
    others that are open are void. None for who has not agreed, cannot be reached, wants to go, or wants none."""
    me = draft.person
    draft.cancel(f"{WEEK}:{me.id}:", f"{COACH_WEEK}:{me.id}:")
    here = me.weekly and me.consent_at is not None and me.reachable and not me.resting
    draft.change(
        week_next=_plan(draft, WEEK, me.week_at or ATHLETES_AT, me.week_on, after) if here and me.runs else None,
        coach_week_next=_plan(draft, COACH_WEEK, me.week_at or COACHES_AT, me.coach_week_on, after)
        if here and me.coaches
        else None,
    )


def _plan(draft: Draft, kind: str, at: time, last: date | None, after: datetime | None) -> date:
    me = draft.person
    start = after or draft.now
    day, instant = timing.next_weekday_at(me.zone, me.week_day, at, start)
    while last is not None and day - last <= APART:
        start = instant
        day, instant = timing.next_weekday_at(me.zone, me.week_day, at, start)
    draft.wake(kind, f"{kind}:{me.id}:{day}", instant, day)
    return day


def mend(draft: Draft) -> None:
    """In a turn that comes each day: whoever has no weekly message planned gets one."""
    me = draft.person
    lost = (me.runs and _lost(draft, me.week_next)) or (me.coaches and _lost(draft, me.coach_week_next))
    if lost and me.weekly and me.consent_at is not None and me.reachable and not me.resting:
        plan_next(draft)


def _lost(draft: Draft, planned: date | None) -> bool:
    return planned is None or planned < draft.today


def begins(draft: Draft, event: Due) -> bool:
    """Is this weekly message to be written? The next one is planned in any case, and its date is used up. After a
    restore it may have come already."""
    me = draft.person
    if event.day is None or me.consent_at is None or me.resting or not me.weekly:
        return False
    lost_until = timing.lost_until(event.data)
    if event.kind == COACH_WEEK:
        draft.change(coach_week_on=max(event.day, me.coach_week_on or event.day))
    else:
        draft.change(week_on=max(event.day, me.week_on or event.day))
    plan_next(draft, lost_until)
    return event.day == draft.today and lost_until is None and me.reachable


# --- /weekday -------------------------------------------------------------------------------------------------------


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """On which weekday, and at which hour."""
    if step.ended is None:
        draft.ask(step.talk)
        return
    draft.close(talk.script)
    if step.ended == "cancelled":
        draft.say("settings.unchanged", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    if step.ended == "no_week":
        draft.change(weekly=False)
    else:
        slots = step.talk.slots
        draft.change(weekly=True, week_day=int(slots["weekday"]), week_at=time.fromisoformat(slots["week_hour"]))
    draft.record("event", "weekday", {"on": draft.person.weekly, "day": draft.person.week_day})
    plan_next(draft)
    draft.say("week.weekday_done", facts(draft), edit=draft.tapped is not None, bubble=talk.bubble)


def facts(draft: Draft) -> dict[str, Json]:
    """When the next weekly message comes, for a text. Of somebody in both parts: the hour of an athlete's."""
    me = draft.person
    planned = me.week_next if me.runs else me.coach_week_next
    at = me.week_at or (ATHLETES_AT if me.runs else COACHES_AT)
    return {
        "weekly": me.weekly,
        "weekday": me.week_day,
        "at": f"{at:%H:%M}",
        "planned": planned.isoformat() if planned else None,
    }
