"""A bell between replicas: whoever commits work rings, and all that listen look at once.

A reply that one process has written may have to be sent by another, which would find it at its next beat (a second
later). PostgreSQL rings when the transaction commits, and not if it rolls back. The bell says nothing, and nothing
depends on it: who misses it finds the work at the next beat. SQLite has one process, which nudges itself.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from storage.db import Database

log = logging.getLogger(__name__)

CHANNEL = "aidstation"
LISTEN_S = 0.5  # between two looks whether we still have to listen
AGAIN_S = 1.0  # after a lost connection

_RING = sa.text(f"NOTIFY {CHANNEL}")


def ring(tx: sa.Connection) -> None:
    """There is work, as soon as `tx` is committed."""
    if tx.dialect.name == "postgresql":
        tx.execute(_RING)


@contextmanager
def listening(base: Database, heard: Callable[[], None]) -> Iterator[None]:
    """Until the block is left, call `heard`, in a thread of its own, at each ring, our own ones too."""
    if base.is_sqlite:
        yield
        return
    ended = threading.Event()
    listener = threading.Thread(target=_listen, args=(base, heard, ended), name="bell", daemon=True)
    listener.start()
    try:
        yield
    finally:
        ended.set()
        listener.join(2 * LISTEN_S)  # a server that does not answer holds nobody up


def _listen(base: Database, heard: Callable[[], None], ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            with base.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(f"LISTEN {CHANNEL}")
                driver: Any = connection.connection.driver_connection  # psycopg's own
                heard()  # what was rung while we were away
                try:
                    while not ended.is_set():
                        for _ in driver.notifies(timeout=LISTEN_S):
                            heard()
                            if ended.is_set():
                                break
                finally:
                    connection.invalidate()  # it still listens: it must not come back to the others
        except Exception as error:
            log.warning("bell.lost error=%s", type(error).__name__)
            ended.wait(AGAIN_S)
