"""All tables and constraints.

    inbox    what came in, raw, before Telegram hears "received"
    due      what shall happen when; the key (kind:person:local-date) is unique for ever
    outbox   what shall be said; the only rows that are leased, because sending lies outside any transaction
    person   athletes and coaches; what queries need has a column, all else lies in `facts`
    journal  append-only: each answer and each word
    version  append-only: each change of a plan
    session  what stands in a plan, from which version on and until which; see storage.plans
    proposal, escalation, invite, lease, club
    setting  append-only: what coaches have set of the rules
    feed     who may read a calendar by a link
    topic    which topic of which group is whose
    erasure  who has had themselves erased: numbers only, so that a restored backup can be cleaned of them again

Rules of the house:
- What must not happen twice is a UNIQUE key, never an `if`. What would be nonsense is a CHECK.
- Ids are never given twice (AUTOINCREMENT on SQLite): a number that survives in a button or a file must not
  come to mean another athlete.
- A status in a WHERE clause is written as a literal (`status_is`), not bound: a partial index serves only where the
  planner can see that the query implies the index's condition, and a plan kept for any value cannot show that.
- ON CONFLICT is spelled alike on both databases, so PostgreSQL's INSERT serves for both (`upsert`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.types import TypeDecorator, TypeEngine

from dialogs.levels import Level
from dialogs.plan import KINDS

__all__ = [
    "Instant",
    "Words",
    "club",
    "due",
    "erasure",
    "escalation",
    "feed",
    "inbox",
    "invite",
    "journal",
    "lease",
    "metadata",
    "outbox",
    "person",
    "proposal",
    "session",
    "setting",
    "status_is",
    "topic",
    "upsert",
    "version",
]


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime: timestamptz on PostgreSQL, ISO text of fixed width on SQLite.

    Text rather than microseconds, because an operator who opens the file at 3 am must be able to read it; of
    fixed width ("2026-11-23T07:00:00.000000Z", years 1-9999), so that text order is time order. A naive
    datetime is refused: it would be stored as if it were UTC, and the check-in would ring hours off.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        return sa.Text() if dialect.name == "sqlite" else sa.DateTime(timezone=True)

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError("a naive datetime cannot be stored: instants are aware, in UTC")
        value = value.astimezone(UTC)
        if dialect.name == "sqlite":
            return value.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
        return value

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant.astimezone(UTC)


# NUL cannot be stored by PostgreSQL, a lone surrogate by neither. ASCII has U+001A SUBSTITUTE for this.
_UNSTORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_STORED = re.compile("\x1a([0-9a-f]{4})")


class Words(TypeDecorator[str]):
    """What a person wrote, letter for letter, even where a database refuses the letter."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None or not _UNSTORABLE.search(value):
            return value
        return _UNSTORABLE.sub(lambda found: f"\x1a{ord(found[0]):04x}", value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None or "\x1a" not in value:
            return value
        return _STORED.sub(lambda found: chr(int(found[1], 16)), value)


metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

_Json = sa.JSON(none_as_null=True)
_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # only INTEGER PRIMARY KEY counts by itself there


def _id() -> sa.Column[int]:
    return sa.Column("id", _Id, primary_key=True)


def _person(name: str, *, nullable: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.ForeignKey("person.id"), nullable=nullable)


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({', '.join(map(repr, values))})", name=column)


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    return sa.Index(name, *columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def status_is(table: sa.FromClause, status: str) -> sa.ColumnElement[bool]:
    """`table.status = 'status'` with a literal: see the rules on top."""
    return table.c.status == sa.literal_column(f"'{status}'")


def upsert(table: sa.Table) -> Insert:
    """An INSERT that takes ON CONFLICT and knows how many rows it has inserted.

    Without `inline` SQLAlchemy would ask for the new id, and then not know the count.
    """
    return insert(table).inline().execution_options(preserve_rowcount=True)


person = sa.Table(
    "person",
    metadata,
    _id(),
    sa.Column("name", Words, nullable=False),
    sa.Column("chat_id", sa.BigInteger, unique=True),
    sa.Column("user_id", sa.BigInteger, unique=True),
    sa.Column("runs", sa.Boolean, nullable=False),
    sa.Column("coaches", sa.Boolean, nullable=False),
    _person("coach_id"),
    _person("backup_id"),
    sa.Column("reachable", sa.Boolean, nullable=False),
    sa.Column("joined_at", Instant),
    sa.Column("minor", sa.Boolean),  # NULL: not asked
    _person("guardian_id"),
    _person("ward_id"),
    sa.Column("facts", _Json, nullable=False),  # the other fields of dialogs.model.Person, see storage.codec
    sa.Column("version", sa.Integer, nullable=False),
    sa.CheckConstraint("backup_id <> id", name="own_backup"),
    sa.Index("ix_person_coach_id", "coach_id"),
    sa.Index("ix_person_coaches", "coaches", "joined_at"),
    sqlite_autoincrement=True,
)

invite = sa.Table(
    "invite",
    metadata,
    _id(),
    sa.Column("code_hash", sa.Text, nullable=False, unique=True),  # SHA-256 in hex; the code itself is never stored
    sa.Column("name", Words, nullable=False),
    sa.Column("coaches", sa.Boolean, nullable=False),
    _person("coach_id"),
    _person("ward_id"),  # for the guardian of this athlete
    _person("seat_id"),  # a coach who is known by name before they press Start, so that athletes can be theirs
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
    _person("used_by"),
    sa.CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name="used"),
    sqlite_autoincrement=True,
)

inbox = sa.Table(
    "inbox",
    metadata,
    _id(),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("raw", Words, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("error_class", sa.Text),
    _one_of("status", "new", "done", "dead"),
    _partial("ix_inbox_new", "id", where="status = 'new'"),
    _partial("ix_inbox_new_who", "who", "id", where="status = 'new'"),
    _partial("ix_inbox_done", "finished_at", where="status = 'done'"),
    _partial("ix_inbox_dead", "finished_at", where="status = 'dead'"),
    sqlite_autoincrement=True,
)

due = sa.Table(
    "due",
    metadata,
    _id(),
    _person("person_id", nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("at", Instant, nullable=False),  # when it should ring: lateness is judged by this
    sa.Column("ready_at", Instant, nullable=False),  # the same, or the next try after a failure
    sa.Column("day", sa.Date),
    sa.Column("data", _Json, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("finished_at", Instant),
    sa.Column("error_class", sa.Text),
    _one_of("status", "open", "done", "dropped", "dead"),
    _partial("ix_due_open", "ready_at", "id", where="status = 'open'"),
    _partial("ix_due_open_person_id", "person_id", where="status = 'open'"),
    _partial("ix_due_dead", "finished_at", where="status = 'dead'"),
    _partial("ix_due_checkin", "at", where="kind = 'checkin'"),
    sqlite_autoincrement=True,
)

outbox = sa.Table(
    "outbox",
    metadata,
    _id(),
    _person("to_person"),  # NULL: a stranger or a group
    sa.Column("chat_id", sa.BigInteger, nullable=False),
    sa.Column("lane", sa.SmallInteger, nullable=False),
    sa.Column("key", sa.Text, unique=True),
    sa.Column("payload", _Json, nullable=False),
    sa.Column("bubble", sa.Text),
    sa.Column("edit", sa.Boolean, nullable=False),
    sa.Column("message_id_hint", sa.BigInteger),
    sa.Column("answers", sa.Text),
    sa.Column("toast", sa.Boolean, nullable=False),
    sa.Column("once", sa.Boolean, nullable=False),
    sa.Column("quiet", sa.Boolean, nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("short", sa.Text),
    _person("about"),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("lease_until", Instant),
    sa.Column("lease_owner", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("repeat", sa.Boolean, nullable=False),  # an earlier try may have reached the recipient
    sa.Column("message_id", sa.BigInteger),
    sa.Column("error_class", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("sent_at", Instant),
    _one_of("status", "pending", "leased", "sent", "unknown", "dead", "expired", "superseded", "silenced"),
    sa.CheckConstraint("status <> 'leased' OR lease_until IS NOT NULL", name="leased"),
    sa.CheckConstraint("lane BETWEEN 0 AND 3", name="lane"),
    _partial("ix_outbox_pending", "lane", "id", where="status = 'pending'"),
    _partial("ix_outbox_pending_chat_id", "chat_id", where="status = 'pending'"),
    _partial("ix_outbox_pending_not_before", "not_before", where="status = 'pending'"),
    _partial("ix_outbox_leased", "chat_id", where="status = 'leased'"),
    _partial("ix_outbox_dead", "created_at", where="status = 'dead'"),
    _partial("ix_outbox_bubble", "chat_id", "bubble", "id", where="bubble IS NOT NULL"),
    _partial("ix_outbox_message_id", "chat_id", "message_id", where="message_id IS NOT NULL"),
    sqlite_autoincrement=True,
)

journal = sa.Table(
    "journal",
    metadata,
    _id(),
    _person("person_id", nullable=False),  # whose journal it is
    _person("by_id", nullable=False),  # whose turn wrote the line
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("value", _Json),
    sa.Column("words", Words),
    sa.Column("message_id", sa.BigInteger),
    sa.Column("cause", sa.Text, nullable=False),  # inbox or due key: where the line came from
    sa.Column("saved_at", Instant, nullable=False),
    _one_of("kind", "answer", "words", "typed", "file", "edit", "step", "event"),
    sa.Index("ix_journal_person_id_day", "person_id", "day"),
    sqlite_autoincrement=True,
)

escalation = sa.Table(
    "escalation",
    metadata,
    _id(),
    sa.Column("short", sa.Text, nullable=False, unique=True),
    _person("athlete_id", nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("flag", sa.Text, nullable=False),
    sa.Column("words", Words, nullable=False),
    sa.Column("raised_at", Instant, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("next_at", Instant),
    _person("owner_id"),
    sa.Column("acked_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("because", _Json),  # spans of `words`; NULL: none, as in rows from before there were any
    sa.Column("facts", _Json),  # the other fields of dialogs.model.Escalation, see storage.journal; NULL: older
    sa.Column("cause", sa.Text, nullable=False),
    _one_of("level", *(str(level.value) for level in Level)),
    # An open escalation without a next step is one that everybody has forgotten.
    sa.CheckConstraint("next_at IS NOT NULL OR acked_at IS NOT NULL OR closed_at IS NOT NULL", name="never_forgotten"),
    sa.CheckConstraint("acked_at IS NULL OR owner_id IS NOT NULL", name="acked_by_a_human"),
    _partial("ix_escalation_not_closed", "id", where="closed_at IS NULL"),
    _partial("ix_escalation_not_closed_athlete_id", "athlete_id", where="closed_at IS NULL"),
    _partial("ix_escalation_acked", "acked_at", where="acked_at IS NOT NULL"),
    # What was closed lately is opened again by a new symptom, so each turn of an athlete looks here.
    _partial("ix_escalation_closed", "athlete_id", "closed_at", where="closed_at IS NOT NULL"),
    sqlite_autoincrement=True,
)

version = sa.Table(
    "version",
    metadata,
    _id(),
    _person("person_id", nullable=False),  # whose plan
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),  # model.Change.by
    _person("by_id"),  # whose turn made it; NULL: the operator
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("saved_at", Instant, nullable=False),
    sa.UniqueConstraint("person_id", "number"),  # two that change one plan at once: one of them reads again
    # "restore" changes nothing: it only steps over numbers that may have been given already (storage.restoring).
    _one_of("actor", "rule", "coach", "athlete", "restore"),
    sa.CheckConstraint("number > 0", name="number"),
    sa.Index("ix_version_person_id_at", "person_id", "at"),
    sqlite_autoincrement=True,
)

session = sa.Table(
    "session",
    metadata,
    _id(),
    _person("person_id", nullable=False),
    sa.Column("uid", sa.Text, nullable=False),  # model.Session.id
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("facts", _Json, nullable=False),  # the other fields of dialogs.model.Session, see storage.plans
    sa.Column("since", sa.Integer, nullable=False),  # number of the version that put it there
    sa.Column("until", sa.Integer),  # number of the version that took it away; NULL: it stands
    sa.CheckConstraint("until > since", name="until"),
    _one_of("kind", *KINDS),  # one that the code does not know would stop each turn of this athlete
    _partial("ux_session_standing_uid", "person_id", "uid", where="until IS NULL", unique=True),
    _partial("ix_session_standing_day", "person_id", "day", where="until IS NULL"),
    sa.Index("ix_session_person_id_since", "person_id", "since"),
    _partial("ix_session_until", "person_id", "until", where="until IS NOT NULL"),
    sqlite_autoincrement=True,
)

proposal = sa.Table(
    "proposal",
    metadata,
    _id(),
    sa.Column("short", sa.Text, nullable=False, unique=True),
    _person("athlete_id", nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("raised_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("before", _Json, nullable=False),  # sessions, see storage.plans
    sa.Column("after", _Json, nullable=False),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("words", Words, nullable=False),
    sa.Column("facts", _Json, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    _person("decider_id"),  # model.Proposal.decided_by
    sa.Column("decided_at", Instant),
    sa.Column("version", sa.Integer, nullable=False),
    _one_of("state", "open", "approved", "edited", "declined", "expired", "overtaken"),
    sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    # What adds load stands only if somebody has said so.
    sa.CheckConstraint("state IN ('open', 'expired', 'overtaken') OR decider_id IS NOT NULL", name="by_a_human"),
    sa.Index("ix_proposal_athlete_id_decided_at", "athlete_id", "decided_at"),  # the open ones, and the latest
    sqlite_autoincrement=True,
)

setting = sa.Table(
    "setting",
    metadata,
    _id(),
    sa.Column("rule", sa.Text, nullable=False),
    _person("coach_id", nullable=False),
    _person("athlete_id"),  # NULL: for all of this coach's athletes
    sa.Column("at", Instant, nullable=False),
    sa.Column("is_on", sa.Boolean),  # model.Setting.on; NULL: not said
    sa.Column("edges", _Json, nullable=False),
    sa.Column("muted_until", sa.Date),
    _person("by_id"),
    sa.Index("ix_setting_coach_id", "coach_id"),
    sqlite_autoincrement=True,
)

feed = sa.Table(
    "feed",
    metadata,
    _id(),
    _person("person_id", nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),  # SHA-256 in hex; the code itself is never stored
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
    _partial("ux_feed_person_id", "person_id", where="revoked_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

topic = sa.Table(
    "topic",
    metadata,
    _id(),
    sa.Column("chat_id", sa.BigInteger, nullable=False),  # the group's
    _person("athlete_id", nullable=False),
    sa.Column("thread_id", sa.BigInteger, nullable=False),  # the topic's number in it
    sa.Column("closed", sa.Boolean, nullable=False),  # by people: it has to be opened before anybody can answer there
    sa.Column("made_at", Instant, nullable=False),
    sa.UniqueConstraint("chat_id", "athlete_id"),
    sa.UniqueConstraint("chat_id", "thread_id", name="uq_topic_thread_id"),  # one topic is never two athletes'
    sqlite_autoincrement=True,
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("until", Instant, nullable=False),
)

club = sa.Table(
    "club",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

erasure = sa.Table(
    "erasure",
    metadata,
    _id(),
    sa.Column("receipt", sa.Text, nullable=False, unique=True),
    _person("person_id", nullable=False),  # a number and nothing more: the row in `person` has been emptied
    sa.Column("at", Instant, nullable=False),
    sa.Column("counts", _Json, nullable=False),  # how many rows of which table went
    sqlite_autoincrement=True,
)
