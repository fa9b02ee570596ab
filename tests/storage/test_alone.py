"""One process to one SQLite file, by a lock that a crash gives back; and what the next one takes up at once."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.model import Message
from storage import alone, lease, outbox, schema
from storage.db import Database

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)

HOLDER = """
import os, sys, time
from storage import alone
with alone.held(sys.argv[1]):
    print("held", flush=True)
    if sys.argv[2] == "child":  # somebody whom we started, and who outlives us
        import subprocess
        subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, close_fds=False)
        print("child", flush=True)
    time.sleep(60)
"""


def _holder(url: str, what: str = "") -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url, what], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout
    assert process.stdout.readline() == b"held\n"
    if what:
        assert process.stdout.readline() == b"child\n"
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, 9)
    process.wait()
    assert process.stdout
    process.stdout.close()


def test_a_second_holder_is_refused_with_the_first_ones_number_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'club.db'}"
    first = _holder(url, "child")
    try:
        with (
            pytest.raises(alone.Taken, match=f"process {first.pid} runs on .*club.db already") as caught,
            alone.held(url),
        ):
            pass
        assert caught.value.pid == first.pid
        os.kill(first.pid, 9)  # its child lives on, and must not have the lock
        first.wait()
        with alone.held(url):
            assert (tmp_path / "club.db.lock").read_text() == f"{os.getpid()}\n"
    finally:
        _end(first)


def test_it_can_be_taken_again_when_it_was_given_back_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'club.db'}"
    for _ in range(2):
        with alone.held(url), pytest.raises(alone.Taken, match=str(os.getpid())), alone.held(url):
            pass
    assert (tmp_path / "new" / "club.db.lock").stat().st_mode & 0o777 == 0o600


def test_the_same_file_under_another_name_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    with alone.held(f"sqlite:///{tmp_path}/real/club.db"):
        for other in (
            "sqlite:///link/club.db",
            "sqlite:///file:real/club.db?uri=true",
            "sqlite+pysqlite:///real/club.db",
        ):
            with pytest.raises(alone.Taken), alone.held(other):
                pass
        with alone.held("sqlite:///real/other.db"):
            pass


@pytest.mark.parametrize("url", ["postgresql://club@db/club", "sqlite://", "sqlite:///:memory:", "no address"])
def test_where_there_is_no_file_nothing_is_held(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with alone.held(url), alone.held(url):
        assert not list(tmp_path.iterdir())


def test_a_disk_that_cannot_lock_and_a_folder_that_cannot_be_written_are_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").touch()
    with (
        pytest.raises(alone.Taken, match=r"cannot open .* beside the database"),
        alone.held(f"sqlite:///{tmp_path}/no folder/club.db.lock"),
    ):
        pass

    def refuses(*_: Any) -> None:  # as a network drive without locks does
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuses)
    with (
        pytest.raises(alone.Taken, match=r"cannot lock .*No locks available.* local disk") as caught,
        alone.held(f"sqlite:///{tmp_path}/club.db"),
    ):
        pass
    assert caught.value.pid is None


def test_what_the_dead_had_leased_is_taken_up_at_once(db: Database) -> None:
    def put(tx: sa.Connection, chat: int, once: bool) -> None:
        message = Message(None, "x", once=once)
        outbox.put(tx, message, {"text": "x"}, to_person=None, chat_id=chat, now=NOW, cause="test")

    with db.begin() as tx:
        put(tx, 1, False)
        put(tx, 2, True)
        assert lease.hold(tx, "sender", "dead", NOW, 15)
        assert len(outbox.lease(tx, NOW, owner="dead", limit=9)) == 2
    with db.begin() as tx:
        outbox.take_up(tx)
        lease.free(tx)
        assert lease.hold(tx, "sender", "alive", NOW, 15)
        (again,) = outbox.lease(tx, NOW + timedelta(seconds=1), owner="alive", limit=9)
        assert (again.chat_id, again.repeat) == (1, True)
        states = {row.chat_id: row.status for row in tx.execute(sa.select(schema.outbox))}
    assert states == {1: "leased", 2: "unknown"}
