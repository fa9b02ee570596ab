"""What is asked on every tap and tick must not grow with what has ever been said."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from dialogs.events import Grouped, Said, Sender
from storage import due, feeds, inbox, outbox, plans, proposals, topics, training
from storage.db import migrate, open_db
from tests.storage.club import NOW, join, load, planned, session


def changed_and_read(tx: sa.Connection) -> None:
    ann = join(tx, "Ann", 31, runs=True)
    planned(tx, ann, session("a"))
    planned(tx, ann, removed=(session("a"),))
    plans.at_version(tx, ann.id, 1)


ASKED: dict[str, Callable[[sa.Connection], object]] = {
    "an update is claimed": lambda tx: inbox.claim(tx, NOW),
    "an update is awaited": inbox.next_at,
    "a wakeup is claimed": lambda tx: due.claim(tx, NOW),
    "a wakeup is claimed beside what others hold": lambda tx: due.claim(tx, NOW, due.HELD),
    "a voice note is held": lambda tx: due.hold(tx, "transcribe", NOW, NOW),
    "held voice notes are taken up": due.take_up,
    "a wakeup is awaited": due.next_at,
    "a wakeup is cancelled": lambda tx: due.cancel(tx, 1, "page:"),
    "messages are leased": lambda tx: outbox.lease(tx, NOW, owner="s", limit=9, busy_chats=[1]),
    "a message is awaited": outbox.next_at,
    "messages are counted": lambda tx: outbox.sendable(tx, NOW),
    "a try failed": lambda tx: outbox.retry(tx, 1, NOW, "TimedOut", repeat=True),
    "pages are silenced": lambda tx: outbox.silence(tx, ["K7Q2M"]),
    "a reply is placed": lambda tx: outbox.owner_of_reply(tx, 1, 2),
    "a feed is read": lambda tx: feeds.calendar(tx, "c" * 32, NOW.date()) or plans.current(tx, 1, NOW.date()),
    "a plan is read back": lambda tx: (plans.versions(tx, 1), plans.current(tx, 1, NOW.date())),
    "a plan is changed and read as it was": changed_and_read,
    "the rule book looks at several": lambda tx: training.read(
        tx, [join(tx, "Ann", 31, runs=True), join(tx, "Ben", 32, runs=True)], NOW
    ),
    "a coach's proposals are read": lambda tx: proposals.open_of(tx, [1, 2]),
    "an athlete's turn": lambda tx: load(tx, join(tx, "Ann", 31, runs=True)),
    "the head coach's turn": lambda tx: load(
        tx, [join(tx, "Hal", 20, coaches=True), join(tx, "Ann", 31, runs=True, coach_id=join(tx, "Fay", 22).id)][0]
    ),
    "somebody is seen in a group": lambda tx: (
        join(tx, "Kim", 21, coaches=True, group=-5),
        topics.guests(tx, Sender(-5, 9, private=False), Grouped("said", 3, Said("hi", 1)), "bot"),
    ),
    "a coach's turn": lambda tx: (join(tx, "Hal", 20, coaches=True), load(tx, join(tx, "Kim", 21, coaches=True))),
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
    tables += "|version|session|proposal|setting|feed|next"
    assert plans
    assert [step for step in plans if re.fullmatch(f"SCAN ({tables})", step)] == []
