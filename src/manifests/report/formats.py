"""List the formats in which a run can be told, each by its name and by the suffix of its files."""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final, cast

from manifests.errors import SettingsError
from manifests.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import PurePath

    from manifests.report.story import Story

__all__ = ["FORMATS", "Format", "format_named", "format_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to tell a run, as text in UTF-8."""

    name: str
    suffix: str
    """Of its files, with the dot; a format that shares its suffix is asked for by name only."""
    module: str
    """Where its `render` stands; imported when it is asked for, since start-up waits for none."""

    def render(self, story: Story) -> bytes:
        """Return *story* in this format; it is pure, so equal stories make equal bytes."""
        render = cast(
            "Callable[[Story], bytes]", resolve_name(f"manifests.report.{self.module}:render")
        )
        return render(story)


FORMATS: Final[Mapping[str, Format]] = {
    each.name: each
    for each in (
        Format(name="json", suffix=".json", module="jsonfile"),
        Format(name="markdown", suffix=".md", module="markdown"),
        Format(name="html", suffix=".html", module="html"),
        Format(name="junit", suffix=".xml", module="junit"),
        Format(name="gitlab", suffix="", module="junit"),
        Format(name="github", suffix="", module="github"),
        Format(name="jsonl", suffix=".jsonl", module="jsonl"),
        Format(name="prometheus", suffix=".prom", module="prometheus"),
    )
}
"""Name → format. `terminal` is none of them: the command line alone knows how to print."""


def format_named(name: str) -> Format:
    """Return the format of that name.

    Raises:
        SettingsError: there is none.
    """
    if name not in FORMATS:
        raise SettingsError(
            f"no format {name!r}{nearest(name, FORMATS)}",
            next_step=f"the formats are: terminal, {', '.join(FORMATS)}",
        )
    return FORMATS[name]


def format_of(path: PurePath) -> Format:
    """Return the format that the suffix of a file stands for; without any it is JSON.

    Raises:
        SettingsError: it stands for none.
    """
    if not path.suffix:
        return FORMATS["json"]
    for each in FORMATS.values():
        if each.suffix and path.name.lower().endswith(each.suffix):
            return each
    known = ", ".join([*(each.suffix for each in FORMATS.values() if each.suffix), ".txt"])
    raise SettingsError(
        f"{path}: its suffix stands for no format", next_step=f"use one of {known}, or --format"
    )
