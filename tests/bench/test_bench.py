"""The bench in small: it runs, and what it calls right is right. How long anything took is not looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import checkins, report
from tests.bench.__main__ import main
from tests.bench.checkins import Round

SMALL = "--athletes 8 --checkins 3 --rounds 1 --bots ours peer --due 20 --people 200 --rush 20 --pages 2".split()
SMALL += ["--lines", "300", "--lists", "12", "--weeks", "20"]
FIGURES = ("updates_per_second", "cpu_s_per_1000", "p50_ms", "p99_ms", "peak_mib", "bot_share", "sandbox_share")


@pytest.mark.long
def test_a_small_run_answers_every_press_keeps_every_answer_and_loses_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "bench.json"
    code = main([*SMALL, "--out", str(out)])
    printed = capsys.readouterr().out
    assert code == 0, printed
    result: dict[str, Any] = json.loads(out.read_text("utf-8"))
    assert {"cores", "python", "filesystem", "load_before"} <= set(result["machine"])
    assert result["faults"] == []

    ours, peer = result["checkin"]["rounds"]
    assert (ours["bot"], peer["bot"]) == ("ours", "peer")
    for one in (ours, peer):
        assert one["taps"] == one["answered"] >= 8 * 3 * 6
        assert one["wrong"] == 0
        assert all(one[figure] > 0 for figure in FIGURES)
    assert ours["kept"] == ours["answers"] > 0
    assert f"{result['checkin']['ratio']:.2f} times the peer's" in printed

    crowd = [(one["people"], one["handled"], one["planned_again"]) for one in result["crowd"]]
    assert crowd == [(20, 20, 20), (200, 20, 200)], "what was due, and of the others nothing"

    assert result["words"]["messages"] > 1_000 and result["words"]["worst_ms"] > 0 and result["words"]["mib"] > 0

    desk = result["desk"]
    assert (desk["coaches"], desk["handled"], desk["athletes"]) == (12, 12, 300) and desk["messages"] > 12
    assert desk["statements"] < 30

    weeks = result["weeks"]
    assert (weeks["weeks"], weeks["lost"], weeks["twice"]) == (20, 0, 0)
    assert weeks["coach_of"] == weeks["pictures"] == 25 and weeks["most_mib"] >= weeks["least_mib"] > 0

    rush = result["rush"]
    assert (rush["arrived"], rush["twice"], rush["lost"]) == (20, 0, 0)
    assert rush["page_s"]["most"] >= rush["page_s"]["p50"] > 0


def _round(bot: str, speed: float, **fields: Any) -> Round:
    usual: dict[str, Any] = dict.fromkeys(Round.__dataclass_fields__, 1.0)
    usual |= {"taps": 100, "answered": 100, "wrong": 0, "answers": 80, "kept": 80 if bot == "ours" else None}
    return Round(**usual | {"bot": bot, "updates_per_second": speed} | fields)


@pytest.mark.parametrize(("speed", "words"), [(250.0, "is met"), (249.0, "is NOT met")])
def test_the_medians_of_all_rounds_decide_and_the_report_says_so_plainly(speed: float, words: str) -> None:
    rounds = [_round("ours", each) for each in (speed, 1.0, 9999.0)] + [_round("peer", each) for each in (100, 1, 101)]
    about = {"cores": 2, "python": "3", "system": "", "filesystem": "ext4", "load_before": 0}
    result = {
        "machine": about | {"bot_on_a_core_of_its_own": True},
        "checkin": checkins.summary(rounds),
    }
    for markdown in (False, True):
        assert words in "\n".join(report.lines(result, markdown=markdown))


@pytest.mark.parametrize("wrong", [{"answered": 99}, {"wrong": 1}, {"kept": 79}])
def test_a_press_without_its_answer_and_an_answer_that_was_not_kept_are_faults(wrong: dict[str, int]) -> None:
    assert checkins.faults(checkins.summary([_round("ours", 100.0)])) == []
    assert len(checkins.faults(checkins.summary([_round("ours", 100.0, **wrong)]))) == 1
