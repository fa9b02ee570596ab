"""What people do in the sandboxed Telegram, and the updates this makes for the bot.

Each function acts at once and queues the update Telegram would queue. What the app would not let a person do is a
ValueError: one who blocked the bot has to unblock it before he can write; nobody writes in a group he is not in, or in
a closed topic (who made it, and administrators, still may). In groups a bot sees commands and replies to itself only,
unless it is an administrator or `reads_all_group_messages` is set. What people do *with* groups is in groups.py.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.sandbox.delivery import TAP_LIFETIME, Updates
from bot.sandbox.markup import clean
from bot.sandbox.state import GENERAL, Chat, Json, Message, State, command_entities, standing_json

MAX_TEXT = 4096
TAP_LANE = 3 << 33
SPOKEN = ("voice", "audio", "video_note")
VOICE_STUB = b"OggS" + bytes(60)
PICTURE_STUB = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a347d6b0000000049454e44ae426082"
)


class People(State):
    updates: Updates

    # --- words ------------------------------------------------------------------------------------

    def user_starts(self, user_id: int, payload: str | None = None) -> Message:
        """Press START, or open `t.me/<bot>?start=<payload>`."""
        if self.users[user_id].blocked:
            self.user_unblocks(user_id)
        return self.user_says(user_id, f"/start {payload}" if payload else "/start")

    def user_says(
        self,
        user_id: int,
        text: str,
        chat_id: int | None = None,
        reply_to: int | None = None,
        thread_id: int | None = None,
    ) -> Message:
        """Send a text; one over 4096 UTF-16 units goes out as several, as the app does. Gives the last
        one.
        """
        parts = split(clean(text))
        if not any(part.strip() for part in parts):
            raise ValueError("Telegram's app does not send an empty message")
        sent = [
            self._from_user(
                user_id,
                chat_id,
                text=part,
                entities=command_entities(part),
                reply_to=reply_to,
                thread_id=thread_id,
            )
            for part in parts
        ]
        return sent[-1]

    def user_edits(self, user_id: int, message_id: int, text: str, chat_id: int | None = None) -> None:
        message = self.chats[chat_id or user_id].messages[message_id]
        if message.by != user_id:
            raise ValueError("only one's own messages can be edited")
        message.text, message.entities = clean(text), command_entities(text)
        message.edited_at, message.version = self.now(), self.touch()
        self._tell("edited_message", message)

    def user_sends(
        self,
        user_id: int,
        kind: str,
        *,
        chat_id: int | None = None,
        caption: str = "",
        reply_to: int | None = None,
        thread_id: int | None = None,
        **details: Any,
    ) -> Message:
        """Send a voice, audio or video_note (seconds, content, size), photo, sticker (emoji), location (latitude,
        longitude), contact (phone_number, first_name), document (file_name, content, size) or forward (text,
        sender_name)."""
        where = {"reply_to": reply_to, "thread_id": thread_id}
        if kind == "forward":
            forwarded = {
                "forward_origin": {
                    "type": "hidden_user",
                    "sender_user_name": details.get("sender_name", "Somebody"),
                    "date": int(self.now().timestamp()),
                }
            }
            return self._from_user(user_id, chat_id, text=details["text"], content=forwarded, **where)
        content = self._content(kind, details)
        return self._from_user(user_id, chat_id, kind=kind, text=caption, content=content, **where)

    def _content(self, kind: str, details: Json) -> Json:
        content: bytes = details.get("content", VOICE_STUB if kind in SPOKEN else PICTURE_STUB)
        size: int | None = details.get("size")
        match kind:
            case "voice":
                file = self.file_json(self.add_file("voice", ".oga", content, size=size))
                return {"voice": {**file, "duration": details.get("seconds", 5), "mime_type": "audio/ogg"}}
            case "audio":
                file = self.file_json(self.add_file("music", ".mp3", content, size=size))
                about = {"duration": details.get("seconds", 5), "mime_type": "audio/mpeg", "file_name": "run.mp3"}
                return {"audio": {**file, **about}}
            case "video_note":
                file = self.file_json(self.add_file("video_notes", ".mp4", content, size=size))
                return {"video_note": {**file, "duration": details.get("seconds", 5), "length": 384}}
            case "photo":
                file = self.file_json(self.add_file("photos", ".png", content, size=size))
                return {"photo": [{**file, "width": 1280, "height": 960}]}
            case "sticker":
                file = self.file_json(self.add_file("stickers", ".webp", content, size=size))
                shape = {
                    "width": 512,
                    "height": 512,
                    "is_animated": False,
                    "is_video": False,
                    "type": "regular",
                }
                return {"sticker": {**file, **shape, "emoji": details.get("emoji", "👍")}}
            case "location":
                return {"location": {"latitude": details["latitude"], "longitude": details["longitude"]}}
            case "contact":
                return {"contact": {"first_name": "Ann", "phone_number": "+15550100", **details}}
            case "document":
                file = self.file_json(self.add_file("documents", ".bin", content, size=size))
                name = details.get("file_name", "plan.pdf")
                return {"document": {**file, "file_name": name, "mime_type": "application/octet-stream"}}
        raise ValueError(f"a phone cannot send a {kind!r} here; use raw_update")

    # --- buttons ----------------------------------------------------------------------------------

    def user_taps(self, user_id: int, chat_id: int, message_id: int, data: str) -> str:
        """Tap an inline button; `data` may be invented, as a hostile client can do. Gives the query id."""
        self._last_tap += 1
        query_id = str(self._last_tap)
        self.taps[query_id] = (user_id, self.now())
        chat = self.chats[chat_id]
        message = chat.messages.get(message_id)
        shown = (
            self.message_json(message)
            if message
            else {"chat": self.chat_json(chat), "message_id": message_id, "date": 0}  # inaccessible
        )
        query = {
            "id": query_id,
            "from": self.users[user_id].json(),
            "message": shown,
            "chat_instance": str(-chat_id * 7919),
            "data": data,
        }
        self.updates.add("callback_query", query, lane=user_id + TAP_LANE, lifetime=TAP_LIFETIME)
        return query_id

    # --- coming and going -------------------------------------------------------------------------

    def user_blocks(self, user_id: int) -> None:
        self.users[user_id].blocked = True
        self._member(self.chats[user_id], user_id, "kicked", was="member")

    def user_unblocks(self, user_id: int) -> None:
        self.users[user_id].blocked = False
        self._member(self.chats[user_id], user_id, "member", was="kicked")

    def user_deletes_account(self, user_id: int) -> None:
        """No update comes; the next message to him is refused."""
        self.users[user_id].deactivated = True
        self.touch()

    def raw_update(self, update: Json, *, lane: int = 0, lifetime: timedelta = timedelta(hours=24)) -> int:
        """Queue anything, garbage included."""
        return self.updates.add_raw(update, lane=lane, lifetime=lifetime)

    # --- shared -----------------------------------------------------------------------------------

    def _from_user(self, user_id: int, chat_id: int | None, **fields: Any) -> Message:
        user, chat = self.users[user_id], self.chats[chat_id or user_id]
        if chat.type == "private":
            if user.blocked:
                raise ValueError(f"{user.first_name} has blocked the bot and must unblock it first")
            user.started = True
        else:
            self._may_write(user_id, chat, fields.get("thread_id"))
        message = self.add_message(chat, user_id, **fields)
        if chat.keyboard and (chat.keyboard.markup or {}).get("one_time_keyboard"):
            chat.keyboard = None
        self._tell("message", message)
        return message

    def _tell(self, kind: str, message: Message) -> None:
        chat = self.chats[message.chat_id]
        replied = chat.messages.get(message.reply_to or 0)
        seen = (
            chat.type == "private"
            or chat.bot_status == "administrator"
            or self.reads_all_group_messages
            or message.kind == "service"
            or message.text.startswith("/")
            or f"@{self.username}" in message.text
            or (replied is not None and replied.by is None)
        )
        if seen and chat.bot_status not in ("left", "kicked"):
            self.updates.add(kind, self.message_json(message), lane=chat.id)

    def _may_write(self, user_id: int, chat: Chat, thread_id: int | None) -> None:
        name = self.users[user_id].first_name
        if chat.migrated_to or user_id not in chat.members:
            raise ValueError(f"{name} is not in the group {chat.title}")
        if not chat.is_forum:
            return
        topic = chat.topics.get(thread_id or GENERAL)
        if topic is None:
            raise ValueError(f"the group {chat.title} has no topic {thread_id}")
        if topic.closed and user_id != topic.by and user_id not in chat.admins:
            raise ValueError(f"{name} cannot write here: the topic {topic.name} is closed")

    def _member(
        self, chat: Chat, user_id: int, status: str, rights: frozenset[str] = frozenset(), *, was: str | None = None
    ) -> None:
        """The bot is something else in this chat now, by an act of this person."""
        before = standing_json(self.bot_json(), was or chat.bot_status, chat.bot_rights, chat.type)
        if chat.type != "private":
            chat.bot_status, chat.bot_rights = status, rights
        update = {
            "chat": self.chat_json(chat),
            "from": self.users[user_id].json(),
            "date": int(self.now().timestamp()),
            "old_chat_member": before,
            "new_chat_member": standing_json(self.bot_json(), status, rights, chat.type),
        }
        self.touch()
        self.updates.add("my_chat_member", update, lane=chat.id)


def split(text: str) -> list[str]:
    """Cut a text into pieces of at most 4096 UTF-16 units."""
    pieces, piece, room = [], "", MAX_TEXT
    for char in text:
        size = 2 if char > "\uffff" else 1
        if size > room:
            pieces.append(piece)
            piece, room = "", MAX_TEXT
        piece += char
        room -= size
    return [*pieces, piece]
