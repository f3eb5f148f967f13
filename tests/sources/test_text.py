"""Hold that upstream's text comes out harmless, short and readable."""

from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.sources.text import (
    ANY_TAG,
    HIDDEN,
    SANITISER,
    bare_text,
    kebab,
    plain_text,
    tidy,
    word,
)

HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                "<p>",
                "</p>",
                "<br>",
                "<",
                ">",
                "&",
                "&lt;",
                "&amp;amp;",
                "&#0;",
                "&#x202e;",
                "&#8203",
            ),
            *("<!--", "-->", "<textarea>", "<xmp>", "<svg>", "<math>", "<title>", "<plaintext>"),
            *("<a title='", "'>", "<![CDATA[", "]]>", "<b><i></b>", "\x00", "\u202e", "\ud800"),
            *("word ", "漢字", "e\u0301", " ", "\n", "…"),
        ]
    ),
    max_size=30,
).map("".join)
OPEN = st.lists(
    st.sampled_from(
        [
            *("<p>", "</p>", "<textarea>", "<xmp>", "<svg>", "<math>", "<title>", "<plaintext>"),
            *("<table><tr>", "<select>", "<style>", "<noscript>", "<template>", "<iframe>", "<!--"),
            *("<script>", "</script>", "text", "\u200b", "&lt;", "<svg><style>", "<math><mtext>"),
        ]
    ),
    max_size=10,
).map("".join)
WORDS = st.text(st.characters(exclude_characters="<"), max_size=5) | st.sampled_from(["&lt;", "&"])
INLINE = st.recursive(
    WORDS,
    lambda inner: st.builds(
        '<{0} class="{2}">{1}</{0}>'.format,
        st.sampled_from(["a", "b", "code", "em", "span", "strong", "u"]),
        inner,
        st.text("a=&' ", max_size=3),
    ),
    max_leaves=3,
)
BLOCKS = st.builds(
    "<{0}>{1}</{0}>".format,
    st.sampled_from(["blockquote", "div", "h2", "li", "p", "pre", "ul"]),
    st.lists(INLINE | st.sampled_from(["<br />", "<br>"]), max_size=3).map("".join),
)
SIMPLE = st.lists(BLOCKS | WORDS, max_size=4).map("".join)
"""Markup such as upstream's editor writes."""
SIMPLE_TAG = re.compile(
    r"</?(?:(blockquote|br|div|h[1-6]|li|ol|p|pre|ul)|a|b|code|em|i|img|s|span|strong|u)"
    r'(?: [a-z-]+="[^"<>]*")* ?/?>'
)
"""A tag that needs no parser, in one pattern; group 1 parts words."""
SHARDS = st.lists(
    st.sampled_from(
        [
            *(
                "<",
                "</",
                ">",
                "/>",
                " />",
                "  >",
                "<p",
                "<br",
                "<h2",
                "<a",
                "<strong",
                "</b",
                "<i>",
            ),
            *(
                ' title="',
                '"',
                ' id="x"',
                '  id="x  y"',
                '\nid="x"',
                ' id=""',
                "<p>",
                "</p>",
                "<b>",
            ),
            *(
                "&am",
                "p;",
                "&amp",
                "&lt;",
                "&#60;b&#62;",
                "&#x200b;",
                "&nbsp;",
                "<table>",
                "<!-- x",
            ),
            *("one", "two ", "  ", "\n", "\u3000", "\x85", "\u200b", "\ud800", "\x0b", "é"),
        ]
    ),
    max_size=12,
).map("".join)
"""Pieces of tags and entities, which make whole ones where they happen to meet."""
TEXTS = st.text() | st.text(st.characters(categories=["L", "Z", "Cc", "Cf"])) | HOSTILE


def collapsed(text: str) -> str:
    """Return *text* as the rule has it: without hidden characters, in words."""
    return " ".join(HIDDEN.sub("", text).split())


def by_the_rule(source: str) -> str:
    """Return the text of HTML as the rule has it: each tag on its own, then the sanitiser."""
    tidied = collapsed(source)
    bare = SIMPLE_TAG.sub(lambda tag: " " if tag[1] else "", tidied)
    if "<" in bare:
        bare = ANY_TAG.sub(" ", SANITISER.clean(tidied))
    return collapsed(html.unescape(bare))


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (None, None),
        ("", None),
        ("<p></p> <br>", None),
        ("<script>alert(1)</script>", None),
        ("<p>one</p><p>two</p>", "one two"),
        ("one<br>two<br />three", "one two three"),
        ("<ul><li>one</li><li>two</li></ul>", "one two"),
        ("in<b>one</b>word", "inoneword"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("&lt;script&gt;x&lt;/script&gt;", "<script>x</script>"),
        ("1 < 2 & 3 > 2", "1 < 2 & 3 > 2"),
        ("<p>never closed <b>at all", "never closed at all"),
        ("cut in a tag <a href='https://example.com", "cut in a tag"),
        ("a<!-- hidden -->b", "ab"),
        ("a<style>p {}</style>b<noscript><p>c</p></noscript>", "ab"),
        ("a\x00b\u200bc\u202ed&#8238;e&nbsp;f", "abcde f"),
        ("<scr\u200bipt>x</script>y", "y"),
    ],
)
def test_html_becomes_one_plain_paragraph(source: str | None, text: str | None) -> None:
    """Blocks part words, tags and code vanish, and entities are decoded once, at the end."""
    assert plain_text(source) == text


@pytest.mark.parametrize(
    ("source", "limit", "text"),
    [
        ("ten letters", 11, "ten letters"),
        ("ten letters", 10, "ten lette…"),
        ("eleven plus", 8, "eleven…"),
        ("a veryverylongword", 9, "a veryve…"),
        ("漢字漢字漢字", 4, "漢字漢…"),
    ],
)
def test_long_text_is_cut_at_a_word(source: str, limit: int, text: str) -> None:
    """The cut is marked, and falls on a word unless that would leave less than half."""
    assert plain_text(source, limit=limit) == text


def test_a_huge_nested_description_is_read_from_its_beginning() -> None:
    """Open elements without end cost a bounded time, and the text before them is kept."""
    assert plain_text("start" + "<ul><li>" * 200_000) == "start"


@given(TEXTS, st.integers(min_value=1, max_value=60))
def test_no_text_is_longer_than_its_limit(source: str, limit: int) -> None:
    """Whatever upstream sends, the limit holds, mark included."""
    assert len(plain_text(source, limit=limit) or "") <= limit


@given(TEXTS)
def test_no_control_character_survives(source: str) -> None:
    """No control character, surrogate or bidi control comes out of either function."""
    for text in (plain_text(source) or "", tidy(source)):
        assert not {unicodedata.category(char) for char in text} & {"Cc", "Cs"}
        assert not set(text) & set("\u200b\u200e\u202a\u202e\u2066\u2069\ufeff")
        text.encode()


@given(OPEN, HOSTILE)
def test_the_content_of_scripts_never_comes_out(before: str, after: str) -> None:
    """Code in a script element is dropped, whatever elements stand open around it."""
    assert "stolen(" not in (plain_text(f"{before}<script>stolen(1)</script>{after}") or "")


@given(SIMPLE)
def test_simple_markup_needs_no_sanitiser(source: str) -> None:
    """What the short way makes of well-formed simple markup is what the sanitiser would make."""
    assert bare_text(source) == bare_text(f"{source}<!-- not simple -->")


@given(SHARDS | SIMPLE | HOSTILE | OPEN)
def test_the_quick_way_keeps_the_rule(source: str) -> None:
    """To part words first and to drop tags then makes what one look at each tag would make."""
    assert bare_text(source) == by_the_rule(source)


@given(SHARDS | TEXTS)
def test_what_looks_tidy_is_tidy(source: str) -> None:
    """Text that is returned after one look is what the whole rule would make of it."""
    assert tidy(source) == collapsed(source)


def test_what_the_beginning_does_not_hold_is_read_too() -> None:
    """Text behind more markup than most descriptions hold is found, and a cut tag shows nothing."""
    link = f'<a href="{"x" * 2000}">link</a>'
    assert plain_text(f"{link} {link}") == "link link"
    assert plain_text(f"{'word ' * 290}{link}", limit=500) == plain_text("word " * 290, limit=500)


@given(TEXTS.filter(lambda text: not set(text) & set("<&")))
def test_plain_text_stays_as_it_is(source: str) -> None:
    """Text without markup is only tidied, and doing so twice changes nothing."""
    once = plain_text(source)
    assert plain_text(once) == once
    assert (once or "") == tidy(source)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  a \t\n b  ", "a b"),
        ("a \u200b b", "a b"),
        ("\u202eevil\u202c", "evil"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("wide\u3000space\u2028line", "wide space line"),
        ("\ud83d half", "half"),
        ("Pony | 小馬 / 🐎", "Pony | 小馬 / 🐎"),
        ("\x07\u200d", ""),
    ],
)
def test_names_lose_what_can_not_be_seen(text: str, clean: str) -> None:
    """Hidden characters go, white space collapses, all else stays."""
    assert tidy(text) == clean
    assert word(text) == (clean or None)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Détail Tweaker XL", "detail-tweaker-xl"),
        ("../../etc/passwd", "etc-passwd"),
        ("100% | v1.5 🔥", "100-v1-5"),
        ("小馬", ""),
    ],
)
def test_slugs_are_safe_in_a_path(name: str, slug: str) -> None:
    """A slug is lower-case letters, digits and single hyphens."""
    assert kebab(name) == slug
