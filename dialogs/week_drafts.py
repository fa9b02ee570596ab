"""A letter that waits for its coach: kept with the athlete, read on the coach's Sunday, and sent by nobody else.

It is kept in the athlete's journal, so it goes with them when they are erased, and stands in their export:

    step "draft"    the words as the coach has read them; its date is in the buttons
    step "drafted"  what became of it: sent, edited, dropped; one of these, once

[Send] goes the way of any letter of the coach. Nothing is sent by itself. What it says is chosen in `week_letters`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from dialogs import desk, timing, week_letters
from dialogs.draft import Draft, Rows, date_in
from dialogs.model import Button, Message, Person, Record, Training
from dialogs.summary import Week


def words_for(draft: Draft, athlete: Person, week: Week, training: Training) -> str | None:
    """The draft for this athlete: the one of today that was shown already, or a new one. None: it has had its end."""
    there = timing.local_date(athlete.zone, draft.now)
    before = _found(training.records, there, draft.person)
    if before is not None:
        return before[0] if before[1] is None else None
    words = week_letters.letter(week, athlete, training.plan, draft.person.language)
    draft.record("step", "draft", {"by": draft.person.id}, words, about=athlete)
    return words


def buttons(athlete: Person, day: date) -> Rows:
    """Below the draft of that date."""
    target = f"{athlete.id}:{day:%y%m%d}"
    return (
        (
            Button("button.draft_send", f"dsend:{target}"),
            Button("button.draft_edit", f"dedit:{target}"),
            Button("button.draft_drop", f"ddrop:{target}"),
        ),
    )


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
    athlete = draft.by_number(number)
    day = date_in(stamp)
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
