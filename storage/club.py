"""A few lines about the club itself: the bot's id and user name, and whatever must be known before a turn."""

from __future__ import annotations

import sqlalchemy as sa

from storage.schema import club, upsert

MINORS = "minors"  # says "on" where the club takes athletes under 18 (`aidstation minors`)

_new = upsert(club)
_REMEMBER = _new.on_conflict_do_update(index_elements=["key"], set_={"value": _new.excluded.value})
_RECALL = sa.select(club.c.value).where(club.c.key == sa.bindparam("key"))


def remember(tx: sa.Connection, key: str, value: str) -> None:
    """Write `value`, over an earlier one."""
    tx.execute(_REMEMBER, {"key": key, "value": value})


def recall(tx: sa.Connection, key: str) -> str | None:
    """What was remembered, or None."""
    return tx.execute(_RECALL, {"key": key}).scalar()
