"""A start: who this bot is, and beside whom it may run. What must not run is told why, in a sentence (SettingsError).

On SQLite nobody else runs (storage.alone), so that whatever is leased was leased by the dead. On PostgreSQL updates
come in one way, by the lease "ingress": to one process that polls, or to any number that Telegram calls, which hold it
together under one name. A program elsewhere that polls with the same token is known by what Telegram answers (409).

Only a start is refused. Whoever has received for a while goes on whatever comes: to fall silent would be worse than
being two.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from bot.config import SettingsError
from bot.refusals import SendError
from dialogs import menus, render
from storage import club, db, due, lease, outbox

if TYPE_CHECKING:
    from bot.app import App

log = logging.getLogger(__name__)

T = TypeVar("T")

INGRESS_LEASE_S = 15.0
AGAIN_S = 1.0  # between two tries at the start
FIRST_MINUTE_S = 60.0
TOO_MANY_CONFLICTS = 3

ONE_POLLS = (
    "another process receives for this bot on this database, by polling or by webhook, and one that polls must be the "
    "only one: stop the other, or run all of them with AIDSTATION_MODE=webhook"
)
NOT_BOTH = "a process that polls runs on this database: stop it before one starts with AIDSTATION_MODE=webhook"
TWO_POLL = (
    "another program polls with this bot's token, and Telegram gives each update to one of the two: stop the other "
    "one, or get a new token from @BotFather if you do not know it"
)
UNKNOWN = "Telegram does not know this bot: copy TELEGRAM_BOT_TOKEN again from @BotFather, and look at TELEGRAM_API_URL"
ANOTHER_BOT = (
    "TELEGRAM_BOT_TOKEN is of bot {new}, but this database has served bot {old}: set that one's token, or name another "
    "DATABASE_URL. If the club moves to the new bot, start once with `aidstation run --new-bot`: everybody must then "
    "press Start there, and what the old bot has sent can no longer be answered"
)


async def insist(app: App, work: Callable[[sa.Connection], T]) -> T:
    """One transaction; a database that is locked or away for a moment is waited for."""
    while True:
        try:
            return await app.transact(work)
        except Exception as error:
            if not db.is_transient(error):
                raise
            log.warning("start.waits error=%s", type(error).__name__)
            await asyncio.sleep(AGAIN_S)


def inherit(tx: sa.Connection) -> None:
    """Take up at once what a killed process has left leased. Only for whoever is alone."""
    outbox.take_up(tx)
    due.take_up(tx)
    lease.free(tx)


async def introduce(app: App) -> None:
    """Learn the bot's name, show the menu of commands. A bot that starts during an outage of Telegram starts.

    Raises SettingsError for a token that Telegram does not know, or of another bot than this database has served:
    chats, messages and buttons belong to a bot.
    """
    new = str(app.bot_id)
    old, name = await insist(app, lambda tx: (club.recall(tx, "bot_id"), club.recall(tx, "bot_username")))
    if old not in (None, new) and not app.new_bot:
        raise SettingsError(ANOTHER_BOT.format(new=new, old=old))
    if old in (None, new):
        app.bot = name or app.bot
    try:
        app.bot = str((await app.api.get_me())["username"])
        if (old, name) != (new, app.bot):
            await insist(app, lambda tx: _remember(tx, old, new, app.bot))
        for code in render.languages():  # English for phones in all other languages
            menu = [(name, render.label(code, f"menu.{name}", {})) for name in menus.ATHLETE]
            await app.api.set_commands(menu, None if code == render.FALLBACK else code)
    except SendError as error:
        if error.kind == "unauthorized":  # a typo: a service that waits for it would look alive and be deaf
            raise SettingsError(UNKNOWN) from None
        log.warning("start.telegram_away kind=%s", error.kind)


def _remember(tx: sa.Connection, old: str | None, new: str, name: str) -> None:
    club.remember(tx, "bot_id", new)
    club.remember(tx, "bot_username", name)
    if old not in (None, new):
        outbox.forget_message_ids(tx)


async def hold_ingress(app: App) -> None:
    """On PostgreSQL: ask for the lease, and keep it. Raises SettingsError where a living process holds it."""
    by_webhook = app.settings.mode == "webhook"
    owner = "webhook" if by_webhook else app.owner
    loop = asyncio.get_running_loop()
    give_up = loop.time() + INGRESS_LEASE_S + AGAIN_S  # somebody who was killed holds it that long
    while True:
        try:
            ours = await app.transact(lambda tx: lease.hold(tx, app.ingress, owner, app.clock.now(), INGRESS_LEASE_S))
        except Exception as error:
            log.error("receive.lease_trouble error=%s", type(error).__name__)
        else:
            if ours:
                app.may_receive.set()
            elif app.may_receive.is_set():  # we were stopped past it
                log.error("receive.not_alone mode=%s", app.settings.mode)
            elif loop.time() > give_up:
                raise SettingsError(NOT_BOTH if by_webhook else ONE_POLLS)
        await asyncio.sleep(INGRESS_LEASE_S / 5 if app.may_receive.is_set() else AGAIN_S)


def refuse_two_polls(conflicts: int, running_s: float) -> None:
    """After each fetch that another one has ended: soon after the start, it is we who are one too many."""
    if conflicts >= TOO_MANY_CONFLICTS and running_s < FIRST_MINUTE_S:
        raise SettingsError(TWO_POLL)
