"""What is asked on every tap and tick must not grow with what has ever been said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import due, inbox, outbox
from storage.db import migrate, open_db
from tests.storage.club import NOW, join, load

ASKED: dict[str, Callable[[sa.Connection], object]] = {
    "an update is claimed": lambda tx: inbox.claim(tx, NOW),
    "an update is awaited": inbox.next_at,
    "a wakeup is claimed": lambda tx: due.claim(tx, NOW),
    "a wakeup is claimed beside voice notes": lambda tx: due.claim(tx, NOW, "transcribe"),
    "a voice note is held": lambda tx: due.hold(tx, NOW, NOW),
    "held voice notes are taken up": due.take_up,
    "a wakeup is awaited": due.next_at,
    "a wakeup is cancelled": lambda tx: due.cancel(tx, 1, "page:"),
    "messages are leased": lambda tx: outbox.lease(tx, NOW, owner="s", limit=9, busy_chats=[1]),
    "a message is awaited": outbox.next_at,
    "messages are counted": lambda tx: outbox.sendable(tx, NOW),
    "a try failed": lambda tx: outbox.retry(tx, 1, NOW, "TimedOut", repeat=True),
    "pages are silenced": lambda tx: outbox.silence(tx, ["K7Q2M"]),
    "a reply is placed": lambda tx: outbox.owner_of_reply(tx, 1, 2),
    "an athlete's turn": lambda tx: load(tx, join(tx, "Ann", 31, runs=True)),
    "a coach's turn": lambda tx: load(tx, join(tx, "Kim", 21, coaches=True)),
}


@pytest.mark.parametrize("name", ASKED)
def test_no_whole_table_is_read_when(name: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    migrate(url)
    db = open_db(url)
    asked: list[tuple[str, object]] = []
    with db.begin() as tx:
        sa.event.listen(
            db.engine,
            "before_cursor_execute",
            lambda connection, cursor, statement, parameters, *rest: asked.append((statement, parameters)),
        )
        ASKED[name](tx)
    with db.begin() as tx:
        plans = [
            step[3]
            for statement, parameters in list(asked)
            if re.match("SELECT|UPDATE|DELETE", statement)
            for step in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        ]
    db.close()
    tables = "person|inbox|due|outbox|journal|escalation|invite|earlier|other|shown|newer|athlete|named"
    assert plans
    assert [step for step in plans if re.fullmatch(f"SCAN ({tables})", step)] == []
