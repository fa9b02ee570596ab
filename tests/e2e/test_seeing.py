"""Health, readiness and metrics tell the truth about a real service whose parts are really broken."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from bot import app as service
from bot import handle, metrics
from bot.app import App
from bot.config import Settings, SettingsError
from bot.metrics import LOOP_S, RECEIVE_S, Metrics
from storage import inbox
from storage.db import migrate
from storage.inbox import Incoming
from tests import postgres
from tests.sandbox.wire import until
from tests.world import World, opened

LOOPS = {"handle", "send", "metronome"}
TOKEN = "123456:sandbox-token"
NOWHERE = "http://127.0.0.1:9"


class Seen(dict[str, float]):
    """The samples of /metrics: `seen["messages_total lane=reply result=sent"]`."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        super().__init__(
            (
                " ".join([one.name.removeprefix("aidstation_"), *(f"{k}={v}" for k, v in sorted(one.labels.items()))]),
                one.value,
            )
            for each in families
            for one in each.samples
        )


async def get(url: str | None, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}{path}") as answer:
        return answer.status, await answer.text()


async def ready(url: str | None) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/readyz") as answer:
        return answer.status, await answer.json()


async def figures(url: str | None) -> Seen:
    return Seen((await get(url, "/metrics"))[1])


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look is a new one: what is tested is what it sees. (That looks are shared: tests/bot/test_metrics.py.)"""
    monkeypatch.setattr(metrics, "FRESH_S", 0.0)


@contextlib.asynccontextmanager
async def living(world: World) -> AsyncIterator[str]:
    """The service by its own loops; where it is seen."""
    async with world.live():
        await until(lambda: world.app.address is not None and world.app.metrics.telegram == "ok" and _beats(world.app))
        assert world.app.address is not None
        yield world.app.address


def _beats(app: App) -> bool:
    return LOOPS | {"receive"} <= set(app.metrics._beats)


async def turn(app: App, seconds: float, but: Collection[str] = ()) -> None:
    """The monotonic clock of its metrics goes on, and all loops but these (and a poll under way) come round."""
    ahead = app.metrics._clock() - time.monotonic() + seconds
    app.metrics._clock = lambda: time.monotonic() + ahead
    app.nudge()
    await until(lambda: not (LOOPS - set(but)) & set(app.metrics.stuck()))


@pytest.fixture
async def small_world(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[World]:
    """On SQLite alone, for what has nothing to do with the database."""
    shutil.copyfile(sqlite_template, tmp_path / "aidstation.db")
    async with opened(f"sqlite:///{tmp_path / 'aidstation.db'}") as club:
        yield club


# --- a day in figures -----------------------------------------------------------------------------------------------


async def test_a_day_is_seen_in_figures_and_nobody_in_it_can_be_known(world: World) -> None:
    kim = await world.coach("Canary Kim")
    ann = await world.athlete("Canary Ann", kim)
    async with world.app.web() as url:
        before = await figures(url)
        await world.fast_forward_to("07:00")
        await ann.says("chest pain, my canary words")
        open_now = await figures(url)
        assert open_now["escalations_open acked=no age=under 15 min level=now"] == 1
        await world.fast_forward(minutes=12)
        assert (await figures(url))["escalation_oldest_unacked_seconds level=now"] == 720
        await kim.taps("I have it")
        text = (await get(url, "/metrics"))[1]
        after = Seen(text)
        pages = [text, (await get(url, "/readyz"))[1], (await get(url, "/healthz"))[1]]
    assert after["escalations_open acked=no age=under 15 min level=now"] == 0
    assert after["escalations_open acked=yes age=under 15 min level=now"] == 1
    assert after["acks level=now"] == 1 and after["ack_seconds level=now stat=max"] == 720
    assert after["updates_received_total"] - before["updates_received_total"] == 2
    assert after["turns_total event=Said"] - before["turns_total event=Said"] == 1
    assert after["turns_total event=Due.checkin"] == 1 and after["turns_total event=Due.page"] >= 1
    assert after["messages_total lane=safety result=sent"] > before["messages_total lane=safety result=sent"] == 0
    assert after["inbox_waiting"] == after["due_waiting"] == after["outbox_waiting lane=safety"] == 0
    assert after["coaches state=reachable"] == 1 and after["database_up"] == 1
    for page in pages:
        assert "anary" not in page and "chest" not in page
        for person in (ann, kim):
            # As a number of its own: within a duration (0.0172001) the same digits come by chance.
            assert not re.search(rf"(?<![\d.]){person.chat_id}(?![\d.])", page)
        assert world.app.token.split(":")[1] not in page


async def test_what_fails_is_seen_by_place_and_class(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.announce("handle.failed")
    world.expect("inbox dead")
    world.fault(429, seconds=1)
    await ann.says("/help")
    with world.app.base.begin() as tx:
        inbox.accept(tx, [Incoming("raw:1", "?", "no json")], world.now)
    async with world.app.web() as url:
        waits = await figures(url)
        await world.settle()
        seen = await figures(url)
    assert waits["inbox_waiting"] == 1
    assert seen["errors_total kind=flood where=send"] == seen["floods_total"] == 1
    assert seen["messages_total lane=reply result=again"] == 1
    assert seen["errors_total kind=Unreadable where=handle"] == 1
    assert seen["dead_letters table=inbox"] == 1


# --- what is broken -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Hang:
    """A turn that has begun and does not end before it is let go."""

    begun: threading.Event = field(default_factory=threading.Event)
    ends: threading.Event = field(default_factory=threading.Event)

    def __call__(self, *args: Any) -> bool:
        self.begun.set()
        self.ends.wait(30)
        return False


@contextlib.asynccontextmanager
async def hanging(app: App, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    hang = Hang()
    try:
        with monkeypatch.context() as broken:
            broken.setattr(handle, "handle_one", hang)
            app.nudge()
            await until(hang.begun.is_set)
            yield
    finally:
        hang.ends.set()


async def test_a_turn_that_hangs_is_named_by_its_loop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with living(world) as url:
        assert await get(url, "/healthz") == (200, "ok")
        async with hanging(world.app, monkeypatch):
            waits = {"handle", "send"} if world.app.base.is_sqlite else {"handle"}  # the one thread of the database
            for _ in range(2):  # a sender that was about to be through when the turn began to hang is late from then on
                await turn(world.app, LOOP_S + 5, but=waits)
            status, told = await get(url, "/healthz")
            assert status == 503 and told.startswith("stuck: ")
            late = {loop: int(seconds) for loop, seconds in re.findall(r"([a-z]+) for (\d+)", told)}
            assert set(late) == waits and min(late.values()) > LOOP_S, told
            assert (await figures(url))["loop_lag_seconds loop=handle"] > LOOP_S
        await until(lambda: not world.app.metrics.stuck())
        assert await get(url, "/healthz") == (200, "ok")


async def test_a_blocked_event_loop_answers_nothing(small_world: World) -> None:
    world = small_world
    answers: list[object] = []

    def ask(url: str) -> None:
        try:
            answers.append(urllib.request.urlopen(f"{url}/healthz", timeout=0.3).status)  # noqa: S310
        except OSError as error:
            answers.append(type(error))

    async with living(world) as url:
        await asyncio.to_thread(ask, url)
        asking = threading.Thread(target=ask, args=(url,))
        asking.start()
        time.sleep(0.6)  # noqa: ASYNC251 - this is the fault
        asking.join()
    assert answers == [200, TimeoutError]


async def test_telegram_away_is_told_by_both_and_is_no_fault_of_ours(small_world: World) -> None:
    world = small_world
    async with living(world) as url:
        failing = world.fault(500, "getUpdates", times=-1)
        world.stranger("Ann").phone.says("hello")  # ends the long poll
        await until(lambda: world.app.metrics.telegram == "server")
        await turn(world.app, RECEIVE_S - 10)
        assert (await get(url, "/healthz"))[0] == 200
        status, parts = await ready(url)
        assert (status, parts["ready"], parts["telegram"]) == (200, True, "server")
        seen = await figures(url)
        assert seen["errors_total kind=server where=receive"] >= 1 and seen["last_fetch_age_seconds"] >= RECEIVE_S - 10
        failing.times = 0
        world.app.health = None
        await until_long(lambda: world.app.metrics.telegram == "ok")
        assert (await figures(url))["last_fetch_age_seconds"] < 10


async def until_long(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_schema_that_is_not_ours_is_not_ready_and_yet_alive(world: World) -> None:
    async with world.app.web() as url:
        assert (await ready(url))[0] == 200
        with world.app.base.begin() as tx:
            revision = tx.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        status, parts = await ready(url)
        assert (status, parts["database"], parts["schema"]) == (503, "ok", "newer than this release")
        assert (await get(url, "/healthz"))[0] == 200
        seen = await figures(url)
        assert seen["database_up"] == 1 and "inbox_waiting" not in seen
        with world.app.base.begin() as tx:
            tx.execute(sa.text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
        assert (await ready(url))[0] == 200


async def test_a_service_that_stops_says_so_while_it_ends_what_is_under_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = asyncio.create_task(world.app.run())
    await until(lambda: _beats(world.app))
    url = world.app.address
    assert (await ready(url))[0] == 200
    async with hanging(world.app, monkeypatch):
        running.cancel()
        await until(lambda: world.app.metrics.stopping)
        status, parts = await ready(url)
        assert (status, parts["service"]) == (503, "stopping")
        assert (await figures(url))["stopping"] == 1 and (await get(url, "/healthz"))[0] == 200
    await asyncio.gather(running, return_exceptions=True)


async def test_not_ready_until_telegram_knows_where_to_call(webhook_world: World) -> None:
    world = webhook_world
    url = str(world.api.updates.webhook and world.api.updates.webhook.url).rstrip("/")
    world.app.settings = replace(world.app.settings, webhook_url=url + "/")
    refused = world.fault(500, "setWebhook", times=-1)
    world.app.may_receive.set()
    announcing = asyncio.create_task(world.app._announcing())
    await until(lambda: "server" in str(world.app.metrics.webhook))
    status, parts = await ready(url)
    assert (status, parts["webhook"]) == (503, "not announced yet (server)")
    assert (await figures(url))["webhook_announced"] == 0
    refused.times = 0
    await asyncio.wait_for(announcing, 10)
    assert (await ready(url))[0] == 200 and (await figures(url))["webhook_announced"] == 1


# --- a database that is really away ---------------------------------------------------------------------------------


@pytest.fixture
def own_server() -> Iterator[postgres.Server]:
    """A PostgreSQL that may be stopped."""
    reason = postgres.missing(os.environ)
    if reason is not None:
        pytest.skip(reason)
    server = postgres.start()
    try:
        yield server
    finally:
        signal_all(server, signal.SIGCONT)
        server.stop()


def signal_all(server: postgres.Server, sent: signal.Signals) -> None:
    """The postmaster and its children, which have left its process group."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, parent = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
            if server.process.pid in (pid, parent):
                os.kill(pid, sent)


async def test_a_database_that_hangs_or_is_gone_is_told_and_the_process_stays_alive(
    own_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "PATIENCE_S", 1.0)
    monkeypatch.setattr(service, "STOP_S", 0.5)  # there is no database that could be told of the stop
    url = own_server.create("club")
    migrate(url)
    settings = Settings(telegram_bot_token=TOKEN, telegram_api_url=NOWHERE, database_url=url)
    settings = replace(settings, webhook_listen=("127.0.0.1", 0))
    async with service.opened(settings, TOKEN) as app:
        running = asyncio.create_task(app.run())
        await until_long(lambda: LOOPS <= set(app.metrics._beats))
        seen = app.address
        assert (await ready(seen))[0] == 200 and (await figures(seen))["database_up"] == 1

        signal_all(own_server, signal.SIGSTOP)  # it is there, and answers never
        try:
            status, parts = await ready(seen)
            assert (status, parts["database"]) == (503, "no answer within 1 s")
            down = await figures(seen)
            assert down["database_up"] == 0 and "inbox_waiting" not in down and "updates_received_total" in down
            ahead = app.metrics._clock() - time.monotonic() + LOOP_S + 5
            app.metrics._clock = lambda: time.monotonic() + ahead
            await until(lambda: "metronome" not in app.metrics.stuck())
            assert {"handle", "send"} <= set(app.metrics.stuck())
            assert await get(seen, "/healthz") == (200, "ok: waits for the database")
        finally:
            signal_all(own_server, signal.SIGCONT)
        await until_long(lambda: not app.metrics.stuck())
        while (await ready(seen))[0] != 200:
            await asyncio.sleep(0.05)
        assert (await figures(seen))["database_up"] == 1

        own_server.process.send_signal(signal.SIGQUIT)  # it is gone
        own_server.process.wait(30)
        status, parts = await ready(seen)
        assert (status, parts["database"]) == (503, "OperationalError")
        assert (await figures(seen))["database_up"] == 0
        await until_long(lambda: app.metrics._errors._metrics.get(("handle", "OperationalError")))
        assert (await get(seen, "/healthz"))[0] == 200
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


# --- the address ----------------------------------------------------------------------------------------------------


@pytest.fixture
def taken() -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield "127.0.0.1", other.getsockname()[1]


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_an_address_that_was_asked_for_and_is_taken_is_refused_at_the_start(
    small_world: World, taken: tuple[str, int], mode: Any
) -> None:
    world = small_world
    given = mode == "polling"  # by webhook the default one is needed as much
    world.app.settings = replace(world.app.settings, webhook_listen=taken, listen_given=given, mode=mode)
    with pytest.raises(SettingsError, match=rf"cannot listen on 127\.0\.0\.1:{taken[1]} .*WEBHOOK_LISTEN"):
        await world.app.run()


async def test_the_default_address_taken_is_a_warning_and_the_service_runs_without(
    small_world: World, taken: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    world = small_world
    kim = await world.coach("Kim")
    world.app.settings = replace(world.app.settings, webhook_listen=taken)
    with caplog.at_level(logging.WARNING, "bot.app"):
        async with world.live():
            await kim.says("/queue")
            kim.sees("open")
    assert any(one.getMessage().startswith("web.not_served") for one in caplog.records)
    assert world.app.address is None


def test_who_gives_the_address_is_known(tmp_path: Path) -> None:
    from bot import config

    def nothing(path: str) -> str:
        raise OSError

    assert not config.load({}, read_file=nothing).listen_given
    assert config.load({"WEBHOOK_LISTEN": "127.0.0.1:8080"}, read_file=nothing).listen_given
    assert Metrics().webhook is None
