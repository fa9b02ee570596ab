"""The operator's commands that carry a club about: copy, backup, restore. Storage does it; here it is said."""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.admin import Complaint, prepare
from bot.config import Settings


def copy(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation copy --to URL`: the whole club into another database, compared row by row."""
    from bot.clock import Clock
    from storage import alone, moving
    from storage.backup import file_of

    if _place(settings.database_url) == _place(asked.to):
        raise Complaint("--to names the database of DATABASE_URL itself: name another, empty one")
    with _complaining(), _opened(settings.database_url) as source, _opened(asked.to) as target:
        if source.is_sqlite and not file_of(source).exists():
            raise Complaint("there is no database at DATABASE_URL yet: nothing to copy")
        with alone.held(settings.database_url), alone.held(asked.to):
            prepare(settings, migrate_it=True)
            rows = moving.copy(source, target, secrets.token_hex(8), Clock().now())
    there = _named(asked.to)
    text = (
        f"Copied {_counted(rows)} to {there}, and compared each row. Next: put that address into DATABASE_URL and "
        "start the service; keep the old database until you have seen it work, and never start a service on it again."
    )
    return _say(asked, text, {"to": there, "rows": rows})


def backup(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation backup FILE`: one file that holds the club of this instant, also while the service runs."""
    from bot.clock import Clock
    from bot.doctor import LAST_BACKUP
    from storage import backup, club

    with _complaining(), _opened(settings.database_url) as base:
        now = Clock().now()
        made = backup.take(base, Path(asked.file), now, force=asked.force, keep=asked.keep)
        with contextlib.suppress(Exception), base.begin() as tx:  # for `doctor`; the backup is good without it
            club.remember(tx, LAST_BACKUP, now.isoformat())
    removed = f" Removed {len(made.removed)} older." if made.removed else ""
    text = (
        f"Backed up {_counted(made.rows)} to {made.file} ({made.bytes / 1e6:.1f} MB).{removed} It holds what people "
        f"say about their health: keep it where nobody else reads it. To bring it back: aidstation restore {made.file}"
    )
    facts = {
        "file": str(made.file),
        "bytes": made.bytes,
        "rows": made.rows,
        "removed": [str(one) for one in made.removed],
    }
    return _say(asked, text, facts)


def restore(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation restore FILE`: the club as it was in that file; what is there now is kept under another name."""
    from bot.clock import Clock
    from storage import alone, restoring

    with contextlib.ExitStack() as stack:
        stack.enter_context(_complaining())
        stack.enter_context(alone.held(settings.database_url))
        base = stack.enter_context(_opened(settings.database_url))
        former = stack.enter_context(_opened(asked.erasures_from)) if asked.erasures_from else None
        now = Clock().now()
        done = restoring.restore(base, Path(asked.file), now, secrets.token_hex(8), moved=asked.moved, former=former)
    text = f"Restored {_counted(done.rows)}, as they were at {f'{done.taken_at.astimezone():%Y-%m-%d %H:%M %Z}'}."
    if done.aside is not None:
        text += f" What was there before is {done.aside}: delete it when you do not need it any more."
    if done.erased:
        text += f" {done.erased} who had themselves erased in between were erased again."
    if done.erased is None and not asked.moved:
        text += (
            " Who had themselves erased after that is not known: if there was such a person, erase them again, or "
            "restore with --erasures-from and the address of the former database."
        )
    text += " Next: start the service"
    text += "." if asked.moved else "; everybody is told what is missing, and pages that were open come again, marked."
    facts = {
        "taken_at": done.taken_at.isoformat(),
        "rows": done.rows,
        "aside": str(done.aside) if done.aside else None,
        "erased_again": done.erased,
    }
    return _say(asked, text, facts)


# --- small things -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _complaining() -> Iterator[None]:
    """What storage refuses becomes the operator's sentence."""
    from storage import alone, db, moving

    try:
        yield
    except (moving.Refused, db.NewerDatabase, alone.Taken) as error:
        raise Complaint(str(error)) from error


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Any]:
    """The database at an address that the operator typed."""
    import sqlalchemy as sa

    from storage import db

    try:
        base = db.open_db(url)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ValueError, OSError) as error:
        text = "that is no address of a database: write sqlite:///FILE or postgresql://USER@HOST/NAME"
        raise Complaint(text) from error
    try:
        yield base
    except sa.exc.SQLAlchemyError as error:
        raise Complaint(
            f"a database cannot be used ({type(error).__name__}): is the address right, the server up, the disk full? "
            "Nothing is lost: call again, and what was begun goes on"
        ) from error
    finally:
        base.close()


def _place(url: str) -> str:
    """One and the same text for one and the same database, as far as addresses tell."""
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        return url
    if parsed.get_backend_name() == "sqlite":
        return str(Path(parsed.database or "").resolve())
    return f"{parsed.host}:{parsed.port}/{parsed.database}?{parsed.query.get('host')}"


def _named(url: str) -> str:
    """The address without its password."""
    import sqlalchemy as sa

    return sa.make_url(url).render_as_string(hide_password=True)


def _counted(rows: Mapping[str, int]) -> str:
    people = rows["person"]
    return f"{people} {'person' if people == 1 else 'people'} with {sum(rows.values()) - people} rows about them"


def _say(asked: argparse.Namespace, text: str, facts: Mapping[str, Any]) -> int:
    print(json.dumps(facts, indent=2, ensure_ascii=False) if asked.json else text)
    return 0
