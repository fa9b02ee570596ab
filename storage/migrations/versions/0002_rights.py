"""What the rights of the people in it need: a ledger of erasures. And the indexes by which the work can be watched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")

WATCHED = (
    ("ix_inbox_dead", "inbox", "finished_at", "status = 'dead'"),
    ("ix_due_dead", "due", "finished_at", "status = 'dead'"),
    ("ix_outbox_dead", "outbox", "created_at", "status = 'dead'"),
    ("ix_escalation_acked", "escalation", "acked_at", "acked_at IS NOT NULL"),
)


def upgrade() -> None:
    for name, table, column, where in WATCHED:
        op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_table(
        "erasure",
        sa.Column("id", ID),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasure"),
        sa.UniqueConstraint("receipt", name="uq_erasure_receipt"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_erasure_person_id_person"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    for name, table, _, _ in WATCHED:
        op.drop_index(name, table)
    op.drop_table("erasure")
