"""What Telegram sends becomes an event, or is unreadable and says no word of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.updates import Unreadable, to_event, who
from dialogs import events

Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _future_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `bot.__main__` sets it: without it the library warns at each duration that it reads."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


USER = {"id": 7, "is_bot": False, "first_name": "Ann", "language_code": "de"}
ANN = events.Sender(7, 7, "Ann", "de")
PRIVATE = {"id": 7, "type": "private", "first_name": "Ann"}
GROUP = {"id": -100, "type": "supergroup", "title": "Squad", "is_forum": True}
FIRST = {"message_id": 3, "date": 1700000000, "chat": GROUP, "forum_topic_created": {"name": "Ann", "icon_color": 1}}
IN_TOPIC = {"message_thread_id": 3, "is_topic_message": True, "reply_to_message": FIRST}
IN_GROUP = events.Sender(-100, 7, "Ann", "de", private=False)
FILE = {"file_id": "F", "file_unique_id": "U"}


def message(chat: Json = PRIVATE, **fields: Any) -> Json:
    return {"message_id": 5, "date": 1700000000, "chat": chat, "from": USER, **fields}


def member(chat: Json, old: str, new: str) -> Json:
    def one(status: str) -> Json:
        more: Json = {"until_date": 0} if status == "kicked" else {}
        return {"user": {"id": 1, "is_bot": True, "first_name": "Bot"}, "status": status, **more}

    return {
        "chat": chat,
        "from": USER,
        "date": 1700000000,
        "old_chat_member": one(old),
        "new_chat_member": one(new),
    }


BOT = {"id": 1, "is_bot": True, "first_name": "Bot", "username": "a_bot"}
ORIGIN = {"type": "hidden_user", "sender_user_name": "Somebody", "date": 1700000000}
BOT_CHAT = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
PHOTO = [{**FILE, "width": 1, "height": 1}, {**FILE, "file_id": "BIG", "width": 9, "height": 9}]
TAP = {"id": "q", "from": USER, "chat_instance": "c"}
POLL = {
    "id": "p",
    "question": "?",
    "options": [],
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": False,
    "members_only": False,
    "open_period": 60,
}
REPLY = message(text="How?", message_id=4)


@pytest.mark.parametrize(
    ("update", "sender", "event"),
    [
        ({"message": message(text=" hi ")}, ANN, events.Said(" hi ", 5)),
        ({"message": message(text="")}, ANN, events.Said("", 5)),
        ({"message": message(text="hi", reply_to_message=REPLY)}, ANN, events.Said("hi", 5, 4)),
        ({"message": message(text="hi", forward_origin=ORIGIN)}, ANN, events.Said("hi", 5, None, True)),
        ({"message": message(text="/start")}, ANN, events.Started(None, 5)),
        ({"message": message(text="/start AbC_-9")}, ANN, events.Started("AbC_-9", 5)),
        ({"message": message(text="/start@my_bot AbC")}, ANN, events.Started("AbC", 5)),
        ({"message": message(text="/START")}, ANN, events.Started(None, 5)),
        ({"message": message(text="/startle")}, ANN, events.Said("/startle", 5)),
        ({"message": message(text="/start X", forward_origin=ORIGIN)}, ANN, events.Said("/start X", 5, None, True)),
        ({"message": message(text="{{7*7}} <b")}, ANN, events.Said("{{7*7}} <b", 5)),
        ({"edited_message": message(text="no")}, ANN, events.Edited("no", 5)),
        ({"edited_message": message(photo=PHOTO, caption="no")}, ANN, events.Edited("no", 5)),
        ({"edited_message": message(photo=PHOTO)}, ANN, events.Edited("", 5)),
        (
            {"edited_message": message(location={"latitude": 1.0, "longitude": 2.0, "live_period": 60})},
            ANN,
            events.Other("edited_location"),
        ),
        ({"message": message(photo=PHOTO, caption="look")}, ANN, events.Sent("photo", 5, "BIG", "look")),
        (
            {"message": message(voice={**FILE, "duration": 3}, reply_to_message=REPLY)},
            ANN,
            events.Sent("voice", 5, "F", "", 4),
        ),
        ({"message": message(document=FILE, caption="x")}, ANN, events.Sent("document", 5, "F", "x")),
        (
            {"message": message(document={**FILE, "file_name": "plan ü.csv", "file_size": 9}, reply_to_message=REPLY)},
            ANN,
            events.Sent("document", 5, "F", "", 4, "plan ü.csv", 9),
        ),
        (
            {"message": message(document=FILE, animation={**FILE, "width": 1, "height": 1, "duration": 1})},
            ANN,
            events.Sent("animation", 5, "F"),
        ),
        (
            {"message": message(video={**FILE, "width": 1, "height": 1, "duration": 1})},
            ANN,
            events.Sent("video", 5, "F"),
        ),
        (
            {"message": message(video_note={**FILE, "length": 1, "duration": 1})},
            ANN,
            events.Sent("video_note", 5, "F"),
        ),
        ({"message": message(audio={**FILE, "duration": 1})}, ANN, events.Sent("audio", 5, "F")),
        (
            {
                "message": message(
                    sticker={
                        **FILE,
                        "width": 1,
                        "height": 1,
                        "is_animated": False,
                        "is_video": False,
                        "type": "regular",
                    }
                )
            },
            ANN,
            events.Sent("sticker", 5, "F"),
        ),
        (
            {"message": message(contact={"phone_number": "1", "first_name": "Ben"})},
            ANN,
            events.Sent("contact", 5),
        ),
        (
            {"message": message(location={"latitude": 52.5, "longitude": 13})},
            ANN,
            events.Located(52.5, 13, 5),
        ),
        ({"message": message(poll=POLL)}, ANN, events.Other("poll")),
        ({"message": message(dice={"emoji": "🎲", "value": 3})}, ANN, events.Other("dice")),
        ({"message": message()}, ANN, events.Other("message")),
        ({"message": message(something_new={"a": 1})}, ANN, events.Other("something_new")),
        ({"callback_query": {**TAP, "data": "1:a", "message": message()}}, ANN, events.Tapped("1:a", "q", 5)),
        (
            {"callback_query": {**TAP, "data": "1:a", "message": {"chat": PRIVATE, "message_id": 5, "date": 0}}},
            ANN,
            events.Tapped("1:a", "q", 5),
        ),
        (
            {"callback_query": {**TAP, "game_short_name": "g", "inline_message_id": "i"}},
            events.Sender(0, 7, "Ann", "de", private=False),
            events.Tapped("", "q"),
        ),
        (
            {"callback_query": {**TAP, "data": "x", "message": message(GROUP)}},
            IN_GROUP,
            events.Tapped("x", "q", 5),
        ),
        ({"my_chat_member": member(PRIVATE, "member", "kicked")}, ANN, events.Blocked()),
        ({"my_chat_member": member(PRIVATE, "kicked", "member")}, ANN, events.Unblocked()),
        ({"my_chat_member": member(GROUP, "left", "member")}, IN_GROUP, events.Grouped("added")),
        ({"my_chat_member": member(GROUP, "member", "left")}, IN_GROUP, events.Grouped("removed")),
        ({"my_chat_member": member(GROUP, "member", "kicked")}, IN_GROUP, events.Grouped("removed")),
        ({"my_chat_member": member(GROUP, "member", "member")}, IN_GROUP, events.Grouped("rights")),
        ({"my_chat_member": member(GROUP, "left", "kicked")}, IN_GROUP, events.Grouped("other")),
        ({"message": message(GROUP, text="hi")}, IN_GROUP, events.Grouped("said", None, events.Said("hi", 5))),
        (
            {"message": message(GROUP, text="/start X")},
            IN_GROUP,
            events.Grouped("command", None, events.Started("X", 5)),
        ),
        (
            {"message": message(GROUP, text="/desk@bot Ann", **IN_TOPIC)},
            IN_GROUP,
            events.Grouped("command", 3, events.Said("/desk@bot Ann", 5)),
        ),
        (
            {"message": message(GROUP, text="hi", **IN_TOPIC)},
            IN_GROUP,
            events.Grouped("said", 3, events.Said("hi", 5)),
        ),
        (
            {"message": message(GROUP, text="hi", **{**IN_TOPIC, "reply_to_message": {**FIRST, "message_id": 4}})},
            IN_GROUP,
            events.Grouped("said", 3, events.Said("hi", 5, 4)),
        ),
        (  # a chain of replies outside of topics
            {"message": message(GROUP, text="hi", message_thread_id=3, reply_to_message=FIRST)},
            IN_GROUP,
            events.Grouped("said", None, events.Said("hi", 5, 3)),
        ),
        (
            {"message": message(GROUP, voice={**FILE, "duration": 1}, **IN_TOPIC)},
            IN_GROUP,
            events.Grouped("said", 3, events.Sent("voice", 5, "F")),
        ),
        (
            {"message": message(GROUP, photo=[{**FILE, "width": 1, "height": 1}], caption="so", **IN_TOPIC)},
            IN_GROUP,
            events.Grouped("said", 3, events.Sent("photo", 5, "F", "so")),
        ),
        ({"message": message(GROUP, forum_topic_closed={}, **IN_TOPIC)}, IN_GROUP, events.Grouped("closed", 3)),
        ({"message": message(GROUP, forum_topic_reopened={}, **IN_TOPIC)}, IN_GROUP, events.Grouped("reopened", 3)),
        (
            {"message": message(GROUP, forum_topic_created={"name": "Ann", "icon_color": 1}, **IN_TOPIC)},
            IN_GROUP,
            events.Grouped("other", 3),
        ),
        (
            {"message": message(GROUP, new_chat_members=[USER, BOT], new_chat_member=USER, new_chat_participant=USER)},
            IN_GROUP,
            events.Grouped("joined", newcomers=(events.Newcomer(7, "Ann"), events.Newcomer(1, "Bot", "a_bot"))),
        ),
        ({"message": message(GROUP, left_chat_member=USER)}, IN_GROUP, events.Grouped("other")),
        (
            {"message": message(text="hi", message_thread_id=3, is_topic_message=True)},
            ANN,
            events.Said("hi", 5),
        ),
        (
            {"message": {**message(GROUP, text="hi"), "from": BOT_CHAT, "sender_chat": GROUP}},
            events.Sender(-100, None, private=False),
            events.Grouped("said", None, events.Said("hi", 5)),
        ),
        (
            {"edited_message": message(GROUP, text="hi", **IN_TOPIC)},
            IN_GROUP,
            events.Grouped("edited", 3, events.Edited("hi", 5)),
        ),
        (
            {"edited_message": message(GROUP, location={"latitude": 1, "longitude": 2})},
            IN_GROUP,
            events.Grouped("other"),
        ),
        ({"message": message(GROUP, migrate_to_chat_id=-200)}, IN_GROUP, events.Moved(-200)),
        (
            {"message": message({**GROUP, "id": -200}, migrate_from_chat_id=-100)},
            events.Sender(-100, None, private=False),
            events.Moved(-200),
        ),
        (  # a duration, of which the library would warn
            {"message": message(message_auto_delete_timer_changed={"message_auto_delete_time": 86400})},
            ANN,
            events.Other("message_auto_delete_timer_changed"),
        ),
        (
            {"channel_post": {"message_id": 5, "date": 0, "chat": {"id": -9, "type": "channel", "title": "C"}}},
            events.Sender(-9, None, private=False),
            events.Other("channel_post"),
        ),
        ({"poll": POLL}, events.Sender(0, None, private=False), events.Other("poll")),
        (
            {"poll_answer": {"poll_id": "p", "user": USER, "option_ids": [0], "option_persistent_ids": ["a"]}},
            events.Sender(0, 7, "Ann", "de", private=False),
            events.Other("poll_answer"),
        ),
        (
            {"inline_query": {"id": "i", "from": USER, "query": "q", "offset": ""}},
            events.Sender(0, 7, "Ann", "de", private=False),
            events.Other("inline_query"),
        ),
        (
            {"kind_from_the_future": {"from": USER}},
            events.Sender(0, None, private=False),
            events.Other("kind_from_the_future"),
        ),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_every_kind_of_update_becomes_an_event(update: Json, sender: events.Sender, event: events.Event) -> None:
    assert to_event({"update_id": 1, **update}) == (sender, event)


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "text",
        1,
        {},
        {"update_id": 1},
        {"message": message(text="hi")},
        {"update_id": 1, "message": "poison"},
        {"update_id": 1, "message": {}},
        {"update_id": 1, "message": message(text=5)},
        {"update_id": 1, "message": message({"id": "7", "type": "private"}, text="hi")},
        {"update_id": 1, "message": {**message(text="hi"), "from": {**USER, "id": True}}},
        {"update_id": 1, "message": {**message(text="hi"), "message_id": "5"}},
        {"update_id": 1, "message": message(photo="x")},
        {"update_id": 1, "message": message(document={**FILE, "file_name": ["poison"]})},
        {"update_id": 1, "message": message(document={**FILE, "file_size": "9"})},
        {"update_id": 1, "callback_query": {**TAP, "data": 5, "message": message()}},
        {"update_id": 1, "edited_message": message(text=["x"])},
        {"update_id": 1, "message": message(GROUP, text=["poison"])},
        {"update_id": 1, "message": message(GROUP, new_chat_members=["poison"])},
        {"update_id": 1, "message": message(GROUP, new_chat_members=[{**USER, "id": "poison"}])},
        {"update_id": 1, "message": message(GROUP, new_chat_members=[{**BOT, "username": ["poison"]}])},
        {"update_id": 1, "message": message(GROUP, text="hi", message_thread_id="3", is_topic_message=True)},
    ],
    ids=repr,
)
def test_what_is_no_update_is_unreadable_and_its_words_stay_out_of_the_error(raw: object) -> None:
    with pytest.raises(Unreadable) as caught:
        to_event(raw)
    assert "poison" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"update_id": 1, "message": message(text="hi")}, "7"),
        ({"update_id": 1, "callback_query": {**TAP, "message": message()}}, "7"),
        ({"update_id": 1, "my_chat_member": member(PRIVATE, "member", "kicked")}, "7"),
        ({"update_id": 1, "poll_answer": {"user": USER}}, "7"),
        ({"update_id": 1, "message": {**message(GROUP), "from": BOT_CHAT, "sender_chat": GROUP}}, "-100"),
        ({"update_id": 1, "channel_post": {"chat": {"id": -9}}}, "-9"),
        ({"update_id": 1, "poll": POLL}, "?"),
        ({"update_id": 1, "message": "poison"}, "?"),
        ({"update_id": 1, "message": {"from": {"id": "7"}, "chat": {"id": True}}}, "?"),
        (None, "?"),
        ([1], "?"),
    ],
    ids=repr,
)
def test_the_key_of_order_is_the_person_then_the_chat_and_never_an_error(raw: object, key: str) -> None:
    assert who(raw) == key
