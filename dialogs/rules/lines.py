"""A YAML file -> plain values, and where each of them stands.

Only as much of YAML as a rule file needs: mappings, lists, words, numbers, true and false. An anchor (`&name`) and what
refers to it (`*name`) are refused: a file may not refer into itself, and so it cannot run in circles or unfold to more
than what is written. So are tags, a second document, and what is too large or too deep to have been written by
hand. All of that is decided on the stream of events, before anything is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    NodeEvent,
    ScalarEvent,
)
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from dialogs.model import Json

LARGEST = 200_000  # bytes; the book that is shipped has a tenth of it
DEEPEST = 8  # levels of lists and mappings; a rule needs five
LARGEST_NUMBER = 1_000_000

Path = tuple[str | int, ...]


class Unreadable(Exception):
    """`line` counts from 1."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


@dataclass(frozen=True, slots=True)
class Read:
    """`value`, and the line (from 1) of each part of it by its path of keys and numbers; () is the whole."""

    value: Json
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """Where this stands, or the nearest thing around it that stands anywhere."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def read(data: bytes) -> Read:
    """Raises Unreadable."""
    if len(data) > LARGEST:
        raise Unreadable(1, f"the file has {len(data):,} bytes; a rule file has at most {LARGEST:,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(data[: error.start].count(b"\n") + 1, "the file is not UTF-8 text") from error
    try:
        _refuse(text)
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 1, f"this is no YAML: {error.problem or error.context}") from error
    except (YAMLError, ValueError) as error:  # a character that no text has
        raise Unreadable(1, f"this is no YAML: {error}".splitlines()[0]) from error
    lines: dict[Path, int] = {(): 1}
    return Read(None if node is None else _plain(node, (), lines), lines)


def _refuse(text: str) -> None:
    depth = documents = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        line = event.start_mark.line + 1
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise Unreadable(line, f"a rule file may not refer into itself: write out what {event.anchor!r} stands for")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag:
            raise Unreadable(line, f"tags like {event.tag} have no meaning here")
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(line, "a rule file is one document: take out the line ---")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > DEEPEST:
            raise Unreadable(line, f"this is nested deeper than {DEEPEST} levels; a rule has at most five")


def _plain(node: Node, path: Path, lines: dict[Path, int]) -> Json:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        found: dict[str, Json] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise Unreadable(line, "a name must be a word")
            if key.value in found:
                raise Unreadable(line, f"{key.value!r} stands here twice, first in line {lines[(*path, key.value)]}")
            lines[(*path, key.value)] = line
            found[key.value] = _plain(value, (*path, key.value), lines)
        return found
    if isinstance(node, SequenceNode):
        return [_plain(one, (*path, number), lines) for number, one in enumerate(node.value)]
    return _scalar(node)


def _scalar(node: Node) -> Json:
    kind, text = str(node.tag).rpartition(":")[2], str(node.value)
    match kind:
        case "bool":
            return text.casefold() == "true"
        case "null":
            return None
        case "int" | "float":
            try:
                number = float(text)
            except ValueError:  # 0x1f, 1_000, .inf: YAML has more ways to write a number than a coach needs
                number = float("nan")
            if not abs(number) <= LARGEST_NUMBER:
                raise Unreadable(node.start_mark.line + 1, f"{text} is no number that a rule can use")
            return int(number) if kind == "int" else number
        case _:
            return text
