"""A club on paper: turns are taken, and what they say is done, without a database, a network or a clock.

It does what storage and the shell do with an Outcome, by the same rules (a wakeup whose key has rung is never planned
again; a message with a key is put once; an edit changes the bubble it names), and is as strict about them. Between
any two turns all that is kept is written to JSON and read back. The chats are kept as phones show them, and every
markup is read by the sandbox's parser, so that a transcript can be read, and judged, from top to bottom.

Ann (Kim's) and Ben (Dana's) run; Kim and Dana coach. Ann and Dana live in London, Kim in Berlin: an hour later, so
that a time on the wrong clock is seen. The story begins on Monday, 1 June 2026, at seven in London.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pydantic import TypeAdapter

from bot.sandbox.markup import parse_html
from dialogs import answering, render, summary, timing
from dialogs import plan as plans
from dialogs.concerns import REOPENS
from dialogs.events import Due, Edited, Event, Grouped, Located, Said, Sender, Sent, Started, Tapped, Unreachable
from dialogs.model import (
    Change,
    Erase,
    Escalation,
    Invite,
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
    Topic,
    Training,
    Wakeup,
)
from dialogs.turn import take_turn

ANN, KIM, DANA, BEN, NEW = 1, 2, 3, 4, 5
SEVEN = datetime(2026, 6, 1, 6, 0, tzinfo=UTC)  # seven in London, eight in Berlin
_SINCE = datetime(2026, 5, 1, tzinfo=UTC)

PEOPLE = (  # without the weekly message, which would come into every longer story
    Person(
        ANN, "Ann", chat_id=101, user_id=101, runs=True, coach_id=KIM, zone="Europe/London", place="London",
        country="GB", ask_at=time(7, 30), consent_at=_SINCE, joined_at=_SINCE, weekly=False,
    ),
    Person(
        KIM, "Kim", chat_id=102, user_id=102, coaches=True, zone="Europe/Berlin", place="Berlin", country="DE",
        consent_at=_SINCE, joined_at=_SINCE, weekly=False,
    ),
    Person(
        DANA, "Dana", chat_id=103, user_id=103, coaches=True, zone="Europe/London", place="London", country="GB",
        consent_at=_SINCE, joined_at=_SINCE + timedelta(days=1), weekly=False,
    ),
    Person(
        BEN, "Ben", chat_id=104, user_id=104, runs=True, coach_id=DANA, zone="Europe/London", place="London",
        country="GB", consent_at=_SINCE, joined_at=_SINCE + timedelta(days=2), weekly=False,
    ),
)  # fmt: skip


@dataclass(slots=True)
class Bubble:
    """One message as it stands in a chat now."""

    id: int
    html: str = ""
    text: str = ""
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    about: int | None = None
    keyboard: str | None = None

    @property
    def labels(self) -> list[str]:
        return [label for row in self.rows for label, _data in row]


@dataclass(slots=True)
class Club:
    """All that outlives a turn."""

    now: datetime
    people: dict[int, Person]
    escalations: dict[str, Escalation] = field(default_factory=dict)
    journal: list[tuple[int, int, Record]] = field(default_factory=list)  # whose, written by whom
    wakeups: dict[str, tuple[int, Wakeup]] = field(default_factory=dict)
    rung: set[str] = field(default_factory=set)
    invites: dict[str, Invite] = field(default_factory=dict)
    put: set[str] = field(default_factory=set)  # keys of messages
    chats: dict[int, list[Bubble]] = field(default_factory=dict)
    bubbles: dict[str, int] = field(default_factory=dict)  # chat/bubble name -> message id
    plans: dict[int, Plan] = field(default_factory=dict)
    changes: list[tuple[int, Change]] = field(default_factory=list)  # whose, and what
    proposals: dict[str, Proposal] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)
    feeds: dict[int, str] = field(default_factory=dict)  # codes that work
    sendings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # of each escalation: its pages
    address: str | None = "https://club.example"
    turns: int = 0


_LOOKED_AT = ("answer", "step")
_OUTCOME = TypeAdapter(Outcome)
_PERSON = TypeAdapter(Person)


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that reached one chat in the last act: a bubble (new or changed) or a notice on a button."""

    chat: int
    text: str
    bubble: Bubble | None
    message: Message


FIRST_TOPIC = 7000  # on paper the topic of an athlete has the number 7000 + id


def topic_chat(group: int, athlete: int) -> int:
    """A topic is a chat of its own here."""
    return group * 1000 - athlete


def tell(line: str) -> None:
    """For whoever reads the transcript of a failed test; half an emoji cannot be printed."""
    print(line.encode("utf-8", "backslashreplace").decode())


class Talk:
    """`me` is who says and taps when no name is given: Ann."""

    def __init__(self, *people: Person, now: datetime = SEVEN, me: int = ANN):
        self.club = Club(now, {one.id: one for one in people or PEOPLE})
        self.me = me
        self.heard: list[Heard] = []
        self.outcome = Outcome()
        self.minors = False  # the club takes athletes under 18
        self.club_week: Mapping[str, Any] | None = None  # as storage.weeks.club makes it
        self.counts: dict[str, int] = {}
        self.leaving: list[Person] = []  # guardians, who go with their athlete: their last message is put after that
        self.phones: dict[int, str] = {}  # Telegram's code for the language of somebody's phone, where not English
        for one in self.club.people.values():  # what joining has planned
            if one.consent_at and one.runs:
                self._first("checkin", one)
            if one.consent_at and one.coaches:
                self._first("list", one)

    def _first(self, kind: str, one: Person) -> None:
        rhythm = timing.Rhythm(one.zone, one.ask_at, frozenset(one.days_off), one.paused_until)
        found = timing.next_ask(rhythm, self.now, one.asked_on)
        if found is not None:
            key = f"{kind}:{one.id}:{found[0]}"
            self.club.wakeups[key] = (one.id, Wakeup(kind, key, found[1], found[0]))

    # --- looking ----------------------------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.club.now

    @property
    def ann(self) -> Person:
        return self.club.people[ANN]

    @property
    def kim(self) -> Person:
        return self.club.people[KIM]

    def person(self, id: int) -> Person:
        return self.club.people[id]

    def change(self, id: int, **fields: Any) -> None:
        """Make it so before the story goes on."""
        self.club.people[id] = replace(self.club.people[id], **fields)

    @property
    def open(self) -> list[Escalation]:
        return [one for one in self.club.escalations.values() if one.open]

    @property
    def only(self) -> Escalation:
        """The one escalation of this story."""
        (one,) = self.club.escalations.values()
        return one

    def records(self, kind: str, name: str | None = None, of: int = ANN) -> list[Record]:
        return [r for whose, _, r in self.club.journal if whose == of and r.kind == kind and name in (None, r.name)]

    def answers(self, of: int = ANN) -> dict[str, Any]:
        return {record.name: record.value for record in self.records("answer", of=of)}

    def planned(self, kind: str) -> list[datetime]:
        return sorted(wakeup.at for _, wakeup in self.club.wakeups.values() if wakeup.kind == kind)

    def chat(self, who: int) -> list[Bubble]:
        return self.club.chats.get(self._chat(who), [])

    def last(self, who: int | None = None) -> Bubble:
        return self.chat(who or self.me)[-1]

    def _chat(self, who: int) -> int:
        one = self.club.people.get(who)
        return one.chat_id if one and one.chat_id else 100 + who

    def plan(self, of: int = ANN) -> Plan:
        return self.club.plans.get(of, Plan())

    def session(self, day: date, of: int = ANN) -> Session:
        """The one session of that day."""
        (one,) = self.plan(of).on(day)
        return one

    def plans(self, *sessions: Session, of: int = ANN) -> Talk:
        """It was laid out before the story goes on."""
        self.club.plans[of] = Plan(self.plan(of).number + 1, plans.ordered((*self.plan(of).sessions, *sessions)))
        return self

    # --- doing ------------------------------------------------------------------------------------------------

    def says(self, text: str, who: int | None = None, *, reply_to: Bubble | None = None, private: bool = True) -> Talk:
        who = who or self.me
        tell(f"\n{self._clock(who)} {self._name(who)}: {text}")
        id = self._message_id(who)
        if match := re.fullmatch(r"/start(?: (\S+))?", text):
            return self.takes(Started(match[1], id), who, private=private)
        return self.takes(Said(text, id, reply_to.id if reply_to else None), who, reply_to=reply_to, private=private)

    def forwards(self, text: str, who: int | None = None) -> Talk:
        who = who or self.me
        tell(f"\n{self._clock(who)} {self._name(who)} forwards: {text}")
        return self.takes(Said(text, self._message_id(who), forwarded=True), who)

    def kim_says(self, text: str, *, reply_to: Bubble | None = None) -> Talk:
        return self.says(text, KIM, reply_to=reply_to)

    def dana_says(self, text: str, *, reply_to: Bubble | None = None) -> Talk:
        return self.says(text, DANA, reply_to=reply_to)

    def taps(self, label: str, who: int | None = None) -> Talk:
        """Press the newest button of this name that the phone shows."""
        who = who or self.me
        shown = [
            (bubble, data)
            for bubble in reversed(self.chat(who))
            for row in bubble.rows
            for name, data in row
            if name == label
        ]
        labels = [bubble.labels for bubble in self.chat(who)[-3:]]
        assert shown, f"{self._name(who)} sees no button {label!r}, only {labels}"
        bubble, data = shown[0]
        tell(f"\n{self._clock(who)} {self._name(who)} taps [{label}]")
        return self.takes(Tapped(data, f"q{self.club.turns}", bubble.id), who)

    def kim_taps(self, label: str) -> Talk:
        return self.taps(label, KIM)

    def dana_taps(self, label: str) -> Talk:
        return self.taps(label, DANA)

    def presses(self, data: str, who: int | None = None) -> Talk:
        """A tap with this data, whatever the phone shows: old, foreign, invented."""
        who = who or self.me
        tell(f"\n{self._clock(who)} {self._name(who)} presses {data!r}")
        return self.takes(Tapped(data, f"q{self.club.turns}", 1), who)

    def button(self, label: str, who: int | None = None) -> str:
        """The data of the newest button of this name, to press it later."""
        who = who or self.me
        return next(
            data for bubble in reversed(self.chat(who)) for row in bubble.rows for name, data in row if name == label
        )

    def edits(self, text: str, who: int | None = None) -> Talk:
        tell(f"\n{self._clock(who or self.me)} {self._name(who or self.me)} edits: {text}")
        return self.takes(Edited(text, 1), who or self.me)

    def sends(
        self, kind: str, caption: str = "", who: int | None = None, *, reply_to: Bubble | None = None, name: str = ""
    ) -> Talk:
        who = who or self.me
        tell(f"\n{self._clock(who)} {self._name(who)} sends a {kind} {name} {caption}")
        event = Sent(kind, self._message_id(who), "file-1", caption, reply_to.id if reply_to else None, name)
        return self.takes(event, who, reply_to=reply_to)

    def brings(self, content: str | bytes = b"", *, failed: str | None = None) -> Talk:
        """The file that a coach has sent is here, as `bot.fetch` brings it."""
        whose, wakeup = next(one for one in self.club.wakeups.values() if one[1].kind == "fetch")
        del self.club.wakeups[wakeup.key]
        data = content.encode() if isinstance(content, str) else content
        more = {"failed": failed} if failed else {"content": base64.b64encode(data).decode()}
        key = wakeup.key.replace("fetch", "planfile", 1)
        return self.rings(Due("planfile", key, data={**wakeup.data, **more}), whose)

    def shares(self, lat: float, lon: float, who: int | None = None) -> Talk:
        tell(f"\n{self._clock(who or self.me)} {self._name(who or self.me)} shares {lat}, {lon}")
        return self.takes(Located(lat, lon, self._message_id(who or self.me)), who or self.me)

    def cannot_reach(self, who: int, short: str, athlete: int = ANN) -> Talk:
        """A page has failed for good: what the shell then does."""
        self.change(who, reachable=False)
        self._begin()
        self._turn(Unreachable(who, short), athlete)
        return self

    def takes(self, event: Event, who: int, *, reply_to: Bubble | None = None, private: bool = True) -> Talk:
        self._begin()
        sender = Sender(
            self._chat(who) if private else -500, 100 + who, "Somebody", self.phones.get(who, "en"), private
        )
        if not private:
            self._guests(event, sender)
        self._turn(event, who, sender, about=reply_to.about if reply_to else None)
        return self

    def _guests(self, event: Event, sender: Sender) -> None:
        """As `bot.handle` does it: the coaches who use a group have a turn before anything of a guest's is read."""
        come = event.newcomers if isinstance(event, Grouped) else ()
        seen = {one.user_id: one.name for one in come if one.username != "aid_bot"}
        if isinstance(event, Tapped) or (isinstance(event, Grouped) and event.message is not None):
            seen |= {sender.user_id: sender.first_name} if sender.user_id is not None else {}
        coaches = [one for one in self.club.people.values() if one.coaches and one.chat_id is not None]
        guests = [name for number, name in seen.items() if number not in [one.user_id for one in coaches]]
        for one in coaches if guests else []:
            if sender.chat_id in (one.group, one.group_asked):
                data = {"what": "guest", "chat": sender.chat_id, "guests": guests}
                self._turn(Due("topic", f"topic:{one.id}:{self.club.turns}", data=data), one.id)

    # --- time -------------------------------------------------------------------------------------------------

    def at(self, wall: str, *, asleep: bool = False) -> Talk:
        """The next time that Ann's clock shows it; what is due on the way happens, unless we were down (`asleep`)."""
        at = time.fromisoformat(wall)
        day = timing.local_date(self.ann.zone, self.now)
        target = timing.instant_of(self.ann.zone, day, at)
        if target is None or target <= self.now:
            target = timing.instant_of(self.ann.zone, day + timedelta(days=1), at)
        assert target is not None
        return self.until(target, asleep=asleep)

    def after(self, *, asleep: bool = False, **much: float) -> Talk:
        return self.until(self.now + timedelta(**much), asleep=asleep)

    def until(self, target: datetime, *, asleep: bool = False) -> Talk:
        self._begin()
        while not asleep and (following := self._next()) is not None and following.at <= target:
            self._ring(following)
        self.club.now = max(target, self.now)
        return self

    def wakes(self, kind: str | None = None, *, of: int | None = None) -> Talk:
        """The next wakeup (of this kind, of this person) rings."""
        following = self._next(kind, of)
        assert following is not None, f"nothing is planned: {kind or 'no wakeup'}"
        self._begin()
        self._ring(following)
        return self

    def rings(self, due: Due, whose: int) -> Talk:
        """A wakeup that no turn has planned: what the shell puts by itself."""
        tell(f"\n{self._clock(whose)} -- {due.kind} of {self._name(whose)}")
        self._begin()
        self._turn(due, whose)
        return self

    def _next(self, kind: str | None = None, of: int | None = None) -> Wakeup | None:
        waiting = [
            wakeup
            for whose, wakeup in self.club.wakeups.values()
            if kind in (None, wakeup.kind) and of in (None, whose) and wakeup.kind not in ("fetch", "look")
        ]
        return min(waiting, key=lambda wakeup: (wakeup.at, wakeup.key), default=None)

    def _ring(self, wakeup: Wakeup) -> None:
        whose, _ = self.club.wakeups.pop(wakeup.key)
        self.club.rung.add(wakeup.key)
        self.club.now = max(self.now, wakeup.at)
        late = timing.too_late(wakeup.at, self.now)
        tell(f"\n{self._clock(whose)} -- {wakeup.kind} of {self._name(whose)}{' (late)' if late else ''}")
        self._turn(Due(wakeup.kind, wakeup.key, wakeup.day, wakeup.data, late), whose)

    # --- reading ----------------------------------------------------------------------------------------------

    def reads(self, who: int, fragment: str, buttons: Sequence[str] | None = None) -> Talk:
        """In the last act this reached them, and (if given) these are exactly its buttons."""
        texts = self.texts(who)
        found = [one for one in self.heard if one.chat == self._chat(who) and fragment in one.text]
        assert found, f"{self._name(who)} read no {fragment!r}, but {texts}"
        if buttons is not None:
            shown = [one.bubble.labels if one.bubble else [] for one in found]
            assert list(buttons) in shown, f"buttons are {shown}"
        return self

    def answers_with(self, fragment: str, buttons: Sequence[str] | None = None) -> Talk:
        return self.reads(self.me, fragment, buttons)

    hears = answers_with

    def kim_reads(self, fragment: str, buttons: Sequence[str] | None = None) -> Talk:
        return self.reads(KIM, fragment, buttons)

    def dana_reads(self, fragment: str, buttons: Sequence[str] | None = None) -> Talk:
        return self.reads(DANA, fragment, buttons)

    def reads_not(self, who: int, fragment: str) -> Talk:
        assert not [text for text in self.texts(who) if fragment in text], self.texts(who)
        return self

    def nobody_reads(self, *who: int) -> Talk:
        """Nothing reached these people in the last act (nobody at all, where none is named)."""
        chats = [self._chat(one) for one in who]
        texts = [one.text for one in self.heard if not who or one.chat in chats]
        assert not texts, texts
        return self

    def texts(self, who: int) -> list[str]:
        return [one.text for one in self.heard if one.chat == self._chat(who)]

    def number_of_bubbles(self, who: int = ANN) -> int:
        return len(self.chat(who))

    # --- a turn, and what storage does with it ----------------------------------------------------------------

    def _begin(self) -> None:
        self.heard = []

    def _turn(self, event: Event, who: int, sender: Sender | None = None, about: int | None = None) -> None:
        known = self.snapshot(event, who, sender, about)
        self.outcome = take_turn(known, event)
        kept = replace(self.outcome, messages=())
        written = json.dumps(_OUTCOME.dump_python(kept, mode="json"))
        read = _OUTCOME.validate_python(json.loads(written))
        assert read == kept, "this does not survive being written down"
        self._save(known, replace(read, messages=self.outcome.messages))

    def snapshot(self, event: Event, who: int, sender: Sender | None = None, about: int | None = None) -> Snapshot:
        """As `storage.snapshots.load` makes it."""
        club = self.club
        dice = hashlib.sha256(f"dice {club.turns}".encode()).hexdigest()
        speaks = isinstance(event, Tapped) or (isinstance(event, Grouped) and event.message is not None)
        me = club.people.get(who) if sender is None or sender.private or speaks else None
        me = me if me is not None and (me.runs or me.coaches or me.drill or me.ward_id is not None) else None
        coaches = [one for one in club.people.values() if one.coaches and one.chat_id is not None]
        coaches.sort(key=lambda one: (one.joined_at or _SINCE, one.id))
        invite = None
        if isinstance(event, Started) and event.code:
            invite = club.invites.get(event.code)
            invite = invite if invite and invite.expires_at > self.now else None
        known = Snapshot(self.now, dice, sender, me, invite, about=about, bot="aid_bot", address=club.address)
        mine = me.id if me else 0
        colleagues = tuple(one for one in coaches if one.id != mine)
        known = replace(known, colleagues=colleagues, topic=self._topic(event))
        ward_id = me.ward_id if me is not None else invite.ward_id if invite is not None else None
        if ward_id is not None:
            ward = club.people.get(ward_id)
            known = replace(known, ward=ward)
        if me is None or me.ward_id is not None:
            if isinstance(event, Due) and event.kind == "export" and me is not None:
                known = replace(known, everything=self._everything(me))
            return replace(known, **self._answering(coaches, known.ward)) if known.ward is not None else known
        escalations = [one for one in club.escalations.values() if one.closed_at is None]
        if me.coaches:
            escalations = [one for one in escalations if self._concerns(me, one, coaches)]
            theirs = {one.athlete_id for one in escalations}
            everybody = [one for one in club.people.values() if one.runs or one.id in theirs]
            mine_too = [one for one in everybody if one.id in theirs or answering.is_mine(known, me, one)]
            known = replace(known, athletes=tuple(one for one in mine_too if one.id != me.id))
        else:
            escalations = [one for one in escalations if one.athlete_id == me.id]
        if me.runs:
            lately = self.now - REOPENS
            closed = [one for one in club.escalations.values() if one.closed_at and one.closed_at >= lately]
            escalations += [one for one in closed if one.athlete_id == me.id]
        known = replace(known, escalations=tuple(escalations))
        near = {me.id, *(one.id for one in known.athletes)}
        reading = {one.guardian_id for one in (me, *known.athletes)}
        known = replace(
            known,
            guardians=tuple(one for one in club.people.values() if one.id in reading),
            minors=self.minors and me.runs and me.consent_at is None,
            looked=_Looked(self, me, near),
            steps=self._steps(me, known),
            training={id: self._training(club.people[id], 40) for id in near},
            proposals=tuple(
                one
                for one in club.proposals.values()
                if me.coaches and one.state == "open" and one.athlete_id in near - {me.id}
            ),
        )
        if isinstance(event, Due) and event.kind == "replay":
            own = [one for one in club.people.values() if one.coach_id == me.id]
            known = replace(known, histories={one.id: self._training(one, 100) for one in own})
        if isinstance(event, Due) and event.kind == "export":
            known = replace(known, everything=self._everything(me))
        if isinstance(event, Due) and event.kind == "coachweek":
            own = [one for one in known.athletes if answering.is_mine(known, me, one)]
            known = replace(known, histories={one.id: self._training(one, 40) for one in own})
        if isinstance(event, Due) and event.kind == "clubweek":
            known = replace(known, club_week=self.club_week)
        if isinstance(event, Due) and event.kind == "club":
            known = replace(known, club=self._club())
        if isinstance(event, Due) and event.kind == "drilled":
            known = replace(known, sendings=tuple(self.club.sendings.get(str(event.data["short"]), ())))
        if not (me.runs or me.drill):
            return known
        return replace(
            known,
            **self._answering(coaches, me),
            records=tuple(
                r for whose, _, r in club.journal if whose == me.id and r.day >= self.now.date() - timedelta(days=8)
            ),
        )

    def _answering(self, coaches: list[Person], athlete: Person) -> dict[str, Any]:
        coach = answering.in_charge(coaches, athlete, self.now)
        own = next((one for one in coaches if one.id == athlete.coach_id), None)
        return {"coach": coach, "backup": answering.behind(coaches, coach, athlete, self.now, own)}

    def _training(self, one: Person, days: int) -> Training:
        """As `storage.snapshots` reads it."""
        since = self.now.date() - timedelta(days=days)
        plan = self.plan(one.id)
        lately = self.now - timedelta(days=8)
        return Training(
            Plan(plan.number, tuple(each for each in plan.sessions if each.day >= since)),
            tuple(
                r for whose, _, r in self.club.journal if whose == one.id and r.day >= since and r.kind in _LOOKED_AT
            ),
            tuple(
                each
                for each in self.club.settings
                if each.coach_id in (one.coach_id, one.id) and (each.athlete_id in (None, one.id) or one.coaches)
            ),
            tuple(
                each
                for each in self.club.proposals.values()
                if each.athlete_id == one.id and (each.state == "open" or (each.decided_at or self.now) >= lately)
            ),
            tuple(
                each
                for whose, each in self.club.changes
                if whose == one.id and each.at >= self.now - timedelta(days=14)
            ),
        )

    def _everything(self, me: Person) -> dict[str, Any]:
        """As `storage.rights.everything` makes it, without what only a database has."""
        names = {one.id: one.name for one in self.club.people.values()}
        written: dict[str, Any] = json.loads(json.dumps(_PERSON.dump_python(me, mode="json")))
        columns = ("name", "chat_id", "user_id", "runs", "coaches", "reachable", "joined_at", "minor")
        person: dict[str, Any] = {name: written.pop(name) for name in columns}
        person |= {"coach": names.get(me.coach_id or 0), "backup": names.get(me.backup_id or 0)}
        person |= {"guardian": names.get(me.guardian_id or 0), "ward": names.get(me.ward_id or 0)}
        for name in ("id", "coach_id", "backup_id", "guardian_id", "ward_id"):
            del written[name]
        fields = ("kind", "name", "value", "words", "message_id")

        def line(by: int, one: Record) -> dict[str, Any]:
            at = {"at": one.at.isoformat(), "day": one.day.isoformat(), "by": names[by]}
            return at | {name: getattr(one, name) for name in fields}

        flagged = [
            {
                "short": one.short, "level": one.level.value, "flag": one.flag, "words": one.words,
                "raised_at": one.raised_at.isoformat(), "owner": names.get(one.owner_id or 0),
                "acked_at": one.acked_at.isoformat() if one.acked_at else None,
                "closed_at": one.closed_at.isoformat() if one.closed_at else None,
            }
            for one in self.club.escalations.values()
            if one.athlete_id == me.id
        ]  # fmt: skip
        return {
            "person": person | {"facts": written},
            "journal": [line(by, one) for whose, by, one in self.club.journal if whose == me.id],
            "letters": [line(by, one) for whose, by, one in self.club.journal if whose != me.id == by],
            "escalation": flagged,
            "version": [
                {
                    "number": one.number,
                    "actor": one.by,
                    "by": names.get(me.id),
                    "cause": one.cause,
                    "at": one.at.isoformat(),
                }
                for whose, one in self.club.changes
                if whose == me.id
            ],
            "session": [_session(one) for one in self.plan(me.id).sessions],
            "proposal": [
                {
                    "short": one.short,
                    "rule": one.rule,
                    "raised_at": one.raised_at.isoformat(),
                    "words": one.words,
                    "expires_at": one.expires_at.isoformat(),
                    "state": one.state,
                    "held": one.held,
                    "before": [],
                    "after": [],
                    "facts": dict(one.facts),
                    "decider": names.get(one.decided_by or 0),
                    "decided_at": one.decided_at.isoformat() if one.decided_at else None,
                }
                for one in self.club.proposals.values()
                if one.athlete_id == me.id
            ],
            "setting": [
                {
                    "rule": one.rule,
                    "coach": names.get(one.coach_id),
                    "at": one.at.isoformat(),
                    "is_on": one.on,
                    "edges": dict(one.edges),
                    "by": names.get(one.by_id or 0),
                    "muted_until": one.muted_until.isoformat() if one.muted_until else None,
                }
                for one in self.club.settings
                if me.id in (one.athlete_id, one.coach_id)
            ],
            **{name: [] for name in ("invite", "inbox", "due", "outbox", "taken", "feed")},
        }

    def _concerns(self, me: Person, one: Escalation, coaches: list[Person]) -> bool:
        athlete = self.club.people[one.athlete_id]
        coach = answering.in_charge(coaches, athlete, self.now)
        own = next((each for each in coaches if each.id == athlete.coach_id), None)
        behind = answering.behind(coaches, coach, athlete, self.now, own)
        near = (coach, behind)
        return me.id in (one.owner_id, athlete.id, athlete.coach_id, *(each.id for each in near if each is not None))

    def _steps(self, me: Person, known: Snapshot) -> tuple[Record, ...]:
        """As `storage.attention.steps` does it."""
        own = {me.id} if me.coaches else {me.coach_id}
        near = {one.id for one in known.athletes}
        since = self.now.date() - timedelta(days=28 if me.coaches else 2)
        return tuple(
            replace(one, about=whose)
            for whose, _, one in self.club.journal
            if self.club.people[whose].runs and (self.club.people[whose].coach_id in own or whose in near)
            if one.kind == "step" and one.name in ("paged", "proposed", "useful") and one.day >= since
        )

    def _club(self) -> tuple[dict[str, Any], ...]:
        """As `storage.attention.club` does it."""
        people = self.club.people.values()
        coaches: list[int | None] = [one.id for one in people if one.coaches]
        coaches += {one.coach_id for one in people if one.runs} - set(coaches)
        rows = []
        for coach in coaches:
            theirs = {one.id for one in people if one.runs and one.coach_id == coach}
            mine = [one for one in self.club.escalations.values() if one.athlete_id in theirs and one.closed_at is None]
            rows.append(
                {
                    "coach": coach,
                    "athletes": len(theirs),
                    "open": sum(one.open for one in mine),
                    "taken": sum(not one.open for one in mine),
                    "oldest": min((one.raised_at.isoformat() for one in mine if one.open), default=None),
                    "paged": sum(one.level.value in ("now", "today") for one in mine),
                }
            )
        return tuple(rows)

    def look(self, coach: Person, asked: Look) -> tuple[Record, ...]:
        """As `storage.journal.look` does it."""
        journal = [(by, replace(one, about=who)) for who, by, one in self.club.journal if who in asked.people]
        since = self.now.date() - timedelta(days=asked.days)
        own = [one for by, one in journal if by == one.about]
        said = [one for one in own if one.kind == "words"]
        lately = [one for one in said if one.day >= since and one.name not in summary.NOT_OWN]
        match asked.kind:
            case "said":
                listed = [r.at for whose, _, r in self.club.journal if whose == coach.id and r.name == "listed"]
                after = max(listed, default=self.now - timedelta(days=1))
                after = self.now - timedelta(days=asked.days) if asked.days else after
                found = [one for one in said if one.at > after and one.value is None]
            case "days":
                found = [
                    one
                    for by, one in journal
                    if one.kind in ("answer", "event") or (by == one.about and one.kind == "words")
                ]
                found = [one for one in found if one.day >= since]
            case "seen":
                days = {one.about: one.day for one in own if one.kind in ("answer", "words") and one.day >= since}
                found = [Record("answer", "seen", self.now, day, about=who) for who, day in days.items()]
            case "last":
                found = list({one.about: one for one in lately}.values())
            case "find":
                words = [one for one in own if one.kind in ("words", "typed", "edit")]
                found = [one for one in reversed(words) if asked.words.casefold() in (one.words or "").casefold()][:10]
            case "kept":
                found = [one for _, one in journal if one.kind == "step" and one.name in ("dossier", "note")]
            case kind:
                raise AssertionError(kind)
        return tuple(found)

    def _save(self, known: Snapshot, outcome: Outcome) -> None:
        club = self.club
        if outcome.erase is not None:
            self._erase(outcome.erase)
            if known.person is not None and known.person.id == outcome.erase.person_id:
                assert outcome == Outcome(messages=outcome.messages, erase=outcome.erase), "somebody gone is saved"
                known = replace(known, person=None)
        me = outcome.person or known.person
        if me is not None and me.id == 0:
            me = replace(me, id=max(club.people, default=0) + 1)
        if me is not None:
            club.people[me.id] = me
        own = me.id if me else 0
        if outcome.used_invite is not None:
            club.invites = {code: one for code, one in club.invites.items() if one.id != outcome.used_invite}
        club.journal += [(r.about or own, own, replace(r, about=None)) for r in outcome.records]
        for one in outcome.escalations:
            if one not in known.escalations:
                before = club.escalations.get(one.short)
                assert one.version == (before.version if before else 0), "somebody else was first"
                id = one.id or len(club.escalations) + 1
                club.escalations[one.short] = replace(
                    one, id=id, version=one.version + 1, athlete_id=one.athlete_id or own
                )
        self._save_plans(known, outcome, own)
        if outcome.feed:
            club.feeds[own] = outcome.feed
        elif outcome.feed is not None:
            club.feeds.pop(own, None)
        for seat in outcome.invites:
            assert seat.code is not None
            club.invites[seat.code] = replace(seat, id=1000 + club.turns)
        owners = {own, *(one.athlete_id for one in outcome.escalations)}
        for prefix in outcome.cancel:
            club.wakeups = {
                key: kept for key, kept in club.wakeups.items() if not (kept[0] in owners and key.startswith(prefix))
            }
        for wakeup in outcome.wakeups:
            assert wakeup.key not in club.rung, f"{wakeup.key} has rung: the database would refuse it"
            # After downtime today's check-in may be due already; anything older would only be dropped.
            assert wakeup.at >= self.now - timing.LATE_AFTER, f"{wakeup.key} lies in the past"
            club.wakeups[wakeup.key] = (wakeup.whose or own, wakeup)
        if outcome.drill is not None:
            made_up = next((one for one in club.people.values() if one.drill and one.coach_id == own), None)
            if made_up is None:
                made_up = Person(max(club.people) + 1, "DRILL", coach_id=own, reachable=False, drill=True)
                club.people[made_up.id] = made_up
            club.wakeups[outcome.drill.key] = (made_up.id, outcome.drill)
        for message in outcome.messages:
            self._deliver(message, own)
        if outcome.erase is not None and (told := outcome.erase.told) is not None:
            self._deliver(replace(told, data={**told.data, "counts": self.counts}), own)
        club.turns += 1

    def _save_plans(self, known: Snapshot, outcome: Outcome, own: int) -> None:
        """As `storage.plans` does it."""
        club = self.club
        for change in outcome.changes:
            whose = change.about or own
            plan = self.plan(whose)
            assert change.number == plan.number + 1, "somebody else was first"
            assert all(one in plan.sessions for one in change.removed), "that does not stand in the plan"
            club.plans[whose] = plans.after(plan, change)
            club.changes.append((whose, replace(change, about=None)))
        for proposal in outcome.proposals:
            before = club.proposals.get(proposal.short)
            assert proposal.version == (before.version if before else 0), "somebody else was first"
            id = proposal.id or len(club.proposals) + 1
            club.proposals[proposal.short] = replace(proposal, id=id, version=proposal.version + 1)
        club.settings += outcome.settings

    def _erase(self, gone: Erase) -> None:
        """As `storage.rights.erase` does it."""
        club = self.club
        self.counts = dict.fromkeys(
            (
                "journal",
                "escalation",
                "outbox",
                "inbox",
                "due",
                "invite",
                "version",
                "session",
                "proposal",
                "setting",
                "feed",
            ),
            0,
        )
        self.counts["journal"] = sum(whose == gone.person_id for whose, _, _ in club.journal)
        club.journal = [one for one in club.journal if one[0] != gone.person_id]
        club.escalations = {k: one for k, one in club.escalations.items() if one.athlete_id != gone.person_id}
        club.wakeups = {key: one for key, one in club.wakeups.items() if one[0] != gone.person_id}
        del club.people[gone.person_id]
        self.leaving = [one for one in club.people.values() if one.ward_id == gone.person_id]
        for guardian in [one.id for one in club.people.values() if one.ward_id == gone.person_id]:
            del club.people[guardian]
        for one in list(club.people.values()):
            if one.guardian_id == gone.person_id:
                self.change(one.id, guardian_id=None)
        coaches = [one for one in club.people.values() if one.coaches and one.chat_id is not None]
        heir = min(coaches, key=lambda one: (one.joined_at or _SINCE, one.id), default=None)
        for one in club.people.values():
            if one.coach_id == gone.person_id:
                self.change(one.id, coach_id=heir.id if heir and heir.id != one.id else None)
            if one.backup_id == gone.person_id:
                self.change(one.id, backup_id=None)

    def _topic(self, event: Event) -> Topic | None:
        athlete = self.club.people.get((getattr(event, "topic", None) or 0) - FIRST_TOPIC)
        coach = self.club.people.get(athlete.coach_id or 0) if athlete else None
        return Topic(FIRST_TOPIC + athlete.id, athlete, coach) if athlete else None

    def _deliver(self, message: Message, own: int) -> None:
        club = self.club
        json.dumps(dict(message.data))
        if message.key is not None:
            if message.key in club.put:
                return
            club.put.add(message.key)
        person = club.people.get(own if message.to == 0 else message.to or -1)
        person = person or next((one for one in self.leaving if one.id == message.to), None)
        if message.to is not None and (person is None or person.chat_id is None or not person.reachable):
            return  # handle.unsent
        chat = person.chat_id if person and person.chat_id else message.chat_id
        if message.topic is not None:
            assert person is not None and message.topic == message.about
            assert self.person(message.topic).coach_id == person.id, "that is another coach's group"
            if message.spare and person.group is None:
                return
            chat = topic_chat(person.group, message.topic) if person.group is not None else chat
        elif message.thread is not None and chat is not None:
            chat = topic_chat(chat, message.thread - FIRST_TOPIC)
        assert chat is not None
        if message.short is not None and message.about != message.to:
            at = self.now.isoformat()
            row = {"to": message.to, "put": at, "sent": at, "status": "sent"}
            club.sendings.setdefault(message.short, []).append(row)
        for number, payload in enumerate(render.payloads(message, person.language if person else "en")):
            again = json.loads(json.dumps(payload))
            assert again == payload
            self._show(chat, message, payload, own, first=number == 0)

    def _show(self, chat: int, message: Message, payload: dict[str, Any], own: int, *, first: bool) -> None:
        club = self.club
        bubbles = club.chats.setdefault(chat, [])
        name = f"{chat}/{message.bubble}" if message.bubble and first else None
        if payload.get("toast"):
            tell(f"    ({payload['text']})")
            assert 0 < len(payload["text"]) <= 200
            self.heard.append(Heard(chat, payload["text"], None, message))
            return
        target = None
        if first and (message.edit or message.strip):
            id = message.message_id or (club.bubbles.get(name) if name else None)
            target = next((one for one in bubbles if one.id == id), None)
        if message.strip:
            if target is not None:
                target.rows = []
            return
        text, _entities = parse_html(payload["text"].encode("utf-16", "replace").decode("utf-16"))
        text = text.strip("\n")
        assert text.strip(), f"{message.text} is empty"
        assert render.units(text) <= render.LIMIT
        assert "\n\n\n" not in re.sub(r"[ \t]+\n", "\n", text) or message.data.get("words"), f"stray lines: {text!r}"
        rows = [[(one["text"], one["data"]) for one in row] for row in payload.get("buttons", [])]
        for row in rows:
            for label, data in row:
                assert 1 <= len(data.encode("utf-8", "surrogatepass")) <= 64, data
                assert label.strip(), f"a button without a label: {data}"
        if target is None:
            target = Bubble(self._message_id_in(chat))
            bubbles.append(target)
        changed = bool(target.text)
        target.html, target.text, target.rows = payload["text"], text, rows
        target.about = own if message.about == 0 else message.about
        target.keyboard = payload.get("keyboard")
        if name:
            club.bubbles[name] = target.id
        marks = [mark for mark, on in (("changed", changed), ("quiet", message.quiet), ("file", message.attach)) if on]
        tell(f"    -> {self._name(chat - 100)}{' ' + str(marks) if marks else ''}")
        tell("\n".join(f"       | {line}" for line in text.split("\n")))
        if rows:
            tell("       " + " / ".join(" ".join(f"[{label}]" for label, _ in row) for row in rows))
        self.heard.append(Heard(chat, text, target, message))

    # --- small things -----------------------------------------------------------------------------------------

    def _message_id(self, who: int) -> int:
        return 10_000 * (100 + who) + self.club.turns

    def _message_id_in(self, chat: int) -> int:
        return 1 + sum(len(one) for one in self.club.chats.values())

    def _name(self, who: int) -> str:
        one = self.club.people.get(who)
        return one.name if one else "somebody"

    def _clock(self, who: int) -> str:
        one = self.club.people.get(who)
        return f"{timing.local(one.zone if one else 'UTC', self.now):%a %H:%M}"


class _Looked(Mapping[Look, tuple[Record, ...]]):
    """As storage.unread.Looks, but read at once."""

    def __init__(self, talk: Talk, me: Person, near: set[int]) -> None:
        self.talk, self.me, self.near = talk, me, near

    def __getitem__(self, asked: Look) -> tuple[Record, ...]:
        assert self.near.issuperset(asked.people), "a look into a foreign journal"
        return self.talk.look(self.me, asked) if asked.people else ()

    def __iter__(self) -> Iterator[Look]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _session(one: Session) -> dict[str, Any]:
    facts = {name: getattr(one, name) for name in ("minutes", "km", "descent", "effort", "text", "form", "held")}
    return {"uid": one.id, "day": one.day.isoformat(), "kind": one.kind, "facts": facts, "since": 1, "until": None}
