"""How what somebody says, taps or sends is heard. What a human must hear is found before anything else is done with it.

For an athlete's words, in this order: kept, read by `words.triage`, escalated if need be, or asked about where they may
be urgent or nothing (`asking`); then they may be a wish, an answer to the open question, a word to the coach they are
talking with, or a line for the coach's next list. Nobody's words end in nothing. Before somebody has agreed to anything
nothing is kept, but what cannot wait is heard even so.

People write in pieces: what was said within one minute is read together as well as by itself, and the worse of the two
counts. What cannot be read as the athlete's own words (voice, photo, sticker, a forward) goes to the coach as it is,
with one question: is it urgent? A transcript may raise, never lower, and is never more than a machine's guess.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from dialogs import (
    asking,
    checkin,
    coach_words,
    commands,
    conversation,
    desk,
    engine,
    escalation,
    importing,
    joining,
    judging,
    life,
    mornings,
    owning,
    proposals,
    races,
    summary,
    timing,
    when,
)
from dialogs.draft import Draft, number_in
from dialogs.events import Edited, Said, Sent, Tapped
from dialogs.levels import Level
from dialogs.model import Attachment, Button, Person, Talk
from dialogs.scripts import SCRIPTS
from dialogs.scripts.readers import sore_bone
from dialogs.words import aches
from dialogs.words.triage import Reading

FRAGMENTS = timedelta(minutes=1)  # what is written within this time is one thing, said in pieces
UNSCREENED: escalation.Told = ("athlete.unscreened", {})
SPOKEN = ("voice", "audio", "video_note")  # what a transcript is tried of
TALKING = timing.LATE_AFTER * 6  # twelve hours: an athlete's words after a coach's letter are an answer to it
# What a coach writes here is for or about an athlete, also where the coach runs.
DESK_TALKS = ("relay", "add", "jot", *owning.TALKS)
CHECKINS = ("morning", "session", "pain", "week", *mornings.OF_THE_DAY)


def said(draft: Draft, event: Said) -> None:
    text = event.text.strip()
    if text.startswith("/") and (command := commands.parse(text)):
        _commanded(draft, text, *command)
        return
    if draft.person.coaches and _coach_said(draft, event):
        return
    if draft.person.runs:
        _athlete_said(draft, event.text, forwarded=event.forwarded)
    elif not _to_talk(draft, event.text):
        draft.say("coach.not_understood")


def _commanded(draft: Draft, text: str, name: str, rest: str) -> None:
    """A command; what an athlete wrote behind it, or instead of one ("/chest pain"), is words like any other."""
    act = commands.COMMANDS.get(name)
    said = rest if act else text
    level = Level.NONE
    of_others = draft.person.coaches and name in commands.ABOUT_OTHERS
    if said and draft.person.runs and joining.settled(draft.person) and not of_others:
        least = Level.TODAY if name == "coach" else Level.NONE
        level = _keep_and_read(draft, said, typed=name in commands.TAKES_TEXT, least=least).level
    elif said and draft.person.runs and not of_others and _cannot_wait(said):  # also before a yes to anything
        level = _keep_and_read(draft, said, typed=True).level
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
    if top is not None and top.script in DESK_TALKS:
        return _to_talk(draft, event.text)
    if desk.take_by_word(draft, event.text):
        return True
    wish = coach_words.wish(draft, event.text) if top is None else None
    if wish is not None:
        commands.COMMANDS[wish[0]](draft, wish[1])
    return wish is not None


def _athlete_said(draft: Draft, text: str, *, forwarded: bool = False) -> None:
    if joining.unheard(draft):
        _before_yes(draft, text)
        return
    if forwarded and draft.person.consent_at is not None:
        _forwarded(draft, text)
        return
    talk = draft.top()
    moved = engine.hear(SCRIPTS[talk.script], talk, text, draft.today) if talk else None
    if moved is None and (meant := life.wish(text)) is not None and _nothing_else_in_it(draft, text, meant[1]):
        draft.record("typed", "wish", words=text)
        meant[0](draft, meant[1])
        return
    wish = commands.WISHES.get(" ".join(text.casefold().strip(" .!?¿¡").replace("’", "'").split()))
    if wish is not None:  # known word for word, so there is nothing to read in it
        draft.record("typed", "wish", words=text)
        wish(draft, "")
        return
    reading = _keep_and_read(draft, text, typed=_is_answer(talk, moved, text), aching=True)
    level = reading.level
    if level >= Level.CONCERN and "illness" in reading.themes:
        proposals.judge(draft)
    alarming = level >= Level.CONCERN or reading.ask is not None
    if talk is not None and moved is not None and not (moved.wrong and alarming):  # after an alarm it does not ask back
        commands.move(draft, talk, _with_the_rest(talk, moved, text))
        if reading.ask is not None:
            asking.on_top(draft)
    elif reading.ask is not None:  # one question at a time, and it has been asked
        if level < Level.CONCERN and not escalation.waiting(draft) and (listener := _listener(draft)) is not None:
            _pass_on(draft, listener, text)
    elif level >= Level.CONCERN:
        if level < Level.TODAY and "pain" in reading.themes:
            checkin.ache(draft, aches.read(text))
    elif escalation.add(draft, text):
        draft.read_by_now()
    elif (listener := _listener(draft)) is not None:
        _pass_on(draft, listener, text)
    elif (place := sore_bone(text)) is not None and (talk is None or "pain_where" not in talk.slots):
        if not checkin.ache(draft, replace(aches.read(text), place=place)):
            _kept(draft, text)
    elif talk is not None and races.told(draft, talk):
        pass
    elif talk is not None and (talk.script not in CHECKINS or draft.now - talk.opened_at < timing.LATE_AFTER):
        draft.ask(talk, preface="athlete.kept_here")
    else:
        _kept(draft, text)


def _with_the_rest(talk: Talk, moved: engine.Moved, text: str) -> engine.Moved:
    """Asked where it hurts, somebody says in the same breath how strong, on which side and when ("left calf, 4/10,
    worse after"): that is not asked again."""
    if talk.step != "pain_where" or moved.wrong is not None:
        return moved
    said = aches.read(text)
    more = {"pain_level": said.score, "pain_side": said.side, "pain_when": said.when}
    filled = engine.fill(SCRIPTS[talk.script], moved.talk, {key: one for key, one in more.items() if one is not None})
    return replace(filled, answers={**moved.answers, **filled.answers})


def _nothing_else_in_it(draft: Draft, text: str, rest: str) -> bool:
    """A wish is known by its pattern; but "move ... to ..." and "away until ..." end in words of one's own, and "move
    me to a hospital" is no wish. What is not a number or a day is read, and if a human must hear it, it is words like
    any other."""
    open_ = [part for part in rest.split(" to ") if re.search(r"[^\W\d_]", part)]
    if all(isinstance(when.day(part, draft.today), date) for part in open_):
        return True
    reading = judging.read(text)
    return reading.level < Level.CONCERN and reading.ask is None


def _kept(draft: Draft, text: str) -> None:
    """Nothing urgent, nobody in conversation: it stands on the coach's list. A "thanks" gets no speech."""
    small = all(word in commands.SMALL_TALK for word in re.findall(r"\w+", text.casefold()))
    need_coach = ((Button("button.need_coach", "do:coach"),),)
    draft.say("athlete.heard" if small else "athlete.kept", buttons=need_coach)


def _before_yes(draft: Draft, text: str) -> None:
    """Words of somebody who has not agreed to anything: nothing is kept, but what cannot wait is heard even so."""
    if _cannot_wait(text):
        _keep_and_read(draft, text, typed=True)
    elif (talk := draft.top()) is not None and talk.script == "erase":
        if not _to_talk(draft, text):
            draft.ask(talk)
    elif draft.person.alone:
        joining.begin(draft)
    elif talk is not None:
        draft.ask(talk, preface="onboarding.not_yet")
    else:
        draft.say("onboarding.not_yet_start")


def _cannot_wait(text: str) -> bool:
    """By the book alone: what it hears was written down as an alarm."""
    return judging.read_answer(text).level >= Level.NOW


def _is_answer(talk: Talk | None, moved: engine.Moved | None, text: str) -> bool:
    """True for what was typed into a form and tells a coach nothing: "7", "Riga", "asdf", "29 February 2027". Where it
    hurts does tell; and what does not fit the question was not meant for it, if it is many words or if a human must
    hear it: "heart racing" is no date."""
    if talk is None or moved is None or talk.step in ("pain_where", "week", "not_days"):
        return False
    if moved.wrong is None:
        return True
    if len(text.split()) >= (5 if re.search(r"\d", text) else 3):
        return False
    reading = judging.read(text)
    return reading.flag == "language" or (reading.level < Level.CONCERN and reading.ask is None)


def _keep_and_read(
    draft: Draft,
    text: str,
    *,
    typed: bool = False,
    least: Level = Level.NONE,
    anew: bool = False,
    aching: bool = False,
) -> Reading:
    """Keep the words, read them, and escalate what a human must hear. Returns how they were read, with the level that
    was acted on, and `ask` only where a question was asked.

    The record carries that level as its value: words with a level stand on the coach's list as an escalation, and
    not once more among what else was said. The judgement stands beside it, for whoever asks why. `anew`: the text
    stands for what was said before, and is not a piece of it. `aching`: the caller goes on to ask about a pain.
    """
    if typed:
        words, reading = text, judging.read_answer(text)
    else:
        words, reading = (text, judging.read(text)) if anew else _together(draft, text)
    unsure = reading.ask if reading.level < Level.TODAY else None
    about = reading.flag or "words"
    if reading.level < least:
        reading = replace(reading, level=least, flag=escalation.ASKED, because=())
    level = reading.level
    # Who is just joining tells of old injuries: that is history for the coach. What cannot wait is heard even so.
    consented = draft.person.consent_at is not None
    heard = level >= Level.CONCERN and (consented or level >= Level.NOW)
    # Where somebody is being rung for their life already, nothing is asked. For TODAY it is: what rings in the morning,
    # or can wait an hour, must not hide what cannot.
    asks = unsure is not None and consented and not escalation.waiting(draft, Level.NOW)
    if aching and level is Level.CONCERN and unsure == "body" and "pain" in reading.themes:
        said = aches.read(text)
        if said.place is not None and not checkin.told(draft, said):
            asks = False  # how strong it is, and whether it changes the stride, is the better question, with its clock
    talk = draft.top()
    name = talk.script if talk else "free"
    draft.record("typed" if typed and not heard else "words", name, level.value if heard else None, text)
    if heard or asks:
        judging.note(draft, reading)
    if heard:
        _escalate(draft, reading, words, text)
    if asks:  # with its words also where they stand on a list already: whoever has that may not have this
        asking.ask(draft, str(unsure), about, *((text, ()) if heard else (words, reading.because)))
        if not heard:
            escalation.add(draft, text)
    return replace(reading, level=level if heard else min(level, Level.NOTE), ask=unsure if asks else None)


def _together(draft: Draft, text: str) -> tuple[str, Reading]:
    """The words that count, and how they read: this text, or with it what was said within the last minute, where that
    makes it worse ("my chest" - "hurts when i breathe")."""
    pieces = [one for one in summary.own_words(draft.known.records) if draft.now - one.at <= FRAGMENTS]
    alone = judging.read(text)
    if not pieces:
        return text, alone
    # Only what is new in it: a "thanks" one minute after an alarm is not another alarm.
    known = max([alone.level, *(Level(one.value) for one in pieces if one.value in set(Level))])
    together = "\n".join([*(str(one.words) for one in pieces), text])
    both = judging.read(together)
    asked = any(one.name == "asked" and draft.now - one.at <= FRAGMENTS for one in draft.known.records)
    asks_more = both.ask is not None and alone.ask is None and known < Level.CONCERN and not asked
    return (together, both) if both.level > known or asks_more else (text, alone)


def _escalate(draft: Draft, reading: Reading, words: str, text: str) -> None:
    because = reading.because
    if words != text and any(words[: -len(text) - 1] in one.words for one in draft.escalations() if one.open):
        # What was said before is there already: only the new words follow, with their own marks.
        down = len(words) - len(text)
        words, because = text, tuple((start - down, end - down) for start, end in because if start >= down)
    told: escalation.Told | None = None
    if reading.flag == "language":
        told = ("athlete.language", {"language": reading.language})
    asking.raise_(draft, reading.level, reading.flag or "words", words, because, told=told)


def _to_talk(draft: Draft, text: str) -> bool:
    """Offer the text to the open conversation as an answer."""
    talk = draft.top()
    moved = engine.hear(SCRIPTS[talk.script], talk, text, draft.today) if talk else None
    if talk is None or moved is None:
        return False
    commands.move(draft, talk, moved)
    return True


def tapped(draft: Draft, event: Tapped) -> None:
    """A button: of an open talk (by its turn number), or one that names what it is for; old ones are answered."""
    kind, _, choice = event.data.partition(":")
    if (turn := number_in(kind)) is not None:
        talk = next((one for one in draft.person.talks if one.turn == turn), None)
        moved = engine.choose(SCRIPTS[talk.script], talk, choice) if talk else None
        if talk is None or moved is None:
            draft.toast("shared.question_closed")
            return
        commands.move(draft, talk, moved)
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
        reading = _keep_and_read(draft, event.text, anew=True)
        if reading.level < Level.CONCERN and reading.ask is None:
            draft.say("athlete.edit_kept")


def sent(draft: Draft, event: Sent) -> None:
    """Voice, photo, sticker ...: it cannot be screened, so a human gets it, and the athlete is asked: is it urgent?"""
    attach = Attachment(draft.person.chat_id or 0, event.message_id)  # a private chat: the person's own
    if draft.person.coaches and _coach_sent(draft, event, attach):
        return
    if joining.unheard(draft):
        _before_yes(draft, event.caption)
        return
    draft.record("file", event.kind, event.file_id, event.caption or None)
    talk = draft.top()
    if draft.person.consent_at is None and talk is not None:
        if event.caption:
            _keep_and_read(draft, event.caption)
        draft.ask(talk, preface="athlete.file_not_now")
        return
    reading = _keep_and_read(draft, event.caption) if event.caption else None
    level = reading.level if reading else Level.NONE
    if event.kind in SPOKEN and event.file_id:  # done by whoever has a program for it, else dropped
        key = f"transcribe:{draft.person.id}:{event.message_id}"
        draft.wake("transcribe", key, draft.now, file_id=event.file_id, message_id=event.message_id)
    listener = _listener(draft)
    if event.kind == "sticker":  # hardly ever a cry for help: no line on the list, but the coach sees it
        draft.say("athlete.sticker", buttons=((Button("button.need_coach", "do:coach"),),))
    elif listener is not None and level < Level.CONCERN:
        _pass_on(draft, listener, event.caption, attach)
        return
    elif level < Level.CONCERN:
        asked = reading is not None and reading.ask is not None  # about the words below it: one question at a time
        escalation.raise_(draft, Level.CONCERN, "unscreened", event.caption, told=None if asked else UNSCREENED)
        draft.read_by_now()
    to = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    if to is not None:
        facts = {"athlete": draft.person.name}
        draft.say("coach.attached", facts, to=to, attach=attach, quiet=level < Level.NOW, about=draft.person.id)


def _forwarded(draft: Draft, text: str) -> None:
    """Somebody else's words, sent on: they are no answer and no wish, and cannot be screened as the athlete's own. The
    coach gets them; the athlete is asked, with the clock running where they would have been urgent."""
    reading = judging.read(text)
    draft.record("words", "forwarded", Level.CONCERN.value, text)
    judging.note(draft, reading)
    if reading.level >= Level.TODAY or reading.ask is not None:
        escalation.raise_(draft, Level.CONCERN, "unscreened", text, reading.because)
        asking.ask(draft, "forwarded", reading.flag or "words", text, reading.because)
    elif (listener := _listener(draft)) is not None:
        _pass_on(draft, listener, text)
    else:
        escalation.raise_(draft, Level.CONCERN, "unscreened", text, reading.because, told=UNSCREENED)


def _coach_sent(draft: Draft, event: Sent, attach: Attachment) -> bool:
    if importing.sent(draft, event):
        return True
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
    if wakes is not None or not conversation.hush(draft):
        draft.say("athlete.passed_on", {"listener": to.name, "at": draft.local_time(wakes) if wakes else None})
    draft.read_by_now()
