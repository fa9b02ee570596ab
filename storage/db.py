"""The engine from its URL, transactions, the state of the schema, and which errors pass by themselves.

One transaction per turn, and it begins as a writer. On SQLite that is BEGIN IMMEDIATE: a deferred
transaction which reads first and writes later fails at once with "database is locked" as soon as another
process has written in between, and no timeout helps. On PostgreSQL it is READ COMMITTED with row locks
(storage.snapshots).

SQLite runs with WAL and synchronous=FULL: what Telegram was told is received survives a power cut.
secure_delete overwrites deleted words instead of leaving them in free pages. What is bound to a statement is hidden in
SQLAlchemy's logs and errors, because it is what people wrote.

Alembic takes half a second to import, so that only `migrate` imports it. Revisions are numbered "0001",
"0002" ... so that `state` can tell older from newer by comparing with HEAD alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.engine import URL

HEAD = "0007"  # the newest revision in storage/migrations; a test compares

State = Literal["empty", "current", "older", "newer"]

# SQLite waits this long for another process's transaction: a CLI command holds the lock for milliseconds, a
# backup step for tens of them. Longer than that is a fault, which the caller shall see.
BUSY_SECONDS = 10


# PostgreSQL ends a transaction in which nothing has happened for so long: a process that was stopped half-way (a
# suspended machine) would keep its rows from the others, and with them that person's messages.
STOPPED_SECONDS = 60


class NewerDatabase(Exception):
    """The schema is from a newer release: this one would write rows that it does not understand."""


class Conflict(Exception):
    """Somebody else was first (an Ack, an invite, a person's row). The whole turn is to be taken again."""


@dataclass(frozen=True, slots=True)
class Database:
    """An engine and two kinds of transactions. Usable from several threads."""

    engine: sa.Engine

    @property
    def is_sqlite(self) -> bool:
        """One file, one machine."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A writing transaction: committed at the end of the block, rolled back by an exception."""
        with self.engine.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction for looking only (metrics, lists); on SQLite it stops and awaits no writer."""
        with self.engine.connect() as connection:
            reading = connection.execution_options(reading=True)
            with reading.begin():
                yield reading

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()


def open_db(url: str) -> Database:
    """The database at an SQLAlchemy URL: `sqlite:///file` or `postgresql://...` (psycopg 3).

    Connects to nothing yet, but makes the folder of an SQLite file. Raises ValueError for other databases,
    and for SQLite in memory, which would forget what it confirmed.
    """
    return Database(_engine(sa.make_url(url)))


def _engine(url: URL, *, foreign_keys: bool = True) -> sa.Engine:
    kind = url.get_backend_name()
    if kind == "postgresql":
        # pre_ping: after a failover the first worry of the morning must not meet a dead connection.
        engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            pool_size=5,
            max_overflow=5,
            pool_timeout=10,
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "aidstation"},
        )

        @sa.event.listens_for(engine, "connect")
        def _limit(connection: Any, _: Any) -> None:
            connection.execute(f"SET idle_in_transaction_session_timeout = {int(STOPPED_SECONDS * 1000)}")
            connection.commit()

        return engine
    if kind != "sqlite":
        raise ValueError(f"DATABASE_URL must start with sqlite: or postgresql:, not {url.drivername}:")
    if not url.database or url.database == ":memory:" or "mode=memory" in url.database:
        raise ValueError("SQLite in memory would forget every message it has confirmed: name a file")
    Path(url.database.removeprefix("file:")).parent.mkdir(parents=True, exist_ok=True)
    # The default pool keeps a few connections for any thread; writers queue at BEGIN IMMEDIATE, not here.
    engine = sa.create_engine(url, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # else Python's sqlite3 begins on its own, deferred, and after the reads
        for pragma in (
            f"busy_timeout = {BUSY_SECONDS * 1000}",  # first: switching to WAL may have to wait as well
            "journal_mode = WAL",
            "synchronous = FULL",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
            "secure_delete = ON",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("reading")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


_REVISION = sa.text("SELECT version_num FROM alembic_version")


def state(db: Database) -> State:
    """How the schema in the database compares with this release."""
    with db.read() as tx:
        if not sa.inspect(tx).has_table("alembic_version"):
            return "empty"
        revision = tx.execute(_REVISION).scalar()
    if revision is None:
        return "empty"
    if revision == HEAD:
        return "current"
    return "older" if str(revision) < HEAD else "newer"


def at_head(db: Database) -> bool:
    """Whether the schema is this release's own. Raises NewerDatabase where it is ahead of us."""
    found = state(db)
    if found == "newer":
        raise NewerDatabase(
            "this database was made by a newer release of Aid Station: "
            "install that release again, or restore the backup made before the upgrade"
        )
    return found == "current"


def migrate(url: str, to: str = "head") -> None:
    """Bring the schema to revision `to`: "head", a number like "0001", or "base" (drops everything).

    One transaction: done or not done, also on SQLite. Two replicas that start together wait for each other.
    Raises NewerDatabase before it touches a schema from a newer release.
    """
    db = Database(_engine(sa.make_url(url), foreign_keys=False))
    try:
        if at_head(db) and to in ("head", HEAD):
            return
        _migrate(db, to)
    finally:
        db.close()


def _migrate(db: Database, to: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    with db.begin() as tx:
        if not db.is_sqlite:
            tx.exec_driver_sql("SELECT pg_advisory_xact_lock(4726573)")  # any number, the same everywhere
        config.attributes["connection"] = tx
        present = ""
        if sa.inspect(tx).has_table("alembic_version"):
            present = tx.execute(_REVISION).scalar() or ""
        down = to == "base" or (to != "head" and to < present)
        (command.downgrade if down else command.upgrade)(config, to)
        if db.is_sqlite:
            # Foreign keys are off while tables are rebuilt (dropping one would delete what refers to it).
            broken = tx.exec_driver_sql("PRAGMA foreign_key_check").first()
            if broken is not None:
                raise RuntimeError(f"the migration would leave a row in {broken[0]} that refers to nothing")


_CLOCK = sa.text("SELECT clock_timestamp()")


def clock(tx: sa.Connection) -> datetime:
    """The database server's own time, aware (PostgreSQL only)."""
    return cast(datetime, tx.execute(_CLOCK).scalar_one()).astimezone(UTC)


_SQLITE_PASSING = {5, 6}  # SQLITE_BUSY, SQLITE_LOCKED
_POSTGRES_PASSING = {
    "25P03",  # we were stopped in the middle
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available
    "57P01",  # the server is shut down by its administrator,
    "57P02",  # has crashed,
    "57P03",  # or is starting
    "53300",  # too many connections
}


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction, taken again from its beginning, may well succeed.

    Locked, deadlock, serialization, lost or refused connection, full pool, and Conflict. A full disk is not:
    that needs a human. After a connection lost during COMMIT the outcome is unknown; unique keys make the
    second try harmless.
    """
    if isinstance(error, Conflict | sa.exc.TimeoutError):
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_PASSING  # the low byte; above it stands the variety (BUSY_SNAPSHOT ...)
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is None:  # no answer from the server at all
        return isinstance(error, sa.exc.OperationalError)
    return sqlstate in _POSTGRES_PASSING or sqlstate.startswith("08")
