"""Alembic's entry; the connection, already in its transaction, comes from storage.db.migrate."""

from __future__ import annotations

from alembic import context

from storage.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=True,  # SQLite too: storage.db begins the transaction itself, as its driver would not
)
with context.begin_transaction():
    context.run_migrations()
