"""Numbers for help, per country: who sends an ambulance, and who listens when somebody wants to die.

They are data, `help_numbers.toml`, each with its source and the day on which it was compared with it. An
athlete in danger reads them in the first line, so a damaged file must stop the system at its start and not
at that moment: `load` reads and checks the whole of it. A country we do not know, or know no crisis line
for, gets the directory of `[default]`; nobody is left with an empty answer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Line:
    """A crisis line. One at least of `phone`, `text` (what to write, and where to) and `chat` (an address)
    is set.

    `hours` is "24/7" or in the local time of the country; empty means not known. `language` is ISO 639 codes.
    """

    name: str
    phone: str
    text: str
    chat: str
    hours: str
    language: str
    source: str


@dataclass(frozen=True, slots=True)
class Help:
    """What to show. `country` is its English name; the first of `emergency` sends an ambulance.

    `known` is False where the country is not in the file: then say that these are the numbers for anywhere.
    `checked`: the day on which emergency numbers and lines were compared with their sources.
    """

    country: str
    emergency: tuple[str, ...]
    crisis: tuple[Line, ...]
    checked: date
    known: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    countries: Mapping[str, Help]
    default: Help

    def for_country(self, code: str | None) -> Help:
        """The help for an ISO 3166 alpha-2 code in any case; for None or an unknown code, that for
        anywhere.
        """
        return self.countries.get((code or "").strip().upper(), self.default)


@cache
def load() -> Numbers:
    """The packaged numbers, read once. Raises ValueError, naming the entry, if anything is missing or
    malformed.
    """
    try:
        text = files("dialogs").joinpath("help_numbers.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"help numbers are missing: help_numbers.toml cannot be read ({error})") from error
    return parse(text)


def parse(toml: str) -> Numbers:
    """Reads the text of the file. Raises ValueError as `load` does."""
    try:
        data = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"help_numbers.toml is malformed: {error}") from error
    if "default" not in data:
        raise ValueError("help_numbers.toml has no [default]: it is empty or cut short")
    default = _help("default", data.pop("default"), fallback=None)
    if not default.crisis:
        raise ValueError("help_numbers.toml, [default]: needs a crisis line, others fall back to it")
    countries = {code: _help(code, entry, fallback=default) for code, entry in data.items()}
    if not countries:
        raise ValueError("help_numbers.toml has no country: it is empty or cut short")
    return Numbers(countries, default)


def oldest_check(numbers: Numbers) -> date:
    """The day of the entry that was checked longest ago; for `doctor` to complain about."""
    return min(help.checked for help in (*numbers.countries.values(), numbers.default))


_ENTRY = {"name", "emergency", "crisis", "checked", "source", "note"}
_LINE = {"name", "phone", "text", "chat", "hours", "language", "source"}


def _help(code: str, entry: Any, fallback: Help | None) -> Help:
    where = f"help_numbers.toml, [{code}]"
    if fallback is not None and not (len(code) == 2 and code.isascii() and code.isalpha() and code.isupper()):
        raise ValueError(f"{where}: not a country code of two capital letters")
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: not a table")
    _known(where, entry, _ENTRY)
    emergency = entry.get("emergency")
    if not isinstance(emergency, list) or not emergency:
        raise ValueError(f"{where}: needs emergency, a list of numbers")
    for number in emergency:
        if not isinstance(number, str) or not number.isascii() or not number.isdecimal():
            raise ValueError(f"{where}: {number!r} is no emergency number; write it as digits in quotes")
    checked = entry.get("checked")
    if not isinstance(checked, date) or isinstance(checked, datetime):
        raise ValueError(f"{where}: needs checked, the day it was compared with its source, like 2026-11-22")
    _text(where, entry, "source")
    crisis = entry.get("crisis", [])
    if not isinstance(crisis, list):
        raise ValueError(f"{where}: crisis is a list of [[{code}.crisis]]")
    lines = tuple(_line(f"{where}, crisis line {place}", line) for place, line in enumerate(crisis, start=1))
    return Help(
        country=_text(where, entry, "name"),
        emergency=tuple(emergency),
        crisis=lines or (fallback.crisis if fallback else ()),
        checked=checked,
        known=fallback is not None,
    )


def _line(where: str, line: Any) -> Line:
    if not isinstance(line, dict):
        raise ValueError(f"{where}: not a table")
    _known(where, line, _LINE)
    phone, text, chat = (_text(where, line, way, optional=True) for way in ("phone", "text", "chat"))
    if not (phone or text or chat):
        raise ValueError(f"{where}: needs a phone, a text or a chat")
    if phone and not phone.replace(" ", "").removeprefix("*").isdecimal():
        raise ValueError(f"{where}: {phone!r} cannot be dialled; write digits and spaces")
    if chat and not chat.startswith("https://"):
        raise ValueError(f"{where}: {chat!r} is no https address")
    for needed in ("hours", "language"):
        if needed not in line:
            raise ValueError(f'{where}: needs {needed}; write "" where it is not known')
    return Line(
        name=_text(where, line, "name"),
        phone=phone,
        text=text,
        chat=chat,
        hours=_text(where, line, "hours", optional=True),
        language=_text(where, line, "language", optional=True),
        source=_text(where, line, "source"),
    )


def _text(where: str, table: dict[str, Any], name: str, optional: bool = False) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or not (value.strip() or optional):
        raise ValueError(f"{where}: needs {name}, in words")
    return value.strip()


def _known(where: str, table: dict[str, Any], fields: set[str]) -> None:
    if unknown := sorted(set(table) - fields):
        raise ValueError(f"{where}: unknown field {unknown[0]!r}")
