"""Lay out the help of commands: options in groups, and examples that can be copied.

typer does so only with rich, which would make every `--help` wait for it.
"""

from __future__ import annotations

import inspect
import shutil
from typing import TYPE_CHECKING, Protocol, cast

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import typer

__all__ = ["GROUPS", "HelpfulCommand", "HelpfulGroup", "examples_of", "with_help"]

MANY = 10
"""Options from which on a list is easier to read in groups."""
NARROW = 60
"""Columns from which on typer wraps well by itself."""
OWN = "Options"
"""Of this command alone."""
GROUPS: Mapping[str, frozenset[str]] = {
    "What is made": frozenset(
        {"only", "source", "shard", "style", "max_failed", "dry_run", "publish"}
    ),
    "Where": frozenset({"filters", "out", "state", "report", "form"}),
    "How upstream is asked": frozenset(
        {"sandbox", "max_concurrency", "fixed", "shared_budget", "attempts", "deadline", "contact"}
    ),
    "Other runs": frozenset({"wait", "resume", "resume_within", "fresh_within", "cache"}),
    "What is shown": frozenset({"as_json", "quiet", "verbose", "log_format", "no_color", "help"}),
}
"""Title → names of parameters."""


class Page(Protocol):
    """What help is written on: typer's formatter, as far as it is needed here."""

    width: int
    """Columns."""
    current_indent: int

    def section(self, name: str, /) -> AbstractContextManager[None]:
        """Begin a part with a title."""
        ...

    def indentation(self) -> AbstractContextManager[None]:
        """Indent what follows."""
        ...

    def write(self, string: str, /) -> None:
        """Write text as it is."""
        ...

    def write_paragraph(self) -> None:
        """Leave a line empty, unless there is nothing before it."""
        ...

    def write_text(self, text: str, /) -> None:
        """Write paragraphs, wrapped."""
        ...

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int, /) -> None:
        """Write terms with their explanations, the first column at most so wide."""
        ...


class HelpfulCommand(TyperCommand):
    """A command whose help is laid out as said above."""

    def get_help(self, ctx: object) -> str:
        """Return the whole page."""
        return super().get_help(fitted(ctx))

    def format_help_text(self, _ctx: object, formatter: Page) -> None:
        """Write what the command does, and examples."""
        write_prose(self.help or "", formatter)

    def format_options(self, ctx: object, formatter: Page) -> None:
        """Write arguments and options."""
        write_parameters(self, fitted(ctx), formatter)


class HelpfulGroup(TyperGroup):
    """A command with commands of its own, whose help is laid out in the same way."""

    def get_help(self, ctx: object) -> str:
        """Return the whole page."""
        return super().get_help(fitted(ctx))

    def format_help_text(self, _ctx: object, formatter: Page) -> None:
        """Write what the commands are for, and examples."""
        write_prose(self.help or "", formatter)


def with_help(app: typer.Typer) -> typer.Typer:
    """Let all commands of *app*, and of what it contains, lay out their help in this way."""
    app.info.cls = HelpfulGroup
    for command in app.registered_commands:
        command.cls = HelpfulCommand
    for group in app.registered_groups:
        group.cls = HelpfulGroup
        if group.typer_instance:
            with_help(group.typer_instance)
    return app


def fitted(ctx: object) -> typer.Context:
    """Return typer's context, which shall not write beyond the edge of a narrow terminal."""
    context = cast("typer.Context", ctx)  # its class is one that typer keeps for itself
    columns = shutil.get_terminal_size().columns
    if context.terminal_width is None and columns < NARROW:
        context.terminal_width = columns - 2
    return context


def write_parameters(command: HelpfulCommand, context: typer.Context, page: Page) -> None:
    """Write arguments and options, each part with its title."""
    rows = [(each, each.get_help_record(context)) for each in command.get_params(context)]
    arguments = [row for each, row in rows if row and each.param_type_name == "argument"]
    options = {
        each.name or "": row for each, row in rows if row and each.param_type_name == "option"
    }
    # Without room for two columns each explanation stands below its term.
    first = 2 if page.width < NARROW - 2 else 30
    for title, part in (("Arguments", arguments), *sections(options)):
        if part:
            with page.section(title):
                page.write_dl(part, first)


def sections(
    options: Mapping[str, tuple[str, str]],
) -> Iterable[tuple[str, list[tuple[str, str]]]]:
    """Return the rows of options by the title above them; few ones stay together."""
    if len(options) < MANY:
        return [(OWN, [*options.values()])]
    shared: frozenset[str] = frozenset().union(*GROUPS.values())
    groups = {OWN: options.keys() - shared, **GROUPS}
    return [
        (title, [row for name, row in options.items() if name in names])
        for title, names in groups.items()
    ]


def write_prose(text: str, page: Page) -> None:
    """Write a docstring: its prose wrapped, each of its examples on a line as it is."""
    prose, examples = examples_of(inspect.cleandoc(text))
    page.write_paragraph()
    with page.indentation():
        page.write_text(prose)
    if examples:
        with page.section("Examples" if examples[1:] else "Example"):
            for example in examples:
                page.write(f"{'':>{page.current_indent}}{example}\n")


def examples_of(text: str) -> tuple[str, list[str]]:
    """Return a docstring's prose, and its examples: its last paragraph, if it calls itself so."""
    prose, _, last = text.rpartition("\n\n")
    name, colon, listed = last.partition(":")
    if not colon or name not in {"Example", "Examples"}:
        return text, []
    return prose, [" ".join(each.split()) for each in listed.split(" · ")]
