"""Carry out `manifests diff`: what changed between two runs or folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from manifests.cli.consoles import cell, say
from manifests.cli.past import find_run, opened_history
from manifests.comparison.sets import Side, compare_sets
from manifests.comparison.views import as_json, as_markdown
from manifests.errors import SettingsError
from manifests.models import Catalogue, Manifest, Model
from manifests.sources import SOURCES
from manifests.store.canonical import encode
from manifests.store.published import read_published
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from manifests.comparison.sets import Comparison
    from manifests.store.names import Key
    from manifests.store.snapshots import Snapshot

__all__ = ["Choice", "show_diff"]

FORMS = ("terminal", "markdown", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is compared with what."""

    before: str | None
    """A run or a folder; None for the run before the last one."""
    after: str | None
    """A run or a folder; None for what is published, or the last run."""
    out: Path
    state: Path


def show_diff(console: Console, choice: Choice, *, form: str) -> None:
    """Print what changed.

    Raises:
        SettingsError: the form, a run or a folder is not known.
    """
    if form not in FORMS:
        raise SettingsError(f"unknown form {form!r}", next_step=f"use {', '.join(FORMS)}")
    comparison = compare_sets(*sides(choice))
    if form == "json":
        console.file.write(encode(as_json(comparison)).decode())
    elif form == "markdown":
        console.file.write(as_markdown(comparison))
    else:
        show(console, comparison)


def sides(choice: Choice) -> tuple[Side, Side]:
    """Return the two sets that are compared."""
    if choice.before is None:
        return last_two(choice)
    after = choice.after or str(choice.out)
    return side(choice.before, choice), side(after, choice)


def last_two(choice: Choice) -> tuple[Side, Side]:
    """Return the sets that the last two runs left."""
    with opened_history(choice.state, choice.out) as history:
        runs = [each.run for each in history.runs() if each.ended and not each.dry_run]
    if len(runs) < 2:  # noqa: PLR2004 - one to compare with another
        raise SettingsError(
            f"{counted(len(runs), 'run')} remembered: there is nothing to compare",
            next_step="name two folders: manifests diff A B",
        )
    return side(runs[1], choice), side(runs[0], choice)


def side(name: str, choice: Choice) -> Side:
    """Return the set in a folder, or the one that a run left."""
    if Path(name).is_dir():
        found = read_published(Path(name), {key: each.info for key, each in SOURCES.items()})
        ids = {key: manifest.model_ids for key, manifest in found.manifests.items()}
        return Side(manifests=bare(ids), catalogues=found.catalogues)
    with opened_history(choice.state, choice.out) as history:
        left = history.snapshot(find_run(history, name, or_else="is no folder, and means"))
    if left is None:
        raise SettingsError(f"{name!r} left no set", next_step="see: manifests runs")
    return side_of(left)


def side_of(snapshot: Snapshot) -> Side:
    """Return what is remembered of a set, in the form of a set."""
    return Side(
        manifests=bare(snapshot.manifests),
        catalogues={
            source: Catalogue(
                source=source,
                models={
                    id_: Model(
                        id=id_,
                        source=source,
                        slug=id_,
                        name=note.name,
                        author=note.author,
                        mode=note.mode,
                    )
                    for id_, note in notes.items()
                },
            )
            for source, notes in snapshot.models.items()
        },
    )


def bare(ids: Mapping[Key, Sequence[str]]) -> dict[Key, Manifest]:
    """Return manifests of which only the ids count: a run remembers no labels."""
    return {
        (source, path): Manifest(
            source=source,
            filter=path,
            label=path,
            models_file=SOURCES[source].info.models_file,
            model_ids=each,
            complete=False,
        )
        for (source, path), each in ids.items()
        if source in SOURCES
    }


def show(console: Console, comparison: Comparison) -> None:
    """Print a row for each filter that changed, and the totals."""
    if comparison.changes:
        table = Table(
            "filter", "", "models", "added", "removed", "moved", "taken down", box=box.SIMPLE_HEAD
        )
        for each in comparison.changes:
            difference = each.difference
            counts = (difference.added, difference.removed, difference.moved, each.taken_down)
            table.add_row(
                cell(f"{each.source}:{each.path}"),
                each.kind.value,
                f"{each.before} → {each.after}",
                *(str(len(ids) or "") for ids in counts),
            )
        console.print(table)
    for model in comparison.taken_down:
        say(console, f"taken down: {model.source}:{model.id} {model.name or ''} ({model.mode})")
    say(
        console,
        f"{counted(len(comparison.changes), 'filter')} changed, {comparison.unchanged} did not;"
        f" {counted(len(comparison.added), 'model')} came, {len(comparison.removed)} went,"
        f" {len(comparison.taken_down)} taken down",
        style="bold",
    )
