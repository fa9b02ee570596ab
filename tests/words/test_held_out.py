"""How well the messages held out are read: what the page says is what comes out, and it gets no worse unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogs.words import score
from tests.words import figures

PAGE = Path(__file__).parents[2] / "docs" / "words.md"

# A little worse than what was measured when the weights were made: no goals, but floors and ceilings.
FLOOR = {
    "test-standard": {
        "urgent recall": 0.92, "urgent recall, asking": 0.95, "the coach hears: recall": 0.95,
        "the coach hears: precision": 0.92, "themes: micro-F1": 0.82,
    },
    "test": {
        "urgent recall": 0.86, "urgent recall, asking": 0.88, "the coach hears: recall": 0.90,
        "the coach hears: precision": 0.89, "themes: micro-F1": 0.75,
    },
    "test-languages": {
        "urgent recall": 0.88, "urgent recall, asking": 0.92, "the coach hears: recall": 0.88,
        "the coach hears: precision": 0.86, "themes: micro-F1": 0.70,
    },
    "test-plain": {
        "urgent recall": 0.90, "urgent recall, asking": 0.94, "the coach hears: recall": 0.92,
        "the coach hears: precision": 0.89, "themes: micro-F1": 0.85,
    },
    "test-chatter": {"themes: micro-F1": 0.72},  # five urgent messages say nothing
}  # fmt: skip
CEILING = {
    "test-standard": {"false alarms: pushed": 0.06, "false alarms: asked": 0.03},
    "test": {"false alarms: pushed": 0.10, "false alarms: asked": 0.03},
    "test-languages": {"false alarms: pushed": 0.13, "false alarms: asked": 0.05},
    "test-plain": {"false alarms: pushed": 0.07, "false alarms: asked": 0.02},
    "test-chatter": {"false alarms: pushed": 0.08, "false alarms: asked": 0.05},
}


def test_the_page_shows_the_figures_that_come_out() -> None:
    """After a change to messages, weights or rules: .venv/bin/python -m tests.words.figures, into docs/words.md."""
    assert figures.table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name, _ in figures.FOUND_BY])
def test_the_reading_has_not_become_worse(name: str) -> None:
    found = score.figures([one for _, one in figures.judged(name)])
    for figure, least in FLOOR[name].items():
        assert (found[figure].value or 0) >= least, (figure, found[figure])
    for figure, most in CEILING[name].items():
        assert (found[figure].value or 0) <= most, (figure, found[figure])


def test_the_ordinary_weeks_are_many_and_mostly_quiet() -> None:
    """So that the false alarms among them mean something."""
    found = score.figures([one for _, one in figures.judged("test-chatter")])
    assert found["false alarms: pushed"].all >= 400
