"""The log's last line of defence: whatever a library says, no token leaves; what an operator needs stays readable."""

from __future__ import annotations

import logging

import pytest

from bot.__main__ import _Redacted

TOKEN = "1000001:AAF-abcdefghijklmnopqrstuvwxyz01234"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (f"POST https://api.telegram.org/bot{TOKEN}/getUpdates", "POST https://api.telegram.org/<token>/getUpdates"),
        (f"token {TOKEN}.", "token <token>."),
        ("POST http://127.0.0.1:8081/bot1000001:short/getMe", "POST http://127.0.0.1:8081/<token>/getMe"),
        ("handle.failed key=1000001:700000001 try=2", "handle.failed key=1000001:700000001 try=2"),
    ],
)
def test_a_token_is_never_logged_and_an_inbox_key_is_readable(said: str, logged: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, said, None, None)
    assert _Redacted("%(message)s").format(record) == logged
