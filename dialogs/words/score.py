"""How well messages are read, against labels by people: recall, precision, false alarms, themes, with intervals.

Levels here are those of the labelling standard: `urgent` is NOW and TODAY together. A figure is a share k/n with its
95 % Wilson interval (Wilson 1927; honest also where k is 0 or n), for the F1 of the themes a bootstrap over messages
would be needed, so it stands with the intervals of its precision and recall. What was asked is counted apart, because
a question is neither an alarm nor silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from dialogs.levels import Level

URGENT, CONCERN, NOTE, NONE = LEVELS = ("urgent", "concern", "note", "none")
_Z = 1.959964  # of the normal distribution, for 95 %


def level_of(level: Level) -> str:
    """Our level as the labelling standard calls it."""
    return URGENT if level >= Level.TODAY else level.value


@dataclass(frozen=True, slots=True)
class Judged:
    """One message: what the label says, and what was read. `groups`: what it may be counted under (language, kinds)."""

    level: str
    themes: frozenset[str]
    read_level: str
    read_themes: frozenset[str]
    asked: bool
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `all`; low and high are the ends of the interval. Nothing is said of an empty group."""

    hits: int
    all: int

    @property
    def value(self) -> float | None:
        return self.hits / self.all if self.all else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.all:
            return None
        n, p = self.all, self.hits / self.all
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


def figures(judged: Sequence[Judged]) -> dict[str, Share]:
    """Every figure by its name, in the order in which they are read."""

    def heard(one: Judged) -> bool:
        return one.read_level in (URGENT, CONCERN)

    def quiet(one: Judged) -> bool:
        return one.level in (NOTE, NONE)

    found = {
        "urgent recall": _share(judged, lambda one: one.level == URGENT, lambda one: one.read_level == URGENT),
        "urgent recall, asking": _share(
            judged, lambda one: one.level == URGENT, lambda one: one.read_level == URGENT or one.asked
        ),
        "the coach hears: recall": _share(judged, lambda one: not quiet(one), heard),
        "the coach hears: precision": _share(judged, heard, lambda one: not quiet(one)),
        "false alarms: pushed": _share(judged, quiet, heard),
        "false alarms: asked": _share(judged, quiet, lambda one: one.asked and not heard(one)),
    }
    for level in LEVELS:
        found |= _of_level(judged, level)
    right = sum(len(one.themes & one.read_themes) for one in judged)
    found["themes: recall"] = Share(right, sum(len(one.themes) for one in judged))
    found["themes: precision"] = Share(right, sum(len(one.read_themes) for one in judged))
    found["themes: micro-F1"] = Share(2 * right, sum(len(one.themes) + len(one.read_themes) for one in judged))
    return found


def _share(judged: Iterable[Judged], of: Callable[[Judged], bool], hit: Callable[[Judged], bool]) -> Share:
    group = [one for one in judged if of(one)]
    return Share(sum(map(hit, group)), len(group))


def _of_level(judged: Sequence[Judged], level: str) -> dict[str, Share]:
    def labelled(one: Judged) -> bool:
        return one.level == level

    def read(one: Judged) -> bool:
        return one.read_level == level

    return {
        f"{level}: recall": _share(judged, labelled, read),
        f"{level}: precision": _share(judged, read, labelled),
    }


def groups(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """The messages by each language and hard kind they belong to."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        for group in one.groups:
            found.setdefault(group, []).append(one)
    return dict(sorted(found.items()))
