"""A plan for the transcripts: Ann's week from Monday, 1 June 2026, and how days are named in them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from dialogs.model import Session
from tests.dialogs.talk import Talk

MON = date(2026, 6, 1)
TUE, WED, THU, FRI, SAT, SUN = (MON + timedelta(days=n) for n in range(1, 7))


def session(id: str, day: date, kind: str = "easy", **fields: Any) -> Session:
    return Session(id, day, kind, **fields)


WEEK = (
    session("mon", MON, minutes=40, effort=3, text="flat, no watch"),
    session("tue", TUE, "speed", minutes=50, effort=8),
    session("wed", WED, minutes=40, effort=3),
    session("thu", THU, "strength", minutes=30, effort=5, form="bodyweight"),
    session("sat", SAT, "long", minutes=100, effort=5),
    session("next", MON + timedelta(days=8), "hills", minutes=50, effort=7, descent=150),
)


def begin() -> Talk:
    """Monday, seven in London; Ann has a plan."""
    return Talk().plans(*WEEK)


def bad_night(talk: Talk, hours: str) -> Talk:
    """The check-in of the next morning, after so many hours of sleep, and nothing else in it."""
    return talk.at("07:30").taps("2").taps(hours).taps("That is all for today")
