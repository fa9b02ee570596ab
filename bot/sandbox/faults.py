"""Faults to switch on: what the bot meets when Telegram, or the way to it, is not well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bot.sandbox.delivery import TWO_POLLS
from bot.sandbox.state import ApiError

_WORDS = {
    400: "Bad Request: message text is empty",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: TWO_POLLS,
}


@dataclass(slots=True)
class Fault:
    """Something that goes wrong `times` times (-1: until removed) with `method` in `chat_id` (None: any).

    kind: "before" - connection reset, nothing accepted; "after" - accepted, then reset; "hang" - nothing
    accepted, no answer for `seconds`, then reset; "hang_after" - accepted, then the same; or an HTTP status,
    with `body` as the shape of the answer: "json", "html", "truncated", "empty". `accepted` lets the call
    succeed behind a status. A 429 carries `seconds` as retry_after.
    """

    kind: str | int
    method: str | None = None
    times: int = 1
    chat_id: int | None = None
    seconds: float = 30.0
    body: str = "json"
    description: str | None = None
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back over HTTP; `status` 0 means that the connection is reset instead."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"


RESET = Answer(0)


def matching(faults: list[Fault], method: str, given: Mapping[str, Any]) -> Fault | None:
    """The first fault that hits this call; uses up one of its times."""
    for fault in faults:
        if fault.times == 0 or fault.method not in (None, method):
            continue
        if fault.chat_id is not None and str(given.get("chat_id")) != str(fault.chat_id):
            continue
        fault.times -= fault.times > 0
        return fault
    return None


def refusal(error: ApiError) -> Answer:
    return Answer(error.code, json.dumps(error.json()).encode())


def accepts(fault: Fault) -> bool:
    """Does the call take effect although its answer goes wrong?"""
    return fault.accepted or fault.kind in ("after", "hang_after")


async def broken(fault: Fault) -> Answer:
    """The answer that goes wrong, after the hang if it is one."""
    if isinstance(fault.kind, str):
        if fault.kind.startswith("hang"):
            await asyncio.sleep(fault.seconds)
        return RESET
    wait = int(fault.seconds)
    words = _WORDS.get(fault.kind, HTTPStatus(fault.kind).phrase)
    if fault.kind == 429:
        words = f"Too Many Requests: retry after {wait}"
    error = ApiError(fault.kind, fault.description or words, **({"retry_after": wait} if fault.kind == 429 else {}))
    body = refusal(error).body
    if fault.body == "html":
        title = f"{fault.kind} {words}"
        page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body></body>\r\n</html>\r\n"
        return Answer(fault.kind, page.encode(), "text/html")
    if fault.body in ("truncated", "empty"):
        body = body[: len(body) // 2] if fault.body == "truncated" else b""
    return Answer(fault.kind, body)
