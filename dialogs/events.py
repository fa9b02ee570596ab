"""What may come in: one frozen value per kind of thing that can happen to a person.

The shell translates Telegram's updates and the clock's due rows into these, and nothing else reaches a turn.
An update of a kind we have no word for becomes `Other`: it is answered, never dropped in silence.

Names are past tense: an event has happened and cannot be refused, only answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Sender:
    """Who Telegram says is speaking. `user_id` is None for channels and anonymous group admins."""

    chat_id: int
    user_id: int | None
    first_name: str = ""
    language: str = ""
    private: bool = True


@dataclass(frozen=True, slots=True)
class Started:
    """/start, with the payload of a deep link if there was one."""

    code: str | None
    message_id: int


@dataclass(frozen=True, slots=True)
class Said:
    """A text, exactly as it was typed. `reply_to` is the Telegram id of the message it answers."""

    text: str
    message_id: int
    reply_to: int | None = None
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Edited:
    """A message changed after it was sent; both versions are kept."""

    text: str
    message_id: int


@dataclass(frozen=True, slots=True)
class Tapped:
    """A button. `data` comes from the client and may be old, foreign or invented."""

    data: str
    query_id: str
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """Something that cannot be screened as text: voice, photo, sticker, video, document ...

    `name` and `size` (bytes) are what the sender's program says of a document; None where it says nothing.
    """

    kind: str
    message_id: int
    file_id: str | None = None
    caption: str = ""
    reply_to: int | None = None
    name: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Located:
    lat: float
    lon: float
    message_id: int


@dataclass(frozen=True, slots=True)
class Blocked:
    """The person has blocked the bot: nothing can reach them until `Unblocked`."""


@dataclass(frozen=True, slots=True)
class Unblocked:
    pass


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who has come into a group, by their own doing or somebody else's; a bot as well. By `username` a bot knows
    itself."""

    user_id: int
    name: str
    username: str | None = None


@dataclass(frozen=True, slots=True)
class Grouped:
    """Something happened in a group.

    what     added, removed: the bot itself; rights: it may do other things there than before, it does not say which.
             said: somebody wrote or sent something; command: it begins with a slash; edited: it was changed.
             closed, reopened: a topic, by anybody, the bot included. (Nothing tells of one that is deleted.)
             joined: `newcomers` have come in. Telegram tells every bot of that, whatever else it may hear
             other: a message of no use to us
    topic    the id of the topic it happened in. None where there are no topics, and in the General one
    message  of said, command and edited: what was written, as if it had been written to us alone. Its `reply_to` is
             what the writer chose to answer: the topic's first message, which Telegram names too, is left out
    """

    what: str
    topic: int | None = None
    message: Started | Said | Edited | Sent | Located | None = None
    newcomers: tuple[Newcomer, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A group became a supergroup: its chat id is another one from now on."""

    new_chat_id: int


@dataclass(frozen=True, slots=True)
class Other:
    """An update of a kind we do not read; `kind` is Telegram's own name for it."""

    kind: str


@dataclass(frozen=True, slots=True)
class Unread:
    """An update that could not be read, or whose turn failed again and again. A human gets `raw` as it is."""

    raw: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A page could not be delivered to `recipient` for good (blocked, never started): the next one hears now."""

    recipient: int
    short: str


@dataclass(frozen=True, slots=True)
class Due:
    """A wakeup whose hour has come. `key` is that of its due row; the state may have moved on since it was put."""

    kind: str
    key: str
    day: date | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    late: bool = False


Event = (
    Started
    | Said
    | Edited
    | Tapped
    | Sent
    | Located
    | Blocked
    | Unblocked
    | Grouped
    | Moved
    | Other
    | Unread
    | Unreachable
    | Due
)
