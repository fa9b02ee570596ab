"""Our durable check-in beside the peer's in memory, round by round, by people who answer as soon as they are asked.

    this process (one core)              another process (another core)
    sandbox Bot API + the athletes <--HTTP--> `aidstation run`, or the peer

A round starts the bot anew on a fresh database, lets everybody type /checkin, waits until it has settled, and then
counts presses only. After the last answer an athlete presses "Change", and it all begins again in a new message. Each
press is answered by two calls: answerCallbackQuery and editMessageText (after "Change": sendMessage).

What comes back is judged: it must be the very next question, in the same bubble. What is wrong is counted, not timed.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from bot.clock import Clock
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.sandbox.state import Delivered
from storage.db import open_db
from storage.schema import inbox, journal, outbox
from tests import postgres
from tests.bench import club, machine, peer
from tests.bench.machine import TOKEN, Cores, Process, percentile

Bot = Literal["ours", "peer", "postgres"]

UNLIMITED = "[limits]\nper_second = 100000.0\nper_chat = 100000.0\nburst = 100000\n"
OURS = ("How did you sleep?", "How fresh", "your muscles", "on your mind", "your mood", "Kept")
PEERS = (*(text.partition("?")[0] for _name, text in peer.QUESTIONS), peer.THANKS)
ANSWER, AGAIN = "4", "Change"
TARGET = 2.5  # times the peer's updates a second
PATIENCE_S = 120.0  # for a whole round; only one that has gone wrong waits so long


@dataclass(frozen=True, slots=True)
class Round:
    """What one bot did in one round. Times only of the measured presses, the counts of all."""

    bot: str
    updates_per_second: float
    cpu_s_per_1000: float
    p50_ms: float
    p99_ms: float
    peak_mib: float
    bot_share: float  # of its core: far below 1.0 it waited, for the disk or for others on this machine
    sandbox_share: float  # of its core: near 1.0 it is the sandbox that was measured
    taps: int
    answered: int
    wrong: int
    answers: int  # how many of the taps were answers to a question
    kept: int | None  # how many of those stand in our journal afterwards


@dataclass(slots=True)
class _Athlete:
    user_id: int
    expects: int = 0  # the number of the text that must come next
    bubble: int = 0
    tapped_at: float = 0.0
    shown: Delivered | None = None


@dataclass(slots=True)
class Athletes:
    """Everybody's fingers: they live in the sandbox's own `on_accept`, so that no tap waits for a poll of ours."""

    api: BotApi
    texts: Sequence[str]
    athletes: dict[int, _Athlete]
    taps: int
    warm: int
    process: Process | None = None
    tapped: int = 0
    answers: int = 0
    answered: int = 0
    notices: int = 0
    wrong: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    began: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ended: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: int = 0

    def sees(self, delivered: Delivered) -> None:
        if delivered.method == "answerCallbackQuery":
            self.notices += 1
        athlete = self.athletes.get(delivered.chat_id)
        if athlete is None or delivered.method not in ("sendMessage", "editMessageText"):
            return
        self._judge(athlete, delivered)
        athlete.shown = delivered
        if athlete.tapped_at:
            self._count(time.perf_counter() - athlete.tapped_at)
            self._tap(athlete)
        else:
            self._asked += 1
            if self._asked == len(self.athletes):
                self.ready.set()

    def go(self) -> None:
        if not self.warm:
            self.began = self._now()
        for athlete in self.athletes.values():
            self._tap(athlete)

    def _judge(self, athlete: _Athlete, delivered: Delivered) -> None:
        first = athlete.expects == 0
        fits = self.texts[athlete.expects] in delivered.text and delivered.edited is not first
        if not fits or (not first and delivered.message_id != athlete.bubble):
            self.wrong.append(f"{self.texts[athlete.expects]!r} was to come, not {delivered.text[:60]!r}")
        athlete.bubble = delivered.message_id or 0

    def _count(self, wait_s: float) -> None:
        self.answered += 1
        if self.answered > self.warm:
            self.waits.append(wait_s)
        if self.answered == self.warm:
            self.began = self._now()
        if self.answered == self.taps:
            self.ended = self._now()
            self.done.set()

    def _now(self) -> tuple[float, float, float]:
        """The time, the bot's CPU and our own."""
        assert self.process
        return time.perf_counter(), self.process.cpu_s(), time.process_time()

    def _tap(self, athlete: _Athlete) -> None:
        if self.tapped == self.taps:
            return
        assert athlete.shown and athlete.shown.message_id
        last = athlete.expects == len(self.texts) - 1
        label = AGAIN if last else ANSWER
        data = next((one.data for row in athlete.shown.buttons for one in row if label in one.text), None)
        if data is None:
            self.wrong.append(f"no button {label!r} below {athlete.shown.text[:60]!r}")
            return
        self.tapped += 1
        self.answers += not last
        athlete.expects = 0 if last else athlete.expects + 1
        athlete.tapped_at = time.perf_counter()
        self.api.user_taps(athlete.user_id, athlete.user_id, athlete.shown.message_id, data)


# --- a round ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bench:
    """What all rounds share: where, on which cores, with how many people and check-ins."""

    folder: Path
    cores: Cores
    athletes: int = 50
    checkins: int = 4
    server: postgres.Server | None = None

    async def round(self, bot: Bot, number: int) -> Round:
        """One bot, started anew, is measured, checked and stopped. Raises RuntimeError where it does not get there."""
        clock = Clock()
        api = BotApi(token=TOKEN, now=clock.now)
        api.limits = False
        users = [club.FIRST_ATHLETE + n for n in range(1, self.athletes + 1)]
        for user in users:
            api.add_user(user, f"Runner{user}").started = True
        texts = PEERS if bot == "peer" else OURS
        taps = self.athletes * self.checkins * len(texts)
        people = Athletes(api, texts, {user: _Athlete(user) for user in users}, taps, warm=taps // 10)
        api.on_accept = people.sees
        async with serve(api) as address, self._running(bot, number, address) as (process, url):
            people.process = process
            async with _patience(process, people):
                while not api.calls["getUpdates"]:
                    process.check()
                    await asyncio.sleep(0.05)
                for user in users:
                    api.user_says(user, "/checkin")
                await people.ready.wait()
                await process.quiet()
                people.go()
                await people.done.wait()
            await process.quiet()  # the answer to the last tap is on its way, and ours writes down what was sent
            peak = process.peak_mib()
            code = await process.stop()
            if code != 0:
                raise RuntimeError(f"{bot} ended with {code}: {process.last_words()}")
            kept = _kept(url, people.answers) if url else None
        return _figures(bot, people, peak, kept)

    @contextlib.asynccontextmanager
    async def _running(self, bot: Bot, number: int, address: str) -> AsyncIterator[tuple[Process, str | None]]:
        log = self.folder / f"{bot}-{number}.log"
        if bot == "peer":
            environment = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": address}
            with machine.start(["tests.bench.peer"], environment, self.cores.bot, log) as process:
                yield process, None
            return
        url = self._database(bot, number)
        with machine.service(url, address, UNLIMITED, self.cores.bot, log) as process:
            yield process, url

    def _database(self, bot: Bot, number: int) -> str:
        """A copy of one template, so that each round begins with the same club."""
        now = Clock().now()
        make = partial(club.make, now=now, athletes=self.athletes, zone=club.zone_at(10, now))
        if bot == "postgres":
            assert self.server
            if not number:
                make(self.server.create("template_checkins"))
            return self.server.create(f"checkins{number}", "template_checkins")
        template, copy = self.folder / "template.db", self.folder / f"ours-{number}.db"
        if not template.exists():
            make(f"sqlite:///{template}")
        shutil.copyfile(template, copy)
        return f"sqlite:///{copy}"


@contextlib.asynccontextmanager
async def _patience(process: Process, people: Athletes) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield
    except TimeoutError:
        told = f"{people.answered} of {people.taps} taps were answered; {people.wrong[:3]}; {process.last_words()}"
        raise RuntimeError(told) from None


def _figures(bot: Bot, people: Athletes, peak: float, kept: int | None) -> Round:
    wall, cpu, own = (end - begin for begin, end in zip(people.began, people.ended, strict=True))
    measured = people.taps - people.warm
    return Round(
        bot=bot,
        updates_per_second=measured / wall,
        cpu_s_per_1000=cpu / measured * 1000,
        p50_ms=percentile(people.waits, 50) * 1000,
        p99_ms=percentile(people.waits, 99) * 1000,
        peak_mib=peak,
        bot_share=cpu / wall,
        sandbox_share=own / wall,
        taps=people.tapped,
        answered=min(people.answered, people.notices),
        wrong=len(people.wrong),
        answers=people.answers,
        kept=kept,
    )


def _kept(url: str, answers: int) -> int:
    """How many answers the journal holds. Raises RuntimeError where something is left undone in inbox or outbox."""
    base = open_db(url)
    try:
        with base.read() as tx:
            kept = tx.execute(sa.select(sa.func.count()).where(journal.c.kind == "answer")).scalar_one()
            undone = tx.execute(sa.select(sa.func.count()).where(inbox.c.status != "done")).scalar_one()
            unsent = tx.execute(sa.select(sa.func.count()).where(outbox.c.status != "sent")).scalar_one()
    finally:
        base.close()
    if undone or unsent:
        raise RuntimeError(f"{undone} updates are not done, {unsent} messages are not sent")
    return int(kept)


# --- all rounds ---------------------------------------------------------------------------------------------------

FIGURES = ("updates_per_second", "cpu_s_per_1000", "p50_ms", "p99_ms", "peak_mib", "bot_share", "sandbox_share")


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """The medians of each bot, and ours beside the peer's."""
    bots = list(dict.fromkeys(one.bot for one in rounds))
    medians = {
        bot: {name: statistics.median(getattr(one, name) for one in rounds if one.bot == bot) for name in FIGURES}
        for bot in bots
    }
    told: dict[str, Any] = {"rounds": [asdict(one) for one in rounds], "medians": medians}
    if "ours" in medians and "peer" in medians:
        ratio, cpu = (medians["ours"][name] / medians["peer"][name] for name in FIGURES[:2])
        told |= {"ratio": ratio, "cpu_ratio": cpu, "target": TARGET, "met": ratio >= TARGET}
    return told


def faults(told: Mapping[str, Any]) -> list[str]:
    """What a bot answered wrongly or not at all, and what our journal lacks."""
    found = []
    for number, one in enumerate(told["rounds"]):
        if one["wrong"] or one["answered"] != one["taps"]:
            found.append(
                f"round {number}, {one['bot']}: {one['answered']} of {one['taps']} taps, {one['wrong']} wrongly"
            )
        if one["kept"] is not None and one["kept"] != one["answers"]:
            found.append(f"round {number}, {one['bot']}: {one['kept']} of {one['answers']} answers are in the journal")
    return found
