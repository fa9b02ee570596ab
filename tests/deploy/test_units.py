"""The systemd units: systemd's own verdict, one hardening for both, and what the service really does under strace."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import _parser
from bot.clock import Clock
from bot.config import ENVIRONMENT
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.sandbox.stage import NAME, TOKEN
from tests.deploy.files import DEPLOY, ROOT, unit

SERVICE = unit(DEPLOY / "aidstation.service")
BACKUP = unit(DEPLOY / "aidstation-backup.service")
TIMER = unit(DEPLOY / "aidstation-backup.timer")
UNITS = ("aidstation.service", "aidstation-backup.service", "aidstation-backup.timer")
WRAPPER = (DEPLOY / "aidstation.sh").read_text("utf-8")
CURRENT = "/opt/aidstation/current"
EXPOSURE = 1.3  # of 10, as systemd 252 counts; what is left is mostly that it talks to the network


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze on this machine")
    return found


def test_systemd_finds_nothing_wrong_with_the_units(analyze: str, tmp_path: Path) -> None:
    program = tmp_path / "current" / "bin" / "aidstation"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for name in UNITS:  # verify wants the program to be there
        (tmp_path / name).write_text((DEPLOY / name).read_text("utf-8").replace(CURRENT, str(tmp_path / "current")))
    env = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    command = [analyze, "verify", "--man=no", *(str(tmp_path / name) for name in UNITS)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "aidstation" in line]
    assert (done.returncode, said) == (0, []), done.stderr


@pytest.mark.parametrize("name", UNITS[:2])
def test_systemd_counts_the_service_among_the_well_closed_ones(analyze: str, name: str) -> None:
    command = [analyze, "security", "--offline=true", "--no-pager", f"--threshold={int(EXPOSURE * 10)}"]
    done = subprocess.run([*command, str(DEPLOY / name)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_backup_comes_at_a_quiet_hour_of_each_night(analyze: str) -> None:
    (when,) = TIMER["Timer"]["OnCalendar"]
    done = subprocess.run([analyze, "calendar", when], capture_output=True, text=True)
    assert done.returncode == 0 and "03:15:00" in done.stdout
    assert TIMER["Timer"]["Persistent"] == ["yes"] or TIMER["Timer"]["Persistent"] == ["true"]


def test_both_services_are_closed_alike_and_are_the_same_user() -> None:
    def closed(one: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
        names = ("Protect", "Private", "Restrict", "System", "Capability", "NoNew", "Lock", "Memory", "Remove", "Proc")
        kept = {name: value for name, value in one["Service"].items() if name.startswith(names)}
        return {**kept, **{name: one["Service"][name] for name in ("User", "UMask", "WorkingDirectory")}}

    assert closed(SERVICE) == closed(BACKUP)
    assert len(closed(SERVICE)) > 20 and SERVICE["Service"]["UMask"] == ["0077"]


def test_what_the_units_start_are_commands_of_the_program() -> None:
    for one in (SERVICE, BACKUP):
        (start,) = one["Service"]["ExecStart"]
        program, *arguments = start.split()
        assert program == f"{CURRENT}/bin/aidstation"
        _parser().parse_args(arguments)
    folder = BACKUP["Service"]["ExecStart"][0].split()[2]
    made = [f"/var/lib/{name}" for name in BACKUP["Service"]["StateDirectory"][0].split()]
    assert folder in made, "systemd makes the folder, and lets the service write there"


def test_their_variables_are_settings_and_the_operator_s_wrapper_has_the_same() -> None:
    given = dict(pair.split("=", 1) for pair in SERVICE["Service"]["Environment"])
    assert set(given) - {"PYTHONUNBUFFERED"} <= {one.name for one in ENVIRONMENT}
    (credential,) = SERVICE["Service"]["LoadCredential"]
    name, path = credential.split(":")
    assert given["TELEGRAM_BOT_TOKEN_FILE"] == f"%d/{name}"
    assert [pair for pair in BACKUP["Service"]["Environment"] if "DATABASE_URL" in pair] == [
        f"DATABASE_URL={given['DATABASE_URL']}"
    ]
    shell = WRAPPER.replace("$state", "/var/lib/aidstation").replace("$etc", "/etc/aidstation")
    assert f"DATABASE_URL={given['DATABASE_URL']}\n" in shell
    assert f"$(cat {path})" in shell and SERVICE["Service"]["EnvironmentFile"] == ["-/etc/aidstation/env"]
    assert ". /etc/aidstation/env" in shell and f"runuser -u {SERVICE['Service']['User'][0]} " in shell


def test_a_stop_is_waited_for_and_an_end_is_never_the_last() -> None:
    service = SERVICE["Service"]
    assert int(service["TimeoutStopSec"][0]) > 10 and service["Restart"] == ["always"]
    assert SERVICE["Unit"]["StartLimitIntervalSec"] == ["0"]


def test_the_wrapper_runs_a_command_with_the_service_s_settings_and_token(tmp_path: Path) -> None:
    """With its folders moved and `runuser` replaced by a program that only drops its own arguments."""
    state, etc, programs = tmp_path / "state", tmp_path / "etc", tmp_path / "programs"
    for folder in (state, etc, programs, tmp_path / "current" / "bin"):
        folder.mkdir(parents=True)
    (etc / "telegram_bot_token").write_text("123:from-file\n")
    (etc / "env").write_text("# a comment\nWEBHOOK_LISTEN=127.0.0.1:8090\n")
    (programs / "runuser").write_text('#!/bin/sh\n[ "$1 $2 $3" = "-u aidstation --" ] || exit 9\nshift 3\nexec "$@"\n')
    (tmp_path / "current/bin/aidstation").write_text(
        '#!/bin/sh\necho "$TELEGRAM_BOT_TOKEN $DATABASE_URL $WEBHOOK_LISTEN $PWD $*"\n'
    )
    for program in (programs / "runuser", tmp_path / "current/bin/aidstation"):
        program.chmod(0o755)
    places = {"/var/lib/aidstation": state, "/etc/aidstation": etc, CURRENT: tmp_path / "current"}
    script = WRAPPER
    for place, instead in places.items():
        script = script.replace(place, str(instead))
    env = {"PATH": f"{programs}:{os.defpath}"}
    done = subprocess.run(
        ["sh", "-c", script, "aidstation", "people", "--json"], env=env, capture_output=True, text=True
    )
    assert done.stdout == f"123:from-file sqlite:///{state}/aidstation.db 127.0.0.1:8090 {state} people --json\n"


async def test_the_service_makes_no_call_that_the_unit_forbids(analyze: str, tmp_path: Path) -> None:
    """A start, a fetch and a stop, all its system calls written down: nothing outside SystemCallFilter, no memory that
    is both written and run (MemoryDenyWriteExecute), no other family of sockets (RestrictAddressFamilies)."""
    if shutil.which("strace") is None:
        pytest.skip("no strace on this machine")
    trace = tmp_path / "trace"
    async with serve(BotApi(token=TOKEN, now=Clock().now, username=NAME)) as url:
        env = {
            "PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": url, "DATABASE_URL": f"sqlite:///{tmp_path / 'club.db'}", "PYTHONUNBUFFERED": "1",
            "WEBHOOK_LISTEN": "127.0.0.1:0",
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            "strace", "-f", "-qq", "-s", "200", "-o", str(trace), sys.executable, "-m", "bot", "run",
            cwd=tmp_path, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            async with asyncio.timeout(90):
                while line := await process.stdout.readline():
                    if b"SIGTERM ends it" in line:
                        break
                else:
                    pytest.skip("strace may not trace here")
                while "getUpdates" not in trace.read_text(errors="replace"):
                    await asyncio.sleep(0.1)
                service = int(trace.read_text(errors="replace").split(maxsplit=1)[0])
                os.kill(service, signal.SIGTERM)
                await process.wait()
        finally:  # strace leaves what it traced running
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    backup = ["strace", "-f", "-qq", "-o", str(tmp_path / "second"), sys.executable, "-m", "bot", "backup"]
    second = await asyncio.create_subprocess_exec(*backup, str(tmp_path / "backup.db"), cwd=tmp_path, env=env)
    assert await second.wait() == 0
    text = trace.read_text(errors="replace") + (tmp_path / "second").read_text(errors="replace")
    used = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", text, re.MULTILINE))
    assert {"execve", "fdatasync", "epoll_wait"} <= used
    if os.geteuid() == 0:
        used.discard("fchown")  # SQLite does so for root alone, and the units never run as root
    used.discard("mbind")  # the library that multiplies matrices asks for memory nearby, and takes a no for an answer
    assert used <= _allowed(analyze), "SystemCallFilter would stop it"
    run = [
        line
        for line in text.splitlines()
        if "PROT_EXEC" in line and re.search(r" (mmap|mprotect|pkey_mprotect)\(", line)
    ]
    assert not [line for line in run if "PROT_WRITE" in line or "mprotect(" in line]
    families = set(re.findall(r" socket(?:pair)?\((AF_[A-Z0-9]+)", text))
    assert families <= set(SERVICE["Service"]["RestrictAddressFamilies"][0].split())


def _allowed(analyze: str) -> set[str]:
    """The names behind SystemCallFilter's groups."""
    allowed: set[str] = set()
    for line in SERVICE["Service"]["SystemCallFilter"]:
        for group in line.lstrip("~").split():
            names = _group(analyze, group)
            allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _group(analyze: str, group: str) -> set[str]:
    done = subprocess.run([analyze, "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True)
    names = [line.strip() for line in done.stdout.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
    inner = [_group(analyze, name) if name.startswith("@") else {name} for name in names]
    return set().union(*inner)
