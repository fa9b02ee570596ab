"""The sandbox over HTTP: the Bot API under `/bot<token>/<method>`, files under `/file/bot<token>/`, and the
page with the phones.

It runs in the event loop it is started in. A reset is a real one: the TCP connection is aborted, so that the
bot meets what it would meet in an outage. The page is served only when PageHooks are given. It listens on
loopback unless told otherwise; the page's own calls must be JSON, so that a web page from elsewhere cannot
tap its buttons.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Answer, Fault
from bot.sandbox.groups import told
from bot.sandbox.params import Upload
from bot.sandbox.state import GENERAL, Button, Chat, Json, Message, Topic

MAX_BODY = 60 << 20
SHOWN = 120  # messages per phone and place on the page
CLUB = "Our club"  # the group that a coach can make there
PNG = b"\x89PNG\r\n\x1a\n"
_POLICY = "default-src 'self'; img-src 'self' data:"  # no script but our own, whatever a message may hold
_PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class PhoneCard:
    user_id: int
    name: str
    role: str
    start_code: str | None = None


@dataclass(frozen=True, slots=True)
class PageHooks:
    """What the page shows and turns: who holds a phone, the clock ("+10min", "+1hour", "next morning", "next
    Sunday"), a status line.
    """

    phones: Callable[[], tuple[PhoneCard, ...]]
    clock_now: Callable[[], datetime]
    turn_clock: Callable[[str], Awaitable[None]]
    note: Callable[[], str]


@dataclass(slots=True)
class _Running:
    api: BotApi
    page: PageHooks | None
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)


@contextlib.asynccontextmanager
async def serve(
    api: BotApi, *, host: str = "127.0.0.1", port: int = 0, page: PageHooks | None = None
) -> AsyncIterator[str]:
    """Serve until the block is left; gives the base URL. Calls in flight are then cut off."""
    running = _Running(api, page)
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_counted(running)])
    app.router.add_route("*", "/bot{token:[^/]+}/{method}", partial(_call, running))
    app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", partial(_file, running))
    if page:
        _add_page(app, running, page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        yield f"http://{host}:{bound}"
    finally:
        await api.close()
        for task in list(running.tasks):
            task.cancel()
        await asyncio.gather(*running.tasks, return_exceptions=True)
        await runner.cleanup()


def _counted(running: _Running) -> Any:
    """Remember every call in flight, so that the end does not wait for a long poll or a hang."""

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        task = asyncio.ensure_future(handler(request))
        running.tasks.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            _reset(request)
            return web.Response(status=503)
        finally:
            task.cancel()
            running.tasks.discard(task)

    return middleware


def _reset(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


# --- the Bot API ----------------------------------------------------------------------------------


async def _call(running: _Running, request: web.Request) -> web.Response:
    try:
        given, files = await _read(request)
    except ValueError:
        error = {"ok": False, "error_code": 400, "description": "Bad Request: can't parse JSON object"}
        return web.json_response(error, status=400)
    answer = await running.api.answer(request.match_info["token"], request.match_info["method"], given, files)
    return _respond(request, answer)


def _respond(request: web.Request, answer: Answer) -> web.Response:
    if not answer.status:
        _reset(request)
        return web.Response()
    return web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)


async def _read(request: web.Request) -> tuple[Json, dict[str, Upload]]:
    given: Json = dict(request.query)
    files: dict[str, Upload] = {}
    if request.content_type == "application/json":
        body = json.loads(await request.text() or "{}")
        if not isinstance(body, dict):
            raise ValueError("the body must be an object")
        return given | body, files
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = Upload(value.filename, value.file.read())
        else:
            given[name] = value if isinstance(value, str) else bytes(value).decode()
    return given, files


async def _file(running: _Running, request: web.Request) -> web.Response:
    return _respond(request, await running.api.download(request.match_info["token"], request.match_info["path"]))


# --- the page -------------------------------------------------------------------------------------


def _add_page(app: web.Application, running: _Running, page: PageHooks) -> None:
    names = {"/": "index.html", "/page.css": "page.css", "/page.js": "page.js"}

    async def asset(request: web.Request) -> web.FileResponse:
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY}
        return web.FileResponse(_PAGE / names[request.path], headers=headers)

    async def state(request: web.Request) -> web.Response:
        return web.json_response(page_state(running.api, page))

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        shown: Json = {}
        with contextlib.suppress(ConnectionResetError):
            while True:
                version = running.api.version
                now_shown = page_state(running.api, page)
                if now_shown != shown:
                    shown = now_shown
                    await response.write(f"data: {json.dumps(shown)}\n\n".encode())
                else:
                    await response.write(b": still here\n\n")
                with contextlib.suppress(TimeoutError):  # the clock may move without a change in a chat
                    async with asyncio.timeout(1.0):
                        await running.api.change(version)
        return response

    async def act(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.json_response({"error": "JSON only"}, status=415)
        try:
            body = await request.json()
            await _act(running.api, page, request.match_info["what"], body)
        except (KeyError, ValueError, TypeError, AssertionError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response({"ok": True})

    async def file(request: web.Request) -> web.Response:
        """What a phone has been sent, to be saved and opened; never shown as a page of ours. A picture can be shown in
        one: the page's policy takes it as nothing else."""
        found = running.api.files.get(request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound
        headers = {"Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}
        kind = "image/png" if found.content.startswith(PNG) else "application/octet-stream"
        return web.Response(body=found.content, content_type=kind, headers=headers)

    for path in names:
        app.router.add_get(path, asset)
    app.router.add_get("/ui/file/{id}", file)
    app.router.add_get("/ui/state", state)
    app.router.add_get("/ui/events", events)
    app.router.add_post("/ui/{what}", act)


async def _act(api: BotApi, page: PageHooks, what: str, body: Json) -> None:
    if what == "clock":
        await page.turn_clock(str(body["step"]))
        api.touch()
        return
    if what == "fault":
        _switch(api, str(body["name"]), on=bool(body["on"]))
        return
    user_id = int(body["user_id"])
    chat_id = int(body.get("chat_id") or user_id)
    if chat_id > 0 and chat_id != user_id:
        raise ValueError("somebody else's chat")
    if chat_id != user_id and _in_group(api, page, what, body, user_id, chat_id):
        return
    where: dict[str, Any] = {"chat_id": chat_id, "thread_id": int(body.get("thread_id") or 0) or None}
    match what:
        case "say":
            api.user_says(user_id, str(body["text"]), **where)
        case "start":
            api.user_starts(user_id, body.get("code") or None)
        case "tap":
            api.user_taps(user_id, chat_id, int(body["message_id"]), str(body["data"]))
        case "edit":
            api.user_edits(user_id, int(body["message_id"]), str(body["text"]), chat_id)
        case "voice":
            api.user_sends(user_id, "voice", seconds=int(body.get("seconds", 5)), **where)
        case "photo":
            api.user_sends(user_id, "photo", caption=str(body.get("caption", "")), **where)
        case "sticker":
            api.user_sends(user_id, "sticker", **where)
        case "document":
            content = base64.b64decode(str(body["content"]), validate=True)
            caption = str(body.get("caption", ""))
            api.user_sends(user_id, "document", caption=caption, file_name=str(body["name"]), content=content, **where)
        case "location":
            latitude, longitude = float(body["latitude"]), float(body["longitude"])
            api.user_sends(user_id, "location", latitude=latitude, longitude=longitude, **where)
        case "group":
            coaches = tuple(card.user_id for card in page.phones() if card.role.casefold() == "coach")
            made = api.group_created(user_id, CLUB, members=coaches, is_forum=True)
            api.bot_promoted(user_id, made)
        case "block":
            api.user_blocks(user_id)
        case "unblock":
            api.user_unblocks(user_id)
        case _:
            raise ValueError(f"a phone cannot {what}")


def _in_group(api: BotApi, page: PageHooks, what: str, body: Json, user_id: int, chat_id: int) -> bool:
    """What is done with a group or a topic, not in it. False: it is something else."""
    thread_id = int(body.get("thread_id") or GENERAL)
    match what:
        case "topic":
            api.topic_created(user_id, chat_id, str(body.get("name") or "").strip() or "Topic")
        case "close":
            api.topic_closed(user_id, chat_id, thread_id)
        case "reopen":
            api.topic_reopened(user_id, chat_id, thread_id)
        case "delete":
            api.topic_deleted(user_id, chat_id, thread_id)
        case "let_in":
            name = str(body["name"]).strip().casefold()
            found = [card.user_id for card in page.phones() if card.name.casefold() == name]
            if not found or found[0] in api.chats[chat_id].members:
                raise ValueError("nobody of that name is outside")
            api.user_joins(found[0], chat_id, by=user_id)
        case "leave":
            api.user_leaves(user_id, chat_id)
        case "rights":
            (api.bot_promoted if body["on"] else api.bot_demoted)(user_id, chat_id)
        case _:
            return False
    return True


FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    "before": ({"kind": "before"},),
    "after": tuple({"kind": "after", "method": name} for name in ("sendMessage", "editMessageText")),
    "5xx": ({"kind": 502, "body": "html"},),
    "hang": ({"kind": "hang", "seconds": 60.0},),
}


def _switch(api: BotApi, name: str, *, on: bool) -> None:
    """Turn one of the page's faults on or off; other faults stay as they are."""
    faults = [Fault(times=-1, **fields) for fields in FAULTS[name]]
    api.faults = [fault for fault in api.faults if fault not in faults] + (faults if on else [])
    api.touch()


def page_state(api: BotApi, page: PageHooks) -> Json:
    """All that the page shows, as JSON."""
    clock = page.clock_now()
    active = [name for name, all_fields in FAULTS.items() if Fault(times=-1, **all_fields[0]) in api.faults]
    return {
        "clock": {
            "iso": clock.isoformat(timespec="minutes"),
            "day": clock.strftime("%a %d %b %Y"),
            "time": clock.strftime("%H:%M"),
            "zone": clock.tzname() or "",
        },
        "note": page.note(),
        "faults": active,
        "phones": [_phone(api, card, clock) for card in page.phones()],
    }


def _phone(api: BotApi, card: PhoneCard, clock: datetime) -> Json:
    user, chat = api.users[card.user_id], api.chats[card.user_id]
    board = chat.keyboard
    return asdict(card) | {
        "started": user.started,
        "blocked": user.blocked,
        "bubbles": _bubbles(api, user.id, list(chat.messages.values()), clock),
        "groups": [place for group in _groups(api, user.id) for place in _places(api, user.id, group, clock)],
        "keyboard": [[_button(button) for button in row] for row in board.buttons] if board else [],
        "notices": [
            {"version": notice.version, "text": notice.text, "alert": notice.alert} for notice in user.notices[-3:]
        ],
    }


def _groups(api: BotApi, user_id: int) -> list[Chat]:
    return [one for one in api.chats.values() if user_id in one.members and not one.migrated_to]


def _places(api: BotApi, user_id: int, group: Chat, clock: datetime) -> list[Json]:
    """A group as this person sees it: each of its topics, or the whole where it has none."""
    manages = user_id in group.admins
    topics: list[Topic | None] = list(group.topics.values()) if group.is_forum else [None]
    places: list[Json] = []
    for topic in topics:
        thread_id = topic.id if topic and topic.id != GENERAL else None
        messages = [one for one in group.messages.values() if one.thread_id == thread_id or not group.is_forum]
        closed = topic is not None and topic.closed
        places.append(
            {
                "chat_id": group.id,
                "thread_id": thread_id,
                "group": group.title,
                "name": topic.name if topic else group.title,
                "topic": topic is not None,
                "closed": closed,
                "manages": manages or (topic is not None and topic.by == user_id),
                "administers": manages,
                "bot": group.bot_status,
                "bubbles": _bubbles(api, user_id, messages, clock),
            }
        )
    return places


def _bubbles(api: BotApi, viewer: int, messages: list[Message], clock: datetime) -> list[Json]:
    return [_bubble(api, viewer, message, clock) for message in messages[-SHOWN:]]


def _bubble(api: BotApi, viewer: int, message: Message, clock: datetime) -> Json:
    at = message.at.astimezone(clock.tzinfo)
    return {
        "id": message.id,
        "version": message.version,
        "mine": message.by == viewer,
        "by": "Aid Station" if message.by is None else api.users[message.by].first_name,
        "kind": message.kind,
        "text": told(message.content) if message.kind == "service" else message.text,
        "entities": message.entities,
        "content": message.content,
        "buttons": [[_button(button) for button in row] for row in message.buttons]
        if message.markup and "inline_keyboard" in message.markup
        else [],
        "edited": message.edited_at is not None,
        "silent": message.silent,
        "day": at.strftime("%a %d %b"),
        "time": at.strftime("%H:%M"),
    }


def _button(button: Button) -> Json:
    return {key: value for key, value in asdict(button).items() if value is not None}
