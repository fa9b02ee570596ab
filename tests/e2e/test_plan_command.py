"""`aidstation plan`: what the operator reads before anything changes, what then changes, and what never does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.__main__ import _parser
from bot.admin import Complaint
from bot.clock import Clock
from bot.config import load
from dialogs import plan, plan_files, timing
from dialogs.model import Person, Plan, Session
from storage import plans
from storage.db import Database, open_db
from tests.storage.club import join

ZONE = "Pacific/Auckland"  # where it is often tomorrow already
HEAD = "date,kind,minutes,text\n"
DAY = timedelta(days=1)


def today() -> date:
    return timing.local_date(ZONE, Clock().now())


class Club:
    def __init__(self, base: Database, url: str, folder: Path) -> None:
        self.base, self.url, self.folder = base, url, folder
        with base.begin() as tx:
            self.kim = join(tx, "Kim", 21, coaches=True)
            self.ann = join(tx, "Ann", 31, runs=True, coach_id=self.kim.id, zone=ZONE)

    def types(self, *words: str) -> int:
        asked = _parser().parse_args(["plan", *words])
        settings = load({"DATABASE_URL": self.url}, read_file=lambda path: Path(path).read_text("utf-8"))
        return int(asked.does(settings, asked))

    def file(self, *lines: str, name: str = "plan.csv") -> str:
        path = self.folder / name
        path.write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        return str(path)

    def plan(self, person: Person | None = None) -> Plan:
        with self.base.read() as tx:
            return plans.current(tx, (person or self.ann).id, date.min)

    def lay(self, *sessions: Session) -> None:
        with self.base.begin() as tx:
            before = plans.current(tx, self.ann.id, date.min)
            first = min(one.day for one in sessions)
            _, change = plan.changed(before, first, Clock().now(), by="coach", cause="library", added=sessions)
            plans.save(tx, self.ann.id, change, self.kim.id, Clock().now())


@pytest.fixture
def club(migrated_database_url: str, tmp_path: Path) -> Iterator[Club]:
    base = open_db(migrated_database_url)
    yield Club(base, migrated_database_url, tmp_path)
    base.close()


def say(monkeypatch: pytest.MonkeyPatch, answer: str, meanwhile: Callable[[], None] = lambda: None) -> None:
    def heard(question: str) -> str:
        meanwhile()
        return answer

    monkeypatch.setattr("builtins.input", heard)


def test_a_plan_is_looked_at_imported_shown_and_exported(club: Club, capsys: pytest.CaptureFixture[str]) -> None:
    first = today() + DAY
    club.lay(
        Session("p", first - 9 * DAY, "easy", 30),
        Session("a", first, "easy", 40, text="So easy"),
        Session("b", first + 2 * DAY, "speed", 50),
        Session("c", first + 20 * DAY, "race"),
    )
    file = club.file(
        f"{first - 5 * DAY},long,90,", f"{first},easy,40,So easy", f"{first + 2 * DAY},hills,45,\x1b[31mUp",
    )  # fmt: skip
    assert club.types("import", "ann", file, "--dry-run") == 0
    said = capsys.readouterr().out
    assert f"{first + 2 * DAY:%a %Y-%m-%d}\n  - Speed · 50 min\n  + Hills · 45 min: [31mUp\n" in said
    assert "Ann: 1 to come, 1 to go; 1 stay as they are; 1 before today" in said and "1 behind the file's last" in said
    assert club.plan().number == 1, "it was only looked at"

    assert club.types("import", "Ann", file, "--yes") == 0
    assert "version 2 of the plan of Ann" in capsys.readouterr().out
    assert [(one.id, one.kind) for one in club.plan().sessions][:2] == [("p", "easy"), ("a", "easy")]
    assert [one.kind for one in club.plan().sessions][2:] == ["hills", "race"]
    with club.base.read() as tx:
        change = plans.versions(tx, club.ann.id)[-1]
    assert (change.by, change.cause, [one.id for one in change.removed]) == ("coach", "import", ["b"])

    assert club.types("import", "Ann", file, "--yes") == 0
    assert "There is nothing to change." in capsys.readouterr().out and club.plan().number == 2

    assert club.types("show", "Ann") == 0
    assert f"{first:%a %Y-%m-%d}  Easy run · 40 min: So easy" in capsys.readouterr().out
    assert club.types("show", "Ann", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sessions"][-1]["kind"] == "race"

    for form in ("csv", "ics"):
        to = str(club.folder / f"out.{form}")
        assert club.types("export", "Ann", "--format", form, "--to", to, "--json") == 0
        assert json.loads(capsys.readouterr().out)["sessions"] == 4
        again = plan_files.read(Path(to).read_bytes(), name=to, zone=ZONE, today=today())
        assert len(again.sessions) == 4 and not again.problems
        assert club.types("import", "Ann", to, "--dry-run") == 0
        assert "There is nothing to change." in capsys.readouterr().out
    assert club.types("export", "Ann") == 0
    assert capsys.readouterr().out.startswith("date,kind,minutes,km,descent,effort,text,form\r\n")


def test_with_lines_that_cannot_be_read_nothing_is_imported_but_by_a_word(
    club: Club, capsys: pytest.CaptureFixture[str]
) -> None:
    file = club.file(f"{today()},easy,40,", f"{today()},easy + strength,40,", f"{today()},easy,x,")
    for more in (["--yes"], ["--dry-run"], []):
        assert club.types("import", "Ann", file, *more) == 1
        said = capsys.readouterr()
        assert "Line 3: “easy + strength” are two sessions." in said.out and "Line 4: “x” is no number" in said.out
        assert "Nothing was imported" in said.err and club.plan() == Plan()
    assert club.types("import", "Ann", file, "--yes", "--skip-unreadable") == 0
    assert [one.kind for one in club.plan().sessions] == ["easy"]


def test_as_data(club: Club, capsys: pytest.CaptureFixture[str]) -> None:
    file = club.file(f"{today()},easy,40,", f"{today()},jump,40,")
    assert club.types("import", "Ann", file, "--json", "--dry-run") == 1
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [one["line"] for one in said["problems"]] == [3] and said["version"] is None
    assert said["days"][0]["added"][0]["minutes"] == 40 and said["days"][0]["day"] == f"{today()}"
    assert club.types("import", "Ann", file, "--json", "--yes", "--skip-unreadable") == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1
    with pytest.raises(Complaint, match="--json asks nothing"):
        club.types("import", "Ann", file, "--json")


def test_it_asks_and_anything_but_yes_is_no(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    file = club.file(f"{today()},easy,40,")
    say(monkeypatch, "n")
    with pytest.raises(Complaint, match="nothing was imported"):
        club.types("import", "Ann", file)
    assert club.plan() == Plan()
    say(monkeypatch, "y")
    assert club.types("import", "Ann", file) == 0 and club.plan().number == 1


def test_a_plan_that_changes_while_it_asks_is_not_overwritten(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    file = club.file(f"{today()},easy,40,")
    say(monkeypatch, "yes", lambda: club.lay(Session("x", today() + DAY, "race")))
    with pytest.raises(Complaint, match="changed in the meantime: nothing was imported"):
        club.types("import", "Ann", file)
    assert [one.kind for one in club.plan().sessions] == ["race"]


def test_dates_that_may_be_either_are_asked_about(club: Club, capsys: pytest.CaptureFixture[str]) -> None:
    day = today() + DAY
    while day.day > 12 or day.day == day.month:
        day += DAY
    file = club.file(f"{day:%d/%m/%Y},easy,40,")
    assert club.types("import", "Ann", file, "--yes") == 1
    assert "which comes first, day or month" in capsys.readouterr().out
    assert club.types("import", "Ann", file, "--yes", "--dates", "dmy") == 0
    assert [one.day for one in club.plan().sessions] == [day]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("import", "Ann"), "say which file"),
        (("import", "Ann", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("import", "Ann", "."), "cannot be read"),
        (("import", "Kim", "nowhere.csv"), "cannot be read"),
        (("export", "Ann", "plan.csv"), "plan.csv is too much"),
        (("export", "Ann"), "Ann has no plan yet"),
        (("export", "Ann", "--yes"), "--yes is nothing for `aidstation plan export`"),
        (("import", "Ann", "plan.csv", "--to", "x"), "--to is nothing for `aidstation plan import`"),
        (("show", "Kim"), "Kim is no athlete"),
        (("show", "Nobody"), "nobody called Nobody"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(club: Club, words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(Complaint, match=re.escape(complaint)):
        club.types(*words)


def test_a_file_that_is_too_big_is_not_even_read(club: Club, capsys: pytest.CaptureFixture[str]) -> None:
    big = club.folder / "big.csv"
    with big.open("wb") as file:
        file.truncate(10_000_000)
    assert club.types("import", "Ann", str(big), "--yes") == 1
    assert "more than 1000 kB" in capsys.readouterr().out and club.plan() == Plan()
