"""What people do with groups and their topics in the sandboxed Telegram, and the updates this makes for the bot.

A group is small until it becomes a supergroup, with another chat id. Only the owner of a supergroup switches topics on
and off; administrators make topics, and close, rename and delete any; everybody may do so with those he made. A topic
that is deleted takes its messages along, and no update tells of it: the bot hears of it when it writes there. Of all
else a service message tells, the bot's own doings included.
"""

from __future__ import annotations

from bot.sandbox.people import People
from bot.sandbox.state import ADMIN_RIGHTS, BLUE, GENERAL, Chat, Json, Message, Topic

MAX_TOPIC_NAME = 128
BOT_RIGHTS = ADMIN_RIGHTS - {"is_anonymous", "can_promote_members"}  # what the app offers for a bot


class Groups(People):
    # --- the group --------------------------------------------------------------------------------

    def group_created(
        self,
        user_id: int,
        title: str,
        *,
        members: tuple[int, ...] = (),
        supergroup: bool = False,
        is_forum: bool = False,
    ) -> int:
        """A person makes a group with the bot in it, as a plain member. Gives the chat id."""
        chat = self.add_group(title, {user_id, *members}, user_id, supergroup=supergroup or is_forum)
        if is_forum:
            _open_forum(chat)
        self._member(chat, user_id, "member", was="left")
        created: Json = (
            {"group_chat_created": True} if chat.type == "group" else {"new_chat_members": [self.bot_json()]}
        )
        self._from_user(user_id, chat.id, kind="service", content=created)
        return chat.id

    def group_migrates(self, user_id: int, chat_id: int) -> int:
        """The group becomes a supergroup: a new chat id, a service message on both sides. Gives the new
        id.
        """
        old = self.chats[chat_id]
        new = self.add_group(old.title or "", set(old.members), old.owner or user_id, supergroup=True)
        new.admins |= old.admins
        new.bot_status, new.bot_rights = old.bot_status, old.bot_rights
        self._from_user(user_id, old.id, kind="service", content={"migrate_to_chat_id": new.id})
        old.migrated_to = new.id
        self._from_user(user_id, new.id, kind="service", content={"migrate_from_chat_id": old.id})
        return new.id

    def topics_switched(self, user_id: int, chat_id: int, *, on: bool = True) -> int:
        """The owner switches topics on or off; no update tells of it. Gives the chat id, which is another one where a
        small group had to become a supergroup first. Topics that were there before are there again."""
        chat = self.chats[chat_id]
        if user_id != chat.owner:
            raise ValueError("only the owner of a group switches its topics on and off")
        if chat.type == "group" and on:
            chat = self.chats[self.group_migrates(user_id, chat_id)]
        if on:
            _open_forum(chat)
        chat.is_forum = on
        self.touch()
        return chat.id

    def user_joins(self, user_id: int, chat_id: int, *more: int, by: int | None = None) -> None:
        """People come in by a link, or `by` somebody who is in already, who may bring several at once. A service
        message tells every bot of it, also one that hears nothing else; it is the same by a link, by a request and by
        somebody's doing (Client.cpp: messageChatAddMembers, -JoinByLink, -JoinByRequest)."""
        chat, come = self.chats[chat_id], (user_id, *more)
        if by is not None and by not in chat.members:
            raise ValueError(f"{self.users[by].first_name} is not in the group {chat.title}")
        chat.members |= set(come)
        who = {"new_chat_members": [self.users[one].json() for one in come]}
        self._from_user(user_id if by is None else by, chat_id, kind="service", content=who)

    def user_leaves(self, user_id: int, chat_id: int) -> None:
        chat = self.chats[chat_id]
        self._from_user(user_id, chat_id, kind="service", content={"left_chat_member": self.users[user_id].json()})
        chat.members.discard(user_id)
        chat.admins.discard(user_id)

    def user_promoted(self, by: int, chat_id: int, user_id: int) -> None:
        """Another person becomes an administrator, with all rights; no update tells of it."""
        self._administers(by, chat_id).admins.add(user_id)
        self.touch()

    # --- the bot in it ----------------------------------------------------------------------------

    def bot_added(self, user_id: int, chat_id: int) -> None:
        self._member(self.chats[chat_id], user_id, "member")
        self._from_user(user_id, chat_id, kind="service", content={"new_chat_members": [self.bot_json()]})

    def bot_removed(self, user_id: int, chat_id: int) -> None:
        self._member(self.chats[chat_id], user_id, "kicked")

    def bot_promoted(self, user_id: int, chat_id: int, rights: frozenset[str] = BOT_RIGHTS) -> None:
        """The bot becomes an administrator, or one with other rights: it hears everything from now on."""
        self._member(self._administers(user_id, chat_id), user_id, "administrator", rights)

    def bot_demoted(self, user_id: int, chat_id: int) -> None:
        """The bot becomes a plain member again: in a group it may write, but make no topics."""
        self._member(self._administers(user_id, chat_id), user_id, "member")

    def bot_silenced(self, user_id: int, chat_id: int) -> None:
        """The bot may stay, and do nothing but read. Only supergroups can do this to somebody."""
        if self.chats[chat_id].type != "supergroup":
            raise ValueError("only a supergroup restricts its members")
        self._member(self._administers(user_id, chat_id), user_id, "restricted")

    # --- topics -----------------------------------------------------------------------------------

    def topic_created(self, user_id: int, chat_id: int, name: str) -> int:
        """Gives the id of the topic."""
        chat = self._administers(user_id, chat_id)
        if not chat.is_forum or not name.strip():
            raise ValueError("a topic needs a group with topics, and a name")
        return self._make_topic(chat, user_id, name).id

    def topic_renamed(self, user_id: int, chat_id: int, thread_id: int, name: str) -> None:
        chat, topic = self._manages(user_id, chat_id, thread_id)
        self._rename_topic(chat, topic, user_id, name)

    def topic_closed(self, user_id: int, chat_id: int, thread_id: int) -> None:
        self._close_topic(*self._manages(user_id, chat_id, thread_id), user_id, closed=True)

    def topic_reopened(self, user_id: int, chat_id: int, thread_id: int) -> None:
        self._close_topic(*self._manages(user_id, chat_id, thread_id), user_id, closed=False)

    def topic_deleted(self, user_id: int, chat_id: int, thread_id: int) -> None:
        """The topic and all that was written in it are gone; no update tells of it."""
        self._drop_topic(*self._manages(user_id, chat_id, thread_id))

    # --- shared with the bot's own calls ----------------------------------------------------------

    def _make_topic(self, chat: Chat, by: int | None, name: str, color: int = BLUE) -> Topic:
        name = topic_name(name)
        content = {"forum_topic_created": {"name": name, "icon_color": color}}
        message = self.add_message(chat, by, kind="service", content=content)
        message.thread_id = message.id
        topic = chat.topics[message.id] = Topic(message.id, name, by, color)
        self._tell("message", message)
        return topic

    def _rename_topic(self, chat: Chat, topic: Topic, by: int | None, name: str) -> Message:
        topic.name = topic_name(name)
        return self._note(chat, topic, by, {"forum_topic_edited": {"name": topic.name}})

    def _close_topic(self, chat: Chat, topic: Topic, by: int | None, *, closed: bool) -> Message:
        topic.closed = closed
        return self._note(chat, topic, by, {"forum_topic_closed" if closed else "forum_topic_reopened": {}})

    def _drop_topic(self, chat: Chat, topic: Topic) -> None:
        if topic.id == GENERAL:
            raise ValueError("the General topic cannot be deleted")
        del chat.topics[topic.id]
        chat.messages = {id: one for id, one in chat.messages.items() if one.thread_id != topic.id}
        self.touch()

    def _note(self, chat: Chat, topic: Topic, by: int | None, content: Json) -> Message:
        """A service message in a topic."""
        thread_id = None if topic.id == GENERAL else topic.id
        message = self.add_message(chat, by, kind="service", content=content, thread_id=thread_id)
        self._tell("message", message)
        return message

    def _administers(self, user_id: int, chat_id: int) -> Chat:
        chat = self.chats[chat_id]
        if user_id not in chat.admins:
            raise ValueError(f"{self.users[user_id].first_name} is no administrator of {chat.title}")
        return chat

    def _manages(self, user_id: int, chat_id: int, thread_id: int) -> tuple[Chat, Topic]:
        chat = self.chats[chat_id]
        topic = chat.topics.get(thread_id) if chat.is_forum else None
        if topic is None:
            raise ValueError(f"the group {chat.title} has no topic {thread_id}")
        return (chat, topic) if user_id == topic.by else (self._administers(user_id, chat_id), topic)


def told(content: Json) -> str:
    """A service message in words."""
    match content:
        case {"forum_topic_created": {"name": name}}:
            return f"new topic: {name}"
        case {"forum_topic_edited": {"name": name}}:
            return f"the topic is called {name} now"
        case {"forum_topic_closed": _}:
            return "the topic is closed"
        case {"forum_topic_reopened": _}:
            return "the topic is open again"
        case {"new_chat_members": come}:
            return f"{', '.join(one['first_name'] for one in come)} {'has' if len(come) == 1 else 'have'} been added"
        case {"left_chat_member": {"first_name": name}}:
            return f"{name} has left"
        case {"migrate_to_chat_id": _} | {"migrate_from_chat_id": _}:
            return "the group is a supergroup now"
    return "a new group" if "group_chat_created" in content else "service"


def topic_name(name: str) -> str:
    """As Telegram keeps it: in one line, and cut where it is too long."""
    return " ".join(name.split())[:MAX_TOPIC_NAME].strip()


def _open_forum(chat: Chat) -> None:
    chat.is_forum = True
    chat.topics.setdefault(GENERAL, Topic(GENERAL, "General", chat.owner))
