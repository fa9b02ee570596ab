"""What people read after a backup was restored, and what is not said a second time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dialogs.events import Due
from tests.dialogs.talk import ANN, DANA, KIM, SEVEN, Talk


def begin() -> Talk:
    return Talk()


@pytest.fixture
def talk() -> Talk:
    return begin()


def unsure(talk: Talk, kind: str, whose: int) -> Talk:
    """The wakeups of this kind as a restore leaves them: up to now they may have rung already."""
    for key, (id, wakeup) in talk.club.wakeups.items():
        if wakeup.kind == kind and id == whose:
            data = {**wakeup.data, "lost_until": talk.now.isoformat()}
            talk.club.wakeups[key] = (id, replace(wakeup, data=data))
    return talk


def planned(talk: Talk) -> datetime:
    return next(wakeup.at for id, wakeup in talk.club.wakeups.values() if wakeup.kind == "checkin" and id == ANN)


def told(talk: Talk, who: int, days: int) -> Talk:
    hours = {"since": (SEVEN - timedelta(days=days)).isoformat(), "until": SEVEN.isoformat()}
    return talk.takes(Due("restored", f"restored:{who}", None, hours), who)


def test_everybody_is_told_from_when_to_when_in_their_own_time(talk: Talk) -> None:
    told(talk, ANN, 1).reads(
        ANN, "a copy of 31 May, 07:00. What was written between then and 1 June, 07:00 is not here"
    )
    assert "Pages" not in talk.last(ANN).text
    told(talk, KIM, 0).reads(KIM, "a copy of 1 June, 08:00. What was written between then and 08:00 is not here")
    talk.reads(KIM, "Pages of that time are not known to me, nor who has them.")


def test_a_check_in_that_may_have_been_asked_is_not_asked_and_the_next_one_is_planned(talk: Talk) -> None:
    talk.at("07:35", asleep=True)
    unsure(talk, "checkin", ANN).wakes("checkin", of=ANN).nobody_reads(ANN)
    assert planned(talk) == SEVEN + timedelta(days=1, minutes=30)


def test_one_from_days_ago_does_not_make_todays_be_asked(talk: Talk) -> None:
    talk.after(days=2, hours=1, asleep=True)
    unsure(talk, "checkin", ANN).wakes("checkin", of=ANN).nobody_reads(ANN)
    assert planned(talk) == SEVEN + timedelta(days=3, minutes=30)


def test_a_list_that_may_have_been_read_waits_for_the_next_morning(talk: Talk) -> None:
    talk.says("i have missed my periods for four months").after(days=1, asleep=True)
    unsure(talk, "list", KIM).wakes("list", of=KIM).nobody_reads(KIM)
    talk.after(days=1).kim_reads("1 needs you")


def test_a_rung_that_may_have_been_read_is_marked_and_so_are_all_later_ones(talk: Talk) -> None:
    talk.says("chest pain").kim_reads("NOW")
    unsure(talk, "page", ANN)
    pages = []
    for _ in range(3):
        pages += [one for one in talk.wakes("page").outcome.messages if one.text == "coach.page"]
    assert [one.to for one in pages] == [KIM, KIM, DANA, KIM, DANA] and all(one.repeat for one in pages)


def test_a_rung_of_an_ordinary_club_is_no_repeat(talk: Talk) -> None:
    talk.says("chest pain").wakes("page")
    assert not [one for one in talk.outcome.messages if one.repeat]
