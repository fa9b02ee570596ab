"""The plan and the rule book on the real stage: what a rule eases, what a human decides, and nothing lost in between.

The first half is read on phones. Then what happens in one instant: two coaches and one proposal, a coach and an athlete
at one plan, and the service killed in between. At the end two weeks of a thousand random acts, judged by the database:

    versions    are numbered without a gap, and none is ever altered
    days        a day that is over stands as it stood
    rules       what a rule did raised no day's load, put no hard days together, and touched no race
    proposals   an open one has a wakeup that ends it
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from bot import handle
from bot.config import Settings
from bot.metrics import Metrics
from bot.receive import incoming
from bot.sandbox.phone import Phone
from dialogs import timing
from dialogs.model import Change, Person, Plan, Session, Wakeup
from dialogs.plan import after, hard, load
from storage import due, inbox, outcomes, plans, schema
from storage.db import Database, open_db
from tests.e2e.rights_club import Rehearsal
from tests.e2e.test_calendar import PUBLIC, code_of, events, lays
from tests.e2e.test_killed import Club, Nursery, a_club
from tests.e2e.test_rights import documents, holding
from tests.storage.club import join
from tests.world import NOON, Someone, World, opened

MON, TUE, WED, THU, FRI, SAT, SUN = (NOON.date() + timedelta(days=n) for n in range(7))
WEEK = (
    Session("mon", MON, "easy", 40, effort=3),
    Session("wed", WED, "speed", 50, effort=8, text="6 x 3 min"),
    Session("thu", THU, "mobility", 15),
    Session("sat", SAT, "long", 100, effort=5),
)


def presses(someone: Someone, label: str, *words: str) -> None:
    """Tap the button of the newest bubble that has it and holds these words; nothing is waited for."""
    for bubble in reversed(someone.phone.screen()):
        if all(word in bubble.text for word in words):
            for button in (button for row in bubble.buttons for button in row):
                if label in button.text:
                    someone.phone.taps_data(bubble.message_id, str(button.data))
                    return
    raise AssertionError(f"{someone.name} has no button {label!r} with {words}\n{someone.phone.transcript()}")


def taps(someone: Someone, data: str) -> None:
    """The same with what stands on the button."""
    someone.phone.taps_data(someone.phone.last.message_id, data)


async def decides(coach: Someone, label: str, *words: str) -> None:
    presses(coach, label, *words)
    await coach.world.settle()


def plan_of(someone: Someone) -> Plan:
    return someone.world.read(lambda tx: plans.current(tx, someone.known.id, date.min))


def on(someone: Someone, day: date) -> Session:
    (found,) = plan_of(someone).on(day)
    return found


def states(world: World) -> list[tuple[str, str]]:
    return [(row["rule"], row["state"]) for row in world.rows(schema.proposal)]


def is_sound(someone: Someone) -> tuple[Change, ...]:
    """The versions of their plan: numbered without a gap, each made of the one before it, up to the one that stands."""
    changes = someone.world.read(lambda tx: plans.versions(tx, someone.known.id))
    assert [one.number for one in changes] == list(range(1, len(changes) + 1))
    plan = Plan()
    for one in changes:
        assert set(one.removed) <= set(plan.sessions), f"version {one.number} is made of another plan"
        plan = after(plan, one)
    assert plan == plan_of(someone)
    return changes


async def bad_nights(*athletes: Someone) -> None:
    """Two mornings in a row they answer after five hours of sleep, and nothing else: it is Wednesday, seven o'clock."""
    for _ in range(2):
        await athletes[0].world.fast_forward_to("07:00")
        for one in athletes:
            await one.taps("2", "5 h", "That is all for today")


# --- on the phone ---------------------------------------------------------------------------------------------------


async def test_two_short_nights_ease_what_is_hard_and_the_coach_decides(world: World) -> None:
    kim = await world.coach("Kim")
    ann, ben, cal = [await world.athlete(name, kim) for name in ("Ann", "Ben", "Cal")]
    for one in (ann, ben, cal):
        lays(world, one, *WEEK)
    await bad_nights(ann, ben, cal)
    for one in (ann, ben, cal):
        one.sees("Eased, and held until Kim has looked:\nWed Speed · 50 min · effort 8 → Easy run")
        kim.sees(f"📋 {one.name} · Short nights")
        assert (on(one, WED).kind, on(one, WED).held is not None) == ("easy", True)
    await ann.says("/plan")
    ann.sees("(eased, held)")

    await decides(kim, "Approve", "📋 Ann")
    ann.sees("Kim has looked, and agrees:\nWed Easy run")
    await ann.says("/plan")
    assert "held" not in ann.sees("▶Wed Easy run").text
    await decides(kim, "Decline", "📋 Ben")
    ben.sees("Kim has looked: it stands as it was before:\nWed Speed · 50 min · effort 8")
    assert on(ben, WED) == WEEK[1]
    await decides(kim, "Edit", "📋 Cal")
    await kim.says("easy 25: with the dog")
    cal.sees("Kim has looked, and changed it:\nWed Easy run · 25 min")
    assert (on(cal, WED).text, on(cal, WED).held) == ("with the dog", None)
    assert states(world) == [("sleep-short", state) for state in ("approved", "declined", "edited")]
    for one in (ann, ben, cal):
        assert [change.by for change in is_sound(one)] == ["coach", "rule", "coach"]
        assert on(one, SAT) == WEEK[3]


async def test_what_nobody_has_decided_ends_at_midnight_and_its_concern_goes_on_the_list(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    lays(world, ann, *WEEK)
    await ann.says("I'm ill")
    await ann.taps("Below the neck")
    kim.sees("📋 Ann · Ill")
    ann.looks()
    assert on(ann, MON).kind == "rest" and not world.escalations()
    await world.fast_forward_to("00:01")
    assert states(world) == [("ill", "expired")]
    (worry,) = world.escalations()
    assert (worry.level.value, worry.flag, worry.open) == ("concern", "rule_ill", True)
    ann.sees("Nobody has looked yet at what was eased. It stays easy")
    assert on(ann, MON).kind == "rest" and not [one for one in kim.phone.screen() if "Approve" in one.labels]
    await world.fast_forward_to("07:00")
    kim.sees("Ill: below the neck, fever")
    await kim.taps("I have it")
    await kim.taps_data(f"approve:{ann.known.id}:{world.rows(schema.proposal)[0]['short']}")
    kim.sees_notice("Its day is over")
    assert [change.by for change in is_sound(ann)] == ["coach", "rule"]


async def test_a_calendar_shows_what_was_eased_when_the_phone_asks_next(migrated_database_url: str) -> None:
    async with opened(migrated_database_url, settings=Settings(public_url=PUBLIC)) as world:
        kim = await world.coach("Kim")
        ann = await world.athlete("Ann", kim)
        lays(world, ann, *WEEK[1:])
        code = await code_of(ann)
        async with world.app.web() as url:
            assert (await events(url, code))[0][0].startswith("Speed")
            await ann.says("slower please")
            title, day, about = (await events(url, code))[0]
            assert title.startswith("Easy run") and day == WED
            assert about.startswith("Eased, held until your coach has looked.")
            await decides(kim, "Decline", "📋 Ann")
            assert (await events(url, code))[0][0].startswith("Speed")


FILE = """date,kind,minutes,effort,notes
2027-03-03,speed,45,8,"hills if it rains"
2027-03-05,easy,35,3,
2027-03-06,juggling,30,,
2027-03-14,long,110,5,
"""


async def test_a_plan_file_goes_from_one_phone_to_the_other(world: World) -> None:
    kim = await world.coach("Kim")
    ann, ben = await world.athlete("Ann", kim), await world.athlete("Ben", kim)
    lays(world, ann, *WEEK)
    kim.phone.sends_document("june.csv", "plan Ann", content=FILE.encode("utf-16"))
    await world.settle()
    kim.sees("Nothing changes before you say so")
    shown = kim.sees("I could not read:").text
    assert "Line 4" in shown and "+ 3 March Speed · 45 min · effort 8" in shown and "− 6 March Long run" in shown
    assert plan_of(ann).sessions == WEEK and ann.looks() == []
    await kim.taps("Take the rest")
    kim.sees("Taken into Ann’s plan: 3 new")
    assert [one.minutes for one in plan_of(ann).sessions] == [40, 45, 35, 110] and plan_of(ben) == Plan()
    await decides(kim, "Tell Ann")
    ann.sees("Wed Speed · 45 min · effort 8")
    await kim.taps("Undo")
    assert plan_of(ann).sessions == WEEK
    assert [one.cause for one in is_sound(ann)] == ["library", "import", "undo:2"]


async def test_of_an_erased_athlete_no_plan_and_no_proposal_is_left(world: World) -> None:
    kim, bo = await world.coach("Kim"), await world.coach("Bo")
    ann, ben = await world.athlete("Anncanary", kim), await world.athlete("Ben", kim)
    for one in (ann, ben):
        lays(world, one, *(replace(session, text=f"text of {one.name}") for session in WEEK))
    await bad_nights(ann, ben)
    await ann.taps("I’d rather keep it")
    await ann.says("because canarywords")
    kim.sees("canarywords")
    await ann.says("move Thursday to today", "move Saturday to Friday")
    await decides(kim, "Decline", "📋 Anncanary · Short nights")
    id = ann.known.id
    await kim.says("/lay Anncanary fri easy 30: canarytext", "/rules short nights")
    await kim.taps_data(f"rset:sleep-short:{id}:mute")
    for worry in world.escalations():
        await kim.taps_data(f"close:{worry.short}")
    before = plan_of(ben)
    await ann.says("/erase")
    await ann.taps("Erase everything")
    await world.app.keep_once()
    for table in (schema.version, schema.session, schema.proposal, schema.setting, schema.feed, schema.due):
        column = "person_id" if "person_id" in table.c else "athlete_id"
        assert not world.rows(table, **{column: id}), table.name
    assert holding(world, "canary") == []
    assert plan_of(ben) == before and len(is_sound(ben)) == 2 and bo.known


async def test_what_a_coach_has_begun_of_somebodys_plan_does_not_outlive_them(world: World) -> None:
    """What instead of a proposal, and whose plan a file is: both name the athlete in the coach's own row."""
    kim = await world.coach("Kim")
    ann, _ben = await world.athlete("Anncanary", kim), await world.athlete("Ben", kim)
    lays(world, ann, *WEEK)
    kim.phone.sends_document("canaryfile.csv", "plan Anncanary", content=FILE.encode())
    await ann.says("slower please")
    await decides(kim, "Edit", "📋 Anncanary")
    kim.phone.sends_document("march.csv", content=FILE.encode())
    await world.settle()
    assert holding(world, "canary").count("person") == 2  # Ann, and Kim who is asked about her
    await kim.says("/export")
    (data,) = [content for name, content in documents(world, kim).items() if name.endswith("json")]
    assert "canary" not in str(json.loads(data)["person"]["facts"]["talks"])
    await ann.says("/erase")
    await ann.taps("Erase everything")
    await world.app.keep_once()
    assert holding(world, "canary") == []


# --- in one instant -------------------------------------------------------------------------------------------------


async def at_once(world: World, first: Callable[[], None], then: Callable[[], None], *, locked: bool = False) -> int:
    """Somebody does `first`, and when that turn has read everything and written nothing, somebody else does `then`. Two
    threads handle it, each with transactions of its own; whoever finds that the other was quicker comes again. Where a
    lock lets in one at a time (`locked`, and on SQLite always) the wait is given up, and the lock is what is tested.
    Gives how often turns were written, with those that were rolled back."""
    patience = 0.5 if locked or world.app.base.is_sqlite else 20  # seconds; on a busy machine `then` takes its time
    real, written = outcomes.save_all, itertools.count()
    has_read, both = threading.Event(), threading.Event()

    def save_all(tx: sa.Connection, turns: Sequence[outcomes.Turn], now: datetime) -> list[outcomes.Saved]:
        if next(written) == 0:
            has_read.set()
            both.wait(timeout=patience)
        both.set()
        return real(tx, turns, now)

    async def comes_in() -> None:
        while world.api.updates.pending and await world.app.receive_once():
            pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcomes, "save_all", save_all)
        first()
        await comes_in()
        working = asyncio.create_task(world.replicas_handle(1))
        assert await asyncio.to_thread(has_read.wait, 30)
        then()
        await comes_in()
        await asyncio.gather(working, world.replicas_handle(2))
    await world.settle()
    return next(written)


async def test_two_coaches_decide_in_one_instant_and_one_of_them_reads_who_was_first(world: World) -> None:
    kim = await world.coach("Kim")
    squad = [await world.athlete(f"Ann{number}", kim) for number in range(4)]
    bo = await world.coach("Bo")
    await kim.says("/backup Bo")
    for one in squad:
        lays(world, one, *WEEK)
        await one.says("/injured")
        await one.taps("Shin", "3", "No")
    assert not bo.got("📋")
    await world.fast_forward(hours=2, minutes=1)
    await bo.says("/queue")
    bo.sees("📋 Ann")  # who covers reads it once they were rung
    before = [len(coach.phone.notices) for coach in (kim, bo)]
    for number, one in enumerate(squad):
        (open_,) = [row for row in world.rows(schema.proposal, athlete_id=one.known.id) if row["state"] == "open"]
        target = f"{one.known.id}:{open_['short']}"
        both = partial(taps, kim, f"approve:{target}"), partial(taps, bo, f"reject:{target}")
        await at_once(world, both[number % 2], both[1 - number % 2], locked=True)
    late = [
        [notice.text for notice in coach.phone.notices[seen:] if " has decided (" in notice.text]
        for coach, seen in zip((kim, bo), before, strict=True)
    ]
    assert len(late[0]) + len(late[1]) == len(squad), (late, states(world))
    assert all(text.startswith("Bo has decided (14:01): declined") for text in late[0])
    assert all(text.startswith("Kim has decided (14:01): approved") for text in late[1])
    for one in squad:
        rows = [row for row in world.rows(schema.proposal, athlete_id=one.known.id) if row["state"] != "overtaken"]
        (decided,) = rows
        told = [sent for sent in one.got(" has looked") if re.match("(Kim|Bo) has looked", sent.text)]
        assert len(told) == 1 and decided["version"] == 1
        by_kim = decided["decider_id"] == kim.known.id
        assert decided["state"] == ("approved" if by_kim else "declined")
        assert told[0].text.startswith("Kim has looked, and agrees" if by_kim else "Bo has looked: it stands as it was")
        assert on(one, SAT) == (replace(WEEK[3], kind="rest", minutes=None, effort=None) if by_kim else WEEK[3])
        is_sound(one)
    for worry in world.escalations():
        await kim.taps_data(f"close:{worry.short}")


async def test_an_athlete_objects_and_the_coach_decides_in_one_instant(world: World) -> None:
    kim = await world.coach("Kim")
    squad, late = [await world.athlete(f"Ann{number}", kim) for number in range(3)], 0
    why = "because it is my favourite one"
    for number, one in enumerate(squad):
        lays(world, one, *WEEK)
        await one.says("slower please")
        await one.taps("I’d rather keep it")
        acts = partial(one.phone.says, why), partial(presses, kim, "Decline", f"📋 {one.name}")
        written = await at_once(world, *(acts if number % 2 else acts[::-1]))
        assert written > 2 or world.app.base.is_sqlite, "nobody has met anybody"
        (row,) = world.rows(schema.proposal, athlete_id=one.known.id)
        assert (row["state"], row["decider_id"]) == ("declined", kim.known.id) and on(one, WED) == WEEK[1]
        said = [(line.kind, line.value) for line in world.journal(one) if line.words == why]
        if one.got("Passed on, in your words. Kim decides"):
            assert said == [("typed", None), ("step", row["short"])] and kim.got(why)
        else:  # she came too late, and is told so; what she has said stands on Kim's list
            assert said == [("words", None)] and one.got("That has been decided.")
            late += 1
        is_sound(one)
    assert late or not world.app.base.is_sqlite
    await world.fast_forward_to("07:00")
    assert sum(sent.text.count(why) for sent in kim.got(why)) >= len(squad)


async def test_a_coach_lays_and_an_athlete_moves_in_one_instant_and_no_update_is_lost(world: World) -> None:
    kim = await world.coach("Kim")
    squad = [await world.athlete(f"Ann{number}", kim) for number in range(3)]
    for number, one in enumerate(squad):
        lays(world, one, *WEEK)
        acts = (
            partial(one.phone.says, "move Thursday to Friday"),
            partial(taps, kim, f"lay:{one.known.id}:270302:mobility"),
        )
        written = await at_once(world, *(acts if number else acts[::-1]))
        assert written > 2 or world.app.base.is_sqlite, "nobody has met anybody"
        causes = sorted(change.cause for change in is_sound(one))
        assert causes == ["library", "library", "move"]
        assert (on(one, TUE).kind, on(one, WED), on(one, FRI).id) == ("mobility", WEEK[1], "thu")
        assert plan_of(one).on(THU) == () and on(one, SAT) == WEEK[3]


async def test_both_change_the_same_session_in_one_instant_and_the_second_looks_again(world: World) -> None:
    kim = await world.coach("Kim")
    squad = [await world.athlete(f"Ann{number}", kim) for number in range(3)]
    for number, one in enumerate(squad):
        lays(world, one, *WEEK)
        acts = partial(one.phone.says, "move Thursday to Friday"), partial(taps, kim, f"lay:{one.known.id}:270304:-")
        written = await at_once(world, *(acts if number else acts[::-1]))
        assert written > 2 or world.app.base.is_sqlite, "nobody has met anybody"
        causes = [change.cause for change in is_sound(one)]
        days = [session.day for session in plan_of(one).sessions if session.id == "thu"]
        assert (causes, days) in ((["library", "move"], [FRI]), (["library", "library"], []))


# --- killed in between ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class PlansClub(Club):
    """In each life somebody asks for less besides, and the coach decides what there is of it."""

    slower: list[tuple[Person, Phone]] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)  # shorts of proposals

    def things_happen(self) -> None:
        self.somebody_asks_for_less()
        Club.things_happen(self)
        open_ = self.rows(sa.select(schema.proposal).where(schema.proposal.c.state == "open"))
        for row in [row for row in open_ if row.short not in self.pressed][:2]:
            kind = ("approve", "reject")[len(self.pressed) % 2]
            self.kim.taps_data(self.kim.last.message_id, f"{kind}:{row.athlete_id}:{row.short}")
            self.pressed.append(row.short)
        self.somebody_asks_for_less()

    def somebody_asks_for_less(self) -> None:
        person, hers = self.somebody_runs()
        day = self.clock.now().date() + timedelta(days=1)
        with self.base.begin() as tx:
            change = Change(1, "coach", "library", self.clock.now(), (), (Session("a", day, "speed", 50, effort=8),))
            plans.save(tx, person.id, change, self.coach.id, self.clock.now())
        self.slower.append((person, hers))
        hers.says("slower please")

    def is_whole(self) -> None:
        Club.is_whole(self)
        rows = self.rows(sa.select(schema.proposal))
        decided = {row.athlete_id: row for row in rows}
        assert len(rows) == len(decided) == len(self.slower) > len(self.pressed) > 1
        assert sorted(self.pressed) == sorted(row.short for row in decided.values() if row.state != "open")
        for person, hers in self.slower:
            wish = decided[person.id]
            with self.base.read() as tx:
                changes, plan = plans.versions(tx, person.id), plans.current(tx, person.id, date.min)
            assert [one.by for one in changes] == ["coach", "rule", *(["coach"] if wish.state != "open" else [])]
            (session,) = plan.sessions
            assert session.kind == ("speed" if wish.state == "declined" else "easy")
            assert (session.held is not None) == (wish.state == "open")
            said = sa.select(schema.journal.c.id).where(schema.journal.c.person_id == person.id)
            assert len(self.rows(said.where(schema.journal.c.name == "life"))) == 1
            texts = [one.text for one in self.api.ledger if one.chat_id == hers.user_id and one.method == "sendMessage"]
            assert [text for text in texts if text.startswith("Eased, and held until Kim has looked")]
            assert wish.state == "open" or [text for text in texts if text.startswith("Kim has looked")]
            (rung,) = self.rows(sa.select(schema.due).where(schema.due.c.key == f"proposal:{wish.short}"))
            assert rung.status == "open"


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Nursery]:
    home = Nursery()
    try:
        yield home
    finally:
        home.close()


@pytest.fixture
def home(shared_home: Nursery) -> Iterator[Nursery]:
    yield shared_home
    shared_home.ends_child()


async def test_killed_at_each_step_no_easing_and_no_decision_is_lost_or_made_twice(
    migrated_database_url: str, home: Nursery, tmp_path: Any
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as plain:
        club = PlansClub(**{one.name: getattr(plain, one.name) for one in fields(Club)})
        for number, step in enumerate(("stored", "handled", "handled", "committed", "leased", "accepted")):
            await club.lives_and_dies(home, step, number)
        await club.lives_on(home)
        club.is_whole()


# --- a thousand acts ------------------------------------------------------------------------------------------------

ATHLETES_SAY = (
    "/checkin", "/plan", "next week", "/done", "/move", "done", "I'm ill", "I'm well again", "slower please",
    "I have 20 minutes", "only 10 min", "/busy 45", "away until tomorrow", "/away", "move tomorrow to Saturday",
    "move Tuesday to Thursday", "move Saturday to Wednesday", "move Sunday to Monday", "/injured", "coach",
    "2", "5 h", "7",
)  # fmt: skip
COACHES_SAY = (
    "/plan {name}", "/plan {name} next", "/queue", "/rules", "/lay {name} tomorrow speed 50", "/lay {name} fri easy 40",
    "/lay {name} sunday long 120", "/lay {name} today rest", "rest, and call me", "easy 30", "I have it",
)  # fmt: skip
ITEMS = ("easy", "long", "tempo", "intervals", "hills", "gym", "snack", "rest", "-")
BLOCKS = ("base", "build", "trail", "step-down")
DECIDING = ("approve", "reject", "revise", "instead", "take", "object", "undo", "unlay")
STALE = 4  # of a chat's last bubbles any button may be pressed


class Season:
    """Two athletes, a coach and a backup, and the service without Telegram: what it would send is read at once. Nothing
    is ever committed: each transaction is a savepoint, and a season waits for no disk."""

    def __init__(self, base: Database, seed: int) -> None:
        self.dice, self.now, self.base, self.metrics = random.Random(seed), NOON, base, Metrics()
        self.updates, self.read, self.looked = 0, 0, NOON
        self.screens: dict[int, list[tuple[int, list[str]]]] = {}
        self.plans: dict[tuple[int, int], tuple[Session, ...]] = {}  # each version, as it was when it was made
        self.over: dict[tuple[int, date], tuple[Session, ...]] = {}  # each day, as it stood when it was over
        with self.base.begin() as tx:
            since = {"consent_at": NOON - timedelta(days=60)}
            self.kim = join(tx, "Kim", 11, coaches=True, **since)
            self.bo = join(tx, "Bo", 12, coaches=True, **since)
            runs: dict[str, Any] = {"runs": True, "coach_id": self.kim.id, **since}
            self.athletes = [
                join(tx, "Ann", 21, zone="Europe/London", **runs),
                join(tx, "Den", 22, zone="America/Denver", **runs),
            ]
            race = Session("race", NOON.date() + timedelta(days=11), "race", None, 10.0)
            for one in self.athletes:
                plans.save(tx, one.id, Change(1, "coach", "import", NOON, (), (*WEEK, race)), self.kim.id, NOON)
                self.plans[one.id, 1] = plans.at_version(tx, one.id, 1).sessions
        for one in (*self.athletes, self.kim, self.bo):
            self.says(one, "/hour 7" if one.coaches else "/resume")

    def today(self, one: Person) -> date:
        return timing.local_date(one.zone, self.now)

    # --- what they do -------------------------------------------------------------------------------------------

    def comes_in(self, one: Person, **update: Any) -> None:
        self.updates += 1
        with self.base.begin() as tx:
            inbox.accept(tx, [incoming({"update_id": self.updates, **update}, 1)], self.now)
        self.works()

    def says(self, one: Person, text: str) -> None:
        self.comes_in(one, message=self._message(one, 100_000 + self.updates, text=text))

    def presses(self, one: Person, data: str, message_id: int = 1) -> None:
        query = {"id": "q", "from": self._user(one), "chat_instance": "1", "data": data}
        self.comes_in(one, callback_query={**query, "message": self._message(one, message_id, text="earlier")})

    def brings_a_file(self) -> None:
        """A plan file of Kim's has been fetched."""
        first = self.now.date() + timedelta(days=self.dice.randrange(-2, 6))
        kinds = [(first + timedelta(days=n), self.dice.choice(("easy", "speed", "long", "rest"))) for n in range(8)]
        rows = "".join(f"{day},{kind},{self.dice.randrange(20, 90)}\n" for day, kind in kinds)
        content = base64.b64encode(f"date,kind,minutes\n{rows}".encode()).decode()
        data = {"athlete_id": self.dice.choice(self.athletes).id, "file_id": "f", "name": "w.csv", "content": content}
        with self.base.begin() as tx:
            due.put(tx, self.kim.id, Wakeup("planfile", f"planfile:{self.updates}", self.now, data=data), self.now)
        self.works()

    def lives_on(self, minutes: float) -> None:
        """Until then, from one wakeup to the next."""
        until = self.now + timedelta(minutes=minutes)
        first = sa.select(sa.func.min(schema.due.c.ready_at)).where(schema.due.c.status == "open")
        while True:
            with self.base.read() as tx:
                at = tx.execute(first).scalar()
            if at is None or at > until:
                break
            self._sleeps(max(self.now, at))
        self._sleeps(until)

    def _sleeps(self, until: datetime) -> None:
        for one in self.athletes:
            today, then = self.today(one), timing.local_date(one.zone, until)
            if then > today:
                with self.base.read() as tx:
                    plan = plans.current(tx, one.id, date.min)
                self.over |= {(one.id, day): plan.on(day) for day in _days(today, then)}
        self.now = until
        self.works()

    def works(self) -> None:
        while handle.handle_one(self.base, self.now, lambda: f"{self.dice.getrandbits(256):064x}", "bot", self.metrics):
            pass
        self.reads()

    def reads(self) -> None:
        """Whatever was put is on the screens."""
        new = sa.select(schema.outbox).where(schema.outbox.c.id > self.read).order_by(schema.outbox.c.id)
        sent = {"status": "sent", "sent_at": self.now, "message_id": schema.outbox.c.id}
        with self.base.begin() as tx:
            rows = tx.execute(new).all()
            tx.execute(sa.update(schema.outbox).where(schema.outbox.c.id > self.read).values(**sent))
        for row in rows:
            self.read = row.id
            buttons = [one["data"] for line in row.payload.get("buttons", ()) for one in line]
            if not row.toast:
                self.screens.setdefault(row.chat_id, []).append((row.id, buttons))

    def _user(self, one: Person) -> dict[str, Any]:
        return {"id": one.chat_id, "is_bot": False, "first_name": one.name}

    def _message(self, one: Person, id: int, **content: Any) -> dict[str, Any]:
        chat = {"id": one.chat_id, "type": "private", "first_name": one.name}
        return {"message_id": id, "date": int(self.now.timestamp()), "chat": chat, "from": self._user(one), **content}

    def something_happens(self) -> None:
        dice = self.dice
        someone = dice.choice([*self.athletes, *self.athletes, self.kim, self.kim, self.bo])
        on_screen = [
            (id, data)
            for id, buttons in self.screens.get(someone.chat_id or 0, [])[-STALE:]
            for data in buttons
            if not data.startswith(("erase", "do:coach"))
        ]
        deciding = [each for each in on_screen if each[1].startswith(DECIDING)]
        on_screen = deciding if deciding and dice.random() < 0.4 else on_screen
        match dice.randrange(10):
            case 0 | 1 | 2 | 3 | 4 if on_screen:
                id, data = dice.choice(on_screen)
                self.presses(someone, data, id)
            case 5:
                stamp = f"{dice.choice(self.athletes).id}:{self.now + timedelta(days=dice.randrange(-1, 9)):%y%m%d}"
                kind, choices = dice.choice((*[("lay", ITEMS)] * 6, ("block", BLOCKS), ("tell", ("",))))
                self.presses(self.kim, f"{kind}:{stamp}:{dice.choice(choices)}")
            case 6 if dice.random() < 0.1:
                self.brings_a_file()
            case _ if someone.coaches:
                self.says(someone, dice.choice(COACHES_SAY).format(name=dice.choice(self.athletes).name))
            case _:
                self.says(someone, dice.choice(ATHLETES_SAY))
        self.lives_on(dice.expovariate(1 / 20))
        self.is_sound()

    # --- what must be true --------------------------------------------------------------------------------------

    def is_sound(self) -> None:
        with self.base.read() as tx:
            found = plans.changes_of(tx, [one.id for one in self.athletes], self.looked)
            for one in self.athletes:
                for change in found[one.id]:
                    if (one.id, change.number) not in self.plans:
                        self.plans[one.id, change.number] = plans.at_version(tx, one.id, change.number).sessions
                        self.is_allowed(one, change, Plan(0, self.plans[one.id, change.number - 1]))
            self.looked = self.now
            waiting = sa.select(schema.proposal.c.short).where(schema.proposal.c.state == "open")
            rings = sa.select(schema.due.c.key).where(schema.due.c.kind == "proposal", schema.due.c.status == "open")
            keys = set(tx.execute(rings).scalars())
            forgotten = [short for short in tx.execute(waiting).scalars() if f"proposal:{short}" not in keys]
        assert not forgotten, f"no wakeup ends the proposals {forgotten}"

    def is_allowed(self, one: Person, change: Change, before: Plan) -> None:
        now = after(before, change)
        assert now.sessions == self.plans[one.id, change.number], "the version is not what its change makes"
        today = timing.local_date(one.zone, change.at)
        assert all(session.day >= today for session in (*change.removed, *change.added)), "a day that is over"
        if change.by == "rule":
            assert change.added and not [one for one in (*change.removed, *change.added) if one.kind == "race"]
            for day in {session.day for session in change.added}:
                assert _load(now, day) <= _load(before, day), f"{change.cause} has added load"
            assert len(now.sessions) <= len(before.sessions) and _beside(now) <= _beside(before)

    def ends(self) -> dict[str, int]:
        """The judgement over all of it; what happened, by name."""
        with self.base.read() as tx:
            for one in self.athletes:
                count = len(plans.versions(tx, one.id))
                assert sorted(number for id, number in self.plans if id == one.id) == list(range(1, count + 1))
            for (id, number), sessions in self.plans.items():
                assert plans.at_version(tx, id, number).sessions == sessions, f"version {number} was altered"
            for (id, day), kept in self.over.items():
                assert plans.current(tx, id, date.min).on(day) == kept, f"{day} was rewritten"
            for table in (schema.inbox, schema.due):
                assert not tx.execute(sa.select(table.c.id).where(table.c.status == "dead")).all(), table.name
            counted = sa.select(schema.proposal.c.state, sa.func.count()).group_by(schema.proposal.c.state)
            found = {state: count for state, count in tx.execute(counted)}
            causes = tx.execute(sa.select(schema.version.c.actor, schema.version.c.cause)).all()
        return {**found, **{actor: len([1 for one in causes if one.actor == actor]) for actor, _ in causes},
                "rules": len({one.cause for one in causes if one.actor == "rule"}),
                "undone": len([1 for one in causes if one.cause.startswith("undo:")])}  # fmt: skip


def _days(first: date, behind: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((behind - first).days)]


def _load(plan: Plan, day: date) -> float:
    return sum(load(one) for one in plan.on(day))


def _beside(plan: Plan) -> set[date]:
    """Days that are hard, with a hard one before them."""
    days = {one.day for one in plan.sessions if hard(one)}
    return {day for day in days if day - timedelta(days=1) in days}


@pytest.mark.long
def test_a_thousand_random_acts_break_no_promise(migrated_database_url: str) -> None:
    base = open_db(migrated_database_url)
    acts = 1000 if base.is_sqlite else 100
    with base.engine.connect() as tx, tx.begin() as whole:
        season = Season(Rehearsal(base.engine, tx=tx), acts)
        for _ in range(acts):
            season.something_happens()
        happened = season.ends()
        whole.rollback()
    base.close()
    if base.is_sqlite:  # it was a season: days have passed, and everybody has done something
        wanted = ("rule", "coach", "athlete", "undone", "approved", "declined", "expired", "overtaken")
        assert season.now - NOON > timedelta(days=12) and happened["rules"] > 3, happened
        assert all(happened.get(name) for name in wanted), happened
