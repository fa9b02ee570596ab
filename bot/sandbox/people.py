"""What people do in the sandboxed Telegram, and the updates this makes for the bot.

Each function acts at once and queues the update Telegram would queue. A person who blocked the bot has to
unblock it before he can write, as in the app. In groups a bot sees commands and replies to itself only,
unless `reads_all_group_messages` is set.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.sandbox.delivery import TAP_LIFETIME, Updates
from bot.sandbox.markup import clean
from bot.sandbox.state import Chat, Json, Message, State, command_entities

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
        **details: Any,
    ) -> Message:
        """Send a voice, audio or video_note (seconds, content, size), photo, sticker (emoji), location (latitude,
        longitude), contact (phone_number, first_name), document (file_name, content, size) or forward (text,
        sender_name)."""
        if kind == "forward":
            forwarded = {
                "forward_origin": {
                    "type": "hidden_user",
                    "sender_user_name": details.get("sender_name", "Somebody"),
                    "date": int(self.now().timestamp()),
                }
            }
            return self._from_user(user_id, chat_id, text=details["text"], content=forwarded, reply_to=reply_to)
        content = self._content(kind, details)
        return self._from_user(user_id, chat_id, kind=kind, text=caption, content=content, reply_to=reply_to)

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
        self._member(self.chats[user_id], user_id, "member", "kicked")

    def user_unblocks(self, user_id: int) -> None:
        self.users[user_id].blocked = False
        self._member(self.chats[user_id], user_id, "kicked", "member")

    def user_deletes_account(self, user_id: int) -> None:
        """No update comes; the next message to him is refused."""
        self.users[user_id].deactivated = True
        self.touch()

    def group_created(
        self,
        user_id: int,
        title: str,
        *,
        members: tuple[int, ...] = (),
        supergroup: bool = False,
        is_forum: bool = False,
    ) -> int:
        """A person makes a group with the bot in it. Gives the chat id."""
        chat = self.add_group(title, {user_id, *members}, supergroup=supergroup, is_forum=is_forum)
        self._member(chat, user_id, "left", "member")
        created: Json = (
            {"group_chat_created": True} if chat.type == "group" else {"new_chat_members": [self.bot_json()]}
        )
        self._from_user(user_id, chat.id, kind="service", content=created)
        return chat.id

    def bot_added(self, user_id: int, chat_id: int) -> None:
        chat = self.chats[chat_id]
        self._member(chat, user_id, chat.bot_status, "member")
        self._from_user(user_id, chat_id, kind="service", content={"new_chat_members": [self.bot_json()]})

    def bot_removed(self, user_id: int, chat_id: int) -> None:
        chat = self.chats[chat_id]
        self._member(chat, user_id, chat.bot_status, "kicked")

    def group_migrates(self, user_id: int, chat_id: int) -> int:
        """The group becomes a supergroup: a new chat id, a service message on both sides. Gives the new
        id.
        """
        old = self.chats[chat_id]
        new = self.add_group(old.title or "", set(old.members), supergroup=True)
        self._from_user(user_id, old.id, kind="service", content={"migrate_to_chat_id": new.id})
        old.migrated_to = new.id
        self._from_user(user_id, new.id, kind="service", content={"migrate_from_chat_id": old.id})
        return new.id

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
            or self.reads_all_group_messages
            or message.kind == "service"
            or message.text.startswith("/")
            or f"@{self.username}" in message.text
            or (replied is not None and replied.by is None)
        )
        if seen and chat.bot_status not in ("left", "kicked"):
            self.updates.add(kind, self.message_json(message), lane=chat.id)

    def _member(self, chat: Chat, user_id: int, old: str, new: str) -> None:
        chat.bot_status = new if chat.type != "private" else "member"
        until: Json = {"until_date": 0}
        update = {
            "chat": self.chat_json(chat),
            "from": self.users[user_id].json(),
            "date": int(self.now().timestamp()),
            "old_chat_member": {"user": self.bot_json(), "status": old, **(until if old == "kicked" else {})},
            "new_chat_member": {"user": self.bot_json(), "status": new, **(until if new == "kicked" else {})},
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
