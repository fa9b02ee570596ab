"""The rights of the people in it: which columns are about a person, all of them at once, and all of them gone.

    PERSONAL     what somebody gets in an export, and what an erasure takes away; every other column is named in SERVICE
                 or TECHNICAL. A test fails for a new column that has no class.
    everything   an export: the personal columns of all rows that belong to one person. Of other people there is the
                 name of one's own coach, and nothing else: a coach gets the letters they wrote, not what athletes said.
    erase        an erasure, in the caller's transaction. May be done again at any time: after a backup was restored,
                 and by the hourly sweep (storage.keeping), which meets what another turn wrote in the same instant.

What an erasure leaves. The row in `person` becomes a tombstone: rows of others refer to its number, which must never
come to mean somebody else. `erasure` has that number, the receipt and how many rows went. Letters of a coach, and the
plans they made, stay with the athletes they are for, without the coach's name. So do words of a guardian that were
flagged. With an athlete their guardian goes, who is here for nothing else. The words that tell a coach that
somebody has gone leave first, and go with the next sweep. What a coach had taken and not closed is handed back.

The words of one person also stand in texts that others were sent: in a coach's lists, in the copy of a page that comes
back with a tap. Nobody needs those texts once they were sent and handled, so they are emptied rather than searched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from dialogs.engine import OFFERS
from dialogs.model import Json, Person, Wakeup
from dialogs.rights import KEY
from storage import codec
from storage import due as dues
from storage.schema import (
    due,
    erasure,
    escalation,
    feed,
    inbox,
    invite,
    journal,
    outbox,
    person,
    proposal,
    session,
    setting,
    topic,
    upsert,
    version,
)

Columns = Mapping[str, tuple[str, ...]]
Row = Mapping[Any, Any]

PERSONAL: Columns = {
    "person": (
        "name", "chat_id", "user_id", "runs", "coaches", "coach_id", "backup_id", "reachable", "joined_at", "minor",
        "guardian_id", "ward_id", "facts",
    ),
    "invite": ("name", "coaches", "coach_id", "created_at", "expires_at", "used_at"),
    "inbox": ("who", "raw", "received_at"),
    "due": ("kind", "at", "day", "data", "finished_at"),
    "outbox": ("chat_id", "payload", "message_id", "created_at", "sent_at"),
    "journal": ("by_id", "kind", "name", "at", "day", "value", "words", "message_id"),
    "escalation": (
        "short", "level", "flag", "words", "because", "raised_at", "owner_id", "acked_at", "closed_at",
        "facts",
    ),
    "version": ("number", "actor", "by_id", "cause", "at"),
    "session": ("uid", "day", "kind", "facts", "since", "until"),
    "proposal": (
        "short", "rule", "raised_at", "expires_at", "before", "after", "held", "words", "facts", "state", "decider_id",
        "decided_at",
    ),
    "setting": ("rule", "coach_id", "at", "is_on", "edges", "muted_until", "by_id"),
    "feed": ("created_at", "revoked_at"),
}  # fmt: skip
SERVICE: Columns = {
    "club": ("key", "value"),
    "erasure": ("id", "receipt", "person_id", "at", "counts"),
}
TECHNICAL: Columns = {
    "person": ("id", "version"),
    "invite": ("id", "code_hash", "seat_id", "ward_id", "used_by"),
    "inbox": ("id", "key", "status", "attempts", "not_before", "finished_at", "error_class"),
    "due": ("id", "person_id", "key", "ready_at", "status", "attempts", "created_at", "error_class"),
    "outbox": (
        "id", "to_person", "lane", "key", "bubble", "edit", "message_id_hint", "answers", "toast", "once", "quiet",
        "not_before", "expires_at", "short", "about", "cause", "status", "lease_until", "lease_owner", "attempts",
        "repeat", "error_class",
    ),
    "journal": ("id", "person_id", "cause", "saved_at"),
    "escalation": ("id", "athlete_id", "step", "next_at", "version", "cause"),
    "version": ("id", "person_id", "saved_at"),
    "session": ("id", "person_id"),
    "proposal": ("id", "athlete_id", "version"),
    "setting": ("id", "athlete_id"),
    "feed": ("id", "person_id", "hash"),
    "topic": ("id", "chat_id", "athlete_id", "thread_id", "closed", "made_at"),
    "lease": ("name", "owner", "until"),
}  # fmt: skip

_ME = sa.select(person).where(person.c.id == sa.bindparam("me"))
_WHO = sa.select(person.c.id, person.c.name)
_ids: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)


# --- export -------------------------------------------------------------------------------------------------------


def everything(tx: sa.Connection, person_id: int) -> dict[str, Json]:
    """All that is kept of this person, as JSON can hold it: a list for each table, and `person`, their own row.

    Instants are ISO texts in UTC. Numbers of people are replaced by names: `coach_id` by `coach`, `by_id` by `by`.
    `letters` and `taken` are what they did as a coach. Raises LookupError where there is nobody of that number.
    """
    me = tx.execute(_ME, {"me": person_id}).mappings().first()
    if me is None:
        raise LookupError("nobody has this number")
    names = {id: name for id, name in tx.execute(_WHO)}
    whose = {
        invite: sa.or_(invite.c.used_by == person_id, invite.c.seat_id == person_id),
        inbox: sa.and_(inbox.c.who.in_(_known_as(me)), inbox.c.raw != ""),
        due: due.c.person_id == person_id,
        # What a coach or a guardian was sent speaks of athletes: those words are theirs.
        outbox: outbox.c.to_person == person_id if not me["coaches"] and me["ward_id"] is None else sa.false(),
        journal: journal.c.person_id == person_id,
        escalation: escalation.c.athlete_id == person_id,
        version: version.c.person_id == person_id,
        session: session.c.person_id == person_id,
        proposal: proposal.c.athlete_id == person_id,
        # What a coach has set for one athlete is that athlete's.
        setting: sa.or_(
            setting.c.athlete_id == person_id,
            sa.and_(setting.c.coach_id == person_id, setting.c.athlete_id.is_(None)),
        ),
        feed: feed.c.person_id == person_id,
    }
    found: dict[str, Json] = {"person": _person_json(me, names)}
    for table, mine in whose.items():
        columns = [table.c[name] for name in PERSONAL[table.name]]
        order = (journal.c.at, journal.c.id) if table is journal else (table.c.id,)
        rows = tx.execute(sa.select(*columns).where(mine).order_by(*order)).mappings()
        found[table.name] = [_row_json(row, names) for row in rows]
    for row in found["escalation"]:
        row["facts"] = _named(row["facts"], names)
    for row in found["inbox"]:
        row["raw"] = _own_part(row["raw"])
    for row in found["outbox"]:
        row["payload"] = {name: value for name, value in row["payload"].items() if name != "document"}
    letters = (
        sa.select(journal.c.at, journal.c.kind, journal.c.words)
        .where(journal.c.by_id == person_id, journal.c.person_id != person_id, journal.c.name == "coach_wrote")
        .order_by(journal.c.at, journal.c.id)
    )
    taken = (
        sa.select(escalation.c.short, escalation.c.acked_at, escalation.c.closed_at)
        .where(escalation.c.owner_id == person_id, escalation.c.athlete_id != person_id)
        .order_by(escalation.c.id)
    )
    for name, query in (("letters", letters), ("taken", taken)):
        found[name] = [_row_json(row, names) for row in tx.execute(query).mappings()]
    return found


def _known_as(me: Row) -> list[str]:
    """Under which numbers their updates came in."""
    return sorted({str(me[name]) for name in ("user_id", "chat_id") if me[name] is not None})


def _person_json(me: Row, names: Mapping[int, str]) -> dict[str, Json]:
    row = _row_json({name: me[name] for name in PERSONAL["person"]}, names)
    # A letter that was begun names the athlete it is for.
    facts = _without(me["facts"], lambda talk: "athlete" in talk["slots"] or OFFERS in talk["slots"])
    for name in ("refused", "offered"):  # by name, like everybody
        facts[name] = [names.get(id) for id in facts.get(name, ())]
    facts["substitute"] = names.get(facts.pop("substitute_id", None) or 0)
    return row | {"facts": facts}


def _row_json(row: Row, names: Mapping[int, str]) -> dict[str, Json]:
    shown: dict[str, Json] = {}
    for name, value in row.items():
        if name.endswith("_id") and name not in ("chat_id", "user_id", "message_id"):
            shown[name.removesuffix("_id")] = names.get(value)
        else:
            shown[name] = value.isoformat() if isinstance(value, date | datetime) else value
    return shown


def _named(facts: Json, names: Mapping[int, str]) -> Json:
    """The facts of a concern, its notes and earlier rounds, with names for the numbers of people."""
    if isinstance(facts, list):
        return [_named(one, names) for one in facts]
    if not isinstance(facts, dict):
        return facts
    return {
        name.removesuffix("_id"): names.get(one) if name.endswith("_id") else _named(one, names)
        for name, one in facts.items()
    }


def _own_part(raw: str) -> str:
    """An update without the copies of messages that Telegram sends along: what one replies to, what one taps on."""
    try:
        update = json.loads(raw)
        for body in update.values():
            if isinstance(body, dict):
                for copied in ("reply_to_message", "quote", "external_reply", "pinned_message"):
                    body.pop(copied, None)
                if "data" in body:
                    body.pop("message", None)
        return json.dumps(update, ensure_ascii=False)
    except (ValueError, AttributeError, RecursionError):
        return raw


# --- erase --------------------------------------------------------------------------------------------------------

_over = sa.not_(sa.or_(outbox.c.status == "pending", outbox.c.status == "leased"))
_TOMB = {
    **codec.person_row(Person(0, "")),
    "reachable": False,
}
_BURY = sa.update(person).where(person.c.id == sa.bindparam("me")).values(**_TOMB, version=person.c.version + 1)
_HEIR = (
    sa.select(person.c.id)
    .where(person.c.coaches, person.c.chat_id.is_not(None), person.c.id != sa.bindparam("me"))
    .order_by(person.c.joined_at.is_(None), person.c.joined_at, person.c.id)
    .limit(1)
)
_COACHES = sa.select(person).where(person.c.coaches)
_ATHLETES = sa.select(person).where(person.c.coach_id == sa.bindparam("me"))
_HELD = (
    sa.select(escalation.c.athlete_id)
    .where(escalation.c.owner_id == sa.bindparam("me"), escalation.c.closed_at.is_(None))
    .distinct()
)
_NEAR = sa.select(person).where(sa.or_(person.c.ward_id == sa.bindparam("me"), person.c.id == sa.bindparam("ward")))
_GUARDIANS = sa.select(person.c.id).where(person.c.ward_id == sa.bindparam("me"))
_ENTER = upsert(erasure).on_conflict_do_nothing(index_elements=["receipt"])


def erase(tx: sa.Connection, person_id: int, receipt: str, now: datetime) -> dict[str, int]:
    """Everything about this person goes, for good; returns how many rows of which table. `now`: when it was asked for.

    May be done again with the same receipt, and then finds what is left. A number that nobody has here (a backup from
    before they joined) becomes a tombstone at once, so that it is never given to somebody else.
    """
    me = tx.execute(_ME.with_for_update(), {"me": person_id}).mappings().first()
    if me is None:
        _reserve(tx, person_id)
        me = tx.execute(_ME, {"me": person_id}).mappings().one()
    coaches = tx.execute(_COACHES.with_for_update(key_share=True)).mappings().all()
    athletes = tx.execute(_ATHLETES, {"me": person_id}).mappings().all()
    near = tx.execute(_NEAR, {"me": person_id, "ward": me["ward_id"] or 0}).mappings().all()
    readers = [each for each in (*coaches, *athletes, *near) if each["id"] != person_id]
    counts = _delete(tx, me, now)
    _empty_copies(tx, person_id, readers, me["ward_id"])
    for each in coaches:
        _forget_letters(tx, each, person_id)
    for guardian in tx.execute(_GUARDIANS, {"me": person_id}).scalars().all():  # they are nobody here without them
        for table, count in erase(tx, guardian, f"{receipt}-{guardian}", now).items():
            counts[table] += count
    tx.execute(sa.update(person).where(person.c.guardian_id == person_id).values(guardian_id=None))
    if athletes:
        heir = tx.execute(_HEIR, {"me": person_id}).scalar()
        mine = sa.update(person).where(person.c.coach_id == person_id)
        tx.execute(mine.values(coach_id=heir, version=person.c.version + 1))
        # A coach who runs and inherits does not coach themselves: their backup answers.
        tx.execute(sa.update(person).where(person.c.id == heir, person.c.coach_id == heir).values(coach_id=None))
    tx.execute(sa.update(person).where(person.c.backup_id == person_id).values(backup_id=None))
    _hand_back(tx, person_id, receipt, now)
    tx.execute(_BURY, {"me": person_id})
    tx.execute(_ENTER, {"receipt": receipt, "person_id": person_id, "at": now, "counts": counts})
    return counts


def erased_since(tx: sa.Connection, since: datetime) -> list[tuple[int, str, datetime]]:
    """Number, receipt and instant of each erasure from then on: what `erase` takes, to do it again."""
    ledger = sa.select(erasure.c.person_id, erasure.c.receipt, erasure.c.at).where(erasure.c.at >= since)
    return [tuple(row) for row in tx.execute(ledger.order_by(erasure.c.id))]


def _delete(tx: sa.Connection, me: Row, now: datetime) -> dict[str, int]:
    id, known_as = me["id"], _known_as(me)
    # The last words about somebody leave first; a sweep takes them when they have been sent.
    last = sa.and_(outbox.c.key.is_not(None), sa.func.substr(outbox.c.key, 1, len(KEY)) == KEY, sa.not_(_over))
    theirs = [outbox.c.to_person == id, outbox.c.about == id]
    if me["chat_id"] is not None:
        theirs.append(outbox.c.chat_id == me["chat_id"])
    gone = {
        journal: journal.c.person_id == id,
        escalation: escalation.c.athlete_id == id,
        session: session.c.person_id == id,
        version: version.c.person_id == id,
        proposal: proposal.c.athlete_id == id,
        # Rules of a coach who has gone bind nobody: the next one sets their own.
        setting: sa.or_(setting.c.athlete_id == id, setting.c.coach_id == id),
        feed: feed.c.person_id == id,
        topic: topic.c.athlete_id == id,
        # Theirs, and what a coach has begun about them: the file of a plan, a proposal that expires.
        due: sa.or_(due.c.person_id == id, due.c.data["athlete_id"].as_integer() == id),
        outbox: sa.and_(sa.or_(*theirs), sa.not_(last)),
        invite: sa.or_(
            invite.c.used_by == id,
            invite.c.seat_id == id,
            invite.c.coach_id == id,
            invite.c.ward_id == id,
            # A second invitation for the same person, which nobody has opened.
            sa.and_(invite.c.used_at.is_(None), invite.c.name == me["name"], invite.c.coach_id == me["coach_id"]),
        ),
    }
    counts = {table.name: tx.execute(sa.delete(table).where(which)).rowcount for table, which in gone.items()}
    # The key stays, so that the same update is known when it comes again; see storage.inbox.accept.
    emptied = {"who": "", "raw": "", "status": "done", "error_class": None}
    finished = sa.func.coalesce(inbox.c.finished_at, sa.literal(now, inbox.c.finished_at.type))
    came_in = sa.update(inbox).where(inbox.c.who.in_(known_as)).values(**emptied, finished_at=finished)
    counts["inbox"] = tx.execute(came_in).rowcount if known_as else 0
    nameless = sa.update(journal).where(journal.c.by_id == id, journal.c.name == "coach_wrote")
    tx.execute(nameless.values(value=sa.null()))
    return counts


def _hand_back(tx: sa.Connection, id: int, receipt: str, now: datetime) -> None:
    """What they have taken and not closed would rest with nobody for ever: the wakeup that asks what came of it goes
    with them. As after /leave, each athlete's own turn opens it again for whoever answers (dialogs.passing.without).

    Here and not in the turn that erases, of which nothing is saved: so it holds for the operator's erasure too, and for
    one that is done again after a backup was restored.
    """
    for athlete in sorted(tx.execute(_HELD, {"me": id}).scalars()):
        data: dict[str, Json] = {"id": id, "others": [], "asks": False}
        dues.put(tx, athlete, Wakeup("left", f"left:{athlete}:{id}:{receipt}", now, data=data), now)


def _empty_copies(tx: sa.Connection, id: int, readers: Iterable[Row], ward_id: int | None) -> None:
    """What their coaches (or athletes) were sent without being marked as about them, and what came back with a tap. Of
    a guardian also what coaches were sent about the athlete: it holds their words, too."""
    readers = list(readers)
    known_as = [number for each in readers for number in _known_as(each)]
    numbers = [each["id"] for each in readers]
    marked = sa.and_(outbox.c.about == ward_id, outbox.c.to_person != ward_id) if ward_id is not None else sa.false()
    to_them = sa.and_(_over, sa.or_(outbox.c.about.is_(None), marked), outbox.c.to_person.in_(_ids))
    full = sa.cast(outbox.c.payload, sa.Text) != "{}"
    tx.execute(sa.update(outbox).where(to_them, full).values(payload={}), {"ids": numbers})
    handled = sa.and_(inbox.c.status == "done", inbox.c.who.in_(_ids), inbox.c.raw != "")
    tx.execute(sa.update(inbox).where(handled).values(raw=""), {"ids": known_as})


def _names(slots: Mapping[str, Json], id: int) -> bool:
    """Has it been begun about them, or are they among those whom it offers?"""
    return slots.get("athlete") == id or any(value == id for value, _label in slots.get(OFFERS, ()))


def _forget_letters(tx: sa.Connection, coach: Row, id: int) -> None:
    """A letter to them that was begun and not sent names them."""
    facts = _without(coach["facts"], lambda talk: _names(talk["slots"], id))
    if facts != coach["facts"]:
        tx.execute(
            sa.update(person).where(person.c.id == coach["id"]).values(facts=facts, version=person.c.version + 1)
        )


def _without(facts: Mapping[str, Json], which: Any) -> dict[str, Json]:
    return {**facts, "talks": [talk for talk in facts.get("talks", ()) if not which(talk)]}


def _reserve(tx: sa.Connection, id: int) -> None:
    """A tombstone where nobody was. PostgreSQL's counter does not see a number that was written by hand."""
    tx.execute(sa.insert(person).values(id=id, version=0, **_TOMB))
    if tx.dialect.name == "postgresql":
        counter = sa.func.pg_get_serial_sequence("person", "id")
        tx.execute(sa.select(sa.func.setval(counter, sa.func.greatest(id, sa.func.nextval(counter)))))
