"""What a machine made of a voice note. The note itself is what counts: the coach has had it from the first moment.

A transcript is shown as a guess, to both, and can be put right by the athlete. It may raise a level ("chest" was
heard), and never lowers one: that it heard nothing says nothing.
"""

from __future__ import annotations

from dialogs import asking, engine, escalation, judging
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Talk

UNVERIFIED = "unverified"


def transcribed(draft: Draft, event: Due) -> None:
    """A transcript has come; `event.data` holds its `text` and the `message_id` of the voice note."""
    text = str(event.data.get("text", "")).strip()
    if not text or not draft.person.runs or draft.person.consent_at is None:
        return
    draft.message_id = int(event.data["message_id"])
    reading = judging.read(text)
    draft.record("words", "transcript", UNVERIFIED, text)
    judging.note(draft, reading)
    for to in escalation.hearing(draft.known.coach, draft.known.backup)[:1]:
        facts = {"athlete": draft.person.name, "words": text, "because": reading.because}
        draft.say("coach.transcript", facts, to=to, quiet=reading.level < Level.NOW, about=draft.person.id)
    draft.say("athlete.transcript", {"words": text}, buttons=((Button("button.correct", "do:correct"),),), quiet=True)
    if reading.level >= Level.TODAY:
        asking.raise_(draft, reading.level, reading.flag or "words", text, reading.because)
    elif reading.ask is not None:
        asking.ask(draft, reading.ask, reading.flag or "words", text, reading.because)


def corrected(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """The athlete has put it right: read like any words, so that it may raise."""
    draft.close(talk.script)
    words = str(step.answers.get("words", ""))
    if step.ended == "cancelled" or not words:
        draft.say("asking.not_corrected", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    reading = judging.read(words)
    draft.record("edit", "transcript", words=words)
    judging.note(draft, reading)
    for to in escalation.hearing(draft.known.coach, draft.known.backup)[:1]:
        facts = {"athlete": draft.person.name, "words": words, "because": reading.because}
        draft.say("coach.corrects", facts, to=to, quiet=reading.level < Level.NOW, about=draft.person.id)
    if reading.level >= Level.CONCERN:  # these are their own words, and no machine's guess
        asking.raise_(draft, reading.level, reading.flag or "words", words, reading.because)
    if reading.ask is not None and reading.level < Level.TODAY:
        asking.ask(draft, reading.ask, reading.flag or "words", words, reading.because)
    elif reading.level < Level.CONCERN:
        draft.say("asking.corrected")
