"""Make upstream's hostile text harmless: HTML to plain text, names without hidden characters."""

from __future__ import annotations

import html
import re
import unicodedata

import nh3

__all__ = ["kebab", "plain_text", "tidy", "word"]

HIDDEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control, zero-width, bidi-control and tag characters, and halves of surrogate pairs."""

BREAKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "center", "dd", "details", "div"),
        *("dl", "dt", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6"),
        *("header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table"),
        *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
"""Elements whose borders part words."""

SILENT = frozenset(
    {
        *("iframe", "math", "noembed", "noframes", "noscript", "object", "plaintext", "script"),
        *("style", "svg", "template", "textarea", "title", "xmp"),
    }
)
"""Elements whose content is no prose: code, or markup that a parser would show as text."""

SANITISER = nh3.Cleaner(tags=set(BREAKS), clean_content_tags=set(SILENT), attributes={})
ANY_TAG = re.compile("<[^>]*>")
GAPS = {
    **dict.fromkeys(("a", "b", "code", "em", "i", "img", "s", "span", "strong", "u"), ""),
    **dict.fromkeys(("blockquote", "br", "div", "li", "ol", "p", "pre", "ul"), "\n"),
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "\n"),
}
"""What a tag leaves behind, of elements that move no text: a break, or nothing."""
SIMPLE_TAG = re.compile(r'</?([a-z]+[1-6]?)(?: +[a-z-]+="[^"<>\n]*+")*+ *+/?>')
"""A tag as upstream's editor writes it; group 1 is the element."""
NO_SLUG = re.compile("[^a-z0-9]+")
MOST_HTML = 20_000
"""Characters that are parsed, at most: hundreds of open elements take the parser quadratic time."""
ENOUGH_HTML = 2.5
"""Characters of HTML for each one wanted that nearly always hold as much text."""


def tidy(text: str) -> str:
    """Return *text* without hidden characters, its white space collapsed to single spaces."""
    stripped = text.strip()
    # Most words are tidy as they are: printable text holds no white space but the plain space.
    if stripped.isprintable() and "  " not in stripped:
        return stripped
    # No white space is hidden, so that either may go first; line breaks alone are no reason to
    # look at each character.
    tidied = " ".join(stripped.split())
    return tidied if tidied.isprintable() else " ".join(HIDDEN.sub("", tidied).split())


def word(text: str | None) -> str | None:
    """Return *text* tidy, or None where nothing is left of it."""
    return (tidy(text) or None) if text else None


def plain_text(source: str | None, *, limit: int = 500) -> str | None:
    """Return HTML as one paragraph of plain text, or None where it says nothing.

    Args:
        source: HTML of any quality, or none.
        limit: characters, at most; longer text is cut at a word and ends in `…`.
    """
    whole = (source or "")[:MOST_HTML]
    start = beginning(whole, round(ENOUGH_HTML * limit))
    text = bare_text(start)
    if len(text) <= limit and len(start) < len(whole):
        text = bare_text(whole)
    return shortened(text, limit) or None


def beginning(source: str, size: int) -> str:
    """Return *size* characters of HTML at most, without a tag that they would cut in two."""
    start = source[:size]
    cut = start.rfind("<")
    return start[:cut] if cut > start.rfind(">") and len(start) < len(source) else start


def bare_text(source: str) -> str:
    """Return the text of HTML, however long, as one paragraph."""
    bare = without_tags(source)
    if bare is None:
        # What the sanitiser writes holds no `<` but in a bare tag of BREAKS, so that the pattern
        # can't be misled.
        bare = ANY_TAG.sub(" ", SANITISER.clean(tidy(source)))
    # Entities are decoded once, at the end, and their text is never read as markup.
    return tidy(html.unescape(bare))


def without_tags(source: str) -> str | None:
    """Return HTML without its tags; None if it holds more than tags that need no parser.

    The sanitiser takes most of the time that a page takes: simple markup can do without it.
    """
    parts = SIMPLE_TAG.split(source)
    try:
        parts[1::2] = map(GAPS.__getitem__, parts[1::2])
    except KeyError:
        return None
    bare = "".join(parts)
    return None if "<" in bare else bare


def shortened(text: str, limit: int) -> str:
    """Return *text*, cut at a word where that leaves at least half of the limit."""
    if len(text) <= limit:
        return text
    # Chinese and Japanese text has hardly a space: there the limit itself is the better place.
    end = text.rfind(" ", limit // 2, limit)
    return text[: end if end > 0 else limit - 1].rstrip() + "…"


def kebab(text: str) -> str:
    """Return *text* as a segment of a URL's path: `detail-tweaker-xl`; empty where none is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return NO_SLUG.sub("-", ascii_text.lower()).strip("-")
