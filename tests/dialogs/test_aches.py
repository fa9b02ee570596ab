"""What is read of a pain, and what is not guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.words import aches
from dialogs.words.aches import PLACES, Ache


@pytest.mark.parametrize(
    ("text", "ache"),
    [
        ("my left shin, 4/10, worse after", Ache("shin", "left", 4, "after")),
        ("left-shin 4 / 10", Ache("shin", "left", 4)),
        ("Hammy tight on the right", Ache("hamstring", "right")),
        ("both calves", Ache("calf", "both")),
        ("knees 2 out of ten on stairs", Ache("knee", "both", 2, "stairs")),
        ("outside edge of my foot, more with every km", Ache("foot", None, None, "running")),
        ("achilles stiff first thing, 3/10", Ache("achilles", None, 3, "morning")),
        ("my hip wakes me", Ache("hip", None, None, "night")),
        ("groin and knee", Ache("groin")),  # a bone-like place decides
        ("me duele la rodilla izquierda, 5/10", Ache("knee", "left", 5)),
        ("j'ai mal au genou droit, 6 sur 10", Ache("knee", "right", 6)),
        ("mein linkes Knie, 3 von 10, beim Laufen", Ache("knee", "left", 3, "running")),
        ("RODILLA derecha por la noche", Ache("knee", "right", None, "night")),
        ("it hurts, 6/10", Ache(None, None, 6)),
        ("knee sore, effort 8/10, pain 3/10", Ache("knee", None, 3)),
        ("effort was 8/10 shin sore", Ache("shin")),
        ("sleep 7/10", Ache()),
        ("10/10 knee", Ache("knee", None, 10)),
        ("11/10 knee", Ache("knee")),
        ("back home late", Ache()),
        ("came back, went back out, back to work", Ache()),
        ("left at 7, right, see you at the foot of the hill", Ache()),
        ("my back hurts", Ache("back")),
        ("", Ache()),
    ],
)
def test_only_what_stands_in_the_words_is_read(text: str, ache: Ache) -> None:
    assert aches.read(text) == ache


@given(
    st.one_of(
        st.text(), st.lists(st.sampled_from(["left", "shin", "4/10", "\ud800", "٣/١٠", "’", "/", "10"])).map(" ".join)
    )
)
def test_no_text_raises_and_what_is_read_is_one_of_few_things(text: str) -> None:
    found = aches.read(text)
    assert found.place is None or found.place in PLACES
    assert found.side in (None, "left", "right", "both")
    assert found.score is None or 0 <= found.score <= 10


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("my knee hurts right now", None),
        ("my left knee hurts right now", "left"),
        ("i left work early, knee sore", None),
        ("knee is all right, the right one that is", "right"),
        ("no energy left and the left hip aches", "left"),
    ],
)
def test_right_now_and_left_work_are_no_sides(text: str, side: str | None) -> None:
    assert aches.read(text).side == side


def test_so_many_of_ten_repetitions_are_no_strength_of_a_pain() -> None:
    assert aches.read("only 2 of 10 reps, my knee hurts so bad").score is None
    assert aches.read("2 of 10, my knee after 10 reps").score == 2
