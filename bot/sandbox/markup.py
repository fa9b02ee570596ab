"""Telegram's HTML: turn marked-up text into plain text and entities, or refuse it in Telegram's own words.

Telegram does not send a message whose markup it cannot read; it answers 400 and names the byte where it
stumbled. A page to a coach that is refused for a stray `<` is a lost page, so the sandbox has to refuse the
same things: an unknown tag, a tag that is not closed, a tag closed in the wrong order. The rules follow the
behaviour of the open-source Bot API server: tag names in any case, `&lt; &gt; &amp; &quot;` and numeric
references only (another `&name;` stays as it is written), attribute values in quotes or as a bare name.
Offsets and lengths of entities are counted in UTF-16 units.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_KINDS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "a": "text_link", "pre": "pre",
    "code": "code", "tg-spoiler": "spoiler", "span": "spoiler", "tg-emoji": "custom_emoji",
    "blockquote": "blockquote",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]*)|#([0-9]*)|([A-Za-z]*));?")
_WORD = re.compile(r"[^\s>]*")
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\s=]*")
_EXPANDABLE = re.compile(r"expandable(?=[\s>])")
_TOKEN = re.compile(r"[A-Za-z0-9.-]*")
_USER_LINK = re.compile(r"tg://user\?id=(\d+)$")
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?(?://)?[^\s/]+\.[^\s]+$|(?:tg|ton|mailto|tel):[^\s]+$", re.IGNORECASE)
_NOT_SHOWN = dict.fromkeys([0x0D, *range(0x2028, 0x202F)])
_TO_SPACE = {code: " " for code in range(32) if code not in (0x0A, 0x0D)}
_CLEANED = _NOT_SHOWN | _TO_SPACE
_UNCLEAN = re.compile(f"[{''.join(map(chr, _CLEANED))}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS = re.compile(r"[^<&]+")


class MarkupError(ValueError):
    """The text cannot be parsed; the message is Telegram's, without the prefix `can't parse entities: `."""


@dataclass(slots=True)
class _Open:
    tag: str
    argument: str
    offset: int
    start: int


def units(text: str) -> int:
    """Length in UTF-16 units, the measure of all of Telegram's text limits."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def clean(text: str) -> str:
    """What Telegram does to any text: control characters become spaces, carriage returns and direction
    overrides go.
    """
    return text.translate(_CLEANED) if _UNCLEAN.search(text) else text


def trim(text: str, entities: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Cut white space at both ends, as Telegram does with every message, and move the entities along."""
    cut = len(text) - len(text.lstrip())
    text = text.strip()
    end = units(text)
    kept = []
    for entity in entities:
        first = max(0, entity["offset"] - cut)
        last = min(end, entity["offset"] + entity["length"] - cut)
        if last > first:
            kept.append({**entity, "offset": first, "length": last - first})
    return text, kept


def parse_html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Plain text and Bot API entities of `source`. Raises MarkupError with Telegram's wording."""
    plain: list[str] = []
    length = 0
    open_tags: list[_Open] = []
    entities: list[dict[str, Any]] = []
    i = 0
    while i < len(source):
        if source[i] == "<":
            if source.startswith("</", i):
                i = _close(source, i, open_tags, entities, plain, length)
            else:
                tag, argument, i = _start(source, i)
                open_tags.append(_Open(tag, argument, length, len(plain)))
            continue
        words = _WORDS.match(source, i)
        text, i = (words[0], words.end()) if words else _character(source, i)
        plain.append(text)
        length += units(text)
    if open_tags:
        raise MarkupError(f'Can\'t find end tag corresponding to start tag "{open_tags[-1].tag}"')
    text = "".join(plain)
    if _SURROGATE.search(text):
        raise MarkupError(
            "Text contains invalid Unicode characters after decoding HTML entities, "
            "check for unmatched surrogate code units"
        )
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _byte(source: str, i: int) -> int:
    return len(source[:i].encode(errors="surrogatepass"))


def _character(source: str, i: int) -> tuple[str, int]:
    found = _REFERENCE.match(source, i) if source[i] == "&" else None
    if not found:
        return source[i], i + 1
    hexadecimal, decimal, name = found.groups()
    if name is not None:
        return (_NAMED[name], found.end()) if name in _NAMED else ("&", i + 1)
    digits, base = (hexadecimal, 16) if hexadecimal is not None else (decimal, 10)
    code = int(digits or "0", base) if len(digits) < 9 else 0
    return (chr(code), found.end()) if 0 < code < 0x10FFFF else ("&", i + 1)


def _start(source: str, begin: int) -> tuple[str, str, int]:
    """Read a start tag at `begin`; gives the tag, its argument and the place behind it."""
    unclosed = MarkupError(f"Unclosed start tag at byte offset {_byte(source, begin)}")
    i = _end(_WORD, source, begin + 1)
    if i == len(source):
        raise unclosed
    tag = source[begin + 1 : i].lower()
    if tag not in _KINDS:
        raise MarkupError(f'Unsupported start tag "{tag}" at byte offset {_byte(source, begin)}')
    argument = ""
    while True:
        i = _end(_SPACE, source, i)
        if i == len(source):
            raise unclosed
        if source[i] == ">":
            break
        name, value, i = _attribute(source, i, tag, begin)
        if i == len(source):
            raise unclosed
        if (tag, name) in {("a", "href"), ("tg-emoji", "emoji-id"), ("blockquote", "expandable")}:
            argument = value or name
        elif tag == "code" and name == "class" and value.startswith("language-"):
            argument = value.removeprefix("language-")
        elif tag == "span" and name == "class" and value.startswith("tg-"):
            argument = value.removeprefix("tg-")
    if tag == "span" and argument != "spoiler":
        raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {_byte(source, begin)}')
    return tag, argument, i + 1


def _attribute(source: str, i: int, tag: str, begin: int) -> tuple[str, str, int]:
    if tag == "blockquote" and _EXPANDABLE.match(source, i):  # the one attribute that may stand without a value
        return "expandable", "", i + len("expandable")
    after = _end(_NAME, source, i)
    name = source[i:after]
    if not name:
        raise MarkupError(f'Empty attribute name in the tag "{tag}" at byte offset {_byte(source, begin)}')
    i = _end(_SPACE, source, after)
    if not source.startswith("=", i):
        raise MarkupError(
            f'Expected equal sign in declaration of an attribute of the tag "{tag}" '
            f"at byte offset {_byte(source, begin)}"
        )
    i = _end(_SPACE, source, i + 1)
    if i == len(source):
        raise MarkupError(f'Unclosed start tag "{tag}" at byte offset {_byte(source, begin)}')
    if source[i] not in "'\"":
        after = _end(_TOKEN, source, i)
        if after < len(source) and not source[after].isspace() and source[after] != ">":
            raise MarkupError(f"Unexpected end of name token at byte offset {_byte(source, i)}")
        return name, source[i:after].lower(), after
    quote, i = source[i], i + 1
    value = ""
    while i < len(source) and source[i] != quote:
        char, i = _character(source, i)
        value += char
    return name, value, min(i + 1, len(source))


def _close(
    source: str,
    begin: int,
    open_tags: list[_Open],
    entities: list[dict[str, Any]],
    plain: list[str],
    length: int,
) -> int:
    if not open_tags:
        raise MarkupError(f"Unexpected end tag at byte offset {_byte(source, begin)}")
    i = _end(_WORD, source, begin + 2)
    found = source[begin + 2 : i].lower()
    i = _end(_SPACE, source, i)
    if not source.startswith(">", i):
        raise MarkupError(f"Unclosed end tag at byte offset {_byte(source, begin)}")
    tag = open_tags[-1].tag
    if found and found != tag:
        raise MarkupError(
            f'Unmatched end tag at byte offset {_byte(source, begin)}, expected "</{tag}>", found "</{found}>"'
        )
    opened = open_tags.pop()
    if length > opened.offset:
        entity = _entity(opened, "".join(plain[opened.start :]), length, entities)
        if entity:
            entities.append(entity)
    return i + 1


def _entity(opened: _Open, inside: str, end: int, entities: list[dict[str, Any]]) -> dict[str, Any] | None:
    entity: dict[str, Any] = {
        "type": _KINDS[opened.tag],
        "offset": opened.offset,
        "length": end - opened.offset,
    }
    if opened.tag == "tg-emoji":
        if not opened.argument.isdecimal():
            raise MarkupError("Invalid custom emoji identifier specified")
        entity["custom_emoji_id"] = opened.argument
    elif opened.tag == "a":
        url = opened.argument or inside
        user = _USER_LINK.match(url)
        if user:
            return {**entity, "type": "text_mention", "user_id": int(user[1])}
        if not _LINK.match(url):
            return None  # Telegram drops a link it does not like and keeps the words
        entity["url"] = url
    elif opened.tag == "code" and opened.argument:
        entity["language"] = opened.argument
    elif opened.tag == "blockquote" and opened.argument == "expandable":
        entity["type"] = "expandable_blockquote"
    elif opened.tag == "pre" and entities and entities[-1] == {**entity, "type": "code", **_language(entities[-1])}:
        return {**entities.pop(), "type": "pre"}  # <pre><code class="language-x"> is one block, not two
    return entity


def _language(entity: dict[str, Any]) -> dict[str, Any]:
    return {"language": entity["language"]} if "language" in entity else {}


def _end(pattern: re.Pattern[str], source: str, i: int) -> int:
    found = pattern.match(source, i)
    return found.end() if found else i
