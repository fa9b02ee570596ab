"""What a coach looks up: each look is one statement, of nobody but the own athletes, and letters are letters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.model import Look, Person, Record
from storage import journal, snapshots
from storage.db import Database
from storage.unread import Looks, Needed
from tests.storage.club import NOW, join, load

TODAY = NOW.date()


@pytest.fixture
def club(db: Database) -> Iterator[tuple[sa.Connection, Person, Person, Person]]:
    with db.begin() as tx:
        kim = join(tx, "Kim", 1, coaches=True)
        ann = join(tx, "Ann", 11, runs=True, coach_id=kim.id)
        ben = join(tx, "Ben", 12, runs=True, coach_id=kim.id)
        yield tx, kim, ann, ben


def keep(tx: sa.Connection, whose: Person, *records: Record, by: Person | None = None) -> None:
    lines = [replace(one, about=whose.id) for one in records]
    journal.append(tx, (by or whose).id, lines, "test", NOW)


def said(words: str, ago: int = 0, kind: str = "words", name: str = "free", value: Any = None) -> Record:
    at = NOW - timedelta(days=ago)
    return Record(kind, name, at, at.date(), value, words)


def told(ago: int, name: str = "sleep", value: Any = 3) -> Record:
    at = NOW - timedelta(days=ago)
    return Record("answer", name, at, at.date(), value)


@contextmanager
def counted(tx: sa.Connection) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(tx.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(tx.engine, "before_cursor_execute", note)


def look(tx: sa.Connection, coach: Person, kind: str, *whose: Person, days: int = 0, words: str = "") -> list[Any]:
    found = journal.look(tx, coach.id, Look(kind, tuple(one.id for one in whose), days, words), NOW)
    return [(one.about, one.words or one.value or one.day) for one in found]


Club = tuple[sa.Connection, Person, Person, Person]


def test_said_begins_where_the_last_list_ended(club: Club) -> None:
    tx, kim, ann, ben = club
    keep(tx, ann, said("long ago", 3), said("today"), said("an alarm", value="concern"))
    keep(tx, ben, said("of ben"))
    keep(tx, ann, said("a letter", name="coach_wrote"), by=kim)
    assert look(tx, kim, "said", ann, ben) == [(ann.id, "today"), (ben.id, "of ben")]
    assert look(tx, kim, "said", ann, days=5) == [(ann.id, "long ago"), (ann.id, "today")]
    before = Record("event", "listed", NOW - timedelta(days=4), TODAY - timedelta(days=4))
    keep(tx, kim, before)
    assert look(tx, kim, "said", ann) == [(ann.id, "long ago"), (ann.id, "today")]
    keep(tx, kim, replace(before, at=NOW, day=TODAY))
    assert look(tx, kim, "said", ann, ben) == []


def test_days_and_seen_and_last(club: Club) -> None:
    tx, kim, ann, ben = club
    keep(tx, ann, told(9), told(2), said("legs like lead", 1), said("of a machine", 0, name="transcript"))
    keep(tx, ben, told(9), said("forwarded", 3, name="forwarded"), said("a form", 0, kind="typed"))
    keep(tx, ben, said("a letter", name="coach_wrote"), by=kim)
    assert look(tx, kim, "days", ann, days=7) == [(ann.id, 3), (ann.id, "legs like lead"), (ann.id, "of a machine")]
    assert sorted(look(tx, kim, "seen", ann, ben, days=8)) == [(ann.id, TODAY), (ben.id, TODAY - timedelta(days=3))]
    assert look(tx, kim, "last", ann, ben, days=60) == [(ann.id, "legs like lead")]


def test_find_takes_every_sign_for_itself_and_is_blind_to_case(club: Club) -> None:
    tx, kim, ann, ben = club
    words = (
        "100% of it",
        "100 percent",
        "left_knee",
        "left knee",
        "back\\slash",
        "LEFT KNEE",
        "Über den Berg",
        "a\x00b",
    )
    keep(tx, ann, *(said(one) for one in words))
    keep(tx, ben, said("left knee of ben"))
    keep(tx, ann, said("left knee? says kim", name="coach_wrote"), by=kim)

    def found(wanted: str, *whose: Person) -> list[str]:
        return [one for _, one in look(tx, kim, "find", *(whose or (ann,)), words=wanted)]

    assert found("100%") == ["100% of it"] and found("left_") == ["left_knee"] and found("back\\") == ["back\\slash"]
    assert found("left knee") == ["LEFT KNEE", "left knee"]
    assert found("left knee", ann, ben)[0] == "left knee of ben"
    assert found("über") == ["Über den Berg"] and found("a\x00B".lower()) == ["a\x00b"]
    keep(tx, ann, *(said(f"hill {number}", 20 - number) for number in range(15)))
    assert found("hill") == [f"hill {number}" for number in range(14, 4, -1)]


def test_kept_is_what_coaches_have_added(club: Club) -> None:
    tx, kim, ann, _ = club
    keep(tx, ann, said("bridges", kind="step", name="dossier"), said("a note", kind="step", name="note"), by=kim)
    keep(tx, ann, said("raised", kind="step", name="raised"))
    assert look(tx, kim, "kept", ann) == [(ann.id, "bridges"), (ann.id, "a note")]


@pytest.mark.parametrize("kind", ["days", "seen", "last", "find", "kept"])
def test_each_look_is_one_statement_however_many_athletes(club: Club, kind: str) -> None:
    tx, kim, ann, ben = club
    with counted(tx) as statements:
        look(tx, kim, kind, ann, ben, days=7, words="x")
    assert len(statements) == 1


def test_a_look_that_nobody_knows_is_an_error(club: Club) -> None:
    tx, kim, ann, _ = club
    with pytest.raises(ValueError, match="no such look"):
        look(tx, kim, "everything", ann)


def test_nobody_looks_into_a_foreign_journal(club: Club) -> None:
    tx, kim, ann, ben = club
    known = load(tx, kim)
    assert isinstance(known.looked, Looks) and len(known.looked) == 0 and list(known.looked) == []
    stranger = join(tx, "Zoe", 13, runs=True)
    asked = Look("days", (ann.id, stranger.id), 7)
    with pytest.raises(ValueError, match="does not hold"):
        known.looked[asked]
    assert known.looked[Look("days", ())] == ()
    mine = Look("days", (ann.id, ben.id), 7)
    with pytest.raises(Needed) as needed:
        known.looked[mine]
    again = snapshots.with_needed(tx, known, needed.value)
    assert again.looked[mine] == () and len(again.looked) == 1 and list(again.looked) == [mine]
