"""The figures by which the reading of words is judged, on cases small enough to count by hand."""

from __future__ import annotations

import pytest

from dialogs.words.score import Judged, Share, figures, groups


def one(level: str, read: str, *, asked: bool = False, themes: str = "", found: str = "", group: str = "g") -> Judged:
    return Judged(level, frozenset(themes.split()), read, frozenset(found.split()), asked, (group,))


CASES = [
    one("urgent", "urgent", themes="pain", found="pain"),
    one("urgent", "concern", asked=True, themes="cardiac", found="pain"),
    one("urgent", "note", themes="mood crisis", found="mood"),
    one("concern", "concern"),
    one("concern", "none", asked=True),
    one("note", "note", found="other"),
    one("note", "concern"),
    one("none", "none", asked=True),
    one("none", "none", group="h"),
]


def test_every_figure_is_a_count_of_a_count() -> None:
    found = {name: (share.hits, share.all) for name, share in figures(CASES).items()}
    assert found["urgent recall"] == (1, 3)
    assert found["urgent recall, asking"] == (2, 3)
    assert found["the coach hears: recall"] == (3, 5)
    assert found["the coach hears: precision"] == (3, 4)
    assert found["false alarms: pushed"] == (1, 4)
    assert found["false alarms: asked"] == (1, 4)
    assert found["concern: recall"] == (1, 2) and found["concern: precision"] == (1, 3)
    assert found["none: recall"] == (2, 2) and found["none: precision"] == (2, 3)
    assert found["themes: recall"] == (2, 4) and found["themes: precision"] == (2, 4)
    assert found["themes: micro-F1"] == (4, 8)


def test_the_interval_is_wilsons() -> None:
    low, high = Share(9, 10).interval or (0, 0)
    assert (round(low, 3), round(high, 3)) == (0.596, 0.982)  # Newcombe 1998, method 3
    low, high = Share(0, 20).interval or (0, 0)
    assert low == 0 and round(high, 3) == 0.161


def test_of_an_empty_group_nothing_is_said() -> None:
    assert Share(0, 0).value is None and Share(0, 0).interval is None
    assert figures([])["urgent recall"].value is None


def test_messages_are_counted_under_each_of_their_groups() -> None:
    assert {name: len(some) for name, some in groups(CASES).items()} == {"g": 8, "h": 1}


@pytest.mark.parametrize("share", [Share(hits, 7) for hits in range(8)])
def test_the_interval_holds_the_share(share: Share) -> None:
    assert share.value is not None and share.interval is not None
    assert 0 <= share.interval[0] <= share.value <= share.interval[1] <= 1
