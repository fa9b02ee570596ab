"""No token and no athlete's word in anything the program writes about itself, at any level, whatever goes wrong.

Each secret and each word is a canary of its own. Everything logs at DEBUG, through the log that the program sets up;
then a day is lived with everything that can go wrong, and what was written to standard error and output holds no
canary, but does hold the actions that prove that it went wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot import handle, log, tick
from bot.clock import Clock
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from bot.sandbox.stage import TOKEN
from bot.web import SECRET_HEADER, make_app, serve_web
from dialogs.events import Event, Said
from dialogs.model import Outcome, Person, Record, Snapshot
from dialogs.turn import take_turn
from storage import inbox, outcomes
from storage.db import open_db
from tests.world import Someone, World, opened

ROOT = Path(__file__).parents[2]
LIBRARIES = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "aiohttp", "uvicorn", "asyncio", "psycopg",
             "apscheduler", "telegram", "alembic", "py.warnings", "concurrent.futures")  # fmt: skip

_numbers = itertools.count(1)


def canary() -> str:
    """A word that nobody else says."""
    return f"kanari{next(_numbers):03d}x"  # not the name of this file, which stands in traces


def hits(written: str, *secrets: str) -> list[str]:
    """What should not be there; also where it was escaped, cut or joined with something."""
    return [secret for secret in ("kanari", *secrets) if secret in written]


@contextlib.contextmanager
def everything_logged() -> Iterator[None]:
    """The program's own log, with every logger at its most talkative; put back afterwards."""
    names = (*log.OWN, *LIBRARIES)
    root, levels = logging.getLogger(), {name: logging.getLogger(name).level for name in names}
    handlers, level = root.handlers[:], root.level
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    log.begin(verbose=True)
    for name in ("", *names):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


def tripping(known: Snapshot, event: Event) -> Outcome:
    """The real turn, but for words that make it go wrong in the worst way: with the words in the text of the error."""
    outcome = take_turn(known, event)
    words = event.text if isinstance(event, Said) else ""
    if "trips" in words:
        try:
            raise KeyError(words)
        except KeyError as error:
            wrong = LookupError(f"cannot handle {words!r}")
            wrong.add_note(words)
            raise wrong from error
    if "constraint" in words:  # refused by the database, which quotes the row
        day = known.now.date()
        return replace(outcome, records=(*outcome.records, Record(words, "name", known.now, day, words, words)))
    return outcome


async def test_a_day_full_of_faults_leaves_no_word_in_the_log(
    migrated_database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(handle, "take_turn", tripping)
    with everything_logged():
        await _a_day(migrated_database_url, monkeypatch)
    written = "".join(capfd.readouterr())
    assert not hits(written, TOKEN, *(word for word in ("stairs", "+49") if word in written))
    said = set(re.findall(r" ([a-z_]+\.[a-z_]+)(?= |$)", written, re.MULTILINE))
    assert said >= {"library.said", "handle.failed", "send.failed", "send.refused", "receive.failed", "loop.trouble"}
    failed = set(re.findall(r"handle\.failed error=(\w+)", written))
    assert failed >= {"LookupError", "IntegrityError", "Unreadable"}
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+[+-]\d\d:\d\d [A-Z]+ [\w.]+ ", row) for row in written.splitlines())
    await _the_operators_pages(migrated_database_url)


async def _a_day(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(url) as world:
        world.announce("")  # any error: that is what the day is for
        world.expect("inbox dead", "outbox dead", "outbox unknown")
        kim = Someone(world, await world.stage.coach("Kim", place="London"))
        ann = Someone(
            world, await world.stage.athlete(f"Ann {canary()}", kim.phone, injuries=canary(), goal=f"+49 30 {canary()}")
        )
        await world.settle()
        await _plans(world, kim, ann)
        await _words(ann)
        await _faults_of_telegram(world, kim, ann)
        await _unreadable(world, ann)
        await _disk_full(world, ann, monkeypatch)
        await kim.taps("I have it")
        await world.fast_forward_to("07:05")
        await world.crash_and_restart()


async def _words(ann: Someone) -> None:
    for text in ("chest pain on the stairs, {}", "{} is fine", "/coach {}", "/nonsense {}", "\ud800 {}", "/zone {}"):
        await ann.says(text.format(canary()))
    for text in ("{} trips", "{} breaks a constraint", "a\r\n2026-01-01T00:00:00 INFO bot {} trips"):
        await ann.says(text.format(canary()))
    await ann.sends("voice", caption=canary())
    await ann.edits("is fine", canary())
    await ann.taps_data(f"ack:{canary()}")


async def _plans(world: World, kim: Someone, ann: Someone) -> None:
    """A plan that is typed, that comes in a file of which not all can be read, that is eased, and objected to."""
    await kim.says(f"/lay Ann wed speed 50: {canary()}", f"/lay Ann {canary()}", f"/plan {canary()}")
    rows = f"date,kind,minutes,notes\n2027-03-09,easy,40,{canary()}\n2027-03-10,{canary()},40,\n"
    kim.phone.sends_document(f"{canary()}.csv", "plan Ann", content=rows.encode())
    await world.settle()
    await kim.taps("Take the rest")
    await ann.says("slower please")
    await ann.taps("I’d rather keep it")
    await ann.says(f"because {canary()}", f"move Tuesday to {canary()}", f"away until {canary()}")
    await kim.taps("Edit")
    await kim.says(f"easy 20: {canary()}")
    for data in (f"approve:{canary()}", f"lay:{canary()}:270303:easy", f"rset:{canary()}:0:off"):
        await kim.taps_data(data)


async def _faults_of_telegram(world: World, kim: Someone, ann: Someone) -> None:
    for fault in ("before", "after", 429, 502, 401):
        world.fault(fault, "sendMessage", chat_id=ann.chat_id, seconds=1, description=f"for {canary()}")
        await ann.says(f"more {canary()}")
    for body in ("html", "truncated", "empty"):
        world.fault(500, "sendMessage", chat_id=ann.chat_id, body=body, description=canary())
        await ann.says(f"more {canary()}")
    for words in ("Bad Request: can't parse entities", "Bad Request: something new", "Bad Request: text is empty"):
        world.fault(400, "sendMessage", chat_id=kim.chat_id, times=2, description=f"{words} {canary()}")
        await ann.says(f"chest pain again, {canary()}")


async def _unreadable(world: World, ann: Someone) -> None:
    chat = {"id": ann.chat_id, "type": "private"}
    for message in (
        {"text": canary(), "chat": chat},
        {"message_id": canary(), "date": 1, "chat": chat, "text": canary()},
        {"message_id": 1, "date": 1, "chat": chat, "from": {"id": ann.chat_id, "first_name": [canary()]}, "text": "x"},
        canary(),
    ):
        world.api.raw_update({"message": message}, lane=ann.chat_id)
        await world.settle()


async def _disk_full(world: World, ann: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real loops, a database that refuses now and then, and quotes what it was given."""
    real, handling, left = inbox.accept, handle.handle_one, [1, 1]

    def refusing(which: int, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            if left[which] > 0:
                left[which] -= 1
                words = canary()
                raise sa.exc.OperationalError(f"INSERT {words}", {"raw": words}, OSError(28, f"No space for {words}"))
            return work(*args)

        return call

    monkeypatch.setattr(inbox, "accept", refusing(0, real))
    monkeypatch.setattr(handle, "handle_one", refusing(1, handling))
    world.api.faults.append(Fault(409, "getUpdates", description=canary()))
    async with world.live():
        ann.phone.says(f"it hurts more, {canary()}")
        async with asyncio.timeout(15):
            while sum(left):
                await asyncio.sleep(0.05)
        await world.settle()
    monkeypatch.setattr(inbox, "accept", real)
    monkeypatch.setattr(handle, "handle_one", handling)


async def _the_operators_pages(url: str) -> None:
    """Names stand where it is their purpose, words nowhere."""
    names = canary()[:6]
    found = await _aidstation("--verbose", "people", "--json", DATABASE_URL=url)
    assert [re.sub(names + r"\d+x", "", one["name"]) for one in json.loads(found[0])] == ["Kim", "Ann "]
    assert len(re.findall(names, found[0])) == 1 and not hits(found[1])
    assert not hits("".join(await _aidstation("--verbose", "doctor", DATABASE_URL=url)))


async def test_what_nobody_catches_leaves_no_word_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    secret = f"secret-{canary()}"
    with everything_logged():
        await _nobody_catches(secret)
    written = "".join(capfd.readouterr())
    assert not hits(written, secret)
    for action in ("webhook.refused", "webhook.not_stored", "python.warned", "thread.failed"):
        assert action in written
    for library in ("uvicorn.error", "asyncio", "apscheduler", "aiohttp.server"):
        assert re.search(rf"from={library}\S* at=\S+ error=ValueError trace=", written), library


async def _nobody_catches(secret: str) -> None:
    def fails(*_: Any) -> None:
        raise ValueError(canary())

    async def store(rows: Any) -> None:
        if "full" in rows[0].raw:
            raise sa.exc.OperationalError(rows[0].raw, {"raw": rows[0].raw}, OSError(28, rows[0].raw))

    async def gives_up() -> None:
        fails()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = log._warned
        warnings.warn(canary(), stacklevel=1)
        async with serve_web(make_app(store, secret=secret, nudge=fails), ("127.0.0.1", 0)) as url:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:
                bodies = (f"no json {canary()}", f"full {canary()}", b"\xff" + canary().encode(), "x" * 2**21)
                for body, given in itertools.product(bodies, (secret, f"wrong {canary()}")):
                    async with http.post(f"{url}/telegram", data=body, headers={SECRET_HEADER: given}) as answer:
                        assert answer.status in (403, 413, 500, 503)
        with tick.ticking(fails, 0.02):
            await asyncio.sleep(0.1)
        loop = asyncio.get_running_loop()
        loop.call_soon(fails)
        loop.call_exception_handler({"message": canary(), "exception": ValueError(canary()), "what": canary()})
        task = asyncio.create_task(gives_up(), name=canary())
        await asyncio.wait([task])
        del task
        thread = threading.Thread(target=fails, name=canary())
        thread.start()
        await asyncio.to_thread(thread.join)
        logging.getLogger("aiohttp.server").exception("with %s", canary(), exc_info=ValueError(canary()))
        logging.getLogger("bot.send").error("send.dead kind=%s %s", canary())


# --- real processes -------------------------------------------------------------------------------------------------


async def _start(*arguments: str, **variables: str) -> asyncio.subprocess.Process:
    given = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **variables}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, env=given, stdout=pipe, stderr=pipe)


async def _aidstation(*arguments: str, **variables: str) -> tuple[str, str]:
    process = await _start("-m", "bot", *arguments, **variables)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return out.decode(), err.decode()


def _seed(url: str) -> None:
    """Kim and Ann, and a database that refuses certain words and quotes them."""
    base = open_db(url)
    now = Clock().now()
    with base.begin() as tx:
        kim = Person(0, "Kim", 31, 31, coaches=True, joined_at=now, consent_at=now)
        coach = outcomes.save(tx, Snapshot(now, ""), Outcome(person=kim), (), "test", now).person_id
        ann = Person(0, f"Ann {canary()}", 32, 32, runs=True, coach_id=coach, joined_at=now, consent_at=now)
        outcomes.save(tx, Snapshot(now, ""), Outcome(person=ann), (), "test", now)
        if base.is_sqlite:
            words = canary()
            refusal = f"BEGIN SELECT RAISE(ABORT, 'no room for {words}'); END"
            tx.exec_driver_sql(f"CREATE TRIGGER no BEFORE INSERT ON journal WHEN NEW.words LIKE '%%trips%%' {refusal}")
        else:
            tx.exec_driver_sql("ALTER TABLE journal ADD CHECK (words NOT LIKE '%%trips%%')")
    base.close()


async def test_a_verbose_service_tells_nothing_that_it_was_told(migrated_database_url: str) -> None:
    token = f"1000001:AAF{canary()}abcdefghijklmnopqrstu"
    url = migrated_database_url
    if url.startswith("postgresql"):
        url = url.replace("postgres@", f"postgres:{canary()}@")
    _seed(url)
    api = BotApi(token=token, now=Clock().now)
    kim, ann = Phone(api, 31, "Kim"), Phone(api, 32, f"Ann {canary()}")
    for phone in (kim, ann):
        api.users[phone.user_id].started = True
    async with serve(api) as telegram:
        env = {"DATABASE_URL": url, "TELEGRAM_BOT_TOKEN": token, "TELEGRAM_API_URL": telegram,
               "WEBHOOK_LISTEN": "127.0.0.1:0"}  # fmt: skip
        process = await _start("-X", "dev", "-m", "bot", "--verbose", "run", **env)
        api.raw_update({"message": {"text": canary(), "chat": {"id": 32, "type": "private"}}}, lane=32)
        api.faults.append(Fault(400, "sendMessage", 1, 31, description=f"Bad Request: who is {canary()}"))
        api.faults.append(Fault(502, "getUpdates", body="html", description=canary()))
        ann.says(f"chest pain, {canary()}")
        ann.says(f"{canary()} trips")
        written = ""
        async with asyncio.timeout(60):
            await kim.will_see("chest pain", within=60)
            assert process.stderr is not None
            while "handle.report_failed" not in written:  # the coach cannot be told of it either: the words are refused
                written += (await process.stderr.readline()).decode()
        process.terminate()
        out, err = await process.communicate()
    written += (out + err).decode()
    assert not hits(written, token), written
    assert len(re.findall(r"handle\.failed error=IntegrityError", written)) == 3
    assert {"send.refused", "receive.failed", "error=Unreadable"} <= set(re.findall(r"[\w.]+=?\w*", written))


@pytest.mark.parametrize(
    "program",
    [
        "raise ValueError(words)",
        "import threading; threading.Thread(target=int, args=(words,), name=words).start()",
        "import asyncio; asyncio.run(asyncio.wait_for(asyncio.to_thread(int, words), 5))",
        "import warnings; warnings.warn(words)",
        "import atexit; atexit.register(int, words)",
        "import logging; logging.getLogger(words).error(words); logging.getLogger('bot.x').error('x.y %d', words)",
        "exec('class A:\\n def __del__(self): int(words)'); A()",
        "raise ExceptionGroup(words, [KeyError(words), OSError(5, words, words)])",
        "open(words)",
        "async def f(): int(words)\nimport asyncio; asyncio.run(f())",
    ],
)
async def test_a_process_that_fails_says_where_and_not_what(program: str) -> None:
    words = f"my {canary()} hurts"
    process = await _start("-c", f"from bot import log; log.begin(True); import os; words = os.environ['W']\n{program}",
                           W=words)  # fmt: skip
    out, err = await process.communicate()
    written = (out + err).decode()
    assert not hits(written) and "Traceback" not in written, written
    assert re.search(r"process\.failed|thread\.failed|cleanup\.failed|library\.said|python\.warned", written), written


async def test_a_password_in_an_address_is_never_shown(tmp_path: Path) -> None:
    password = canary()
    away = f"postgresql://club:{password}@127.0.0.1:9/club"
    token = f"1000001:AAF{canary()}abcdefghijklmnopqrstu"
    secret = {"TELEGRAM_BOT_TOKEN": token, "DATABASE_URL": away}
    here = {"DATABASE_URL": f"sqlite:///{tmp_path / 'club.db'}"}
    for arguments, variables in (
        (("--verbose", "run"), secret),
        (("--verbose", "doctor"), secret),
        (("people",), {"DATABASE_URL": f"postgresql//club:{password}@nowhere"}),
        (("--verbose", "copy", "--to", away), here),
    ):
        out, err = await _aidstation(*arguments, **variables)
        assert (out + err) and not hits(out + err, token, password), out + err
