"""What we say to Telegram: payloads become calls, one outbox row at a time.

This file, `bot.updates` (updates become events) and `bot.refusals` (errors become decisions) alone import `telegram`
(python-telegram-bot). We use it as a client, not as a framework: its reader of updates, its request layer and its
errors; none of its queues, handlers or pollers, because those confirm an update before anybody has handled it. Its
`Bot` is left out too: at DEBUG it logs every text, and its address with the token.

What a person wrote, what Telegram answered, and the token appear in no log line and in no exception: all that the calls
raise is a SendError, and the library's own exceptions, whose texts may quote an answer, are not chained.
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from telegram import InputFile
from telegram.error import NetworkError, TelegramError
from telegram.request import BaseRequest, RequestData
from telegram.request._requestparameter import RequestParameter

from bot.refusals import SendError, Status, decision, retry_after
from bot.wire import CONNECT_S, READ_S, Http, MaybeSent, NotSent, TooLong
from dialogs import render

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
            raise NetworkError(f"HTTP {status}") from Status(status, retry_after(body))
        if status >= 500:
            raise NetworkError(f"HTTP {status}") from Status(status)
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
                raise SendError("flood", retry_after=retry_after(body))
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
            raise decision(error) from None


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
