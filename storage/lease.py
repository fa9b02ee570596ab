"""Who does what only one may do at a time (the one sender of a bot token)."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from storage.schema import lease, upsert

_new = upsert(lease)
_HOLD = _new.on_conflict_do_update(
    index_elements=["name"],
    set_={"owner": _new.excluded.owner, "until": _new.excluded.until},
    where=sa.or_(lease.c.owner == _new.excluded.owner, lease.c.until <= sa.bindparam("now", type_=lease.c.until.type)),
)
_RELEASE = sa.delete(lease).where(
    lease.c.name == sa.bindparam("held_name"), lease.c.owner == sa.bindparam("held_owner")
)


def hold(tx: sa.Connection, name: str, owner: str, now: datetime, seconds: float) -> bool:
    """Take or prolong the lease until `now` + `seconds`; False while another owner's runs.

    An owner that was stopped for longer than its lease must ask again before it acts on it.
    """
    until = now + timedelta(seconds=seconds)
    return tx.execute(_HOLD, {"name": name, "owner": owner, "until": until, "now": now}).rowcount == 1


def release(tx: sa.Connection, name: str, owner: str) -> None:
    """Give it back at a clean stop, so that the next owner need not wait for it to run out."""
    tx.execute(_RELEASE, {"held_name": name, "held_owner": owner})


def free(tx: sa.Connection) -> None:
    """Nobody holds anything: for whoever knows that all others are dead (storage.alone)."""
    tx.execute(sa.delete(lease))


def held(tx: sa.Connection, prefix: str, now: datetime) -> bool:
    """Whether anybody holds a lease whose name begins so."""
    name = sa.func.substr(lease.c.name, 1, len(prefix))
    return bool(tx.execute(sa.select(sa.func.count()).where(name == prefix, lease.c.until > now)).scalar_one())
