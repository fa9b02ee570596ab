"""`aidstation doctor` finds each thing that is broken, says what to do, and changes nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot import doctor, handle
from bot.clock import Clock
from bot.config import Limits, Program, Settings
from bot.doctor import LAST_BACKUP, Finding
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.telegram import Api
from dialogs import help_numbers
from dialogs.levels import Level
from dialogs.model import Lane, Message, Wakeup
from storage import alone, club, due, inbox, journal, lease, outbox, schema
from storage.db import Database, open_db
from storage.inbox import Incoming
from storage.schema import person
from tests.storage.club import HOUR, MINUTE, NOW, join, worry

TOKEN = "123456:sandbox-token"
DAY = timedelta(days=1)


@dataclass(slots=True)
class Patient:
    """A club, and what the doctor says of it."""

    api: BotApi
    settings: Settings
    base: Database
    now: datetime = NOW
    asked: list[Finding] = field(default_factory=list)

    async def says(self, about: str, **settings: Any) -> tuple[str, str]:
        """The finding of this name: status and text."""
        self.asked = await doctor.examine(replace(self.settings, **settings), self.now)
        found = [one for one in self.asked if one.about == about]
        assert len(found) == 1, [one.about for one in self.asked]
        return found[0].status, found[0].text

    def write(self, work: Callable[[sa.Connection], Any]) -> Any:
        with self.base.begin() as tx:
            return work(tx)

    @property
    def file(self) -> Path:
        return Path(str(self.base.engine.url.database))


@asynccontextmanager
async def opened(database_url: str) -> AsyncIterator[Patient]:
    """A healthy club: two coaches, an athlete, a backup of an hour ago; its service is not started."""
    api = BotApi(token=TOKEN, now=lambda: NOW, username="aid_bot")
    base = open_db(database_url)
    if base.is_sqlite:
        os.chmod(str(base.engine.url.database), 0o600)
    async with serve(api) as url:
        settings = Settings(telegram_bot_token=TOKEN, telegram_api_url=url, database_url=database_url)
        found = Patient(api, replace(settings, webhook_listen=("127.0.0.1", 9)), base)

        def club_is(tx: sa.Connection) -> None:
            kim = join(tx, "Kim", 1, coaches=True, drilled_at=NOW - HOUR)
            join(tx, "Lou", 2, coaches=True)
            join(tx, "Ann", 3, runs=True, coach_id=kim.id)
            club.remember(tx, LAST_BACKUP, (NOW - HOUR).isoformat())

        found.write(club_is)
        yield found
    base.close()


@pytest.fixture
async def either(migrated_database_url: str) -> AsyncIterator[Patient]:
    """On both databases."""
    async with opened(migrated_database_url) as found:
        yield found


@pytest.fixture
async def patient(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Patient]:
    """On SQLite, for what is the same on both (what is counted: tests/storage/test_gauges.py), or only there."""
    shutil.copyfile(sqlite_template, tmp_path / "aidstation.db")
    async with opened(f"sqlite:///{tmp_path / 'aidstation.db'}") as found:
        yield found


@contextmanager
def running(patient: Patient) -> Iterator[None]:
    """As if the service ran."""
    if patient.base.is_sqlite:
        with alone.held(patient.settings.database_url):
            yield
    else:
        patient.write(lambda tx: lease.hold(tx, "sender:1", "one", NOW, 15))
        yield


def put(tx: sa.Connection, lane: Lane, at: datetime) -> None:
    message = Message(None, "hello", chat_id=3, lane=lane)
    outbox.put(tx, message, {"text": "hello"}, to_person=None, chat_id=3, now=at, cause="test")


# --- all in order ---------------------------------------------------------------------------------------------------


async def test_a_healthy_club_has_only_one_thing_to_do_start_it(either: Patient) -> None:
    status, text = await either.says("service")
    assert status == "warning" and "aidstation run" in text
    wrong = [one for one in either.asked if one.status != "ok" and one.about not in ("service", "clock", "time zones")]
    assert wrong == []
    assert {one.about for one in either.asked} >= {
        "token", "database", "service", "inbox", "due", "pages", "messages", "check-ins", "escalations", "dead letters",
        "coaches", "backup coach", "athletes", "backup", "help numbers", "time zones", "limits", "clock", "webhook",
    }  # fmt: skip


async def test_a_service_that_runs_is_found(either: Patient) -> None:
    with running(either):
        status, text = await either.says("service")
    assert status == "ok"
    if either.base.is_sqlite:
        assert text == f"runs: process {os.getpid()}"
        assert [one.status for one in either.asked if one.about == "readiness"] == ["warning"]  # nothing listens there
    else:
        either.now += MINUTE  # its lease has run out
        assert (await either.says("service"))[0] == "warning"


def everything(patient: Patient) -> dict[str, list[Any]]:
    def read(tx: sa.Connection) -> dict[str, list[Any]]:
        return {one.name: list(tx.execute(sa.select(one))) for one in schema.metadata.sorted_tables}

    return patient.write(read)  # type: ignore[no-any-return]


async def test_it_changes_nothing_and_makes_no_file(either: Patient, tmp_path: Path) -> None:
    files, rows = set(os.listdir(tmp_path)), everything(either)
    await either.says("database")
    assert await either.says("database", database_url=f"sqlite:///{tmp_path / 'none.db'}") == (
        "warning", "there is none yet: `aidstation run` makes it"
    )  # fmt: skip
    assert everything(either) == rows
    assert set(os.listdir(tmp_path)) - files <= {"aidstation.db-wal", "aidstation.db-shm"}


# --- work that waits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs", [False, True], ids=["stopped", "running"])
@pytest.mark.parametrize("about", ["inbox", "due", "pages", "messages"])
async def test_work_that_waits_too_long_says_whether_the_service_runs(patient: Patient, about: str, runs: bool) -> None:
    def waits(tx: sa.Connection) -> None:
        match about:
            case "inbox":
                inbox.accept(tx, [Incoming("a", "1", "{}")], NOW - HOUR)
            case "due":
                due.put(tx, 3, Wakeup("page", "page:1", NOW - HOUR), NOW - DAY)
            case "pages":
                put(tx, Lane.SAFETY, NOW - HOUR)
            case _:
                put(tx, Lane.PROMPT, NOW - HOUR)

    patient.write(waits)
    if runs:
        with running(patient):
            status, text = await patient.says(about)
        assert status == ("warning" if about == "messages" else "fault") and "restart it" in text
    else:
        status, text = await patient.says(about)
        assert status == "fault" and "start `aidstation run`" in text
    assert text.startswith("1 wait, the oldest for 60 minutes")


async def test_work_that_has_just_come_is_in_order(patient: Patient) -> None:
    patient.write(lambda tx: inbox.accept(tx, [Incoming("a", "1", "{}")], NOW - timedelta(seconds=20)))
    assert await patient.says("inbox") == ("ok", "1 wait, the oldest for 20 seconds")


@pytest.mark.parametrize(("level", "ago"), [(Level.NOW, 31 * MINUTE), (Level.TODAY, 15 * HOUR)])
async def test_an_escalation_past_its_age_is_a_fault_until_somebody_has_it(
    patient: Patient, level: Level, ago: timedelta
) -> None:
    def raised(tx: sa.Connection) -> None:
        with_age = replace(worry(join(tx, "Ben", 9, runs=True, coach_id=1)), level=level, raised_at=NOW - ago)
        journal.save_escalation(tx, with_age, "test")

    patient.write(raised)
    status, text = await patient.says("escalations")
    assert status == "fault" and f"a {level.value.upper()} for" in text and "by other means" in text
    patient.now = NOW - ago + MINUTE
    assert (await patient.says("escalations"))[0] == "ok"
    patient.now = NOW
    had = "UPDATE escalation SET owner_id = 1, acked_at = raised_at"
    patient.write(lambda tx: tx.exec_driver_sql(had))
    assert await patient.says("escalations") == ("ok", '0 wait for a coach\'s "I have it", 1 are had by one')


async def test_check_ins_that_nobody_got_are_a_fault_and_one_that_left_ends_it(either: Patient) -> None:
    assert await either.says("check-ins") == ("ok", "none was due in the last day")

    def rang(tx: sa.Connection) -> None:
        for number in range(3):
            due.put(tx, 3, Wakeup("checkin", f"checkin:3:{number}", NOW - 2 * HOUR), NOW - DAY)

    either.write(rang)
    status, text = await either.says("check-ins")
    assert status == "fault" and "nobody was asked" in text
    flags = dict.fromkeys(("edit", "toast", "once", "quiet", "repeat"), False)
    message = {"chat_id": 3, "lane": 2, "payload": {}, "not_before": NOW, "cause": "t", "attempts": 0, **flags}
    sent = {**message, "key": "checkin:3:1", "status": "sent", "created_at": NOW - 2 * HOUR, "sent_at": NOW - HOUR}
    either.write(lambda tx: tx.execute(sa.insert(schema.outbox).values(sent)))
    assert await either.says("check-ins") == ("ok", "1 of the last 3 have left")


async def test_dead_letters_are_named_by_their_keys(either: Patient) -> None:
    def dies(tx: sa.Connection) -> None:
        inbox.accept(tx, [Incoming("123456:77", "1", "{}")], NOW)
        claimed = inbox.claim(tx, NOW)
        assert claimed is not None
        inbox.fail(tx, claimed.id, NOW, error_class="ValueError", retry_at=None)

    either.write(dies)
    status, text = await either.says("dead letters")
    assert status == "warning" and text.startswith("1 could not") and "inbox 123456:77 (ValueError)" in text


async def test_a_program_for_voice_notes_that_is_not_there_is_a_fault(patient: Patient, tmp_path: Path) -> None:
    await patient.says("database")
    assert "voice notes" not in {one.about for one in patient.asked}, "nobody has to have one"
    there = tmp_path / "listen"
    program = Program((str(there), "--key=secret"), {"PATH": os.defpath})
    status, text = await patient.says("voice notes", transcribe=program)
    assert status == "fault" and f"no program {there}" in text and "TRANSCRIBE_COMMAND" in text
    there.write_text("#!/bin/sh\n")
    assert (await patient.says("voice notes", transcribe=program))[0] == "fault", "it may not be run"
    there.chmod(0o700)
    status, text = await patient.says("voice notes", transcribe=program)
    assert status == "ok" and str(there) in text and "secret" not in text


# --- people ---------------------------------------------------------------------------------------------------------


async def test_people_whom_nobody_reaches_and_athletes_without_a_coach_are_named(either: Patient) -> None:
    def changes(tx: sa.Connection) -> None:
        join(tx, "Ben", 5, runs=True)
        join(tx, "Cas", 6, runs=True, coach_id=1, reachable=False)
        tx.execute(sa.update(person).where(person.c.name == "Lou").values(reachable=False))

    either.write(changes)
    status, text = await either.says("coaches")
    assert status == "fault" and "Lou" in text and "press Start" in text
    assert (await either.says("backup coach"))[0] == "warning"
    status, text = await either.says("athletes")
    assert status == "warning" and "left: Cas" in text and "no coach: Ben" in text


async def test_a_club_without_a_coach_or_a_second_one_is_told_how_to_invite(patient: Patient) -> None:
    patient.write(lambda tx: tx.execute(sa.update(person).where(person.c.name == "Lou").values(coaches=False)))
    status, text = await patient.says("backup coach")
    assert status == "warning" and "aidstation invite coach" in text
    patient.write(lambda tx: tx.execute(sa.update(person).values(coaches=False)))
    status, text = await patient.says("coaches")
    assert status == "warning" and "aidstation invite coach" in text


# --- the database and the machine -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("revision", "status", "word"), [("9999", "fault", "newer"), ("0001", "warning", "migrate")])
async def test_a_schema_that_is_not_ours(either: Patient, revision: str, status: str, word: str) -> None:
    either.write(lambda tx: tx.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision}))
    found = await either.says("database")
    assert found[0] == status and word in found[1]


async def test_a_damaged_file_is_found(patient: Patient) -> None:
    def fills(tx: sa.Connection) -> None:
        inbox.accept(tx, [Incoming(f"k{n}", "1", "x" * 500) for n in range(500)], NOW)

    patient.write(fills)
    patient.base.close()
    size = patient.file.stat().st_size
    with patient.file.open("r+b") as raw:
        raw.seek(size // 2)
        raw.write(b"\x07" * 20_000)
    status, text = await patient.says("database")
    assert status == "fault" and ("damaged" in text or "cannot be read" in text)


@pytest.mark.parametrize(("free", "status"), [(50 << 20, "fault"), (500 << 20, "warning"), (5 << 30, "ok")])
async def test_a_disk_that_fills_is_told_before_it_is_full(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(10 << 30, 0, free))  # type: ignore[attr-defined]
    found = await patient.says("disk")
    assert found[0] == status and str(patient.file.parent) in found[1]


@pytest.mark.parametrize("which", ["", "-wal"])
async def test_a_database_that_others_can_read_is_a_warning(patient: Patient, which: str) -> None:
    patient.write(lambda tx: club.remember(tx, "x", "y"))
    patient.file.with_name(f"{patient.file.name}{which}").chmod(0o640)
    status, text = await patient.says("file modes")
    assert status == "warning" and f"{patient.file.name}{which}" in text and "chmod 600" in text


async def test_the_age_of_the_last_backup_is_told(patient: Patient) -> None:
    assert await patient.says("backup") == ("ok", "the last one is 60 minutes old")
    patient.write(lambda tx: club.remember(tx, LAST_BACKUP, (NOW - 3 * DAY).isoformat()))
    assert await patient.says("backup") == ("warning", "the last one is 3 days old: why was there none since?")
    patient.write(lambda tx: tx.execute(sa.delete(schema.club).where(schema.club.c.key == LAST_BACKUP)))
    assert "aidstation backup" in (await patient.says("backup"))[1]


async def test_old_zone_rules_are_told(patient: Patient) -> None:
    assert (await patient.says("time zones"))[0] == "ok"
    patient.now += timedelta(days=3 * 366)
    status, text = await patient.says("time zones")
    assert status == "warning" and "update" in text and metadata.version("tzdata") in text


async def test_help_numbers_and_limits(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    status, text = await patient.says("limits", limits=Limits(per_second=100.0))
    assert status == "warning" and "per_second" in text
    patient.now += 10 * 366 * DAY
    assert (await patient.says("help numbers"))[0] == "warning"

    def gone() -> Any:
        raise ValueError("no numbers")

    monkeypatch.setattr(help_numbers, "load", gone)
    assert (await patient.says("help numbers"))[0] == "fault"


# --- Telegram -------------------------------------------------------------------------------------------------------


async def test_the_webhook_is_compared_with_the_settings(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    info: dict[str, Any] = {"url": "", "pending_update_count": 3}

    async def webhook_info(api: object) -> dict[str, Any]:
        return info

    monkeypatch.setattr(Api, "webhook_info", webhook_info)
    assert await patient.says("webhook") == ("ok", "none, as polling wants it; 3 updates wait at Telegram")
    info["pending_update_count"] = 900
    assert (await patient.says("webhook"))[0] == "warning"
    info.update(url="https://elsewhere.example/x", pending_update_count=0)
    assert "mode is polling" in (await patient.says("webhook"))[1]
    mode: dict[str, Any] = {"mode": "webhook", "webhook_url": "https://club.example/telegram"}
    assert "another address" in (await patient.says("webhook", **mode))[1]
    info["url"] = "https://club.example/telegram"
    assert (await patient.says("webhook", **mode))[0] == "ok"
    info.update(last_error_message="SSL error", last_error_date=int((NOW - 5 * MINUTE).timestamp()))
    status, text = await patient.says("webhook", **mode)
    assert status == "warning" and "SSL error" in text and "certificate" in text
    info["pending_update_count"] = 1
    assert (await patient.says("webhook", **mode))[0] == "fault"
    info["last_error_date"] = int((NOW - DAY).timestamp())  # over, though Telegram still shows it
    assert (await patient.says("webhook", **mode))[0] == "ok"


async def test_a_clock_that_is_off_is_a_fault(patient: Patient) -> None:
    patient.now = Clock().now()
    assert (await patient.says("clock"))[0] == "ok"
    patient.now -= timedelta(minutes=5)
    status, text = await patient.says("clock")
    assert status == "fault" and "time synchronisation" in text


# --- as a command ---------------------------------------------------------------------------------------------------


async def test_a_fault_ends_the_command_with_one(patient: Patient) -> None:
    patient.write(lambda tx: inbox.accept(tx, [Incoming("a", "1", "{}")], Clock().now() - DAY))
    env = {
        "PATH": os.defpath,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DATABASE_URL": patient.settings.database_url,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "doctor", env=env, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 1 and "fault    inbox: 1 wait, the oldest for " in out.decode()


def test_a_row_that_rests_between_two_tries_is_not_yet_called_late() -> None:
    assert handle.LONGEST_PAUSE.total_seconds() <= doctor.RINGING_S
