"""How the tests of `deploy/` read its files: a Dockerfile as instructions, units as settings, a page's commands."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def instructions(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile in their order, comments dropped, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in found]


def stages(text: str) -> list[list[tuple[str, str]]]:
    """The same, one list for each FROM."""
    parts: list[list[tuple[str, str]]] = []
    for word, rest in instructions(text):
        if word == "FROM":
            parts.append([])
        if parts:
            parts[-1].append((word, rest))
    return parts


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A systemd unit: section -> setting -> its values in order."""
    sections: dict[str, dict[str, list[str]]] = {}
    settings: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            settings = sections.setdefault(line.strip("[]"), {})
        elif line and line[0] not in "#;":
            name, value = line.split("=", 1)
            settings.setdefault(name, []).append(value)
    return sections


def blocks(page: str) -> list[list[str]]:
    """The indented command lines of a Markdown page, block by block; a line that ends in a backslash goes on."""
    found = re.findall(r"(?:^ {4}\S.*\n(?: *\n(?= {4}))?)+", page.replace("\\\n", " "), re.MULTILINE)
    return [[line[4:] for line in block.splitlines() if line.strip()] for block in found]
