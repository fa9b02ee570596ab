"""A club from one database to another: row by row, finished after a kill at any point, and compared at the end.

Theory of operation
-------------------
Rows go in the order in which tables refer to each other, in batches by their id, one commit per batch. What lies in
the target is always a beginning of each table, so whoever comes again goes on behind the highest id found there. Tables
without an id are a few lines and go as a whole. Who coaches whom points back into `person` itself, and is filled in
when everybody is there. Leases stay behind: they belong to a running service.

Two marks in `club` make "half a copy" a state that is known and not a guess; they are never copied themselves:

    source  copying_to    a random number, put there first
    target  copying_from  the same number: a half-finished copy of that very source. No service runs on it
    target  copied_from   takes its place when every row has been compared; then the mark of the source goes

So a target may be empty or a half-finished copy of this source, and is refused otherwise. A half-finished copy that
turns out to differ (the service ran on the source in between) is emptied and begun anew, once.

Numbers that were given and deleted again are not given again (see storage.schema): the position of each sequence goes
along, not only the highest id.

The same engine makes a backup of a PostgreSQL club (storage.backup): there `copy_rows` reads inside one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

import sqlalchemy as sa

from storage import club, db
from storage.db import Database
from storage.schema import club as club_table
from storage.schema import lease, metadata, person

BATCH = 500
COPYING_TO, COPYING_FROM, COPIED_FROM = MARKS = ("copying_to", "copying_from", "copied_from")


class Refused(Exception):
    """It was not begun, or not finished. The text is for the operator: why, and what to do."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same on both sides, by its table and key; what is in it is nobody's business here."""

    table: str
    key: object

    def __str__(self) -> str:
        return f"{self.table} {self.key}"


def tables() -> list[sa.Table]:
    """What belongs to a club, each table behind those that it refers to."""
    return [one for one in metadata.sorted_tables if one is not lease]


def copy(source: Database, target: Database, mark: str, now: datetime) -> dict[str, int]:
    """Bring the club over, or go on where an earlier copy was killed; how many rows each table has.

    The source's schema is current, and nobody works on either. `mark` is fresh randomness. Raises Refused (the target
    is left as it was, or as a half-finished copy) and NewerDatabase.
    """
    _refuse_a_running(source, now)
    if _finished(source, target):
        with target.read() as tx:
            return counts(tx)
    resumed = _begin(source, target, mark)
    with _still(source) as rows:
        copy_rows(rows, target)
        found = differences(rows, target)
        if found and resumed:
            _clear(target)
            copy_rows(rows, target)
            found = differences(rows, target)
    if found:
        raise Refused(
            f"the copy is not the same as what it was made from ({', '.join(map(str, found))}): nothing was lost, "
            "DATABASE_URL is as it was. If the service runs, stop it, and copy again"
        )
    _refuse_a_running(source, now)
    with target.begin() as tx:
        club.remember(tx, COPIED_FROM, club.recall(tx, COPYING_FROM) or "")
        _forget(tx, COPYING_FROM)
        copied = counts(tx)
    with source.begin() as tx:
        _forget(tx, COPYING_TO)
    return copied


def unfinished(base: Database) -> bool:
    """This database is half a copy: a service on it would work with half a club."""
    with base.read() as tx:
        return club.recall(tx, COPYING_FROM) is not None


def counts(tx: sa.Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {one.name: tx.execute(sa.select(sa.func.count()).select_from(one)).scalar_one() for one in tables()}


def is_empty(base: Database) -> bool:
    """There is no row in it, and maybe no table either."""
    with base.read() as tx:
        there = set(sa.inspect(tx).get_table_names())
        firsts = (sa.select(one.c[_key(one)]).limit(1) for one in tables() if one.name in there)
        return all(tx.execute(first).first() is None for first in firsts)


# --- beginning and ending -----------------------------------------------------------------------------------------


def _refuse_a_running(source: Database, now: datetime) -> None:
    """PostgreSQL has no lock that says so; a service that runs there holds the lease of its sender. What is in use on
    SQLite the caller knows better (storage.alone), where the lease of one that was killed means nothing."""
    if source.is_sqlite:
        return
    with source.read() as tx:
        held = tx.execute(sa.select(lease.c.until).where(lease.c.until > now).limit(1)).scalar()
    if held is not None:
        raise Refused(
            "the service runs on this database: stop it first. If it was killed, its lease runs out in "
            f"{max(1, round((held - now).total_seconds()))} s"
        )


@contextmanager
def _still(source: Database) -> Iterator[sa.Connection]:
    """A transaction during which nobody else writes: an invitation made meanwhile would be missing, unnoticed."""
    with source.begin() as tx:  # on SQLite that is the one writer
        if not source.is_sqlite:
            tx.exec_driver_sql(f"LOCK TABLE {', '.join(one.name for one in tables())} IN SHARE MODE")
        yield tx


def _finished(source: Database, target: Database) -> bool:
    """Killed behind the very last comparison: only the source's mark is left to go."""
    if db.state(target) != "current":
        return False
    with source.read() as tx:
        ours = club.recall(tx, COPYING_TO)
    with target.read() as tx:
        theirs = club.recall(tx, COPIED_FROM)
    if ours is None or ours != theirs:
        return False
    with source.begin() as tx:
        _forget(tx, COPYING_TO)
    return True


def _begin(source: Database, target: Database, mark: str) -> bool:
    """Mark both, the source first; True if half of it is there already. Raises Refused."""
    begun = None
    if not (empty := is_empty(target)):
        with target.read() as tx:
            begun = club.recall(tx, COPYING_FROM)
    with source.begin() as tx:
        mine = club.recall(tx, COPYING_TO)
        if not empty and (begun is None or begun != mine):
            what = "there is a club in it" if begun is None else "it holds half a copy of another club"
            raise Refused(f"the database to copy to is not empty ({what}): name an empty one")
        club.remember(tx, COPYING_TO, mine or mark)
    db.migrate(target.engine.url.render_as_string(hide_password=False))
    with target.begin() as tx:
        club.remember(tx, COPYING_FROM, mine or mark)
    return not empty


def _forget(tx: sa.Connection, key: str) -> None:
    tx.execute(sa.delete(club_table).where(club_table.c.key == key))


def _clear(target: Database) -> None:
    """Empty half a copy. Its mark stays: it is one still."""
    with target.begin() as tx:
        tx.execute(sa.update(person).values(dict.fromkeys(_own_references(person))))
        for table in reversed(tables()):
            tx.execute(sa.delete(table).where(_no_mark(table)))


# --- the rows -----------------------------------------------------------------------------------------------------


def copy_rows(source: sa.Connection, target: Database) -> None:
    """Everything that is not in the target yet, and the positions of the sequences."""
    for table in tables():
        if not _numbered(table):
            with target.begin() as tx:
                tx.execute(sa.delete(table).where(_no_mark(table)))
                if few := _whole(source, table):
                    tx.execute(sa.insert(table), [dict(row) for row in few])
            continue
        later = dict.fromkeys(_own_references(table))
        with target.read() as tx:
            behind = tx.execute(sa.select(sa.func.max(table.c.id))).scalar() or 0
        for rows in _batches(source, table, behind):
            with target.begin() as tx:
                tx.execute(sa.insert(table), [{**row, **later} for row in rows])
        if later:
            _fill_in(source, target, table)
    positions = _positions(source)
    with target.begin() as tx:
        for name, position in positions.items():
            _set_position(tx, name, position)


def _fill_in(source: sa.Connection, target: Database, table: sa.Table) -> None:
    own = _own_references(table)
    change = sa.update(table).where(table.c.id == sa.bindparam("row_id"))
    change = change.values({name: sa.bindparam(f"new_{name}") for name in own})
    for rows in _batches(source, table):
        with target.begin() as tx:
            tx.execute(change, [{"row_id": row["id"]} | {f"new_{name}": row[name] for name in own} for row in rows])


def differences(source: sa.Connection, target: Database) -> list[Difference]:
    """The first row of each table that is not the same on both sides; empty: all are."""
    with target.read() as tx:
        return [found for table in tables() if (found := _difference(table, source, tx)) is not None]


def _difference(table: sa.Table, source: sa.Connection, target: sa.Connection) -> Difference | None:
    key = _key(table)
    for ours, theirs in zip_longest(_rows(source, table), _rows(target, table)):
        # By what Python would print: to == 1, 1.0 and True are one, and so are two dictionaries in another order.
        if ours is None or theirs is None or repr(tuple(ours.values())) != repr(tuple(theirs.values())):
            return Difference(table.name, min(one[key] for one in (ours, theirs) if one is not None))
    return None


def _rows(tx: sa.Connection, table: sa.Table) -> Iterator[sa.RowMapping]:
    if _numbered(table):
        for rows in _batches(tx, table):
            yield from rows
    else:
        yield from _whole(tx, table)


def _batches(tx: sa.Connection, table: sa.Table, behind: int = 0) -> Iterator[Sequence[sa.RowMapping]]:
    query = sa.select(table).where(table.c.id > sa.bindparam("behind")).order_by(table.c.id).limit(BATCH)
    while rows := tx.execute(query, {"behind": behind}).mappings().all():
        yield rows
        behind = rows[-1]["id"]


def _whole(tx: sa.Connection, table: sa.Table) -> list[sa.RowMapping]:
    """In Python's order: two databases sort text by two rules."""
    rows = tx.execute(sa.select(table).where(_no_mark(table))).mappings()
    return sorted(rows, key=lambda row: str(row[_key(table)]))


def _no_mark(table: sa.Table) -> sa.ColumnElement[bool]:
    return table.c.key.not_in(MARKS) if table is club_table else sa.true()


def _key(table: sa.Table) -> str:
    (column,) = table.primary_key.columns  # one column in every table, else this raises
    return column.name


def _numbered(table: sa.Table) -> bool:
    return _key(table) == "id"


def _own_references(table: sa.Table) -> list[str]:
    """The columns that refer to rows of the same table."""
    return [key.parent.name for key in table.foreign_keys if key.column.table is table]


# --- the sequences ------------------------------------------------------------------------------------------------


def _positions(tx: sa.Connection) -> dict[str, int]:
    """The highest id that each table has ever given, also to rows that are gone."""
    names = [table.name for table in tables() if _numbered(table)]
    if tx.dialect.name == "sqlite":
        found = {str(name): int(last) for name, last in tx.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")}
        return {name: found.get(name, 0) for name in names}
    return {name: tx.exec_driver_sql(f"SELECT last_value FROM {_sequence(tx, name)}").scalar_one() for name in names}  # noqa: S608


def _set_position(tx: sa.Connection, name: str, position: int) -> None:
    if tx.dialect.name == "sqlite":
        values = {"name": name, "position": position}
        if not tx.execute(sa.text("UPDATE sqlite_sequence SET seq = :position WHERE name = :name"), values).rowcount:
            tx.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :position)"), values)
    else:
        tx.execute(sa.select(sa.func.setval(_sequence(tx, name), max(1, position))))


def _sequence(tx: sa.Connection, name: str) -> str:
    return str(tx.execute(sa.select(sa.func.pg_get_serial_sequence(name, "id"))).scalar_one())
