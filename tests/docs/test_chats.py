"""The conversations on the pages for people are played: what a page shows in a box is what the program says.

A box is a fenced block marked `chat`. A line is a time on Ann's clock, or who does what:

    12:00
    Ann writes  i fainted earlier today
    Kim taps    [I have it]
    Ann reads   Kim has your words
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.dialogs import season
from tests.dialogs.talk import ANN, KIM, Talk

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]
WHO = {"Ann": ANN, "Kim": KIM}
LINE = re.compile(r"(?P<who>Ann|Kim) (?P<does>writes|taps|reads) +(?P<what>.+)")


def boxes() -> list[tuple[str, str]]:
    """Every box, with the name of its page and its place on it."""
    found = []
    for page in PAGES:
        for number, box in enumerate(re.findall(r"^```chat\n(.*?)^```", page.read_text("utf-8"), re.M | re.S), 1):
            found.append((f"{page.stem}-{number}", box))
    return found


def play(box: str) -> Talk:
    talk = season.begin()  # Monday; Ann has a plan
    for line in box.strip().splitlines():
        if re.fullmatch(r"\d\d:\d\d", line):
            talk.at(line)
            continue
        act = LINE.fullmatch(line)
        assert act is not None, f"a box has no line like {line!r}"
        who, what = WHO[act["who"]], act["what"]
        match act["does"]:
            case "writes":
                talk.says(what, who)
            case "taps":
                talk.taps(what.strip("[]"), who)
            case _:
                talk.reads(who, what)
    return talk


def test_there_are_boxes_to_play() -> None:
    assert len(boxes()) >= 6


@pytest.mark.parametrize("box", [pytest.param(text, id=name) for name, text in boxes()])
def test_a_box_is_what_the_program_says(box: str) -> None:
    play(box)
    assert " reads " in box, "a box without an answer proves nothing"


def test_a_box_that_says_something_else_fails() -> None:
    with pytest.raises(AssertionError):
        play("12:00\nAnn writes  i fainted earlier today\nAnn reads  You are fine, run on.\n")
