"""The command line: `aidstation run | migrate | play | invite | people | minors | plan | triage | replay | doctor` ...

What prints data takes `--json`. A command that cannot do its work says in one sentence why and what to do, on
standard error, and exits with 1 (2 for a command that was mistyped).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot import admin, config, log, moving, planning
from bot.admin import Complaint
from bot.config import Settings, SettingsError

# The library warns whoever reads a duration, its own code included, unless told that we want a timedelta.
os.environ.setdefault("PTB_TIMEDELTA", "true")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    os.umask(0o077)  # the database holds what people say about their health: nobody else on this machine reads it
    log.begin(asked.verbose)
    try:
        settings = config.load(os.environ, read_file=lambda path: Path(path).read_text("utf-8"))
        return int(asked.does(settings, asked))
    except (SettingsError, Complaint) as error:
        print(f"aidstation: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `aidstation people | head`
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="aidstation", description="Between runners and their human coach.")
    parser.add_argument("--version", action="version", version=f"aidstation {version('aidstation')}")
    parser.add_argument("--verbose", action="store_true", help="log more (never a token, never anybody's words)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, does: Callable[[Settings, argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(does=does)
        return added

    run = command("run", _run, "start the service; without TELEGRAM_BOT_TOKEN the sandbox beside it")
    run.add_argument("--port", type=int, default=None, help="port of the sandbox page (default 8765)")
    run.add_argument("--new-bot", action="store_true", help="accept the token of another bot than before")
    command("migrate", _migrate, "bring the database to this release (`run` does so, too)")
    play = command("play", _play, "a simulated squad lives some days; its conversations are printed")
    play.add_argument("--days", type=_days, default=7)
    play.add_argument("--seed", type=int, default=1, help="another seed is another week")
    play.add_argument("--short", action="store_true", help="the coach's Sundays and each athlete's story alone")
    play.add_argument("--json", action="store_true")
    invite = command("invite", admin.invite, "make a link that lets somebody join")
    invite.add_argument("role", choices=("coach", "athlete"))
    invite.add_argument("name", metavar="NAME")
    invite.add_argument("--coach", metavar="NAME", help="whose athlete it is")
    invite.add_argument("--json", action="store_true")
    people = command("people", admin.people, "who is here")
    people.add_argument("--json", action="store_true")
    export = command("export", admin.export, "everything about one person, as their own /export gives it")
    export.add_argument("person", metavar="PERSON", help="name, or number of `aidstation people`")
    export.add_argument("--to", required=True, metavar="FOLDER")
    export.add_argument("--json", action="store_true")
    erase = command("erase", admin.erase, "erase everything about one person, as their own /erase does")
    erase.add_argument("person", metavar="PERSON", help="name, or number of `aidstation people`")
    erase.add_argument("--yes", action="store_true", help="do not ask")
    erase.add_argument("--json", action="store_true")
    leave = command("leave", admin.leave, "somebody coaches no more, as their own /leave does it")
    leave.add_argument("coach", metavar="COACH", help="name, or number of `aidstation people`")
    leave.add_argument("--yes", action="store_true", help="do not ask")
    leave.add_argument("--json", action="store_true")
    minors = command(
        "minors", admin.minors, "whether the club takes athletes under 18, each with a guardian who reads along"
    )
    minors.add_argument("state", nargs="?", choices=("on", "off"), help="set it; without: say how it is")
    minors.add_argument("--json", action="store_true")
    copy = command("copy", moving.copy, "bring the club into another, empty database; the service is stopped")
    copy.add_argument("--to", required=True, metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME")
    copy.add_argument("--json", action="store_true")
    backup = command("backup", moving.backup, "write one file that holds the whole club, also while the service runs")
    backup.add_argument("file", metavar="FILE", help="or a folder: then the name is the time")
    backup.add_argument("--force", action="store_true", help="over an existing file")
    backup.add_argument("--keep", type=_number, metavar="N", help="of those in the folder keep only the N newest")
    backup.add_argument("--json", action="store_true")
    restore = command("restore", moving.restore, "bring a backup back; what is there now is kept under another name")
    restore.add_argument("file", metavar="FILE")
    restore.add_argument("--moved", action="store_true", help="the service has not run since the backup was taken")
    restore.add_argument("--erasures-from", metavar="URL", help="the former database, if it is not DATABASE_URL")
    restore.add_argument("--json", action="store_true")
    plan = command("plan", planning.command, "an athlete's plan: import it from a file, export it, show it")
    plan.add_argument("what", choices=("import", "export", "show"))
    plan.add_argument("athlete", metavar="ATHLETE", help="name, or number of `aidstation people`")
    plan.add_argument("file", nargs="?", metavar="FILE", help="import: CSV or iCalendar")
    plan.add_argument("--dry-run", action="store_true", help="import: only say what would change")
    plan.add_argument("--yes", action="store_true", help="import: do not ask")
    plan.add_argument(
        "--skip-unreadable", action="store_true", help="import what could be read, and leave out the rest"
    )
    plan.add_argument(
        "--dates", choices=("dmy", "mdy"), help="import: day or month first, where the file does not tell"
    )
    plan.add_argument("--format", choices=("csv", "ics"), help="export: csv, or ics for a calendar (default csv)")
    plan.add_argument("--to", metavar="FILE", help="export: into this file, instead of printing it")
    plan.add_argument("--json", action="store_true")
    triage = command("triage", _triage, "how soon a human must hear each message of a file of JSON lines")
    triage.add_argument("file", nargs="?", default="-", metavar="FILE", help="- or nothing: standard input")
    triage.add_argument("--score", metavar="FILE", help="of labelled messages: how well they are read")
    replay = command("replay", _replay, "what the rule book would have done, on the stored journal or on a file")
    replay.add_argument("--from", dest="since", type=_date, metavar="DATE", help="count from this day on")
    replay.add_argument("--rules", metavar="DIR", help="a folder of rule files, instead of those that are shipped")
    replay.add_argument("--csv", metavar="FILE", help="check-ins of other athletes, instead of the journal")
    replay.add_argument("--png", metavar="FILE", help="also draw it")
    replay.add_argument("--diff", nargs=2, metavar=("OLD", "NEW"), help="compare two folders of rule files")
    replay.add_argument("--json", action="store_true")
    doctor = command("doctor", _doctor, "is everything in order, and if not, what to do")
    doctor.add_argument("--json", action="store_true")
    return parser


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return number


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 366:
        raise argparse.ArgumentTypeError("from 1 to 366")
    return days


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a date like 2026-11-22") from None


# --- run ----------------------------------------------------------------------------------------------------------


def _one_core_a_message() -> None:
    """Before numpy comes in: one message is a small thing, and threads that wait for each other in a container with one
    core made it fifty times slower (264 ms for 5). `aidstation triage` uses the others by reading several lots."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


STOP_S = 9.0  # supervisors kill 10 s after SIGTERM; bot.app has put everything down before, unless something hangs


def _run(settings: Settings, asked: argparse.Namespace) -> int:
    from storage import alone

    _one_core_a_message()
    signal.signal(signal.SIGTERM, _leave)  # until the loop takes over; as a container's first process we need one
    used = settings.telegram_bot_token is not None or "DATABASE_URL" in os.environ
    try:
        with alone.held(settings.database_url) if used else contextlib.nullcontext():
            admin.prepare(settings, migrate_it=settings.telegram_bot_token is not None)
            gc.set_threshold(20_000)  # from 700: the collector took a tenth of the CPU, and 0.1 s at a time
            asyncio.run(_until_stopped(_serve(settings, asked)))
    except alone.Taken as error:
        raise Complaint(str(error)) from None
    return 0


def _leave(*_: object) -> None:
    """Nothing has begun yet; an open transaction is rolled back."""
    sys.exit(0)


async def _serve(settings: Settings, asked: argparse.Namespace) -> None:
    if settings.telegram_bot_token is None:
        from bot.sandbox import house

        own = "DATABASE_URL" not in os.environ
        async with house.opened(settings, own_database=own, port=asked.port or house.PORT) as url:
            print("There is no TELEGRAM_BOT_TOKEN, so this is the sandbox: nothing leaves this machine.")
            print(f"Open {url} in a browser. Ctrl+C ends it.", flush=True)
            await asyncio.Event().wait()
    from bot import app

    async with app.opened(settings, settings.telegram_bot_token or "") as running:
        running.new_bot = asked.new_bot
        print(f"Aid Station runs ({settings.mode}). Ctrl+C or SIGTERM ends it.", flush=True)
        await running.run()


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or SIGINT, then let everything close in order; a second signal ends it at once."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for signalled in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(signalled)
            signal.signal(signalled, signal.SIG_DFL)
        # A thread that waits (for a lock, a name server) would hold up the end of the interpreter.
        guard = threading.Timer(STOP_S, os._exit, (0,))
        guard.daemon = True
        guard.start()
        task.cancel()

    for signalled in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signalled, stop)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _migrate(settings: Settings, asked: argparse.Namespace) -> int:
    admin.prepare(settings, migrate_it=True)
    print("The database is at this release.")
    return 0


# --- play ---------------------------------------------------------------------------------------------------------


def _play(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.sandbox import play

    progress = sys.stderr if sys.stderr.isatty() else None
    played = asyncio.run(play.play(asked.days, asked.seed, progress, short=asked.short))
    print(json.dumps(played.facts, indent=2, ensure_ascii=False) if asked.json else played.text)
    return 0


def _triage(settings: Settings, asked: argparse.Namespace) -> int:
    _one_core_a_message()
    from bot import triage

    return triage.command(settings, asked)


def _replay(settings: Settings, asked: argparse.Namespace) -> int:
    from bot import replay

    return replay.command(settings, asked)


def _doctor(settings: Settings, asked: argparse.Namespace) -> int:
    from bot import doctor
    from bot.clock import Clock

    findings = asyncio.run(doctor.examine(settings, Clock().now()))
    if asked.json:
        print(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False))
    else:
        for one in findings:
            print(f"{one.status:<8} {one.about}: {one.text}")
    return 1 if any(one.status == "fault" for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
