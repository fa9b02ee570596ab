"""How fast a bot may send: about one message a second to a person, 20 a minute to a group, 30 a second in
all.

Short bursts to one person are tolerated; beyond them Telegram answers 429 and names the seconds to wait.
Edits count only towards the total. The figures are those of Telegram's bot FAQ; the burst of 5 is our strict
guess at "some bursts".
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PERSON_BURST = 5
PERSON_PER_SECOND = 1.0
GROUP_BURST = 20
GROUP_PER_SECOND = 20 / 60
TOTAL_BURST = 30
TOTAL_PER_SECOND = 30.0


@dataclass(slots=True)
class Bucket:
    """Holds up to `burst` tokens and fills by `per_second`."""

    burst: int
    per_second: float
    at: float
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def wait(self, at: float) -> float:
        """Seconds until a token is there; 0 when one is there now."""
        self.tokens = min(self.burst, self.tokens + max(0.0, at - self.at) * self.per_second)
        self.at = at
        return max(0.0, (1 - self.tokens) / self.per_second)


class Limits:
    """`pace` gives seconds; the machine's monotonic clock unless a test turns time by hand."""

    def __init__(self, pace: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._total = Bucket(TOTAL_BURST, TOTAL_PER_SECOND, pace())
        self._chats: dict[int, Bucket] = {}

    def take(self, chat_id: int | None) -> int:
        """Use up one message to `chat_id` (None: an edit). Gives 0, or the whole seconds to wait; then
        nothing is used up.
        """
        at = self._pace()
        buckets = [self._total]
        if chat_id is not None:
            size = (PERSON_BURST, PERSON_PER_SECOND) if chat_id > 0 else (GROUP_BURST, GROUP_PER_SECOND)
            buckets.append(self._chats.setdefault(chat_id, Bucket(*size, at)))
        wait = max(bucket.wait(at) for bucket in buckets)
        if wait > 0:
            return max(1, math.ceil(wait))
        for bucket in buckets:
            bucket.tokens -= 1
        return 0
