"""Where the network's chances become levels: set on the dev messages, which it was not trained on.

Each edge is the one that does most good there within its bounds: a false alarm costs a coach a minute, and after some
of them the coach stops reading; a miss costs more. The bounds are those of the issue that asked for the reading, with a
margin, because what is set on some messages is a little worse on others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dialogs.levels import Level
from dialogs.words import network, phrases
from dialogs.words.network import THEMES, Impression, Weights
from dialogs.words.triage import decided
from tests.words.messages import Message

PUSHED = 0.05  # of the quiet messages, at most, that reach the coach's list or phone: a sixth below what is allowed
ASKED = 0.01  # of the quiet messages, at most, that are asked about: a third of what is allowed, as it varies more
ASKED_BESIDE = 0.08  # of the concerns, at most, that are asked about besides: who does not answer has paged the coach
START: Mapping[str, float] = {
    "urgent": 0.5, "hear": 0.5, "ask": 0.2, "ask_concern": 0.2, "theme": 0.4,
    "book_urgent": 0.05, "book_ask": 0.03, "book_hear": 0.25,
}  # fmt: skip
OWN_EDGE = 12  # messages on dev from which on a theme may have an edge of its own
_COARSE = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_STEPS = tuple(round(0.02 * n, 2) for n in range(2, 49))


def choose(dev: Sequence[Message], weights: Weights) -> dict[str, float]:
    """The edges by name."""
    heard = [
        one for at in range(0, len(dev), 32) for one in network.read_all([m.text for m in dev[at : at + 32]], weights)
    ]
    found = [phrases.read(message.text) for message in dev]
    chosen = dict(START)

    def levels(edges: Mapping[str, float]) -> list[tuple[Level, bool]]:
        return [decided(match, impression, edges) for match, impression in zip(found, heard, strict=True)]

    def share(of: Sequence[bool], hit: Sequence[bool]) -> float:
        return sum(h for o, h in zip(of, hit, strict=True) if o) / max(1, sum(of))

    quiet = [message.level < Level.CONCERN for message in dev]
    urgent = [message.level >= Level.TODAY for message in dev]
    # The lowest edge of hearing that keeps the false alarms in their bound.
    for edge in _STEPS:
        chosen["hear"] = edge
        if share(quiet, [level >= Level.CONCERN for level, _ in levels(chosen)]) <= PUSHED:
            break

    # Urgent: as many right as can be, with a miss counting as much as two false ones.
    def worth(edge: float) -> float:
        read = [level >= Level.TODAY for level, _ in levels({**chosen, "urgent": edge})]
        return sum(2 * r if u else -r for u, r in zip(urgent, read, strict=True))

    chosen["urgent"] = max(_STEPS, key=worth)
    # Asking: the lowest edge that keeps the questions to quiet messages in their bound.
    for edge in _STEPS:
        chosen["ask"] = edge
        asked = [ask and level < Level.CONCERN for level, ask in levels(chosen)]
        if share(quiet, asked) <= ASKED:
            break
    # A concern is on the list already; to ask beside it costs the athlete a tap, and finds the urgent ones among them.
    concern = [message.level is Level.CONCERN for message in dev]
    for edge in _STEPS:
        chosen["ask_concern"] = edge
        if share(concern, [ask for _, ask in levels(chosen)]) <= ASKED_BESIDE:
            break
    return {**chosen, **_theme_edges(dev, heard)}


def _theme_edges(dev: Sequence[Message], heard: Sequence[Impression]) -> dict[str, float]:
    """One edge for all themes, then each theme's own where that does more good, on a coarse grid: some themes have a
    dozen messages, and what is set finely on these holds for these alone."""
    chances = {theme: [one.themes[n] for one in heard] for n, theme in enumerate(THEMES)}
    labelled = {theme: [theme in one.themes for one in dev] for theme in THEMES}

    def f1(edges: Mapping[str, float]) -> float:
        right = said = 0
        for theme in THEMES:
            read = [chance >= edges[theme] for chance in chances[theme]]
            right += sum(r and label for r, label in zip(read, labelled[theme], strict=True))
            said += sum(read)
        return 2 * right / max(1, said + sum(sum(labels) for labels in labelled.values()))

    best = max(_STEPS, key=lambda edge: f1({theme: edge for theme in THEMES}))
    own: dict[str, float] = {theme: best for theme in THEMES}
    for theme in THEMES:
        if sum(labelled[theme]) >= OWN_EDGE:
            tried = [(f1({**own, theme: edge}), -abs(edge - best), edge) for edge in (best, *_COARSE)]
            own[theme] = max(tried)[2]  # of equals the one nearest to the common edge
    return {"theme": best} | {f"theme:{theme}": edge for theme, edge in own.items() if edge != best}
