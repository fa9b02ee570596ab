"""Plans: versions that are never altered, and the sessions that stand in each of them.

A version is what one Change has made. The row of a session says from which version on it stands (`since`) and which one
took it away (`until`, NULL while it stands). So version n is what has since <= n < until, and nothing is ever copied:

    version     1: import        2: sleep-short        3: undo:2
                long, 120 min ---| easy, 40 min -------| long, 120 min --->

Rows are inserted, and `until` is set once; no other UPDATE touches them.

A number is given once per plan. Of two changes that were made of the same version the second finds its number taken and
raises Conflict; its turn is taken again and reads what the first has done. So nobody has to lock the athlete's row to
change their plan. Number and sessions are read in ONE statement: on PostgreSQL two would see two instants, and a change
could be made of a plan that never was.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from dialogs.model import Change, Json, Plan, Session
from dialogs.plan import ordered
from storage.db import Conflict
from storage.schema import session, upsert, version

FACTS = ("minutes", "km", "descent", "effort", "text", "form", "held")  # of a Session: what has no column
RESTORE = "restore"  # who made a version that changes nothing and only steps over numbers
_EVER = datetime.min.replace(tzinfo=UTC)

_person = sa.bindparam("person", type_=sa.BigInteger())
_people: sa.BindParameter[Any] = sa.bindparam("people", expanding=True)
_stands = session.c.until.is_(None)
_SESSION = (session.c.uid, session.c.day, session.c.kind, session.c.facts)

_newest = (
    sa.select(version.c.person_id, sa.func.max(version.c.number).label("number"))
    .where(version.c.person_id.in_(_people))
    .group_by(version.c.person_id)
    .subquery("newest")
)
_CURRENT = sa.select(_newest.c.person_id, _newest.c.number, *_SESSION).outerjoin(
    session,
    sa.and_(session.c.person_id == _newest.c.person_id, _stands, session.c.day >= sa.bindparam("since")),
)
_AT_VERSION = (
    sa.select(version.c.number, *_SESSION)
    .outerjoin(
        session,
        sa.and_(
            session.c.person_id == version.c.person_id,
            session.c.since <= version.c.number,
            sa.or_(_stands, session.c.until > version.c.number),
        ),
    )
    .where(version.c.person_id == _person, version.c.number == sa.bindparam("number"))
)
_CHANGES = (
    sa.select(
        version.c.person_id,
        version.c.number,
        version.c.actor,
        version.c.cause,
        version.c.at,
        session.c.since,
        *_SESSION,
    )
    .outerjoin(
        session,
        sa.and_(
            session.c.person_id == version.c.person_id,
            sa.or_(session.c.since == version.c.number, session.c.until == version.c.number),
        ),
    )
    .where(version.c.person_id.in_(_people), version.c.at >= sa.bindparam("since"), version.c.actor != RESTORE)
    .order_by(version.c.person_id, version.c.number)
)

_NEW_VERSION = upsert(version).on_conflict_do_nothing(index_elements=["person_id", "number"])
_STANDING = sa.select(session.c.id, *_SESSION).where(
    session.c.person_id == _person, _stands, session.c.uid.in_(sa.bindparam("uids", expanding=True))
)
_CLOSE = (
    sa.update(session)
    .where(session.c.id.in_(sa.bindparam("ids", expanding=True)), _stands)
    .values(until=sa.bindparam("number"))
)
_PUT = sa.insert(session)


# --- reading ------------------------------------------------------------------------------------------------------


def current(tx: sa.Connection, person_id: int, since: date) -> Plan:
    """The plan as it stands, its sessions from that day on; in one statement."""
    return current_of(tx, [person_id], since)[person_id]


def current_of(tx: sa.Connection, people: Collection[int], since: date) -> dict[int, Plan]:
    """The same for several people; who has no plan has an empty one."""
    found = dict.fromkeys(people, Plan())
    sessions: dict[int, list[Session]] = {one: [] for one in found}
    for row in tx.execute(_CURRENT, {"people": list(found), "since": since}):
        found[row.person_id] = Plan(row.number)
        sessions[row.person_id] += _session(row)
    return {one: replace(plan, sessions=ordered(sessions[one])) for one, plan in found.items()}


def at_version(tx: sa.Connection, person_id: int, number: int) -> Plan:
    """The whole plan as it was then, from its first day on; 0 is the plan of somebody who has none. Raises LookupError
    where there is no such version."""
    if number == 0:
        return Plan()
    rows = tx.execute(_AT_VERSION, {"person": person_id, "number": number}).all()
    if not rows:
        raise LookupError("there is no such version of this plan")
    return Plan(number, ordered(one for row in rows for one in _session(row)))


def versions(tx: sa.Connection, person_id: int) -> tuple[Change, ...]:
    """All that was ever changed, oldest first, each with its sessions in the order of their days."""
    return changes_of(tx, [person_id], _EVER)[person_id]


def changes_of(tx: sa.Connection, people: Collection[int], since: datetime) -> dict[int, tuple[Change, ...]]:
    """What was changed from that instant on, by person."""
    found: dict[int, tuple[Change, ...]] = dict.fromkeys(people, ())
    rows = tx.execute(_CHANGES, {"people": list(found), "since": since})
    for (one, number), group in groupby(rows, key=lambda row: (row.person_id, row.number)):
        lines = list(group)
        added = ordered(each for row in lines if row.since == number for each in _session(row))
        removed = ordered(each for row in lines if row.since != number for each in _session(row))
        first = lines[0]
        found[one] += (Change(number, first.actor, first.cause, first.at, removed, added),)
    return found


# --- saving -------------------------------------------------------------------------------------------------------


def save(tx: sa.Connection, person_id: int, change: Change, by_id: int | None, now: datetime) -> None:
    """Make the next version of this person's plan. `by_id`: whose turn it is; None: the operator's.

    Raises Conflict where the plan is not any more what `change` was made of: its number is taken, or what it removes
    does not stand as it was read.
    """
    row = {
        "person_id": person_id,
        "number": change.number,
        "actor": change.by,
        "by_id": by_id,
        "cause": change.cause,
        "at": change.at,
        "saved_at": now,
    }
    if tx.execute(_NEW_VERSION, row).rowcount != 1:
        raise Conflict("this plan has been changed in the meantime")
    if change.removed:
        _close(tx, person_id, change)
    if change.added:
        tx.execute(_PUT, [_row(one, person_id, change.number) for one in change.added])


def _close(tx: sa.Connection, person_id: int, change: Change) -> None:
    uids = [one.id for one in change.removed]
    standing = {row.uid: row for row in tx.execute(_STANDING, {"person": person_id, "uids": uids})}
    ids = {standing[one.id].id for one in change.removed if one.id in standing and _session(standing[one.id]) == [one]}
    if len(ids) < len(uids) or tx.execute(_CLOSE, {"ids": list(ids), "number": change.number}).rowcount < len(uids):
        raise Conflict("what this change removes does not stand any more")


# --- a session as a row, and within JSON --------------------------------------------------------------------------


def facts(one: Session) -> dict[str, Json]:
    """What has no column, without what was left open."""
    return {name: value for name in FACTS if (value := getattr(one, name)) not in (None, "")}


def as_json(sessions: Iterable[Session]) -> list[Json]:
    """Sessions as a proposal keeps them."""
    return [{"id": one.id, "day": one.day.isoformat(), "kind": one.kind, **facts(one)} for one in sessions]


def from_json(sessions: Iterable[Mapping[str, Json]]) -> tuple[Session, ...]:
    """What `as_json` has made."""
    return tuple(Session(one["id"], date.fromisoformat(one["day"]), one["kind"], **_known(one)) for one in sessions)


def _row(one: Session, person_id: int, number: int) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "uid": one.id,
        "day": one.day,
        "kind": one.kind,
        "facts": facts(one),
        "since": number,
        "until": None,
    }


def _session(row: Any) -> list[Session]:
    """The session of a row; none where an outer join has found none."""
    return [] if row.uid is None else [Session(row.uid, row.day, row.kind, **_known(row.facts))]


def _known(stored: Mapping[str, Json]) -> dict[str, Any]:
    """A fact that no field knows was written by a newer release; it must not stop this athlete's turns."""
    return {name: value for name, value in stored.items() if name in FACTS}
