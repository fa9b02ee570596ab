"""The rule book on the past: each day as it was seen then, counts that can be done by hand, no claim beyond them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs import history_csv
from dialogs import plan as plans
from dialogs.levels import Level
from dialogs.model import Change, Plan, Record, Session, Setting, Training
from dialogs.replay_figures import Figures, compared, figures, pains
from dialogs.replaying import COACH_WEEK, Firing, History, walk, what_if
from dialogs.rules.book import Book, parse, shipped
from dialogs.signals import Day, Done, Pain

PMDATA = Path(__file__).parents[3] / "shared" / "data" / "checkins_pmdata.csv"
MONDAY = date(2026, 11, 2)

RULES = """
- id: short
  title: Short night
  source: test
  level: concern
  owner: coach
  on: true
  edges: {hours: {is: 6, from: 3, to: 9}}
  when:
    - {check: sleep_hours, under: {edge: hours}, nights: 1, of_last: 1}
  then: {do: tell}
  explain: Short.
  alone: nothing
  spell: 3
- id: hard-next
  title: Hard is next
  source: test
  level: note
  owner: coach
  on: true
  when:
    - {check: sleep_hours, under: 6, nights: 1, of_last: 1}
    - {check: next_hard, within: 1}
  then: {do: ease, what: hard, days: 2, to: easy}
  explain: Short, and hard.
  alone: ease
  spell: 3
- id: bone
  title: Bone
  source: test
  level: today
  owner: coach
  on: true
  when:
    - {check: pain, where: bone, from: 1}
  then: {do: hold, what: runs, days: 3}
  explain: Bone.
  alone: hold
  spell: 7
- id: new
  title: New
  source: test
  level: concern
  owner: coach
  on: true
  when:
    - {check: pain_day, where: anywhere, on: [1]}
  then: {do: tell}
  explain: New.
  alone: nothing
  spell: 1
- id: echo
  title: Echo
  source: test
  level: note
  owner: coach
  on: true
  when:
    - {check: fired, rules: [short], of_last: 2}
  then: {do: tell}
  explain: It spoke.
  alone: nothing
  spell: 2
- id: idle
  title: Idle
  source: test
  level: note
  owner: coach
  on: false
  when:
    - {check: said, any: [busy], of_last: 1}
  then: {do: tell}
  explain: Busy.
  alone: nothing
  spell: 1
- id: beside
  title: Beside
  source: test
  level: note
  owner: coach
  on: true
  when:
    - {check: hard_in_a_row}
  then: {do: tell}
  explain: Two.
  alone: nothing
  spell: 1
"""


@cache
def book() -> Book:
    return parse({"test.yaml": RULES})


def on(number: int) -> date:
    return MONDAY + timedelta(days=number)


def nights(*hours: float | None, start: int = 0) -> dict[date, Day]:
    """Days that follow each other; None: no answer on that day."""
    return {
        on(start + n): Day(items={"sleep": 2.0 if one < 6 else 4.0}, sleep_hours=one)
        for n, one in enumerate(hours)
        if one is not None
    }


def hurts(*levels: float | None, place: str = "knee", side: str | None = None) -> dict[date, Day]:
    return {
        on(n): Day(items={"mood": 3.0}, pains={place: Pain(one, side=side)} if one else {})
        for n, one in enumerate(levels)
        if one is not None
    }


def history(days: Mapping[date, Day], id: int = 1, **more: object) -> History:
    return History(id, f"athlete {id}", days, **more)  # type: ignore[arg-type]


def spoke(rule: str, found: Sequence[Firing]) -> list[tuple[int, bool]]:
    """On which days from MONDAY on, and for the first time in a spell?"""
    return [((one.day - MONDAY).days, one.first) for one in found if one.rule == rule]


# --- walking ------------------------------------------------------------------------------------------------------


def test_a_spell_begins_once_and_again_after_its_days_of_silence() -> None:
    found = list(walk(book(), history(nights(5, 5, 8, 5, 8, 8, 8, 5, None, None, None, 5))))
    assert spoke("short", found) == [(0, True), (1, False), (3, False), (7, True), (11, True)]


def test_what_was_said_at_the_time_is_not_looked_at_and_what_is_said_now_is() -> None:
    days = nights(5, 8, 8, 8)
    stored = {day: replace(one, fired=frozenset({"short"})) for day, one in days.items()}
    assert list(walk(book(), history(stored))) == list(walk(book(), history(days)))
    quiet = {on(-1): Day(fired=frozenset({"short"})), **days}
    assert spoke("short", list(walk(book(), history(quiet)))) == [(0, True)]
    assert spoke("echo", list(walk(book(), history(days)))) == [(1, True), (2, False)]


def test_settings_count_but_for_moments_of_silence() -> None:
    def firings(**set_: object) -> int:
        one = Setting("short", 9, datetime(2026, 1, 1, tzinfo=UTC), **set_)  # type: ignore[arg-type]
        return len(spoke("short", list(walk(book(), history(nights(5, 7), settings=(one,))))))

    assert firings() == 1
    assert firings(on=False) == 0 and firings(on=False, athlete_id=2) == 1
    assert firings(edges={"hours": 8.0}) == 2
    assert firings(muted_until=on(60)) == 1


def session(number: int, kind: str, minutes: int = 50) -> Session:
    return Session(f"s{number}", on(number), kind, minutes=minutes)


def change(number: int, by: str, at: int, removed: Sequence[Session] = (), added: Sequence[Session] = ()) -> Change:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC) + timedelta(days=at)
    return Change(number, by, "test", noon, tuple(removed), tuple(added))


def test_a_rule_sees_the_plan_of_before_its_own_doing() -> None:
    speed, easy = session(1, "speed"), replace(session(1, "easy"), held="K7Q2M")
    changes = (change(1, "coach", -3, added=[speed]), change(2, "rule", 0, [speed], [easy]))
    eased = history(nights(5, 8), plan=Plan(2, (easy,)), changes=changes)
    assert spoke("hard-next", list(walk(book(), eased))) == [(0, True)]
    as_it_stands = replace(eased, changes=())
    assert spoke("hard-next", list(walk(book(), as_it_stands))) == []


def test_a_plan_counts_from_the_day_on_which_it_was_made() -> None:
    speed = [session(n, "speed") for n in (1, 5)]
    late = history(
        nights(5, 8, 8, 8, 5, 8), plan=Plan(1, tuple(speed)), changes=(change(1, "coach", 3, added=speed),)
    )  # fmt: skip
    assert spoke("hard-next", list(walk(book(), late))) == [(4, True)]


def test_without_a_plan_a_hard_session_may_be_taken_to_lie_ahead() -> None:
    found = list(walk(book(), history(nights(5), assumes_hard=True)))
    assert spoke("hard-next", found) == [(0, True)]


def test_rules_about_plans_speak_when_a_version_brings_a_breach() -> None:
    speed, hills, moved = session(1, "speed"), session(5, "hills"), replace(session(5, "hills"), day=on(2))
    changes = (
        change(1, "coach", -1, added=[speed, hills]),
        change(2, "athlete", 0, [hills], [moved]),
        change(3, "coach", 0, added=[session(9, "easy")]),
    )
    plan = Plan(3, (speed, moved, session(9, "easy")))
    assert spoke("beside", list(walk(book(), history(nights(8), plan=plan, changes=changes)))) == [(0, True)]


DAYS = st.builds(
    Day,
    items=st.dictionaries(st.sampled_from(["sleep", "fatigue", "mood", "soreness"]), st.integers(1, 5).map(float)),
    usual=st.booleans(),
    sleep_hours=st.sampled_from([None, 4.0, 5.5, 8.0]),
    pains=st.dictionaries(
        st.sampled_from(["knee", "shin"]),
        st.builds(Pain, st.integers(0, 8).map(float), side=st.sampled_from(["left", "both", None])),
    ),
    done=st.sampled_from([(), (Done(None, "done", 9.0),), (Done(None, "not_done", None, "life"),)]),
    said=st.sets(st.sampled_from(["ill_below", "busy", "well", "injured"]), max_size=1).map(frozenset),
)  # fmt: skip
PAST = st.dictionaries(st.integers(0, 30).map(on), DAYS, min_size=1, max_size=20)


def past(
    days: Mapping[date, Day], cut: int, changes: Sequence[tuple[int, Sequence[Session], Sequence[Session]]]
) -> History:
    """What was known at the end of that day."""
    known = [change(n, "coach", at, gone, new) for n, (at, gone, new) in enumerate(changes, 1) if at <= cut]
    plan = Plan()
    for one in known:
        plan = plans.after(plan, one)
    return history({day: one for day, one in days.items() if day <= on(cut)}, plan=plan, changes=tuple(known))


@settings(max_examples=80, deadline=None)
@given(PAST, st.integers(0, 30), st.integers(1, 20), st.booleans())
def test_what_comes_out_for_a_day_does_not_depend_on_later_ones(
    days: dict[date, Day], cut: int, at: int, planned: bool
) -> None:
    first = [session(n, kind) for n, kind in enumerate(("speed", "easy", "long", "easy") * 8)]
    longer = [replace(one, minutes=70) for one in first if one.day > on(at + 1)]
    changes = [(-1, [], first), (at, [one for one in first if one.day > on(at + 1)], longer)] if planned else []
    whole, part = (replace(past(days, until, changes), assumes_hard=not planned) for until in (40, cut))
    assert list(walk(shipped(), part)) == [one for one in walk(shipped(), whole) if one.day <= on(cut)]


# --- counting -----------------------------------------------------------------------------------------------------


def test_counts_are_for_a_coach_of_twenty() -> None:
    found = figures(book(), [history(nights(5, 5, 8, 8)), history(nights(8, 8, 8, None, 8, 8, 8), 2)])
    short = next(one for one in found.rules if one.id == "short")
    assert (found.athletes, found.answered, found.since, found.until) == (2, 10, on(0), on(6))
    assert (short.fires, short.first, short.by) == (2, 1, (("athlete 1", 2, 1),))
    assert found.a_week(short.first) == COACH_WEEK / 10 == 14
    assert found.concerns == 14 and found.pages == 0 and not found.kept


def test_a_session_or_a_word_alone_is_no_answer() -> None:
    days = {on(0): Day(done=(Done(None, "done", 5),)), on(1): Day(said=frozenset({"busy"})), on(2): Day(usual=True)}
    assert figures(book(), [history(days)]).answered == 1


def test_weeks_have_no_gaps_and_zero_is_nobody_answered() -> None:
    found = figures(book(), [history(nights(5, start=2) | nights(5, 5, start=16))])
    assert found.weeks == ((on(0), 1), (on(7), 0), (on(14), 2))
    assert next(one for one in found.rules if one.id == "short").weeks == ((1, 1), (0, 0), (2, 1))


def test_days_before_since_are_remembered_and_not_counted() -> None:
    days = nights(5, 5, 8, 5)
    found = figures(book(), [history(days)], since=on(1))
    short = next(one for one in found.rules if one.id == "short")
    assert (found.answered, found.since) == (3, on(1)) and (short.fires, short.first) == (2, 0)
    empty = figures(book(), [history(days)], since=on(50))
    assert (empty.answered, empty.athletes, empty.weeks, empty.concerns) == (0, 0, (), 0.0)


def test_a_page_is_a_first_day_of_a_rule_that_rings() -> None:
    found = figures(book(), [history(hurts(4, 4, 0, place="shin"))])
    bone = next(one for one in found.rules if one.id == "bone")
    assert bone.page and (bone.fires, bone.first) == (2, 1)
    assert found.pages == pytest.approx(COACH_WEEK / 3 / 7)
    assert found.concerns == pytest.approx(2 * COACH_WEEK / 3), "the page, and that it is new"
    assert found.concerned == pytest.approx(COACH_WEEK / 3), "one athlete, one day"


def test_a_note_that_changes_the_plan_is_a_proposal_and_no_concern() -> None:
    found = figures(book(), [history(nights(5, 5), assumes_hard=True)])
    assert next(one for one in found.rules if one.id == "hard-next").proposes
    assert not next(one for one in found.rules if one.id == "short").proposes
    assert found.proposals == found.concerns == COACH_WEEK / 2


def test_a_rule_that_is_off_is_shown_as_off() -> None:
    turned_on = Setting("idle", 9, datetime(2026, 1, 1, tzinfo=UTC), on=True, athlete_id=2)
    squad = [history(nights(8)), history(nights(8), 2, settings=(turned_on,))]
    assert [one.on for one in figures(book(), squad[:1]).rules if one.id == "idle"] == [False]
    assert [one.on for one in figures(book(), squad).rules if one.id == "idle"] == [True]


# --- pain ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "found"),
    [
        (hurts(3, 3, 3), [[0, 1, 2]]),
        (hurts(3, 0, 0, 3), [[0, 3]]),  # it comes and goes: the same one
        (hurts(3, None, None, None, None, None, None, 3), [[0, 7]]),  # asked once a week
        (hurts(3, 0, 0, 0, 0, 0, 0, 0, 3), [[0], [8]]),
        (hurts(0, None), []),
    ],
)
def test_a_pain_is_the_same_one_for_a_week(days: dict[date, Day], found: list[list[int]]) -> None:
    assert [[(day - MONDAY).days for day in one] for _, one in pains(history(days))] == found


def test_places_and_sides_are_told_apart_where_they_are_known() -> None:
    def count(*sides: str | None) -> int:
        days = {on(n): Day(pains={"knee": Pain(3, side=side)}) for n, side in enumerate(sides)}
        return len(pains(history(days)))

    assert count("left", "left") == 1 and count("left", "right") == 2 and count("both") == 2
    assert count("left", None) == 1 and count("both", "left", "right") == 2
    two = {on(0): Day(pains={"knee": Pain(3), "hip": Pain(3)})}
    assert [place for place, _ in pains(history(two))] == ["knee", "hip"]


def test_a_pain_is_told_where_a_rule_spoke_of_it_for_the_first_time() -> None:
    found = figures(book(), [history(hurts(3, 3, 3, None, None, None, 3))])
    assert [(one.day, one.pains, one.told) for one in found.pain] == [(1, 1, 1), (3, 1, 0), (7, 1, 0)]
    assert found.untold == 2 and not found.kept
    knee, hip = Pain(3), Pain(3)
    later = {on(0): Day(pains={"knee": knee}), on(1): Day(pains={"knee": knee, "hip": hip})}
    first = figures(book(), [history(later)]).pain[0]
    assert (first.pains, first.told) == (2, 2)


def test_what_a_rule_goes_on_saying_is_not_news_and_tells_of_nothing() -> None:
    found = figures(book(), [history(hurts(4, 4, 4, place="shin"))])
    assert next(one for one in found.rules if one.id == "bone").fires == 3
    assert [(one.pains, one.told) for one in found.pain] == [(1, 1), (1, 0), (0, 0)]


def test_pains_of_before_are_not_counted() -> None:
    found = figures(book(), [history(hurts(3, 3, 3))], since=on(1))
    assert [one.pains for one in found.pain] == [0, 1, 0]


def test_a_day_without_an_answer_is_made_up_for_by_the_next() -> None:
    found = figures(book(), [history(hurts(3, None, None, 3, None))])
    assert [(one.day, one.pains) for one in found.pain] == [(1, 1), (3, 1), (7, 0)]


# --- what followed ------------------------------------------------------------------------------------------------


def squad(athletes: int = 8) -> list[History]:
    """Half of them sleep badly on day 2; of these every second has a new pain on day 5, and of the others one."""
    found = []
    for id in range(1, athletes + 1):
        hours: list[float | None] = [8.0] * 10
        if id % 2:
            hours[2] = 5.0
        days = nights(*hours)
        if id % 4 == 1 or id == 2:
            days[on(5)] = replace(days[on(5)], pains={"knee": Pain(3)})
        found.append(history(days, id))
    return found


def test_what_followed_is_counted_against_any_day() -> None:
    found = figures(book(), squad())
    after = next(one for one in found.rules if one.id == "short").followed
    assert after is not None
    assert (after.hits, after.days, after.athletes) == (2, 4, 4)
    # any day but the last, after which nobody was asked; of three athletes the five days before day 5
    assert (after.base_hits, after.base_days) == (15, 72)
    assert after.times == pytest.approx((2 / 4) / (15 / 72))
    assert after.times_interval is None, "four athletes are too few"


def test_an_interval_holds_its_figure_and_is_always_the_same() -> None:
    first, second = (
        next(one for one in figures(book(), squad(24)).rules if one.id == "short").followed for _ in range(2)
    )
    assert first == second and first is not None and first.times is not None
    for value, interval in (
        (first.hits / first.days, first.interval),
        (first.base_hits / first.base_days, first.base_interval),
        (first.times, first.times_interval),
    ):
        assert interval is not None and interval[0] < value < interval[1]


def test_that_nothing_followed_is_no_proof_that_nothing_does() -> None:
    histories = [replace(one, days={d: replace(day, pains={}) for d, day in one.days.items()}) for one in squad(24)]
    histories[1] = history(hurts(0, 0, 0, 3), 2)
    after = next(one for one in figures(book(), histories).rules if one.id == "short").followed
    assert after is not None and after.hits == 0
    assert after.times_interval is not None and after.times_interval[0] == 0 and after.times_interval[1] > 1


def test_nor_is_it_a_proof_that_it_followed_each_time() -> None:
    pain = {"knee": Pain(3)}
    squad_ = [history({**nights(8, 8, 5, 8, 8), on(5): Day(pains=pain)}, id) for id in range(1, 9)]
    after = next(one for one in figures(book(), squad_).rules if one.id == "short").followed
    assert after is not None and after.times is not None and after.hits == after.days == 8
    assert after.interval is not None and after.interval[0] < 0.7
    assert after.times_interval is not None and after.times_interval[0] < after.times


def test_what_comes_later_than_a_week_has_not_followed() -> None:
    hours = [5.0, *[8.0] * 9]
    for day, hits in ((7, 1), (8, 0)):
        days = nights(*hours)
        days[on(day)] = replace(days[on(day)], pains={"knee": Pain(3)})
        after = next(one for one in figures(book(), [history(days)]).rules if one.id == "short").followed
        assert after is not None and (after.hits, after.days) == (hits, 1)


def test_only_days_count_after_which_somebody_was_asked() -> None:
    (one,) = squad(1)
    after = next(o for o in figures(book(), [replace(one, asked=frozenset({on(5)}))]).rules if o.id == "short").followed
    assert after is not None and (after.base_days, after.base_hits) == (5, 5), "days 0 to 4"


def test_where_no_pain_is_known_nothing_is_said() -> None:
    assert [one.followed for one in figures(book(), [history(nights(5, 8))]).rules] == [None] * len(book().rules)


# --- two books ----------------------------------------------------------------------------------------------------


def test_two_books_are_compared_rule_by_rule() -> None:
    changed = (
        RULES.replace("hours: {is: 6", "hours: {is: 7")
        .replace("id: echo", "id: reply")
        .replace("check: pain, where: bone, from: 1", "check: pain, where: bone, from: 5")
        .replace("id: idle\n  title: Idle\n  source: test\n  level: note\n  owner: coach\n  on: false",
                 "id: idle\n  title: Idle\n  source: test\n  level: note\n  owner: coach\n  on: true")
    )  # fmt: skip
    days = nights(5, 6.5, 8) | {on(9): Day(said=frozenset({"busy"}), pains={"shin": Pain(3)})}
    old, new = (figures(one, [history(days)]) for one in (book(), parse({"test.yaml": changed})))
    found = {one.rule: one for one in compared(old, new)}
    assert {name: one.verdict for name, one in found.items()} == {
        "short": "more", "hard-next": "same", "bone": "less", "new": "same", "reply": "added", "idle": "newly",
        "beside": "same", "echo": "removed",
    }  # fmt: skip
    assert (found["short"].old, found["short"].new, found["short"].only_new) == ((1, 1), (1, 2), 1)


def test_the_same_number_on_other_days_is_no_sameness() -> None:
    old, new = (figures(book(), [history(days)]) for days in (nights(5, 8, 8, 8, 8), nights(8, 8, 8, 8, 5)))
    assert next(one for one in compared(old, new) if one.rule == "short").verdict == "other_days"


# --- what would this have done? -----------------------------------------------------------------------------------


def answers(*nights_: tuple[int, float], busy: Sequence[int] = ()) -> tuple[Record, ...]:
    found = []
    for number, hours in nights_:
        at = datetime(2026, 11, 2, 7, tzinfo=UTC) + timedelta(days=number)
        found += [Record("answer", "sleep", at, on(number), 2), Record("answer", "sleep_hours", at, on(number), hours)]
    for number in busy:
        at = datetime(2026, 11, 2, 8, tzinfo=UTC) + timedelta(days=number)
        found.append(Record("answer", "life", at, on(number), "busy"))
    return tuple(found)


def test_what_one_rule_would_have_done() -> None:
    today = on(55)
    histories = {
        7: Training(records=answers((-10, 4), (0, 5), (1, 5), (2, 8), (54, 5))),
        8: Training(records=answers((55, 5), (56, 5))),
        9: Training(records=answers((3, 8))),
    }
    found = what_if(book(), histories, "short", (), today)
    assert json.loads(json.dumps(found, sort_keys=True))["rule"] == "short"
    assert (found["since"], found["until"]) == (on(0).isoformat(), today.isoformat())
    assert (found["fires"], found["first"], found["pages"]) == (4, 3, 0)
    assert found["athletes"] == {7: 2, 8: 1} and found["days"] == {7: 3, 8: 1}
    assert (found["squad"], found["answered"]) == (3, 6), "tomorrow is not known, last month is not asked for"
    assert found["a_week"] == round(3 * COACH_WEEK / 6, 1)
    weeks = found["per_week"]
    assert len(weeks) == 8 and weeks[0] == {"from": on(0).isoformat(), "fires": 2, "first": 1, "answered": 4}
    assert [week["first"] for week in weeks] == [1, 0, 0, 0, 0, 0, 0, 2]
    assert what_if(book(), histories, "short", (), today, weeks=1)["first"] == 2


def test_a_rule_that_is_off_is_tried_but_not_on_whom_it_was_switched_off_for() -> None:
    def set_(**more: object) -> Setting:
        return Setting("idle", 5, datetime(2026, 11, 1, tzinfo=UTC), **more)  # type: ignore[arg-type]

    records = answers(busy=[3])
    histories = {
        7: Training(records=records),
        8: Training(records=records, settings=(set_(on=False),)),
        9: Training(records=records, settings=(set_(on=False, athlete_id=9),)),
        10: Training(records=records, settings=(set_(athlete_id=10, muted_until=on(90)),)),
    }
    assert what_if(book(), histories, "idle", (), on(9))["athletes"] == {7: 1, 8: 1, 10: 1}


def test_a_threshold_is_tried_before_it_is_set() -> None:
    wish = Setting("short", 5, datetime(2026, 11, 9, tzinfo=UTC), edges={"hours": 9})
    histories = {7: Training(records=answers((1, 8)))}
    assert what_if(book(), histories, "short", (), on(9))["fires"] == 0
    assert what_if(book(), histories, "short", (wish,), on(9))["fires"] == 1


def test_nobody_has_answered() -> None:
    found = what_if(book(), {7: Training()}, "short", (), on(9))
    assert (found["fires"], found["squad"], found["a_week"], found["athletes"]) == (0, 0, 0.0, {})


# --- what is shipped, on public data ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def public() -> Figures:
    if not PMDATA.exists():
        pytest.skip("the public check-ins are not part of the project: ../shared/data/checkins_pmdata.csv is not here")
    return figures(shipped(), history_csv.read(PMDATA.read_bytes()))


def test_a_coach_of_twenty_can_bear_what_is_shipped(public: Figures) -> None:
    assert public.concerns <= 7 and public.pages <= 1
    assert [one for one in public.firings if one.level >= Level.CONCERN], "and it is not silent"


def test_every_pain_and_every_lasting_pain_is_told(public: Figures) -> None:
    assert [(one.day, one.pains - one.told) for one in public.pain] == [(1, 0), (3, 0), (7, 0)]
    assert public.pain[0].pains > 40 and public.pain[2].pains > 5


def test_low_scores_are_not_shown_to_come_before_injuries(public: Figures) -> None:
    """Were this to fail, the sentence that is printed below the figures would be wrong."""
    for one in public.rules:
        if one.id in ("low-streak", "sleep-short") and one.followed is not None and one.followed.times_interval:
            assert one.followed.times_interval[0] <= 1
