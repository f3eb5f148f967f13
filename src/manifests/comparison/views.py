"""Write a comparison of two sets as Markdown for people, and as plain data for programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from manifests.comparison.sets import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from manifests.comparison.sets import Comparison, FilterChange, Mention
    from manifests.store.names import Key

__all__ = ["as_json", "as_markdown"]

FIRST: Final = 10
"""Models that are named of each list."""

MOST_FILTERS: Final = 100
"""Filters that are told in full: a page with more is not read, and is too long for some hosts."""

LONGEST_NAME: Final = 60
SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+.!|~-])")
ENTITIES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord("@"): "&#64;"}
"""Also `@`, so that nobody is called to a report because a model bears their name."""


def as_json(comparison: Comparison) -> dict[str, object]:
    """Return a comparison as dicts, lists, text and numbers, in a stable order and in full."""
    kinds = comparison.kinds
    return {
        "schema": 1,
        "filters": {
            "unchanged": comparison.unchanged,
            **{kind.value: kinds[kind] for kind in Kind},
        },
        "added": [mention_json(each) for each in comparison.added],
        "removed": [mention_json(each) for each in comparison.removed],
        "taken_down": [mention_json(each) for each in comparison.taken_down],
        "moved": comparison.moved,
        "changes": [change_json(each) for each in comparison.changes],
    }


def mention_json(mention: Mention) -> dict[str, object]:
    """Return a model as plain data; only one that was taken down has a mode."""
    mode = {"mode": mention.mode} if mention.mode is not None else {}
    return {"source": mention.source, "id": mention.id, "name": mention.name, **mode}


def change_json(change: FilterChange) -> dict[str, object]:
    """Return what happened to one filter as plain data."""
    difference = change.difference
    return {
        "source": change.source,
        "filter": change.path,
        "kind": change.kind.value,
        "before": change.before,
        "after": change.after,
        "added": [{"id": each.id, "place": each.place} for each in difference.added],
        "removed": [*difference.removed],
        "moved": [
            {"id": each.id, "before": each.before, "place": each.place} for each in difference.moved
        ],
        "taken_down": [*change.taken_down],
    }


def as_markdown(comparison: Comparison) -> str:
    """Return a comparison as a page: what happened in all, what was taken down, each filter.

    Of each list the first models are named, with how many more there are.
    """
    if comparison.is_none:
        return "Nothing changed.\n"

    lines = [summary(comparison), *overall(comparison), *table(comparison.changes)]
    for change in comparison.changes[:MOST_FILTERS]:
        lines += section(change, comparison.names)

    return "\n".join(lines) + "\n"


def summary(comparison: Comparison) -> str:
    """Return the totals in one sentence each."""
    kinds = comparison.kinds
    return (
        f"**Filters:** {kinds[Kind.CHANGED]} changed, {kinds[Kind.CAME]} came,"
        f" {kinds[Kind.WENT]} went, {comparison.unchanged} as before."
        f" **Models:** {len(comparison.added)} added, {len(comparison.removed)} removed,"
        f" {len(comparison.taken_down)} taken down, {comparison.moved} moved."
    )


def overall(comparison: Comparison) -> Iterator[str]:
    """Yield a list each of the models that came to the set, left it, or were taken down."""
    lists = (
        ("Added", comparison.added),
        ("Removed", comparison.removed),
        ("Taken down", comparison.taken_down),
    )
    yield ""
    for title, mentions in lists:
        if mentions:
            words = [model_words(each.id, each.name, each.mode) for each in mentions[:FIRST]]
            yield f"- {title}: {', '.join(words)}{more(len(mentions))}"


def table(changes: Sequence[FilterChange]) -> Iterator[str]:
    """Yield a row of figures for each filter."""
    if not changes:
        return

    yield from ("", "| filter | before | after | added | removed | moved | taken down |")
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for change in changes[:MOST_FILTERS]:
        difference = change.difference
        lists = (difference.added, difference.removed, difference.moved, change.taken_down)
        counts = (change.before, change.after, *map(len, lists))
        yield f"| {code(named(change))} | {' | '.join(map(str, counts))} |"

    if len(changes) > MOST_FILTERS:
        yield from ("", f"… and {len(changes) - MOST_FILTERS} more filters.")


def section(change: FilterChange, names: Mapping[Key, str]) -> Iterator[str]:
    """Yield a heading for one filter, and a line for each thing that happened to it."""
    kind = "" if change.kind is Kind.CHANGED else f" ({change.kind})"
    yield from ("", f"### {code(named(change))}{kind}", "")
    difference = change.difference
    lists = {
        "added": [each.id for each in difference.added],
        "removed": difference.removed,
        "moved": [each.id for each in difference.moved],
        "taken down": change.taken_down,
    }
    for word, ids in lists.items():
        if ids:
            words = [model_words(id_, names.get((change.source, id_))) for id_ in ids[:FIRST]]
            yield f"- {len(ids)} {word}: {', '.join(words)}{more(len(ids))}"

    if change.kind is Kind.CHANGED and difference.is_none:
        yield "- same models, other label or completeness"


def named(change: FilterChange) -> str:
    """Return the name by which commands know a filter."""
    return f"{change.source}:{change.path}"


def model_words(id_: str, name: str | None, mode: str | None = None) -> str:
    """Return a model's id, its name and its mode, as far as they are known."""
    parts = (code(id_), plain(name or ""), f"({plain(mode)})" if mode else "")
    return " ".join(part for part in parts if part)


def more(count: int) -> str:
    """Return how many of a list are not named."""
    return f" … and {count - FIRST} more" if count > FIRST else ""


def code(text: str) -> str:
    """Return text as code, on one line and inside of a table."""
    return f"`{one_line(re.sub('[`|]', ' ', text))}`"


def plain(text: str) -> str:
    """Return text that Markdown and HTML take for nothing but text, cut to a line."""
    line = one_line(text)
    cut = f"{line[: LONGEST_NAME - 1]}…" if len(line) > LONGEST_NAME else line
    return SPECIAL.sub(r"\\\1", cut).translate(ENTITIES)


def one_line(text: str) -> str:
    """Return text without line breaks and characters that can't be seen."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
