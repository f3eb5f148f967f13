"""Complete words in the shell: filters and sources, as the definitions name them.

A shell waits for each answer, and shows whatever goes wrong: so this is quick, and silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer  # noqa: TC002 - it reads the annotations of what completes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from manifests.models import Filter

__all__ = ["any_of", "filter_names", "quarantined_names", "source_names"]

PREFIX: Final = "filter/"

# What a completion needs is imported when one is asked for: no command shall wait for it.
# ruff: noqa: PLC0415


def any_of(*words: str) -> Callable[[str], list[str]]:
    """Return a function that completes to one of *words*."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def source_names(incomplete: str) -> list[str]:
    """Return the names of sources that begin so, short ones too."""
    from manifests.sources import SOURCES

    names = [name for each in SOURCES.values() for name in (each.info.name, each.info.file_prefix)]
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


def filter_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the filters whose names begin so; with nothing typed yet as short as can be."""
    names = (name for each in defined(context) for name in spelt(each, incomplete))
    return list(dict.fromkeys(name for name in names if name.startswith(incomplete)))


def quarantined_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the filters that are quarantined and whose names begin so."""
    from manifests.errors import ManifestsError
    from manifests.sources import SOURCES
    from manifests.store.published import read_published

    infos = {name: source.info for name, source in SOURCES.items()}
    try:
        status = read_published(context.params["out"], infos).status
    except (ManifestsError, OSError):
        return []
    known = status.filters.items() if status else ()
    names = (name for name, each in known if each.state == "quarantined")
    return [name for name in names if name.startswith(incomplete)]


def defined(context: typer.Context) -> Iterable[Filter]:
    """Return the filters of the folder that the command line names; none when they are bad."""
    from manifests.errors import ManifestsError
    from manifests.filters import load_filters
    from manifests.sources import SOURCES

    try:
        return load_filters(context.params["filters"], SOURCES)
    except (ManifestsError, OSError):
        return ()


def spelt(made: Filter, incomplete: str) -> Iterator[str]:
    """Yield the ways to write a filter that fit what is typed: a source before it, or `filter/`."""
    from manifests.sources import SOURCES

    short = made.path.removeprefix(PREFIX)
    prefix, colon, rest = incomplete.partition(":")
    info = SOURCES[made.source].info
    path = made.path if (rest if colon else prefix).startswith(PREFIX) else short
    if not colon:
        yield path
    elif prefix in {info.name, info.file_prefix}:
        yield f"{prefix}:{path}"
