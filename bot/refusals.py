"""What an error of a call to Telegram means for whoever called: `SendError` carries the decision.

May it be repeated, could the message be there already, is the chat somewhere else now: that is decided here alone, and
nobody else interprets Telegram's sentences. What a person wrote, what Telegram answered, and the token appear in none
of it: `kind` is a short word of ours.
"""

from __future__ import annotations

import json
import math
import re

from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken

from bot.wire import MaybeSent, NotSent


class SendError(Exception):
    """A call failed, and this is what to do about it.

    kind             short and stable, for decisions, counters and logs: blocked, chat_not_found, too_long,
                     bad_markup, not_modified, edit_gone, copy_gone, query_old, empty,
                     too_big, file_gone, bad_request, migrated, flood, unauthorized, conflict, two_polls, network,
                     timeout, server; and of groups:
                     thread_gone (there is no such topic: a new one may be made), topic_closed (it may be reopened),
                     no_topics (they are switched off: none can be made), no_rights (the bot may not do this there),
                     not_in_group (it has been removed, or the group has been deleted)
    permanent        the same call can never succeed
    retry_after      seconds to keep quiet, where Telegram named them
    maybe_delivered  a repeat may be read twice
    migrate_to       the chat has this id now
    """

    def __init__(
        self,
        kind: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        maybe_delivered: bool = False,
        migrate_to: int | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.permanent = permanent
        self.retry_after = retry_after
        self.maybe_delivered = maybe_delivered
        self.migrate_to = migrate_to


class Status(Exception):
    """A status the library does not tell apart: 413, 429 (it reads whole seconds only) and 5xx."""

    def __init__(self, code: int, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code, self.retry_after = code, retry_after


# Telegram's wording of a 400, from the server's source (tdlib/telegram-bot-api, Client.cpp) and the field.
_WORDING = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("not_modified", "message is not modified|TOPIC_NOT_MODIFIED"),
        ("edit_gone", "message to edit not found|message can't be edited|no text in the message to edit"),
        ("edit_gone", "MESSAGE_ID_INVALID|message identifier is not specified"),
        (
            "copy_gone",
            "message to (copy|forward) not found|can't be (copied|forwarded)|CHAT_FORWARDS_RESTRICTED",
        ),
        ("bad_markup", "can't parse entities|ENTITY_\\w+_INVALID|ENTITY_BOUNDS"),
        ("too_long", "(message|text|caption) is too long|MESSAGE_TOO_LONG"),
        ("empty", "text is empty|text must be non-empty"),
        ("query_old", "query is too old|QUERY_ID_INVALID"),
        ("thread_gone", "thread not found|TOPIC_(DELETED|ID_INVALID)|invalid forum topic identifier"),
        ("topic_closed", "TOPIC_CLOSED"),
        ("no_topics", "chat is not a forum|CHANNEL_FORUM_MISSING"),
        ("too_big", "file is too big"),
        ("file_gone", "wrong file_id|file is temporarily unavailable|invalid file_id"),
        ("chat_not_found", "chat not found|PEER_ID_INVALID|user not found|CHAT_ID_INVALID"),
        ("no_rights", "not enough rights|have no rights|no write access|CHAT_(WRITE_FORBIDDEN|ADMIN_REQUIRED)"),
        ("no_rights", "need administrator rights"),
    )
)


_OUT = re.compile("(kicked from|not a member of) the|group chat was deleted", re.IGNORECASE)


def decision(error: Exception) -> SendError:
    """The one place where an error becomes a decision.

    A status of 5xx, and a 200 with an unreadable body, may come from a proxy in front of a server that has
    accepted: both count as "maybe delivered". A 401 or 404 is never permanent: the token may come back (a
    typo in a rotation, a server being moved), and what is waiting must still be waiting then.
    """
    cause = error.__cause__
    match error:
        case ChatMigrated():
            target = error.new_chat_id
            known = isinstance(target, int) and not isinstance(target, bool)
            return SendError("migrated", permanent=not known, migrate_to=target if known else None)
        case Forbidden():
            # No word about a person: nobody may be taken for unreachable because of a group.
            return SendError("not_in_group" if _OUT.search(str(error)) else "blocked", permanent=True)
        case InvalidToken():
            return SendError("unauthorized")
        case Conflict():
            # Somebody else polls; or a webhook is set, which we can take away ourselves.
            return SendError("two_polls" if "other getUpdates" in str(error) else "conflict")
        case BadRequest():
            words = str(error)
            kind = next((kind for kind, pattern in _WORDING if pattern.search(words)), "bad_request")
            return SendError(kind, permanent=True)
    match cause:
        case NotSent():
            return SendError("network")
        case MaybeSent():
            return SendError("timeout" if cause.timeout else "network", maybe_delivered=True)
        case Status(code=413):
            return SendError("too_big", permanent=True)
        case Status(code=429):
            return SendError("flood", retry_after=cause.retry_after)
    return SendError("server", maybe_delivered=True)


def retry_after(body: bytes) -> float | None:
    """Seconds to wait, out of a 429. None where it names none, or nothing one could wait for."""
    try:
        seconds = float(json.loads(body)["parameters"]["retry_after"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
