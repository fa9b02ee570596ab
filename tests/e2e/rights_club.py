"""A club for the matrix of rights: who is here, who may read whom, and one update at a time that leaves no trace.

Every cell is played by the real inbox, turn and database, in a transaction that is never committed: the club is seeded
once, and each cell begins with the same rows. `play` gives what the cell has changed, row by row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot import handle
from bot.metrics import Metrics
from bot.receive import incoming
from dialogs.levels import Level
from dialogs.model import Escalation, Message, Outcome, Person, Record, Snapshot, Talk
from storage import inbox, outbox, people, schema
from storage.db import Database

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
BOT_ID = 1000001
STRANGER, GROUP = "sid", "a group"
STRANGERS_CHAT = 990
TURN = 41  # the turn number of whatever conversation is open
OLD_PAGE, LOST_PAGE = 501, 502  # Telegram's ids, the same in everybody's chat
DICE = "0123456789abcdef" * 4

# name: coach, backup, other fields. In the order in which they joined: Hal is the head coach.
CLUB: dict[str, tuple[str | None, str | None, dict[str, Any]]] = {
    "hal": (None, None, {"coaches": True}),
    "bo": (None, None, {"coaches": True}),
    "kim": (None, "bo", {"coaches": True}),
    "dana": (None, None, {"coaches": True}),
    "eve": (None, None, {"coaches": True}),
    "fay": (None, None, {}),  # has been a coach, and is nobody here now
    "rae": ("dana", None, {"coaches": True, "runs": True}),
    "ann": ("kim", None, {"runs": True}),
    "ben": ("kim", None, {"runs": True, "reachable": False}),
    "dee": ("kim", None, {"runs": True}),
    "ivo": ("kim", None, {"runs": True, "consent_at": None}),
    "cara": ("dana", None, {"runs": True}),
    "zoe": ("rae", None, {"runs": True}),
    "olu": ("fay", None, {"runs": True}),
}

# short: whose, level, who has it, closed?
WORRIES: dict[str, tuple[str, Level, str | None, bool]] = {
    "ANN22": ("ann", Level.TODAY, None, False),
    "ANN33": ("ann", Level.TODAY, "kim", False),
    "ANN44": ("ann", Level.NOW, "kim", True),
    "BEN22": ("ben", Level.CONCERN, None, False),
    "DEE44": ("dee", Level.NOW, "bo", True),
    "CARA2": ("cara", Level.NOW, None, False),
    "CARA3": ("cara", Level.TODAY, "fay", False),
    "RAE22": ("rae", Level.TODAY, None, False),
    "ZOE22": ("zoe", Level.TODAY, None, False),
    "XLU22": ("olu", Level.TODAY, None, False),
}

# The oracle, by hand: who coaches an athlete, and who covers for that coach.
OWN: dict[str, set[str]] = {
    "ann": {"kim"}, "ben": {"kim"}, "dee": {"kim"}, "ivo": {"kim"}, "cara": {"dana"}, "rae": {"dana"}, "zoe": {"rae"},
    "olu": set(),
}  # fmt: skip
COVER: dict[str, set[str]] = {
    "ann": {"bo"}, "ben": {"bo"}, "dee": {"bo"}, "ivo": {"bo"}, "cara": {"hal"}, "rae": {"hal"}, "zoe": {"hal"},
    "olu": {"hal"},
}  # fmt: skip
WISHES_TO_GO = {"ben", "olu"}  # have asked to be erased, and a human has to look first
WORRIED = {whose for whose, _, _, closed in WORRIES.values() if not closed}


def answers_for(athlete: str) -> set[str]:
    """Who may act on this athlete: the own coach always, who covers while something is not closed."""
    return OWN[athlete] | (COVER[athlete] if athlete in WORRIED else set())


def reads(reader: str | None, owner: str, kind: str) -> bool:
    """Whether this canary may stand in a message to this reader."""
    if reader == owner or reader in OWN.get(owner, ()):
        return True
    if kind == "name" and CLUB[owner][2].get("coaches"):
        return reader in CLUB  # a coach who runs is known by name to everybody here
    return kind in ("name", "worry") and owner in OWN and reader in answers_for(owner)


def canary(owner: str, kind: str) -> str:
    return f"{kind}of{owner}"


CANARIES = [
    (owner, kind, canary(owner, kind)) for owner in CLUB for kind in ("name", "worry", "said", "facts") if owner in OWN
]

WHOSE = {
    "person": ["id"], "journal": ["person_id"], "escalation": ["athlete_id"], "due": ["person_id"],
    "invite": ["coach_id"], "erasure": ["person_id"], "outbox": ["to_person", "about"],
}  # fmt: skip
Row = Mapping[str, Any]
TABLES = {
    table.name: [key.name for key in table.primary_key] + [one.name for one in table.columns if not one.primary_key]
    for table in schema.metadata.sorted_tables
}


@dataclass(frozen=True, slots=True)
class Change:
    table: str
    before: Row | None
    after: Row | None

    @property
    def row(self) -> Row:
        return self.after or self.before or {}


@dataclass(frozen=True, slots=True)
class Rehearsal(Database):
    """A database whose transactions are savepoints inside one that is never committed."""

    tx: sa.Connection = field(kw_only=True)

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        with self.tx.begin_nested():
            yield self.tx

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        yield self.tx


class Club:
    def __init__(self, base: Database, tx: sa.Connection) -> None:
        self.tx, self.base = tx, Rehearsal(base.engine, tx=tx)
        self.people: dict[str, Person] = {}
        self.updates, self.metrics = 0, Metrics()
        self._seed()
        self.names = {person.id: name for name, person in self.people.items()}
        self.chats = {person.chat_id: name for name, person in self.people.items()} | {STRANGERS_CHAT: STRANGER}
        self._seeded = self._dump()

    # --- the club ---------------------------------------------------------------------------------------------

    def _seed(self) -> None:
        empty = Snapshot(NOW, "")
        for number, (name, (coach, _, about)) in enumerate(CLUB.items(), start=1):
            runner = about.get("runs", False)
            fields: dict[str, Any] = {
                "joined_at": NOW - timedelta(days=400 - number),
                "consent_at": NOW - timedelta(days=300),
                "coach_id": self.people[coach].id if coach else None,
                "country": "GB",
                "injuries": canary(name, "facts") if runner else "",
                "goal": canary(name, "facts") if runner else "",
                **about,
            }
            if name in WISHES_TO_GO:
                fields["erase_asked"] = NOW - timedelta(days=1)
            if name == "ivo":
                fields["talks"] = (Talk("onboarding", "consent", TURN, "onboarding:ivo", NOW),)
                fields["turn"] = TURN
            person = Person(0, f"{name}-{canary(name, 'name')}", 900 + number, 900 + number, **fields)
            id = people.save(self.tx, empty, Outcome(person=person), (), "seed", NOW).person_id
            self.people[name] = replace(person, id=id or 0)
        for name, (_, backup, _) in CLUB.items():
            if backup:
                self.set(name, backup_id=self.people[backup].id)
        for name in OWN:
            self._said(name)
        for short, (athlete, level, owner, closed) in WORRIES.items():
            self._worry(short, athlete, level, owner, closed)
        pages = (("kim", "ann"), ("bo", "ann"), ("dana", "cara"), ("fay", "olu"), ("hal", "cara"))
        for reader, whose in pages:
            self._page(reader, whose, OLD_PAGE)
        for reader in ("kim", "eve", "fay", "bo"):  # of somebody who was theirs, and is another's now
            self._page(reader, "cara", LOST_PAGE)
        for code, who in (("used", "ann"), ("late", None)):
            lasts = NOW + timedelta(days=1 if who else -1)
            people.create_invite(
                self.tx, name="Somebody", code=code, now=NOW, expires_at=lasts, coach_id=self.people["kim"].id
            )
            if who:
                used = {"used_at": NOW, "used_by": self.people[who].id}
                self.tx.execute(sa.update(schema.invite).where(schema.invite.c.used_at.is_(None)).values(**used))

    def set(self, name: str, **fields: Any) -> None:
        """Another value of this person, in the database, too."""
        before = self.people[name]
        self.people[name] = replace(before, **fields)
        people.save(self.tx, Snapshot(NOW, "", person=before), Outcome(person=self.people[name]), (), "seed", NOW)

    def _said(self, name: str) -> None:
        person = self.people[name]
        words = Record("words", "free", NOW - timedelta(hours=3), NOW.date(), None, canary(name, "said"))
        self._save(person, Outcome(records=(words,)))

    def _worry(self, short: str, athlete: str, level: Level, owner: str | None, closed: bool) -> None:
        person = self.people[athlete]
        at = NOW - timedelta(hours=1)
        taken: dict[str, Any] = {"owner_id": self.people[owner].id, "acked_at": at} if owner else {}
        raised = Escalation(
            0, short, person.id, level, "words", canary(athlete, "worry"), at, step=1,
            next_at=None if owner else NOW + timedelta(hours=1), closed_at=at if closed else None, **taken,
        )  # fmt: skip
        self._save(person, Outcome(escalations=(raised,)))

    def _page(self, reader: str, about: str, message_id: int) -> None:
        coach, athlete = self.people[reader], self.people[about]
        row = outbox.row(
            Message(coach.id, "coach.page", about=athlete.id), {"text": "page"},
            to_person=coach.id, chat_id=coach.chat_id or 0, now=NOW, cause="seed",
        )  # fmt: skip
        self.tx.execute(sa.insert(schema.outbox), {**row, "status": "sent", "message_id": message_id, "sent_at": NOW})

    def _save(self, person: Person, outcome: Outcome) -> None:
        people.save(self.tx, Snapshot(NOW, "", person=person), outcome, (), "seed", NOW)

    # --- one cell ---------------------------------------------------------------------------------------------

    def chat(self, who: str) -> int:
        return STRANGERS_CHAT if who == STRANGER else self.people[who].chat_id or 0

    def play(self, *updates: Mapping[str, Any], before: Callable[[], None] | None = None) -> Played:
        """Let these updates come in, and give what has changed; afterwards nothing has."""
        kept = dict(self.people)
        with self.tx.begin_nested() as save:
            try:
                first = self._seeded
                if before is not None:
                    before()
                    first = self._dump()
                rows = [incoming({"update_id": self.updates + n, **one}, BOT_ID) for n, one in enumerate(updates)]
                self.updates += len(rows)
                inbox.accept(self.tx, rows, NOW)
                for _ in range(4 + len(rows)):  # the updates, and what they want done at once
                    if not handle.handle_one(self.base, NOW, lambda: DICE, "bot", self.metrics):
                        break
                last = self._dump()
            finally:
                save.rollback()
                self.people = kept
        keys = [key for key in {**first, **last} if first.get(key) != last.get(key)]
        return Played(self, tuple(Change(key[0], _row(key, first), _row(key, last)) for key in keys))

    def _dump(self) -> dict[tuple[str, Any], tuple[Any, ...]]:
        """Every row of every table, as the driver gives it: a matrix has thousands of cells."""
        cursor = self.tx.connection.cursor()
        found: dict[tuple[str, Any], tuple[Any, ...]] = {}
        for table, columns in TABLES.items():
            cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 - our own names
            found |= {(table, row[0]): row for row in cursor.fetchall()}
        cursor.close()
        return found


@dataclass(frozen=True, slots=True)
class Played:
    """What one update has changed."""

    club: Club
    changes: tuple[Change, ...]

    def of(self, table: str) -> list[Change]:
        return [one for one in self.changes if one.table == table]

    @property
    def handled(self) -> bool:
        return all(one.row["status"] == "done" for one in self.of("inbox"))

    def messages(self) -> Iterator[tuple[str, dict[str, Any], Row]]:
        """(to whom, payload, row) of all that was put; what only takes old buttons away says nothing."""
        for one in self.of("outbox"):
            if one.before is None:
                payload = _json(one.row["payload"])
                if not (payload.get("strip") and not payload.get("text")):
                    yield self.club.chats.get(one.row["chat_id"], GROUP), payload, one.row

    def told(self, who: str) -> list[str]:
        """What this person reads, with the buttons, as one can compare it."""
        return [
            json.dumps(
                {name: part for name, part in payload.items() if name not in ("answers", "edit")}, sort_keys=True
            )
            for to, payload, _ in self.messages()
            if to == who
        ]

    def touched(self) -> set[tuple[str, frozenset[str]]]:
        """(table, whose row) for all that is neither the update itself nor a new message."""
        return {
            (one.table, frozenset(self.club.names.get(one.row[name], "?") for name in WHOSE.get(one.table, ())))
            for one in self.changes
            if one.table != "inbox" and (one.table != "outbox" or one.before is not None)
        }

    def fields(self, who: str) -> set[str]:
        """Which fields of this person's row have changed."""
        changed: set[str] = set()
        for one in self.of("person"):
            if self.club.names.get(one.row["id"]) == who and one.before and one.after:
                old, new = ({**row, **_json(row["facts"])} for row in (one.before, one.after))
                changed |= {name for name in new if name != "facts" and old.get(name) != new[name]}
        return changed


def _row(key: tuple[str, Any], rows: Mapping[tuple[str, Any], tuple[Any, ...]]) -> Row | None:
    return dict(zip(TABLES[key[0]], rows[key], strict=True)) if key in rows else None


def _json(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


# --- updates --------------------------------------------------------------------------------------------------------


def message(chat: int, message_id: int = 7001, **content: Any) -> dict[str, Any]:
    user = {"id": chat, "is_bot": False, "first_name": "X"}
    place = {"id": chat, "type": "private", "first_name": "X"}
    return {"message_id": message_id, "date": int(NOW.timestamp()), "chat": place, "from": user, **content}


def says(chat: int, text: str, reply_to: int | None = None) -> dict[str, Any]:
    reply: dict[str, Any] = {"reply_to_message": message(chat, reply_to, text="earlier")} if reply_to else {}
    return {"message": message(chat, text=text, **reply)}


def taps(chat: int, data: str) -> dict[str, Any]:
    user = {"id": chat, "is_bot": False, "first_name": "X"}
    query = {"id": "q1", "from": user, "chat_instance": "1", "data": data}
    return {"callback_query": {**query, "message": message(chat, 6001, text="earlier")}}
