"""How fast words are read: a start in a process of its own, messages one by one, the worst texts, a whole file.

A start is timed from within a new process (the files are in the disk's cache), its memory is what the process has grown
by (VmRSS). One by one: the held-out messages, each timed. A file: by `aidstation triage`, its start taken off.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import ROOT
from tests.words import messages

START = """
import json, re, sys, time
sys.path.insert(0, ".")
def rss():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024
before = rss()
began = time.perf_counter()
from dialogs.words import triage
triage.read("good morning")
took = time.perf_counter() - began
def timed(text):
    began = time.perf_counter()
    triage.read(text)
    return time.perf_counter() - began
each = [timed(text) for text in TEXTS]
mib = rss() - before
worst = [min(timed(text) for _ in range(2)) for text in WORST]
print(json.dumps({"load_s": took, "mib": mib, "each_s": each, "worst_s": worst}))
"""
WORST = (
    "a" * 4096, "chest " * 682, "(" * 4096, "\u0301" * 4096, "🙂" * 4096, "no " * 1365, "7/10 " * 819, "my dad " * 585,
    "chest pain no " * 292, "x\u200b" * 2048,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    load_s: float
    mib: float
    messages: int
    p50_ms: float
    p99_ms: float
    worst_ms: float  # the slowest of the pathological texts, the better of two tries
    file_per_second: float


def run(folder: Path, lines: int) -> Words:
    """On all cores, whatever the other parts have pinned this process to; one by one in a process that is set up like
    the service."""
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        return _run(folder, lines)
    finally:
        os.sched_setaffinity(0, pinned)


def _run(folder: Path, lines: int) -> Words:
    texts = [one.text for one in messages.load("test", "test-chatter", "test-languages")]
    code = START.replace("TEXTS", repr(texts)).replace("WORST", repr(WORST))
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # as `aidstation run` sets it
    file = folder / "read.py"
    file.write_text(code, "utf-8")
    done = subprocess.run([sys.executable, str(file)], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    started = json.loads(done.stdout)
    each = sorted(started["each_s"])
    return Words(
        load_s=started["load_s"],
        mib=started["mib"],
        messages=len(texts),
        p50_ms=each[len(each) // 2] * 1000,
        p99_ms=each[len(each) * 99 // 100] * 1000,
        worst_ms=max(started["worst_s"]) * 1000,
        file_per_second=_by_file(folder, texts, lines),
    )


def _by_file(folder: Path, texts: list[str], lines: int) -> float:
    rows = [json.dumps({"id": n, "text": texts[n % len(texts)]}) for n in range(lines)]
    many, one = folder / "many.jsonl", folder / "one.jsonl"
    many.write_text("\n".join(rows), "utf-8")
    one.write_text(rows[0], "utf-8")
    return (lines - 1) / (_command(many) - _command(one))


def _command(file: Path) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "bot", "triage", str(file)], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began
