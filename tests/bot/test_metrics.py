"""What this process counts, whether its loops move, and how it looks at its database."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from bot import metrics
from bot.metrics import LOOP_S, RECEIVE_S, Look, Metrics, Watch, look_at
from bot.refusals import SendError
from dialogs.events import Due, Said
from dialogs.model import Lane
from storage import gauges, inbox
from storage.db import Database, open_db
from storage.inbox import Incoming
from storage.outbox import Leased
from tests.storage.club import NOW

DEPLOY = Path(__file__).parents[2] / "deploy"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def shown(found: Metrics, look: Look | None = None) -> Samples:
    """Every sample of the text, by its name and labels; reading it proves that Prometheus can."""
    text = found.text(look or Look()).decode()
    families = list(text_string_to_metric_families(text))
    return {(one.name, frozenset(one.labels.items())): one.value for each in families for one in each.samples}


def value(found: Metrics, name: str, look: Look | None = None, **labels: str) -> float | None:
    return shown(found, look).get((f"aidstation_{name}", frozenset(labels.items())))


def row(lane: Lane = Lane.REPLY, *, once: bool = False) -> Leased:
    given: dict[str, Any] = dict.fromkeys(Leased.__dataclass_fields__) | {"lane": lane, "once": once}
    return Leased(**given)


class Hand:
    """A monotonic clock, turned by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def db(migrated_database_url: str) -> Iterator[Database]:
    database = open_db(migrated_database_url)
    yield database
    database.close()


# --- counting -------------------------------------------------------------------------------------------------------


def test_what_was_received_handled_and_sent_is_counted() -> None:
    found = Metrics()
    found.received(3)
    found.received(0)
    found.turned(Said("hello", 1))
    found.turned(Due("checkin", "checkin:1:2026-11-23", date(2026, 11, 23), {}))
    found.came_back(row(Lane.SAFETY), None)
    assert value(found, "updates_received_total") == 3
    assert value(found, "turns_total", event="Said") == value(found, "turns_total", event="Due.checkin") == 1
    assert value(found, "messages_total", lane="safety", result="sent") == 1
    assert value(found, "messages_total", lane="reply", result="sent") == 0  # a series there is from the beginning


@pytest.mark.parametrize(
    ("error", "once", "result"),
    [
        (SendError("timeout", maybe_delivered=True), True, "unknown"),
        (SendError("timeout", maybe_delivered=True), False, "again"),
        (SendError("network"), True, "again"),
        (SendError("blocked", permanent=True), False, "dead"),
        (SendError("too_long", permanent=True, maybe_delivered=True), True, "dead"),
        (SendError("migrated", permanent=True, migrate_to=-5), False, "again"),
        (SendError("flood", retry_after=3), False, "again"),
    ],
    ids=lambda given: given.kind if isinstance(given, SendError) else None,
)
def test_a_message_that_did_not_arrive_is_counted_by_what_becomes_of_it(
    error: SendError, once: bool, result: str
) -> None:
    found = Metrics()
    found.came_back(row(Lane.PROMPT, once=once), error)
    assert value(found, "messages_total", lane="prompt", result=result) == 1
    assert value(found, "messages_total", lane="prompt", result="sent") == 0
    assert value(found, "errors_total", where="send", kind=error.kind) == 1
    assert value(found, "floods_total") == (error.kind == "flood")


def test_two_services_in_one_process_count_apart() -> None:
    one, two = Metrics(), Metrics()
    one.received(5)
    assert value(two, "updates_received_total") == 0


@pytest.mark.parametrize("kind", ["my chest hurts", "", "x" * 200, 'a"b\n', "123456:token", "Ann\u00e9"])
def test_a_label_is_a_name_from_the_code_whatever_an_error_calls_itself(kind: str) -> None:
    found = Metrics()
    found.failed("handle", kind)
    found.turned(Due(kind, "key", None, {}))
    assert value(found, "errors_total", where="handle", kind="other") == 1
    assert value(found, "turns_total", event="Due.other") == 1


# --- the loops ------------------------------------------------------------------------------------------------------


def test_a_loop_is_stuck_when_it_has_not_come_round_within_its_own_time() -> None:
    clock = Hand()
    found = Metrics(clock)
    assert found.stuck() == {}  # what has not begun cannot be stuck
    found.polls()
    found.beat("handle")
    clock.at += LOOP_S
    assert found.stuck() == {}
    clock.at += 1
    assert found.stuck() == {"handle": 31}
    found.beat("handle")
    clock.at += RECEIVE_S - LOOP_S
    assert found.stuck() == {"handle": 60, "receive": 91}
    found.fetched("server")  # Telegram is away, and the loop moves
    assert found.stuck() == {"handle": 60}
    assert value(found, "loop_lag_seconds", loop="handle") == 60


def test_the_age_of_the_last_fetch_counts_from_the_first_one_and_failures_do_not_renew_it() -> None:
    clock = Hand()
    found = Metrics(clock)
    assert value(found, "last_fetch_age_seconds") is None  # by webhook there is none
    found.polls()
    clock.at += 100
    found.fetched("network")
    assert (value(found, "last_fetch_age_seconds"), found.telegram) == (100, "network")
    assert value(found, "errors_total", where="receive", kind="network") == 1
    found.fetched(None)
    assert (value(found, "last_fetch_age_seconds"), found.telegram) == (0, "ok")


def test_telegram_counts_as_away_only_for_what_says_so() -> None:
    found = Metrics()
    found.came_back(row(), SendError("server"))
    assert found.telegram == "server"
    found.came_back(row(), SendError("blocked", permanent=True))  # it has answered
    assert found.telegram == "ok"


# --- the database ---------------------------------------------------------------------------------------------------


def test_the_figures_of_the_database_are_shown_and_without_it_the_own_counters_still_are(db: Database) -> None:
    found = Metrics()
    with db.begin() as tx:
        inbox.accept(tx, [Incoming("a", "1", "{}")], NOW)
    look = look_at(db, NOW + gauges.RECENT)
    assert (look.state, look.trouble) == ("current", "")
    assert value(found, "database_up", look) == value(found, "inbox_waiting", look) == 1
    assert value(found, "inbox_lag_seconds", look) == gauges.RECENT.total_seconds()
    assert value(found, "outbox_waiting", look, lane="safety") == 0
    assert value(found, "escalations_open", look, level="now", acked="no", age="under 15 min") == 0
    assert value(found, "acks", look, level="now") == 0
    assert value(found, "ack_seconds", look, level="now", stat="median") is None  # nothing is not "at once"
    away = Look(trouble="OperationalError")
    assert (value(found, "database_up", away), value(found, "inbox_waiting", away)) == (0, None)
    assert value(found, "updates_received_total", away) == 0


def test_the_build_and_its_schema_are_shown() -> None:
    from storage.db import HEAD

    builds = [dict(labels) for name, labels in shown(Metrics()) if name == "aidstation_build_info"]
    assert [one["schema"] for one in builds] == [HEAD] and builds[0]["version"]


def test_a_schema_that_is_not_ours_is_not_read(db: Database) -> None:
    with db.begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(sa.text("DROP TABLE outbox"))
    assert look_at(db, NOW) == Look("newer", "newer than this release")


def test_an_sqlite_file_that_is_gone_is_not_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "club.db"
    assert look_at(open_db(f"sqlite:///{file}"), NOW).trouble == "the file is gone"
    assert not file.exists()


def test_a_server_that_is_away_is_named_by_the_class_of_the_error_alone() -> None:
    look = look_at(open_db("postgresql://who:secret@127.0.0.1:9/club"), NOW)
    assert look == Look(trouble="OperationalError")


async def test_many_who_ask_at_once_and_soon_after_cost_one_look(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, looks, real = Hand(), [], metrics.look_at

    def counted(*args: Any) -> Look:
        looks.append(threading.current_thread())
        return real(*args)

    monkeypatch.setattr(metrics, "look_at", counted)
    watch = Watch(db, lambda: NOW, clock)
    found = await asyncio.gather(*(watch.look() for _ in range(20)))
    assert {one.state for one in found} == {"current"} and len(looks) == 1
    assert looks[0] is not threading.main_thread()
    clock.at += metrics.FRESH_S - 0.1
    await watch.look()
    assert len(looks) == 1
    clock.at += 0.1
    await watch.look()
    assert len(looks) == 2


async def test_a_database_that_never_answers_is_asked_once_and_nobody_waits_for_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked, answers = Hand(), [], threading.Event()

    def hangs(*args: Any) -> Look:
        asked.append(1)
        answers.wait(60)
        return Look("current", "")

    monkeypatch.setattr(metrics, "look_at", hangs)
    monkeypatch.setattr(metrics, "PATIENCE_S", 0.01)
    watch = Watch(db, lambda: NOW, clock)
    for _ in range(5):
        look = await watch.look()
        assert look.state is None and look.trouble.startswith("no answer within")
        clock.at += metrics.FRESH_S
    assert len(asked) == 1
    answers.set()
    monkeypatch.setattr(metrics, "PATIENCE_S", 10.0)
    assert (await watch.look()).state == "current"


# --- what is deployed with it ---------------------------------------------------------------------------------------


def everything(db: Database) -> set[str]:
    """The name of every series there can be."""
    found = Metrics()
    found.webhook = "ok"
    found.polls()
    found.failed("handle", "ValueError")
    found.turned(Said("x", 1))
    look = look_at(db, NOW)
    assert look.gauges is not None
    acks = dict.fromkeys(gauges.LEVELS, gauges.Acks(1, 1.0, 1.0, 1.0))
    fields = {name: getattr(look.gauges, name) for name in gauges.Gauges.__dataclass_fields__}
    return {name for name, _ in shown(found, Look("current", "", gauges.Gauges(**fields | {"acks": acks})))}


def labels_of(db: Database) -> dict[str, set[str]]:
    found = Metrics()
    found.failed("handle", "ValueError")
    found.turned(Said("x", 1))
    names: dict[str, set[str]] = {}
    for name, labels in shown(found, look_at(db, NOW)):
        names.setdefault(name, set()).update(dict(labels))
    return names


def queries() -> dict[str, str]:
    """Every query of the dashboard and of the rules, by where it stands."""
    board = json.loads((DEPLOY / "dashboards" / "aidstation.json").read_text("utf-8"))
    found = {f"{panel['title']} {n}": one["expr"] for panel in board["panels"]
             for n, one in enumerate(panel["targets"])}  # fmt: skip
    rules = YAML(typ="safe").load((DEPLOY / "alerts.yml").read_text("utf-8"))
    return found | {rule["alert"]: rule["expr"] for group in rules["groups"] for rule in group["rules"]}


def test_every_figure_that_a_panel_or_an_alert_asks_for_exists_with_its_labels(db: Database) -> None:
    names, labels = everything(db), labels_of(db)
    asked = queries()
    assert len(asked) > 15
    for where, query in asked.items():
        series = re.findall(r"\b((?:aidstation|process)_\w+)(?:\{([^}]*)\})?", query)
        assert series or where == "AidStationDown", where
        for name, selector in series:
            assert name in names, f"{where} asks for {name}"
            used = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector))
            used -= {"instance", "job"}
            assert used <= labels.get(name, used), f"{where}: {name} has no {used - labels[name]}"


def test_every_value_that_a_query_selects_by_is_one_that_there_is() -> None:
    values = {
        "lane": {lane.name.lower() for lane in Lane},
        "level": {level.value for level in gauges.LEVELS},
        "result": set(metrics.RESULTS),
        "acked": {"yes", "no"},
        "age": {age for age, _ in gauges.AGES},
        "state": {"reachable", "unreachable", "not_started"},
        "stat": {"median", "p90", "max"},
        "table": {"inbox", "due", "outbox"},
    }
    for where, query in queries().items():
        for label, given in re.findall(r'(\w+)=~?"([^"]*)"', query):
            if label not in ("job", "instance", "where", "kind", "event", "loop"):
                assert set(given.split("|")) <= values[label], where


def test_the_dashboard_is_small_and_each_panel_has_its_place_and_unit() -> None:
    board = json.loads((DEPLOY / "dashboards" / "aidstation.json").read_text("utf-8"))
    panels = board["panels"]
    assert len(panels) == 10 and board["uid"] == "aidstation" and board["schemaVersion"] >= 39
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == 10
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert panel["description"] and panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    rules = YAML(typ="safe").load((DEPLOY / "alerts.yml").read_text("utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts) >= 8
    for rule in alerts:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"] and len(rule["annotations"]["description"]) > 40
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
