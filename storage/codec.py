"""A Person as a row and back.

What queries ask for has a column; every other field, with the open talks, is one JSON object in `facts`, so
that a new question in onboarding needs no migration. pydantic reads and writes the plain dataclasses of
dialogs.model by their type hints: dates, times, tuples and enums come back as what they were.

A field missing in `facts` takes its default (the row is older than the field). A key that no field knows was
written by a newer release and is ignored. Refusing it would stop this athlete's check-ins and pages in the
middle of a rolling upgrade, and keeping it would need a place in the frozen value for what no code here
understands; so it can be lost when the older release saves the row. Hence: a fact that must outlive a
downgrade gets a column (an UPDATE names only the columns it knows), never a key.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter

from dialogs.model import Person

COLUMNS = frozenset(
    {
        "id",
        "name",
        "chat_id",
        "user_id",
        "runs",
        "coaches",
        "coach_id",
        "backup_id",
        "reachable",
        "joined_at",
        # An older release that saves an athlete must not make them an adult.
        "minor",
        "guardian_id",
        "ward_id",
    }
)

ORDERED = tuple(sorted(COLUMNS))
REMEMBERED = 4096  # people; a club's coaches

_PERSON = TypeAdapter(Person)


def person_row(person: Person) -> dict[str, Any]:
    """The columns of a person, but for `id` and `version`."""
    row = {name: getattr(person, name) for name in COLUMNS - {"id"}}
    row["facts"] = _PERSON.dump_python(person, mode="json", exclude=set(COLUMNS))
    return row


def person_from(row: Mapping[str, Any] | sa.RowMapping) -> Person:
    """The person in a row that has at least `COLUMNS` and `facts`."""
    return _PERSON.validate_python({**row["facts"], **{name: row[name] for name in COLUMNS}})


@functools.lru_cache(maxsize=REMEMBERED)
def person_of(row: tuple[Any, ...]) -> Person:
    """The person in a row of `ORDERED` and then `facts` as its text. It follows from the row and nothing else, so the
    one that was read of the same row before is the same person."""
    *columns, facts = row
    return person_from({"facts": json.loads(facts), **dict(zip(ORDERED, columns, strict=True))})
