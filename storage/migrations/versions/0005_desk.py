"""The life of a concern: what it is about, its notes, its rounds, its trend. And the topics of groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CLOSED = "closed_at IS NOT NULL"
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.add_column("escalation", sa.Column("facts", sa.JSON()))
    op.create_index(
        "ix_escalation_closed", "escalation", ["athlete_id", "closed_at"],
        sqlite_where=sa.text(CLOSED), postgresql_where=sa.text(CLOSED),
    )  # fmt: skip
    op.create_table(
        "topic",
        sa.Column("id", ID),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("athlete_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_topic"),
        sa.UniqueConstraint("chat_id", "athlete_id", name="uq_topic_chat_id_athlete_id"),
        sa.UniqueConstraint("chat_id", "thread_id", name="uq_topic_thread_id"),
        sa.ForeignKeyConstraint(["athlete_id"], ["person.id"], name="fk_topic_athlete_id_person"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("topic")
    op.drop_index("ix_escalation_closed", "escalation")
    op.drop_column("escalation", "facts")
