"""Athletes under 18, their guardians, and invitations for these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

REFERENCES = (("person", "guardian_id"), ("person", "ward_id"), ("invite", "ward_id"))


def upgrade() -> None:
    op.add_column("person", sa.Column("minor", sa.Boolean()))
    for table, column in REFERENCES:  # in one statement, because SQLite adds no constraint to a column that is there
        name = f"fk_{table}_{column}_person"
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} BIGINT CONSTRAINT {name} REFERENCES person (id)")


def downgrade() -> None:
    for table, column in REFERENCES:
        op.drop_column(table, column)
    op.drop_column("person", "minor")
