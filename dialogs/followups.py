"""A pain is asked about again: on the next morning, and on its third and its seventh day while it lasts.

Theory of operation. Before the check-in is asked (dialogs.mornings), the last days are looked at for a pain that was
told, has not settled, and was not told of today. One question, answered by one tap, in the bubble of the check-in; the
answer is then filled into the check-in like a pain that was mentioned by itself. So it is recorded, judged by where it
sits, asked about the stride where that matters, and seen by the rules (pain-rises, pain-unsettled, pain-lasts) in the
one way that there is; nothing here judges. "Settled" is a pain of 0, by which the same rules know that it is over.

Days are counted as the rules count them (rules.view): day 1 is the first on which it was told, and it goes on as long
as it is told again within a week. A morning without an answer is made up for by the next one. Of several pains a
morning asks about one: where bone may hurt first, then the strongest; the others come on the mornings after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from dialogs import checkin, engine, signals
from dialogs.draft import Draft
from dialogs.model import Json, Record, Talk
from dialogs.rules.view import GAP
from dialogs.scripts import SCRIPTS
from dialogs.scripts.followups import SAME, SETTLED
from dialogs.signals import Pain
from dialogs.words.aches import BONE_LIKE

DAYS = (3, 7)  # of a pain, besides the morning after it was told
ASKED = "followed"  # the step that says: what is told of this pain today was an answer, and nothing new
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Open:
    """A pain to ask about. `told_on`: when it was told last, so strong; `first`: its day 1; `number`: today's."""

    where: str
    pain: Pain
    told_on: date
    first: date
    number: int

    @property
    def last(self) -> int:
        """The day of it on which it was told last."""
        return (self.told_on - self.first).days + 1

    @property
    def rank(self) -> tuple[bool, float]:
        return self.where in BONE_LIKE, self.pain.level


def wanted(records: Iterable[Record], today: date) -> Open | None:
    """The pain that this morning asks about."""
    records = tuple(records)
    days = signals.days(records)
    answered = [one for one in records if one.kind == "step" and one.name == ASKED]
    found = []
    for where in sorted({where for day in days.values() for where in day.pains}):
        told = sorted(((day, known.pains[where]) for day, known in days.items() if where in known.pains), key=_day)
        since = {one.day: date.fromisoformat(one.value["since"]) for one in answered if one.value["where"] == where}
        one = _open(where, told, since, today)
        if one is not None and (_news(one, since, today) or any(one.last < on <= one.number for on in DAYS)):
            found.append(one)
    return max(found, key=lambda one: one.rank, default=None)


def _day(told: tuple[date, Pain]) -> date:
    return told[0]


def _news(one: Open, since: Mapping[date, date], today: date) -> bool:
    """They told of it yesterday by themselves."""
    return one.told_on == today - _DAY and one.told_on not in since


def _open(where: str, told: list[tuple[date, Pain]], since: Mapping[date, date], today: date) -> Open | None:
    """None: it was told of today, has settled, or is forgotten. `since`: of a day when it was asked about, its day 1
    as it was known then; what lies further back is not loaded."""
    last, pain = told[-1]
    if last >= today or pain.level <= 0 or (today - last).days > GAP:
        return None
    first = since.get(last, last)
    for day, before in reversed(told[:-1]):
        if before.level <= 0 or (first - day).days > GAP:
            break
        first = min(first, since.get(day, day))
    return Open(where, pain, last, first, (today - first).days + 1)


def opened(draft: Draft) -> Talk | None:
    """The question of this morning, not asked yet."""
    one = wanted(draft.days, draft.today)
    if one is None:
        return None
    level = int(one.pain.level) if one.pain.level == int(one.pain.level) else round(one.pain.level, 1)
    about: dict[str, Json] = {
        "where": one.where,
        "side": one.pain.side,
        "level": level,
        "ago": (draft.today - one.told_on).days,
        "since": one.first.isoformat(),
        "day": draft.today.isoformat(),
    }
    return draft.open("settled", about).talk


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Answered: the check-in has the pain now, and goes on in the same bubble."""
    draft.close(talk.script)
    morning = draft.talk("morning") or draft.open("morning", {"day": draft.today.isoformat()}).talk
    morning = replace(morning, bubble=talk.bubble)
    draft.keep(morning)
    script = SCRIPTS["morning"]
    if step.ended in ("later", "skip"):
        put_off = engine.choose(script, morning, step.ended)
        if put_off is not None:
            checkin.moved(draft, morning, put_off)
        return
    draft.record("step", ASKED, {"where": talk.slots["where"], "since": talk.slots["since"]})
    checkin.moved(draft, morning, engine.fill(script, morning, _told(talk.slots, step.answers["settled"])))


def _told(about: Mapping[str, Json], answer: Json) -> dict[str, Json]:
    level = about["level"] if answer == SAME else 0 if answer == SETTLED else int(answer)
    told: dict[str, Json] = {"hurts": "hurts", "pain_where": about["where"]}
    if about["side"]:
        told["pain_side"] = about["side"]
    told["pain_level"] = level
    if level < checkin.PAIN_SOME:  # the stride is asked from there on; under it the number is enough
        told["pain_stride"] = "no" if level <= 0 else None
    return told
