"""Reading the parameters of a call: form fields, JSON or query string, where nested objects may be JSON
strings.

Refusals are worded as the Bot API words them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.markup import MarkupError, clean, parse_html, trim, units
from bot.sandbox.state import ApiError, Button, Buttons, Json

MAX_BUTTONS = 100
MAX_DATA_BYTES = 64


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Params:
    given: Mapping[str, Any]
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        value = self.given.get(name)
        if value is None:
            return ""
        text = value if isinstance(value, str) else json.dumps(value)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ApiError(400, "Bad Request: strings must be encoded in UTF-8") from None
        return text

    def number(self, name: str, default: int = 0) -> int:
        """A whole number; like the real server, anything else counts as not given."""
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).strip().lower() in ("true", "yes", "1")

    def json(self, name: str) -> Any:
        """The object behind `name`, None where it is not given."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(400, f"Bad Request: can't parse {name.replace('_', ' ')} JSON object") from None

    def names(self, name: str) -> list[str] | None:
        value = self.json(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise ApiError(400, f"Bad Request: can't parse {name.replace('_', ' ')}: expected an Array")
        return [str(item) for item in value]


def formatted(params: Params, name: str, limit: int, too_long: str) -> tuple[str, list[Json]]:
    """Plain text and entities of the text or caption `name`; at most `limit` UTF-16 units after parsing."""
    source = params.text(name)
    if len(source.encode()) > 1 << 15:
        raise ApiError(400, "Bad Request: text is too long")
    mode = params.text("parse_mode").lower()
    source = clean(source)
    entities_name = "entities" if name == "text" else f"{name}_entities"
    text, entities = source, [dict(entity) for entity in params.json(entities_name) or ()]
    if mode == "html":
        try:
            text, entities = parse_html(source)
        except MarkupError as error:
            raise ApiError(400, f"Bad Request: can't parse entities: {error}") from None
    elif mode:
        raise ApiError(400, "Bad Request: unsupported parse_mode")  # the sandbox knows HTML only
    text, entities = trim(text, entities)
    if units(text) > limit:
        raise ApiError(400, f"Bad Request: {too_long}")
    return text, entities


def keyboard(params: Params, name: str = "reply_markup") -> tuple[Json | None, Buttons]:
    """The keyboard as sent, and its buttons."""
    markup = params.json(name)
    if not markup:
        return None, ()
    if not isinstance(markup, dict):
        raise ApiError(400, "Bad Request: object expected as reply markup")
    inline = "inline_keyboard" in markup
    rows = markup.get("inline_keyboard" if inline else "keyboard", [])
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ApiError(
            400, 'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'
        )
    buttons = tuple(tuple((_inline if inline else _plain)(button) for button in row) for row in rows if row)
    if sum(map(len, buttons)) > MAX_BUTTONS:
        raise ApiError(400, "Bad Request: reply markup is too long")
    if inline and not buttons:
        return None, ()
    return markup, buttons


def _inline(button: Any) -> Button:
    if not isinstance(button, dict):
        raise ApiError(400, "Bad Request: can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    text, data, url = (str(button.get(key) or "") for key in ("text", "callback_data", "url"))
    if not text.strip():
        raise ApiError(
            400,
            "Bad Request: can't parse inline keyboard button: Inline keyboard button text must be non-empty",
        )
    if data:
        if len(data.encode()) > MAX_DATA_BYTES:
            raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
        return Button(text, data=data)
    if url:
        if " " in url or not url.startswith(("http://", "https://", "tg://")):
            raise ApiError(400, "Bad Request: BUTTON_URL_INVALID")
        return Button(text, url=url)
    if set(button) - {"text", "callback_data", "url"}:
        return Button(text)
    raise ApiError(
        400,
        "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    )


def _plain(button: Any) -> Button:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise ApiError(400, "Bad Request: can't parse keyboard button: KeyboardButton must have a text")
    wanted = next((kind for kind in ("location", "contact") if button.get(f"request_{kind}")), None)
    return Button(str(button["text"]), request=wanted)
