"""Which topic of which group is whose, and what becomes of a message that is meant for one.

A row of the outbox that is meant for a topic says so in its payload: `topic_of` is the athlete. Which topic that is
stands here and is looked up when the row leaves, because until then the topic may be made, deleted or moved. Whoever
sends (bot.send, bot.topics) asks `find_out`, and says what came of it:

    made         there is a topic now
    forget       it is gone: the next row makes another one
    elsewhere    the group takes nothing any more: what still waits for it goes to the private chat of its coach

While a row is on its way its athlete may be erased, and the row with them: then there is nothing to do.

The group that a coach uses is a fact of that coach (`Person.group`), known to every turn without a look in here. A
topic whose coach uses another group, or none, is nobody's: what is said there goes nowhere (dialogs.topics).

A guest, that is anybody in the group who is no coach of the club, ends it: the coaches who use the group have a turn in
the commit in which the guest was seen (bot.handle). A wakeup would be too late for that: after an outage all that
athletes have written since is handled before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dialogs.events import Grouped, Sender, Tapped
from dialogs.model import Json, Person, Topic, Wakeup
from storage import codec, due, outbox
from storage.outbox import Leased
from storage.schema import outbox as rows
from storage.schema import person, status_is, topic, upsert

OF = "topic_of"  # in a payload: the athlete in whose topic it is shown
SPARE = "spare"  # in a payload: a copy, which may be left out
NAME_ROOM = 120  # characters; Telegram takes 128

_here = sa.and_(topic.c.chat_id == sa.bindparam("chat"), topic.c.athlete_id == sa.bindparam("athlete"))
_PERSON = sa.select(*(person.c[name] for name in sorted(codec.COLUMNS)), person.c.facts)
_WHOSE = _PERSON.join(topic, topic.c.athlete_id == person.c.id).where(
    topic.c.chat_id == sa.bindparam("chat"), topic.c.thread_id == sa.bindparam("thread")
)
_BY_ID = _PERSON.where(person.c.id == sa.bindparam("person"))
_FIND = (
    sa.select(person.c.name, topic.c.thread_id, topic.c.closed)
    .select_from(
        person.outerjoin(topic, sa.and_(topic.c.athlete_id == person.c.id, topic.c.chat_id == sa.bindparam("chat")))
    )
    .where(person.c.id == sa.bindparam("athlete"))
)
_NAMESAKES = (
    sa.select(sa.func.count())
    .select_from(topic.join(person, person.c.id == topic.c.athlete_id))
    .where(topic.c.chat_id == sa.bindparam("chat"), person.c.name == sa.bindparam("name"))
    .where(topic.c.athlete_id != sa.bindparam("athlete"))
)
_new = upsert(topic)
_MADE = _new.on_conflict_do_update(
    index_elements=["chat_id", "athlete_id"],
    set_={"thread_id": _new.excluded.thread_id, "closed": sa.false(), "made_at": _new.excluded.made_at},
)
_CLOSED = (
    sa.update(topic)
    .where(topic.c.chat_id == sa.bindparam("chat"), topic.c.thread_id == sa.bindparam("thread"))
    .values(closed=sa.bindparam("now_closed"))
)
_active = sa.and_(person.c.coaches, person.c.chat_id.is_not(None))
_ARE_COACHES = sa.select(person.c.user_id).where(_active, person.c.user_id.in_(sa.bindparam("users", expanding=True)))
_COACHES = _PERSON.where(_active)
_LOCK_COACHES = (
    _COACHES.where(person.c.id.in_(sa.bindparam("people", expanding=True)))
    .order_by(person.c.id)
    .with_for_update(key_share=True)
)
_CHANGE = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("row_id"))
    .values(facts=sa.bindparam("new_facts", type_=person.c.facts.type), version=person.c.version + 1)
)
_WAITING = sa.select(rows.c.id, rows.c.payload).where(
    rows.c.chat_id == sa.bindparam("chat"), rows.c.to_person == sa.bindparam("coach"), status_is(rows, "pending")
)
_GO = (
    sa.update(rows)
    .where(rows.c.id == sa.bindparam("row_id"))
    .values(
        chat_id=sa.bindparam("private"),
        payload=sa.bindparam("new_payload", type_=rows.c.payload.type),
        status="pending",
        lease_owner=None,
        lease_until=None,
    )
)
_LEAVE_OUT = (
    sa.update(rows)
    .where(rows.c.id == sa.bindparam("row_id"))
    .values(status="superseded", lease_owner=None, lease_until=None)
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an athlete's row goes. `thread` None: the topic has to be made, and is called `name`."""

    name: str
    thread: int | None
    closed: bool


# --- for a turn -----------------------------------------------------------------------------------------------------


def whose(tx: sa.Connection, chat_id: int, thread: int) -> Topic | None:
    """The athlete of this topic, and that athlete's coach. None: it is none of ours."""
    athlete = _one(tx, _WHOSE, chat=chat_id, thread=thread)
    if athlete is None:
        return None
    coach = _one(tx, _BY_ID, person=athlete.coach_id) if athlete.coach_id is not None else None
    return Topic(thread, athlete, coach)


def happened(tx: sa.Connection, chat_id: int, event: Grouped, now: datetime) -> None:
    """People have closed or opened a topic, or thrown the bot out of a group; then each coach who uses it is told."""
    if event.what in ("closed", "reopened") and event.topic is not None:
        closed = event.what == "closed"
        tx.execute(_CLOSED, {"chat": chat_id, "thread": event.topic, "now_closed": closed})
    elif event.what == "removed":
        for coach in _using(tx, chat_id):
            lost(tx, coach.id, chat_id, "not_in_group", f"{now:%Y%m%dT%H%M%S}", now)


def guests(
    tx: sa.Connection, sender: Sender, event: Grouped | Tapped, bot: str
) -> list[tuple[int, Mapping[str, Json]]]:
    """Whom it concerns that somebody is in this group who is no coach of the club: each coach who uses it, with what
    their turn is to know (dialogs.topics.lost). What waits for the group goes to their private chats instead. `bot` is
    our own user name."""
    come = event.newcomers if isinstance(event, Grouped) else ()
    seen = {one.user_id: one.name for one in come if (one.username or "").casefold() != bot.casefold()}
    if sender.user_id is not None and (isinstance(event, Tapped) or event.message is not None):
        seen[sender.user_id] = sender.first_name
    coaches = set(tx.execute(_ARE_COACHES, {"users": list(seen)}).scalars()) if seen else set()
    names: list[Json] = [name for number, name in seen.items() if number not in coaches]
    using = _using(tx, sender.chat_id) if names else []
    for coach in using:
        _to_private(tx, coach.chat_id, _waiting(tx, sender.chat_id, coach.id))
    return [(coach.id, {"what": "guest", "chat": sender.chat_id, "guests": names}) for coach in using]


def lost(tx: sa.Connection, coach_id: int, chat_id: int, what: str, cause: str, now: datetime) -> None:
    """A group takes nothing any more: a turn of its coach decides what follows (dialogs.topics.lost)."""
    data: dict[str, Json] = {"what": what, "chat": chat_id}
    due.put(tx, coach_id, Wakeup("topic", f"topic:{coach_id}:{chat_id}:{cause}", now, data=data), now)


def moved(tx: sa.Connection, old: int, new: int) -> None:
    """A group has another number from now on. Its topics, if it had any, are none there."""
    outbox.migrate_chat(tx, old, new)
    tx.execute(sa.delete(topic).where(topic.c.chat_id == old))
    for coach in _using(tx, old):
        group = new if coach.group == old else coach.group
        asked = new if coach.group_asked == old else coach.group_asked
        _change(tx, coach, group=group, group_asked=asked)


def _using(tx: sa.Connection, chat_id: int) -> list[Person]:
    """A club has few coaches, and this is rare: they are all read. Only those who use the group are locked, and looked
    at again: anybody may write to us from any group."""

    def those(query: sa.Select[Any], **values: object) -> list[Person]:
        found = [codec.person_from(row) for row in tx.execute(query, values).mappings()]
        return [one for one in found if chat_id in (one.group, one.group_asked)]

    found = [one.id for one in those(_COACHES)]
    return those(_LOCK_COACHES, people=found) if found else []


def _change(tx: sa.Connection, coach: Person, **facts: Json) -> None:
    tx.execute(_CHANGE, {"row_id": coach.id, "new_facts": {**codec.person_row(coach)["facts"], **facts}})


def _one(tx: sa.Connection, query: sa.Select[Any], **values: object) -> Person | None:
    row = tx.execute(query, values).mappings().first()
    return None if row is None else codec.person_from(row)


# --- for sending ----------------------------------------------------------------------------------------------------


def find_out(tx: sa.Connection, row: Leased) -> Place | None:
    """Where this row goes; its payload names the athlete. None: the athlete is erased, and has no topic any more."""
    athlete = int(row.payload[OF])
    found = tx.execute(_FIND, {"chat": row.chat_id, "athlete": athlete}).first()
    if found is None or not found.name:  # a tombstone has no name
        return None
    name, thread, closed = found
    if thread is None:
        others = tx.execute(_NAMESAKES, {"chat": row.chat_id, "name": name, "athlete": athlete}).scalar_one()
        name = name[:NAME_ROOM] + (f" ({others + 1})" if others else "")
    return Place(name, thread, bool(closed))


def made(tx: sa.Connection, chat_id: int, athlete_id: int, thread: int, now: datetime) -> None:
    new = {"chat_id": chat_id, "athlete_id": athlete_id, "thread_id": thread, "closed": False, "made_at": now}
    tx.execute(_MADE, new)


def opened(tx: sa.Connection, chat_id: int, thread: int) -> None:
    tx.execute(_CLOSED, {"chat": chat_id, "thread": thread, "now_closed": False})


def forget(tx: sa.Connection, row: Leased) -> None:
    """The topic of this row is gone. Whatever comes to its athlete next makes another one, and says so there."""
    tx.execute(sa.delete(topic).where(_here), {"chat": row.chat_id, "athlete": int(row.payload[OF])})
    stored = _stored(tx, row)
    if stored is not None:
        tx.execute(sa.update(rows).where(rows.c.id == row.id).values(payload={**stored, "anew": True}))


def elsewhere(tx: sa.Connection, row: Leased, *, all_of_it: bool) -> bool:
    """This row goes to the private chat of whom it is for; `all_of_it`: and all else that waits for this group. Copies
    are left out: what they are of stands in the private chat. False: there is no private chat for it."""
    private = tx.execute(sa.select(person.c.chat_id).where(person.c.id == row.to_person)).scalar()
    waiting = _waiting(tx, row.chat_id, row.to_person) if all_of_it else []
    own = _stored(tx, row)
    _to_private(tx, private, [*([(row.id, own)] if own is not None else []), *waiting])
    return private is not None or own is None or bool(own.get(SPARE))


def _stored(tx: sa.Connection, row: Leased) -> Mapping[str, Json] | None:
    """The payload as it stands now. None: the row is gone."""
    return tx.execute(sa.select(rows.c.payload).where(rows.c.id == row.id)).scalar()


def _waiting(tx: sa.Connection, chat_id: int, coach_id: int | None) -> list[tuple[int, Mapping[str, Json]]]:
    return [(id, payload) for id, payload in tx.execute(_WAITING, {"chat": chat_id, "coach": coach_id})]


def _to_private(tx: sa.Connection, private: int | None, waiting: Iterable[tuple[int, Mapping[str, Json]]]) -> None:
    for id, payload in waiting:
        if OF not in payload:
            continue
        if payload.get(SPARE):
            tx.execute(_LEAVE_OUT, {"row_id": id})
        elif private is not None:
            tx.execute(_GO, {"row_id": id, "private": private, "new_payload": _for_private(payload)})


def _for_private(payload: Mapping[str, Json]) -> dict[str, Json]:
    kept = {name: value for name, value in payload.items() if name not in (OF, SPARE, "anew", "elsewhere", "again")}
    return kept | {"text": f"{payload.get('elsewhere', '')}\n{payload.get('text', '')}".strip()}
