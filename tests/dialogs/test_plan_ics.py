"""Calendars: other people's, with all that calendar programs write, and our own."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar.timezone import tzp

from dialogs import plan_files, plan_series
from dialogs.model import Session
from dialogs.plan_files import Read

TODAY = date(2026, 8, 24)
NOW = datetime(2026, 8, 24, 6, tzinfo=UTC)
PLANS = Path(__file__).parent / "plans"


def read(file: str | bytes, zone: str = "Europe/Berlin") -> Read:
    data = file if isinstance(file, bytes) else file.encode()
    return plan_files.read(data, name="", zone=zone, today=TODAY)


def calendar(*events: str, zones: str = "") -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", *([zones] if zones else []), *events, "END:VCALENDAR", ""])


def event(*lines: str, start: str = "DTSTART;VALUE=DATE:20260901", title: str = "Easy run") -> str:
    return "\r\n".join(["BEGIN:VEVENT", start, f"SUMMARY:{title}", *lines, "END:VEVENT"])


def days(*lines: str, start: str = "DTSTART;VALUE=DATE:20260901", zone: str = "Europe/Berlin") -> list[str]:
    found = read(calendar(event(*lines, start=start)), zone)
    assert not found.problems, found.problems
    return [f"{session.day:%m-%d}" for session in found.sessions]


def wrong(file: str) -> list[tuple[int, str]]:
    found = read(file)
    return [(problem.line, problem.what.removeprefix("plan_file.")) for problem in found.problems]


def notes(file: str | bytes) -> set[str]:
    return {note.what.removeprefix("plan_file.") for note in read(file).notes} - {"guessed"}


# --- real calendars -------------------------------------------------------------------------------------------------


def test_a_calendar_of_a_web_program() -> None:
    """CRLF, folds (one within a letter), escapes, alarms, weekly with an exception, one time moved, one cancelled."""
    data = (PLANS / "club-calendar.ics").read_bytes()
    assert b"\r\n " in data
    found = read(data.replace("schön".encode(), b"sch\xc3\r\n \xb6n"))
    assert not found.problems
    club = "Intervals with the club\nTrack, gate 3; bring spikes.\n" + (
        "Meet at 17:45, and please be on time: the gate is closed behind us."
    )
    assert [(f"{one.day:%m-%d}", one.kind, one.minutes, one.km) for one in found.sessions] == [
        ("09-02", "speed", None, None),
        ("09-05", "long", None, 24.0),
        ("09-08", "easy", 45, None),  # 22:30 in Greenwich is the next day in Berlin
        ("09-09", "speed", None, None),
        ("09-11", "strength", None, None),
        ("09-19", "long", None, 24.0),
        ("09-24", "speed", 40, None),  # moved by a day; and the 16th is an exception
        ("09-30", "speed", None, None),
        ("10-03", "long", None, 24.0),  # the 7th is cancelled
        ("10-14", "speed", None, None),
        ("10-17", "long", None, 24.0),
        ("10-21", "speed", None, None),
        ("10-28", "speed", None, None),  # in winter time: UNTIL is that evening
        ("11-01", "race", None, 21.1),
    ]
    texts = {one.day.isoformat(): one.text for one in found.sessions}
    assert texts["2026-09-02"] == club
    assert texts["2026-09-05"].endswith("Grüner Weg, über die Höhe. Und wieder zurück, immer schön langsam.")
    assert texts["2026-09-11"] == "With Kim\nSquats\nLunges & bridges"


def test_a_calendar_of_an_office_program() -> None:
    """Windows zones, one that only the file knows, one that nobody knows, and an appointment that is no training."""
    found = read((PLANS / "desk-calendar.ics").read_bytes())
    assert [(f"{one.day:%m-%d}", one.kind) for one in found.sessions if one.kind != "easy"] == [
        ("09-11", "mobility"),  # 20:00 nine hours west of Greenwich
        ("09-12", "hills"),
    ]
    runs = [one.day for one in found.sessions if one.kind == "easy"]
    assert runs == [date(2026, 9, 1) + n * timedelta(days=2) for n in range(10)]
    assert [plan_files.said(one)[:30] for one in found.problems] == ["Line 59: “Zahnarzt” names no k"]
    assert [(one.line, one.data["zone"]) for one in found.notes if one.line] == [(47, "Nowhere/At all")]


def test_no_file_tells_the_next_what_a_zone_is() -> None:
    """icalendar keeps the zones it has read, by name; the next coach's file may mean another one by it."""
    zone = "BEGIN:VTIMEZONE\r\nTZID:Home\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:{0}\r\n" + (
        "TZOFFSETTO:{0}\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    )
    late = event(start="DTSTART;TZID=Home:20260901T230000")
    here = [read(calendar(late, zones=zone.format(offset))).sessions[0].day.day for offset in ("+0200", "-0800")]
    assert here == [1, 2]
    assert tzp.timezone("Home") is None
    assert notes(calendar(late)) == {"zone"}


def test_a_zone_that_only_the_file_knows_has_its_summer() -> None:
    """Ten hours west of Greenwich in winter and nine in summer, since 1601, as an office program writes it."""
    part = "BEGIN:{0}\r\nDTSTART:16010101T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH={1}\r\n" + (
        "TZOFFSETFROM:{2}\r\nTZOFFSETTO:{3}\r\nEND:{0}\r\n"
    )
    parts = part.format("STANDARD", 10, "-0900", "-1000") + part.format("DAYLIGHT", 3, "-1000", "-0900")
    zone = f"BEGIN:VTIMEZONE\r\nTZID:Odd\r\n{parts}END:VTIMEZONE"
    times = [event(start=f"DTSTART;TZID=Odd:{day}T133000") for day in ("20260901", "20261201", "20270601")]
    found = read(calendar(*times, zones=zone), "Etc/GMT-1").sessions
    assert [one.day for one in found] == [date(2026, 9, 1), date(2026, 12, 2), date(2027, 6, 1)]


@pytest.mark.parametrize(
    "name",
    ["Europe/Berlin", '"Europe/Berlin"', "/freeassociation.sourceforge.net/Europe/Berlin", "W. Europe Standard Time"],
)
def test_names_of_zones(name: str) -> None:
    start = f"DTSTART;TZID={name}:20260901T233000"
    assert not notes(calendar(event(start=start)))
    assert days(start=start) == ["09-01"]
    assert days(start=start, zone="Asia/Tokyo") == ["09-02"]


@pytest.mark.parametrize(("zone", "day"), [("Pacific/Kiritimati", "09-02"), ("America/Los_Angeles", "09-01")])
def test_the_day_is_that_of_the_athletes_wall(zone: str, day: str) -> None:
    assert days(start="DTSTART:20260901T180000Z", zone=zone) == [day]
    assert days(start="DTSTART:20260901T233000", zone=zone) == ["09-01"], "a clock without a zone is their own"
    assert days(zone=zone) == ["09-01"], "a whole day is that day everywhere"


# --- what repeats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["RRULE:FREQ=WEEKLY;COUNT=3"], "09-01 09-08 09-15"),
        (["RRULE:FREQ=WEEKLY;COUNT=3;"], "09-01 09-08 09-15"),
        (["RRULE:FREQ=WEEKLY;UNTIL=20260908"], "09-01 09-08"),
        (["RRULE:FREQ=WEEKLY;UNTIL=20260908T000000Z"], "09-01 09-08"),
        (["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU;COUNT=4"], "09-01 09-13 09-15 09-27"),
        (["RRULE:FREQ=DAILY;COUNT=3;BYHOUR=6"], "09-01 09-02 09-03"),
        (["RRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=3"], "09-01 10-06 11-03"),
        (["RRULE:FREQ=MONTHLY;BYMONTHDAY=1;COUNT=3"], "09-01 10-01 11-01"),
        (["RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1;COUNT=3"], "09-01 10-01 11-02"),
        (["RDATE;VALUE=DATE:20260903,20260905"], "09-01 09-03 09-05"),
        (["RDATE:20260903T060000Z/PT1H"], "09-01 09-03"),
        (["RRULE:FREQ=DAILY;COUNT=4", "EXDATE;VALUE=DATE:20260902", "EXDATE;VALUE=DATE:20260903"], "09-01 09-04"),
    ],
)
def test_days_that_repeat(lines: list[str], expected: str) -> None:
    assert days(*lines) == expected.split()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["RRULE:FREQ=WEEKLY;UNTIL=20260909T060000Z"], "09-02 09-09"),  # the very time, seven hours on
        (["RRULE:FREQ=WEEKLY;UNTIL=20260909T055959Z"], "09-02"),
        (["RRULE:FREQ=WEEKLY;UNTIL=20260908"], "09-02 09-09"),  # a day means all of it
        (["RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20260903T060000Z"], "09-02 09-04"),
        (["RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260902"], "09-02 09-04"),
    ],
)
def test_times_that_repeat_do_so_on_their_own_wall(lines: list[str], expected: str) -> None:
    """23:00 in Los Angeles, which is the next morning in Berlin."""
    assert days(*lines, start="DTSTART;TZID=America/Los_Angeles:20260901T230000") == expected.split()


def test_what_replaces_a_time_of_a_series() -> None:
    head = event("UID:1", "RRULE:FREQ=DAILY;COUNT=5")
    moved = event("UID:1", "RECURRENCE-ID;VALUE=DATE:20260902", start="DTSTART;VALUE=DATE:20260910", title="Tempo")
    gone = event("UID:1", "RECURRENCE-ID;VALUE=DATE:20260903", "STATUS:CANCELLED")
    later = event(
        "UID:1", "RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20260904", title="Bike", start="DTSTART:20260904"
    )
    found = read(calendar(head, moved, gone, later))
    assert not found.problems
    assert [(one.day.day, one.kind) for one in found.sessions] == [
        (1, "easy"), (4, "cross"), (5, "cross"), (10, "speed"),
    ]  # fmt: skip
    alone = read(calendar(moved))
    assert [one.day.day for one in alone.sessions] == [10], "its series is not in the file"


def test_a_copied_id_costs_no_session_and_a_later_edition_counts() -> None:
    copies = [event("UID:1", start=f"DTSTART;VALUE=DATE:2026090{n}") for n in (1, 2, 3)]
    assert len(read(calendar(*copies)).sessions) == 3
    editions = [event("UID:1", f"SEQUENCE:{n}", start=f"DTSTART;VALUE=DATE:2026090{n}") for n in (1, 3, 2)]
    assert [one.day.day for one in read(calendar(*editions)).sessions] == [3]


ENDLESS = [
    "FREQ=SECONDLY", "FREQ=MINUTELY;COUNT=9", "FREQ=HOURLY;COUNT=2", "FREQ=DAILY;BYHOUR=1,2,3",
    "FREQ=DAILY;BYSECOND=0,1;BYMINUTE=0,1", "FREQ=DAILY;COUNT=1000000", "FREQ=DAILY;COUNT=2001",
    "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=-5", "FREQ=DAILY;BYDAY=WE;INTERVAL=7",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=10", "FREQ=MONTHLY;BYDAY=6MO",
    "FREQ=MONTHLY;BYMONTHDAY=31;INTERVAL=12", "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2,4", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=3",
    "FREQ=YEARLY;BYWEEKNO=53", "FREQ=YEARLY;BYEASTER=0", "FREQ=WEEKLY;INTERVAL=99999999999999",
    "FREQ=WEEKLY;COUNT=2;UNTIL=20260901",
    "FREQ=WEEKLY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=SOMETIMES", "COUNT=3", "", "FREQ=WEEKLY;UNTIL=x",
    "FREQ=WEEKLY;WKST=XX", "FREQ=YEARLY;BYMONTH=2", "RSCALE=HEBREW;FREQ=YEARLY",
]  # fmt: skip


@pytest.mark.parametrize("rule", ENDLESS)
def test_a_rule_that_does_not_end_or_never_comes_true_is_refused_before_it_is_tried(rule: str) -> None:
    found = read(calendar(event(f"RRULE:{rule}"), event(title="Tempo")))
    assert [session.kind for session in found.sessions] == ["speed"]
    (problem,) = found.problems
    assert problem.line == 5 and problem.what in ("plan_file.rule", "plan_file.too_often", "plan_file.rule_long")


PARTS = st.sampled_from([
    "INTERVAL=1", "INTERVAL=2", "INTERVAL=7", "INTERVAL=12", "INTERVAL=400", "COUNT=3", "COUNT=2000", "UNTIL=20260930",
    "UNTIL=20290101T000000Z", "BYDAY=MO", "BYDAY=MO,TH,SU", "BYDAY=5MO", "BYDAY=-5FR,1TU", "BYMONTHDAY=29",
    "BYMONTHDAY=31,-31", "BYMONTH=2", "BYMONTH=2,9", "BYSETPOS=-1", "BYSETPOS=4", "WKST=SU", "BYYEARDAY=366",
    "BYWEEKNO=53", "BYHOUR=7",
])  # fmt: skip
STARTS = st.sampled_from([
    "DTSTART;VALUE=DATE:20260901", "DTSTART:20260227T063000Z", "DTSTART;TZID=Europe/Berlin:20280229T230000",
    "DTSTART;VALUE=DATE:20160229", "DTSTART;TZID=America/New_York:20000101T003000",
])  # fmt: skip


@given(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]), st.lists(PARTS, max_size=4, unique=True), STARTS)
@settings(max_examples=300, deadline=None)
def test_any_rule_is_expanded_or_refused_and_comes_to_an_end(freq: str, parts: list[str], start: str) -> None:
    found = read(calendar(event("RRULE:" + ";".join([f"FREQ={freq}", *parts]), start=start)))
    assert len(found.problems) <= 1 and not (found.problems and found.sessions)
    assert len({one.day for one in found.sessions}) == len(found.sessions), "no day twice"
    for one in found.sessions:
        assert TODAY - timedelta(days=400) <= one.day <= TODAY + timedelta(days=800)


def test_a_rule_without_an_end_is_taken_as_far_as_a_plan_may_reach() -> None:
    for end in ("", ";UNTIL=99991231T235959Z", ";UNTIL=20991231"):
        file = calendar(event(f"RRULE:FREQ=WEEKLY{end}"))
        assert notes(file) == {"endless"}
        found = [one.day for one in read(file).sessions]
        assert found[-1] <= TODAY + timedelta(days=800) < found[-1] + timedelta(days=7)
    old = read(calendar(event("RRULE:FREQ=WEEKLY", start="DTSTART;VALUE=DATE:20120103")))
    assert old.sessions[0].day >= TODAY - timedelta(days=400) and not old.problems


def test_rules_are_counted_together_before_they_are_expanded() -> None:
    daily = "RRULE:FREQ=DAILY"
    assert wrong(calendar(event(daily, start="DTSTART:19000101T070000"))) == [(5, "rule_long")]
    assert wrong(calendar(event("RDATE;VALUE=DATE:" + ",".join(["20260901"] * 20_001)))) == [(2, "rule_long")]
    many = read(calendar(*(event(f"UID:{n}", daily) for n in range(3))))
    assert not many.sessions and many.problems[0].what == "plan_file.too_many"
    assert plan_series.MAX_STEPS == 20_000


def test_a_zone_may_not_be_endless_either() -> None:
    zone = "BEGIN:VTIMEZONE\r\nTZID:Odd\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:-0800\r\n" + (
        "TZOFFSETTO:{}\r\n{}END:STANDARD\r\nEND:VTIMEZONE"
    )
    for to, rule in (("-0800", "RRULE:FREQ=SECONDLY\r\n"), ("-9900", ""), ("x", "")):
        file = calendar(event(start="DTSTART;TZID=Odd:20260901T200000"), zones=zone.format(to, rule))
        assert notes(file) == {"zone"} and [one.day.day for one in read(file).sessions] == [1]


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "problems"),
    [
        ([event(start="DTSTART:20260230")], [(3, "date")]),
        ([event(start="DTSTART;TZID=Europe/Berlin:20260901T250000")], [(3, "date")]),
        ([event(start="DTSTART:PT1H")], [(3, "date")]),
        ([event(start="DTSTART;TZID=Asia/Tokyo:00010101T000000")], [(3, "date")]),
        ([event(start="DTSTART:")], [(3, "no_start")]),
        ([event(start="LOCATION:here")], [(2, "no_start")]),
        ([event("EXDATE:foo", "RRULE:FREQ=DAILY;COUNT=3")], [(5, "date")]),
        ([event("RECURRENCE-ID:foo")], [(5, "date")]),
        ([event(title="Dentist")], [(4, "kind")]),
        ([event(title="Dentist, 45 min")], [(4, "kind")]),
        ([event(title="Easy 8 km + core")], [(4, "two_sessions")]),
        ([event("so that is no line", "nor (again): this")], [(5, "line"), (6, "line")]),
        ([event(), "BEGIN:VEVENT", event()], [(6, "no_end")]),
        ([event(), "BEGIN:VEVENT", "DTSTART:20260901"], [(6, "no_end")]),
        ([event("X-AIDSTATION-KIND:jump")], [(2, "kind")]),
        ([event("X-AIDSTATION-KIND:easy", "X-AIDSTATION-MINUTES:1.5")], [(6, "number")]),
        ([event("X-AIDSTATION-KIND:easy", "X-AIDSTATION-KM:x")], [(6, "number")]),
        ([event("X-AIDSTATION-KIND:easy", "X-AIDSTATION-EFFORT:11")], [(2, "range")]),
        ([event("DESCRIPTION:long\r\n  and long\r\n  and long"), event(title="Dentist")], [(11, "kind")]),
    ],
)
def test_a_problem_names_its_line(events: list[str], problems: list[tuple[int, str]]) -> None:
    assert wrong(calendar(*events)) == problems


def test_what_is_left_out_on_purpose_is_counted_and_no_problem() -> None:
    file = calendar(
        event(title="Dentist", start="DTSTART:20240101T090000Z"),
        event(start="DTSTART;VALUE=DATE:20300101"),
        event("RRULE:FREQ=DAILY;COUNT=3", start="DTSTART;VALUE=DATE:20300101"),
        event("STATUS:CANCELLED"),
        event(f"DESCRIPTION:{'x' * 3000}"),
        "BEGIN:VTODO\r\nDTSTART:20260901\r\nSUMMARY:Buy shoes\r\nEND:VTODO",
    )
    found = read(file)
    assert {one.what: one.data["n"] for one in found.notes} == {
        "plan_file.old": 1, "plan_file.later": 2, "plan_file.cancelled": 1, "plan_file.cut": 1, "plan_file.guessed": 1,
    }  # fmt: skip
    (session,) = found.sessions
    assert len(session.text) == 2000 and not found.problems


def test_an_alarm_inside_an_event_says_nothing_about_it() -> None:
    alarm = "BEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nSUMMARY:Bike 20 km\r\nDTSTART:20260905\r\nEND:VALARM"
    (session,) = read(calendar(event(alarm))).sessions
    assert (session.kind, session.text, session.day.day) == ("easy", "Easy run", 1)


@pytest.mark.parametrize(
    ("title", "more", "kind", "minutes", "km"),
    [
        ("Easy 10 km", "", "easy", None, 10.0),
        ("10k", "", "easy", None, 10.0),
        ("6 mi", "", "easy", None, 9.66),
        ("Run 1h20", "", "easy", 80, None),
        ("Easy 45'", "", "easy", 45, None),
        ("Long run", "Planned time: 1:45:00\\nPlanned distance: 18.5 km", "long", 105, 18.5),
        ("8-10 km easy", "2 km warm up", "easy", None, None),
        ("Easy 10 km, 50-55 min", "", "easy", None, 10.0),
        ("6 x 3 min, 2 min rest", "", "speed", None, None),
        ("5k pace intervals", "", "speed", None, None),
        ("20 km long run, last 5 km faster", "", "long", None, 20.0),
        ("8 km at 5:30 min/km", "", "easy", None, 8.0),
        ("Rest or easy 5 km", "", "rest", None, None),
        ("Long ride 2 h", "", "cross", 120, None),
        ("Race week: easy 5 km", "", "easy", None, 5.0),
        ("Marathon pace 12 km", "", "speed", None, 12.0),
        ("Lake Marathon", "", "race", None, None),
        ("Rodaje suave 40 minutos", "", "easy", 40, None),
        ("Sortie longue 1 h 45", "", "long", 105, None),
        ("Tempolauf 8,5 km", "", "speed", None, 8.5),
        ("Yoga", "", "mobility", None, None),
    ],
)
def test_what_a_title_says(title: str, more: str, kind: str, minutes: int | None, km: float | None) -> None:
    (session,) = read(calendar(event(f"DESCRIPTION:{more}", title=title.replace(",", "\\,")))).sessions
    assert (session.kind, session.minutes, session.km) == (kind, minutes, km)


# --- our own --------------------------------------------------------------------------------------------------------


def test_a_phone_can_subscribe_to_it() -> None:
    sessions = [
        Session("260901-0", date(2026, 9, 1), "strength", 40, effort=5, text="Squats, lunges;\nslow", form="gym"),
        Session("260902-0", date(2026, 9, 2), "easy", 30, held="K7Q2M"),
    ]
    written = plan_files.write_ics(sessions, name="Ann, trail", zone="Europe/Berlin", now=NOW, whose="athlete-7")
    assert all(len(line.encode()) <= 75 for line in written.split("\r\n"))
    parsed = icalendar.Calendar.from_ical(written)
    assert "\r\nX-WR-CALNAME:Ann\\, trail\r\n" in written
    first, second = parsed.events
    assert first["UID"] == "260901-0.athlete-7@aidstation" and not first.errors
    assert (first.start, first.end) == (date(2026, 9, 1), date(2026, 9, 2))
    assert re.match(r"Strength\b.*40 min", str(first["SUMMARY"])) and "held" in str(second["SUMMARY"])
    assert first["DESCRIPTION"] == "Squats, lunges;\nslow"


def test_another_program_may_drop_our_lines_and_keeps_the_sense() -> None:
    session = Session("a", date(2026, 9, 1), "long", 120, 18.5, None, 5, "Flat")
    written = plan_files.write_ics([session], name="Ann", zone="Europe/Berlin", now=NOW)
    (found,) = read(re.sub(r"X-AIDSTATION-.*\r\n", "", written)).sessions
    assert (found.day, found.kind, found.minutes, found.km) == (session.day, "long", 120, 18.5)
