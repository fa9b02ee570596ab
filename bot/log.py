"""The log: one line a record, in logfmt, on standard error. docs/log.md says what each action means.

    2026-11-22T07:00:00.123+01:00 WARNING bot.send send.failed kind=timeout lane=0 row=12 try=2

No token and no word of anybody is in it, at no level, tracebacks included. That is not left to care alone:

- A record of ours is an action and its values: a literal `word.word key=%s ...` (tests/test_architecture.py reads
  every call). One that has another form is printed like a foreign one.
- A record of a library is printed without its message, because libraries quote what they were given: which logger,
  which line of it, and the class of the error. With those one finds the sentence in the library's source.
- An error is its class and the places it came through, with all errors behind it; never its text, which may hold a
  statement's values or what Telegram has quoted.
- What nobody has caught (in the program, a thread, a destructor) and what Python warns of go the same way: its own
  hooks would print the texts.
- A value with anything but plain signs in it is quoted and escaped: nobody can write a line, or a colour, of their own.

A formatter sees each record last, so it holds for whoever logs, at whatever level an operator sets.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

log = logging.getLogger(__name__)

OWN = ("bot", "storage")
ACTION = re.compile(r"[a-z_]+\.[a-z_]+(?: [a-z_]+=%(?:s|d|\.1f))*")
FRAMES, CHAIN, LENGTH = 12, 8, 1500  # places of one error, errors behind one another, characters of a value

# A token, alone or in an address: the last line of defence, should one ever get into a value. Real ones have 35 signs
# behind the colon; an inbox key ("1000001:42") has few, and must stay readable.
_TOKEN = re.compile(r"\bbot\d{3,20}:[A-Za-z0-9_-]+|\b\d{3,20}:[A-Za-z0-9_-]{30,}")
_DOTTED = re.compile(r"[A-Za-z0-9_.]+")  # a logger may be called by anything; a name of code looks so
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+<>-]+")


def begin(verbose: bool) -> None:
    """From now on everything that this process has to say about itself is such a line; `verbose`: more of ours."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for own in OWN:
        logging.getLogger(own).setLevel(logging.DEBUG if verbose else logging.INFO)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


class Line(logging.Formatter):
    """Calls nothing of its base class: that would write the text of the error, and keep it in the record."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        try:
            said = _own(record) or _foreign(record)
        except Exception as error:  # a value that cannot even be shown must not cost the line
            said = f"{__name__} log.unreadable from={value(record.name)} error={type(error).__name__}"
        return _TOKEN.sub("<token>", f"{at} {record.levelname} {said}")


class _Handler(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:
        """Nowhere to write to (a full disk, a closed pipe): the base class would print the record's words."""


def value(given: object) -> str:
    """A value as it stands behind `key=`: plain, or quoted with everything escaped that is not printable ASCII."""
    text = type(given).__name__ if isinstance(given, BaseException) else str(given)
    if _PLAIN.fullmatch(text):
        return text[:LENGTH]
    return json.dumps(text[:LENGTH]).replace("\x7f", "\\u007f")


def _own(record: logging.LogRecord) -> str | None:
    """Our own record; None for a library's, and for one of ours that is no action."""
    if record.name.split(".")[0] not in OWN or not ACTION.fullmatch(str(record.msg)):
        return None
    given = record.args if isinstance(record.args, tuple) else ()
    said = record.msg % tuple(one if isinstance(one, int | float) else value(one) for one in given)
    return f"{record.name} {said}{_error(record, ' error=')}"


def _foreign(record: logging.LogRecord) -> str:
    logger = record.name if _DOTTED.fullmatch(record.name) else "-"
    place = f"{record.module}:{record.lineno}"
    return f"{__name__} library.said from={logger} at={value(place)}{_error(record, ' error=', '-')}"


def _error(record: logging.LogRecord, key: str, otherwise: str | None = None) -> str:
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return f"{key}{otherwise}" if otherwise else ""
    return f"{key}{value(type(error).__name__)} trace={value('; '.join(map(_places, _behind(error))))}"


def _behind(error: BaseException) -> Iterator[BaseException]:
    """The error and those behind it, as a traceback would print them: causes, contexts, members of a group."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < CHAIN:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        waiting += [*(one.exceptions if isinstance(one, BaseExceptionGroup) else ()), *([before] if before else ())]


def _places(error: BaseException) -> str:
    """`ValueError at storage/outcomes.py:101 save_all < bot/handle.py:150 _turn`: where it was raised comes first."""
    frames = [
        f"{'/'.join(Path(frame.f_code.co_filename).parts[-2:])}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    return f"{type(error).__name__} at {' < '.join(reversed(frames[-FRAMES:])) or '-'}"


# --- what nobody has caught -----------------------------------------------------------------------------------------


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("process.failed", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        log.critical("thread.failed", exc_info=args.exc_value)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    log.error("cleanup.failed", exc_info=args.exc_value)


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    place = "/".join(Path(filename).parts[-2:])
    log.warning("python.warned kind=%s at=%s line=%d", category.__name__, place, lineno)
