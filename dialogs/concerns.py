"""The life of a concern: what it is about, what joins it, what opens it again, and how it stands.

Theory of operation
-------------------
    open --"I have it"--> acked --something came of it--> handled --"close it"--> closed
      ^                     |                                |                       |
      +---------------------+-------- a new symptom ---------+----- (14 days) -------+

A concern is an escalation (dialogs.model.Escalation) seen over days. An athlete has at most one that is not closed for
each topic: further words of the topic join it, and the coach sees how it goes (the numbers of a pain with their days,
else how often in how many days) in place of ten lines that say the same. The bot never ends one, and never lowers one
that nobody has dealt with.

A new symptom of the topic while a human has it, or within 14 days after it was closed, opens the same one again: the
same short id, a new round, and it has to be taken again. What was closed begins at the level of what is said now, since
a human has ended what was before. What somebody has, and nothing came of, keeps the higher of the two levels.

"I have it" is not the end of a worry. Where nothing has come of it within the time of its level, the owner is asked
again, in waking hours (`ask_later`; the asking stands in `owning`). Each such wakeup has a number, and only the last
one counts: pressing a button makes the older ones void without looking for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from dialogs import timing
from dialogs.draft import Draft
from dialogs.levels import Level
from dialogs.model import Escalation, Json, Person, Round
from dialogs.rules.book import shipped
from dialogs.words import aches
from dialogs.words.aches import Ache

RULE = "rule_"  # what a rule has flagged: with its id behind it
REOPENS = timedelta(days=14)  # after it was closed; storage loads them for an athlete's turn
NUMBERS = 7  # of a pain that are shown, the newest

PAIN, UNREAD, SILENT, DRILL, OTHER = "pain", "unread", "silent", "drill", "other"
TOPICS: Mapping[str, str] = {
    PAIN: "pain-bone pain-high pain-stride pain-unsaid bone groin-limp pain-over-five lasting-niggle pain-growing "
    "broken back-nerve foot-drop cauda-equina sounds-pain",
    "body": "not-breathing chest breathing fainting-now fainting confusion bleeding allergy head-injury "
    "head-injury-signs dark-urine black-stool after-ultra clot sounds-cardiac sounds-heat race-head race-stomach",
    "illness": "ill fever-hard sounds-illness",
    "mind": "crisis suicidal self-harm overdose violence-at-home crisis-near hopeless burnout grief sounds-crisis "
    "sounds-mood sounds-stress",
    "food": "under-fuelling missed-periods sounds-fuelling sounds-cycle",
    "medicine": "painkillers new-medicine sounds-medication",
    "asked": "asked",
    UNREAD: "unread unscreened language too-long",
    "blocked": "blocked",
    SILENT: "silent silent-call silent-back",
    DRILL: "drill",
}
FAMILIES: Mapping[str, str] = {  # of rules: a file of the rule book is about one thing
    "pain": PAIN, "illness": "illness", "load": "sleep", "life": "plan", "placement": "plan", "return": "plan",
    "race": "plan", "health": "health",
}  # fmt: skip
_TOPIC = {flag: topic for topic, flags in TOPICS.items() for flag in flags.split()}
_PLACE = {"groin-limp": "groin", "back-nerve": "back", "cauda-equina": "back", "foot-drop": "foot"}

WAITS: Mapping[Level, timedelta] = {
    Level.NOW: timedelta(hours=1), Level.TODAY: timedelta(hours=4), Level.CONCERN: timedelta(days=2),
}  # fmt: skip  # until the owner is asked what has come of it
ASK = "unhandled"  # the kind of that wakeup


# --- what it is about -----------------------------------------------------------------------------------------------


def topic_of(flag: str, words: str = "", ache: Ache | None = None) -> str:
    """What a flag is about. A pain is told apart by its place ("pain:shin"): of `ache`, else as the words name it;
    "pain" alone where no place is known."""
    if flag.startswith(RULE):
        rule = shipped().find(flag.removeprefix(RULE))
        topic = FAMILIES.get(rule.family, OTHER) if rule else OTHER
    else:
        flag = flag.replace("_", "-")
        topic = _TOPIC.get(flag, OTHER)
    if topic != PAIN:
        return topic
    place = ache.place if ache is not None else aches.read(words).place
    place = place or _PLACE.get(flag)
    return f"{PAIN}:{place}" if place else PAIN


def topic(one: Escalation) -> str:
    """Also of rows from before there were topics."""
    return one.topic or topic_of(one.flag, one.words)


def is_pain(topic: str) -> bool:
    return topic.partition(":")[0] == PAIN


def score_of(topic: str, flag: str, words: str, ache: Ache | None) -> int | None:
    """0..10, where a pain was given a number today. The words beside a rule may be yesterday's."""
    if ache is not None and is_pain(topic):
        return ache.score
    return aches.read(words).score if is_pain(topic) and not flag.startswith(RULE) else None


def told_in(facts: Mapping[str, Json]) -> Ache | None:
    """The first pain in the evidence of a rule; None where the rule is about none."""
    told = next(iter(facts.get("pains") or ()), None)
    if told is None:
        return None
    return Ache(place=aches.read(str(told["where"])).place, score=int(told["level"]))


def of_topic(mine: Iterable[Escalation], topic_: str) -> Escalation | None:
    """Which of an athlete's own new words of this topic belong to: what is not closed, else the last one closed. A
    drill is over when it is closed; the next one is another."""
    found = [one for one in mine if topic(one) == topic_ and (one.closed_at is None or topic_ != DRILL)]
    return max(found, key=lambda one: (one.closed_at is None, one.raised_at), default=None)


# --- how it stands --------------------------------------------------------------------------------------------------


def state(one: Escalation) -> str:
    """open, acked, handled or closed."""
    if one.closed_at is not None:
        return "closed"
    if one.acked_at is None:
        return "open"
    return "handled" if one.handled_at is not None else "acked"


def sighted(one: Escalation, day: date, score: int | None) -> Escalation:
    """It was told on this date of the athlete's. Of a day the worst number of a pain counts."""
    seen = dict(one.seen)
    known = [number for number in (seen.get(day), score) if number is not None]
    seen[day] = max(known, default=None)
    return replace(one, seen=tuple(sorted(seen.items())))


def felt(draft: Draft, ache: Ache) -> None:
    """A pain was answered that nobody needs to hear of by itself: where a concern about it is not closed, its trend
    shall have this number too, or a pain that settles would look as if nobody had asked."""
    one = of_topic(draft.escalations(), f"{PAIN}:{ache.place}")
    if one is not None and one.athlete_id == draft.person.id and ache.score is not None:
        sight = sighted(one, draft.today, ache.score)
        if sight != one:
            draft.put(sight)


def reopened(one: Escalation, level: Level, flag: str, now: datetime) -> Escalation:
    """The next round of the same one, which nobody has. Its words stay only while it was not closed: whoever is paged
    now must be able to read the whole of it."""
    dealt_with = state(one) in ("handled", "closed")
    worse = dealt_with or level >= one.level
    was = Round(one.raised_at, one.owner_id, one.acked_at, one.handled_at, one.closed_at, one.closed_by_id)
    return replace(
        one,
        level=level if dealt_with else max(level, one.level),
        flag=flag if worse else one.flag,
        words="" if one.closed_at is not None else one.words,
        because=() if one.closed_at is not None else one.because,
        raised_at=now,
        step=0,
        owner_id=None,
        acked_at=None,
        handled_at=None,
        closed_at=None,
        closed_by_id=None,
        read_at=None,
        past=(*one.past, was),
    )


def last_owner(one: Escalation) -> int | None:
    """Who had it when it was opened again, and had not closed it: a backup hears of what is new at once, too."""
    return one.past[-1].owner_id if one.past and one.past[-1].closed_at is None else None


def trend(one: Escalation) -> dict[str, Json] | None:
    """How it goes, where it was told on more than one day: of a pain the numbers with their days, else how often."""
    if len(one.seen) < 2:
        return None
    numbers = [{"day": day.isoformat(), "score": score} for day, score in one.seen if score is not None]
    first, last = one.seen[0][0], one.seen[-1][0]
    return {
        "numbers": numbers[-NUMBERS:] if len(numbers) > 1 else [],
        "times": len(one.seen),
        "days": (last - first).days + 1,
        "first": first.isoformat(),
    }


def name_of(draft: Draft, id: int | None) -> str | None:
    """A coach's name, where this turn knows them."""
    return next((one.name for one in draft.coaches if one.id == id), None)


def facts(draft: Draft, one: Escalation, athlete: Person, reader: Person) -> dict[str, Json]:
    """How a concern stands, for a text that this coach reads; times are the reader's own.

    state        open, acked, handled, closed
    owner, mine  who has it (None: nobody), and whether that is the reader; `since`: {day, at}
    age          days since it was first told
    trend        see `trend`
    reopened     how the round before ended: {state, by, mine, day, at}; None: this is the first
    notes        [{by, mine, day, at, words}], the reader's own and those that are shared
    last_words   the last line that was said
    """
    first = one.seen[0][0] if one.seen else timing.local_date(athlete.zone, one.raised_at)
    return {
        "state": state(one),
        "owner": name_of(draft, one.owner_id),
        "mine": one.owner_id == reader.id,
        "since": _clock(reader, one.acked_at),
        "handled": _clock(reader, one.handled_at),
        "age": max((timing.local_date(athlete.zone, draft.now) - first).days, 0),
        "trend": trend(one),
        "reopened": _before(draft, one, reader),
        "notes": [
            {"by": name_of(draft, note.by_id), "mine": note.by_id == reader.id, "words": note.words}
            | (_clock(reader, note.at) or {})
            for note in one.notes
            if note.by_id == reader.id or _shares(draft, note.by_id)
        ],
        "last_words": last_words(one),
    }


def last_words(one: Escalation) -> str:
    return one.words.splitlines()[-1] if one.words else ""


def _before(draft: Draft, one: Escalation, reader: Person) -> dict[str, Json] | None:
    if not one.past:
        return None
    was = one.past[-1]
    closed = was.closed_at is not None
    by = was.closed_by_id if closed else was.owner_id
    ended = "closed" if closed else "handled" if was.handled_at is not None else "acked"
    at = was.closed_at or was.handled_at or was.acked_at
    return {"state": ended, "by": name_of(draft, by), "mine": by == reader.id, **(_clock(reader, at) or {})}


def _shares(draft: Draft, id: int) -> bool:
    """A coach's notes are theirs alone, unless they have said otherwise."""
    return any(one.id == id and one.notes_shared for one in draft.coaches)


def _clock(reader: Person, at: datetime | None) -> dict[str, Json] | None:
    if at is None:
        return None
    there = timing.local(reader.zone, at)
    return {"day": there.date().isoformat(), "at": f"{there:%H:%M}"}


# --- an "I have it" that leads to nothing ---------------------------------------------------------------------------


def ask_later(draft: Draft, one: Escalation, in_a_row: int = 0) -> Escalation:
    """Ask the owner, whose turn this is, when the time of its level is over. `in_a_row`: how often they were asked
    before and have not answered. The concern as it is to be put, with the number of that wakeup."""
    me = draft.person
    numbered = replace(one, asks=one.asks + 1)
    data: dict[str, Json] = {"short": one.short, "n": numbered.asks, "in_a_row": in_a_row}
    draft.wake(ASK, f"{ASK}:{one.short}:{numbered.asks}", asks_at(me, one, draft.now), None, **data)
    return numbered


def asks_at(owner: Person, one: Escalation, now: datetime) -> datetime:
    return timing.waking(owner.zone, owner.quiet_from, owner.quiet_to, now + WAITS.get(one.level, WAITS[Level.CONCERN]))


def ask_no_more(draft: Draft, short: str) -> None:
    """Something came of it, or it is closed. A wakeup of another coach's stays, and finds nothing to ask."""
    draft.cancel(f"{ASK}:{short}:")
