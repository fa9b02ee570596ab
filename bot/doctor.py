"""`aidstation doctor`: is everything in order, and if not, what to do. Each finding is ok, a warning or a fault."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import aiohttp

from bot.config import Settings
from bot.telegram import Api, SendError, Wire
from dialogs import help_numbers
from storage import db, inbox, people

Status = Literal["ok", "warning", "fault"]

SKEW = timedelta(seconds=60)  # a clock further off than this asks athletes at the wrong minute and expires codes early
OLD_NUMBERS = timedelta(days=400)  # help numbers are to be compared with their sources once a year


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is a stable name; `text` says what is so and, if it is not ok, what to do."""

    about: str
    status: Status
    text: str


async def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Look at everything once. `now` is the machine's clock, which is itself looked at."""
    findings = [await asyncio.to_thread(_numbers, now), *await asyncio.to_thread(_database, settings, now)]
    if settings.telegram_bot_token is None:
        text = "no TELEGRAM_BOT_TOKEN: `aidstation run` starts the sandbox. @BotFather gives a token."
        return [Finding("token", "warning", text), *findings]
    wire = Wire()
    await wire.initialize()
    try:
        api = Api(settings.telegram_bot_token, settings.telegram_api_url, wire)
        token = await _token(api)
        return [
            token,
            *findings,
            await _clock(settings, now),
            *([await _webhook(api, settings)] if token.status == "ok" else []),
        ]
    finally:
        await wire.shutdown()


def _numbers(now: datetime) -> Finding:
    try:
        oldest = help_numbers.oldest_check(help_numbers.load())
    except ValueError as error:
        return Finding("help numbers", "fault", f"{error}. Nothing starts without them: restore help_numbers.toml.")
    if now.date() - oldest > OLD_NUMBERS:
        text = f"some were last compared with their source on {oldest}: compare those of your countries and update"
        return Finding("help numbers", "warning", text)
    return Finding("help numbers", "ok", f"all compared with their sources since {oldest}")


def _database(settings: Settings, now: datetime) -> list[Finding]:
    try:
        base = db.open_db(settings.database_url)
    except Exception as error:
        return [Finding("database", "fault", f"DATABASE_URL cannot be used ({type(error).__name__}): correct it")]
    try:
        match db.state(base):
            case "newer":
                text = "made by a newer release: install that one again, or restore the backup from before the upgrade"
                return [Finding("database", "fault", text)]
            case "empty" | "older" as state:
                return [
                    Finding("database", "warning", f"{state}: run `aidstation migrate` (`aidstation run` does, too)")
                ]
            case _:
                pass
        with base.read() as tx:
            dead, waiting, everyone = inbox.dead(tx), inbox.waiting(tx, now), people.everyone(tx)
    except Exception as error:
        text = f"cannot be read ({type(error).__name__}): is the server up, the file writable, the disk full?"
        return [Finding("database", "fault", text)]
    finally:
        base.close()
    coaches = [one for one in everyone if one.coaches]
    silent = [one.name for one in coaches if one.chat_id is None or not one.reachable]
    return [
        Finding("database", "ok", f"current; {len(everyone)} people, {waiting} updates waiting"),
        Finding(
            "dead letters", "warning", f"{dead} updates could not be handled; a coach got each as it was. See the log"
        )
        if dead
        else Finding("dead letters", "ok", "none"),
        Finding("coaches", "warning", "there is none: `aidstation invite coach NAME`")
        if not coaches
        else Finding(
            "coaches", "fault", f"cannot be reached: {', '.join(silent)}. They must press Start in the bot's chat"
        )
        if silent
        else Finding(
            "coaches", "ok", f"{len(coaches)}, all reachable" + ("" if len(coaches) > 1 else "; no backup yet")
        ),
    ]


async def _token(api: Api) -> Finding:
    try:
        me = await api.get_me()
    except SendError as error:
        if error.kind == "unauthorized":
            text = "Telegram does not know it: copy it again from @BotFather into TELEGRAM_BOT_TOKEN"
            return Finding("token", "fault", text)
        return Finding(
            "token", "fault", f"Telegram cannot be reached ({error.kind}): check the network and TELEGRAM_API_URL"
        )
    return Finding("token", "ok", f"@{me.get('username')}")


async def _clock(settings: Settings, now: datetime) -> Finding:
    """Against the Date header of Telegram's own server (whole seconds)."""
    try:
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(settings.telegram_api_url) as answer:
            theirs = parsedate_to_datetime(answer.headers["Date"])
    except (aiohttp.ClientError, TimeoutError, KeyError, ValueError):
        return Finding("clock", "warning", "no server to compare it with")
    skew = abs(now - theirs)
    if skew > SKEW:
        off = int(skew.total_seconds())
        text = f"{off} s away from Telegram's: switch on time synchronisation (timedatectl set-ntp true)"
        return Finding("clock", "fault", text)
    return Finding("clock", "ok", f"within {int(SKEW.total_seconds())} s of Telegram's")


async def _webhook(api: Api, settings: Settings) -> Finding:
    try:
        info = await api.webhook_info()
    except SendError as error:
        return Finding("webhook", "warning", f"cannot be asked for ({error.kind})")
    url, last_error = str(info.get("url") or ""), info.get("last_error_message")
    pending = info.get("pending_update_count", 0)
    if settings.mode == "polling":
        if url:
            text = (
                "one is set, but the mode is polling: `aidstation run` removes it; does another program use this token?"
            )
            return Finding("webhook", "warning", text)
        return Finding("webhook", "ok", f"none, as polling wants it; {pending} updates wait at Telegram")
    if url != settings.webhook_url:
        return Finding("webhook", "warning", "not set to WEBHOOK_URL yet: `aidstation run` sets it when it starts")
    if last_error:
        return Finding(
            "webhook", "warning", f"Telegram's last call failed ({last_error}): check the proxy and its certificate"
        )
    return Finding("webhook", "ok", f"set; {pending} updates wait at Telegram")
