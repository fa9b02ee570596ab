"""The labelled messages: enough of them, hard enough, and the held-out ones really held out."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

from dialogs.levels import Level
from dialogs.words import network
from tests.words import messages
from tests.words.messages import KINDS, Message

HELD_OUT = ("dev", "test-standard", "test", "test-chatter", "test-languages", "test-plain")


def learned() -> list[Message]:
    return messages.load(*messages.training())


def test_there_is_enough_to_learn_from_at_every_level_and_of_every_hard_kind() -> None:
    found = learned()
    assert len(found) >= 3_000 and len({one.text.casefold() for one in found}) == len(found)
    for level, count in Counter(one.level for one in found).items():
        assert count >= 500, level
    kinds = Counter(kind for one in found for kind in one.kinds)
    assert {kind for kind in KINDS if kinds[kind] < 60} == set()
    assert {lang for lang, count in Counter(one.lang for one in found).items() if count >= 300} >= {
        "en",
        "es",
        "fr",
        "de",
    }
    assert len({one.writer for one in found}) >= 50 and len({one.situation for one in found}) >= 2_000


@pytest.mark.parametrize("name", HELD_OUT)
def test_no_writer_of_the_held_out_messages_wrote_anything_else(name: str) -> None:
    own = {one.writer for one in messages.load(name)}
    others = learned() + [one for other in HELD_OUT if other != name for one in messages.load(other)]
    assert not own & {one.writer for one in others}


@pytest.mark.parametrize("name", HELD_OUT)
def test_no_held_out_message_is_another_one_in_a_few_other_words(name: str) -> None:
    """Pairs of words that two messages share: an alarm in a stock phrase may be shared, a whole message may not."""
    known = [(set(pairwise(_words(one.text))), one.text) for one in learned()]
    index: dict[tuple[str, str], list[int]] = {}
    for number, (pairs, _) in enumerate(known):
        for pair in pairs:
            index.setdefault(pair, []).append(number)
    for message in messages.load(name):
        own = set(pairwise(_words(message.text)))
        if len(own) < 5:
            continue
        near = Counter(number for pair in own for number in index.get(pair, ()))
        for number, shared in near.most_common(3):
            assert shared / len(own | known[number][0]) < 0.6, (message.text, known[number][1])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


@pytest.mark.parametrize("name", HELD_OUT)
def test_a_held_out_message_has_the_label_that_most_of_its_three_readers_gave(name: str) -> None:
    known, read = messages.load(name), messages.readings(name)
    assert len(known) == len(read)
    for message, labels in zip(known, read, strict=True):
        assert message.level is sorted(level for level, _ in labels)[1], message.text
        votes = Counter(theme for _, themes in labels for theme in themes)
        assert set(message.themes) == {theme for theme, count in votes.items() if count >= 2}, message.text
        assert message.also is None and not message.doubtful


def test_every_situation_of_the_test_that_training_shares_by_name_is_a_small_part() -> None:
    """Slugs may meet by chance ("work-trip"). Most of the situations of the test are its own."""
    seen = {one.situation for one in learned()}
    test = messages.load("test")
    assert sum(one.situation in seen for one in test) / len(test) < 0.1


def test_the_shipped_weights_were_made_of_these_messages() -> None:
    """After a change to the messages: make words."""
    assert network.weights().stamp == messages.stamp([*messages.training(), "dev"])


def test_a_line_that_is_no_message_is_named(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    monkeypatch.setattr(messages, "FOLDER", folder)
    (folder / "odd.tsv").write_text("now\tpain\tplain\tw1\tfall\ten\tok\nnow\tpain\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"odd\.tsv:2: 2 fields"):
        messages.load("odd")
    (folder / "odd.tsv").write_text("now\tpains\tplain\tw1\tfall\ten\tok\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"odd\.tsv:1: 'pains' is no theme"):
        messages.load("odd")
    assert Level("now") is Level.NOW
