"""What is meant for a topic of a group: put there, or somewhere else where it is not lost.

    prepared   before a row leaves: make the topic where there is none yet, open it where people have closed it
    failed     the decision about an error

        there is no such topic      forgotten, and the row goes again: it makes a new one, and says so there
        closed, may not be opened   this row goes to the coach's private chat
        no topics, no rights,       this row goes there, and all that waits for the group; a turn of the coach tells
        thrown out, no such group   them once, and uses the private chat from then on (dialogs.topics.lost)
        refused for its form        as when it is closed: what was said in it is not lost
        the athlete is erased       the same, if the row is still there at all: for nobody no topic is made
        anything else               as with every other row (bot.send): later again

A topic is written down as soon as it is made, before anything is put there: killed in between, we make a second one and
the first stays empty. Copies of what stands in the private chat anyway are left out instead of sent there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.held import DbCall
from bot.refusals import SendError
from bot.telegram import Api
from dialogs.model import Json
from storage import outbox, topics
from storage.outbox import Leased

log = logging.getLogger(__name__)

LOST = ("no_topics", "no_rights", "not_in_group", "chat_not_found", "blocked")  # nothing can be put in this group
TRIES = 3  # to make a topic that is gone again


@dataclass(frozen=True, slots=True)
class Prepared:
    payload: dict[str, Json]
    notes: int  # messages that Telegram has put into the group for it: a topic made, or opened


def is_for_one(row: Leased) -> bool:
    return topics.OF in row.payload


async def prepared(api: Api, db_call: DbCall, row: Leased, now: datetime) -> Prepared:
    """The row's payload with the number of its topic. Raises SendError, as `deliver` does."""
    payload = dict(row.payload)
    if payload.get("strip"):  # of buttons, in whatever topic they are
        return Prepared(payload, 0)
    place: topics.Place | None = await _written(db_call, lambda tx: topics.find_out(tx, row))
    if place is None:
        raise SendError("erased", permanent=True)
    chat, thread, notes = row.chat_id, place.thread, 0
    if thread is None:
        made = await api.create_topic(chat, place.name)
        await _written(db_call, lambda tx: topics.made(tx, chat, int(payload[topics.OF]), made, now))
        thread, notes = made, 1
    elif place.closed:
        await api.reopen_topic(chat, thread)
        await _written(db_call, lambda tx: topics.opened(tx, chat, place.thread or 0))
        notes = 1
    if payload.get("anew"):
        payload["text"] = f"{payload.get('again', '')}\n\n{payload.get('text', '')}".strip()
    return Prepared({**payload, "topic": thread}, notes)


async def _written(db_call: DbCall, work: Callable[[sa.Connection], Any]) -> Any:
    try:
        return await db_call(work)
    except Exception as error:  # a database that is away for a moment is no fault of the message
        log.warning("topics.database error=%s", type(error).__name__)
        raise SendError("database") from None


def failed(tx: sa.Connection, row: Leased, error: SendError, now: datetime) -> bool:
    """Decide about an error of a row that is meant for a topic. False: it is one of those that any row may have."""
    if not error.permanent or error.migrate_to is not None:
        return False
    if error.kind == "thread_gone" and row.attempts < TRIES:
        topics.forget(tx, row)
        outbox.retry(tx, row.id, now, error.kind, repeat=error.maybe_delivered)
        return True
    gone = error.kind in LOST
    if not topics.elsewhere(tx, row, all_of_it=gone):
        return False
    if gone and row.to_person is not None:
        topics.lost(tx, row.to_person, row.chat_id, error.kind, str(row.id), now)
    return True
