"""How one conversation moves; and that no order of taps, words and invented data can break one."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from dialogs import engine
from dialogs.draft import _keyboard
from dialogs.engine import OFFERS, Offer, Option, Read, Script, Step, Value, Wrong
from dialogs.model import Talk
from dialogs.scripts import SCRIPTS

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)
TODAY = date(2026, 6, 1)
_TALK = TypeAdapter(Talk)


def read(text: str, _today: date) -> Read:
    if text == "which?":
        return Offer(((1, "the first"), ({"a": [1]}, "the second")))
    return Value(int(text)) if text.isdecimal() else Wrong("problem.scale") if text == "wrong" else None


TABLE = Script(
    "table",
    (
        Step("pain", ((Option(1), Option(2)),), when=("hurts", ("hurts",))),
        Step("one", ((Option(1), Option("hurts", sets="hurts")), (Option("later", ends="later"),)), reads=read),
        Step("many", ((Option(0), Option(1)), (Option("done"),)), many=True),
        Step("why", ((Option("life"),),), when=("one", (1,))),
    ),
)


def begin(script: Script = TABLE, **known: Any) -> Talk:
    return engine.begin(script, turn=7, bubble="b", now=NOW, known=known).talk


def walk(script: Script, talk: Talk, *choices: str) -> engine.Moved:
    moved = engine.Moved(talk)
    for choice in choices:
        following = engine.choose(script, moved.talk, choice)
        assert following is not None, choice
        moved = following
    return moved


@pytest.mark.parametrize(
    ("choices", "step", "slots", "ended"),
    [
        ("1", "many", {"one": 1}, None),
        ("hurts", "pain", {"hurts": "hurts"}, None),
        ("hurts 2", "one", {"hurts": "hurts", "pain": 2}, None),
        ("later", "one", {}, "later"),
        ("1 1", "many", {"one": 1, "many?": [1]}, None),
        ("1 1 0", "many", {"one": 1, "many?": [1, 0]}, None),
        ("1 1 1", "many", {"one": 1, "many?": []}, None),
        ("1 0 done", "why", {"one": 1, "many?": [0], "many": [0]}, None),
        ("1 done life", "why", {"one": 1, "many": [], "why": "life"}, "done"),
    ],
)
def test_a_choice_fills_a_slot_and_the_first_empty_step_is_next(
    choices: str, step: str, slots: dict[str, Any], ended: str | None
) -> None:
    moved = walk(TABLE, begin(), *choices.split())
    assert (moved.talk.step, dict(moved.talk.slots), moved.ended) == (step, slots, ended)


def test_what_is_known_is_not_asked() -> None:
    assert begin(one=1).step == "many"
    assert engine.begin(TABLE, turn=1, bubble="b", now=NOW, known={"one": 2, "many": []}).ended == "done"


def test_a_branch_that_does_not_hold_is_skipped() -> None:
    assert engine.fill(TABLE, begin(one=2), {"many": []}).ended == "done"


@pytest.mark.parametrize("choice", ["", "9", "later ", "done", "o0", "o-1", "o99999999999", "hurts\x00", "2"])
def test_a_choice_that_the_step_does_not_offer_is_none(choice: str) -> None:
    assert engine.choose(TABLE, begin(), choice) is None


def test_typed_text_is_an_answer_wrong_or_no_answer() -> None:
    heard = engine.hear(TABLE, begin(), "1", TODAY)
    assert heard is not None and heard.talk.slots == {"one": 1} and heard.answers == {"one": 1}
    wrong = engine.hear(TABLE, begin(), "wrong", TODAY)
    assert wrong is not None and wrong.wrong == "problem.scale" and wrong.talk == begin()
    assert engine.hear(TABLE, begin(), "my knee hurts", TODAY) is None
    assert engine.hear(TABLE, begin(one=1), "1", TODAY) is None


def test_an_offer_becomes_buttons_for_once() -> None:
    offered = engine.hear(TABLE, begin(), "which?", TODAY)
    assert offered is not None and offered.talk.slots[OFFERS] == [[1, "the first"], [{"a": [1]}, "the second"]]
    picked = engine.choose(TABLE, offered.talk, "o1")
    assert picked is not None and picked.talk.slots == {"one": {"a": [1]}}
    assert engine.choose(TABLE, offered.talk, "o2") is None
    again = engine.hear(TABLE, offered.talk, "1", TODAY)
    assert again is not None and OFFERS not in again.talk.slots


def openings(script: Script) -> list[Talk]:
    """The talks as they are opened: some scripts get a slot that no step of theirs fills, by which they ask one thing
    or another."""
    filled = {step.id for step in script.steps}
    filled |= {option.sets for step in script.steps for row in step.options for option in row if option.sets}
    given: dict[str, set[Any]] = {}
    for step in script.steps:
        if step.when is not None and step.when[0] not in filled:
            given.setdefault(step.when[0], set()).update(step.when[1])
    needed = all(step.when is not None and step.when[0] in given for step in script.steps)
    known: list[dict[str, Any]] = [{name: value} for name, values in given.items() for value in sorted(values, key=str)]
    return [begin(script, **one) for one in (known if needed and known else [{}, *known])]


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_every_step_can_be_reached_and_every_script_ends(script: Script) -> None:
    """All paths of taps; where a step can only be typed or shared, something is filled in."""
    seen: set[str] = set()
    ends: set[str] = set()
    waiting = openings(script)
    met = set()
    while waiting:
        talk = waiting.pop()
        seen.add(talk.step)
        step = script.step(talk.step)
        moves = [engine.choose(script, talk, str(option.value)) for row in step.options for option in row]
        if step.reads is not None or step.offered:
            moves.append(engine.fill(script, talk, {step.id: "said"}))
        for moved in moves:
            assert moved is not None
            # Numbers of one step lead the same way: one of them is enough.
            shape = (moved.ended, moved.talk.step, tuple(sorted(moved.talk.slots)), moved.talk.slots.get("did"))
            if moved.ended is not None:
                ends.add(moved.ended)
            elif shape not in met:
                met.add(shape)
                waiting.append(moved.talk)
    assert seen == {step.id for step in script.steps}
    assert "done" in ends or all(option.ends for step in script.steps for row in step.options for option in row)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_every_button_fits_into_64_bytes_after_a_million_turns(script: Script) -> None:
    for step in script.steps:
        offers = [["x" * 500, "label"]] * 10
        for slots in ({}, {OFFERS: offers}):
            talk = Talk(script.name, step.id, 10**18, "b", NOW, slots)
            for row in _keyboard(step, talk):
                assert len(row) <= 8
                for button in row:
                    assert 1 <= len(button.data.encode()) <= 64


MOVES = st.one_of(
    st.tuples(st.just("tap"), st.integers(0, 30)),
    st.tuples(st.just("invented"), st.text(max_size=20)),
    st.tuples(st.just("text"), st.sampled_from(["1", "5", "11", "Riga", "Springfield", "7:00", "25:00", "sunday"])),
    st.tuples(st.just("text"), st.text(max_size=50)),
)


@settings(max_examples=200, deadline=None)
@given(script=st.sampled_from(sorted(SCRIPTS)), moves=st.lists(MOVES, max_size=30))
def test_no_order_of_taps_and_words_breaks_a_conversation(script: str, moves: list[tuple[str, Any]]) -> None:
    table = SCRIPTS[script]
    talk = openings(table)[0]
    for kind, what in moves:
        answered = set(talk.slots) - {OFFERS}
        if kind == "tap":
            choices = [
                button.data.partition(":")[2] for row in _keyboard(table.step(talk.step), talk) for button in row
            ]
            moved = engine.choose(table, talk, choices[what % len(choices)]) if choices else None
            assert moved is not None or not choices, "what is shown can be chosen"
        elif kind == "invented":
            moved = engine.choose(table, talk, what)
        else:
            moved = engine.hear(table, talk, what, TODAY)
        if moved is None:
            continue
        assert answered <= set(moved.talk.slots), "nothing that was said is forgotten"
        assert moved.talk.turn == talk.turn
        written = json.loads(json.dumps(_TALK.dump_python(moved.talk, mode="json")))
        assert _TALK.validate_python(written) == moved.talk
        if moved.ended:
            return
        talk = replace(moved.talk, turn=talk.turn)
