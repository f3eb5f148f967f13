"""Hold who is read beside whom, and that nobody keeps a place from those that it waits for."""

from __future__ import annotations

import anyio
import pytest

from manifests.models import Query
from manifests.turns import Turns, in_turn


def query(name: str, source: str = "civitai") -> Query:
    """Return a listing."""
    return Query(source=source, parameters=(("username", name),))


def names(queries: list[Query]) -> str:
    """Return what listings are called, in their order."""
    return " ".join(value for each in queries for _, value in each.parameters)


async def worked(after: dict[str, str], *, most: int) -> str:
    """Return the order in which listings are begun; *after* says of each what it waits for."""
    began: list[Query] = []

    async def work(each: Query) -> None:
        began.append(each)
        await anyio.lowlevel.checkpoint()

    jobs = {
        query(name): [query(other) for other in others.split()] for name, others in after.items()
    }
    with anyio.fail_after(5):
        await in_turn(Turns(jobs, most=most), work)
    return names(began)


@pytest.mark.parametrize(
    ("after", "order"),
    [
        ({}, ""),
        ({"a": "", "b": "", "c": ""}, "a b c"),
        ({"narrow": "broad", "narrower": "narrow broad", "broad": ""}, "broad narrow narrower"),
        ({"broad": "", "other": "", "narrow": "broad", "too": "broad"}, "broad narrow too other"),
        ({"of two": "a b", "a": "", "b": ""}, "a b of two"),
        ({"narrow": "broad broad", "broad": ""}, "broad narrow"),
        ({"narrow": "elsewhere"}, "narrow"),
    ],
)
async def test_listings_take_their_turn_after_those_they_wait_for(
    after: dict[str, str], order: str
) -> None:
    """With one place, all come in their order, but those that were waited for come first."""
    assert await worked(after, most=1) == order


def test_so_many_of_a_source_are_under_way_and_others_are_not_kept_from_it() -> None:
    """Each source has places of its own, and a place that is free is taken by the next."""
    jobs = [query(name) for name in "abc"] + [query("x", "huggingface")]
    turns = Turns(dict.fromkeys(jobs, ()), most=2)
    assert names(list(turns.begin())) == "a b x"
    assert not [*turns.begin()]
    turns.end(query("b"))
    assert names(list(turns.begin())) == "c"


def test_who_waits_has_no_place() -> None:
    """However many wait for a slow listing, others are read meanwhile."""
    jobs = {query("slow"): (), **{query(f"n{each}"): [query("slow")] for each in range(9)}}
    turns = Turns({**jobs, query("a"): (), query("b"): ()}, most=2)
    assert names(list(turns.begin())) == "slow a"
    turns.end(query("a"))
    assert names(list(turns.begin())) == "b"
    turns.end(query("slow"))
    assert names(list(turns.begin())) == "n0"


async def test_a_bug_in_one_ends_all() -> None:
    """What is no expected failure is not swallowed."""

    async def work(each: Query) -> None:
        if each == query("b"):
            raise ZeroDivisionError
        await anyio.sleep_forever()

    turns = Turns({query("a"): (), query("b"): ()}, most=2)
    with anyio.fail_after(5), pytest.raises(ExceptionGroup) as caught:
        await in_turn(turns, work)
    assert caught.group_contains(ZeroDivisionError)
