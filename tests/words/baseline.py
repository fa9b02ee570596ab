"""What the start from a sentence model buys: the same messages read by letters and words alone.

    .venv/bin/python -m tests.words.baseline

Hashed n-grams (letters 2 to 5 within a word, words and pairs of words) into a linear model for the levels, trained on
the same messages as the network and judged like it, each at the edge that keeps the false alarms on dev in their bound.
Only for the comparison in docs/decisions/0006-hearing-words.md; nothing of it is shipped.
"""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dialogs.levels import Level
from dialogs.words import network
from dialogs.words.network import LEVELS
from tests.words import messages
from tests.words.edges import PUSHED
from tests.words.messages import Message

BITS, MOST, EPOCHS, BATCH = 18, 512, 6, 64


def features(text: str) -> list[int]:
    words = [word for word, _, _ in network.words_of(text)]
    grams = [*words, *map(" ".join, pairwise(words))]
    for word in words:
        marked = f"<{word}>"
        grams += [marked[at : at + size] for size in range(2, 6) for at in range(len(marked) - size + 1)]
    return sorted({zlib.crc32(gram.encode("utf-8", "replace")) >> (32 - BITS) for gram in grams})[:MOST]


def rows(some: Sequence[Message]) -> tuple[np.ndarray, np.ndarray]:
    """(messages, MOST) feature numbers, padded with the one behind the last; and the weight of each message's."""
    table = np.full((len(some), MOST), 1 << BITS, np.int32)
    for row, message in enumerate(some):
        found = features(message.text)
        table[row, : len(found)] = found
    return table, 1 / np.sqrt(np.maximum(1, (table < 1 << BITS).sum(axis=1, keepdims=True))).astype(np.float32)


def chances(weights: jax.Array, table: np.ndarray, scale: np.ndarray) -> jax.Array:
    return jax.nn.log_softmax(weights[table].sum(axis=1) * scale)


def train(learned: Sequence[Message], seed: int = 1) -> jax.Array:
    table, scale = rows(learned)
    labels = np.array([one.level.order for one in learned])
    weights = jnp.zeros(((1 << BITS) + 1, len(LEVELS)))
    optimizer = optax.adagrad(0.5)
    state = optimizer.init(weights)

    def step(weights: jax.Array, state: optax.OptState, *batch: np.ndarray) -> tuple[jax.Array, optax.OptState]:
        def loss(weights: jax.Array) -> jax.Array:
            found = chances(weights, batch[0], batch[1])
            return -jnp.take_along_axis(found, batch[2][:, None], axis=1).mean() + 1e-7 * (weights**2).sum()

        change, state = optimizer.update(jax.grad(loss)(weights), state)
        return jnp.asarray(optax.apply_updates(weights, change)).at[1 << BITS].set(0.0), state

    fast, order, dice = jax.jit(step), list(range(len(learned))), random.Random(seed)
    for _ in range(EPOCHS):
        dice.shuffle(order)
        for at in range(0, len(order) - BATCH + 1, BATCH):
            lot = order[at : at + BATCH]
            weights, state = fast(weights, state, table[lot], scale[lot], labels[lot])
    return weights


def hear(weights: jax.Array, some: Sequence[Message]) -> np.ndarray:
    """For each message the chance that a human must hear it."""
    table, scale = rows(some)
    found: np.ndarray = np.exp(np.array(chances(weights, table, scale)))[:, 2:].sum(axis=1)
    return found


def network_hear(some: Sequence[Message]) -> np.ndarray:
    heard = [one for at in range(0, len(some), 32) for one in network.read_all([m.text for m in some[at : at + 32]])]
    return np.array([sum(one.levels[2:]) for one in heard])


def main() -> int:
    weights = train(messages.load(*messages.training()))
    dev = messages.load("dev")
    quiet = np.array([one.level < Level.CONCERN for one in dev])
    for name in ("dev", "test-standard", "test", "test-languages"):
        some = messages.load(name)
        hush = np.array([one.level < Level.CONCERN for one in some])
        for reader, of in (("n-grams", lambda m: hear(weights, m)), ("network", network_hear)):
            edge = np.sort(of(dev)[quiet])[-int(PUSHED * quiet.sum()) - 1]
            found = of(some) > edge
            print(f"{name:15} {reader:8} heard {found[~hush].mean():.3f}  in vain {found[hush].mean():.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
