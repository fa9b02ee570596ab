"""A squad's histories -> how often each rule would have spoken, what came after, and whether a coach could bear it.

    figures     one rule book; the counts are of first days of a spell, when a coach hears of it, and of all days
    compared    the figures of two rule books on the same histories

The budget: a coach of 20 reads at most 7 concerns a week and is rung at most once a day, and still hears of every pain
when it begins and of every pain that lasts on its third and seventh day. A pain counts as told where on that very day a
rule spoke of that place for the first time in its spell, as a concern or above.

What followed: on the days on which a rule first spoke, how often did a new pain or injury come within the next 7 days,
and how often after any day? Only days count after which somebody was asked. Intervals are a bootstrap over athletes
(2000 draws, always the same ones), because the days of one person are not independent and one person files most of
the injuries in such data; where Wilson's is wider, as it is when nothing at all came, that one stands. Low scores
hardly come before injuries; the figures are shown so that nobody believes more of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np

from dialogs.levels import Level
from dialogs.replaying import COACH_WEEK, WEEK, Firing, History, walk
from dialogs.rules.book import Book, Rule
from dialogs.rules.evaluate import effective
from dialogs.rules.form import Quiet, Tell
from dialogs.words.score import Share

Interval = tuple[float, float]  # of 95 %
_Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]
_Drawn = np.ndarray[tuple[int], np.dtype[np.float64]]

MOST_CONCERNS = 7  # a coach-week, first days of a spell, pages included
MOST_PAGES = 1  # a day
AFTER = 7  # days in which something follows
APART = 7  # a pain that is told of again within so many days is the same one
TELL_ON = (1, 3, 7)  # days of a pain on which the coach must hear of it
ENOUGH = 5  # athletes: of fewer no interval is given
_DRAWS = 2000
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Followed:
    """A new pain or injury within `AFTER` days: after `hits` of the `days` on which the rule first spoke, after
    `base_hits` of all `base_days`. The intervals are of these two shares and of their ratio; None where fewer than
    `ENOUGH` of the athletes are in it."""

    hits: int
    days: int
    base_hits: int
    base_days: int
    athletes: int
    interval: Interval | None
    base_interval: Interval | None
    times_interval: Interval | None

    @property
    def times(self) -> float | None:
        """As often as after any day."""
        if not self.days or not self.base_hits:
            return None
        return (self.hits / self.days) / (self.base_hits / self.base_days)


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """How often one rule spoke. `by`: for each athlete, the most first, how often it spoke and how often for the
    first time in a spell; `weeks`: the same in each week of the whole, as (spoke, first). `of_pain`: it spoke of pains
    that were there. `proposes`: it wants a change of the plan, which the coach gets to decide."""

    id: str
    title: str
    level: Level
    on: bool
    fires: int
    first: int
    by: tuple[tuple[str, int, int], ...]
    weeks: tuple[tuple[int, int], ...]
    of_pain: bool
    proposes: bool
    followed: Followed | None

    @property
    def page(self) -> bool:
        return self.level >= Level.TODAY


@dataclass(frozen=True, slots=True)
class Told:
    """Of `pains` that were still there on that day, the coach would have heard of `told`."""

    day: int
    pains: int
    told: int


@dataclass(frozen=True, slots=True)
class Figures:
    """`answered`: athlete-days with an answer, `weeks` their number by Monday, without gaps from the first to the last;
    0: nobody answered. `since` and `until` are the first and last of these days. `planned`: somebody had a plan."""

    athletes: int
    answered: int
    planned: bool
    since: date | None
    until: date | None
    weeks: tuple[tuple[date, int], ...]
    rules: tuple[RuleFigures, ...]
    pain: tuple[Told, ...]
    firings: tuple[Firing, ...]

    def a_week(self, times: int) -> float:
        """So many firings, for a coach of 20."""
        return times * COACH_WEEK / self.answered if self.answered else 0.0

    @property
    def concerns(self) -> float:
        """A coach-week, first of a spell, of all rules that a coach hears at once or on the list."""
        return self.a_week(sum(one.first for one in self.rules if one.level >= Level.CONCERN))

    @property
    def concerned(self) -> float:
        """A coach-week, the same as `concerns`, where what several rules say of one athlete on one day counts once."""
        return self.a_week(len({(o.athlete, o.day) for o in self.firings if o.first and o.level >= Level.CONCERN}))

    @property
    def proposals(self) -> float:
        """A coach-week, first of a spell, of the notes that want a change of the plan: no concern, but something to
        decide. How many sessions there were to change is not known of a file without a plan: these are the most."""
        return self.a_week(sum(one.first for one in self.rules if one.proposes and one.level < Level.CONCERN))

    @property
    def pages(self) -> float:
        """A day, first of a spell."""
        return self.a_week(sum(one.first for one in self.rules if one.page)) / WEEK

    @property
    def kept(self) -> bool:
        """Is the budget kept, and was every pain told?"""
        return self.concerns <= MOST_CONCERNS and self.pages <= MOST_PAGES and not self.untold

    @property
    def untold(self) -> int:
        return sum(one.pains - one.told for one in self.pain)


@dataclass(frozen=True, slots=True)
class Difference:
    """One rule in two books: first days of a spell and all firings in each (None: it is not in that book), and the
    athlete-days on which only one of them spoke."""

    rule: str
    old: tuple[int, int] | None
    new: tuple[int, int] | None
    only_old: int
    only_new: int

    @property
    def verdict(self) -> str:
        """added, removed, newly (it never spoke before), more, less, same, other_days."""
        if self.old is None or self.new is None:
            return "added" if self.old is None else "removed"
        if not self.old[1] and self.new[1]:
            return "newly"
        if self.old != self.new:
            return "more" if (self.new[1], self.new[0]) > (self.old[1], self.old[0]) else "less"
        return "other_days" if self.only_old or self.only_new else "same"


# --- figures ------------------------------------------------------------------------------------------------------


def figures(book: Book, histories: Sequence[History], since: date | None = None) -> Figures:
    """What this rule book would have done. Days before `since` are what the rules remember, and are not counted."""
    first = since or date.min
    names = {one.id: one.name for one in histories}
    firings = tuple(one for history in histories for one in walk(book, history) if one.day >= first)
    counted = {one.id: [d for d, day in one.days.items() if d >= first and day.answered] for one in histories}
    every = [day for days in counted.values() for day in days]
    weeks = _weeks([*every, *(one.day for one in firings)])
    per_week = Counter(_monday(day) for day in every)
    hurt = {one.id: pains(one) for one in histories}
    onsets = {id: sorted({days[0] for _, days in some}) for id, some in hurt.items()}
    followed = _After(histories, counted, onsets)
    by_rule: dict[str, list[Firing]] = {rule.id: [] for rule in book.rules}
    for firing in firings:
        by_rule[firing.rule].append(firing)
    on = {r.id for r in book.rules if any(effective(r, one.settings, one.id).on for one in histories)}
    return Figures(
        athletes=sum(bool(days) for days in counted.values()),
        answered=len(every),
        planned=any(one.plan.sessions or one.changes for one in histories),
        since=min(every, default=None),
        until=max(every, default=None),
        weeks=tuple((week, per_week[week]) for week in weeks),
        rules=tuple(_rule(rule, by_rule[rule.id], names, weeks, followed, rule.id in on) for rule in book.rules),
        pain=_told(hurt, firings, first),
        firings=firings,
    )


def _rule(
    rule: Rule,
    firings: Sequence[Firing],
    names: Mapping[int, str],
    weeks: Sequence[date],
    followed: _After,
    on: bool,
) -> RuleFigures:
    fires, first = Counter(one.athlete for one in firings), Counter(one.athlete for one in firings if one.first)
    week, week_first = Counter(_monday(o.day) for o in firings), Counter(_monday(o.day) for o in firings if o.first)
    return RuleFigures(
        id=rule.id,
        title=rule.title,
        level=rule.level,
        on=on,
        fires=len(firings),
        first=first.total(),
        by=tuple((names[id], n, first[id]) for id, n in sorted(fires.items(), key=lambda one: (-one[1], one[0]))),
        weeks=tuple((week[one], week_first[one]) for one in weeks),
        of_pain=any(one.places for one in firings),
        proposes=not isinstance(rule.then, Tell | Quiet),
        followed=followed.these([one for one in firings if one.first]),
    )


def _monday(day: date) -> date:
    return day - day.weekday() * _DAY


def _weeks(days: Iterable[date]) -> list[date]:
    """Every Monday from the first of these days to the last."""
    mondays = {_monday(day) for day in days}
    if not mondays:
        return []
    first, last = min(mondays), max(mondays)
    return [first + n * WEEK * _DAY for n in range((last - first).days // WEEK + 1)]


# --- pain ---------------------------------------------------------------------------------------------------------


def pains(history: History) -> list[tuple[str, list[date]]]:
    """Each pain: where, and the days on which it was told of, in order. It is the same one as long as it is told of
    again within `APART` days at the same place, and on the same side if both times one was named; that nobody was asked
    in between ends nothing."""
    found: list[tuple[str, list[date]]] = []
    at: dict[str, list[tuple[str | None, list[date]]]] = {}  # by place: side and days, of those that may go on
    for day in sorted(history.days):
        for place, pain in history.days[day].pains.items():
            if pain.level <= 0:
                continue
            known = at[place] = [one for one in at.get(place, ()) if (day - one[1][-1]).days <= APART]
            for side in ("left", "right") if pain.side == "both" else (pain.side,):
                same = next((one for one in known if one[0] == side or None in (one[0], side)), None)
                if same is None:
                    days = [day]
                    found.append((place, days))
                    known.append((side, days))
                elif same[1][-1] < day:
                    same[1].append(day)
    return found


def _told(
    known: Mapping[int, list[tuple[str, list[date]]]], firings: Iterable[Firing], since: date
) -> tuple[Told, ...]:
    heard = {
        (one.athlete, one.day, place)
        for one in firings
        if one.first and one.level >= Level.CONCERN
        for place in one.places
    }
    found = []
    for number in TELL_ON:
        due = [
            (id, day, place)
            for id, some in known.items()
            for place, days in some
            if (day := next((one for one in days if (one - days[0]).days + 1 >= number), None)) is not None
            and day >= since
        ]
        found.append(Told(number, len(due), sum(one in heard for one in due)))
    return tuple(found)


# --- what followed ------------------------------------------------------------------------------------------------


class _After:
    """On which days is it known whether a new pain or injury came within the next days, and did it?"""

    def __init__(
        self, histories: Sequence[History], counted: Mapping[int, Sequence[date]], onsets: Mapping[int, Sequence[date]]
    ) -> None:
        self.ids = [one.id for one in histories]
        self.asked = {one.id: sorted(counted[one.id] if one.asked is None else one.asked) for one in histories}
        self.onsets = onsets
        self.base = self._counts((id, day) for id, days in counted.items() for day in days)

    def _counts(self, days: Iterable[tuple[int, date]]) -> _Table:
        """For each athlete: on how many of these days it is known, and after how many it came."""
        place = {id: n for n, id in enumerate(self.ids)}
        found = np.zeros((len(self.ids), 2))
        for id, day in days:
            if _any(self.asked[id], day):
                found[place[id]] += (1, _any(self.onsets[id], day))
        return found

    def these(self, firings: Sequence[Firing]) -> Followed | None:
        """None where nothing is known of pain or injury at all."""
        base_days, base_hits = (int(one) for one in self.base.sum(axis=0))
        if not base_hits:
            return None
        counts = self._counts({(one.athlete, one.day) for one in firings})
        days, hits = (int(one) for one in counts.sum(axis=0))
        athletes = int((counts[:, 0] > 0).sum())
        after = any_day = times = None
        if athletes >= ENOUGH:
            draws = _draws(len(self.ids))
            some, base = draws @ counts, draws @ self.base
            good = (some[:, 0] > 0) & (base[:, 1] > 0)
            share, usual = some[good, 1] / some[good, 0], base[good, 1] / base[good, 0]
            after, any_day = _wider(share, Share(hits, days)), _wider(usual, Share(base_hits, base_days))
            rate = base_hits / base_days
            wilson = Share(hits, days).interval or (0.0, 1.0)
            low, high = _middle(share / usual)
            times = min(low, wilson[0] / rate), max(high, wilson[1] / rate)
        return Followed(hits, days, base_hits, base_days, athletes, after, any_day, times)


def _middle(drawn: _Drawn) -> Interval:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return float(low), float(high)


def _wider(drawn: _Drawn, share: Share) -> Interval:
    low, high = _middle(drawn)
    other = share.interval or (low, high)
    return min(low, other[0]), max(high, other[1])


def _any(days: Sequence[date], after: date) -> bool:
    """Is one of these (in order) within `AFTER` days after that one?"""
    at = bisect_right(days, after)
    return at < len(days) and (days[at] - after).days <= AFTER


@cache
def _draws(athletes: int) -> _Table:
    """How often each athlete is drawn, in each draw. Always the same, so that figures can be compared."""
    dice = np.random.default_rng(20)
    return dice.multinomial(athletes, np.full(athletes, 1 / athletes), size=_DRAWS).astype(np.float64)


# --- two books ----------------------------------------------------------------------------------------------------


def compared(old: Figures, new: Figures) -> tuple[Difference, ...]:
    """What changes from one rule book to another on the same histories; in the order of the new one, then what is in
    the old one alone."""
    before, after = ({one.id: one for one in some.rules} for some in (old, new))
    spoke = [{(one.rule, one.athlete, one.day) for one in some.firings} for some in (old, new)]
    lost, gained = (Counter(rule for rule, _, _ in some) for some in (spoke[0] - spoke[1], spoke[1] - spoke[0]))
    return tuple(
        Difference(
            rule=id,
            old=(before[id].first, before[id].fires) if id in before else None,
            new=(after[id].first, after[id].fires) if id in after else None,
            only_old=lost[id],
            only_new=gained[id],
        )
        for id in (*after, *(id for id in before if id not in after))
    )
