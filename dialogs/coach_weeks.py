"""A coach's week, on Sunday at their hour: one screen over all, then a card for each athlete with a draft letter.

Theory of operation
-------------------
The screen says who needs the coach, what was decided, what is unanswered, and who went quiet. A card is four lines
(what was told of how much; what was low or hurt; the athlete's own words; what is open, and which rules spoke with how
useful they were), below the last two weeks as a picture. Those who need somebody come first, then whose week weighs.

Under each card stands a draft with three buttons (`week_drafts`); where something urgent was said or is open there is
none, since then a human's own words are due. Who was not asked, and said nothing, is named on the screen and has no
card: of nothing there is nothing to tell. All messages of a week are put in one commit, each at most once: whoever is
killed half-way goes on where they stopped.

The head coach's week is one more wakeup with figures of the whole club (storage.weeks): is everybody reached, and how
long does a worry wait for a human?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from dialogs import (
    answering,
    concerns,
    desk,
    lists,
    proposals,
    summary,
    timing,
    week_drafts,
    week_letters,
    weekday,
    weeks,
)
from dialogs.draft import Draft, Rows
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Escalation, Json, Lane, Person, Picture, Record, Training
from dialogs.rules.book import shipped
from dialogs.summary import Quote, Week

NEEDS = 6
QUIET, QUIET_AFTER = 12, 2
RULES = 6
CARD_RULES = 2
CARD_OPEN = 2
CARD_PAINS = 2
CARD_QUOTE = 120  # signs; a caption has room for 1024
CARD_FREE = 60
CARD_DRAFT = 640  # the longest draft that a card has room for; a longer one stands in a message of its own
WEEK_DAYS = 8
_DAY = timedelta(days=1)
_RULE = "rule_"


@dataclass(frozen=True, slots=True)
class Lived:
    """One athlete's week, with what the card needs beside it."""

    athlete: Person
    week: Week
    training: Training
    open: tuple[Escalation, ...]
    quiet: int  # days of being asked since they were last heard
    since: datetime  # what coaches did from then on is of this week: the evening after the last page is desk work

    @property
    def urgent(self) -> bool:
        """Something of today or now is open, or somebody has it and nothing has come of it yet; or it was said in this
        week, whatever has come of it: then no machine writes the next letter."""
        open_ = any(one.level >= Level.TODAY and one.handled_at is None for one in self.open)
        return open_ or any(one.record.value in weeks.URGENT for one in self.week.quotes)

    @property
    def told(self) -> bool:
        """Is there anything to tell of?"""
        return bool(self.week.asked or self.week.quotes or self.week.done or self.week.changed or self.open)

    @property
    def rank(self) -> tuple[int, int, int, str]:
        """The smaller, the sooner."""
        needs = bool(self.open)
        return (0 if self.urgent else 1 if needs else 2, not self.week.bad, -self.quiet, self.athlete.name.casefold())


# --- the week -------------------------------------------------------------------------------------------------------


def show(draft: Draft, rest: str) -> None:
    """/week: it reads a lot, so it is a wakeup of its own."""
    draft.wake("coachweek", f"coachweek:{draft.person.id}:asked:{draft.now:%Y%m%d%H%M}", draft.now, asked=True)
    draft.say("coach_week.looking")


def due(draft: Draft, event: Due) -> None:
    """The hour of a coach's weekly message. On holiday there is none: who stands in has their athletes in theirs."""
    me = draft.person
    if not me.coaches or draft.known.histories is None:
        return
    asked = bool(event.data.get("asked"))
    if not asked and (not weekday.begins(draft, event) or answering.away(me, draft.now)):
        return
    fields = {} if asked else _unasked(draft)
    everyone = _lived(draft, draft.known.histories)
    told = [one for one in everyone if one.told]
    if not told and not asked:
        return  # nobody to tell of: no athletes, or they have only just come
    draft.say("coach_week.over", _over(draft, everyone), key=event.key, **fields)
    for one in told:
        _card(draft, one, event.key, fields)
    if not asked and answering.is_head(draft.known, me):
        draft.wake("clubweek", f"clubweek:{me.id}:{event.day}", draft.now, event.day)


def _unasked(draft: Draft) -> dict[str, Any]:
    return {"lane": Lane.BULK, "once": True, "quiet": True, "expires_at": draft.now + 2 * weekday.STALE}


def _lived(draft: Draft, histories: Mapping[int, Training]) -> list[Lived]:
    own = [one for one in desk.own(draft) if one.id in histories and one.consent_at is not None]
    records: dict[int | None, list[Record]] = {}
    for record in draft.look("days", [one.id for one in own], days=WEEK_DAYS):
        records.setdefault(record.about, []).append(record)
    found = []
    for one in own:
        told = records.get(one.id, [])
        there = timing.local_date(one.zone, draft.now)
        seen = max((each.day for each in told if each.kind in ("answer", "words")), default=None)
        quiet = lists.missed(one, seen, there) if lists.unasked_why(one, there) is None else 0
        open_ = tuple(desk.ordered(each for each in draft.escalations() if each.athlete_id == one.id))
        week = summary.of_week(one, told, histories[one.id], there)
        found.append(Lived(one, week, histories[one.id], open_, quiet, draft.now - 7 * _DAY))
    return sorted(found, key=lambda each: each.rank)


def _over(draft: Draft, everyone: Sequence[Lived]) -> dict[str, Json]:
    needs = lists.needs(draft)
    there = {need.athlete.id for need in needs}
    decided = {state: _counted(everyone, "decided", state) for state in proposals.BY_A_HUMAN}
    decided["eased"] = _counted(everyone, "eased")
    untaken = [each for one in everyone for each in one.open if each.open]
    quiet = sorted((one for one in everyone if one.quiet >= QUIET_AFTER), key=lambda one: -one.quiet)
    rules = sorted(_rules(everyone), key=lambda one: -int(one["days"]))
    return {
        "first": (draft.today - 6 * _DAY).isoformat(),
        "last": draft.today.isoformat(),
        "needs": [_need(draft, one) for one in needs[:NEEDS]],
        "needs_more": max(len(needs) - NEEDS, 0),
        "weighs": [fact for one in everyone if one.athlete.id not in there and (fact := _weighs(one))],
        "decided": {state: names for state, names in decided.items() if names},
        "taken": _counted(everyone, "acked"),
        "closed": _counted(everyone, "closed"),
        "open": len(untaken),
        "oldest": max(((draft.now - one.raised_at).days for one in untaken), default=0),
        "waiting": len(proposals.waiting(draft)),
        "quiet": [{"name": one.athlete.name, "days": one.quiet} for one in quiet[:QUIET]],
        "quiet_more": max(len(quiet) - QUIET, 0),
        "unasked": [
            {"name": one.athlete.name, "why": lists.unasked_why(one.athlete, draft.today)}
            for one in everyone
            if not one.told or lists.unasked_why(one.athlete, draft.today)
        ],
        "answered": sum(one.week.answered for one in everyone),
        "asked": sum(one.week.asked for one in everyone),
        "done": sum(one.week.done + one.week.changed for one in everyone),
        "planned": sum(one.week.planned for one in everyone),
        "rules": rules[:RULES],
        "athletes": len(everyone),
        "cards": sum(one.told for one in everyone),
    }


def _counted(everyone: Iterable[Lived], step: str, state: str | None = None) -> dict[str, Json]:
    """How often this was done this week, by athlete."""
    found: dict[str, Json] = {}
    for one in everyone:
        steps = [each for each in _steps(one) if each.name == step]
        count = sum(
            state is None or (isinstance(each.value, dict) and each.value.get("state") == state) for each in steps
        )
        if count:
            found[one.athlete.name] = count
    return found


def _weighs(one: Lived) -> dict[str, Json] | None:
    """What weighs in the week of somebody about whom nothing waits; None: nothing does."""
    topic, _ = week_letters.chosen(one.week)
    if not topic.heavy or not one.told:
        return None
    return {"name": one.athlete.name, "what": topic.name, "place": next(iter(one.week.pains), "")[:24]}


def _need(draft: Draft, need: lists.Need) -> dict[str, Json]:
    worst = need.worries[0] if need.worries else None
    flag = desk.concern(draft, worst, need.athlete) if worst is not None else {"flag": None, "flag_title": None}
    wishes = len(need.wishes)
    return {"name": need.athlete.name, "flag": flag["flag"], "flag_title": flag["flag_title"], "wishes": wishes}


def _steps(one: Lived) -> list[Record]:
    return [each for each in one.training.records if each.kind == "step" and each.at > one.since]


def _rules(everyone: Iterable[Lived]) -> list[dict[str, Json]]:
    """Each rule that spoke: on how many days, and what coaches have made of it: said, or decided."""
    found: dict[str, dict[str, Json]] = {}
    for one in everyone:
        for rule, days in one.week.fired.items():
            known = shipped().find(rule)
            empty: dict[str, Json] = {"title": known.title if known else rule, "days": 0} | dict.fromkeys(_VERDICTS, 0)
            found.setdefault(rule, empty)["days"] += days
        for step in _steps(one):
            verdict = _verdict(step)
            if verdict is not None and verdict[0] in found:
                found[verdict[0]][verdict[1]] += 1
    return list(found.values())


_VERDICTS = ("useful", "useless", "approved", "declined")


def _verdict(step: Record) -> tuple[str, str] | None:
    """The rule that this step judges, and how."""
    value = step.value
    if not isinstance(value, dict):
        return None
    if step.name == "useful" and str(value.get("flag")).startswith(_RULE):
        return str(value["flag"]).removeprefix(_RULE), "useful" if value.get("useful") else "useless"
    if step.name == "decided" and value.get("state") in ("approved", "edited", "declined"):
        return str(value.get("rule")), "declined" if value["state"] == "declined" else "approved"
    return None


# --- a card ---------------------------------------------------------------------------------------------------------


def _card(draft: Draft, one: Lived, key: str, fields: Mapping[str, Json]) -> None:
    week, athlete = one.week, one.athlete
    words = None if one.urgent else week_drafts.words_for(draft, athlete, week, one.training)
    separate = words is not None and len(words) > CARD_DRAFT
    quote = _quote(week)
    facts: dict[str, Json] = {
        "athlete": athlete.name,
        **week.counts,
        "why": dict(week.why),
        "low": _grouped(week),
        "pains": [_pain(place, days) for place, days in list(week.pains.items())[:CARD_PAINS]],
        "said": sorted(week.said),
        "harder": week.harder,
        "quote": {"words": quote.words, "more": quote.more, "weekday": quote.day.weekday()} if quote else None,
        "open": [_open(draft, each, athlete) for each in one.open[:CARD_OPEN]],
        "rules": _rules_beside(one),
        "free": desk.start_of(athlete.free_words, CARD_FREE) if _coming(athlete, week.last) else "",
        "draft": None if separate else words,
        "urgent": one.urgent,
    }
    there = timing.local_date(athlete.zone, draft.now)
    picture = Picture("trend", summary.trend(one.training, there, draft.person.language, athlete.name))
    about = {"about": athlete.id, **fields}
    buttons = week_drafts.buttons(athlete, there) if words is not None else _write(athlete)
    draft.say("coach_week.card", facts, picture=picture, buttons=() if separate else buttons,
              key=f"{key}:{athlete.id}", **about)  # fmt: skip
    if separate:
        draft.say("coach_week.draft", {"athlete": athlete.name, "draft": words}, buttons=buttons,
                  key=f"{key}:{athlete.id}:draft", **about)  # fmt: skip


def _grouped(week: Week) -> list[dict[str, Json]]:
    """What was low, the items of the same days together."""
    groups: dict[tuple[date, ...], list[str]] = {}
    for item, days in week.low.items():
        groups.setdefault(days, []).append(item)
    return [{"items": items, "days": [day.weekday() for day in days]} for days, items in groups.items()]


def _coming(athlete: Person, today: date) -> bool:
    """Whether what they said of the days that they have is still about days to come."""
    return any(day > today for day, _ in athlete.free)


def _quote(week: Week) -> Quote | None:
    """The words that were urgent, else those of what the week is about, else those that say most; in as many signs as a
    card has room for."""
    first = next(iter(week.quotes), None)
    if first is None or first.record.value not in weeks.URGENT:
        about, _ = week_letters.quote_of(week, *week_letters.chosen(week))
        first = about or first
    short = summary.quoted(first.record, CARD_QUOTE) if first is not None else None
    return short or first


def _pain(place: str, days: Sequence[tuple[date, float]]) -> dict[str, Json]:
    return {"place": place[:24], "levels": [f"{level:g}" for _, level in days][-5:]}


def _open(draft: Draft, one: Escalation, athlete: Person) -> dict[str, Json]:
    told = desk.concern(draft, one, athlete)
    days = (draft.now - one.raised_at).days
    place = concerns.topic(one).partition(":")[2]
    state = concerns.state(one)
    return {"flag": one.flag, "flag_title": told["flag_title"], "days": days, "state": state, "place": place}


def _rules_beside(one: Lived) -> list[dict[str, Json]]:
    """The rules that spoke, but for those that stand there as an open concern already."""
    shown = {each.flag.removeprefix(_RULE) for each in one.open[:CARD_OPEN]}
    fired = {rule: days for rule, days in one.week.fired.items() if rule not in shown}
    beside = replace(one, week=replace(one.week, fired=fired))
    return sorted(_rules([beside]), key=lambda rule: -int(rule["days"]))[:CARD_RULES]


def _write(athlete: Person) -> Rows:
    return ((Button("button.write", f"write:{athlete.id}"), Button("button.call", f"call:{athlete.id}")),)


# --- the head coach -------------------------------------------------------------------------------------------------


def club(draft: Draft, event: Due) -> None:
    """Reach and response of the whole club, for the head coach. The figures are read for this wakeup."""
    figures = draft.known.club_week
    if figures is None or not answering.is_head(draft.known, draft.person):
        return
    facts = {"first": (draft.today - 6 * _DAY).isoformat(), "last": draft.today.isoformat(), **figures}
    draft.say("coach_week.club", facts, key=event.key, **_unasked(draft))
