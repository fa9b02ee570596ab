"""What stands in a snapshot for what was not read.

Most turns need little of what is known, and a statement costs more than a turn. So the journal (of turns that are
loaded together), what the rule book looks at, what a coach looks up, what has interrupted coaches and whether the club
takes minors (of all turns) are left unread. A turn that looks there raises Needed, which says what it wanted; it is
read, and the turn, which has done nothing yet, is taken again (bot.handle).

That ends: what has been read does not raise again. Of the training a turn gets the person whom it has asked for, and
then another (a coach's own settings and one athlete are the usual two). With the third it gets all whom it may ask for:
so a coach's turn over forty athletes is taken four times and not forty. Whoever is not in the snapshot cannot be asked
for at all. A look is read by itself, in one statement, and no turn has more than a handful of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn, cast

from dialogs.model import Look, Record, Training

ONE_BY_ONE = 2


class Needed(Exception):
    """Take the turn again with this: the training of these people, this look, Snapshot.steps, Snapshot.minors or, where
    there is none of it, the journal."""

    def __init__(
        self,
        whose: frozenset[int] = frozenset(),
        look: Look | None = None,
        *,
        steps: bool = False,
        minors: bool = False,
    ) -> None:
        super().__init__()
        self.minors = minors
        self.whose = whose
        self.look = look
        self.steps = steps


class _Records:
    """Whoever looks raises; nobody sees an empty journal. No real tuple, because C code would look into one without
    asking."""

    steps = False

    def _look(self, *_: object) -> NoReturn:
        raise Needed(steps=self.steps)

    __iter__ = __len__ = __getitem__ = __contains__ = __add__ = __radd__ = __hash__ = _look
    __eq__ = _look


class _Steps(_Records):
    steps = True


class _Switch:
    """Whoever asks whether it is on or off raises."""

    def __bool__(self) -> NoReturn:
        raise Needed(minors=True)


SWITCH = cast(bool, _Switch())  # Snapshot.minors
RECORDS = cast(tuple[Record, ...], _Records())
STEPS = cast(tuple[Record, ...], _Steps())  # Snapshot.steps


@dataclass(frozen=True, slots=True)
class Trainings(Mapping[int, Training]):
    """By person: what has been `read`, of `whose` training may be read. `in` answers without reading."""

    whose: frozenset[int]
    read: Mapping[int, Training] = field(default_factory=dict)

    def __getitem__(self, id: int) -> Training:
        if id in self.read:
            return self.read[id]
        if id not in self.whose:  # no KeyError: to a careless `get` somebody else's plan would be an empty one
            raise ValueError("a turn looks at the training of somebody whom the snapshot does not hold")
        raise Needed(frozenset({id}) if len(self.read) < ONE_BY_ONE else self.whose - self.read.keys())

    def __contains__(self, id: object) -> bool:
        return id in self.whose

    def __iter__(self) -> Iterator[int]:
        if missing := self.whose - self.read.keys():
            raise Needed(missing)
        return iter(self.read)

    def __len__(self) -> int:
        return len(self.whose)


@dataclass(frozen=True, slots=True)
class Looks(Mapping[Look, tuple[Record, ...]]):
    """What has been looked up; into the journals of nobody but `whose`."""

    whose: frozenset[int]
    read: Mapping[Look, tuple[Record, ...]] = field(default_factory=dict)

    def __getitem__(self, look: Look) -> tuple[Record, ...]:
        if not look.people:
            return ()
        if look in self.read:
            return self.read[look]
        if not self.whose.issuperset(look.people):
            raise ValueError("a turn looks into the journal of somebody whom the snapshot does not hold")
        raise Needed(look=look)

    def __iter__(self) -> Iterator[Look]:
        return iter(self.read)

    def __len__(self) -> int:
        return len(self.read)
