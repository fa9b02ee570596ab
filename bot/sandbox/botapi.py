"""What the bot may call, answered as strictly as the real Bot API would, with faults that can be switched on.

A call passes these points, in this order, and a test can stop or break it at each:

    on_call -> fault "before" / "hang" / HTTP status      nothing has happened
            -> the method: checked, limited, ACCEPTED      the ledger has it, the person can read it
    on_accept, on_poll -> hold[method]                     accepted, and the bot does not know yet
            -> fault "after" / "hang_after"                accepted, and the bot will never know
            -> the answer leaves

The real sendMessage has no idempotency key, so neither has this one: a bot which sends again after a reset is
read twice. Tests judge by the `ledger`. Sizes: a text has at most 4096 UTF-16 units after parsing, a caption
1024, button data 64 bytes, an answer to a tap 200 characters. A tap can be answered once and for about 15
seconds (`tap_answer_seconds`; the real limit is not documented), a message be deleted for 48 hours. A file lies under
its path only after getFile, and for an hour; its download counts, and breaks, as a method called "download".
What the bot may do to chats and topics is in chats.py.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.chats import Chats
from bot.sandbox.delivery import Updates, Webhook
from bot.sandbox.faults import Answer, Fault, accepts, broken, matching, refusal
from bot.sandbox.limits import Limits
from bot.sandbox.params import Params, Upload, formatted, keyboard
from bot.sandbox.people import MAX_TEXT
from bot.sandbox.state import ApiError, Chat, Delivered, File, Json, Message, Notice

MAX_CAPTION = 1024
MAX_ANSWER = 200
MAX_DOWNLOAD = 20 << 20
MAX_UPLOAD = 50 << 20
MAX_PHOTO = 10 << 20
DELETABLE_FOR = timedelta(hours=48)
LINK_LIVES = timedelta(hours=1)
LONGEST_POLL = 50
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")


class BotApi(Chats):
    def __init__(self, *, token: str, now: Callable[[], datetime], username: str = "aid_station_sandbox_bot") -> None:
        super().__init__(now, int(token.split(":")[0]), username)
        self.token = token
        self.updates = Updates(now)
        self.ledger: list[Delivered] = []
        self.calls: Counter[str] = Counter()
        self.limits: Limits | bool = Limits()
        self.faults: list[Fault] = []
        self.hold: dict[str, asyncio.Event] = {}
        self.tap_answer_seconds = 15.0
        self.on_call: Callable[[str, Json], Awaitable[None] | None] | None = None
        self.on_accept: Callable[[Delivered], Awaitable[None] | None] | None = None
        self.on_poll: Callable[[int, list[Json]], Awaitable[None] | None] | None = None
        self.links: dict[str, datetime] = {}  # paths of files, and how long each is good
        self.about: Json = {"commands": {}, "menu": {}, "description": "", "short_description": ""}
        self._methods: dict[str, tuple[str, Callable[[Params], Any]]] = {
            name.lower(): (name, getattr(self, "_" + re.sub("([A-Z])", r"_\1", name).lower())) for name in METHODS
        }

    async def close(self) -> None:
        await self.updates.close()

    # --- one call ---------------------------------------------------------------------------------

    async def answer(
        self, token: str, method: str, given: Mapping[str, Any], files: Mapping[str, Upload] | None = None
    ) -> Answer:
        """One call of the bot over HTTP, faults included."""
        if token != self.token:
            return refusal(ApiError(401, "Unauthorized"))
        name, function = self._methods.get(method.lower(), (method, None))
        if function is None:
            return refusal(ApiError(404, "Not Found"))
        self.calls[name] += 1
        await _fire(self.on_call, name, dict(given))
        fault = matching(self.faults, name, given)
        if fault and not accepts(fault):
            return await broken(fault)
        answer = await self._accept(name, function, Params(given, files or {}))
        if name in self.hold:
            await self.hold[name].wait()
        if name == "getUpdates" and not fault:
            fault = matching(self.faults, name, given)  # one switched on while the poll was waiting
        return await broken(fault) if fault else answer

    async def download(self, token: str, path: str) -> Answer:
        """A file under the path that getFile gave, faults included."""
        self.calls[DOWNLOAD] += 1
        given = {"path": path}
        await _fire(self.on_call, DOWNLOAD, given)
        fault = matching(self.faults, DOWNLOAD, given)
        if fault:
            return await broken(fault)
        if DOWNLOAD in self.hold:
            await self.hold[DOWNLOAD].wait()
        file = next((file for file in self.files.values() if file.path == path), None)
        if token != self.token or file is None or self.links.get(path, self.now()) <= self.now():
            return refusal(ApiError(404, "Not Found"))
        return Answer(200, file.content, "application/octet-stream")

    async def _accept(self, name: str, function: Callable[[Params], Any], params: Params) -> Answer:
        before = len(self.ledger)
        try:
            result = function(params)
            accepted = self.ledger[before:]
            if inspect.isawaitable(result):
                result = await result
        except ApiError as error:
            return refusal(error)
        for delivered in accepted:
            await _fire(self.on_accept, delivered)
        if name == "getUpdates":
            await _fire(self.on_poll, params.number("offset"), result)
        return Answer(200, json.dumps({"ok": True, "result": result}).encode())

    # --- about the bot ----------------------------------------------------------------------------

    def _get_me(self, params: Params) -> Json:
        return self.bot_json() | {
            "can_join_groups": True,
            "can_read_all_group_messages": self.reads_all_group_messages,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    def _set_my_commands(self, params: Params) -> bool:
        commands = params.json("commands") or []
        for command in commands:
            if not _COMMAND.fullmatch(str(command.get("command", "")).removeprefix("/")):
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.about["commands"][_scope(params)] = commands
        return True

    def _get_my_commands(self, params: Params) -> list[Json]:
        commands: list[Json] = self.about["commands"].get(_scope(params), [])
        return commands

    def _set_my_description(self, params: Params) -> bool:
        return self._describe(params, "description", 512)

    def _set_my_short_description(self, params: Params) -> bool:
        return self._describe(params, "short_description", 120)

    def _describe(self, params: Params, name: str, limit: int) -> bool:
        if len(params.text(name)) > limit:
            raise ApiError(400, f"Bad Request: bot {name.replace('_', ' ')} is too long")
        self.about[name] = params.text(name)
        return True

    def _set_chat_menu_button(self, params: Params) -> bool:
        self.about["menu"][params.number("chat_id")] = params.json("menu_button") or {"type": "default"}
        return True

    # --- receiving --------------------------------------------------------------------------------

    async def _get_updates(self, params: Params) -> list[Json]:
        self.updates.allow(params.names("allowed_updates"))
        limit = min(max(params.number("limit", 100), 1), 100)
        wait = min(max(params.number("timeout"), 0), LONGEST_POLL)
        return await self.updates.poll(params.number("offset"), limit, wait)

    def _set_webhook(self, params: Params) -> bool:
        if not params.text("url"):
            return self._delete_webhook(params)
        allowed = params.names("allowed_updates")
        most = min(max(params.number("max_connections", 40), 1), 100)
        webhook = Webhook(
            params.text("url"), params.text("secret_token"), most, None if allowed is None else tuple(allowed)
        )
        self.updates.set_webhook(webhook, drop_pending=params.flag("drop_pending_updates"))
        return True

    def _delete_webhook(self, params: Params) -> bool:
        self.updates.set_webhook(None, drop_pending=params.flag("drop_pending_updates"))
        return True

    def _get_webhook_info(self, params: Params) -> Json:
        return self.updates.info()

    def _get_file(self, params: Params) -> Json:
        if not params.text("file_id"):
            raise ApiError(400, "Bad Request: file_id not specified")
        file = self.files.get(params.text("file_id"))
        if file is None:
            raise ApiError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        if file.size > MAX_DOWNLOAD:
            raise ApiError(400, "Bad Request: file is too big")
        self.links[file.path] = self.now() + LINK_LIVES
        return {**self.file_json(file), "file_path": file.path}

    # --- sending ----------------------------------------------------------------------------------

    def _send_message(self, params: Params) -> Json:
        if not params.text("text"):
            raise ApiError(400, "Bad Request: message text is empty")
        text, entities = formatted(params, "text", MAX_TEXT, "message is too long")
        if not text:
            raise ApiError(400, "Bad Request: text must be non-empty")
        return self._send("sendMessage", params, text=text, html=params.text("text"), entities=entities)

    def _send_photo(self, params: Params) -> Json:
        file = self._upload(params, "photo", "photos", ".png", MAX_PHOTO)
        if not file.content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF")):
            raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED")
        return self._send_media(params, "photo", [{**self.file_json(file), "width": 1280, "height": 960}])

    def _send_voice(self, params: Params) -> Json:
        file = self._upload(params, "voice", "voice", ".oga", MAX_UPLOAD)
        about = {"duration": params.number("duration"), "mime_type": "audio/ogg"}
        return self._send_media(params, "voice", {**self.file_json(file), **about})

    def _send_document(self, params: Params) -> Json:
        file = self._upload(params, "document", "documents", ".bin", MAX_UPLOAD)
        upload = params.files.get("document")
        about = {"file_name": upload.name} if upload else {}
        return self._send_media(params, "document", {**self.file_json(file), **about})

    def _send_media(self, params: Params, kind: str, content: object) -> Json:
        text, entities = formatted(params, "caption", MAX_CAPTION, "message caption is too long")
        return self._send(
            f"send{kind.title()}",
            params,
            kind=kind,
            content={kind: content},
            text=text,
            html=params.text("caption"),
            entities=entities,
        )

    def _forward_message(self, params: Params) -> Json:
        origin = self._origin(params, "forward")
        if origin.protected or origin.kind == "service":
            raise ApiError(400, "Bad Request: the message can't be forwarded")
        sender = self.bot_json() if origin.by is None else self.users[origin.by].json()
        came = {"type": "user", "sender_user": sender, "date": int(origin.at.timestamp())}
        return self._again("forwardMessage", params, origin, {**origin.content, "forward_origin": came})

    def _copy_message(self, params: Params) -> Json:
        origin = self._origin(params, "copy")
        if origin.protected or origin.kind == "service":
            raise ApiError(400, "Bad Request: message can't be copied")
        sent = self._again("copyMessage", params, origin, origin.content)
        return {"message_id": sent["message_id"]}

    def _again(self, method: str, params: Params, origin: Message, content: Json) -> Json:
        text, html, entities = origin.text, origin.html or origin.text, origin.entities
        if method == "copyMessage" and "caption" in params.given and origin.kind != "text":
            text, entities = formatted(params, "caption", MAX_CAPTION, "message caption is too long")
            html = params.text("caption")
        content = {k: v for k, v in content.items() if k != "forward_origin" or method == "forwardMessage"}
        return self._send(method, params, kind=origin.kind, content=content, text=text, html=html, entities=entities)

    def _send(self, method: str, params: Params, **fields: Any) -> Json:
        markup, buttons = keyboard(params)
        chat = self._chat(params)
        thread_id = self._thread(params, chat)
        reply_to = self._reply_to(params, chat)
        if reply_to and chat.is_forum:
            there = chat.messages[reply_to].thread_id
            if thread_id in (None, there):
                thread_id = there
            else:
                reply_to = None  # an answer from another topic is shown as a quotation
        self._check_writing(chat, fields.get("kind", "text"), thread_id)
        self._known(fields["entities"])
        self._limit(chat.id)
        message = self.add_message(
            chat,
            None,
            **fields,
            markup=markup,
            buttons=buttons,
            reply_to=reply_to,
            thread_id=thread_id,
            silent=params.flag("disable_notification"),
            protected=params.flag("protect_content"),
        )
        if markup and ("keyboard" in markup or "remove_keyboard" in markup):
            chat.keyboard = message if "keyboard" in markup else None
        self._deliver(method, message, message.html, params)
        return self.message_json(message)

    def _send_chat_action(self, params: Params) -> bool:
        self._chat(params)
        if not params.text("action"):
            raise ApiError(400, "Bad Request: wrong parameter action in request")
        return True

    # --- changing ---------------------------------------------------------------------------------

    def _edit_message_text(self, params: Params) -> Json:
        if not params.text("text"):
            raise ApiError(400, "Bad Request: message text is empty")
        text, entities = formatted(params, "text", MAX_TEXT, "message is too long")
        if not text:
            raise ApiError(400, "Bad Request: text must be non-empty")
        message = self._own(params)
        if message.kind != "text":
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        return self._edit("editMessageText", params, message, text, params.text("text"), entities)

    def _edit_message_reply_markup(self, params: Params) -> Json:
        message = self._own(params)
        return self._edit("editMessageReplyMarkup", params, message, message.text, message.html, message.entities)

    def _edit(self, method: str, params: Params, message: Message, text: str, html: str, entities: list[Json]) -> Json:
        markup, buttons = keyboard(params)
        if markup and "inline_keyboard" not in markup:
            raise ApiError(400, "Bad Request: inline keyboard expected")
        self._known(entities)
        if (text, entities, markup) == (message.text, message.entities, message.markup):
            raise ApiError(400, NOT_MODIFIED)
        self._limit(None)
        message.text, message.html, message.entities = text, html, entities
        message.markup, message.buttons = markup, buttons
        message.edited_at, message.version = self.now(), self.touch()
        self._deliver(method, message, html, params, edited=True)
        return self.message_json(message)

    def _delete_message(self, params: Params) -> bool:
        chat = self._chat(params)
        message = chat.messages.get(params.number("message_id"))
        if message is None:
            raise ApiError(400, "Bad Request: message to delete not found")
        others = message.by is not None and chat.type != "private" and "can_delete_messages" not in chat.bot_rights
        if self.now() - message.at > DELETABLE_FOR or others or "forum_topic_created" in message.content:
            raise ApiError(400, "Bad Request: message can't be deleted for everyone")
        del chat.messages[message.id]
        self.touch()
        self._deliver("deleteMessage", message, "", params)
        return True

    def _answer_callback_query(self, params: Params) -> bool:
        text = params.text("text")
        if len(text) > MAX_ANSWER:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        user_id, at = self.taps.pop(params.text("callback_query_id"), (0, self.now()))
        if not user_id or self.now() - at > timedelta(seconds=self.tap_answer_seconds):
            raise ApiError(400, TOO_OLD)
        if text:
            self.users[user_id].notices.append(Notice(self.now(), text, params.flag("show_alert"), self.touch()))
        given = dict(params.given)
        self.ledger.append(
            Delivered(self.now(), "answerCallbackQuery", user_id, None, text, text, (), False, None, given)
        )
        return True

    # --- shared -----------------------------------------------------------------------------------

    def _own(self, params: Params) -> Message:
        """The bot's own message that is to be edited."""
        chat = self._chat(params)
        if not params.number("message_id"):
            raise ApiError(400, "Bad Request: message identifier is not specified")
        message = chat.messages.get(params.number("message_id"))
        if message is None:
            raise ApiError(400, "Bad Request: message to edit not found")
        plain = message.markup is None or "inline_keyboard" in message.markup
        if message.by is not None or not plain or "forward_origin" in message.content:
            raise ApiError(400, "Bad Request: message can't be edited")
        return message

    def _origin(self, params: Params, verb: str) -> Message:
        chat = self._chat(params, "from_chat_id", to_write=False)
        message = chat.messages.get(params.number("message_id"))
        if message is None:
            raise ApiError(400, f"Bad Request: message to {verb} not found")
        return message

    def _reply_to(self, params: Params, chat: Chat) -> int | None:
        given = params.json("reply_parameters") or {
            "message_id": params.number("reply_to_message_id"),
            "allow_sending_without_reply": params.flag("allow_sending_without_reply"),
        }
        reply_to = int(given.get("message_id") or 0)
        if not reply_to or reply_to in chat.messages:
            return reply_to or None
        if given.get("allow_sending_without_reply"):
            return None
        raise ApiError(400, "Bad Request: message to be replied not found")

    def _upload(self, params: Params, name: str, folder: str, suffix: str, limit: int) -> File:
        value = params.text(name)
        upload = params.files.get(value.removeprefix("attach://") if value else name)
        if upload is None:
            if not value:
                raise ApiError(400, f"Bad Request: there is no {name} in the request")
            if value not in self.files:
                raise ApiError(400, "Bad Request: wrong file identifier/HTTP URL specified")
            return self.files[value]
        if not upload.content:
            raise ApiError(400, "Bad Request: file must be non-empty")
        if len(upload.content) > limit:
            raise ApiError(413, "Request Entity Too Large")
        return self.add_file(folder, suffix, upload.content)

    def _known(self, entities: list[Json]) -> None:
        """A mention of somebody the bot has never met is dropped, the words stay."""
        entities[:] = [entity for entity in entities if entity.get("user_id", 0) in (0, *self.users)]


DOWNLOAD = "download"  # no method, but something that may go wrong like one
METHODS = (
    "getMe", "setMyCommands", "getMyCommands", "setMyDescription", "setMyShortDescription",
    "setChatMenuButton",
    "getUpdates", "setWebhook", "deleteWebhook", "getWebhookInfo", "getFile",
    "sendMessage", "sendPhoto", "sendVoice", "sendDocument", "copyMessage", "forwardMessage",
    "editMessageText", "editMessageReplyMarkup", "deleteMessage", "answerCallbackQuery", "sendChatAction",
    "getChat", "getChatMember", "getChatMemberCount", "getChatAdministrators", "leaveChat",
    "createForumTopic", "editForumTopic", "closeForumTopic", "reopenForumTopic", "deleteForumTopic",
)  # fmt: skip


def _scope(params: Params) -> str:
    return json.dumps([params.json("scope") or {"type": "default"}, params.text("language_code")], sort_keys=True)


async def _fire(hook: Callable[..., Awaitable[None] | None] | None, *args: Any) -> None:
    result = hook(*args) if hook else None
    if result is not None:
        await result
