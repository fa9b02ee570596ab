"""The command line: `aidstation run | migrate | play | invite | people | doctor | --version`.

What prints data takes `--json`. A command that cannot do its work says in one sentence why and what to do, on
standard error, and exits with 1 (2 for a command that was mistyped).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bot import admin, config
from bot.admin import Complaint
from bot.config import Settings, SettingsError

# A token, alone or in an address, as it may stand in a message of any library. Real ones have 35 signs behind the
# colon; an inbox key ("1000001:42") has few, and must stay readable.
_TOKEN = re.compile(r"\bbot\d{3,20}:[A-Za-z0-9_-]+|\b\d{3,20}:[A-Za-z0-9_-]{30,}")


# The library warns whoever reads a duration, its own code included, unless told that we want a timedelta.
os.environ.setdefault("PTB_TIMEDELTA", "true")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    os.umask(0o077)  # the database holds what people say about their health: nobody else on this machine reads it
    _log(asked.verbose)
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
    command("migrate", _migrate, "bring the database to this release (`run` does so, too)")
    play = command("play", _play, "a simulated squad lives some days; its conversations are printed")
    play.add_argument("--days", type=_days, default=7)
    play.add_argument("--seed", type=int, default=1, help="another seed is another week")
    play.add_argument("--json", action="store_true")
    invite = command("invite", admin.invite, "make a link that lets somebody join")
    invite.add_argument("role", choices=("coach", "athlete"))
    invite.add_argument("name", metavar="NAME")
    invite.add_argument("--coach", metavar="NAME", help="whose athlete it is")
    invite.add_argument("--json", action="store_true")
    people = command("people", admin.people, "who is here")
    people.add_argument("--json", action="store_true")
    doctor = command("doctor", _doctor, "is everything in order, and if not, what to do")
    doctor.add_argument("--json", action="store_true")
    return parser


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 366:
        raise argparse.ArgumentTypeError("from 1 to 366")
    return days


# --- run ----------------------------------------------------------------------------------------------------------


def _run(settings: Settings, asked: argparse.Namespace) -> int:
    admin.prepare(settings, migrate_it=settings.telegram_bot_token is not None)
    asyncio.run(_until_stopped(_serve(settings, asked)))
    return 0


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
        print(f"Aid Station runs ({settings.mode}). Ctrl+C or SIGTERM ends it.", flush=True)
        await running.run()


async def _until_stopped(work: Any) -> None:
    """Run until SIGTERM or SIGINT, then let everything close in order."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for signalled in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signalled, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _migrate(settings: Settings, asked: argparse.Namespace) -> int:
    admin.prepare(settings, migrate_it=True)
    print("The database is at this release.")
    return 0


# --- play ---------------------------------------------------------------------------------------------------------


def _play(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.sandbox import play

    played = asyncio.run(play.play(asked.days, asked.seed, sys.stderr if sys.stderr.isatty() else None))
    print(json.dumps(played.facts, indent=2, ensure_ascii=False) if asked.json else played.text)
    return 0


def _doctor(settings: Settings, asked: argparse.Namespace) -> int:
    from bot import app, doctor

    findings = asyncio.run(doctor.examine(settings, app.Clock().now()))
    if asked.json:
        print(json.dumps([asdict(one) for one in findings], indent=2, ensure_ascii=False))
    else:
        for one in findings:
            print(f"{one.status:<8} {one.about}: {one.text}")
    return 1 if any(one.status == "fault" for one in findings) else 0


# --- the log ------------------------------------------------------------------------------------------------------


class _Redacted(logging.Formatter):
    """The last line of defence: whatever a library says, a token is not in it."""

    def format(self, record: logging.LogRecord) -> str:
        return _TOKEN.sub("<token>", super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _log(verbose: bool) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacted("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for own in ("bot", "storage"):
        logging.getLogger(own).setLevel(logging.DEBUG if verbose else logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
