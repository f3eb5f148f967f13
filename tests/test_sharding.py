"""Deal filters out evenly, stably, and without parting what belongs together."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import SettingsError
from manifests.filters import load_filters
from manifests.planner import plan_queries
from manifests.sharding import Shard, deal, definitions_digest, parse_shard, share_of
from manifests.shards import MOST_SHARDS
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from manifests.models import Filter
    from manifests.planner import PlannedQuery

DEFINED = load_filters(Path(__file__).parents[1] / "filters", SOURCES)
PLAN = plan_queries(DEFINED, SOURCES)

some_filters = st.lists(st.sampled_from(DEFINED), unique_by=lambda each: (each.source, each.path))


def family(planned: PlannedQuery) -> object:
    """Return what listings share that may answer each other."""
    return planned.query.source, SOURCES[planned.query.source].family(planned.query)


def shards_of(planned: PlannedQuery, dealt: dict[tuple[str, str], int]) -> set[int]:
    """Return the shards that make the filters of a listing."""
    return {dealt[each.filter.source, each.filter.path] for each in planned.wanted}


def listings(dealt: dict[tuple[str, str], int]) -> Counter[int]:
    """Return how many listings of the real definitions each shard reads."""
    return Counter(number for planned in PLAN.queries for number in shards_of(planned, dealt))


@pytest.mark.parametrize(
    ("text", "shard"),
    [("1/1", (1, 1)), ("2/4", (2, 4)), (" 4/4 ", (4, 4)), (f"256/{MOST_SHARDS}", (256, 256))],
)
def test_a_shard_is_a_number_of_a_number(text: str, shard: tuple[int, int]) -> None:
    """The first of four is 1/4, the last one 4/4."""
    assert parse_shard(text) == shard


@pytest.mark.parametrize(
    "text", ["", "0/4", "5/4", "1", "1/", "/4", "-1/4", "1/4/4", "a/b", "1/257", "1.5/4", "0/0"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    """A number that there is not, or another form, is told with an example."""
    with pytest.raises(SettingsError, match="is no shard") as refused:
        parse_shard(text)
    assert "1/4" in refused.value.next_step


@given(chosen=some_filters, of=st.integers(1, 12))
def test_each_filter_has_one_shard_and_each_listing_too(chosen: Sequence[Filter], of: int) -> None:
    """Every filter is dealt out, to a shard that there is, along with all of its listing."""
    plan = plan_queries(chosen, SOURCES)
    dealt = deal(plan, SOURCES, of=of)
    assert dealt.keys() == {(each.source, each.path) for each in chosen}
    assert set(dealt.values()) <= {*range(1, of + 1)}
    assert [len(shards_of(planned, dealt)) for planned in plan.queries] == [1] * len(plan.queries)


@given(chosen=some_filters, of=st.integers(1, 12), random=st.randoms())
def test_the_order_of_the_filters_does_not_matter(
    chosen: list[Filter], of: int, random: Random
) -> None:
    """Machines that list the same filters in another order come to the same."""
    shuffled = random.sample(chosen, len(chosen))
    one, other = plan_queries(chosen, SOURCES), plan_queries(shuffled, SOURCES)
    assert deal(one, SOURCES, of=of) == deal(other, SOURCES, of=of)


@given(chosen=some_filters, of=st.integers(1, 12))
def test_no_shard_reads_much_more_than_its_share(chosen: Sequence[Filter], of: int) -> None:
    """The fullest shard reads less than twice its fair share of listings, and one more."""
    plan = plan_queries(chosen, SOURCES)
    dealt = deal(plan, SOURCES, of=of)
    load = Counter(number for planned in plan.queries for number in shards_of(planned, dealt))
    assert max(load.values(), default=0) < 2 * len(plan.queries) / of + 1


@pytest.mark.parametrize(
    ("of", "fewest", "most"), [(1, 126, 126), (2, 63, 63), (3, 36, 48), (4, 27, 36), (8, 12, 24)]
)
def test_the_real_definitions_are_dealt_evenly(of: int, fewest: int, most: int) -> None:
    """Of 126 listings each of four shards reads 27 to 36, with whole families."""
    dealt = deal(PLAN, SOURCES, of=of)
    load = listings(dealt)
    assert (min(load.values()), max(load.values())) == (fewest, most)
    parted = {family(each): shards_of(each, dealt) for each in PLAN.queries}
    assert all(shards_of(each, dealt) == parted[family(each)] for each in PLAN.queries)


def test_a_family_larger_than_a_fair_share_is_parted() -> None:
    """Evenness goes before what a broad listing might spare: of sixteen shards none is idle."""
    load = listings(deal(PLAN, SOURCES, of=16))
    assert len(load) == 16
    assert max(load.values()) <= 8


def test_the_deal_is_the_same_tomorrow() -> None:
    """No hash that differs from process to process decides: a merge deals again."""
    dealt = deal(PLAN, SOURCES, of=4)
    assert dealt["civitai", "filter/x/week/sd21"] == 3
    assert dealt["huggingface", "filter/likes"] == dealt["huggingface", "filter/likes/small"]
    assert Counter(dealt.values()) == {1: 144, 2: 40, 3: 72, 4: 74}


def test_a_share_speaks_of_all_shards_together() -> None:
    """Its digest is that of all definitions, and its breadths those of the whole run."""
    chosen = [each for each in DEFINED if each.source == "civitai"]
    shares = [
        share_of(Shard(number, 3), defined=DEFINED, chosen=chosen, sources=SOURCES)
        for number in (1, 2, 3)
    ]
    assert sum(len(share.keys) for share in shares) == len(chosen)
    assert {share.part.definitions for share in shares} == {definitions_digest(DEFINED)}
    assert {len(share.breadth) for share in shares} == {120}
    assert [share.part.name for share in shares] == [f"shard {n} of 3" for n in (1, 2, 3)]


def test_the_digest_is_that_of_what_is_defined() -> None:
    """Another order is no change; another limit of one filter is."""
    digest = definitions_digest(DEFINED)
    assert definitions_digest(DEFINED[::-1]) == digest
    changed = replace(DEFINED[0], limit=DEFINED[0].limit + 1)
    assert definitions_digest([changed, *DEFINED[1:]]) != digest
    assert definitions_digest(DEFINED[1:]) != digest
