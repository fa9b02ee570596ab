"""The log: actions of ours, libraries without their words, errors without their texts, one line each."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from bot import log

TOKEN = "1000001:AAF-abcdefghijklmnopqrstuvwxyz01234"
WORDS = "my chest hurts"


@pytest.fixture
def restored() -> Iterator[None]:
    """What `log.begin` replaces in this process, put back."""
    root, levels = logging.getLogger(), {own: logging.getLogger(own).level for own in log.OWN}
    handlers, level = root.handlers[:], root.level
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for own, before in levels.items():
        logging.getLogger(own).setLevel(before)
    sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = hooks


def line(name: str, said: str, *given: object, error: BaseException | None = None) -> str:
    """The line of this record, without its time."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(name, logging.INFO, "there.py", 7, said, given, info)
    printed = log.Line().format(record)
    assert len(printed.splitlines()) == 1 and printed.isascii() and printed.isprintable()
    return printed.partition(" ")[2]


def caught(error: Exception, behind: Exception | None = None) -> Exception:
    try:
        raise error from behind
    except Exception as raised:
        return raised


def test_an_action_is_printed_with_its_values_and_the_time_with_its_offset() -> None:
    record = logging.LogRecord("bot.send", logging.WARNING, "x.py", 1, "send.failed kind=%s row=%d", ("flood", 7), None)
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d WARNING bot\.send send\.failed kind=flood row=7",
        log.Line().format(record),
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("1000001:700000001", "1000001:700000001"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a\r\n2026-01-01T00:00:00 INFO bot forged.line", '"a\\r\\n2026-01-01T00:00:00 INFO bot forged.line"'),
        ("\x1b[31mred\x7f", '"\\u001b[31mred\\u007f"'),
        ("x\u2028y\x85z", '"x\\u2028y\\u0085z"'),
        ('say "ah" =', '"say \\"ah\\" ="'),
        ("\ud800", '"\\ud800"'),
        (ValueError(WORDS), "ValueError"),
        (None, "None"),
    ],
)
def test_nobody_can_write_a_line_or_a_colour_into_the_log(given: object, shown: str) -> None:
    assert line("bot.handle", "handle.failed key=%s", given) == f"INFO bot.handle handle.failed key={shown}"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (f"https://api.telegram.org/bot{TOKEN}/getUpdates", "https://api.telegram.org/<token>/getUpdates"),
        (f"token {TOKEN}.", '"token <token>."'),
        ("http://127.0.0.1:8081/bot1000001:short/getMe", "http://127.0.0.1:8081/<token>/getMe"),
        ("1000001:700000001", "1000001:700000001"),
    ],
)
def test_a_token_is_never_logged_and_an_inbox_key_is_readable(said: str, logged: str) -> None:
    assert line("bot.x", "x.y key=%s", said) == f"INFO bot.x x.y key={logged}"


@pytest.mark.parametrize("name", ["sqlalchemy.engine.Engine", "asyncio", "root", "py.warnings", "both", "bot.handle"])
def test_what_is_no_action_of_ours_is_printed_without_its_words(name: str) -> None:
    assert line(name, "could not read %s", WORDS) == f"INFO bot.log library.said from={name} at=there:7 error=-"
    assert line(name, f"handle.failed key={WORDS}").endswith(f"library.said from={name} at=there:7 error=-")


def test_a_library_that_logs_in_the_form_of_an_action_is_a_library_even_so() -> None:
    assert WORDS not in line("httpx", "request.sent body=%s", WORDS)


def test_a_record_whose_values_do_not_fit_costs_neither_the_line_nor_a_word() -> None:
    assert line("bot.x", "x.y row=%d", WORDS) == "INFO bot.log log.unreadable from=bot.x error=TypeError"
    assert WORDS not in line("bot.x", "x.y row=%d", 1, WORDS)


def test_an_error_is_its_class_and_its_places_and_so_are_those_behind_it() -> None:
    first = caught(ValueError(WORDS))
    first.add_note(WORDS)
    group = caught(ExceptionGroup(WORDS, [caught(KeyError(WORDS)), caught(OSError(5, WORDS), first)]))
    printed = line("bot.app", "process.failed", error=group)
    assert printed.startswith(
        'INFO bot.app process.failed error=ExceptionGroup trace="ExceptionGroup at bot/test_log.py:'
    )
    for kind in ("ExceptionGroup", "KeyError", "OSError", "ValueError"):
        assert re.search(rf"{kind} at bot/test_log\.py:\d+ caught", printed), kind
    assert WORDS not in printed
    assert "ValueError at" in line("uvicorn.error", WORDS, error=first) and WORDS not in line("x", "%s", 1, error=first)


def test_an_error_that_is_its_own_cause_ends() -> None:
    one, other = ValueError(WORDS), KeyError(WORDS)
    one.__cause__, other.__cause__ = other, one
    assert line("bot.app", "a.b", error=one).count(" at ") == 2


async def test_what_nobody_has_caught_goes_the_same_way(restored: None, capfd: pytest.CaptureFixture[str]) -> None:
    log.begin(verbose=False)

    def fails() -> None:
        raise ValueError(WORDS)

    class Stubborn:
        def __del__(self) -> None:
            fails()

    sys.excepthook(*sys_info(caught(ValueError(WORDS))))
    thread = threading.Thread(target=fails, name=WORDS)
    thread.start()
    thread.join()
    Stubborn()
    asyncio.get_running_loop().call_soon(fails)
    task = asyncio.create_task(asyncio.to_thread(fails), name=WORDS)
    await asyncio.wait([task])
    del task
    await asyncio.sleep(0)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = log._warned
        warnings.warn(WORDS, stacklevel=1)
    logging.getLogger("bot.x").error("x.y row=%d %s", 1)
    said = capfd.readouterr()
    assert said.out == "" and "Traceback" not in said.err and WORDS not in said.err
    actions = [row.split()[3] for row in said.err.splitlines()]
    assert actions == [
        "process.failed", "thread.failed", "cleanup.failed", "library.said", "library.said", "python.warned",
        "library.said",
    ]  # fmt: skip
    assert said.err.count("from=asyncio") == 2


def sys_info(error: BaseException) -> Any:
    return type(error), error, error.__traceback__


def test_a_log_that_cannot_be_written_prints_no_record(restored: None, capfd: pytest.CaptureFixture[str]) -> None:
    log.begin(verbose=False)
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.stream = io.StringIO()
    handler.stream.close()
    logging.getLogger("bot.x").error("x.y key=%s", WORDS)
    assert capfd.readouterr().err == ""
