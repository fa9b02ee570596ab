"""Voice notes: what is said in them, as a program of the operator's hears it (TRANSCRIBE_COMMAND).

    transcribe_one(db_call, api, program, now, metrics) -> bool      "there was work, come again at once"

A turn leaves a due row of kind "transcribe" for each voice note. Where no program is named the next turn takes it, and
nothing comes of it. With one the row is left to this loop of its own, because no turn can wait for a program:

    hold        the row that has waited longest is nobody else's for HOLD, and its try counts; one commit
    download    from Telegram, at most 20 MB, into a file in a folder that only we can open
    run         the program with the file's path behind its arguments, for RUN_S at most; what it prints is the text
    done        the row is done, and a due row of kind "transcript" is there, from which a turn goes on; ONE commit

No transaction is open while we wait for Telegram or the program. So a kill at any moment repeats the work, when HOLD is
over (on SQLite at the next start), and never doubles the transcript: the second commit finds the row done, and changes
nothing. Nor can two replicas double it. Silence (an empty text) is done, too, and nothing comes of it.

A try that fails is repeated after a pause that grows, TRIES times in all; then the row is dead, and the coach has the
voice note itself, as from the first moment on. A try counts when it begins: a program that takes the whole service down
with it (by eating all the memory) would be started by each life of the service anew.

The program is a stranger. It gets none of our secrets; it and whatever it starts ends with its try, and with us; it is
the first to go where memory runs out, and the last where there is work to do; what it writes into its folder is deleted
with it. Its standard error is thrown away: words may stand there. Nobody's words and no address reach a log line, and
an error is a short `kind`.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import re
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

import sqlalchemy as sa

from bot.config import Program
from bot.held import DbCall, again_at, done_or_back
from bot.metrics import Metrics
from bot.refusals import SendError
from bot.telegram import Api
from dialogs.model import Wakeup
from storage import due
from storage.due import ClaimedDue

log = logging.getLogger(__name__)

PAUSES = (timedelta(minutes=1), timedelta(minutes=10))  # behind the first try, and the second
TRIES = len(PAUSES) + 1
RUN_S = 120.0  # for the program; a minute of speech takes a small machine about as long
HOLD = timedelta(minutes=5)  # longer than any try can take: two answers of Telegram's, and the program
MOST = 20_000  # characters of what it prints; half an hour of talk
FOLDER = "aidstation-voice-"
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}", re.IGNORECASE)  # by it programs know what is in a file


class Failed(Exception):
    """The program gave no text. `kind`: not_found, not_started, too_slow, exit_N, signal_N, or unfinished: the last try
    never ended."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


async def transcribe_one(
    db_call: DbCall, api: Api, program: Program, now: Callable[[], datetime], metrics: Metrics
) -> bool:
    """Take up the voice note that has waited longest. False: none is ready at `now`.

    Raises what the database raises; the row is then ready again after HOLD. Cancelled, it ends the program and gives
    the row back.
    """
    row: ClaimedDue | None = await db_call(lambda tx: due.hold(tx, due.TRANSCRIBE, now(), now() + HOLD))
    if row is None:
        return False
    try:
        if row.attempts > TRIES:
            raise Failed("unfinished")
        text = await done_or_back(db_call, row, now, _heard(api, program, str(row.data["file_id"])))
    except Exception as error:
        await _note_failure(db_call, row, error, now, metrics)
        return True
    await db_call(lambda tx: _finish(tx, row, text, now()))
    return True


def _finish(tx: sa.Connection, row: ClaimedDue, text: str, now: datetime) -> None:
    """Nothing, where somebody else was first, or the athlete has been erased meanwhile."""
    if due.done(tx, row.id, now) and text:
        message_id = row.data["message_id"]
        data = {"text": text, "message_id": message_id}
        due.put(
            tx, row.person_id, Wakeup("transcript", f"transcript:{row.person_id}:{message_id}", now, data=data), now
        )


async def _note_failure(
    db_call: DbCall, row: ClaimedDue, error: Exception, now: Callable[[], datetime], metrics: Metrics
) -> None:
    kind = error.kind if isinstance(error, Failed | SendError) else type(error).__name__
    retry_at = again_at(row, error, now(), PAUSES)
    metrics.failed("transcribe", kind)
    ours = await db_call(lambda tx: due.give_back(tx, row, now(), error_class=kind, retry_at=retry_at))
    if ours and retry_at is None:
        log.error("transcribe.dead key=%s kind=%s try=%d", row.key, kind, row.attempts)
    else:
        log.warning("transcribe.failed key=%s kind=%s try=%d", row.key, kind, row.attempts)


async def _heard(api: Api, program: Program, file_id: str) -> str:
    path = await api.get_file(file_id)
    with _folder() as folder:
        suffix = Path(path).suffix
        file = folder / f"audio{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        _write(file, await api.download(path))
        return await _run(program, file)


# --- the folder -----------------------------------------------------------------------------------------------------


@contextmanager
def _folder() -> Iterator[Path]:
    """Ours alone (0700), and gone afterwards. Meanwhile it is locked: somebody lives in it."""
    name = tempfile.mkdtemp(prefix=FOLDER)
    lock = os.open(name, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)
        os.close(lock)


def _write(file: Path, audio: bytes) -> None:
    file.write_bytes(audio)


def sweep() -> None:
    """Delete what a killed process has left: each folder of ours that nobody has locked."""
    with suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
            with suppress(OSError):  # somebody lives in it, or it is another user's, or gone already
                lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)


# --- the program ----------------------------------------------------------------------------------------------------


def find(program: Program) -> str | None:
    """The whole path of its first word, or None: there is no such program, or it may not be run."""
    found = shutil.which(program.arguments[0], path=program.environment.get("PATH"))
    return found and os.path.abspath(found)


async def _run(program: Program, file: Path) -> str:
    """What it prints. Raises Failed."""
    found = find(program)
    if found is None:
        raise Failed("not_found")
    # A pipe of our own: with one of asyncio's, waiting for the program would mean for whoever holds its output open.
    ours, theirs = os.pipe()
    printed = asyncio.StreamReader()
    with os.fdopen(ours, "rb", 0) as ours_end, os.fdopen(theirs, "wb", 0) as their_end:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(printed), ours_end)
        try:
            process = await _started(program, found, file, their_end)
            code, text = await _watched(process, printed)
        finally:
            transport.close()
    if code:
        raise Failed(f"exit_{code}" if code > 0 else f"signal_{-code}")
    return text.decode("utf-8", "replace").replace("\0", "\ufffd")[:MOST].strip()


async def _started(program: Program, found: str, file: Path, output: IO[bytes]) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            found, *program.arguments[1:], str(file),
            stdin=DEVNULL, stdout=output, stderr=DEVNULL, start_new_session=True,
            cwd=file.parent, env={**program.environment, "TMPDIR": str(file.parent)},
        )  # fmt: skip
    except (OSError, ValueError):
        raise Failed("not_started") from None
    finally:
        output.close()


async def _watched(process: Process, printed: asyncio.StreamReader) -> tuple[int, bytes]:
    """Until it ends, or has to: then nothing that it has started goes on, either."""
    reading = asyncio.ensure_future(_read(printed))
    try:
        _goes_first(process.pid)
        async with asyncio.timeout(RUN_S):
            code = await process.wait()
            _kill(process)  # what it has left behind may hold its output open
            return code, await reading
    except TimeoutError:
        raise Failed("too_slow") from None
    finally:
        _kill(process)
        reading.cancel()
        await process.wait()


async def _read(printed: asyncio.StreamReader) -> bytes:
    """The beginning; the rest is read, too, because a full pipe would stop the program."""
    text = bytearray()
    while part := await printed.read(1 << 16):
        text += part[: 4 * MOST - len(text)]
    return bytes(text)


def _goes_first(pid: int) -> None:
    """Best effort: where these are forbidden it is a program like any other."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PGRP, pid, 10)
    with suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")


def _kill(process: Process) -> None:
    with suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
