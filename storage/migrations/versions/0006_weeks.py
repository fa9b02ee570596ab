"""Whether anybody is asked at all: the check-ins of the last day, by their hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CHECKIN = "kind = 'checkin'"


def upgrade() -> None:
    op.create_index(
        "ix_due_checkin", "due", ["at"], sqlite_where=sa.text(CHECKIN), postgresql_where=sa.text(CHECKIN)
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_due_checkin", "due")
