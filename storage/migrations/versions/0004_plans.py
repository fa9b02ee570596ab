"""Plans with their versions, proposals of the rules, settings of the coaches, calendar feeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
TABLES = ("version", "session", "proposal", "setting", "feed")


def _person(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["person.id"], name=f"fk_{table}_{column}_person")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "version",
        sa.Column("id", ID),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("by_id", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
        sa.UniqueConstraint("person_id", "number", name="uq_version_person_id_number"),
        sa.CheckConstraint("actor IN ('rule', 'coach', 'athlete', 'restore')", name=op.f("ck_version_actor")),
        sa.CheckConstraint("number > 0", name=op.f("ck_version_number")),
        _person("version", "person_id"),
        _person("version", "by_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_version_person_id_at", "version", ["person_id", "at"])
    op.create_table(
        "session",
        sa.Column("id", ID),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer()),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.CheckConstraint("until > since", name=op.f("ck_session_until")),
        sa.CheckConstraint(
            "kind IN ('easy', 'long', 'speed', 'hills', 'race', 'strength', 'mobility', 'cross', 'rest')",
            name=op.f("ck_session_kind"),
        ),
        _person("session", "person_id"),
        sqlite_autoincrement=True,
    )
    _partial("ux_session_standing_uid", "session", ["person_id", "uid"], "until IS NULL", unique=True)
    _partial("ix_session_standing_day", "session", ["person_id", "day"], "until IS NULL")
    op.create_index("ix_session_person_id_since", "session", ["person_id", "since"])
    _partial("ix_session_until", "session", ["person_id", "until"], "until IS NOT NULL")
    op.create_table(
        "proposal",
        sa.Column("id", ID),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("athlete_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decider_id", sa.BigInteger()),
        sa.Column("decided_at", INSTANT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_proposal"),
        sa.UniqueConstraint("short", name="uq_proposal_short"),
        sa.CheckConstraint(
            "state IN ('open', 'approved', 'edited', 'declined', 'expired', 'overtaken')",
            name=op.f("ck_proposal_state"),
        ),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_proposal_decided")),
        sa.CheckConstraint(
            "state IN ('open', 'expired', 'overtaken') OR decider_id IS NOT NULL",
            name=op.f("ck_proposal_by_a_human"),
        ),
        _person("proposal", "athlete_id"),
        _person("proposal", "decider_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_proposal_athlete_id_decided_at", "proposal", ["athlete_id", "decided_at"])
    op.create_table(
        "setting",
        sa.Column("id", ID),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("coach_id", sa.BigInteger(), nullable=False),
        sa.Column("athlete_id", sa.BigInteger()),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("is_on", sa.Boolean()),
        sa.Column("edges", sa.JSON(), nullable=False),
        sa.Column("muted_until", sa.Date()),
        sa.Column("by_id", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_setting"),
        _person("setting", "coach_id"),
        _person("setting", "athlete_id"),
        _person("setting", "by_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_setting_coach_id", "setting", ["coach_id"])
    op.create_table(
        "feed",
        sa.Column("id", ID),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_feed"),
        sa.UniqueConstraint("hash", name="uq_feed_hash"),
        _person("feed", "person_id"),
        sqlite_autoincrement=True,
    )
    _partial("ux_feed_person_id", "feed", ["person_id"], "revoked_at IS NULL", unique=True)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
