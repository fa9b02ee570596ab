"""Several athletes loaded at once: each turn knows just what it would know alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
import sqlalchemy as sa

from dialogs.events import Sender
from dialogs.model import Person, Record, Snapshot
from storage import journal, people, snapshots
from storage.db import Database
from storage.unread import Needed
from tests.storage.club import NOW, change, join, load, worry


@pytest.fixture
def club(db: Database) -> list[Person]:
    """Coaches of every kind, and an athlete of each: far from the oldest three, with a backup of their own, never come,
    running themselves, without a coach."""
    with db.begin() as tx:
        first = [
            join(tx, name, chat, coaches=True) for chat, name in enumerate(("Kim", "Dana", "Eva", "Flo"), start=21)
        ]
        backup = join(tx, "Gus", 25, coaches=True)
        named = change(tx, join(tx, "Hal", 26, coaches=True), backup_id=backup.id)
        absent = people.create_invite(tx, name="Ida", code="c" * 32, now=NOW, expires_at=NOW).seat_id
        assert absent is not None
        seat = people.by_id(tx, absent)
        assert seat is not None
        change(tx, seat, backup_id=first[3].id)
        own = [join(tx, f"A{chat}", chat, runs=True, coach_id=coach) for chat, coach in zip(
            count(31), (first[0].id, first[3].id, named.id, absent, None), strict=False
        )]  # fmt: skip
        for number, athlete in enumerate(own):
            journal.append(tx, athlete.id, [Record("answer", "sleep", NOW, NOW.date(), number)], "test", NOW)
        journal.save_escalation(tx, worry(own[1], "AAAAA"), "test")
        journal.save_escalation(tx, worry(own[3], "BBBBB"), "test")
        journal.save_escalation(tx, worry(own[1], "CCCCC"), "test")
        return own


def together(tx: sa.Connection, athletes: list[Person]) -> list[Snapshot]:
    senders = [Sender(each.chat_id or 0, each.user_id) for each in athletes]
    return snapshots.load_athletes(tx, senders, now=NOW, dice=lambda: "", bot="bot")


def test_each_athlete_is_loaded_as_if_alone(db: Database, club: list[Person]) -> None:
    with db.begin() as tx:
        for known, athlete in zip(together(tx, club), club, strict=True):
            assert snapshots.with_journal(tx, known) == load(tx, athlete)
            assert load(tx, athlete).records
        answering = [(one.coach, one.backup) for one in together(tx, club)]
    names = [tuple(each.name if each else None for each in pair) for pair in answering]
    assert names == [("Kim", "Dana"), ("Flo", "Kim"), ("Hal", "Gus"), (None, "Kim"), (None, "Kim")]


def test_the_batch_ends_before_whoever_is_not_an_athlete_only(db: Database, club: list[Person]) -> None:
    with db.begin() as tx:
        coach, both = join(tx, "Kit", 41, coaches=True), join(tx, "Lou", 42, runs=True, coaches=True)
        nobody = replace(both, user_id=99, chat_id=99)
        for odd in (coach, both, nobody):
            assert [one.person for one in together(tx, [*club[:2], odd, club[2]])] == club[:2]
        assert [one.person for one in together(tx, [club[0], club[1], club[0]])] == club[:2], "nobody twice"
        assert together(tx, [coach, *club]) == []
        assert together(tx, []) == []


def test_a_journal_that_was_not_read_cannot_be_taken_for_an_empty_one(db: Database, club: list[Person]) -> None:
    with db.begin() as tx:
        records = together(tx, club)[0].records
    looks: tuple[Callable[[], object], ...] = (
        lambda: [*records],
        lambda: [one for one in records if one],
        lambda: len(records),
        lambda: bool(records),
        lambda: not records,
        lambda: records[0],
        lambda: records[-3:],
        lambda: None in records,
        lambda: records == (),
        lambda: records + (),  # noqa: RUF005
        lambda: () + records,  # noqa: RUF005
        lambda: (*records, 1),
        lambda: reversed(records),
        lambda: sorted(records, key=str),
        lambda: max(records, key=str),
        lambda: hash(records),
    )
    for look in looks:
        with pytest.raises(Needed) as needed:
            look()
        assert needed.value.whose == frozenset(), "the journal, and nobody's training"
