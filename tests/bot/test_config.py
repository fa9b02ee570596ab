"""Settings that cannot be right are refused by name, with what to do; secrets are never shown."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.config import ENVIRONMENT, Keep, Limits, Settings, SettingsError, load

TOKEN = "123456:abc-DEF_ghi"
WEBHOOK = {
    "AIDSTATION_MODE": "webhook",
    "WEBHOOK_URL": "https://club.example.org/hooks/aid",
    "WEBHOOK_SECRET": "s3cret_-",
}


def settings(env: Mapping[str, str], files: Mapping[str, str] | None = None) -> Settings:
    def read_file(path: str) -> str:
        try:
            return (files or {})[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return load(env, read_file=read_file)


def refusal(env: Mapping[str, str], files: Mapping[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(env, files)
    return str(caught.value)


def toml(text: str) -> str:
    return refusal({"AIDSTATION_CONFIG": "aid.toml"}, {"aid.toml": text})


def test_without_any_setting_the_defaults_hold() -> None:
    assert settings({}) == Settings()
    assert settings({"TELEGRAM_BOT_TOKEN": "", "WEBHOOK_URL": " "}) == Settings()


def test_the_defaults_are_those_that_the_table_of_variables_names() -> None:
    defaults = {variable.name: variable.default for variable in ENVIRONMENT if variable.default}
    assert settings(defaults) == Settings()
    assert all(variable.help for variable in ENVIRONMENT)


def test_everything_can_be_set() -> None:
    env = {
        **WEBHOOK,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": "http://botapi:8081/",
        "DATABASE_URL": "postgresql://aid@db/aid",
        "WEBHOOK_LISTEN": "[::1]:8081",
        "AIDSTATION_CONFIG": "aid.toml",
    }
    found = settings(env, {"aid.toml": "[limits]\nper_second = 100\nper_chat = 0.5\nburst = 4\n[keep]\ninbox = 2\n"})
    assert (found.mode, found.bot_id, found.telegram_bot_token) == ("webhook", 123456, TOKEN)
    assert found.telegram_api_url == "http://botapi:8081"
    assert found.database_url == "postgresql://aid@db/aid"
    assert (found.webhook_path, found.webhook_secret) == ("/hooks/aid", "s3cret_-")
    assert found.webhook_listen == ("::1", 8081)
    assert found.limits == Limits(per_second=100, per_chat=0.5, burst=4)
    assert found.keep == Keep(inbox=2) and settings({}).keep.outbox == 90


def test_secrets_can_come_from_files_and_are_never_shown() -> None:
    env = {"AIDSTATION_MODE": "webhook", "WEBHOOK_URL": "https://club.example.org"}
    env |= {"WEBHOOK_SECRET_FILE": "/run/secret", "TELEGRAM_BOT_TOKEN_FILE": "/run/token"}
    env |= {"DATABASE_URL": "postgresql://aid:passw0rd@db/aid"}
    found = settings(env, {"/run/secret": "hush\n", "/run/token": f"{TOKEN}\n"})
    assert (found.webhook_secret, found.telegram_bot_token) == ("hush", TOKEN)
    assert found.webhook_path == "/"
    for secret in ("hush", TOKEN, "passw0rd"):
        assert secret not in repr(found)


def test_a_command_line_is_split_into_words_and_gets_an_environment_without_our_secrets() -> None:
    env = {
        "TRANSCRIBE_COMMAND": "'/opt/my hearing/listen' --lang 'en gb' $HOME",
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "DATABASE_URL": "postgresql://aid:passw0rd@db/aid",
        "PGPASSWORD": "passw0rd",
        "HEARING_KEY": " its own ",
        "PATH": "/bin",
    }
    program = settings(env).transcribe
    assert program is not None
    assert program.arguments == ("/opt/my hearing/listen", "--lang", "en gb", "$HOME")
    assert program.environment == {"HEARING_KEY": " its own ", "PATH": "/bin"}
    shown = repr(settings(env))
    assert "hearing" not in shown and "its own" not in shown
    assert settings({"HEARING_KEY": "k", "TRANSCRIBE_COMMAND": " "}).transcribe is None


@pytest.mark.parametrize(
    ("env", "names"),
    [
        ({"AIDSTATION_MODE": "push"}, ["AIDSTATION_MODE", "polling or webhook"]),
        ({"AIDSTATION_MOD": "webhook"}, ["AIDSTATION_MOD", "AIDSTATION_MODE"]),
        ({"AIDSTATION_MODE": "webhook"}, ["WEBHOOK_URL"]),
        ({**WEBHOOK, "WEBHOOK_SECRET": ""}, ["WEBHOOK_SECRET"]),
        ({**WEBHOOK, "WEBHOOK_SECRET": "with space"}, ["WEBHOOK_SECRET", "A-Z"]),
        ({**WEBHOOK, "WEBHOOK_SECRET": "a" * 257}, ["WEBHOOK_SECRET", "256"]),
        ({**WEBHOOK, "WEBHOOK_URL": "http://club.example.org/x"}, ["WEBHOOK_URL", "https"]),
        ({**WEBHOOK, "WEBHOOK_URL": "http://127.0.0.1.example.org/x"}, ["WEBHOOK_URL", "https"]),
        ({**WEBHOOK, "WEBHOOK_URL": "club.example.org"}, ["WEBHOOK_URL"]),
        ({**WEBHOOK, "WEBHOOK_URL": "https://h:99999/"}, ["WEBHOOK_URL"]),
        ({**WEBHOOK, "WEBHOOK_URL": "https://club.example.org/?a=1"}, ["WEBHOOK_URL"]),
        ({"WEBHOOK_URL": "https://club.example.org/"}, ["WEBHOOK_URL", "AIDSTATION_MODE=webhook"]),
        ({"PUBLIC_URL": "http://club.example.org"}, ["PUBLIC_URL", "https"]),
        ({"PUBLIC_URL": "club.example.org"}, ["PUBLIC_URL", "https"]),
        ({"PUBLIC_URL": "https://club.example.org/?a=1"}, ["PUBLIC_URL"]),
        ({"WEBHOOK_LISTEN": "8080"}, ["WEBHOOK_LISTEN", "HOST:PORT"]),
        ({"WEBHOOK_LISTEN": "h:99999"}, ["WEBHOOK_LISTEN"]),
        ({"TELEGRAM_BOT_TOKEN": "bot123:abc"}, ["TELEGRAM_BOT_TOKEN", "BotFather"]),
        ({"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_BOT_TOKEN_FILE": "/t"}, ["TELEGRAM_BOT_TOKEN_FILE", "one"]),
        ({"TELEGRAM_BOT_TOKEN_FILE": "/nowhere"}, ["TELEGRAM_BOT_TOKEN_FILE", "/nowhere", "No such file"]),
        ({"TELEGRAM_API_URL": "ftp://botapi"}, ["TELEGRAM_API_URL", "https"]),
        ({"TRANSCRIBE_COMMAND": "listen 'abc"}, ["TRANSCRIBE_COMMAND", "No closing quotation"]),
        ({"TRANSCRIBE_COMMAND": "listen abc\\"}, ["TRANSCRIBE_COMMAND", "escaped"]),
        ({"TRANSCRIBE_COMMAND": "''"}, ["TRANSCRIBE_COMMAND", "no program"]),
        ({"AIDSTATION_CONFIG": "/nowhere.toml"}, ["AIDSTATION_CONFIG", "/nowhere.toml"]),
    ],
    ids=lambda value: str(sorted(value)) if isinstance(value, dict) else "",
)
def test_a_setting_that_cannot_be_right_is_refused_by_its_name(env: dict[str, str], names: list[str]) -> None:
    words = refusal(env)
    assert all(name in words for name in names)
    assert "abc" not in words  # no token, not even a wrong one


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "[::1]"])
def test_a_webhook_on_this_machine_needs_no_tls(host: str) -> None:
    assert settings({**WEBHOOK, "WEBHOOK_URL": f"http://{host}/x"}).webhook_path == "/x"


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, None),
        (WEBHOOK, "https://club.example.org"),
        ({**WEBHOOK, "WEBHOOK_URL": "http://127.0.0.1:81/x"}, "http://127.0.0.1:81"),
        ({**WEBHOOK, "PUBLIC_URL": "https://plans.example.org/"}, "https://plans.example.org"),
        ({"PUBLIC_URL": "https://example.org:8443/aid/"}, "https://example.org:8443/aid"),
        ({"PUBLIC_URL": "http://localhost:8080"}, "http://localhost:8080"),
    ],
)
def test_links_go_to_the_public_address_or_to_where_telegram_calls(env: dict[str, str], address: str | None) -> None:
    assert settings(env).address == address


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[limits]\nper_secnd = 3", ["limits.per_secnd", "aid.toml", "limits.per_second"]),
        ("[limit]\nper_secnd = 3", ["limit.per_secnd", "limits.per_second"]),
        ("[limts]", ["limts", "limits"]),
        ("per_chat = 1", ["per_chat"]),
        ("limits = 3", ["limits"]),
        ("[limits]\nper_second = '30'", ["limits.per_second", "number"]),
        ("[limits]\nper_second = true", ["limits.per_second"]),
        ("[limits]\nper_second = 0", ["limits.per_second"]),
        ("[limits]\nper_second = nan", ["limits.per_second"]),
        ("[limits]\nburst = 1.5", ["limits.burst", "whole"]),
        ("[limits]\nper_second = 4", ["limits.reserved", "limits.per_second"]),
        ("[keep]\ninbox = 1", ["keep.inbox", "at least 2"]),
        ("[keep]\noutbox = 0.5", ["keep.outbox", "whole"]),
        ("[keep]\ninvites = 9", ["keep.invites", "keep.invite"]),
        ("[limits", ["aid.toml", "TOML"]),
    ],
)
def test_a_wrong_key_in_the_file_is_refused_by_its_name_with_the_nearest_right_one(text: str, names: list[str]) -> None:
    words = toml(text)
    assert all(name in words for name in names), words
