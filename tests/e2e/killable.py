"""The real service as a process that kills itself, by SIGKILL, at a named step. Only tests start it.

    python -m tests.e2e.killable    a nursery: reads one order per line (JSON), answers "born PID", then "ended CODE"

An import costs seconds and a fork milliseconds. So the nursery imports everything once, opens nothing, starts no
thread and no loop, and forks a child for each order. The child is an ordinary process: its own environment, its own
log, the command line `aidstation run`, and a real SIGKILL, after which nothing of it runs any more. CODE is what
waitpid says: negative for a signal.

The steps, and where a child dies:
    fetched     updates are here (the fetch has returned, the webhook's body is read); nothing is stored
    stored      the commit of the inbox has returned; neither the confirming fetch nor the 200 has left
    confirmed   Telegram has answered the fetch that confirms, or the 200 has left; nothing is handled
    handled     the turn has run and written everything; not committed
    committed   the turn's commit has returned; nothing of it is sent
    leased      the commit of the lease has returned; no call has been made
    accepted    Telegram's answer to a message is here; not written down
    recorded    the commit that writes it down has returned
And one that it survives:
    stumbling   writing down what Telegram has accepted fails once, as if another process held the database

There is no switch for this in the service: the functions around the step are replaced here, in the child, each by
itself followed or preceded by the death. A child meets its step only while the order's file `armed` exists, and dies
when it has met `nth` updates, turns or messages there. Its clock is ahead of the machine's by `ahead` seconds.

Replicas (test_replicas) are told more: `stops` (SIGSTOP instead of SIGKILL), `wrong` (by so many seconds the machine's
own clock is ahead of the truth), `constants` (limits in seconds that are shortened, by their full names), `turns` (a
file that grows by a byte with each round of turns).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

STEPS = ("fetched", "stored", "confirmed", "handled", "committed", "leased", "accepted", "recorded")
MODULES = ("bot.__main__", "bot.app", "storage.db", "alembic.command", "psycopg", "sqlalchemy.dialects.sqlite")


@dataclass(slots=True)
class Fate:
    """One child's death."""

    step: str
    nth: int
    armed: str
    death: signal.Signals = signal.SIGKILL
    met: int = 0
    withheld: bool = False  # confirmed: from now on nothing is handled

    def meets(self, count: int = 1) -> None:
        if count and self.is_armed():
            self.met += count
            if self.met >= self.nth:
                if self.death == signal.SIGSTOP:
                    os.unlink(self.armed)  # once
                os.kill(os.getpid(), self.death)

    def is_armed(self) -> bool:
        return os.path.exists(self.armed)


def replace(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """`make` gets the real one and gives what stands in its place. A name that is gone raises: the test is stale."""
    setattr(owner, name, make(getattr(owner, name)))


def wind_up(fate: Fate, ahead: timedelta) -> None:
    """Put the death of this child where its order says."""
    from bot import app, handle
    from bot.telegram import Api
    from storage import outbox, outcomes

    replace(app, "Clock", lambda real: lambda: real(ahead=ahead))
    match fate.step:
        case "fetched":
            replace(app.App, "store", lambda real: _before_storing(real, fate))
        case "stored":
            replace(app.App, "store", lambda real: _after_storing(real, fate))
        case "confirmed":
            replace(app.App, "store", lambda real: _withholding(real, fate))
            replace(handle, "handle_one", lambda real: lambda *args: False if fate.withheld else real(*args))
            replace(Api, "get_updates", lambda real: _after_confirming_fetch(real, fate))
            replace(app, "make_app", lambda real: _after_200(real, fate))
        case "handled":
            replace(outcomes, "save_all", lambda real: _then_meets(real, fate))
        case "committed":
            taken: list[int] = []
            replace(outcomes, "save_all", lambda real: _noting_turns(real, taken))
            replace(handle, "handle_one", lambda real: _then_meets(real, fate, taken))
        case "leased":
            replace(app, "Courier", lambda real: _after_commit(real, fate, lambda leased: len(leased or ())))
        case "accepted":
            replace(Api, "deliver", lambda real: _after_delivery(real, fate))
        case "recorded":
            written: list[int] = []

            def noting(real: Any) -> Any:
                def sent_all(tx: Any, message_ids: Any, *args: Any) -> None:
                    written.extend(message_ids)
                    real(tx, message_ids, *args)

                return sent_all

            replace(outbox, "sent_all", noting)
            replace(app, "Courier", lambda real: _after_commit(real, fate, lambda _: len(written)))
        case "stumbling":
            replace(outbox, "sent_all", lambda real: _failing_once(real, fate))
        case "":
            pass  # a life without a death
        case other:
            raise ValueError(f"no such step: {other}")


def vary(order: dict[str, Any]) -> None:
    """What makes one replica differ from another."""
    from bot import clock, handle
    from storage import outbox

    for name, seconds in order.get("constants", {}).items():
        module, _, constant = name.rpartition(".")
        owner = importlib.import_module(module)
        is_delta = isinstance(getattr(owner, constant), timedelta)
        setattr(owner, constant, timedelta(seconds=seconds) if is_delta else seconds)
        if name == "storage.outbox.LEASE_SECONDS":
            real_lease: Any = outbox.lease
            real_lease.__kwdefaults__["seconds"] = seconds
    if wrong := order.get("wrong"):
        replace(clock, "machine_now", lambda real: lambda: real() + timedelta(seconds=wrong))
    if turns := order.get("turns"):
        replace(handle, "handle_one", lambda real: _keeping_count(real, turns))


def _keeping_count(real: Any, path: str) -> Any:
    def handle_one(*args: Any, **kwargs: Any) -> Any:
        worked = real(*args, **kwargs)
        if worked:
            with open(path, "ab") as file:
                file.write(b".")
        return worked

    return handle_one


def _before_storing(real: Any, fate: Fate) -> Any:
    async def store(self: Any, rows: Any) -> None:
        fate.meets(len(rows))
        await real(self, rows)

    return store


def _after_storing(real: Any, fate: Fate) -> Any:
    async def store(self: Any, rows: Any) -> None:
        await real(self, rows)
        fate.meets(len(rows))

    return store


def _withholding(real: Any, fate: Fate) -> Any:
    async def store(self: Any, rows: Any) -> None:
        fate.withheld = fate.withheld or fate.is_armed()  # before the commit, lest a turn slip in
        await real(self, rows)

    return store


def _after_confirming_fetch(real: Any, fate: Fate) -> Any:
    async def get_updates(self: Any, offset: int | None, timeout_s: float) -> Any:
        if fate.withheld and offset is not None:
            await real(self, offset, 0)
            fate.meets(fate.nth)
        return await real(self, offset, timeout_s)

    return get_updates


def _after_200(real: Any, fate: Fate) -> Any:
    def make_app(*args: Any, **kwargs: Any) -> Any:
        inner = real(*args, **kwargs)

        async def web(scope: Any, receive: Any, send: Any) -> None:
            statuses: list[int] = []

            async def sending(message: Any) -> None:
                await send(message)
                statuses.append(message.get("status", 0))

            await inner(scope, receive, sending)
            if fate.withheld and 200 in statuses:
                fate.meets()

        return web

    return make_app


def _noting_turns(real: Any, taken: list[int]) -> Any:
    def save_all(tx: Any, turns: Any, now: Any) -> Any:
        taken.append(len(turns))
        return real(tx, turns, now)

    return save_all


def _then_meets(real: Any, fate: Fate, taken: list[int] | None = None) -> Any:
    """Behind the function; it has met as many turns as it gave back, or as were `taken` in it."""

    def function(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        fate.meets(len(result) if taken is None else sum(taken))
        if taken is not None:
            taken.clear()
        return result

    return function


def _after_commit(real: Any, fate: Fate, count: Callable[[Any], int]) -> Any:
    """The courier with a death behind its commits."""

    def courier(*, db_call: Any, **fields: Any) -> Any:
        async def then_meets(work: Any) -> Any:
            result = await db_call(work)
            fate.meets(count(result))
            return result

        return real(db_call=then_meets, **fields)

    return courier


def _after_delivery(real: Any, fate: Fate) -> Any:
    async def deliver(self: Any, chat_id: int, payload: Any, **kwargs: Any) -> Any:
        result = await real(self, chat_id, payload, **kwargs)
        if not payload.get("edit") and not payload.get("toast"):  # done twice these read the same: nothing to prove
            fate.meets()
        return result

    return deliver


def _failing_once(real: Any, fate: Fate) -> Any:
    def sent_all(tx: Any, message_ids: Any, *args: Any) -> None:
        if message_ids and fate.is_armed():
            os.unlink(fate.armed)
            raise OSError("the database is away")
        real(tx, message_ids, *args)

    return sent_all


# --- the nursery --------------------------------------------------------------------------------------------------


def main() -> None:
    for name in MODULES:
        importlib.import_module(name)
    _warm()
    gc.freeze()  # the children share these pages
    orders = open(0, "rb", buffering=0)
    _tell("ready")
    while line := orders.readline():
        alive, held = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(alive)
            _live(json.loads(line))
        os.close(held)
        _tell(f"born {pid}")
        # The pipe ends with the child. If our own input ends first, the test is gone, and the child goes with it.
        if alive not in select.select([alive, orders.fileno()], [], [])[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(alive)
        _tell(f"ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}")


def _warm() -> None:
    """What every process loads from the package's own files and then keeps; no two children differ in it."""
    from dialogs import help_numbers, places, render
    from dialogs.words import triage

    places.warm()
    help_numbers.load()
    triage.read("good morning")
    for text in ("menu.help", "coach.nothing_open", "athlete.heard", "button.usual", "morning.skipped"):
        render.text("en", text, {})


def _live(order: dict[str, Any]) -> None:
    """The child: never returns."""
    code = 70
    try:
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(old, new)
        os.environ.clear()
        os.environ.update(order["env"])
        death = signal.SIGSTOP if order.get("stops") else signal.SIGKILL
        vary(order)
        wind_up(Fate(order["step"], order["nth"], order["armed"], death), timedelta(seconds=order["ahead"]))
        from bot.__main__ import main as aidstation

        code = aidstation(["run", *order.get("arguments", ())])
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


def _tell(line: str) -> None:
    os.write(1, line.encode() + b"\n")


if __name__ == "__main__":
    main()
