"""The command line as an operator meets it: a process, its words and its exit code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.clock import Clock
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.sandbox.stage import NAME, TOKEN
from storage import people, schema
from storage.db import open_db

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Aidstation = Callable[..., Coroutine[Any, Any, Ended]]


@pytest.fixture
def aidstation(tmp_path: Path) -> Aidstation:
    """Run the program with nothing in its environment but what the test gives."""

    async def run(*arguments: str, **variables: str) -> Ended:
        given = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), **variables}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *arguments, cwd=tmp_path, env=given,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    return run


@pytest.fixture
async def telegram() -> AsyncIterator[str]:
    """The address of a sandbox in today's time."""
    async with serve(BotApi(token=TOKEN, now=Clock().now, username=NAME)) as url:
        yield url


def _start(url: str, name: str) -> None:
    """As if the coach had pressed Start."""
    base = open_db(url)
    with base.begin() as tx:
        coach = people.find(tx, name, "coach")
        values = {"chat_id": 77, "user_id": 77, "coaches": True}
        if coach:
            tx.execute(sa.update(schema.person).where(schema.person.c.id == coach[0].id).values(**values))
        else:
            raise AssertionError(f"no seat for {name}")
    base.close()


async def test_version(aidstation: Aidstation) -> None:
    ended = await aidstation("--version")
    assert (ended.code, ended.out.strip()) == (0, f"aidstation {version('aidstation')}")


async def test_a_club_is_set_up_by_hand(aidstation: Aidstation, database_url: str, telegram: str) -> None:
    env = {"DATABASE_URL": database_url, "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": telegram}
    first, second = await aidstation("migrate", **env), await aidstation("migrate", **env)
    assert first == second == Ended(0, "The database is at this release.\n", "")

    coach = await aidstation("invite", "coach", "Kim", **env)
    assert coach.code == 0, coach.err
    link = re.search(rf"https://t\.me/{NAME}\?start=([0-9a-f]{{32}})", coach.out)
    assert link is not None and f"Code: {link[1]}" in coach.out
    _start(database_url, "Kim")

    athlete = await aidstation("invite", "athlete", "Ann", "--coach", "kim", "--json", **env)
    assert athlete.code == 0, athlete.err
    assert athlete.json["link"] == f"https://t.me/{NAME}?start={athlete.json['code']}"
    assert (athlete.json["name"], athlete.json["role"]) == ("Ann", "athlete")

    everyone = await aidstation("people", "--json", **env)
    assert [(one["name"], one["role"]) for one in everyone.json] == [("Kim", "coach")]
    assert "Kim, coach" in (await aidstation("people", **env)).out
    assert not [one for one in (coach, athlete, everyone) if TOKEN in one.out + one.err]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("invite", "athlete", "Ann"), "whose athlete?"),
        (("invite", "athlete", "Ann", "--coach", "Nobody"), "Nobody is no coach here"),
    ],
)
async def test_an_invitation_that_cannot_be_is_refused_in_a_sentence(
    aidstation: Aidstation, arguments: tuple[str, ...], complaint: str
) -> None:
    ended = await aidstation(*arguments)
    assert ended.code == 1 and complaint in ended.err and "Traceback" not in ended.err


async def test_doctor_is_content_with_a_healthy_club_and_says_what_to_do_with_others(
    aidstation: Aidstation, tmp_path: Path, telegram: str
) -> None:
    url = f"sqlite:///{tmp_path / 'club.db'}"
    env = {"DATABASE_URL": url, "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": telegram}
    await aidstation("invite", "coach", "Kim", **env)
    _start(url, "Kim")
    healthy = await aidstation("doctor", "--json", **env)
    assert healthy.code == 0, healthy.out
    assert {one["about"] for one in healthy.json} >= {"token", "database", "clock", "webhook", "help numbers"}
    assert not [one for one in healthy.json if one["status"] == "fault"]

    wrong = await aidstation("doctor", **{**env, "TELEGRAM_BOT_TOKEN": "1:wrong"})
    assert wrong.code == 1 and "copy it again from @BotFather" in wrong.out
    away = await aidstation("doctor", **{**env, "TELEGRAM_API_URL": "http://127.0.0.1:9"})
    assert away.code == 1 and "Telegram cannot be reached" in away.out
    broken = await aidstation("doctor", **{**env, "DATABASE_URL": "sqlite:////proc/nowhere/club.db"})
    assert broken.code == 1 and "fault    database" in broken.out
    assert not [one for one in (healthy, wrong, away, broken) if TOKEN in one.out + one.err or "Traceback" in one.err]


async def test_an_unknown_setting_is_named(aidstation: Aidstation, tmp_path: Path) -> None:
    config = tmp_path / "aidstation.toml"
    config.write_text("[limits]\nper_secnd = 3\n")
    ended = await aidstation("people", AIDSTATION_CONFIG=str(config))
    assert ended.code == 1 and "limits.per_secnd" in ended.err and "limits.per_second" in ended.err
    ended = await aidstation("people", AIDSTATION_MOED="webhook")
    assert ended.code == 1 and "AIDSTATION_MOED" in ended.err and "AIDSTATION_MODE" in ended.err


async def test_a_mistyped_command_exits_with_two(aidstation: Aidstation) -> None:
    ended = await aidstation("pepole")
    assert ended.code == 2 and "pepole" in ended.err


async def test_a_database_from_a_newer_release_is_refused_in_a_sentence(
    aidstation: Aidstation, migrated_database_url: str
) -> None:
    base = open_db(migrated_database_url)
    with base.begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    base.close()
    for command in ("migrate", "run"):
        ended = await aidstation(command, DATABASE_URL=migrated_database_url, TELEGRAM_BOT_TOKEN=TOKEN)
        assert ended.code == 1 and "newer release" in ended.err and len(ended.err.splitlines()) == 1, command


async def test_a_day_is_played_and_printed(aidstation: Aidstation) -> None:
    ended = await aidstation("play", "--days", "1", "--json")
    assert ended.code == 0, ended.err
    assert ended.json["days"] == 1 and ended.json["messages_to_athletes"] > 20
    assert datetime.fromisoformat(ended.json["coach_pages"][0]["at"]).astimezone(UTC).year == 2027


async def test_the_short_form_is_the_coachs_sundays_and_five_stories(aidstation: Aidstation) -> None:
    ended = await aidstation("play", "--days", "1", "--short")
    assert ended.code == 0, ended.err
    assert re.findall(r"^--- (\w+) ---$", ended.out, re.MULTILINE) == ["Kim", "Ann", "Ben", "Cara", "Dev", "Eve"]
    assert "“hi. bit nervous about all this”" in ended.out
