"""A group with a topic for each athlete, from end to end: what goes there, what comes from there, and how it heals."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot.sandbox.groups import BOT_RIGHTS
from bot.sandbox.phone import Phone
from storage import schema
from tests.world import Someone, World

CHEST = "chest pain, can't breathe properly"


@dataclass(slots=True)
class Club:
    """Kim's group is linked; Dana is in it. Ann has agreed to be read there."""

    world: World
    kim: Someone
    dana: Someone
    ann: Someone
    group: int

    def topic(self, name: str = "Ann", of: Someone | None = None) -> Phone:
        return (of or self.kim).phone.in_topic(self.group, name)

    async def says(self, text: str, name: str = "Ann", of: Someone | None = None) -> None:
        self.topic(name, of).says(text)
        await self.world.settle()

    async def says_first(self) -> None:
        """Kim and Ann are in conversation: what Ann writes goes to the topic."""
        await self.kim.says("/write Ann how are you?")
        self.topic().sees("how are you?")
        self.unanswered()

    @property
    def topics(self) -> list[str]:
        return [one.name for one in self.world.api.chats[self.group].topics.values() if one.name != "General"]

    def unanswered(self) -> None:
        for someone in (self.kim, self.dana, self.ann):
            someone.looks()


async def opened(world: World, **of_ann: object) -> Club:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim, **{"in_group": True, **of_ann})
    group = world.api.group_created(kim.chat_id, "Our club", members=(dana.chat_id,), is_forum=True)
    world.api.bot_promoted(kim.chat_id, group, BOT_RIGHTS)
    await world.settle()
    kim.phone.at(group).says("/link")
    await world.settle()
    kim.sees("Everybody in it reads what your athletes write: Kim, Dana.")
    await kim.taps("Link it")
    club = Club(world, kim, dana, ann, group)
    club.unanswered()
    return club


@pytest.fixture
async def club(world: World) -> Club:
    return await opened(world)


async def test_a_coach_links_a_group_of_coaches_and_a_guest_is_named_before_it_works(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    paul, eve = world.stranger("Paul"), world.stranger("Eve")
    members = (dana.chat_id, paul.chat_id, eve.chat_id)
    small = world.api.group_created(kim.chat_id, "Our club", members=members)
    await world.settle()
    here = kim.phone.at(small)
    here.sees("Coaches of the club can have a topic here")
    here.says(f"/link@{world.app.bot}")
    await world.settle()
    here.sees("Kim, I look at who is in this group")
    kim.sees("cannot be linked yet. Please switch topics on in it. Please make me an administrator")
    group = world.api.topics_switched(kim.chat_id, small)
    world.api.bot_promoted(kim.chat_id, group)
    world.api.user_promoted(kim.chat_id, group, paul.chat_id)
    kim.phone.at(group).says("/link")
    await world.settle()
    kim.sees("Not coaches of the club: Paul, and 1 more whose name Telegram does not tell me.")
    for guest in (paul, eve):
        world.api.user_leaves(guest.chat_id, group)
    dana.phone.at(group).says("/unlink")
    kim.phone.at(group).says("/link")
    await world.settle()
    kim.sees("reads what your athletes write: Kim, Dana.")
    await kim.taps("Link it")
    kim.phone.at(group).sees("This group is linked: each of Kim’s athletes who has agreed gets a topic here")
    assert kim.known.group == group
    ann.sees("Kim would like to read your words in a group")
    await ann.taps("Yes, that is all right")
    await ann.says("my knee pain gets worse every day, 4/10")
    kim.phone.in_topic(group, "Ann").sees("my knee pain gets worse every day")


async def test_a_whole_conversation_in_a_topic(club: Club) -> None:
    world, kim, ann = club.world, club.kim, club.ann
    await ann.says("my knee pain gets worse every day, 4/10")
    here = club.topic()
    assert "it stands on Kim’s list" in here.sees("my knee pain gets worse every day").text
    here.taps("I have it")
    await world.settle()
    ann.sees("Kim has your words")
    here.sees("✅ Kim has #")
    here.says("Where was it?")
    await world.settle()
    assert ann.sees("Where was it?").text.startswith("Kim:")
    await ann.says("on the hills")
    here.sees("on the hills")
    await ann.sends("voice", seconds=7)
    here.sees("Ann sends this")
    here.sees("[voice 7 s]")
    here.sends_photo("tape it like this")
    here.sends_voice(3)
    await world.settle()
    ann.sees("tape it like this")
    ann.sees("[photo]")
    ann.sees("[voice 3 s]")
    ann.sees_nothing_more()
    here.edits("Where was it?", "Where?")
    await world.settle()
    here.sees("Your edit was not sent on")
    ann.sees_nothing_more()
    await world.fast_forward(minutes=10)
    ann.sees("I take over again. What you write still goes to Kim.")
    assert club.topics == ["Ann"]
    assert not [one for one in kim.looks() if "on the hills" in one.text], "it stands in the topic, and there alone"


async def test_a_page_is_private_and_its_copy_counts(club: Club) -> None:
    world, kim, dana, ann = club.world, club.kim, club.dana, club.ann
    await ann.says(CHEST)
    kim.sees("Ann · NOW")
    here = club.topic(of=dana)
    assert "A copy: the page itself is in the private chat" in here.sees(CHEST).text
    here.taps("I have it")
    await world.settle()
    dana_takes = world.escalations()[0]
    assert dana_takes.owner_id == dana.known.id, "who is rung behind Kim may take it, wherever they see it"
    ann.sees("Dana has your words")
    kim.sees("Dana has Ann")
    here.sees("✅ Dana has #")
    assert not [label for bubble in here.screen() for label in bubble.labels]
    await club.says("Sit down, I call you", of=dana)
    assert ann.sees("Sit down, I call you").text.startswith("Dana:")


async def test_two_athletes_of_one_name_have_two_topics_and_nothing_is_mixed_up(club: Club) -> None:
    world = club.world
    other = await world.athlete("Ann", club.kim, in_group=True)
    for who, words in (
        (club.ann, "periods missed for four months, the first"),
        (other, "missed my periods, the second"),
    ):
        await who.says(words)
    assert club.topics == ["Ann", "Ann (2)"]
    chat = world.api.chats[club.group]
    first, second = (one.id for one in chat.topics.values() if one.name.startswith("Ann"))
    for thread, mine, not_mine in ((first, "the first", "the second"), (second, "the second", "the first")):
        here = club.kim.phone.at(club.group, thread)
        here.sees(mine)
        assert not [one for one in here.screen() if not_mine in one.text]
        here.says(f"answer to {mine}")
    await world.settle()
    club.ann.sees("answer to the first")
    other.sees("answer to the second")
    assert not club.ann.got("the second") and not other.got("the first")


async def test_who_is_no_coach_of_the_athlete_reaches_nobody(club: Club) -> None:
    world, ann = club.world, club.ann
    await club.says_first()
    await club.says("hello Ann, run on", of=club.dana)
    club.topic().sees("Dana, that went to nobody")
    club.kim.phone.at(club.group).says("good morning all")
    await world.settle()
    ann.sees_nothing_more()
    assert club.kim.known.group == club.group


# --- guests ---------------------------------------------------------------------------------------------------------


async def test_a_guest_who_is_let_in_ends_it_before_anything_more_is_shown(club: Club) -> None:
    """Also where the bot was away: what Ann has written since lies in the inbox behind the one that tells of Paul."""
    world, kim, ann, api = club.world, club.kim, club.ann, club.world.api
    await club.says_first()
    paul = world.stranger("Paul")
    api.user_joins(paul.chat_id, club.group, by=kim.chat_id)
    ann.phone.says("new shoes")
    ann.phone.says(CHEST)
    await world.settle()
    kim.sees("Paul is in your group, and no coach of the club.")
    kim.sees("new shoes")
    kim.sees("Ann · NOW")
    here = paul.phone.at(club.group)
    here.sees("Somebody is here who is no coach of the club. From now on nothing of Kim’s athletes is shown here")
    shown = " ".join(one.text for one in api.chats[club.group].messages.values())
    assert "new shoes" not in shown and CHEST not in shown
    await club.says("Sit down, I call you")
    club.topic().sees("That went to nobody: nothing is sent on from this topic any more")
    assert not ann.got("Sit down, I call you")
    assert kim.known.group is None
    kim.phone.at(club.group).says("/link")
    await world.settle()
    kim.sees("Not coaches of the club: 1 member whose name Telegram does not tell me.")
    api.user_leaves(paul.chat_id, club.group)
    kim.phone.at(club.group).says("/link")
    await world.settle()
    await kim.taps("Link it")
    await ann.says("it is better now")
    club.topic().sees("it is better now")


async def test_a_bot_that_hears_little_is_told_of_a_guest_all_the_same_and_a_coach_is_none(club: Club) -> None:
    world, kim, api = club.world, club.kim, club.world.api
    lee, paul = await world.coach("Lee"), world.stranger("Paul")
    api.user_joins(lee.chat_id, club.group)
    await world.settle()
    assert kim.known.group == club.group
    api.bot_demoted(kim.chat_id, club.group)
    api.user_joins(paul.chat_id, club.group)
    await world.settle()
    kim.sees("Paul is in your group, and no coach of the club.")


async def test_each_coach_who_uses_the_group_hears_of_the_guest(club: Club) -> None:
    world = club.world
    club.dana.phone.at(club.group).says("/link")
    await world.settle()
    await club.dana.taps("Link it")
    paul = world.stranger("Paul")
    world.api.user_joins(paul.chat_id, club.group)
    await world.settle()
    for coach in (club.kim, club.dana):
        coach.sees("Paul is in your group, and no coach of the club.")
        assert coach.known.group is None


# --- healing --------------------------------------------------------------------------------------------------------


async def test_a_topic_that_was_deleted_is_made_again_and_says_so(club: Club) -> None:
    world, ann = club.world, club.ann
    await ann.says("my knee pain gets worse every day, 4/10")
    club.topic().deletes_topic()
    assert club.topics == []
    await ann.says("and my shin burns at night, every night")
    here = club.topic()
    assert "The topic of Ann was gone, so this is a new one." in here.sees("my shin burns at night").text
    await club.says("Stop running")
    ann.sees("Stop running")
    await ann.says("ok, I stop")
    assert "was gone" not in here.sees("ok, I stop").text
    assert [row["athlete_id"] for row in world.rows(schema.topic)] == [ann.known.id]


async def test_a_topic_that_was_closed_is_opened_and_without_the_right_it_goes_to_the_private_chat(club: Club) -> None:
    world, ann = club.world, club.ann
    await club.says_first()
    here = club.topic()
    here.closes_topic()
    await ann.says("new shoes")
    here.sees("new shoes")
    thread = here.thread_id or 0
    assert not world.api.chats[club.group].topics[thread].closed
    world.api.chats[club.group].topics[thread].by = club.kim.chat_id  # made by somebody else: then it takes the right
    world.api.bot_promoted(club.kim.chat_id, club.group, BOT_RIGHTS - {"can_manage_topics"})
    here.closes_topic()
    await world.settle()
    club.unanswered()
    await ann.says("old shoes")
    assert "Meant for the topic of Ann in your group" in club.kim.sees("old shoes").text
    club.kim.sees("I may no longer do what it takes there")
    await ann.says("no shoes")
    club.kim.sees("no shoes")
    club.kim.sees_nothing_more()


@pytest.mark.parametrize("how", ["removed", "demoted", "silenced", "switched off", "switched off, refused"])
async def test_a_group_that_takes_nothing_any_more_costs_no_word(club: Club, how: str) -> None:
    world, kim, ann, api = club.world, club.kim, club.ann, club.world.api
    await club.says_first()
    match how:
        case "removed":
            api.bot_removed(kim.chat_id, club.group)
            api.updates.pending.clear()  # that update got lost: we learn of it when we write
        case "demoted":
            club.topic().deletes_topic()
            api.bot_demoted(kim.chat_id, club.group)
        case "silenced":
            api.bot_silenced(kim.chat_id, club.group)
        case _:
            api.ignores_stray_threads = how == "switched off"
            api.topics_switched(kim.chat_id, club.group, on=False)
    ann.phone.says("new shoes, the first")
    ann.phone.says("new shoes, the second")
    await world.settle()
    texts = [one.text for one in kim.looks()]
    assert [sum(word in text for text in texts) for word in ("the first", "the second")] == [1, 1], texts
    assert sum("I can put nothing into your group any more" in text for text in texts) == 1
    assert kim.known.group is None
    shown = [one.text for one in api.chats[club.group].messages.values() if "new shoes, the" in one.text]
    assert not shown, "nothing stays where everybody reads it"
    await ann.says(CHEST)
    kim.sees("Ann · NOW")
    kim.sees_nothing_more()


async def test_a_bot_that_is_thrown_out_says_so_at_once_and_can_come_back(club: Club) -> None:
    world, kim, api = club.world, club.kim, club.world.api
    await club.says_first()
    api.bot_removed(kim.chat_id, club.group)
    await world.settle()
    kim.sees("I was removed from it")
    api.bot_added(kim.chat_id, club.group)
    api.bot_promoted(kim.chat_id, club.group)
    kim.phone.at(club.group).says("/link")
    await world.settle()
    await kim.taps("Link it")
    await club.ann.says("my shin burns at night, every night")
    club.topic().sees("my shin burns at night")
    assert club.topics == ["Ann"], "the old topic serves again"


async def test_a_group_that_gets_another_number_has_new_topics(club: Club) -> None:
    world, kim, ann, api = club.world, club.kim, club.ann, club.world.api
    await club.says_first()
    new = api.group_migrates(kim.chat_id, club.group)
    api.topics_switched(kim.chat_id, new)
    await world.settle()
    assert kim.known.group == new
    old, club.group = club.group, new
    await ann.says("my shin burns at night, every night")
    club.topic().sees("my shin burns at night")
    assert not [one for one in api.chats[old].messages.values() if "shin" in one.text]


async def test_a_move_that_we_learn_of_by_the_refusal_alone_loses_nothing(club: Club) -> None:
    kim, api = club.kim, club.world.api
    await club.says_first()
    new = api.group_migrates(kim.chat_id, club.group)
    api.topics_switched(kim.chat_id, new)
    api.updates.pending.clear()
    await club.ann.says("my shin burns at night, every night")
    club.group = new
    club.topic().sees("my shin burns at night")
    assert kim.known.group == new


async def test_a_crash_at_any_step_loses_no_word_on_its_way_to_a_topic(club: Club) -> None:
    world, ann = club.world, club.ann
    for before in ("confirm", "handle", "send", "record"):
        club.ann.phone.says(f"my knee pain gets worse every day, 4/10, {before}")
        await world.crash_and_restart(before=before)
        here = club.topic()
        shown = [one for one in here.screen() if before in one.text]
        assert 1 <= len(shown) <= 2, before
    assert set(club.topics) == {"Ann"}
    assert ann.known.in_group


async def test_many_words_at_once_keep_to_the_groups_limit_and_all_arrive(club: Club) -> None:
    world = club.world
    squad = [await world.athlete(name, club.kim, in_group=True) for name in ("Ben", "Cara", "Dev", "Eve")]
    for number in (3, 4, 5, 6):
        for runner in squad:
            runner.phone.says(f"my knee pain gets worse every day, {number}/10")
    await world.settle()
    await world.fast_forward(minutes=3)
    for runner in squad:
        shown = " ".join(one.text for one in club.topic(runner.name).screen())
        assert "3/10" in shown and "6/10" in shown
    sent = [one for one in world.ledger if one.chat_id == club.group]
    for first in sent:
        minute = [one for one in sent if 0 <= (one.at - first.at).total_seconds() < 60]
        assert len(minute) <= 20, "twenty a minute, in any minute"


# --- erasing --------------------------------------------------------------------------------------------------------


async def test_who_is_erased_has_no_topic_any_more(club: Club) -> None:
    world, ann = club.world, club.ann
    await club.says_first()
    here = club.topic()
    await ann.says("/erase")
    await ann.taps("Erase everything")
    await world.settle()
    assert not world.rows(schema.topic)
    here.says("are you there?")
    await world.settle()
    assert not ann.got("are you there?")


async def test_a_look_that_telegram_refuses_is_repeated_and_then_said(world: World) -> None:
    kim = await world.coach("Kim")
    group = world.api.group_created(kim.chat_id, "Our club", is_forum=True)
    world.api.bot_promoted(kim.chat_id, group, BOT_RIGHTS)
    await world.settle()
    world.fault(500, "getChatMemberCount", times=1)
    kim.phone.at(group).says("/link")
    await world.settle()
    await world.fast_forward(minutes=1)
    kim.sees("reads what your athletes write: Kim.")
    await kim.taps("Not now")
    world.fault(500, "getChatMemberCount", times=9)
    kim.phone.at(group).says("/link")
    await world.settle()
    await world.fast_forward(minutes=1)
    kim.sees("I could not look at your group. Please say /link there once more")
    assert kim.known.group is None and kim.known.group_asked is None


async def test_a_topic_that_cannot_be_made_for_a_moment_is_made_later(club: Club) -> None:
    club.world.fault("before", "createForumTopic", times=2)
    await club.ann.says("my knee pain gets worse every day, 4/10")
    await club.world.fast_forward(seconds=30)
    club.topic().sees("my knee pain gets worse")
    assert club.topics == ["Ann"]
