"""Who is in a group: asked of Telegram, because no turn can wait for it.

A coach who says /link in a group leaves a due row of kind "look" (dialogs.topics). Whoever looks holds it meanwhile, as
bot.fetch does with files, and puts what was seen beside it as a row of kind "group", from which a turn goes on:

    forum     it has topics
    rights    the bot may make topics, and hears what is said in them
    members   how many there are, without the bot
    present   the coaches of the club among them (their numbers at Telegram, of those that the row names)
    admins    [{id, name}] of the other people who administer it

Telegram gives a bot the names of administrators only; of plain members it tells the number, and of somebody whom the
bot can name whether they are in. A look that fails three times ends with `failed`, the short kind of the error: the
coach hears of it, once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.held import DbCall, again_at, done_or_back
from bot.metrics import Metrics
from bot.refusals import SendError
from bot.telegram import Api
from dialogs.model import Json, Wakeup
from storage import due
from storage.due import ClaimedDue

log = logging.getLogger(__name__)

PAUSES = (timedelta(seconds=10),) * 2  # behind the first try, and the second
HOLD = timedelta(minutes=3)
IN = ("creator", "administrator", "member", "restricted")


async def look_one(db_call: DbCall, api: Api, now: Callable[[], datetime], metrics: Metrics) -> bool:
    """Take up the look that has waited longest. False: none is ready. Raises what the database raises."""
    row: ClaimedDue | None = await db_call(lambda tx: due.hold(tx, due.LOOK, now(), now() + HOLD))
    if row is None:
        return False
    try:
        seen = await done_or_back(db_call, row, now, _seen(api, int(row.data["chat"]), row.data["coaches"]))
    except Exception as error:
        kind = error.kind if isinstance(error, SendError) else type(error).__name__
        metrics.failed("look", kind)
        log.warning("groups.failed kind=%s try=%d", kind, row.attempts)
        if (at := again_at(row, error, now(), PAUSES)) is not None:
            await db_call(lambda tx: due.give_back(tx, row, now(), error_class=kind, retry_at=at))
            return True
        seen = {"failed": kind}
    found = seen
    await db_call(lambda tx: _finish(tx, row, now(), found))
    return True


async def _seen(api: Api, chat: int, coaches: list[int]) -> dict[str, Json]:
    about = await api.get_chat(chat)
    if about.get("type") not in ("group", "supergroup"):
        raise SendError("no_group", permanent=True)
    bot = int((await api.get_me())["id"])
    me = await api.member(chat, bot) or {}
    people = [one.get("user") or {} for one in await api.administrators(chat)]
    present = [one for one in coaches if ((await api.member(chat, one)) or {}).get("status") in IN]
    return {
        "title": str(about.get("title", "")),
        "forum": about.get("is_forum") is True,
        "rights": me.get("status") == "administrator" and me.get("can_manage_topics") is True,
        "members": await api.member_count(chat) - 1,
        "present": present,
        "admins": [
            {"id": one.get("id"), "name": str(one.get("first_name", ""))} for one in people if one.get("id") != bot
        ],
    }


def _finish(tx: sa.Connection, row: ClaimedDue, now: datetime, seen: dict[str, Json]) -> None:
    if due.done(tx, row.id, now):
        key = f"group:{row.key.partition(':')[2]}"
        due.put(tx, row.person_id, Wakeup("group", key, now, data={**row.data, **seen}), now)
