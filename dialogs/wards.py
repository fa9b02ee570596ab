"""An athlete under 18: what they say when they join, and what becomes, in their own turn, of what a guardian does.

How it goes from one to the other stands on top of `guardians`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dialogs import checkin, engine, escalation, joining, minors, rights, weekday
from dialogs.draft import Draft
from dialogs.escalation import MARK
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Person, Spans, Talk

# --- joining --------------------------------------------------------------------------------------------------------


def joining_moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """The onboarding of an athlete, which may end with its first question."""
    if step.ended == "minor":
        _under_18(draft, talk)
    else:
        joining.moved(draft, talk, step)


def _under_18(draft: Draft, talk: Talk) -> None:
    draft.close(talk.script)
    me, coach = draft.person, draft.known.coach
    if draft.known.minors:
        draft.strip(talk)
        draft.change(minor=True)
        draft.record("event", "under_18")
        _invite(draft)
        if coach is not None:
            draft.say("minors.waits", {"athlete": me.name, "days": joining.INVITE_LIVES.days}, to=coach, quiet=True)
        return
    waiting = [one for one in draft.escalations() if one.athlete_id == me.id]
    if coach is not None:
        facts = {"athlete": me.name, "waiting": [one.short for one in waiting]}
        key = f"{rights.KEY}{rights.receipt_of(draft)}:coach"
        draft.say("minors.adults_only", facts, to=coach, about=me.id, quiet=True, key=key)
    if waiting:  # what could not wait was heard before: that stays until a human is done with it
        draft.say("guardian.adults_only", {"waiting": True}, edit=draft.tapped is not None, bubble=talk.bubble)
    else:
        rights.go(draft, me, "guardian.adults_only", {"waiting": False})


def link(draft: Draft, what: str) -> None:
    """The button for another link: the first one was lost, or nobody reads along any more."""
    if not draft.person.alone or what != "link":
        draft.toast("shared.question_closed")
        return
    _invite(draft)


def _invite(draft: Draft) -> None:
    seat = joining.invite(draft, "", ward=draft.person)
    address = f"https://t.me/{draft.known.bot}?start={seat.code}"
    draft.say("guardian.forward", {"link": address, "code": seat.code, "days": joining.INVITE_LIVES.days})


# --- what a guardian has done --------------------------------------------------------------------------------------


def due(draft: Draft, event: Due) -> None:
    """What a guardian has done, in the turn of the athlete."""
    me, data = draft.person, event.data
    id = int(data["guardian"])
    if not me.minor:
        return
    if data["what"] == "yes" and me.guardian_id is None:
        draft.change(guardian_id=id)
        # Whom this turn does not know, the next one does.
        draft.wake("guardian", f"{event.key}:again", draft.now, what="ask", guardian=id)
        return
    guardian = minors.guardian_of(draft.known, me)
    if data["what"] == "said":
        _hear(draft, data)
    elif guardian is None or guardian.id != id:
        if data["what"] == "ask" and me.guardian_id == id:
            draft.change(guardian_id=None)  # gone again in the same moment
    elif data["what"] == "ask":
        _ask(draft, guardian)
    elif data["what"] == "grown":
        _grow(draft, guardian)


def _ask(draft: Draft, guardian: Person) -> None:
    """The athlete's own yes. Who has given it already has chosen this guardian by forwarding the link."""
    names = {"athlete": draft.person.name, "guardian": guardian.name}
    draft.record("event", "guardian")
    if joining.settled(draft.person):
        draft.wake("both", f"both:{guardian.id}:{draft.now:%Y%m%dT%H%M%S}", draft.now, whose=guardian.id)
        draft.say("guardian.new_one", names, quiet=True)
        checkin.plan_next(draft)
        weekday.plan_next(draft)
    else:
        joining.begin(draft)
    if draft.known.coach is not None:
        settled = joining.settled(draft.person)
        draft.say("minors.said_yes", {**names, "settled": settled}, to=draft.known.coach, quiet=True)


def _hear(draft: Draft, data: Mapping[str, Any]) -> None:
    """A concern in the guardian's words. The athlete is not told: it is not they who have said it."""
    words, before = str(data["words"]), {one.short: one.by_guardian for one in draft.escalations()}
    marked = "\n".join(f"{MARK} {line}" for line in words.split("\n")) if words else ""
    raised = escalation.raise_(
        draft, Level(data["level"]), str(data["flag"]), marked, _moved_on(words, data["because"])
    )
    now = draft.escalation(raised.short)
    if now is not None and before.get(raised.short, True):
        draft.put(replace(now, by_guardian=True))
    draft.messages = [one for one in draft.messages if one.to != draft.person.id]


def _moved_on(words: str, because: Any) -> Spans:
    """The spans of what decided, where each line begins with the mark."""

    def at(place: int) -> int:
        return place + (words.count("\n", 0, place) + 1) * (len(MARK) + 1)

    return tuple((at(int(start)), at(int(end))) for start, end in because)


def _grow(draft: Draft, guardian: Person) -> None:
    """18 by the guardian's word: no minor any more, and the guardian's own data goes."""
    me, coach = draft.person, draft.known.coach
    names = {"athlete": me.name, "guardian": guardian.name}
    draft.change(minor=False, guardian_id=None)
    draft.record("event", "grown")
    draft.say("guardian.grown_athlete", names, quiet=True)
    if coach is not None:
        draft.say("minors.grown", names, to=coach, quiet=True, about=me.id)
    rights.go(draft, guardian, "guardian.grown_guardian", {"athlete": me.name})
