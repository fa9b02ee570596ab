"""What falls due costs by how much falls due, and not by how many people there are.

Two clubs, one with 100,000 athletes who all have a check-in of tomorrow and a few days of journal, one as small as
what is due. In both as many check-ins are due now, and they are handled in turns, a hundred here and a hundred there,
so that a machine that is slower for a while is slower for both. The service's own steps are timed, from the claim of a
wakeup to the commit of what shall be sent; nothing is sent.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from bot import app as service
from bot.app import App
from bot.clock import Clock
from bot.config import Settings
from storage.db import open_db
from storage.schema import due, outbox
from tests import postgres
from tests.bench import club
from tests.bench.machine import TOKEN, Cores, on_core

CHUNK = 100
DAYS = 2  # of journal for everybody


@dataclass(frozen=True, slots=True)
class Crowd:
    """How long it took to handle everything that was due in one club."""

    database: str
    people: int
    due: int
    seconds: float
    handled: int
    planned_again: int


@dataclass(slots=True)
class _Club:
    people: int
    app: App
    seconds: float = 0.0
    left: bool = True
    handled: int = field(default=0)


async def sweep(url_of: dict[int, str], database: str, due_now: int) -> list[Crowd]:
    """One club for each size in `url_of`; their databases are empty yet."""
    async with contextlib.AsyncExitStack() as stack:
        clubs = []
        for size, url in sorted(url_of.items(), reverse=True):  # what is slow at first is charged to the larger club
            clock = Clock()
            now = clock.now()
            zone = club.zone_at(10, now)
            club.make(url, now, athletes=size, coaches=max(1, size // 50), zone=zone)
            base = open_db(url)
            try:
                club.lived(base, now, zone=zone, days=DAYS)
                club.due_at(base, now - timedelta(seconds=1), due_now, zone=zone, now=now)
                club.analyze(base)
            finally:
                base.close()
            settings = Settings(telegram_bot_token=TOKEN, telegram_api_url="http://127.0.0.1:9", database_url=url)
            clubs.append(_Club(size, await stack.enter_async_context(service.opened(settings, TOKEN, clock))))
        while any(one.left for one in clubs):
            for one in clubs:
                began = time.perf_counter()
                for _ in range(CHUNK):
                    one.left = one.left and await one.app.handle_once()
                    one.handled += one.left
                one.seconds += time.perf_counter() - began
        return [_crowd(one, database, due_now) for one in reversed(clubs)]


def _crowd(one: _Club, database: str, due_now: int) -> Crowd:
    def count(table: sa.Table, status: str) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.status == status)
        with one.app.base.read() as tx:
            return int(tx.execute(query).scalar_one())

    asked, planned = count(outbox, "pending"), count(due, "open")
    handled = min(one.handled, asked, count(due, "done"))
    return Crowd(database, one.people, due_now, one.seconds, handled, planned)


@contextlib.contextmanager
def databases(
    kind: str, sizes: tuple[int, ...], folder: Path, server: postgres.Server | None
) -> Iterator[dict[int, str]]:
    """Empty ones; the files are removed at the end."""
    if kind == "postgres":
        assert server
        yield {size: server.create(f"crowd{size}") for size in sizes}
        for size in sizes:
            server.drop(f"crowd{size}")
        return
    files = {size: folder / f"crowd{size}.db" for size in sizes}
    yield {size: f"sqlite:///{file}" for size, file in files.items()}
    for file in files.values():
        for leftover in folder.glob(f"{file.name}*"):
            leftover.unlink()


async def run(folder: Path, cores: Cores, server: postgres.Server | None, *, due_now: int, people: int) -> list[Crowd]:
    """On SQLite, and on PostgreSQL where there is a server."""
    found = []
    for kind in ("sqlite", *(["postgres"] if server else [])):
        with databases(kind, (due_now, people), folder, server) as urls, on_core(cores.bot):
            found += await sweep(urls, kind, due_now)
    return found


def faults(crowds: list[Crowd]) -> list[str]:
    """Check-ins that were not asked, or asked without the next one being planned."""
    return [
        f"{one.database}, {one.people} people: {one.handled} of {one.due} handled, {one.planned_again} planned"
        for one in crowds
        if one.handled != one.due or one.planned_again != one.people
    ]
