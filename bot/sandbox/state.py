"""What the sandboxed Telegram knows: users, chats, messages, files, and the JSON in which the Bot API shows
them.

Two facts that trip bots are kept as they are: the id of a private chat is the id of its user, and message ids
of private chats and small groups come from one sequence of the bot, so the ids of one chat have gaps. A
supergroup counts for itself. Every change gets a number (`version`), by which phones and the page know what
is new.

A supergroup may be a forum. A topic is known by the id of the message that made it; every message in it shows that
message as the one it answers, unless its writer chose another. The General topic is no thread: what is written there
has none, like all that is written in a group without topics. But a reply there carries the id of the first message of
its chain as `message_thread_id`, as in any supergroup, and only `is_topic_message` tells the two apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.sandbox.markup import units

Json = dict[str, Any]
GENERAL = 1
BLUE = 0x6FB9F0  # the colour of a topic for which none is named
ADMIN_RIGHTS = frozenset(
    "can_manage_chat can_change_info can_delete_messages can_invite_users can_restrict_members can_pin_messages "
    "can_manage_topics can_promote_members can_manage_video_chats can_post_stories can_edit_stories can_delete_stories "
    "can_manage_tags is_anonymous".split()
)
MEMBER_RIGHTS = (
    "can_send_messages can_send_audios can_send_documents can_send_photos can_send_videos can_send_video_notes "
    "can_send_voice_notes can_send_polls can_send_other_messages can_add_web_page_previews can_react_to_messages "
    "can_edit_tag can_change_info can_invite_users can_pin_messages can_manage_topics"
).split()
NOT_BY_DEFAULT = ("can_edit_tag", "can_change_info", "can_pin_messages", "can_manage_topics")  # for plain members


class ApiError(Exception):
    """A refusal as the Bot API words it; becomes `{"ok": false, "error_code": ..., "description": ...}`."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def json(self) -> Json:
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return {**body, "parameters": self.parameters} if self.parameters else body


@dataclass(frozen=True, slots=True)
class Button:
    """One button of a keyboard. `data` is sent back by an inline button; `request` is "location" or
    "contact".
    """

    text: str
    data: str | None = None
    url: str | None = None
    request: str | None = None


Buttons = tuple[tuple[Button, ...], ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One thing Telegram accepted from the bot: a message, an edit, a deletion, an answer to a tap.

    `text` is plain, as the person reads it; `html` is as it was sent. For an answer to a tap `chat_id` is the
    user. `thread_id` is the topic it is in. For a topic that was made or changed the texts are its name.
    """

    at: datetime
    method: str
    chat_id: int
    message_id: int | None
    text: str
    html: str
    buttons: Buttons
    edited: bool
    reply_to: int | None
    params: Json
    thread_id: int | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """The small pop-up which answers a tap."""

    at: datetime
    text: str
    alert: bool
    version: int


@dataclass(slots=True)
class User:
    id: int
    first_name: str
    last_name: str | None = None
    language_code: str | None = None
    username: str | None = None
    started: bool = False
    blocked: bool = False
    deactivated: bool = False
    notices: list[Notice] = field(default_factory=list)

    def json(self) -> Json:
        rest = {"last_name": self.last_name, "username": self.username, "language_code": self.language_code}
        return {
            "id": self.id,
            "is_bot": False,
            "first_name": self.first_name,
            **{key: value for key, value in rest.items() if value},
        }


@dataclass(slots=True)
class Message:
    """`by` is the user who wrote it, None for the bot. `content` is what makes it more than text: voice,
    photo, forward ... `reply_to` is what its writer chose to answer, `thread_id` the topic.
    """

    id: int
    chat_id: int
    by: int | None
    at: datetime
    version: int
    text: str = ""
    html: str = ""
    entities: list[Json] = field(default_factory=list)
    kind: str = "text"
    content: Json = field(default_factory=dict)
    buttons: Buttons = ()
    markup: Json | None = None
    reply_to: int | None = None
    thread_id: int | None = None
    edited_at: datetime | None = None
    silent: bool = False
    protected: bool = False


@dataclass(slots=True)
class Topic:
    """A topic of a forum; `by` is who made it, None for the bot."""

    id: int
    name: str
    by: int | None
    color: int = BLUE
    closed: bool = False


@dataclass(slots=True)
class Chat:
    """`bot_status` is one of the Bot API's; `bot_rights` are what the bot may do as an administrator, by their names
    there. `admins` may do everything, the owner is one of them."""

    id: int
    type: str = "private"
    title: str | None = None
    is_forum: bool = False
    bot_status: str = "member"
    bot_rights: frozenset[str] = frozenset()
    members: set[int] = field(default_factory=set)
    owner: int | None = None
    admins: set[int] = field(default_factory=set)
    migrated_to: int | None = None
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    keyboard: Message | None = None  # the message whose reply keyboard is shown under the input field


@dataclass(frozen=True, slots=True)
class File:
    id: str
    path: str
    content: bytes
    size: int


class State:
    """Users, chats and messages. `now` gives aware UTC and may be turned by hand; nothing here reads another
    clock.
    """

    def __init__(self, now: Callable[[], datetime], bot_id: int, username: str) -> None:
        self.now = now
        self.bot_id = bot_id
        self.username = username
        self.reads_all_group_messages = False
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, File] = {}
        self.taps: dict[str, tuple[int, datetime]] = {}  # open query id -> who tapped, when
        self.version = 0
        self._last_tap = 4_382_000_000_000
        self._changed = asyncio.Event()
        self._message_ids: dict[int, int] = {}
        self._last_group = 0

    # --- changes ----------------------------------------------------------------------------------

    def touch(self) -> int:
        """Number a change and wake whoever waits for one."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()
        return self.version

    async def change(self, since: int) -> int:
        """Wait until something has changed after version `since`; gives the new version."""
        while self.version <= since:
            await self._changed.wait()
        return self.version

    # --- who and where ----------------------------------------------------------------------------

    def add_user(
        self,
        user_id: int,
        first_name: str,
        *,
        last_name: str | None = None,
        language_code: str | None = "en",
        username: str | None = None,
    ) -> User:
        """Make a person known to Telegram; known people keep what they have. He has not pressed Start yet."""
        if user_id not in self.users:
            self.users[user_id] = User(user_id, first_name, last_name, language_code, username)
            self.chats[user_id] = Chat(user_id)
            self.touch()
        return self.users[user_id]

    def bot_json(self) -> Json:
        return {"id": self.bot_id, "is_bot": True, "first_name": "Aid Station", "username": self.username}

    def chat_json(self, chat: Chat) -> Json:
        if chat.type == "private":
            user = self.users[chat.id]
            rest = {"last_name": user.last_name, "username": user.username}
            named = {key: value for key, value in rest.items() if value}
            return {"id": chat.id, "type": "private", "first_name": user.first_name, **named}
        body: Json = {"id": chat.id, "type": chat.type, "title": chat.title}
        if chat.is_forum:
            body["is_forum"] = True
        if chat.type == "group":
            body["all_members_are_administrators"] = False
        return body

    def add_group(self, title: str, members: set[int], owner: int, *, supergroup: bool = False) -> Chat:
        self._last_group += 1
        number = 4_000_000 + self._last_group
        chat_id = -1_000_000_000_000 - number if supergroup else -number
        kind = "supergroup" if supergroup else "group"
        chat = Chat(chat_id, kind, title, members=members, owner=owner, admins={owner})
        self.chats[chat_id] = chat
        return chat

    def member_json(self, chat: Chat, who: int) -> Json:
        """What somebody, or the bot, is in a group."""
        if who == self.bot_id:
            return standing_json(self.bot_json(), chat.bot_status, chat.bot_rights, chat.type)
        status = "member" if who in chat.members else "left"
        if who in chat.admins:
            status = "creator" if who == chat.owner else "administrator"
        return standing_json(self.users[who].json(), status, ADMIN_RIGHTS - {"is_anonymous"}, chat.type)

    # --- messages ---------------------------------------------------------------------------------

    def add_message(self, chat: Chat, by: int | None, **fields: Any) -> Message:
        """Put a message into a chat; `fields` are those of Message."""
        counter = chat.id if chat.type == "supergroup" else 0
        number = self._message_ids[counter] = self._message_ids.get(counter, 100) + 1
        message = Message(number, chat.id, by, self.now(), self.touch(), **fields)
        chat.messages[number] = message
        return message

    def message_json(self, message: Message, *, with_reply: bool = True) -> Json:
        chat = self.chats[message.chat_id]
        body: Json = {
            "message_id": message.id,
            "from": self.bot_json() if message.by is None else self.users[message.by].json(),
            "chat": self.chat_json(chat),
            "date": int(message.at.timestamp()),
        }
        if message.edited_at:
            body["edit_date"] = int(message.edited_at.timestamp())
        if chat.is_forum and message.thread_id:
            body |= {"message_thread_id": message.thread_id, "is_topic_message": True}
        elif chat.type == "supergroup" and (first := self._first_of_chain(message)) != message.id:
            body["message_thread_id"] = first
        answered = chat.messages.get(message.reply_to or (message.thread_id if chat.is_forum else None) or 0)
        if answered and answered is not message and with_reply:
            body["reply_to_message"] = self.message_json(answered, with_reply=False)
        body |= message.content
        text, entities = ("text", "entities") if message.kind == "text" else ("caption", "caption_entities")
        if message.text:
            body[text] = message.text
        if message.entities:
            body[entities] = [self._entity_json(entity) for entity in message.entities]
        if message.markup and "inline_keyboard" in message.markup:
            body["reply_markup"] = message.markup
        if message.protected:
            body["has_protected_content"] = True
        return body

    def _first_of_chain(self, message: Message) -> int:
        messages = self.chats[message.chat_id].messages
        while (answered := messages.get(message.reply_to or 0)) is not None:
            message = answered
        return message.id

    def _entity_json(self, entity: Json) -> Json:
        if "user_id" not in entity:
            return entity
        return {
            **{k: v for k, v in entity.items() if k != "user_id"},
            "user": self.users[entity["user_id"]].json(),
        }

    def add_file(self, folder: str, suffix: str, content: bytes, *, size: int | None = None) -> File:
        """Keep a file for getFile and its download; `size` may lie, to have a file that is too big without
        its bytes.
        """
        number = len(self.files) + 1
        size = len(content) if size is None else size
        file = File(f"AwACAgIAAxkBAAI{number:06d}", f"{folder}/file_{number}{suffix}", content, size)
        self.files[file.id] = file
        return file

    def file_json(self, file: File) -> Json:
        return {"file_id": file.id, "file_unique_id": f"AgAD{file.id[-6:]}", "file_size": file.size}


def standing_json(user: Json, status: str, rights: frozenset[str], chat_type: str) -> Json:
    """A ChatMember. `rights` are those of an administrator; "restricted" is one who may do nothing but read."""
    body: Json = {"user": user, "status": status}
    match status:
        case "creator":
            body["is_anonymous"] = False
        case "administrator":
            known = ADMIN_RIGHTS if chat_type == "supergroup" else ADMIN_RIGHTS - {"can_manage_topics"}
            body |= {"can_be_edited": False, **{right: right in rights for right in sorted(known)}}
        case "restricted":
            body |= {"until_date": 0, "is_member": True, **dict.fromkeys(MEMBER_RIGHTS, False)}
        case "kicked":
            body["until_date"] = 0
    return body


def command_entities(text: str) -> list[Json]:
    """A command at the start of a text is marked as one by Telegram; bots may rely on it."""
    word = text.split(maxsplit=1)[0] if text.strip() else ""
    if not text.startswith("/") or len(word) < 2 or not word[1:].replace("_", "").replace("@", "").isalnum():
        return []
    return [{"type": "bot_command", "offset": 0, "length": units(word)}]
