"""Who may read what: in any order of events nobody's words reach a chat they are not meant for, nor any log."""

from __future__ import annotations

import json
import logging
import random
from dataclasses import dataclass, field, replace

import pytest
import sqlalchemy as sa

from bot.log import Line
from bot.sandbox.stage import TOKEN
from storage import schema
from tests.e2e.test_calendar import LONG, SPEED, lays
from tests.world import Someone, World

URGENT = ("chest pain and {}", "I fainted yesterday, {}", "{} and I do not want to live any more")
CALM = ("slept well, {}", "knee pain 6/10 for a week, {}", "thanks {}", "the dog ate my shoes {}")


@dataclass
class Canaries:
    """A word of its own in everything that anybody writes, and whose it is."""

    owner: dict[str, Someone] = field(default_factory=dict)
    to: dict[str, Someone] = field(default_factory=dict)  # for a coach's letter

    def new(self, who: Someone, to: Someone | None = None) -> str:
        word = f"canary{len(self.owner):03d}x{who.name.lower()}"
        self.owner[word] = who
        if to is not None:
            self.to[word] = to
        return word

    def within(self, text: str) -> list[str]:
        return [word for word in self.owner if word in text]


async def _somebody_acts(
    world: World, dice: random.Random, canaries: Canaries, squad: dict[Someone, list[Someone]]
) -> None:
    coach = dice.choice(list(squad))
    runner = dice.choice(squad[coach])
    match dice.randrange(13):
        case 0:
            await runner.says(dice.choice(URGENT).format(canaries.new(runner)))
        case 1 | 2 | 3:
            await runner.says(dice.choice(CALM).format(canaries.new(runner)))
        case 4:
            await runner.sends("photo", caption=f"look, {canaries.new(runner)}")
        case 5:
            mine = [one.text for one in runner.phone.screen() if one.mine and canaries.within(one.text)]
            if mine:
                await runner.edits(mine[-1], f"better: {canaries.new(runner)}")
        case 6:
            await world.fast_forward(minutes=dice.choice([5, 12, 45, 600]))
        case 7:
            asks = [one for one in coach.phone.screen() if runner.name in one.text and "Write to them" in one.labels]
            if asks:
                await coach.says(f"dear {runner.name}, {canaries.new(coach, runner)}", reply_to=asks[-1].text[:30])
        case 8:
            if any("I have it" in one.labels for one in coach.phone.screen()):
                await coach.taps("I have it")
            else:
                await coach.says("/queue")
        case 9:
            day = dice.choice(("tomorrow", "Friday", "Sunday"))
            await coach.says(f"/lay {runner.name} {day} speed 40: {canaries.new(coach, runner)}")
        case 10:
            await runner.says(dice.choice(("slower please", "I have 15 minutes", "move tomorrow to Friday", "/plan")))
        case 11:
            if any("I’d rather keep it" in one.labels for one in runner.phone.screen()):
                await runner.taps("I’d rather keep it")
                await runner.says(f"no, please, {canaries.new(runner)}")
        case 12:
            if any("Approve" in one.labels for one in coach.phone.screen()):
                await coach.taps(dice.choice(("Approve", "Decline")))
            else:
                await coach.says(f"/plan {runner.name}")


@pytest.mark.parametrize("seed", [1, 2])
async def test_nobodys_words_reach_a_chat_that_may_not_see_them(world: World, seed: int) -> None:
    dice = random.Random(seed)
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    eve = await world.coach("Eve")  # covers for nobody
    for one, other in ((kim, "Dana"), (dana, "Kim"), (eve, "Kim")):
        await one.says(f"/backup {other}")
    squad = {
        kim: [await world.athlete("Ann", kim), await world.athlete("Ben", kim, zone="America/Denver")],
        dana: [await world.athlete("Cara", dana), await world.athlete("Dev", dana, zone="Australia/Sydney")],
    }
    canaries = Canaries()
    for coach, runners in squad.items():
        for one in runners:
            week = [replace(session, text=canaries.new(coach, one)) for session in (SPEED, LONG)]
            lays(world, one, *week)
    for _ in range(50):
        await _somebody_acts(world, dice, canaries, squad)
    await world.fast_forward(days=1)

    coach_of = {runner.chat_id: coach for coach, runners in squad.items() for runner in runners}
    took = {(one.athlete_id, one.owner_id) for one in world.escalations()}
    seen: set[str] = set()
    for sent in world.ledger:
        shown = f"{sent.text} {sent.html} {[button.text for row in sent.buttons for button in row]} {sent.params}"
        for word in canaries.within(shown):
            seen.add(word)
            owner = canaries.owner[word]
            meant = {owner.chat_id, canaries.to.get(word, owner).chat_id}
            if owner.chat_id in coach_of:
                meant |= {coach_of[owner.chat_id].chat_id}
                backup = dana if coach_of[owner.chat_id] is kim else kim
                in_conversation = (owner.known.id, backup.known.id) in took
                rung = [page for page in backup.got(f"{owner.name} · ") if "📋" not in page.text and page.at <= sent.at]
                a_page = "#" in sent.text and ("📋" not in sent.text or bool(rung))  # no proposal before they were rung
                if a_page or in_conversation:  # what the backup was rung for, and who took it hears the rest
                    meant |= {backup.chat_id}
            assert sent.chat_id in meant, f"{word} in the chat {sent.chat_id}: {sent.text}"
    assert len(seen) > 15, "the athletes' words did arrive"
    assert not [one for one in world.ledger if one.chat_id == eve.chat_id and canaries.within(one.text)]
    with world.app.base.begin() as tx:
        tx.execute(sa.update(schema.escalation).values(acked_at=world.now, owner_id=kim.known.id, next_at=None))


async def test_the_backup_reads_an_athletes_words_only_from_the_minute_it_is_rung(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await ann.says("thanks, the canary says the shoes are yellow")
    await ann.says("chest pain, says the canary")
    await world.fast_forward(minutes=15)
    assert not dana.got("canary")
    await dana.says("/queue", "/athletes")
    assert not [one for one in dana.got("canary") if "yellow" in one.text]
    await world.fast_forward(minutes=6)
    assert len(dana.got("chest pain, says the canary")) >= 1
    assert not dana.got("yellow")
    await kim.taps("I have it")


async def test_a_plan_and_what_was_said_beside_a_rule_are_the_athletes_and_their_coachs(world: World) -> None:
    kim, dana, eve = await world.coach("Kim"), await world.coach("Dana"), await world.coach("Eve")
    ann, cara = await world.athlete("Ann", kim), await world.athlete("Cara", dana)
    await kim.says("/backup Dana")
    await kim.says("/lay Ann tomorrow speed 50: with the canary")
    await ann.says("the canary slept badly", "slower please")
    kim.sees("📋 Ann · Asks: slower, please")
    await ann.taps("I’d rather keep it")
    await ann.says("the canary sings")
    kim.sees("the canary sings")
    (wish,) = world.rows(schema.proposal)
    target = f"{ann.known.id}:{wish['short']}"
    for coach in (dana, eve):
        for said in ("/plan Ann", "/queue", "/rules", "/lay Ann tomorrow easy 40", "/athletes"):
            await coach.says(said)
        her_week = f"{ann.known.id}:270301"
        for tap in (f"approve:{target}", f"revise:{target}", f"week:{her_week}", f"day:{her_week}", f"file:{her_week}",
                    f"rule:slower-please:{ann.known.id}"):  # fmt: skip
            await coach.taps_data(tap)
            coach.sees_notice("That question is closed.")
    for tap in (f"approve:{target}", f"object:{wish['short']}", "undo:2", "plan:week"):
        await cara.taps_data(tap)
    assert [row["state"] for row in world.rows(schema.proposal)] == ["open"]
    # Somebody covers once something is open; what was said beside a rule they read only when they were rung.
    await ann.says("chest pain on the stairs")
    await world.fast_forward(minutes=15)
    await dana.says("/queue")
    assert not [one for coach in (dana, eve, cara) for one in coach.got("canary")]
    await world.fast_forward(minutes=6)
    await dana.says("/queue")
    assert dana.got("the canary sings") and not [one for one in (*eve.got("canary"), *cara.got("canary"))]
    await kim.taps("I have it")


async def test_no_log_line_at_any_level_holds_anybodys_words_or_the_token(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.handler.setFormatter(Line())
    # Its DEBUG level prints each row it fetches; INFO prints each statement, and must hide what is bound to it.
    monkeypatch.setattr(logging.getLogger("sqlalchemy"), "level", logging.INFO)
    canaries = Canaries()
    kim = await world.stage.coach("Kim")
    ann = await world.stage.athlete("Ann", kim, injuries="canary-injury", goal="canary-goal")
    await world.settle()
    someone = Someone(world, ann)
    world.announce("handle.failed", "send.refused")
    world.expect("inbox dead", "outbox dead")
    for text in ("chest pain, {}", "{} is fine", "/coach {}", "/checkin {}", "/nonsense {}", "\ud800 {}"):
        await someone.says(text.format(canaries.new(someone)))
    await someone.sends("voice", caption=canaries.new(someone))
    await someone.edits("is fine", canaries.new(someone))
    world.api.raw_update({"message": {"text": canaries.new(someone), "chat": {"id": ann.user_id}}}, lane=ann.user_id)
    for fault in ("before", "after", 429, 502, 403):
        world.fault(fault, "sendMessage", chat_id=ann.user_id, seconds=1)
        await someone.says(f"more {canaries.new(someone)}")
    words = "Bad Request: can't parse entities"
    world.fault(400, "sendMessage", chat_id=kim.user_id, times=2, description=f"{words} {canaries.new(someone)}")
    await someone.says(f"it hurts more, {canaries.new(someone)}")
    await world.crash_and_restart()
    await Someone(world, kim).taps("I have it")
    await world.fast_forward_to("07:05")
    text = caplog.text + json.dumps([str(vars(record)) for record in caplog.records])
    assert not [word for word in (*canaries.owner, "canary") if word in text]
    assert TOKEN.partition(":")[2] + "/" not in text and TOKEN not in text
    assert "send.failed" in text, "something was logged at all"
