"""A coach's week, on Sunday at their hour: one screen over all, then a card for each athlete with a draft letter.

Theory of operation
-------------------
The screen says who needs the coach, what was decided, what is unanswered, and who went quiet. A card is four lines
(what was told of how much; what was low or hurt; the athlete's own words; what is open, and which rules spoke with how
useful they were), below the last two weeks as a picture. Those who need somebody come first, then whose week weighs.

Under each card stands a draft (`week_letters`) with three buttons. It is kept in the athlete's journal, so it goes with
them when they are erased, and stands in their export:

    step "draft"    the words as the coach has read them; its date is in the buttons
    step "drafted"  what became of it: sent, edited, dropped; one of these, once

[Send] goes the way of any letter of the coach. Nothing is sent by itself. All messages of a week are put in one commit,
each at most once: whoever is killed half-way goes on where they stopped.

The head coach's week is one more wakeup with figures of the whole club (storage.weeks): is everybody reached, and how
long does a worry wait for a human?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from dialogs import answering, desk, lists, proposals, summary, timing, week_letters, weekday
from dialogs.draft import Draft, Rows
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Escalation, Json, Lane, Message, Person, Picture, Record, Training
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

    @property
    def urgent(self) -> bool:
        return any(one.level >= Level.TODAY for one in self.open)

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
    if not everyone and not asked:
        return  # nobody to tell of
    draft.say("coach_week.over", _over(draft, everyone), key=event.key, **fields)
    for one in everyone:
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
        found.append(Lived(one, summary.of_week(one, told, histories[one.id], there), histories[one.id], open_, quiet))
    return sorted(found, key=lambda each: each.rank)


def _over(draft: Draft, everyone: Sequence[Lived]) -> dict[str, Json]:
    needs = lists.needs(draft)
    steps = [each for one in everyone for each in _steps(one)]
    verdicts = Counter(
        str(one.value.get("state")) for one in steps if one.name == "decided" and isinstance(one.value, dict)
    )
    decided = {state: verdicts[state] for state in proposals.BY_A_HUMAN if verdicts[state]}
    eased = sum(one.name == "eased" for one in steps)
    untaken = [each for one in everyone for each in one.open if each.open]
    quiet = sorted((one for one in everyone if one.quiet >= QUIET_AFTER), key=lambda one: -one.quiet)
    rules = sorted(_rules(everyone), key=lambda one: -int(one["days"]))
    return {
        "first": (draft.today - 6 * _DAY).isoformat(),
        "last": draft.today.isoformat(),
        "needs": [_need(draft, one) for one in needs[:NEEDS]],
        "needs_more": max(len(needs) - NEEDS, 0),
        "decided": decided | ({"eased": eased} if eased else {}),
        "taken": sum(one.name == "acked" for one in steps),
        "closed": sum(one.name == "closed" for one in steps),
        "open": len(untaken),
        "oldest": max(((draft.now - one.raised_at).days for one in untaken), default=0),
        "waiting": len(proposals.waiting(draft)),
        "quiet": [{"name": one.athlete.name, "days": one.quiet} for one in quiet[:QUIET]],
        "quiet_more": max(len(quiet) - QUIET, 0),
        "answered": sum(one.week.answered for one in everyone),
        "asked": sum(one.week.asked for one in everyone),
        "done": sum(one.week.done + one.week.changed for one in everyone),
        "planned": sum(one.week.planned for one in everyone),
        "rules": rules[:RULES],
        "athletes": len(everyone),
    }


def _need(draft: Draft, need: lists.Need) -> dict[str, Json]:
    worst = need.worries[0] if need.worries else None
    flag = desk.concern(draft, worst, need.athlete) if worst is not None else {"flag": None, "flag_title": None}
    wishes = len(need.wishes)
    return {"name": need.athlete.name, "flag": flag["flag"], "flag_title": flag["flag_title"], "wishes": wishes}


def _steps(one: Lived) -> list[Record]:
    return [each for each in one.training.records if each.kind == "step" and each.day >= one.week.first]


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
    words = None if one.urgent else _draft_for(draft, one)
    separate = words is not None and len(words) > CARD_DRAFT
    quote = _quote(week)
    facts: dict[str, Json] = {
        "athlete": athlete.name,
        "asked": week.asked,
        "answered": week.answered,
        "planned": week.planned,
        "done": week.done,
        "changed": week.changed,
        "missed": week.missed,
        "why": dict(week.why),
        "low": {item: [day.weekday() for day in days] for item, days in week.low.items()},
        "pains": [_pain(place, days) for place, days in list(week.pains.items())[:CARD_PAINS]],
        "said": sorted(week.said),
        "harder": week.harder,
        "quote": {"words": quote.words, "more": quote.more, "weekday": quote.day.weekday()} if quote else None,
        "open": [_open(draft, each, athlete) for each in one.open[:CARD_OPEN]],
        "rules": sorted(_rules([one]), key=lambda rule: -int(rule["days"]))[:CARD_RULES],
        "free": desk.start_of(athlete.free_words, CARD_FREE),
        "draft": None if separate else words,
        "urgent": one.urgent,
    }
    there = timing.local_date(athlete.zone, draft.now)
    picture = Picture("trend", summary.trend(one.training, there, draft.person.language, athlete.name))
    about = {"about": athlete.id, **fields}
    buttons = _buttons(athlete, there) if words is not None else _write(athlete)
    draft.say("coach_week.card", facts, picture=picture, buttons=() if separate else buttons,
              key=f"{key}:{athlete.id}", **about)  # fmt: skip
    if separate:
        draft.say("coach_week.draft", {"athlete": athlete.name, "draft": words}, buttons=buttons,
                  key=f"{key}:{athlete.id}:draft", **about)  # fmt: skip


def _quote(week: Week) -> Quote | None:
    """The first of them, in as many signs as a card has room for."""
    first = next(iter(week.quotes), None)
    short = summary.quoted(first.record, CARD_QUOTE) if first is not None else None
    return short or first


def _pain(place: str, days: Sequence[tuple[date, float]]) -> dict[str, Json]:
    return {"place": place[:24], "levels": [f"{level:g}" for _, level in days][-5:]}


def _open(draft: Draft, one: Escalation, athlete: Person) -> dict[str, Json]:
    told = desk.concern(draft, one, athlete)
    days = (draft.now - one.raised_at).days
    return {"flag": one.flag, "flag_title": told["flag_title"], "days": days, "owner": not one.open}


def _buttons(athlete: Person, day: date) -> Rows:
    target = f"{athlete.id}:{day:%y%m%d}"
    return (
        (
            Button("button.draft_send", f"dsend:{target}"),
            Button("button.draft_edit", f"dedit:{target}"),
            Button("button.draft_drop", f"ddrop:{target}"),
        ),
    )


def _write(athlete: Person) -> Rows:
    return ((Button("button.write", f"write:{athlete.id}"), Button("button.call", f"call:{athlete.id}")),)


# --- drafts ---------------------------------------------------------------------------------------------------------


def _draft_for(draft: Draft, one: Lived) -> str | None:
    """The draft for this athlete: the one of today that was shown already, or a new one."""
    there = timing.local_date(one.athlete.zone, draft.now)
    before = _found(one.training.records, there, draft.person)
    if before is not None:
        return before[0] if before[1] is None else None
    words = week_letters.letter(one.week, one.athlete, one.training.plan, draft.person.language)
    draft.record("step", "draft", {"by": draft.person.id}, words, about=one.athlete)
    return words


def _found(records: Iterable[Record], day: date, coach: Person) -> tuple[str, str | None] | None:
    """This coach's draft of that date, and what became of it (None: nothing yet)."""
    steps = [
        one for one in records if one.day >= day and isinstance(one.value, dict) and one.value.get("by") == coach.id
    ]
    words = next((one.words for one in steps if one.name == "draft" and one.day == day), None)
    ends = [one.value for one in steps if one.name == "drafted" and one.value["day"] == day.isoformat()]
    how = next((str(one["how"]) for one in ends), None)
    return (words, how) if words else None


def send(draft: Draft, target: str) -> None:
    """The draft leaves as it stands there, as a letter of this coach."""
    if (found := _target(draft, target, "sent")) is not None:
        athlete, words = found
        desk.relay(draft, athlete, words)


def edit(draft: Draft, target: str) -> None:
    """The draft to copy, and the next message is the letter."""
    if (found := _target(draft, target, "edited")) is not None:
        athlete, words = found
        draft.say("coach_week.edit", {"athlete": athlete.name, "draft": words}, about=athlete.id)
        desk.write(draft, str(athlete.id))


def drop(draft: Draft, target: str) -> None:
    if (found := _target(draft, target, "dropped")) is not None:
        draft.toast("coach_week.dropped", {"athlete": found[0].name})


def _target(draft: Draft, target: str, how: str) -> tuple[Person, str] | None:
    """Whose draft the button names ("7:260607"), and its words; its end is kept, and the buttons go. None after having
    said that there is none any more, or never was."""
    number, _, stamp = target.partition(":")
    athlete = desk.by_number(draft, number)
    day = _date(stamp)
    found = None
    if athlete is not None and day is not None:
        found = _found(draft.training(athlete).records, day, draft.person)
    if athlete is None or day is None or found is None:
        draft.toast("shared.question_closed")
        return None
    if draft.tapped is not None:
        draft.messages.append(Message(draft.person.id, "", strip=True, edit=True, message_id=draft.tapped.message_id))
    if found[1] is not None:
        draft.toast("coach_week.gone", {"how": found[1]})
        return None
    draft.record("step", "drafted", {"day": day.isoformat(), "how": how, "by": draft.person.id}, about=athlete)
    return athlete, found[0]


def _date(stamp: str) -> date | None:
    try:
        return datetime.strptime(stamp, "%y%m%d").date()  # noqa: DTZ007 - a date without a zone is meant
    except ValueError:
        return None


# --- the head coach -------------------------------------------------------------------------------------------------


def club(draft: Draft, event: Due) -> None:
    """Reach and response of the whole club, for the head coach. The figures are read for this wakeup."""
    figures = draft.known.club_week
    if figures is None or not answering.is_head(draft.known, draft.person):
        return
    facts = {"first": (draft.today - 6 * _DAY).isoformat(), "last": draft.today.isoformat(), **figures}
    draft.say("coach_week.club", facts, key=event.key, **_unasked(draft))
