"""Groups, forums and topics: what people do there, what the bot may do, and in which words it is refused."""

from __future__ import annotations

import pytest
from telegram import Bot, Update
from telegram.error import BadRequest

from bot.sandbox.botapi import BotApi
from bot.sandbox.limits import Limits
from bot.sandbox.phone import Phone
from bot.sandbox.state import GENERAL
from tests.sandbox.wire import Body, Clock, Wire

NO_THREAD = (400, "Bad Request: message thread not found")
CLOSED = (400, "Bad Request: TOPIC_CLOSED")
NO_FORUM = (400, "Bad Request: the chat is not a forum")
UNKNOWN = (400, "Bad Request: TOPIC_ID_INVALID")
TOPIC_METHODS = ("editForumTopic", "closeForumTopic", "reopenForumTopic", "deleteForumTopic")


def refused(right: str) -> tuple[int, str]:
    return 400, f"Bad Request: not enough rights to {right}"


@pytest.fixture
def kim(api: BotApi) -> Phone:
    phone = Phone(api, 2001, "Kim")
    phone.starts()
    return phone


@pytest.fixture
def dana(api: BotApi) -> Phone:
    phone = Phone(api, 2002, "Dana")
    phone.starts()
    return phone


@pytest.fixture
def forum(api: BotApi, kim: Phone, dana: Phone) -> int:
    """Kim's group with topics; Dana is in it, the bot administers it. What led there is out of the way."""
    chat_id = api.group_created(kim.user_id, "Squad", members=(dana.user_id,), is_forum=True)
    api.bot_promoted(kim.user_id, chat_id)
    api.updates.pending.clear()
    return chat_id


@pytest.fixture
async def topic(wire: Wire, api: BotApi, forum: int) -> int:
    """Made by the bot."""
    made = await wire.ok("createForumTopic", chat_id=forum, name="Ann")
    api.updates.pending.clear()
    return int(made["message_thread_id"])


async def heard(wire: Wire) -> list[Body]:
    """The messages that have reached the bot since the last look."""
    updates = await wire.ok("getUpdates")
    if updates:
        await wire.ok("getUpdates", offset=updates[-1]["update_id"] + 1)
    return [update["message"] for update in updates if "message" in update]


# --- into a topic, and out of it ---------------------------------------------------------------------------


async def test_a_topic_is_the_message_that_made_it_and_the_bot_hears_of_it(wire: Wire, forum: int) -> None:
    made = await wire.ok("createForumTopic", chat_id=forum, name=" Ann \n the runner")
    assert made == {"message_thread_id": made["message_thread_id"], "name": "Ann the runner", "icon_color": 0x6FB9F0}
    (first,) = await heard(wire)
    assert first["message_id"] == first["message_thread_id"] == made["message_thread_id"]
    assert first["forum_topic_created"] == {"name": "Ann the runner", "icon_color": 0x6FB9F0}
    assert first["from"]["is_bot"] and first["is_topic_message"] and first["chat"]["is_forum"]
    assert "reply_to_message" not in first


async def test_what_the_bot_sends_to_a_topic_is_there_and_nowhere_else(
    wire: Wire, api: BotApi, kim: Phone, forum: int, topic: int
) -> None:
    other = (await wire.ok("createForumTopic", chat_id=forum, name="Ben"))["message_thread_id"]
    kim.sends_voice()
    note = {"from_chat_id": kim.user_id, "message_id": kim.screen()[-1].message_id}
    sent = await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="my shin")
    await wire.ok("copyMessage", chat_id=forum, message_thread_id=topic, **note)
    await wire.ok("sendMessage", chat_id=forum, message_thread_id=other, text="all fine")
    await wire.ok("sendMessage", chat_id=forum, text="good morning")
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (topic, True)
    assert sent["reply_to_message"]["forum_topic_created"]["name"] == "Ann"
    ann = kim.in_topic(forum, "Ann")
    assert [bubble.text for bubble in ann.screen()] == ["[new topic: Ann]", "my shin", "[voice 5 s]"]
    assert [bubble.text for bubble in ann.new()] == ["my shin", "[voice 5 s]"], "a topic that is made rings nobody"
    assert kim.in_topic(forum, "Ben").last.text == "all fine"
    assert kim.in_topic(forum, "General").last.text == kim.at(forum).last.text == "good morning"
    assert "at Squad, Ann ---" in ann.transcript()
    kim.sees_nothing_more()
    assert [(entry.method, entry.thread_id, entry.text) for entry in api.ledger] == [
        ("createForumTopic", topic, "Ann"),
        ("createForumTopic", other, "Ben"),
        ("sendMessage", topic, "my shin"),
        ("copyMessage", topic, ""),
        ("sendMessage", other, "all fine"),
        ("sendMessage", None, "good morning"),
    ]


async def test_what_a_coach_does_in_a_topic_says_where_and_to_what(
    wire: Wire, api: BotApi, dana: Phone, forum: int, topic: int
) -> None:
    sent = await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="my shin")
    ann = dana.in_topic(forum, "Ann")
    ann.says("rest today")
    ann.says("since when?", reply_to="shin")
    ann.sends_voice(7)
    ann.sends_photo("like this")
    ann.edits("rest today", "rest, please")
    said, reply, voice, photo = await heard(wire)
    for message in (said, reply, voice, photo):
        assert (message["message_thread_id"], message["is_topic_message"]) == (topic, True)
        assert message["from"]["first_name"] == "Dana"
    for message in (said, voice, photo):
        assert message["reply_to_message"]["message_id"] == topic, "as if it answered the topic's first message"
    assert reply["reply_to_message"]["message_id"] == sent["message_id"]
    assert (voice["voice"]["duration"], photo["caption"]) == (7, "like this")
    assert [bubble.by for bubble in ann.screen()] == ["Aid Station"] * 2 + ["Dana"] * 4


async def test_outside_of_topics_a_reply_carries_a_thread_that_is_none(
    wire: Wire, api: BotApi, kim: Phone, forum: int
) -> None:
    plain = api.group_created(kim.user_id, "Talk", supergroup=True)
    small = api.group_created(kim.user_id, "Small")
    api.updates.pending.clear()
    for chat_id in (forum, plain, small):
        sent = await wire.ok("sendMessage", chat_id=chat_id, text="one")
        assert "message_thread_id" not in sent
        kim.at(chat_id).says("two", reply_to="one")
        kim.at(chat_id).says("/three", reply_to="two")
        for message in await heard(wire):
            assert message.get("message_thread_id") == (None if chat_id == small else sent["message_id"])
            assert "is_topic_message" not in message
        if chat_id == forum:
            thread = {"chat_id": forum, "message_thread_id": sent["message_id"]}
            assert await wire.error("sendMessage", **thread, text="x") == NO_THREAD


async def test_a_reply_goes_where_its_message_is_and_none_crosses_topics(wire: Wire, forum: int, topic: int) -> None:
    other = (await wire.ok("createForumTopic", chat_id=forum, name="Ben"))["message_thread_id"]
    first = await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="one")
    answer = {"chat_id": forum, "text": "two", "reply_parameters": {"message_id": first["message_id"]}}
    there = await wire.ok("sendMessage", **answer)
    assert (there["message_thread_id"], there["reply_to_message"]["message_id"]) == (topic, first["message_id"])
    across = await wire.ok("sendMessage", **answer, message_thread_id=other)
    assert (across["message_thread_id"], across["reply_to_message"]["message_id"]) == (other, other)


@pytest.mark.parametrize("kind", ["supergroup", "group", "private"])
async def test_a_thread_where_there_are_no_topics_is_dropped_in_silence_or_refused(
    wire: Wire, api: BotApi, kim: Phone, kind: str
) -> None:
    chat_id = kim.user_id
    if kind != "private":
        chat_id = api.group_created(kim.user_id, "Talk", supergroup=kind == "supergroup")
    sent = await wire.ok("sendMessage", chat_id=chat_id, message_thread_id=5, text="for Ann alone")
    assert "message_thread_id" not in sent and "is_topic_message" not in sent
    assert kim.at(chat_id).last.text == "for Ann alone"
    api.ignores_stray_threads = False
    assert await wire.error("sendMessage", chat_id=chat_id, message_thread_id=5, text="x") == NO_THREAD


# --- topics that are closed, gone or never were -----------------------------------------------------------------


async def test_general_is_no_thread_and_an_unknown_one_is_not_found(wire: Wire, forum: int, topic: int) -> None:
    for thread_id in (GENERAL, topic + 1, 9999):
        assert await wire.error("sendMessage", chat_id=forum, message_thread_id=thread_id, text="x") == NO_THREAD
    assert "message_thread_id" not in await wire.ok("sendMessage", chat_id=forum, message_thread_id=-3, text="x")


async def test_a_deleted_topic_takes_its_messages_along_and_nobody_is_told(
    wire: Wire, kim: Phone, forum: int, topic: int
) -> None:
    sent = await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="my shin")
    kim.in_topic(forum, "Ann").deletes_topic()
    assert await heard(wire) == []
    assert await wire.error("sendMessage", chat_id=forum, message_thread_id=topic, text="x") == NO_THREAD
    here = {"chat_id": forum, "message_id": sent["message_id"]}
    assert await wire.error("editMessageText", **here, text="x") == (400, "Bad Request: message to edit not found")
    for method in TOPIC_METHODS:
        assert await wire.error(method, chat_id=forum, message_thread_id=topic, name="x") == UNKNOWN
    with pytest.raises(AssertionError, match="sees no topic 'Ann'"):
        kim.in_topic(forum, "Ann")


async def test_a_closed_topic_is_open_to_its_maker_and_to_who_manages_topics(
    wire: Wire, api: BotApi, kim: Phone, dana: Phone, forum: int, topic: int
) -> None:
    kims = api.topic_created(kim.user_id, forum, "Notices")
    for name in ("Ann", "Notices"):
        kim.in_topic(forum, name).closes_topic()
    assert [message["forum_topic_closed"] for message in await heard(wire) if "forum_topic_closed" in message] == [
        {}
    ] * 2
    for name in ("Ann", "Notices"):
        kim.in_topic(forum, name).says("I may")
        with pytest.raises(ValueError, match=f"the topic {name} is closed"):
            dana.in_topic(forum, name).says("I may not")
    for thread_id in (topic, kims):
        assert await wire.ok("sendMessage", chat_id=forum, message_thread_id=thread_id, text="x")
    api.bot_demoted(kim.user_id, forum)
    assert await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="my own")
    assert await wire.error("sendMessage", chat_id=forum, message_thread_id=kims, text="x") == CLOSED
    kim.in_topic(forum, "Notices").reopens_topic()
    assert await wire.ok("sendMessage", chat_id=forum, message_thread_id=kims, text="x")
    kim.in_topic(forum, "General").closes_topic()
    assert await wire.error("sendMessage", chat_id=forum, text="x") == CLOSED


async def test_the_bot_renames_closes_reopens_and_deletes(wire: Wire, kim: Phone, forum: int, topic: int) -> None:
    here = {"chat_id": forum, "message_thread_id": topic}
    same = (400, "Bad Request: TOPIC_NOT_MODIFIED")
    assert await wire.ok("editForumTopic", **here, name="Ann R.")
    assert await wire.error("editForumTopic", **here, name="Ann R.") == same
    assert await wire.ok("editForumTopic", **here), "nothing to change is no error here"
    assert await wire.error("reopenForumTopic", **here) == same
    assert await wire.ok("closeForumTopic", **here)
    assert await wire.error("closeForumTopic", **here) == same
    assert await wire.ok("reopenForumTopic", **here)
    services = [
        set(message) & {"forum_topic_edited", "forum_topic_closed", "forum_topic_reopened"}
        for message in await heard(wire)
    ]
    assert services == [{"forum_topic_edited"}, {"forum_topic_closed"}, {"forum_topic_reopened"}]
    assert [bubble.text for bubble in kim.in_topic(forum, "Ann R.").screen()] == [
        "[new topic: Ann]",
        "[the topic is called Ann R. now]",
        "[the topic is closed]",
        "[the topic is open again]",
    ]
    first = {"chat_id": forum, "message_id": topic}
    assert await wire.error("deleteMessage", **first) == (400, "Bad Request: message can't be deleted for everyone")
    assert await wire.ok("deleteForumTopic", **here)
    assert await wire.error("deleteForumTopic", **here) == UNKNOWN
    assert await wire.error("deleteForumTopic", chat_id=forum, message_thread_id=GENERAL) == UNKNOWN


async def test_a_topic_has_a_name_of_at_most_128_characters(wire: Wire, forum: int, topic: int) -> None:
    empty = (400, "Bad Request: name must be non-empty")
    assert await wire.error("createForumTopic", chat_id=forum, name=" ") == empty
    assert await wire.error("editForumTopic", chat_id=forum, message_thread_id=topic, name=" ") == empty
    assert len((await wire.ok("createForumTopic", chat_id=forum, name="é" * 200))["name"]) == 128


# --- rights ------------------------------------------------------------------------------------------------


async def test_only_a_group_with_topics_has_topics(wire: Wire, api: BotApi, kim: Phone) -> None:
    for chat_id in (
        kim.user_id,
        api.group_created(kim.user_id, "Small"),
        api.group_created(kim.user_id, "Talk", supergroup=True),
    ):
        assert await wire.error("createForumTopic", chat_id=chat_id, name="Ann") == NO_FORUM
        for method in TOPIC_METHODS:
            assert await wire.error(method, chat_id=chat_id, message_thread_id=5, name="x") == NO_FORUM
    with pytest.raises(ValueError, match="needs a group with topics"):
        api.topic_created(kim.user_id, chat_id, "Ann")


async def test_without_the_right_the_bot_makes_no_topic_but_keeps_its_own(
    wire: Wire, api: BotApi, kim: Phone, forum: int, topic: int
) -> None:
    kims = {"chat_id": forum, "message_thread_id": api.topic_created(kim.user_id, forum, "Notices")}
    own = {"chat_id": forum, "message_thread_id": topic}
    for rights in (frozenset({"can_pin_messages"}), None):
        if rights is None:
            api.bot_demoted(kim.user_id, forum)
        else:
            api.bot_promoted(kim.user_id, forum, rights)
        assert await wire.error("createForumTopic", chat_id=forum, name="Ben") == refused("create a topic")
        assert await wire.error("editForumTopic", **kims, name="x") == refused("edit the topic")
        assert await wire.error("closeForumTopic", **kims) == refused("close or open the topic")
        assert await wire.error("reopenForumTopic", **kims) == refused("close or open the topic")
        assert await wire.error("deleteForumTopic", **kims) == refused("delete the topic")
        assert await wire.ok("sendMessage", **kims, text="members may write")
        assert await wire.ok("closeForumTopic", **own) and await wire.ok("reopenForumTopic", **own)
    invalid = (400, "Bad Request: invalid forum topic identifier specified")
    assert await wire.error("closeForumTopic", chat_id=forum) == invalid


async def test_a_silenced_bot_hears_and_cannot_speak(
    wire: Wire, api: BotApi, kim: Phone, forum: int, topic: int
) -> None:
    api.bot_silenced(kim.user_id, forum)
    here = {"chat_id": forum, "message_thread_id": topic}
    assert await wire.error("sendMessage", **here, text="x") == refused("send text messages to the chat")
    assert await wire.error("createForumTopic", chat_id=forum, name="Ben") == refused("create a topic")
    kim.sends_voice()
    note = {"from_chat_id": kim.user_id, "message_id": kim.screen()[-1].message_id}
    assert await wire.error("copyMessage", **here, **note) == refused("send voice notes to the chat")
    kim.at(forum, topic).says("/help")
    assert [message["text"] for message in await heard(wire) if "text" in message] == ["/help"]
    with pytest.raises(ValueError, match="only a supergroup"):
        api.bot_silenced(kim.user_id, api.group_created(kim.user_id, "Small"))


async def test_an_administrator_hears_all_and_a_member_what_is_meant_for_it(
    wire: Wire, api: BotApi, kim: Phone, forum: int, topic: int
) -> None:
    ann = kim.at(forum, topic)
    await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="my shin")
    ann.says("to each other")
    api.bot_demoted(kim.user_id, forum)
    ann.says("to each other again")
    ann.sends_voice()
    ann.says("/help")
    ann.says("since when?", reply_to="my shin")
    assert [message.get("text") for message in await heard(wire)] == ["to each other", "/help", "since when?"]


async def test_what_the_bot_may_do_is_told_when_it_changes_and_can_be_asked(
    bot: Bot, api: BotApi, kim: Phone, dana: Phone
) -> None:
    forum = api.group_created(kim.user_id, "Squad", members=(dana.user_id,), is_forum=True)
    api.bot_promoted(kim.user_id, forum)
    api.bot_promoted(kim.user_id, forum, frozenset({"can_manage_chat"}))
    api.bot_demoted(kim.user_id, forum)
    api.bot_silenced(kim.user_id, forum)
    api.bot_removed(kim.user_id, forum)
    changes = [update.my_chat_member for update in await bot.get_updates(timeout=0) if update.my_chat_member]
    stations = [(change.old_chat_member, change.new_chat_member) for change in changes]
    assert [(old.status, new.status) for old, new in stations] == [
        ("left", "member"),
        ("member", "administrator"),
        ("administrator", "administrator"),
        ("administrator", "member"),
        ("member", "restricted"),
        ("restricted", "kicked"),
    ]
    assert [getattr(new, "can_manage_topics", None) for _, new in stations] == [None, True, False, None, False, None]
    assert all(old == stations[number][1] for number, (old, _) in enumerate(stations[1:]))
    api.bot_added(kim.user_id, forum)
    me = await bot.get_chat_member(forum, bot.id)
    assert me.status == "member"
    assert (await bot.get_chat_member(forum, kim.user_id)).status == "creator"
    assert (await bot.get_chat_member(forum, dana.user_id)).status == "member"
    api.user_promoted(kim.user_id, forum, dana.user_id)
    assert (await bot.get_chat_member(forum, dana.user_id)).status == "administrator"
    api.user_leaves(dana.user_id, forum)
    assert (await bot.get_chat_member(forum, dana.user_id)).status == "left"
    with pytest.raises(BadRequest, match=r"(?i)participant_id_invalid"):
        await bot.get_chat_member(forum, 999)
    with pytest.raises(BadRequest, match=r"(?i)invalid user_id"):
        await bot.get_chat_member(forum, 0)


async def test_the_app_lets_nobody_do_what_is_not_theirs(
    api: BotApi, kim: Phone, dana: Phone, ann: Phone, forum: int, topic: int
) -> None:
    for act in (
        lambda: ann.at(forum).says("I am not in it"),
        lambda: dana.at(forum, 9999).says("no such topic"),
        lambda: dana.at(forum, topic).closes_topic(),
        lambda: dana.at(forum, topic).deletes_topic(),
        lambda: kim.at(forum).deletes_topic(),
        lambda: api.topic_created(dana.user_id, forum, "Ben"),
        lambda: api.topics_switched(dana.user_id, forum, on=False),
        lambda: api.bot_demoted(dana.user_id, forum),
        lambda: api.user_promoted(dana.user_id, forum, dana.user_id),
    ):
        with pytest.raises(ValueError):
            act()
    assert not api.updates.pending
    api.user_joins(ann.user_id, forum)
    ann.at(forum).says("now I am")
    assert len(api.updates.pending) == 2


async def test_every_bot_is_told_who_comes_in_by_themselves_or_is_let_in(
    wire: Wire, api: BotApi, kim: Phone, dana: Phone, ann: Phone, forum: int
) -> None:
    api.bot_demoted(kim.user_id, forum)
    api.updates.pending.clear()
    eve = Phone(api, 77, "Eve")
    api.user_joins(ann.user_id, forum)
    api.user_leaves(ann.user_id, forum)
    api.user_joins(ann.user_id, forum, eve.user_id, by=dana.user_id)
    come = [message for message in await heard(wire) if "new_chat_members" in message]
    assert [(one["from"]["id"], [who["id"] for who in one["new_chat_members"]]) for one in come] == [
        (ann.user_id, [ann.user_id]),
        (dana.user_id, [ann.user_id, eve.user_id]),
    ]
    assert kim.at(forum).screen()[-1].text == "[Ann, Eve have been added]"
    with pytest.raises(ValueError, match="Ben is not in the group"):
        api.user_joins(eve.user_id, forum, by=Phone(api, 78, "Ben").user_id)


# --- groups that change ------------------------------------------------------------------------------------


async def test_topics_can_be_switched_off_and_on_again_and_nobody_is_told(
    wire: Wire, api: BotApi, kim: Phone, forum: int, topic: int
) -> None:
    await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="my shin")
    assert api.topics_switched(kim.user_id, forum, on=False) == forum
    assert "is_forum" not in await wire.ok("getChat", chat_id=forum)
    stray = await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="for Ann's topic")
    assert "message_thread_id" not in stray
    assert [bubble.text for bubble in kim.at(forum).screen()][-2:] == ["my shin", "for Ann's topic"]
    assert await wire.error("createForumTopic", chat_id=forum, name="Ben") == NO_FORUM
    api.topics_switched(kim.user_id, forum)
    assert (await wire.ok("getChat", chat_id=forum))["is_forum"]
    assert await wire.ok("sendMessage", chat_id=forum, message_thread_id=topic, text="x")
    assert await heard(wire) == []


async def test_a_small_group_that_gets_topics_becomes_another_chat(
    wire: Wire, api: BotApi, kim: Phone, dana: Phone
) -> None:
    small = api.group_created(kim.user_id, "Squad", members=(dana.user_id,))
    api.bot_promoted(kim.user_id, small)
    api.updates.pending.clear()
    forum = api.topics_switched(kim.user_id, small)
    out, into = await heard(wire)
    assert (out["migrate_to_chat_id"], into["migrate_from_chat_id"]) == (forum, small)
    for method in ("sendMessage", "createForumTopic"):
        moved = await wire.call(method, chat_id=small, text="x", name="x")
        assert moved["description"] == "Bad Request: group chat was upgraded to a supergroup chat"
        assert moved["parameters"] == {"migrate_to_chat_id": forum}
    assert await wire.ok("createForumTopic", chat_id=forum, name="Ann"), "the bot has kept its rights"
    dana.in_topic(forum, "Ann").says("hello")
    with pytest.raises(ValueError, match="not in the group"):
        dana.at(small).says("hello")


async def test_an_administrator_may_delete_what_others_wrote(wire: Wire, api: BotApi, kim: Phone, forum: int) -> None:
    kim.at(forum).says("oops")
    kim.at(forum).says("again")
    oops, again = (bubble.message_id for bubble in kim.at(forum).screen()[-2:])
    assert await wire.ok("deleteMessage", chat_id=forum, message_id=oops)
    api.bot_demoted(kim.user_id, forum)
    assert (await wire.error("deleteMessage", chat_id=forum, message_id=again))[0] == 400


async def test_topics_count_against_the_limit_of_their_group(wire: Wire, api: BotApi, clock: Clock, forum: int) -> None:
    api.limits = Limits(lambda: clock.now.timestamp())
    threads = [
        (await wire.ok("createForumTopic", chat_id=forum, name=name))["message_thread_id"] for name in ("A", "B")
    ]
    for number in range(18):
        await wire.ok("sendMessage", chat_id=forum, message_thread_id=threads[number % 2], text="x")
    for method, more in (("sendMessage", {"text": "x"}), ("createForumTopic", {"name": "C"}), ("closeForumTopic", {})):
        full = await wire.call(method, chat_id=forum, message_thread_id=threads[0], **more)
        assert full["parameters"] == {"retry_after": 3}
    clock.turn(seconds=3)
    assert await wire.ok("sendMessage", chat_id=forum, message_thread_id=threads[0], text="x")


async def test_the_library_knows_every_field_of_a_forum(bot: Bot, api: BotApi, kim: Phone, forum: int) -> None:
    made = await bot.create_forum_topic(forum, "Ann", icon_color=0xFFD67E)
    ann = kim.at(forum, made.message_thread_id)
    assert await bot.edit_forum_topic(forum, made.message_thread_id, name="Ann R.")
    await bot.send_message(forum, "my shin", message_thread_id=made.message_thread_id)
    ann.says("since when?", reply_to="shin")
    ann.sends_voice()
    ann.closes_topic()
    ann.reopens_topic()
    assert await bot.close_forum_topic(forum, made.message_thread_id)
    assert await bot.reopen_forum_topic(forum, made.message_thread_id)
    assert await bot.delete_forum_topic(forum, made.message_thread_id)
    chat = await bot.get_chat(forum)
    assert chat.is_forum and chat.permissions and not chat.permissions.can_manage_topics
    assert not (chat.api_kwargs or made.api_kwargs)
    assert made.icon_color == 0xFFD67E
    api.bot_promoted(kim.user_id, forum)
    api.bot_silenced(kim.user_id, forum)
    for pending in api.updates.pending:
        update = Update.de_json(pending.body, bot)
        assert update and not update.api_kwargs
        if update.message:
            assert not update.message.api_kwargs
        if update.my_chat_member:
            assert not update.my_chat_member.new_chat_member.api_kwargs
