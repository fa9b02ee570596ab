"""Each rule that is shipped against its table in `tables/`, which a coach can read and object to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from dialogs.rules.book import Rule, shipped
from dialogs.rules.evaluate import Case, action, evaluate, placement
from tests.dialogs.rules import told
from tests.dialogs.rules.told import TODAY

TABLES = sorted(Path(__file__).with_name("tables").glob("*.md"))


@dataclass(frozen=True)
class Row:
    rule: str
    days: str
    plan: str
    happens: str
    place: str


def rows() -> list[Row]:
    found = []
    for page in TABLES:
        rule = ""
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
            if line.startswith("## "):
                rule = line.removeprefix("## ")
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if line.startswith("|") and cells[0] not in ("days", "---"):
                days, plan, happens = cells
                found.append(Row(rule, days, plan, happens, f"{page.stem}.md:{number}"))
    return found


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.rule}-{row.place}") for row in rows()])
def test_what_a_coach_reads_in_the_table_is_what_happens(row: Row) -> None:
    rule = shipped().find(row.rule)
    assert rule is not None
    assert (of_plan if rule.breaches else of_days)(rule, row) == row.happens


def of_days(rule: Rule, row: Row) -> str:
    plan = told.plan(row.plan)
    case = Case(TODAY, told.days(row.days, rule=rule.id), plan)
    fired = next((one for one in evaluate(shipped(), case) if one.rule.id == rule.id), None)
    if fired is None:
        return "no"
    before, after, held = action(fired, plan, TODAY)
    assert [one.id for one in before] == [one.id for one in after]
    changes = ", ".join(map(told.shown, after))
    what = f"{'held' if held else 'asks'}: {changes}" if changes else ""
    return ", ".join(filter(None, ("" if fired.first else "again", what))) or "speaks"


def of_plan(rule: Rule, row: Row) -> str:
    found = placement(shipped(), told.plan(row.plan), told.days(row.days), TODAY)
    days = [[told.label(date.fromisoformat(day)) for day in one.facts["days"]] for one in found if one.rule is rule]
    return "; ".join(" ".join(one) for one in days) or "no"


def test_every_rule_has_a_table_in_which_it_speaks_and_one_line_in_which_it_does_not() -> None:
    for rule in shipped().rules:
        mine = [row.happens for row in rows() if row.rule == rule.id]
        assert "no" in mine, rule.id
        assert not rule.on or any(one != "no" for one in mine), rule.id
    assert {row.rule for row in rows()} == {rule.id for rule in shipped().rules}


def test_the_tables_are_those_of_the_families() -> None:
    assert [page.stem for page in TABLES] == sorted({rule.family for rule in shipped().rules})
    for page in TABLES:
        named = re.findall(r"^## (\S+)$", page.read_text("utf-8"), re.MULTILINE)
        assert named == [rule.id for rule in shipped().rules if rule.family == page.stem]
