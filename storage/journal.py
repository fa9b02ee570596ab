"""The journal (append-only) and the escalations (which end only by a human's act).

A journal line is never changed: an edit is another line. Each names its cause: an inbox or due key.

Escalations are saved by compare-and-swap on their version. Two coaches who say "I have it" in the same
instant: one update finds the version it has read, the other finds none and raises Conflict; that turn is
taken again, reads who was first, and tells the coach so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from dialogs.levels import Level
from dialogs.model import Escalation, Record
from storage.db import Conflict
from storage.schema import escalation, journal, person, upsert

_APPEND = sa.insert(journal)
_LINE = tuple(journal.c[name] for name in ("kind", "name", "at", "day", "value", "words", "message_id"))
_RECORDS = (
    sa.select(*_LINE)
    .where(journal.c.person_id == sa.bindparam("person"), journal.c.day >= sa.bindparam("since"))
    .order_by(journal.c.at, journal.c.id)
)

_author = person.alias("author")
_SAID = (
    sa.select(*_LINE, journal.c.person_id)
    .join(_author, _author.c.id == journal.c.person_id)
    .where(
        _author.c.coach_id == sa.bindparam("coach"),
        journal.c.by_id == journal.c.person_id,  # a coach's letters stand in the athlete's journal, too
        journal.c.kind == "words",
        journal.c.at > sa.bindparam("since"),
    )
    .order_by(journal.c.at, journal.c.id)
)
_LISTED = sa.select(sa.func.max(journal.c.at)).where(
    journal.c.person_id == sa.bindparam("coach"), journal.c.kind == "event", journal.c.name == "listed"
)

_FIELDS = tuple(Escalation.__dataclass_fields__)
_not_closed = escalation.c.closed_at.is_(None)
# Locked in the order of their ids, so that two turns which want the same ones cannot lock each other out.
_ALL = sa.select(*(escalation.c[name] for name in _FIELDS)).where(_not_closed).order_by(escalation.c.id)
_FOR_ATHLETES = _ALL.where(escalation.c.athlete_id.in_(sa.bindparam("athletes", expanding=True))).with_for_update(
    key_share=True
)
_athlete = person.alias("athlete")
_FOR_COACH = (
    _ALL.join(_athlete, _athlete.c.id == escalation.c.athlete_id)
    .where(
        sa.or_(
            escalation.c.owner_id == sa.bindparam("coach"),
            escalation.c.athlete_id == sa.bindparam("coach"),
            escalation.c.athlete_id.in_(sa.bindparam("athletes", expanding=True)),
            _athlete.c.coach_id.in_(sa.bindparam("coaches", expanding=True)),
            sa.and_(
                sa.bindparam("orphans", type_=sa.Boolean()) == sa.true(),
                sa.or_(
                    _athlete.c.coach_id.is_(None),
                    _athlete.c.coach_id.not_in(sa.bindparam("active", expanding=True)),
                ),
            ),
        )
    )
    .with_for_update(of=escalation, key_share=True)
)
_RAISE = upsert(escalation).on_conflict_do_nothing(index_elements=["short"])
_CHANGE = (
    sa.update(escalation)
    .where(escalation.c.id == sa.bindparam("row_id"), escalation.c.version == sa.bindparam("read_version"))
    .values(
        version=escalation.c.version + 1,
        **{
            name: sa.bindparam(f"new_{name}", type_=escalation.c[name].type)
            for name in _FIELDS
            if name not in ("id", "version", "short", "athlete_id", "raised_at")
        },
    )
)


def append(tx: sa.Connection, person_id: int, records: Sequence[Record], cause: str, now: datetime) -> None:
    """Write what the turn of `person_id` noted, into the journal of `record.about` or their own."""
    append_all(tx, lines(person_id, records, cause, now))


def lines(person_id: int, records: Sequence[Record], cause: str, now: datetime) -> list[dict[str, Any]]:
    """What `append` writes."""
    return [
        {
            "person_id": record.about or person_id,
            "by_id": person_id,
            "kind": record.kind,
            "name": record.name,
            "at": record.at,
            "day": record.day,
            "value": record.value,
            "words": record.words,
            "message_id": record.message_id,
            "cause": cause,
            "saved_at": now,
        }
        for record in records
    ]


def append_all(tx: sa.Connection, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write the `lines` of some turns, in their order."""
    if lines:
        tx.execute(_APPEND, list(lines))


def records(tx: sa.Connection, person_id: int, since_day: date) -> tuple[Record, ...]:
    """This person's journal from that local day on, oldest first."""
    return tuple(Record(*row) for row in tx.execute(_RECORDS, {"person": person_id, "since": since_day}))


def said_to(tx: sa.Connection, coach_id: int, since: datetime) -> tuple[Record, ...]:
    """What this coach's own athletes wrote since the coach's last list, or since `since` if there was none.

    Oldest first; `about` is the athlete. Words that were escalated (they have a level as `value`) stand on the
    list themselves and are left out.
    """
    last = tx.execute(_LISTED, {"coach": coach_id}).scalar()
    rows = tx.execute(_SAID, {"coach": coach_id, "since": last or since})
    return tuple(record for row in rows if (record := Record(*tuple(row))).value is None)


def open_for_athlete(tx: sa.Connection, *athletes: int) -> tuple[Escalation, ...]:
    """The escalations, not closed, of this athlete (or these), oldest first; locked until `tx` ends."""
    return _read(tx, _FOR_ATHLETES, {"athletes": list(athletes)})


def open_for_coach(
    tx: sa.Connection,
    coach_id: int,
    *,
    covers: Collection[int],
    active: Collection[int] | None = None,
    athletes: Collection[int] = (),
) -> tuple[Escalation, ...]:
    """The escalations, not closed, that this coach may hear of, oldest first; locked until `tx` ends.

    Those of the athletes of the coaches `covers` (the coach and whom they back up), of these `athletes`, the
    coach's own, and those they have acked. With `active` (all active coaches) also those of athletes without
    an active coach: the head coach's part.
    """
    return _read(
        tx,
        _FOR_COACH,
        {
            "coach": coach_id,
            "coaches": list(covers),
            "athletes": list(athletes),
            "orphans": active is not None,
            "active": list(active or ()),
        },
    )


def _read(tx: sa.Connection, statement: sa.Select[Any], values: dict[str, Any]) -> tuple[Escalation, ...]:
    return tuple(
        Escalation(
            **{**row, "level": Level(row["level"]), "because": tuple((int(a), int(b)) for a, b in row["because"] or ())}
        )
        for row in tx.execute(statement, values).mappings()
    )


def save_escalation(tx: sa.Connection, changed: Escalation, cause: str) -> None:
    """Insert it (id 0) or write what has changed since it was read.

    Raises Conflict where its version is not the one in the database any more, or its `short` is taken.
    """
    if changed.id == 0:
        row = {name: value for name, value in _row(changed).items() if name != "id"}
        done = tx.execute(_RAISE, {**row, "cause": cause})
    else:
        values = {f"new_{name}": value for name, value in _row(changed).items()}
        done = tx.execute(_CHANGE, {**values, "row_id": changed.id, "read_version": changed.version})
    if done.rowcount != 1:
        raise Conflict(f"escalation {changed.short}: somebody else was first")


def _row(one: Escalation) -> dict[str, Any]:
    spans = [list(span) for span in one.because] or None
    return {name: getattr(one, name) for name in _FIELDS} | {"level": one.level.value, "because": spans}
