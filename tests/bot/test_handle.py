"""Turns of several people in one commit: nobody notices, whatever happens to one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa

from bot import handle
from bot.updates import to_event
from dialogs import turn
from dialogs.events import Due, Event, Said, Sender, Tapped
from dialogs.model import Change, Outcome, Proposal, Session, Snapshot, Training, Wakeup
from storage import due, feeds, inbox, outcomes, plans, proposals, schema, snapshots
from storage.db import Conflict
from tests.world import Someone, World

POISON = "my chest hurts, said the poisoned one"


async def squad(world: World, many: int) -> tuple[Someone, list[Someone]]:
    kim = await world.coach("Kim")
    return kim, world.squad(kim, [{} for _ in range(many)])


async def arrives(world: World) -> None:
    """What people have just done lies in the inbox, and nothing of it is handled."""
    while world.api.updates.pending and await world.app.receive_once():
        pass


async def handled_in_steps(world: World) -> list[int]:
    """How many updates each commit has handled."""
    steps = []
    before = len(world.rows(schema.inbox, status="done"))
    while await world.app.handle_once():
        now = len(world.rows(schema.inbox, status="done"))
        steps.append(now - before)
        before = now
    return steps


def words(world: World, someone: Someone) -> list[str | None]:
    return [one.words for one in world.journal(someone) if one.kind == "words"]


def harm(monkeypatch: pytest.MonkeyPatch, how: Callable[[Snapshot, Event], Outcome]) -> None:
    """A mistake of our own that shows with one person's words only."""

    def take(known: Snapshot, event: Event) -> Outcome:
        if isinstance(event, Said) and event.text == POISON:
            return how(known, event)
        return turn.take_turn(known, event)

    monkeypatch.setattr(handle, "take_turn", take)


def raises(known: Snapshot, event: Event) -> Outcome:
    raise KeyError("a mistake")


def cannot_be_written(known: Snapshot, event: Event) -> Outcome:
    """The database refuses this kind of line, together with everything in the same statement."""
    outcome = turn.take_turn(known, event)
    return replace(outcome, records=tuple(replace(one, kind="nonsense") for one in outcome.records))


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    sa.event.listen(world.app.base.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(world.app.base.engine, "before_cursor_execute", note)


async def test_what_athletes_say_at_the_same_time_is_handled_in_one_commit(world: World) -> None:
    _, runners = await squad(world, 5)
    for number, runner in enumerate(runners):
        runner.phone.says(f"I slept {number} hours, and that is that")
    await arrives(world)
    assert await handled_in_steps(world) == [5]
    await world.settle()
    for number, runner in enumerate(runners):
        assert words(world, runner) == [f"I slept {number} hours, and that is that"]
        runner.sees("Kept in your words")
        runner.sees_nothing_more()


async def test_a_commit_holds_no_more_turns_than_a_page_can_wait_for(world: World) -> None:
    _, runners = await squad(world, handle.TOGETHER + 3)
    for runner in runners:
        runner.phone.says("all well")
    await arrives(world)
    assert await handled_in_steps(world) == [handle.TOGETHER, 3]
    await world.settle()


@pytest.mark.parametrize(("how", "apart"), [(raises, False), (cannot_be_written, True)])
async def test_a_poisoned_one_in_the_middle_dies_alone_and_the_others_are_handled_once(
    world: World, monkeypatch: pytest.MonkeyPatch, how: Callable[[Snapshot, Event], Outcome], apart: bool
) -> None:
    kim, runners = await squad(world, 5)
    harm(monkeypatch, how)
    world.announce("handle.failed error=KeyError" if how is raises else "handle.failed error=IntegrityError")
    world.expect("inbox dead")
    for number, runner in enumerate(runners):
        runner.phone.says(POISON if number == 2 else f"my chest hurts, says number {number}")
    await arrives(world)
    steps = await handled_in_steps(world)
    assert sum(steps) == 4, "the others do not wait for the tries of the poisoned one"
    assert (4 in steps) == apart
    monkeypatch.setattr(handle, "TRIES", 1)
    await world.fast_forward(seconds=5)
    monkeypatch.undo()
    await world.settle()
    for number in (0, 1, 3, 4):
        assert words(world, runners[number]) == [f"my chest hurts, says number {number}"]
        assert len(kim.got(f"Runner{number + 1} · NOW")) == 1
    assert [row["who"] for row in world.rows(schema.inbox, status="dead")] == [str(runners[2].chat_id)]
    assert len([page for page in kim.got("Runner3 · ") if POISON in page.text]) == 1, "a human gets it as it came in"


async def test_a_commit_in_which_somebody_else_was_first_is_not_tried_together_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, runners = await squad(world, 3)
    real = outcomes.save_all

    def save_all(tx: sa.Connection, turns: Sequence[outcomes.Turn], now: datetime) -> list[outcomes.Saved]:
        if len(turns) > 1:
            raise Conflict("somebody else was first")
        return real(tx, turns, now)

    monkeypatch.setattr(outcomes, "save_all", save_all)
    for runner in runners:
        runner.phone.says("all well")
    await arrives(world)
    assert await handled_in_steps(world) == [3]
    await world.settle()
    assert [words(world, runner) for runner in runners] == [["all well"]] * 3


async def test_where_reading_together_fails_each_is_tried_alone_and_nobody_is_blamed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a single event is known: the oldest of them is not the one to die for it."""
    _, runners = await squad(world, 3)
    real, together = snapshots.load_athletes, []

    def load_athletes(tx: sa.Connection, senders: Sequence[Sender], **fields: Any) -> list[Snapshot]:
        together.append(len(senders))
        if runners[1].chat_id in [one.chat_id for one in senders]:
            raise ValueError("a row that this release cannot read")
        return real(tx, senders, **fields)

    monkeypatch.setattr(snapshots, "load_athletes", load_athletes)
    for runner in runners:
        runner.phone.says("all well")
    await arrives(world)
    assert await handled_in_steps(world) == [1, 1, 1] and together == [3, 2, 1]
    await world.settle()
    assert [words(world, runner) for runner in runners] == [["all well"]] * 3
    assert {row["attempts"] for row in world.rows(schema.inbox)} == {0}


async def test_a_value_error_out_of_a_turn_is_tried_again_like_any_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (ann,) = await squad(world, 1)
    world.announce("handle.failed error=ValueError")
    passes_at = world.now + timedelta(seconds=5)

    def for_a_while(known: Snapshot, event: Event) -> Outcome:
        if known.now < passes_at:
            raise ValueError("a mistake that passes")
        return turn.take_turn(known, event)

    harm(monkeypatch, for_a_while)
    await ann.says(POISON)
    await world.fast_forward(seconds=10)
    assert words(world, ann) == [POISON] and not world.rows(schema.inbox, status="dead")


class Stuck:
    """The turn of each wakeup of this kind fails, while it is `broken`; it notes the instants of the tries."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        self.broken, self.tried, self.rung = True, list[datetime](), 0

        def take(known: Snapshot, event: Event) -> Outcome:
            if isinstance(event, Due) and event.kind == kind:
                self.tried.append(known.now)
                if self.broken:
                    raise sa.exc.InternalError("statement", {}, Exception("a disk that stuttered"))
                self.rung += 1
                return Outcome()
            return turn.take_turn(known, event)

        monkeypatch.setattr(handle, "take_turn", take)
        world.announce("handle.failed error=InternalError")

    @property
    def pauses(self) -> list[float]:
        return [(after - before).total_seconds() for before, after in pairwise(self.tried)]


def rings(world: World, someone: Someone, kind: str) -> None:
    with world.app.base.begin() as tx:
        due.put(tx, someone.known.id, Wakeup(kind, f"{kind}:stuck", world.now, world.now.date()), world.now)


@pytest.mark.parametrize("kind", [one for one in handle.NEVER_DEAD if one != "unreachable"])
async def test_a_wakeup_on_which_a_promise_hangs_outlives_any_number_of_errors(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    _, (ann,) = await squad(world, 1)
    stuck = Stuck(world, monkeypatch, kind)
    rings(world, ann, kind)
    await world.fast_forward(seconds=60)
    assert len(stuck.tried) > handle.TRIES
    stuck.broken = False
    await world.fast_forward(seconds=30)
    assert stuck.rung == 1 and not world.rows(schema.due, status="dead")


async def test_what_is_never_dead_is_put_off_longer_each_time_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (ann, ben) = await squad(world, 2)
    stuck = Stuck(world, monkeypatch, "unsure")
    rings(world, ann, "unsure")
    rings(world, ben, "talk")
    ann.phone.says("all well")
    await arrives(world)
    await handled_in_steps(world)
    assert len(stuck.tried) == 1, "not again at once"
    assert unread(world) == []
    assert words(world, ann) == ["all well"], "what the same person writes does not wait behind it"
    assert world.rows(schema.due, kind="talk")[0]["status"] == "done"
    await world.fast_forward(minutes=3)
    assert stuck.pauses[:6] == [2, 4, 6, 8, 10, 12]
    assert len(stuck.tried) > handle.STUCK
    assert unread(world) == ["unsure:stuck"], "a human hears once that it is stuck"
    with world.app.base.begin() as tx:
        tx.execute(sa.update(schema.due).where(schema.due.c.key == "unsure:stuck").values(attempts=1000))
    before = len(stuck.tried)
    await world.fast_forward(minutes=20)
    assert len(stuck.tried) - before <= 6, "at most every five minutes"
    stuck.broken = False
    await world.fast_forward(minutes=5)
    assert stuck.rung == 1


def unread(world: World) -> list[str]:
    return [one.words for one in world.escalations() if one.flag == "unread"]


async def test_any_other_wakeup_is_dead_after_some_tries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, (ann,) = await squad(world, 1)
    stuck = Stuck(world, monkeypatch, "talk")
    rings(world, ann, "talk")
    world.expect("due dead")
    await world.fast_forward(minutes=5)
    assert len(stuck.tried) == handle.TRIES and unread(world) == ["talk:stuck"]


async def test_what_cannot_be_read_ends_the_batch_and_dies_alone(world: World) -> None:
    _, runners = await squad(world, 3)
    world.announce("handle.failed error=Unreadable")
    world.expect("inbox dead")
    runners[0].phone.says("a good one")
    person = {"id": runners[1].chat_id, "is_bot": False, "first_name": "R"}
    chat = {"id": runners[1].chat_id, "type": "private", "first_name": "R"}
    world.api.raw_update(
        {"message": {"message_id": 9000, "date": "yesterday", "from": person, "chat": chat, "text": "a bad one"}},
        lane=runners[1].chat_id,
    )
    runners[2].phone.says("another good one")
    await arrives(world)
    assert await handled_in_steps(world) == [1, 0, 1]
    await world.settle()
    assert [words(world, runner) for runner in (runners[0], runners[2])] == [["a good one"], ["another good one"]]
    assert len(world.rows(schema.inbox, status="dead")) == 1


async def test_two_updates_of_one_person_are_handled_in_their_order(world: World) -> None:
    _, (ann, ben) = await squad(world, 2)
    for text in ("first", "second", "third"):
        ann.phone.says(f"{text} of mine")
        ben.phone.says(f"{text} of Ben's")
    await arrives(world)
    assert await handled_in_steps(world) == [2, 2, 2]
    await world.settle()
    assert words(world, ann) == ["first of mine", "second of mine", "third of mine"]
    assert words(world, ben) == ["first of Ben's", "second of Ben's", "third of Ben's"]


async def test_who_came_first_goes_first_also_where_a_coach_and_a_stranger_stand_between_athletes(world: World) -> None:
    kim, runners = await squad(world, 5)
    await runners[0].says("my chest hurts")
    stranger = world.stranger("Nobody")
    runners[1].phone.says("all well")
    runners[2].phone.says("all well")
    kim.phone.taps("I have it")
    runners[3].phone.says("all well")
    stranger.phone.starts()
    runners[4].phone.says("all well")
    await arrives(world)
    assert await handled_in_steps(world) == [2, 1, 1, 1, 1]
    await world.settle()
    assert world.escalations()[0].owner_id == kim.known.id


async def test_a_crash_after_all_was_written_loses_nothing_and_repeats_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, runners = await squad(world, 4)

    class Killed(BaseException):
        pass

    def die(tx: sa.Connection, ids: Sequence[int], now: datetime) -> None:
        raise Killed

    for number, runner in enumerate(runners):
        runner.phone.says(f"my chest hurts, says number {number}")
    await arrives(world)
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "done_all", die)
        with pytest.raises(Killed):
            await world.app.handle_once()
    assert not world.escalations()
    await world.crash_and_restart()
    for number, runner in enumerate(runners):
        assert words(world, runner) == [f"my chest hurts, says number {number}"]
        assert len(kim.got(f"Runner{number + 1} · NOW")) == 1


async def test_two_replicas_share_a_crowd_and_nobody_is_heard_twice(world: World) -> None:
    kim, runners = await squad(world, 40)
    for number, runner in enumerate(runners):
        runner.phone.says(f"my chest hurts, says number {number}")
        runner.phone.says(f"and my arm, says number {number}")
    await arrives(world)

    await world.replicas_handle()
    await world.settle()
    for number, runner in enumerate(runners):
        assert words(world, runner) == [f"my chest hurts, says number {number}", f"and my arm, says number {number}"]
        assert len([page for page in kim.got(f"Runner{number + 1} · NOW")]) == 1


async def test_a_tap_in_a_check_in_does_not_read_the_journal_and_a_page_does(world: World) -> None:
    kim, (ann, ben) = await squad(world, 2)
    for someone in (ann, ben):
        await someone.says("/checkin")
    await ann.taps("3", "2", "2", "2", "2")
    ben.phone.taps("4")
    await arrives(world)
    with statements(world) as seen:
        assert await handled_in_steps(world) == [1]
    assert not [one for one in seen if one.startswith("SELECT journal")]
    await world.settle()
    ben.phone.taps("3")
    ann.phone.says("my chest hurts")
    await arrives(world)
    assert await handled_in_steps(world) == [2]
    await world.settle()
    assert "mood      · · · · · · 2" in kim.sees("Runner1 · NOW").text, "with the week that was read for it"


def looks(monkeypatch: pytest.MonkeyPatch, which: Callable[[Snapshot, Event], object]) -> list[object]:
    """Each turn looks for this, as one of the rule book does; what it has found when nothing was missing any more."""
    found: list[object] = []

    def take(known: Snapshot, event: Event) -> Outcome:
        here = which(known, event)
        outcome = turn.take_turn(known, event)
        found.append(here)
        return outcome

    monkeypatch.setattr(handle, "take_turn", take)
    return found


def plan(world: World, someone: Someone, id: str) -> None:
    with world.app.base.begin() as tx:
        change = Change(1, "coach", "import", world.now, added=(Session(id, world.now.date(), "easy"),))
        plans.save(tx, someone.known.id, change, None, world.now)


async def test_an_athletes_turn_is_taken_again_with_the_plan_that_it_looks_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, runners = await squad(world, 3)
    for number, runner in enumerate(runners):
        plan(world, runner, f"s{number}")
        runner.phone.says("all well")
    found = looks(monkeypatch, lambda known, _: known.person and known.training[known.person.id].plan.sessions[0].id)
    await arrives(world)
    assert await handled_in_steps(world) == [3], "all in one commit, as before"
    assert found == ["s0", "s1", "s2"]
    await world.settle()
    assert [words(world, runner) for runner in runners] == [["all well"]] * 3, "heard once"


async def test_a_wakeups_turn_and_a_coachs_are_taken_again_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, (ann, ben) = await squad(world, 2)
    for someone, id in ((ann, "of-ann"), (ben, "of-ben")):
        plan(world, someone, id)

    def look(known: Snapshot, event: Event) -> object:
        me = known.person.id if known.person else 0
        return {one: known.training[one].plan.sessions for one in (me, *(each.id for each in known.athletes))}

    found = looks(monkeypatch, look)
    await kim.says("/queue")
    assert found[-1] == {
        kim.known.id: (),
        ann.known.id: (Session("of-ann", world.now.date(), "easy"),),
        ben.known.id: (Session("of-ben", world.now.date(), "easy"),),
    }
    del found[:]
    with world.app.base.begin() as tx:
        data = dict.fromkeys(("since", "until"), world.now.isoformat())
        due.put(tx, ann.known.id, Wakeup("restored", "restored:x", world.now, data=data), world.now)
    await world.settle()
    assert found == [{ann.known.id: (Session("of-ann", world.now.date(), "easy"),)}]


async def test_a_turn_that_looks_at_somebody_elses_plan_dies_and_says_nothing_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (ann, ben) = await squad(world, 2)
    plan(world, ben, "of-ben")
    world.announce("handle.failed error=ValueError")
    world.expect("inbox dead")
    with monkeypatch.context() as patch:
        found = looks(patch, lambda known, event: isinstance(event, Said) and known.training[ben.known.id])
        await ann.says("all well")
        await world.fast_forward(seconds=10)
    assert True not in [isinstance(one, Training) for one in found]
    assert len(world.rows(schema.inbox, status="dead")) == 1
    ann.looks()


async def test_a_turn_that_changes_a_plan_goes_alone_and_is_saved_with_all_that_belongs_to_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (ann, ben) = await squad(world, 2)
    session = Session("a", world.now.date(), "easy", 40)

    def take(known: Snapshot, event: Event) -> Outcome:
        outcome = turn.take_turn(known, event)
        if not (isinstance(event, Said) and event.text == "20 minutes only" and known.person):
            return outcome
        number = known.training[known.person.id].plan.number + 1
        change = Change(number, "athlete", "busy-day", known.now, added=(session,))
        wish = Proposal(
            0, "P2Q3R", known.person.id, "busy-day", known.now, known.now, (), (session,), False, words=event.text
        )
        return replace(outcome, changes=(change,), proposals=(wish,), feed="c" * 32)

    monkeypatch.setattr(handle, "take_turn", take)
    ben.phone.says("all well")
    ann.phone.says("20 minutes only")
    await arrives(world)
    assert await handled_in_steps(world) == [1, 1]
    await world.settle()
    with world.app.base.read() as tx:
        assert plans.current(tx, ann.known.id, world.now.date()).sessions == (session,)
        assert [one.short for one in proposals.recent_of(tx, [ann.known.id], world.now)] == ["P2Q3R"]
        assert feeds.whose(tx, "c" * 32) == ann.known.id


async def test_a_replay_gets_the_history_of_the_coachs_own_athletes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, (ann, ben) = await squad(world, 2)
    await world.athlete("Cara", await world.coach("Dana"))
    plan(world, ann, "of-ann")
    seen: list[Snapshot] = []

    def take(known: Snapshot, event: Event) -> Outcome:
        if isinstance(event, Due) and event.kind == "replay":
            seen.append(known)
            return Outcome()
        assert known.histories is None
        return turn.take_turn(known, event)

    monkeypatch.setattr(handle, "take_turn", take)
    with world.app.base.begin() as tx:
        due.put(tx, kim.known.id, Wakeup("replay", "replay:1", world.now), world.now)
    await world.settle()
    [known] = seen
    assert known.histories is not None and set(known.histories) == {ann.known.id, ben.known.id}
    assert [one.id for one in known.histories[ann.known.id].plan.sessions] == ["of-ann"]


async def test_an_ordinary_tap_asks_for_nothing_of_plans(world: World) -> None:
    _, (ann,) = await squad(world, 1)
    await ann.says("/checkin")
    ann.phone.taps("4")
    await arrives(world)
    with statements(world) as seen:
        assert await handled_in_steps(world) == [1]
    assert not [one for one in seen if re.search(r"(FROM|INTO|UPDATE) (version|session|proposal|setting|feed)\b", one)]
    await world.settle()


async def test_a_tap_is_the_same_event_with_and_without_the_library(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await world.athlete("Ann", await world.coach("Kim"))
    await ann.says("/checkin")
    ann.phone.taps("4")
    tap: dict[str, Any] = world.api.updates.pending[0].body
    query = tap["callback_query"]
    silent = {**tap, "callback_query": {**query, "from": {**query["from"], "language_code": None}}}
    game = {**tap, "callback_query": {**query, "data": None}}
    old = {
        **tap,
        "callback_query": {**query, "message": {"message_id": 3, "date": 0, "chat": query["message"]["chat"]}},
    }
    group = {"id": -7, "type": "group", "title": "Squad"}
    ours = {**tap, "callback_query": {**query, "message": {**query["message"], "chat": group}}}
    read = [to_event(raw) for raw in (tap, silent, game, old, ours)]
    assert read[0][0].chat_id == ann.chat_id and isinstance(read[0][1], Tapped)
    monkeypatch.setattr("bot.updates._tap", lambda raw: None)
    assert [to_event(raw) for raw in (tap, silent, game, old, ours)] == read
    await world.settle()
