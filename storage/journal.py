"""The journal (append-only) and the escalations (which end only by a human's act).

A journal line is never changed: an edit is another line. Each names its cause: an inbox or due key.

Escalations are saved by compare-and-swap on their version. Two coaches who say "I have it" in the same
instant: one update finds the version it has read, the other finds none and raises Conflict; that turn is
taken again, reads who was first, and tells the coach so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from dialogs.concerns import REOPENS
from dialogs.model import Escalation, Look, Record
from dialogs.summary import NOT_OWN
from storage.db import Conflict
from storage.schema import Words, escalation, journal, person, upsert

FIND_ROOM = 10
FOUND_AS = 4  # spellings of what is looked for: SQLite's LIKE knows only the case of ASCII letters
ESCAPE = "\\"
SAID_SINCE = timedelta(days=1)  # a coach's first list has no earlier one to go on from

_APPEND = sa.insert(journal)
LINE = tuple(journal.c[name] for name in ("kind", "name", "at", "day", "value", "words", "message_id"))
_RECORDS = (
    sa.select(*LINE)
    .where(journal.c.person_id == sa.bindparam("person"), journal.c.day >= sa.bindparam("since"))
    .order_by(journal.c.at, journal.c.id)
)

_people: sa.BindParameter[Any] = sa.bindparam("people", expanding=True)
_since: sa.BindParameter[Any] = sa.bindparam("since_day", type_=journal.c.day.type)
_THEIRS = sa.select(*LINE, journal.c.person_id).where(journal.c.person_id.in_(_people))
# A coach's letters stand in the athlete's journal, too; what was forwarded or heard by a machine are not their words.
_own = sa.and_(journal.c.by_id == journal.c.person_id, journal.c.kind == "words")
_typed_by_them = sa.and_(_own, journal.c.name.not_in(NOT_OWN))
_SAID = _THEIRS.where(_own, journal.c.at > sa.bindparam("since"), journal.c.day >= _since).order_by(
    journal.c.at, journal.c.id
)
_DAYS = _THEIRS.where(journal.c.day >= _since, sa.or_(_own, journal.c.kind.in_(("answer", "event")))).order_by(
    journal.c.at, journal.c.id
)
_SEEN = (
    sa.select(journal.c.person_id, sa.func.max(journal.c.day))
    .where(
        journal.c.person_id.in_(_people),
        journal.c.day >= _since,
        journal.c.by_id == journal.c.person_id,
        journal.c.kind.in_(("answer", "words")),
    )
    .group_by(journal.c.person_id)
)
_newest = (
    sa.select(sa.func.max(journal.c.id))
    .where(journal.c.person_id.in_(_people), journal.c.day >= _since, _typed_by_them)
    .group_by(journal.c.person_id)
)
_LAST = _THEIRS.where(journal.c.id.in_(_newest)).order_by(journal.c.at, journal.c.id)
_patterns = [sa.bindparam(f"pattern{number}", type_=Words()) for number in range(FOUND_AS)]
_FIND = (
    _THEIRS.where(
        journal.c.by_id == journal.c.person_id,
        journal.c.kind.in_(("words", "typed", "edit")),
        sa.or_(*(journal.c.words.ilike(one, escape=ESCAPE) for one in _patterns)),
    )
    .order_by(journal.c.at.desc(), journal.c.id.desc())
    .limit(FIND_ROOM)
)
_KEPT = _THEIRS.where(journal.c.kind == "step", journal.c.name.in_(("dossier", "note"))).order_by(
    journal.c.at, journal.c.id
)
_LISTED = sa.select(sa.func.max(journal.c.at)).where(
    journal.c.person_id == sa.bindparam("coach"), journal.c.kind == "event", journal.c.name == "listed"
)

_ESCALATION = TypeAdapter(Escalation)
_COLUMNS = tuple(name for name in Escalation.__dataclass_fields__ if name in escalation.c)
_FACTS = frozenset(Escalation.__dataclass_fields__) - set(_COLUMNS)  # no query asks for them
_not_closed = escalation.c.closed_at.is_(None)
_theirs = escalation.c.athlete_id.in_(sa.bindparam("athletes", expanding=True))
_lately = sa.and_(_theirs, escalation.c.closed_at >= sa.bindparam("lately", type_=escalation.c.closed_at.type))
# Locked in the order of their ids, so that two turns which want the same ones cannot lock each other out.
_EVERY = sa.select(*(escalation.c[name] for name in _COLUMNS), escalation.c.facts).order_by(escalation.c.id)
_ALL = _EVERY.where(_not_closed)
# One `athlete_id IN` on each side of the OR: so each side has its own partial index.
_FOR_TURN = _EVERY.where(sa.or_(sa.and_(_theirs, _not_closed), _lately)).with_for_update(key_share=True)
_FOR_ATHLETES = _ALL.where(_theirs).with_for_update(key_share=True)
_CLOSED = _EVERY.where(_lately).with_for_update(key_share=True)
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
            for name in (*_COLUMNS, "facts")
            if name not in ("id", "version", "short", "athlete_id")
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


def look(tx: sa.Connection, coach_id: int, asked: Look, now: datetime) -> tuple[Record, ...]:
    """What `asked` means, see dialogs.model.Look; `coach_id`: whose turn it is. One statement (for words since the
    last list, two). Words that were escalated have a level as `value`; they stand on lists as a concern, and are left
    out of "said"."""
    values: dict[str, Any] = {"people": list(asked.people), "since_day": now.date() - timedelta(days=asked.days)}
    match asked.kind:
        case "said":
            last = None if asked.days else tx.execute(_LISTED, {"coach": coach_id}).scalar()
            since = last or now - (timedelta(days=asked.days) if asked.days else SAID_SINCE)
            rows = tx.execute(_SAID, {**values, "since": since, "since_day": since.date() - timedelta(days=1)})
            return tuple(one for one in _about(rows) if one.value is None)
        case "days":
            return _about(tx.execute(_DAYS, values))
        case "seen":
            found = tx.execute(_SEEN, values)
            return tuple(Record("answer", "seen", now, day, about=person_id) for person_id, day in found)
        case "last":
            return _about(tx.execute(_LAST, values))
        case "find":
            return _about(tx.execute(_FIND, {**values, **_like(asked.words)}))
        case "kept":
            return _about(tx.execute(_KEPT, values))
    raise ValueError(f"no such look: {asked.kind}")


def _about(rows: sa.CursorResult[Any]) -> tuple[Record, ...]:
    return tuple(Record(*tuple(row)) for row in rows)


def _like(words: str) -> dict[str, str]:
    """Patterns that find these words anywhere, and nothing else: % and _ in them are letters."""
    spelled = (words, words.lower(), words.upper(), words.capitalize())
    escaped = [one.replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_") for one in spelled]
    return {f"pattern{number}": f"%{one}%" for number, one in enumerate(escaped)}


def open_for_athlete(tx: sa.Connection, *athletes: int) -> tuple[Escalation, ...]:
    """The escalations, not closed, of this athlete (or these), oldest first; locked until `tx` ends."""
    return _read(tx, _FOR_ATHLETES, {"athletes": list(athletes)})


def for_turn(tx: sa.Connection, *athletes: int, now: datetime) -> tuple[Escalation, ...]:
    """The same, and with them those that were closed so lately that a new symptom opens them again."""
    return _read(tx, _FOR_TURN, {"athletes": list(athletes), "lately": now - REOPENS})


def closed_lately(tx: sa.Connection, athlete: int, now: datetime) -> tuple[Escalation, ...]:
    """Of this athlete only the latter: a coach who runs has the others by `open_for_coach`."""
    return _read(tx, _CLOSED, {"athletes": [athlete], "lately": now - REOPENS})


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
    return tuple(escalation_from(row) for row in tx.execute(statement, values).mappings())


def escalation_from(row: sa.RowMapping) -> Escalation:
    """The escalation in a row. A fact that no field knows was written by a newer release and is ignored, as in
    storage.codec; one that is missing takes its default."""
    columns = {name: row[name] for name in _COLUMNS}
    return _ESCALATION.validate_python({**(row["facts"] or {}), **columns, "because": row["because"] or ()})


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
    facts = _ESCALATION.dump_python(one, mode="json", include=set(_FACTS), exclude_defaults=True)
    row = {name: getattr(one, name) for name in _COLUMNS}
    return row | {"level": one.level.value, "because": spans, "facts": facts or None}
