"""A plan and what may be done to it. Never a past day, never more by itself.

    load        minutes times intended effort (session RPE, Foster 2001), with what was left open taken as usual
    eases       is this session, at every count, no more than that one? What the bot does alone must
    changed     the next version, or why it cannot be (`Refused`)
    undone      the version that takes back an earlier one, as far as its days still lie ahead

Two bounds stand here, below every rule and every button:
  * a day before today is never touched, by anybody: what was planned then is part of the record;
  * what a rule does alone must ease each session that it touches, may add none, and leaves races as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from dialogs.model import Change, Plan, Session

KINDS = ("easy", "long", "speed", "hills", "race", "strength", "mobility", "cross", "rest")
FORMS = ("gym", "bodyweight", "plyometric", "snack")
RUNS = ("easy", "long", "speed", "hills", "race")
HARD = ("long", "speed", "hills", "race")
HARD_EFFORT = 7  # of 10: a session meant to feel like this is hard, whatever it is called

# What a session means where its planner left it open. Efforts on the scale of session RPE: 3 is moderate, 5 hard, 7
# very hard. Minutes are middling sessions of recreational runners; the pace is 9:40 a mile. They only ever compare a
# session with an easier form of itself, or a day with its neighbours.
EFFORT = {
    "easy": 3, "long": 5, "speed": 8, "hills": 7, "race": 9, "strength": 5, "mobility": 1, "cross": 4, "rest": 0,
}  # fmt: skip
MINUTES = {
    "easy": 40, "long": 100, "speed": 50, "hills": 50, "race": 60, "strength": 40, "mobility": 15, "cross": 45,
    "rest": 0,
}  # fmt: skip
SNACK_MINUTES = 10
MINUTES_PER_KM = 6.0
_DAY = timedelta(days=1)


class Refused(Exception):
    """This may not be done to a plan. `why`: past_day, race, adds_load, stale, too_long, nothing."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def hard(session: Session) -> bool:
    return session.kind in HARD or (session.kind != "strength" and (session.effort or 0) >= HARD_EFFORT)


def effort(session: Session) -> int:
    """0..10, as intended, or as usual for its kind."""
    return EFFORT[session.kind] if session.effort is None else session.effort


def minutes(session: Session) -> float:
    if session.kind == "rest":
        return 0
    if session.minutes is not None:
        return session.minutes
    if session.km is not None:
        return session.km * MINUTES_PER_KM
    return SNACK_MINUTES if session.form == "snack" else MINUTES[session.kind]


def load(session: Session) -> float:
    """Minutes times effort, in the arbitrary units of session RPE."""
    return minutes(session) * effort(session)


def eases(before: Session, after: Session) -> bool:
    """Is `after`, at every count, no more than `before`, on the same day?"""
    return (
        after.id == before.id
        and after.day == before.day
        and minutes(after) <= minutes(before)
        and effort(after) <= effort(before)
        and (after.km or 0) <= (before.km if before.km is not None else minutes(before) / MINUTES_PER_KM)
        and (after.descent or 0) <= (before.descent or 0)
        and (hard(before) or not hard(after))
        and (before.kind in RUNS or after.kind not in RUNS)
    )


def lighter(session: Session, to: str, *, at_most: int | None = None) -> Session:
    """An easier form of the session on its day. `to`: rest, mobility, easy (the same run, easily), short (the same
    intent in `at_most` minutes), snack (strength in ten minutes), half (half of it, at the same effort or less)."""
    easy = replace(session, descent=session.descent and min(session.descent, session.descent // 2))
    match to:
        case "rest":
            return replace(session, kind="rest", minutes=None, km=None, descent=None, effort=None, form=None)
        case "mobility":
            spent = int(min(minutes(session), MINUTES["mobility"]))
            return replace(
                session, kind="mobility", minutes=spent, km=None, descent=None,
                effort=min(effort(session), EFFORT["mobility"]), form=None,
            )  # fmt: skip
        case "easy" if session.kind in RUNS:
            longest = MINUTES["easy"] if session.kind != "long" else MINUTES["long"] * 0.6
            spent = int(min(minutes(session), longest))
            return replace(
                easy, kind="easy", minutes=spent, km=None, descent=None, effort=min(effort(session), EFFORT["easy"])
            )
        case "short" if at_most is not None:
            return replace(easy, minutes=int(min(minutes(session), at_most)), km=None)
        case "snack" if session.kind == "strength":
            spent = int(min(minutes(session), SNACK_MINUTES))
            return replace(session, form="snack", minutes=spent, effort=min(effort(session), 3))
        case _:  # half, and what has no easy form of its own
            return replace(easy, minutes=int(minutes(session) / 2), km=None, effort=min(effort(session), 4))


def changed(
    plan: Plan,
    today: date,
    now: datetime,
    *,
    by: str,
    cause: str,
    removed: Iterable[Session] = (),
    added: Iterable[Session] = (),
    about: int | None = None,
) -> tuple[Plan, Change]:
    """The next version of the plan and what makes it. Raises Refused; see the bounds on top. `removed` are sessions as
    they stand in `plan`: if one stands otherwise by now, the change is stale."""
    gone, new = tuple(removed), tuple(added)
    if any(one not in plan.sessions for one in gone):
        raise Refused("stale")
    if any(one.day < today for one in (*gone, *new)):
        raise Refused("past_day")
    ids = [one.id for one in new]
    if len(set(ids)) < len(ids) or {one.id for one in plan.sessions if one not in gone} & set(ids):
        raise ValueError("a session id stands twice")
    if gone == new:
        raise Refused("nothing")
    if by == "rule":
        _only_eases(gone, new)
    kept = [one for one in plan.sessions if one not in gone]
    after = Plan(plan.number + 1, ordered((*kept, *new)))
    return after, Change(after.number, by, cause, now, gone, new, about)


def _only_eases(gone: Sequence[Session], new: Sequence[Session]) -> None:
    if any(one.kind == "race" for one in (*gone, *new)):
        raise Refused("race")
    before = {one.id: one for one in gone}
    if any(one.id not in before or not eases(before[one.id], one) for one in new):
        raise Refused("adds_load")


def undone(plan: Plan, change: Change, today: date, now: datetime, *, by: str, about: int | None = None) -> Change:
    """What takes back `change` from today on; its past days stay. Raises Refused "stale" where what it added has been
    changed since, "nothing" where all its days are over."""
    gone = [one for one in change.added if one.day >= today]
    back = [one for one in change.removed if one.day >= today]
    gone_ids = {one.id for one in gone}
    if any(plan.find(one.id) is not None and one.id not in gone_ids for one in back):
        raise Refused("stale")  # it was moved on to a day that has passed, or is there again
    if not gone and not back:
        raise Refused("nothing")
    return changed(plan, today, now, by=by, cause=f"undo:{change.number}", removed=gone, added=back, about=about)[1]


def after(plan: Plan, change: Change) -> Plan:
    """The plan once this change has been made."""
    kept = [one for one in plan.sessions if one not in change.removed]
    return Plan(change.number, ordered((*kept, *change.added)))


def ordered(sessions: Iterable[Session]) -> tuple[Session, ...]:
    """By day; on one day what matters most first (a race, then what is hard)."""
    return tuple(sorted(sessions, key=lambda one: (one.day, -load(one), one.id)))


def main_session(plan: Plan, day: date) -> Session | None:
    """What the day is about: its hardest session; None on a day of rest."""
    return next((one for one in ordered(plan.on(day)) if one.kind != "rest"), None)


def hard_days(plan: Plan, first: date, last: date) -> list[date]:
    return sorted({one.day for one in plan.between(first, last) if hard(one)})


def next_hard(plan: Plan, today: date, within_days: int) -> Session | None:
    """The first hard session from today to `within_days` days on; no race: that is nobody's to ease but a human's."""
    return next(
        (one for one in plan.between(today, today + within_days * _DAY) if hard(one) and one.kind != "race"), None
    )


def new_id(plan: Plan, day: date, others: Iterable[str] = ()) -> str:
    """An id nobody has in this plan: the day it was planned for, and a letter."""
    used = {one.id for one in plan.sessions} | set(others)
    stem = f"{day:%y%m%d}"
    number = 0
    while f"{stem}-{number}" in used:
        number += 1
    return f"{stem}-{number}"
