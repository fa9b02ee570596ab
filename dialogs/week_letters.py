"""What a coach would write to an athlete after this week: a draft, of facts and of the athlete's own words alone.

Theory of operation
-------------------
TOPICS is a table, in the order of what matters: the first that fits is what the letter is about. A topic is `heavy`
where something weighs. After a heavy one only another heavy one may follow, and nothing cheers; a light letter may take
a second light topic. Then comes what lies ahead, and at most one quote: the words that speak of the topic, else those
that say most, and always letter for letter.

Here is what is said; how it is said stands in the texts (`coach_week.say_<topic>`), each in several wordings, of which
the numbers `pick` and `turn` choose: both move on by one each week, so that no sentence comes twice running, and they
differ between athletes, so that no two compare notes and find the same letter.

What somebody wrote is answered, or it is not quoted: words beside which a letter speaks of something else read as if
nobody had listened. Nothing is praised that may not have been so: a week went as it was laid out only where each
session did, and where words tell of more than was planned, that is what the letter is about.

A letter is a proposal to the coach, who sends, edits or drops it; where something urgent was said there is none, since
then a human's own words are due.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from dialogs import planning, render
from dialogs.levels import Level
from dialogs.model import Json, Person, Plan, Session
from dialogs.plan import HARD, RUNS, effort, load
from dialogs.summary import Quote, Week

LASTING = 4  # days from the first to the last telling of a pain
SHORT_NIGHT = 6.0  # hours
RACE_SOON = 10  # days
HARDER = 2  # sessions harder than meant: of one the effort says nothing, its noise is too large
SILENT_OF = 3  # asked so often, and not one answer
_DAY = timedelta(days=1)
_URGENT = tuple(level.value for level in Level if level >= Level.TODAY)  # never quoted back to whoever wrote it


@dataclass(frozen=True, slots=True)
class Topic:
    """`alone`: nothing is said beside it. `about`: words that speak of it; where `on` names dates, of these alone.
    `answers`: its text is an answer to those words, and stands nowhere without them."""

    name: str
    fits: Callable[[Week], bool]
    heavy: bool = False
    alone: bool = False
    about: str = ""
    on: Callable[[Week], Collection[date]] | None = None
    answers: bool = False


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


def _easing(week: Week) -> bool:
    pain = _first_pain(week)
    return len(pain) > 1 and 0 < pain[-1][1] < pain[0][1] and pain[-1][1] == min(level for _, level in pain)


def _lasting(week: Week) -> bool:
    pain = _first_pain(week)
    return len(pain) > 1 and pain[-1][1] > 0 and (pain[-1][0] - pain[0][0]).days + 1 >= LASTING


def _low(*items: str) -> Callable[[Week], set[date]]:
    """The dates on which one of these was low."""
    return lambda week: {day for item in items for day in week.low.get(item, ())}


_mind, _worn = _low("mood", "stress"), _low("fatigue", "soreness")


def _is_worn(week: Week) -> bool:
    """Not fresh twice, or sore and not fresh on three days: sore once after hills is what hills are for."""
    return len(week.low.get("fatigue", ())) >= 2 or len(_worn(week)) >= 3


def _good_long(week: Week) -> bool:
    if week.long is None:
        return False
    session, felt = week.long
    return felt is None or felt <= effort(session)


def _says(week: Week, about: str) -> bool:
    return any(_speaks(one, about) for one in week.quotes)


def _speaks(quote: Quote, about: str) -> bool:
    return re.search(rf"\b(?:{about})", quote.words, re.IGNORECASE) is not None


_PAIN = (
    r"pain|hurt|sore|ache|niggle|tight|stiff|shin|knee|calf|achilles|hip|foot|ankle|groin|hamstring|back|roll|twist"
    r"|sprain|strain|limp|heel|tendon|stairs|first steps"
)
_SLEEP = r"slee|slept|night|awake|tired|insomnia|nap|up (?:\w+ )?times|teeth|woke"
_MIND = (
    r"stress|work|boss|deadline|anx|worr|sad|down|cry|fight|alone|head|mood|too much|exam|argu|lonely|afraid|scared"
    r"|motivat|bother|could ?n.t|could not|cannot|can.t|hate|fat\b|guilt|point of|who i am|worthless|give up"
)
_LIFE = (
    r"work|kid|child|family|school|shift|travel|meeting|deadline|late|time|sick|nursery|daycare|boss|exam|house"
    r"|chicken ?pox"
)
_RACE = r"rac(?:e|ing)|start line|finish|bib|course|taper|nerv"
_RUN = r"long|run|hill|trail|legs|felt|easy|pace|km|mile|climb"
MORE = (
    r"(?:ten|five|two|three|one|some|a few|\d+) more|added|extra|instead of \d|twice as|kept going|could ?n.t stop"
    r"|could not stop|more than (?:planned|written|you wrote)|gym twice|twice today|doubled|second session"
)
UNEASY = (
    r"afraid|scared|frighten|anxious|ashamed|embarrass|shouted (?:something|at)|shouting at|follow(?:ed|ing) me"
    r"|star(?:ed|ing) at|look(?:s|ed|ing)? at me|laugh\w* at|what if|i don.t belong"
    r"|everybody (?:is|looks|stares|else is)"
)

TOPICS = (
    Topic("silent", lambda week: week.asked >= SILENT_OF and not week.answered and not week.quotes, True, True),
    Topic("injured", lambda week: "injured" in week.said, True, about=_PAIN),
    Topic("weighs", lambda week: any(map(_weighs, week.quotes)), True, True, answers=True),
    Topic("ill", lambda week: week.ill, True, about=r"ill|sick|fever|cold|flu|throat|cough|bed"),
    Topic("pain_rising", _rising, True, about=_PAIN),
    Topic("pain_easing", _easing, True, about=_PAIN),
    Topic("pain_lasting", _lasting, True, about=_PAIN),
    Topic("pain", lambda week: week.worst_pain >= 3 and not _settled(week), True, about=_PAIN),
    Topic("raced", lambda week: week.raced is not None, alone=True, about=_RACE),
    Topic("more", lambda week: _says(week, MORE), True, about=MORE, answers=True),
    Topic("mind", lambda week: len(_mind(week)) >= 2, True, about=_MIND, on=_mind),
    Topic("nights", lambda week: len(_nights(week)) >= 2, True, about=rf"{_SLEEP}|{_LIFE}", on=_nights),
    Topic("worn", _is_worn, True, about=rf"{_SLEEP}|{_LIFE}|heavy|empty|legs|dead", on=_worn),
    Topic("body", lambda week: bool(week.why.get("body")), True, about=_PAIN),
    Topic("head", lambda week: bool(week.why.get("head")), True, about=_MIND),
    Topic("uneasy", lambda week: _says(week, UNEASY), True, about=UNEASY, answers=True),
    Topic("pain_gone", lambda week: _settled(week) and week.worst_pain >= 2, about=_PAIN),
    Topic("pain_slight", lambda week: 0 < week.worst_pain < 3 and not _settled(week), about=_PAIN),
    Topic("race", lambda week: week.race is not None and _until(week) <= RACE_SOON, about=_RACE),
    Topic("away", lambda week: "away" in week.said, about=_LIFE),
    Topic("busy", lambda week: bool(week.why.get("life")) or "busy" in week.said, about=_LIFE),
    Topic("harder", lambda week: week.harder >= HARDER),
    Topic("long", _good_long, about=_RUN),
    Topic("steady", lambda week: week.done + week.changed >= 2, about=_RUN),
    Topic("said", lambda week: bool(week.quotes)),
    Topic("plain", lambda week: True),
)


def _weighs(quote: Quote) -> bool:
    """Words about how somebody is, that a human had to hear. A pain has topics of its own; and that something flagged
    is not enough: what is said of it here must stand in the words."""
    return quote.record.value == Level.CONCERN.value and _speaks(quote, _MIND) and not _speaks(quote, _PAIN)


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
        if one.heavy == first.heavy
        and not one.alone
        and _kind(one) != _kind(first)
        and one.name not in _FALLBACKS
        and not (one.answers and first.answers)
    ]
    return first, None if first.alone else next(iter(rest), None)


# Of these a quote is thanked for; beside a pain, or what was done too much, thanks would sound like praise.
WARM = ("weighs", "uneasy", "mind", "nights", "worn", "head", "ill", "injured")
_FALLBACKS = ("steady", "said", "plain")  # nothing to say beside something else


def _kind(topic: Topic) -> str:
    return topic.name.partition("_")[0]


def quote_of(week: Week, first: Topic, second: Topic | None) -> tuple[Quote | None, str]:
    """The words that speak of the first topic, or else of the second; else, in a light letter, those that say most.
    And what they belong to: "first", "second", "free" (neither: then they get an answer of their own)."""
    quotes = [one for one in week.quotes if one.record.value not in _URGENT]
    places = [("first", first), ("second", second)]
    if second is not None and second.answers and not first.answers:
        places.reverse()
    for place, topic in places:
        if topic is not None:
            found = next((one for one in quotes if _belongs(week, topic, one)), None)
            if found is not None:
                return found, place
    free = [one for one in quotes if not _weighs(one)]
    return (None, "free") if first.heavy or week.bad else (next(iter(free), None), "free")


def _belongs(week: Week, topic: Topic, quote: Quote) -> bool:
    """Whether it speaks of that: by its words, and of a run also by its day."""
    if topic.name == "weighs":
        return _weighs(quote)
    if topic.name == "long" and week.long is not None:
        return quote.day == week.long[0].day
    if topic.name == "raced" and week.raced is not None:
        return quote.day >= week.raced.day
    if topic.on is not None and quote.day not in topic.on(week):
        return False
    return bool(topic.about) and _speaks(quote, topic.about)


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
    quote, quote_of_what = quote_of(week, first, second)
    key = key_session(plan, week.last)
    place, pain = next(iter(week.pains.items()), ("", ()))
    felt = week.long[1] if week.long else None
    nights = sorted(_nights(week))
    held = any(one.held for one in plan.between(week.last + _DAY, week.last + 7 * _DAY))
    return {
        "first_name": athlete.name.split()[0] if athlete.name.split() else athlete.name,
        "pick": pick,
        "turn": pick + athlete.id // 3,
        "topic": first.name,
        "second": second.name if second is not None else None,
        "heavy": first.heavy or week.bad,
        "grave": first.heavy,
        "quote": {"words": quote.words, "more": quote.more, "weekday": quote.day.weekday()} if quote else None,
        "quoted": quote_of_what if quote else None,
        "warm": quote is not None and (second if quote_of_what == "second" and second else first).name in WARM,
        "place": place,
        "pain_from": _told(pain[0]) if pain else None,
        "pain_to": _told(pain[-1]) if pain else None,
        "pain_worst": week.worst_pain,
        "pain_days": (pain[-1][0] - pain[0][0]).days + 1 if pain else 0,
        "nights": [day.weekday() for day in nights],
        "mind": [day.weekday() for day in sorted(_mind(week))],
        "worn": [day.weekday() for day in sorted(_worn(week))],
        "done": week.done + week.changed,
        "planned": week.planned,
        "whole": week.planned > 0 and week.done == week.planned and not week.changed and not week.bad,
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


def _told(pain: tuple[date, float]) -> dict[str, Json]:
    return {"weekday": pain[0].weekday(), "level": pain[1]}


def letter(week: Week, athlete: Person, plan: Plan, language: str) -> str:
    """The draft, as it would be sent. It is put into words here and kept so: what the coach has read is what leaves."""
    pick = week.last.toordinal() // 7 + athlete.id  # not the number of the week: that begins anew each year
    return render.plain(render.text(language, "coach_week.letter", facts(week, athlete, plan, pick)))


NAMES: Mapping[str, Topic] = {one.name: one for one in TOPICS}
