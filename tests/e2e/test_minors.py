"""Athletes under 18 on the real service: how it begins, what reaches whom, and what is left when it ends.

The judge of the second half is the sandbox's ledger, in any order of events: each letter of a coach that has reached a
young athlete has reached the guardian, each word of the athlete too, but for those that a guardian may be part of; and
nothing of anybody else.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from bot import admin
from bot.admin import Complaint
from bot.sandbox.groups import BOT_RIGHTS
from storage import club, schema
from tests.world import Someone, World

VIOLENCE = "my dad hits me, {}"


def switched(world: World, state: str | None, *, json: bool = False) -> None:
    admin.minors(world.stage.settings, argparse.Namespace(state=state, json=json))


async def code(coach: Someone, name: str) -> str:
    await coach.says(f"/invite {name}")
    return coach.sees("?start=").text.partition("?start=")[2].split()[0]


async def family(world: World, kim: Someone, name: str = "Emma", guardian: str = "Linda") -> tuple[Someone, Someone]:
    """They have joined as everybody does."""
    with world.app.base.begin() as tx:
        club.remember(tx, club.MINORS, "on")
    emma, linda = world.stranger(name), world.stranger(guardian)
    await emma.starts(await code(kim, name))
    await emma.taps("I am under 18")
    await linda.starts(emma.sees("Forward this link").text.partition("?start=")[2].split()[0])
    linda.sees(f"{name} would like to train with Kim here")
    await linda.taps("Yes, I agree")
    emma.sees(f"{guardian} has said yes. Now it is your turn.")
    await emma.taps("Yes, I agree")
    await emma.says("London", "7:00")
    await emma.taps("Done")
    await emma.says("none", "none")
    linda.sees(f"{name} has said yes, too.")
    for one in (emma, linda, kim):
        one.looks()
    return emma, linda


async def test_a_club_takes_nobody_under_18_until_it_is_switched_on(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    kim = await world.coach("Kim")
    emma = world.stranger("Emma")
    await emma.starts(await code(kim, "Emma"))
    await emma.taps("I am under 18")
    emma.sees("This club takes athletes from 18 on here")
    kim.sees("Emma has opened the invitation and is under 18")
    assert [one.name for one in world.everyone()] == ["Kim"]
    kept = str([world.rows(table) for table in (schema.person, schema.journal, schema.invite, schema.due)])
    assert "Emma" not in kept and str(emma.chat_id) not in kept
    await world.app.in_thread(lambda: switched(world, None))
    await world.app.in_thread(lambda: switched(world, "on"))
    await world.app.in_thread(lambda: switched(world, None, json=True))
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("off: ") and said[1].startswith("on: ")
    assert said[2] == '{"minors": "on", "under_18": 0}'


async def test_it_cannot_be_switched_off_over_the_heads_of_those_who_are_here(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    kim = await world.coach("Kim")
    emma, linda = await family(world, kim)
    with pytest.raises(Complaint, match="one person under 18 is here: they have to go first"):
        await world.app.in_thread(lambda: switched(world, "off"))
    await world.app.in_thread(lambda: admin.people(world.stage.settings, argparse.Namespace(json=False)))
    said = capsys.readouterr().out
    assert "Emma, athlete of Kim, under 18 with Linda" in said and "Linda, guardian of Emma" in said
    await linda.says("/adult")
    await linda.taps("Yes, 18 or over")
    emma.sees("Linda says that you are 18 now.")
    await world.app.in_thread(lambda: switched(world, "off"))
    assert capsys.readouterr().out.startswith("off: ")
    assert world.read(lambda tx: club.recall(tx, club.MINORS)) == "off"


async def test_both_read_each_letter_and_the_guardian_is_heard(world: World) -> None:
    kim = await world.coach("Kim")
    emma, linda = await family(world, kim)
    await kim.says("/write Emma easy tomorrow?")
    kim.sees("On its way to Emma, and to Linda, who reads along.")
    emma.sees("easy tomorrow?")
    assert linda.sees("To Emma, and to you:").text.endswith("easy tomorrow?")
    await emma.says("yes please")
    linda.sees("yes please")
    await emma.sends("voice")
    assert [one.method for one in world.ledger if one.chat_id == linda.chat_id][-1] == "copyMessage"
    await linda.says("she fainted at school")
    kim.sees("👪 she fainted at school")
    assert not emma.got("school")
    await kim.taps("I have it")
    linda.sees("Kim has taken on what was flagged about Emma")
    emma.looks()
    await kim.says("call me, both of you", reply_to="👪 she fainted")
    emma.sees("call me")
    linda.sees("call me")


async def test_crash_between_the_yes_of_one_and_of_the_other(world: World) -> None:
    kim = await world.coach("Kim")
    with world.app.base.begin() as tx:
        club.remember(tx, club.MINORS, "on")
    emma, linda = world.stranger("Emma"), world.stranger("Linda")
    await emma.starts(await code(kim, "Emma"))
    await emma.taps("I am under 18")
    await linda.starts(emma.sees("Forward this link").text.partition("?start=")[2].split()[0])
    linda.phone.taps("Yes, I agree")
    await world.crash_and_restart(before="handle")
    await world.crash_and_restart(before="send")
    emma.sees("Linda has said yes. Now it is your turn.")


async def test_a_guardian_goes_with_all_that_was_kept_of_them(world: World) -> None:
    kim = await world.coach("Kim")
    emma, linda = await family(world, kim)
    await linda.says("a canary of linda")
    await linda.says("/export")
    linda.sees("")
    id = linda.known.id
    assert emma.known.guardian_id == id and linda.known.ward_id == emma.known.id
    await linda.says("/stop")
    await linda.taps("Yes, end it")
    linda.sees("all that I kept about you is gone")
    emma.sees("Linda does not read along with you any more.")
    kim.sees("Linda is not the guardian of Emma any more.")
    assert [one.name for one in world.everyone()] == ["Kim", "Emma"] and emma.known.alone
    (tomb,) = world.rows(schema.person, id=id)
    assert (tomb["name"], tomb["ward_id"], tomb["chat_id"]) == ("", None, None)
    kept = str([world.rows(table) for table in schema.metadata.sorted_tables if "id" in table.c])
    assert "a canary of linda" not in kept
    await linda.says("hello?")
    linda.sees("This is a private line")
    await kim.says("/write Emma hello")
    kim.sees("That was not sent. Emma is under 18, and no guardian reads along.")
    await world.fast_forward(days=2)
    assert not emma.got("hello") and not emma.got("How did you sleep?")
    await emma.says("i fainted")
    kim.sees("i fainted")


async def test_with_the_athlete_the_guardian_goes(world: World) -> None:
    kim = await world.coach("Kim")
    emma, linda = await family(world, kim)
    await emma.says("/erase")
    await emma.taps("Erase everything")
    linda.sees("Emma has gone from here, and all that was kept is erased, also about you.")
    kim.sees("Emma has gone")
    assert [one.name for one in world.everyone()] == ["Kim"]
    names = [row["name"] for row in world.rows(schema.person)]
    assert sorted(names) == ["", "", "Kim"] and len(world.rows(schema.erasure)) == 2


async def test_a_young_athletes_turn_reads_people_as_often_as_any_other(world: World) -> None:
    """The hot path: what a guardian needs comes with what is read anyway."""
    kim = await world.coach("Kim")
    emma, _ = await family(world, kim)
    ann = await world.athlete("Ann", kim)
    counts = {}
    for one in (ann, emma):
        await one.says("/checkin")
        with _listening(world) as seen:
            await one.taps("4")
        counts[one.name] = len(seen)
    assert counts["Ann"] == counts["Emma"] > 0


@contextlib.contextmanager
def _listening(world: World) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT person"):
            seen.append(statement)

    sa.event.listen(world.app.base.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(world.app.base.engine, "before_cursor_execute", note)


# --- any order of events --------------------------------------------------------------------------------------------


@dataclass
class Said:
    by: Someone
    to: Someone | None = None
    secret: bool = False


@dataclass
class Two:
    """Emma with Linda, Finn with Gus, and Ann, who is grown up; two coaches."""

    world: World
    kim: Someone
    dana: Someone
    pairs: dict[str, tuple[Someone, Someone]]
    ann: Someone
    group: int
    said: dict[str, Said] = field(default_factory=dict)

    def canary(self, by: Someone, to: Someone | None = None, *, secret: bool = False) -> str:
        word = f"canary{len(self.said):03d}x"
        self.said[word] = Said(by, to, secret)
        return word


async def _act(two: Two, dice: random.Random) -> None:
    world = two.world
    athlete, guardian = two.pairs[dice.choice(list(two.pairs))]
    coach = dice.choice([two.kim, two.kim, two.dana])
    someone = dice.choice([athlete, athlete, two.ann])
    match dice.choice(
        ["letter"] * 4 + ["word"] * 3 + ["topic"] * 2 + ["photo", "voice", "urgent", "secret", "broadcast", "guardian"]
        + ["blocks", "ack", "close", "time", "edit", "reply", "week"]
    ):  # fmt: skip
        case "letter":
            await coach.says(f"/write {someone.name} {two.canary(coach, someone)}")
        case "reply":
            await coach.says(f"/write {someone.name}")
            await coach.says(two.canary(coach, someone))
        case "word":
            words = dice.choice(("new shoes {}", "my knee pain gets worse every day, 4/10, {}", "thanks {}"))
            await someone.says(words.format(two.canary(someone)))
        case "photo":
            await someone.sends("photo", caption=two.canary(someone))
        case "voice":
            athlete_id = someone.known.id
            await coach.taps_data(f"write:{athlete_id}")
            await coach.sends("photo", caption=two.canary(coach, someone))
        case "urgent":
            await someone.says(f"chest pain {two.canary(someone)}")
        case "secret":
            await athlete.says(VIOLENCE.format(two.canary(athlete, secret=True)))
            await athlete.says(f"please help {two.canary(athlete, secret=True)}")
        case "broadcast":
            word = two.canary(coach, None)
            await coach.says(f"/broadcast {word}")
            if any("Send" in one.labels for one in coach.phone.screen()[-2:]):
                await coach.taps("Send")
        case "topic":
            topics = [row for row in world.rows(schema.topic) if row["athlete_id"] == someone.known.id]
            if topics:
                two.kim.phone.at(two.group, topics[-1]["thread_id"]).says(two.canary(two.kim, someone))
        case "guardian":
            await guardian.says(f"she has exams {two.canary(guardian)}")
        case "blocks":
            await guardian.blocks()
            await coach.says(f"/write {athlete.name} {two.canary(coach, athlete)}")
            await guardian.unblocks()
        case "ack":
            await two.kim.says("ack")
        case "close":
            for row in world.rows(schema.escalation):
                if row["acked_at"] is not None and row["closed_at"] is None:
                    await two.kim.taps_data(f"close:{row['short']}")
        case "edit":
            word = two.canary(someone)
            await someone.says("as ever")
            await someone.edits("as ever", f"as ever {word}")
        case "week":
            await coach.says(f"/lay {someone.name} Fri easy 40: {two.canary(coach, someone)}")
        case _:
            await world.fast_forward(minutes=dice.choice([1, 20, 300]))
    await world.settle()


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_letter_reaches_a_young_athlete_without_its_copy_and_nothing_the_wrong_guardian(
    world: World, seed: int
) -> None:
    dice = random.Random(seed)
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    pairs = {"Emma": await family(world, kim), "Finn": await family(world, kim, "Finn", "Gus")}
    ann = await world.athlete("Ann", kim, in_group=True)
    group = world.api.group_created(kim.chat_id, "Kim’s", members=(dana.chat_id,), is_forum=True)
    world.api.bot_promoted(kim.chat_id, group, BOT_RIGHTS)
    await world.settle()
    kim.phone.at(group).says("/link")
    await world.settle()
    await kim.taps("Link it")
    two = Two(world, kim, dana, pairs, ann, group)
    began = len(world.ledger)
    for _ in range(40):
        await _act(two, dice)
    await world.fast_forward(hours=14)  # what waited for the end of quiet hours has come
    of: dict[int, set[str]] = {}
    for one in world.ledger[began:]:
        found = set(re.findall(r"canary\d{3}x", f"{one.text} {one.html} {one.params}"))
        of.setdefault(one.chat_id, set()).update(found)
    files = 0
    for name, (athlete, guardian) in pairs.items():
        theirs, copies = of.get(athlete.chat_id, set()), of.get(guardian.chat_id, set())
        letters = {word for word in theirs if two.said[word].by in (kim, dana)}
        assert letters <= copies, f"{name} got {sorted(letters - copies)} without a copy"
        for word in copies:
            said = two.said[word]
            assert not said.secret, f"{guardian.name} got {word}, of which they may be a part"
            assert said.by is athlete or (said.by in (kim, dana) and said.to in (athlete, None)), f"{word} is foreign"
            if said.by in (kim, dana):
                assert word in theirs, f"{word} reached the guardian, and not {name}"
        assert not {word for word in theirs if two.said[word].by in (pairs["Emma"][1], pairs["Finn"][1])}
        files += len(letters)
        heard = {word for word, said in two.said.items() if said.by is athlete}
        assert heard <= of.get(kim.chat_id, set()) | of.get(group, set()) | _listed(world), "a worry was lost"
    assert files > 3, "the story was too quiet to prove anything"


def _listed(world: World) -> set[str]:
    """What stands in the journal of an athlete for the coach's list."""
    return set(re.findall(r"canary\d{3}x", str(world.rows(schema.journal))))
