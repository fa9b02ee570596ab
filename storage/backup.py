"""A backup is one SQLite file, whatever the club runs on, taken while the service goes on working.

On SQLite the pages are copied by SQLite's own backup. All in one step: in WAL mode a reader stops no writer, however
long it reads, and sees one instant, whereas a copy in small steps begins anew at each commit and on a busy club never
ends. On PostgreSQL the rows are copied (storage.moving) in one REPEATABLE READ transaction that cannot write.

It is made in a folder of its own beside its place, which is removed whatever happens; checked; made durable; and only
then given its name. So a file that is there is whole. It holds in `club` the instant before it was begun: a restore has
to know from when on anything may have happened that is not in it (storage.restoring).
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from storage import db, moving
from storage.db import Database
from storage.moving import Refused

TAKEN_AT = "backup_taken_at"  # in the `club` of a backup, and of nothing else
NAME = "aidstation-{:%Y%m%dT%H%M%SZ}.db"
NAMED = re.compile(r"aidstation-\d{8}T\d{6}Z\.db")  # in the order of time when sorted
SCRATCH = ".aidstation-"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written, where, and which older ones went."""

    file: Path
    bytes: int
    rows: dict[str, int]
    removed: tuple[Path, ...] = ()


def take(base: Database, to: Path, now: datetime, *, force: bool = False, keep: int | None = None) -> Backup:
    """Write a backup to the file `to`, or into the folder `to` under a name with the instant.

    `force`: over an existing file. `keep`: of those in the folder that were named here only so many stay, the newest.
    Raises Refused: the operator reads why. Nothing is left of a backup that failed.
    """
    if keep is not None and not to.is_dir():
        raise Refused(f"--keep needs a folder, and {to} is none")
    file = to / NAME.format(now) if to.is_dir() else to
    if file.exists() and not force:
        raise Refused(f"{file} is there already: name another file, or say --force")
    _refuse_no_club(base)
    with written(file) as scratch:
        draft = scratch / "backup.db"
        if base.is_sqlite:
            _copy_pages(file_of(base), draft)
        else:
            _copy_snapshot(base, draft)
        rows = _seal(draft, now)
        draft.chmod(0o600)
        sync(draft)
        size = draft.stat().st_size
        os.replace(draft, file)
        sync(file.parent)
    return Backup(file, size, rows, _remove_old(to, keep) if keep is not None else ())


def file_of(base: Database) -> Path:
    """Where an SQLite database lies, by its one true name."""
    return Path(os.path.realpath((base.engine.url.database or "").removeprefix("file:")))


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, outlive a power cut."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def written(file: Path) -> Iterator[Path]:
    """A folder beside `file` for what is not whole yet; gone at the end, with all that is in it. What goes wrong while
    something is written there becomes Refused, in a sentence."""
    try:
        with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=file.parent) as scratch:
            yield Path(scratch)
    except (OSError, sqlite3.Error, sa.exc.DBAPIError) as error:
        raise Refused(_why(error, file)) from error


def inspect(connection: sqlite3.Connection) -> None:
    """Raises Refused where the file is damaged."""
    for check in ("integrity_check", "foreign_key_check"):
        found = connection.execute(f"PRAGMA {check}").fetchone()
        if found is not None and found[0] != "ok":
            raise Refused(f"the database is damaged ({check} fails): `aidstation doctor`, and the last good backup")


# --- how it is made -----------------------------------------------------------------------------------------------


def _refuse_no_club(base: Database) -> None:
    if base.is_sqlite and not file_of(base).exists():
        raise Refused("there is no database at DATABASE_URL yet: nothing to back up")
    match db.state(base):
        case "empty":
            raise Refused("there is no club at DATABASE_URL yet: nothing to back up")
        case "newer":
            raise Refused("this database was made by a newer release: back it up with that one")
        case "older" if not base.is_sqlite:
            raise Refused("this database is older than this release: back it up with the release that runs on it")
        case _:
            pass
    if moving.unfinished(base):
        raise Refused("a copy into this database is not finished: finish it with `aidstation copy`, then back up")


def _copy_pages(source: Path, draft: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True)) as live,
        closing(sqlite3.connect(draft)) as copy,
    ):
        live.execute(f"PRAGMA busy_timeout = {db.BUSY_SECONDS * 1000}")
        live.backup(copy)


def _copy_snapshot(base: Database, draft: Path) -> None:
    url = f"sqlite:///{draft}"
    db.migrate(url)
    copy = db.open_db(url)
    try:
        with base.engine.connect() as connection:
            snapshot = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            with snapshot.begin():
                moving.copy_rows(snapshot, copy)
                if found := moving.differences(snapshot, copy):
                    raise Refused(f"the backup is not what it was made from ({', '.join(map(str, found))})")
    finally:
        copy.close()


def _seal(draft: Path, now: datetime) -> dict[str, int]:
    """One file without a log beside it, marked as a backup, and looked through; how many rows each table has."""
    with closing(sqlite3.connect(draft, isolation_level=None)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("PRAGMA synchronous = FULL")
        copy.execute("DELETE FROM lease")
        copy.execute("INSERT OR REPLACE INTO club (key, value) VALUES (?, ?)", (TAKEN_AT, now.isoformat()))
        inspect(copy)
        there = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        names = [one.name for one in moving.tables() if one.name in there]  # an older release has fewer
        return {name: copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608


def _remove_old(folder: Path, keep: int) -> tuple[Path, ...]:
    ours = sorted(one for one in folder.iterdir() if NAMED.fullmatch(one.name))
    old = tuple(ours[: max(0, len(ours) - keep)])
    for one in old:
        one.unlink()
    return old


def _why(error: Exception, file: Path) -> str:
    cause = getattr(error, "orig", None) or error
    code = (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF
    number = getattr(cause, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return f"{file} cannot be written, the disk is full or a limit is reached: make room, or name another disk"
    if isinstance(cause, FileNotFoundError | NotADirectoryError):
        return f"{file} cannot be written: there is no folder {file.parent}"
    if isinstance(cause, PermissionError) or number == errno.EROFS:
        return f"{file} cannot be written: this user may not write in {file.parent}"
    if isinstance(error, sa.exc.DBAPIError) and not code:
        return f"the database cannot be read ({type(cause).__name__}): is the server up? Nothing was written"
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return f"{file} could not be written ({reason}): nothing is left of it"
