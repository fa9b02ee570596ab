"""Sessions and weeks to start from, out of `library.toml`: what a coach picks from in the chat."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from dialogs.model import Plan, Session
from dialogs.plan import FORMS, KINDS, new_id

_FILE = Path(__file__).with_name("library.toml")


@dataclass(frozen=True, slots=True)
class Item:
    """A session without a day; `session.id` and `session.day` mean nothing yet."""

    id: str
    title: str
    session: Session


@dataclass(frozen=True, slots=True)
class Block:
    """One week: the items of each of its seven days, Monday first."""

    id: str
    title: str
    days: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Library:
    items: Mapping[str, Item]
    blocks: Mapping[str, Block]

    def session(self, item: str, plan: Plan, day: date, used: tuple[str, ...] = ()) -> Session:
        """This item on that day, with an id that nobody has in the plan, nor is `used`. KeyError: no such item."""
        return replace(self.items[item].session, id=new_id(plan, day, used), day=day)

    def week(self, block: str, plan: Plan, monday: date, first: date) -> tuple[Session, ...]:
        """The block in the week of `monday`, from the day `first` on. KeyError: no such block."""
        laid: list[Session] = []
        for number, items in enumerate(self.blocks[block].days):
            day = monday + timedelta(days=number)
            if day >= first:
                for item in items:
                    laid.append(self.session(item, plan, day, tuple(one.id for one in laid)))
        return tuple(laid)


@functools.cache
def load() -> Library:
    """Raises ValueError for a library that cannot be: then the program does not start."""
    data = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    items = {id: Item(id, str(row.pop("title")), _session(id, row)) for id, row in data["session"].items()}
    blocks = {
        id: Block(id, row["title"], tuple(tuple(day.split("+")) for day in row["days"]))
        for id, row in data["block"].items()
    }
    for block in blocks.values():
        if len(block.days) != 7 or any(item not in items for day in block.days for item in day):
            raise ValueError(f"block {block.id}: a week has seven days of sessions that are in the library")
    return Library(items, blocks)


def _session(id: str, row: Mapping[str, object]) -> Session:
    session = Session(id="", day=date.min, **row)  # type: ignore[arg-type]
    if session.kind not in KINDS or (session.form is not None) != (session.kind == "strength"):
        raise ValueError(f"session {id}: kinds are {', '.join(KINDS)}; strength has a form, and nothing else has")
    if session.form is not None and session.form not in FORMS:
        raise ValueError(f"session {id}: forms are {', '.join(FORMS)}")
    return session
