"""`aidstation run` without a token, in a real browser: what a newcomer does in the first minutes.

The program is the installed one, in a process of its own, in an empty folder, without any setting. Nothing is reached
behind the page's back: what is asserted stands on the screen.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Keys
from selenium.webdriver.common.by import By

from bot import config
from tests.browser import Screen, opened

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

CHECKIN = "How did you sleep?"
PAGED = "I tell you here as soon as Kim has answered"
TAKEN = "Kim has your words and has taken this on"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where the sandbox is, run by the real command in an empty folder; it is stopped as a user stops it."""
    command = Path(sys.executable).with_name("aidstation")
    environment = {key: value for key, value in os.environ.items() if key not in {v.name for v in config.ENVIRONMENT}}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [command, "run", "--port", str(port)],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as running,
    ):
        try:
            assert running.stdout is not None
            told = [running.stdout.readline(), running.stdout.readline()]
            assert "no TELEGRAM_BOT_TOKEN" in told[0], log.read_text()
            found = re.search(r"http://127\.0\.0\.1:\d+", told[1])
            assert found, told
            yield found[0]
            running.send_signal(signal.SIGINT)
            assert running.wait(30) == 0
            told = log.read_text().splitlines()
            # A topic that somebody has deleted is noticed when something is put there; it is made again.
            assert [line for line in told if "send.failed kind=thread_gone" not in line] == []
            assert not list((tmp_path / "data").iterdir()), "the sandbox keeps nothing"
        finally:
            running.kill()


@pytest.fixture
def screen(address: str) -> Iterator[Screen]:
    with opened() as chrome:
        chrome.get(address)
        yield Screen(chrome)


def test_ann_reports_chest_pain_kim_takes_it_and_ann_reads_who_has_it(screen: Screen) -> None:
    screen.reads("Ann", CHECKIN)
    screen.wait("#note", "Answer Ann’s check-in")
    screen.tap("Ann", "2")
    screen.reads("Ann", "sleep 2")
    screen.say("Ann", "chest pain and I feel dizzy")

    assert screen.reads("Ann", PAGED).startswith("Stop now. Call 999")
    page = screen.wait('[data-phone="Kim"].lit .bubble.theirs', "NOW")
    assert "chest pain and I feel dizzy" in page
    assert re.search(r"sleep( +·){6} +2", page), "the week stands beside the words"
    screen.wait('[data-phone="Kim"] .badge', "2")  # the page, and what is held in the plan because of it
    assert screen.chrome.title.startswith("(2) Kim")
    screen.wait("#note", "Kim’s phone has rung")

    screen.tap("Kim", "I have it")
    screen.reads("Ann", TAKEN)
    screen.reads("Kim", "yours since 07:0")
    assert not screen.count('[data-phone="Kim"].lit')
    assert not screen.count('[data-phone="Kim"] [data-button="I have it"]')
    screen.no_errors()


def test_a_sore_shin_is_reported_and_taken_with_the_keyboard_alone(screen: Screen) -> None:
    screen.reads("Ann", CHECKIN)

    def type_on(selector: str, *keys: str) -> None:
        """Walk there with the tabulator, then press these."""
        for _ in range(80):
            active = screen.chrome.switch_to.active_element
            if screen.chrome.execute_script("return arguments[0].matches(arguments[1])", active, selector):
                active.send_keys(*keys)
                return
            active.send_keys(Keys.TAB)
        raise AssertionError(f"the tabulator does not come by {selector}")

    for label in ("Something hurts", "Shin", "4", "Yes"):
        screen.wait(f'[data-phone="Ann"] [data-button="{label}"]')
        type_on(f'[data-phone="Ann"] [data-button="{label}"]', Keys.ENTER)
    assert screen.reads("Ann", PAGED).startswith("No running until a person has spoken with you")
    screen.wait('[data-phone="Kim"].lit .bubble.theirs', "shin, 4/10, changes the stride")
    type_on('[data-phone="Kim"] [data-button="I have it"]', Keys.SPACE)
    screen.reads("Ann", TAKEN)
    screen.no_errors()


def ben_joins(screen: Screen) -> None:
    screen.pick_up("Ben")
    screen.wait('[data-phone="Ben"] .empty', "Ben has an invitation")
    screen.press('[data-phone="Ben"] .start')
    screen.reads("Ben", "are you 18 or over?")
    screen.tap("Ben", "I am 18 or over")
    screen.reads("Ben", "Before you say yes")
    screen.tap("Ben", "I agree")
    screen.tap("Ben", "Share my location")
    screen.reads("Ben", "At what time shall I ask?")
    screen.tap("Ben", "08:00")
    screen.tap("Ben", "Done")
    screen.reads("Ben", "should know")
    screen.say("Ben", "left Achilles, in 2024")
    screen.reads("Ben", "What do you train for?")
    screen.say("Ben", "a 50 km in June")
    screen.reads("Ben", "That is all, Ben")


def test_ben_joins_and_the_turned_clock_brings_both_check_ins(screen: Screen) -> None:
    ben_joins(screen)
    joined = screen.reads("Kim", "Ben has joined")
    assert "left Achilles, in 2024" in joined
    assert "a 50 km in June" in joined

    screen.press('[data-clock="+1 hour"]')
    screen.wait("#clock-time", "08:0")
    screen.reads("Ben", CHECKIN)
    days = screen.count('[data-phone="Ann"] .day')  # two or three: it depends on the hour at which the sandbox began
    screen.press('[data-clock="next morning"]')
    screen.wait("#clock-time", "07:0")
    screen.wait('[data-phone="Ann"] ' + ".day ~ " * (days + 1) + ".bubble.theirs", CHECKIN)
    screen.no_errors()


def test_on_a_narrow_phone_one_person_at_a_time_and_nothing_sticks_out(address: str) -> None:
    with opened(390, 780, touch=True) as chrome:
        chrome.get(address)
        screen = Screen(chrome)
        screen.reads("Ann", CHECKIN)
        assert screen.count(".phone.shown") == 1
        screen.tap("Ann", "2")
        screen.reads("Ann", "sleep 2")
        screen.say("Ann", "chest pain")
        screen.wait('[data-tab="Kim"].lit .badge', "1")
        assert not screen.count('[data-tab="Ann"].lit'), "what one looks at does not ring"
        screen.press('[data-tab="Kim"]')
        screen.reads("Kim", "sleep ")
        assert not screen.count('[data-tab="Kim"].lit')
        for width in (390, 360):
            chrome.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 780, "deviceScaleFactor": 2, "mobile": True},
            )
            wide = (
                "return [...document.querySelectorAll('main *, .bar *, .tabs *')].filter(one => one.checkVisibility()"
            )
            sticks_out = f"{wide} && one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML)"
            assert chrome.execute_script(sticks_out) == []
            scrolls = "return [...document.querySelectorAll('pre')].map(one => one.scrollWidth > one.clientWidth)"
            assert chrome.execute_script(scrolls) == [False], "the week table fits"
        screen.tap("Kim", "I have it")
        screen.press('[data-tab="Ann"]')
        screen.reads("Ann", TAKEN)
        screen.no_errors()


def test_kims_day_from_the_list_on_a_phone_at_night(address: str, tmp_path: Path) -> None:
    """What needs a coach, and each thing that can be done about it; then a concern until it is closed."""
    burnt, missed = "burnt out, i do not eat much", "i have missed my periods for four months"
    with opened(390, 844, touch=True, dark=True) as chrome:
        chrome.get(address)
        screen = Screen(chrome)
        ben_joins(screen)
        screen.say("Ben", missed)
        screen.reads("Ben", "This flags for Kim, and stands on the list")
        screen.pick_up("Ann")
        screen.reads("Ann", CHECKIN)
        screen.say("Ann", burnt)
        screen.reads("Ann", "This flags for Kim, and stands on the list")
        screen.say("Ann", "I'm ill")
        screen.tap("Ann", "Below the neck")
        screen.reads("Ann", "Eased, and held until Kim has looked:")

        screen.pick_up("Kim")
        screen.say("Kim", "/today")
        screen.reads("Kim", "2 need you.")
        screen.reads("Kim", "Ann: eating too little")
        screen.shot(tmp_path / "list.png")
        assert screen.sticks_out() == []
        screen.tap("Kim", "Tomorrow", under=missed)
        screen.reads("Kim", "Ben: tomorrow. It stays in /queue")
        screen.tap("Kim", "Approve", under=burnt)
        screen.reads("Kim", "✅ Approved · Ann")
        screen.tap("Kim", "Call", under="Ann: eating too little")
        screen.tap("Kim", "I have called")
        screen.reads("Kim", "Kept: you called Ann")
        screen.tap("Kim", "Write to them", under=burnt)
        screen.reads("Kim", "Your next message goes to Ann")
        screen.say("Kim", "Rest, and eat. I come by tonight.")
        screen.pick_up("Ann")
        screen.reads("Ann", "Kim has looked, and agrees:")
        assert screen.reads("Ann", "Rest, and eat. I come by tonight.").startswith("Kim:")

        screen.press('[data-clock="next morning"]')
        screen.pick_up("Kim")
        screen.reads("Kim", "Good morning, Kim. 1 needs you.")
        screen.tap("Kim", "Ease", under=missed)
        screen.reads("Kim", "Ben has nothing hard planned")
        screen.tap("Kim", "I have it", under=missed)
        screen.reads("Kim", "yours since 07:0")
        screen.tap("Kim", "Note", under=missed)
        screen.reads("Kim", "Your next message is kept as a note")
        screen.say("Kim", "sees her doctor on Tuesday")
        screen.reads("Kim", "Noted on Ben")
        screen.tap("Kim", "Handled", under=missed)
        screen.reads("Kim", "is handled. In a line, if you like")
        screen.tap("Kim", "Close it", under=missed)
        screen.reads("Kim", "Closed: Ben")
        screen.say("Kim", "/roster")
        screen.wait('[data-phone="Kim"] .picture')
        screen.reads("Kim", "Two weeks of your athletes.")
        screen.shot(tmp_path / "roster.png")
        assert screen.sticks_out() == []
        screen.pick_up("Ben")
        screen.reads("Ben", "Kim has your words and has taken this on")
        screen.no_errors()


def ten_minutes(screen: Screen) -> None:
    """Else the limit of a group, twenty messages a minute, has to be waited for."""
    screen.press("[data-clock='+10 min']")
    screen.wait("[data-clock='+10 min']:not([aria-busy])", "+10 min")


@pytest.mark.long
def test_kims_group_has_a_topic_for_each_athlete_until_a_guest_is_let_in(screen: Screen, tmp_path: Path) -> None:
    ben_joins(screen)
    screen.reads("Ann", CHECKIN)
    screen.does("Kim", "group")
    screen.turn_to("Kim", "General")
    screen.reads("Kim", "Coaches of the club can have a topic here")
    screen.say("Kim", "/link")
    screen.reads("Kim", "I look at who is in this group")
    screen.turn_to("Kim", "Aid Station")
    screen.reads("Kim", "Everybody in it reads what your athletes write")
    screen.tap("Kim", "Link it")
    for athlete in ("Ann", "Ben"):
        screen.reads(athlete, "From now on Kim reads your words in a group")

    screen.say("Ann", "chest pain and I feel dizzy")
    assert screen.reads("Ann", PAGED).startswith("Stop now. Call 999")
    screen.say("Ben", "my shin burns at night, every night")
    screen.wait('[data-phone="Kim"] [data-room="Ann"] .badge', "1")
    screen.turn_to("Kim", "Ann")
    screen.reads("Kim", "chest pain and I feel dizzy")
    screen.tap("Kim", "I have it")
    screen.reads("Ann", TAKEN)
    ten_minutes(screen)
    screen.reads("Kim", "Kim has #")
    screen.say("Kim", "Sit down, I call you")
    screen.reads("Ann", "Sit down, I call you")
    screen.say("Ann", "ok, sitting down now")
    screen.reads("Kim", "ok, sitting down now")
    screen.shot(tmp_path / "topic.png")
    screen.turn_to("Kim", "Ben")
    screen.reads("Kim", "my shin burns at night")
    screen.say("Kim", "No running until I have seen it")
    screen.reads("Ben", "No running until I have seen it")
    for words, whose, other in (("Sit down", "Ann", "Ben"), ("No running until I have", "Ben", "Ann")):
        assert words in screen.wait(f'[data-phone="{whose}"] .chat')
        assert words not in screen.wait(f'[data-phone="{other}"] .chat')

    screen.turn_to("Kim", "Ann")
    screen.does("Kim", "delete")
    screen.wait('[data-phone="Kim"] .role', "coach")
    assert not screen.count('[data-phone="Kim"] [data-room="Ann"]')
    screen.say("Ann", "it is better now")
    screen.turn_to("Kim", "Ann")
    assert "it is better now" in screen.reads("Kim", "The topic of Ann was gone, so this is a new one.")

    ten_minutes(screen)
    screen.turn_to("Kim", "General")
    screen.chrome.find_element(By.CSS_SELECTOR, '[data-phone="Kim"] textarea').send_keys("Ben")
    screen.does("Kim", "let_in")
    screen.reads("Kim", "Somebody is here who is no coach of the club.")
    screen.shot(tmp_path / "guest.png")
    screen.say("Ann", "and dizzy again")
    screen.turn_to("Kim", "Aid Station")
    screen.reads("Kim", "Ben is in your group, and no coach of the club.")
    screen.reads("Kim", "and dizzy again")
    screen.turn_to("Ben", "Ann")
    assert "and dizzy again" not in screen.wait('[data-phone="Ben"] .chat', "it is better now")
    assert screen.sticks_out() == []
    screen.no_errors()
