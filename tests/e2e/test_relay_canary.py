"""Nothing is ever relayed to the wrong athlete: a canary in all that anybody writes, in any order of events.

The judge is the sandbox's ledger: where Telegram has really put what, and in which topic. Two of the athletes have one
name; groups move, topics are deleted and closed, the bot is thrown out, athletes pass to another coach.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from bot.sandbox.groups import BOT_RIGHTS
from dialogs.events import Sender
from dialogs.model import Outcome
from storage import outcomes, schema, snapshots
from tests.world import Someone, World

CALM = ("new shoes {}", "my knee pain gets worse every day, 4/10, {}", "thanks {}")
URGENT = "chest pain {}"


@dataclass
class Squad:
    world: World
    coaches: dict[str, Someone]
    athletes: list[Someone]
    groups: dict[str, int]
    of: dict[str, Someone] = field(default_factory=dict)  # a canary -> who wrote it, or for whom it was written
    letters: set[str] = field(default_factory=set)

    def canary(self, athlete: Someone, *, letter: bool = False) -> str:
        word = f"canary{len(self.of):03d}x"
        self.of[word] = athlete
        if letter:
            self.letters.add(word)
        return word

    def coach_of(self, athlete: Someone) -> str:
        id = athlete.known.coach_id
        return next(name for name, coach in self.coaches.items() if coach.known.id == id)

    def topics(self) -> dict[tuple[int, int], int]:
        """By chat and topic, the athlete, as the program has it now."""
        return {(row["chat_id"], row["thread_id"]): row["athlete_id"] for row in self.world.rows(schema.topic)}


def pass_to(world: World, athlete: Someone, coach: Someone) -> None:
    """Another coach from now on, as the athlete's own yes makes it."""
    me = athlete.known
    with world.app.base.begin() as tx:
        known = snapshots.load(tx, now=world.now, dice="0" * 64, bot="bot", sender=Sender(me.chat_id or 0, me.user_id))
        assert known.person is not None
        changed = replace(known.person, coach_id=coach.known.id)
        outcomes.save(tx, known, Outcome(person=changed), (), "world", world.now)


async def _act(squad: Squad, dice: random.Random, where: dict[tuple[int, int], int]) -> None:
    world = squad.world
    name = dice.choice(list(squad.coaches))
    coach, athlete = squad.coaches[name], dice.choice(squad.athletes)
    group = squad.groups[name]
    chat = world.api.chats[group]
    mine = [topic.id for topic in chat.topics.values() if topic.id != 1]
    thread = dice.choice(mine) if mine else None
    whose = where.get((group, thread or 0))
    meant = next((one for one in squad.athletes if one.known.id == whose), None)
    match dice.choice(
        ["word", "word", "word", "urgent", "photo", "topic", "topic", "topic", "voice", "reply", "letter", "ack",
         "delete", "close", "move", "migrate", "out", "time"]
    ):  # fmt: skip
        case "word":
            await athlete.says(dice.choice(CALM).format(squad.canary(athlete)))
        case "urgent":
            await athlete.says(URGENT.format(squad.canary(athlete)))
        case "photo":
            await athlete.sends("photo", caption=squad.canary(athlete))
        case "topic" | "voice" if thread is not None and meant is not None:
            word, here = squad.canary(meant, letter=True), coach.phone.at(group, thread)
            here.says(word) if dice.random() < 0.7 else here.sends_photo(word)
            await world.settle()
        case "reply" if thread is not None and meant is not None:
            here = coach.phone.at(group, thread)
            shown = [one.text for one in here.screen() if not one.mine and "topic" not in one.text]
            here.says(squad.canary(meant, letter=True), shown[-1][:20] if shown else None)
            await world.settle()
        case "letter":
            number = athlete.known.id
            before = len(coach.phone.screen())
            await coach.taps_data(f"write:{number}")
            if any("goes to" in one.text for one in coach.phone.screen()[before - 1 :]):
                await coach.says(squad.canary(athlete, letter=True))
        case "ack":
            if any("I have it" in one.labels for one in coach.phone.screen()):
                await coach.taps("I have it")
        case "delete" if thread is not None:
            world.api.topic_deleted(coach.chat_id, group, thread)
        case "close" if thread is not None:
            world.api.topic_closed(coach.chat_id, group, thread)
        case "move":
            pass_to(world, athlete, coach)
        case "migrate":
            new = world.api.group_migrates(coach.chat_id, group)
            world.api.topics_switched(coach.chat_id, new)
            squad.groups[name] = new
            if dice.random() < 0.5:
                world.api.updates.pending.clear()
        case "out":
            world.api.bot_removed(coach.chat_id, group)
            await world.settle()
            world.api.bot_added(coach.chat_id, group)
            world.api.bot_promoted(coach.chat_id, group, BOT_RIGHTS)
            coach.phone.at(group).says("/link")
            await world.settle()
            if coach.known.group_asked == group:
                await coach.taps("Link it")
        case _:
            await world.fast_forward(minutes=dice.choice([1, 7, 20]))
    await world.settle()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_ever_relayed_to_the_wrong_athlete(world: World, seed: int) -> None:
    dice = random.Random(seed)
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    coaches = {"Kim": kim, "Dana": dana}
    athletes = [
        await world.athlete("Ann", kim, in_group=True),
        await world.athlete("Ann", kim, in_group=True),
        await world.athlete("Ben", dana, in_group=True),
    ]
    groups = {}
    for name, coach in coaches.items():
        others = tuple(one.chat_id for one in coaches.values() if one is not coach)
        groups[name] = world.api.group_created(coach.chat_id, f"{name}’s", members=others, is_forum=True)
        world.api.bot_promoted(coach.chat_id, groups[name], BOT_RIGHTS)
        await world.settle()
        coach.phone.at(groups[name]).says("/link")
        await world.settle()
        await coach.taps("Link it")
    squad = Squad(world, coaches, athletes, groups)
    where: dict[tuple[int, int], int] = {}  # each topic there ever was, and whose it was
    checked = 0
    reached: set[str] = set()
    for _ in range(40):
        await _act(squad, dice, where)
        for place, athlete in squad.topics().items():
            assert where.setdefault(place, athlete) == athlete, "a topic never changes its athlete"
        numbers = {one.chat_id: one for one in athletes}
        for sent in world.ledger[checked:]:
            shown = f"{sent.text} {sent.html} {sent.params}"
            for word, whose in squad.of.items():
                if word not in shown:
                    continue
                if sent.chat_id in numbers:
                    assert numbers[sent.chat_id] is whose, f"{word} reached the wrong athlete"
                    if word in squad.letters:
                        reached.add(word)
                elif sent.chat_id < 0:
                    there = where.get((sent.chat_id, sent.thread_id or 0))
                    assert there == whose.known.id, f"{word} stands in the wrong topic"
                    own = squad.groups[squad.coach_of(whose)]
                    assert sent.chat_id == own, f"{word} stands in the group of another coach"
        checked = len(world.ledger)
    for name in coaches:  # what General shows holds nobody's words
        for one in world.api.chats[squad.groups[name]].messages.values():
            if one.thread_id is None and one.by is None:
                assert not [word for word in squad.of if word in one.text]
    assert len(squad.of) > 12 and reached, "the story was too quiet to prove anything"
