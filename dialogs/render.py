"""A Message -> what Telegram is given: HTML and button labels, in the language of the one who reads it.

Texts live in `texts/<language>/<file>.j2`; the id "morning.sleep" is the block `sleep` of `morning.j2`;
a text may use another one by `t("flags.chest")`, with further data by `t("shared.date", date=next)`, or with one in
its place, should it not exist, by `t("flags." ~ flag, "flags.other")`. Autoescape is on and undefined names are
errors: an athlete's `{{7*7}}` or `<b` is data and comes out as it was typed.

A message is in one language from its first line to its last button. Where a language lacks a text (most of what only
coaches read is English alone), that text is English with all that it uses, and so is a whole message whose own text is
lacking: "🟡 Ann: fièvre" helps nobody. What athletes read must be there in every language; a test sees to it.

Telegram takes 4096 UTF-16 units after parsing the markup. Only an athlete's or coach's own words can be longer than
the room that is left, so `data["words"]` is divided: the rest follows in messages of its own, and nothing is cut. Other
texts that grow too long (a hundred athletes) lose their markup and are divided as they stand.
"""

from __future__ import annotations

import functools
import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import jinja2
from markupsafe import Markup

from dialogs import wording
from dialogs.model import Json, Message

HEADING = 200  # room for what stands above the second and further parts
LIMIT = 4096  # UTF-16 units in one Telegram message, after entity parsing (Bot API, sendMessage)
_TEXTS = Path(__file__).parent / "texts"
FALLBACK = "en"
ANY = "any"  # the folder of what is the same in every language: the page of an export, whose words are each language's
_TAG = re.compile(r"</?[a-z][^<>]*>")


def marked(words: str, because: Iterable[Sequence[int]] = ()) -> Markup:
    """Somebody's words with the stretches that decided in bold. Stretches that lie outside are left out: words too long
    for one message are cut before this."""
    found, at = Markup(), 0
    for start, end in because:
        if at <= start < end <= len(words):
            found += Markup("%s<b>%s</b>") % (words[at:start], words[start:end])
            at = end
    return found + words[at:]


@functools.cache
def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEXTS),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters["marked"] = marked
    environment.filters.update(wording.filters(language))
    return environment


@functools.cache
def languages() -> tuple[str, ...]:
    return tuple(sorted(folder.name for folder in _TEXTS.iterdir() if folder.is_dir() and folder.name != ANY))


@functools.lru_cache(maxsize=256)
def spoken(code: str) -> str:
    """The language in which we speak with somebody, by Telegram's code for the one of their phone: "de-AT" -> "de".
    English where we have no other, or where none was said."""
    language = code.replace("_", "-").partition("-")[0].casefold()
    return language if language in languages() else FALLBACK


def text(language: str, id: str, data: Mapping[str, Json]) -> str:
    """One text as Telegram HTML. Where the language is unknown or lacks the text, it is English; an unknown id is a
    KeyError."""
    language, template, block = _find(spoken(language), id)

    def other_text(other: str, instead: str | None = None, **more: Json) -> Markup:
        known = instead is None or _has(language, other)
        return Markup(text(language, other if known else str(instead), {**data, **more}))  # noqa: S704 - is escaped

    inner = {**data, "t": other_text}
    return "".join(template.blocks[block](template.new_context(inner))).strip()


@functools.cache
def _template(language: str, folder: str, file: str) -> jinja2.Template | None:
    """A file of a language, or of all; None where there is none. Dates and numbers in it are those of the language."""
    name = f"{folder}/{file}.j2"
    return _environment(language).get_template(name) if (_TEXTS / name).exists() else None


@functools.lru_cache(maxsize=2048)
def _find(language: str, id: str) -> tuple[str, jinja2.Template, str]:
    """The text in this language, else the one of all languages, else English; the first value says which it is."""
    file, _, block = id.partition(".")
    block = block.replace("-", "_")
    for spoken_in, folder in ((language, language), (language, ANY), (FALLBACK, FALLBACK)):
        found = _template(spoken_in, folder, file)
        if found is not None and block in found.blocks:
            return spoken_in, found, block
    if (found := _template(FALLBACK, FALLBACK, file)) is None:
        raise KeyError(id)
    return FALLBACK, found, block


def _has(language: str, id: str) -> bool:
    _, template, block = _find(language, id)
    return block in template.blocks


def label(language: str, id: str, data: Mapping[str, Json]) -> str:
    """A button's label: the same texts, but plain, since Telegram does not parse markup there."""
    try:
        return _label(language, id, **data)
    except TypeError:  # a value that cannot be a key
        return html.unescape(text(language, id, data))


@functools.lru_cache(maxsize=1024, typed=True)
def _label(language: str, id: str, /, **data: Json) -> str:
    """The same few labels stand under every question."""
    return html.unescape(text(language, id, data))


def plain(markup: str) -> str:
    """What is left for the eye once the markup is parsed; the fallback where Telegram refuses the markup."""
    return html.unescape(_TAG.sub("", markup))


def units(words: str) -> int:
    """Length as Telegram counts: UTF-16 code units. A lone surrogate counts as one."""
    return len(words.encode("utf-16-le", "surrogatepass")) // 2


def pieces(words: str, room: int) -> Iterator[str]:
    """Divide words into pieces of at most `room` UTF-16 units, at white space where there is some, and never inside
    what the eye sees as one sign (a base with its marks, an emoji family). "".join(pieces) is the words."""
    while units(words) > room:
        cut = used = 0
        while used + units(words[cut]) <= room:
            used += units(words[cut])
            cut += 1
        cut = max(cut, 1)
        space = max(words.rfind(" ", cut // 2, cut), words.rfind("\n", cut // 2, cut))
        whole = cut
        while whole > cut // 2 and _joined(words, whole):
            whole -= 1
        cut = space + 1 if space > 0 else whole
        yield words[:cut]
        words = words[cut:]
    yield words


def payloads(message: Message, language: str) -> list[dict[str, Json]]:
    """What the outbox keeps: the first payload is the message, further ones carry the rest of words too long for it.
    `language`: the reader's, as Telegram codes it."""
    language = _find(spoken(language), message.text)[0] if message.text else spoken(language)
    body = _body(message, language, message.data)
    rest: list[str] = []
    if (over := units(plain(body)) - LIMIT) > 0:
        words = str(message.data.get("words", ""))
        if room := max(units(words) - over - 1, 0):
            first, *_ = pieces(words, room)
            body = _body(message, language, {**message.data, "words": first})
        else:  # a long list: without its markup it may be cut anywhere
            words = plain(body)
            first, *_ = pieces(words, LIMIT)
            body = html.escape(first, quote=False)
        rest = list(pieces(words[len(first) :], LIMIT - HEADING))
    main: dict[str, Json] = {"text": body}
    if message.buttons:
        main["buttons"] = [
            [{"text": label(language, button.label, button.args), "data": button.data} for button in row]
            for row in message.buttons
        ]
    if message.answers:
        main["answers"] = message.answers
    if message.toast:
        main |= {"toast": True, "text": plain(body)[:200]}  # a notice on a button: no markup, 200 characters
    if message.strip:
        main["strip"] = True
    if message.edit:
        main["edit"] = True
    if message.attach:
        main["attach"] = {"from_chat": message.attach.from_chat, "message_id": message.attach.message_id}
    if message.document:
        main["document"] = {"name": message.document.name, "content": message.document.content}
    if message.picture:
        main["picture"] = {"name": message.picture.name, "facts": dict(message.picture.facts)}
    if message.menu:
        main["menu"] = [[name, label(language, f"menu.{name}", {})] for name in message.menu]
    if message.topic is not None and not message.strip:
        main["again"] = text(language, "topics.again", message.data)
        main["elsewhere"] = text(language, "topics.elsewhere", message.data)
    if message.keyboard:
        main["keyboard"] = message.keyboard
        if message.keyboard == "location":
            main["location_label"] = label(language, "button.share_location", {})
    if message.short:
        main["repeat_prefix"] = text(language, "coach.repeat", {"short": message.short})
    more: list[dict[str, Json]] = [
        {"text": text(language, "shared.more", {"words": piece, "part": n, "of": len(rest) + 1})}
        for n, piece in enumerate(rest, start=2)
    ]
    if message.thread is not None:
        return [{**one, "topic": message.thread} for one in (main, *more)]
    return [main, *more]


def _body(message: Message, language: str, data: Mapping[str, Json]) -> str:
    parts = [text(language, id, data) for id in (message.preface, message.text) if id]
    return "\n\n".join(parts)


def _joined(words: str, at: int) -> bool:
    """True where a cut before `at` would split one visible sign."""
    if at >= len(words):
        return False
    before, after = words[at - 1], words[at]
    return (
        unicodedata.combining(after) != 0
        or after in "‍️︎⃣"
        or before == "‍"
        or "\U0001f3fb" <= after <= "\U0001f3ff"  # skin tones
        or ("\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= after <= "\U0001f1ff")  # flags
    )
