"""The guards: what the design says about folders, clocks and settings, read from the sources."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from bot.config import ENVIRONMENT
from bot.log import ACTION

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "storage", "dialogs")
CLOCKS = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
    ("time", "time_ns"),
}  # fmt: skip
IMPURE = {
    "os", "sys", "time", "random", "secrets", "uuid", "logging", "asyncio", "threading", "subprocess", "socket", "http",
    "urllib", "sqlite3", "sqlalchemy", "telegram", "httpx", "aiohttp", "apscheduler", "tempfile", "shutil", "getpass",
}  # fmt: skip


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the three packages, by its path from the root."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def who_imports(name: str, under: str = "") -> list[str]:
    return [
        path
        for path, tree in sources().items()
        if path.startswith(under) and any(one.split(".")[0] == name for one in imported(tree))
    ]


def dotted(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


@cache
def tracked() -> tuple[Path, ...]:
    """What git knows or would take; the tests also run in a copy without git, then everything that is there."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    names = found.stdout.split("\n") if found.returncode == 0 else []
    paths = [ROOT / name for name in names if name] or [
        path
        for folder in (*PACKAGES, "tests", "docs", "deploy", "requirements")
        for path in (ROOT / folder).rglob("*")
        if "__pycache__" not in path.parts
    ]
    return tuple(path for path in paths if path.is_file())


def test_the_arrow_is_bot_storage_dialogs() -> None:
    for path, tree in sources().items():
        allowed = PACKAGES[PACKAGES.index(path.split("/")[0]) :]
        for name in imported(tree):
            if name.split(".")[0] in PACKAGES:
                assert name.split(".")[0] in allowed, f"{path} imports {name}"


def test_the_contracts_of_import_linter_hold() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr


def test_only_bot_clock_reads_the_clock() -> None:
    for path, tree in sources().items():
        if path == "bot/clock.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                owner = dotted(node.value).split(".")[-1]
                assert (owner, node.attr) not in CLOCKS, f"{path}:{node.lineno} reads the wall clock"


def test_dialogs_is_pure() -> None:
    for path, tree in sources().items():
        if not path.startswith("dialogs/"):
            continue
        assert not {name.split(".")[0] for name in imported(tree)} & IMPURE, path
        for node in ast.walk(tree):
            assert not isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith), path
            assert not isinstance(node, ast.Global | ast.Nonlocal), f"{path}:{node.lineno} changes what is outside"
            assert not (isinstance(node, ast.Call) and dotted(node.func) in ("open", "print", "input")), path


def test_only_bot_config_reads_the_environment() -> None:
    for path, tree in sources().items():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        switches = [call.lineno for call in calls if dotted(call.func) == "os.environ.setdefault"]
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and dotted(node) in ("os.environ", "os.getenv", "os.environb"):
                # bot/telegram.py only writes: a switch that its library reads from there.
                switch = path == "bot/telegram.py" and node.lineno in switches
                readers = ("bot/config.py", "bot/__main__.py")
                assert path in readers or switch, f"{path}:{node.lineno} reads the environment"


@pytest.mark.parametrize(
    ("library", "modules"),
    [("telegram", ["bot/refusals.py", "bot/telegram.py", "bot/updates.py"]), ("apscheduler", ["bot/tick.py"])],
)
def test_few_modules_alone_know_a_library(library: str, modules: list[str]) -> None:
    assert sorted(who_imports(library)) == modules


def test_only_storage_knows_the_database_but_for_the_composition() -> None:
    assert not who_imports("sqlalchemy", "dialogs/")
    assert not who_imports("alembic", "bot/")


def test_no_update_is_ever_dropped_on_purpose() -> None:
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "drop_pending_updates":
                value = node.value.value if isinstance(node.value, ast.Constant) else True
                assert value is False, f"{path}:{node.value.lineno} drops updates"
            if isinstance(node, ast.Dict):
                keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
                assert "drop_pending_updates" not in keys or "sandbox" in path, path


def test_every_setting_stands_in_the_example_and_the_reverse() -> None:
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    named = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, flags=re.MULTILINE)
    assert sorted(named) == sorted(variable.name for variable in ENVIRONMENT)


SENTENCE = re.compile(r"[A-Za-z’']+ [a-z’']+ [a-z’']+.*|.*[a-z] [a-z]+[.!?]$")


def test_no_text_for_people_stands_in_the_code_of_dialogs() -> None:
    """What is said goes by the name of a text; no argument of saying anything is a sentence."""
    for path, tree in sources().items():
        if not path.startswith("dialogs/"):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or dotted(node.func).split(".")[-1] not in (
                "say", "toast", "ask", "Message", "Button", "Wrong", "moved",
            ):  # fmt: skip
                continue
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    assert not SENTENCE.fullmatch(part.value), f"{path}:{part.lineno} says {part.value!r}"


def test_the_locks_name_no_registry() -> None:
    locks = sorted((ROOT / "requirements").glob("*.lock"))
    assert locks
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text and not re.search(r"^--?\w*(index|find-links|trusted)", text, flags=re.MULTILINE), lock
        assert "--hash=sha256:" in text


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    # Put together here, so that this file does not find itself.
    places = re.compile("|".join(re.escape("/" + place) for place in ("home/", "root/", "Users/", "work/")))
    own = re.compile(rf"(?<![\w.:/-])(?:{places.pattern})\w")
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found = own.search(text)
        assert found is None, f"{path.relative_to(ROOT)}: {text[found.start() : found.start() + 60]!r}"


def test_the_glossary_knows_every_module() -> None:
    glossary = ROOT / "docs" / "glossary.md"
    if not glossary.exists():
        pytest.skip("docs/glossary.md is not written yet")
    text = glossary.read_text(encoding="utf-8")
    modules = [Path(path).stem for path in sources() if "migrations" not in path and "sandbox" not in path]
    unknown = [name for name in modules if not name.startswith("__") and not re.search(rf"\b{name}\b", text)]
    assert not unknown


def log_calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call that writes to the log, whatever the logger is called there."""
    writes = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writes:
                if dotted(node.func.value).split(".")[-1] in ("log", "logger", "logging", "_log") or isinstance(
                    node.func.value, ast.Call
                ):
                    yield path, node


def test_every_log_call_is_an_action_with_values_and_holds_no_text_of_an_error() -> None:
    found = 0
    for path, call in log_calls():
        place, found = f"{path}:{call.lineno}", found + 1
        assert ast.unparse(call.func).startswith("log.") and call.func.attr != "log", place  # type: ignore[attr-defined]
        said = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
        assert isinstance(said, str) and ACTION.fullmatch(said), f"{place}: not a literal `word.word key=%s ...`"
        assert said.count("%") == len(call.args) - 1, f"{place}: values and keys do not match"
        assert {word.arg for word in call.keywords} <= {"exc_info"}, place
        errors = {node.name for node in ast.walk(sources()[path]) if isinstance(node, ast.ExceptHandler) and node.name}
        for value in call.args[1:]:
            assert not isinstance(value, ast.Name) or value.id not in errors, f"{place} logs the text of an error"
            for part in ast.walk(value):
                called = dotted(part.func) if isinstance(part, ast.Call) else ""
                assert not isinstance(part, ast.JoinedStr) and called not in ("str", "repr", "format"), place
    assert found > 10


def test_only_bot_log_decides_how_a_log_line_looks() -> None:
    shaping = {"basicConfig", "StreamHandler", "FileHandler", "Formatter", "print_exc", "print_exception", "format_exc"}
    for path, tree in sources().items():
        for node in ast.walk(tree):
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            if name == "Formatter" and "import logging" not in (ROOT / path).read_text(encoding="utf-8"):
                continue  # string.Formatter reads templates
            assert path == "bot/log.py" or name not in shaping, f"{path} writes to the log by itself"


def test_the_log_page_lists_every_action_with_its_level_and_none_that_is_gone() -> None:
    page = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([\w ]+) \| [^|]+ \| [^|]+ \|$", page, flags=re.MULTILINE)
    written: dict[str, set[str]] = {"library.said": {"ITS OWN"}, "log.unreadable": {"ITS OWN"}}  # by the formatter
    for _path, call in log_calls():
        level = call.func.attr.replace("exception", "error")  # type: ignore[attr-defined]
        written.setdefault(ast.literal_eval(call.args[0]).split()[0], set()).add(level.upper())
    assert [name for name, _ in rows] == sorted(written)
    assert {name: {level.upper()} for name, level in rows} == written
