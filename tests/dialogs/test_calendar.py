"""A plan in the calendar on a phone: the address is shown once, and what stands there is the plan and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest

from dialogs import calendar
from dialogs.model import Person, Session
from tests.dialogs.talk import ANN, KIM, Talk

NOW = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)
OWNER = Person(7, "Ann Canary", zone="Europe/Berlin", injuries="canary: left shin", goal="canary")
ADDRESS = r"https://club\.example/calendar/([0-9a-f]{32})\.ics"


def begin() -> Talk:
    return Talk()


@pytest.fixture
def talk() -> Talk:
    return begin()


def address(talk: Talk) -> str:
    (text,) = talk.texts(ANN)
    found = re.search(ADDRESS, text)
    assert found is not None, text
    return found[1]


def written(*sessions: Session) -> str:
    """With folded lines put together."""
    return calendar.written(sessions, OWNER, NOW).replace("\r\n ", "")


# --- in the chat ----------------------------------------------------------------------------------------------------


def test_an_athlete_gets_an_address_with_a_code_of_the_turns_dice_and_each_time_another_one(talk: Talk) -> None:
    talk.says("/calendar").hears("calendar subscription")
    first = address(talk)
    assert talk.club.feeds == {ANN: first} and talk.outcome.feed == first
    assert not [one for one in talk.records("words") if first in str(one)]
    talk.says("/calendar").hears("An earlier address of yours works no more.")
    second = address(talk)
    assert second != first and talk.club.feeds == {ANN: second}


def test_the_message_is_known_by_its_key_so_that_it_is_soon_deleted(talk: Talk) -> None:
    talk.says("/calendar")
    (message,) = talk.outcome.messages
    assert message.key is not None and message.key.startswith("calendar:")
    assert address(talk) not in message.key, "keys stay longer than texts"


def test_off_ends_it_and_is_no_word_for_the_coach(talk: Talk) -> None:
    talk.says("/calendar")
    talk.says("/calendar off").hears("no address leads to your plan any more").nobody_reads(KIM)
    assert talk.club.feeds == {} and talk.outcome.feed == ""
    assert not talk.records("words")
    talk.says("/calendar Off.").hears("no address")  # there is none, and that is said in the same words


def test_what_is_not_understood_changes_nothing(talk: Talk) -> None:
    talk.says("/calendar")
    code = address(talk)
    talk.says("/calendar please").hears("“/calendar off” ends it")
    assert talk.outcome.feed is None and talk.club.feeds == {ANN: code}


def test_without_an_address_it_is_said_kindly_and_off_works_all_the_same(talk: Talk) -> None:
    talk.says("/calendar")
    talk.club.address = None
    talk.says("/calendar").hears("has not said under which address phones can reach it")
    assert talk.outcome.feed is None and talk.club.feeds
    talk.says("/calendar off").hears("no address leads")
    assert not talk.club.feeds


def test_a_coach_who_does_not_run_has_none(talk: Talk) -> None:
    talk.says("/calendar", KIM).reads(KIM, "I do not know that command")
    assert talk.outcome.feed is None
    talk.says("/help", KIM).reads_not(KIM, "/calendar")
    talk.says("/help").hears("/calendar your plan in your phone’s calendar")


# --- in the calendar ------------------------------------------------------------------------------------------------


def test_a_session_stands_there_with_its_effort_its_text_and_whether_it_is_held() -> None:
    speed = Session("260602-0", date(2026, 6, 2), "speed", 50, None, None, 8, "6 x 3 min; <easy> between, & home")
    text = written(speed)
    assert re.search(r"^SUMMARY:Speed\b.*50 min", text, re.MULTILINE)
    assert "DESCRIPTION:Effort 8 of 10\\n6 x 3 min\\; <easy> between\\, & home\r\n" in text
    held = Session("260603-0", date(2026, 6, 3), "easy", 30, held="K7Q2M")
    text = written(held)
    assert "DESCRIPTION:Eased\\, held until your coach has looked.\r\n" in text and "K7Q2M" not in text


def test_a_phone_may_look_each_minute_and_is_told_nothing_of_whose_plan_it_is() -> None:
    text = written(Session("260602-0", date(2026, 6, 2), "easy", 40), Session("260603-0", date(2026, 6, 3), "rest"))
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1M\r\n" in text and "X-PUBLISHED-TTL:PT1M\r\n" in text
    assert "X-WR-CALNAME:Training\r\n" in text and "X-WR-TIMEZONE:Europe/Berlin\r\n" in text
    assert "anary" not in text and "\r\nATTENDEE" not in text and "ORGANIZER" not in text


def test_a_session_that_was_moved_is_the_same_event() -> None:
    before = written(Session("260602-0", date(2026, 6, 2), "easy", 40))
    after = written(Session("260602-0", date(2026, 6, 4), "easy", 40))
    assert re.findall("^UID:.*$", before, re.MULTILINE) == re.findall("^UID:.*$", after, re.MULTILINE)
    assert "DTSTART;VALUE=DATE:20260604\r\n" in after


def test_no_plan_is_a_calendar_without_events() -> None:
    text = written()
    assert text.startswith("BEGIN:VCALENDAR\r\n") and text.endswith("END:VCALENDAR\r\n") and "VEVENT" not in text
