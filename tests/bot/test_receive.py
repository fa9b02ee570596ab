"""Receiving: stored before it is confirmed, by polling and by webhook, whatever comes and whatever fails."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot import receive
from bot.receive import Unconfirmable, incoming, incoming_text, poll_forever, poll_once
from bot.refusals import SendError
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from bot.telegram import Api, Wire
from bot.tick import ticking
from bot.web import BODY_LIMIT, make_app, serve_web
from storage import inbox
from storage.db import Database, open_db
from storage.inbox import Incoming
from tests.sandbox.wire import TOKEN, Clock, until

BOT = 123456
SECRET = "right-secret"


@dataclass
class Store:
    """Remembers what was committed; `broken` makes it fail, as a full disk would."""

    rows: list[Incoming] = field(default_factory=list)
    commits: int = 0
    broken: bool = False

    async def __call__(self, rows: Sequence[Incoming]) -> None:
        if self.broken:
            raise OSError("disk full")
        self.rows += rows
        self.commits += 1


@pytest.fixture
def box() -> BotApi:
    return BotApi(token=TOKEN, now=Clock())


@pytest.fixture
def ann(box: BotApi) -> Phone:
    phone = Phone(box, 1001, "Ann")
    phone.starts()
    box.updates.pending.clear()
    return phone


@pytest.fixture
async def api(box: BotApi) -> AsyncIterator[Api]:
    async with serve(box) as url, Wire(read_s=0.2) as wire:
        yield Api(TOKEN, url, wire)


# --- polling ------------------------------------------------------------------------------------------


async def test_a_batch_is_one_commit_and_is_confirmed_by_the_next_fetch_only(api: Api, box: BotApi, ann: Phone) -> None:
    store = Store()
    for words in ("one", "two", "three"):
        ann.says(words)
    offset = await poll_once(api, store, None, bot_id=BOT, wait_s=0)
    assert store.commits == 1
    assert [json.loads(row.raw)["message"]["text"] for row in store.rows] == ["one", "two", "three"]
    assert len(box.updates.pending) == 3  # not confirmed yet
    assert await poll_once(api, store, offset, bot_id=BOT, wait_s=0) is None
    assert not box.updates.pending


async def test_what_could_not_be_stored_is_not_confirmed(api: Api, box: BotApi, ann: Phone) -> None:
    ann.says("chest pain")
    with pytest.raises(OSError, match="disk full"):
        await poll_once(api, Store(broken=True), None, bot_id=BOT, wait_s=0)
    store = Store()
    await poll_once(api, store, None, bot_id=BOT, wait_s=0)
    assert "chest pain" in store.rows[0].raw


@pytest.mark.parametrize("place", range(10))
async def test_one_poisoned_update_in_a_batch_of_ten_hides_none_of_the_others(
    api: Api, box: BotApi, ann: Phone, place: int, tmp_path: Path
) -> None:
    for number in range(10):
        if number == place:
            box.raw_update({"message": {"chat": "poison", "text": "\ud800"}})
        else:
            ann.says(f"word {number}")
    async with database(tmp_path) as (db, store):
        await poll_once(api, store, None, bot_id=BOT, wait_s=0)
        with db.begin() as tx:
            assert inbox.waiting(tx, Clock()()) == 10


async def test_the_same_batch_again_is_stored_once(api: Api, box: BotApi, ann: Phone, tmp_path: Path) -> None:
    ann.says("one")
    async with database(tmp_path) as (db, store):
        for _ in range(3):
            await poll_once(api, store, None, bot_id=BOT, wait_s=0)
        with db.begin() as tx:
            assert inbox.waiting(tx, Clock()()) == 1


async def test_ids_that_start_anew_lower_are_received(api: Api, box: BotApi, ann: Phone) -> None:
    store = Store()
    answers: list[list[object]] = [[{"update_id": 900}], [], [{"update_id": 5}], []]
    asked: list[int | None] = []

    class Scripted(Api):
        async def get_updates(self, offset: int | None, timeout_s: float) -> list[object]:
            asked.append(offset)
            return answers.pop(0)

    scripted, offset = Scripted(TOKEN, "http://unused", Wire()), None
    for _ in range(4):
        offset = await poll_once(scripted, store, offset, bot_id=BOT)
    assert [row.key for row in store.rows] == [f"{BOT}:900", f"{BOT}:5"]
    assert asked == [None, 901, None, 6]


async def test_a_batch_without_any_id_is_stored_and_not_asked_for_in_a_spin(api: Api, box: BotApi) -> None:
    class Scripted(Api):
        async def get_updates(self, offset: int | None, timeout_s: float) -> list[object]:
            return [{"message": {}}, "nonsense", {"update_id": True}]

    store = Store()
    with pytest.raises(Unconfirmable):
        await poll_once(Scripted(TOKEN, "http://unused", Wire()), store, None, bot_id=BOT)
    assert len({row.key for row in store.rows}) == 3
    assert all(row.key.startswith("raw:") for row in store.rows)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(401),
        Fault(404),
        Fault(409),
        Fault(403),
        Fault(400),
        Fault(429, seconds=3600),
        Fault(500),
        Fault(502, body="html"),
        Fault(200, body="truncated", accepted=True),
        Fault(200, body="empty", accepted=True),
        Fault("before"),
        Fault("after"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.body}",
)
async def test_no_answer_of_telegram_makes_the_bot_deaf(
    api: Api, box: BotApi, ann: Phone, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fault.method, fault.times = "getUpdates", 12
    box.faults = [fault]
    ann.says("chest pain")
    store = Store()
    pauses, kinds = await poll_until(api, store, lambda: bool(store.rows))
    assert "chest pain" in store.rows[0].raw
    assert len(pauses) == 12
    assert all(1 <= pause <= 30 for pause in pauses)
    assert kinds[-1] is None and None not in kinds[:12]
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    assert "chest pain" not in caplog.text and TOKEN not in caplog.text


async def test_a_database_that_is_away_for_a_while_loses_nothing(api: Api, box: BotApi, ann: Phone) -> None:
    store = Store(broken=True)
    ann.says("chest pain")

    def mend(pauses: list[float]) -> None:
        store.broken = len(pauses) < 5

    await poll_until(api, store, lambda: bool(store.rows), after_pause=mend)
    assert len(store.rows) == 1


async def poll_until(
    api: Api,
    store: Store,
    done: Callable[[], bool],
    after_pause: Callable[[list[float]], None] = lambda pauses: None,
) -> tuple[list[float], list[str | None]]:
    pauses: list[float] = []
    kinds: list[str | None] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        after_pause(pauses)
        await asyncio.sleep(0)

    task = asyncio.create_task(
        poll_forever(
            api,
            store,
            bot_id=BOT,
            nudge=lambda: None,
            health=kinds.append,
            sleep=sleep,
            jitter=lambda: 1.0,
            wait_s=1,
        )
    )
    await until(lambda: done() and kinds[-1:] == [None])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return pauses, kinds


def test_an_update_has_the_same_row_by_polling_and_by_webhook() -> None:
    raw = {"update_id": 7, "message": {"from": {"id": 1}, "text": "ü {{7*7}}"}}
    spaced = json.dumps(dict(reversed(raw.items())), indent=2)
    assert incoming_text(spaced, BOT) == incoming(raw, BOT)
    assert incoming(raw, BOT).key == f"{BOT}:7" and incoming(raw, BOT).who == "1"


# --- webhook ------------------------------------------------------------------------------------------


async def call(
    store: Store,
    body: bytes | io.BytesIO | AsyncIterator[bytes] = b'{"update_id": 1}',
    *,
    path: str = "/telegram",
    method: str = "POST",
    secret: str = SECRET,
) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    app = make_app(store, bot_id=BOT, secret=SECRET)
    async with (
        serve_web(app, ("127.0.0.1", 0)) as url,
        aiohttp.ClientSession() as session,
        session.request(method, url + path, data=body, headers=headers) as answer,
    ):
        return answer.status


async def test_an_update_posted_with_the_secret_is_stored() -> None:
    store = Store()
    assert await call(store) == 200
    assert [row.key for row in store.rows] == [f"{BOT}:1"]


@pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1], SECRET + "x", SECRET.upper(), "\xe9"])
async def test_without_the_right_secret_nothing_is_stored(secret: str) -> None:
    store = Store()
    assert await call(store, secret=secret) == 403
    assert not store.rows


async def test_without_a_secret_set_nobody_gets_in() -> None:
    app = make_app(Store(), bot_id=BOT, secret="")
    async with serve_web(app, ("127.0.0.1", 0)) as url, aiohttp.ClientSession() as session:
        headers = {"X-Telegram-Bot-Api-Secret-Token": ""}
        async with session.post(f"{url}/telegram", data=b"{}", headers=headers) as answer:
            assert answer.status == 403


async def test_another_path_or_method_stores_nothing() -> None:
    store = Store()
    assert await call(store, path="/telegram/x") == 404
    assert await call(store, method="GET") == 405
    assert not store.rows


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"garbage \xff\xfe", b"[" * 10_000, b'{"a":' * 10_000, b"[1]", b"NaN", b"1" * 5000, b'"\\ud800"'],
    ids=lambda body: repr(body[:10]),
)
async def test_what_is_no_update_is_stored_as_it_is_for_a_human(body: bytes, tmp_path: Path) -> None:
    async with database(tmp_path) as (db, store):
        app = make_app(store, bot_id=BOT, secret=SECRET)
        async with serve_web(app, ("127.0.0.1", 0)) as url, aiohttp.ClientSession() as session:
            headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
            async with session.post(f"{url}/telegram", data=body, headers=headers) as answer:
                assert answer.status == 200
        with db.begin() as tx:
            claimed = inbox.claim(tx, Clock()())
        assert claimed is not None and claimed.key.startswith("raw:")


async def test_a_body_over_the_limit_is_refused_chunked_or_not() -> None:
    store = Store()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (BODY_LIMIT // 16)

    assert await call(store, io.BytesIO(b"x" * (BODY_LIMIT + 1))) == 413
    assert await call(store, chunks()) == 413
    assert not store.rows


async def test_a_store_that_fails_says_503_so_that_telegram_repeats() -> None:
    assert await call(Store(broken=True)) == 503


async def test_the_health_page_answers_without_a_webhook() -> None:
    async with serve_web(make_app(), ("127.0.0.1", 0)) as url, aiohttp.ClientSession() as session:
        async with session.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.post(f"{url}/telegram") as answer:
            assert answer.status == 404


async def test_telegrams_own_webhook_calls_arrive(box: BotApi, ann: Phone, api: Api) -> None:
    store = Store()
    app = make_app(store, bot_id=BOT, secret=SECRET)
    async with serve_web(app, ("127.0.0.1", 0)) as url:
        await api.set_webhook(f"{url}/telegram", SECRET)
        ann.says("hello")
        await until(lambda: store.rows)
        await api.delete_webhook()
    assert "hello" in store.rows[0].raw
    with pytest.raises(SendError):
        await Api("1:wrong", "http://127.0.0.1:1", Wire()).get_me()


# --- the metronome ------------------------------------------------------------------------------------


async def test_the_metronome_nudges_until_it_is_stopped() -> None:
    nudges: list[int] = []
    with ticking(lambda: nudges.append(1), every_s=0.01):
        await until(lambda: len(nudges) >= 3)
    await asyncio.sleep(0)
    heard = len(nudges)
    await asyncio.sleep(0.05)
    assert len(nudges) == heard


@asynccontextmanager
async def database(tmp_path: Path) -> AsyncIterator[tuple[Database, receive.Store]]:
    """An inbox on SQLite, and a `store` for it."""
    from storage.schema import metadata

    db = open_db(f"sqlite:///{tmp_path / 'inbox.db'}")
    with db.begin() as tx:
        metadata.create_all(tx)

    async def store(rows: Sequence[Incoming]) -> None:
        with db.begin() as tx:
            inbox.accept(tx, rows, Clock()())

    try:
        yield db, store
    finally:
        db.close()
