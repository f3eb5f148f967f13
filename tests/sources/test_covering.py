"""Which listings cover which: found out by values, it is the same as trying each with each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.models import Query
from manifests.sources import SOURCES
from manifests.sources.base import Source
from manifests.sources.covering import MOST_TAGS

KINDS = st.frozensets(st.sampled_from(["Checkpoint", "LORA", "VAE"]), max_size=3)
BASES = st.frozensets(st.sampled_from(["Pony", "SD 1.5", "SD 2.1"]), max_size=3)
TAGS = [*(f"license:{number}" for number in range(MOST_TAGS + 2)), "text-generation"]


def civitai(sort: str, types: frozenset[str], bases: frozenset[str]) -> Query:
    """Return a listing of CivitAI's."""
    pairs = {("sort", sort), *(("types", each) for each in types)}
    pairs |= {("baseModels", each) for each in bases}
    return Query(source="civitai", parameters=tuple(sorted(pairs)))


def huggingface(tags: frozenset[str]) -> Query:
    """Return a listing of Hugging Face's."""
    pairs = tuple(sorted(("filter", each) for each in tags))
    return Query(source="huggingface", parameters=(*pairs, ("sort", "likes")))


CIVITAI = st.lists(
    st.builds(civitai, st.just("Most Downloaded"), KINDS, BASES), unique=True, max_size=12
)
NEWEST = st.lists(st.builds(civitai, st.just("Newest"), KINDS, BASES), unique=True, max_size=4)
HUGGING_FACE = st.lists(
    st.builds(
        huggingface,
        st.frozensets(st.sampled_from(TAGS), max_size=3)
        | st.frozensets(st.sampled_from(TAGS), min_size=MOST_TAGS),
    ),
    unique=True,
    max_size=12,
)


@given(family=CIVITAI | NEWEST | HUGGING_FACE)
def test_the_quick_way_finds_the_same(family: list[Query]) -> None:
    """All pairs that `covers` says yes to, and no others, in the order of the family."""
    for name in {query.source for query in family}:
        source = SOURCES[name]
        assert source.broader(family) == Source.broader(source, family)
