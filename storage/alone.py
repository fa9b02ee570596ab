"""One process to one SQLite file: two senders, or two that move it, would each undo what the other has done.

The kernel keeps the lock, on an open file beside the database, and gives it back when that file is closed, be it by
SIGKILL: nothing has to be cleaned up after a crash, and a number left in the file proves nothing by itself. The file
stays for ever, since removing it would let two processes hold two files of one name. Only whoever runs, restores or
moves takes it; looking, inviting and backing up go on beside it, as SQLite's own locks suffice for them.

PostgreSQL needs none of this: there the processes are equal and share their work (storage.lease).
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class Taken(Exception):
    """Another process holds the database (`pid`), or nobody can tell (None). The text is for the operator."""

    def __init__(self, text: str, pid: int | None = None) -> None:
        super().__init__(text)
        self.pid = pid


@contextmanager
def held(url: str) -> Iterator[None]:
    """Hold the SQLite file at `url` against every other holder until the block is left; on PostgreSQL do nothing.

    Does not wait. Raises Taken. Whoever has it may take all leases in the database for those of the dead.
    """
    database = _file(url)
    if database is None:
        yield
        return
    path = database.with_name(f"{database.name}.lock")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        # Python opens with close-on-exec: no child that outlives us can keep the lock.
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Taken(
            f"cannot open {path} ({error.strerror}): this user must be able to write beside the database"
        ) from None
    try:
        _lock(lock, path, database)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, path: Path, database: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            pid = _pid(lock)
            who = "another process" if pid is None else f"process {pid}"
            raise Taken(
                f"{who} runs on {database} already: stop it first; two on one SQLite file would undo each other's work "
                "(several need PostgreSQL)",
                pid,
            ) from None
        raise Taken(  # a network drive, most likely; SQLite itself needs working locks there as well
            f"cannot lock {path} ({error.strerror}): put the database on a local disk, where files can be locked"
        ) from None


def _pid(lock: int) -> int | None:
    text = os.pread(lock, 20, 0).strip()  # empty in the instant between locking and writing
    return int(text) if text.isdigit() else None


def _file(url: str) -> Path | None:
    """The one true path of the SQLite file: by a link, too, it is the same file with the same lock.

    None where there is no such file; an address that is none is `storage.db.open_db`'s to refuse.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    name = parsed.database or ":memory:"
    if parsed.get_backend_name() != "sqlite" or name == ":memory:":
        return None
    return Path(os.path.realpath(name.removeprefix("file:")))
