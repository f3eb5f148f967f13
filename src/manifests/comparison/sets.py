"""Compare two published sets, of two runs or two folders: per filter, and as a whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from manifests.difference import Difference, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from manifests.models import Catalogue, Manifest
    from manifests.store.names import Key

__all__ = ["Comparison", "FilterChange", "Kind", "Mention", "Side", "compare_sets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two sets."""

    manifests: Mapping[Key, Manifest]
    """By source and path."""
    catalogues: Mapping[str, Catalogue] = field(default_factory=dict)
    """By source; without them models have no names, and none is known to be taken down."""


class Kind(StrEnum):
    """What happened to a filter."""

    CAME = "came"
    WENT = "went"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A model that is spoken of."""

    source: str
    id: str
    name: str | None
    """None where no catalogue knows it."""
    mode: str | None = None
    """Upstream's word for its state in the second set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChange:
    """What happened to one filter, whose two manifests are not equal."""

    source: str
    path: str
    kind: Kind
    before: int
    """Models in the first manifest; 0 where there is none."""
    after: int
    """Models in the second one; 0 where there is none."""
    difference: Difference
    taken_down: tuple[str, ...] = ()
    """Ids of its first or second manifest that upstream has moderated in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What makes one set of the other; all parts are sorted by source, then by path or id."""

    changes: tuple[FilterChange, ...]
    unchanged: int
    """Filters whose manifests are equal."""
    added: tuple[Mention, ...]
    """Models that some manifest of the second set holds, and none of the first."""
    removed: tuple[Mention, ...]
    """Models that some manifest of the first set holds, and none of the second."""
    taken_down: tuple[Mention, ...]
    """Models in both catalogues that upstream has moderated in between."""
    names: Mapping[Key, str]
    """Source and id → name, of all models that are spoken of and known."""

    @property
    def is_none(self) -> bool:
        """Whether both sets are equal, and nothing was taken down."""
        return not (self.changes or self.taken_down)

    @property
    def kinds(self) -> Counter[Kind]:
        """How many filters came, went or changed."""
        return Counter(change.kind for change in self.changes)

    @property
    def moved(self) -> int:
        """Changes of place, over all filters."""
        return sum(len(change.difference.moved) for change in self.changes)


def compare_sets(before: Side, after: Side) -> Comparison:
    """Return what happened between two sets."""
    down = {
        each: mode for source in before.catalogues for each, mode in fallen(source, before, after)
    }
    names = {**all_names(before), **all_names(after)}
    keys = sorted(before.manifests.keys() | after.manifests.keys())
    changes = tuple(
        change(key, before.manifests.get(key), after.manifests.get(key), down)
        for key in keys
        if before.manifests.get(key) != after.manifests.get(key)
    )
    old, new = ids_of(before), ids_of(after)
    mentioned = {*(old ^ new), *down, *(key for each in changes for key in mentions(each))}
    return Comparison(
        changes=changes,
        unchanged=len(keys) - len(changes),
        added=tuple(mention(key, names) for key in sorted(new - old)),
        removed=tuple(mention(key, names) for key in sorted(old - new)),
        taken_down=tuple(mention(key, names, mode=down[key]) for key in sorted(down)),
        names={key: names[key] for key in sorted(mentioned & names.keys())},
    )


def change(
    key: Key, before: Manifest | None, after: Manifest | None, down: Mapping[Key, str]
) -> FilterChange:
    """Return what happened to one filter, of whose two manifests there is one at least."""
    old, new = (one.model_ids if one else () for one in (before, after))
    kind = Kind.CAME if before is None else Kind.WENT if after is None else Kind.CHANGED
    source, path = key
    return FilterChange(
        source=source,
        path=path,
        kind=kind,
        before=len(old),
        after=len(new),
        difference=compare(old, new),
        taken_down=tuple(id_ for id_ in dict.fromkeys((*new, *old)) if (source, id_) in down),
    )


def fallen(source: str, before: Side, after: Side) -> Iterator[tuple[Key, str]]:
    """Yield the models of one source whose mode is new, with that mode."""
    old = before.catalogues[source].models
    new = after.catalogues[source].models if source in after.catalogues else {}
    for id_ in old.keys() & new.keys():
        mode = new[id_].mode
        if mode is not None and mode != old[id_].mode:
            yield (source, id_), mode


def all_names(side: Side) -> dict[Key, str]:
    """Return the names of all models of a set, by source and id."""
    return {
        (source, id_): model.name
        for source, catalogue in side.catalogues.items()
        for id_, model in catalogue.models.items()
    }


def ids_of(side: Side) -> frozenset[Key]:
    """Return source and id of all models that some manifest holds."""
    return frozenset(
        (source, id_)
        for (source, _), manifest in side.manifests.items()
        for id_ in manifest.model_ids
    )


def mentions(change: FilterChange) -> Iterator[Key]:
    """Yield source and id of all models that a change speaks of."""
    difference = change.difference
    for id_ in (
        *(each.id for each in difference.added),
        *difference.removed,
        *(each.id for each in difference.moved),
        *change.taken_down,
    ):
        yield change.source, id_


def mention(key: Key, names: Mapping[Key, str], *, mode: str | None = None) -> Mention:
    """Return a model with its name, if it has one."""
    return Mention(source=key[0], id=key[1], name=names.get(key), mode=mode)
