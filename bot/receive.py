"""Receiving: store first, confirm afterwards, read later.

    fetch raw -> ONE commit for the whole batch -> the next fetch confirms just this batch

Telegram forgets an update as soon as it is confirmed, so an update is confirmed only when it is in the inbox.
A crash in between brings the batch again, and its keys make the second time a no-op.

- The offset is that of the batch just stored and of nothing older; after an empty answer the next fetch has
  none. Update ids may start anew, lower, after a week without updates: an offset remembered from before would
  hide them.
- Nothing is parsed here beyond the id and whose it is. What cannot be read becomes a dead letter in its turn,
  and its neighbours in the batch never notice.
- No answer of Telegram ends the loop: not a 401 or 404 (a token being changed), not a 409 (a second poller,
  or a webhook left behind). It waits 1 to 30 seconds and asks again; `health` hears of it, the log once per
  kind.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bot.refusals import SendError
from bot.telegram import Api
from bot.updates import who
from storage.inbox import Incoming

log = logging.getLogger(__name__)

Store = Callable[[Sequence[Incoming]], Awaitable[object]]

POLL_S = 30.0  # how long one fetch waits for news; Telegram allows 50
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0  # after any outage we are back within this time


class Unconfirmable(Exception):
    """A batch is stored, but no id in it can confirm it: it comes again, so the loop must wait."""


def incoming(raw: Any, bot_id: int) -> Incoming:
    """The inbox row for one parsed update. The same update gives the same row, by polling or by webhook."""
    text = json.dumps(raw, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    id = _update_id(raw)
    return Incoming(_raw_key(text) if id is None else f"{bot_id}:{id}", who(raw), text)


def incoming_text(body: str, bot_id: int) -> Incoming:
    """The inbox row for the body of a webhook call. What is no JSON is kept as it is, for a human to read."""
    try:
        return incoming(json.loads(body), bot_id)
    except (ValueError, RecursionError):
        return Incoming(_raw_key(body), "?", body)


async def poll_once(api: Api, store: Store, offset: int | None, *, bot_id: int, wait_s: float = POLL_S) -> int | None:
    """Fetch, store in one commit, and give the offset that confirms this batch (None: there was nothing).

    Raises SendError from the fetch, whatever `store` raises, and Unconfirmable.
    """
    batch = await api.get_updates(offset, wait_s)
    if not batch:
        return None
    await store([incoming(raw, bot_id) for raw in batch])
    ids = [id for raw in batch if (id := _update_id(raw)) is not None]
    if not ids:
        raise Unconfirmable
    return max(ids) + 1


async def poll_forever(
    api: Api,
    store: Store,
    *,
    bot_id: int,
    nudge: Callable[[], None],
    health: Callable[[str | None], None],
    sleep: Callable[[float], Awaitable[object]],
    jitter: Callable[[], float],
    wait_s: float = POLL_S,
) -> None:
    """Poll until cancelled. `nudge` is called after each stored batch, `health` after each fetch with None or
    the kind of its failure; `sleep` takes seconds; `jitter` gives 0..1, so that two replicas do not knock in
    step.
    """
    offset: int | None = None
    failures, said = 0, ""
    while True:
        try:
            offset = await poll_once(api, store, offset, bot_id=bot_id, wait_s=wait_s)
        except Exception as error:  # anything: a deaf bot that looks alive is the worst failure there is
            kind = error.kind if isinstance(error, SendError) else type(error).__name__
            if kind != said:
                log.warning("receive.failed kind=%s", kind)
            failures, said = failures + 1, kind
            health(kind)
            if isinstance(error, Unconfirmable):
                nudge()
            named = error.retry_after if isinstance(error, SendError) else None
            pause = min(named or FIRST_PAUSE_S * 2 ** min(failures - 1, 10), LONGEST_PAUSE_S)
            await sleep(max(FIRST_PAUSE_S, pause * (0.5 + 0.5 * jitter())))
            continue
        if failures:
            log.info("receive.again after_failures=%d", failures)
            failures, said = 0, ""
        health(None)
        if offset is not None:
            nudge()


def _update_id(raw: Any) -> int | None:
    id = raw.get("update_id") if isinstance(raw, dict) else None
    return id if isinstance(id, int) and not isinstance(id, bool) and id >= 0 else None


def _raw_key(text: str) -> str:
    return f"raw:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
