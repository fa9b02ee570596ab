"""What the program answers over HTTP: Telegram's webhook, and whether it is alive.

A webhook call is answered 200 only when its update is committed to the inbox, whatever is in it: Telegram
repeats a failed one for hours, and until then holds back every later message of that chat. So nothing is read
here that could fail; what is no JSON at all is stored too and reaches a human. 503 means "not stored, send it
again".

Whoever does not know the secret is refused before the body is read, and learns nothing from the time it
takes.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.receive import Store, incoming_text

log = logging.getLogger(__name__)

BODY_LIMIT = 2**20  # bytes; Telegram's own server drops updates over 64 KiB
BODY_S = 10.0  # for the whole body to arrive
STOP_S = 5  # for calls under way to be answered at a stop
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of a header


def make_app(
    store: Store | None = None,
    *,
    bot_id: int = 0,
    secret: str = "",
    path: str = "/telegram",
    nudge: Callable[[], None] = lambda: None,
) -> Starlette:
    """`store` None: no webhook, health only."""

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
        try:
            await store([incoming_text(body.decode("utf-8", "replace"), bot_id)])
        except Exception as error:  # a full disk, a lost database: Telegram keeps the update and repeats it
            log.error("webhook.not_stored error=%s", type(error).__name__)
            return Response(status_code=503)
        nudge()
        return Response(status_code=200)

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    routes = [Route("/healthz", healthz)]
    if store is not None:
        routes.append(Route(path, partial(webhook, store=store), methods=["POST"]))
    return Starlette(routes=routes)


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
async def serve_web(app: Starlette, listen: tuple[str, int]) -> AsyncIterator[str]:
    """Serve inside the running loop until the block is left; gives the base address. Port 0 takes a free one.

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
        timeout_graceful_shutdown=STOP_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        await server.ready.wait()
        shown = f"[{host}]" if family == socket.AF_INET6 else host
        yield f"http://{shown}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await task
        sock.close()
