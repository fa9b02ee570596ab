"""A turn: one event in, one Outcome out. This page is the whole system, top to bottom.

    Telegram --> inbox --+
                         +--> take_turn(snapshot, event) --> Outcome --> ONE commit --> outbox --> Telegram
    the clock --> due ---+

`take_turn` is a pure function: what is known comes in the Snapshot (with the time and the dice), what shall be true
goes out in the Outcome, and nothing is read or sent on the way. So a turn can be killed, repeated and tested at will.

What happens to an athlete's words, in this order:
    1. they are kept, letter for letter;
    2. they are read for how soon a human must hear them (`words.triage`), whatever conversation is open;
    3. what a human must hear is escalated (`escalation`), and the athlete is told the truth about it;
    4. only then may they be an answer to a question, or a command, or a wish in plain words.

Rooms: `engine` moves a conversation, `scripts` are its tables, `checkin` says what an answer means, `escalation`
reaches a human, `desk` is what the coach does, `joining` is how one comes in. `draft` is the sheet they write on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import assert_never

from dialogs import checkin, desk, engine, escalation, joining, timing
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
from dialogs.model import Attachment, Button, Message, Outcome, Person, Snapshot, Talk
from dialogs.scripts import SCRIPTS
from dialogs.words import triage

TALKING = timing.LATE_AFTER * 6  # twelve hours: an athlete's words after a coach's letter are an answer to it
CHECKINS = ("morning", "session")
SETTINGS = ("hour", "zone", "days_off", "pause")
FORM_LIVES = desk.RELAY_LIVES  # a setting that was begun and left: what is written later is not meant for it
CAUSE_RAW = 3000  # characters of an unreadable update that the coach is shown


def take_turn(known: Snapshot, event: Event) -> Outcome:
    """Everything that follows from this event. Raises only where the program is wrong; the caller then tries again,
    and after some tries hands the same update in as `Unread`."""
    if isinstance(event, Grouped | Moved) or (known.sender is not None and not known.sender.private):
        return _group(known, event)
    person = known.person
    if person is None:
        return _nobody(known, event)
    draft = Draft(known, person, event)
    if known.sender is not None:
        _lay_aside(draft)
    if not person.reachable and known.sender is not None and not isinstance(event, Blocked):
        draft.change(reachable=True)  # who speaks to us can hear us: an update of the unblocking may be lost
        checkin.plan_next(draft)
    match event:
        case Started():
            _start(draft, event)
        case Said():
            _said(draft, event)
        case Tapped():
            _tapped(draft, event)
        case Edited():
            _edited(draft, event)
        case Sent():
            _sent(draft, event)
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
    return draft.outcome()


# --- whom we do not know ------------------------------------------------------------------------------------------


def _nobody(known: Snapshot, event: Event) -> Outcome:
    if isinstance(event, Unread):
        head = next(iter(known.colleagues), None)
        if head is None:
            return Outcome()  # a club without a coach: the dead letter stays in the inbox, where `doctor` shows it
        return Outcome(messages=(Message(head.id, "coach.unread_stranger", {"words": event.raw[:CAUSE_RAW]}),))
    if known.sender is None or isinstance(event, Blocked | Unblocked | Due | Unreachable):
        return Outcome()
    if isinstance(event, Started) and (invite := known.invite) is not None:
        newcomer = joining.new_person(known, invite, known.sender)
        draft = Draft(joining.invited_by(known, invite), newcomer, event)
        joining.welcome(draft, invite)
        return draft.outcome()
    return joining.stranger(known, known.sender.chat_id)


def _group(known: Snapshot, event: Event) -> Outcome:
    """Nothing about anybody is ever said in a group: one line where we were added or called, silence else."""
    if known.sender is None or not isinstance(event, Grouped) or event.what not in ("added", "command"):
        return Outcome()
    chat = known.sender.chat_id
    key = f"group:{chat}:{known.now:%Y%m%d%H%M}"
    return Outcome(messages=(Message(None, "shared.group", {"bot": known.bot}, chat_id=chat, key=key, once=True),))


# --- what somebody says -------------------------------------------------------------------------------------------


def _start(draft: Draft, event: Started) -> None:
    invite, me = draft.known.invite, draft.person
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
        _help(draft, "")


def _said(draft: Draft, event: Said) -> None:
    text = event.text.strip()
    if text.startswith("/") and (command := _command(text)):
        _commanded(draft, text, *command)
        return
    if draft.person.coaches and _coach_said(draft, event):
        return
    if draft.person.runs:
        _athlete_said(draft, event.text)
    elif not _to_talk(draft, event.text):
        draft.say("coach.not_understood")


def _commanded(draft: Draft, text: str, name: str, rest: str) -> None:
    """A command; what an athlete wrote behind it, or instead of one ("/chest pain"), is words like any other."""
    act = COMMANDS.get(name)
    said = rest if act else text
    level = Level.NONE
    if said and draft.person.runs and joining.settled(draft.person):
        least = Level.TODAY if name == "coach" else Level.NONE
        level = _keep_and_read(draft, said, typed=name in TAKES_TEXT, least=least)
    if act is None:
        if level < Level.CONCERN:
            draft.say("shared.unknown_command")
    elif name != "coach" or level < Level.TODAY:
        act(draft, rest)


def _coach_said(draft: Draft, event: Said) -> bool:
    if (athlete := desk.about(draft)) is not None:
        if not desk.take_by_word(draft, event.text, athlete):
            desk.relay(draft, athlete, event.text)
        return True
    top = draft.top()
    if top is not None and top.script == "relay":
        return _to_talk(draft, event.text)
    return desk.take_by_word(draft, event.text)


def _athlete_said(draft: Draft, text: str) -> None:
    if joining.unheard(draft):
        _before_yes(draft, text)
        return
    talk = draft.top()
    moved = engine.hear(SCRIPTS[talk.script], talk, text, draft.today) if talk else None
    wish = WISHES.get(" ".join(text.casefold().strip(" .!?").replace("’", "'").split()))
    level = _keep_and_read(draft, text, typed=wish is not None or _is_answer(talk, moved, text))
    if wish is not None:
        wish(draft, "")
    elif talk is not None and moved is not None and not (moved.wrong and level >= Level.CONCERN):
        MOVED[talk.script](draft, talk, moved)  # after an alarm it does not ask back
    elif level >= Level.CONCERN:
        return
    elif escalation.add(draft, text):
        draft.read_by_now()
    elif (listener := _listener(draft)) is not None:
        _pass_on(draft, listener, text)
    elif talk is not None and (talk.script not in CHECKINS or draft.now - talk.opened_at < timing.LATE_AFTER):
        draft.ask(talk, preface="athlete.kept_here")
    else:
        _kept(draft, text)


def _kept(draft: Draft, text: str) -> None:
    """Nothing urgent, nobody in conversation: it stands on the coach's list. A "thanks" gets no speech."""
    small = all(word in SMALL_TALK for word in re.findall(r"\w+", text.casefold()))
    need_coach = ((Button("button.need_coach", "do:coach"),),)
    draft.say("athlete.heard" if small else "athlete.kept", buttons=need_coach)


def _before_yes(draft: Draft, text: str) -> None:
    """Words of somebody who has not agreed to anything: nothing is kept, but what cannot wait is heard even so."""
    if _read(text)[0] >= Level.NOW:
        _keep_and_read(draft, text)
    elif (talk := draft.top()) is not None:
        draft.ask(talk, preface="onboarding.not_yet")
    else:
        draft.say("onboarding.not_yet_start")


def _is_answer(talk: Talk | None, moved: engine.Moved | None, text: str) -> bool:
    """True for what was typed into a form and tells a coach nothing: "7", "Riga", "asdf". Where it hurts does tell;
    and many words that do not fit the question were not meant for it."""
    if talk is None or moved is None or talk.step == "pain_where":
        return False
    return moved.wrong is None or len(text.split()) < 3


def _read(text: str) -> tuple[Level, str]:
    """How soon, and the flag. A reader that fails must not cost the athlete the human."""
    try:
        reading = triage.read(text)
    except Exception:
        return Level.CONCERN, "unread"
    return reading.level, escalation.CRISIS if reading.crisis else (reading.flag or "words")


def _keep_and_read(draft: Draft, text: str, *, typed: bool = False, least: Level = Level.NONE) -> Level:
    """Keep the words, read them, and escalate what a human must hear. Returns the level that was acted on.

    The record carries that level as its value: words with a level stand on the coach's list as an escalation, and
    not once more among what else was said.
    """
    level, flag = _read(text)
    if level < least:
        level, flag = least, escalation.ASKED
    # Who is just joining tells of old injuries: that is history for the coach. What cannot wait is heard even so.
    heard = level >= Level.CONCERN and (draft.person.consent_at is not None or level >= Level.NOW)
    talk = draft.top()
    name = talk.script if talk else "free"
    draft.record("typed" if typed and not heard else "words", name, level.value if heard else None, text)
    if not heard:
        return min(level, Level.NOTE)
    escalation.raise_(draft, level, flag, text)
    return level


def _to_talk(draft: Draft, text: str) -> bool:
    """Offer the text to the open conversation as an answer."""
    talk = draft.top()
    moved = engine.hear(SCRIPTS[talk.script], talk, text, draft.today) if talk else None
    if talk is None or moved is None:
        return False
    MOVED[talk.script](draft, talk, moved)
    return True


def _lay_aside(draft: Draft) -> None:
    """Close the talks whose time is over, so that what is said now is not taken for an answer to them."""
    for talk in draft.person.talks:
        age = draft.now - talk.opened_at
        if talk.script in SETTINGS and age > FORM_LIVES:
            draft.leave(talk)
        elif checkin.over(draft, talk) or (talk.script == "session" and age > TALKING):
            checkin.leave(draft, talk)


def _tapped(draft: Draft, event: Tapped) -> None:
    """A button: of an open talk (by its turn number), or one that names what it is for; old ones are answered."""
    kind, _, choice = event.data.partition(":")
    if kind.isascii() and kind.isdecimal() and len(kind) < 19:
        talk = next((one for one in draft.person.talks if one.turn == int(kind)), None)
        moved = engine.choose(SCRIPTS[talk.script], talk, choice) if talk else None
        if talk is None or moved is None:
            draft.toast("shared.question_closed")
            return
        MOVED[talk.script](draft, talk, moved)
        return
    act = COACH_TAPS.get(kind) if draft.person.coaches else None
    (act or TAPS.get(kind, _closed))(draft, choice)


def _edited(draft: Draft, event: Edited) -> None:
    """An edit may raise, never lower: both versions are kept, and the new one is read like any other words."""
    if not draft.person.runs:
        draft.say("coach.edit_not_sent")
    elif joining.unheard(draft):
        _before_yes(draft, event.text)
    else:
        draft.record("edit", "edited", words=event.text)
        if _keep_and_read(draft, event.text) < Level.CONCERN:
            draft.say("athlete.edit_kept")


def _sent(draft: Draft, event: Sent) -> None:
    """Voice, photo, sticker ...: it cannot be screened, so a human gets it, and the athlete may say it is urgent."""
    attach = Attachment(draft.person.chat_id or 0, event.message_id)  # a private chat: the person's own
    if draft.person.coaches and _coach_sent(draft, event, attach):
        return
    if joining.unheard(draft):
        _before_yes(draft, event.caption)
        return
    draft.record("file", event.kind, event.file_id, event.caption or None)
    if event.kind == "sticker":
        draft.say("athlete.heard", buttons=((Button("button.need_coach", "do:coach"),),))
        return
    level = _keep_and_read(draft, event.caption) if event.caption else Level.NONE
    talk = draft.top()
    if draft.person.consent_at is None and talk is not None:
        draft.ask(talk, preface="athlete.file_not_now")
        return
    listener = _listener(draft)
    if listener is not None and level < Level.CONCERN:
        _pass_on(draft, listener, event.caption, attach)
        return
    if level < Level.CONCERN:
        escalation.raise_(draft, Level.CONCERN, "unscreened", event.caption)
        draft.read_by_now()
    to = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    if to is not None:
        facts = {"athlete": draft.person.name}
        draft.say("coach.attached", facts, to=to, attach=attach, quiet=level < Level.NOW, about=draft.person.id)


def _coach_sent(draft: Draft, event: Sent, attach: Attachment) -> bool:
    talk = draft.top()
    addressed = desk.about(draft)
    if addressed is None and talk is not None and talk.script == "relay":
        addressed = draft.athlete(int(talk.slots["athlete"]))
        draft.close("relay")
    if addressed is not None:
        desk.relay(draft, addressed, event.caption, attach)
    elif not draft.person.runs:
        draft.say("coach.not_understood")
    return addressed is not None or not draft.person.runs


def _listener(draft: Draft) -> Person | None:
    """The coach who is in conversation with this athlete: has lately taken something of theirs, or written."""
    known = draft.known
    taken = [
        (one.acked_at, one.owner_id)
        for one in draft.escalations()
        if one.acked_at is not None and draft.now - one.acked_at < TALKING
    ]
    letters = [one for one in known.records if one.name == "coach_wrote" and draft.now - one.at < TALKING]
    owner = max(taken)[1] if taken else None
    writer = letters[-1].value if letters else None
    coaches = escalation.hearing(known.coach, known.backup, *known.colleagues)
    return next((one for one in coaches if one.id == owner or (owner is None and one.name == writer)), None)


def _pass_on(draft: Draft, to: Person, words: str, attach: Attachment | None = None) -> None:
    """In conversation: the coach gets it at once, in the quiet hours only where they are up for something urgent."""
    me = draft.person
    up = any(one.owner_id == to.id and one.level >= Level.NOW for one in draft.escalations())
    wakes = None if up else timing.quiet_until(to.zone, to.quiet_from, to.quiet_to, draft.now)
    draft.say(
        "coach.answers" if words else "coach.attached",
        {"athlete": me.name, "words": words},
        to=to,
        about=me.id,
        attach=attach,
        quiet=not up,
        buttons=((Button("button.write", f"write:{me.id}"),),),
    )
    draft.say("athlete.passed_on", {"listener": to.name, "at": draft.local_time(wakes) if wakes else None})
    draft.read_by_now()


# --- what comes by itself -----------------------------------------------------------------------------------------


def _due(draft: Draft, event: Due) -> None:
    match event.kind:
        case "checkin":
            checkin.due(draft, event)
        case "page":
            escalation.due(draft, event)
        case "unfinished":
            checkin.unfinished(draft, event)
        case "list":
            desk.morning_list(draft, event)
        case other:
            raise ValueError(f"no such wakeup: {other}")


def _unread(draft: Draft, event: Unread) -> None:
    raw = event.raw[:CAUSE_RAW]
    if draft.person.runs:
        escalation.raise_(draft, Level.CONCERN, "unread", raw)
    elif (head := next((one for one in draft.known.colleagues if one.id != draft.person.id), draft.person)) is not None:
        draft.say("coach.unread_stranger", {"words": raw}, to=head)


def _blocked(draft: Draft) -> None:
    """Nothing reaches them now: for an athlete a finding, for a coach a hole in the net. A human hears of both."""
    draft.change(reachable=False, talks=())
    draft.record("event", "blocked")
    checkin.plan_next(draft)
    if draft.person.runs and draft.person.consent_at is not None:
        escalation.raise_(draft, Level.CONCERN, "blocked", "")
    if draft.person.coaches:
        for other in draft.known.colleagues:
            if other.id != draft.person.id:
                draft.say("coach.colleague_blocked", {"colleague": draft.person.name}, to=other)


# --- commands, wishes and buttons: tables -------------------------------------------------------------------------

Act = Callable[[Draft, str], None]


def _command(text: str) -> tuple[str, str] | None:
    head, _, rest = text[1:].partition(" ")
    name = head.partition("@")[0].casefold()
    return (name, rest.strip()) if name.isascii() and name.isidentifier() else None


def _checkin(draft: Draft, rest: str) -> None:
    checkin.start(draft)


def _change(draft: Draft, rest: str) -> None:
    checkin.start(draft, again=True)


def _talk(script: str) -> Act:
    def begin(draft: Draft, rest: str) -> None:
        talk: Talk = draft.open(script).talk
        if rest:
            moved = engine.hear(SCRIPTS[script], talk, rest, draft.today)
            if moved is not None and not moved.wrong:
                MOVED[script](draft, talk, moved)
                return
            draft.ask(talk, anew=True, preface=moved.wrong if moved else None)
            return
        draft.ask(talk, anew=True)

    return begin


def _need_coach(draft: Draft, rest: str) -> None:
    """ "I need my coach": a human today, no questions asked; "it can't wait" is one tap further."""
    said = [one.words for one in draft.days if one.kind == "words" and one.words and one.day == draft.today]
    known = [line for one in draft.escalations() for line in one.words.splitlines()]
    words = rest or (said[-1] if said and said[-1] not in known else "")
    escalation.raise_(draft, Level.TODAY, escalation.ASKED, words)


def _resume(draft: Draft, rest: str) -> None:
    draft.change(paused_until=None)
    checkin.plan_next(draft)
    draft.say("settings.done", joining.facts(draft))


def _pause(draft: Draft, rest: str) -> None:
    _talk("pause")(draft, rest.removeprefix("until").strip())


def _settings(draft: Draft, rest: str) -> None:
    draft.say("settings.show", joining.facts(draft))


def _help(draft: Draft, rest: str) -> None:
    draft.say("shared.help", {"runs": draft.person.runs, "coaches": draft.person.coaches})


def _privacy(draft: Draft, rest: str) -> None:
    draft.say("shared.privacy", {"coaches": draft.person.coaches})


def _closed(draft: Draft, rest: str) -> None:
    draft.toast("shared.question_closed")


def _unknown(draft: Draft, rest: str) -> None:
    draft.say("shared.unknown_command")


def _urgent(draft: Draft, short: str) -> None:
    """Pressed long ago or just now: who says it can't wait is heard."""
    if not escalation.urgent(draft, short):
        _need_coach(draft, "")


def _athletes_only(act: Act) -> Act:
    return lambda draft, rest: (
        act(draft, rest) if draft.person.runs and joining.settled(draft.person) else _unready(draft)
    )


def _settled_only(act: Act) -> Act:
    return lambda draft, rest: act(draft, rest) if joining.settled(draft.person) else joining.begin(draft)


def _coaches_only(act: Act) -> Act:
    return lambda draft, rest: act(draft, rest) if draft.person.coaches else _unknown(draft, rest)


def _unready(draft: Draft) -> None:
    if draft.person.runs:
        joining.begin(draft)
    else:
        _unknown(draft, "")


COMMANDS: Mapping[str, Act] = {
    "checkin": _athletes_only(_checkin),
    "session": _athletes_only(_talk("session")),
    "coach": _athletes_only(_need_coach),
    "pause": _athletes_only(_pause),
    "resume": _athletes_only(_resume),
    "daysoff": _athletes_only(_talk("days_off")),
    "hour": _settled_only(_talk("hour")),
    "zone": _settled_only(_talk("zone")),
    "settings": _settings,
    "help": _help,
    "privacy": _privacy,
    "invite": _coaches_only(lambda draft, name: desk.invite(draft, name)),
    "queue": _coaches_only(lambda draft, rest: desk.queue(draft)),
    "athletes": _coaches_only(lambda draft, rest: desk.athletes(draft)),
    "backup": _coaches_only(lambda draft, name: desk.backup(draft, name)),
}

TAKES_TEXT = ("pause", "hour", "zone", "daysoff", "invite", "backup")  # what stands behind these is their answer
SMALL_TALK = frozenset(
    "thanks thank you thx ty ok okay k good great fine perfect cool nice super yes no yep nope hi hello hey morning "
    "evening night bye see will do all well".split()
)

# Plain words that are a wish and nothing else; longer sentences are words for a human.
WISHES: Mapping[str, Act] = {
    "i need my coach": COMMANDS["coach"],
    "i need the coach": COMMANDS["coach"],
    "need my coach": COMMANDS["coach"],
    "need coach": COMMANDS["coach"],
    "call my coach": COMMANDS["coach"],
    "coach": COMMANDS["coach"],
    "check in": COMMANDS["checkin"],
    "checkin": COMMANDS["checkin"],
    "pause": COMMANDS["pause"],
    "resume": COMMANDS["resume"],
    "settings": COMMANDS["settings"],
    "help": COMMANDS["help"],
}

TAPS: Mapping[str, Act] = {
    "urgent": _athletes_only(_urgent),
    "do": lambda draft, what: DO.get(what, _closed)(draft, ""),
}

COACH_TAPS: Mapping[str, Act] = {
    "ack": desk.take,
    "close": desk.close,
    "write": lambda draft, id: desk.write(draft, int(id) if id.isdecimal() and len(id) < 19 else -1),
}

DO: Mapping[str, Act] = {
    "checkin": COMMANDS["checkin"],
    "change": _athletes_only(_change),
    "session": COMMANDS["session"],
    "coach": COMMANDS["coach"],
}

MOVED: Mapping[str, Callable[[Draft, Talk, engine.Moved], None]] = {
    "morning": checkin.moved,
    "session": checkin.moved,
    "onboarding": joining.moved,
    "coach_onboarding": joining.moved,
    "hour": joining.moved,
    "zone": joining.moved,
    "days_off": joining.moved,
    "pause": joining.moved,
    "relay": desk.letter,
}
