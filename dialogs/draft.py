"""One turn while it is being written: what shall be said, kept and woken, gathered into an Outcome.

The draft is the only mutable thing in `dialogs` and never outlives `take_turn`. It knows three things about writing:
a tapped button is always answered, a talk's prompt carries a fresh turn number, and the person's value is replaced,
never changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from dialogs import engine, timing
from dialogs import plan as plans
from dialogs.engine import OFFERS, Option, Step
from dialogs.events import Event, Tapped
from dialogs.model import (
    Button,
    Change,
    Erase,
    Escalation,
    Invite,
    Json,
    Look,
    Message,
    Outcome,
    Person,
    Plan,
    Proposal,
    Record,
    Session,
    Setting,
    Snapshot,
    Talk,
    Training,
    Wakeup,
)
from dialogs.scripts import SCRIPTS

Rows = tuple[tuple[Button, ...], ...]

DAYS_IN_A_ROW = 4
# No letter that is mistaken for another when it is read out on the phone.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def spelled(number: int, signs: int) -> str:
    """The lowest bits of a number of the dice, 5 for each sign, for people to say to each other."""
    return "".join(_ALPHABET[number >> (5 * n) & 31] for n in range(signs))


def in_rows(buttons: Sequence[Button], wide: int = 2) -> Rows:
    """So many buttons side by side."""
    return tuple(tuple(buttons[at : at + wide]) for at in range(0, len(buttons), wide))


def number_in(data: str) -> int | None:
    """The number that a button carries; None: no number, or none that a database has (a button can be forged)."""
    return int(data) if data.isascii() and data.isdecimal() and len(data) < 19 else None


def date_in(data: str) -> date | None:
    """The date that a button carries, yymmdd; None: that is none."""
    try:
        return datetime.strptime(data, "%y%m%d").date()  # noqa: DTZ007 - a date without a zone is meant
    except ValueError:
        return None


class Draft:
    def __init__(self, known: Snapshot, person: Person, event: Event):
        self.known = known
        self.now: datetime = known.now
        self.person = person
        self.tapped = event if isinstance(event, Tapped) else None
        self.message_id: int | None = getattr(event, "message_id", None)
        self.today: date = timing.local_date(person.zone, known.now)
        self.records: list[Record] = []
        self.messages: list[Message] = []
        self.wakeups: list[Wakeup] = []
        self.cancelled: list[str] = []
        self.invites: list[Invite] = []
        self.used_invite: int | None = None
        self.silenced: list[str] = []
        self.erase: Erase | None = None
        self.changes: list[Change] = []
        self.settings: list[Setting] = []
        self.feed: str | None = None
        self.drill: Wakeup | None = None
        self._proposals: dict[str, Proposal] = {}  # new ones, and what this turn has changed of others
        self._escalations: dict[str, Escalation] = {one.short: one for one in known.escalations}
        self._raised: set[str] = set()
        self._unanswered = self.tapped.query_id if self.tapped else None

    # --- the person -------------------------------------------------------------------------------------------

    def change(self, **fields: Any) -> None:
        self.person = replace(self.person, **fields)

    @property
    def days(self) -> tuple[Record, ...]:
        """The journal of the last days, with what this turn adds."""
        return (*self.known.records, *(one for one in self.records if one.about is None))

    def local_time(self, instant: datetime, person: Person | None = None) -> str:
        return f"{timing.local((person or self.person).zone, instant):%H:%M}"

    # --- talks ------------------------------------------------------------------------------------------------

    def talk(self, script: str) -> Talk | None:
        return next((talk for talk in self.person.talks if talk.script == script), None)

    def top(self) -> Talk | None:
        return self.person.talks[-1] if self.person.talks else None

    def keep(self, talk: Talk) -> None:
        """Put the talk on top, in place of its earlier self."""
        self.change(talks=(*(one for one in self.person.talks if one.script != talk.script), talk))

    def close(self, script: str) -> None:
        self.change(talks=tuple(one for one in self.person.talks if one.script != script))

    def leave(self, talk: Talk) -> None:
        """Close a talk that nobody will finish, and take the buttons off its bubble."""
        self.close(talk.script)
        self.strip(talk)

    def strip(self, talk: Talk) -> None:
        """Take the buttons off its bubble: what cannot be answered any more shall not look as if it could."""
        self.messages.append(Message(self.person.id, "", bubble=talk.bubble, edit=True, strip=True))

    def open(self, script: str, known: Mapping[str, Json] | None = None) -> engine.Moved:
        """Begin a talk; its bubble is named after the turn in which it was opened."""
        return engine.begin(
            SCRIPTS[script],
            turn=self.person.turn,
            bubble=f"{script}:{self.person.id}:{self.person.turn}",
            now=self.now,
            known=known,
        )

    def ask(self, talk: Talk, *, preface: str | None = None, anew: bool = False, **fields: Any) -> None:
        """Say the talk's current question. In place where it was tapped, else in a new bubble below what was typed.

        The turn number moves with every prompt: whatever hung below an earlier one is closed by that.
        """
        turn = self.person.turn + 1
        script = SCRIPTS[talk.script]
        step = script.step(talk.step)
        # A question that offers the location button comes in a new bubble: an edit cannot show that button.
        in_place = self.tapped is not None and not anew and not step.located
        bubble = talk.bubble if in_place else f"{talk.script}:{self.person.id}:{turn}"
        if not in_place and (before := self.talk(talk.script)) is not None:
            self.strip(before)
        talk = replace(talk, turn=turn, bubble=bubble)
        self.change(turn=turn)
        self.keep(talk)
        self.say(
            "shared.which" if _doubtful(talk) else f"{script.texts or script.name}.{talk.step}",
            {
                "so_far": dict(talk.slots),
                "hour": timing.local(self.person.zone, self.now).hour,
                "guardian": next((one.name for one in self.known.guardians if one.id == self.person.guardian_id), None),
                "athlete": self.known.ward.name if self.known.ward else None,
            },
            buttons=_keyboard(step, talk),
            bubble=bubble,
            edit=in_place,
            preface=preface,
            keyboard="location" if step.located else None,
            **fields,
        )

    # --- speaking ---------------------------------------------------------------------------------------------

    def say(
        self,
        text: str,
        data: Mapping[str, Json] | None = None,
        *,
        to: Person | None = None,
        **fields: Any,
    ) -> None:
        """Say something to this turn's person, or to somebody else by `to`. Every text may use `name` and `coach`."""
        recipient = to or self.person
        common: dict[str, Json] = {
            "name": self.person.name,
            "coach": self.known.coach.name if self.known.coach else None,
            "to": recipient.name,
        }
        message = Message(recipient.id, text, {**common, **(data or {})}, **fields)
        if recipient.id == self.person.id and self._unanswered:
            message = replace(message, answers=self._unanswered)
            if message.edit and message.message_id is None and self.tapped:
                message = replace(message, message_id=self.tapped.message_id)
            self._unanswered = None
        self.messages.append(message)

    def toast(self, text: str, data: Mapping[str, Json] | None = None) -> None:
        """A word on the tapped button, and nothing in the chat. Where nothing was tapped it is a message."""
        self.say(text, data, toast=self._unanswered is not None)

    # --- remembering ------------------------------------------------------------------------------------------

    def record(
        self,
        kind: str,
        name: str,
        value: Json = None,
        words: str | None = None,
        *,
        about: Person | None = None,
    ) -> None:
        day = self.today if about is None else timing.local_date(about.zone, self.now)
        self.records.append(
            Record(kind, name, self.now, day, value, words, self.message_id, about.id if about else None)
        )

    def read_by_now(self) -> None:
        """These words have gone to a human by themselves: they do not stand on the coach's next list once more."""
        self.records = [
            replace(one, value="passed_on") if one.kind == "words" and one.value is None else one
            for one in self.records
        ]

    def wake(
        self, kind: str, key: str, at: datetime, day: date | None = None, *, whose: int | None = None, **data: Json
    ) -> None:
        self.wakeups.append(Wakeup(kind, key, at, day, data, whose))

    def cancel(self, *prefixes: str) -> None:
        """Take back the wakeups whose keys begin so: those that there are, and those that this turn has planned so far.
        (What is raised twice in one turn would else ring by two clocks.)"""
        self.cancelled += prefixes
        self.wakeups = [one for one in self.wakeups if not one.key.startswith(prefixes)]

    # --- escalations ------------------------------------------------------------------------------------------

    def escalations(self) -> tuple[Escalation, ...]:
        """Those that are not closed."""
        return tuple(one for one in self._escalations.values() if one.closed_at is None)

    def closed(self) -> tuple[Escalation, ...]:
        """This athlete's own that were closed lately: a new symptom opens them again."""
        return tuple(one for one in self._escalations.values() if one.closed_at is not None)

    def escalation(self, short: str) -> Escalation | None:
        return self._escalations.get(short)

    def put(self, escalation: Escalation) -> None:
        self._escalations[escalation.short] = escalation
        self._raised.add(escalation.short)

    def athlete(self, id: int) -> Person | None:
        return next((one for one in self.known.athletes if one.id == id), None)

    @property
    def coaches(self) -> tuple[Person, ...]:
        """Who may have taken or written something: this turn's person, and each coach whom it knows; some twice."""
        known = self.known
        return (self.person, *known.colleagues, *(one for one in (known.coach, known.backup) if one is not None))

    def by_number(self, data: str) -> Person | None:
        """The athlete whom a button names; None: nobody of theirs."""
        id = number_in(data)
        return self.athlete(id) if id is not None else None

    def look(self, kind: str, people: Iterable[int], *, days: int = 0, words: str = "") -> tuple[Record, ...]:
        """Look into the journals of these people, each the coach's own athlete; see dialogs.model.Look."""
        return self.known.looked[Look(kind, tuple(people), days, words)]

    # --- the plan ---------------------------------------------------------------------------------------------

    def training(self, athlete: Person | None = None) -> Training:
        """Plan, answers and settings, with what this turn adds: of this turn's person, or of a coach's athlete."""
        id = (athlete or self.person).id
        known = self.known.training[id]
        plan = known.plan
        changes = [one for one in self.changes if (one.about or self.person.id) == id]
        for one in changes:
            plan = plans.after(plan, one)
        records = [one for one in self.records if (one.about or self.person.id) == id]
        proposals = {one.short: one for one in known.proposals}
        proposals |= {short: one for short, one in self._proposals.items() if one.athlete_id == id}
        return Training(
            plan,
            (*known.records, *(one for one in records if one.kind in ("answer", "step"))),
            (*known.settings, *(one for one in self.settings if one.athlete_id in (None, id))),
            tuple(proposals.values()),
            (*known.changes, *changes),
        )

    def replan(
        self,
        by: str,
        cause: str,
        removed: Iterable[Session],
        added: Iterable[Session],
        athlete: Person | None = None,
    ) -> Plan:
        """The plan's next version, made by this turn. Raises dialogs.plan.Refused."""
        about = athlete.id if athlete is not None and athlete.id != self.person.id else None
        today = self.today if about is None or athlete is None else timing.local_date(athlete.zone, self.now)
        plan, change = plans.changed(
            self.training(athlete).plan, today, self.now, by=by, cause=cause, removed=removed, added=added, about=about
        )
        self.changes.append(change)
        return plan

    def undo(self, change: Change, by: str, athlete: Person | None = None) -> Change:
        """Take back a change. Raises dialogs.plan.Refused."""
        about = athlete.id if athlete is not None and athlete.id != self.person.id else None
        today = self.today if about is None or athlete is None else timing.local_date(athlete.zone, self.now)
        back = plans.undone(self.training(athlete).plan, change, today, self.now, by=by, about=about)
        self.changes.append(back)
        return back

    def propose(self, proposal: Proposal) -> None:
        self._proposals[proposal.short] = proposal

    def spell_short(self) -> str:
        """Five signs from the turn's dice (25 bits), for people to say to each other. A collision with another one is
        refused by the database, and the turn is taken again with other dice."""
        used = len(self._raised) + len([one for one in self._proposals.values() if one.id == 0])
        number = int(self.known.dice[used * 8 : used * 8 + 8], 16)
        return spelled(number, 5)

    # --- the end ----------------------------------------------------------------------------------------------

    def outcome(self) -> Outcome:
        if self.erase is not None and self.erase.person_id == self.person.id:
            # Of whom is gone nothing may be saved; what others are told is all that is left of the turn.
            told = tuple(one for one in self.messages if one.to != self.person.id)
            return Outcome(messages=told, erase=self.erase)
        if self._unanswered:  # a tap that led to nothing visible still stops the clock on the button
            self.toast("shared.noted")
        return Outcome(
            person=self.person,
            records=tuple(self.records),
            escalations=tuple(self._escalations[short] for short in sorted(self._raised)),
            messages=tuple(self.messages),
            wakeups=tuple(self.wakeups),
            cancel=tuple(self.cancelled),
            invites=tuple(self.invites),
            used_invite=self.used_invite,
            silenced=tuple(self.silenced),
            erase=self.erase,
            changes=tuple(self.changes),
            proposals=tuple(self._proposals.values()),
            settings=tuple(self.settings),
            feed=self.feed,
            drill=self.drill,
        )


def _doubtful(talk: Talk) -> bool:
    """A reader has come back with several readings, in the words of the place or thing itself. (What we offer by
    ourselves are texts of ours, below the question as it is.)"""
    return any(not isinstance(label, Mapping) for _value, label in talk.slots.get(OFFERS, ()))


def _offered(label: Json, data: str) -> Button:
    """Somebody's own word for it, or a text of ours with its values: {"text": ..., "args": {...}}."""
    if isinstance(label, Mapping):
        return Button(str(label["text"]), data, label["args"])
    return Button("button.offer", data, {"offer": label})


def _keyboard(step: Step, talk: Talk) -> Rows:
    offers = [_offered(label, f"{talk.turn}:o{n}") for n, (_value, label) in enumerate(talk.slots.get(OFFERS, ()))]
    if offers and _doubtful(talk):
        return tuple((one,) for one in offers)
    ticked = engine.chosen(step, talk)

    def button(option: Option) -> Button:
        own = step.label if step.label and option.value != "done" and option.ends is None else None
        name = own or ("button.number" if isinstance(option.value, int) else f"button.{option.value}")
        return Button(name, f"{talk.turn}:{option.value}", {"n": option.value, "ticked": option.value in ticked})

    wide = DAYS_IN_A_ROW if offers and offers[0].label == "button.day" else 1
    return (*in_rows(offers, wide), *(tuple(button(option) for option in row) for row in step.options))
