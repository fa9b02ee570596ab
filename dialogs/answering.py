"""Who answers for an athlete: their coach, or while that coach is away whoever stands in; and who is rung behind them.

    in_charge   the own coach. While they are away: the substitute they have named, unless the athlete has refused that
                one; else the head coach, or the next. Where none of these is there, it stays with the own coach: a
                name that is away is better than none.
    behind      who is rung when that one does not answer: whom the own coach has named, else the head coach, else the
                next; whoever is away is the last choice, and not no choice.

A holiday is three facts of a coach, and what follows from them is computed anew in each turn. So it begins and ends by
itself, and nothing has to be moved or moved back. `coaches` are always the club's active coaches (with a chat), the one
who joined first at the head: that is the head coach. An athlete's turn may know fewer of them (storage.snapshots), so
everybody is looked for among the first LOOKED_AT and by name only: then both turns find the same one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from dialogs import timing
from dialogs.model import Json, Person, Snapshot

LOOKED_AT = 3


def away(coach: Person, now: datetime) -> bool:
    """On holiday by the coach's own calendar: from the first day on, up to, not including, the day they are back."""
    if coach.away_from is None or coach.away_until is None:
        return False
    return coach.away_from <= timing.local_date(coach.zone, now) < coach.away_until


def in_charge(coaches: Sequence[Person], athlete: Person, now: datetime) -> Person | None:
    """The coach who has this athlete today. None: nobody active, or themselves; then the backup is rung."""
    own = _find(coaches, athlete.coach_id)
    if own is None or own.id == athlete.id:
        return None
    if not away(own, now):
        return own
    stand_in = (_find(coaches, own.substitute_id), *coaches[:LOOKED_AT])
    no = {own.id, athlete.id, *athlete.refused}
    return next((one for one in stand_in if one and one.id not in no and one.reachable and not away(one, now)), own)


def behind(
    coaches: Sequence[Person], coach: Person | None, athlete: Person | None, now: datetime, own: Person | None = None
) -> Person | None:
    """Who is rung behind `coach` for this athlete (None: for any). `own`: the own coach, for whom `coach` stands in."""
    own = own or coach
    named = (own.id, own.backup_id) if own is not None else ()
    near = [one for number, one in enumerate(coaches) if number < LOOKED_AT or one.id in named]
    others = [one for one in near if one not in (coach, athlete)]
    if own is not None and coach is not None and own.id != coach.id:
        refused = athlete.refused if athlete is not None else ()
        others = [one for one in others if one.id not in refused] or others
    here = [one for one in others if not away(one, now)] or others  # the own coach, who is away, before who was refused
    return (_find(here, own.backup_id) if own is not None else None) or next(iter(here), None)


def head(coaches: Sequence[Person], now: datetime) -> Person | None:
    """The head coach, or who has that part while the head coach is away."""
    first = coaches[:LOOKED_AT]
    return next((one for one in first if not away(one, now)), next(iter(first), None))


def is_mine(known: Snapshot, me: Person, athlete: Person) -> bool:
    """In a coach's turn: is this athlete theirs today? Their own, whom they stand in for, and for the head coach those
    without an active coach."""
    if athlete.drill:
        return False
    if athlete.coach_id == me.id:
        return True
    coaches = everybody(known, me)
    coach = in_charge(coaches, athlete, known.now)
    if coach is None:
        first = head([one for one in coaches if one.id != athlete.id], known.now)
        return first is not None and first.id == me.id
    return coach.id == me.id


def on_duty(known: Snapshot, me: Person, athlete: Person) -> int | None:
    """Whose this athlete is today, in the turn of the athlete (`me`) or of a coach."""
    if me.id == athlete.id:
        return known.coach.id if known.coach is not None else None
    coach = in_charge(everybody(known, me), athlete, known.now)
    return coach.id if coach is not None else None


def everybody(known: Snapshot, me: Person) -> list[Person]:
    """The active coaches of a coach's turn, in the order in which they joined."""
    coaches = [*known.colleagues, *([me] if me.coaches and me.chat_id is not None else [])]
    return by_age(coaches, known.now)


def by_age(coaches: Iterable[Person], now: datetime) -> list[Person]:
    """In the order in which they joined, whoever has not pressed Start at the end."""
    return sorted(coaches, key=lambda one: (one.joined_at is None, one.joined_at or now, one.id))


def own(known: Snapshot, me: Person) -> list[Person]:
    """In a coach's turn: the athletes whose coach this is, whoever stands in today."""
    return [one for one in known.athletes if one.coach_id == me.id and not one.drill]


def is_head(known: Snapshot, me: Person) -> bool:
    """Has this coach the part of the head coach today?"""
    first = head(everybody(known, me), known.now)
    return first is not None and first.id == me.id


def _find(people: Sequence[Person], id: int | None) -> Person | None:
    return next((one for one in people if one.id == id), None)


def reads(coach: Person, zone: str, now: datetime) -> dict[str, Json] | None:
    """When this coach has said that they read, on the clock of `zone` today; weekdays are the coach's own. None: they
    have said nothing."""
    if coach.reads_from is None or coach.reads_to is None:
        return None
    today = timing.local_date(coach.zone, now)
    there = [timing.instant_of(coach.zone, today, at) or now for at in (coach.reads_from, coach.reads_to)]
    first, last = (f"{timing.local(zone, at):%H:%M}" for at in there)
    return {"coach": coach.name, "from": first, "to": last, "not": list(coach.reads_not)}
