"""Deal the filters of a run out to several machines, so that each listing is read by one of them.

Listings that may answer each other stay together where that keeps the shards even: a broad listing
that was read to its end spares its shard the narrower ones. The deal is rendezvous hashing with a
bound on the load (Thaler and Ravishankar 1998; Mirrokni, Thorup and Zadimoghaddam 2018), so that a
filter more or less moves few others, and every machine comes to the same.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import TypeAdapter

from manifests.errors import SettingsError
from manifests.models import Filter
from manifests.planner import plan_queries
from manifests.records import LATER
from manifests.shards import MOST_SHARDS, ShardPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from manifests.models import Query
    from manifests.planner import Plan, PlannedQuery
    from manifests.sources.base import Source
    from manifests.store.names import Key

__all__ = ["Shard", "Share", "deal", "definitions_digest", "parse_shard", "share_of"]

FILTERS: Final = TypeAdapter(list[Filter], config=LATER)


class Shard(NamedTuple):
    """One of several machines that make a run together."""

    number: int
    """From 1."""
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one shard has to make, and what a merge needs to know of it."""

    part: ShardPart
    keys: frozenset[Key]
    """Its filters."""
    only: tuple[str, ...] = ()
    """The globs that chose the filters of all shards together."""
    source: str | None = None
    """The one source that was chosen, if not all."""
    breadth: Mapping[Query, int] = field(default_factory=dict)
    """Listing → how many broader ones the run has, over all shards together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """Listings that one shard reads."""

    name: str
    planned: tuple[PlannedQuery, ...]

    def score(self, number: int) -> bytes:
        """Return how much it wants to be read by a shard."""
        return hashlib.sha256(f"{number}\n{self.name}".encode()).digest()


def parse_shard(text: str) -> Shard:
    """Return the shard in `2/4`.

    Raises:
        SettingsError: it has another form, or there is no such shard.
    """
    match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text.strip())
    shard = Shard(*map(int, match.groups())) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.of <= MOST_SHARDS:
        raise SettingsError(
            f"{text!r} is no shard",
            next_step=f"write it as 1/4, the first of four; there may be {MOST_SHARDS}",
        )
    return shard


def share_of(
    shard: Shard,
    *,
    defined: Sequence[Filter],
    chosen: Sequence[Filter],
    sources: Mapping[str, Source],
) -> Share:
    """Return what a shard has to make.

    Args:
        shard: which one of how many.
        defined: all filters.
        chosen: those of all shards together.
        sources: all sources by name.
    """
    plan = plan_queries(chosen, sources)
    dealt = deal(plan, sources, of=shard.of)
    return Share(
        part=ShardPart(number=shard.number, of=shard.of, definitions=definitions_digest(defined)),
        keys=frozenset(key for key, number in dealt.items() if number == shard.number),
        breadth={planned.query: len(planned.broader) for planned in plan.queries},
    )


def definitions_digest(defined: Iterable[Filter]) -> str:
    """Return the digest of filters as they are defined, whatever the layout of their files."""
    digest = hashlib.sha256()
    ordered = sorted(defined, key=lambda one: (one.source, one.path))
    for each in FILTERS.dump_python(ordered, mode="json"):
        document = json.dumps(each, sort_keys=True)
        digest.update(f"{document}\n".encode())
    return digest.hexdigest()


def deal(plan: Plan, sources: Mapping[str, Source], *, of: int) -> dict[Key, int]:
    """Return for each filter of *plan* the shard, from 1, that makes it.

    No shard reads more listings than its fair share and one family: the largest families are dealt
    first, each to the shard that it wants most among those with room, else to the emptiest.
    """
    fair = ceil(len(plan.queries) / of)
    units = sorted(
        _units(plan, sources, most=fair), key=lambda each: (-len(each.planned), each.name)
    )
    load = dict.fromkeys(range(1, of + 1), 0)
    dealt: dict[Key, int] = {}
    for unit in units:
        number = _taker(unit, load, fair=fair)
        load[number] += len(unit.planned)
        wanted = (each.filter for planned in unit.planned for each in planned.wanted)
        dealt |= {(each.source, each.path): number for each in wanted}
    return dealt


def _taker(unit: _Unit, load: Mapping[int, int], *, fair: int) -> int:
    """Return the shard that takes a unit."""
    roomy = [number for number, taken in load.items() if taken + len(unit.planned) <= fair]
    least = min(load.values())
    takers = roomy or [number for number, taken in load.items() if taken == least]
    return max(takers, key=unit.score)


def _units(plan: Plan, sources: Mapping[str, Source], *, most: int) -> Iterator[_Unit]:
    """Yield the families of listings; one larger than a fair share falls into its listings."""
    families: dict[object, list[PlannedQuery]] = defaultdict(list)
    for planned in plan.queries:
        query = planned.query
        families[query.source, sources[query.source].family(query)].append(planned)
    for family in families.values():
        if len(family) <= most:
            # A family's mark may be anything that can be hashed, and need not look alike elsewhere.
            yield _Unit(name=min(map(_name, family)), planned=tuple(family))
        else:
            yield from (_Unit(name=_name(each), planned=(each,)) for each in family)


def _name(planned: PlannedQuery) -> str:
    return json.dumps([planned.query.source, planned.query.parameters])
