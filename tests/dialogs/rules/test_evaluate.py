"""In which order rules speak, who wins, what a coach's settings change, and when a rule begins to speak."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialogs.model import Plan, Setting
from dialogs.rules.book import Rule, parse, shipped
from dialogs.rules.evaluate import Case, Fired, action, effective, evaluate, placement, settled
from tests.dialogs.rules import told
from tests.dialogs.rules.page import source_of
from tests.dialogs.rules.told import TODAY

_DAY = timedelta(days=1)
SHORT = "slept 5; slept 5; slept 5"


def fired(days: str, plan: str = "", settings: Iterable[Setting] = (), athlete: int | None = 7) -> list[Fired]:
    case = Case(TODAY, told.days(days), told.plan(plan))
    return list(evaluate(shipped(), case, tuple(settings), athlete_id=athlete))


def ids(days: str, plan: str = "", settings: Iterable[Setting] = (), athlete: int | None = 7) -> list[str]:
    return [one.rule.id for one in fired(days, plan, settings, athlete)]


def rule(id: str) -> Rule:
    found = shipped().find(id)
    assert found is not None
    return found


def setting(id: str, hour: int = 0, athlete: int | None = None, **what: object) -> Setting:
    return replace(Setting(id, 1, datetime(2026, 6, 1, hour, tzinfo=UTC), athlete), **what)  # type: ignore[arg-type]


# --- the written order ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "plan", "order"),
    [
        pytest.param(
            "knee 6, slept 5; slept 5, shin 2", "today: speed 50", ["pain-bone", "sleep-short"], id="a page first"
        ),
        pytest.param(
            "slept 5; slept 5, knee 6, says ill_below", "today: speed 50",
            ["ill", "pain-stop", "sleep-short", "pain-new"], id="hold before ease before tell",
        ),
        pytest.param(
            "slept 5; slept 5, says busy", "today: speed 50", ["busy-day", "sleep-short"], id="least change first"
        ),
        pytest.param(
            "knee 4, slept 5; slept 5, knee 4", "today: speed 50", ["pain-unsettled", "sleep-short"],
            id="what holds before what eases, whatever its level",
        ),
    ],
)  # fmt: skip
def test_what_fires_stands_in_the_written_order(days: str, plan: str, order: list[str]) -> None:
    found = ids(days, plan)
    assert [one for one in found if one in order] == order and found[0] == order[0]


@pytest.mark.parametrize(
    ("days", "plan", "winner", "after"),
    [
        ("slept 5; slept 5, knee 6", "today: speed 50", "pain-stop", ["today rest"]),
        ("slept 5; slept 5, shin 1, knee 6", "today: speed 50", "pain-bone", ["today rest"]),
        ("slept 5, knee 4; slept 5, knee 4", "today: speed 50", "pain-unsettled", ["today rest"]),
        ("slept 5; slept 5, says ill_above", "today: speed 50", "ill-above", ["today easy 40"]),
        ("slept 5; slept 5, says busy", "today: speed 50", "busy-day", ["today speed 20"]),
    ],
)
def test_a_session_that_two_rules_want_goes_to_the_first(days: str, plan: str, winner: str, after: list[str]) -> None:
    (only,) = settled(fired(days, plan), told.plan(plan), TODAY)
    assert only[0].rule.id == winner
    assert [told.shown(one) for one in only[2]] == after and only[3]


def test_rules_that_want_different_sessions_both_get_theirs() -> None:
    plan = "today: easy 40, strength gym 45; +1: speed 50"
    found = settled(fired("slept 5; slept 5, says busy, has 20 min", plan), told.plan(plan), TODAY)
    changes = {one.rule.id: [told.shown(session) for session in after] for one, _, after, _ in found}
    assert changes == {"busy-day": ["today strength 20", "today rest"], "sleep-short": ["+1 easy 40"]}


def test_what_waits_for_the_coach_is_eased_no_further_but_may_be_held() -> None:
    assert settled(fired("says busy", "today: easy 40 held"), told.plan("today: easy 40 held"), TODAY) == []
    plan = "today: easy 40 held"
    ((_, _, after, _),) = settled(fired("shin 3", plan), told.plan(plan), TODAY)
    assert [told.shown(one) for one in after] == ["today rest"]


def test_a_race_is_left_alone_and_the_coach_is_told_that_it_is_today() -> None:
    (found,) = fired("shin 3", "today: race 60")
    assert found.facts["race_today"] is True and found.sessions == ()
    assert action(found, told.plan("today: race 60"), TODAY) == ((), (), False)


def test_an_action_looks_at_the_plan_as_it_is_now() -> None:
    (found,) = fired("says slower", "today: speed 50")
    assert action(found, Plan(), TODAY) == ((), (), False), "it has been taken out"
    later = told.plan("today: speed 50")
    assert action(found, later, TODAY + _DAY) == ((), (), False), "its day is over"
    held = Plan(2, tuple(replace(one, held="K7Q2M") for one in later.sessions))
    assert action(found, held, TODAY) == ((), (), False), "another rule was here first"
    longer = Plan(2, tuple(replace(one, minutes=30) for one in later.sessions))
    assert [one.minutes for one in action(found, longer, TODAY)[1]] == [30]


def test_a_rule_that_may_do_nothing_alone_only_wishes() -> None:
    book = parse({"life.yaml": source_of("slower-please").replace("alone: ease", "alone: nothing")})
    plan = told.plan("today: speed 50")
    (found,) = evaluate(book, Case(TODAY, told.days("says slower"), plan))
    before, after, held = action(found, plan, TODAY)
    assert (len(before), len(after), held) == (1, 1, False)


# --- when a rule begins to speak ------------------------------------------------------------------------------------


def test_a_rule_begins_again_when_its_spell_is_over() -> None:
    plan = "today: speed 50"
    spell = rule("sleep-short").spell
    for ago, begins in ((spell - 1, False), (spell, True)):
        days = told.days(f"spoke; {ago} x slept 5", rule="sleep-short")
        (found,) = evaluate(shipped(), Case(TODAY, days, told.plan(plan)))
        assert found.first is begins, ago


def test_that_it_spoke_earlier_today_ends_nothing() -> None:
    days = told.days("slept 5; slept 5, spoke", rule="sleep-short")
    (found,) = evaluate(shipped(), Case(TODAY, days, told.plan("today: speed 50")))
    assert found.first


def test_without_a_plan_a_hard_session_can_be_taken_as_ahead() -> None:
    case = Case(TODAY, told.days(SHORT))
    assert evaluate(shipped(), case) == ()
    (found,) = evaluate(shipped(), replace(case, assumes_hard=True))
    assert found.rule.id == "sleep-short" and found.sessions == ()


def test_the_evidence_is_told_with_its_days() -> None:
    (found,) = fired("slept 5; slept 8; slept 4.5", "+1: speed 50")
    assert found.facts["nights"] == [["2026-06-10", 4.5], ["2026-06-08", 5.0]]
    assert found.facts["hard_day"] == "2026-06-11"
    pains = next(one for one in fired("left knee 3; left knee 4 stride") if one.rule.id == "pain-rises").facts["pains"]
    assert pains == [{"where": "knee", "side": "left", "level": 4, "stride": True, "day": 2}]


def test_an_athlete_without_days_or_plan_is_no_error() -> None:
    assert evaluate(shipped(), Case(TODAY, {})) == ()
    assert placement(shipped(), Plan(), {}, TODAY) == ()


# --- what a coach has set -------------------------------------------------------------------------------------------


def test_the_latest_setting_that_names_a_thing_counts() -> None:
    off, on = setting("sleep-short", 1, on=False), setting("sleep-short", 2, on=True)
    edge = setting("sleep-short", 3, edges={"hours": 5})
    found = effective(rule("sleep-short"), (off, on, edge), None)
    assert (found.on, found.edges) == (True, {"hours": 5})
    assert effective(rule("sleep-short"), (on, off, edge), None).on is False


def test_one_for_this_athlete_comes_before_one_for_all_whenever_it_was_set() -> None:
    settings = (setting("sleep-short", 1, 7, on=True), setting("sleep-short", 2, on=False))
    assert ids(SHORT, "today: speed 50", settings) == ["sleep-short"]
    assert ids(SHORT, "today: speed 50", settings, athlete=8) == []
    assert effective(rule("sleep-short"), settings, None).on is False, "for all, only what was set for all"


def test_a_moved_threshold_counts_and_is_said() -> None:
    settings = (setting("sleep-short", edges={"hours": 7.5}),)
    assert ids("slept 7; slept 7; slept 7", "today: speed 50") == []
    (found,) = fired("slept 7; slept 7; slept 7", "today: speed 50", settings)
    assert found.rule.edges["hours"].value == 7.5 and found.rule.explain.startswith("Under 7.5 hours")
    assert rule("sleep-short").edges["hours"].value == 6, "the book itself stays"


@pytest.mark.parametrize(("given", "counts"), [(1, 4), (99, 8)])
def test_a_threshold_beyond_its_bounds_counts_as_the_bound(given: float, counts: float) -> None:
    found = effective(rule("sleep-short"), (setting("sleep-short", edges={"hours": given, "gone": 3}),), None)
    assert found.edges == {"hours": counts}


def test_a_muted_rule_says_nothing_until_the_day_that_was_named() -> None:
    for until, speaks in ((TODAY + _DAY, []), (TODAY, ["sleep-short"])):
        assert ids(SHORT, "today: speed 50", (setting("sleep-short", 0, 7, muted_until=until),)) == speaks
    again = (setting("sleep-short", 0, 7, muted_until=TODAY + _DAY), setting("sleep-short", 1, 7, muted_until=TODAY))
    assert ids(SHORT, "today: speed 50", again) == ["sleep-short"]


def test_a_setting_of_a_rule_that_is_gone_does_no_harm() -> None:
    assert ids(SHORT, "today: speed 50", (setting("no-such-rule", on=False),)) == ["sleep-short"]


def test_the_cap_for_downhill_counts_once_a_coach_has_switched_it_on() -> None:
    plan = told.plan("+1: long 120 down 900; +3: long 120 down 700")
    assert placement(shipped(), plan, {}, TODAY) == ()
    settings = (setting("descent-spike", on=True, edges={"metres": 800}),)
    (found,) = placement(shipped(), plan, {}, TODAY, settings, athlete_id=7)
    assert found.facts == {"days": ["2026-06-11"], "descent": 900, "cap": 800}


def test_breaches_come_in_the_order_of_their_days() -> None:
    plan = told.plan("+1: strength gym 45; +2: speed 50; +3: hills 50; +9: speed 50; +10: long 90")
    found = [(one.rule.id, one.facts["days"][0]) for one in placement(shipped(), plan, {}, TODAY)]
    assert [day for _, day in found] == sorted(day for _, day in found)
    assert ("strength-first", "2026-06-11") in found and ("hard-easy", "2026-06-12") in found
