"""Bringing a backup back, and settling what it cannot know.

Theory of operation
-------------------
A backup is the club as it was at one instant. Since then check-ins were asked, pages sent and acknowledged, words
written; none of that is in it. The athletes' phones remember. So a restored club may not simply go on:

    on its way     what was unsent then has probably been sent. Pages leave, marked as repeats; all else is left
    check-ins      whose hour has come by now were probably asked: today is not asked again, the next one is planned;
    lists          the same
    rungs          of open escalations come some minutes after the restore, once, marked as repeats; then the ladder
                   goes on, and each rung stays marked until a human has it
    erasures       whoever had themselves erased since then is erased again, by the ledger of the former database
    numbers        people, turns, versions of plans and ids given since are not given again: an old button or a file
                   must not come to mean somebody else
    feeds          of calendars work on only if they still worked in the former database. Where that cannot be read
                   none does: a link that was revoked since must not come back to life
    everybody      is told once, outside their quiet hours, from when to when things are missing

What the backup had not yet read (an update in the inbox, a pain half told) is taken up again: rather twice than lost.
With `moved` (stopped before the backup, not run since) nothing is missing and nothing of this is done.

All of it happens in a copy of the backup beside the database, in one transaction; only a file that is whole and settled
takes the database's place, in one rename. The former file stays, under another name. On PostgreSQL the settled copy
goes into an empty database, row by row (storage.moving). The backup itself is never written to.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from dialogs.model import Lane, Wakeup
from storage import club, db, feeds, moving, rights
from storage import due as dues
from storage.backup import TAKEN_AT, file_of, inspect, sync, written
from storage.db import Database
from storage.moving import MARKS, Refused
from storage.plans import RESTORE
from storage.schema import club as club_table
from storage.schema import due, erasure, escalation, feed, lease, outbox, person, status_is, version

RESTORED = "restored"  # in `club`: taken at, restored at
FIRST_RUNG = timedelta(minutes=5)  # time for a coach to read why pages come again
GAP = 1000  # numbers that may have been given since: far more than a club gives between two backups
UNSURE = ("checkin", "list", "page")  # wakeups that may have rung already, and are told so (timing.lost_until)


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. `aside`: where the former file is. `erased`: how many people were erased again; None: the
    former ledger could not be read, or there is none."""

    taken_at: datetime
    rows: dict[str, int]
    aside: Path | None
    erased: int | None


def restore(
    base: Database, file: Path, now: datetime, mark: str, *, moved: bool = False, former: Database | None = None
) -> Restored:
    """Put the backup `file` in the place of the club at `base`, on which nobody works. `mark` is fresh randomness.

    `former`: whose ledger of erasures counts, if it is not the database that was there. Raises Refused and
    NewerDatabase; nothing is changed then.
    """
    if not base.is_sqlite and not moving.is_empty(base):
        raise Refused(
            "the PostgreSQL database of DATABASE_URL is not empty, and nothing is ever deleted from one: make an empty "
            "one (`createdb NAME`), put it into DATABASE_URL, and restore again"
        )
    place = file_of(base) if base.is_sqlite else Path(tempfile.gettempdir()) / file.name
    if former is None and base.is_sqlite and place.exists():
        former = base
    with written(place) as scratch:
        draft = scratch / "restored.db"
        taken_at = _fetched(file, draft)
        db.migrate(f"sqlite:///{draft}")
        copy = db.open_db(f"sqlite:///{draft}")
        try:
            with copy.begin() as tx:
                erased = _erase_again(tx, former) if former is not None and not moved else None
                if not moved:
                    _revoke_again(tx, former, now)
                settle(tx, taken_at, now, moved=moved)
                rows = moving.counts(tx)
            if not base.is_sqlite:
                moving.copy(copy, base, mark, now)
        finally:
            copy.close()
            base.close()
        return Restored(taken_at, rows, _put(draft, place, now) if base.is_sqlite else None, erased)


# --- the file -----------------------------------------------------------------------------------------------------


def _fetched(file: Path, draft: Path) -> datetime:
    """Copy it to `draft`, look through that, and say when it was taken. Raises Refused."""
    try:
        with file.open("rb") as opened:
            if opened.read(16) != b"SQLite format 3\0":
                raise Refused(f"{file} is no backup of `aidstation backup`")
    except OSError as error:
        raise Refused(f"{file} cannot be read ({error.strerror})") from error
    shutil.copyfile(file, draft)
    draft.chmod(0o600)
    try:
        with closing(sqlite3.connect(draft)) as copy:
            inspect(copy)
            found = copy.execute("SELECT value FROM club WHERE key = ?", (TAKEN_AT,)).fetchone()
    except sqlite3.DatabaseError as error:
        raise Refused(f"{file} is damaged, or no backup of `aidstation backup` ({type(error).__name__})") from error
    if found is None:
        raise Refused(f"{file} is a database, but no backup: `aidstation backup` makes one, and knows when")
    return datetime.fromisoformat(found[0])


def _put(draft: Path, place: Path, now: datetime) -> Path | None:
    """The draft takes the database's place; gives where the former file is now."""
    with closing(sqlite3.connect(draft)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")  # no log beside it that would have to be renamed with it
    sync(draft)
    aside = None
    if place.exists():
        aside = place.with_name(f"{place.name}.before-{now:%Y%m%dT%H%M%SZ}")
        with suppress(sqlite3.Error), closing(sqlite3.connect(place)) as former:  # a damaged one stays as it is
            former.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        # A second name rather than a rename: so there is a whole database under the first one at any instant.
        os.link(place, aside)
    for suffix in ("-wal", "-shm"):  # of a damaged one; SQLite looks for them by the name of the file they belong to
        beside = place.with_name(place.name + suffix)
        if beside.exists():
            os.replace(beside, place.with_name((aside or place).name + (suffix if aside else f"{suffix}.stray")))
    os.replace(draft, place)
    sync(place.parent)
    return aside


# --- what it cannot know ------------------------------------------------------------------------------------------


def settle(tx: sa.Connection, taken_at: datetime, now: datetime, *, moved: bool) -> None:
    """See the top. `tx` is of an SQLite copy of the backup, with the schema of this release."""
    tx.execute(sa.delete(lease))
    tx.execute(sa.delete(club_table).where(club_table.c.key.in_((*MARKS, TAKEN_AT))))
    club.remember(tx, RESTORED, f"{taken_at.isoformat()} {now.isoformat()}{' moved' if moved else ''}")
    if moved:
        return
    _settle_unsent(tx, now)
    _settle_wakeups(tx, now)
    _skip_numbers(tx)
    _skip_versions(tx, now)
    told = tx.execute(sa.select(person.c.id).where(person.c.reachable, person.c.chat_id.is_not(None))).scalars().all()
    data = {"since": taken_at.isoformat(), "until": now.isoformat()}
    for id in told:
        dues.put(tx, id, Wakeup("restored", f"restored:{id}:{now:%Y%m%dT%H%M%S.%f}", now, data=data), now)


def _settle_unsent(tx: sa.Connection, now: datetime) -> None:
    """What waits for a later hour cannot have been sent; of all else nobody knows."""
    unsure = sa.and_(outbox.c.status.in_(("pending", "leased")), outbox.c.not_before <= now)
    for_safety = sa.and_(sa.or_(outbox.c.short.is_not(None), outbox.c.lane == Lane.SAFETY), sa.not_(outbox.c.once))
    nobodys = {"lease_owner": None, "lease_until": None}
    tx.execute(sa.update(outbox).where(unsure, sa.not_(for_safety)).values(status="unknown", **nobodys))
    tx.execute(sa.update(outbox).where(unsure).values(status="pending", repeat=True, **nobodys))


def _settle_wakeups(tx: sa.Connection, now: datetime) -> None:
    came = sa.and_(status_is(due, "open"), due.c.at <= now)
    # Whom a page could not reach is marked as such in the same commit, and the ladder goes past them by itself.
    tx.execute(sa.delete(due).where(came, due.c.kind == "unreachable"))
    rows = tx.execute(sa.select(due.c.id, due.c.kind, due.c.at, due.c.data).where(came, due.c.kind.in_(UNSURE))).all()
    changes: list[dict[str, Any]] = []
    for id, kind, at, data in rows:
        later = now + FIRST_RUNG if kind == "page" else at
        changes.append({"row_id": id, "new_at": later, "new_data": {**data, "lost_until": now.isoformat()}})
        if kind == "page":
            short = str(data["short"])
            is_open = sa.and_(escalation.c.short == short, escalation.c.acked_at.is_(None))
            tx.execute(sa.update(escalation).where(is_open, escalation.c.next_at <= later).values(next_at=later))
    if changes:
        at, data = sa.bindparam("new_at", type_=due.c.at.type), sa.bindparam("new_data", type_=due.c.data.type)
        change = sa.update(due).where(due.c.id == sa.bindparam("row_id")).values(at=at, ready_at=at, data=data)
        tx.execute(change, changes)


def _skip_numbers(tx: sa.Connection) -> None:
    tx.execute(sa.text("UPDATE sqlite_sequence SET seq = seq + :gap"), {"gap": GAP})
    facts: Sequence[Any] = tx.execute(sa.select(person.c.id, person.c.facts)).all()
    if facts:
        change = sa.update(person).where(person.c.id == sa.bindparam("row_id"))
        change = change.values(facts=sa.bindparam("new_facts", type_=person.c.facts.type))
        skipped = [(id, {**one, "turn": int(one.get("turn", 0)) + GAP}) for id, one in facts]
        tx.execute(change, [{"row_id": id, "new_facts": one} for id, one in skipped])


def _skip_versions(tx: sa.Connection, now: datetime) -> None:
    """A version that changes nothing, GAP further on: the next one has a number that nobody has seen."""
    newest = sa.select(version.c.person_id, sa.func.max(version.c.number)).group_by(version.c.person_id)
    rows = [
        {"person_id": id, "number": number + GAP, "actor": RESTORE, "cause": RESTORED, "at": now, "saved_at": now}
        for id, number in tx.execute(newest)
    ]
    if rows:
        tx.execute(sa.insert(version), rows)


def _revoke_again(tx: sa.Connection, former: Database | None, now: datetime) -> None:
    working: set[str] = set()
    if former is not None:
        with suppress(sa.exc.DBAPIError), former.read() as old:
            if sa.inspect(old).has_table(feed.name):
                working = feeds.working(old)
    feeds.revoke_all_but(tx, working, now)


def _erase_again(tx: sa.Connection, former: Database) -> int | None:
    """Whoever stands in the former ledger and not in the backup's. Gives how many; None where it cannot be read, or
    is that of another club, where the same numbers are other people."""
    try:
        with former.read() as old:
            tables = sa.inspect(old).get_table_names()
            ledger = rights.erased_since(old, datetime.min.replace(tzinfo=UTC)) if erasure.name in tables else []
            theirs = _users(old) if person.name in tables else {}
    except sa.exc.DBAPIError:
        return None
    ours = _users(tx)
    if any(ours[id] != theirs[id] for id in ours.keys() & theirs.keys()):
        return None
    known = set(tx.execute(sa.select(erasure.c.receipt)).scalars())
    missing = [one for one in ledger if one[1] not in known]
    for person_id, receipt, at in missing:
        rights.erase(tx, person_id, receipt, at)
    return len(missing)


def _users(tx: sa.Connection) -> dict[int, int]:
    found = tx.execute(sa.select(person.c.id, person.c.user_id).where(person.c.user_id.is_not(None)))
    return {id: user_id for id, user_id in found}
