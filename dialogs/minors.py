"""Athletes under 18: a guardian reads along in every thread, or there is no thread.

Theory of operation
-------------------
    Person.minor        of an athlete: under 18, as they have said; None until they were asked
    Person.guardian_id  who reads along. None: nobody (any more), and the athlete is `alone`
    Person.ward_id      of a guardian, who is nothing else here: whose (dialogs.guardians is their side, dialogs.wards
                        the athlete's)

No room knows of guardians. When a turn is over, `through` looks over what it says:
    LETTERS   of a coach go to the athlete together with their copy for the guardian, or not at all: where nobody reads
              along the coach is told why, and what else to do. (Rooms ask `refused` first, so that nothing is written
              in vain; this here holds even where one of them forgets.)
    NEWS      a coach's decisions about the plan: the guardian gets a copy where there is one
    TRUTHS    who has taken what, and that nobody has answered yet: the guardian hears them, too
    words     each of the athlete's own, once, when they are said; voice notes and photos as they are
Whatever the athlete says reaches the coach as ever, whether somebody reads along or not.

A guardian may be the danger. Words that touch on self-harm, or on violence or abuse at home, are not sent to the
guardian, and neither is anything the athlete writes until a coach has closed that concern: what follows is about the
same. The coach reads on the page that the guardian has not got it, and a human decides who tells them.

What a guardian writes raises concerns on the athlete, marked MARK in the coach's texts. The athlete is told nothing of
a concern that they have not said anything of themselves; its truths go to the guardian.

Under 18: Convention on the Rights of the Child, article 1; U.S. Center for SafeSport, Minor Athlete Abuse Prevention
Policies (electronic communications between an adult and a minor athlete are open and transparent: a parent is copied).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dialogs import escalation, judging
from dialogs.asking import HARM
from dialogs.draft import Draft
from dialogs.escalation import MARK
from dialogs.levels import Level
from dialogs.model import Escalation, Json, Lane, Message, Outcome, Person, Record, Snapshot
from dialogs.words import phrases

ADULT = 18  # years: see the top
LETTERS = ("athlete.from_coach", "athlete.file_from_coach", "broadcast.letter")
NEWS = ("desk.eased_for_you", "plan.told", "plan.decided")
READ = "concerns.read"
TRUTHS: Mapping[str, str] = {"athlete.taken": "guardian.taken", "athlete.not_reached": "guardian.not_reached"}
FILES = ("coach.attached", "coach.answers")


# --- who reads along ------------------------------------------------------------------------------------------------


def guardian_of(known: Snapshot, athlete: Person) -> Person | None:
    """Who reads along with this athlete under 18, and has said yes to it."""
    found = (one for one in known.guardians if one.id == athlete.guardian_id and one.ward_id == athlete.id)
    return next((one for one in found if one.consent_at is not None), None)


def reachable(one: Person) -> bool:
    return one.reachable and one.chat_id is not None


def why_not(known: Snapshot, athlete: Person) -> str | None:
    """Why no letter may go to them: nobody reads along, they have not agreed yet, the guardian has blocked the bot.
    None: it may."""
    if not athlete.minor:
        return None
    guardian = guardian_of(known, athlete)
    if guardian is None:
        return "nobody"
    if athlete.consent_at is None:
        return "joining"
    return None if reachable(guardian) else "blocked"


def facts(known: Snapshot, athlete: Person) -> dict[str, Json]:
    """What a coach's text shows of it: `minor`, the name of the `guardian`, and `unread`, why no letter may go."""
    guardian = guardian_of(known, athlete)
    name = guardian.name if guardian is not None else None
    return {"minor": bool(athlete.minor), "guardian": name, "unread": why_not(known, athlete)}


def refused(draft: Draft, athlete: Person) -> bool:
    """Whether no letter may go to them; then this turn's coach is told why."""
    if why_not(draft.known, athlete) is None:
        return False
    draft.say("minors.no_letter", {"athlete": athlete.name, **facts(draft.known, athlete)}, about=athlete.id)
    return True


# --- what a turn says, over again -----------------------------------------------------------------------------------


def through(known: Snapshot, outcome: Outcome) -> Outcome:
    """The outcome with what belongs to guardians. Nothing changes where nobody of this turn is under 18."""
    me = outcome.person or known.person
    young = {one.id: one for one in (*known.athletes, known.ward, me) if one is not None and one.minor}
    if me is None or not young:
        return outcome
    concerns = {one.short: one for one in (*known.escalations, *outcome.escalations)}
    messages: list[Message] = []
    for one in outcome.messages:
        athlete = young.get(one.to or 0)
        messages += [one] if athlete is None else _to_athlete(known, one, athlete, me, concerns)
    guardian = guardian_of(known, me) if me.id in young else None
    if guardian is not None and reachable(guardian):
        messages += _from_athlete(outcome, me, guardian, concerns)
    return replace(outcome, messages=tuple(messages))


def _to_athlete(
    known: Snapshot, one: Message, athlete: Person, me: Person, concerns: Mapping[str, Escalation]
) -> Iterator[Message]:
    guardian = guardian_of(known, athlete)
    there = guardian is not None and reachable(guardian)
    if one.text in (*TRUTHS, READ):
        concern = concerns.get(one.short or str(one.data.get("short")))
        theirs = concern is not None and concern.by_guardian
        if not theirs and MARK not in str(one.data.get("words", "")):
            yield one
        if guardian is not None and there and one.text in TRUTHS and concern is not None:
            if theirs or not concern.private:
                quiet, lane = concern.level < Level.NOW, one.lane if theirs else Lane.REPLY
                data = {**one.data, "athlete": athlete.name}
                yield Message(guardian.id, TRUTHS[one.text], data, about=athlete.id, lane=lane, quiet=quiet)
        return
    if me.id == athlete.id or one.strip or one.text not in (*LETTERS, *NEWS):
        yield one
        return
    if one.text in LETTERS and why_not(known, athlete) is not None:
        yield Message(me.id, "minors.no_letter", {"athlete": athlete.name, **facts(known, athlete)}, about=athlete.id)
        return
    yield one
    if guardian is not None and there:
        yield Message(
            guardian.id,
            one.text,
            {**one.data, "athlete": athlete.name},
            about=athlete.id,
            attach=one.attach,
            quiet=True,
            key=f"{one.key}:guardian" if one.key else None,
            preface="guardian.copy",
        )


def _from_athlete(
    outcome: Outcome, me: Person, guardian: Person, concerns: Mapping[str, Escalation]
) -> Iterator[Message]:
    """Copies of what the athlete has just said: as it is kept, so once, however often it is paged."""
    said = [one for one in outcome.records if one.about is None and one.kind in ("words", "edit") and one.words]
    if me.consent_at is None or _withheld(me, said, concerns):
        return
    edited = {one.words for one in said if one.kind == "edit"}  # which is kept as words, too
    for one in said:
        if one.kind == "words" and one.words in edited:
            continue
        level = one.value if one.value in (Level.NOW.value, Level.TODAY.value) else None
        shown: dict[str, Json] = {"athlete": me.name, "words": one.words, "level": level, "how": _how(one)}
        yield Message(guardian.id, "guardian.words", shown, about=me.id, quiet=level != Level.NOW.value)
    files = {one.attach: one for one in outcome.messages if one.attach and one.about == me.id and one.text in FILES}
    for attach in files:
        yield Message(guardian.id, "guardian.file", {"athlete": me.name}, about=me.id, quiet=True, attach=attach)


def _how(one: Record) -> str:
    if one.name in ("forwarded", "transcript"):
        return one.name
    return "edited" if one.kind == "edit" else "written"


def _withheld(me: Person, said: list[Record], concerns: Mapping[str, Escalation]) -> bool:
    """Whether what they say now may be about what a guardian must not hear from us."""
    if any(one.private and one.closed_at is None and one.athlete_id in (0, me.id) for one in concerns.values()):
        return True
    if any(talk.script == "sure" and talk.slots.get("topic") == HARM for talk in me.talks):
        return True
    return any(touches(str(one.words)) for one in said)


def touches(words: str) -> bool:
    """Do these words touch on self-harm, or on violence or abuse, at whatever level?"""
    reading = judging.read(words)
    crisis = reading.crisis or reading.flag == escalation.CRISIS or reading.ask == HARM
    return crisis or phrases.read(words).crisis
