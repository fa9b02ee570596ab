"""How soon a human must hear something: the five levels, in one order for the whole system.

The labelling standard knows `urgent`; here it is split in two, because they wake people differently:
NOW pages at once and ignores quiet hours, TODAY pages in waking hours and holds today's running.
CONCERN waits in the coach's queue, NOTE is a line in the week, NONE needs nobody.
"""

from __future__ import annotations

from enum import StrEnum


class Level(StrEnum):
    """Compares by urgency: `max(levels)` and `max(levels, key=lambda level: level.order)` agree.

    A StrEnum left alone would compare by spelling, where "today" comes after "now" and wins: a page that
    waits for the morning. So the four comparisons are ours.
    """

    NONE = "none"
    NOTE = "note"
    CONCERN = "concern"
    TODAY = "today"
    NOW = "now"

    @property
    def order(self) -> int:
        """0 (none) to 4 (now)."""
        return _ORDER[self]

    def __lt__(self, other: str) -> bool:
        return self.order < Level(other).order

    def __le__(self, other: str) -> bool:
        return self.order <= Level(other).order

    def __gt__(self, other: str) -> bool:
        return self.order > Level(other).order

    def __ge__(self, other: str) -> bool:
        return self.order >= Level(other).order


_ORDER = {level: place for place, level in enumerate(Level)}
