"""`aidstation doctor`: is everything in order, and if not, what to do. Each finding is ok, a warning or a fault.

It looks and changes nothing: no file is made, no row written, nothing sent. So it may run beside the service, or as
another user than the service does.

    fault     somebody is not heard, or will not be, until a human has done what stands there
    warning   it works, and something is to be done before it does not
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Literal

import aiohttp
import sqlalchemy as sa

from bot import transcribe
from bot.config import Limits, Program, Settings
from bot.refusals import SendError
from bot.telegram import Api, Wire
from dialogs import help_numbers
from dialogs.levels import Level
from dialogs.model import Lane, Person
from storage import alone, attention, club, db, gauges, lease
from storage.db import Database
from storage.gauges import Gauges

Status = Literal["ok", "warning", "fault"]

SKEW = timedelta(seconds=60)  # a clock further off than this asks athletes at the wrong minute and expires codes early
OLD_NUMBERS = timedelta(days=400)  # help numbers are to be compared with their sources once a year
LAST_BACKUP = "last_backup_at"  # in `club`; written by `aidstation backup`
OLD_BACKUP = timedelta(days=2)  # one a day, and one may fail
OLD_DRILL = timedelta(days=40)  # one a month, and a month may be long
OLD_ZONES = 2  # years; some country changes its rules every few months
WAITING_S = 60.0  # an update, or a page, that has waited longer than this is not on its way any more
RINGING_S = 300.0  # the same for what is due: a turn that failed rests for up to five minutes
LATER_S = 900.0  # and for replies and check-ins, which Telegram's limits may hold back
UNANSWERED_S = {Level.NOW: 1800.0, Level.TODAY: 50400.0}  # the second: 14 hours, a night included
FEW_BYTES, NO_BYTES = 1 << 30, 100 << 20  # of disk
RECENT_ERROR = timedelta(hours=1)  # Telegram shows the last failed call for ever
PILE = 50  # updates at Telegram; a quiet minute of a club


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` is a stable name; `text` says what is so and, if it is not ok, what to do."""

    about: str
    status: Status
    text: str


async def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Look at everything once. `now` is the machine's clock, which is itself looked at."""
    own = [_numbers(now), _zones(now), _limits(settings.limits), *_voice_notes(settings.transcribe)]
    pid = await asyncio.to_thread(_running, settings.database_url)
    findings = [*own, *await asyncio.to_thread(_database, settings, now, pid)]
    if pid is not None:
        findings.append(await _page(settings))
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
            *([await _webhook(api, settings, now)] if token.status == "ok" else []),
        ]
    finally:
        await wire.shutdown()


# --- this machine ---------------------------------------------------------------------------------------------------


def _numbers(now: datetime) -> Finding:
    try:
        oldest = help_numbers.oldest_check(help_numbers.load())
    except ValueError as error:
        return Finding("help numbers", "fault", f"{error}. Nothing starts without them: restore help_numbers.toml.")
    if now.date() - oldest > OLD_NUMBERS:
        text = f"some were last compared with their source on {oldest}: compare those of your countries and update"
        return Finding("help numbers", "warning", text)
    return Finding("help numbers", "ok", f"all compared with their sources since {oldest}")


def _zones(now: datetime) -> Finding:
    """Of the package, whose rules the service goes by whatever the machine has (dialogs.timing)."""
    version = importlib.metadata.version("tzdata")
    if now.year - int(version[:4]) >= OLD_ZONES:
        text = f"rules of {version} (the package tzdata): update, or some are asked an hour off after a change of law"
        return Finding("time zones", "warning", text)
    return Finding("time zones", "ok", f"rules of {version}")


def _limits(limits: Limits) -> Finding:
    telegram = Limits()
    above = [
        name
        for name in ("per_second", "per_chat", "per_group_minute")
        if getattr(limits, name) > getattr(telegram, name)
    ]
    if above:
        text = (
            f"{', '.join(above)} above Telegram's own: it answers 429 and holds up pages, too. Lower them in [limits]"
        )
        return Finding("limits", "warning", text)
    return Finding("limits", "ok", f"{limits.per_second:g} messages a second, {limits.reserved:g} kept for pages")


def _voice_notes(program: Program | None) -> Iterator[Finding]:
    if program is None:
        return
    if (found := transcribe.find(program)) is None:
        text = (
            f"TRANSCRIBE_COMMAND: there is no program {program.arguments[0]}, or this user may not run it. Coaches get "
            "voice notes without a transcript: install it, write its whole path, or unset the variable"
        )
        yield Finding("voice notes", "fault", text)
    else:
        yield Finding("voice notes", "ok", f"what is said in them is written down by {found}")


def _file(url: str) -> Path | None:
    """The SQLite file, where it is one."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(os.path.realpath(parsed.database.removeprefix("file:").partition("?")[0]))


def _running(url: str) -> int | None:
    """The process that runs on this SQLite file, or None. It is looked for, and no lock file is made: made by root, it
    would shut the service out."""
    try:
        file = _file(url)
        if file is None or not file.with_name(f"{file.name}.lock").exists():
            return None
        with alone.held(url):
            return None
    except alone.Taken as taken:
        return taken.pid
    except (sa.exc.ArgumentError, OSError):
        return None


async def _page(settings: Settings) -> Finding:
    """What the running service says of itself."""
    host, port = settings.webhook_listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - the other way: whom to ask
    url = f"http://[{host}]:{port}/readyz" if ":" in host else f"http://{host}:{port}/readyz"
    try:
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as answer:
            parts = json.loads(await answer.read())
            told = [f"{part} {said}" for part, said in parts.items() if part != "ready" and said != "ok"]
            ready = bool(parts["ready"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, AttributeError):
        text = f"{url} does not answer: is it served elsewhere (WEBHOOK_LISTEN), or hangs the service?"
        return Finding("readiness", "warning", text)
    if ready:
        return Finding("readiness", "ok", ", ".join(["ready", *told]))
    return Finding("readiness", "fault", f"the service runs and is not ready: {', '.join(told)}")


# --- the database ---------------------------------------------------------------------------------------------------


def _database(settings: Settings, now: datetime, pid: int | None) -> list[Finding]:
    try:
        file = _file(settings.database_url)
        base = db.open_db(settings.database_url)
    except Exception as error:
        return [Finding("database", "fault", f"DATABASE_URL cannot be used ({type(error).__name__}): correct it")]
    try:
        if file is not None and not file.exists():
            return [Finding("database", "warning", "there is none yet: `aidstation run` makes it")]
        around = list(_around(file)) if file is not None else []
        match db.state(base):
            case "newer":
                text = "made by a newer release: install that one again, or restore the backup from before the upgrade"
                return [Finding("database", "fault", text), *around]
            case "empty" | "older" as state:
                text = f"{state}: run `aidstation migrate` (`aidstation run` does, too)"
                return [Finding("database", "warning", text), *around]
            case _:
                return [*_rows(base, now, pid, file), *around]
    except Exception as error:
        text = f"cannot be read ({type(error).__name__}): is the server up, the file writable, the disk full?"
        return [Finding("database", "fault", text)]
    finally:
        base.close()


def _around(file: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(file.parent).free
    text = f"{free / 1e9:.1f} GB free in {file.parent}"
    if free < NO_BYTES:
        yield Finding("disk", "fault", f"{text}: make room now; a full disk stores nothing, and nobody is heard")
    elif free < FEW_BYTES:
        yield Finding("disk", "warning", f"{text}: make room")
    else:
        yield Finding("disk", "ok", text)
    beside = [file, *(file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm"))]
    open_ones = [one.name for one in beside if one.exists() and stat.S_IMODE(one.stat().st_mode) & 0o077]
    if open_ones:
        text = f"others on this machine may read {', '.join(open_ones)}, which hold what people say about their health"
        yield Finding("file modes", "warning", f"{text}: chmod 600")
    else:
        yield Finding("file modes", "ok", "only the owner reads the database")


def _rows(base: Database, now: datetime, pid: int | None, file: Path | None) -> list[Finding]:
    with base.read() as tx:
        damage = tx.exec_driver_sql("PRAGMA quick_check(1)").scalar() if base.is_sqlite else "ok"
        if damage != "ok":
            text = "the file is damaged: stop the service, keep the file, and restore the last backup"
            return [Finding("database", "fault", text)]
        seen, who = gauges.read(tx, now), gauges.club(tx)
        keys = gauges.dead_keys(tx, now)
        backup = club.recall(tx, LAST_BACKUP)
        coaches = attention.coaches(tx)
        runs = pid is not None if base.is_sqlite else lease.held(tx, "sender:", now)
        size = file.stat().st_size if file else tx.execute(sa.text("SELECT pg_database_size(current_database())"))
        bytes = size if isinstance(size, int) else int(size.scalar_one())
    where = f"process {pid}" if pid is not None else "a process sends for this bot"
    return [
        Finding("database", "ok", f"current and whole; {who.people} people, {bytes / 1e6:.1f} MB"),
        Finding("service", "ok", f"runs: {where}")
        if runs
        else Finding(
            "service", "warning", "does not run on this database: nobody is asked or rung before `aidstation run`"
        ),
        *_work(seen, runs),
        _asked(seen),
        _escalations(seen),
        _dead(keys, sum(seen.dead.values())),
        *_people(who),
        _backup(backup, now, who.people),
        *_drill(coaches, now),
    ]


def _work(seen: Gauges, runs: bool) -> Iterator[Finding]:
    cure = "it runs and does not get on: see its log, then restart it" if runs else "start `aidstation run`"
    rest = max((seen.outbox[lane] for lane in Lane if lane is not Lane.SAFETY), key=lambda one: one.lag_s)
    for about, found, limit_s, status in (
        ("inbox", seen.inbox, WAITING_S, "fault"),
        ("due", seen.due, RINGING_S, "fault"),
        ("pages", seen.outbox[Lane.SAFETY], WAITING_S, "fault"),
        ("messages", rest, LATER_S, "warning"),
    ):
        waits = f"{found.count} wait, the oldest for {_span(found.lag_s)}" if found.count else "nothing waits"
        if found.lag_s > limit_s:
            yield Finding(about, "fault" if status == "fault" or not runs else "warning", f"{waits}: {cure}")
        else:
            yield Finding(about, "ok", waits)


def _asked(seen: Gauges) -> Finding:
    """Silence that is nobody's but ours: check-ins ring, and none of them reaches anybody."""
    due, sent = seen.asked.due, seen.asked.sent
    if due and not sent:
        text = (
            f"{due} were due within the last day, and nobody was asked: was the service down then, is Telegram away, "
            "the token refused? Who is not asked cannot answer, and may be taken for silent: tell the coaches"
        )
        return Finding("check-ins", "fault", text)
    return Finding("check-ins", "ok", f"{sent} of the last {due} have left" if due else "none was due in the last day")


def _escalations(seen: Gauges) -> Finding:
    count = sum(sum(one.unacked) for one in seen.open.values())
    late = [
        f"a {level.value.upper()} for {_span(seen.open[level].oldest_unacked_s)}"
        for level, limit_s in UNANSWERED_S.items()
        if seen.open[level].oldest_unacked_s > limit_s
    ]
    if late:
        text = f'nobody has said "I have it" to {" and ".join(late)}: reach the coach or the backup by other means'
        return Finding("escalations", "fault", f"{count} open; {text}")
    taken = sum(sum(one.acked) for one in seen.open.values())
    return Finding("escalations", "ok", f'{count} wait for a coach\'s "I have it", {taken} are had by one')


def _dead(keys: Sequence[tuple[str, str, str]], count: int) -> Finding:
    if not keys:
        return Finding("dead letters", "ok", "none in the last seven days")
    listed = ", ".join(f"{table} {key} ({error})" for table, key, error in keys)
    text = f"{count} could not be handled or sent; a coach got each update as it was. See the log for {listed}"
    return Finding("dead letters", "warning", text)


def _people(who: gauges.Club) -> Iterator[Finding]:
    if not who.coaches:
        yield Finding("coaches", "warning", "there is none: `aidstation invite coach NAME`")
    elif who.silent_coaches:
        text = f"cannot be reached: {', '.join(who.silent_coaches)}. They must press Start in the bot's chat"
        yield Finding("coaches", "fault", text)
    else:
        yield Finding("coaches", "ok", f"{len(who.coaches)}, all reachable")
    if who.coaches and len(who.coaches) - len(who.silent_coaches) < 2:
        text = "nobody is rung when the coach does not answer: `aidstation invite coach NAME` for a second one"
        yield Finding("backup coach", "warning", text)
    elif who.coaches:
        yield Finding("backup coach", "ok", "there is one for each")
    told = [
        *([f"have blocked the bot or left: {_some(who.silent_athletes)}"] if who.silent_athletes else []),
        *([f"have no coach: {_some(who.without_coach)}; the head coach is rung for them"] if who.without_coach else []),
    ]
    yield Finding("athletes", "warning" if told else "ok", "; ".join(told) or "all have a coach and can be reached")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names) + (" ..." if len(names) >= gauges.NAMED else "")


def _backup(taken_at: str | None, now: datetime, people: int) -> Finding:
    if taken_at is None:
        status: Status = "warning" if people else "ok"
        return Finding("backup", status, "none is known of: run `aidstation backup FOLDER` every day, and copy it away")
    age = now - datetime.fromisoformat(taken_at)
    if age > OLD_BACKUP:
        text = f"the last one is {_span(age.total_seconds())} old: why was there none since?"
        return Finding("backup", "warning", text)
    return Finding("backup", "ok", f"the last one is {_span(age.total_seconds())} old")


def _drill(coaches: Sequence[Person], now: datetime) -> Iterator[Finding]:
    """A page that nobody has tried may not arrive: a phone was changed, a chat was muted."""
    since = min((one.joined_at for one in coaches if one.joined_at), default=None)
    if since is None:
        return
    last = max((one.drilled_at for one in coaches if one.drilled_at), default=None)
    if last is not None and now - last <= OLD_DRILL:
        yield Finding("drill", "ok", f"the last practice alarm was answered {_span((now - last).total_seconds())} ago")
    elif now - (last or since) > OLD_DRILL:
        told = f"for {_span((now - last).total_seconds())}" if last is not None else "yet"
        text = f"no coach has answered a practice alarm {told}: any coach writes /drill to the bot"
        yield Finding("drill", "warning", text)
    else:
        yield Finding("drill", "ok", "none yet: any coach writes /drill to the bot")


def _span(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} seconds"


# --- Telegram -------------------------------------------------------------------------------------------------------


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


async def _webhook(api: Api, settings: Settings, now: datetime) -> Finding:
    try:
        info: dict[str, Any] = await api.webhook_info()
    except SendError as error:
        return Finding("webhook", "warning", f"cannot be asked for ({error.kind})")
    url, last_error = str(info.get("url") or ""), info.get("last_error_message")
    pending = int(info.get("pending_update_count") or 0)
    waits = f"{pending} updates wait at Telegram"
    if settings.mode == "polling" and url:
        text = "one is set, but the mode is polling: `aidstation run` removes it; does another program use this token?"
        return Finding("webhook", "warning", text)
    if settings.mode == "webhook" and url != settings.webhook_url:
        set_to = "it is set to another address" if url else "it is not set"
        text = f"{set_to}, not to WEBHOOK_URL: `aidstation run` sets it. Does another program use this token?"
        return Finding("webhook", "warning", text)
    failed_at = datetime.fromtimestamp(int(info.get("last_error_date") or 0), UTC)
    if settings.mode == "webhook" and last_error and now - failed_at < RECENT_ERROR:
        text = f"Telegram's last call failed ({last_error}), {waits}: check the proxy and its certificate"
        return Finding("webhook", "fault" if pending else "warning", text)
    if pending > PILE:
        return Finding("webhook", "warning", f"{waits}: does the service run, and get on?")
    return Finding(
        "webhook", "ok", f"none, as polling wants it; {waits}" if settings.mode == "polling" else f"set; {waits}"
    )
