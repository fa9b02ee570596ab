"""`aidstation triage`, as whoever calls it sees it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot import triage
from bot.admin import Complaint
from dialogs.words import triage as reading


def judged(*lines: Any) -> list[dict[str, Any]]:
    out = io.StringIO()
    triage.write([one if isinstance(one, str) else json.dumps(one) for one in lines], out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_line_out_for_each_line_in_in_order_and_nothing_but_the_contract() -> None:
    lines = [
        {"id": n, "text": text} for n, text in enumerate(["chest pain now", "cheers!", "", "knee 7/10 and limping"])
    ]
    found = judged(*lines)
    assert [one["id"] for one in found] == [0, 1, 2, 3]
    assert all(list(one) == ["id", "level", "themes", "ask", "because"] for one in found)
    assert [one["level"] for one in found][:2] == ["urgent", "none"]
    assert found[0]["because"] and all(isinstance(one["ask"], bool) for one in found)


def test_the_spans_are_of_the_text_as_it_came() -> None:
    text = "🎉 PB!! but then chest pain, sat down"
    (found,) = judged({"id": "a", "text": text})
    assert any("chest" in text[start:end] for start, end in found["because"])


def test_many_lines_are_the_same_as_each_by_itself() -> None:
    lines = [{"id": n, "text": f"run {n} was fine, calves a bit sore"} for n in range(100)]
    assert judged(*lines) == [one for line in lines for one in judged(line)]


@pytest.mark.parametrize(
    "line", ["{", "[]", '"x"', '{"id": 1}', '{"text": "x"}', '{"id": 1, "text": 5}', '{"id":1,"text":"x","lang":3}']
)
def test_a_line_that_is_no_message_is_named(line: str) -> None:
    with pytest.raises(Complaint, match="line 2 is no message"):
        judged({"id": 1, "text": "ok"}, line)


def test_a_text_on_which_the_reader_fails_is_a_concern_and_costs_its_neighbours_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = reading.read_all

    def fails(texts: list[str], given: list[str | None]) -> Any:
        if "odd" in texts:
            raise MemoryError
        return whole(texts, given)

    monkeypatch.setattr(reading, "read_all", fails)
    found = judged(*({"id": text, "text": text} for text in ("cheers!", "odd", "thanks coach")))
    assert [one["level"] for one in found] == ["none", "concern", "none"]


def test_the_score_is_a_table_with_intervals_by_language_and_kind(tmp_path: Path) -> None:
    file = tmp_path / "labelled.jsonl"
    rows = [
        {"id": 1, "text": "chest pain now", "level": "urgent", "themes": ["cardiac"], "kinds": ["plain"]},
        {"id": 2, "text": "cheers!", "level": "none", "themes": [], "kinds": ["plain"]},
        {"id": 3, "text": "me duele el pecho", "lang": "es", "level": "urgent", "themes": ["cardiac"]},
    ]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    run = subprocess.run([sys.executable, "-m", "bot", "triage", "--score", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "3 messages" in run.stdout and "language es" in run.stdout and "kind plain" in run.stdout
    assert "urgent recall                1.000 [0.34-1.00] 2/2" in run.stdout


@pytest.mark.parametrize("row", [{"id": 1, "text": "x"}, {"id": 1, "text": "x", "level": "now", "themes": []}])
def test_a_message_without_a_label_cannot_be_scored(tmp_path: Path, row: dict[str, Any]) -> None:
    file = tmp_path / "labelled.jsonl"
    file.write_text(json.dumps(row), encoding="utf-8")
    run = subprocess.run([sys.executable, "-m", "bot", "triage", "--score", file], capture_output=True, text=True)
    assert run.returncode == 1 and "message 1 has no label" in run.stderr


def test_standard_input_is_read_where_no_file_is_named() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "bot", "triage"],
        input='{"id": "x", "text": "cheers!"}\n',
        capture_output=True,
        text=True,
    )
    assert json.loads(run.stdout) == {"id": "x", "level": "none", "themes": [], "ask": False, "because": []}


def test_a_file_that_is_not_there_is_one_sentence() -> None:
    run = subprocess.run([sys.executable, "-m", "bot", "triage", "/nowhere.jsonl"], capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr == "aidstation: /nowhere.jsonl cannot be read (FileNotFoundError)\n"
