"""The way to Telegram where a proxy stands in it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bot.refusals import SendError
from bot.telegram import Api, Wire

TOKEN = "1000001:proxied"
ANSWER = b'{"ok": true, "result": {"message_id": 1}}'


@asynccontextmanager
async def proxy(heard: list[bytes]) -> AsyncIterator[int]:
    """Answers in Telegram's place, and notes the head of each request."""

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(head)
            if head.startswith(b"POST"):
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
            else:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(call, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(autouse=True)
def _no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_calls_go_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    async with proxy(heard) as port, Wire() as wire:
        monkeypatch.setenv("http_proxy", f"http://club:se%40cret@127.0.0.1:{port}")
        assert await Api(TOKEN, "http://telegram.invalid", wire).deliver(1, {"text": "hi"}) == 1
    assert heard[0].startswith(b"POST http://telegram.invalid/bot1000001:proxied/sendMessage ")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"club:se@cret") in heard[0]


async def test_a_tls_address_is_reached_by_a_tunnel_and_a_refused_one_was_never_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[bytes] = []
    async with proxy(heard) as port, Wire() as wire:
        monkeypatch.setenv("https_proxy", f"http://club:secret@127.0.0.1:{port}")
        with pytest.raises(SendError) as caught:
            await Api(TOKEN, "https://telegram.invalid", wire).deliver(1, {"text": "hi"})
    assert (caught.value.kind, caught.value.maybe_delivered) == ("network", False)
    assert heard[0].startswith(b"CONNECT telegram.invalid:443 ")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"club:secret") in heard[0]
    assert b"proxied" not in heard[0], "the token stays inside the tunnel"


async def test_a_host_that_needs_no_proxy_is_called_straight(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    async with proxy(heard) as port, Wire() as wire:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert await Api(TOKEN, f"http://127.0.0.1:{port}", wire).deliver(1, {"text": "hi"}) == 1
    assert heard[0].startswith(b"POST /bot1000001:proxied/sendMessage ")


async def test_a_proxy_that_is_no_address_means_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:no-port")
    async with Wire() as wire:
        with pytest.raises(SendError) as caught:
            await Api(TOKEN, "http://telegram.invalid", wire).deliver(1, {"text": "hi"})
    assert (caught.value.kind, caught.value.maybe_delivered) == ("network", False)
