"""Asking instead of guessing: one plain question where words may be a red flag, or nothing at all.

The words are kept first, and what they surely are is done first (a concern stands on the list before we ask). Then one
question with three buttons: it is so now, it was so earlier, it was not meant like that. Ten minutes without an answer
count as "now", because silence is never the brake: the wakeup is in the same commit as the question, so it comes even
if nobody is there to press anything.

Only one such question is open at a time. Further words that raise one go along with the first, whose hour stands; where
they are about something else, the question is widened to whether somebody must read it right now, so that a "no" about
the heart is no "no" about wanting to live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from dialogs import engine, escalation
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Lane, Spans, Talk
from dialogs.scripts.asking import EARLIER, IS_NOW

PATIENCE = timedelta(minutes=10)  # until no answer counts as yes

HARM = "harm"  # the topic of that one question
WIDER = "body"  # of one that is about several things

MEANS: Mapping[str, Level] = {IS_NOW: Level.NOW, EARLIER: Level.TODAY}


def ask(draft: Draft, topic: str, flag: str, words: str, because: Spans = ()) -> None:
    """Ask what `topic` names (a branch of the text "asking.sure") of these words. `because`: the marks in them."""
    before = draft.talk("sure")
    if before is not None:
        joined = f"{before.slots['words']}\n{words}".strip()
        harm = HARM in (topic, before.slots["topic"]) or bool(before.slots.get("harm"))
        wider = {"topic": topic if topic == before.slots["topic"] else WIDER, "harm": harm, "words": joined}
        draft.ask(replace(before, slots={**before.slots, **wider}), anew=True, lane=Lane.SAFETY)
        return
    talk = draft.open(
        "sure", {"topic": topic, "flag": flag, "words": words, "because": [list(span) for span in because]}
    ).talk
    draft.ask(talk, anew=True, lane=Lane.SAFETY)
    draft.record("step", "asked", {"topic": topic, "flag": flag})
    draft.wake("unsure", f"unsure:{draft.person.id}:{draft.person.turn}", draft.now + PATIENCE)


def on_top(draft: Draft) -> None:
    """What is typed next answers this question, and not a form that has gone on meanwhile: a "yes" must not be lost."""
    if (talk := draft.talk("sure")) is not None:
        draft.keep(talk)


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Answered, by a button or in a word."""
    answer = str(step.answers.get("sure"))
    _end(draft, talk, answer)
    level = MEANS.get(answer)
    if level is None:
        draft.say("asking.kept", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    if draft.tapped is None:
        draft.strip(talk)
    _raise(draft, talk, level)


def due(draft: Draft, event: Due) -> None:
    """Ten minutes without an answer. Stale is normal: it was answered meanwhile."""
    unanswered(draft)


def unanswered(draft: Draft) -> None:
    """Nobody will answer any more: silence is a yes, also the silence of somebody who has just blocked the bot."""
    talk = draft.talk("sure")
    if talk is not None:
        _end(draft, talk, "no_answer")
        draft.strip(talk)
        _raise(draft, talk, Level.NOW)


def raise_(
    draft: Draft, level: Level, flag: str, words: str, because: Spans = (), *, told: escalation.Told | None = None
) -> None:
    """Something was heard, whatever is being asked: with NOW that has become plain, and a human is on the way."""
    if level >= Level.NOW:
        _settle(draft)
    escalation.raise_(draft, level, flag, words, because, told=told)


def _settle(draft: Draft) -> None:
    if (talk := draft.talk("sure")) is not None:
        _end(draft, talk, "overtaken")
        draft.strip(talk)


def _raise(draft: Draft, talk: Talk, level: Level) -> None:
    """Who was asked about hurting themselves, and did not say no, needs the line for that, not only an ambulance."""
    because = tuple((int(start), int(end)) for start, end in talk.slots["because"])
    crisis = talk.slots["topic"] == HARM or bool(talk.slots.get("harm"))
    flag = escalation.CRISIS if crisis else str(talk.slots["flag"])
    escalation.raise_(draft, level, flag, str(talk.slots["words"]), because)


def _end(draft: Draft, talk: Talk, answer: str) -> None:
    draft.close("sure")
    draft.cancel(f"unsure:{draft.person.id}:")
    draft.record("step", "sure", {"topic": talk.slots["topic"], "answer": answer})
