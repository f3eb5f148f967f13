"""Sorting by id: what is thrown in comes out, the last of each id, and nothing is mixed up."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.store.buckets import FULL, Buckets
from manifests.store.parts import MOST_PARTS, part_of
from manifests.store.spool import Spool

IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
ITEMS = st.tuples(st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=9))


@given(st.lists(st.tuples(IDS, ITEMS), max_size=30))
def test_the_last_word_counts(given_: list[tuple[str, tuple[bytes | None, bytes | None]]]) -> None:
    """Of several items of one id the last that is known comes out, from the bucket of its id."""
    buckets = Buckets(Spool())
    wanted: dict[str, tuple[bytes | None, bytes | None]] = {}
    for id_, (model, stats) in given_:
        buckets.add(id_, model, stats)
        before = wanted.get(id_, (None, None))
        wanted[id_] = (model or before[0], stats or before[1])
    found = {
        id_: [tuple(item or None for item in items)]
        for number in range(MOST_PARTS)
        for id_, items in buckets.bucket(number).items()
        if part_of(id_, MOST_PARTS) == number
    }
    assert found == {id_: [tuple(item or None for item in pair)] for id_, pair in wanted.items()}
    sizes = {id_: len(model) for id_, (model, _) in wanted.items() if model}
    counted = [buckets.model_sizes(number) for number in range(MOST_PARTS)]
    assert {id_: size for each in counted for id_, size in each.items()} == sizes
    assert (buckets.size >= sum(sizes.values()), len(buckets)) == (True, len(given_))


def test_a_full_bucket_goes_to_the_spool() -> None:
    """More than a bucket holds in memory comes back all the same, in the order of its coming."""
    spool = Spool()
    buckets = Buckets(spool)
    body = b"x" * (FULL // 2)
    for word in (b"first", b"second", b"third"):
        buckets.add("1", body + word, None)
    assert spool.put(b"").start > FULL
    assert buckets.bucket(part_of("1", MOST_PARTS)) == {"1": (body + b"third", None)}
    assert buckets.model_sizes(part_of("1", MOST_PARTS)) == {"1": len(body) + len("third")}
