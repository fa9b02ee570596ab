"""Raw updates become events: who did it, and what it was.

Nothing is believed about an update but what has been checked here: the library reads fields without looking at their
types, so `to_event` does. What it cannot read is `Unreadable`, one update at a time, whose text says which field is
wrong, never what is in it: the library puts what it could not read into its own exceptions, so those are not chained.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from telegram import Chat, Message, Update, User

from dialogs import events

Json = Any


class Unreadable(Exception):
    """JSON that is no update. Its text says which field is wrong, never what is in it."""


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
    if message.new_chat_members:
        come = tuple(events.Newcomer(one.id, one.first_name, one.username) for one in message.new_chat_members)
        return events.Grouped("joined", topic, newcomers=come)
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
    if isinstance(event, events.Grouped):
        for one in event.newcomers:
            values += [("newcomer", one.user_id, int), ("newcomer's name", one.name, str)]
            values += [("newcomer's username", one.username, (str, type(None)))]
    for name, value, expected in values:
        if not isinstance(value, expected) or isinstance(value, bool):
            raise Unreadable(f"{name} is of type {type(value).__name__}")
    if isinstance(event, events.Grouped) and event.message is not None:
        _check(sender, event.message)
