"""docs/rules.md says what the rule files say."""

from __future__ import annotations

import re

from dialogs.rules.book import shipped
from tests.dialogs.rules.page import PAGE, page


def test_the_page_of_the_rules_is_not_stale() -> None:
    assert PAGE.read_text("utf-8") == page(shipped()), "make it anew: python -m tests.dialogs.rules"


def test_the_page_names_every_rule_with_its_source_and_what_it_may_do_alone() -> None:
    made = page(shipped())
    for rule in shipped().rules:
        part = made.split(f"`{rule.id}` · ", 1)[1].split("### ", 1)[0]
        assert rule.explain in part and f"alone: {rule.alone}" in part
        assert rule.source.replace("|", "\\|") in part


def test_the_page_says_why_two_well_known_rules_are_not_there() -> None:
    made = page(shipped())
    assert "ACWR" in made and "10 % week" in made
    assert not [rule.id for rule in shipped().rules if re.search("acwr|ratio|ten-percent", rule.id)]


def test_the_page_claims_nothing_about_injuries() -> None:
    made = page(shipped()).casefold()
    assert not re.search(r"predict|diagnos|detect|\bclears?\b|\bsafe\b|prevents? injur", made)
