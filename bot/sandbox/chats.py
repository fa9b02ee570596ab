"""What the bot may call about chats and topics, and what every call must respect about the chat it is for.

The order of the checks, and the words, are those of the server's source (tdlib/telegram-bot-api 10.0, Client.cpp, and
tdlib/td, ForumTopicManager.cpp): first the chat, then the topic, then the rights; what only Telegram itself knows is
refused in capitals (TOPIC_CLOSED, TOPIC_ID_INVALID, TOPIC_NOT_MODIFIED). Two things to know:

- A topic's maker may write in it, close and rename it, without any right; in a closed one only he and administrators
  who manage topics may write. So a bot that made a topic is not told TOPIC_CLOSED when people close it.
- A `message_thread_id` where there are no topics is dropped without a word, and the message lands where all can read
  it: so today's source for groups, and telegram-bot-api#854 for private chats. Others were refused (tucnak/telebot#762,
  openclaw#14894): `ignores_stray_threads` off.

Each change of a topic puts a message into the group and counts against its limit; what the real limit for these is
Telegram does not say.
"""

from __future__ import annotations

from bot.sandbox.groups import Groups, topic_name
from bot.sandbox.limits import Limits
from bot.sandbox.params import Params
from bot.sandbox.state import (
    BLUE,
    GENERAL,
    MEMBER_RIGHTS,
    NOT_BY_DEFAULT,
    ApiError,
    Buttons,
    Chat,
    Delivered,
    Json,
    Message,
    Topic,
)

NO_THREAD = "Bad Request: message thread not found"
_PLURAL = {"text": "text messages", "photo": "photos", "voice": "voice notes", "document": "documents"}
_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


class Chats(Groups):
    ledger: list[Delivered]
    limits: Limits | bool
    ignores_stray_threads: bool = True

    def _get_chat(self, params: Params) -> Json:
        chat = self._chat(params, to_write=False)
        body = self.chat_json(chat) | {
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": dict.fromkeys(_GIFTS, False),
        }
        if chat.type != "private":
            body["permissions"] = {right: right not in NOT_BY_DEFAULT for right in MEMBER_RIGHTS}
        return body

    def _get_chat_member(self, params: Params) -> Json:
        who = params.number("user_id")
        if who <= 0:
            raise ApiError(400, "Bad Request: invalid user_id specified")
        chat = self._chat(params, to_write=False)
        if who not in (self.bot_id, *self.users):
            raise ApiError(400, "Bad Request: PARTICIPANT_ID_INVALID")
        return self.member_json(chat, who)

    def _get_chat_member_count(self, params: Params) -> int:
        chat = self._chat(params, to_write=False)
        return len(chat.members) + 1 if chat.type != "private" else 2

    def _get_chat_administrators(self, params: Params) -> list[Json]:
        chat = self._chat(params, to_write=False)
        if chat.type == "private":
            raise ApiError(400, "Bad Request: there are no administrators in the private chat")
        bots = [self.bot_id] if chat.bot_status == "administrator" else []
        return [self.member_json(chat, who) for who in (*sorted(chat.admins), *bots)]

    def _leave_chat(self, params: Params) -> bool:
        chat = self._chat(params)
        if chat.type == "private":
            raise ApiError(400, "Bad Request: chat member status can't be changed in private chats")
        chat.bot_status, chat.bot_rights = "left", frozenset()
        self.touch()
        return True

    # --- topics -----------------------------------------------------------------------------------

    def _create_forum_topic(self, params: Params) -> Json:
        chat = self._forum(params)
        if "can_manage_topics" not in chat.bot_rights:
            raise ApiError(400, "Bad Request: not enough rights to create a topic")
        if not topic_name(params.text("name")):
            raise ApiError(400, "Bad Request: name must be non-empty")
        self._limit(chat.id)
        topic = self._make_topic(chat, None, params.text("name"), params.number("icon_color") or BLUE)
        self._deliver("createForumTopic", chat.messages[topic.id], topic.name, params)
        return {"message_thread_id": topic.id, "name": topic.name, "icon_color": topic.color}

    def _edit_forum_topic(self, params: Params) -> bool:
        chat, topic = self._topic(params, "edit the topic")
        name = params.text("name")
        if not name:
            return True
        if not topic_name(name):
            raise ApiError(400, "Bad Request: name must be non-empty")
        if topic.name == topic_name(name):
            raise ApiError(400, "Bad Request: TOPIC_NOT_MODIFIED")
        self._limit(chat.id)
        note = self._rename_topic(chat, topic, None, name)
        self._deliver("editForumTopic", note, topic.name, params)
        return True

    def _close_forum_topic(self, params: Params) -> bool:
        return self._set_closed("closeForumTopic", params, closed=True)

    def _reopen_forum_topic(self, params: Params) -> bool:
        return self._set_closed("reopenForumTopic", params, closed=False)

    def _set_closed(self, method: str, params: Params, *, closed: bool) -> bool:
        chat, topic = self._topic(params, "close or open the topic")
        if topic.closed is closed:
            raise ApiError(400, "Bad Request: TOPIC_NOT_MODIFIED")
        self._limit(chat.id)
        note = self._close_topic(chat, topic, None, closed=closed)
        self._deliver(method, note, topic.name, params)
        return True

    def _delete_forum_topic(self, params: Params) -> bool:
        chat, topic = self._topic(params, "delete the topic", "can_delete_messages")
        if topic.id == GENERAL:
            raise ApiError(400, "Bad Request: TOPIC_ID_INVALID")
        first = chat.messages[topic.id]
        self._drop_topic(chat, topic)
        self._deliver("deleteForumTopic", first, topic.name, params)
        return True

    # --- shared -----------------------------------------------------------------------------------

    def _chat(self, params: Params, name: str = "chat_id", *, to_write: bool = True) -> Chat:
        if not params.text(name):
            raise ApiError(400, f"Bad Request: {name} is empty")
        chat = self.chats.get(params.number(name))
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.migrated_to and to_write:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=chat.migrated_to,
            )
        if chat.bot_status == "kicked":
            raise ApiError(403, f"Forbidden: bot was kicked from the {chat.type} chat")
        if chat.bot_status == "left":
            raise ApiError(403, f"Forbidden: bot is not a member of the {chat.type} chat")
        if chat.type == "private" and to_write:
            user = self.users[chat.id]
            if user.deactivated:
                raise ApiError(403, "Forbidden: user is deactivated")
            if user.blocked:
                raise ApiError(403, "Forbidden: bot was blocked by the user")
            if not user.started:
                raise ApiError(403, "Forbidden: bot can't initiate conversation with a user")
        return chat

    def _forum(self, params: Params) -> Chat:
        chat = self._chat(params)
        if not chat.is_forum:
            raise ApiError(400, "Bad Request: the chat is not a forum")
        return chat

    def _topic(self, params: Params, deed: str, right: str = "can_manage_topics") -> tuple[Chat, Topic]:
        """The topic that is to be changed, if the bot may."""
        chat = self._forum(params)
        if params.number("message_thread_id") <= 0:
            raise ApiError(400, "Bad Request: invalid forum topic identifier specified")
        topic = chat.topics.get(params.number("message_thread_id"))
        if topic is None:
            raise ApiError(400, "Bad Request: TOPIC_ID_INVALID")
        if topic.by is not None and right not in chat.bot_rights:
            raise ApiError(400, f"Bad Request: not enough rights to {deed}")
        return chat, topic

    def _thread(self, params: Params, chat: Chat) -> int | None:
        """The topic that a message is meant for."""
        thread_id = max(params.number("message_thread_id"), 0)
        if not thread_id or (not chat.is_forum and self.ignores_stray_threads):
            return None
        if not chat.is_forum or thread_id == GENERAL or thread_id not in chat.topics:
            raise ApiError(400, NO_THREAD)
        return thread_id

    def _check_writing(self, chat: Chat, kind: str, thread_id: int | None) -> None:
        if chat.bot_status == "restricted":
            raise ApiError(400, f"Bad Request: not enough rights to send {_PLURAL.get(kind, f'{kind}s')} to the chat")
        topic = chat.topics[thread_id or GENERAL] if chat.is_forum else None
        if topic and topic.closed and topic.by is not None and "can_manage_topics" not in chat.bot_rights:
            raise ApiError(400, "Bad Request: TOPIC_CLOSED")

    def _limit(self, chat_id: int | None) -> None:
        if isinstance(self.limits, bool):
            return
        wait = self.limits.take(chat_id)
        if wait:
            raise ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)

    def _deliver(self, method: str, message: Message, html: str, params: Params, *, edited: bool = False) -> None:
        text = html if message.kind == "service" else message.text
        buttons: Buttons = message.buttons
        if method == "deleteMessage":
            text, buttons = "", ()
        self.ledger.append(
            Delivered(
                self.now(),
                method,
                message.chat_id,
                message.id,
                text,
                html,
                buttons,
                edited,
                message.reply_to,
                dict(params.given),
                message.thread_id,
            )
        )
