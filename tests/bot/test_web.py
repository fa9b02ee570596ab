"""Health, readiness, metrics and calendars over HTTP: what each says, and what it leaves alone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from bot import metrics as module
from bot.metrics import LOOP_S, RECEIVE_S, Look, Metrics, Watch
from bot.web import AGAIN_S, CALENDARS, SECRET_HEADER, make_app, serve_web
from storage.db import migrate, open_db
from tests.storage.club import NOW


@dataclass(slots=True)
class Page:
    """What is served, and what it is told."""

    metrics: Metrics
    url: str = ""
    at: float = 1000.0
    look: Look = field(default_factory=lambda: Look("current", ""))
    may_store: bool = True
    stored: list[Any] = field(default_factory=list)

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as http, http.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def ready(self) -> tuple[int, dict[str, Any]]:
        status, text = await self.get("/readyz")
        return status, json.loads(text)


@pytest.fixture
async def page(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    async with serving(monkeypatch) as served:
        yield served


@asynccontextmanager
async def serving(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Page]:
    served = Page(Metrics(lambda: served.at))
    monkeypatch.setattr(module, "FRESH_S", 0.0)
    monkeypatch.setattr(module, "look_at", lambda base, now: served.look)
    watch = Watch(open_db("sqlite:///unused.db"), lambda: NOW)

    async def store(rows: Any) -> None:
        if served.look.state is None:
            raise OSError("disk full")
        served.stored += rows

    app = make_app(store, bot_id=1, secret="s", metrics=served.metrics, watch=watch, may_store=lambda: served.may_store)
    async with serve_web(app, ("127.0.0.1", 0)) as served.url:
        yield served


# --- alive ----------------------------------------------------------------------------------------------------------


async def test_health_is_good_while_every_loop_comes_round_and_then_names_those_that_do_not(page: Page) -> None:
    page.metrics.polls()
    for loop in ("handle", "send", "metronome"):
        page.metrics.beat(loop)
    assert await page.get("/healthz") == (200, "ok")
    page.at += LOOP_S
    assert await page.get("/healthz") == (200, "ok")
    page.at += 1
    page.metrics.beat("metronome")
    assert await page.get("/healthz") == (503, "stuck: handle for 31 s, send for 31 s")
    page.metrics.beat("handle")
    page.metrics.beat("send")
    assert await page.get("/healthz") == (200, "ok")
    page.at += RECEIVE_S - LOOP_S
    for loop in ("handle", "send", "metronome"):
        page.metrics.beat(loop)
    assert await page.get("/healthz") == (503, "stuck: receive for 91 s")


async def test_a_loop_that_waits_for_a_database_that_is_away_is_excused_and_any_other_is_not(page: Page) -> None:
    page.metrics.beat("handle")
    page.at += LOOP_S + 1
    page.look = Look(trouble="no answer within 2 s")
    assert (await page.get("/healthz"))[0] == 200
    page.look = Look("current", "")  # it answers us, and the loop hangs all the same: a restart mends that
    assert await page.get("/healthz") == (503, "stuck: handle for 31 s")
    page.look = Look(trouble="OperationalError")
    page.metrics.beat("metronome")
    page.at += LOOP_S + 1
    assert (await page.get("/healthz"))[0] == 503  # the metronome needs no database


@pytest.mark.parametrize("look", [Look(), Look("newer", "newer"), Look(trouble="OperationalError")])
async def test_neither_the_database_nor_telegram_makes_health_bad(page: Page, look: Look) -> None:
    page.look = look
    page.metrics.polls()
    page.metrics.beat("handle")
    for _ in range(9):
        page.at += 10
        page.metrics.fetched("network")
        page.metrics.failed("handle", "OperationalError")
        page.metrics.beat("handle")  # a failed round is a round
    assert (await page.get("/healthz"))[0] == 200


# --- ready ----------------------------------------------------------------------------------------------------------


async def test_ready_says_each_part_and_telegram_is_told_but_no_reason(page: Page) -> None:
    fine = {"ready": True, "database": "ok", "schema": "ok", "service": "ok", "telegram": "ok"}
    assert await page.ready() == (200, fine)
    page.metrics.fetched("server")
    assert await page.ready() == (200, fine | {"telegram": "server"})
    page.metrics.webhook = "ok"
    assert await page.ready() == (200, fine | {"telegram": "server", "webhook": "ok"})


@pytest.mark.parametrize(
    ("look", "told"),
    [
        (Look(trouble="OperationalError"), {"database": "OperationalError", "schema": "unknown"}),
        (Look("newer", "newer than this release"), {"database": "ok", "schema": "newer than this release"}),
        (Look("older", "older than this release"), {"schema": "older than this release"}),
        (Look("empty", "empty"), {"schema": "empty"}),
    ],
)
async def test_not_ready_without_a_database_of_ours(page: Page, look: Look, told: dict[str, str]) -> None:
    page.look = look
    status, parts = await page.ready()
    assert (status, parts["ready"]) == (503, False) and parts.items() >= told.items()


async def test_not_ready_while_it_starts_stops_or_telegram_does_not_know_the_webhook(page: Page) -> None:
    page.may_store = False
    status, parts = await page.ready()
    assert (status, parts["service"]) == (503, "starting")
    page.may_store = True
    page.metrics.stopping = True
    status, parts = await page.ready()
    assert (status, parts["service"]) == (503, "stopping")
    page.metrics.stopping = False
    page.metrics.webhook = "not announced yet (network)"
    status, parts = await page.ready()
    assert (status, parts["webhook"]) == (503, "not announced yet (network)")


# --- metrics and the rest -------------------------------------------------------------------------------------------


async def test_metrics_are_prometheus_text_also_without_a_database(page: Page) -> None:
    page.look = Look(trouble="OperationalError")
    async with aiohttp.ClientSession() as http, http.get(f"{page.url}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await answer.text()
    assert "aidstation_database_up 0.0\n" in text and "aidstation_updates_received_total 0.0\n" in text
    assert "aidstation_inbox_waiting" not in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_the_pages_are_for_reading_only(page: Page, path: str) -> None:
    async with aiohttp.ClientSession() as http, http.post(page.url + path) as answer:
        assert answer.status == 405


async def test_before_it_knows_its_bot_nothing_is_stored_and_telegram_shall_come_again(page: Page) -> None:
    page.may_store = False
    async with aiohttp.ClientSession() as http:
        given: dict[str, Any] = {"data": b'{"update_id": 1}', "headers": {SECRET_HEADER: "s"}}
        async with http.post(f"{page.url}/telegram", **given) as answer:
            assert answer.status == 503
        async with http.post(f"{page.url}/telegram", data=b"{}") as answer:
            assert answer.status == 403
        assert not page.stored
        page.may_store = True
        async with http.post(f"{page.url}/telegram", **given) as answer:
            assert answer.status == 200
        assert len(page.stored) == 1


async def test_an_update_that_could_not_be_stored_is_an_error_that_is_counted(page: Page) -> None:
    page.look = Look(trouble="OperationalError")
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{page.url}/telegram", data=b"{}", headers={SECRET_HEADER: "s"}) as answer:
            assert answer.status == 503
    assert 'aidstation_errors_total{kind="OSError",where="webhook"} 1.0' in (await page.get("/metrics"))[1]


async def test_a_real_database_is_looked_at_over_http(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'club.db'}"
    migrate(url)
    app = make_app(metrics=Metrics(), watch=Watch(open_db(url), lambda: NOW))
    async with serve_web(app, ("127.0.0.1", 0)) as base, aiohttp.ClientSession() as http:
        async with http.get(f"{base}/readyz") as answer:
            assert (answer.status, (await answer.json())["schema"]) == (200, "ok")
        async with http.get(f"{base}/metrics") as answer:
            assert "aidstation_inbox_waiting 0.0\n" in await answer.text()


# --- calendars ------------------------------------------------------------------------------------------------------

CODE = "0123456789abcdef" * 2
TEXT = "BEGIN:VCALENDAR\r\nDTSTAMP:20260601T060000Z\r\nX:ü\r\nEND:VCALENDAR\r\n"


@dataclass(slots=True)
class Reader:
    """Stands for the database: what it was asked, and a gate at which it waits where there is one."""

    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    trouble: Exception | None = None
    text: str = TEXT

    async def __call__(self, code: str) -> str | None:
        self.asked.append(code)
        if self.gate is not None:
            await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.text if code == CODE else None


@asynccontextmanager
async def calendars(plan: Callable[[str], Awaitable[str | None]], metrics: Metrics | None = None) -> AsyncIterator[str]:
    async with serve_web(make_app(plan=plan, metrics=metrics), ("127.0.0.1", 0)) as url:
        yield f"{url}/calendar/"


async def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with aiohttp.ClientSession() as http, http.request(method, URL(url, encoded=True), headers=headers) as answer:
        kept = {name.lower(): value for name, value in answer.headers.items() if name.lower() != "date"}
        return answer.status, kept, await answer.read()


async def test_a_calendar_is_given_to_whoever_knows_its_code_and_kept_by_nobody_on_the_way() -> None:
    async with calendars(Reader()) as url:
        status, headers, body = await ask(f"{url}{CODE}.ics")
        assert (status, body.decode()) == (200, TEXT)
        assert headers["content-type"] == "text/calendar; charset=utf-8"
        assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
        assert await ask(f"{url}{CODE}.ics", "HEAD") == (200, headers, b"")
        assert (await ask(f"{url}{CODE}.ics", "POST"))[0] == 405


async def test_who_has_this_very_calendar_is_told_so_and_who_has_another_one_gets_it() -> None:
    reader = Reader()
    async with calendars(reader) as url:
        tag = (await ask(f"{url}{CODE}.ics"))[1]["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}'):
            status, headers, body = await ask(f"{url}{CODE}.ics", **{"If-None-Match": known})
            assert (status, headers["etag"], body) == (304, tag, b"")
        assert (await ask(f"{url}{CODE}.ics", **{"If-None-Match": '"other"'}))[0] == 200
        reader.text = TEXT.replace("T06", "T07")  # written an hour later
        assert (await ask(f"{url}{CODE}.ics", **{"If-None-Match": tag}))[0] == 304
        reader.text = TEXT.replace("X:ü", "X:u")
        assert (await ask(f"{url}{CODE}.ics", **{"If-None-Match": tag}))[0] == 200


async def test_whatever_is_no_living_code_gets_one_and_the_same_answer() -> None:
    reader = Reader()
    async with calendars(reader) as url:
        wrong = await ask(f"{url}{'f' * 32}.ics")
        assert wrong[0] == 404 and reader.asked == ["f" * 32]
        names = (
            "", "x", CODE, f"{CODE}.ICS", f"{CODE.upper()}.ics", f"{CODE}0.ics", f"{CODE[1:]}.ics", f"{CODE}.ics/",
            f"x/../{CODE}.ics", f"%2e%2e/{CODE}.ics", "%00", "%D9%A4" * 32 + ".ics", "a" * 4000,
        )  # fmt: skip
        for name in names:
            assert await ask(f"{url}{name}") == wrong, name
        assert reader.asked == ["f" * 32], "what cannot be a code costs the database nothing"


async def test_without_calendars_there_is_none() -> None:
    async with serve_web(make_app(), ("127.0.0.1", 0)) as url:
        assert (await ask(f"{url}/calendar/{CODE}.ics"))[0] == 404


async def test_a_flood_is_told_to_come_again_and_holds_up_nothing_else() -> None:
    reader = Reader(gate=asyncio.Event())
    async with calendars(reader) as url:
        waiting = [asyncio.create_task(ask(f"{url}{CODE}.ics")) for _ in range(3 * CALENDARS)]
        refused = 0
        for done in asyncio.as_completed(waiting):
            status, headers, _ = await done
            if status == 503:
                refused += 1
                assert headers["retry-after"] == str(AGAIN_S)
                if refused == 2 * CALENDARS:
                    assert len(reader.asked) == CALENDARS
                    assert (await ask(url.replace("calendar/", "healthz")))[0] == 200
                    assert (await ask(f"{url}none"))[0] == 404
                    assert reader.gate is not None
                    reader.gate.set()
        assert refused == 2 * CALENDARS
        assert [(await one)[0] for one in waiting].count(200) == CALENDARS
        assert (await ask(f"{url}{CODE}.ics"))[0] == 200, "and then it is over"


async def test_a_database_that_is_away_is_no_calendar_that_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    metrics, reader = Metrics(), Reader(trouble=OSError(f"cannot read for {CODE}"))
    async with calendars(reader, metrics) as url:
        with caplog.at_level(logging.DEBUG):
            for _ in range(CALENDARS + 1):
                status, headers, body = await ask(f"{url}{CODE}.ics")
                assert (status, headers["retry-after"], body) == (503, str(AGAIN_S), b"")
        reader.trouble = None
        assert (await ask(f"{url}{CODE}.ics"))[0] == 200
    assert "calendar.not_read error=OSError" in caplog.messages and CODE not in caplog.text
    assert 'aidstation_errors_total{kind="OSError",where="calendar"} 17.0' in metrics.text(Look()).decode()
