"""A migrated database on both kinds, and a club to put into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from storage.db import Database, open_db


@pytest.fixture
def db(migrated_database_url: str) -> Iterator[Database]:
    database = open_db(migrated_database_url)
    yield database
    database.close()
