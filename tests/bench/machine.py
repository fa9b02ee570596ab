"""The machine: which core does what, what a process has used, where a database can lie that survives a power cut.

Linux only: cores are pinned by affinity, and CPU and memory are read from /proc.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOKEN = "1000001:bench"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """One for the sandbox and the people, another for what is measured; the same where the machine has only one."""

    sandbox: int
    bot: int

    @property
    def apart(self) -> bool:
        return self.sandbox != self.bot


@contextlib.contextmanager
def pinned() -> Iterator[Cores]:
    """This process on one core; what `start` starts goes to the other."""
    there = os.sched_getaffinity(0)
    cores = Cores(min(there), max(there))
    with on_core(cores.sandbox):
        yield cores


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """What this process starts in the block is on that core, with all its children."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def about(folder: Path, cores: Cores) -> dict[str, object]:
    """What a reader of the figures must know of the machine."""
    return {
        "cores": os.cpu_count(),
        "bot_on_a_core_of_its_own": cores.apart,
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "filesystem": filesystem(folder),
    }


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder for throw-away databases on the disk that `data/` is on: a commit there costs a real fsync."""
    home = ROOT / "data"
    home.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix="bench-", dir=home))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def filesystem(path: Path) -> str:
    """The kind of file system that `path` is on, e.g. ext4."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    holds = [(point, kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(holds, key=lambda one: len(one[0]))[1]


# --- processes ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Process:
    process: subprocess.Popen[bytes]
    log: Path

    def cpu_s(self) -> float:
        """Seconds of CPU used so far, by all its threads, user and system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_mib(self) -> float:
        """The most memory it has ever held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024

    def check(self) -> None:
        """Raises RuntimeError with its last words if it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(f"a bot ended by itself ({self.process.returncode}): {self.last_words()}")

    def last_words(self) -> str:
        return self.log.read_text("utf-8", "replace")[-2000:]

    async def quiet(self) -> None:
        """Wait until it has nothing more to do: a quarter of a second with next to no CPU."""
        before = -1.0
        while (used := self.cpu_s()) - before > 0.01:
            before = used
            await asyncio.sleep(0.25)

    async def stop(self) -> int:
        """As an operator does it; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            while self.process.poll() is None:
                await asyncio.sleep(0.02)
        return self.process.returncode


@contextlib.contextmanager
def start(arguments: Sequence[str], environment: Mapping[str, str], core: int, log: Path) -> Iterator[Process]:
    """`python -m ARGUMENTS` on this core with nothing but this environment; killed at the end if it still runs."""
    own = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "PYTHONPATH": str(ROOT), **environment}
    with on_core(core), log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=log.parent,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Process(process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


@contextlib.contextmanager
def service(url: str, address: str, limits: str, core: int, log: Path) -> Iterator[Process]:
    """`aidstation run` on this database against this Bot API; `limits` is TOML, empty for the service's own."""
    settings = log.with_suffix(".toml")
    settings.write_text(limits, "utf-8")
    environment = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": address,
        "DATABASE_URL": url,
        "AIDSTATION_CONFIG": str(settings),
        "WEBHOOK_LISTEN": "127.0.0.1:0",  # health and metrics, wherever there is room
    }
    with start(["bot", "run"], environment, core, log) as process:
        yield process


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
