"""A club for the matrix of rights: who is here, who may read whom, and one update at a time that leaves no trace.

Every cell is played by the real inbox, turn and database, in a transaction that is never committed: the club is seeded
once, and each cell begins with the same rows. `play` gives what the cell has changed, row by row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from bot import handle
from bot.metrics import Metrics
from bot.receive import incoming
from dialogs.levels import Level
from dialogs.model import (
    Change as Version,
)
from dialogs.model import (
    Escalation,
    Message,
    Outcome,
    Person,
    Proposal,
    Record,
    Session,
    Setting,
    Snapshot,
    Talk,
    Wakeup,
)
from storage import due, feeds, inbox, outbox, outcomes, people, plans, proposals, schema, topics
from storage.db import Conflict, Database

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
    "mia": ("kim", None, {"runs": True, "minor": True}),
    "lea": (None, None, {}),
    "nik": ("kim", None, {"runs": True, "minor": True, "consent_at": None}),
    "gus": (None, None, {"consent_at": None}),
    "una": (None, None, {}),  # has been a guardian, and is nobody here now
}
WARDS = {"lea": "mia", "gus": "nik"}  # whose guardian; Gus has not agreed yet, so Nik waits

ACTORS = {
    "a stranger": STRANGER,
    "invited, has not agreed": "ivo",
    "an athlete": "ann",
    "another coach's athlete": "cara",
    "an athlete who has blocked the bot": "ben",
    "the own coach": "kim",
    "the backup coach": "bo",
    "the head coach, backup of others": "hal",
    "a coach of others": "dana",
    "a coach of nobody": "eve",
    "a coach who runs": "rae",
    "a former coach": "fay",
    "a guardian": "lea",
}
RUNS = {"ann", "cara", "ben", "rae"}
COACHES = {"kim", "bo", "hal", "dana", "eve", "rae"}

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

# short: whose, rule, does it stand already (held)?, state, who decided. Of each athlete the Tuesday is held.
PROPOSALS: dict[str, tuple[str, str, bool, str, str | None]] = {
    "PANN2": ("ann", "sleep-short", True, "open", None),
    "PANN3": ("ann", "move", False, "open", None),
    "PANN4": ("ann", "low-streak", True, "approved", "kim"),
    "PANN5": ("ann", "busy-day", True, "expired", None),
    "PANN6": ("ann", "import", False, "open", None),
    "PBEN2": ("ben", "ill", True, "open", None),
    "PDEE2": ("dee", "sleep-short", True, "open", None),
    "PCAR2": ("cara", "sleep-short", True, "open", None),
    "PCAR4": ("cara", "low-streak", True, "declined", "dana"),
    "PCAR6": ("cara", "import", False, "open", None),
    "PRAE2": ("rae", "sleep-short", True, "open", None),
    "PZOE2": ("zoe", "pain-stride", True, "open", None),
    "PXLU2": ("olu", "sleep-short", True, "open", None),
}
HELD = {whose: short for short, (whose, _, held, state, _) in PROPOSALS.items() if held and state == "open"}
MON, TUE, WED, THU, FRI, SAT = (NOW.date() + timedelta(days=n) for n in range(6))
IMPORTED_ON = NOW.date() + timedelta(days=10)
OWN_CHANGE, COACHS_CHANGE = 3, 4  # numbers of versions, the same in everybody's plan
CARAS_CHANGE = 9  # nobody else has so many
FEED_CODE = "feedface" * 4

# The oracle, by hand: who coaches an athlete, and who covers for that coach.
OWN: dict[str, set[str]] = {
    "ann": {"kim"}, "ben": {"kim"}, "dee": {"kim"}, "ivo": {"kim"}, "cara": {"dana"}, "rae": {"dana"}, "zoe": {"rae"},
    "olu": set(), "mia": {"kim"},
}  # fmt: skip
COVER: dict[str, set[str]] = {
    "ann": {"bo"}, "ben": {"bo"}, "dee": {"bo"}, "ivo": {"bo"}, "cara": {"hal"}, "rae": {"hal"}, "zoe": {"hal"},
    "olu": {"hal"}, "mia": {"bo"},
}  # fmt: skip
# Groups that coaches have linked, who has agreed to be read there, and whose each topic is (`Club.link`).
GROUPS = {"kim": -700, "dana": -800}
AGREED = {"ann", "cara", "rae"}
TOPICS = {
    (-700, 71): "ann", (-700, 73): "dee", (-700, 74): "cara",  # Cara was Kim's, and is Dana's now
    (-800, 81): "cara", (-800, 82): "rae", (-800, 83): "ann",  # the other way round
}  # fmt: skip
WISHES_TO_GO = {"ben", "olu"}  # have asked to be erased, and a human has to look first
ALONE = {"olu": {"hal"}}  # their coach is none any more: what waits for a decision waits for who stands behind
WORRIED = {whose for whose, _, _, closed in WORRIES.values() if not closed}


def answers_for(athlete: str) -> set[str]:
    """Who may act on this athlete: the own coach always, who covers while something is not closed."""
    return OWN[athlete] | (COVER[athlete] if athlete in WORRIED else set())


def reads(reader: str | None, owner: str, kind: str) -> bool:
    """Whether this canary may stand in a message to this reader."""
    if reader == owner or reader in OWN.get(owner, ()) or reader in ALONE.get(owner, ()):
        return True
    if kind == "name" and CLUB[owner][2].get("coaches"):
        return reader in CLUB  # a coach who runs is known by name to everybody here
    if kind == "wish":  # what they have said beside a rule: not for who covers, before that one was rung
        return reader in ALONE.get(owner, ())
    if WARDS.get(reader or "") == owner:  # a guardian reads what is said from now on, and what a coach decides
        return kind in ("name", "plan")
    return kind in ("name", "worry", "plan") and owner in OWN and reader in answers_for(owner)


def canary(owner: str, kind: str) -> str:
    return f"{kind}of{owner}"


KINDS = ("name", "worry", "said", "facts", "plan", "wish")
CANARIES = [(owner, kind, canary(owner, kind)) for owner in CLUB for kind in KINDS if owner in OWN]

WHOSE = {
    "person": ["id"], "journal": ["person_id"], "escalation": ["athlete_id"], "due": ["person_id"],
    "invite": ["coach_id", "ward_id"], "erasure": ["person_id"], "outbox": ["to_person", "about"],
    "version": ["person_id"], "session": ["person_id"], "proposal": ["athlete_id"],
    "setting": ["coach_id", "athlete_id"], "feed": ["person_id"], "topic": ["athlete_id"],
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
            if name in WARDS:
                fields["ward_id"] = self.people[WARDS[name]].id
            if name == "gus":
                fields |= {"talks": (Talk("guardian", "consent", TURN, "guardian:gus", NOW),), "turn": TURN}
            if name == "ivo":
                fields["talks"] = (Talk("onboarding", "consent", TURN, "onboarding:ivo", NOW),)
                fields["turn"] = TURN
            person = Person(0, f"{name}-{canary(name, 'name')}", 900 + number, 900 + number, **fields)
            id = outcomes.save(self.tx, empty, Outcome(person=person), (), "seed", NOW).person_id
            self.people[name] = replace(person, id=id or 0)
        for name, (_, backup, _) in CLUB.items():
            if backup:
                self.set(name, backup_id=self.people[backup].id)
        self.set("mia", guardian_id=self.people["lea"].id)
        for name in OWN:
            self._said(name)
        for short, (athlete, level, owner, closed) in WORRIES.items():
            self._worry(short, athlete, level, owner, closed)
        for name in OWN:
            self._planned(name)
        for short in PROPOSALS:
            self._proposed(short)
        for coach, whom, fields in (
            ("kim", "ann", {"muted_until": NOW.date()}),
            ("kim", None, {"on": False}),
            ("dana", "cara", {"edges": {"hours": 5.0}}),
        ):
            about_id = self.people[whom].id if whom else None
            rule = "sleep-short" if whom else "hard-easy"
            proposals.append(self.tx, [Setting(rule, self.people[coach].id, NOW, about_id, **fields)], None)
        feeds.new(self.tx, self.people["ann"].id, FEED_CODE, NOW)
        pages = (("kim", "ann"), ("bo", "ann"), ("dana", "cara"), ("fay", "olu"), ("hal", "cara"))
        for reader, whose in pages:
            self._page(reader, whose, OLD_PAGE)
        for reader in ("kim", "eve", "fay", "bo"):  # of somebody who was theirs, and is another's now
            self._page(reader, "cara", LOST_PAGE)
        self.drafted("kim", "ann")
        for code, who in (("used", "ann"), ("late", None)):
            lasts = NOW + timedelta(days=1 if who else -1)
            people.create_invite(
                self.tx, name="Somebody", code=code, now=NOW, expires_at=lasts, coach_id=self.people["kim"].id
            )
            if who:
                used = {"used_at": NOW, "used_by": self.people[who].id}
                self.tx.execute(sa.update(schema.invite).where(schema.invite.c.used_at.is_(None)).values(**used))

    def link(self) -> None:
        """From now on Kim and Dana have a group each."""
        for coach, group in GROUPS.items():
            self.set(coach, group=group)
        for athlete in AGREED:
            self.set(athlete, in_group=True)
        for (group, thread), athlete in TOPICS.items():
            topics.made(self.tx, group, self.people[athlete].id, thread, NOW)
        self._seeded = self._dump()

    def set(self, name: str, **fields: Any) -> None:
        """Another value of this person, in the database, too."""
        before = self.people[name]
        self.people[name] = replace(before, **fields)
        outcomes.save(self.tx, Snapshot(NOW, "", person=before), Outcome(person=self.people[name]), (), "seed", NOW)

    def _said(self, name: str) -> None:
        person = self.people[name]
        words = Record("words", "free", NOW - timedelta(hours=3), NOW.date(), None, canary(name, "said"))
        self._save(person, Outcome(records=(words,)))

    def drafted(self, coach: str, athlete: str) -> None:
        """A letter that this coach may send with a tap, of the athlete's own words."""
        me, theirs = self.people[coach], self.people[athlete]
        words = canary(athlete, "said")
        draft = Record("step", "draft", NOW, NOW.date(), {"by": me.id}, words, about=theirs.id)
        outcomes.save(
            self.tx, Snapshot(NOW, "", person=me, athletes=(theirs,)), Outcome(records=(draft,)), (), "seed", NOW
        )

    def _worry(self, short: str, athlete: str, level: Level, owner: str | None, closed: bool) -> None:
        person = self.people[athlete]
        at = NOW - timedelta(hours=1)
        taken: dict[str, Any] = {"owner_id": self.people[owner].id, "acked_at": at} if owner else {}
        raised = Escalation(
            0, short, person.id, level, "words", canary(athlete, "worry"), at, step=1,
            next_at=None if owner else NOW + timedelta(hours=1), closed_at=at if closed else None, **taken,
        )  # fmt: skip
        self._save(person, Outcome(escalations=(raised,)))

    def _planned(self, name: str) -> None:
        """A plan with a version by everybody who may make one; whatever its text is holds the canary."""
        own, coach, text = self.people[name].id, self.people[name].coach_id, canary(name, "plan")
        today, long = Session("a", MON, "easy", 40, effort=3, text=text), Session("f", SAT, "long", 100, text=text)
        speed, light = Session("b", TUE, "speed", 50, effort=8, text=text), Session("c", WED, "mobility", 15, text=text)
        short = HELD.get(name)
        eased = replace(speed, kind="easy", minutes=40, effort=3, held=short)
        laid = Session("e", FRI, "easy", 30, text=text)
        changes = [
            Version(1, "coach", "import", NOW, (), (today, speed, light, long)),
            Version(2, "rule", "sleep-short", NOW, (speed,), (eased,)),
            Version(OWN_CHANGE, "athlete", "move", NOW, (light,), (replace(light, day=THU),)),
            Version(COACHS_CHANGE, "coach", "library", NOW, (), (laid,)),
        ]
        if name == "cara":
            last = replace(laid, id="g", day=IMPORTED_ON)
            changes.append(Version(CARAS_CHANGE, "athlete", "move", NOW, (), (last,)))
        for one in changes:
            if one.by != "rule" or short:
                plans.save(self.tx, own, one, {"coach": coach}.get(one.by, own), NOW)

    def _proposed(self, short: str) -> None:
        whose, rule, held, state, decider = PROPOSALS[short]
        person, text = self.people[whose], canary(whose, "plan")
        speed = Session("b", TUE, "speed", 50, effort=8, text=text)
        long = Session("f", SAT, "long", 100, text=text)
        before: tuple[Session, ...] = (speed,)
        after: tuple[Session, ...] = (replace(speed, kind="easy", minutes=40, effort=3, held=short),)
        if rule == "move":
            before, after = (long,), (replace(long, day=WED),)
        elif rule == "import":
            before, after = (), (Session("i", IMPORTED_ON, "easy", 40, text=text),)
        decided: dict[str, Any] = {} if state == "open" else {"state": state, "decided_at": NOW - timedelta(hours=1)}
        if decider:
            decided["decided_by"] = self.people[decider].id
        at, ends = NOW - timedelta(hours=4), NOW + timedelta(hours=12)
        proposals.save(
            self.tx,
            Proposal(0, short, person.id, rule, at, ends, before, after, held, canary(whose, "wish"), **decided),
        )

    def _page(self, reader: str, about: str, message_id: int) -> None:
        coach, athlete = self.people[reader], self.people[about]
        row = outbox.row(
            Message(coach.id, "coach.page", about=athlete.id), {"text": "page"},
            to_person=coach.id, chat_id=coach.chat_id or 0, now=NOW, cause="seed",
        )  # fmt: skip
        self.tx.execute(sa.insert(schema.outbox), {**row, "status": "sent", "message_id": message_id, "sent_at": NOW})

    def _save(self, person: Person, outcome: Outcome) -> None:
        outcomes.save(self.tx, Snapshot(NOW, "", person=person), outcome, (), "seed", NOW)

    def wakes(self, name: str, kind: str, data: Mapping[str, Any]) -> None:
        """What rings now for this person."""
        wakeup = Wakeup(kind, f"{kind}:cell", NOW, data=data)
        assert due.put(self.tx, self.people[name].id, wakeup, NOW)

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
                    if not self._handle():
                        break
                last = self._dump()
            finally:
                save.rollback()
                self.people = kept
        keys = [key for key in {**first, **last} if first.get(key) != last.get(key)]
        return Played(self, tuple(Change(key[0], _row(key, first), _row(key, last)) for key in keys))

    def _handle(self) -> bool:
        """One turn (or several together) with the same dice as ever; where two spell the same short, the second throws
        others."""
        for thrown in range(4):
            dice = partial(str, DICE[thrown:] + DICE[:thrown])
            with suppress(Conflict):
                return handle.handle_one(self.base, NOW, dice, "bot", self.metrics, (due.FETCH,))
        raise AssertionError("it is no matter of dice")

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
        """What this person reads, with the buttons, as one can compare it: a short that was just spelled is hidden."""
        read = [
            json.dumps(
                {name: part for name, part in payload.items() if name not in ("answers", "edit")}, sort_keys=True
            )
            for to, payload, _ in self.messages()
            if to == who
        ]
        new = {one.row["short"] for table in ("proposal", "escalation") for one in self.of(table) if one.before is None}
        return [re.sub("|".join(new), "?????", text) if new else text for text in read]

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
