"""What an import would do, that what is written is read back, and that no file breaks the reading."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogs import plan, plan_files
from dialogs.model import Plan, Session
from dialogs.plan import FORMS, KINDS
from dialogs.plan_files import Merge, Read
from dialogs.plan_reading import tidy

TODAY = date(2026, 8, 26)  # a Wednesday
NOW = datetime(2026, 8, 26, 6, tzinfo=UTC)
DAY = timedelta(days=1)
SAMPLES = [path.read_bytes() for path in sorted((Path(__file__).parent / "plans").iterdir())]


def read(data: bytes, name: str = "plan") -> Read:
    return plan_files.read(data, name=name, zone="Europe/Berlin", today=TODAY)


def session(day: int, kind: str = "easy", id: str = "", **fields: object) -> Session:
    return Session(id, TODAY + day * DAY, kind, **fields)  # type: ignore[arg-type]


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    day = draw(st.integers(-400, 800))
    kind = draw(st.sampled_from(KINDS))
    text = tidy(
        draw(st.text(max_size=60) | st.sampled_from(["=1+1", "'-", '"', "a,b;c\td", "x\n\ny", r"\N \n \\", "👍"]))
    )
    if kind == "rest":
        return session(day, kind, text=text)
    return session(
        day,
        kind,
        minutes=draw(st.none() | st.integers(0, 2880)),
        km=draw(st.none() | st.floats(0, 500).map(lambda km: round(km, 3))),
        descent=draw(st.none() | st.integers(0, 30_000)),
        effort=draw(st.none() | st.integers(0, 10)),
        text=text,
        form=draw(st.none() | st.sampled_from(FORMS)) if kind == "strength" else None,
    )


PLANS = st.lists(sessions(), max_size=12).map(lambda found: tuple(sorted(found, key=lambda one: one.day)))


# --- there and back -------------------------------------------------------------------------------------------------


@given(PLANS)
@settings(max_examples=150, deadline=None)
def test_a_table_that_was_written_is_read_back_exactly(written: tuple[Session, ...]) -> None:
    file = plan_files.write_csv(written)
    assert read(file.encode()) == read(file.encode("utf-8-sig")) == read(file.encode("utf-16")) == Read(written)


@given(PLANS, st.sampled_from(["Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles"]))
@settings(max_examples=100, deadline=None)
def test_a_calendar_that_was_written_is_read_back_exactly_in_any_zone(written: tuple[Session, ...], zone: str) -> None:
    named = [replace(one, id=f"s-{number}", held="K7Q2M") for number, one in enumerate(written)]
    file = plan_files.write_ics(named, name="Ann", zone=zone, now=NOW).encode()
    assert plan_files.read(file, name="a.ics", zone=zone, today=TODAY) == Read(written)


def test_half_an_emoji_can_be_written() -> None:
    broken = [session(1, text="a\ud83d\0\x1b\r\nb", id="a")]
    csv, ics = plan_files.write_csv(broken), plan_files.write_ics(broken, name="\ud83d", zone="UTC", now=NOW)
    assert [one.text for file in (csv, ics) for one in read(file.encode()).sessions] == ["a\ufffd\nb"] * 2


# --- no file breaks it ----------------------------------------------------------------------------------------------


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=6)), max_size=8))
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_is_read_or_refused_and_never_an_error(sample: bytes, damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(sample[:3000])
    for place, new in damage:
        data[place : place + len(new)] = new
    found = read(bytes(data))
    lines = data.count(b"\n") + data.count(b"\r") + 1
    assert all(0 <= one.line <= lines for one in (*found.problems, *found.notes))
    for one in (*found.problems, *found.notes):
        assert plan_files.said(one)
    assert not found.sessions or read(plan_files.write_csv(found.sessions).encode()).sessions == found.sessions


@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"BEGIN:VCALENDAR")
@example(b"\xff\xfe\x00")
@example(b"date,kind\n\xff,\x00")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert read(data).problems or read(data).sessions or b"date" in data.lower() or b"BEGIN" in data.upper()


# --- what an import would do ----------------------------------------------------------------------------------------


def test_the_file_takes_the_place_of_the_plan_between_its_days_and_nowhere_else() -> None:
    before = Plan(
        3,
        (
            session(-1, id="past"), session(0, id="today"), session(2, id="same", minutes=40),
            session(3, "long", id="other"), session(9, id="behind"),
        ),
    )  # fmt: skip
    file = Read((session(-2, "hills"), session(0, "hills"), session(2, minutes=40), session(5, "race")))
    merge = plan_files.merge(before, file, TODAY)
    assert merge == Merge(
        removed=(before.sessions[1], before.sessions[3]),
        added=(session(0, "hills", id="260826-0"), session(5, "race", id="260831-0")),
        kept=(before.sessions[2],),
        after=(before.sessions[4],),
        past=1,
        first=TODAY,
        last=TODAY + 5 * DAY,
    )
    days = [
        (one.day.day, len(one.removed), len(one.added), len(one.kept)) for one in plan_files.by_day(merge)
    ]  # fmt: skip
    assert days == [(26, 1, 1, 0), (28, 0, 0, 1), (29, 1, 0, 0), (31, 0, 1, 0)]


def test_days_before_the_file_begins_stay() -> None:
    before = Plan(1, (session(0, id="a"), session(4, id="b")))
    merge = plan_files.merge(before, Read((session(3), session(5))), TODAY)
    assert merge.removed == (before.sessions[1],) and merge.first == TODAY + 3 * DAY


def test_a_file_of_the_past_changes_nothing_and_says_so() -> None:
    merge = plan_files.merge(Plan(1, (session(1, id="a"),)), Read((session(-3), session(-1))), TODAY)
    assert not merge.removed and not merge.added and merge.past == 2 and merge.first is None


def test_an_athlete_without_a_plan_gets_one_that_may_end_in_the_middle_of_a_week() -> None:
    merge = plan_files.merge(Plan(), Read((session(1), session(1, "strength"), session(2))), TODAY)
    assert sorted(one.id for one in merge.added) == ["260827-0", "260827-1", "260828-0"]


def test_what_is_held_is_not_what_the_file_says() -> None:
    """The rule has eased it; the file brings back what was meant, which the coach sees before saying yes."""
    held = session(1, "easy", id="a", minutes=40, held="K7Q2M")
    assert plan_files.merge(Plan(1, (held,)), Read((session(1, "speed", minutes=60),)), TODAY).removed == (held,)


def test_two_sessions_that_are_alike_on_one_day_are_two() -> None:
    twice = Read((session(1), session(1)))
    assert len(plan_files.merge(Plan(1, (session(1, id="a"),)), twice, TODAY).added) == 1
    both = Plan(1, (session(1, id="a"), session(1, id="b")))
    assert plan_files.merge(both, Read((session(1),)), TODAY).removed == (both.sessions[1],)


@given(PLANS, PLANS)
@settings(max_examples=100, deadline=None)
def test_an_import_makes_the_plan_what_the_file_says_and_a_second_one_changes_nothing(
    old: tuple[Session, ...], new: tuple[Session, ...]
) -> None:
    before = Plan(1, plan.ordered(replace(one, id=f"old-{number}") for number, one in enumerate(old)))
    merge = plan_files.merge(before, Read(new), TODAY)
    if not merge.removed and not merge.added:
        return
    after, change = plan.changed(
        before, TODAY, NOW, by="coach", cause="import", removed=merge.removed, added=merge.added
    )
    assert change.number == 2 and merge.first is not None and merge.last is not None
    said = Counter(replace(one, id="") for one in after.between(merge.first, merge.last))
    assert said == Counter(one for one in new if one.day >= TODAY)
    outside = [one for one in before.sessions if not merge.first <= one.day <= merge.last]
    assert outside == [one for one in after.sessions if not merge.first <= one.day <= merge.last]
    again = plan_files.merge(after, Read(new), TODAY)
    assert not again.removed and not again.added


@pytest.mark.parametrize("write", [plan_files.write_csv, None], ids=["csv", "ics"])
def test_a_plan_that_goes_out_and_comes_in_again_changes_nothing(write: object) -> None:
    plan_of_now = Plan(
        4, plan.ordered(session(n, "long", id=f"s-{n}", km=12.5, text=" Flat \r\n") for n in range(-5, 9))
    )
    file = (
        plan_files.write_csv(plan_of_now.sessions)
        if write
        else plan_files.write_ics(plan_of_now.sessions, name="Ann", zone="Europe/Berlin", now=NOW)
    )
    merge = plan_files.merge(plan_of_now, read(file.encode()), TODAY)
    assert not merge.removed and not merge.added and len(merge.kept) == 9 and merge.past == 5
