"""Reading rule files: what is wrong is told in words, with its line, and a book with one wrong line is no book."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dialogs.levels import Level
from dialogs.rules import book as module
from dialogs.rules.book import RulesError, parse, shipped
from dialogs.rules.form import ALONE, Ease, Hold
from dialogs.rules.lines import LARGEST

GOOD = """\
# A comment may stand anywhere.
- id: a-rule
  title: "A rule"
  source: "somebody 2020"
  level: note
  owner: coach
  on: true
  edges:
    hours: {is: 6, from: 4, to: 8, step: 0.5, title: "hours under"}  # also here
  when:
    - {check: sleep_hours, under: {edge: hours}, nights: 2, of_last: 3}
    - any:
        - {check: next_hard, within: 1}
        - {check: race_within, days: 3}
  then: {do: ease, what: hard, days: 2, to: easy}
  explain: "Under {hours} hours."
  alone: ease
  spell: 7
"""
REFERS = GOOD.replace("{check: race_within, days: 3}", "{check: fired, rules: [NAME], of_last: 3}")


def problems(text: str | bytes, name: str = "my.yaml") -> list[str]:
    with pytest.raises(RulesError) as caught:
        parse({name: text})
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


def test_a_good_file_is_read() -> None:
    (rule,) = parse({"my.yaml": GOOD}).rules
    assert (rule.id, rule.level, rule.family, rule.line) == ("a-rule", Level.NOTE, "my", 2)
    assert rule.explain == "Under 6 hours."
    assert (rule.edges["hours"].value, rule.edges["hours"].least, rule.edges["hours"].to) == (6, 4, 8)
    assert rule.with_edges({"hours": 5.5}).explain == "Under 5.5 hours."


@pytest.mark.parametrize(
    ("was", "becomes", "line", "told"),
    [
        ("check: sleep_hours", "check: sleep_hour", 11, "no check is called 'sleep_hour'; did you mean 'sleep_hours'?"),
        ("nights: 2", "nigths: 2", 11, "unknown key 'nigths'; did you mean 'nights'?"),
        ("  explain:", "  explian:", 16, "unknown key 'explian'; did you mean 'explain'?"),
        ("level: note", "level: todai", 5, "level is \"todai\", not one of now, today, concern, note; did you mean"),
        ("level: note", "level: none", 5, "level is \"none\", not one of"),
        ("do: ease", "do: easy", 15, "no action is called 'easy'; did you mean 'ease'?"),
        ("owner: coach", "owner: bot", 6, 'owner is "bot", not one of coach'),
        ("  spell: 7\n", "", 2, "needs 'spell'"),
        ("spell: 7", "spell: 99", 18, "spell: needs less than or equal to 40, not 99"),
        ("nights: 2", "nights: 4", 11, "nights: 4 cannot be more than of_last: 3"),
        ("nights: 2", 'nights: "2"', 11, 'when.nights: needs a valid integer, not "2"'),
        ("on: true", "on: yes", 7, 'on: needs a valid boolean, not "yes"'),
        ("on: true", "on: 1", 7, "on: needs a valid boolean, not 1"),
        ("is: 6", "is: 9", 9, "is: 9 does not lie between from: 4 and to: 8"),
        ("to: 8", "to: 20", 2, "edge hours: its to is more than the check or action allows: 20 is not between 1"),
        ("{edge: hours}", "{edge: hour}", 2, "{edge: hour} is not among the edges of this rule (hours)"),
        ("under: {edge: hours}", "under: 6", 2, "edge hours is used by no check and no action"),
        ("under: {edge: hours}", "under: 60", 11, "60 is not between 1 and 12"),
        ("alone: ease", "alone: hold", 2, "alone: hold does not fit do: ease, which may be alone: ease or nothing"),
        ("do: ease, what: hard, days: 2, to: easy", "do: tell", 2, "alone: ease does not fit do: tell"),
        ("{hours} hours", "{our} hours", 2, "explain: {our} is not among the edges of this rule"),
        ("{hours} hours", "{hours hours", 2, "explain: a brace stands alone"),
        ("{hours} hours", "{hours.value} hours", 2, "explain: {hours.value} is not among the edges"),
        ("to: easy", "to: short", 15, "to: short needs at_most, in minutes"),
        ("to: easy", "to: snack", 15, "to: snack is a form of strength: what: strength"),
        ("id: a-rule", "id: A Rule", 2, 'id is "A Rule": small letters, digits and single hyphens'),
        ("{check: race_within, days: 3}", "{any: []}", 14, "a group of any holds no further group"),
        ("{check: race_within, days: 3}", "{days: 3}", 14, "when.any needs 'check': one of sleep_hours, low_items"),
        ("{check: race_within, days: 3}", "race", 14, 'when.any: needs a mapping (name: value), not "race"'),
        ("{check: race_within, days: 3}", "{check: hard_in_a_row}", 2, "it goes with no check of days"),
        ("title: \"A rule\"", "title: \"" + 40 * "x" + '"', 3, "title: needs at most 28 characters"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_was_meant(was: str, becomes: str, line: int, told: str) -> None:
    assert was in GOOD
    found = problems(GOOD.replace(was, becomes))
    assert any(one.startswith(f"my.yaml:{line} rule ") and told in one for one in found), found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD.replace("on: true", "level: today"), "my.yaml:7 rule \"a-rule\": 'level' stands here twice, first in"),
        (GOOD.replace("is: 6,", "is: 6, is: 7,"), "my.yaml:9 rule \"a-rule\": 'is' stands here twice"),
        ("- &a {id: x}\n- *a\n", "my.yaml:1 a rule file may not refer into itself: write out what 'a' stands for"),
        ("- &a [*a]\n", "my.yaml:1 a rule file may not refer into itself"),
        (GOOD.replace("level: note", "level: *n"), "my.yaml:5 rule \"a-rule\": a rule file may not refer into itself"),
        (GOOD.replace("level: note", "level: !!python/object:os.system note"), "my.yaml:5 rule \"a-rule\": tags like"),
        (GOOD.replace("is: 6", "is: .inf"), "my.yaml:9 rule \"a-rule\": .inf is no number that a rule can use"),
        (GOOD.replace("is: 6", "is: 99999999999999999999"), "my.yaml:9 rule \"a-rule\": 9999999999"),
        ("[" * 100_000, "my.yaml:1 this is nested deeper than 8 levels"),
        ("- " * 50_000, "my.yaml:1 this is nested deeper than 8 levels"),
        ("- [a", "my.yaml:1 this is no YAML"),
        ("- a\x00b", "my.yaml:1 this is no YAML"),
        ("", "my.yaml:1 there is no rule in it"),
        ("# only words\n", "my.yaml:1 there is no rule in it"),
        ("id: x\n", "my.yaml:1 a rule file is a list"),
        ("- 3\n", "my.yaml:1 rule 1: a rule: needs a mapping (name: value), not 3"),
        ("---\n- {}\n---\n- {}\n", "my.yaml:3 a rule file is one document"),
        (b"- id: gr\xfcn\n", "my.yaml:1 rule \"gr\": the file is not UTF-8 text"),
        (b"#" * (LARGEST + 1), f"my.yaml:1 the file has {LARGEST + 1:,} bytes"),
    ],
)  # fmt: skip
def test_what_is_no_rule_file_is_told_in_words(text: str | bytes, told: str) -> None:
    found = problems(text)
    assert any(one.startswith(told) for one in found), found


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    data = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert [rule.id for rule in parse({"my.yaml": data}).rules] == ["a-rule"]


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_kept() -> None:
    with pytest.raises(RulesError) as caught:
        parse({"b.yaml": GOOD.replace("spell: 7", "spell: 0"), "a.yaml": GOOD, "c.yaml": "- [", "d.yaml": GOOD})
    told = [one.split(" ")[0] for one in caught.value.problems]
    assert told == ["b.yaml:18", "c.yaml:1", "d.yaml:2"]
    assert "this id is taken, by a.yaml:2" in caught.value.problems[2]


def test_a_thousand_mistakes_are_not_read_out() -> None:
    found = problems("- {}\n" * 1000)
    assert len(found) == module.TOLD + 1
    assert re.fullmatch(r"and \d+ more", found[-1])


def test_no_file_is_no_book() -> None:
    with pytest.raises(RulesError, match="there is no rule file"):
        parse({})


def test_rules_that_are_named_exist_and_do_not_wait_for_each_other() -> None:
    other = GOOD.replace("a-rule", "b-rule")
    assert parse({"a.yaml": REFERS.replace("NAME", "b-rule"), "b.yaml": other})
    assert "no rule is called 'c-rule'; did you mean 'a-rule'?" in problems(REFERS.replace("NAME", "c-rule"))[0]
    assert "it waits for itself" in problems(REFERS.replace("NAME", "a-rule"))[0]
    with pytest.raises(RulesError) as caught:
        parse(
            {
                "a.yaml": REFERS.replace("NAME", "b-rule"),
                "b.yaml": REFERS.replace("a-rule", "b-rule").replace("NAME", "a-rule"),
            }
        )
    assert [one.split(": ")[1][:20] for one in caught.value.problems] == ["it waits for itself,"] * 2


def test_only_notes_may_be_kept_quiet() -> None:
    quiet = (
        GOOD.replace("a-rule", "quiet")
        .replace("{do: ease, what: hard, days: 2, to: easy}", "{do: quiet, rules: [a-rule]}")
        .replace("alone: ease", "alone: nothing")
    )
    assert parse({"a.yaml": GOOD, "b.yaml": quiet})
    with pytest.raises(RulesError, match="a-rule is of level concern; only notes may be kept quiet"):
        parse({"a.yaml": GOOD.replace("level: note", "level: concern"), "b.yaml": quiet})


@pytest.mark.parametrize("action", ["{do: relay, within: 3}", "{do: step, minutes: [20], within: 3}"])
def test_what_adds_load_may_never_be_done_alone(action: str) -> None:
    needed = "{check: missed, why: [life], of_last: 2}" if "relay" in action else "{check: ran_well, effort: 4}"
    text = GOOD.replace("{do: ease, what: hard, days: 2, to: easy}", action)
    text = text.replace("  when:\n", f"  when:\n    - {needed}\n")
    assert parse({"my.yaml": text.replace("alone: ease", "alone: nothing")})
    for alone in ("ease", "hold"):
        assert "which may be alone: nothing" in problems(text.replace("alone: ease", f"alone: {alone}"))[0]
    without = text.replace(f"    - {needed}\n", "").replace("alone: ease", "alone: nothing")
    assert "takes up what the check" in problems(without)[0]


def test_a_breach_in_a_plan_is_only_told() -> None:
    text = re.sub(r"  when:\n(?:    .*\n)+", "  when:\n    - {check: hard_in_a_row}\n", GOOD)
    text = re.sub(r"  edges:\n.*\n", "", text).replace("Under {hours} hours.", "Two in a row.")
    assert "a breach in a plan is shown and never mended" in problems(text)[0]
    told = text.replace("{do: ease, what: hard, days: 2, to: easy}", "{do: tell}").replace(
        "alone: ease", "alone: nothing"
    )
    (rule,) = parse({"my.yaml": told}).rules
    assert rule.breaches and not rule.tests


# --- what is shipped ------------------------------------------------------------------------------------------------


def test_the_shipped_rules_are_those_of_the_files_and_read_once() -> None:
    files = {path.name: path.read_bytes() for path in Path(module.__file__).parent.glob("*.yaml")}
    assert [rule.id for rule in parse(files).rules] == [rule.id for rule in shipped().rules]
    assert shipped() is shipped()
    assert shipped().find("sleep-short") is not None and shipped().find("no-such") is None


def test_every_rule_of_the_coaching_notes_is_there() -> None:
    ids = {rule.id for rule in shipped().rules}
    assert ids >= {
        "sleep-short", "low-streak", "harder-than-meant", "pain-bone", "pain-stop", "pain-new", "pain-lasts", "ill",
        "busy-day", "missed-not-crammed", "back-from-break", "long-run-spike", "hard-easy", "strength-dose",
        "strength-taper", "taper-quiet", "descent-spike",
    }  # fmt: skip
    assert [rule.id for rule in shipped().rules if not rule.on] == ["descent-spike"]


def test_no_shipped_rule_says_more_than_it_knows() -> None:
    for rule in shipped().rules:
        said = f"{rule.title} {rule.source} {rule.explain}".casefold()
        assert not re.search(r"predict|diagnos|detect|\bclears?\b|\bsafe\b|you can run|should have|lazy", said), rule.id
        assert rule.explain.endswith((".", "?")) and len(rule.explain) < 300, rule.id


def test_what_shipped_rules_do_alone_is_to_hold_or_ease() -> None:
    for rule in shipped().rules:
        assert rule.alone == "nothing" or rule.alone in ALONE[rule.then.do]
        assert (rule.alone != "nothing") == isinstance(rule.then, Ease | Hold), rule.id


def test_a_button_of_a_shipped_rule_fits() -> None:
    for rule in shipped().rules:
        for name in rule.edges:
            assert len(f"redge:{rule.id}:{2**31}:{name}:less".encode()) <= 60, rule.id


def test_a_damaged_installation_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "files", lambda _: tmp_path / "nowhere")
    shipped.cache_clear()
    try:
        with pytest.raises(RulesError, match="cannot be read"):
            shipped()
    finally:
        shipped.cache_clear()
