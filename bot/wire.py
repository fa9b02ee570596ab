"""One HTTP request to a Bot API server, and the one question that matters when it fails: can it have arrived?

A message has no idempotency key, so after a failure the sender must know whether a repeat may show twice:

    NotSent     no byte of it left: refused, no such host, TLS failed, no free connection. A repeat is
                harmless.
    MaybeSent   it was (partly) written, and no whole answer came: timeout, reset, closed. It may have been
                accepted.

A pooled connection which the server closes in the instant we write to it is MaybeSent: the bytes were given
to the kernel, and nobody can tell. We make that rare by giving up idle connections well before Telegram does.
aiohttp repeats requests on such connections by itself only for methods that are idempotent; we POST whatever has an
effect, GET a file and nothing else, and follow no redirect.

A call without a file is one JSON object. Which proxy leads to a host is asked once: aiohttp's own `trust_env` asks the
environment and ~/.netrc anew for every request, in a thread, which took more CPU than all the rest of a call.

The address holds the bot's token. No error raised here holds an address, a header or a body, and none is
chained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

CONNECT_S = 5.0  # to get a connection: from the pool, by DNS, TCP and TLS together
READ_S = 15.0  # Telegram answers a send within a second; a long poll passes its own
IDLE_S = 20.0  # an unused connection is closed by us; Telegram's front servers wait longer
ANSWER_LIMIT = 16 * 2**20  # bytes; 100 updates of 64 KiB each are 6.4 MB

_BEFORE_WRITING = (  # DNS and proxy errors are among the connector's
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ClientConnectorSSLError,
    aiohttp.ClientHttpProxyError,  # no tunnel, so nothing went through it
    aiohttp.InvalidURL,
)


class NotSent(Exception):
    """Telegram cannot have seen the request."""


class MaybeSent(Exception):
    """Telegram may have accepted the request. `timeout` tells silence from a broken connection."""

    def __init__(self, reason: str, *, timeout: bool = False) -> None:
        super().__init__(reason)
        self.timeout = timeout


class TooLong(MaybeSent):
    """The answer has more bytes than we take."""


class Http:
    """A pool of kept-alive connections. Opened by `start` in a running loop, closed by `stop`."""

    def __init__(self, connections: int = 64) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, URL | None] = {}

    async def start(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=IDLE_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "AidStation"},
            )

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _proxy(self, url: str) -> URL | None:
        host = url[: url.find("/", len("https://"))]
        if host not in self._proxies:
            self._proxies[host] = _find_proxy(url)
        return self._proxies[host]

    async def post(
        self,
        url: str,
        data: Mapping[str, Any],
        files: Mapping[str, tuple[str, Any, str]] | None = None,
        *,
        read_s: float = READ_S,
        connect_s: float = CONNECT_S,
    ) -> tuple[int, bytes]:
        """The status and the whole body. `files` maps a part's name to (file name, bytes, MIME type); with files, all
        values of `data` must be text.

        Raises NotSent or MaybeSent and nothing else (but for cancellation).
        """
        return await self._exchange("POST", url, read_s, connect_s, ANSWER_LIMIT, lambda: _form(data, files))

    async def get(
        self, url: str, *, limit: int, read_s: float = READ_S, connect_s: float = CONNECT_S
    ) -> tuple[int, bytes]:
        """The status and the whole body, of at most `limit` bytes. Raises as `post` does, and TooLong."""
        return await self._exchange("GET", url, read_s, connect_s, limit, lambda: None)

    async def _exchange(
        self,
        method: str,
        url: str,
        read_s: float,
        connect_s: float,
        limit: int,
        data: Callable[[], aiohttp.Payload | None],
    ) -> tuple[int, bytes]:
        if self._session is None:
            raise NotSent("the connection pool is not open")
        # `read_s` is also the limit for the whole exchange: a server that drips one byte a second must not
        # hold a sender for ever.
        limits = aiohttp.ClientTimeout(total=connect_s + read_s, connect=connect_s, sock_read=read_s)
        try:
            proxy = self._proxy(url)
        except ValueError:
            raise NotSent("no address, or none of a proxy") from None
        try:
            async with self._session.request(
                method,
                url,
                data=data(),
                timeout=limits,
                allow_redirects=False,
                proxy=proxy,
            ) as answer:
                body = bytearray()
                async for part in answer.content.iter_any():
                    body += part
                    if len(body) > limit:
                        raise TooLong("the answer is too long")
                return answer.status, bytes(body)
        except _BEFORE_WRITING as error:
            raise NotSent(type(error).__name__) from None
        except aiohttp.ClientConnectionResetError as error:
            # aiohttp's words for "the pooled connection was already closed when the first write came".
            if str(error) == "Cannot write to closing transport":
                raise NotSent(type(error).__name__) from None
            raise MaybeSent(type(error).__name__) from None
        except TimeoutError as error:
            raise MaybeSent(type(error).__name__, timeout=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise MaybeSent(type(error).__name__) from None


def _find_proxy(url: str) -> URL | None:
    """A club's server may reach Telegram only through a proxy, which HTTPS_PROXY and NO_PROXY name."""
    parts = urlsplit(url)
    found = getproxies().get(parts.scheme)
    if found is None or proxy_bypass(parts.hostname or ""):
        return None
    return URL(found)


def _form(data: Mapping[str, Any], files: Mapping[str, tuple[str, Any, str]] | None) -> aiohttp.Payload:
    if not files:
        # "replace": half an emoji (a lone surrogate) cannot be encoded; a "?" beats a message that never leaves.
        encoded = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        return aiohttp.BytesPayload(encoded, content_type="application/json")
    form = aiohttp.FormData()
    for name, value in data.items():
        form.add_field(name, value.encode("utf-8", "replace").decode("utf-8"))
    for name, (file_name, content, mime) in files.items():
        form.add_field(name, content, filename=file_name, content_type=mime)
    return form()
