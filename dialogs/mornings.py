"""What stands around the check-in: at most one thing before it, and at most one after it.

    before   a kind word to who has gone quiet (silence); how a pain goes on (followups), or how somebody is after an
             ultra (races), in the bubble of the check-in, which goes on below
    instead  on the morning of a race: one line, and no question (races)
    after    the question of a race, else the week's health questions (health); none where something of that day
             has gone to the coach

Somebody who has tapped five times has done enough. So one question more is all that a day asks, and what is not asked
today is asked another day or never.
"""

from __future__ import annotations

from dataclasses import replace

from dialogs import checkin, engine, followups, health, races, silence, timing
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.model import Message, Talk

OF_THE_DAY = ("settled", "race", "health")  # talks that end with their local date
ALARMS = ("raised", "reopened", "joined")


def due(draft: Draft, event: Due) -> None:
    """The hour of a check-in."""
    if races.morning(draft, event):
        checkin.plan_next(draft)
        return
    checkin.due(draft, event)
    at = _question(draft)
    if at is None or draft.messages[at].key != event.key:
        return  # nobody was asked: a pause, a date that has had one, too late
    coaxed = silence.asked(draft)
    missed = draft.person.unheard - 1
    at = _before(draft, at)
    if coaxed:
        prompt = draft.messages[at]
        data = {**prompt.data, "missed": missed, "held_by": silence.held_by(draft)}
        draft.messages[at] = replace(prompt, preface="silence.nudge", data=data)


def start(draft: Draft) -> None:
    """/checkin, at any time."""
    checkin.start(draft)
    if (at := _question(draft)) is not None:
        _before(draft, at)


def _question(draft: Draft) -> int | None:
    """Where among the messages the first question of the check-in stands."""
    talk = draft.talk("morning")
    if talk is None or talk.step != "sleep" or "hurts" in talk.slots:
        return None
    found = [n for n, one in enumerate(draft.messages) if one.bubble == talk.bubble and not one.strip]
    return found[-1] if found else None


def _before(draft: Draft, at: int) -> int:
    """Another question first, in place of this one. Where that stands."""
    talk = races.opened(draft) or followups.opened(draft)
    if talk is None:
        return at
    prompt: Message = draft.messages.pop(at)
    draft.ask(
        talk, anew=True, lane=prompt.lane, once=prompt.once, quiet=prompt.quiet, key=prompt.key,
        expires_at=prompt.expires_at,
    )  # fmt: skip
    return len(draft.messages) - 1


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """A check-in has moved."""
    checkin.moved(draft, talk, step)
    if step.ended is None or step.ended in ("later", "skip"):
        return
    races.look(draft)
    steps = (one for one in draft.training().records if one.kind == "step" and one.day == draft.today)
    if not any(one.name in ALARMS for one in steps):
        _ = races.ask(draft) or health.ask(draft)


def reported(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """A session was told of."""
    checkin.moved(draft, talk, step)
    if step.ended == "done":
        races.look(draft)


def raced(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """A question of a race was answered; where it stood before the check-in, that goes on."""
    going_on = draft.talk("morning") if "head" in talk.slots or talk.step == "head" else None
    if not races.moved(draft, talk, step) or going_on is None:
        return
    if going_on.step == "sleep" and going_on.slots.get("day") == draft.today.isoformat():
        draft.ask(going_on, anew=True)


def over(draft: Draft, talk: Talk) -> bool:
    """A question of another day."""
    return talk.script in OF_THE_DAY and talk.slots.get("day", _opened_on(draft, talk)) != draft.today.isoformat()


def _opened_on(draft: Draft, talk: Talk) -> str:
    return timing.local_date(draft.person.zone, talk.opened_at).isoformat()
