"""A turn: one event in, one Outcome out. This page is the whole system, top to bottom.

    Telegram --> inbox --+
                         +--> take_turn(snapshot, event) --> Outcome --> ONE commit --> outbox --> Telegram
    the clock --> due ---+

`take_turn` is a pure function: what is known comes in the Snapshot (with the time and the dice), what shall be true
goes out in the Outcome, and nothing is read or sent on the way. So a turn can be killed, repeated and tested at will.

What happens to an athlete's words, in this order:
    1. they are kept, letter for letter;
    2. they are read for how soon a human must hear them (`words.triage`), whatever conversation is open;
    3. what a human must hear is escalated (`escalation`), and the athlete is told the truth about it; what may be
       urgent or nothing is asked about (`asking`), and no answer counts as yes;
    4. only then may they be an answer to a question, or a command, or a wish in plain words.

Rooms: `hearing` takes in what somebody says, `judging` reads it, `asking` asks instead of guessing, `transcripts` are
what a machine heard in a voice note; `commands` are the tables of wishes; `engine` moves a conversation, `scripts`
are its tables; `checkin` says what an answer means, `mornings` what stands around it (`silence`, `followups`,
`races`, `health`), `proposals` lets the rules (`rules`) look at it and a human decide, `escalation` reaches a human,
`concerns` and `owning` are what becomes of it. An athlete looks at the plan in `planning` and bends it in `life`; a
coach lays it out in `laying`, reads and sets the rules in `rulebook`, sees in `lists` whom to look at first, in
`dossier` one person, in `lookup` all of them, acts in `acts`, is understood in plain words by `coach_words`, and does
all else in `desk`. `joining` is how one comes in, `rights` how one leaves. Who reads while a coach is away is `cover`
(and `answering`, which storage asks too), who reads from now on `passing`; `attention` is what interrupts a coach,
`drill` the practice alarm, `broadcast` a letter to all of their own. With somebody under 18 a guardian reads along:
`minors` is what they are sent, `guardians` what they say and do, `wards` what becomes of it. `draft` is the sheet they
all write on, `render` turns it into texts.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from dialogs import (
    asking,
    attention,
    checkin,
    coach_weeks,
    commands,
    concerns,
    conversation,
    cover,
    desk,
    drill,
    escalation,
    guardians,
    hearing,
    importing,
    joining,
    lists,
    minors,
    mornings,
    owning,
    passing,
    proposals,
    races,
    rights,
    rulebook,
    silence,
    timing,
    topics,
    transcripts,
    wards,
    weekday,
    weeks,
)
from dialogs.draft import Draft
from dialogs.events import (
    Blocked,
    Due,
    Edited,
    Event,
    Grouped,
    Located,
    Moved,
    Other,
    Said,
    Sent,
    Started,
    Tapped,
    Unblocked,
    Unreachable,
    Unread,
)
from dialogs.levels import Level
from dialogs.model import Json, Lane, Message, Outcome, Snapshot
from dialogs.words import phrases

SETTINGS = (
    "hour", "zone", "days_off", "pause", "erase", "me", "add", "jot", "whom", "weekday", "away", "move", "correct",
    "object",
)  # fmt: skip
FORM_LIVES = desk.RELAY_LIVES  # a setting that was begun and left: what is written later is not meant for it
CAUSE_RAW = 3000  # characters of an unreadable update that the coach is shown


def take_turn(known: Snapshot, event: Event) -> Outcome:
    """Everything that follows from this event. Raises only where the program is wrong; the caller then tries again,
    and after some tries hands the same update in as `Unread`."""
    if isinstance(event, Grouped | Moved) or (known.sender is not None and not known.sender.private):
        return _read_along(known, topics.grouped(known, event))
    person = known.person
    if person is None:
        return _nobody(known, event)
    draft = Draft(known, person, event)
    if person.ward_id is not None and not isinstance(event, Due):
        guardians.turn(draft, event)
        return _read_along(known, draft.outcome())
    if known.sender is not None:
        _lay_aside(draft)
        if person.unheard and not isinstance(event, Blocked):
            silence.heard(draft)
    if not person.reachable and known.sender is not None and not isinstance(event, Blocked):
        draft.change(reachable=True)  # who speaks to us can hear us: an update of the unblocking may be lost
        checkin.plan_next(draft)
    match event:
        case Started():
            _start(draft, event)
        case Said():
            hearing.said(draft, event)
        case Tapped():
            hearing.tapped(draft, event)
        case Edited():
            hearing.edited(draft, event)
        case Sent():
            hearing.sent(draft, event)
        case Located():
            if not joining.located(draft, event):
                draft.say("shared.where_unasked")
        case Due():
            _due(draft, event)
        case Unreachable():
            escalation.unreachable(draft, event)
        case Unread():
            _unread(draft, event)
        case Blocked():
            _blocked(draft)
        case Unblocked():
            draft.record("event", "unblocked")
        case Other():
            draft.record("event", "other", event.kind)
            draft.say("shared.cannot_read")
        case Grouped() | Moved():
            pass  # answered above
        case _:
            assert_never(event)
    drill.tidy(draft)
    return _read_along(draft.known, draft.outcome())


def _read_along(known: Snapshot, outcome: Outcome) -> Outcome:
    """What the turn says, with what guardians and topics get of it."""
    return topics.through(known, minors.through(known, guardians.farewell(known, outcome)))


# --- whom we do not know ------------------------------------------------------------------------------------------


def _nobody(known: Snapshot, event: Event) -> Outcome:
    if isinstance(event, Unread):
        head = next(iter(known.colleagues), None)
        if head is None:
            return Outcome()  # a club without a coach: the dead letter stays in the inbox, where `doctor` shows it
        return Outcome(messages=(Message(head.id, "coach.unread_stranger", {"words": event.raw[:CAUSE_RAW]}),))
    if known.sender is None or isinstance(event, Blocked | Unblocked | Due | Unreachable):
        return Outcome()
    if isinstance(event, Started) and (invite := known.invite) is not None and invite.ward_id is not None:
        return guardians.welcome(known, invite, known.sender, event)
    if isinstance(event, Started) and (invite := known.invite) is not None:
        newcomer = joining.new_person(known, invite, known.sender)
        draft = Draft(joining.invited_by(known, invite), newcomer, event)
        joining.welcome(draft, invite)
        return draft.outcome()
    return joining.stranger(known, known.sender.chat_id)


# --- coming in, and what was left open ------------------------------------------------------------------------------


def _start(draft: Draft, event: Started) -> None:
    invite, me = draft.known.invite, draft.person
    if invite is not None and invite.ward_id is not None:
        draft.say("guardian.has_a_part")
        return
    if invite is not None:  # a coach may run, an athlete may begin to coach: one person, two roles
        draft.used_invite = invite.id
        draft.record("event", "joined")
        if invite.coaches and joining.settled(me):
            joining.also_coaches(draft)
            return
        draft.known = joining.invited_by(draft.known, invite)
        draft.change(
            coaches=me.coaches or invite.coaches,
            runs=me.runs or not invite.coaches,
            coach_id=me.coach_id if invite.coaches else invite.coach_id,
            joined_at=me.joined_at or draft.now,
            consent_at=None,  # another coach will read: that is asked anew
        )
    if not joining.settled(draft.person):
        joining.begin(draft)
    elif (talk := draft.top()) is not None:
        draft.ask(talk, anew=True)
    else:
        commands.help_(draft, "")


def _lay_aside(draft: Draft) -> None:
    """Close the talks whose time is over, so that what is said now is not taken for an answer to them."""
    for talk in draft.person.talks:
        age = draft.now - talk.opened_at
        if talk.script in SETTINGS and age > FORM_LIVES:
            draft.leave(talk)
        elif talk.script == "week" and age > weeks.ANSWER_LIVES:
            draft.leave(talk)
        elif mornings.over(draft, talk):
            draft.leave(talk)
        elif checkin.over(draft, talk) or (talk.script in ("session", "pain") and age > hearing.TALKING):
            checkin.leave(draft, talk)


# --- what comes by itself -----------------------------------------------------------------------------------------


def _due(draft: Draft, event: Due) -> None:
    match event.kind:
        case "checkin":
            mornings.due(draft, event)
            weekday.mend(draft)
        case weekday.WEEK:
            weeks.due(draft, event)
        case weekday.COACH_WEEK:
            coach_weeks.due(draft, event)
        case "clubweek":
            coach_weeks.club(draft, event)
        case "silence":
            silence.due(draft, event)
        case "race":
            races.due(draft, event)
        case "page":
            escalation.due(draft, event)
        case "unsure":
            asking.due(draft, event)
        case "transcript":
            transcripts.transcribed(draft, event)
        case "transcribe":
            pass  # nobody here has a program that transcribes: the voice note itself is with the coach
        case concerns.ASK:
            owning.due(draft, event)
        case "unfinished":
            checkin.unfinished(draft, event)
        case "list":
            _list(draft, event)
        case "holiday":
            cover.due(draft, event)
        case "club":
            cover.club_read(draft, event)
        case "guardian":
            wards.due(draft, event)
        case "both":
            guardians.both(draft)
        case "moving":
            passing.asked(draft, event)
        case "left":
            passing.without(draft, event)
        case "leave":  # by the operator
            passing.left(draft)
        case "drill":
            drill.due(draft, event)
        case "drilled":
            drill.report(draft, event)
        case "proposal":
            proposals.due(draft, event)
        case "planfile":
            importing.fetched(draft, event)
        case "replay":
            rulebook.replayed(draft, event)
        case "restored":
            _restored(draft, event)
        case "talk":
            conversation.over(draft, event)
        case "group":
            topics.looked(draft, event)
        case "topic":
            topics.lost(draft, event)
        case topics.LOOK:
            pass  # nobody here can look
        case "export":
            rights.exported(draft, event)
        case "erase":  # by the operator, who is a human and has looked
            rights.erase(draft)
        case other:
            raise ValueError(f"no such wakeup: {other}")


def _list(draft: Draft, event: Due) -> None:
    weekday.mend(draft)
    if cover.resting(draft, event):
        return
    lists.morning_list(draft, event)
    attention.on_list(draft)
    drill.on_list(draft)


def _restored(draft: Draft, event: Due) -> None:
    """The club was restored from a backup: what was written since is gone, and only they can say it again."""
    data: dict[str, Json] = {"coaches": draft.person.coaches}
    for name in ("since", "until"):
        at = timing.local(draft.person.zone, datetime.fromisoformat(event.data[name]))
        data |= {f"{name}_date": at.date().isoformat(), f"{name}_at": f"{at:%H:%M}"}
    draft.record("event", "restored", dict(event.data))
    draft.say("shared.restored", data, lane=Lane.PROMPT, once=True, quiet=True, key=event.key)


def _unread(draft: Draft, event: Unread) -> None:
    raw = event.raw[:CAUSE_RAW]
    if draft.person.runs:
        found = phrases.read(raw)  # "chest pain" may stand in what our own mistake made unreadable
        urgent = found.level >= Level.TODAY
        flag = found.flag if urgent and found.flag else "unread"
        escalation.raise_(draft, max(found.level, Level.CONCERN), flag, raw, found.because if urgent else ())
    elif (head := next((one for one in draft.known.colleagues if one.id != draft.person.id), draft.person)) is not None:
        draft.say("coach.unread_stranger", {"words": raw}, to=head)


def _blocked(draft: Draft) -> None:
    """Nothing reaches them now: for an athlete a finding, for a coach a hole in the net. A human hears of both."""
    draft.change(reachable=False)
    draft.record("event", "blocked")
    asking.unanswered(draft)
    checkin.given_up(draft)
    draft.change(talks=())
    checkin.plan_next(draft)
    if draft.person.runs and draft.person.consent_at is not None:
        escalation.raise_(draft, Level.CONCERN, "blocked", "")
    if draft.person.coaches:
        for other in draft.known.colleagues:
            if other.id != draft.person.id:
                draft.say("coach.colleague_blocked", {"colleague": draft.person.name}, to=other)
