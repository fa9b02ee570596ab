"""What every test may ask for: a fresh database on SQLite and on a real PostgreSQL.

A test that takes `database_url` or `migrated_database_url` runs twice, once per database ("sqlite",
"postgres"). The schema is made once per worker by `storage.db.migrate(url)`, and copied for each test.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import postgres

if TYPE_CHECKING:
    from tests.world import World

TEMPLATE = "aidstation_template"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long runs in CI alone, so that `make test` stays a matter of minutes."""
    if not os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="long: CI runs it, and `CI=true make test`"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A running PostgreSQL, one per worker; skipped with the reason where there is none, an error in CI."""
    reason = postgres.missing(os.environ)
    if reason is not None:
        pytest.skip(reason)
    server = postgres.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, EMPTY database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'aidstation.db'}"
    else:
        yield from _postgres_database(request.getfixturevalue("postgres_server"), None)


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh database with the whole schema and no rows."""
    if request.param == "sqlite":
        path = tmp_path / "aidstation.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
    else:
        server: postgres.Server = request.getfixturevalue("postgres_server")
        yield from _postgres_database(server, request.getfixturevalue("postgres_template"))


@pytest.fixture
async def world(migrated_database_url: str) -> AsyncIterator[World]:
    """A club by polling, on both databases; see tests/world.py."""
    from tests.world import opened  # here, so that the tests of dialogs never load the service

    async with opened(migrated_database_url) as club:
        yield club


@pytest.fixture
async def webhook_world(migrated_database_url: str) -> AsyncIterator[World]:
    """The same with Telegram calling us."""
    from tests.world import opened

    async with opened(migrated_database_url, mode="webhook") as club:
        yield club


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "aidstation.db"
    _migrate(f"sqlite:///{path}")
    log = path.with_name(f"{path.name}-wal")
    assert not log.exists(), "migrate left a connection open: the copy would lack its rows"
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> str:
    """The name of a migrated database to use as a template."""
    _migrate(postgres_server.create(TEMPLATE))
    return TEMPLATE


def _migrate(url: str) -> None:
    from storage.db import migrate  # here, so that the tests of dialogs never load SQLAlchemy

    migrate(url)


def _postgres_database(server: postgres.Server, template: str | None) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex}"
    url = server.create(name, template)
    try:
        yield url
    finally:
        server.drop(name)
