"""`make bench`: what the service can do on this machine, beside a peer. See docs/benchmarks.md.

Whatever the figures are, it ends with 0; with 1 only where something was answered wrongly, lost or said twice.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests import postgres
from tests.bench import checkins, crowd, desk, machine, report, rush, weeks, words
from tests.bench.machine import Cores

PARTS = ("checkin", "crowd", "rush", "words", "desk", "weeks")
QUICK = {
    "bots": ("ours", "peer"),
    "rounds": 1,
    "checkins": 2,
    "due": 100,
    "people": 20_000,
    "rush": 250,
    "pages": 10,
    "lines": 500,
    "lists": 100,
    "weeks": 250,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    if parser.parse_args(arguments).quick:
        parser.set_defaults(**QUICK)
    asked = parser.parse_args(arguments)
    with _server(asked) as (cores, server), machine.folder() as folder:
        result = asyncio.run(measure(asked, folder, cores, server))
    out = Path(asked.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    print("\n".join(report.lines(result, markdown=asked.markdown)))
    for fault in result["faults"]:
        print(f"WRONG: {fault}")
    return 1 if result["faults"] else 0


async def measure(
    asked: argparse.Namespace, folder: Path, cores: Cores, server: postgres.Server | None
) -> dict[str, Any]:
    """All parts that were asked for, as the JSON has them."""
    result: dict[str, Any] = {"machine": machine.about(folder, cores)}
    faults = []
    if "checkin" in asked.only:
        bench = checkins.Bench(folder, cores, asked.athletes, asked.checkins, server)
        result["checkin"] = checkins.summary(await _rounds(asked, bench))
        faults += checkins.faults(result["checkin"])
    if "crowd" in asked.only:
        _tell(f"{asked.due} due among {asked.due} and among {asked.people} people ...")
        crowds = await crowd.run(folder, cores, server, due_now=asked.due, people=asked.people)
        result["crowd"] = [asdict(one) for one in crowds]
        faults += crowd.faults(crowds)
    if "rush" in asked.only:
        _tell(f"{asked.rush} check-ins at one instant, {asked.pages} pages in between ...")
        result["rush"] = asdict(await rush.run(folder, cores, checkins=asked.rush, pages=asked.pages))
        faults += rush.faults(result["rush"])
    if "words" in asked.only:
        _tell("messages read ...")
        result["words"] = asdict(words.run(folder, asked.lines))
    if "desk" in asked.only:
        _tell(f"the morning lists of {asked.lists} coaches at one instant ...")
        result["desk"] = asdict(desk.run(folder, cores, coaches=asked.lists))
        faults += desk.faults(result["desk"])
    if "weeks" in asked.only:
        _tell(f"a coach's week, and the weeks of {asked.weeks} athletes at one instant ...")
        result["weeks"] = asdict(await weeks.run(folder, cores, weeks=asked.weeks))
        faults += weeks.faults(result["weeks"])
    return {**result, "faults": faults}


async def _rounds(asked: argparse.Namespace, bench: checkins.Bench) -> list[checkins.Round]:
    rounds = []
    bots: list[checkins.Bot] = [bot for bot in asked.bots if bot != "postgres"]
    plan = [(bot, number) for number in range(asked.rounds) for bot in bots]
    if "postgres" in asked.bots and bench.server:
        plan.append(("postgres", 0))  # for information: one round
    for bot, number in plan:
        rounds.append(one := await bench.round(bot, number))
        _tell(f"{number + 1}: {bot:8} {one.updates_per_second:5.0f} updates/s, p99 {one.p99_ms:5.0f} ms")
    return rounds


@contextlib.contextmanager
def _server(asked: argparse.Namespace) -> Iterator[tuple[Cores, postgres.Server | None]]:
    """The cores, and a PostgreSQL that keeps what it commits, on the bot's core, if one is wanted and can be had."""
    with machine.pinned() as cores:
        if "postgres" not in asked.bots or postgres.find_binaries() is None:
            _tell("without PostgreSQL")
            yield cores, None
            return
        with machine.on_core(cores.bot):
            server = postgres.start(durable=True)
        try:
            yield cores, server
        finally:
            server.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What the service can do here.")
    parser.add_argument("--quick", action="store_true", help="a minute, for a first look: fewer rounds and people")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--bots", nargs="+", choices=("ours", "peer", "postgres"), default=("ours", "peer", "postgres"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--athletes", type=int, default=50)
    parser.add_argument("--checkins", type=int, default=4, help="whole check-ins of each athlete in a round")
    parser.add_argument("--due", type=int, default=1000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rush", type=int, default=2000, help="check-ins due at one instant")
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--lines", type=int, default=3000, help="messages in the file that is read")
    parser.add_argument("--lists", type=int, default=1000, help="coaches whose morning lists are due at one instant")
    parser.add_argument("--weeks", type=int, default=1000, help="athletes whose weekly message is due at one instant")
    parser.add_argument("--out", default=str(machine.ROOT / "data" / "bench.json"))
    parser.add_argument("--markdown", action="store_true", help="tables for docs/benchmarks.md")
    return parser


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
