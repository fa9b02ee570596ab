"""Training twice is training once: the same messages and seed give the same bytes. On a handful of messages; the whole
is `make words`. Skipped where its tools are not installed (`make .venv/.words`), never where CI=true."""

from __future__ import annotations

import os
from importlib.util import find_spec

import numpy as np
import pytest

from dialogs.levels import Level
from dialogs.words import network
from tests.words import edges, messages
from tests.words.messages import Message

needs_tools = pytest.mark.skipif(
    find_spec("jax") is None and "CI" not in os.environ, reason="jax is not installed: make .venv/.words"
)


@needs_tools
@pytest.mark.timeout(600)
@pytest.mark.long
def test_the_same_messages_and_seed_give_the_same_bytes() -> None:
    from tests.words import train

    some = messages.load("train-short")[::40]

    def trained(seed: int) -> bytes:
        listed, model = train.train(some, seed=seed, tell=lambda _: None, depth=1, epochs=2)
        return train.packed(listed, model, edges.START, "try")

    first = trained(7)
    assert first == trained(7)
    assert first != trained(8)


@needs_tools
@pytest.mark.timeout(600)
@pytest.mark.long
def test_what_is_trained_and_what_runs_are_the_same_network() -> None:
    """The one in jax and the one in numpy, before seven bits make it coarser: nearly the same; after: close."""
    import jax.numpy as jnp

    from tests.words import train

    listed, model = train.train(messages.load("train-short")[::40], seed=3, tell=lambda _: None, depth=2, epochs=1)
    weights = network.unpacked(train.opened(train.packed(listed, model, edges.START, "try")))
    ids_of = train.cutter(listed)
    texts = ["no chest pain this time", "😭 i can't", "a", "left knee 4/10, worse after the run on tuesday"]
    for text in texts:
        ids = jnp.array([ids_of(text)])
        levels, _ = train.forward(model, ids, jnp.ones(ids.shape))
        wanted = np.exp(levels[0] - levels[0].max())
        (heard,) = network.read_all([text], weights)
        assert np.allclose(np.array(heard.levels), np.array(wanted / wanted.sum()), atol=0.03), text
    # Four sentences of a barely trained network do not show what coarse weights cost: so each weight is looked at.
    for layer, kept in zip(model["body"]["layers"], weights.layers, strict=True):
        for name in ("qkv", "out", "up", "down"):
            half_a_step = np.abs(layer[name]).max(axis=0) / (2 * 63)
            assert (np.abs(layer[name] - getattr(kept, name)) <= half_a_step + 1e-6).all(), name


@needs_tools
def test_what_only_one_of_two_readers_found_is_learned_by_half() -> None:
    from tests.words import train

    line = Message(
        Level.CONCERN, ("pain", "stress"), (), "w1", "fall", "en", "ow", 1.0, Level.TODAY, frozenset({"stress"})
    )
    share, themes = train.softened(line), dict(zip(network.THEMES, train.themed(line), strict=True))
    assert share[Level.CONCERN.order] == pytest.approx(share[Level.TODAY.order]) and share.sum() == pytest.approx(1)
    assert (themes["pain"], themes["stress"], themes["mood"]) == (1.0, 0.5, 0.0)
