"""The compose files against the specification's schema, the settings, each other, and a real PostgreSQL."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from bot.config import ENVIRONMENT, load
from tests import postgres
from tests.deploy.files import DEPLOY, ROOT, stages

FILES = {path.stem.removeprefix("compose").strip("."): path for path in sorted(DEPLOY.glob("compose*.yaml"))}
CADDYFILE = (DEPLOY / "Caddyfile").read_text("utf-8")
IMAGE = (DEPLOY / "Dockerfile").read_text("utf-8")
SECRETS = {
    "telegram_bot_token": "123456:abc-DEF_ghi",
    "webhook_secret": "s3cret_-",
    "pgpass": "db:5432:*:aidstation:geheim",
    "postgres_password": "geheim",
}
UID = "10001"


def project(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(FILES[name])
    return loaded


def services(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = project(name)["services"]
    return found


def ours(name: str) -> dict[str, dict[str, Any]]:
    return {label: one for label, one in services(name).items() if one["image"] == "aidstation"}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What the program in this container sees: the image's variables, then the service's, with DOMAIN filled in."""
    pairs = [rest for word, rest in stages(IMAGE)[1] if word == "ENV"]
    given = dict(pair.split("=", 1) for pair in " ".join(pairs).split())
    filled = {
        key: re.sub(r"\$\{DOMAIN:\?[^}]*\}", "bot.example.org", value) for key, value in service_env(service).items()
    }
    return {**given, **filled}


def service_env(service: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = service.get("environment", {})
    return found


both = pytest.mark.parametrize("name", list(FILES))


def test_there_are_the_two_that_the_tests_speak_of() -> None:
    assert set(FILES) == {"", "scaled"}


@both
def test_it_follows_the_schema_of_the_compose_specification(name: str, tmp_path: Path) -> None:
    def check(file: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
        return subprocess.run(command, capture_output=True, text=True)

    assert (done := check(FILES[name])).returncode == 0, done.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(FILES[name].read_text("utf-8").replace("stop_grace_period:", "stop_grace_time:"))
    assert check(wrong).returncode == 1, "and the check can fail"


@both
def test_docker_compose_itself_understands_it(name: str) -> None:
    probe = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True)
    if not probe or probe.returncode != 0:
        pytest.skip("no `docker compose` on this machine")
    command = ["docker", "compose", "--file", str(FILES[name]), "config", "--quiet"]
    done = subprocess.run(command, env={**os.environ, "DOMAIN": "bot.example.org"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@both
def test_each_variable_is_a_setting_and_together_they_are_settings_that_start(name: str) -> None:
    known = {one.name for one in ENVIRONMENT}
    for label, service in ours(name).items():
        assert set(service_env(service)) <= known, label
        secrets = {f"/run/secrets/{one}": SECRETS[one] for one in service.get("secrets", [])}
        settings = load(environment(service), read_file=secrets.__getitem__)
        if "healthcheck" in service:
            continue  # the one that makes backups
        assert settings.telegram_bot_token == SECRETS["telegram_bot_token"]
        assert settings.mode == ("webhook" if name else "polling")
        assert settings.webhook_listen == ("0.0.0.0", 8080)


@both
def test_no_secret_stands_in_the_file_and_each_that_is_used_is_declared(name: str) -> None:
    text = FILES[name].read_text("utf-8")
    assert not re.search(r"://[^/\s@]*:[^/\s@]+@", text), "a password in an address"
    assert not re.search(r"(PASSWORD|TOKEN|SECRET):", text), "only files hold them"
    used = {secret for service in services(name).values() for secret in service.get("secrets", [])}
    declared = project(name)["secrets"]
    assert used == set(declared) <= set(SECRETS)
    assert {one["file"] for one in declared.values()} == {f"./secrets/{one}" for one in declared}
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/deploy/secrets/", "/deploy/backups/", "/deploy/.env"} <= set(ignored)


@both
def test_our_containers_may_do_nothing_that_they_need_not(name: str) -> None:
    for label, service in ours(name).items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], label
        assert "cap_add" not in service and "privileged" not in service and "user" not in service, label
        assert service["security_opt"] == ["no-new-privileges:true"], label
        assert [one.split(":")[0] for one in service["tmpfs"]] == ["/tmp"], label
        assert service["mem_limit"] and service["pids_limit"] and service["init"] is True, label


@both
def test_every_container_comes_back_and_its_log_ends_somewhere(name: str) -> None:
    for label, service in services(name).items():
        assert service["restart"] == "unless-stopped", label
        assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}, label
    for service in ours(name).values():
        if "healthcheck" not in service:
            assert service["stop_grace_period"] == "15s", "longer than the service drains"


@both
def test_only_the_proxy_is_reached_from_outside(name: str) -> None:
    for label, service in services(name).items():
        outside = [port for port in service.get("ports", []) if not port.startswith("127.0.0.1:")]
        assert outside == (["80:80", "443:443"] if label == "proxy" else []), label
        for port in service.get("ports", []):
            if label in ours(name):
                assert port.endswith(":8080"), "where WEBHOOK_LISTEN puts it"


@both
def test_what_is_kept_lies_in_volumes_that_are_declared(name: str) -> None:
    declared = set(project(name)["volumes"])
    named = {
        volume.split(":")[0]
        for service in services(name).values()
        for volume in service.get("volumes", [])
        if volume[0] != "."
    }
    assert named == declared
    assert {path for service in services(name).values() for path in service.get("volumes", []) if path[0] == "."} <= {
        "./backups:/backups",
        "./Caddyfile:/etc/caddy/Caddyfile:ro",
    }
    for service in ours(name).values():
        url = environment(service)["DATABASE_URL"]
        assert ("data:/data" in service.get("volumes", [])) == url.startswith("sqlite:////data/")


@both
def test_images_of_others_have_a_version_and_paths_lead_somewhere(name: str) -> None:
    for label, service in services(name).items():
        if label not in ours(name):
            assert re.fullmatch(r"[a-z]+:\d+(\.\d+)*", service["image"]), label
        elif "build" in service:
            build = service["build"]
            assert (DEPLOY / build["context"]).resolve() == ROOT
            assert (ROOT / build["dockerfile"]).samefile(DEPLOY / "Dockerfile")
        else:
            assert service["pull_policy"] == "never", "a stranger's image of this name would run on the database"


def test_the_proxy_lets_through_the_path_that_telegram_is_told_and_goes_to_both_replicas() -> None:
    scaled = services("scaled")
    replicas = [label for label, one in ours("scaled").items() if "healthcheck" not in one]
    assert replicas == ["web-a", "web-b"] and scaled["web-a"]["environment"] == scaled["web-b"]["environment"]
    settings = load(environment(scaled["web-a"]), read_file=lambda path: SECRETS[Path(path).name])
    assert re.findall(r"\bpath (\S+)", CADDYFILE) == [settings.webhook_path, "/calendar/*"]
    assert settings.address == "https://bot.example.org", "where athletes are sent for their calendar"
    assert re.findall(r"reverse_proxy (.+) \{", CADDYFILE) == [" ".join(f"{one}:8080" for one in replicas)]
    assert CADDYFILE.count("import replicas") == 2
    assert "{$DOMAIN}" in CADDYFILE and set(service_env(scaled["proxy"])) == {"DOMAIN"}
    assert all("front" in scaled[one]["networks"] for one in (*replicas, "proxy"))
    assert scaled["db"]["networks"] == ["back"] and project("scaled")["networks"]["back"] == {"internal": True}


def test_the_replicas_wait_for_a_database_that_answers() -> None:
    for label, service in ours("scaled").items():
        assert service["depends_on"] == {"db": {"condition": "service_healthy"}}, label
    assert "healthcheck" in services("scaled")["db"]


# --- what of it can be run without an engine ----------------------------------------------------------------------


def test_the_backup_loop_makes_a_backup_and_ends_when_one_fails(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'club.db'}"
    (loop,) = {tuple(services(name)["backup"]["entrypoint"]) for name in FILES}
    assert loop[:2] == ("sh", "-ec") and "/backups" in loop[2]
    (tmp_path / "backups").mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    words = {"aidstation": f'exec {sys.executable} -m bot "$@"', "sleep": 'echo "sleeps $1"; exit 1'}
    for program, line in words.items():
        (programs / program).write_text(f"#!/bin/sh\n{line}\n")
        (programs / program).chmod(0o755)
    script = loop[2].replace("/backups", str(tmp_path / "backups")).replace("$$", "$")

    def turn() -> subprocess.CompletedProcess[str]:
        env = {"PATH": f"{programs}:{os.defpath}", "DATABASE_URL": url, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
        return subprocess.run([*loop[:2], script], env=env, capture_output=True, text=True, timeout=60)

    failed = turn()
    assert failed.returncode != 0 and "sleeps" not in failed.stdout, "a failed one must not wait a day"
    assert subprocess.run(
        [sys.executable, "-m", "bot", "migrate"], cwd=ROOT, env={"DATABASE_URL": url, "PATH": os.defpath}
    ).returncode == 0  # fmt: skip
    made = turn()
    assert "sleeps 86400" in made.stdout, made.stderr
    assert len(list((tmp_path / "backups").glob("aidstation-*.db"))) == 1


@pytest.fixture
def closed_server(postgres_server: postgres.Server) -> Iterator[postgres.Server]:
    """A PostgreSQL where the user aidstation needs a password."""
    with postgres_server.connect("postgres") as connection:
        connection.execute("SET password_encryption = 'scram-sha-256'")
        connection.execute("CREATE ROLE aidstation LOGIN PASSWORD 'geheim'")
        connection.execute("CREATE DATABASE aidstation OWNER aidstation")
    rules = postgres_server.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all aidstation scram-sha-256\n{before}")
    try:
        with postgres_server.connect("postgres") as connection:
            connection.execute("SELECT pg_reload_conf()")
        for _ in range(100):  # the server takes its new rules some moments later
            if not _lets_in(postgres_server):
                break
            time.sleep(0.05)
        yield postgres_server
    finally:
        rules.write_text(before)
        with postgres_server.connect("postgres") as connection:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("DROP DATABASE aidstation WITH (FORCE)")
            connection.execute("DROP ROLE aidstation")


def _lets_in(server: postgres.Server) -> bool:
    try:
        psycopg.connect(host=str(server.folder), user="aidstation", dbname="aidstation").close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_password_is_read_from_the_file_that_the_address_names(
    closed_server: postgres.Server, tmp_path: Path
) -> None:
    """The address of the file, with the server's place and the secret's written into it, and nothing else."""
    given = service_env(services("scaled")["web-a"])["DATABASE_URL"]
    secret = tmp_path / "pgpass"
    secret.write_text(SECRETS["pgpass"].replace("db:5432", "*:*") + "\n")
    secret.chmod(0o400)
    url = given.replace("@db/", "@/").replace("/run/secrets/pgpass", str(secret)) + f"&host={closed_server.folder}"
    assert url.count("geheim") == 0
    env = {"DATABASE_URL": url, "PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}

    def people() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "bot", "people"], env=env, capture_output=True, text=True)

    done = people()
    assert done.returncode == 0 and "Nobody yet" in done.stdout, done.stderr
    secret.unlink()
    refused = people()
    assert refused.returncode == 1 and "geheim" not in refused.stderr
    assert not _lets_in(closed_server)
