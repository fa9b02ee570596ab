"""No worry is lost: how something reaches a human and does not rest until that human says "I have it".

Theory of operation
-------------------
An escalation is a value with a level, the athlete's words, and a rung. Raising it and every later rung do three
things in the one commit of the turn: put messages, tell the athlete the truth, and put the next wakeup. There is no
moment at which an open escalation has no wakeup, so a crash can delay a rung but not lose it.

    LADDER[level]      rung 0, 1, 2 ... at minutes after the start; then the last rung again and again, for ever
    a wakeup           re-reads the escalation; if somebody has it, or another rung came first, it does nothing
    an Ack             is the only way out; the first one wins (the row's version decides) and both coaches see who
    Unreachable        a page that can never arrive is not waited for: the next human hears now

The start is the raising for NOW, and the coach's next waking moment for TODAY: quiet hours are broken for NOW alone.
A CONCERN has no ladder: it stands on the coach's list each morning and stays there until somebody has it.

One ladder rings for an athlete, and not two: while something of TODAY or NOW is with nobody, all further words join it,
whatever they are about; a worse level lifts it and starts the ladder again, since the coach must hear the difference.
Below that, words join what is open of the same topic, and another topic is another concern. Levels never fall by
anything the bot does.

What happens to a concern over days (what it is about, what opens it again, whether anything came of "I have it") is its
life, and stands in `concerns`; what a coach does with it after "I have it" stands in `owning`. Each round of a
concern that was opened again is a ladder of its own, with keys of its own: a key that has rung never rings again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialogs import answering, concerns, help_numbers, summary, timing
from dialogs.draft import Draft, Rows
from dialogs.events import Due, Unreachable
from dialogs.levels import Level
from dialogs.model import Button, Escalation, Json, Lane, Message, Person, Spans
from dialogs.rules.book import shipped
from dialogs.words import phrases
from dialogs.words.aches import Ache

Told = tuple[str, Mapping[str, Json]]

STRIPPED = 4  # pages whose buttons are taken off at an Ack; older ones answer "already taken" when pressed

ASKS = ("athlete.unscreened", "athlete.language")  # texts that end in the question whether it is urgent
CRISIS = "crisis"  # the flag of words about not wanting to live: other numbers, other words to the athlete
RULE = concerns.RULE
TURNS_OUT = timedelta(hours=1)  # by then a voice note was heard by a machine, and a question answered
STOPS = ("pain_high", "pain_stride", "pain-over-five")  # flags of a pain that is not run on (coaching: over 5, a limp)
ASKED = "asked"  # the athlete pressed "I need my coach"
MARK = "👪"  # in a concern's words: before a line of the guardian of somebody under 18 (dialogs.guardians)


@dataclass(frozen=True, slots=True)
class Rung:
    """`after` the start: page the coach, also the backup, and tell the athlete that nobody has answered yet."""

    after: timedelta
    backup: bool = False
    tell: bool = False


def _minutes(n: int) -> timedelta:
    return timedelta(minutes=n)


LADDER: Mapping[Level, tuple[Rung, ...]] = {
    Level.NOW: (Rung(_minutes(0)), Rung(_minutes(10), tell=True), Rung(_minutes(20), backup=True, tell=True)),
    Level.TODAY: (Rung(_minutes(0)), Rung(_minutes(30)), Rung(_minutes(120), backup=True, tell=True)),
}
EVERY: Mapping[Level, timedelta] = {Level.NOW: _minutes(10), Level.TODAY: _minutes(120)}
TELL_AGAIN = 3  # after the ladder's end the athlete is told on every third repeat, not each time


def rung(level: Level, step: int) -> Rung:
    """The rung with this number; beyond the ladder's end it goes on for ever at the level's interval."""
    ladder = LADDER[level]
    if step < len(ladder):
        return ladder[step]
    beyond = step - len(ladder) + 1
    return Rung(ladder[-1].after + beyond * EVERY[level], backup=True, tell=beyond % TELL_AGAIN == 0)


def raise_(
    draft: Draft,
    level: Level,
    flag: str,
    words: str,
    because: Spans = (),
    *,
    told: Told | None = None,
    ache: Ache | None = None,
    topic: str | None = None,
) -> Escalation:
    """Something of this level was heard from this turn's athlete. Tells the athlete, starts or joins the ladder.

    `because`: the spans of `words` that decided. `told`: a text for the athlete (its id, and data), which asks whether
    it is urgent, in place of what a new concern says. `ache`: the pain that it is about, where more is known than the
    words say. `topic`: what it is about, where that is known already.
    """
    topic = topic or concerns.topic_of(flag, words, ache)
    score = concerns.score_of(topic, flag, words, ache)
    before = _untaken(draft)
    if before is None or before.level < Level.TODAY:
        before = concerns.of_topic(own(draft), topic)
    if before is None and level >= Level.TODAY:
        before = _unread(draft)
    private = flag == CRISIS or phrases.read(words).crisis
    if before is not None and private:
        before = replace(before, private=True)
    if before is not None and before.open:
        return _join(draft, before, level, flag, words, because, told, topic, score)
    if before is not None:
        escalation = _with_words(concerns.reopened(before, level, flag, draft.now), words, because)
        escalation = concerns.sighted(escalation, draft.today, score)
        step = "reopened"
    else:
        seen = ((draft.today, score),)
        short, me = draft.spell_short(), draft.person.id
        escalation = Escalation(
            0, short, me, level, flag, words, draft.now, because=because, topic=topic, seen=seen, private=private
        )
        step = "raised"
    draft.record("step", step, {"short": escalation.short, "level": escalation.level.value, "flag": flag}, words)
    return _begin(draft, escalation, level, flag, told)


def begin(draft: Draft, escalation: Escalation) -> Escalation:
    """The ladder of what is opened again for another coach, without a word to the athlete: it is not their doing."""
    if escalation.level < Level.TODAY:
        draft.put(replace(escalation, next_at=_next_list(draft)))
        return escalation
    start = _start(draft, escalation)
    return _climb(draft, escalation) if start <= draft.now else _plan(draft, escalation, start)


def _join(
    draft: Draft, before: Escalation, level: Level, flag: str, words: str, because: Spans, told: Told | None,
    topic: str, score: int | None,
) -> Escalation:  # fmt: skip
    """Further words on what nobody has yet."""
    joined = _with_words(before, words, because)
    if level > before.level and concerns.topic(before) == concerns.UNREAD:
        joined = replace(joined, topic=topic)
    if topic == concerns.topic(joined):
        joined = concerns.sighted(joined, draft.today, score)
    if level > before.level:
        draft.cancel(f"page:{before.short}:")
        lifted = replace(joined, level=level, flag=flag, step=0, raised_at=draft.now)
        draft.record("step", "raised", {"short": lifted.short, "level": level.value, "flag": flag}, words)
        return _begin(draft, lifted, level, flag, told)
    if flag == CRISIS:  # from now on the lines for that stand in every word to the athlete
        joined = replace(joined, flag=flag)
    draft.put(joined)
    draft.record("step", "joined", before.short, words)
    _add(draft, joined, words)
    if level >= Level.TODAY or told:
        _tell_athlete(draft, replace(joined, flag=flag), told)
    else:
        draft.say("athlete.added")
    return joined


def _begin(draft: Draft, escalation: Escalation, heard: Level, flag: str, told: Told | None) -> Escalation:
    """The ladder from its first rung, and the truth to the athlete about what they have just said (`heard`, `flag`):
    what was opened again may stand higher than that."""
    added = heard < escalation.level and told is None
    if escalation.level < Level.TODAY:
        draft.put(replace(escalation, next_at=_next_list(draft)))
        _tell_athlete(draft, escalation, told)
        return escalation
    start = _start(draft, escalation)
    if added:
        draft.say("athlete.added")
    else:
        _tell_athlete(draft, replace(escalation, flag=flag), told if heard < escalation.level else None)
    if start <= draft.now:
        return _climb(draft, escalation)
    # TODAY in the coach's quiet hours: the first page leaves when they end, and the athlete has been told when.
    return _plan(draft, escalation, start)


def _with_words(escalation: Escalation, words: str, because: Spans = ()) -> Escalation:
    """Further words below those that are there, and their marks with them."""
    if not words:
        return escalation
    escalation = replace(escalation, read_at=None, by_guardian=False)
    if not escalation.words:
        return replace(escalation, words=words, because=because)
    if escalation.words == words or escalation.words.endswith(f"\n{words}"):
        return escalation
    down = len(escalation.words) + 1
    marks = (*escalation.because, *((start + down, end + down) for start, end in because))
    return replace(escalation, words=f"{escalation.words}\n{words}", because=marks)


def waiting(draft: Draft, least: Level = Level.TODAY) -> bool:
    """Something urgent of this athlete is with nobody yet: further words go along with it."""
    open_one = _untaken(draft)
    return open_one is not None and open_one.level >= least


def add(draft: Draft, words: str) -> bool:
    """Harmless words while something urgent of this athlete is with nobody yet: they go along. False: there is none."""
    if not waiting(draft) or (open_one := _untaken(draft)) is None:
        return False
    joined = _with_words(open_one, words)
    draft.put(joined)
    _add(draft, joined, words)
    draft.say("athlete.added")
    return True


def due(draft: Draft, event: Due) -> None:
    """A rung's hour has come. Stale is normal: it was acknowledged, lifted, or an unreachable coach made it jump."""
    escalation = draft.escalation(str(event.data.get("short")))
    if escalation is None or not escalation.open or escalation.step != event.data.get("step"):
        return
    if len(escalation.past) != event.data.get("round", 0):
        return
    _climb(draft, escalation, lost_until=timing.lost_until(event.data))


def unreachable(draft: Draft, event: Unreachable) -> None:
    """A page to this recipient can never arrive. If nobody has it yet, the first rung with the backup comes now."""
    escalation = draft.escalation(event.short)
    if escalation is None or not escalation.open or escalation.level < Level.TODAY:
        return
    with_backup = next(n for n, one in enumerate(LADDER[escalation.level]) if one.backup)
    draft.cancel(f"page:{event.short}:")
    _climb(draft, replace(escalation, step=max(escalation.step, with_backup)))


def urgent(draft: Draft, short: str) -> bool:
    """The athlete presses "it can't wait": only a human may say so, and only upwards. False if all is closed."""
    named = draft.escalation(short)
    if named is None or named.athlete_id != draft.person.id or named.closed_at is not None:
        named = _untaken(draft)
    if named is None:
        return False
    if named.open and named.level >= Level.NOW:
        _tell_athlete(draft, named)
    else:  # also where a coach has it, but it has got worse: then it is opened again, for everybody
        words = "" if named.open else named.words
        raise_(draft, Level.NOW, named.flag, words, topic=concerns.topic(named))
    return True


def ack(draft: Draft, escalation: Escalation, *, by_letter: bool = False) -> None:
    """This turn's coach says "I have it". The first wins; the other is told who has it.

    `by_letter`: the coach has answered the athlete, and the letter itself is the word to both of them.
    """
    athlete = draft.athlete(escalation.athlete_id)
    if athlete is None:
        return
    if not escalation.open:
        draft.toast("coach.already_taken", taken(draft, escalation, athlete))
        if draft.tapped is not None:  # an older bubble of it: no longer offered there
            message_id = draft.tapped.message_id
            draft.messages.append(Message(draft.person.id, "", strip=True, edit=True, message_id=message_id))
        return
    taken_now = replace(escalation, owner_id=draft.person.id, acked_at=draft.now, next_at=None)
    taken_now = concerns.ask_later(draft, taken_now)
    draft.put(taken_now)
    draft.cancel(f"page:{escalation.short}:")
    draft.silenced.append(escalation.short)
    draft.record("step", "acked", escalation.short, about=athlete)
    facts = taken(draft, taken_now, athlete)
    _strip_pages(draft, escalation, athlete)  # before the word on the tapped one, which gets new buttons
    if not by_letter:
        draft.say(
            "coach.taken",
            {**facts, "words": escalation.words, "because": escalation.because},
            buttons=after_ack(escalation),
            edit=draft.tapped is not None,
            about=athlete.id,
        )
        draft.say(
            "athlete.taken",
            {
                **facts,
                "at": draft.local_time(draft.now, athlete),
                "silent": concerns.topic(escalation) == concerns.SILENT,
            },
            to=athlete,
            lane=Lane.SAFETY,
        )
    for other in draft.known.colleagues:
        if other.id != draft.person.id and escalation.step > 0 and was_paged(draft, escalation, other, athlete):
            at = draft.local_time(draft.now, other)
            draft.say("coach.taken_by_other", facts | {"at": at}, to=other, about=athlete.id)


def close(draft: Draft, escalation: Escalation) -> None:
    """The coach is done with it. Only what somebody has can be closed."""
    athlete = draft.athlete(escalation.athlete_id)
    if athlete is None or escalation.closed_at is not None:
        draft.toast("shared.question_closed")
        return
    if escalation.open:
        ack(draft, escalation)
        escalation = draft.escalation(escalation.short) or escalation
    draft.put(replace(escalation, closed_at=draft.now, closed_by_id=draft.person.id))
    concerns.ask_no_more(draft, escalation.short)
    draft.record("step", "closed", escalation.short, about=athlete)
    draft.say("coach.closed", {"athlete": athlete.name, "short": escalation.short}, edit=draft.tapped is not None)


def was_paged(draft: Draft, escalation: Escalation, other: Person, athlete: Person) -> bool:
    """The coach (or who stands in today) is paged from rung 0, and the backup who had it when it was opened again;
    everybody else from the first rung with the backup."""
    own = other.id == athlete.coach_id and not answering.away(other, draft.now)
    on_duty = answering.on_duty(draft.known, draft.person, athlete)
    if own or other.id in (on_duty, concerns.last_owner(escalation)):
        return True
    return escalation.level in LADDER and any(rung(escalation.level, n).backup for n in range(escalation.step))


def taken(draft: Draft, escalation: Escalation, athlete: Person) -> dict[str, Json]:
    """Who has it and since when, for a text; times are the reader's own."""
    return {
        "athlete": athlete.name,
        "short": escalation.short,
        "owner": concerns.name_of(draft, escalation.owner_id),
        "mine": escalation.owner_id == draft.person.id,
        "at": draft.local_time(escalation.acked_at or draft.now),
    }


def after_ack(escalation: Escalation) -> Rows:
    return (
        (
            Button("button.write", f"write:{escalation.athlete_id}"),
            Button("button.close", f"close:{escalation.short}"),
        ),
        (
            Button("button.handled", f"handled:{escalation.short}"),
            Button("button.note", f"note:{escalation.short}"),
        ),
        (
            Button("button.useful", f"useful:{escalation.short}"),
            Button("button.useless", f"useless:{escalation.short}"),
        ),
    )


def before_ack(escalation: Escalation) -> Rows:
    return (
        (
            Button("button.ack", f"ack:{escalation.short}"),
            Button("button.write", f"reply:{escalation.short}"),
        ),
    )


def described(draft: Draft, escalation: Escalation, athlete: Person, reader: Person) -> dict[str, Json]:
    """An escalation as facts for a coach's text."""
    return {
        "athlete": athlete.name,
        "level": escalation.level.value,
        "flag": escalation.flag,
        "flag_title": _rule_title(escalation.flag),
        "words": escalation.words,
        "because": escalation.because,
        "short": escalation.short,
        "at": draft.local_time(escalation.raised_at, reader),
        "at_raised": draft.local_time(escalation.raised_at, reader),
        "hours": int((draft.now - escalation.raised_at).total_seconds() // 3600),
        "minor": bool(athlete.minor),
        "guardian": next((one.name for one in draft.known.guardians if one.id == athlete.guardian_id), None),
        "private": escalation.private,
        **concerns.facts(draft, escalation, athlete, reader),
    }


def _rule_title(flag: str) -> str | None:
    """What a rule is called, where a rule has flagged: the coach knows it by that."""
    rule = shipped().find(flag.removeprefix(RULE)) if flag.startswith(RULE) else None
    return rule.title if rule else None


# --- the rungs ----------------------------------------------------------------------------------------------------


def _climb(draft: Draft, escalation: Escalation, *, lost_until: datetime | None = None) -> Escalation:
    """Do what this rung says and plan the next one, in the same commit. `lost_until`: a backup was restored, so this
    rung and any later one may have been read already, and each is marked as a repeat."""
    this = rung(escalation.level, escalation.step)
    coach, backup = draft.known.coach, draft.known.backup
    first = escalation.step == 0
    had = backup is not None and backup.id == concerns.last_owner(escalation)
    paged = hearing(coach, backup if this.backup or had or not hearing(coach) else None)
    for one in paged:
        _page(
            draft,
            escalation,
            one,
            again=not first and not (one is backup and this.after == _backup_at(escalation)),
            repeat=lost_until is not None,
        )
    if this.tell:
        draft.say(
            "athlete.not_reached",
            {
                **_help(draft, escalation),
                "paged": [one.name for one in paged if _awake(draft, escalation, draft.now, one) <= draft.now],
                "now": escalation.level >= Level.NOW,
            },
            lane=Lane.SAFETY,
            short=escalation.short,
            repeat=lost_until is not None,
        )
    draft.record(
        "step",
        "paged",
        {"short": escalation.short, "step": escalation.step, "to": [one.id for one in paged]},
    )
    following = replace(escalation, step=escalation.step + 1)
    # Counted from this rung, not from the start: after three hours of downtime the missed rungs do not come as a burst.
    wait = rung(following.level, following.step).after - this.after
    return _plan(draft, following, _awake(draft, following, draft.now + wait), lost_until)


def _plan(draft: Draft, escalation: Escalation, at: datetime, lost_until: datetime | None = None) -> Escalation:
    planned = replace(escalation, next_at=at)
    draft.put(planned)
    data: dict[str, Json] = {"short": planned.short, "step": planned.step}
    if planned.past:
        data["round"] = len(planned.past)
    if lost_until is not None:
        data["lost_until"] = lost_until.isoformat()
    draft.wake("page", _rung_key(planned, planned.step), at, None, **data)
    return planned


def _page(draft: Draft, escalation: Escalation, to: Person, *, again: bool, repeat: bool) -> None:
    athlete = draft.person
    draft.say(
        "coach.page",
        {
            **described(draft, escalation, athlete, to),
            "again": again,
            "week": summary.week(draft.days, draft.today),
            "place": athlete.place,
        },
        to=to,
        buttons=before_ack(escalation),
        lane=Lane.SAFETY,
        short=escalation.short,
        about=athlete.id,
        quiet=escalation.level < Level.NOW,
        repeat=repeat,
        key=_page_key(escalation, escalation.step, to),
        bubble=_page_key(escalation, escalation.step, to),
    )


def _strip_pages(draft: Draft, escalation: Escalation, athlete: Person) -> None:
    """Take the buttons off the last pages and lists: what somebody has taken shall not look as if it still waited."""
    for reader in (draft.person, *draft.known.colleagues):
        if was_paged(draft, escalation, reader, athlete):
            for step in range(max(0, escalation.step - STRIPPED), escalation.step):
                bubble = _page_key(escalation, step, reader)
                draft.messages.append(Message(reader.id, "", bubble=bubble, strip=True, edit=True, about=athlete.id))
        listed = list_key(escalation, reader)
        draft.messages.append(Message(reader.id, "", bubble=listed, strip=True, edit=True, about=athlete.id))


def list_key(escalation: Escalation, reader: Person) -> str:
    """The bubble of this escalation on a coach's list; a newer list takes its place."""
    return f"open:{escalation.short}:{reader.id}"


def _page_key(escalation: Escalation, step: int, reader: Person) -> str:
    return f"{_rung_key(escalation, step)}:{reader.id}"


def _rung_key(escalation: Escalation, step: int) -> str:
    """One for each rung of each ladder. The first round has no number: its keys are as they were before there was a
    second one, so that a rung which an older release has planned is known."""
    again = f".{len(escalation.past)}" if escalation.past else ""
    return f"page:{escalation.short}:{escalation.level.value}{again}:{step}"


def _add(draft: Draft, escalation: Escalation, words: str) -> None:
    """More words on something already paged: they follow at once, as words, and do not disturb the ladder."""
    if escalation.level < Level.TODAY or escalation.step == 0 or not words:
        return
    for to in (draft.known.coach, draft.known.backup):
        if to is not None and was_paged(draft, escalation, to, draft.person):
            draft.say(
                "coach.adds",
                {"athlete": draft.person.name, "words": words, "short": escalation.short},
                to=to,
                buttons=before_ack(escalation),
                lane=Lane.SAFETY,
                quiet=escalation.level < Level.NOW,
                about=draft.person.id,
            )


# --- the athlete --------------------------------------------------------------------------------------------------


def _tell_athlete(draft: Draft, escalation: Escalation, told: Told | None = None) -> None:
    """The truth at once: the number to call, whom we page and when; never that somebody has seen it."""
    if not draft.person.reachable:
        return
    coach = next(iter(hearing(draft.known.coach, draft.known.backup)), None)
    start = _awake(draft, escalation, draft.now)
    data = _help(draft, escalation) | {
        "paged": coach.name if coach else None,
        "paged_at": None if start <= draft.now else draft.local_time(start),
        "listed_at": f"{coach.ask_at:%H:%M}" if coach else None,
        "flag": escalation.flag,
        "wordless": not escalation.words,
        "meanwhile": _meanwhile(escalation),
    }
    match escalation.level:
        case Level.NOW:
            text = "athlete.crisis" if escalation.flag == CRISIS else "athlete.now"
        case Level.TODAY:
            text = {CRISIS: "athlete.crisis_today", ASKED: "athlete.asked"}.get(escalation.flag, "athlete.today")
        case _:
            text = "athlete.concern"
    worse: Rows = ((Button("button.urgent", f"urgent:{escalation.short}"),),)
    if told is not None:  # it could not be read: then we ask
        text, data = told[0], {**data, **told[1]}
        if text in ASKS:
            worse = ((*worse[0], Button("button.can_wait", f"can_wait:{escalation.short}")),)
    draft.say(
        text,
        data,
        buttons=worse if escalation.level < Level.NOW else (),
        lane=Lane.SAFETY if escalation.level >= Level.TODAY else Lane.REPLY,
    )


def _meanwhile(escalation: Escalation) -> str | None:
    """What may be run until a person has looked at a concern: nothing on what hurts much, else what is easy. Who tells
    of a low mood or of eating has not asked about running, and "or nothing" would be read as something else."""
    if escalation.flag in STOPS:
        return "rest"
    return None if concerns.topic(escalation) in ("mind", "food") else "easy"


def _help(draft: Draft, escalation: Escalation) -> dict[str, Json]:
    numbers = help_numbers.load().for_country(draft.person.country)
    return {
        "emergency": list(numbers.emergency),
        "crisis": [
            {"name": line.name, "phone": line.phone, "text": line.text, "chat": line.chat, "hours": line.hours}
            for line in numbers.crisis
        ],
        "in_crisis": escalation.flag == CRISIS,
    }


# --- small questions ----------------------------------------------------------------------------------------------


def own(draft: Draft) -> list[Escalation]:
    """Of this turn's athlete, also what was closed lately."""
    return [one for one in (*draft.escalations(), *draft.closed()) if one.athlete_id == draft.person.id]


def _untaken(draft: Draft) -> Escalation | None:
    """The most urgent one of this turn's athlete that nobody has."""
    return max((one for one in own(draft) if one.open), key=lambda one: one.level.order, default=None)


def _unread(draft: Draft) -> Escalation | None:
    """What could not be read when it came (a voice note, a forward), and turns out to be something now."""
    found = [one for one in own(draft) if one.open and concerns.topic(one) == concerns.UNREAD]
    return next((one for one in found if draft.now - one.raised_at <= TURNS_OUT), None)


def hearing(*people: Person | None) -> list[Person]:
    """Those of them whom a message can reach."""
    return [one for one in people if one is not None and one.chat_id is not None and one.reachable]


def _backup_at(escalation: Escalation) -> timedelta:
    return next(one.after for one in LADDER[escalation.level] if one.backup)


def _start(draft: Draft, escalation: Escalation) -> datetime:
    """The instant that the ladder counts from."""
    return _awake(draft, escalation, escalation.raised_at)


def _awake(draft: Draft, escalation: Escalation, at: datetime, reader: Person | None = None) -> datetime:
    """`at`, or for anything but NOW the end of the quiet hours that `at` falls into: the reader's, else the coach's."""
    coach = reader or next(iter(hearing(draft.known.coach, draft.known.backup)), None)
    if escalation.level >= Level.NOW or coach is None:
        return at
    return timing.waking(coach.zone, coach.quiet_from, coach.quiet_to, at)


def _next_list(draft: Draft) -> datetime:
    """When a concern stands on the coach's list next (for its age; the list itself has its own wakeup)."""
    coach = draft.known.coach or draft.person
    found = timing.next_ask(timing.Rhythm(coach.zone, coach.ask_at), draft.now, None)
    return found[1] if found else draft.now
