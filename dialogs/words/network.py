"""The small network: what a message sounds like to somebody who has read many of them.

A text goes in; out come a chance for each level, a chance for each theme, and how much each of its words spoke for
"a human must hear this". It was trained on the labelled messages in `tests/words`, and started from a public sentence
model, which is why it knows that Guinness is dark (`docs/words.md`; decision 0006). It is one of the two readers that
`triage` brings together, and decides nothing by itself.

How it reads. The text is cut into pieces of words from a fixed list. Each piece becomes a row of numbers; four layers
let every piece look at every other (attention), so that "no" in front of "chest pain" changes what stands behind it;
two pooling queries then say where to look, and a linear layer says what was seen. Nothing here is random, and the time
is bounded: a text over MOST_PIECES pieces is read in stretches, the first, the last, and of the others the loudest ones
(a piece is loud if it stood more often in messages that a human had to hear); the most alarming stretch decides.

The weights are whole numbers of seven bits with one scale for each column, in `weights.npz`. Several texts are read at
once by laying their pieces end to end: only the attention has to know where one ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dialogs.levels import Level

Floats = NDArray[np.float32]

MOST_PIECES = 128  # what is read as one; nearly all that people write in one go
STRETCH, OVERLAP, MOST_STRETCHES = 37, 6, 4  # a longer text in stretches: the time for it is that of 148 pieces
LONGEST_WORD = 40  # letters: what is longer is no word
EMOJI_WORDS = 4  # of an emoji's Unicode name, which is how it is read ("loudly crying face")

LEVELS = tuple(Level)
THEMES = (
    "fuelling", "sleep", "illness", "positive", "equipment", "mood", "crisis", "question", "pain", "doubt",
    "medication", "cycle", "motivation", "schedule", "cardiac", "fatigue", "stress", "heat", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Impression:
    """`levels`: a chance for each Level, in their order; `themes`: one for each of THEMES. `evidence`: half-open spans
    of words in the text, each with its share (any real number) in "a human must hear this"."""

    levels: tuple[float, ...]
    themes: tuple[float, ...]
    evidence: tuple[tuple[int, int, float], ...]


class Piece(NamedTuple):
    """A part of a word: its number in the list, and where its word stands in the text."""

    id: int
    start: int
    end: int


# --- pieces -------------------------------------------------------------------------------------------------------

_INVISIBLE = "\u00ad\u0300-\u036f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff"
_WORD = re.compile(rf"[\w{_INVISIBLE}]+|[^\w\s]")
_UNSEEN = re.compile(f"[{_INVISIBLE}]")
_QUOTES = dict(zip("\u2019\u2018`\u00b4\u201c\u201d\u201e\u00ab\u00bb\u2013\u2014", '\'\'\'\'"""""--', strict=True))
# Cyrillic letters which look like Latin ones
_LOOK_ALIKE = str.maketrans(
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455\u0501\u04bb",
    "abekmhopctyxijsdh",
)
_LATIN = re.compile("[a-z]")


def words_of(text: str) -> list[tuple[str, int, int]]:
    """The words and signs of a text as the network knows them, with their places: lower case, no accents, no invisible
    or look-alike letters; an emoji by its name."""
    found = []
    for match in _WORD.finditer(text):
        raw, start, end = match.group(), match.start(), match.end()
        if raw.isascii():
            found.append((raw.lower(), start, end))
        elif raw in _QUOTES:
            found.append((_QUOTES[raw], start, end))
        elif len(raw) == 1 and ord(raw) >= 0x2190:
            found += [(word, start, end) for word in _name_of(raw)]
        else:
            folded = _UNSEEN.sub("", unicodedata.normalize("NFKD", raw.casefold()))
            if _LATIN.search(
                folded
            ):  # a Latin word with a Cyrillic letter in it; one that is all Cyrillic stays what it is
                folded = folded.translate(_LOOK_ALIKE)
            if folded:
                found.append((folded, start, end))
    return found


@lru_cache(maxsize=1024)
def _name_of(emoji: str) -> tuple[str, ...]:
    return tuple(unicodedata.name(emoji, "").lower().split()[:EMOJI_WORDS])


def cut(words: Sequence[tuple[str, int, int]], known: dict[str, int]) -> list[Piece]:
    """Each word as the longest pieces of the list that it begins with, again and again (WordPiece)."""
    cuts = {word: _cut_one(word, known) for word in {word for word, _, _ in words}}
    return [Piece(id, start, end) for word, start, end in words for id in cuts[word]]


def _cut_one(word: str, known: dict[str, int]) -> list[int]:
    ids: list[int] = []
    at = 0 if len(word) <= LONGEST_WORD else len(word)
    while at < len(word):
        stop = len(word)
        while stop > at and (("##" if at else "") + word[at:stop]) not in known:
            stop -= 1
        if stop == at:
            return [known["[UNK]"]]
        ids.append(known[("##" if at else "") + word[at:stop]])
        at = stop
    return ids or [known["[UNK]"]]


def stretches(pieces: list[Piece], loud: NDArray[np.float16]) -> list[list[Piece]]:
    """The text as it is read: whole, or in its first, last and loudest stretches, in their order."""
    if len(pieces) <= MOST_PIECES:
        return [pieces]
    step = STRETCH - OVERLAP
    whole = [pieces[at : at + STRETCH] for at in range(0, len(pieces) - OVERLAP, step)]
    middle = sorted(range(1, len(whole) - 1), key=lambda n: (-_loudness(whole[n], loud), n))
    kept = {0, len(whole) - 1, *middle[: MOST_STRETCHES - 2]}
    return [stretch for n, stretch in enumerate(whole) if n in kept]


def _loudness(stretch: list[Piece], loud: NDArray[np.float16]) -> float:
    """Its three loudest pieces: an alarm is a few words among many."""
    return sum(sorted((float(loud[id]) for id in {piece.id for piece in stretch}), reverse=True)[:3])


# --- weights ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layer:
    qkv: Floats
    qkv_bias: Floats
    out: Floats
    out_bias: Floats
    norm1: Floats
    up: Floats
    up_bias: Floats
    down: Floats
    down_bias: Floats
    norm2: Floats


@dataclass(frozen=True, slots=True)
class Weights:
    """`rows` are the embeddings' factors, eight bits each, one scale a row; `spread` makes them wide. `norm*` hold gain
    and offset. `edges` are what `triage` decides by (see tests/words/train.py), by name."""

    pieces: dict[str, int]
    rows: NDArray[np.int8]
    row_scale: Floats
    spread: Floats
    places: Floats
    norm0: Floats
    layers: tuple[Layer, ...]
    queries: Floats
    level: Floats
    level_bias: Floats
    theme: Floats
    theme_bias: Floats
    loud: NDArray[np.float16]
    edges: dict[str, float]
    stamp: str


HEADS = 12


@cache
def weights() -> Weights:
    """The shipped weights: read once, in a tenth of a second."""
    with files("dialogs.words").joinpath("weights.npz").open("rb") as file:
        return unpacked(dict(np.load(file, allow_pickle=False)))


def unpacked(stored: dict[str, Any]) -> Weights:
    def wide(name: str) -> Floats:
        """A matrix of whole numbers with a scale for each column."""
        return np.ascontiguousarray(stored[name].astype(np.float32) * stored[f"{name}_scale"])

    def layer(n: int) -> Layer:
        matrices = {name: wide(f"layer{n}_{name}") for name in ("qkv", "out", "up", "down")}
        small = ("qkv_bias", "out_bias", "norm1", "up_bias", "down_bias", "norm2")
        return Layer(**matrices, **{name: stored[f"layer{n}_{name}"] for name in small})

    listed = bytes(stored["pieces"]).decode().split("\n")
    return Weights(
        pieces={piece: n for n, piece in enumerate(listed)},
        rows=stored["rows"],
        row_scale=stored["row_scale"],
        spread=stored["spread"],
        places=stored["places"],
        norm0=stored["norm0"],
        layers=tuple(layer(n) for n in range(int(stored["depth"]))),
        queries=stored["queries"],
        level=stored["level"],
        level_bias=stored["level_bias"],
        theme=stored["theme"],
        theme_bias=stored["theme_bias"],
        loud=stored["loud"],
        edges=dict(zip(bytes(stored["edge_names"]).decode().split("\n"), stored["edges"].tolist(), strict=True)),
        stamp=bytes(stored["stamp"]).decode(),
    )


# --- reading ------------------------------------------------------------------------------------------------------


def read(text: str) -> Impression:
    return read_all([text])[0]


def read_all(texts: Sequence[str], using: Weights | None = None) -> list[Impression]:
    """An impression of each text. Pure; raises nothing for any `str`."""
    if not texts:
        return []
    w = using or weights()
    first, last = Piece(w.pieces["[CLS]"], 0, 0), Piece(w.pieces["[SEP]"], 0, 0)
    parts = [stretches(cut(words_of(text), w.pieces), w.loud) for text in texts]
    cuts = [[first, *stretch, last] for some in parts for stretch in some]
    bounds = np.cumsum([0, *(len(pieces) for pieces in cuts)])
    spans = [slice(int(a), int(b)) for a, b in pairwise(bounds)]
    states = _states(w, cuts, spans)
    each = iter([_impression(w, pieces, states[span]) for pieces, span in zip(cuts, spans, strict=True)])
    return [_together([next(each) for _ in some]) for some in parts]


def _together(parts: Sequence[Impression]) -> Impression:
    """One impression of a text that was read in stretches."""
    if len(parts) == 1:
        return parts[0]
    loudest = max(parts, key=lambda part: sum(part.levels[2:]))
    themes = tuple(max(chances) for chances in zip(*(part.themes for part in parts), strict=True))
    return Impression(loudest.levels, themes, loudest.evidence)


def _states(w: Weights, cuts: Sequence[Sequence[Piece]], spans: Sequence[slice]) -> Floats:
    """What the last layer makes of every piece, all texts end to end."""
    ids = np.array([piece.id for pieces in cuts for piece in pieces])
    where = np.concatenate([np.arange(len(pieces)) for pieces in cuts])
    rows: Floats = w.rows[ids].astype(np.float32) * w.row_scale[ids][:, None]
    x: Floats = _norm(rows @ w.spread + w.places[where], w.norm0)
    for layer in w.layers:
        qkv = x @ layer.qkv + layer.qkv_bias
        mixed: Floats = np.concatenate([_attend(qkv[span]) for span in spans])
        x = _norm(x + mixed @ layer.out + layer.out_bias, layer.norm1)
        x = _norm(x + _gelu(x @ layer.up + layer.up_bias) @ layer.down + layer.down_bias, layer.norm2)
    return x


def _attend(qkv: Floats) -> Floats:
    """Every piece of one text looks at every other, HEADS times in parallel."""
    size = qkv.shape[1] // 3 // HEADS
    q, k, v = qkv.reshape(len(qkv), 3, HEADS, size).transpose(1, 2, 0, 3)
    mixed: Floats = _softmax(q @ k.transpose(0, 2, 1) / np.float32(size**0.5), axis=2) @ v
    return mixed.transpose(1, 0, 2).reshape(len(qkv), -1)


def _impression(w: Weights, pieces: Sequence[Piece], x: Floats) -> Impression:
    looks = _softmax(x @ w.queries, axis=0)  # (pieces, queries)
    pooled = np.concatenate([(looks.T @ x).ravel(), x.mean(axis=0)])
    levels = _softmax(pooled @ w.level + w.level_bias, axis=0)
    themes = 1 / (1 + np.exp(-(pooled @ w.theme + w.theme_bias)))
    # The pooling is a weighted sum over the pieces, so that each piece's share in the answer can be told exactly.
    heard = (w.level[:, 2:].mean(axis=1) - w.level[:, :2].mean(axis=1)).reshape(-1, x.shape[1])
    shares = (looks * (x @ heard[:-1].T)).sum(axis=1) + x @ heard[-1] / len(x)
    return Impression(tuple(levels.tolist()), tuple(themes.tolist()), _by_word(pieces, shares))


def _by_word(pieces: Sequence[Piece], shares: Floats) -> tuple[tuple[int, int, float], ...]:
    total: dict[tuple[int, int], float] = {}
    for piece, share in zip(pieces, shares.tolist(), strict=True):
        if piece.end > piece.start:
            total[piece.start, piece.end] = total.get((piece.start, piece.end), 0.0) + share
    return tuple((start, end, share) for (start, end), share in total.items())


def _norm(x: Floats, gain_offset: Floats) -> Floats:
    x = x - x.mean(axis=1, keepdims=True)
    deviation = np.sqrt(np.einsum("ij,ij->i", x, x) / x.shape[1] + 1e-12)
    normed: Floats = x / deviation[:, None] * gain_offset[0] + gain_offset[1]
    return normed


def _gelu(x: Floats) -> Floats:
    bent: Floats = (
        x * np.float32(0.5) * (1 + np.tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x)))
    )
    return bent


def _softmax(x: Floats, axis: int) -> Floats:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    shares: Floats = powers / powers.sum(axis=axis, keepdims=True)
    return shares
