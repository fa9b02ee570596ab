"""What a coach would write to an athlete after this week: a draft, of facts and of the athlete's own words alone.

Theory of operation
-------------------
TOPICS is a table, in the order of what matters: the first that fits is what the letter is about. A topic is `heavy`
where something weighs. After a heavy one only another heavy one may follow, and nothing cheers; a light letter may take
a second light topic. Then comes what lies ahead, and at most one quote: the words that speak of the topic, else those
that say most, and always letter for letter.

Here is what is said; how it is said stands in the texts (`coach_week.say_<topic>`), each in several wordings, of which
the number `pick` chooses: it moves on each week, and differs between athletes, so that nobody reads the same letter
twice running and no two athletes compare notes and find one.

A letter is a proposal to the coach, who sends, edits or drops it; where something urgent is open there is none, because
then a human's own words are due.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dialogs import planning, render
from dialogs.model import Json, Person, Plan, Session
from dialogs.plan import HARD, RUNS, effort, load
from dialogs.summary import Quote, Week

LASTING = 4  # days from the first to the last telling of a pain
SHORT_NIGHT = 6.0  # hours
RACE_SOON = 10  # days
SILENT_OF = 3  # asked so often, and not one answer
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Topic:
    """`alone`: nothing is said beside it. `about`: words that speak of it."""

    name: str
    fits: Callable[[Week], bool]
    heavy: bool = False
    alone: bool = False
    about: str = ""


def _nights(week: Week) -> set[date]:
    short = {day for day, hours in week.hours.items() if hours < SHORT_NIGHT}
    return short | set(week.low.get("sleep", ()))


def _first_pain(week: Week) -> tuple[tuple[date, float], ...]:
    return next(iter(week.pains.values()), ())


def _settled(week: Week) -> bool:
    pain = _first_pain(week)
    return len(pain) > 1 and pain[-1][1] == 0


def _rising(week: Week) -> bool:
    pain = _first_pain(week)
    return len(pain) > 1 and pain[-1][1] > pain[0][1] and pain[-1][1] >= 3


def _lasting(week: Week) -> bool:
    pain = _first_pain(week)
    return len(pain) > 1 and pain[-1][1] > 0 and (pain[-1][0] - pain[0][0]).days + 1 >= LASTING


def _days(week: Week, *items: str) -> int:
    return len({day for item in items for day in week.low.get(item, ())})


def _good_long(week: Week) -> bool:
    if week.long is None:
        return False
    session, felt = week.long
    return felt is None or felt <= effort(session) + 1


_PAIN = (
    r"pain|hurt|sore|ache|niggle|tight|stiff|shin|knee|calf|achilles|hip|foot|ankle|groin|hamstring|back|roll|twist"
    r"|sprain|strain|limp"
)
_SLEEP = r"slee|slept|night|awake|tired|insomnia|nap"
_MIND = (
    r"stress|work|boss|deadline|anx|worr|sad|down|cry|fight|alone|head|mood|too much|exam|argu|lonely|afraid|scared"
    r"|motivat|bother|could ?n.t|could not|cannot|can.t"
)
_LIFE = r"work|kid|child|family|school|shift|travel|meeting|deadline|late|time|sick|nursery|daycare|boss|exam|house"
_RACE = r"rac(?:e|ing)|start line|finish|bib|course|taper|nerv"
_RUN = r"long|run|hill|trail|legs|felt|easy|pace|km|mile|climb"

TOPICS = (
    Topic("silent", lambda week: week.asked >= SILENT_OF and not week.answered and not week.quotes, True, True),
    Topic("injured", lambda week: "injured" in week.said, True, about=_PAIN),
    Topic("ill", lambda week: week.ill, True, about=r"ill|sick|fever|cold|flu|throat|cough|bed"),
    Topic("pain_rising", _rising, True, about=_PAIN),
    Topic("pain_lasting", _lasting, True, about=_PAIN),
    Topic("pain", lambda week: week.worst_pain >= 3 and not _settled(week), True, about=_PAIN),
    Topic("mind", lambda week: _days(week, "mood", "stress") >= 2, True, about=_MIND),
    Topic("nights", lambda week: len(_nights(week)) >= 2, True, about=_SLEEP),
    Topic("worn", lambda week: _days(week, "fatigue", "soreness") >= 2, True, about=rf"{_SLEEP}|heavy|empty|legs|dead"),
    Topic("body", lambda week: bool(week.why.get("body")), True, about=_PAIN),
    Topic("head", lambda week: bool(week.why.get("head")), True, about=_MIND),
    Topic("pain_gone", lambda week: _settled(week) and week.worst_pain >= 2, about=_PAIN),
    Topic("pain_slight", lambda week: 0 < week.worst_pain < 3 and not _settled(week), about=_PAIN),
    Topic("raced", lambda week: week.raced is not None, alone=True, about=_RACE),
    Topic("race", lambda week: week.race is not None and _until(week) <= RACE_SOON, about=_RACE),
    Topic("away", lambda week: "away" in week.said, about=_LIFE),
    Topic("busy", lambda week: bool(week.why.get("life")) or "busy" in week.said, about=_LIFE),
    Topic("harder", lambda week: week.harder > 0, about=_RUN),
    Topic("long", _good_long, about=_RUN),
    Topic("steady", lambda week: week.done + week.changed >= 2, about=_RUN),
    Topic("said", lambda week: bool(week.quotes)),
    Topic("plain", lambda week: True),
)


def _until(week: Week) -> int:
    return (week.race.day - week.last).days if week.race is not None else 10**6


# --- choosing -------------------------------------------------------------------------------------------------------


def chosen(week: Week) -> tuple[Topic, Topic | None]:
    """What the letter is about, and what else may be said."""
    fit = [one for one in TOPICS if one.fits(week)]
    first = fit[0]
    rest = [
        one
        for one in fit[1:]
        if one.heavy == first.heavy and not one.alone and _kind(one) != _kind(first) and one.name not in _FALLBACKS
    ]
    return first, None if first.alone else next(iter(rest), None)


_FALLBACKS = ("steady", "said", "plain")  # nothing to say beside something else


def _kind(topic: Topic) -> str:
    return topic.name.partition("_")[0]


def quote_of(week: Week, first: Topic, second: Topic | None) -> tuple[Quote | None, bool]:
    """The words that speak of the first topic, or else of the second (then True); else, in a light letter, those that
    say most. A heavy letter quotes nothing beside its point."""
    for topic in (first, second):
        if topic is not None and topic.about:
            about = re.compile(rf"\b(?:{topic.about})", re.IGNORECASE)
            found = next((one for one in week.quotes if about.search(one.words)), None)
            if found is not None:
                return found, topic is second
    return (None if first.heavy or week.bad else next(iter(week.quotes), None)), False


def key_session(plan: Plan, last: date) -> Session | None:
    """What the next seven days are about: a race, else the hardest session."""
    ahead = [one for one in plan.between(last + _DAY, last + 7 * _DAY) if one.kind in RUNS]
    return max(
        (one for one in ahead if one.kind in HARD), key=lambda one: (one.kind == "race", load(one)), default=None
    )


# --- the letter -----------------------------------------------------------------------------------------------------


def facts(week: Week, athlete: Person, plan: Plan, pick: int) -> dict[str, Json]:
    """All that its text may name."""
    first, second = chosen(week)
    quote, of_second = quote_of(week, first, second)
    key = key_session(plan, week.last)
    place, pain = next(iter(week.pains.items()), ("", ()))
    felt = week.long[1] if week.long else None
    nights = sorted(_nights(week))
    held = any(one.held for one in plan.between(week.last + _DAY, week.last + 7 * _DAY))
    return {
        "first_name": athlete.name.split()[0] if athlete.name.split() else athlete.name,
        "pick": pick,
        "topic": first.name,
        "second": second.name if second is not None else None,
        "heavy": first.heavy or week.bad,
        "quote": {"words": quote.words, "more": quote.more, "weekday": quote.day.weekday()} if quote else None,
        "quote_second": of_second,
        "place": place,
        "pain_from": _told(pain[0]) if pain else None,
        "pain_to": _told(pain[-1]) if pain else None,
        "pain_worst": week.worst_pain,
        "pain_days": (pain[-1][0] - pain[0][0]).days + 1 if pain else 0,
        "nights": [day.weekday() for day in nights],
        "mind": _weekdays(week, "mood", "stress"),
        "worn": _weekdays(week, "fatigue", "soreness"),
        "done": week.done + week.changed,
        "planned": week.planned,
        "missed": week.missed,
        "why": dict(week.why),
        "harder": week.harder,
        "long": planning.facts(week.long[0]) if week.long else None,
        "felt": felt,
        "raced": planning.facts(week.raced) if week.raced else None,
        "race": planning.facts(week.race) if week.race else None,
        "race_in": _until(week) if week.race else None,
        "asked": week.asked,
        "answered": week.answered,
        "key": planning.facts(key) if key else None,
        "today": week.last.weekday(),
        "held": held,
    }


def _weekdays(week: Week, *items: str) -> list[int]:
    return [day.weekday() for day in sorted({day for item in items for day in week.low.get(item, ())})]


def _told(pain: tuple[date, float]) -> dict[str, Json]:
    return {"weekday": pain[0].weekday(), "level": pain[1]}


def letter(week: Week, athlete: Person, plan: Plan, language: str) -> str:
    """The draft, as it would be sent. It is put into words here and kept so: what the coach has read is what leaves."""
    pick = week.last.isocalendar().week + athlete.id
    return render.plain(render.text(language, "coach_week.letter", facts(week, athlete, plan, pick)))


NAMES: Mapping[str, Topic] = {one.name: one for one in TOPICS}
