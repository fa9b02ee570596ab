"""A clock turned by hand, and plain HTTP to the sandbox, to see its answers as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

TOKEN = "123456:sandbox-token"
Body = dict[str, Any]


@dataclass(slots=True)
class Clock:
    now: datetime = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass(slots=True)
class Wire:
    """Plain HTTP to the sandbox, to see the answers as they are."""

    session: aiohttp.ClientSession
    url: str

    async def call(self, method: str, **params: object) -> Body:
        async with self.session.post(f"{self.url}/bot{TOKEN}/{method}", json=params) as response:
            body: Body = await response.json()
            assert body.get("error_code", 200) == response.status
            return body

    async def error(self, method: str, **params: object) -> tuple[object, object]:
        body = await self.call(method, **params)
        return body.get("error_code"), body.get("description")

    async def ok(self, method: str, **params: object) -> Any:
        body = await self.call(method, **params)
        assert body["ok"], body
        return body["result"]


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until `condition` holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)
