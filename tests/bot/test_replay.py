"""`aidstation replay`, as whoever types it sees it: on the journal, on a file, two rule books, and what is no input."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import replay, replay_report
from bot.__main__ import _parser
from bot.admin import Complaint
from bot.config import Settings, load
from dialogs import history_csv, replay_figures, signals
from dialogs.model import Change, Record, Session
from dialogs.replaying import History, walk
from dialogs.rules.book import shipped
from storage import journal, people, plans, training
from storage.db import open_db
from tests.storage.club import join

ROOT = Path(__file__).parents[2]
MONDAY = date(2026, 11, 2)
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)

Run = Callable[..., str]


def settings_of(url: str) -> Settings:
    return load({"DATABASE_URL": url}, read_file=lambda path: Path(path).read_text("utf-8"))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """What the command prints; it begins without a database."""

    def typed(*arguments: str | Path, url: str = f"sqlite:///{tmp_path}/none.db") -> str:
        asked = _parser().parse_args(["replay", *map(str, arguments)])
        assert replay.command(settings_of(url), asked) == 0
        return capsys.readouterr().out

    return typed


def made_up(athletes: int = 6, days: int = 60, most: int = 7, **columns: Callable[[random.Random], Any]) -> bytes:
    """A squad's file in the form of the public one, from fixed dice."""
    dice = random.Random(7)
    names = ["sleep_quality", "fatigue", "soreness", "stress", "mood"]
    lines = [f"athlete,date,scale_max,sleep_h,{','.join((*names, *columns))}"]
    for athlete in range(athletes):
        for day in range(days):
            if dice.random() < 0.1:
                continue
            items = [min(most, max(1, round(dice.gauss(most * 0.7, most / 8)))) for _ in names]
            more = [made(dice) for made in columns.values()]
            hours = round(dice.gauss(7, 1), 1)
            cells = [f"a{athlete}", MONDAY + timedelta(days=day), most, hours, *items, *more]
            lines.append(",".join(map(str, cells)))
    return "\n".join(lines).encode()


def pain(dice: random.Random) -> int:
    return int(dice.random() < 0.1)


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    file = tmp_path / "squad.csv"
    file.write_bytes(made_up(pain=pain))
    return file


def rules(folder: Path, change: Callable[[str], str] = str) -> Path:
    """A copy of the shipped rule files, changed."""
    folder.mkdir()
    for file in (ROOT / "dialogs" / "rules").glob("*.yaml"):
        (folder / file.name).write_text(change(file.read_text("utf-8")), "utf-8")
    return folder


# --- on a file ----------------------------------------------------------------------------------------------------


def test_the_figures_of_a_file_are_printed_with_what_they_are_a_part_of(run: Run, squad: Path) -> None:
    said = run("--csv", squad)
    found = replay_figures.figures(shipped(), history_csv.read(squad.read_bytes()))
    assert said.startswith(f"6 athletes answered on {found.answered} days, from 2026-11-02 to 2026-12-31.")
    new = next(one for one in found.rules if one.id == "pain-new")
    line = next(line for line in said.splitlines() if line.startswith("pain-new"))
    assert f"{found.a_week(new.first):.1f}" in line and f"{len(new.by)} of 6" in line and f"{new.by[0][0]} " in line
    assert "There is no plan here." in said and "Switched off: descent-spike." in said
    budget = next(line for line in said.splitlines() if line.startswith("concerns a week"))
    assert budget.split()[-3:] == [f"{found.concerns:.1f}", "7", "ok" if found.concerns <= 7 else "over"]
    assert all(len(line) <= 120 for line in said.splitlines())


def test_it_says_plainly_that_scores_hardly_come_before_injury_and_claims_nothing(run: Run, squad: Path) -> None:
    said = " ".join(run("--csv", squad).split())
    assert "Low scores hardly come before a pain or an injury" in said and "Read no forecast into a rule" in said
    assert not [word for word in ("predict", "detect", "diagnos", "prevent", "risk of") if word in said.casefold()]


def test_where_no_pain_is_known_nothing_is_said_of_what_followed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_bytes(made_up())
    said = run("--csv", tmp_path / "s.csv")
    assert "Nothing is known here of pain or injury" in said and "times as often" not in said
    assert "Pains of which" not in said


def test_as_data_it_is_the_same(run: Run, squad: Path) -> None:
    data = json.loads(run("--csv", squad, "--json"))
    found = replay_figures.figures(shipped(), history_csv.read(squad.read_bytes()))
    assert (data["athletes"], data["athlete_days_answered"], data["since"]) == (6, found.answered, "2026-11-02")
    assert [one["id"] for one in data["rules"]] == [one.id for one in shipped().rules]
    assert data["budget"]["concerns_a_week"] == {
        "is": round(found.concerns, 2), "most": 7, "ok": found.concerns <= 7,
    }  # fmt: skip
    for one in data["rules"]:
        assert sum(each["fires"] for each in one["athletes"]) == one["fires"] == sum(w["fires"] for w in one["weeks"])
        assert sum(each["first"] for each in one["athletes"]) == one["first"] == sum(w["first"] for w in one["weeks"])
    assert sum(week["answered"] for week in data["weeks"]) == found.answered


def test_from_a_day_on(run: Run, squad: Path) -> None:
    data = json.loads(run("--csv", squad, "--from", "2026-12-01", "--json"))
    assert data["since"] >= "2026-12-01" and data["weeks"][0]["monday"] == "2026-11-30"


def test_it_is_drawn_too(run: Run, squad: Path, tmp_path: Path) -> None:
    assert run("--csv", squad, "--png", tmp_path / "out.png") == run("--csv", squad)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("weeks", "cells", "span"), [(1, 1, 1), (26, 26, 1), (27, 14, 2), (200, 16, 13), (2600, 26, 100)]
)
def test_a_long_history_has_as_many_cells_as_can_be_read(weeks: int, cells: int, span: int) -> None:
    days = {
        MONDAY + timedelta(weeks=n): signals.Day(items={"mood": 3.0}, pains={"knee": signals.Pain(3)})
        for n in (0, weeks - 1)
    }
    facts = replay_report.drawn(replay_figures.figures(shipped(), [History(1, "a", days)]))
    assert (len(facts["columns"]), facts["span"]) == (cells, span)
    assert all(len(row["cells"]) == cells for row in facts["rows"])
    new = next(row for row in facts["rows"] if row["id"] == "pain-new")
    assert sum(count or 0 for count in new["cells"]) == (1 if weeks == 1 else 2)
    assert new["cells"][1:-1] == [None] * max(0, cells - 2), "a gap is a gap"


def test_labels_of_months_do_not_touch() -> None:
    mondays = [MONDAY + timedelta(weeks=n) for n in range(10)]
    found = replay_report._labels(mondays)
    assert [(n, day.month) for n, day in enumerate(found) if day] == [(0, 11), (4, 12), (8, 1)]


# --- on the journal -----------------------------------------------------------------------------------------------


def answers(base: Any, who: int, day: int, sleep: int, hours: float | None, **pain: Any) -> None:
    at = datetime(2026, 11, 2, 7, tzinfo=UTC) + timedelta(days=day)
    on = MONDAY + timedelta(days=day)
    records = [Record("answer", "sleep", at, on, sleep), Record("answer", "mood", at, on, 3)]
    records += [Record("answer", "sleep_hours", at, on, hours)] if hours is not None else []
    records += [Record("step", "pain", at, on, pain)] if pain else []
    journal.append(base, who, records, f"test:{who}:{day}", NOW)


def club(url: str) -> tuple[int, int]:
    """Ann sleeps badly before a hard session, which was eased then; Ben's shin hurts."""
    base = open_db(url)
    with base.begin() as tx:
        kim = join(tx, "Kim", 1, coaches=True)
        ann, ben = (join(tx, name, chat, runs=True, coach_id=kim.id) for name, chat in (("Ann", 2), ("Ben", 3)))
        speed = Session("s1", MONDAY + timedelta(days=3), "speed", minutes=50, effort=8)
        easy = Session("s1", speed.day, "easy", minutes=40, effort=3, held="K7Q2M")
        early, noon = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (1, 4))
        plans.save(tx, ann.id, Change(1, "coach", "import", early, (), (speed,)), kim.id, NOW)
        plans.save(tx, ann.id, Change(2, "rule", "sleep-short", noon, (speed,), (easy,)), ann.id, NOW)
        for day, hours in enumerate((8.0, 4.5, 4.5, 8.0)):
            answers(tx, ann.id, day, 2, hours)
        for day in range(3):
            answers(tx, ben.id, day, 4, None, **({"where": "shin", "level": 4, "stride": "no"} if day == 1 else {}))
    base.close()
    return ann.id, ben.id


def test_the_journal_is_looked_at_as_it_was_then(run: Run, migrated_database_url: str) -> None:
    club(migrated_database_url)
    data = json.loads(run("--json", url=migrated_database_url))
    assert (data["athletes"], data["athlete_days_answered"], data["until"]) == (2, 7, "2026-11-05")
    spoke = {one["id"]: (one["athletes"][0]["name"], one["first"]) for one in data["rules"] if one["fires"]}
    assert spoke["sleep-short"] == ("Ann", 1), "what it has eased is hard again on that morning"
    assert spoke["pain-bone"] == ("Ben", 1)
    assert data["budget"]["pages_a_day"]["is"] == round(20 / 7, 2)
    said = run(url=migrated_database_url)
    assert "There is no plan here." not in said and "Ann 100%" in said


def test_many_athletes_are_read_in_several_portions(
    run: Run, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    club(migrated_database_url)
    whole = run(url=migrated_database_url)
    monkeypatch.setattr(replay, "AT_ONCE", 1)
    assert run(url=migrated_database_url) == whole


def test_nothing_is_written(run: Run, migrated_database_url: str) -> None:
    def everything() -> list[Any]:
        base = open_db(migrated_database_url)
        with base.read() as tx:
            some = people.everyone(tx)
            found = [training.read(tx, some, NOW, 400), some]
        base.close()
        return found

    club(migrated_database_url)
    before = everything()
    run(url=migrated_database_url)
    assert everything() == before


# --- two rule books -----------------------------------------------------------------------------------------------


def test_two_rule_books_are_compared(run: Run, squad: Path, tmp_path: Path) -> None:
    old = rules(tmp_path / "old")
    new = rules(tmp_path / "new", lambda text: text.replace("id: pain-new", "id: pain-fresh"))
    said = run("--csv", squad, "--diff", old, new)
    verdicts = {line.split()[0]: line.split()[1] for line in said.split("\n\n")[1].splitlines()[1:]}
    assert verdicts == {"pain-fresh": "added", "pain-new": "removed"}
    same = said.split("The same: ")[1].split(".")[0]
    assert "sleep-short" in same and "pain-new" not in same
    assert "\nNew: " in said and said.index("Old: ") < said.index("New: ")
    data = json.loads(run("--csv", squad, "--diff", old, new, "--json"))
    assert {one["id"]: one["verdict"] for one in data["rules"] if one["verdict"] != "same"} == verdicts
    assert data["old"]["budget"] == json.loads(run("--csv", squad, "--rules", old, "--json"))["budget"]
    assert "Both say the same." in run("--csv", squad, "--diff", old, old)


def test_another_rule_book_instead_of_the_shipped_one(run: Run, squad: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(ROOT / "dialogs" / "rules" / "pain.yaml", folder)
    data = json.loads(run("--csv", squad, "--rules", folder, "--json"))
    assert all(one["id"].startswith(("pain", "injured")) for one in data["rules"])


# --- bad input ----------------------------------------------------------------------------------------------------


def complaint(run: Run, *arguments: str | Path) -> str:
    with pytest.raises(Complaint) as error:
        run(*arguments)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "bad.csv: it is empty"),
        (b"date,kind\n2026-11-02,easy\n", "bad.csv: it has no column athlete"),
        (
            b"athlete,date,mood\nA,2.11.2026,3\n",
            "bad.csv: line 2: date is '2.11.2026', which is no date like 2026-11-22",
        ),
        ("athlete,date,mood\nZoë,2026-11-02,3\n".encode("latin-1"), "bad.csv: line 2 is not UTF-8"),
        (b"athlete,date,mood\nA,2026-11-02,\n", "there is nothing to look at: nobody has answered anything"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_in_one_sentence(
    run: Run, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    said = complaint(run, "--csv", tmp_path / "bad.csv")
    assert told in said and "\n" not in said


def test_a_file_of_ten_megabytes_is_refused_at_its_first_wrong_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_bytes(b"athlete,date,mood\n" + b"x" * 10_000_000)
    assert "big.csv: line 2" in complaint(run, "--csv", tmp_path / "big.csv")


def test_what_is_not_there_is_named(run: Run, squad: Path, tmp_path: Path) -> None:
    assert "nowhere.csv cannot be read" in complaint(run, "--csv", tmp_path / "nowhere.csv")
    assert "nowhere cannot be read" in complaint(run, "--csv", squad, "--rules", tmp_path / "nowhere")
    assert "squad.csv cannot be read" in complaint(run, "--csv", squad, "--rules", squad)
    assert "cannot be written" in complaint(run, "--csv", squad, "--png", tmp_path / "no" / "folder.png")
    assert "nobody has answered anything since 2030-01-01" in complaint(run, "--csv", squad, "--from", "2030-01-01")
    assert "leave --rules and --png away" in complaint(run, "--csv", squad, "--png", "x.png", "--diff", "a", "b")


def test_a_folder_without_rules_and_a_broken_rule_are_told(run: Run, squad: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no rule file" in complaint(run, "--csv", squad, "--rules", tmp_path / "empty")
    broken = rules(tmp_path / "broken", lambda text: text.replace("check: sleep_hours", "check: sleep_hour"))
    said = complaint(run, "--csv", squad, "--rules", broken)
    assert "load.yaml:" in said and "sleep_hours" in said and "sleep-short" in said
    assert "load.yaml:" in complaint(run, "--csv", squad, "--diff", tmp_path / "broken", tmp_path / "empty")


def test_an_empty_club_is_told_so(run: Run, migrated_database_url: str) -> None:
    with pytest.raises(Complaint, match="nobody has answered anything"):
        run(url=migrated_database_url)


def typed(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.defpath, "HOME": str(cwd), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "bot", "replay", *arguments], cwd=cwd, env=env, capture_output=True, text=True
    )


def test_as_a_process_it_exits_with_one_and_no_traceback(squad: Path, tmp_path: Path) -> None:
    ended = typed("--csv", "nowhere.csv", cwd=tmp_path)
    assert (
        ended.returncode == 1 and ended.stderr == "aidstation: nowhere.csv cannot be read (No such file or directory)\n"
    )
    mistyped = typed("--csv", "squad.csv", "--from", "22.11.2026", cwd=tmp_path)
    assert mistyped.returncode == 2 and "a date like 2026-11-22" in mistyped.stderr
    fine = typed("--csv", "squad.csv", "--png", "out.png", cwd=tmp_path)
    assert fine.returncode == 0 and not fine.stderr and (tmp_path / "out.png").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "squad.csv"], "no database was made"


# --- squads of other forms ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [5, 7, 10, 100])
def test_squads_on_other_scales_are_looked_at_alike(run: Run, tmp_path: Path, most: int) -> None:
    (tmp_path / "s.csv").write_bytes(made_up(most=most, pain=pain, illness=lambda dice: int(dice.random() < 0.02)))
    data = json.loads(run("--csv", tmp_path / "s.csv", "--json"))
    assert data["athletes"] == 6
    assert data["pain"][0]["told"] == data["pain"][0]["pains"] > 5
    assert {one["id"] for one in data["rules"] if one["fires"]} >= {"pain-new", "ill"}


def test_every_athlete_of_a_file_is_walked_alone(squad: Path) -> None:
    histories = history_csv.read(squad.read_bytes())
    whole = replay_figures.figures(shipped(), histories).firings
    assert [one for one in whole if one.athlete == 3] == list(walk(shipped(), histories[2]))
