"""The figures as people read them: plain, or as Markdown for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NAMES = {
    "ours": "Aid Station, SQLite, fsync",
    "peer": "python-telegram-bot, ConversationHandler, memory",
    "postgres": "Aid Station, PostgreSQL, fsync",
}
DATABASES = {"sqlite": "SQLite", "postgres": "PostgreSQL"}
BUSY = 0.5  # of the load average, before anything has begun
CHECKIN = (
    "check-in",
    "updates/s",
    "(rounds)",
    "CPU-s per 1,000",
    "p50 ms",
    "p99 ms",
    "peak MiB",
    "bot's core",
    "sandbox's core",
)
CROWD = ("database", "due", "of people", "seconds", "ms for each")
DESK = ("coaches", "athletes", "seconds", "CPU-s", "statements a list", "tap p50 ms", "tap p99 ms")
WORDS = ("load s", "memory MiB", "p50 ms", "p99 ms", "worst text ms", "lines/s of a file")
WEEKS = ("weeks", "seconds", "CPU-s", "tap p50 ms", "tap p99 ms", "MiB at a tenth", "MiB at most")
RUSH = ("", "sent", "arrived", "twice", "p50 s", "p99 s", "max s")


def lines(result: Mapping[str, Any], *, markdown: bool) -> Iterator[str]:
    """All that was measured."""
    machine = result["machine"]
    yield (
        f"{machine['cores']} cores, Python {machine['python']}, {machine['system']}, {machine['filesystem']}, "
        f"load before {machine['load_before']}"
    )
    if not machine["bot_on_a_core_of_its_own"]:
        yield "There is one core only: bot and sandbox share it, and the ratio says little."
    if machine["load_before"] > BUSY:
        yield "Others are at work on this machine: run it again when it is quiet."
    if machine["filesystem"] in ("tmpfs", "ramfs"):
        yield "The databases are in memory here: a commit costs no fsync, and ours looks better than it is."
    for part, told in (
        ("checkin", _checkin),
        ("crowd", _crowd),
        ("rush", _rush),
        ("words", _words),
        ("desk", _desk),
        ("weeks", _weeks),
    ):
        if part in result:
            yield ""
            yield from told(result[part], markdown)


def _words(told: Mapping[str, Any], markdown: bool) -> Iterator[str]:
    row = (
        f"{told['load_s']:.2f}",
        f"{told['mib']:.0f}",
        f"{told['p50_ms']:.1f}",
        f"{told['p99_ms']:.1f}",
        f"{told['worst_ms']:.0f}",
        f"{told['file_per_second']:.0f}",
    )
    yield from _table(WORDS, [row], markdown)


def _desk(told: Mapping[str, Any], markdown: bool) -> Iterator[str]:
    row = (
        f"{told['coaches']:,}",
        f"{told['athletes']:,}",
        f"{told['seconds']:.1f}",
        f"{told['cpu_s']:.1f}",
        f"{told['statements']:.0f}",
        f"{told['tap_p50_ms']:.0f}",
        f"{told['tap_p99_ms']:.0f}",
    )
    yield from _table(DESK, [row], markdown)


def _weeks(told: Mapping[str, Any], markdown: bool) -> Iterator[str]:
    yield (
        f"A coach's week of {told['coach_of']} athletes with {told['pictures']} pictures: {told['coach_s']:.1f} s, "
        f"{told['coach_cpu_s']:.1f} s of CPU."
    )
    row = (
        f"{told['weeks']:,}",
        f"{told['seconds']:.0f}",
        f"{told['cpu_s']:.0f}",
        f"{told['tap_p50_ms']:.0f}",
        f"{told['tap_p99_ms']:.0f}",
        f"{told['least_mib']:.0f}",
        f"{told['most_mib']:.0f}",
    )
    yield from _table(WEEKS, [row], markdown)


def _checkin(told: Mapping[str, Any], markdown: bool) -> Iterator[str]:
    rows = []
    for bot, median in told["medians"].items():
        speeds = [one["updates_per_second"] for one in told["rounds"] if one["bot"] == bot]
        rows.append(
            (
                NAMES[bot],
                f"{median['updates_per_second']:.0f}",
                f"{min(speeds):.0f}-{max(speeds):.0f}",
                f"{median['cpu_s_per_1000']:.1f}",
                f"{median['p50_ms']:.0f}",
                f"{median['p99_ms']:.0f}",
                f"{median['peak_mib']:.0f}",
                f"{median['bot_share']:.0%}",
                f"{median['sandbox_share']:.0%}",
            )
        )
    yield from _table(CHECKIN, rows, markdown)
    if "ratio" in told:
        met = "met" if told["met"] else "NOT met"
        yield ""
        yield (
            f"Ours: {told['ratio']:.2f} times the peer's updates a second: the target of {told['target']} is {met}. "
            f"An update costs {told['cpu_ratio']:.2f} times the peer's CPU."
        )


def _crowd(told: Sequence[Mapping[str, Any]], markdown: bool) -> Iterator[str]:
    rows = [
        (
            DATABASES[one["database"]],
            f"{one['due']:,}",
            f"{one['people']:,}",
            f"{one['seconds']:.1f}",
            f"{one['seconds'] / one['due'] * 1000:.1f}",
        )
        for one in told
    ]
    yield from _table(CROWD, rows, markdown)


def _rush(told: Mapping[str, Any], markdown: bool) -> Iterator[str]:
    checkins = ("check-ins", told["checkins"], told["arrived"], told["twice"], told["checkin_s"])
    pages = ("pages", told["pages"], told["pages"] - told["lost"], told["pages_twice"], told["page_s"])
    rows = [
        (name, f"{sent:,}", f"{arrived:,}", str(twice), *_spread(spread))
        for name, sent, arrived, twice, spread in (checkins, pages)
    ]
    yield from _table(RUSH, rows, markdown)
    yield ""
    yield f"{told['lost']} pages lost; Telegram refused {told['refused']} calls; {told['cpu_s']:.1f} s of CPU."


def _spread(spread: Mapping[str, float] | None) -> tuple[str, str, str]:
    if spread is None:
        return "-", "-", "-"
    return f"{spread['p50']:.2f}", f"{spread['p99']:.2f}", f"{spread['most']:.2f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> Iterator[str]:
    if markdown:
        yield f"| {' | '.join(head)} |"
        yield f"|---|{'---:|' * (len(head) - 1)}"
        for row in rows:
            yield f"| {' | '.join(row)} |"
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((row[0].ljust(widths[0]), *cells))
