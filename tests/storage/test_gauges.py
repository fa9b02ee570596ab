"""What waits, what is open, what was given up, as whoever watches sees it: true, and cheap however much there was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot import handle
from dialogs.levels import Level
from dialogs.model import Escalation, Lane, Message, Person, Wakeup
from storage import due, gauges, inbox, journal, outbox
from storage.db import Database
from storage.gauges import COUNTED, Acks, Asked, Gauges, Open, Waiting
from storage.inbox import Incoming
from storage.schema import due as due_table
from storage.schema import escalation, person
from storage.schema import inbox as inbox_table
from storage.schema import outbox as outbox_table
from tests.storage.club import HOUR, MINUTE, NOW, join, worry

DAY = timedelta(days=1)


def look(db: Database, now: datetime = NOW) -> Gauges:
    with db.read() as tx:
        return gauges.read(tx, now)


def put(tx: sa.Connection, chat: int, at: datetime, lane: Lane = Lane.REPLY, **fields: Any) -> int:
    """A message written at `at`; gives its id."""
    message = Message(None, "hello", chat_id=chat, lane=lane, **fields)
    outbox.put(tx, message, {"text": "hello"}, to_person=None, chat_id=chat, now=at, cause="test")
    return int(tx.execute(sa.select(sa.func.max(outbox_table.c.id))).scalar_one())


def test_an_empty_club_has_nothing_to_show(db: Database) -> None:
    seen = look(db)
    assert (seen.inbox, seen.due) == (Waiting(), Waiting())
    assert seen.outbox == dict.fromkeys(Lane, Waiting())
    assert set(seen.dead.values()) == {0} and set(seen.coaches.values()) == {0}
    assert set(seen.open.values()) == {Open()} and set(seen.acks.values()) == {Acks()}


def test_an_update_lags_since_it_came_also_between_two_tries(db: Database) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [Incoming("a", "1", "{}"), Incoming("b", "2", "{}")], NOW - MINUTE)
        inbox.accept(tx, [Incoming("c", "3", "{}")], NOW)
        first = inbox.claim(tx, NOW)
        assert first is not None
        inbox.fail(tx, first.id, NOW, error_class="E", retry_at=NOW + HOUR)
    assert look(db).inbox == Waiting(3, 60.0)
    with db.begin() as tx:
        inbox.done(tx, first.id, NOW)
        inbox.done(tx, first.id + 1, NOW)
    assert look(db, NOW + MINUTE).inbox == Waiting(1, 60.0)


def test_what_is_due_lags_since_its_hour_also_between_two_tries(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 1, runs=True)
        for key, at in (("late", NOW - HOUR), ("now", NOW - MINUTE), ("later", NOW + MINUTE)):
            due.put(tx, ann.id, Wakeup("page", key, at), NOW - DAY)
        claimed = due.claim(tx, NOW)
        assert claimed is not None and claimed.key == "late"
        due.fail(tx, claimed.id, NOW, error_class="E", retry_at=NOW + handle.LONGEST_PAUSE)
    assert look(db).due == Waiting(2, 3600.0)


def test_a_voice_note_whose_words_are_not_written_down_yet_is_nobody_who_waits(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 1, runs=True)
        for number in (1, 2):
            due.put(tx, ann.id, Wakeup("transcribe", f"transcribe:1:{number}", NOW - HOUR), NOW - DAY)
        held = due.hold(tx, "transcribe", NOW, NOW + MINUTE)
        assert held is not None
        due.give_back(tx, held, NOW, error_class="exit_1", retry_at=None)
    assert look(db).due == Waiting() and look(db).dead["due"] == 1


def test_a_message_lags_since_it_was_written_on_its_way_and_between_two_tries(db: Database) -> None:
    with db.begin() as tx:
        put(tx, 1, NOW - HOUR, Lane.SAFETY)
        put(tx, 2, NOW - 2 * HOUR, Lane.SAFETY)
        put(tx, 3, NOW - MINUTE, Lane.PROMPT)
        put(tx, 4, NOW - DAY, Lane.PROMPT)
        leased = {row.chat_id: row.id for row in outbox.lease(tx, NOW, owner="s", limit=9)}
        outbox.sent(tx, leased[4], NOW, 7)
        outbox.retry(tx, leased[1], NOW + MINUTE, "timeout", repeat=True)
    seen = look(db).outbox
    assert seen == {
        Lane.SAFETY: Waiting(2, 7200.0),
        Lane.REPLY: Waiting(),
        Lane.PROMPT: Waiting(1, 60.0),
        Lane.BULK: Waiting(),
    }


def test_a_message_held_until_morning_lags_only_from_then_on_unless_it_has_failed(db: Database) -> None:
    with db.begin() as tx:
        put(tx, 1, NOW - HOUR, Lane.SAFETY, quiet=True)
        put(tx, 2, NOW - HOUR, Lane.SAFETY, quiet=True)
        kept, failed = (row.id for row in outbox.lease(tx, NOW, owner="s", limit=9))
        outbox.hold(tx, kept, NOW + HOUR)
        outbox.retry(tx, failed, NOW + MINUTE, "server", repeat=False)
    assert look(db).outbox[Lane.SAFETY] == Waiting(1, 3600.0)
    assert look(db, NOW + HOUR + MINUTE).outbox[Lane.SAFETY] == Waiting(2, 7260.0)
    with db.begin() as tx:
        outbox.silence(tx, [])
        tx.execute(sa.delete(outbox_table).where(outbox_table.c.id == failed))
    assert look(db, NOW + HOUR + MINUTE).outbox[Lane.SAFETY] == Waiting(1, 60.0)


def test_a_message_that_a_limit_holds_back_lags_all_the_same(db: Database) -> None:
    with db.begin() as tx:
        put(tx, 1, NOW - HOUR, Lane.SAFETY)
        row = outbox.lease(tx, NOW, owner="s", limit=1)[0]
        outbox.hold(tx, row.id, NOW + MINUTE)
    assert look(db).outbox[Lane.SAFETY] == Waiting(1, 3600.0)


def test_escalations_are_counted_by_level_age_and_ack_until_they_are_closed(db: Database) -> None:
    with db.begin() as tx:
        ann, kim = join(tx, "Ann", 1, runs=True), join(tx, "Kim", 2, coaches=True)

        def raised(ago: timedelta, level: Level = Level.NOW, **fields: Any) -> None:
            short = f"K{tx.execute(sa.select(sa.func.count()).select_from(escalation)).scalar_one():04}"
            one = replace(worry(ann, short), raised_at=NOW - ago, level=level, **fields)
            journal.save_escalation(tx, one, "test")

        raised(MINUTE)
        raised(20 * MINUTE)
        raised(2 * DAY, Level.TODAY)
        had: dict[str, Any] = {"owner_id": kim.id, "next_at": None, "acked_at": NOW}
        raised(15 * MINUTE, **had)
        raised(HOUR, **had, closed_at=NOW)
    seen = look(db).open
    assert seen[Level.NOW] == Open((1, 1, 0, 0), (0, 1, 0, 0), 1200.0)
    assert seen[Level.TODAY] == Open((0, 0, 0, 1), (0, 0, 0, 0), 172800.0)
    assert seen[Level.CONCERN] == Open()


def test_the_time_to_ack_is_that_of_the_last_seven_days(db: Database) -> None:
    with db.begin() as tx:
        ann, kim = join(tx, "Ann", 1, runs=True), join(tx, "Kim", 2, coaches=True)
        for n, (took, acked) in enumerate([(n * MINUTE, NOW - HOUR) for n in range(1, 11)] + [(DAY, NOW - 8 * DAY)]):
            one = replace(worry(ann, f"K{n:04}"), owner_id=kim.id, next_at=None, raised_at=acked - took, acked_at=acked)
            journal.save_escalation(tx, one, "test")
    assert look(db).acks[Level.NOW] == Acks(10, 330.0, 540.0, 600.0)
    assert look(db, NOW + 8 * DAY).acks[Level.NOW] == Acks()


def test_dead_letters_are_those_of_the_last_days_but_for_readers_who_have_gone(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 1, runs=True)
        inbox.accept(tx, [Incoming("bot:7", "1", "{}")], NOW)
        inbox.fail(tx, 1, NOW, error_class="ValueError", retry_at=None)
        due.put(tx, ann.id, Wakeup("checkin", "checkin:1", NOW), NOW)
        due.fail(tx, 1, NOW, error_class="KeyError", retry_at=None)
        for error in ("blocked", "chat_not_found", "too_long"):
            put(tx, 1, NOW)
            outbox.dead(tx, outbox.lease(tx, NOW, owner="s", limit=1)[0].id, NOW, error)
    assert look(db).dead == {"inbox": 1, "due": 1, "outbox": 1}
    with db.read() as tx:
        assert gauges.dead_keys(tx, NOW) == [
            ("inbox", "bot:7", "ValueError"),
            ("due", "checkin:1", "KeyError"),
            ("outbox", "3", "too_long"),
        ]
    assert look(db, NOW + 8 * DAY).dead == {"inbox": 0, "due": 0, "outbox": 0}


def test_coaches_and_athletes_whom_nobody_reaches_are_named_to_the_operator(db: Database) -> None:
    with db.begin() as tx:
        kim = join(tx, "Kim", 1, coaches=True)
        join(tx, "Lou", 2, coaches=True, reachable=False)
        mia = join(tx, "Mia", 3, coaches=True)
        tx.execute(sa.update(person).where(person.c.id == mia.id).values(chat_id=None))
        join(tx, "Ann", 4, runs=True, coach_id=kim.id)
        join(tx, "Ben", 5, runs=True, coach_id=kim.id, reachable=False)
        join(tx, "Cas", 6, runs=True)
        join(tx, "Dov", 7, runs=True, coach_id=4)  # whose coach does not coach
    assert look(db).coaches == {"reachable": 1, "unreachable": 1, "not_started": 1}
    with db.read() as tx:
        club = gauges.club(tx)
    assert club.people == 7 and club.coaches == ("Kim", "Lou", "Mia")
    assert club.silent_coaches == ("Lou", "Mia") and club.silent_athletes == ("Ben",)
    assert club.without_coach == ("Cas", "Dov")


# --- what it costs --------------------------------------------------------------------------------------------------


def fill(tx: sa.Connection, table: sa.Table, count: int, **values: object) -> None:
    """So many rows at once; `i` in a string value becomes the row's number."""
    numbers = sa.select(sa.literal(1).label("i")).cte("numbers", recursive=True)
    numbers = numbers.union_all(sa.select(numbers.c.i + 1).where(numbers.c.i < count))
    columns = {
        name: sa.literal(value[:-1], table.c[name].type) + sa.cast(numbers.c.i, sa.Text)
        if isinstance(value, str) and value.endswith("#")
        else sa.literal(value, table.c[name].type)
        for name, value in values.items()
    }
    tx.execute(sa.insert(table).from_select(list(columns), sa.select(*columns.values()).select_from(numbers)))


def fill_inbox(tx: sa.Connection, count: int, key: str, **values: object) -> None:
    at = NOW - DAY
    given = {"who": "1", "raw": "{}", "attempts": 0, "not_before": at, "received_at": at} | values
    fill(tx, inbox_table, count, key=f"{key}#", **given)


def lived(tx: sa.Connection, rows: int) -> Person:
    """A club with a long past, all of it done, and with so many check-ins planned."""
    ann = join(tx, "Ann", 1, runs=True)
    fill_inbox(tx, rows, "done", status="done", finished_at=NOW - DAY)
    own = {"person_id": ann.id, "kind": "checkin", "data": {}, "attempts": 0, "created_at": NOW - DAY}
    fill(tx, due_table, rows, key="d#", at=NOW - DAY, ready_at=NOW - DAY, status="done", **own)
    fill(tx, due_table, rows, key="o#", at=NOW + DAY, ready_at=NOW + DAY, status="open", **own)
    flags = dict.fromkeys(("edit", "toast", "once", "quiet", "repeat"), False)
    message = {"chat_id": 1, "lane": 1, "payload": {}, "not_before": NOW - DAY, "cause": "t", "attempts": 0, **flags}
    fill(tx, outbox_table, rows, key="m#", status="sent", created_at=NOW - DAY, sent_at=NOW - DAY, **message)
    past = NOW - 30 * DAY
    worries = {"level": "now", "flag": "chest", "words": "w", "step": 0, "version": 1, "cause": "t"}
    done = {"owner_id": ann.id, "raised_at": past, "acked_at": past, "closed_at": past}
    fill(tx, escalation, rows, short="w#", athlete_id=ann.id, **worries, **done)
    return ann


@contextmanager
def listening(db: Database) -> Iterator[list[tuple[str, Any]]]:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        asked.append((statement, parameters))

    sa.event.listen(db.engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(db.engine, "before_cursor_execute", note)


def test_a_hundred_thousand_rows_that_are_done_are_not_even_touched(db: Database) -> None:
    with db.begin() as tx:
        lived(tx, 20_000)  # in each of five tables, and as many check-ins planned
        tx.execute(sa.text("ANALYZE"))
    with db.read() as tx, listening(db) as asked:
        gauges.read(tx, NOW)
        statements = [one for one in asked if one[0].startswith("SELECT")]
        assert len(statements) == 5
        explain = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
        plans = "\n".join(
            str(step[-1]) for one, given in statements for step in tx.exec_driver_sql(f"{explain} {one}", given)
        )
    whole = r"SCAN (?:inbox|due|outbox|escalation)$" if db.is_sqlite else r"Seq Scan on (?:inbox|due|outbox|escalation)"
    assert re.findall(whole, plans, re.MULTILINE) == []
    for index in ("inbox_new", "due_open", "outbox_pending", "outbox_leased", "inbox_dead", "outbox_dead",
                  "escalation_not_closed", "escalation_acked", "due_checkin"):  # fmt: skip
        assert f"ix_{index}" in plans, plans


def test_check_ins_that_rang_and_never_left_are_seen(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 1, runs=True)
        for key, ago in (("old", 25 * HOUR), ("a", 20 * HOUR), ("b", 2 * HOUR), ("fresh", MINUTE), ("c", -HOUR)):
            due.put(tx, ann.id, Wakeup("checkin", f"checkin:1:{key}", NOW - ago), NOW - DAY)
        due.put(tx, ann.id, Wakeup("page", "page:1", NOW - 2 * HOUR), NOW - DAY)
    assert look(db).asked == Asked(2, 0)
    with db.begin() as tx:
        put(tx, 1, NOW - HOUR, Lane.PROMPT, key="checkin:1:b")
    assert look(db).asked == Asked(2, 0), "put is not sent"
    with db.begin() as tx:
        tx.execute(sa.update(outbox_table).values(status="sent", sent_at=NOW - HOUR))
    assert look(db).asked == Asked(2, 1)


def test_a_backlog_is_counted_no_further_than_it_matters_but_its_oldest_is_found(db: Database) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [Incoming("first", "1", "{}")], NOW - 2 * DAY)
        fill_inbox(tx, COUNTED + 500, "waits", status="new")
    assert look(db).inbox == Waiting(COUNTED, 2 * 86400.0)


def test_a_look_stops_and_awaits_no_writer(db: Database) -> None:
    with db.begin() as writing:
        inbox.accept(writing, [Incoming("a", "1", "{}")], NOW)
        assert look(db).inbox == Waiting()
    assert look(db).inbox.count == 1


def test_a_row_between_two_tries_is_never_out_of_sight() -> None:
    assert gauges.RESTS >= handle.LONGEST_PAUSE


def test_no_figure_holds_a_name_a_word_or_a_number_of_a_person(db: Database) -> None:
    with db.begin() as tx:
        ann, kim = join(tx, "Canary Ann", 98_765, runs=True), join(tx, "Canary Kim", 98_766, coaches=True)
        inbox.accept(tx, [Incoming("canary", "98765", "canary")], NOW)
        had = replace(worry(ann), owner_id=kim.id, words="canary", next_at=None, acked_at=NOW)
        journal.save_escalation(tx, had, "test")
        put(tx, 98_765, NOW)
    shown = repr(look(db)).casefold()
    assert "canary" not in shown and "9876" not in shown


def test_every_level_that_a_worry_can_have_is_shown() -> None:
    assert set(gauges.LEVELS) == set(Level) - {Level.NONE}
    assert "level" in Escalation.__dataclass_fields__
