"""Telegram, seen from here: raw updates become events, outbox payloads become calls, errors become decisions.

The only file that imports `telegram` (python-telegram-bot). We use it as a client, not as a framework: its
reader of updates, its request layer and its errors; none of its queues, handlers or pollers, because those
confirm an update before anybody has handled it. Its `Bot` is left out too: at DEBUG it logs every text, and
its address with the token.

Three rules hold on this page:
- What a person wrote, what Telegram answered, and the token appear in no log line and in no exception. A
  SendError carries a short `kind` of ours instead; the library's own exceptions (whose texts may quote an
  answer) are not chained.
- An error carries the decision: may it be repeated, and could the message be there already? See SendError.
- Nothing is believed about an update but what has been checked here: the library reads fields without looking
  at their types, so `to_event` does. What it cannot read is `Unreadable`, one update at a time.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from telegram import Chat, InputFile, Message, Update, User
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    TelegramError,
)
from telegram.request import BaseRequest, RequestData
from telegram.request._requestparameter import RequestParameter

from bot.wire import CONNECT_S, READ_S, Http, MaybeSent, NotSent, TooLong
from dialogs import events, render

Json = Any

# Asked for by name: the setting sticks to the bot, and one left by another program would make us deaf to some
# kinds.
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
API_URL = "https://api.telegram.org"
ANSWER_S = 5.0  # to answer a tap: after that the spinner on the phone has gone by itself
UPLOAD_S = 20.0  # for a file: years of somebody's journal are some megabytes
DOWNLOAD_S = 60.0  # the same the other way; getFile itself may have Telegram fetch the file first
DOWNLOAD_LIMIT = 20 << 20  # bytes (Bot API, getFile)
NOTICE_LIMIT = 200  # characters of a notice (Bot API, answerCallbackQuery)
POLL_GRACE_S = 10.0  # a long poll may answer this much later than it was asked to


class Unreadable(Exception):
    """JSON that is no update. Its text says which field is wrong, never what is in it."""


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


class _Status(Exception):
    """A status the library does not tell apart: 413, 429 (it reads whole seconds only) and 5xx."""

    def __init__(self, code: int, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.code, self.retry_after = code, retry_after


class Wire(BaseRequest):
    """The library's request layer on our own HTTP: a third of the CPU, and it knows what was sent."""

    def __init__(self, connections: int = 64, read_s: float = READ_S) -> None:
        self._http = Http(connections)
        self._read_s = read_s

    @property
    def read_timeout(self) -> float:
        return self._read_s

    async def initialize(self) -> None:
        await self._http.start()

    async def shutdown(self) -> None:
        await self._http.stop()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        read_s = self._read_s if read_timeout in (BaseRequest.DEFAULT_NONE, None) else read_timeout
        files = request_data.multipart_data if request_data and request_data.contains_files else None
        data: Mapping[str, Any] = {}
        if request_data:
            data = request_data.json_parameters if files else request_data.parameters
        try:
            status, body = await self._http.post(url, data, files, read_s=read_s, connect_s=CONNECT_S)
        except (NotSent, MaybeSent) as error:
            raise NetworkError(str(error)) from error
        if status in (413, 429):
            raise NetworkError(f"HTTP {status}") from _Status(status, _retry_after(body))
        if status >= 500:
            raise NetworkError(f"HTTP {status}") from _Status(status)
        return status, body

    async def fetch(self, url: str, limit: int, read_s: float) -> tuple[int, bytes]:
        """The status and the body of a file's address. Raises what `bot.wire` raises, and nothing of the library."""
        return await self._http.get(url, limit=limit, read_s=read_s)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The library's own version logs the whole payload, an athlete's words included, if unreadable."""
        try:
            answer = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise TelegramError("Invalid server response") from None
        if not isinstance(answer, dict) or ("result" not in answer and answer.get("ok") is not False):
            raise TelegramError("Invalid server response")
        return answer


class Api:
    """The calls we make. All raise SendError and nothing else. The caller opens and closes `wire`."""

    def __init__(self, token: str, base_url: str, wire: Wire) -> None:
        self._address = f"{base_url.rstrip('/')}/bot{token}/"
        self._files = f"{base_url.rstrip('/')}/file/bot{token}/"
        self._wire = wire

    # --- the bot and its updates ----------------------------------------------------------------------

    async def get_me(self) -> dict[str, Json]:
        return _object(await self._call("getMe"))

    async def get_updates(self, offset: int | None, timeout_s: float) -> list[Json]:
        """At most 100 raw updates; waits up to `timeout_s` for the first. `offset` confirms all ids below it.

        Raw: the library reads a batch as one, and a single bad update would hide its 99 neighbours.
        """
        result = await self._call(
            "getUpdates",
            read_s=timeout_s + POLL_GRACE_S,
            offset=offset,
            timeout=math.ceil(timeout_s),
            limit=100,
            allowed_updates=ALLOWED_UPDATES,
        )
        if not isinstance(result, list):
            raise SendError("server")
        return result

    async def set_webhook(self, url: str, secret: str) -> None:
        """Have updates posted to `url`. What is pending stays pending: it may be a night's messages."""
        await self._call(
            "setWebhook", url=url, secret_token=secret, allowed_updates=ALLOWED_UPDATES, max_connections=40
        )

    async def delete_webhook(self) -> None:
        """Needed before polling. What is pending stays pending."""
        await self._call("deleteWebhook")

    async def webhook_info(self) -> dict[str, Json]:
        return _object(await self._call("getWebhookInfo"))

    async def set_commands(
        self,
        commands: Sequence[Sequence[str]],
        language: str | None = None,
        chat_id: int | None = None,
        read_s: float | None = None,
    ) -> None:
        """The menu of commands: (name without slash, description). `language` None: for those without their own;
        `chat_id`: in this chat alone, and there before all others."""
        menu = [{"command": name, "description": text} for name, text in commands]
        scope = None if chat_id is None else {"type": "chat", "chat_id": chat_id}
        await self._call("setMyCommands", read_s=read_s, commands=menu, language_code=language, scope=scope)

    # --- files that people have sent ------------------------------------------------------------------

    async def get_file(self, file_id: str, limit: int = DOWNLOAD_LIMIT) -> str:
        """The path under which `download` gets it; good for an hour. `too_big` where it is said to be over `limit`."""
        try:
            found = _object(await self._call("getFile", read_s=DOWNLOAD_S, file_id=file_id))
        except SendError as error:
            error.maybe_delivered = False  # it only asks
            if error.kind == "file_gone":
                error.permanent = False  # "... or the file is temporarily unavailable", in the same words
            raise
        size, path = found.get("file_size"), found.get("file_path")
        if isinstance(size, int) and size > limit:
            raise SendError("too_big", permanent=True)
        if not isinstance(path, str) or not _FILE_PATH.fullmatch(path):
            raise SendError("server")
        return path

    async def download(self, path: str, limit: int = DOWNLOAD_LIMIT) -> bytes:
        """What lies under a path of `get_file`; at most `limit` bytes, whatever was said of its size."""
        try:
            status, body = await self._wire.fetch(self._files + path, limit, DOWNLOAD_S)
        except TooLong:
            raise SendError("too_big", permanent=True) from None
        except NotSent:
            raise SendError("network") from None
        except MaybeSent as error:
            raise SendError("timeout" if error.timeout else "network") from None
        match status:
            case 200:
                return body
            case 404:
                raise SendError("file_gone")
            case 401:
                raise SendError("unauthorized")
            case 429:
                raise SendError("flood", retry_after=_retry_after(body))
        raise SendError("server")

    # --- one outbox row -------------------------------------------------------------------------------

    async def deliver(
        self,
        chat_id: int,
        payload: Mapping[str, Json],
        *,
        message_id: int | None = None,
        repeat: bool = False,
        bare: bool = False,
    ) -> int | None:
        """Do what one outbox row says, and give the id of the message that shows it (None: there is none).

        `message_id` is the bubble to change; one that is gone is sent anew. The keys of a payload: text (HTML),
        buttons (rows of {text, data | url}), answers (a tap to answer), notice (what the answer says), toast
        (the text is that notice, and nothing else is sent), strip (only take the buttons off the bubble), attach
        ({from_chat, message_id}: a message copied as a reply to this one), document ({name, content}: a file of text,
        whose caption the text is), picture (a PNG, whose caption the text is), menu ([[command, description]]: what the
        chat's menu lists from now on, best effort), keyboard ("location" with
        location_label | "remove"), protect, topic (the id of the topic of a group in which all of it is shown, or
        nothing: `thread_gone` where Telegram has put it elsewhere, from where it is then taken away again), and
        repeat_prefix, shown when the row is a `repeat` that the person may already have read.

        `bare`: plain text alone, in as many pieces as it takes; for a page refused in its full dress.
        """
        text = str(payload.get("text", ""))
        beside = []  # and not before it: what is slow must not hold up what the person waits for
        if payload.get("answers"):
            notice = render.plain(text) if payload.get("toast") else payload.get("notice")
            beside.append(asyncio.create_task(self._answer(str(payload["answers"]), notice)))
        if payload.get("menu"):
            beside.append(asyncio.create_task(self._menu(chat_id, payload["menu"])))
        try:
            if payload.get("toast"):
                return None
            if repeat and payload.get("repeat_prefix"):
                text = f"{payload['repeat_prefix']}\n{text}"
            if bare:
                return await self._send_bare(chat_id, text, payload.get("topic"))
            return await self._show(chat_id, text, payload, message_id)
        finally:
            for one in beside:
                await one

    async def _answer(self, query_id: str, notice: object) -> None:
        """Stop the spinner on the phone. Best effort: the tap is committed, whatever becomes of this."""
        text = str(notice)[:NOTICE_LIMIT] if notice else None
        with suppress(SendError):
            await self._call("answerCallbackQuery", read_s=ANSWER_S, callback_query_id=query_id, text=text)

    async def _menu(self, chat_id: int, menu: Sequence[Sequence[str]]) -> None:
        """The commands of this chat. Best effort: the next list or /help brings them again."""
        with suppress(SendError):
            await self.set_commands(menu, chat_id=chat_id, read_s=ANSWER_S)

    async def _show(self, chat_id: int, text: str, payload: Mapping[str, Json], message_id: int | None) -> int | None:
        if payload.get("strip"):
            return await self._strip(chat_id, message_id)
        try:
            return await self._edit_or_send(chat_id, text, "HTML", payload, message_id)
        except SendError as error:
            if error.kind != "bad_markup":
                raise
        return await self._edit_or_send(chat_id, render.plain(text), None, payload, message_id)

    async def _edit_or_send(
        self, chat_id: int, text: str, mode: str | None, payload: Mapping[str, Json], message_id: int | None
    ) -> int | None:
        if message_id is not None:
            changed = await self._change(
                "editMessageText",
                chat_id=chat_id,
                message_id=message_id,
                text=text,
                parse_mode=mode,
                link_preview_options={"is_disabled": True},
                reply_markup=_inline(payload) or {"inline_keyboard": []},
            )
            if changed:
                return message_id
        if payload.get("document"):
            return await self._send_document(chat_id, text, mode, payload)
        if payload.get("picture"):
            return await self._send_picture(chat_id, text, mode, payload)
        sent = await self._send(
            "sendMessage",
            chat_id,
            payload.get("topic"),
            text=text,
            parse_mode=mode,
            link_preview_options={"is_disabled": True},
            reply_markup=_inline(payload) or _keyboard(payload),
            protect_content=True if payload.get("protect") else None,
        )
        if payload.get("attach"):
            await self._copy(chat_id, payload, sent)
        return sent

    async def _send_document(
        self, chat_id: int, text: str, mode: str | None, payload: Mapping[str, Json]
    ) -> int | None:
        # As a file and not as bytes: those are written in one piece, which would hold up everybody else.
        file = io.BytesIO(str(payload["document"]["content"]).encode("utf-8", "backslashreplace"))
        return await self._send(
            "sendDocument",
            chat_id,
            payload.get("topic"),
            read_s=UPLOAD_S,
            document=InputFile(file, filename=str(payload["document"]["name"]), read_file_handle=False),
            caption=text,
            parse_mode=mode,
            protect_content=True if payload.get("protect") else None,
        )

    async def _send_picture(self, chat_id: int, text: str, mode: str | None, payload: Mapping[str, Json]) -> int | None:
        png = InputFile(io.BytesIO(payload["picture"]), filename="picture.png", read_file_handle=False)
        return await self._send(
            "sendPhoto",
            chat_id,
            payload.get("topic"),
            read_s=UPLOAD_S,
            photo=png,
            caption=text,
            parse_mode=mode,
            reply_markup=_inline(payload),
        )

    async def _send(
        self, method: str, chat_id: int, topic: int | None, *, read_s: float | None = None, **fields: Json
    ) -> int | None:
        """A new message. Where a group has no topics any more, Telegram drops `topic` without a word and shows to all
        what one topic was to hold: that is taken back, and is an error like that of a topic which is gone."""
        answer = await self._call(method, read_s=read_s, chat_id=chat_id, message_thread_id=topic, **fields)
        sent = _message_id(answer)
        if topic is None or (isinstance(answer, dict) and answer.get("message_thread_id") == topic):
            return sent
        taken_back = False
        if sent is not None:
            with suppress(SendError):
                taken_back = await self._call("deleteMessage", chat_id=chat_id, message_id=sent) is True
        raise SendError("thread_gone", permanent=True, maybe_delivered=not taken_back)

    async def _change(self, method: str, **fields: Json) -> bool:
        """Edit a bubble or topic; False when a bubble is gone. Done twice it reads the same: always safe to repeat."""
        try:
            await self._call(method, **fields)
        except SendError as error:
            if error.kind == "edit_gone":
                return False
            if error.kind != "not_modified":
                error.maybe_delivered = False
                raise
        return True

    async def _strip(self, chat_id: int, message_id: int | None) -> int | None:
        if message_id is None:
            return None
        nothing: Json = {"inline_keyboard": []}
        there = await self._change(
            "editMessageReplyMarkup", chat_id=chat_id, message_id=message_id, reply_markup=nothing
        )
        return message_id if there else None

    async def _copy(self, chat_id: int, payload: Mapping[str, Json], under: int | None) -> None:
        """Copy an athlete's voice note or photo below the text that speaks of it."""
        attach = payload["attach"]
        reply = {"message_id": under, "allow_sending_without_reply": True} if under else None
        try:
            await self._call(
                "copyMessage",
                chat_id=chat_id,
                message_thread_id=payload.get("topic"),
                from_chat_id=attach["from_chat"],
                message_id=attach["message_id"],
                reply_parameters=reply,
                protect_content=True if payload.get("protect") else None,
            )
        except SendError as error:
            if error.permanent and error.kind in ("copy_gone", "bad_request"):
                return  # the athlete has deleted it; the text above says that there was something
            error.maybe_delivered = True  # the text is there already
            raise

    async def _send_bare(self, chat_id: int, text: str, topic: int | None) -> int | None:
        first: int | None = None
        for piece in render.pieces(render.plain(text), render.LIMIT):
            if not piece.strip():
                continue
            try:
                sent = await self._send("sendMessage", chat_id, topic, text=piece)
            except SendError as error:
                error.maybe_delivered = error.maybe_delivered or first is not None
                raise
            first = first if first is not None else sent
        return first

    # --- who is in a group ----------------------------------------------------------------------------

    async def get_chat(self, chat_id: int) -> dict[str, Json]:
        return _object(await self._call("getChat", chat_id=chat_id))

    async def member_count(self, chat_id: int) -> int:
        """How many are in it, bots included."""
        count = await self._call("getChatMemberCount", chat_id=chat_id)
        if not isinstance(count, int):
            raise SendError("server")
        return count

    async def administrators(self, chat_id: int) -> list[dict[str, Json]]:
        """Their ChatMembers, but for other bots."""
        found = await self._call("getChatAdministrators", chat_id=chat_id)
        if not isinstance(found, list):
            raise SendError("server")
        return [_object(one) for one in found]

    async def member(self, chat_id: int, user_id: int) -> dict[str, Json] | None:
        """The ChatMember; None: Telegram does not know them there."""
        try:
            return _object(await self._call("getChatMember", chat_id=chat_id, user_id=user_id))
        except SendError as error:
            if error.kind in ("bad_request", "chat_not_found"):  # "PARTICIPANT_ID_INVALID", "user not found"
                return None
            raise

    # --- topics of a group ----------------------------------------------------------------------------

    async def create_topic(self, chat_id: int, name: str) -> int:
        """A new topic, of at most 128 characters; gives its id. After a `maybe_delivered` there may be one already."""
        topic = _object(await self._call("createForumTopic", chat_id=chat_id, name=name)).get("message_thread_id")
        if not isinstance(topic, int):
            raise SendError("server", maybe_delivered=True)
        return topic

    async def edit_topic(self, chat_id: int, topic: int, name: str) -> None:
        """Give a topic another name. Like the next two: safe to repeat, and a success where it is so already."""
        await self._change("editForumTopic", chat_id=chat_id, message_thread_id=topic, name=name)

    async def close_topic(self, chat_id: int, topic: int) -> None:
        """From now on only the topic's maker and administrators can write there."""
        await self._change("closeForumTopic", chat_id=chat_id, message_thread_id=topic)

    async def reopen_topic(self, chat_id: int, topic: int) -> None:
        await self._change("reopenForumTopic", chat_id=chat_id, message_thread_id=topic)

    async def _call(self, method: str, *, read_s: float | None = None, **fields: Json) -> Json:
        parameters = [RequestParameter.from_input(name, value) for name, value in fields.items() if value is not None]
        try:
            return await self._wire.post(
                self._address + method,
                RequestData(parameters),
                read_timeout=BaseRequest.DEFAULT_NONE if read_s is None else read_s,
            )
        except Exception as error:
            # Not chained: the library puts what it could not read, words included, into exception texts.
            raise _decision(error) from None


_FILE_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*", re.ASCII)  # a server of one's own may give a place on its disk instead


def _inline(payload: Mapping[str, Json]) -> Json:
    rows = [
        [
            {"text": button["text"], "url": button["url"]}
            if "url" in button
            else {"text": button["text"], "callback_data": button["data"]}
            for button in row
        ]
        for row in payload.get("buttons") or ()
    ]
    return {"inline_keyboard": rows} if rows else None


def _keyboard(payload: Mapping[str, Json]) -> Json:
    match payload.get("keyboard"):
        case "location":
            button = {"text": payload.get("location_label") or "📍", "request_location": True}
            return {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}
        case "remove":
            return {"remove_keyboard": True}
    return None


def _object(result: Json) -> dict[str, Json]:
    if not isinstance(result, dict):
        raise SendError("server")
    return result


def _message_id(result: Json) -> int | None:
    value = result.get("message_id") if isinstance(result, dict) else None
    return value if isinstance(value, int) else None


# --- errors -------------------------------------------------------------------------------------------

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


def _decision(error: Exception) -> SendError:
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
        case _Status(code=413):
            return SendError("too_big", permanent=True)
        case _Status(code=429):
            return SendError("flood", retry_after=cause.retry_after)
    return SendError("server", maybe_delivered=True)


def _retry_after(body: bytes) -> float | None:
    """Seconds to wait, out of a 429. None where it names none, or nothing one could wait for."""
    try:
        seconds = float(json.loads(body)["parameters"]["retry_after"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None


# --- updates ------------------------------------------------------------------------------------------

_START = re.compile(r"/start(?:@\w+)?(?:\s+(?P<code>.*))?", re.IGNORECASE | re.DOTALL)
_FILES = (
    "voice",
    "video_note",
    "video",
    "audio",
    "animation",
    "sticker",
    "document",
)  # animations are documents
_HEAD = ("message_id", "message_thread_id", "from", "chat", "date", "reply_to_message", "forward_origin")
_HERE = ("member", "administrator", "creator", "restricted")


def who(raw: Json) -> str:
    """Whose update this is, for the order of handling: the user, else the chat, else "?". Never raises.

    In a private chat both are the same number, so a tap and a text of one person are always in one line.
    """
    if isinstance(raw, dict):
        for body in raw.values():
            if not isinstance(body, dict):
                continue
            message = body.get("message")
            places = [body.get("from"), body.get("user"), body.get("chat")]
            if isinstance(body.get("sender_chat"), dict):
                # The user "Group" speaks for the anonymous admins of all groups: no person to keep in order.
                places = [body.get("chat")]
            if isinstance(message, dict):
                places.append(message.get("chat"))
            for place in places:
                id = place.get("id") if isinstance(place, dict) else None
                if isinstance(id, int) and not isinstance(id, bool):
                    return str(id)
    return "?"


def to_event(raw: Json) -> tuple[events.Sender, events.Event]:
    """One raw update -> who did it and what it was. Raises Unreadable."""
    try:
        sender, event = _tap(raw) or _read_all(raw)
        _check(sender, event)
    except Unreadable:
        raise
    except Exception as error:  # the library has no error of its own for this; RecursionError is one of them
        raise Unreadable(f"not an update ({type(error).__name__})") from None
    return sender, event


def _tap(raw: Json) -> tuple[events.Sender, events.Event] | None:
    """A tap in a private chat, as nine of ten updates are; None for all else. The library would read the whole message
    that the button hangs on, each button of it, for values that `_check` looks at anyway."""
    if not isinstance(raw, dict) or raw.keys() != {"update_id", "callback_query"}:
        return None
    try:
        query = raw["callback_query"]
        user, message, chat = query["from"], query["message"], query["message"]["chat"]
        if chat["type"] != Chat.PRIVATE or not isinstance(query["data"], str):
            return None
        sender = events.Sender(chat["id"], user["id"], user["first_name"], user.get("language_code") or "", True)
        return sender, events.Tapped(query["data"], query["id"], message["message_id"])
    except (KeyError, TypeError, AttributeError):  # of another shape: the library says what it is, if anything
        return None


def _read_all(raw: Json) -> tuple[events.Sender, events.Event]:
    return _read(Update.de_json(raw, None), next((name for name in raw if name != "update_id"), ""), raw)


def _read(update: Update, kind: str, raw: Json) -> tuple[events.Sender, events.Event]:
    sender = _sender(update.effective_user, update.effective_chat)
    if (query := update.callback_query) is not None:
        message_id = query.message.message_id if query.message else None
        data = query.data if query.data is not None else ""
        return sender, events.Tapped(data, query.id, message_id)
    if (member := update.my_chat_member) is not None:
        before, after = member.old_chat_member.status, member.new_chat_member.status
        return sender, _membership(sender.private, before, after)
    if (message := update.message) is not None:
        sender = _speaker(message)
        if message.migrate_from_chat_id is not None:
            # The second of two service messages, in the new group: the same event as the first.
            sender = events.Sender(message.migrate_from_chat_id, None, private=False)
            return sender, events.Moved(message.chat.id)
        return sender, _message(message, raw[kind]) if sender.private else _in_group(message, raw[kind])
    if (message := update.edited_message) is not None:
        sender = _speaker(message)
        edited = _edited(message, kind)
        if sender.private:
            return sender, edited
        what = "edited" if isinstance(edited, events.Edited) else "other"
        return sender, events.Grouped(what, _topic(message), edited if isinstance(edited, events.Edited) else None)
    if kind == "":
        raise Unreadable("an update about nothing")
    return sender, events.Other(kind)


def _sender(user: User | None, chat: Chat | None) -> events.Sender:
    return events.Sender(
        chat_id=chat.id if chat else 0,
        user_id=user.id if user else None,
        first_name=user.first_name if user else "",
        language=(user.language_code or "") if user else "",
        private=chat is not None and chat.type == Chat.PRIVATE,
    )


def _speaker(message: Message) -> events.Sender:
    """The sender of a message; an anonymous group admin or a linked channel is nobody whom we could know."""
    return _sender(None if message.sender_chat else message.from_user, message.chat)


def _membership(private: bool, before: str, after: str) -> events.Event:
    if private:
        return events.Unblocked() if after in _HERE else events.Blocked()
    if (before in _HERE) == (after in _HERE):
        return events.Grouped("rights" if after in _HERE else "other")
    return events.Grouped("added" if after in _HERE else "removed")


def _in_group(message: Message, raw: Json) -> events.Event:
    if message.migrate_to_chat_id is not None:
        return events.Moved(message.migrate_to_chat_id)
    topic = _topic(message)
    if message.forum_topic_closed is not None or message.forum_topic_reopened is not None:
        return events.Grouped("closed" if message.forum_topic_closed is not None else "reopened", topic)
    match _message(message, raw):
        case events.Started() | events.Said() | events.Sent() | events.Located() as said:
            return events.Grouped("command" if (message.text or "").startswith("/") else "said", topic, said)
    return events.Grouped("other", topic)


def _topic(message: Message) -> int | None:
    """The thread alone says nothing: a chain of replies outside of topics has one, too."""
    return message.message_thread_id if message.is_topic_message else None


def _edited(message: Message, kind: str) -> events.Event:
    text = message.text if message.text is not None else message.caption
    if text is None and message.effective_attachment is None:
        return events.Other(kind)
    if message.location is not None:  # a live location moves every few seconds: nothing that asks for an answer
        return events.Other("edited_location")
    return events.Edited(text or "", message.message_id)


def _message(message: Message, raw: Json) -> events.Event:
    id = message.message_id
    reply_to = message.reply_to_message.message_id if message.reply_to_message else None
    if reply_to == _topic(message):
        reply_to = None  # every message of a topic seems to answer the topic's first one
    forwarded = message.forward_origin is not None
    if (text := message.text) is not None:
        started = None if forwarded else _START.fullmatch(text.strip())
        if started:
            return events.Started((started["code"] or "").strip() or None, id)
        return events.Said(text, id, reply_to, forwarded)
    if (place := message.location) is not None:
        return events.Located(place.latitude, place.longitude, id)
    caption = message.caption or ""
    if message.photo:
        return events.Sent("photo", id, message.photo[-1].file_id, caption, reply_to)
    for kind in _FILES:
        if (file := getattr(message, kind)) is not None:
            sent = events.Sent(kind, id, file.file_id, caption, reply_to)
            return replace(sent, name=file.file_name or "", size=file.file_size) if kind == "document" else sent
    if message.contact is not None:
        return events.Sent("contact", id, None, caption, reply_to)
    return events.Other(next((name for name in raw if name not in _HEAD), "message"))


def _check(sender: events.Sender, event: events.Event) -> None:
    """The types the rest of the program relies on. A wrong one would fail later, inside somebody's turn."""
    values: list[tuple[str, object, type | tuple[type, ...]]] = [
        ("chat id", sender.chat_id, int),
        ("user id", sender.user_id, (int, type(None))),
        ("first name", sender.first_name, str),
        ("language", sender.language, str),
    ]
    for name, kind in (
        ("message_id", (int, type(None))),
        ("reply_to", (int, type(None))),
        ("topic", (int, type(None))),
        ("new_chat_id", int),
        ("text", str),
        ("data", str),
        ("query_id", str),
        ("caption", str),
        ("file_id", (str, type(None))),
        ("name", str),
        ("size", (int, type(None))),
        ("lat", (int, float)),
        ("lon", (int, float)),
    ):
        if hasattr(event, name):
            values.append((name, getattr(event, name), kind))
    for name, value, expected in values:
        if not isinstance(value, expected) or isinstance(value, bool):
            raise Unreadable(f"{name} is of type {type(value).__name__}")
    if isinstance(event, events.Grouped) and event.message is not None:
        _check(sender, event.message)
