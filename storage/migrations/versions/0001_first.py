"""The first schema: inbox, due, outbox, people, journal, escalations, leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "club",
        sa.Column("key", sa.Text()),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_club"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", ID),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("error_class", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.CheckConstraint("status IN ('new', 'done', 'dead')", name=op.f("ck_inbox_status")),
        sa.UniqueConstraint("key", name="uq_inbox_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_inbox_done",
        "inbox",
        ["finished_at"],
        sqlite_where=sa.text("status = 'done'"),
        postgresql_where=sa.text("status = 'done'"),
    )
    op.create_index(
        "ix_inbox_new",
        "inbox",
        ["id"],
        sqlite_where=sa.text("status = 'new'"),
        postgresql_where=sa.text("status = 'new'"),
    )
    op.create_index(
        "ix_inbox_new_who",
        "inbox",
        ["who", "id"],
        sqlite_where=sa.text("status = 'new'"),
        postgresql_where=sa.text("status = 'new'"),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text()),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    op.create_table(
        "person",
        sa.Column("id", ID),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.BigInteger()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("runs", sa.Boolean(), nullable=False),
        sa.Column("coaches", sa.Boolean(), nullable=False),
        sa.Column("coach_id", sa.BigInteger()),
        sa.Column("backup_id", sa.BigInteger()),
        sa.Column("reachable", sa.Boolean(), nullable=False),
        sa.Column("joined_at", INSTANT),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.CheckConstraint("backup_id <> id", name=op.f("ck_person_own_backup")),
        sa.ForeignKeyConstraint(["backup_id"], ["person.id"], name="fk_person_backup_id_person"),
        sa.ForeignKeyConstraint(["coach_id"], ["person.id"], name="fk_person_coach_id_person"),
        sa.UniqueConstraint("chat_id", name="uq_person_chat_id"),
        sa.UniqueConstraint("user_id", name="uq_person_user_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_person_coach_id", "person", ["coach_id"])
    op.create_index("ix_person_coaches", "person", ["coaches", "joined_at"])
    op.create_table(
        "due",
        sa.Column("id", ID),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("ready_at", INSTANT, nullable=False),
        sa.Column("day", sa.Date()),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("error_class", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_due"),
        sa.CheckConstraint("status IN ('open', 'done', 'dropped', 'dead')", name=op.f("ck_due_status")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_due_person_id_person"),
        sa.UniqueConstraint("key", name="uq_due_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_due_open",
        "due",
        ["ready_at", "id"],
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_due_open_person_id",
        "due",
        ["person_id"],
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "escalation",
        sa.Column("id", ID),
        sa.Column("short", sa.Text(), nullable=False),
        sa.Column("athlete_id", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("flag", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("raised_at", INSTANT, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_at", INSTANT),
        sa.Column("owner_id", sa.BigInteger()),
        sa.Column("acked_at", INSTANT),
        sa.Column("closed_at", INSTANT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_escalation"),
        sa.CheckConstraint("acked_at IS NULL OR owner_id IS NOT NULL", name=op.f("ck_escalation_acked_by_a_human")),
        sa.CheckConstraint("level IN ('none', 'note', 'concern', 'today', 'now')", name=op.f("ck_escalation_level")),
        sa.CheckConstraint(
            "next_at IS NOT NULL OR acked_at IS NOT NULL OR closed_at IS NOT NULL",
            name=op.f("ck_escalation_never_forgotten"),
        ),
        sa.ForeignKeyConstraint(["athlete_id"], ["person.id"], name="fk_escalation_athlete_id_person"),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name="fk_escalation_owner_id_person"),
        sa.UniqueConstraint("short", name="uq_escalation_short"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_escalation_not_closed",
        "escalation",
        ["id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_escalation_not_closed_athlete_id",
        "escalation",
        ["athlete_id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "invite",
        sa.Column("id", ID),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("coaches", sa.Boolean(), nullable=False),
        sa.Column("coach_id", sa.BigInteger()),
        sa.Column("seat_id", sa.BigInteger()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.Column("used_by", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_invite"),
        sa.CheckConstraint("(used_at IS NULL) = (used_by IS NULL)", name=op.f("ck_invite_used")),
        sa.ForeignKeyConstraint(["coach_id"], ["person.id"], name="fk_invite_coach_id_person"),
        sa.ForeignKeyConstraint(["seat_id"], ["person.id"], name="fk_invite_seat_id_person"),
        sa.ForeignKeyConstraint(["used_by"], ["person.id"], name="fk_invite_used_by_person"),
        sa.UniqueConstraint("code_hash", name="uq_invite_code_hash"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "journal",
        sa.Column("id", ID),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("by_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("value", sa.JSON()),
        sa.Column("words", sa.Text()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("saved_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
        sa.CheckConstraint(
            "kind IN ('answer', 'words', 'typed', 'file', 'edit', 'step', 'event')", name=op.f("ck_journal_kind")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name="fk_journal_by_id_person"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_journal_person_id_person"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_person_id_day", "journal", ["person_id", "day"])
    op.create_table(
        "outbox",
        sa.Column("id", ID),
        sa.Column("to_person", sa.BigInteger()),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("key", sa.Text()),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("bubble", sa.Text()),
        sa.Column("edit", sa.Boolean(), nullable=False),
        sa.Column("message_id_hint", sa.BigInteger()),
        sa.Column("answers", sa.Text()),
        sa.Column("toast", sa.Boolean(), nullable=False),
        sa.Column("once", sa.Boolean(), nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("not_before", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT),
        sa.Column("short", sa.Text()),
        sa.Column("about", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lease_until", INSTANT),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("repeat", sa.Boolean(), nullable=False),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("error_class", sa.Text()),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.CheckConstraint("lane BETWEEN 0 AND 3", name=op.f("ck_outbox_lane")),
        sa.CheckConstraint("status <> 'leased' OR lease_until IS NOT NULL", name=op.f("ck_outbox_leased")),
        sa.CheckConstraint(
            "status IN ('pending', 'leased', 'sent', 'unknown', 'dead', 'expired', 'superseded', 'silenced')",
            name=op.f("ck_outbox_status"),
        ),
        sa.ForeignKeyConstraint(["about"], ["person.id"], name="fk_outbox_about_person"),
        sa.ForeignKeyConstraint(["to_person"], ["person.id"], name="fk_outbox_to_person_person"),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_bubble",
        "outbox",
        ["chat_id", "bubble", "id"],
        sqlite_where=sa.text("bubble IS NOT NULL"),
        postgresql_where=sa.text("bubble IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_leased",
        "outbox",
        ["chat_id"],
        sqlite_where=sa.text("status = 'leased'"),
        postgresql_where=sa.text("status = 'leased'"),
    )
    op.create_index(
        "ix_outbox_message_id",
        "outbox",
        ["chat_id", "message_id"],
        sqlite_where=sa.text("message_id IS NOT NULL"),
        postgresql_where=sa.text("message_id IS NOT NULL"),
    )
    op.create_index(
        "ix_outbox_pending",
        "outbox",
        ["lane", "id"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_outbox_pending_chat_id",
        "outbox",
        ["chat_id"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_outbox_pending_not_before",
        "outbox",
        ["not_before"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )


def downgrade() -> None:
    for table in (
        "outbox",
        "journal",
        "invite",
        "escalation",
        "due",
        "person",
        "lease",
        "inbox",
        "club",
    ):
        op.drop_table(table)
