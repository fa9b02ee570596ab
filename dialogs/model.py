"""The frozen values that a turn reads and returns. No behaviour beyond what can be derived from the fields.

    Snapshot (all that is known at `now`)  +  Event  --turn-->  Outcome (all that shall be true afterwards)

Every instant is an aware UTC datetime; every `day` is a date in the athlete's own zone. Scales run 1..5 with
5 = best for every item, so that no reader ever has to remember a direction; pain and effort run 0..10 with
0 = none. Ids are the database's; 0 means "the person this turn creates".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import IntEnum
from typing import Any

from dialogs.events import Sender
from dialogs.levels import Level

Json = Any  # what json.dumps takes and json.loads gives
Spans = tuple[tuple[int, int], ...]  # half-open, in code points of the words they belong to


class Lane(IntEnum):
    """Which message leaves first when the token's limit is short. A page never waits behind check-ins."""

    SAFETY = 0
    REPLY = 1
    PROMPT = 2
    BULK = 3


@dataclass(frozen=True, slots=True)
class Talk:
    """One open conversation: where it stands and what has been said in it.

    `turn` is the number of its last prompt; a button carries it, so that an old button is known as old.
    `bubble` names the one Telegram message that is edited in place while the athlete taps.
    """

    script: str
    step: str
    turn: int
    bubble: str
    opened_at: datetime
    slots: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Person:
    """An athlete (`runs`), a coach (`coaches`), or both in one.

    `asked_on` is the last local date with a check-in (asked or begun): one per local date, whatever the zone does.
    `paused_until` is the first local date on which we ask again. `consent_at` None means: we ask nothing.
    `injuries` to `shoes` are the dossier, in their own words (see dialogs.dossier); `contact` is whom to ring.
    `postponed`, of a coach: athletes (by id) who do not stand on a list before that date of the coach's.
    """

    id: int
    name: str
    chat_id: int | None = None
    user_id: int | None = None
    runs: bool = False
    coaches: bool = False
    coach_id: int | None = None
    backup_id: int | None = None
    reachable: bool = True
    language: str = "en"
    zone: str = "UTC"
    place: str = ""
    country: str | None = None
    ask_at: time = time(7, 0)
    days_off: tuple[int, ...] = ()
    paused_until: date | None = None
    quiet_from: time = time(21, 30)
    quiet_to: time = time(6, 30)
    consent_at: datetime | None = None
    joined_at: datetime | None = None
    injuries: str = ""
    goal: str = ""
    fears: str = ""
    family: str = ""
    helps: str = ""
    contact: str = ""
    strength: str = ""
    shoes: str = ""
    postponed: tuple[tuple[int, date], ...] = ()
    asked_on: date | None = None
    erase_asked: datetime | None = None  # they want everything erased, and a human has to look at something first
    # Of a coach: the hours in which they read, by their own clock (None: not said), and weekdays (0: Monday) on which
    # not; a holiday, from the first day away up to, not including, the first day back, and who stands in: see
    # dialogs.answering
    reads_from: time | None = None
    reads_to: time | None = None
    reads_not: tuple[int, ...] = ()
    away_from: date | None = None
    away_until: date | None = None
    substitute_id: int | None = None
    notes_shared: bool = False  # private notes go into the handover, too
    group: int | None = None  # the chat of the group in which each athlete has a topic
    group_asked: int | None = None  # the one that has been looked at, and waits for the coach's yes
    budget: int = 3  # interruptions a day, after which only what is urgent interrupts
    drilled_at: datetime | None = None  # when they last said "I have it" to a practice alarm
    # Of an athlete: coaches who shall not stand in, and those among whom they have been asked to choose
    refused: tuple[int, ...] = ()
    in_group: bool = False  # has agreed that the coaches in the group of their coach read along (dialogs.topics)
    offered: tuple[int, ...] = ()
    drill: bool = False  # made up, for practice alarms: neither runs nor coaches, and counts nowhere
    # Under 18 (see dialogs.minors). Of an athlete: what they have said (None: not asked yet), and who reads along; of a
    # guardian, who neither runs nor coaches: whose
    minor: bool | None = None
    guardian_id: int | None = None
    ward_id: int | None = None
    # The weekly message (see dialogs.weekday): on which weekday (0: Monday), at which hour (None: the usual one of
    # their part), or not at all; the local dates of the last and of the next one, as an athlete and as a coach
    weekly: bool = True
    week_day: int = 6
    week_at: time | None = None
    week_on: date | None = None
    week_next: date | None = None
    coach_week_on: date | None = None
    coach_week_next: date | None = None
    # What an athlete's next days look like: minutes that they have on a date (0: none), and in their own words; which
    # nudge they read last; kilometres of sessions done since they told of their shoes, as far as plans name them
    free: tuple[tuple[date, int], ...] = ()
    free_words: str = ""
    nudged: str = ""
    shoes_km: float = 0
    # Of an athlete: check-ins that were asked since they were last heard, and the date of this silence's one nudge (see
    # dialogs.silence); whether the week's health questions are asked, and when they last were; the race days of the
    # plan as it stood when it was last looked at (see dialogs.races)
    unheard: int = 0
    coaxed_on: date | None = None
    health: bool = True
    health_on: date | None = None
    races: tuple[date, ...] = ()
    turn: int = 0
    talks: tuple[Talk, ...] = ()

    @property
    def alone(self) -> bool:
        """Under 18, and nobody reads along."""
        return self.minor is True and self.guardian_id is None

    @property
    def resting(self) -> bool:
        """Nothing is asked of this athlete by itself."""
        return self.erase_asked is not None or self.alone


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the journal; append-only. `kind` is one of: answer, words (free), typed (into a form), file,
    edit, step (of an escalation), event.

    `name` says which answer (`sleep`, `pain_level` ...) or what happened; `value` is the answer; `words` is what a
    person wrote, letter for letter. `message_id` ties it to the Telegram message, so that an edit finds it.
    """

    kind: str
    name: str
    at: datetime
    day: date
    value: Json = None
    words: str | None = None
    message_id: int | None = None
    about: int | None = None  # whose journal, where it is not that of the person whose turn it is


@dataclass(frozen=True, slots=True)
class Note:
    """A coach's private line on a concern. The athlete does not see it in the chat; it is in their export."""

    at: datetime
    by_id: int
    words: str


@dataclass(frozen=True, slots=True)
class Round:
    """An earlier time that the same concern was raised: who had it, what came of it, who closed it; None: nobody."""

    raised_at: datetime
    owner_id: int | None = None
    acked_at: datetime | None = None
    handled_at: datetime | None = None
    closed_at: datetime | None = None
    closed_by_id: int | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """Something a human must hear. It ends only by a human's act: `acked_at` (I have it), then `closed_at`.

    `because`: half-open spans of `words`, in code points: the words that decided, marked for the coach.

    `short` is what people say to each other ("K7Q2M"); it marks repeats as repeats. `step` counts the rungs of
    the ladder that have been climbed; `next_at` is never None while it is open.

    Its life (see dialogs.concerns):
    topic       what it is about, as concerns are told apart; "" in rows from before there were any
    raised_at   of this round, at this level
    handled_at  something came of it. None: nothing that we know of
    read_at     a coach has opened these words; None again with the next words
    asks        number of the wakeup that asks the owner what has come of it; only the last one counts
    seen        the athlete's local dates on which it was told, oldest first, with the worst number of a pain that day
    past        the rounds before this one: it was taken, and a new symptom has opened it again
    private     its words touch on self-harm or violence, which the guardian of somebody under 18 is not sent
    by_guardian it came from a guardian's words, and the athlete has said nothing of it: they are told nothing of it
    """

    id: int
    short: str
    athlete_id: int
    level: Level
    flag: str
    words: str
    raised_at: datetime
    step: int = 0
    next_at: datetime | None = None
    owner_id: int | None = None
    acked_at: datetime | None = None
    closed_at: datetime | None = None
    version: int = 0
    because: Spans = ()
    topic: str = ""
    handled_at: datetime | None = None
    closed_by_id: int | None = None
    read_at: datetime | None = None
    asks: int = 0
    seen: tuple[tuple[date, int | None], ...] = ()
    notes: tuple[Note, ...] = ()
    past: tuple[Round, ...] = ()
    private: bool = False
    by_guardian: bool = False

    @property
    def open(self) -> bool:
        """Nobody has said "I have it" yet."""
        return self.acked_at is None and self.closed_at is None


@dataclass(frozen=True, slots=True)
class Session:
    """One planned session. What is None was left open by whoever planned it.

    id       stable within one athlete's plan; a session that is moved or eased keeps it
    day      a date in the athlete's zone
    kind     one of dialogs.plan.KINDS
    descent  metres downhill
    effort   intended, 0..10 (session RPE)
    form     of a strength session: one of dialogs.plan.FORMS
    held     the proposal (its `short`) that this session waits for; the bot has made it easier meanwhile
    """

    id: str
    day: date
    kind: str
    minutes: int | None = None
    km: float | None = None
    descent: int | None = None
    effort: int | None = None
    text: str = ""
    form: str | None = None
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of an athlete's plan; `number` 0 is the plan of somebody who has none. Sessions are in the order of
    their days. Only the last weeks and all that is to come are loaded, not the whole past."""

    number: int = 0
    sessions: tuple[Session, ...] = ()

    def on(self, day: date) -> tuple[Session, ...]:
        return tuple(one for one in self.sessions if one.day == day)

    def between(self, first: date, last: date) -> tuple[Session, ...]:
        """Both days included."""
        return tuple(one for one in self.sessions if first <= one.day <= last)

    def find(self, id: str) -> Session | None:
        return next((one for one in self.sessions if one.id == id), None)


@dataclass(frozen=True, slots=True)
class Change:
    """What makes the next version of a plan; versions are never altered.

    number   of the version that it makes: the one that was read, plus one. The database takes a number once
    by       whose doing: "rule", "coach", "athlete"
    cause    rule id, "move", "import", "library", "undo:<number>" ...
    removed  sessions as they stood; `added`: as they stand now (a changed session is in both, with its id)
    about    whose plan, where it is not that of the person whose turn it is
    """

    number: int
    by: str
    cause: str
    at: datetime
    removed: tuple[Session, ...] = ()
    added: tuple[Session, ...] = ()
    about: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A rule's wish for a plan, for a human to decide.

    `held`: it makes training easier and stands already, "held until your coach has looked". Else (whatever adds load)
    nothing has changed yet. `facts` is the evidence, by the names that the rule's text uses. `state`: open, approved,
    edited, declined, expired, overtaken (the plan has moved on).
    """

    id: int
    short: str
    athlete_id: int
    rule: str
    raised_at: datetime
    expires_at: datetime
    before: tuple[Session, ...]
    after: tuple[Session, ...]
    held: bool
    words: str = ""
    facts: Mapping[str, Json] = field(default_factory=dict)
    state: str = "open"
    decided_by: int | None = None
    decided_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """What a coach has set of a rule, for all of their athletes or for one; append-only, the latest that names a
    thing counts. `edges`: thresholds by name. `muted_until`: the first local date on which it speaks again."""

    rule: str
    coach_id: int
    at: datetime
    athlete_id: int | None = None
    on: bool | None = None
    edges: Mapping[str, float] = field(default_factory=dict)
    muted_until: date | None = None
    by_id: int | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """What the rule book looks at, of one athlete.

    records    kinds `answer` and `step` of the last 40 days, oldest first
    settings   of their coach (for all, and for this athlete) and, of a coach, their own; oldest first
    proposals  open, and those decided within the last 8 days; oldest first
    changes    of the last 14 days, oldest first: what can be undone
    """

    plan: Plan = field(default_factory=Plan)
    records: tuple[Record, ...] = ()
    settings: tuple[Setting, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a coach's turn looks up in the journals of `people`: one statement, made only where a turn asks (see
    Snapshot.looked and storage.journal.look). The answers are records with `about`, oldest first:

    said    their own words with no level, of the last `days` days; 0: since this coach's last list
    days    answers, own words and events of the last `days` local dates
    seen    one for each who answered or wrote in the last `days` dates: its `day` is the last such date
    last    the newest own words of each, of the last `days` dates
    find    own words that hold `words`, in any case: the ten newest, newest first
    kept    what coaches have added to a dossier, and their notes
    """

    kind: str
    people: tuple[int, ...]
    days: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Invite:
    """A seat kept for one person. Only a hash of its code is stored; it works once, until `expires_at`.

    `seat_id`: the person is known already, but has never pressed Start (a coach, whom athletes wait for).
    `ward_id`: it is for the guardian of this athlete.
    """

    id: int
    name: str
    coaches: bool
    coach_id: int | None
    expires_at: datetime
    code: str | None = None
    seat_id: int | None = None
    ward_id: int | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """`label` is a text id like every other text; `data` is at most 64 bytes and names turn and choice."""

    label: str
    data: str
    args: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A voice note or photo of the athlete, copied to the coach as it is."""

    from_chat: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file of text, sent with the message as its caption. Half an emoji in it leaves as an escape."""

    name: str
    content: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with the message as its caption: bot.charts draws `name` of these facts at the moment of sending, so
    that the outbox keeps some facts and not a file."""

    name: str
    facts: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Message:
    """What shall be said to whom. `text` names a template block ("morning.sleep"); `data` fills it.

    to          person id (0: the one this turn creates); None with `chat_id` for strangers and groups
    bubble      name of the Telegram message; with `edit` it is changed in place, and sent anew if it is gone
    answers     callback query to answer first (best effort); with `toast` nothing else is sent
    once        at most once: after an unknown outcome it is not sent again (check-ins, nags)
    repeat      they may have read it already (storage.restoring): it is marked as a repeat, if it has a `short`
    quiet       waits for the end of the recipient's quiet hours, judged at the moment of sending
    key         a message with the same key is put only once, ever
    short       the escalation it belongs to: an Ack cancels what has not left, and a repeat is marked as one
    about       the athlete it speaks of: a reply to it reaches that athlete
    menu        names of commands that Telegram's menu in this chat shows from now on (empty: it stays as it is)
    topic       the athlete in whose topic of the recipient's group it is shown; without a group, in the private chat
    spare       ... and nowhere else: it is a copy, and where the topic cannot take it nothing is lost
    thread      Telegram's number of the topic, of an answer in the chat where something was said (`chat_id`)
    """

    to: int | None
    text: str
    data: Mapping[str, Json] = field(default_factory=dict)
    buttons: tuple[tuple[Button, ...], ...] = ()
    lane: Lane = Lane.REPLY
    chat_id: int | None = None
    bubble: str | None = None
    edit: bool = False
    message_id: int | None = None
    answers: str | None = None
    toast: bool = False
    once: bool = False
    repeat: bool = False
    quiet: bool = False
    key: str | None = None
    expires_at: datetime | None = None
    short: str | None = None
    about: int | None = None
    attach: Attachment | None = None
    document: Document | None = None
    picture: Picture | None = None
    menu: tuple[str, ...] = ()
    preface: str | None = None  # another text, above this one: why an answer did not fit
    strip: bool = False  # only takes the buttons off the bubble; its text stays
    topic: int | None = None
    spare: bool = False
    thread: int | None = None
    keyboard: str | None = None  # "location" asks for a location button below the text field; "remove" takes it away


@dataclass(frozen=True, slots=True)
class Erase:
    """Everything of this person goes, in the commit of the turn and before its messages are put.

    `told` is the receipt for them, addressed to their chat and not to them, since they are nobody then; it gets
    `counts`, how many rows of which table went. None: they have no chat.
    """

    person_id: int
    receipt: str
    told: Message | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a group, which belongs to one athlete; `coach` is the athlete's, whose group it may be (or not any
    more: see dialogs.topics)."""

    thread: int
    athlete: Person
    coach: Person | None


@dataclass(frozen=True, slots=True)
class Wakeup:
    """Come back at `at`. The key makes it unique for ever: kind:person:local-date, so two replicas plan once.

    `whose`: the person whose turn it will be, where it is not the one whose turn plans it.
    """

    kind: str
    key: str
    at: datetime
    day: date | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
    whose: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a turn may know. `dice` is fresh randomness (64 hex digits), an argument like the time."""

    now: datetime
    dice: str
    sender: Sender | None = None
    person: Person | None = None
    invite: Invite | None = None
    coach: Person | None = None
    backup: Person | None = None
    athletes: tuple[Person, ...] = ()
    guardians: tuple[Person, ...] = ()  # of this athlete, or of a coach's athletes, as far as they are under 18
    ward: Person | None = None  # of a guardian, or of whoever opens an invitation to become one
    minors: bool = False  # the club takes athletes under 18; read only where a turn asks
    colleagues: tuple[Person, ...] = ()  # the club's other coaches, oldest first: the first is the head coach
    # Not closed: this athlete's own, and those this coach answers for; also an athlete's own that were closed lately.
    escalations: tuple[Escalation, ...] = ()
    records: tuple[Record, ...] = ()  # this athlete's last eight days, oldest first
    looked: Mapping[Look, tuple[Record, ...]] = field(default_factory=dict)  # read only where a turn looks into it
    everything: Mapping[str, Json] | None = None  # for their export: all that is kept of them, see storage.rights
    about: int | None = None  # the athlete whom the answered message speaks of
    topic: Topic | None = None  # in which something was said, if it is one of ours
    proposals: tuple[Proposal, ...] = ()  # for a coach: open, of the athletes they answer for
    training: Mapping[int, Training] = field(default_factory=dict)  # by person; read only where a turn looks into it
    histories: Mapping[int, Training] | None = None  # for "what would this rule have done": own athletes, 100 days
    # What has interrupted coaches and whether it was useful: steps "paged", "proposed", "useful", with `about`, oldest
    # first; in a coach's turn of the last 28 days, in an athlete's of the last two. Read only where looked into.
    steps: tuple[Record, ...] = ()
    club: tuple[Mapping[str, Json], ...] | None = None  # for the head coach's page: see storage.attention.club
    sendings: tuple[Mapping[str, Json], ...] | None = None  # for the report of a drill, and for a silence
    # the check-ins that were put for this athlete: see storage.attention
    club_week: Mapping[str, Json] | None = None  # for the head coach's week: see storage.weeks.club
    bot: str = "bot"  # the bot's user name, for links
    address: str | None = None  # where phones reach the service's web pages, for links; None: nowhere


@dataclass(frozen=True, slots=True)
class Outcome:
    """What shall be true after the turn; saved in one commit, and only then is anything sent."""

    person: Person | None = None
    records: tuple[Record, ...] = ()
    escalations: tuple[Escalation, ...] = ()
    messages: tuple[Message, ...] = ()
    wakeups: tuple[Wakeup, ...] = ()
    cancel: tuple[str, ...] = ()  # prefixes of due keys that are void now
    invites: tuple[Invite, ...] = ()
    used_invite: int | None = None
    silenced: tuple[str, ...] = ()  # shorts whose unsent pages shall not leave any more
    erase: Erase | None = None
    changes: tuple[Change, ...] = ()
    proposals: tuple[Proposal, ...] = ()  # new ones (id 0), and what has changed since it was read
    settings: tuple[Setting, ...] = ()
    feed: str | None = None  # their own calendar feed: a code makes a new one and ends the former, "" only ends it
    drill: Wakeup | None = None  # of the made-up athlete of this coach, who is made where there is none
