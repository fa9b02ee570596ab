"""The command lines that a page shows in a `console` box are typed, in bash, in a folder where a club has been."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app import keep_seat
from storage.db import migrate, open_db

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]


def boxes() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for number, box in enumerate(re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), re.M | re.S), 1):
            found.append((f"{page.stem}-{number}", box))
    return found


@pytest.mark.parametrize("box", [pytest.param(text, id=name) for name, text in boxes()])
def test_the_commands_of_a_box_do_what_they_are_typed_for(box: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/aidstation.db"
    migrate(url)
    base = open_db(url)
    keep_seat(base, datetime(2026, 6, 1, tzinfo=UTC), "Kim")
    base.close()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "DATABASE_URL": url,
    }
    script = "set -eux\n" + "".join(f"{line.removeprefix('$ ')}\n" for line in box.splitlines())
    run = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Kim" in run.stdout


def test_there_is_a_box_to_type() -> None:
    assert boxes()
