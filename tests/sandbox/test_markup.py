"""Telegram's HTML, and its refusals in its own words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.markup import MarkupError, clean, parse_html, trim, units


def entity(kind: str, offset: int, length: int, **rest: object) -> dict[str, object]:
    return {"type": kind, "offset": offset, "length": length, **rest}


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("plain", "plain", []),
        ("<b>a</b>", "a", [entity("bold", 0, 1)]),
        ("<STRONG>a</strong>", "a", [entity("bold", 0, 1)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("👨‍👩‍👧<u>x</u>", "👨‍👩‍👧x", [entity("underline", 8, 1)]),
        ("&lt;b&gt; &amp; &quot;&#65;&#x42;", '<b> & "AB', []),
        ("&copy; &unknown; & &#0; &", "&copy; &unknown; & &#0; &", []),
        ("&ampx", "&ampx", []),
        ("&amp", "&", []),
        (
            '<a href="https://x.org/?a=1&amp;b=2">x</a>',
            "x",
            [entity("text_link", 0, 1, url="https://x.org/?a=1&b=2")],
        ),
        ('<a href="tg://user?id=7">x</a>', "x", [entity("text_mention", 0, 1, user_id=7)]),
        ('<a href="no link">x</a>', "x", []),
        ('<pre><code class="language-py">x</code></pre>', "x", [entity("pre", 0, 1, language="py")]),
        ("<code>x</code>", "x", [entity("code", 0, 1)]),
        ('<span class="tg-spoiler">x</span>', "x", [entity("spoiler", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [entity("expandable_blockquote", 0, 1)]),
        ("<b></b>x", "x", []),
        ("<b>a</>", "a", [entity("bold", 0, 1)]),
        ("<s>{{7*7}}</s>", "{{7*7}}", [entity("strikethrough", 0, 7)]),
    ],
)
def test_markup_becomes_plain_text_and_entities(html: str, text: str, entities: list[object]) -> None:
    assert parse_html(html) == (text, entities)


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<b", "Unclosed start tag at byte offset 0"),
        ("5 < 6", 'Unsupported start tag "" at byte offset 2'),
        ("é<6 km>", 'Unsupported start tag "6" at byte offset 2'),
        ("<script>", 'Unsupported start tag "script" at byte offset 0'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        (
            "<a href>x</a>",
            'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0',
        ),
        ("<a =x>x</a>", 'Empty attribute name in the tag "a" at byte offset 0'),
        ("<a href=x/y>x</a>", "Unexpected end of name token at byte offset 8"),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<tg-emoji emoji-id="x">x</tg-emoji>', "Invalid custom emoji identifier specified"),
    ],
)
def test_what_cannot_be_parsed_is_refused_in_telegrams_words(html: str, words: str) -> None:
    with pytest.raises(MarkupError) as refused:
        parse_html(html)
    assert str(refused.value) == words


@given(st.text())
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert parse_html(escaped) == (text, [])


@given(st.text(alphabet="<>/&;ab =\"'#x1é😀", max_size=40))
def test_any_text_is_parsed_or_refused_and_never_breaks_the_parser(text: str) -> None:
    try:
        plain, entities = parse_html(text)
    except MarkupError:
        return
    assert all(0 <= e["offset"] < e["offset"] + e["length"] <= units(plain) for e in entities)


def test_length_counts_utf16_units() -> None:
    assert [units(text) for text in ("a", "é", "😀", "👨‍👩‍👧")] == [1, 1, 2, 8]


def test_control_characters_become_spaces_and_overrides_vanish() -> None:
    assert clean("a\x00b\rc\u202ed\ne") == "a bcd\ne"


def test_white_space_at_the_ends_is_cut_and_entities_move_along() -> None:
    assert trim("  ab  ", [entity("bold", 0, 6)]) == ("ab", [entity("bold", 0, 2)])
    assert trim("  ab", [entity("bold", 0, 1)]) == ("ab", [])
