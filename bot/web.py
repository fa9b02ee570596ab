"""What the program answers over HTTP: Telegram's webhook, an athlete's calendar, and how it goes.

    WEBHOOK_URL's path     Telegram's alone
    /calendar/CODE.ics     the plan of whoever was given this code, as the database has it now; GET and HEAD
    /healthz               this process is alive: its loops come round. Nothing outside can make it say no
    /readyz                it can do its work: database, schema, webhook, not about to stop
    /metrics               its figures, for Prometheus

The last three are for the machine and its monitoring. They hold no name, no word and no id of a person, and yet how
many people wait for their coach is nobody else's business: a proxy forwards the first two and no other.

/healthz is what a supervisor restarts on, so Telegram or the database being away must not trip it: a restart mends
neither. A loop that has not come round while the database does not answer either waits for it, and is excused; if the
database does answer, the loop hangs on something that a restart mends. An event loop that is blocked answers nothing.

A webhook call is answered 200 only when its update is committed to the inbox, whatever is in it: Telegram
repeats a failed one for hours, and until then holds back every later message of that chat. So nothing is read
here that could fail; what is no JSON at all is stored too and reaches a human. 503 means "not stored, send it
again".

Whoever does not know the secret is refused before the body is read, and learns nothing from the time it
takes.

A code of a calendar is all that protects it, so no line of the log and no label ever holds one. Whatever is not a
living code gets one and the same 404: a wrong one, an old one, that of somebody who has been erased. Phones ask by
themselves, and anybody may ask for anything: at most CALENDARS calls are under way, one by one through a thread of
their own, and the others are told to come again. So the database's threads, which handle turns, never wait for them.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.metrics import Look, Metrics, Watch
from bot.receive import Store, incoming_text
from dialogs import calendar
from storage import feeds
from storage.db import Database

log = logging.getLogger(__name__)

BODY_LIMIT = 2**20  # bytes; Telegram's own server drops updates over 64 KiB
BODY_S = 10.0  # for the whole body to arrive
STOP_S = 5.0  # for calls under way to be answered at a stop
USE_DATABASE = {"receive", "handle", "send", "fetch", "voice"}  # the loops that wait for it
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
CALENDAR_TYPE = "text/calendar; charset=utf-8"
CALENDARS = 16  # calls for a calendar under way at once
KEPT = 200  # calendars, of some ten thousand bytes each
AGAIN_S = 30  # after which the others may come again
Kept = dict[int, tuple[object, str]]
_CALENDAR = re.compile(r"([0-9a-f]{32})\.ics")  # 128 bits: dialogs.calendar
_STAMP = re.compile(rb"^DTSTAMP.*$", re.MULTILINE)  # when it was written: no difference to whoever has it
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of a header


def make_app(
    store: Store | None = None,
    *,
    bot_id: int = 0,
    secret: str = "",
    path: str = "/telegram",
    nudge: Callable[[], None] = lambda: None,
    may_store: Callable[[], bool] = lambda: True,
    metrics: Metrics | None = None,
    watch: Watch | None = None,
    plan: Callable[[str], Awaitable[str | None]] | None = None,
) -> Starlette:
    """`store` None: no webhook. `may_store` False: not yet, Telegram shall come again. `plan` gives the calendar of a
    code, or None: there is none; without it no calendars are served."""
    metrics = metrics or Metrics()
    asking = 0  # for calendars

    async def webhook(request: Request, store: Store) -> Response:
        given = request.headers.get(SECRET_HEADER, "").encode("latin-1")
        if not secret or not hmac.compare_digest(given, secret.encode()):
            log.warning("webhook.refused")
            return Response(status_code=403)
        try:
            async with asyncio.timeout(BODY_S):
                body = await _body(request)
        except TimeoutError:
            return Response(status_code=408)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it: the caller has gone, and will call again
        if body is None:
            return Response(status_code=413)
        if not may_store():
            return Response(status_code=503)
        try:
            await store([incoming_text(body.decode("utf-8", "replace"), bot_id)])
        except Exception as error:  # a full disk, a lost database: Telegram keeps the update and repeats it
            log.error("webhook.not_stored error=%s", type(error).__name__)
            metrics.failed("webhook", type(error).__name__)
            return Response(status_code=503)
        nudge()
        return Response(status_code=200)

    async def calendar_page(request: Request, plan: Callable[[str], Awaitable[str | None]]) -> Response:
        nonlocal asking
        found = _CALENDAR.fullmatch(request.path_params["name"])
        if found is None:
            return _no_calendar()
        if asking >= CALENDARS:
            return Response(status_code=503, headers={"Retry-After": str(AGAIN_S)})
        asking += 1
        try:
            text = await plan(found[1])
        except Exception as error:  # a lost database: the phone keeps what it has, and asks again
            log.warning("calendar.not_read error=%s", type(error).__name__)
            metrics.failed("calendar", type(error).__name__)
            return Response(status_code=503, headers={"Retry-After": str(AGAIN_S)})
        finally:
            asking -= 1
        return _no_calendar() if text is None else _calendar(text, request.headers.get("if-none-match", ""))

    async def look() -> Look:
        return await watch.look() if watch is not None else Look()

    async def healthz(request: Request) -> Response:
        stuck = metrics.stuck()
        if stuck and stuck.keys() <= USE_DATABASE and (await look()).state is None:
            return PlainTextResponse("ok: waits for the database")
        if stuck:
            named = ", ".join(f"{loop} for {seconds} s" for loop, seconds in stuck.items())
            return PlainTextResponse(f"stuck: {named}", 503)
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        seen = await look()
        needed = {
            "database": "ok" if seen.state is not None else seen.trouble,
            "schema": "ok" if seen.state == "current" else seen.trouble if seen.state is not None else "unknown",
            "service": "stopping" if metrics.stopping else "ok" if may_store() else "starting",
        }
        if metrics.webhook is not None:
            needed["webhook"] = metrics.webhook
        ready = set(needed.values()) == {"ok"}
        return JSONResponse({"ready": ready, **needed, "telegram": metrics.telegram}, 200 if ready else 503)

    async def figures(request: Request) -> Response:
        return Response(metrics.text(await look()), media_type=METRICS_TYPE)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", figures)]
    if plan is not None:
        routes.append(Route("/calendar/{name:path}", partial(calendar_page, plan=plan), methods=["GET"]))  # and HEAD
    if store is not None:
        routes.append(Route(path, partial(webhook, store=store), methods=["POST"]))
    return Starlette(routes=routes)


def plan_of(base: Database, code: str, now: datetime, kept: Kept) -> str | None:
    """The calendar of whoever was given this code, as the database has it now; None: nobody. `kept`: what was written
    before, by person, which is used again where nothing has changed: writing takes half a millisecond a session."""
    with base.read() as tx:
        found = feeds.calendar(tx, code, now.date() - calendar.BACK)
    if found is None:
        return None
    owner, plan = found
    shown = (plan, owner.zone, owner.language)
    if owner.id not in kept or kept[owner.id][0] != shown:
        if len(kept) >= KEPT:
            kept.clear()
        kept[owner.id] = (shown, calendar.written(plan.sessions, owner, now))
    return kept[owner.id][1]


def _no_calendar() -> Response:
    return PlainTextResponse("Not Found", 404, {"Cache-Control": "no-store"})


def _calendar(text: str, known: str) -> Response:
    """The calendar, or 304 where the caller has this very one: `known` is the header If-None-Match."""
    body = text.encode()
    tag = f'"{hashlib.sha256(_STAMP.sub(b"", body)).hexdigest()[:32]}"'
    headers = {"Cache-Control": "no-store", "ETag": tag, "X-Content-Type-Options": "nosniff"}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=CALENDAR_TYPE, headers=headers)


async def _body(request: Request) -> bytes | None:
    """The body; None as soon as it is over the limit, whatever length the header claims."""
    claimed = request.headers.get("content-length", "0")
    if claimed.isdigit() and int(claimed) > BODY_LIMIT:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the program, which stops its parts in order."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serve_web(
    app: Starlette, listen: tuple[str, int], time_left: Callable[[], float] = lambda: STOP_S
) -> AsyncIterator[str]:
    """Serve inside the running loop until the block is left; gives the base address. Port 0 takes a free one.

    `time_left` gives, at the end, the seconds that calls under way may still take, up to STOP_S.

    Raises OSError where the address is taken.
    """
    host, port = listen
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.create_server((host, port), family=family, backlog=256)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        proxy_headers=False,  # nothing here depends on who calls; a forged header must not matter
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        await server.ready.wait()
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        yield f"http://{shown}:{sock.getsockname()[1]}"
    finally:
        config.timeout_graceful_shutdown = math.ceil(min(STOP_S, time_left()))
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await task
        sock.close()
