"""A file that a coach sends comes to a turn: once, whole, or with the word that it did not.

Telegram is the sandbox over HTTP; time is an argument.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot import fetch, telegram, wire
from bot.fetch import HOLD, MOST, PAUSES, TRIES
from bot.metrics import Look, Metrics
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.server import serve
from bot.telegram import Api, Wire
from dialogs.model import Person, Wakeup
from storage import due, rights, schema
from storage.db import Database, open_db
from tests.sandbox.wire import TOKEN
from tests.storage.club import HOUR, NOW, join

PLAN = "date,kind,minutes\n2027-03-08,easy,40\n".encode("utf-16")
NAME = "Ann's secret plan.csv"


@dataclass(slots=True)
class Desk:
    """Kim's files, and whoever fetches them."""

    base: Database
    box: BotApi
    api: Api
    kim: Person
    ann: Person
    now: datetime = NOW
    metrics: Metrics = field(default_factory=Metrics)
    _numbers: int = 100

    def sends(self, **details: Any) -> str:
        """Kim sends a file; gives the key of what a turn would have put."""
        self._numbers += 1
        file = self.box.add_file("documents", ".bin", details.get("content", PLAN), size=details.get("size"))
        data = {"file_id": details.get("file_id", file.id), "name": NAME, "athlete_id": self.ann.id}
        key = f"fetch:{self.kim.id}:{self._numbers}"
        with self.base.begin() as tx:
            assert due.put(tx, self.kim.id, Wakeup("fetch", key, self.now, data=data), self.now)
        return key

    async def db_call(self, work: Callable[[sa.Connection], Any]) -> Any:
        def in_one() -> Any:
            with self.base.begin() as tx:
                return work(tx)

        return await asyncio.to_thread(in_one)

    async def fetches(self) -> bool:
        return await fetch.fetch_one(self.db_call, self.api, lambda: self.now, self.metrics)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        table = schema.due
        with self.base.read() as tx:
            found = tx.execute(sa.select(table).where(table.c.kind == kind).order_by(table.c.id)).mappings().all()
        return [dict(row) for row in found]

    def row(self) -> dict[str, Any]:
        (row,) = self.rows("fetch")
        return row

    def found(self) -> list[dict[str, Any]]:
        """What the turns get, but for the name that Telegram has for the file."""
        rows = self.rows("planfile")
        return [{name: value for name, value in row["data"].items() if name != "file_id"} for row in rows]

    def counted(self, kind: str) -> bool:
        shown = self.metrics.text(Look()).decode()
        return f'aidstation_errors_total{{kind="{kind}",where="fetch"}}' in shown


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Desk]:
    base = open_db(database_url)
    with base.begin() as tx:
        kim = join(tx, "Kim", 1, coaches=True)
        ann = join(tx, "Ann", 2, runs=True, coach_id=kim.id, consent_at=NOW)
    found: list[Desk] = []
    box = BotApi(token=TOKEN, now=lambda: found[0].now)
    async with serve(box) as url, Wire(read_s=5.0) as opened_wire:
        found.append(Desk(base, box, Api(TOKEN, url, opened_wire), kim, ann))
        yield found[0]
    base.close()


@pytest.fixture
async def desk(migrated_database_url: str) -> AsyncIterator[Desk]:
    async with opened(migrated_database_url) as found:
        yield found


only_sqlite = pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)  # the rest is the same


# --- what comes of it -----------------------------------------------------------------------------------------------


async def test_the_file_is_there_for_a_turn_byte_for_byte_and_the_row_is_done(desk: Desk) -> None:
    key = desk.sends()
    assert await desk.fetches()
    (row,) = desk.rows("planfile")
    content = base64.b64encode(PLAN).decode()
    assert (row["person_id"], row["key"], row["at"], row["status"], row["data"]) == (
        desk.kim.id, f"planfile:{key.partition(':')[2]}", NOW, "open",
        {**desk.row()["data"], "name": NAME, "athlete_id": desk.ann.id, "content": content},
    )  # fmt: skip
    assert (desk.row()["status"], desk.row()["finished_at"]) == ("done", NOW)
    assert not await desk.fetches(), "there is no more work"


async def test_a_file_of_just_the_limit_comes_whole(desk: Desk) -> None:
    content = bytes(range(250)) * (MOST // 250)
    assert len(content) == MOST
    desk.sends(content=content)
    await desk.fetches()
    (found,) = desk.found()
    assert base64.b64decode(found["content"]) == content


async def test_the_one_that_has_waited_longest_is_fetched_first_and_none_before_its_hour(desk: Desk) -> None:
    desk.now = NOW + HOUR
    desk.sends(content=b"second")
    desk.now = NOW
    assert not await desk.fetches()
    desk.sends(content=b"first")
    desk.now = NOW + HOUR
    while await desk.fetches():
        pass
    assert [base64.b64decode(one["content"]) for one in desk.found()] == [b"first", b"second"]


async def test_nobody_waits_for_the_database_while_telegram_answers(desk: Desk) -> None:
    desk.sends()
    desk.box.hold["getFile"] = asyncio.Event()
    working = asyncio.create_task(desk.fetches())
    await until(lambda: desk.box.calls["getFile"])
    with desk.base.begin() as tx:  # would be "database is locked", or a row that is locked
        assert due.claim(tx, NOW, but=due.HELD) is None and due.hold(tx, due.FETCH, NOW, NOW + HOLD) is None
        tx.execute(sa.update(schema.due).values(day=NOW.date()))
    desk.box.hold.pop("getFile").set()
    assert await working
    assert len(desk.found()) == 1


async def until(seen: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not seen():
            await asyncio.sleep(0.01)


# --- failing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "asked"), [(MOST + 1, 0), (MOST, 1)], ids=["by what is said", "by what comes"])
async def test_what_is_too_large_is_refused_before_or_while_it_comes_and_only_the_coach_hears_of_it(
    desk: Desk, said: int, asked: int, caplog: pytest.LogCaptureFixture
) -> None:
    desk.sends(content=b"x" * (MOST + 1), size=said)
    with caplog.at_level(logging.DEBUG):
        assert await desk.fetches()
    assert desk.box.calls["download"] == asked
    assert desk.found() == [{"name": NAME, "athlete_id": desk.ann.id, "failed": "too_big"}]
    assert desk.row()["status"] == "done" and not desk.counted("too_big")
    assert not [record for record in caplog.records if record.name == "bot.fetch"]


async def test_a_file_that_does_not_come_is_tried_three_times_and_then_the_coach_is_told(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    key = desk.sends(file_id="gone")
    with caplog.at_level(logging.DEBUG):
        for number, pause in enumerate(PAUSES, start=1):
            assert await desk.fetches()
            row = desk.row()
            assert (row["status"], row["attempts"], row["error_class"]) == ("open", number, "file_gone")
            assert row["ready_at"] == desk.now + pause
            assert not await desk.fetches() and not desk.found()
            desk.now = row["ready_at"]
        assert await desk.fetches()
    row = desk.row()
    assert (row["status"], row["attempts"], row["error_class"], row["at"]) == ("dead", TRIES, "file_gone", NOW)
    assert desk.found() == [{"name": NAME, "athlete_id": desk.ann.id, "failed": "file_gone"}]
    assert desk.counted("file_gone")
    assert [record.getMessage() for record in caplog.records if record.name == "bot.fetch"] == [
        f"fetch.failed key={key} kind=file_gone try=1",
        f"fetch.failed key={key} kind=file_gone try=2",
        f"fetch.dead key={key} kind=file_gone try=3",
    ]
    assert "secret" not in caplog.text
    desk.now += timedelta(days=9)
    assert not await desk.fetches() and len(desk.found()) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("before", "getFile"), "network"),
        (Fault(502, "getFile"), "server"),
        (Fault(401, "getFile"), "unauthorized"),
        (Fault("before", "download", times=2), "network"),  # the first is repeated by aiohttp itself: it only asks
        (Fault(404, "download"), "file_gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.method}-{value.kind}",
)
@only_sqlite
async def test_a_file_that_cannot_be_fetched_now_is_fetched_later(desk: Desk, fault: Fault, kind: str) -> None:
    desk.sends()
    desk.box.faults.append(fault)
    assert await desk.fetches()
    assert (desk.row()["status"], desk.row()["error_class"]) == ("open", kind)
    desk.now += PAUSES[0]
    assert await desk.fetches()
    assert len(desk.found()) == 1 and "content" in desk.found()[0]


@only_sqlite
async def test_telegram_names_a_longer_pause_than_ours(desk: Desk) -> None:
    desk.sends()
    desk.box.faults.append(Fault(429, "getFile", seconds=600))
    await desk.fetches()
    assert desk.row()["ready_at"] == NOW + timedelta(minutes=10)


@only_sqlite
async def test_a_row_that_names_no_file_is_given_up_like_any_other(desk: Desk) -> None:
    with desk.base.begin() as tx:
        due.put(tx, desk.kim.id, Wakeup("fetch", "fetch:1:1", NOW, data={"name": NAME}), NOW)
    for _ in range(TRIES):
        assert await desk.fetches()
        desk.now += HOUR
    assert desk.found() == [{"name": NAME, "failed": "KeyError"}]


# --- ending in the middle ---------------------------------------------------------------------------------------------


async def test_a_stop_gives_the_file_back_uncounted(desk: Desk) -> None:
    desk.sends()
    desk.box.hold["getFile"] = asyncio.Event()
    working = asyncio.create_task(desk.fetches())
    await until(lambda: desk.box.calls["getFile"])
    assert (desk.row()["attempts"], desk.row()["ready_at"]) == (1, NOW + HOLD)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    row = desk.row()
    assert (row["status"], row["attempts"], row["ready_at"], row["error_class"]) == ("open", 0, NOW, None)
    desk.box.hold.pop("getFile").set()
    assert await desk.fetches()
    assert len(desk.found()) == 1


class Killed(BaseException):
    """Nothing after it is done, as after SIGKILL."""


async def killed_before_the_commit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "_finish", die)
        with pytest.raises(Killed):
            await desk.fetches()


async def test_killed_before_its_commit_it_comes_again_once_the_hold_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sends()
    await killed_before_the_commit(desk, monkeypatch)
    assert not await desk.fetches(), "it is held"
    desk.now += HOLD
    assert await desk.fetches()
    assert not await desk.fetches()
    assert len(desk.found()) == 1 and desk.row()["attempts"] == 2


async def test_who_knows_that_the_others_are_dead_takes_it_up_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sends()
    await killed_before_the_commit(desk, monkeypatch)
    with desk.base.begin() as tx:
        due.take_up(tx)
    assert await desk.fetches()
    assert len(desk.found()) == 1


async def test_a_file_over_which_the_service_dies_each_time_is_given_up_and_the_coach_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.sends()
    for _ in range(TRIES):
        await killed_before_the_commit(desk, monkeypatch)
        desk.now += HOLD
    assert await desk.fetches()
    assert (desk.row()["status"], desk.row()["error_class"]) == ("dead", "unfinished")
    assert [one["failed"] for one in desk.found()] == ["unfinished"]


async def test_two_replicas_at_one_file_hand_it_over_once(desk: Desk) -> None:
    """The first is so slow that its hold is over, and a second one works on the same row."""
    desk.sends()
    desk.box.hold["getFile"] = held = asyncio.Event()
    first = asyncio.create_task(desk.fetches())
    await until(lambda: desk.box.calls["getFile"])
    del desk.box.hold["getFile"]
    desk.now += HOLD
    assert await desk.fetches()
    with desk.base.begin() as tx:  # and a turn has had it
        row = due.claim(tx, desk.now)
        assert row is not None and row.kind == "planfile" and due.done(tx, row.id, desk.now)
    held.set()
    assert await first
    (row_after,) = desk.rows("planfile")
    assert (row_after["status"], row_after["data"]) == ("done", {}), "nor is the file kept once it is read"


async def test_a_replica_that_fails_too_late_says_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.sends()
    desk.box.hold["getFile"] = held = asyncio.Event()
    monkeypatch.setattr(fetch, "TRIES", 1)
    first = asyncio.create_task(desk.fetches())
    await until(lambda: desk.box.calls["getFile"])
    del desk.box.hold["getFile"]
    with desk.base.begin() as tx:
        row = due.hold(tx, due.FETCH, NOW + HOLD, NOW + 2 * HOLD)
        assert row is not None and due.done(tx, row.id, NOW)
    desk.box.faults.append(Fault(404, "download"))
    held.set()
    assert await first
    assert desk.found() == [] and desk.row()["status"] == "done"


async def test_the_file_of_a_coach_who_was_erased_meanwhile_is_kept_nowhere(desk: Desk) -> None:
    desk.sends()
    desk.box.hold["getFile"] = held = asyncio.Event()
    working = asyncio.create_task(desk.fetches())
    await until(lambda: desk.box.calls["getFile"])
    with desk.base.begin() as tx:
        rights.erase(tx, desk.kim.id, "R" * 10, NOW)
    held.set()
    assert await working
    assert desk.rows("fetch") == desk.rows("planfile") == []


def test_a_hold_is_longer_than_a_try_can_be() -> None:
    assert HOLD.total_seconds() > 2 * (wire.CONNECT_S + telegram.DOWNLOAD_S)
