"""What the rules see of one athlete on one day: the last weeks, what is usual, today's pains with their past, a plan.

A pain goes on as long as it is told again within a week (`GAP`); then the next one is new. It is the same one where the
place is the same and the sides do not contradict. Between those days it may have been forgotten, or asked only weekly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dialogs import plan as plans
from dialogs.model import Json, Plan, Session
from dialogs.signals import WINDOW, Day, Done, Usual, usual_of
from dialogs.words.aches import BONE_LIKE

Facts = dict[str, Json]

GAP = 7  # days: the weekly form asks once in seven, and its answers belong together
LOOK = 40  # days back: so much of the journal is loaded
_DAY = timedelta(days=1)
_NOTHING = Day()


@dataclass(frozen=True, slots=True)
class Ache:
    """A pain of today with its history. `day`: 1 where it is new. `before`: dates and levels of the days on which the
    same pain was told before, the latest first."""

    where: str
    side: str | None
    level: float
    stride: bool | None
    day: int
    before: tuple[tuple[date, float], ...]

    @property
    def bone(self) -> bool:
        return self.where in BONE_LIKE

    def shown(self) -> Facts:
        level = int(self.level) if self.level == int(self.level) else round(self.level, 1)
        return {"where": self.where, "side": self.side, "level": level, "stride": self.stride, "day": self.day}


class View:
    """One athlete on one day, for all rules; what several of them need is worked out once. Changes nothing outside."""

    __slots__ = ("_aches", "_recent", "_usual", "_window", "assumes_hard", "days", "plan", "today", "told")

    def __init__(self, today: date, days: Mapping[date, Day], plan: Plan, assumes_hard: bool) -> None:
        self.today = today
        self.days = days
        self.plan = plan
        self.assumes_hard = assumes_hard
        self.told = days.get(today, _NOTHING)
        backs = [(back, today - back * _DAY) for back in range(LOOK + 1)]
        self._recent = [(back, day, days[day]) for back, day in backs if day in days]
        self._usual: dict[str, Usual | None] = {}
        self._window: list[Day] | None = None
        self._aches: tuple[Ache, ...] | None = None

    def last(self, days: int) -> Iterator[tuple[date, Day]]:
        """The last so many days that have anything, today first; at most LOOK before today."""
        for back, day, told in self._recent:
            if back >= days:
                return
            yield day, told

    def usual(self, item: str) -> Usual | None:
        if item not in self._usual:
            if self._window is None:
                self._window = [told for back, _, told in self._recent if 0 < back <= WINDOW]
            self._usual[item] = usual_of(self._window, item)
        return self._usual[item]

    def aches(self) -> tuple[Ache, ...]:
        if self._aches is None:
            self._aches = tuple(
                self._ache(where, side, pain.level, pain.stride)
                for where, pain in self.told.pains.items()
                if pain.level > 0
                for side in (("left", "right") if pain.side == "both" else (pain.side,))
            )
        return self._aches

    def _ache(self, where: str, side: str | None, level: float, stride: bool | None) -> Ache:
        before: list[tuple[date, float]] = []
        last = self.today
        for back, day, told in self._recent:
            if (last - day).days > GAP:
                break
            pain = told.pains.get(where) if back else None
            if pain is not None and pain.level > 0 and (side is None or pain.side in (None, "both", side)):
                before.append((day, pain.level))
                last = day
        return Ache(where, side, level, stride, (self.today - last).days + 1, tuple(before))

    def reports(self, days: int) -> Iterator[tuple[date, Done, Session]]:
        """The last reports of sessions that stand in the plan, the latest first. Where it was not said which one, it is
        what that day was about."""
        for day, told in self.last(days):
            for done in reversed(told.done):
                found = self.plan.find(done.session) if done.session else plans.main_session(self.plan, day)
                if found is not None and found.kind != "rest":
                    yield day, done, found

    def next_hard(self, within: int) -> Session | None:
        """The next hard session; None where an earlier one, or itself, waits for the coach: one thing at a time."""
        ahead = plans.ordered(self.plan.between(self.today, self.today + within * _DAY))
        found = next((one for one in ahead if one.kind != "race" and (plans.hard(one) or one.held)), None)
        return found if found is not None and not found.held else None
