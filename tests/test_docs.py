"""What the documents say about the program, held against the program."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from bot.__main__ import _parser
from bot.config import ENVIRONMENT

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
OPERATOR = (ROOT / "docs" / "operator.md").read_text("utf-8")
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")


def commands() -> dict[str, argparse.ArgumentParser]:
    action = next(one for one in _parser()._actions if isinstance(one, argparse._SubParsersAction))
    return dict(action.choices)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table under this heading of the operator's page."""
    section = OPERATOR.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [
        line.strip("| ").split(" | ") for line in re.sub(r"\| (?=\|)", "| - ", section).splitlines() if line[:1] == "|"
    ]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_commands_of_make_that_are_named_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    there = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    assert "run" in there
    for page in PAGES:
        # in code, or at the start of an indented line: "we make sure" is no command
        named = re.findall(r"(?:`|^ {4}|&& |\.\.\. )make (?:-C \w+ )?([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
        assert set(named) <= there, page


def test_the_operators_page_names_every_command_of_the_program_and_no_other() -> None:
    named = {cell.strip("`").removeprefix("aidstation ") for cell, _ in table("Commands")}
    assert {name.split()[0] for name in named} == {*commands(), "--version"}
    for page in PAGES:
        used = re.findall(r"(?<![\w-])aidstation ((?:--)?[a-z]+)", page.read_text("utf-8"))
        typed = [word for word in used if f"`aidstation {word}" in page.read_text("utf-8") or word.startswith("--")]
        assert set(typed) <= {*commands(), "--version", "--help"}, page


@pytest.mark.parametrize(("cell", "text"), [pytest.param(*row, id=row[0]) for row in table("Commands")])
def test_the_options_of_each_command_exist(cell: str, text: str) -> None:
    name = cell.strip("`").split()[1]
    options = set(re.findall(r"--[a-z-]+", f"{cell} {text}")) - {"--version"}
    known = commands()[name]._option_string_actions if name in commands() else {}
    assert options <= set(known)
    assert ("--json" in known) == ("--json" in options), "what prints data says so"


def test_every_command_line_of_the_pages_is_understood() -> None:
    names = "|".join(commands())
    lines = [line for page in (README, OPERATOR) for line in re.findall(rf"aidstation ((?:{names})[^`|\n]*)`", page)]
    assert len(lines) > 6
    for line in lines:
        _parser().parse_args(line.split())


def test_the_settings_are_those_of_the_program_with_their_defaults_and_meanings() -> None:
    rows = [tuple(cell.strip("`") if cell != "-" else "" for cell in row) for row in table("Settings")]
    assert rows == [(one.name, one.default, one.help) for one in ENVIRONMENT]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if "://" in target:
            assert target.startswith("https://"), target
        else:
            assert (page.parent / target.split("#")[0]).exists(), target


def test_every_decision_is_listed_and_says_when_and_whether_it_holds() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path.name for path in folder.glob("0*.md"))
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    listed = re.findall(r"^\| \[(\d{4})\]\(([^)]+)\)", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    assert [(name[:4], name) for name in pages] == listed
    for name in pages:
        head = (folder / name).read_text("utf-8").splitlines()[:3]
        assert head[0].startswith(f"# {name[:4]}: ")
        assert re.match(r"\w+ 20\d\d · (holds|replaced by \[\d{4}\])", head[2])


def test_the_glossary_names_each_module_and_none_that_is_gone() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    named = set(re.findall(r"`((?:bot|dialogs|storage|tests)/[\w/]+\.py)`", text))
    code = [path for package in ("bot", "dialogs", "storage") for path in (ROOT / package).rglob("*.py")]
    there = {path.relative_to(ROOT).as_posix() for path in code if path.name != "__init__.py"}
    there = {name for name in there if "/migrations/" not in name}
    listed = set(re.findall(r"^\| `([\w/]+\.py)` \|", text, re.MULTILINE))
    assert listed == there, "the list at the end of the glossary holds every module"
    assert all((ROOT / name).exists() for name in named)


def test_every_dependency_has_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8").split("dependencies = [", 1)[1].split("\n]", 1)[0]
    names = re.findall(r'^  "([A-Za-z0-9_.-]+)', project, re.MULTILINE)
    assert len(names) > 10
    reasons = (ROOT / "docs" / "decisions" / "0001-libraries.md").read_text("utf-8")
    assert [
        name for name in names if not re.search(rf"^\| {re.escape(name)}(\[\w+\])? \|", reasons, re.MULTILINE)
    ] == []
