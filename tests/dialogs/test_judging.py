"""Words as an athlete's turn reads them."""

from __future__ import annotations

import pytest

from dialogs import judging
from dialogs.levels import Level
from dialogs.words import triage


@pytest.mark.parametrize("text", ["Mon no, Wed no, Fri 20 min", "Tue 30 min, Thu no", "martes y jueves no", "only Sat"])
def test_days_and_the_time_on_them_are_an_answer_and_alarm_nobody(text: str) -> None:
    found = judging.read(text)
    assert found.level <= Level.NOTE and found.ask is None


@pytest.mark.parametrize("text", ["Mon no, chest pain since Tue", "Tue no, I want to die"])
def test_one_other_word_and_it_is_read(text: str) -> None:
    assert judging.read(text).level >= Level.TODAY


def test_a_reader_that_fails_costs_nobody_their_human(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: str) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr(triage, "read", fails)
    found = judging.read("lovely morning")
    assert (found.level, found.flag) == (Level.CONCERN, "unread")
