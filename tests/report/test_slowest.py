"""The listings that took longest are found by the clock on the wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.report.slowest import SlowListing, slowest
from manifests.results import QueryRecord
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.report.conftest import MakesRun


def listing(name: str, *spans: tuple[float, float]) -> QueryRecord:
    """Return a listing whose requests started at and took so many seconds."""
    return QueryRecord(
        source="civitai",
        parameters=(("nsfw", "true"), ("sort", name)),
        filters=("filter/x",),
        attempts=tuple(
            Attempt(number=1, url="any", started=started, seconds=seconds, wait=0.25)
            for started, seconds in spans
        ),
    )


def test_from_the_first_request_to_the_last_answer(make_run: MakesRun) -> None:
    """Requests under way at the same time are not added up, and waits between them count."""
    record = make_run(queries=(listing("a", (1, 2), (1.5, 4), (9, 1)),))
    assert slowest(record, most=5) == [
        SlowListing(name="civitai nsfw=true&sort=a", filters=1, requests=3, seconds=9, waited=0.75)
    ]


def test_the_order_is_always_the_same(make_run: MakesRun) -> None:
    """The slowest comes first; equals stand by their parameters, and no more than asked for."""
    queries = [listing("c", (0, 1)), listing("b", (5, 1)), listing("a"), listing("d", (0, 2))]
    for each in (queries, queries[::-1]):
        found = slowest(make_run(queries=tuple(each)), most=2)
        assert [one.name[-1] for one in found] == ["d", "b"]


def test_what_needed_no_request_took_none(make_run: MakesRun) -> None:
    """A listing that another one answered, or that kept pages answered, is not slow."""
    assert slowest(make_run(queries=(listing("a"),)), most=2) == []
