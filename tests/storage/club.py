"""Ann and Ben run, Kim and Dana coach; and the few lines that put them into a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs.events import Sender
from dialogs.levels import Level
from dialogs.model import Change, Escalation, Outcome, Person, Plan, Proposal, Session, Snapshot
from storage import outcomes, plans, snapshots

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def snapshot(person: Person | None = None, **fields: Any) -> Snapshot:
    return Snapshot(now=NOW, dice="", person=person, **fields)


def join(tx: sa.Connection, name: str, chat: int, **fields: Any) -> Person:
    """A person who has joined, `chat` days after the club began."""
    person = Person(0, name, chat, chat, joined_at=NOW + timedelta(days=chat - 400), **fields)
    id = outcomes.save(tx, snapshot(), Outcome(person=person), (), "test", NOW).person_id
    assert id is not None
    return replace(person, id=id)


def load(tx: sa.Connection, person: Person, now: datetime = NOW, **fields: Any) -> Snapshot:
    sender = Sender(person.chat_id or 0, person.user_id)
    return snapshots.load(tx, now=now, dice="", bot="bot", sender=sender, **fields)


def change(tx: sa.Connection, person: Person, **fields: Any) -> Person:
    changed = replace(person, **fields)
    outcomes.save(tx, snapshot(person), Outcome(person=changed), (), "test", NOW)
    return changed


def session(id: str, days: int = 0, **fields: Any) -> Session:
    """An easy run, so many days from today on."""
    return replace(Session(id, NOW.date() + timedelta(days=days), "easy", 40), **fields)


def planned(tx: sa.Connection, athlete: Person, *sessions: Session, cause: str = "import", **fields: Any) -> Plan:
    """One version more, which puts these sessions; the plan as it stands then."""
    number = plans.current(tx, athlete.id, NOW.date()).number + 1
    change = replace(Change(number, "coach", cause, NOW, added=sessions), **fields)
    plans.save(tx, athlete.id, change, athlete.coach_id, NOW)
    return plans.current(tx, athlete.id, NOW.date() - timedelta(days=400))


def wish(athlete: Person, short: str = "P2Q3R", **fields: Any) -> Proposal:
    """What a rule proposes: the long run of today as an easy one, held."""
    before, after = session("a", kind="long", minutes=120), session("a", held=short)
    fresh = Proposal(0, short, athlete.id, "sleep-short", NOW, NOW + 12 * HOUR, (before,), (after,), True)
    return replace(fresh, **fields)


def worry(athlete: Person, short: str = "K7Q2M", **fields: Any) -> Escalation:
    return Escalation(0, short, athlete.id, Level.NOW, "chest", "my chest hurts", NOW, next_at=NOW, **fields)
