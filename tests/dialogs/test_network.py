"""The small network as it runs: bounded, repeatable, and the same for one text as for many."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.words import network
from dialogs.words.network import (
    LEVELS,
    MOST_PIECES,
    MOST_STRETCHES,
    STRETCH,
    THEMES,
    cut,
    read,
    read_all,
    stretches,
    weights,
    words_of,
)


def test_the_weights_are_a_file_under_ten_megabytes() -> None:
    assert len(files("dialogs.words").joinpath("weights.npz").read_bytes()) < 10_000_000


def test_an_impression_is_a_chance_for_every_level_and_theme_and_a_share_for_every_word() -> None:
    found = read("no chest pain this time 😭")
    assert len(found.levels) == len(LEVELS) and abs(sum(found.levels) - 1) < 1e-5
    assert len(found.themes) == len(THEMES) and all(0 <= chance <= 1 for chance in found.themes)
    text = "no chest pain this time 😭"
    assert [text[start:end] for start, end, _ in found.evidence] == ["no", "chest", "pain", "this", "time", "😭"]


def test_the_shares_of_the_words_are_all_there_is_in_the_answer() -> None:
    """Pooling is a sum over the pieces: their shares, with the two ends and the offsets, make the difference between
    "a human must hear this" and "nobody need"."""
    w, text = weights(), "passed out at the top but PR"
    found = read(text)
    score = np.log(np.array(found.levels))
    difference = score[2:].mean() - score[:2].mean()
    offset = w.level_bias[2:].mean() - w.level_bias[:2].mean()
    shares = sum(share for _, _, share in found.evidence)
    # What is left belongs to the marks of beginning and end, which are no words.
    ids = [
        network.Piece(w.pieces["[CLS]"], 0, 0),
        *cut(words_of(text), w.pieces),
        network.Piece(w.pieces["[SEP]"], 0, 0),
    ]
    states = network._states(w, [ids], [slice(0, len(ids))])
    heard = (w.level[:, 2:].mean(axis=1) - w.level[:, :2].mean(axis=1)).reshape(-1, states.shape[1])
    looks = network._softmax(states @ w.queries, axis=0)
    ends = [(looks[n] * (states[n] @ heard[:-1].T)).sum() + states[n] @ heard[-1] / len(ids) for n in (0, -1)]
    assert shares + sum(ends) + offset == pytest.approx(difference, abs=1e-3)


def test_many_texts_are_read_as_each_by_itself() -> None:
    texts = ["", "ok", "chest pain", "a" * 5000, "knee 4/10 " * 50, "🎉🎉🎉"]
    for one, among in zip(map(read, texts), read_all(texts), strict=True):
        assert np.allclose(one.levels, among.levels, atol=1e-4)
        assert np.allclose(one.themes, among.themes, atol=1e-4)
    assert read_all([]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("chest pain", "CHEST PAIN"),
        ("i can't breathe", "i can’t breathe"),
        ("chest pain", "che\u200bst pa\u00adin"),
        ("chest pain", "ch\u0435st p\u0430in"),  # Cyrillic letters
        ("chest pain", "ｃｈｅｓｔ ｐａｉｎ"),
        ("chest pain", "chést pàin"),
        ("chest pain", "chest\u00a0pain"),
    ],
)
def test_disguised_words_are_the_same_words(one: str, other: str) -> None:
    assert read(one).levels == read(other).levels


def test_a_long_text_is_read_in_its_first_last_and_loudest_stretches() -> None:
    w = weights()
    quiet = "ran by the river and saw a heron " * 30
    pieces = cut(words_of(f"{quiet} and my chest hurts {quiet}"), w.pieces)
    kept = stretches(pieces, w.loud)
    assert len(kept) == MOST_STRETCHES and all(len(one) <= STRETCH for one in kept)
    assert kept[0][0] == pieces[0] and kept[-1][-1] == pieces[-1]
    assert any(piece.id == w.pieces["chest"] for one in kept for piece in one)
    assert stretches(pieces[:MOST_PIECES], w.loud) == [pieces[:MOST_PIECES]]


def test_no_word_of_a_text_that_is_a_little_longer_is_left_out() -> None:
    pieces = cut(words_of("run " * (MOST_PIECES + 1)), weights().pieces)
    kept = stretches(pieces, weights().loud)
    assert {piece for one in kept for piece in one} == set(pieces)


def test_a_word_of_the_list_is_one_piece_and_another_is_cut_where_the_list_allows() -> None:
    known = {"[UNK]": 0, "run": 1, "##ning": 2, "##s": 3}
    assert [piece.id for piece in cut([("run", 0, 3), ("runnings", 4, 12), ("qq", 13, 15)], known)] == [1, 1, 2, 3, 0]
    assert [piece.id for piece in cut([("r" * 60, 0, 60)], known)] == [0]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_no_text_raises_and_every_number_is_one(text: str) -> None:
    found = read(text)
    assert np.isfinite([*found.levels, *found.themes, *(share for _, _, share in found.evidence)]).all()
    last = 0
    for start, end, _ in found.evidence:
        assert last <= start < end <= len(text)
        last = start
