"""Updates on their way to the bot: a queue with Telegram's own rules, emptied by getUpdates or by a webhook.

An update leaves the queue only when the bot asks for a higher offset, when the webhook answers 2xx, or when
it is too old: a message after 24 hours, a tap after 150 seconds. Until then it is delivered again. An update
over 64 KiB is never queued. An offset more than ten above the newest id is not believed (the bot remembers
ids from before a renumbering) and confirms nothing. With a webhook, order holds within a lane only: messages
by chat, taps by user; so a tap may overtake a message. A failed lane is tried again at once, then after 2, 4,
8 ... 60 seconds, or after the seconds of `Retry-After`; other lanes go on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.state import ApiError, Json

MESSAGE_LIFETIME = timedelta(hours=24)
TAP_LIFETIME = timedelta(seconds=150)
MAX_UPDATE_BYTES = 1 << 16
MAX_BACKOFF_SECONDS = 60
NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
TWO_POLLS = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_SECRET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


@dataclass(frozen=True, slots=True)
class Pending:
    body: Json
    expires_at: datetime
    lane: int

    @property
    def update_id(self) -> int:
        return int(self.body["update_id"])


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str
    secret: str
    max_connections: int
    allowed: tuple[str, ...] | None


class Updates:
    """The queue of one bot. `backoff` shortens the waits between tries of a webhook (tests set it tiny)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.next_id = 700_000_001
        self.pending: list[Pending] = []
        self.dropped: list[Json] = []
        self.allowed: frozenset[str] | None = None
        self.webhook: Webhook | None = None
        self.backoff = 1.0
        self.last_error: tuple[datetime, str] | None = None
        self.posts: list[tuple[int, int]] = []  # (update_id, HTTP status or 0) of every webhook try
        self._poll: asyncio.Future[None] | None = None
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._connections = asyncio.Semaphore(40)
        self._session: aiohttp.ClientSession | None = None

    # --- in ---------------------------------------------------------------------------------------

    def add(self, kind: str, body: object, *, lane: int, lifetime: timedelta = MESSAGE_LIFETIME) -> int | None:
        """Queue an update under the next id. None where the bot did not ask for this kind or it is too
        big.
        """
        wanted = kind not in NOT_BY_DEFAULT if self.allowed is None else kind in self.allowed
        if not wanted or len(json.dumps({kind: body})) > MAX_UPDATE_BYTES:
            self.dropped.append({kind: body})
            return None
        return self.add_raw({kind: body}, lane=lane, lifetime=lifetime)

    def add_raw(self, update: Json, *, lane: int = 0, lifetime: timedelta = MESSAGE_LIFETIME) -> int:
        """Queue anything at all; an `update_id` in it is kept, be it old, doubled or out of order."""
        if "update_id" not in update:
            update = {"update_id": self.next_id, **update}
            self.next_id += 1
        self.pending.append(Pending(update, self._now() + lifetime, lane))
        if self.webhook:
            self._push(lane)
        elif self._poll and not self._poll.done():
            self._poll.set_result(None)
        return int(update["update_id"])

    def _expire(self) -> None:
        now = self._now()
        self.pending = [pending for pending in self.pending if pending.expires_at > now]

    def allow(self, kinds: list[str] | None) -> None:
        """Set the wanted kinds: None leaves them as they are, an empty list means Telegram's default."""
        if kinds is not None:
            self.allowed = frozenset(kinds) or None

    # --- out by getUpdates ------------------------------------------------------------------------

    async def poll(self, offset: int, limit: int, wait: float) -> list[Json]:
        """Confirm what lies before `offset`, then wait up to `wait` real seconds for an update."""
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._end_poll(TWO_POLLS)
        batch = self._batch(offset, limit)
        if batch or wait <= 0:
            return batch
        mine = self._poll = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(wait):
                await mine
        except TimeoutError:
            return []
        finally:
            if self._poll is mine:
                self._poll = None
        return self._batch(max(offset, 0), limit)

    def _batch(self, offset: int, limit: int) -> list[Json]:
        self._expire()
        if offset < 0:
            self.pending = self.pending[offset:]
        elif 0 < offset <= self.next_id + 10:
            self.pending = [pending for pending in self.pending if pending.update_id >= offset]
        return [pending.body for pending in self.pending[:limit]]

    def _end_poll(self, reason: str) -> None:
        if self._poll and not self._poll.done():
            self._poll.set_exception(ApiError(409, reason))
        self._poll = None

    # --- out by webhook ---------------------------------------------------------------------------

    def set_webhook(self, webhook: Webhook | None, *, drop_pending: bool = False) -> None:
        """Switch between webhook and polling. Raises ApiError for an address Telegram would not call."""
        if webhook:
            _check(webhook)
            self._end_poll("Conflict: terminated by setWebhook request")
            self._connections = asyncio.Semaphore(webhook.max_connections)
            self.allow(None if webhook.allowed is None else list(webhook.allowed))
        if drop_pending:
            self.pending.clear()
        self.webhook = webhook
        self.last_error = None
        for lane in {pending.lane for pending in self.pending} if webhook else ():
            self._push(lane)

    def info(self) -> Json:
        self._expire()
        url = self.webhook.url if self.webhook else ""
        body: Json = {"url": url, "has_custom_certificate": False, "pending_update_count": len(self.pending)}
        if self.last_error:
            body |= {
                "last_error_date": int(self.last_error[0].timestamp()),
                "last_error_message": self.last_error[1],
            }
        if self.webhook:
            body |= {"max_connections": self.webhook.max_connections, "ip_address": "127.0.0.1"}
        if self.allowed is not None:
            body["allowed_updates"] = sorted(self.allowed)
        return body

    def _push(self, lane: int) -> None:
        task = self._lanes.get(lane)
        if task is None or task.done():
            self._lanes[lane] = asyncio.get_running_loop().create_task(self._empty(lane))

    async def _empty(self, lane: int) -> None:
        failures = 0
        delay = 1
        while self.webhook:
            self._expire()
            head = next((pending for pending in self.pending if pending.lane == lane), None)
            if head is None:
                return
            async with self._connections:
                status, retry_after, reason = await self._post(self.webhook, head.body)
            self.posts.append((head.update_id, status))
            if 200 <= status <= 299:
                self.pending = [pending for pending in self.pending if pending is not head]
                failures, delay = 0, 1
                continue
            self.last_error = (self._now(), reason)
            wait = min(retry_after, 3600)
            if not retry_after and failures:
                wait = delay = min(delay * 2, MAX_BACKOFF_SECONDS)
            failures += 1
            await _pause(wait * self.backoff)

    async def _post(self, webhook: Webhook, body: Json) -> tuple[int, int, str]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        headers = {SECRET_HEADER: webhook.secret} if webhook.secret else {}
        try:
            async with self._session.post(webhook.url, json=body, headers=headers, allow_redirects=False) as answer:
                wait = answer.headers.get("Retry-After", "0")
                reason = f"Wrong response from the webhook: {answer.status} {answer.reason}"
                return answer.status, int(wait) if wait.isdecimal() else 0, reason
        except aiohttp.ClientConnectorError:
            return 0, 0, "Connection refused"
        except TimeoutError:
            return 0, 0, "Read timeout expired"
        except (aiohttp.ClientError, OSError):
            return 0, 0, "Webhook connection closed"

    async def close(self) -> None:
        """Stop all deliveries; what is pending stays pending."""
        if self._poll and not self._poll.done():
            self._poll.cancel()
        lanes = [task for task in self._lanes.values() if not task.done()]
        for task in lanes:
            task.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        self._lanes.clear()
        if self._session:
            await self._session.close()
            self._session = None


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


def _check(webhook: Webhook) -> None:
    try:
        parts = urlsplit(webhook.url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ApiError(400, "Bad Request: invalid webhook URL specified") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ApiError(400, "Bad Request: invalid webhook URL specified")
    local = host in ("127.0.0.1", "::1") or "." not in host
    if parts.scheme == "http" and not local:
        raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
    if not local and port not in (None, 443, 80, 88, 8443):
        raise ApiError(400, "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if len(webhook.secret) > 256:
        raise ApiError(400, "Bad Request: secret token is too long")
    if not set(webhook.secret) <= _SECRET:
        raise ApiError(400, "Bad Request: secret token contains unallowed characters")
