"""What a run says it came to is what became of its filters, requests and models."""

from __future__ import annotations

import pytest

from manifests.accounting import EXAMPLES, Stock, changes_of, take_stock, totals_of
from manifests.errors import ErrorCode
from manifests.models import Catalogue, Model
from manifests.results import (
    Environment,
    Failure,
    ModelChanges,
    Outcome,
    QueryRecord,
    RunRecord,
    State,
    Totals,
)
from manifests.store.published import Published
from manifests.store.status import FilterStatus, Freshness, Status
from manifests.traffic import Attempt

DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")
NONE = Stock(counts={})


def outcome(path: str, state: State) -> Outcome:
    """Return what became of a filter."""
    failure = None if state.is_current else DOWN
    return Outcome(source="civitai", filter=path, state=state, failure=failure)


def catalogue(*ids: str) -> Catalogue:
    """Return the catalogue of some models."""
    models = {id_: Model(id=id_, source="civitai", slug=id_, name="any") for id_ in ids}
    return Catalogue(source="civitai", models=models)


def status(**states: Freshness) -> Published:
    """Return what the last run left: a state for each filter."""
    filters = {f"civitai:{path}": FilterStatus(state=state) for path, state in states.items()}
    return Published(
        status=Status(run="before", tool="0", updated="any", auth={}, upstream={}, filters=filters)
    )


def test_totals() -> None:
    """Every filter and every request is counted once; a retry is a request too."""
    attempts = tuple(
        Attempt(number=number, url="any", started=0, seconds=0, bytes=size, wait=wait)
        for number, size, wait in [(1, 10, 0.1), (2, 20, 0.2), (1, 5, 0)]
    )
    query = QueryRecord(source="civitai", parameters=(), filters=(), attempts=attempts)
    record = RunRecord(
        run="any",
        started="2026-08-01T12:00:00Z",
        seconds=1,
        environment=Environment(tool="0", python="3", platform="any", auth={}, endpoints={}),
        outcomes=(outcome("a", State.STALE), outcome("b", State.FRESH), outcome("c", State.STALE)),
        queries=(query, query.model_copy(update={"attempts": ()})),
    )
    assert totals_of(record, {"civitai": 7}) == Totals(
        states={State.FRESH: 1, State.STALE: 2},
        requests=3,
        retries=1,
        bytes=35,
        waited=0.3,
        models={"civitai": 7},
        codes={ErrorCode.API_ERROR: 2},
    )


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ("fresh", State.STALE, "failing"),
        ("fresh", State.QUARANTINED, "failing"),
        ("fresh", State.UNCHANGED, "same"),
        ("stale", State.FRESH, "fixed"),
        ("quarantined", State.UNCHANGED, "fixed"),
        ("missing", State.FRESH, "fixed"),
        ("missing", State.STALE, "same"),
        ("stale", State.QUARANTINED, "same"),
    ],
)
def test_newly_failing_and_newly_fixed(then: Freshness, now: State, expected: str) -> None:
    """What was current and is not, or the reverse, is new; all else is as it was."""
    found = changes_of([outcome("a", now)], before=status(a=then), stock=NONE)
    assert found is not None
    assert found.since == "before"
    assert (found.newly_failing, found.newly_fixed) == (
        ("civitai:a",) if expected == "failing" else (),
        ("civitai:a",) if expected == "fixed" else (),
    )


def test_a_new_filter_is_neither() -> None:
    """Of a filter that no run has tried before nothing is new but itself."""
    found = changes_of([outcome("b", State.MISSING)], before=status(a="fresh"), stock=NONE)
    assert found is not None
    assert (found.newly_failing, found.newly_fixed) == ((), ())


def test_a_first_run_changes_nothing() -> None:
    """Where no run has left anything, there is nothing to compare with."""
    assert changes_of([outcome("a", State.FRESH)], before=Published(), stock=NONE) is None


def test_models_that_came_and_went() -> None:
    """Catalogues are compared by id: counts are whole, examples the first of them."""
    many = [f"{n:03}" for n in range(50)]
    before = {"civitai": catalogue("a", *many), "gone": catalogue("x"), "same": catalogue("y")}
    after = {"civitai": catalogue("a", "b"), "new": catalogue("z"), "same": catalogue("y")}
    stock = take_stock(before, after)
    assert stock.counts == {"civitai": 2, "new": 1, "same": 1}
    assert stock.changes == {
        "civitai": ModelChanges(
            added=1, removed=50, examples_added=("b",), examples_removed=tuple(many[:EXAMPLES])
        ),
        "gone": ModelChanges(added=0, removed=1, examples_removed=("x",)),
        "new": ModelChanges(added=1, removed=0, examples_added=("z",)),
    }
