"""The settings, and the only reader of the environment.

A setting that cannot be right is refused at the start, by its name, with a sentence that says what to do:
better a service that does not start at noon than one that is silent at night. Variables hold what an operator
must give, the TOML file named by AIDSTATION_CONFIG what few ever change. An empty variable counts as not set.

Tokens and secrets may come from files (`TELEGRAM_BOT_TOKEN_FILE`), as Docker and systemd hand them out, and
never appear in `repr`, in messages or in logs.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal
from urllib.parse import urlsplit

Mode = Literal["polling", "webhook"]


class SettingsError(Exception):
    """The settings cannot be used. Its text is for the operator: which setting, and what to do."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable, as deploy/env.example shows it."""

    name: str
    help: str
    default: str = ""


ENVIRONMENT: tuple[Variable, ...] = (
    Variable("TELEGRAM_BOT_TOKEN", "The bot's token from @BotFather. Without it the sandbox starts instead."),
    Variable("TELEGRAM_BOT_TOKEN_FILE", "A file that holds the token, instead of TELEGRAM_BOT_TOKEN."),
    Variable("TELEGRAM_API_URL", "Base address of the Bot API server.", "https://api.telegram.org"),
    Variable("DATABASE_URL", "sqlite:///FILE or postgresql://USER@HOST/NAME.", "sqlite:///data/aidstation.db"),
    Variable("AIDSTATION_MODE", "How updates come in: polling or webhook.", "polling"),
    Variable("WEBHOOK_URL", "With webhook: the public https address that Telegram calls, path included."),
    Variable("WEBHOOK_SECRET", "With webhook: 1-256 characters of A-Z a-z 0-9 _ - that only Telegram is told."),
    Variable("WEBHOOK_SECRET_FILE", "A file that holds the secret, instead of WEBHOOK_SECRET."),
    Variable("WEBHOOK_LISTEN", "HOST:PORT on which webhook, health and metrics are served.", "127.0.0.1:8080"),
    Variable("PUBLIC_URL", "The https address at which phones reach /calendar/. Without it, that of WEBHOOK_URL."),
    Variable("TRANSCRIBE_COMMAND", "A program that prints what is said in the audio file named by its last argument."),
    Variable("AIDSTATION_CONFIG", "A TOML file with further settings."),
)
NOT_FOR_PROGRAMS = ("PGPASSWORD",)  # beside our own: it may open our database


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast we send. The defaults are Telegram's (Bots FAQ, "Broadcasting to users").

    per_second        messages a second over all chats
    reserved          of these, how many only pages to coaches may use
    per_chat          messages a second to one person
    burst             messages to one person that may leave at once before that counts
    per_group_minute  messages a minute to one group
    """

    per_second: float = 30.0
    reserved: float = 5.0
    per_chat: float = 1.0
    burst: int = 3
    per_group_minute: float = 20.0


@dataclass(frozen=True, slots=True)
class Keep:
    """How many days what only serves the work is kept (storage.keeping). Answers and words are not among it.

    inbox      updates that were handled; at least 2, because Telegram repeats one for a day
    outbox     messages that were sent, or never will be
    strangers  the same to people who are not here, the files of an export, and the address of a calendar
    due        wakeups that have rung
    invite     invitations that were used or have expired
    """

    inbox: int = 7
    outbox: int = 90
    strangers: int = 1
    due: int = 90
    invite: int = 90


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the operator's: its command line, in words, and the environment that it gets, which holds no secret
    of ours. Neither is shown: they may hold one of its own."""

    arguments: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Settings:
    telegram_bot_token: str | None = field(default=None, repr=False)
    telegram_api_url: str = "https://api.telegram.org"
    database_url: str = field(default="sqlite:///data/aidstation.db", repr=False)  # may hold a password
    mode: Mode = "polling"
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_listen: tuple[str, int] = ("127.0.0.1", 8080)
    listen_given: bool = field(default=False, compare=False)  # by the operator: then it must be free, or nothing starts
    public_url: str | None = None
    transcribe: Program | None = None
    limits: Limits = Limits()
    keep: Keep = Keep()

    @property
    def bot_id(self) -> int | None:
        """The number before the colon of the token: the bot's own user id."""
        return int(self.telegram_bot_token.split(":")[0]) if self.telegram_bot_token else None

    @property
    def webhook_path(self) -> str:
        """Where the webhook is served: the path of WEBHOOK_URL, which is what Telegram is told."""
        return (urlsplit(self.webhook_url).path if self.webhook_url else "") or "/"

    @property
    def address(self) -> str | None:
        """Where we are seen from outside, for links; without a slash at its end. None: we are not."""
        if self.public_url or not self.webhook_url:
            return self.public_url
        parts = urlsplit(self.webhook_url)
        return f"{parts.scheme}://{parts.netloc}"


_SECTIONS: dict[str, type] = {"limits": Limits, "keep": Keep}


def load(environment: Mapping[str, str], *, read_file: Callable[[str], str]) -> Settings:
    """Raises SettingsError. `read_file` gives a file's text or raises OSError."""
    env = {name: value.strip() for name, value in environment.items() if value.strip()}
    names = [variable.name for variable in ENVIRONMENT]
    for name in env:
        if name.startswith("AIDSTATION_") and name not in names:
            raise SettingsError(f"unknown variable {name}{_did_you_mean(name, names)}")

    mode = env.get("AIDSTATION_MODE", "polling").lower()
    url = env.get("WEBHOOK_URL")
    secret = _secret(env, "WEBHOOK_SECRET", read_file)
    if mode == "webhook":
        _check_webhook(url, secret)
    elif mode != "polling":
        raise SettingsError(f"AIDSTATION_MODE is {mode!r}: set it to polling or webhook")
    elif url:
        raise SettingsError("WEBHOOK_URL is set but the mode is polling: set AIDSTATION_MODE=webhook, or unset it")

    token = _secret(env, "TELEGRAM_BOT_TOKEN", read_file)
    if token and not re.fullmatch(r"[0-9]{1,20}:[A-Za-z0-9_-]+", token):
        raise SettingsError(
            "TELEGRAM_BOT_TOKEN is no bot token: copy it again from @BotFather, digits, a colon and letters"
        )
    sections = _file(env["AIDSTATION_CONFIG"], read_file) if "AIDSTATION_CONFIG" in env else {}
    return Settings(
        telegram_bot_token=token,
        telegram_api_url=_api_url(env.get("TELEGRAM_API_URL", Settings().telegram_api_url)),
        database_url=env.get("DATABASE_URL", Settings().database_url),
        mode="webhook" if mode == "webhook" else "polling",
        webhook_url=url,
        webhook_secret=secret,
        webhook_listen=_listen(env.get("WEBHOOK_LISTEN", "127.0.0.1:8080")),
        listen_given="WEBHOOK_LISTEN" in env,
        public_url=_public("PUBLIC_URL", env["PUBLIC_URL"]).rstrip("/") if "PUBLIC_URL" in env else None,
        transcribe=_program("TRANSCRIBE_COMMAND", environment, env),
        **sections,
    )


def _secret(env: Mapping[str, str], name: str, read_file: Callable[[str], str]) -> str | None:
    path = env.get(f"{name}_FILE")
    if path is None:
        return env.get(name)
    if name in env:
        raise SettingsError(f"both {name} and {name}_FILE are set: keep one of them")
    value = _read(f"{name}_FILE", path, read_file).strip()
    if not value:
        raise SettingsError(f"{name}_FILE: {path} is empty")
    return value


def _read(name: str, path: str, read_file: Callable[[str], str]) -> str:
    try:
        return read_file(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise SettingsError(f"{name}: cannot read {path} ({reason})") from None


def _check_webhook(url: str | None, secret: str | None) -> None:
    if not url:
        raise SettingsError("AIDSTATION_MODE is webhook: set WEBHOOK_URL to the https address that Telegram shall call")
    if not secret:
        raise SettingsError(
            "AIDSTATION_MODE is webhook: set WEBHOOK_SECRET, else anybody could send updates; "
            "`openssl rand -hex 32` makes one"
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise SettingsError("WEBHOOK_SECRET may hold 1 to 256 characters of A-Z a-z 0-9 _ - and no others")
    _public("WEBHOOK_URL", url)


def _public(name: str, url: str) -> str:
    """An address that others are told; what is sent there must not be read on the way."""
    parts = _split(name, url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
        raise SettingsError(f"{name} must begin with https:// (http:// only for this machine itself)")
    if parts.query or parts.fragment or parts.username:
        raise SettingsError(f"{name} must be an address without user, ? or #")
    return url


def _split(name: str, url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        parts = urlsplit("")
    if not parts.hostname:
        raise SettingsError(f"{name} is no address: write https://HOST/PATH")
    return parts


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _api_url(url: str) -> str:
    if _split("TELEGRAM_API_URL", url).scheme not in ("http", "https"):
        raise SettingsError("TELEGRAM_API_URL must begin with https:// or http://")
    return url.rstrip("/")


def _listen(value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise SettingsError(f"WEBHOOK_LISTEN is {value!r}: write HOST:PORT, for example 127.0.0.1:8080")
    return host.strip("[]"), int(port)


def _program(name: str, environment: Mapping[str, str], env: Mapping[str, str]) -> Program | None:
    """Split as a shell would, but no shell runs it: nothing in it is expanded."""
    if name not in env:
        return None
    try:
        arguments = tuple(shlex.split(env[name]))
    except ValueError as error:
        raise SettingsError(f"{name} is no command line ({error}): close each quotation mark") from None
    if not arguments or not arguments[0]:
        raise SettingsError(f"{name} names no program: begin with its whole path")
    ours = {*(variable.name for variable in ENVIRONMENT), *NOT_FOR_PROGRAMS}
    return Program(arguments, {key: value for key, value in environment.items() if key not in ours})


# --- the TOML file ------------------------------------------------------------------------------------


def _file(path: str, read_file: Callable[[str], str]) -> dict[str, Any]:
    text = _read("AIDSTATION_CONFIG", path, read_file)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"AIDSTATION_CONFIG: {path} is no TOML: {error}") from None
    known = [f"{section}.{item.name}" for section, kind in _SECTIONS.items() for item in fields(kind)]
    settings = {}
    for section, table in tables.items():
        if section not in _SECTIONS or not isinstance(table, dict):
            keys = [f"{section}.{key}" for key in table] if isinstance(table, dict) else []
            raise _unknown(keys[0] if keys else section, path, [*known, *_SECTIONS])
        settings[section] = _section(section, table, path, known)
    return settings


def _section(section: str, table: Mapping[str, Any], path: str, known: list[str]) -> Any:
    kind = _SECTIONS[section]
    defaults = kind()
    for key, value in table.items():
        name = f"{section}.{key}"
        if name not in known:
            raise _unknown(name, path, known)
        whole = isinstance(getattr(defaults, key), int)
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not value > 0:
            wanted = "a whole number" if whole else "a number"
            raise SettingsError(f"{name} in {path} must be {wanted} above 0, not {value!r}")
    result = kind(**table)
    if isinstance(result, Limits) and result.reserved >= result.per_second:
        raise SettingsError(f"limits.reserved in {path} must be less than limits.per_second: nothing else could leave")
    if isinstance(result, Keep) and result.inbox < 2:
        raise SettingsError(f"keep.inbox in {path} must be at least 2: Telegram repeats what it has sent for a day")
    return result


def _unknown(name: str, path: str, known: Iterable[str]) -> SettingsError:
    return SettingsError(f"unknown key {name!r} in {path}{_did_you_mean(name, known)}")


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]!r}?" if near else ""
