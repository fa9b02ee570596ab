"""The guardian of an athlete under 18: how one becomes it, what they say and do, how it ends. (What they are sent is in
`minors`.)

Theory of operation
-------------------
Only an athlete's own turn changes the athlete's row, so what concerns it is a wakeup "guardian" in their name:

    "I am under 18"  -->  a link, which the athlete forwards            (the club takes adults only: nothing is kept)
    who opens it     -->  reads what it means, yes  --wakeup "yes"-->   the athlete is asked; it is told who reads along
    the athlete's yes                               --wakeup "both"->   the guardian hears that it begins
    what they write                                 --wakeup "said"->   a concern on the athlete, told to the guardian
    /adult, and yes                                 --wakeup "grown"->  no minor any more; the guardian's data goes
    /stop, /erase, "no", or the operator            the guardian's row is erased, and the reference to it with it

Before both have said yes nothing is asked, kept or passed on; what cannot wait is heard even so.

A guardian is nothing else here, and their turn knows none of the commands of others: COMMANDS is all there is. Nothing
of what they write reaches the athlete by itself. It goes to whoever answers for the athlete, who can answer to both.
Their words are read as if the athlete had said them. There is no question in doubt for a guardian: what an athlete
would be asked about counts as TODAY.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dialogs import (
    engine,
    escalation,
    help_numbers,
    joining,
    judging,
    menus,
    minors,
    render,
    rights,
    timing,
    tongue,
)
from dialogs.draft import Draft
from dialogs.events import Blocked, Edited, Event, Said, Sender, Sent, Started, Tapped, Unblocked, Unread
from dialogs.levels import Level
from dialogs.model import Attachment, Button, Invite, Json, Lane, Message, Outcome, Person, Snapshot, Talk
from dialogs.scripts import SCRIPTS
from dialogs.scripts.guardians import KEEP_ON
from dialogs.words.triage import Reading

LONGEST_NAME = 60  # as in an invitation
# How a guardian speaks of the athlete, in the four languages; "her" and the like for what is the athlete's.
_OF_THEM = re.compile(
    r"\b(?:she|he|they|ella|él|elle|il|sie|er|(?:my|our|mi|nuestr[ao]|ma|mon|notre|meine?|unsere?) "
    r"(?:daughter|son|kid|child|girl|boy|hij[ao]|niñ[ao]|fille|fils|enfant|tochter|sohn|kind))\b",
    re.IGNORECASE,
)
_THEIRS = re.compile(r"\b(?:her|his|their)\b", re.IGNORECASE)


# --- how one becomes a guardian -------------------------------------------------------------------------------------


def welcome(known: Snapshot, invite: Invite, sender: Sender, event: Started) -> Outcome:
    """Somebody whom we do not know opens the link of a young athlete."""
    ward = known.ward
    if ward is None or not ward.alone:
        return joining.stranger(known, sender.chat_id)
    newcomer = Person(
        id=0,
        name=" ".join(sender.first_name.split())[:LONGEST_NAME] or "?",
        chat_id=sender.chat_id,
        user_id=sender.user_id,
        ward_id=ward.id,
        joined_at=known.now,
        language=render.spoken(sender.language),
    )
    draft = Draft(known, newcomer, event)
    draft.used_invite = invite.id
    joining.begin(draft)
    return draft.outcome()


def consented(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Yes or no, to reading along."""
    draft.close(talk.script)
    ward = draft.known.ward
    if step.ended == "declined":
        _end(draft, "guardian.declined")
    elif ward is None or not ward.alone:
        _end(draft, "guardian.taken_already")
    else:
        draft.change(consent_at=draft.now)
        draft.record("event", "consented")
        _wake(draft, ward, "yes")
        facts = {"athlete": ward.name, "settled": ward.consent_at is not None}
        menu = menus.own(draft.person)
        draft.say("guardian.asked", facts, edit=draft.tapped is not None, bubble=talk.bubble, menu=menu)


def both(draft: Draft) -> None:
    """In the guardian's turn: the athlete has said yes, too. From now on they share a clock."""
    ward = draft.known.ward
    if ward is not None and _active(draft):
        draft.change(zone=ward.zone, country=ward.country)
        draft.say("guardian.begins", {"athlete": ward.name, **_who(draft)})


def _active(draft: Draft) -> bool:
    """Both have said yes, and it is this guardian who reads along."""
    me, ward = draft.person, draft.known.ward
    both_yes = ward is not None and me.consent_at is not None and ward.consent_at is not None
    return both_yes and ward is not None and ward.guardian_id == me.id


def _who(draft: Draft) -> dict[str, Json]:
    coach = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    return {"coach": coach.name if coach is not None else None}


# --- the guardian's turn --------------------------------------------------------------------------------------------


def turn(draft: Draft, event: Event) -> None:
    """Whatever a guardian does."""
    if draft.known.ward is None:  # cannot be: an erasure takes both
        return
    if not draft.person.reachable and not isinstance(event, Blocked):
        draft.change(reachable=True)
        _tell_both(draft, "guardian.back_athlete", "minors.back")
    match event:
        case Started():
            _start(draft, event)
        case Said():
            _said(draft, event.text)
        case Edited():
            _words(draft, event.text)
        case Sent() if event.kind != "sticker":
            _words(draft, event.caption, Attachment(draft.person.chat_id or 0, event.message_id))
        case Tapped():
            _tapped(draft, event)
        case Unread():
            _words(draft, event.raw, least=Level.CONCERN)
        case Blocked():
            draft.change(reachable=False, talks=())
            draft.record("event", "blocked")
            _tell_both(draft, "guardian.blocked_athlete", "minors.blocked")
        case Unblocked():
            draft.record("event", "unblocked")
        case _:
            draft.say("shared.cannot_read")


def _start(draft: Draft, event: Started) -> None:
    if event.code and draft.known.invite is not None:
        draft.say("guardian.has_a_part")
    elif joining.settled(draft.person):
        _help(draft, "")
    else:
        joining.begin(draft)


def _said(draft: Draft, text: str) -> None:
    said = text.strip()
    name, _, rest = said[1:].partition(" ")
    act = COMMANDS.get(name.partition("@")[0].casefold()) if said.startswith("/") else None
    if act is not None:
        act(draft, rest.strip())
    elif said.startswith("/") and not rest:
        draft.say("shared.unknown_command")
    else:
        _words(draft, text)


def _tapped(draft: Draft, event: Tapped) -> None:
    kind, _, choice = event.data.partition(":")
    talk = next((one for one in draft.person.talks if str(one.turn) == kind), None)
    moved = engine.choose(SCRIPTS[talk.script], talk, choice) if talk is not None else None
    if talk is not None and moved is not None:
        MOVED[talk.script](draft, talk, moved)
    elif kind == "language":
        tongue.chosen(draft, choice)
    else:
        draft.toast("shared.question_closed")


def _words(draft: Draft, words: str, attach: Attachment | None = None, least: Level = Level.NONE) -> None:
    """Read for how soon a human must hear them, and to whoever answers for the athlete."""
    ward = draft.known.ward
    if ward is None:
        return
    reading = _read(words, ward.name)
    level = max(reading.level, Level.TODAY) if reading.ask is not None else reading.level
    if not _active(draft) and level < Level.NOW:
        _not_yet(draft)
        return
    listener = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    level = max(level, least, Level.CONCERN if attach is not None or listener is None else Level.NONE)
    draft.record("words" if words else "file", "guardian", level.value, words or None)
    if level >= Level.CONCERN:
        flag = reading.flag or ("unscreened" if attach is not None else "words")
        spans: list[Json] = [list(span) for span in reading.because]
        _wake(draft, ward, "said", words=words, level=level.value, flag=flag, because=spans)
    if listener is not None and (attach is not None or level < Level.TODAY):
        facts = {"athlete": ward.name, "writer": draft.person.name, "words": words, "file": attach is not None}
        answer = ((Button("button.write", f"write:{ward.id}"),),)
        draft.say("minors.writes", facts, to=listener, attach=attach, about=ward.id, quiet=True, buttons=answer)
    _answer(draft, ward, listener, level, attach is not None, in_crisis=reading.flag == escalation.CRISIS)


def _read(words: str, name: str) -> Reading:
    """As if the athlete had said it: "she fainted" is not said of just anybody. The readers know how people speak of
    themselves, and the network is at sea where they speak of others; so of the words as they stand only the book
    counts."""
    called = "|".join(re.escape(one) for one in (name, *name.split()[:1]))
    own = _THEIRS.sub("my", _OF_THEM.sub("i", re.sub(rf"\b(?:{called})\b", "i", words, flags=re.IGNORECASE)))
    reading, book = judging.read(own), judging.read_answer(words)
    worse = book if book.level > reading.level else reading if own == words else replace(reading, because=())
    return replace(worse, flag=escalation.CRISIS) if minors.touches(words) and worse.level >= Level.CONCERN else worse


def _answer(draft: Draft, ward: Person, listener: Person | None, level: Level, file: bool, *, in_crisis: bool) -> None:
    """The truth at once, as an athlete gets it: the number to call, who gets it and when."""
    numbers = help_numbers.load().for_country(ward.country)
    wakes = None
    if listener is not None and level < Level.NOW:
        wakes = timing.quiet_until(listener.zone, listener.quiet_from, listener.quiet_to, draft.now)
    facts: dict[str, Json] = {
        "athlete": ward.name,
        "listener": listener.name if listener is not None else None,
        "at": draft.local_time(wakes) if wakes is not None else None,
        "emergency": list(numbers.emergency),
        "crisis": [
            {"name": line.name, "phone": line.phone, "text": line.text, "chat": line.chat, "hours": line.hours}
            for line in numbers.crisis
        ],
        "in_crisis": in_crisis,
        "file": file,
    }
    text = {Level.NOW: "guardian.now", Level.TODAY: "guardian.today"}.get(level, "guardian.passed_on")
    draft.say(text, facts, lane=Lane.SAFETY if level >= Level.TODAY else Lane.REPLY)


def _not_yet(draft: Draft) -> None:
    if joining.settled(draft.person) and draft.known.ward is not None:
        draft.say("guardian.not_both_yet", {"athlete": draft.known.ward.name})
    elif (talk := draft.top()) is not None:
        draft.ask(talk, preface="onboarding.not_yet")
    else:
        joining.begin(draft)


def _tell_both(draft: Draft, athlete: str, coaches: str) -> None:
    """The athlete and the coach hear that letters rest, or go again: each in a text of their own."""
    ward = draft.known.ward
    if ward is None or not _active(draft):
        return
    facts = {"athlete": ward.name, "guardian": draft.person.name, **_who(draft)}
    draft.say(athlete, facts, to=ward, quiet=True, about=ward.id)
    if coach := next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None):
        draft.say(coaches, facts, to=coach, quiet=True, about=ward.id)


# --- commands -------------------------------------------------------------------------------------------------------


def _help(draft: Draft, rest: str) -> None:
    ward = draft.known.ward
    if joining.settled(draft.person) and ward is not None:
        draft.say("guardian.help", {"athlete": ward.name, **_who(draft)}, menu=menus.own(draft.person))
    else:
        joining.begin(draft)


def _privacy(draft: Draft, rest: str) -> None:
    if draft.known.ward is not None:
        draft.say("guardian.privacy", {"athlete": draft.known.ward.name})


def _question(script: str) -> Callable[[Draft, str], None]:
    def ask(draft: Draft, rest: str) -> None:
        if script == "grown" and not _active(draft):
            _not_yet(draft)
        else:
            draft.ask(draft.open(script).talk, anew=True)

    return ask


COMMANDS: Mapping[str, Callable[[Draft, str], None]] = {
    "help": _help,
    "adult": _question("grown"),
    "stop": _question("stop"),
    "erase": _question("stop"),
    "language": tongue.language,
    "privacy": _privacy,
    "export": rights.export,
}


# --- how it ends ----------------------------------------------------------------------------------------------------


def stopped(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """/stop, and what came of the question."""
    draft.close(talk.script)
    if step.ended == KEEP_ON:
        draft.say("guardian.as_it_was", edit=draft.tapped is not None, bubble=talk.bubble)
    else:
        _end(draft, "guardian.over")


def grown(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """/adult, and what came of the question: the athlete's own turn does it."""
    draft.close(talk.script)
    ward = draft.known.ward
    if step.ended == KEEP_ON or ward is None or not _active(draft):
        draft.say("guardian.as_it_was", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    _wake(draft, ward, "grown")
    draft.say("guardian.told_them", edit=draft.tapped is not None, bubble=talk.bubble)


def _end(draft: Draft, text: str) -> None:
    """Everything about this guardian goes; what the others are told `farewell` adds."""
    ward = draft.known.ward
    rights.go(draft, draft.person, text, {"athlete": ward.name if ward is not None else ""})


def farewell(known: Snapshot, outcome: Outcome) -> Outcome:
    """What is told where a guardian goes, or the athlete whose guardian somebody was. Whoever erases: themselves, their
    coach, the operator."""
    gone, me = outcome.erase, known.person
    if gone is None or me is None:
        return outcome
    told: list[Message] = []

    def say(to: Person | None, text: str, facts: Mapping[str, Json], **fields: Any) -> None:
        if to is not None and to.chat_id is not None:
            key = f"{rights.KEY}{gone.receipt}:{text}"
            told.append(Message(to.id, text, facts, about=gone.person_id, key=key, **fields))

    ward = known.ward
    if gone.person_id == me.id and ward is not None and ward.guardian_id in (None, me.id):
        read = ward.guardian_id == me.id
        names = {"athlete": ward.name, "guardian": me.name}
        coach = next(iter(escalation.hearing(known.coach, known.backup)), None)
        again = ((Button("button.new_link", "guardian:link"),),)
        say(
            ward,
            "guardian.ended" if read else "guardian.said_no",
            names | {"coach": coach.name if coach is not None else None},
            quiet=True,
            buttons=again,
        )
        say(coach, "minors.ended" if read else "minors.said_no", names, quiet=True)
    for one in (me, *known.athletes):
        if one.id == gone.person_id and one.minor:
            say(minors.guardian_of(known, one), "guardian.athlete_gone", {"athlete": one.name})
    return replace(outcome, messages=(*outcome.messages, *told)) if told else outcome


def _wake(draft: Draft, ward: Person, what: str, **data: Any) -> None:
    key = f"guardian:{ward.id}:{what}:{draft.person.id}:{draft.now:%Y%m%dT%H%M%S%f}:{draft.message_id or 0}"
    draft.wake("guardian", key, draft.now, whose=ward.id, what=what, guardian=draft.person.id, **data)


MOVED: Mapping[str, Callable[[Draft, Talk, engine.Moved], None]] = {
    "guardian": consented,
    "stop": stopped,
    "grown": grown,
}
