"""The last days of one athlete as facts: what was answered on which day. Gaps stay gaps: missing is not zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from dialogs import signals, timing
from dialogs.levels import Level
from dialogs.model import Change as PlanChange
from dialogs.model import Json, Person, Plan, Record, Session, Training
from dialogs.plan import MINUTES_PER_KM, RUNS, effort, minutes
from dialogs.scripts.checkin import ITEMS


def answers_of(records: Iterable[Record], day: date) -> dict[str, Json]:
    """The answers of one local date, the last one given for each question."""
    return {record.name: record.value for record in records if record.kind == "answer" and record.day == day}


NOT_OWN = ("coach_wrote", "forwarded", "transcript")  # words in an athlete's journal that they did not type


def own_words(records: Iterable[Record]) -> list[Record]:
    """What the athlete wrote for a human, in their own words, oldest first: no letter of a coach, no forward."""
    return [one for one in records if one.kind == "words" and one.words and one.name not in NOT_OWN]


def week(records: Iterable[Record], today: date) -> list[dict[str, Json]]:
    """Seven days up to today, oldest first; each has `day`, `weekday` (0 = Monday), `answers` (1..5, "usual" or None
    by item), `pain` (0..10 or None) and `answered`."""
    known = tuple(records)
    days = [today - timedelta(days=back) for back in range(6, -1, -1)]
    picture = []
    for day in days:
        answers = answers_of(known, day)
        picture.append(
            {
                "day": day.isoformat(),
                "weekday": day.weekday(),
                "answers": {item: answers.get(item) for item in ITEMS},
                "pain": answers.get("pain_level"),
                "answered": any(name in ITEMS or name == "pain_level" for name in answers),
            }
        )
    return picture


# --- a week as facts ------------------------------------------------------------------------------------------------

WEEK = 7
TREND_DAYS = 14
LOW = 2  # an item at this or under it is low for anybody
UNDER = 1.5  # of one's own spread, and a whole step at the least: under one's own usual
LONG_RUN = 75  # minutes from which on a run is a long one, whatever it is called
QUOTE = 140  # signs of one quote
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quote:
    """A literal stretch of what somebody wrote: it stands in `record.words` as it stands here. `more`: they went on."""

    day: date
    words: str
    more: bool
    record: Record


@dataclass(frozen=True, slots=True)
class Change:
    """One session as it stood before this week and as it stands now; None: it was not, or is not. `by` and `cause` are
    those of the last change to it."""

    before: Session | None
    after: Session | None
    by: str
    cause: str


@dataclass(frozen=True, slots=True)
class Week:
    """What one athlete did and said on the seven local dates from `first` to `last`, and nothing that is not known.

    asked      days on which they were asked, or answered unasked; `answered` of them
    planned    sessions of the plan; `done`, `changed` and `missed` as reported; of the others nothing is known
    why        how many missed ones for life, body, head
    minutes    of what was done, as far as the plan names them; `km` of runs likewise
    long       the longest run that was done, with the effort it was felt as (0..10, None: not said)
    low        by item the dates on which it was low, or under their own usual
    hours      hours of sleep by date, where they were said
    pains      by place the worst of each date (0..10), in the order of the dates
    said       what life did: ill_above, ill_below, fever, injured, busy, slower, away, well
    harder     sessions that felt harder than meant, by two or more
    raced      a race of these days that was not told as left out; `race` the next one within three weeks after them
    fired      rules that spoke, with the number of dates
    """

    first: date
    last: date
    asked: int
    answered: int
    planned: int
    done: int
    changed: int
    missed: int
    why: Mapping[str, int]
    minutes: int
    km: float
    long: tuple[Session, float | None] | None
    low: Mapping[str, tuple[date, ...]]
    hours: Mapping[date, float]
    pains: Mapping[str, tuple[tuple[date, float], ...]]
    said: frozenset[str]
    harder: int
    raced: Session | None
    race: Session | None
    fired: Mapping[str, int]
    quotes: tuple[Quote, ...]
    changes: tuple[Change, ...]

    @property
    def counts(self) -> dict[str, Json]:
        """How much there was of it, for a text."""
        names = ("asked", "answered", "planned", "done", "changed", "missed")
        return {name: getattr(self, name) for name in names}

    @property
    def worst_pain(self) -> float:
        """0..10, of all places and dates."""
        return max((level for days in self.pains.values() for _, level in days), default=0)

    @property
    def ill(self) -> bool:
        return bool(self.said & {"ill_above", "ill_below", "fever"})

    @property
    def bad(self) -> bool:
        """Something in it weighs: after this nobody is cheered at, and nobody is told about shoes."""
        urgent = any(weighs(one.record) for one in self.quotes)
        body = self.worst_pain >= 3 or self.ill or "injured" in self.said or bool(self.why.get("body"))
        return urgent or body or len({day for days in self.low.values() for day in days}) >= 2


_WEIGHS = tuple(level.value for level in Level if level >= Level.CONCERN)


def weighs(words: Record) -> bool:
    """Whether a human had to hear these words."""
    return words.value in _WEIGHS


def of_week(athlete: Person, records: Iterable[Record], training: Training, last: date) -> Week:
    """The week up to `last`. `records` are of their journal with their own words and events; the answers of the weeks
    before, for what is usual, are those of `training`."""
    records = tuple(records)
    dates = [last - back * _DAY for back in range(WEEK - 1, -1, -1)]
    days = signals.days(training.records)
    told = {day: days.get(day, signals.NOTHING) for day in dates}
    asked = [day for day in dates if told[day].answered or _was_asked(athlete, records, day, last)]
    planned = [one for one in training.plan.between(dates[0], last) if one.kind != "rest"]
    reports = [(day, one) for day in dates for one in told[day].done]
    did = [(_session_of(training.plan, planned, day, one), one) for day, one in reports if one.did != "not_done"]
    runs = [(session, one.effort) for session, one in did if session is not None and session.kind in RUNS]
    long = max(runs, key=lambda pair: minutes(pair[0]), default=None)
    why = [one.why for _, one in reports if one.did == "not_done" and one.why]
    left_out = {one.session for _, one in reports if one.did == "not_done"}
    raced = next((one for one in planned if one.kind == "race" and one.id not in left_out), None)
    ran = (
        raced is not None
        and _told_of_race(training.records, raced)
        and all(one.session != raced.id for _, one in reports)
    )
    return Week(
        first=dates[0],
        last=last,
        asked=len(asked),
        answered=sum(told[day].answered for day in asked),
        planned=max(len(planned), len(reports) + ran),
        done=sum(one.did == "done" for _, one in reports) + ran,
        changed=sum(one.did == "changed" for _, one in reports),
        missed=sum(one.did == "not_done" for _, one in reports),
        why={name: why.count(name) for name in sorted(set(why))},
        minutes=int(sum(minutes(session) for session, _ in did if session is not None)),
        km=round(sum(_km(session) for session, _ in runs), 1),
        long=long if long is not None and (long[0].kind == "long" or minutes(long[0]) >= LONG_RUN) else None,
        low=_low(days, dates),
        hours={day: hours for day in dates if (hours := told[day].sleep_hours) is not None},
        pains=_pains(told),
        said=frozenset().union(*(one.said for one in told.values())),
        harder=sum(_harder(session, one) for session, one in did),
        raced=raced,
        race=next((one for one in training.plan.between(last + _DAY, last + 21 * _DAY) if one.kind == "race"), None),
        fired=_fired(told),
        quotes=quotes(records, dates[0], last),
        changes=changes(training.changes, athlete.zone, dates[0], last),
    )


def _was_asked(athlete: Person, records: Iterable[Record], day: date, today: date) -> bool:
    """Whether this date had a check-in, as far as the journal and their settings tell."""
    if athlete.consent_at is None or day < timing.local_date(athlete.zone, athlete.consent_at):
        return False
    if day == today and (athlete.asked_on is None or athlete.asked_on < day):
        return False
    if any(one.kind == "event" and one.name == "not_asked" and one.day == day for one in records):
        return False
    on_pause = any(begun < day < back for begun, back in pauses(athlete, records))  # they begin in the course of a day
    return day.weekday() not in athlete.days_off and not on_pause


def pauses(athlete: Person, records: Iterable[Record]) -> tuple[tuple[date, date], ...]:
    """Their pauses as far as the journal tells: the date on which each was begun, and the first one after it. One that
    was begun before these records is known by its end alone; who came back early has said so."""
    told = [one for one in records if one.kind == "event" and one.name in ("paused", "resumed")]
    begun = [one for one in told if one.name == "paused"]
    if not begun:
        return ((date.min, athlete.paused_until),) if athlete.paused_until is not None else ()
    spans = []
    for one in begun:
        until = date.fromisoformat(str(one.value))
        back = min((other.day for other in told if other.name == "resumed" and other.at > one.at), default=until)
        spans.append((one.day, min(until, back)))
    return tuple(spans)


def _session_of(plan: Plan, planned: Iterable[Session], day: date, report: signals.Done) -> Session | None:
    """What was reported: by its id, or the only session of that day."""
    if report.session is not None:
        return plan.find(report.session)
    on_day = [one for one in planned if one.day == day]
    return on_day[0] if len(on_day) == 1 else None


def _told_of_race(records: Iterable[Record], race: Session) -> bool:
    """Whether they have answered how it was, or how they are after it: nobody reports a race like a session."""
    return any(
        one.kind == "answer" and one.name in ("race_how", "race_head") and one.day >= race.day for one in records
    )


def _km(session: Session) -> float:
    return session.km if session.km is not None else minutes(session) / MINUTES_PER_KM


def _harder(session: Session | None, report: signals.Done) -> bool:
    return session is not None and report.effort is not None and report.effort >= effort(session) + 2


def _low(days: Mapping[date, signals.Day], dates: Iterable[date]) -> dict[str, tuple[date, ...]]:
    found: dict[str, list[date]] = {}
    for day in dates:
        for item, value in days.get(day, signals.NOTHING).items.items():
            if value <= LOW or under_usual(signals.usual(days, item, day), item, value):
                found.setdefault(item, []).append(day)
    return {item: tuple(found[item]) for item in ITEMS if item in found}


def under_usual(usual: signals.Usual | None, item: str, value: float) -> bool:
    return usual is not None and signals.SCALES[item].worse_by(value, usual.mean) >= max(1.0, UNDER * usual.sd)


def _pains(told: Mapping[date, signals.Day]) -> dict[str, tuple[tuple[date, float], ...]]:
    found: dict[str, list[tuple[date, float]]] = {}
    for day, one in told.items():
        for place, pain in one.pains.items():
            found.setdefault(place, []).append((day, pain.level))
    hurts = {place: tuple(days) for place, days in found.items() if any(level > 0 for _, level in days)}
    return dict(sorted(hurts.items(), key=lambda pair: -max(level for _, level in pair[1])))


def _fired(told: Mapping[date, signals.Day]) -> dict[str, int]:
    every = [rule for one in told.values() for rule in one.fired]
    return {rule: every.count(rule) for rule in sorted(set(every))}


def quotes(records: Iterable[Record], first: date, last: date) -> tuple[Quote, ...]:
    """What they wrote on these dates, the most telling first: what a human had to hear, then what says most. A "thanks"
    is no quote."""
    found = [quote for one in own_words(records) if first <= one.day <= last and (quote := quoted(one)) is not None]
    return tuple(sorted(found, key=lambda one: (not weighs(one.record), -_telling(one.words), one.record.at)))


def quoted(record: Record, most: int = QUOTE) -> Quote | None:
    """The longest line of it, up to `most` signs, ending where a sentence or at least a word ends."""
    line = max((one.strip() for one in (record.words or "").splitlines()), key=len, default="")
    if len(line.split()) < 3 or not any(sign.isalpha() for sign in line):
        return None
    if len(line) <= most:
        return Quote(record.day, line, (record.words or "").strip() != line, record)
    head = line[:most]
    end = max(head.rfind(sign) for sign in (". ", "! ", "? "))
    cut = head[: end + 1] if end > most // 3 else head[: head.rfind(" ")] if " " in head[most // 3 :] else head
    return Quote(record.day, cut.strip(), True, record)


def _telling(words: str) -> int:
    """Who writes about their day says more than who answers a question; what is very long says no more than that."""
    return min(len(words.split()), 18)


def changes(made: Iterable[PlanChange], zone: str, first: date, last: date) -> tuple[Change, ...]:
    """What has become of each session by the changes of these local dates, in the order of their days. What a coach
    laid out anew is the plan and no change of it; what came back to where it was is none either."""
    found: dict[str, Change] = {}
    for one in sorted(made, key=lambda each: each.number):
        if not first <= timing.local_date(zone, one.at) <= last:
            continue
        removed = {each.id: each for each in one.removed}
        added = {each.id: each for each in one.added}
        for id in [*removed, *(each for each in added if each not in removed)]:
            before = found[id].before if id in found else removed.get(id)
            found[id] = Change(before, added.get(id), one.by, one.cause)
    # A race that is taken out of one day and put on another is laid twice by the coach, and means one thing.
    every = list(found.values())
    laid = [
        each.after for each in every if each.before is None and each.after is not None and each.after.kind == "race"
    ]
    for at, each in enumerate(every):
        if each.before is not None and each.before.kind == "race" and each.after is None and laid:
            every[at] = replace(each, after=laid.pop(0))
    told = [each for each in every if each.before is not None and not _same(each.before, each.after)]
    return tuple(sorted(told, key=lambda one: (one.before.day if one.before else last, one.cause)))


def _same(before: Session, after: Session | None) -> bool:
    return after is not None and replace(before, held=None) == replace(after, held=None)


# --- two weeks as a picture -----------------------------------------------------------------------------------------


def trend(training: Training, last: date, language: str, name: str | None = None) -> dict[str, Json]:
    """The facts of `pictures/trend.svg.j2`: TREND_DAYS dates up to `last`; by item the value of each (1..5, "usual", or
    None) and the band of their own usual (None: learning); pains (0..10) and sessions by what was reported ("open":
    nothing was). `name`: whose it is, None on their own phone."""
    days = signals.days(training.records)
    dates = [last - back * _DAY for back in range(TREND_DAYS - 1, -1, -1)]
    told = [days.get(day, signals.NOTHING) for day in dates]
    rows: list[Json] = []
    for item in ITEMS:
        usual = signals.usual(days, item, last)
        band = None if usual is None else [max(usual.mean - usual.sd, 1), min(usual.mean + usual.sd, 5)]
        values = [one.items.get(item, "usual" if one.usual else None) for one in told]
        rows.append({"item": item, "values": values, "band": band})
    return {
        "language": language,
        "name": name,
        "days": [[day.isoformat(), day.weekday()] for day in dates],
        "rows": rows,
        "pains": [max((pain.level for pain in one.pains.values()), default=None) for one in told],
        "sessions": [_told_of(training.plan, day, one, last) for day, one in zip(dates, told, strict=True)],
    }


def _told_of(plan: Plan, day: date, told: signals.Day, last: date) -> str | None:
    """done, changed, not_done; race; open: it stood in the plan, and nothing is known; None: nothing was planned."""
    did = {one.did for one in told.done}
    planned = [one for one in plan.on(day) if one.kind != "rest"]
    if "done" in did or "changed" in did:
        return "race" if any(one.kind == "race" for one in planned) else "done" if "done" in did else "changed"
    return "not_done" if did else "open" if planned else None
