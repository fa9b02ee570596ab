"""Measures one check-in answer: synchronous SQLAlchemy on one thread against the async extension.

Each way runs the same statements, is called from an asyncio loop, and commits with fsync. The ways take
turns within each round, so that whatever else the machine does hits all of them alike.
How to run it and what came out: 0002-synchronous-storage.md.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from tests import postgres

ROUNDS, ANSWERS, PEOPLE = 5, 400, 50
Turn = Callable[[], Awaitable[bool]]

tables = sa.MetaData()


def table(name: str, *columns: Any) -> sa.Table:
    return sa.Table(name, tables, sa.Column("id", sa.Integer, primary_key=True), *columns)


def notes(name: str) -> sa.Table:
    return table(name, sa.Column("who", sa.ForeignKey("person.id"), index=True), sa.Column("body", sa.JSON))


person = table("person", sa.Column("turn", sa.Integer), sa.Column("state", sa.JSON))
plan, prompt, journal, outbox = (notes(name) for name in ("plan", "prompt", "journal", "outbox"))
inbox = table("inbox", sa.Column("who", sa.Integer), sa.Column("done", sa.Boolean, index=True))

# Built once: the cost of building statements is the same for all ways and is not the question.
CLAIM = sa.select(inbox).where(~inbox.c.done).order_by(inbox.c.id).limit(1).with_for_update(skip_locked=True)
WHO: sa.BindParameter[int] = sa.bindparam("person")
LOAD = sa.select(person).where(person.c.id == WHO).with_for_update()
BESIDE = [sa.select(beside).where(beside.c.who == WHO) for beside in (plan, prompt)]
SAVE = sa.update(person).where(person.c.id == WHO).values(turn=sa.bindparam("n"), state=sa.bindparam("s"))
DONE = sa.update(inbox).where(inbox.c.id == sa.bindparam("entry")).values(done=True)
ANSWER = {"question": "sleep", "answer": 4, "words": "slept well, legs a little heavy from the hills"}


def answer(connection: sa.Connection) -> bool:
    """The transaction; False if nothing is open. Under the async extension each execute awaits its driver."""
    entry = connection.execute(CLAIM).first()
    if entry is None:
        return False
    who = {"person": entry.who}
    someone = connection.execute(LOAD, who).one()
    for select in BESIDE:
        connection.execute(select, who).all()
    connection.execute(SAVE, {**who, "n": someone.turn + 1, "s": {"script": "morning", **ANSWER}})
    for kept in (journal, outbox):
        connection.execute(sa.insert(kept), {"who": entry.who, "body": ANSWER})
    connection.execute(DONE, {"entry": entry.id})
    return True


def on_connect(raw: Any, _: object) -> None:
    raw.isolation_level = None  # SQLAlchemy, not sqlite3, says when a transaction begins
    cursor = raw.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def prepare(engine: sa.Engine) -> sa.Engine:
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", on_connect)
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


@asynccontextmanager
async def on_threads(url: str, threads: int) -> AsyncIterator[Turn]:
    engine, pool = prepare(sa.create_engine(url, pool_size=threads)), ThreadPoolExecutor(threads)

    def turn() -> bool:
        with engine.begin() as connection:
            return answer(connection)

    yield lambda: asyncio.get_running_loop().run_in_executor(pool, turn)
    pool.shutdown()
    engine.dispose()


@asynccontextmanager
async def extension(url: str, connections: int) -> AsyncIterator[Turn]:
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:"), pool_size=connections)
    prepare(engine.sync_engine)

    async def turn() -> bool:
        async with engine.begin() as connection:
            return await connection.run_sync(answer)

    yield turn
    await engine.dispose()


def fill(url: str) -> None:
    engine = prepare(sa.create_engine(url))
    tables.drop_all(engine)
    tables.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(person), [{"id": n, "turn": 0, "state": {}} for n in range(PEOPLE)])
        for beside in (plan, prompt):
            connection.execute(sa.insert(beside), [{"who": n, "body": ANSWER} for n in range(PEOPLE)])
        connection.execute(sa.insert(inbox), [{"who": n % PEOPLE, "done": False} for n in range(ANSWERS)])
    engine.dispose()


async def measure(way: Any, url: str, width: int, tasks: int) -> tuple[float, float]:
    """Answers a second, and CPU milliseconds of this process for each, with `tasks` asking at once."""
    fill(url)

    async def work(turn: Turn) -> int:
        handled = 0
        while await turn():
            handled += 1
        return handled

    async with way(url, width) as turn:
        started, cpu = time.perf_counter(), time.process_time()
        handled = await asyncio.gather(*(work(turn) for _ in range(tasks)))
        took, cpu = time.perf_counter() - started, time.process_time() - cpu
    assert sum(handled) == ANSWERS, handled
    return ANSWERS / took, cpu / ANSWERS * 1000


def main() -> None:
    server = postgres.start(durable=True)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        sqlite, pg = f"sqlite:///{Path(folder) / 'measure.db'}", server.create("measure")
        ways = {
            "SQLite, sync, 1 thread": (on_threads, sqlite, 1),
            "SQLite, async (aiosqlite), 1 connection": (extension, sqlite, 1),
            "PostgreSQL, sync, 1 thread": (on_threads, pg, 1),
            "PostgreSQL, sync, 4 threads": (on_threads, pg, 4),
            "PostgreSQL, async (psycopg), 8 connections": (extension, pg, 8),
        }
        found: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS} ...", file=sys.stderr)
            for name, (way, url, width) in ways.items():
                for tasks in (1, 8):
                    found.setdefault((name, tasks), []).append(asyncio.run(measure(way, url, width, tasks)))
        for (name, tasks), figures in found.items():
            speed, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
            slowest, *_, fastest = sorted(figures)
            print(f"| {name} | {tasks} | {speed:.0f} | {slowest[0]:.0f}-{fastest[0]:.0f} | {cpu:.1f} |")
    server.stop()


if __name__ == "__main__":
    main()
