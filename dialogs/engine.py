"""How one conversation moves: step(script, talk, event) -> the talk afterwards, what was answered, what is wrong.

Theory of operation
-------------------
A script is a table of steps in the order in which they are asked. A talk is a script being spoken with one person:
its `slots` hold what has been answered, by step id. There are no jumps. The next question is always

    the first step whose slot is empty and whose `when` holds

and from that one rule follows all that a patient listener does: nothing said is asked again (a slot that came from
elsewhere is already full), an interrupted talk resumes where it stood, an answer taken back is asked again, and a
branch ("something hurts") is nothing but steps whose `when` has become true.

Three exceptions stand in code, because they do not fit the table:
  * an option may fill another slot than its own step's (`sets`), or end the whole talk (`ends`): "as usual", "later";
  * a step with `many` collects choices until "done";
  * a reader of typed text may come back with an offer ("which Springfield?") that becomes buttons for once.

A choice that the current step does not offer is not an error: buttons are old, foreign or invented, and stale is
normal. `choose` and `hear` then return None, and the caller answers kindly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from dialogs.model import Json, Talk

OFFERS = "?offers"  # slot for choices that a reader came back with: [[value, label], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A reader understood the text."""

    value: Json


@dataclass(frozen=True, slots=True)
class Wrong:
    """A reader understood that it is not a possible answer; `text` says why, and the question is asked again."""

    text: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Several readings; the person picks one."""

    choices: tuple[tuple[Json, str], ...]


Read = Value | Wrong | Offer | None  # None: this is no answer at all, but words for a human
Reader = Callable[[str, date], Read]


@dataclass(frozen=True, slots=True)
class Option:
    """One button. Its label is the text `button.<value>`, unless its step names one text for all of its values."""

    value: str | int
    sets: str | None = None
    ends: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    id: str
    options: tuple[tuple[Option, ...], ...] = ()
    reads: Reader | None = None
    when: tuple[str, tuple[Json, ...]] | None = None
    many: bool = False
    located: bool = False  # a shared location is an answer, too
    offered: bool = False  # its choices are not known to the table: whoever opens the talk puts them into OFFERS
    label: str | None = None  # one text for all values ("button.hour"), which gets the value as `n`


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    steps: tuple[Step, ...]
    texts: str = ""  # the file of its texts, where it is not named like the script

    def step(self, id: str) -> Step:
        return next(step for step in self.steps if step.id == id)


@dataclass(frozen=True, slots=True)
class Moved:
    """What came of one event. `ended` is None while questions remain, "done" after the last, or an option's reason."""

    talk: Talk
    answers: Mapping[str, Json] = field(default_factory=dict)
    ended: str | None = None
    wrong: str | None = None


def begin(script: Script, *, turn: int, bubble: str, now: datetime, known: Mapping[str, Json] | None = None) -> Moved:
    """Open a talk. What is `known` already is not asked; a talk with nothing to ask has `ended` at once."""
    talk = Talk(script.name, "", turn, bubble, now, dict(known or {}))
    return _onward(script, talk, {})


def choose(script: Script, talk: Talk, choice: str) -> Moved | None:
    """A button with this choice was tapped on the current prompt. None: this step has no such choice."""
    step = script.step(talk.step)
    for number, (value, _label) in enumerate(talk.slots.get(OFFERS, ())):
        if choice == f"o{number}":
            return _onward(script, talk, {step.id: value})
    option = next((o for row in step.options for o in row if str(o.value) == choice), None)
    if option is None:
        return None
    if step.many and option.value != "done" and option.ends is None:
        drafts = list(talk.slots.get(_draft(step), ()))
        drafts.remove(option.value) if option.value in drafts else drafts.append(option.value)
        return Moved(replace(talk, slots={**talk.slots, _draft(step): drafts}))
    if option.ends is not None:
        answers = {option.sets: option.value} if option.sets else {}
        return Moved(replace(talk, slots={**talk.slots, **answers}), answers, ended=option.ends)
    if step.many:
        return _onward(script, talk, {step.id: list(talk.slots.get(_draft(step), ()))})
    return _onward(script, talk, {option.sets or step.id: option.value})


def hear(script: Script, talk: Talk, text: str, today: date) -> Moved | None:
    """A text was typed. None: the current step does not take it for an answer, so it is words for a human."""
    step = script.step(talk.step)
    read = step.reads(text, today) if step.reads else None
    match read:
        case None:
            return None
        case Wrong(why):
            return Moved(talk, wrong=why)
        case Offer(choices):
            return Moved(replace(talk, slots={**talk.slots, OFFERS: [list(choice) for choice in choices]}))
        case Value(value):
            return _onward(script, talk, {step.id: value})


def fill(script: Script, talk: Talk, answers: Mapping[str, Json]) -> Moved:
    """Answers that came another way: a shared location, words said before they were asked for."""
    return _onward(script, talk, answers)


def chosen(step: Step, talk: Talk) -> tuple[Json, ...]:
    """What is ticked so far in a step with `many`."""
    return tuple(talk.slots.get(_draft(step), ()))


def _onward(script: Script, talk: Talk, answers: Mapping[str, Json]) -> Moved:
    slots = {key: value for key, value in talk.slots.items() if key != OFFERS} | dict(answers)
    for step in script.steps:
        if step.id not in slots and (step.when is None or slots.get(step.when[0]) in step.when[1]):
            return Moved(replace(talk, step=step.id, slots=slots), answers)
    return Moved(replace(talk, slots=slots), answers, ended="done")


def _draft(step: Step) -> str:
    return f"{step.id}?"
