"""A voice note that a program hears: its words reach athlete and coach as a machine's guess, and can only raise.

The real service in the test world, and as real processes that are stopped and killed. The program is a small Python
script that "hears" whatever bytes the voice note holds.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import app, transcribe
from bot.config import Program, Settings
from bot.sandbox.faults import Fault
from bot.sandbox.stage import TOKEN
from bot.transcribe import FOLDER, HOLD
from dialogs.levels import Level
from storage import schema
from storage.schema import due, journal
from tests.bot.test_transcribe import Killed, ended, noted, script
from tests.e2e.test_canary import canary, everything_logged, hits
from tests.e2e.test_killed import Club, Nursery, a_club, nursery, shared_nursery
from tests.e2e.test_stopping import born, ends, is_stopped, polls, until
from tests.sandbox.wire import until as until_true
from tests.world import Someone, World, opened

__all__ = ["nursery", "shared_nursery"]  # fixtures

HEARS = "sys.stdout.buffer.write(open(audio, 'rb').read())"
WORDS = "legs fine and the hills felt easy today"
GUESS = "A machine heard this in your voice note, perhaps wrongly"
UNVERIFIED = "voice note, as a machine heard it (unverified"


@pytest.fixture
async def hearing(migrated_database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A club whose service has a program that hears."""
    async with opened(migrated_database_url, settings=Settings(transcribe=script(tmp_path, HEARS))) as world:
        yield world


async def pair(world: World) -> tuple[Someone, Someone]:
    kim = await world.coach("Kim")
    return kim, await world.athlete("Ann", kim)


def named(world: World, program: Program) -> None:
    """From now on this program hears."""
    world.app.settings = replace(world.app.settings, transcribe=program)
    world.stage.settings = world.app.settings


def transcripts(world: World, someone: Someone) -> list[str | None]:
    return [one.words for one in world.journal(someone) if one.name == "transcript"]


def only_raised_as_ever(world: World) -> None:
    """What a voice note always raises, and nothing more."""
    assert [(one.level, one.flag) for one in world.escalations()] == [(Level.CONCERN, "unscreened")]


# --- in the world ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["voice", "audio", "video_note"])
async def test_a_transcript_reaches_athlete_and_coach_marked_as_unverified(hearing: World, kind: str) -> None:
    kim, ann = await pair(hearing)
    await ann.sends(kind, content=WORDS.encode())
    assert WORDS in kim.sees(UNVERIFIED).text
    assert WORDS in ann.sees(GUESS).text
    assert transcripts(hearing, ann) == [WORDS]
    only_raised_as_ever(hearing)
    await hearing.fast_forward(hours=2)
    assert len(kim.got(WORDS)) == len(ann.got(WORDS)) == 1


async def test_chest_pain_in_a_voice_note_rings_the_coach_now(hearing: World) -> None:
    kim, ann = await pair(hearing)
    await ann.sends("voice", content=b"i have chest pain and it goes into my arm")
    assert "chest pain and it goes into my arm" in kim.sees("Ann · NOW").text
    assert [one.level for one in hearing.escalations() if one.level >= Level.TODAY] == [Level.NOW]
    ann.sees("Stop now")
    await kim.taps("I have it")


async def test_harmless_words_take_nothing_back(hearing: World) -> None:
    kim, ann = await pair(hearing)
    await ann.says("chest pain on the stairs")
    await ann.sends("voice", content=b"all good, never mind, i am fine")
    kim.sees("Ann · NOW")
    assert hearing.escalations()[0].level == Level.NOW and hearing.escalations()[0].open
    await kim.taps("I have it")


async def test_a_program_that_fails_leaves_everything_as_it_was_without_one(hearing: World, tmp_path: Path) -> None:
    hearing.announce("transcribe.dead")
    hearing.expect("due dead")
    named(hearing, script(tmp_path, f"{HEARS}\nsys.exit(7)"))
    kim, ann = await pair(hearing)
    await ann.sends("voice", content=WORDS.encode())
    await hearing.fast_forward(hours=1)
    only_raised_as_ever(hearing)
    assert kim.got("sends this; I cannot screen it"), "the coach has the note itself"
    assert not kim.got(WORDS) and not ann.got(WORDS) and transcripts(hearing, ann) == []
    (row,) = hearing.rows(schema.due, kind="transcribe")
    assert (row["status"], row["attempts"], row["error_class"]) == ("dead", 3, "exit_7")
    assert hearing.api.calls["download"] == 3
    await ann.taps("It can’t wait")
    kim.sees("Ann · NOW")
    await kim.taps("I have it")


async def test_killed_between_download_and_commit_it_comes_again_once(
    hearing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, ann = await pair(hearing)

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(transcribe, "_finish", die)
        with pytest.raises(Killed):
            await ann.sends("voice", content=WORDS.encode())
    assert hearing.api.calls["download"] == 1
    await hearing.crash_and_restart()
    assert transcripts(hearing, ann) == []
    await hearing.fast_forward(seconds=HOLD.total_seconds())
    assert transcripts(hearing, ann) == [WORDS]
    assert len(kim.got(WORDS)) == len(ann.got(WORDS)) == 1
    await hearing.crash_and_restart()
    await hearing.fast_forward(hours=1)
    assert len(kim.got(WORDS)) == len(ann.got(WORDS)) == 1 and hearing.api.calls["download"] == 2


async def test_without_a_program_nothing_is_fetched_and_nothing_runs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_may_run(*_: object, **__: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", nothing_may_run)
    _kim, ann = await pair(world)
    await ann.sends("voice", content=WORDS.encode())
    async with world.live():
        await until_true(lambda: world.app.metrics.telegram == "ok")
        ann.phone.sends_voice()
        await world.settle()
        assert "voice" not in world.app.metrics._beats
    await world.fast_forward(hours=1)
    assert world.api.calls["getFile"] == world.api.calls["download"] == 0
    assert {row["status"] for row in world.rows(schema.due, kind="transcribe")} == {"done"}
    assert world.rows(schema.due, kind="transcript") == []
    only_raised_as_ever(world)


async def test_the_service_hears_by_its_own_loop_and_answers_others_meanwhile(hearing: World, tmp_path: Path) -> None:
    go, runs = tmp_path / "go", tmp_path / "runs"
    slow = f"open({str(runs)!r}, 'w').close()\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n{HEARS}"
    named(hearing, script(tmp_path, slow))
    kim, ann = await pair(hearing)
    ben = await hearing.athlete("Ben", kim)
    async with hearing.live():
        hearing.api.user_sends(ann.chat_id, "voice", content=WORDS.encode())
        await until_true(runs.exists)
        ben.phone.says("chest pain on the hill")
        await kim.phone.will_see("Ben · NOW")
        for _ in range(50):
            assert not await hearing.app.idle(), "the clock of a sandbox must not run away from it"
            await asyncio.sleep(0.01)
        assert hearing.app.metrics._beats["voice"][1] == HOLD.total_seconds(), "a long note is no loop that is stuck"
        go.touch()
        assert UNVERIFIED in (await kim.phone.will_see(WORDS)).text
        await ann.phone.will_see(GUESS)
        await hearing.settle()
        assert await hearing.app.idle()
    await kim.taps("I have it")


async def test_a_stop_waits_for_no_program(hearing: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "STOP_S", 600.0)  # what is waited for would be waited for so long
    runs = tmp_path / "runs"
    named(hearing, script(tmp_path, f"open({str(runs)!r}, 'w').close()\ntime.sleep(600)"))
    _kim, ann = await pair(hearing)
    async with asyncio.timeout(60), hearing.live():
        hearing.api.user_sends(ann.chat_id, "voice", content=WORDS.encode())
        await until_true(runs.exists)
    (row,) = hearing.rows(schema.due, kind="transcribe")
    assert (row["status"], row["attempts"]) == ("open", 0)
    named(hearing, script(tmp_path, HEARS))
    await hearing.settle()
    assert transcripts(hearing, ann) == [WORDS]


async def test_a_program_that_is_not_there_is_said_at_the_start_and_the_service_runs(
    hearing: World, caplog: pytest.LogCaptureFixture
) -> None:
    hearing.announce("transcribe.no_program program=no-such-program")
    named(hearing, Program(("no-such-program", "--key=secret"), {}))
    kim, ann = await pair(hearing)
    async with hearing.live():
        ann.phone.says("chest pain on the hill")
        await kim.phone.will_see("Ann · NOW")
        await until_true(lambda: "transcribe.no_program program=no-such-program" in caplog.messages)
    assert "secret" not in caplog.text
    await kim.taps("I have it")


async def test_no_word_no_token_and_no_address_of_a_file_reaches_the_log(
    migrated_database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = canary()
    # Words on both outputs, in an error, in the arguments and the environment; each second note makes it fail.
    body = (
        "said = open(audio).read()\nprint(said, flush=True)\nprint(said, file=sys.stderr, flush=True)\n"
        "if 'fails' in said: raise ValueError(said)"
    )
    plain = script(tmp_path, body)
    program = Program((*plain.arguments, f"--key={secret}"), {**plain.environment, "HEARING_KEY": secret})
    with everything_logged():
        async with opened(migrated_database_url, settings=Settings(transcribe=program)) as world:
            world.announce("transcribe.dead")
            world.expect("due dead")
            kim, ann = await pair(world)
            await ann.sends("voice", content=f"i have chest pain on the stairs, {canary()}".encode())
            await kim.taps("I have it")
            await ann.sends("voice", content=f"{canary()} fails".encode())
            await world.fast_forward(hours=1)
            for fault in (
                Fault("before", "download", times=2),
                Fault(502, "download", body="html"),
                Fault(404, "getFile"),
            ):
                world.api.faults.append(replace(fault, description=canary()))
                await ann.sends("voice", content=canary().encode())
                await world.fast_forward(hours=1)
            async with world.live():
                ann.phone.api.user_sends(ann.chat_id, "voice", content=canary().encode())
                await until_true(lambda: world.api.calls["download"] > 8)
                await world.settle()
            assert len(transcripts(world, ann)) == 5
    written = "".join(capfd.readouterr())
    assert "transcribe.failed" in written and "transcribe.dead" in written
    assert not hits(written, TOKEN, "/file/", "file_", ".oga", "AwAC")


# --- as processes ---------------------------------------------------------------------------------------------------


def texts(club: Club) -> list[Any]:
    return [row.words for row in club.rows(sa.select(journal.c.words).where(journal.c.name == "transcript"))]


def is_gone(folder: str) -> bool:
    return not os.path.exists(folder)


def slow_at_first(folder: Path) -> str:
    """Notes its number and where it is. The first time it takes ten minutes, then it hears at once."""
    pids, place = str(folder / "pids"), str(folder / "place")
    return (
        f"first = not os.path.exists({pids!r})\nif first: open({place!r}, 'w').write(os.getcwd())\n"
        f"open({pids!r}, 'a').write(f'{{os.getpid()}}\\n')\nif first: time.sleep(600)\n{HEARS}"
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("migrated_database_url", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGKILL])
async def test_stopped_or_killed_while_the_program_runs_it_is_heard_once_in_the_next_life(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path, death: signal.Signals
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        file = script(tmp_path, slow_at_first(tmp_path)).arguments[-1]
        club.env["TRANSCRIBE_COMMAND"] = f"'{sys.executable}' -S '{file}'"
        _person, hers = club.somebody_runs()
        pid = born(club, nursery)
        club.api.user_sends(hers.user_id, "voice", content=WORDS.encode())
        await until(club, lambda: noted(tmp_path / "pids"))
        (listener,) = noted(tmp_path / "pids")
        room = (tmp_path / "place").read_text()
        assert not ended(listener) and FOLDER in room and os.listdir(room) == ["audio.oga"]
        if death == signal.SIGTERM:
            await is_stopped(club, nursery, pid)
            await until(club, lambda: ended(listener))
            assert is_gone(room)
        else:
            os.kill(pid, death)
            assert await ends(club, nursery) == -death
            await club.ended()
            os.kill(listener, signal.SIGKILL)  # nobody of ours is left to do that; a supervisor does
            if not club.base.is_sqlite:  # alone on SQLite it knows at once; here the hold has to be over
                club.clock.turn_to(club.clock.now() + HOLD)
        pid = born(club, nursery)
        await until(club, lambda: texts(club))
        await club.is_healed()
        assert is_gone(room)
        await is_stopped(club, nursery, pid)
        pid = born(club, nursery)  # a further life finds nothing left to do
        await polls(club)
        await is_stopped(club, nursery, pid)
        assert texts(club) == [WORDS] and len(noted(tmp_path / "pids")) == 2
        assert len(club.pages_of(WORDS)) == 1
        (row,) = club.rows(sa.select(due).where(due.c.kind == "transcribe"))
        assert (row.status, row.attempts) == ("done", 1 if death == signal.SIGTERM else 2)
        assert not re.search(r"Traceback|transcribe\.dead|loop\.trouble", club.log.read_text())
