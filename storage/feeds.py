"""Who may read an athlete's calendar by a link: a private feed that a phone subscribes to, and that can be revoked.

The link holds a code of 128 random bits. Only its hash is kept, so nobody who reads the database or a backup can read
along. Each person has at most one feed that works: a new one ends the former.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import date, datetime

import sqlalchemy as sa

from dialogs.model import Person, Plan
from storage import codec, plans
from storage.db import Conflict
from storage.schema import feed, person, upsert

_works = feed.c.revoked_at.is_(None)
_NEW = upsert(feed).on_conflict_do_nothing()
_REVOKE = (
    sa.update(feed).where(feed.c.person_id == sa.bindparam("person"), _works).values(revoked_at=sa.bindparam("now"))
)
_WHOSE = sa.select(feed.c.person_id).where(feed.c.hash == sa.bindparam("hash"), _works)
_OWNER = (
    sa.select(*(person.c[name] for name in sorted(codec.COLUMNS)), person.c.facts)
    .join(feed, feed.c.person_id == person.c.id)
    .where(feed.c.hash == sa.bindparam("hash"), _works)
)
_WORKING = sa.select(feed.c.hash).where(_works)


def new(tx: sa.Connection, person_id: int, code: str, now: datetime) -> None:
    """Open a feed; the former one ends. Raises Conflict where this person opens another in the same instant."""
    revoke(tx, person_id, now)
    row = {"person_id": person_id, "hash": hashed(code), "created_at": now, "revoked_at": None}
    if tx.execute(_NEW, row).rowcount != 1:
        raise Conflict("this person has opened another feed in the meantime")


def revoke(tx: sa.Connection, person_id: int, now: datetime) -> bool:
    """End this person's feed; False: there was none."""
    return tx.execute(_REVOKE, {"person": person_id, "now": now}).rowcount == 1


def whose(tx: sa.Connection, code: str) -> int | None:
    """The person whose feed this is; None: there is no such feed, or it has ended."""
    return tx.execute(_WHOSE, {"hash": hashed(code)}).scalar()


def calendar(tx: sa.Connection, code: str, since: date) -> tuple[Person, Plan] | None:
    """All that a feed shows, in two statements: whose it is, and their plan from that day on. None: see `whose`."""
    row = tx.execute(_OWNER, {"hash": hashed(code)}).mappings().first()
    if row is None:
        return None
    owner = codec.person_from(row)
    return owner, plans.current(tx, owner.id, since)


def working(tx: sa.Connection) -> set[str]:
    """The hashes of all feeds that work."""
    return set(tx.execute(_WORKING).scalars())


def revoke_all_but(tx: sa.Connection, hashes: Collection[str], now: datetime) -> int:
    """End every feed but these; how many. For a restore, after which a feed that was revoked may not work again."""
    others = sa.update(feed).where(_works, feed.c.hash.not_in(list(hashes)))
    return tx.execute(others.values(revoked_at=now)).rowcount


def hashed(code: str) -> str:
    """Unsalted: a code is 128 random bits, which no table holds."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()
