"""The daily check-in: when it is asked, what a finished, snoozed or skipped one means, and when an answer is a flag.

One check-in per local date, whatever the zone, the hour or the process does in between: `asked_on` is the last date
that has had one, and the due row's key carries the date. The next one is planned by the turn that asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dialogs import concerns, conversation, engine, escalation, proposals, summary, timing
from dialogs.draft import Draft, Rows
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Json, Lane, Talk
from dialogs.scripts import SCRIPTS
from dialogs.scripts.checkin import ITEMS
from dialogs.words import aches
from dialogs.words.aches import BONE_LIKE, Ache

SNOOZE = timedelta(hours=1)
UNFINISHED = timedelta(minutes=10)  # a pain named but not described: silence counts as the worse answer

# Edges of the pain-monitoring model (Thomee 1997, Silbernagel 2007; clinics print 3 or 5 for the same line: the
# stricter stands). Over HIGH stop and tell; from SOME on, a changed stride makes it a concern.
PAIN_SOME, PAIN_HIGH = 3, 5
JUDGED = "?judged"  # slot: what was missing has been counted as the worse answer already


def plan_next(draft: Draft, after: datetime | None = None) -> None:
    """Put the wakeup of the next check-in after now (or `after`); any other open one is void. Without consent nothing
    is planned."""
    me = draft.person
    draft.cancel(f"checkin:{me.id}:")
    if not me.runs or me.consent_at is None or not me.reachable or me.resting:
        return
    rhythm = timing.Rhythm(me.zone, me.ask_at, frozenset(me.days_off), me.paused_until)
    found = timing.next_ask(rhythm, after or draft.now, me.asked_on)
    if found is not None:
        day, at = found
        draft.wake("checkin", f"checkin:{me.id}:{day}", at, day)


def due(draft: Draft, event: Due) -> None:
    """The hour of a check-in. Late is dropped and noted; a date that has had one is left alone."""
    me = draft.person
    if event.day is None or not me.runs or me.consent_at is None or me.resting:
        return
    snoozed = bool(event.data.get("snoozed"))
    stale = event.day != draft.today if snoozed else (me.asked_on is not None and event.day <= me.asked_on)
    if stale:
        if not snoozed:
            plan_next(draft)
        return
    lost_until = timing.lost_until(event.data)
    if not lost_until and conversation.put_off(draft, event):
        return
    if event.late or lost_until:
        # Its date is used up: the key of its wakeup has rung, and a second one for the same date would be refused.
        draft.change(asked_on=event.day)
        draft.record("event", "not_asked", "too_late")
    elif me.paused_until is None or event.day >= me.paused_until:
        draft.change(asked_on=event.day)
        expires = draft.now + timing.LATE_AFTER
        start(draft, asked=True, expires_at=expires, key=event.key)
    if not snoozed:
        # After days of downtime today's may be due and not too late yet: then it is asked. After a restore it may have
        # been asked already, unless its hour came later.
        plan_next(draft, lost_until or (draft.now - timing.LATE_AFTER if event.late else None))


def start(draft: Draft, *, asked: bool = False, again: bool = False, **fields: Any) -> None:
    """Begin today's check-in, or take it up where it stands. `again` asks everything anew (a change of mind)."""
    talk = draft.talk("morning")
    if talk is not None and talk.slots.get("day") == draft.today.isoformat() and not again:
        draft.ask(talk, anew=not asked, **(_prompt(fields) if asked else {}))
        return
    said = {} if again else summary.answers_of(draft.days, draft.today)
    known = {name: value for name, value in said.items() if name in ITEMS}
    if talk is not None:
        leave(draft, talk)
    if not asked:
        draft.cancel(f"snooze:{draft.person.id}:")
    moved = draft.open("morning", {**known, "day": draft.today.isoformat()})
    draft.change(asked_on=max(draft.person.asked_on or draft.today, draft.today))
    if moved.ended:
        draft.say("morning.again", {"so_far": known}, buttons=_after())
        return
    if not asked:
        draft.cancel(f"checkin:{draft.person.id}:")
        plan_next(draft)
    draft.ask(moved.talk, anew=True, **(_prompt(fields) if asked else {}))


def _prompt(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt that nobody asked for: at most once, never in quiet hours, never late."""
    return {"lane": Lane.PROMPT, "once": True, "quiet": True, **fields}


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """A morning or session talk has moved: keep the answers, ask on, or close with what it means."""
    for name, value in step.answers.items():
        draft.record("answer", name, value)
    if "pain_stride" in step.answers:
        _judge_pain(draft, step.talk.slots)
    elif "pain_where" in step.answers or step.answers.get("hurts") == "hurts":
        draft.wake(
            "unfinished",
            f"unfinished:{draft.person.id}:{draft.person.turn}",
            draft.now + UNFINISHED,
            script=talk.script,
            bubble=talk.bubble.split(":")[-1],
        )
    if step.ended is None:
        draft.ask(step.talk)
        return
    draft.close(talk.script)
    if step.ended in ("later", "skip"):
        _put_off(draft, step)
        return
    if step.ended == "usual":
        for item in ITEMS:
            if item not in step.talk.slots:
                draft.record("answer", item, "usual")
    _thank(draft, talk, step)
    proposals.judge(draft)


def told(draft: Draft, said: Ache) -> bool:
    """All of this pain was told today: there is nothing to ask."""
    today = summary.answers_of(draft.days, draft.today)
    same = said.place in (None, today.get("pain_where")) and said.score in (None, today.get("pain_level"))
    return "pain_stride" in today and same


def ache(draft: Draft, said: Ache) -> bool:
    """A pain was told of: ask only what is missing, in the open check-in if there is one. What is known stays known,
    and what was told today is not asked for again. False: nothing was asked."""
    if told(draft, said):
        return False
    talk = draft.talk("morning") or draft.talk("pain") or draft.open("pain").talk
    known = {"pain_where": said.place, "pain_level": said.score, "pain_side": said.side, "pain_when": said.when}
    fresh = {name: value for name, value in known.items() if value is not None and name not in talk.slots}
    if "pain_stride" in talk.slots or (talk.slots.get("hurts") == "hurts" and not fresh):
        return False  # it is told, or is being asked for this moment
    moved(draft, talk, engine.fill(SCRIPTS[talk.script], talk, {"hurts": "hurts", **fresh}))
    return True


def unfinished(draft: Draft, event: Due) -> None:
    """A pain was named, its strength or stride never came: it is judged by what is known, as if at its worst."""
    talk = draft.talk(str(event.data.get("script")))
    if talk is not None and _half_told(talk):
        _judge_half_told(draft, talk)
        at_its_place = replace(talk, slots={**talk.slots, JUDGED: True})
        draft.change(talks=tuple(at_its_place if one is talk else one for one in draft.person.talks))


def given_up(draft: Draft) -> None:
    """Nothing more will be answered: a pain that was begun counts as it does after ten minutes."""
    for talk in draft.person.talks:
        if _half_told(talk):
            _judge_half_told(draft, talk)


def over(draft: Draft, talk: Talk) -> bool:
    """A morning of another day."""
    return talk.script == "morning" and talk.slots.get("day") != draft.today.isoformat()


def leave(draft: Draft, talk: Talk) -> None:
    """Close a check-in that nobody will finish. A pain that was only begun counts as it does after ten minutes."""
    if _half_told(talk):
        _judge_half_told(draft, talk)
    draft.leave(talk)


def _half_told(talk: Talk) -> bool:
    """A pain of which something is missing, be it the place, and which has not been counted yet."""
    begun = "pain_where" in talk.slots or talk.slots.get("hurts") == "hurts"
    return begun and "pain_stride" not in talk.slots and JUDGED not in talk.slots


def _judge_half_told(draft: Draft, talk: Talk) -> None:
    """Silence counts as the worse answer; what was only mentioned ("feet sore lol") is a concern, no page."""
    if "pain_where" not in talk.slots:
        said = [str(one.words) for one in summary.own_words(draft.days) if one.day == draft.today]
        escalation.raise_(draft, Level.CONCERN, "pain_unsaid", "\n".join(said[-3:]))
        return
    if talk.script == "pain" and "pain_level" not in talk.slots:
        escalation.raise_(draft, Level.CONCERN, "pain_bone", str(talk.slots["pain_where"]))
        return
    _judge_pain(draft, {"pain_level": PAIN_SOME, "pain_stride": "yes", **talk.slots})


def _judge_pain(draft: Draft, slots: Mapping[str, Json]) -> None:
    """Where first, then how strong: a bone-like place goes to the coach today whatever the number."""
    where, level, stride = (
        str(slots["pain_where"]),
        int(slots.get("pain_level", PAIN_SOME)),
        slots.get("pain_stride"),
    )
    about = {"where": where, "level": level, "stride": stride}
    about |= {name: slots[f"pain_{name}"] for name in ("side", "when") if f"pain_{name}" in slots}
    draft.record("step", "pain", about)
    side = f"{slots['pain_side']} " if "pain_side" in slots else ""
    words = f"{side}{where}, {level}/10" + (", changes the stride" if stride == "yes" else "")
    said = [str(one.words) for one in summary.own_words(draft.days) if one.day == draft.today]
    words = "\n".join([words, *said[-3:]])
    hurts = Ache(place=aches.read(where).place, score=level)
    if where in BONE_LIKE and level > 0:
        escalation.raise_(draft, Level.TODAY, "pain_bone", words, ache=hurts)
    elif level > PAIN_HIGH:
        escalation.raise_(draft, Level.CONCERN, "pain_high", words, ache=hurts)
    elif level >= PAIN_SOME and stride == "yes":
        escalation.raise_(draft, Level.CONCERN, "pain_stride", words, ache=hurts)
    else:
        concerns.felt(draft, hurts)
    proposals.judge(draft)


def _put_off(draft: Draft, step: engine.Moved) -> None:
    me = draft.person
    if step.ended == "skip":
        draft.record("answer", "skipped", "today")
        draft.say("morning.skipped", edit=True, bubble=step.talk.bubble)
        return
    at = draft.now + SNOOZE
    quiet = timing.quiet_until(me.zone, me.quiet_from, me.quiet_to, at)
    if quiet is not None or timing.local_date(me.zone, at) != draft.today:
        draft.say("morning.no_later", edit=True, bubble=step.talk.bubble)
        return
    draft.wake("checkin", f"snooze:{me.id}:{draft.today}:{me.turn}", at, draft.today, snoozed=True)
    draft.say("morning.snoozed", {"at": draft.local_time(at)}, edit=True, bubble=step.talk.bubble)


def _thank(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    answers = {name: value for name, value in step.talk.slots.items() if name not in ("day", JUDGED)}
    if draft.tapped is None:
        draft.strip(talk)
    numbers = [value for name, value in answers.items() if name in ITEMS and isinstance(value, int)]
    draft.say(
        f"{talk.script}.done",
        {"so_far": answers, "usual": step.ended == "usual", "low": bool(numbers) and min(numbers) <= 2},
        buttons={"morning": _after(), "pain": _right_or_not()}.get(talk.script, ()),
        edit=draft.tapped is not None,
        bubble=talk.bubble,
    )


def _right_or_not() -> Rows:
    return ((Button("button.right", "do:right"), Button("button.not_right", "do:pain")),)


def _after() -> Rows:
    return ((Button("button.change", "do:change"), Button("button.session", "do:session")),)
