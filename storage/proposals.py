"""What the rules want of a plan (proposals, for a human to decide), and what coaches have set of the rules.

Proposals are saved by compare-and-swap on their version, as escalations are (storage.journal): of two coaches who
decide in the same instant one finds the version it has read, the other raises Conflict, takes the turn again, and reads
what was decided. Settings are only appended; which one counts is for the rule book to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dialogs.model import Proposal, Setting
from storage.db import Conflict
from storage.plans import as_json, from_json
from storage.schema import proposal, setting, upsert

_COLUMNS = {name: name for name in Proposal.__dataclass_fields__} | {"decided_by": "decider_id"}
_FIXED = ("id", "version", "short", "athlete_id", "rule", "raised_at")
_athletes: sa.BindParameter[Any] = sa.bindparam("athletes", expanding=True)

_PROPOSALS = sa.select(*(proposal.c[column].label(name) for name, column in _COLUMNS.items())).order_by(proposal.c.id)
# A constraint says that open is what has no `decided_at`. Locked in the order of their ids, like escalations.
_OPEN = _PROPOSALS.where(proposal.c.athlete_id.in_(_athletes), proposal.c.decided_at.is_(None)).with_for_update(
    key_share=True
)
_RECENT = _PROPOSALS.where(
    proposal.c.athlete_id.in_(_athletes),
    sa.or_(proposal.c.decided_at.is_(None), proposal.c.decided_at >= sa.bindparam("since")),
)
_PUT = upsert(proposal).on_conflict_do_nothing(index_elements=["short"])
_CHANGE = (
    sa.update(proposal)
    .where(
        proposal.c.id == sa.bindparam("row_id"),
        proposal.c.athlete_id == sa.bindparam("athlete"),  # what the turn may reach was judged by this
        proposal.c.version == sa.bindparam("read_version"),
    )
    .values(
        version=proposal.c.version + 1,
        **{
            column: sa.bindparam(f"new_{name}", type_=proposal.c[column].type)
            for name, column in _COLUMNS.items()
            if name not in _FIXED
        },
    )
)

_SETTING = (
    setting.c.rule,
    setting.c.coach_id,
    setting.c.at,
    setting.c.athlete_id,
    setting.c.is_on.label("on"),
    setting.c.edges,
    setting.c.muted_until,
    setting.c.by_id,
)
_SETTINGS = (
    sa.select(*_SETTING)
    .where(
        sa.or_(
            setting.c.coach_id == sa.bindparam("own"),
            sa.and_(
                setting.c.coach_id.in_(sa.bindparam("coaches", expanding=True)),
                sa.or_(setting.c.athlete_id.is_(None), setting.c.athlete_id.in_(_athletes)),
            ),
        )
    )
    .order_by(setting.c.at, setting.c.id)
)
_SET = sa.insert(setting)


def open_of(tx: sa.Connection, athletes: Collection[int]) -> tuple[Proposal, ...]:
    """The open proposals of these athletes, oldest first; locked until `tx` ends."""
    return _read(tx.execute(_OPEN, {"athletes": list(athletes)}))


def recent_of(tx: sa.Connection, athletes: Collection[int], since: datetime) -> tuple[Proposal, ...]:
    """Those that are open, or were decided (or lapsed) from `since` on, oldest first."""
    return _read(tx.execute(_RECENT, {"athletes": list(athletes), "since": since}))


def save(tx: sa.Connection, changed: Proposal) -> None:
    """Insert it (id 0), or write what has changed since it was read; whose it is, its rule and when it was raised stay.

    Raises Conflict where its version is not the one in the database any more, or its `short` is taken.
    """
    values = {name: getattr(changed, name) for name in _COLUMNS} | {
        "before": as_json(changed.before),
        "after": as_json(changed.after),
        "facts": dict(changed.facts),
    }
    if changed.id == 0:
        row = {column: values[name] for name, column in _COLUMNS.items() if name != "id"}
        done = tx.execute(_PUT, row)
    else:
        new = {f"new_{name}": value for name, value in values.items() if name not in _FIXED}
        which = {"row_id": changed.id, "athlete": changed.athlete_id, "read_version": changed.version}
        done = tx.execute(_CHANGE, {**new, **which})
    if done.rowcount != 1:
        raise Conflict(f"proposal {changed.short}: somebody else was first")


def settings_of(
    tx: sa.Connection, coaches: Collection[int], athletes: Collection[int], own: int = 0
) -> tuple[Setting, ...]:
    """What these coaches have set for all of their athletes, or for these ones, and all that `own` has set; oldest
    first."""
    rows = tx.execute(_SETTINGS, {"coaches": list(coaches), "athletes": list(athletes), "own": own})
    return tuple(Setting(**row) for row in rows.mappings())


def append(tx: sa.Connection, settings: Iterable[Setting], by_id: int | None) -> None:
    """Keep what was set; `by_id` (whose turn it is) where a setting does not name who has set it."""
    rows = [
        {
            "rule": one.rule,
            "coach_id": one.coach_id,
            "athlete_id": one.athlete_id,
            "at": one.at,
            "is_on": one.on,
            "edges": dict(one.edges),
            "muted_until": one.muted_until,
            "by_id": one.by_id or by_id,
        }
        for one in settings
    ]
    if rows:
        tx.execute(_SET, rows)


def _read(rows: sa.CursorResult[Any]) -> tuple[Proposal, ...]:
    return tuple(
        Proposal(**{**row, "before": from_json(row["before"]), "after": from_json(row["after"])})
        for row in rows.mappings()
    )
