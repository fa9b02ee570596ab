"""README and runbook, held against the program, the files beside them and two real databases."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.__main__ import _parser
from bot.metrics import Look, Metrics
from storage import gauges
from storage.db import open_db
from tests.deploy.files import DEPLOY, ROOT, blocks
from tests.deploy.test_compose import services
from tests.world import World

README = (DEPLOY / "README.md").read_text("utf-8")
RUNBOOK = (DEPLOY / "runbook.md").read_text("utf-8")
PAGES = {"README.md": README, "runbook.md": RUNBOOK}
each_page = pytest.mark.parametrize("page", list(PAGES))


def typed(page: str) -> list[str]:
    """Every command of a page: its indented lines, and what stands between backticks."""
    lines = [line for block in blocks(PAGES[page]) for line in block]
    return lines + [code for line in PAGES[page].splitlines() for code in re.findall(r"`([^`]+)`", line)]


def statements() -> list[str]:
    lines = [line for block in blocks(RUNBOOK) for line in block if re.match(r"(SELECT|UPDATE) ", line)]
    return [line.rstrip(";") for line in lines]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# --- the program --------------------------------------------------------------------------------------------------


@each_page
def test_every_command_of_the_program_is_one(page: str) -> None:
    seen = 0
    for line in typed(page):
        line = re.sub(r"docker compose \S+ (?:.*)--entrypoint aidstation backup ", "aidstation ", line)
        line = re.sub(r"docker compose exec (?:aidstation|web-a) ", "", line)
        line = line.replace("/opt/aidstation/current/bin/aidstation", "aidstation")
        for part in re.split(r" && |'", line) if " -ec " in line else [line]:
            words = shlex.split(part) if re.match(r"aidstation (?!\.\.\.)\S", part) else []
            if words and words[1:] not in (["--version"], ["backup"]):  # "`aidstation backup` is the way", say
                _parser().parse_args(words[1:])
                seen += 1
    assert seen > (3 if page == "README.md" else 20)


@each_page
def test_every_container_that_is_named_is_there(page: str) -> None:
    known = {name for file in ("", "scaled") for name in services(file)}
    seen = 0
    for line in typed(page):
        for found in re.finditer(r"docker compose (exec|stop|up|restart|logs|ps|build|run)\b([^|']*)", line):
            words = shlex.split(found[2].replace("...", "").replace('"', ""))
            skip = {"--since": 1, "-e": 1, "--entrypoint": 1}
            names: list[str] = []
            while words:
                word = words.pop(0)
                if word.startswith("-"):
                    del words[: skip.get(word, 0)]
                else:
                    names.append(word)
            assert set(names[:1] if found[1] in ("exec", "run") else names) <= known, line
            seen += 1
    assert seen > 2


def test_every_log_action_and_every_figure_exists() -> None:
    actions = set(
        re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|", (ROOT / "docs" / "log.md").read_text("utf-8"), re.MULTILINE)
    )
    parts = {action.split(".")[0] for action in actions}
    named = {code for code in re.findall(r"`([a-z_]+\.[a-z_]+)\b[^`/]*`", RUNBOOK) if code.split(".")[0] in parts}
    assert len(named) > 5 and named <= actions
    metrics = Metrics()
    metrics.polls()
    empty = gauges.Gauges(gauges.Waiting(), gauges.Waiting(), {}, {}, {}, {}, {})
    figures = set(re.findall(r"^# TYPE (\w+)", metrics.text(Look("current", "", empty)).decode(), re.MULTILINE))
    shown = set(re.findall(r"`(aidstation_[a-z_]+)`", RUNBOOK))
    assert len(shown) > 3 and shown <= figures


# --- the pages themselves -----------------------------------------------------------------------------------------


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = DEPLOY / (name or page)
        assert file.exists(), target
        if anchor:
            assert anchor in {slug(one) for one in re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)}, (
                target
            )


def test_every_symptom_says_how_it_is_over_and_stands_in_the_table_on_top() -> None:
    head, *sections = RUNBOOK.split("\n## ")
    linked = set(re.findall(r"\(#([\w-]+)\)", head))
    alarms = set(re.findall(r"- alert: (\w+)", (DEPLOY / "alerts.yml").read_text("utf-8")))
    assert alarms == set(re.findall(r"\bAidStation\w+", head)), "each alarm leads to a section"
    symptoms = {slug(one.splitlines()[0]): one for one in sections if not one.startswith("How to type it")}
    assert linked == set(symptoms)
    quiet = {slug("Somebody must be reached and the bot is down")}  # it is over when the bot is back
    for name, text in symptoms.items():
        assert "**It is over**" in text or name in quiet, name
        assert len(text.splitlines()) < 75, f"{name}: nobody reads more at 3 am"


# --- SQL ----------------------------------------------------------------------------------------------------------


def test_every_statement_runs_on_both_databases(migrated_database_url: str) -> None:
    found = statements()
    assert len(found) > 12
    base = open_db(migrated_database_url)
    try:
        for statement in found:
            with base.begin() as tx:
                tx.exec_driver_sql(statement.replace("%", "%%") if not base.is_sqlite else statement)
        if not base.is_sqlite:
            for statement in re.findall(r'psql [^"\n]*-c "(SELECT [^"]+)"', RUNBOOK):
                with base.read() as tx:
                    tx.exec_driver_sql(statement)
    finally:
        base.close()


def test_no_statement_shows_what_somebody_said() -> None:
    for statement in statements():
        assert not re.search(r"\b(words|raw|payload|facts|value|data)\b|\*(?!\))", statement), statement


async def test_a_coach_who_must_go_is_replaced_by_the_lines_of_the_runbook(world: World) -> None:
    eva, kim, dana = [await world.coach(name) for name in ("Eva", "Kim", "Dana")]  # Eva, the head coach, is not meant
    ann = await world.athlete("Ann", kim)
    ben = await world.athlete("Ben", kim)
    await ben.says("chest pain on the hill")
    kim.sees("chest pain")
    numbers = {"1": str(kim.known.id), "2": str(dana.known.id)}
    with world.app.base.begin() as tx:
        for statement in statements():
            if statement.startswith("UPDATE"):
                tx.exec_driver_sql(re.sub(r"(= |<> )([12])\b", lambda at: at[1] + numbers[at[2]], statement))
    for one in (kim, dana):
        one.looks()
    await ann.says("i fainted earlier today")
    dana.sees("i fainted earlier today")
    kim.sees_nothing_more()
    await world.fast_forward(minutes=10)
    dana.sees("chest pain")
    kim.sees_nothing_more()
    eva.sees_nothing_more()
    await kim.says("/queue")
    assert "Ann" not in str(kim.looks())


# --- installing ---------------------------------------------------------------------------------------------------

NOTED = ("useradd", "systemctl", "apt", "docker", "chown")  # what needs the real machine is written down instead


def _install(way: str, root: Path) -> list[str]:
    """Run the commands of one way in README, with `root` in the place of /. Gives what was asked of the machine."""
    section = README.split(f"\n## {way}\n", 1)[1].split("\n## ", 1)[0]
    checkout = root / "checkout"
    ignore = shutil.ignore_patterns("__pycache__", "tests", "docs", ".*", "data", "secrets", "backups")
    shutil.copytree(ROOT, checkout, ignore=ignore)
    programs = root / "programs"
    programs.mkdir()
    for name in NOTED:
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {root}/noted\n')
    # An owner that does not exist here is left away; the rest of install(1) is real.
    (programs / "install").write_text(
        '#!/bin/bash\nargs=()\nwhile (($#)); do case $1 in -o|-g) shift;; *) args+=("$1");; esac; shift; done\n'
        'exec /usr/bin/install "${args[@]}"\n'
    )
    (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    for one in programs.iterdir():
        one.chmod(0o755)
    lines = [line for block in blocks(f"{section}\n") for line in block]
    script = "\n".join(line for line in lines if not re.search(r"\baidstation (doctor|invite)\b", line))
    for place in ("/opt/aidstation", "/etc/aidstation", "/etc/systemd/system", "/usr/local/bin"):
        script = script.replace(place, f"{root}{place}")
    for folder in ("etc/systemd/system", "usr/local/bin"):
        (root / folder).mkdir(parents=True)
    # The packages of the lock are those of this environment: test_image fetches them when asked to.
    borrowed = Path(sa.__file__).parents[1]
    borrow = f'echo {borrowed} > "$(echo {root}/opt/aidstation/$VERSION/lib/python3.*/site-packages)/borrowed.pth"'
    script, replaced = re.subn(r"^\S+/pip install .*--require-hashes.*$", borrow, script, flags=re.MULTILINE)
    assert replaced == (way == "systemd")
    given = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    env = {**given, "PATH": f"{programs}:{os.defpath}", "HOME": str(root)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=checkout,
        env=env,
        input="123456:abc\n",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return (root / "noted").read_text().splitlines()


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_commands_for_systemd_install_a_program_that_runs(tmp_path: Path) -> None:
    noted = _install("systemd", tmp_path)
    program = tmp_path / "opt/aidstation/current/bin/aidstation"
    said = subprocess.run([program, "--version"], env={"PATH": os.defpath}, capture_output=True, text=True, check=True)
    assert said.stdout == f"aidstation {(tmp_path / 'opt/aidstation/current').readlink()}\n"
    token = tmp_path / "etc/aidstation/telegram_bot_token"
    assert (token.read_text(), _mode(token), _mode(token.parent)) == ("123456:abc\n", 0o600, 0o700)
    assert _mode(tmp_path / "etc/aidstation/env") == 0o600
    assert os.access(tmp_path / "usr/local/bin/aidstation", os.X_OK)
    units = {path.name for path in (tmp_path / "etc/systemd/system").iterdir()}
    assert units == {path.name for path in DEPLOY.glob("aidstation*") if path.suffix in (".service", ".timer")}
    assert "systemctl enable --now aidstation.service aidstation-backup.timer" in noted
    assert any(line.startswith("useradd --system") and line.endswith(" aidstation") for line in noted)


@pytest.mark.parametrize(("way", "name"), [("Compose", ""), ("Compose, scaled", "scaled")])
def test_the_commands_for_compose_prepare_every_secret_that_the_file_wants(tmp_path: Path, way: str, name: str) -> None:
    if name and shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine")
    noted = _install(way, tmp_path)
    folder = tmp_path / "checkout" / "deploy"
    wanted = {secret for service in services(name).values() for secret in service.get("secrets", [])}
    made = {path.name: path for path in (folder / "secrets").iterdir()}
    assert set(made) == wanted and {_mode(path) for path in made.values()} == {0o400}
    assert (_mode(folder / "secrets"), _mode(folder / "backups")) == (0o700, 0o700)
    ours = {
        secret for one in services(name).values() if one["image"] == "aidstation" for secret in one.get("secrets", [])
    }
    assert (
        f"chown 10001:10001 {' '.join(f'secrets/{one}' for one in made if one in ours)}".split()[:2]
        == noted[0].split()[:2]
    )
    assert set(noted[0].split()[2:]) == {f"secrets/{one}" for one in ours}
    assert "docker compose up -d --build --wait" in noted
    if name:
        password = made["postgres_password"].read_text().strip()
        assert made["pgpass"].read_text() == f"db:5432:*:aidstation:{password}\n" and len(password) == 64
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,256}", made["webhook_secret"].read_text().strip())
        assert "COMPOSE_FILE=compose.scaled.yaml\n" in (folder / ".env").read_text()


def test_the_runbook_speaks_of_backups_by_names_that_the_program_gives() -> None:
    from storage.backup import NAME

    for named in re.findall(r"aidstation-\d{8}T\d{6}Z\.db", RUNBOOK):
        assert NAME.format(datetime.strptime(named[11:-4], "%Y%m%dT%H%M%S")) == named  # noqa: DTZ007 - a name, no time
