"""The people of the club, as rows, and the invites by which they come.

Whom a turn may know of them is `storage.snapshots`; what a turn has changed is written by `storage.outcomes`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from dialogs.model import Invite, Person
from storage import codec
from storage.db import Conflict
from storage.schema import invite, person, upsert

DRILL = "DRILL"  # the name of whoever is made up: it stands in every text of a practice alarm

PERSON = sa.select(*(person.c[name] for name in sorted(codec.COLUMNS)), person.c.facts)
BY_ID = PERSON.where(person.c.id == sa.bindparam("person"))
BY_IDS = PERSON.where(person.c.id.in_(sa.bindparam("people", expanding=True))).order_by(person.c.id)
# A row without a part to play is the tombstone of somebody erased, or a coach who has left (see `join`).
_EVERYONE = PERSON.where(sa.or_(person.c.runs, person.c.coaches, person.c.ward_id.is_not(None))).order_by(person.c.id)
_OF_COACH = PERSON.where(person.c.coach_id == sa.bindparam("coach")).order_by(person.c.id)
_INVITE = sa.select(
    invite.c.id,
    invite.c.name,
    invite.c.coaches,
    invite.c.coach_id,
    invite.c.expires_at,
    invite.c.seat_id,
    invite.c.ward_id,
).where(
    invite.c.code_hash == sa.bindparam("hash"),
    invite.c.used_at.is_(None),
    invite.c.expires_at > sa.bindparam("now"),
)
_USE_INVITE = (
    sa.update(invite)
    .where(
        invite.c.id == sa.bindparam("row_id"),
        invite.c.used_at.is_(None),
        invite.c.expires_at > sa.bindparam("now"),
    )
    .values(used_at=sa.bindparam("now"), used_by=sa.bindparam("person"))
)
_NEW_INVITE = sa.insert(invite).returning(invite.c.id)
_JOIN = upsert(person).on_conflict_do_nothing().returning(person.c.id)
_WHOSE_CHAT = PERSON.where(
    sa.or_(person.c.chat_id == sa.bindparam("chat"), person.c.user_id == sa.bindparam("user"))
).with_for_update(key_share=True)
_CHANGE = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("row_id"))
    .values(
        version=person.c.version + 1,
        **{
            name: sa.bindparam(f"new_{name}", type_=person.c[name].type)
            for name in ({*codec.COLUMNS, "facts"} - {"id"})
        },
    )
)
_TAKE_OVER = (
    sa.update(person)
    .where(person.c.coach_id == sa.bindparam("from_id"))
    .values(coach_id=sa.bindparam("to_id"), version=person.c.version + 1)
)
_LEAVE_SEAT = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("row_id"), person.c.chat_id.is_(None))
    .values(coaches=False, version=person.c.version + 1)
)
_MARK_UNREACHABLE = (
    sa.update(person).where(person.c.id == sa.bindparam("row_id")).values(reachable=False, version=person.c.version + 1)
)


def read(tx: sa.Connection, statement: sa.Select[tuple[object, ...]], **values: object) -> tuple[Person, ...]:
    """Those whom this statement, made of PERSON, finds."""
    return tuple(codec.person_from(row) for row in tx.execute(statement, values).mappings())


def by_id(tx: sa.Connection, person_id: int) -> Person | None:
    """This person, without a lock."""
    return next(iter(read(tx, BY_ID, person=person_id)), None)


def everyone(tx: sa.Connection) -> tuple[Person, ...]:
    """All people, in the order in which they joined."""
    return read(tx, _EVERYONE)


def find(tx: sa.Connection, name: str, role: Literal["coach", "athlete"]) -> tuple[Person, ...]:
    """All coaches or athletes of that name, in any case; more than one means: ask which."""
    wanted = name.strip().casefold()
    return tuple(
        each
        for each in everyone(tx)
        if each.name.strip().casefold() == wanted and (each.coaches if role == "coach" else each.runs)
    )


def mark_unreachable(tx: sa.Connection, person_id: int) -> None:
    """Nothing can be delivered to this person until they speak to us again."""
    tx.execute(_MARK_UNREACHABLE, {"row_id": person_id})


def made_up(tx: sa.Connection, coach_id: int) -> int:
    """The athlete of this coach who is made up, for practice alarms; made where there is none."""
    found = [each for each in read(tx, _OF_COACH, coach=coach_id) if each.drill]
    return found[0].id if found else join(tx, Person(0, DRILL, coach_id=coach_id, reachable=False, drill=True))


def has_a_part(one: Person) -> bool:
    """Of whom is erased only the number is left, of a coach who has left what they did here."""
    return one.runs or one.coaches or one.drill or one.ward_id is not None


def join(tx: sa.Connection, newcomer: Person) -> int:
    """The id of somebody new, or of whoever has left and comes back. Raises Conflict where they have joined in the
    meantime; ValueError where this chat is somebody else's: to try again would not help, and everybody would wait."""
    id = tx.execute(_JOIN, {**codec.person_row(newcomer), "version": 1}).scalar()
    return int(id) if id is not None else _come_back(tx, newcomer)


def _come_back(tx: sa.Connection, newcomer: Person) -> int:
    """Into their own row: what they took and wrote stays theirs, under their name, and an erasure finds it. Whom they
    coached is nobody's: whether they read again is for the athlete to say (dialogs.passing)."""
    found = read(tx, _WHOSE_CHAT, chat=newcomer.chat_id, user=newcomer.user_id)
    if len(found) == 1 and not has_a_part(found[0]):
        before = found[0]
        take_over(tx, before.id, None)
        change_all(tx, [replace(newcomer, id=before.id, name=before.name)])
        return before.id
    known = [one for one in found if has_a_part(one) and one.user_id is not None and one.user_id == newcomer.user_id]
    if found and not known:  # the next reading, which goes by the user, would not find them either
        raise ValueError("this chat is somebody else's")
    raise Conflict("this chat has joined in the meantime")


def change_all(tx: sa.Connection, changed: Sequence[Person]) -> None:
    """Write these people as they are now. Raises Conflict where one of them is gone."""
    if not changed:
        return
    rows = [
        {f"new_{name}": value for name, value in codec.person_row(each).items()} | {"row_id": each.id}
        for each in changed
    ]
    if tx.execute(_CHANGE, rows).rowcount != len(rows):
        raise Conflict("this person is gone")


def take_over(tx: sa.Connection, from_id: int, to_id: int | None) -> None:
    """The athletes of one coach are the other's from now on, or nobody's."""
    tx.execute(_TAKE_OVER, {"from_id": from_id, "to_id": to_id})


def take_seat(tx: sa.Connection, seat_id: int, person_id: int) -> None:
    """Somebody who has a row of their own comes for this seat: who waits there is theirs, and nobody else sits down."""
    take_over(tx, seat_id, person_id)
    tx.execute(_LEAVE_SEAT, {"row_id": seat_id})


def invite_of(tx: sa.Connection, code: str, now: datetime) -> Invite | None:
    """The invite with this code, as long as it can be used."""
    row = tx.execute(_INVITE, {"hash": _hash(code), "now": now}).first()
    return None if row is None else Invite(*row[:5], seat_id=row[5], ward_id=row[6])


def use_invite(tx: sa.Connection, invite_id: int, person_id: int | None, now: datetime) -> None:
    """Nobody else comes in by it. Raises Conflict where somebody already has."""
    used = tx.execute(_USE_INVITE, {"row_id": invite_id, "now": now, "person": person_id})
    if used.rowcount != 1:
        raise Conflict("this invite was used in the meantime")


def new_invite(tx: sa.Connection, new: Invite, now: datetime) -> int:
    """The id of an invite that is kept from now on: the hash of its code, and not the code. Raises ValueError where it
    has none."""
    if new.code is None:
        raise ValueError("a new invite needs its code")
    row = {
        "code_hash": _hash(new.code),
        "name": new.name,
        "coaches": new.coaches,
        "coach_id": new.coach_id,
        "seat_id": new.seat_id,
        "ward_id": new.ward_id,
        "created_at": now,
        "expires_at": new.expires_at,
    }
    return int(tx.execute(_NEW_INVITE, row).scalar_one())


def _hash(code: str) -> str:
    """Unsalted: a code is 128 random bits, which no table holds."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def create_invite(
    tx: sa.Connection, *, name: str, code: str, now: datetime, expires_at: datetime, coach_id: int | None = None
) -> Invite:
    """Keep a seat (the operator's command): an athlete's of this coach, or a coach's. Only the hash of `code` is kept.

    A coach is known by name from now on, so that athletes can be invited for them before they press Start. A second
    invitation of a coach who has not come yet is for the same seat.
    """
    seat_id = None
    if coach_id is None:
        waiting = [each.id for each in find(tx, name, "coach") if each.chat_id is None]
        seat_id = waiting[0] if waiting else join(tx, Person(0, name, coaches=True))
    new = Invite(0, name, coach_id is None, coach_id, expires_at, code, seat_id)
    return replace(new, id=new_invite(tx, new, now))
