"""What may be done to a plan, and what may not: over random plans and changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import library, plan, planning
from dialogs.model import Plan, Session
from dialogs.plan import KINDS, Refused
from dialogs.rules.book import shipped
from dialogs.rules.evaluate import placement

TODAY = date(2026, 6, 3)  # a Wednesday
NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def session(kind: str = "easy", day: date = TODAY, id: str = "a", **fields: object) -> Session:
    form = "gym" if kind == "strength" else None
    return Session(id, day, kind, **{"form": form, **fields})  # type: ignore[arg-type]


DAYS = st.integers(-10, 20).map(lambda n: TODAY + n * DAY)


@st.composite
def sessions(draw: st.DrawFn, id: str = "a") -> Session:
    kind = draw(st.sampled_from(KINDS))
    return Session(
        id,
        draw(DAYS),
        kind,
        draw(st.none() | st.integers(0, 400)),
        draw(st.none() | st.floats(0.5, 80).map(lambda km: round(km, 1))),
        draw(st.none() | st.integers(0, 3000)),
        draw(st.none() | st.integers(0, 10)),
        form="gym" if kind == "strength" else None,
    )


@given(sessions(), st.sampled_from(("rest", "mobility", "easy", "short", "snack", "half")), st.integers(1, 90))
def test_a_lighter_form_is_lighter_at_every_count(before: Session, to: str, minutes: int) -> None:
    after = plan.lighter(before, to, at_most=minutes)
    assert plan.eases(before, after)
    assert plan.load(after) <= plan.load(before)


WISHES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(KINDS), "minutes": st.integers(0, 300), "effort": st.integers(0, 10), "day": DAYS,
    },
)  # fmt: skip


@given(
    st.lists(st.integers(), max_size=12).flatmap(lambda ns: st.tuples(*(sessions(str(i)) for i in range(len(ns))))),
    st.data(),
)
def test_what_a_rule_does_alone_eases_or_is_refused(laid: tuple[Session, ...], data: st.DataObject) -> None:
    """Whatever it asks for: no day's load rises, no race and no past day is touched, nothing is added."""
    before = Plan(4, plan.ordered(laid))
    gone = tuple(one for one in laid if data.draw(st.booleans()))
    new = [replace(one, **data.draw(WISHES)) for one in gone]  # type: ignore[arg-type]
    try:
        after, _ = plan.changed(before, TODAY, NOW, by="rule", cause="x", removed=gone, added=new)
    except Refused:
        return
    assert len(after.sessions) <= len(before.sessions)
    for day in {one.day for one in laid}:
        assert sum(map(plan.load, after.on(day))) <= sum(map(plan.load, before.on(day)))
        if day < TODAY:
            assert after.on(day) == before.on(day)
    races = [one for one in before.sessions if one.kind == "race"]
    assert [one for one in after.sessions if one.kind == "race"] == races
    hard = set(plan.hard_days(after, date.min, date.max))
    assert hard <= set(plan.hard_days(before, date.min, date.max))


def test_a_day_that_is_over_is_touched_by_nobody() -> None:
    yesterday = session(day=TODAY - DAY)
    for by in ("rule", "coach", "athlete"):
        with pytest.raises(Refused, match="past_day"):
            plan.changed(Plan(1, (yesterday,)), TODAY, NOW, by=by, cause="x", removed=[yesterday])
        with pytest.raises(Refused, match="past_day"):
            plan.changed(Plan(), TODAY, NOW, by=by, cause="x", added=[yesterday])


def test_a_change_of_what_does_not_stand_any_more_is_stale() -> None:
    with pytest.raises(Refused, match="stale"):
        plan.changed(Plan(1, (session(minutes=30),)), TODAY, NOW, by="coach", cause="x", removed=[session(minutes=40)])


def test_a_change_is_undone_and_its_past_days_stay() -> None:
    laid = Plan(1, (session(id="a", day=TODAY), session(id="b", day=TODAY + DAY)))
    eased = [plan.lighter(one, "rest") for one in laid.sessions]
    after, change = plan.changed(laid, TODAY, NOW, by="rule", cause="ill", removed=laid.sessions, added=eased)
    assert [one.kind for one in after.sessions] == ["rest", "rest"]
    same_day = plan.after(after, plan.undone(after, change, TODAY, NOW, by="coach"))
    assert same_day == Plan(3, laid.sessions)
    next_day = plan.after(after, plan.undone(after, change, TODAY + DAY, NOW, by="coach"))
    assert [one.kind for one in next_day.sessions] == ["rest", "easy"]
    with pytest.raises(Refused, match="nothing"):
        plan.undone(after, change, TODAY + 3 * DAY, NOW, by="coach")


def test_what_was_changed_again_cannot_be_undone() -> None:
    laid = Plan(1, (session(),))
    tomorrow = session(day=TODAY + DAY)
    after, change = plan.changed(laid, TODAY, NOW, by="athlete", cause="move", removed=laid.sessions, added=[tomorrow])
    rest = session("rest", TODAY + DAY)
    again, _ = plan.changed(after, TODAY, NOW, by="coach", cause="library", removed=[tomorrow], added=[rest])
    with pytest.raises(Refused, match="stale"):
        plan.undone(again, change, TODAY, NOW, by="athlete")


@pytest.mark.parametrize("block", library.load().blocks)
def test_the_weeks_of_the_library_keep_the_rules_of_the_book(block: str) -> None:
    """After three build weeks each of them, with a race at the end where it is the week of one."""
    monday = TODAY + 5 * DAY
    laid: tuple[Session, ...] = ()
    for back in (21, 14, 7):
        start = monday - back * DAY
        laid += library.load().week("build", Plan(1, laid), start, start)
    week = library.load().week(block, Plan(1, laid), monday, monday)
    race = (Session("race", monday + 6 * DAY, "race", km=42.2),) if block == "race-week" else ()
    whole = Plan(1, plan.ordered((*laid, *(one for one in week if not race or one.day < race[0].day), *race)))
    own = {one.id for one in week}
    found = placement(shipped(), whole, {}, TODAY)
    assert not [one.rule.id for one in found if set(one.sessions) & own]
    assert len(own) == len(week)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("easy 40", {"kind": "easy", "minutes": 40}),
        ("Easy 40 min: flat, no watch", {"kind": "easy", "minutes": 40, "text": "flat, no watch"}),
        ("long 20km effort 4", {"kind": "long", "km": 20.0, "effort": 4}),
        ("long 12.5 mi", {"kind": "long", "km": 20.1}),
        ("long 1h30", {"kind": "long", "minutes": 90}),
        ("speed 6 x 400, 50 min", {"kind": "speed", "minutes": 50}),
        ("rest", {"kind": "rest", "minutes": None}),
        ("strength gym 45", {"kind": "strength", "form": "gym", "minutes": 45}),
        ("strength", {"kind": "strength", "form": "bodyweight"}),
    ],
)
def test_a_session_is_read_from_a_line(said: str, meant: dict[str, object]) -> None:
    read = planning.read_session(said, TODAY)
    assert read is not None
    assert {name: getattr(read, name) for name in meant} == meant


@pytest.mark.parametrize("said", ["", "40", "run a bit", "eas 40"])
def test_a_line_without_a_kind_is_no_session(said: str) -> None:
    assert planning.read_session(said, TODAY) is None
