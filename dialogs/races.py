"""Around a race: the week before, the day before, the morning of, twelve and twenty-four hours after an ultra, later.

Theory of operation
-------------------
    week   -7 d   one question: how do you feel about it?          how    +1 d   how was it? (never a time)
    eve    -1 d   one question: do you have a plan?                three  +3 d   one question
    morning       one line in place of the check-in                ten   +10 d   one question: mood often drops
    after12, after24 (ultra)   head, stomach, urine; a bad answer goes to a human at once

Each phase of a race is a wakeup with a key of its own, which is planned when a turn has the plan at hand anyway (at the
end of a check-in), and looks at the plan as it is when it rings: a race that was moved or taken out is not asked about,
and the plan is looked at anew. A question is asked sooner where a check-in ends on its day: it continues that, and the
wakeup finds it done. What was asked or passed over stands in the journal (step "race"), so nothing comes twice.

Two races near each other do not double the questions. Within a week before the next race it is that one which is asked
about; a day has one question; and the morning of a race has none.

`Person.races` are the race days as the plan stood when it was last looked at: only near one of them does a morning look
into the plan, and nobody else's morning costs a statement more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dialogs import engine, escalation, signals, timing
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Lane, Plan, Record, Session, Talk, Training
from dialogs.scripts.races import IN_WORDS, LOW
from dialogs.timing import LATE_AFTER

ULTRA_KM, ULTRA_MINUTES = 50, 360  # longer than this
STARTS = time(8, 0)  # of a race, by the athlete's clock: plans name the day alone
AHEAD = 8  # days ahead for which wakeups are put
BEHIND = 11  # days for which a race that is over is still known
BODY_ASKED = 3  # days from the start of an ultra up to which a late question about the body still makes sense
KNOWN = 8  # race days that are kept of a person
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Phase:
    """`day`: on which day, from the race's. `hours`: so long after its end instead, of an ultra. `yields`: not asked
    where the week before another race has begun by then."""

    name: str
    day: int = 0
    hours: int | None = None
    yields: bool = False


PHASES = (
    Phase("week", -7),
    Phase("eve", -1),
    Phase("morning", 0),
    Phase("after12", hours=12),
    Phase("after24", hours=24),
    Phase("how", 1),
    Phase("three", 3, yields=True),
    Phase("ten", 10, yields=True),
)
_BY_NAME = {one.name: one for one in PHASES}

# What a tap after an ultra means. The levels and flags are those that the same words would have.
URGENT = {
    "confused": (Level.NOW, "confusion"),
    "headache": (Level.TODAY, "race_head"),
    "vomiting": (Level.TODAY, "race_stomach"),
    "urine_dark": (Level.TODAY, "dark_urine"),
}
BOTH = (Level.TODAY, "after_ultra")  # vomiting with a headache


def is_ultra(race: Session) -> bool:
    return (race.km or 0) > ULTRA_KM or (race.minutes or 0) > ULTRA_MINUTES


def race_on(plan: Plan, day: date) -> Session | None:
    """The race of that day; of two the longer one."""
    found = [one for one in plan.on(day) if one.kind == "race"]
    return max(found, key=lambda one: (one.km or 0, one.minutes or 0, one.id), default=None)


# --- when -----------------------------------------------------------------------------------------------------------


def look(draft: Draft) -> None:
    """The plan is at hand: remember its race days, and put the wakeups of what comes within the next days."""
    me, training = draft.person, draft.training()
    days = sorted({one.day for one in training.plan.sessions if one.kind == "race"})
    days = [one for one in days if one >= draft.today - BEHIND * _DAY][:KNOWN]
    if tuple(days) != me.races:
        draft.change(races=tuple(days))
    for day in days:
        race = race_on(training.plan, day)
        for phase in PHASES if race is not None else ():
            if race is not None and _stands(training, race, phase):
                at = _at(draft, race, phase)
                if at is not None and draft.now < at <= draft.now + AHEAD * _DAY:
                    key = f"race:{me.id}:{day}:{phase.name}"
                    on = timing.local_date(me.zone, at)
                    draft.wake("race", key, at, on, race=day.isoformat(), phase=phase.name)


def _at(draft: Draft, race: Session, phase: Phase) -> datetime | None:
    """The instant of its wakeup. None: their zone skips that date."""
    me = draft.person
    if phase.hours is not None:
        start = timing.instant_of(me.zone, race.day, STARTS)
        if start is None:
            return None
        spent = timedelta(minutes=race.minutes or (race.km or 0) * 60 / 8)  # eight kilometres an hour, with the climbs
        awake = timing.waking(me.zone, me.quiet_from, me.quiet_to, start + spent + timedelta(hours=phase.hours))
        asks = timing.instant_of(me.zone, timing.local_date(me.zone, awake), me.ask_at)
        # Shortly before a check-in it waits for that, and stands before it: one prompt, and not two.
        return asks + _MINUTE if asks is not None and awake <= asks <= awake + LATE_AFTER else awake
    asks = timing.instant_of(me.zone, race.day + phase.day * _DAY, me.ask_at)
    if asks is None or phase.name == "morning":
        return asks
    later = asks + LATE_AFTER  # by then a check-in that is answered has ended, and has gone on to it
    return asks + LATE_AFTER / 4 if timing.quiet_until(me.zone, me.quiet_from, me.quiet_to, later) else later


def _stands(training: Training, race: Session, phase: Phase) -> bool:
    """Whether this is still to be asked of this race, as plan and journal are now."""
    if _marked(training.records, race.day, phase.name):
        return False
    if (phase.hours is not None and not is_ultra(race)) or (phase.name == "how" and is_ultra(race)):
        return False  # of an ultra it is asked when the body has been asked for
    on = race.day + phase.day * _DAY
    others = {one.day for one in training.plan.sessions if one.kind == "race" and one.day != race.day}
    if on in others or (phase.name == "week" and any(on <= one < race.day for one in others)):
        return False
    if phase.yields and any(race.day < one and one - 7 * _DAY <= on for one in others):
        return False
    told = [one for day in signals.days(training.records).values() for one in day.done if one.session == race.id]
    if phase.day > 0 or phase.hours is not None:
        return not any(one.did == "not_done" for one in told) and not (phase.name == "how" and told)
    return True


def _marked(records: Iterable[Record], day: date, phase: str) -> bool:
    return any(
        one.kind == "step"
        and one.name == "race"
        and (one.value["race"], one.value["phase"]) == (day.isoformat(), phase)
        for one in records
    )


def _mark(draft: Draft, day: date, phase: str, *, asked: bool) -> None:
    draft.record("step", "race", {"race": day.isoformat(), "phase": phase, "asked": asked})


def _asked_today(draft: Draft) -> bool:
    today = [one for one in draft.training().records if one.kind == "step" and one.name == "race"]
    return any(one.day == draft.today and one.value["asked"] for one in today)


# --- asking ---------------------------------------------------------------------------------------------------------


def ask(draft: Draft) -> bool:
    """A check-in has ended: go on with the question of today, if there is one. True: asked."""
    if not _near(draft):
        return False
    training = draft.training()
    for day in draft.person.races:
        race = race_on(training.plan, day)
        for phase in PHASES:
            today = phase.hours is None and phase.name != "morning" and day + phase.day * _DAY == draft.today
            if race is not None and today and not _asked_today(draft) and _stands(training, race, phase):
                _mark(draft, day, phase.name, asked=True)
                draft.ask(_opened(draft, phase.name), anew=True)
                return True
    return False


def opened(draft: Draft) -> Talk | None:
    """The morning after an ultra: its questions stand before the check-in, and do not come again an hour later."""
    yesterday = draft.today - _DAY
    if yesterday not in draft.person.races:
        return None
    training = draft.training()
    race = race_on(training.plan, yesterday)
    phase = _BY_NAME["after12"]
    if race is None or not _stands(training, race, phase):
        return None
    at = _at(draft, race, phase)
    if at is None or at > draft.now + LATE_AFTER:
        return None
    _mark(draft, yesterday, phase.name, asked=True)
    return _opened(draft, phase.name)


def _opened(draft: Draft, phase: str) -> Talk:
    return draft.open("race", {"phase": phase, "day": draft.today.isoformat()}).talk


def _near(draft: Draft) -> bool:
    return any(abs((one - draft.today).days) <= BEHIND for one in draft.person.races)


def morning(draft: Draft, event: Due) -> bool:
    """The check-in of a race day: one line in its place. False: no race is today, as far as is known."""
    me = draft.person
    snoozed = bool(event.data.get("snoozed"))
    if draft.today not in me.races or event.day != draft.today or event.late or snoozed or not _askable(draft):
        return False
    if (me.asked_on is not None and me.asked_on >= draft.today) or timing.lost_until(event.data) is not None:
        return False
    if race_on(draft.training().plan, draft.today) is None:
        return False
    draft.change(asked_on=draft.today)  # its date has had its question: none
    _line(draft, event.key)
    return True


def _line(draft: Draft, key: str) -> None:
    if not _marked(draft.training().records, draft.today, "morning"):
        _mark(draft, draft.today, "morning", asked=False)
        draft.say(
            "race.morning", lane=Lane.PROMPT, once=True, quiet=True, key=key, expires_at=draft.now + LATE_AFTER
        )  # fmt: skip


def due(draft: Draft, event: Due) -> None:
    """Its hour has come. Stale is normal; after a restore it may have been asked already, and is not asked again."""
    training = draft.training()
    day, phase = date.fromisoformat(str(event.data["race"])), _BY_NAME[str(event.data["phase"])]
    if _marked(training.records, day, phase.name):
        return
    race = race_on(training.plan, day)
    in_time = draft.today == day + phase.day * _DAY if phase.hours is None else draft.today <= day + BODY_ASKED * _DAY
    if phase.name == "morning" and event.late:
        in_time = False
    asks = _askable(draft) and in_time and timing.lost_until(event.data) is None
    if race is None or not asks or not _stands(training, race, phase):
        _mark(draft, day, phase.name, asked=False)
        if _askable(draft):
            look(draft)  # it was moved, perhaps
        return
    if phase.name == "morning":
        _line(draft, event.key)
        return
    if phase.hours is None and _asked_today(draft):
        _mark(draft, day, phase.name, asked=False)
        return
    _mark(draft, day, phase.name, asked=True)
    # What is asked after an ultra is sent even where it is not known whether it has arrived; the rest at most once.
    draft.ask(
        _opened(draft, phase.name), anew=True, lane=Lane.PROMPT, once=phase.hours is None, quiet=True, key=event.key,
        expires_at=draft.now + timedelta(hours=phase.hours or 12),
    )  # fmt: skip


def _askable(draft: Draft) -> bool:
    me = draft.person
    paused = me.paused_until is not None and me.paused_until > draft.today
    return me.runs and me.consent_at is not None and me.reachable and not me.resting and not paused


# --- answers --------------------------------------------------------------------------------------------------------


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> bool:
    """A tap. True: the talk is over, and nothing urgent was in it."""
    for name, value in step.answers.items():
        draft.record("answer", f"race_{name}", value)
    worst = None
    for name, value in step.answers.items():
        worst = URGENT.get(str(value))
        if name == "stomach" and value == "vomiting" and step.talk.slots.get("head") == "headache":
            worst = BOTH
        if worst is not None:
            escalation.raise_(draft, worst[0], worst[1], str(value).replace("_", " "))
    if worst is not None and worst[0] >= Level.NOW:
        draft.close(talk.script)  # the number to call is the last thing that they read
        draft.strip(talk)
        return False
    if step.ended is None:
        draft.ask(step.talk)
        return False
    draft.close(talk.script)
    low = any(value in LOW for value in step.answers.values())
    draft.say("race.done", {"low": low}, edit=draft.tapped is not None, bubble=talk.bubble)
    return True


def told(draft: Draft, talk: Talk) -> bool:
    """Words of their own, which are kept and read already, are an answer to an open question. False: it is none."""
    if talk.script != "race" or talk.step not in IN_WORDS:
        return False
    draft.record("answer", f"race_{talk.step}", "in_words")
    draft.close(talk.script)
    draft.strip(talk)
    draft.say("race.told")
    return True
