"""The words that decided, marked in an escalation's own words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("escalation", sa.Column("because", sa.JSON()))


def downgrade() -> None:
    op.drop_column("escalation", "because")
