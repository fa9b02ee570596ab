"""How what somebody says, taps or sends is heard. What a human must hear is found before anything else is done with it.

For an athlete's words, in this order: kept, read by `words.triage`, escalated if need be; then they may be a wish, an
answer to the open question, a word to the coach they are talking with, or a line for the coach's next list. Nobody's
words end in nothing. Before somebody has agreed to anything nothing is kept, but what cannot wait is heard even so.
"""

from __future__ import annotations

import re

from dialogs import checkin, commands, desk, engine, escalation, joining, timing
from dialogs.draft import Draft
from dialogs.events import Edited, Said, Sent, Tapped
from dialogs.levels import Level
from dialogs.model import Attachment, Button, Person, Talk
from dialogs.scripts import SCRIPTS
from dialogs.scripts.readers import sore_bone
from dialogs.words import triage

TALKING = timing.LATE_AFTER * 6  # twelve hours: an athlete's words after a coach's letter are an answer to it
CHECKINS = ("morning", "session", "pain")


def said(draft: Draft, event: Said) -> None:
    text = event.text.strip()
    if text.startswith("/") and (command := commands.parse(text)):
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
    act = commands.COMMANDS.get(name)
    said = rest if act else text
    level = Level.NONE
    if said and draft.person.runs and joining.settled(draft.person):
        least = Level.TODAY if name == "coach" else Level.NONE
        level = _keep_and_read(draft, said, typed=name in commands.TAKES_TEXT, least=least)
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
    wish = commands.WISHES.get(" ".join(text.casefold().strip(" .!?").replace("’", "'").split()))
    level = _keep_and_read(draft, text, typed=wish is not None or _is_answer(talk, moved, text))
    if wish is not None:
        wish(draft, "")
    elif talk is not None and moved is not None and not (moved.wrong and level >= Level.CONCERN):
        commands.MOVED[talk.script](draft, talk, moved)  # after an alarm it does not ask back
    elif level >= Level.CONCERN:
        return
    elif escalation.add(draft, text):
        draft.read_by_now()
    elif (listener := _listener(draft)) is not None:
        _pass_on(draft, listener, text)
    elif (place := sore_bone(text)) is not None and (talk is None or "pain_where" not in talk.slots):
        checkin.sore(draft, place)
    elif talk is not None and (talk.script not in CHECKINS or draft.now - talk.opened_at < timing.LATE_AFTER):
        draft.ask(talk, preface="athlete.kept_here")
    else:
        _kept(draft, text)


def _kept(draft: Draft, text: str) -> None:
    """Nothing urgent, nobody in conversation: it stands on the coach's list. A "thanks" gets no speech."""
    small = all(word in commands.SMALL_TALK for word in re.findall(r"\w+", text.casefold()))
    need_coach = ((Button("button.need_coach", "do:coach"),),)
    draft.say("athlete.heard" if small else "athlete.kept", buttons=need_coach)


def _before_yes(draft: Draft, text: str) -> None:
    """Words of somebody who has not agreed to anything: nothing is kept, but what cannot wait is heard even so."""
    if read(text)[0] >= Level.NOW:
        _keep_and_read(draft, text)
    elif (talk := draft.top()) is not None and talk.script == "erase":
        if not _to_talk(draft, text):
            draft.ask(talk)
    elif talk is not None:
        draft.ask(talk, preface="onboarding.not_yet")
    else:
        draft.say("onboarding.not_yet_start")


def _is_answer(talk: Talk | None, moved: engine.Moved | None, text: str) -> bool:
    """True for what was typed into a form and tells a coach nothing: "7", "Riga", "asdf". Where it hurts does tell;
    and many words that do not fit the question were not meant for it."""
    if talk is None or moved is None or talk.step == "pain_where":
        return False
    return moved.wrong is None or len(text.split()) < 3


def read(text: str) -> tuple[Level, str]:
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
    level, flag = read(text)
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
    commands.MOVED[talk.script](draft, talk, moved)
    return True


def tapped(draft: Draft, event: Tapped) -> None:
    """A button: of an open talk (by its turn number), or one that names what it is for; old ones are answered."""
    kind, _, choice = event.data.partition(":")
    if kind.isascii() and kind.isdecimal() and len(kind) < 19:
        talk = next((one for one in draft.person.talks if one.turn == int(kind)), None)
        moved = engine.choose(SCRIPTS[talk.script], talk, choice) if talk else None
        if talk is None or moved is None:
            draft.toast("shared.question_closed")
            return
        commands.MOVED[talk.script](draft, talk, moved)
        return
    act = commands.COACH_TAPS.get(kind) if draft.person.coaches else None
    (act or commands.TAPS.get(kind, commands.closed))(draft, choice)


def edited(draft: Draft, event: Edited) -> None:
    """An edit may raise, never lower: both versions are kept, and the new one is read like any other words."""
    if not draft.person.runs:
        draft.say("coach.edit_not_sent")
    elif joining.unheard(draft):
        _before_yes(draft, event.text)
    else:
        draft.record("edit", "edited", words=event.text)
        if _keep_and_read(draft, event.text) < Level.CONCERN:
            draft.say("athlete.edit_kept")


def sent(draft: Draft, event: Sent) -> None:
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
