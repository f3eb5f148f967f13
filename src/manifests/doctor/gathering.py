"""Gather what there is to look at, mistakes and all: settings, definitions, endpoints, tokens."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from manifests.doctor.diagnosis import Check, ok, refused, warned
from manifests.doctor.machine import judge_definitions, refused_definitions
from manifests.doctor.tokens import judge_places, look_for_tokens
from manifests.errors import DefinitionError, SettingsError
from manifests.filters import load_filters
from manifests.selection import select_filters
from manifests.settings import Configuration, read_access
from manifests.store.names import manifest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from manifests.doctor.diagnosis import Finding
    from manifests.models import Filter
    from manifests.settings import Access
    from manifests.sources.base import Source, SourceInfo

__all__ = [
    "Admissions",
    "Defined",
    "chosen_sources",
    "file_names",
    "gather_access",
    "gather_filters",
    "gather_settings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    """The filters, or why there are none."""

    filters: tuple[Filter, ...] = ()
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Admissions:
    """Where and as whom sources can be asked; one without a usable endpoint is left out."""

    access: Mapping[str, Access] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def chosen_sources(sources: Mapping[str, Source], name: str | None) -> dict[str, Source]:
    """Return the sources that `--source` means: all, or one by any of its names.

    Raises:
        DefinitionError: there is no such source.
    """
    infos = [each.info for each in sources.values()]
    select_filters((), infos, only=(), source=name)
    return {
        each.info.name: each
        for each in sources.values()
        if name in {None, each.info.name, each.info.file_prefix, each.info.short}
    }


def gather_settings(
    read: Callable[[], Configuration | None],
) -> tuple[Configuration, tuple[Finding, ...]]:
    """Return what the settings file says, nothing where it is wrong, and what is to be said of it.

    Args:
        read: returns None where there is no file, and raises a `SettingsError` for a wrong one.
    """
    try:
        found = read()
    except SettingsError as error:
        return Configuration(), (refused(Check.SETTINGS, error),)
    if found is None:
        text = "no settings file: defaults, variables and flags count"
        return Configuration(), (ok(Check.SETTINGS, text),)
    step = "keep one of them"
    notes = (warned(Check.SETTINGS, note, step) for note in found.notes)
    return found, (ok(Check.SETTINGS, f"the settings of {found.origin} are valid"), *notes)


def gather_filters(folder: Path, sources: Mapping[str, Source]) -> Defined:
    """Return the filters of a folder, or none where something is wrong with them."""
    try:
        filters = load_filters(folder, sources)
    except DefinitionError as error:
        return Defined(finding=refused_definitions(error))
    return Defined(filters=filters, finding=judge_definitions(filters, folder))


def file_names(filters: Iterable[Filter], sources: Mapping[str, Source]) -> list[str]:
    """Return the names of the files that a run writes for filters."""
    return [manifest_file(sources[each.source].info, each.path) for each in filters]


def gather_access(
    infos: Sequence[SourceInfo], environ: Mapping[str, str], endpoints: Mapping[str, str]
) -> Admissions:
    """Return how sources can be asked, a mistake in a token or an endpoint notwithstanding.

    Args:
        infos: the facts about the sources.
        environ: the environment.
        endpoints: source → where it is asked, according to the settings file.
    """
    access: dict[str, Access] = {}
    findings: list[Finding] = []
    for info in infos:
        refusal = None
        places = look_for_tokens(info, environ, has_modes=os.name == "posix")
        try:
            access |= read_access([info], environ, endpoints=endpoints)
        except SettingsError as error:
            refusal = error
        if refusal is not None:
            # Without its token the endpoint may be well, and worth looking at all the same.
            try:
                access |= without_token(info, environ, endpoints)
            except SettingsError as error:
                findings.append(refused(Check.SETTINGS, error, source=info.name))
                refusal = None
        findings += judge_places(info, places, refusal=refusal)
    return Admissions(access=access, findings=tuple(findings))


def without_token(
    info: SourceInfo, environ: Mapping[str, str], endpoints: Mapping[str, str]
) -> dict[str, Access]:
    """Return where a source is asked anonymously.

    Raises:
        SettingsError: its endpoint is unusable.
    """
    bare = {name: value for name, value in environ.items() if name != info.token_variable}
    return read_access([replace(info, token_file=None)], bare, endpoints=endpoints)
