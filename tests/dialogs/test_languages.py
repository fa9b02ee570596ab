"""Which language a message is in: sure, or not said. Nothing is fetched for it."""

from __future__ import annotations

import re
import socket

import pytest

from dialogs import render
from dialogs.levels import Level
from dialogs.words import languages, triage
from tests.words import messages


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("it", "mi fa male il ginocchio da due settimane"),
        ("pt", "dor no joelho esquerdo há 8 dias"),
        ("nl", "ik heb pijn op de borst sinds de training"),
        ("sv", "jag har ont i bröstet sedan loppet i lördags"),
        ("fi", "polvi on ollut kipeä jo kaksi viikkoa"),
        ("tr", "koşudan beri göğsüm ağrıyor"),
        ("pl", "od dwóch tygodni boli mnie kolano"),
        ("ru", "болит грудь"),
        ("uk", "болить коліно вже другий тиждень після пробіжки"),
        ("el", "πονάει το γόνατο"),
        ("ar", "ألم في الصدر"),
        ("he", "כואב לי החזה"),
        ("hi", "सीने में दर्द"),
        ("ja", "胸が痛い"),
        ("ko", "가슴이 아파요"),
        ("zh", "胸口疼"),
    ],
)  # fmt: skip
def test_another_language_is_named_and_answered_in_it(language: str, text: str) -> None:
    assert languages.foreign(text) == language
    reading = triage.read(text)
    assert (reading.level, reading.flag, reading.language) == (Level.CONCERN, "language", language)
    told = render.text("en", "athlete.language", {"language": language, "coach": "Kim"})
    assert "Kim" in told and told != render.text("en", "language.other", {"coach": "Kim"})
    assert render.text("en", "athlete.language", {"language": language, "coach": None})


def test_nothing_in_the_four_languages_is_taken_for_another() -> None:
    every = messages.load(*messages.training(), "dev", "test", "test-languages")
    taken = [one.text for one in every if languages.foreign(one.text) is not None]
    assert len(taken) <= len(every) / 1_000, taken


@pytest.mark.parametrize(
    "text", ["", "7", "...", "👍", "ok", "PB!!!", "stayed up til 2 oops", "grazie", "no lol", "\ud83d", "\x00"]
)
def test_what_is_short_or_says_nothing_has_no_language(text: str) -> None:
    assert languages.foreign(text) is None


def test_every_language_that_has_a_text_is_one_that_is_not_screened() -> None:
    source = (render._TEXTS / "en" / "language.j2").read_text(encoding="utf-8")
    blocks = set(re.findall(r"{% block (\w+) %}", source))
    assert "other" in blocks and len(blocks) > 30 and not blocks & set(languages.SCREENED)


def test_a_word_for_an_alarm_is_heard_in_any_language() -> None:
    assert triage.read("penso che sia un infarto, sono a terra da un'ora e non passa").level is Level.NOW


def test_reading_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuses)
    monkeypatch.setattr(socket, "create_connection", refuses)
    languages._detector.cache_clear()
    try:
        assert triage.read("mi fa male il ginocchio da due settimane").language == "it"
    finally:
        languages._detector.cache_clear()
