"""The rule book: rule files read, checked and ready to be asked. All of it, or none.

    *.yaml  --lines-->  plain values + line numbers  --form-->  pydantic models  --compile-->  Rule, Rule, ...  = Book

A file is one family of rules. What is wrong in it is told as `file:line rule "id": what was meant`, all of it at once,
and a book with one wrong line is no book: half a rule book would be silence that nobody notices. What is shipped lies
beside this file and is read once; other books come as texts (`parse`), since nothing here opens files.

The models are for reading. What is asked thousands of times is made of functions over plain values, see `conditions`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import ValidationError

from dialogs.levels import Level
from dialogs.rules import checks, conditions, form, lines, placements
from dialogs.rules.conditions import Numbers, Test

MOST = 200  # rules in one book
TOLD = 50  # problems of one book that are told
CLOSE = 0.6  # difflib's ratio, from which on a word is offered as what was meant


class RulesError(ValueError):
    """A rule book that cannot be. `problems`: one line each, `file:line rule "id": what was meant`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Edge:
    """A threshold that a coach may move between `least` and `to`, by `step` where the file names one. In the book
    `value` is what was shipped; in the rule of a `Fired` it is what counts for that athlete."""

    value: float
    least: float
    to: float
    step: float | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `explain` is said with the values of its edges in it.

    tests       all must hold; of a rule about days
    breaches    what it finds in a plan; of a rule about plans, which has no tests. One of the two is empty
    numbers     the value of each edge, for `tests` and `breaches`
    alone       what it may do without asking: "hold", "ease" or "nothing"
    spell       so many days after it last spoke it is new again
    family      the file that it stands in, without its ending; `place` is its place in the book
    """

    id: str
    title: str
    source: str
    level: Level
    owner: str
    on: bool
    edges: Mapping[str, Edge]
    then: form.Tell | form.Ease | form.Hold | form.Relay | form.Step | form.Quiet
    explain: str
    alone: str
    spell: int
    family: str
    place: int
    line: int
    form: form.RuleForm
    tests: tuple[Test, ...]
    breaches: tuple[placements.Search, ...]
    numbers: Numbers

    def with_edges(self, numbers: Numbers) -> Rule:
        """The same rule with these values of its edges, in its words too."""
        edges = {name: replace(edge, value=numbers.get(name, edge.value)) for name, edge in self.edges.items()}
        return replace(self, edges=edges, numbers=_values(edges), explain=_said(self.form.explain, edges))


@dataclass(frozen=True, slots=True)
class Book:
    """`rules` in the order of the files, which are read in the order of their names."""

    rules: tuple[Rule, ...]
    by_id: Mapping[str, Rule] = field(repr=False)

    def find(self, id: str) -> Rule | None:
        return self.by_id.get(id)


@cache
def shipped() -> Book:
    """The book that comes with the program, read once. Raises RulesError for a damaged one: then nothing starts."""
    folder = files("dialogs.rules")
    try:
        found = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.endswith(".yaml")}
    except OSError as error:
        raise RulesError([f"the rule files that are shipped cannot be read ({error})"]) from error
    return parse(found)


def parse(texts: Mapping[str, bytes | str]) -> Book:
    """A book from its files, by name ("pain.yaml"). Raises RulesError, which names all that is wrong."""
    problems: list[str] = []
    rules: list[Rule] = []
    for name in sorted(texts):
        data = texts[name]
        data = data.encode() if isinstance(data, str) else data
        try:
            rules += _file(name, lines.read(data), problems)
        except lines.Unreadable as error:
            problems.append(f"{name}:{error.line}{_around(data, error.line)} {error.why}")
    if not texts:
        problems.append("there is no rule file (NAME.yaml)")
    elif not rules and not problems:
        problems.append(f"{min(texts)}:1 there is no rule in it")
    _together(rules, problems)
    if problems:
        more = [f"and {len(problems) - TOLD} more"] if len(problems) > TOLD else []
        raise RulesError([*problems[:TOLD], *more])
    numbered = tuple(replace(rule, place=place) for place, rule in enumerate(rules))
    return Book(numbered, {rule.id: rule for rule in numbered})


def _file(name: str, read: lines.Read, problems: list[str]) -> list[Rule]:
    if read.value is None:
        return []  # comments only
    if not isinstance(read.value, list):
        problems.append(f"{name}:1 a rule file is a list: each rule begins with '- id: ...'")
        return []
    found = []
    for number, value in enumerate(read.value):
        id = value.get("id") if isinstance(value, dict) else None
        called = f'rule "{id}"' if id else f"rule {number + 1}"
        try:
            # As JSON, where a list may become a tuple and a word a level, and 1 is still no truth value.
            meant = form.RuleForm.model_validate_json(json.dumps(value))
        except ValidationError as error:
            for one in error.errors(include_url=False):
                at, why = _meant(one, value)
                problems.append(f"{name}:{read.line((number, *at))} {called}: {why}")
        else:
            found.append(_compiled(meant, name.removesuffix(".yaml"), read.line((number,))))
    return found


def _compiled(meant: form.RuleForm, family: str, line: int) -> Rule:
    edges = {name: Edge(one.value, one.least, one.to, one.step, one.title) for name, one in meant.edges.items()}
    of_plan = any(isinstance(one, checks.OfPlan) for one in meant.checks())
    return Rule(
        meant.id, meant.title, meant.source, Level(meant.level), meant.owner, meant.on, edges, meant.then,
        _said(meant.explain, edges), meant.alone, meant.spell, family, 0, line, meant,
        () if of_plan else tuple(conditions.compiled(one) for one in meant.when),
        tuple(placements.compiled(one) for one in meant.checks() if isinstance(one, checks.OfPlan)),
        _values(edges),
    )  # fmt: skip


def _values(edges: Mapping[str, Edge]) -> Numbers:
    return {name: edge.value for name, edge in edges.items()}


def _said(words: str, edges: Mapping[str, Edge]) -> str:
    return " ".join(words.split()).format_map({name: f"{edge.value:g}" for name, edge in edges.items()})


# --- what the rules of a book owe each other ------------------------------------------------------------------------


def _together(rules: Sequence[Rule], problems: list[str]) -> None:
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in first:
            there = first[rule.id]
            problems.append(f"{_where(rule)}: this id is taken, by {there.family}.yaml:{there.line}")
        first.setdefault(rule.id, rule)
    if len(rules) > MOST:
        problems.append(f"a book has at most {MOST} rules; these are {len(rules)}")
    if problems:
        return  # a rule that could not be read is missed by others, and that is no mistake of theirs
    names = {rule.id: _names(rule) for rule in rules}
    for rule in rules:
        for name in names[rule.id]:
            if name not in first:
                problems.append(f"{_where(rule)}: no rule is called {name!r}{_near(name, first)}")
            elif isinstance(rule.then, form.Quiet) and name in rule.then.rules and first[name].level > Level.NOTE:
                problems.append(f"{_where(rule)}: {name} is of level {first[name].level}; only notes may be kept quiet")
        if _leads_to(rule.id, rule.id, names):
            problems.append(f"{_where(rule)}: it waits for itself, by way of {', '.join(names[rule.id])}")


def _names(rule: Rule) -> tuple[str, ...]:
    """The other rules that this one speaks of."""
    waits = [name for one in rule.form.checks() if isinstance(one, checks.FiredBefore) for name in one.rules]
    return (*waits, *(rule.then.rules if isinstance(rule.then, form.Quiet) else ()))


def _leads_to(start: str, end: str, names: Mapping[str, tuple[str, ...]]) -> bool:
    seen: set[str] = set()
    ahead = list(names[start])
    while ahead:
        one = ahead.pop()
        if one == end:
            return True
        if one not in seen:
            seen.add(one)
            ahead += names.get(one, ())
    return False


def _around(data: bytes, line: int) -> str:
    """Which rule stands there, of a file that cannot be read: the last id above."""
    above = b"\n".join(data.split(b"\n")[:line])
    found = re.findall(rb"^\s*-\s+id:\s*([a-z0-9-]{1,40})", above, re.MULTILINE)
    return f' rule "{found[-1].decode()}":' if found else ""


def _where(rule: Rule) -> str:
    return f'{rule.family}.yaml:{rule.line} rule "{rule.id}"'


# --- errors, in words -----------------------------------------------------------------------------------------------

_TAGS = ("any", "check", "number", "edge")  # steps of pydantic's path that stand in no file


def _meant(error: Mapping[str, Any], value: Any) -> tuple[lines.Path, str]:
    """Where it is wrong, by path in the file, and what was meant."""
    path = _path(error["loc"], value)
    at = ".".join(str(one) for one in path if isinstance(one, str))
    given, more = error.get("input"), error.get("ctx") or {}
    match error["type"]:
        case "extra_forbidden":
            key = str(path[-1])
            return path, f"unknown key {key!r}{_near(key, _keys(error['loc']))}"
        case "missing":
            return path[:-1], f"needs {path[-1]!r}" + (f" in {at.rpartition('.')[0]}" if "." in at else "")
        case "union_tag_invalid" | "union_tag_not_found":
            key = re.sub(r"[^a-z_]", "", str(more.get("discriminator", "check")))
            known = re.findall(r"'([a-z_]+)'", str(more.get("expected_tags", ""))) or _known(key)
            name = given.get(key) if isinstance(given, Mapping) else None
            if name is None and isinstance(given, Mapping) and "any" in given:
                return path, "a group of any holds no further group"
            if name is None:
                return path, f"{at} needs {key!r}: one of {', '.join(known)}"
            what = "check" if key == "check" else "action"
            return (*path, key), f"no {what} is called {name!r}{_near(str(name), known)}"
        case "literal_error":
            known = re.findall(r"'([^']+)'", str(more.get("expected", "")))
            return path, f"{at} is {_shown(given)}, not one of {', '.join(known)}{_near(str(given), known)}"
        case "value_error":
            return path, str(more.get("error", error["msg"]))
        case "string_pattern_mismatch":
            return path, f"{at} is {_shown(given)}: small letters, digits and single hyphens, like sleep-short"
        case _:
            return path, f"{at or 'a rule'}: {_told(error['msg'])}, not {_shown(given)}"


def _path(loc: Sequence[str | int], value: Any) -> lines.Path:
    """pydantic's path without the names of its branches."""
    path: list[str | int] = []
    part = value
    for place, step in enumerate(loc):
        if place == 2 and loc[0] == "when":
            continue  # "check" or "any": which of the two it is, though the mapping may have a key of that name
        if isinstance(part, dict) and step in part:
            part = part[step]
        elif isinstance(part, list) and isinstance(step, int) and step < len(part):
            part = part[step]
        elif place < len(loc) - 1 or step in _TAGS:
            continue
        path.append(step)
    return tuple(path)


def _keys(loc: Sequence[str | int]) -> list[str]:
    """The names that may stand where the last one of this path does."""
    models = {**checks.CHECKS, **form.ACTIONS}
    model = next((models[one] for one in reversed(loc[:-1]) if one in models), form.RuleForm)
    if "edges" in loc[:-1]:
        model = form.Edge
    elif "any" in loc[:-1] and loc[-2] == "any":
        model = checks.AnyOf
    return [one.alias or name for name, one in model.model_fields.items()]


def _known(key: str) -> list[str]:
    return list(checks.CHECKS if key == "check" else form.ACTIONS)


def _near(word: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(word, list(known), 1, CLOSE)
    return f"; did you mean {found[0]!r}?" if found else ""


def _told(message: str) -> str:
    message = re.sub(r"^(?:Input should be|(?:Tuple|String|Dictionary) should have) ", "needs ", message)
    return message.replace("needs an object", "needs a mapping (name: value)").replace(" after validation", "")


def _shown(given: object) -> str:
    text = "nothing" if given is None else json.dumps(given, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
