"""Text of others means nothing to Markdown, in prose, in code and in the cells of tables."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from manifests.report.marking import code, some, table, text
from manifests.report.plain import plain

READER = MarkdownIt("commonmark").enable("table")
HOSTILE = (
    *("<script>", "</script>", "<img src=x onerror=y>", "&lt;b&gt;", "<!--", "a|b", "a\\|b", "a\\"),
    *("`a`", "``", "a `b|c`", "*a* _b_ **c** ~~d~~", "[a](b)", "![a](b)", "# a", "1. a", "- a"),
    *(
        "@team",
        "#12",
        "https://evil.example",
        "www.evil.example",
        "a@evil.example",
        "\n\n# a",
        "$x$",
    ),
)
TEXTS = st.text(st.sampled_from("ab1 `|\\<>&*_[]()!#@.:/-~$'\"\n"), max_size=30)


def words(rendered: str) -> str:
    """Return what a person reads of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).replace("\u2060", "").strip()


def tags(rendered: str) -> set[str]:
    """Return the elements in HTML."""
    return set(re.findall(r"<(\w+)", rendered))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_prose_stays_text(hostile: str) -> None:
    """What is read is what was there, in one paragraph of text and nothing else."""
    rendered = READER.render(f"It says {text(hostile)} here")
    assert tags(rendered) == {"p"}
    assert words(rendered) == f"It says {plain(hostile)} here"


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("@team", "&#64;&#8288;team"),
        ("#12", "&#35;&#8288;12"),
        ("https://evil.example", "https&#58;//evil&#46;example"),
        ("It took 0.4 s: well.", "It took 0.4 s: well."),
        ("www.1.example", "www&#46;1&#46;example"),
    ],
)
def test_nobody_is_mentioned_and_nothing_linked(hostile: str, harmless: str) -> None:
    """What GitHub would look for is not there; ordinary sentences stay readable."""
    assert text(hostile) == harmless


@given(hostile=TEXTS)
def test_code_stays_one_cell(hostile: str) -> None:
    """Whatever a name holds, its cell is one and shows it, and nothing else is made of it."""
    (_, _, row) = table(["a", "b"], [[code(hostile), "end"]])
    rendered = READER.render(f"| a | b |\n|---|---|\n{row}")
    body = rendered.partition("<tbody>")[2]
    assert tags(body) <= {"tr", "td", "code"}
    cells = [words(cell) for cell in re.findall(r"<td>(.*?)</td>", body)]
    shown = plain(hostile).strip()
    assert cells in ([shown, "end"], [re.sub(" +", " ", shown), "end"])


def test_no_words_no_code() -> None:
    """Nothing is shown as nothing, rather than as two backticks that begin something."""
    assert (code(""), code(" \n ")) == ("", "")


@pytest.mark.parametrize(
    ("items", "total", "shown"),
    [
        ([], 0, ""),
        (["a"], 1, "a"),
        (["a", "b", "c"], 3, "a, b, and 1 more"),
        (["a"], 2000, "a, and 1,999 more"),
    ],
)
def test_some(items: list[str], total: int, shown: str) -> None:
    """A list ends with how many it leaves out."""
    assert some(items, total=total, most=2) == shown
