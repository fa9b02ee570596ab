"""The Caddyfile, by Caddy itself: adapted, formatted, and run before two small servers that stand for the replicas."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY

CADDYFILE = DEPLOY / "Caddyfile"
REPLICAS = ("web-a", "web-b")


@pytest.fixture
def caddy() -> str:
    found = shutil.which("caddy")
    if found is None:
        pytest.skip("no caddy on this machine")
    version = subprocess.run([found, "version"], capture_output=True, text=True).stdout.removeprefix("v")
    wanted = re.search(r"image: caddy:(\S+)", (DEPLOY / "compose.scaled.yaml").read_text("utf-8"))
    assert wanted is not None
    if [int(n) for n in re.findall(r"\d+", version)[:2]] < [int(n) for n in wanted[1].split(".")]:
        pytest.skip(f"caddy here is {version.split()[0]}, older than the image's {wanted[1]}")
    return found


def env(folder: Path, domain: str) -> dict[str, str]:
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return {"PATH": os.defpath, "DOMAIN": domain, **home}


def test_its_blocks_are_closed_and_it_asks_for_the_page_that_says_ready() -> None:
    text = re.sub(r"#.*", "", CADDYFILE.read_text("utf-8"))
    assert text.count("{") == text.count("}")
    assert "health_uri /readyz" in text and "admin off" in text


def test_caddy_understands_it_and_would_write_it_so(caddy: str, tmp_path: Path) -> None:
    given = env(tmp_path, "bot.example.org")
    command = [caddy, "adapt", "--validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    adapted = subprocess.run(command, env=given, capture_output=True, text=True)
    assert adapted.returncode == 0, adapted.stderr
    (server,) = json.loads(adapted.stdout)["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"] and server["routes"][0]["match"] == [{"host": ["bot.example.org"]}]
    written = subprocess.run([caddy, "fmt", str(CADDYFILE)], env=given, capture_output=True, text=True)
    assert written.stdout == CADDYFILE.read_text("utf-8")


@dataclass
class Replica:
    """Answers /readyz as told and notes what else it is asked."""

    ready: bool = True
    asked: list[str] = field(default_factory=list)
    port: int = 0
    server: ThreadingHTTPServer | None = None

    def open(self) -> None:
        replica = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != "/readyz":
                    replica.asked.append(f"{self.command} {self.path}")
                self.answer(200 if replica.ready or self.path != "/readyz" else 503)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                replica.asked.append(f"POST {self.path} {self.headers.get('X-Telegram-Bot-Api-Secret-Token')}")
                self.answer(200)

            def answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


@pytest.fixture
def proxied(caddy: str, tmp_path: Path) -> Iterator[tuple[int, list[Replica]]]:
    """Caddy on a free port with the file's own rules, the replicas' names and the waiting times written over."""
    replicas = [Replica(), Replica()]
    text = CADDYFILE.read_text("utf-8").replace("health_interval 2s", "health_interval 100ms")
    for name, replica in zip(REPLICAS, replicas, strict=True):
        replica.open()
        text = text.replace(f"{name}:8080", f"127.0.0.1:{replica.port}")
    (tmp_path / "Caddyfile").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [caddy, "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    process = subprocess.Popen(
        command, env=env(tmp_path, f"http://127.0.0.1:{port}"), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            try:
                if call(port, "GET", "/") == 404:
                    break
            except OSError:
                time.sleep(0.05)
        yield port, replicas
    finally:
        process.kill()
        process.wait()
        for replica in replicas:
            replica.close()


def call(port: int, method: str, path: str, body: bytes | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {"X-Telegram-Bot-Api-Secret-Token": "s3cret"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_a_post_to_the_webhook_s_path_and_a_look_at_a_calendar_get_through(
    proxied: tuple[int, list[Replica]],
) -> None:
    port, replicas = proxied
    for method, path in (
        ("GET", "/telegram"), ("POST", "/"), ("GET", "/metrics"), ("GET", "/healthz"), ("GET", "/readyz"),
        ("POST", "/metrics"), ("POST", "/telegram/"), ("POST", "/telegram/../metrics"), ("POST", "/telegramx"),
        ("POST", "/calendar/c.ics"), ("GET", "/calendar"), ("GET", "/calendar/../metrics"), ("GET", "/calendarx/c.ics"),
    ):  # fmt: skip
        assert call(port, method, path, b"{}" if method == "POST" else None) == 404, (method, path)
    assert [replica.asked for replica in replicas] == [[], []]
    assert call(port, "POST", "/telegram", b"{}") == 200
    assert [one for replica in replicas for one in replica.asked] == ["POST /telegram s3cret"]
    for replica in replicas:
        replica.asked.clear()
    assert call(port, "GET", "/calendar/c.ics") == 200
    assert [one for replica in replicas for one in replica.asked] == ["GET /calendar/c.ics"]
    assert call(port, "POST", "/telegram", b"x" * (2**20 + 1)) == 413


def test_a_replica_that_is_not_ready_or_gone_is_left_alone(proxied: tuple[int, list[Replica]]) -> None:
    port, (first, second) = proxied
    first.ready = False
    for _ in range(200):  # until Caddy has seen it
        time.sleep(0.05)
        first.asked.clear()
        assert [call(port, "POST", "/telegram", b"{}") for _ in range(6)] == [200] * 6
        if not first.asked:
            break
    assert not first.asked and second.asked
    first.ready = True
    second.close()  # and nobody has told Caddy
    assert [call(port, "POST", "/telegram", b"{}") for _ in range(6)] == [200] * 6
    assert first.asked
