"""Write what failed, each kind with the command that shows it, and what changed since last time."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from manifests.report.findings import failure_groups, reproduce, shown_code, typed
from manifests.report.html_tags import LONGEST_COMMAND, NOTHING, Markup, join, table, tag
from manifests.report.html_verdict import mark
from manifests.report.plain import plain
from manifests.results import State
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manifests.report.story import Story
    from manifests.results import Changes, Failure, Outcome, RunRecord

__all__ = ["changes_section", "failures_section"]

MOST_GROUPS: Final = 40
MOST_NAMES: Final = 60
"""Filters named in one list; the table below the charts has them all."""


def failures_section(story: Story) -> Markup:
    """Return the failures that are alike as one item each; nothing when nothing failed."""
    groups = failure_groups(story.record)
    if not groups:
        return Markup()
    more = len(groups) - MOST_GROUPS
    return tag(
        "section",
        tag("h2", "What failed", id="failures"),
        join(_group(*group, flags=story.flags) for group in groups[:MOST_GROUPS]),
        tag("p", f"and {counted(more, 'more kind')}, see the table of filters") if more > 0 else "",
        tag(
            "div",
            tag("p", "Try again all that failed or is stale"),
            command(typed("retry", story.flags)),
            class_="failure again-all",
        ),
        aria_labelledby="failures",
    )


def _group(failure: Failure, outcomes: Sequence[Outcome], *, flags: str) -> Markup:
    source = outcomes[0].source
    states = [state for state in State if any(each.state is state for each in outcomes)]
    words = " and ".join(state.value for state in states)
    heading = tag(
        "h3",
        join(mark(state) for state in states),
        tag("code", " ".join(shown_code(failure).split())),
        tag("span", f"{counted(len(outcomes), 'filter')} of {source}, {words}"),
    )
    step = tag("p", tag("b", "Next"), " ", failure.next_step, class_="next")
    find = f"source:{source} code:{failure.code}"
    show = tag("button", "Show in the table", type="button", data_find=find, hidden=True)
    names = _names([each.filter for each in outcomes])
    which = tag("details", tag("summary", "Which filters"), names, show)
    return tag(
        "article",
        tag("div", heading, tag("p", failure.cause), step),
        tag("div", command(reproduce(outcomes[0], flags)), which),
        class_="failure",
    )


def command(line: str) -> Markup:
    """Return a command with a button that copies it, once the script has come alive."""
    button = tag("button", "Copy", type="button", data_copy=True, hidden=True)
    whole = Markup(escape(plain(line, most=LONGEST_COMMAND)))
    return tag("div", tag("code", whole, tabindex="0"), button, class_="command")


def _names(names: Sequence[str]) -> Markup:
    more = len(names) - MOST_NAMES
    items = [tag("li", name) for name in names[:MOST_NAMES]]
    items += [tag("li", f"and {more:,} more", class_="more")] if more > 0 else []
    return tag("ul", *items, class_="names")


def changes_section(record: RunRecord) -> Markup:
    """Return what is different from the last run."""
    changes = record.changes
    if changes is None:
        text = "No earlier run of this output is remembered."
        body = tag("p", text, class_="quiet")
    else:
        body = join([_models(changes), _moved(changes)])
    return tag("section", tag("h2", "Since the last run", id="changes"), body,
               aria_labelledby="changes")  # fmt: skip


def _models(changes: Changes) -> Markup:
    rows = [
        [
            source,
            f"+{each.added:,}",
            f"\N{MINUS SIGN}{each.removed:,}",
            ", ".join(each.examples_added) or NOTHING,
            ", ".join(each.examples_removed) or NOTHING,
        ]
        for source, each in changes.models.items()
    ]
    if not rows:
        return Markup()
    heads = ["Source", "#Added", "#Removed", "Added, for instance", "Removed, for instance"]
    return table(f"Models that came and went since run {changes.since}", heads, rows)


def _moved(changes: Changes) -> Markup:
    lists = {"newly failing": changes.newly_failing, "newly fixed": changes.newly_fixed}
    if not any(lists.values()):
        return tag("p", "No filter began to fail, and none was mended.", class_="quiet")
    return join(
        tag(
            "details",
            tag("summary", f"{counted(len(names), 'filter')} {word}"),
            _names(names),
            open=word == "newly failing",
        )
        for word, names in lists.items()
        if names
    )
