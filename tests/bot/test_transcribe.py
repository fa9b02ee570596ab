"""A voice note goes to a program and its words to a turn: once, whatever the program does, and leaving nothing behind.

Programs are small Python scripts, real processes; Telegram is the sandbox over HTTP; time is an argument.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import handle, transcribe
from bot.config import Program
from bot.metrics import Look, Metrics
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.server import serve
from bot.telegram import Api, Wire
from bot.transcribe import FOLDER, HOLD, MOST, PAUSES, TRIES
from dialogs.model import Person, Wakeup
from storage import due, rights, schema
from storage.db import Database, open_db
from tests.sandbox.wire import TOKEN
from tests.storage.club import HOUR, NOW, join

AUDIO = b"OggS a voice that says something"
SAID = "my chest hurts"
PATIENCE_S = 30.0


def script(folder: Path, body: str) -> Program:
    """A program that runs these lines of Python; `audio` is the path that it was given."""
    file = folder / "program.py"
    file.write_text(f"import os, sys, time\naudio = sys.argv[-1]\n{body}\n")
    return Program((sys.executable, "-S", str(file)), {"PATH": os.defpath})


def says(text: str) -> str:
    return f"sys.stdout.reconfigure(encoding='utf-8', errors='surrogatepass'); print({text!r})"


async def until(seen: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not seen():
            await asyncio.sleep(0.01)


def ended(pid: int) -> bool:
    """No such process, or only its name is left because nobody has asked how it ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def noted(file: Path) -> list[int]:
    """The numbers that a program has written down."""
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@dataclass(slots=True)
class Desk:
    """Ann's voice notes, and whoever writes them down."""

    base: Database
    box: BotApi
    api: Api
    ann: Person
    folder: Path  # of the tests, not of the programs
    now: datetime = NOW
    metrics: Metrics = field(default_factory=Metrics)
    _numbers: int = 100

    def speaks(self, **details: Any) -> int:
        """Ann sends a voice note; gives its message id. What a turn would have put is there."""
        self._numbers += 1
        size = details.get("size")
        file = self.box.add_file("voice", details.get("suffix", ".oga"), details.get("content", AUDIO), size=size)
        data = {"file_id": details.get("file_id", file.id), "message_id": self._numbers}
        key = f"transcribe:{self.ann.id}:{self._numbers}"
        with self.base.begin() as tx:
            assert due.put(tx, self.ann.id, Wakeup("transcribe", key, self.now, data=data), self.now)
        return self._numbers

    async def db_call(self, work: Callable[[sa.Connection], Any]) -> Any:
        def in_one() -> Any:
            with self.base.begin() as tx:
                return work(tx)

        return await asyncio.to_thread(in_one)

    async def hears(self, program: Program, api: Api | None = None) -> bool:
        call = transcribe.transcribe_one
        return await call(self.db_call, api or self.api, program, lambda: self.now, self.metrics)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        table = schema.due
        with self.base.read() as tx:
            found = tx.execute(sa.select(table).where(table.c.kind == kind).order_by(table.c.id)).mappings().all()
        return [dict(row) for row in found]

    def row(self) -> dict[str, Any]:
        (row,) = self.rows("transcribe")
        return row

    def texts(self) -> list[str]:
        return [row["data"]["text"] for row in self.rows("transcript")]

    def counted(self, kind: str) -> bool:
        shown = self.metrics.text(Look()).decode()
        return f'aidstation_errors_total{{kind="{kind}",where="transcribe"}}' in shown


@asynccontextmanager
async def opened(database_url: str, folder: Path) -> AsyncIterator[Desk]:
    base = open_db(database_url)
    with base.begin() as tx:
        kim = join(tx, "Kim", 1, coaches=True)
        ann = join(tx, "Ann", 2, runs=True, coach_id=kim.id, consent_at=NOW)
    found: list[Desk] = []
    box = BotApi(token=TOKEN, now=lambda: found[0].now)
    async with serve(box) as url, Wire(read_s=5.0) as wire:
        found.append(Desk(base, box, Api(TOKEN, url, wire), ann, folder))
        yield found[0]
    base.close()


@pytest.fixture(autouse=True)
def _no_room_but_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made; at the end nothing is left there."""
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    yield room
    assert list(room.iterdir()) == []


@pytest.fixture
async def desk(migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(migrated_database_url, tmp_path) as found:
        yield found


only_sqlite = pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)  # the rest is the same


# --- what comes of it -----------------------------------------------------------------------------------------------


async def test_what_the_program_prints_is_there_for_a_turn_and_the_note_is_done(desk: Desk) -> None:
    number = desk.speaks()
    seen = desk.folder / "seen"
    program = script(desk.folder, f"open({str(seen)!r}, 'wb').write(open(audio, 'rb').read()); {says(f' {SAID}')}")
    assert await desk.hears(program)
    assert seen.read_bytes() == AUDIO
    (row,) = desk.rows("transcript")
    assert (row["person_id"], row["key"], row["at"], row["status"], row["data"]) == (
        desk.ann.id, f"transcript:{desk.ann.id}:{number}", NOW, "open", {"text": SAID, "message_id": number},
    )  # fmt: skip
    assert (desk.row()["status"], desk.row()["finished_at"]) == ("done", NOW)
    assert not await desk.hears(program), "there is no more work"


async def test_the_one_that_has_waited_longest_is_heard_first_and_none_before_its_hour(desk: Desk) -> None:
    program = script(desk.folder, "print(open(audio).read())")
    desk.now = NOW + HOUR
    desk.speaks(content=b"second")
    desk.now = NOW
    assert not await desk.hears(program)
    desk.speaks(content=b"first")
    desk.now = NOW + HOUR
    while await desk.hears(program):
        pass
    assert desk.texts() == ["first", "second"]


@pytest.mark.parametrize("text", ["", " \n\t "])
async def test_silence_is_done_and_nothing_comes_of_it(desk: Desk, text: str) -> None:
    desk.speaks()
    assert await desk.hears(script(desk.folder, says(text)))
    assert (desk.row()["status"], desk.rows("transcript")) == ("done", [])


async def test_bytes_that_are_no_text_are_replaced(desk: Desk) -> None:
    desk.speaks()
    await desk.hears(
        script(desk.folder, r"sys.stdout.buffer.write(b'chest \xff\xfe p\xc3\xa4in \x00 \xf0\x9f\x92\x94')")
    )
    assert desk.texts() == ["chest \ufffd\ufffd päin \ufffd 💔"]


async def test_a_program_that_never_stops_talking_is_heard_to_the_limit_and_not_stopped_by_it(desk: Desk) -> None:
    desk.speaks()
    await desk.hears(script(desk.folder, f"print('ä' * {MOST + 5} + 'x' * {1 << 20})"))
    assert desk.texts() == ["ä" * MOST]


async def test_the_program_gets_its_own_words_before_the_file_and_no_shell_reads_them(desk: Desk) -> None:
    desk.speaks()
    program = script(desk.folder, "print(sys.argv[1:-1], os.path.basename(audio), sys.stdin.read() == '')")
    await desk.hears(Program((*program.arguments, "$HOME", "a b; echo c"), program.environment))
    assert desk.texts() == ["['$HOME', 'a b; echo c'] audio.oga True"]


@pytest.mark.parametrize(("suffix", "name"), [(".mp3", "audio.mp3"), (".tar-gz", "audio"), ("", "audio")])
@only_sqlite
async def test_the_file_is_called_by_its_kind_and_not_by_what_telegram_calls_it(
    desk: Desk, suffix: str, name: str
) -> None:
    desk.speaks(suffix=suffix)
    await desk.hears(script(desk.folder, "print(os.path.basename(audio))"))
    assert desk.texts() == [name]


async def test_nobody_waits_for_the_database_while_the_program_runs(desk: Desk) -> None:
    desk.speaks()
    go, runs = desk.folder / "go", desk.folder / "runs"
    wait = f"open({str(runs)!r}, 'w').close()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    working = asyncio.create_task(desk.hears(script(desk.folder, f"{wait}\n{says(SAID)}")))
    await until(runs.exists)
    with desk.base.begin() as tx:  # would be "database is locked", or a row that is locked
        assert due.claim(tx, NOW) is None
        tx.execute(sa.update(schema.due).values(day=NOW.date()))
    go.touch()
    assert await working
    assert desk.texts() == [SAID]


# --- failing ---------------------------------------------------------------------------------------------------------


@contextmanager
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    lines: list[str] = []
    with caplog.at_level(logging.DEBUG):
        yield lines
        lines += [record.getMessage() for record in caplog.records if record.name == "bot.transcribe"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f"{says(SAID)}\nsys.exit(3)", "exit_3"),
        (f"print({SAID!r}, flush=True)\nos.kill(os.getpid(), 9)", "signal_9"),
        (f"print({SAID!r}, file=sys.stderr)\nraise ValueError({SAID!r})", "exit_1"),
    ],
)
async def test_a_program_that_fails_is_tried_three_times_with_growing_pauses_and_then_given_up(
    desk: Desk, body: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk.speaks()
    program = script(desk.folder, body)
    with logged(caplog) as lines:
        for number, pause in enumerate(PAUSES, start=1):
            assert await desk.hears(program)
            row = desk.row()
            assert (row["status"], row["attempts"], row["error_class"]) == ("open", number, kind)
            assert row["ready_at"] == desk.now + pause
            assert not await desk.hears(program)
            desk.now = row["ready_at"]
        assert await desk.hears(program)
    row = desk.row()
    assert (row["status"], row["attempts"], row["error_class"], row["at"]) == ("dead", TRIES, kind, NOW)
    assert row["finished_at"] == desk.now
    assert desk.rows("transcript") == []
    assert desk.counted(kind)
    key = row["key"]
    assert lines == [
        f"transcribe.failed key={key} kind={kind} try=1",
        f"transcribe.failed key={key} kind={kind} try=2",
        f"transcribe.dead key={key} kind={kind} try=3",
    ]
    assert PAUSES[0] < PAUSES[1]
    desk.now += timedelta(days=9)
    assert not await desk.hears(program)


async def test_a_program_that_works_at_last_is_heard(desk: Desk) -> None:
    desk.speaks()
    await desk.hears(script(desk.folder, "sys.exit(1)"))
    desk.now += PAUSES[0]
    await desk.hears(script(desk.folder, says(SAID)))
    assert (desk.row()["status"], desk.texts()) == ("done", [SAID])


@only_sqlite
async def test_a_program_that_is_not_there_or_is_none_is_a_try_that_failed(desk: Desk) -> None:
    desk.speaks()
    nonsense = desk.folder / "nonsense"
    nonsense.write_bytes(b"\x00\x01")
    kinds = []
    for name in ("no-such-program", str(desk.folder), str(nonsense)):
        nonsense.chmod(0o755)
        await desk.hears(Program((name,), {"PATH": os.defpath}))
        kinds.append(desk.row()["error_class"])
        desk.now += HOUR
    assert kinds == ["not_found", "not_found", "not_started"]


def test_a_program_is_found_by_its_own_path_variable_and_its_place_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "listen"
    there.write_text("#!/bin/sh\n")
    monkeypatch.chdir(tmp_path)
    assert transcribe.find(Program(("listen",), {"PATH": str(tmp_path)})) is None, "it may not be run"
    there.chmod(0o755)
    assert transcribe.find(Program(("listen",), {"PATH": str(tmp_path)})) == str(there)
    assert transcribe.find(Program(("./listen",), {})) == str(there)
    assert transcribe.find(Program(("listen",), {"PATH": os.defpath})) is None


CHILD = "import subprocess\nchild = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])"


def with_child(notes: Path) -> str:
    """Starts another process, and notes the numbers of both."""
    return f"{CHILD}\nopen({str(notes)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')"


async def test_a_program_that_takes_too_long_ends_with_all_that_it_has_started(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcribe, "RUN_S", 1.5)
    desk.speaks()
    notes = desk.folder / "pids"
    body = f"print({SAID!r}, flush=True)\n{with_child(notes)}\ntime.sleep(600)"
    assert await desk.hears(script(desk.folder, body))
    assert (desk.row()["error_class"], desk.texts()) == ("too_slow", [])
    pids = noted(notes)
    assert len(pids) == 2
    await until(lambda: all(map(ended, pids)))


async def test_what_a_program_leaves_running_ends_too_and_is_not_waited_for(desk: Desk) -> None:
    desk.speaks()
    notes = desk.folder / "pids"
    async with asyncio.timeout(PATIENCE_S):  # the child sleeps for ten minutes, and holds the output open
        assert await desk.hears(script(desk.folder, f"{with_child(notes)}\nprint({SAID!r})"))
    assert desk.texts() == [SAID]
    await until(lambda: all(map(ended, noted(notes))))


# --- Telegram --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("before", "getFile"), "network"),
        (Fault(502, "getFile"), "server"),
        (Fault(401, "getFile"), "unauthorized"),
        (Fault("before", "download", times=2), "network"),  # the first is repeated by aiohttp itself: it only asks
        (Fault(500, "download", body="html"), "server"),
        (Fault(404, "download"), "file_gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.method}-{value.kind}",
)
@only_sqlite
async def test_a_file_that_cannot_be_fetched_now_is_fetched_later(desk: Desk, fault: Fault, kind: str) -> None:
    desk.speaks()
    desk.box.faults.append(fault)
    program = script(desk.folder, says(SAID))
    assert await desk.hears(program)
    assert (desk.row()["status"], desk.row()["error_class"]) == ("open", kind)
    desk.now += PAUSES[0]
    assert await desk.hears(program)
    assert desk.texts() == [SAID]


@only_sqlite
async def test_a_file_that_telegram_gives_to_no_bot_is_given_up_at_once(desk: Desk) -> None:
    desk.speaks(size=(20 << 20) + 1)
    assert await desk.hears(script(desk.folder, says(SAID)))
    assert (desk.row()["status"], desk.row()["error_class"], desk.row()["attempts"]) == ("dead", "too_big", 1)
    assert desk.counted("too_big")


@only_sqlite
async def test_a_file_that_nobody_knows_any_more_is_given_up_after_three_tries(desk: Desk) -> None:
    desk.speaks(file_id="gone")
    for _ in range(TRIES):
        assert await desk.hears(script(desk.folder, says(SAID)))
        desk.now += HOUR
    assert (desk.row()["status"], desk.row()["error_class"]) == ("dead", "file_gone")


@only_sqlite
async def test_telegram_names_a_longer_pause_than_ours(desk: Desk) -> None:
    desk.speaks()
    desk.box.faults.append(Fault(429, "getFile", seconds=1800))
    await desk.hears(script(desk.folder, says(SAID)))
    assert desk.row()["ready_at"] == NOW + timedelta(minutes=30)


# --- ending in the middle ---------------------------------------------------------------------------------------------


async def test_a_stop_ends_the_program_and_gives_the_note_back_uncounted(desk: Desk) -> None:
    desk.speaks()
    notes = desk.folder / "pids"
    working = asyncio.create_task(desk.hears(script(desk.folder, f"{with_child(notes)}\ntime.sleep(600)")))
    await until(lambda: len(noted(notes)) == 2)
    before = desk.row()
    assert (before["status"], before["attempts"], before["ready_at"]) == ("open", 1, NOW + HOLD)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    row = desk.row()
    assert (row["status"], row["attempts"], row["ready_at"], row["error_class"]) == ("open", 0, NOW, None)
    await until(lambda: all(map(ended, noted(notes))))
    assert await desk.hears(script(desk.folder, says(SAID)))
    assert desk.texts() == [SAID]


class Killed(BaseException):
    """Nothing after it is done, as after SIGKILL."""


async def killed_before_the_commit(desk: Desk, monkeypatch: pytest.MonkeyPatch, program: Program) -> None:
    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(transcribe, "_finish", die)
        with pytest.raises(Killed):
            await desk.hears(program)


async def test_killed_before_its_commit_it_comes_again_once_the_hold_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.speaks()
    program = script(desk.folder, says(SAID))
    await killed_before_the_commit(desk, monkeypatch, program)
    assert not await desk.hears(program), "it is held"
    desk.now += HOLD
    assert await desk.hears(program)
    assert desk.texts() == [SAID]
    assert not await desk.hears(program)


async def test_who_knows_that_the_others_are_dead_takes_it_up_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.speaks()
    program = script(desk.folder, says(SAID))
    await killed_before_the_commit(desk, monkeypatch, program)
    with desk.base.begin() as tx:
        due.take_up(tx)
    assert await desk.hears(program)
    assert (desk.texts(), desk.row()["attempts"]) == ([SAID], 2)


async def test_a_note_over_which_the_service_dies_each_time_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.speaks()
    program = script(desk.folder, says(SAID))
    for _ in range(TRIES):
        await killed_before_the_commit(desk, monkeypatch, program)
        desk.now += HOLD
    assert await desk.hears(program)
    row = desk.row()
    assert (row["status"], row["error_class"], desk.texts()) == ("dead", "unfinished", [])


async def test_two_replicas_at_one_note_make_one_transcript(desk: Desk) -> None:
    """The first is so slow that its hold is over, and a second one works on the same row."""
    desk.speaks()
    go, runs = desk.folder / "go", desk.folder / "runs"
    slow = f"open({str(runs)!r}, 'w').close()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    first = asyncio.create_task(desk.hears(script(desk.folder, f"{slow}\n{says('the slow one')}")))
    await until(runs.exists)
    desk.now += HOLD
    assert await desk.hears(script(desk.folder, says(SAID)))
    before = desk.row()
    with desk.base.begin() as tx:  # and a turn has had it, and time has gone by
        row = due.claim(tx, desk.now)
        assert row is not None and due.done(tx, row.id, desk.now)
    desk.now += HOUR
    go.touch()
    assert await first
    assert desk.row() == before and desk.texts() == [SAID]


async def test_a_replica_that_fails_too_late_takes_nothing_from_the_one_that_works_on_it_now(desk: Desk) -> None:
    desk.speaks()
    with desk.base.begin() as tx:
        first = due.hold(tx, "transcribe", NOW, NOW + HOLD)
    assert first is not None
    with desk.base.begin() as tx:
        second = due.hold(tx, "transcribe", NOW + HOLD, NOW + 2 * HOLD)
        assert second is not None and second.attempts == 2
        assert not due.give_back(tx, first, NOW + HOLD, error_class="exit_1", retry_at=None)
        assert due.done(tx, second.id, NOW + HOLD)
        assert not due.give_back(tx, second, NOW + HOLD, error_class="exit_1", retry_at=None)
    assert (desk.row()["status"], desk.row()["error_class"]) == ("done", None)


async def test_the_words_of_somebody_who_was_erased_meanwhile_are_kept_nowhere(desk: Desk) -> None:
    desk.speaks()
    go, runs = desk.folder / "go", desk.folder / "runs"
    slow = f"open({str(runs)!r}, 'w').close()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    working = asyncio.create_task(desk.hears(script(desk.folder, f"{slow}\n{says(SAID)}")))
    await until(runs.exists)
    with desk.base.begin() as tx:
        rights.erase(tx, desk.ann.id, "R" * 10, NOW)
    go.touch()
    assert await working
    assert desk.rows("transcribe") == desk.rows("transcript") == []


# --- what it leaves behind --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["pass", "sys.exit(1)", "os.kill(os.getpid(), 9)"])
@only_sqlite
async def test_the_audio_lies_where_only_we_can_read_it_and_is_gone_afterwards(
    desk: Desk, _no_room_but_ours: Path, end: str
) -> None:
    desk.speaks()
    notes = desk.folder / "notes"
    body = (
        "from pathlib import Path\nimport tempfile\n"
        "folder = Path(audio).parent\nassert Path.cwd() == folder and tempfile.gettempdir() == str(folder)\n"
        "(folder / 'deep').mkdir(); (folder / 'deep' / 'words.txt').write_text('words')\n"
        f"open({str(notes)!r}, 'w').write(f'{{folder.stat().st_mode}} {{os.getuid()}} {{folder.stat().st_uid}}')\n{end}"
    )
    await desk.hears(script(desk.folder, body))
    mode, us, owner = noted(notes)
    assert (stat.S_IMODE(mode), us) == (0o700, owner)
    assert os.listdir(_no_room_but_ours) == []


@only_sqlite
async def test_a_download_that_breaks_leaves_no_folder(desk: Desk, _no_room_but_ours: Path) -> None:
    desk.speaks()
    desk.box.faults.append(Fault("before", "download", times=-1))
    await desk.hears(script(desk.folder, says(SAID)))
    assert os.listdir(_no_room_but_ours) == []


def test_what_a_killed_process_has_left_is_deleted_and_what_is_in_use_is_not(_no_room_but_ours: Path) -> None:
    left, used = (_no_room_but_ours / f"{FOLDER}{name}" for name in ("left", "used"))
    other = _no_room_but_ours / "other"
    for folder in (left, used, other):
        folder.mkdir()
        (folder / "audio.oga").write_bytes(AUDIO)
    (_no_room_but_ours / f"{FOLDER}link").symlink_to(other)
    lock = os.open(used, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    transcribe.sweep()
    assert not left.exists() and (used / "audio.oga").exists() and (other / "audio.oga").exists()
    os.close(lock)
    transcribe.sweep()
    assert not used.exists()
    for file in (other / "audio.oga", _no_room_but_ours / f"{FOLDER}link"):
        file.unlink()
    other.rmdir()


@only_sqlite
async def test_our_secrets_are_not_given_to_the_program_and_its_own_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bot import config

    def nothing(path: str) -> str:
        raise FileNotFoundError(2, path)

    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)  # in this process, as in the service
    desk.speaks()
    file = script(desk.folder, "print(sorted(os.environ))").arguments[-1]
    env = {"PATH": os.defpath, "TELEGRAM_BOT_TOKEN": TOKEN, "DATABASE_URL": "sqlite:///a.db", "PGPASSWORD": "p"}
    env |= {"HEARING_KEY": "k", "TRANSCRIBE_COMMAND": f"'{sys.executable}' -S '{file}'", "WEBHOOK_LISTEN": "[::1]:1"}
    program = config.load(env, read_file=nothing).transcribe
    assert program is not None
    await desk.hears(program)
    assert re.findall(r"'([A-Z_]+)'", desk.texts()[0].replace("'LC_CTYPE', ", "")) == ["HEARING_KEY", "PATH", "TMPDIR"]


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="not Linux")
@only_sqlite
async def test_the_program_goes_first_where_memory_runs_out_and_last_where_there_is_work(desk: Desk) -> None:
    desk.speaks()
    body = "time.sleep(0.5)\nprint(open('/proc/self/oom_score_adj').read().strip(), os.nice(0))"
    await desk.hears(script(desk.folder, body))
    assert desk.texts() == [f"1000 {min(19, os.nice(0) + 10)}"]


# --- beside the handling loop -----------------------------------------------------------------------------------------


def handled(desk: Desk, but: Collection[str]) -> bool:
    return handle.handle_one(desk.base, desk.now, lambda: "d" * 64, "bot", desk.metrics, but)


async def test_the_handling_loop_leaves_voice_notes_alone_where_a_program_hears_them(desk: Desk) -> None:
    desk.speaks()
    with desk.base.begin() as tx:
        key = f"checkin:{desk.ann.id}:{NOW.date()}"
        due.put(tx, desk.ann.id, Wakeup("checkin", key, NOW + HOUR, NOW.date()), NOW)
    assert not handled(desk, {due.TRANSCRIBE})
    desk.now += HOUR
    assert handled(desk, {due.TRANSCRIBE}), "what is behind it in the queue is not held up"
    assert not handled(desk, {due.TRANSCRIBE})
    assert (desk.row()["status"], desk.row()["attempts"]) == ("open", 0)


async def test_without_a_program_a_turn_takes_it_and_nothing_comes_of_it(desk: Desk) -> None:
    desk.speaks()
    assert handled(desk, ())
    assert (desk.row()["status"], desk.rows("transcript")) == ("done", [])
    assert desk.box.calls.total() == 0


def test_a_hold_is_longer_than_a_try_can_be() -> None:
    from bot import telegram, wire

    fetching = 2 * (wire.CONNECT_S + telegram.DOWNLOAD_S)
    assert HOLD.total_seconds() > fetching + transcribe.RUN_S
