"""Hold what is folded over the outcomes of a run."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from manifests.results import Environment, Outcome, QueryRecord, RunRecord, State
from manifests.traffic import Attempt

CURRENT = {State.FRESH, State.UNCHANGED}
OUTCOMES = st.lists(
    st.builds(
        Outcome,
        source=st.sampled_from(["civitai", "huggingface"]),
        filter=st.just("filter/a"),
        state=st.sampled_from(State),
    )
)


def record(*outcomes: Outcome, queries: tuple[QueryRecord, ...] = ()) -> RunRecord:
    """Return the record of a run with some outcomes."""
    return RunRecord(
        run="a run",
        started="2026-11-21T00:00:00Z",
        seconds=0,
        environment=Environment(tool="0", python="0", platform="any", auth={}, endpoints={}),
        outcomes=outcomes,
        queries=queries,
    )


def test_a_run_of_nothing_has_no_share_of_failures() -> None:
    """No source is divided by."""
    assert record().failed_share() == {}
    assert (record().requests, record().failures, record().counts) == (0, (), Counter())


@given(outcomes=OUTCOMES)
def test_the_folds_add_up(outcomes: list[Outcome]) -> None:
    """Each outcome is counted once; what is not current has failed, in its own source."""
    run = record(*outcomes)
    assert sum(run.counts.values()) == len(outcomes)
    assert len(run.failures) == sum(run.counts[state] for state in set(State) - CURRENT)
    assert run.failed_share().keys() == {outcome.source for outcome in outcomes}
    for source, share in run.failed_share().items():
        own = [outcome.state for outcome in outcomes if outcome.source == source]
        assert share == sum(state not in CURRENT for state in own) / len(own)


def test_requests_are_counted_over_all_listings() -> None:
    """Each attempt is a request, also one that failed."""
    attempt = Attempt(number=1, url="any", started=0, seconds=0)
    queries = tuple(
        QueryRecord(source="civitai", parameters=(), filters=(), attempts=(attempt,) * count)
        for count in (0, 1, 3)
    )
    assert record(queries=queries).requests == 4


def test_a_record_knows_its_fields() -> None:
    """What a report is made of can't be misspelt by its maker."""
    with pytest.raises(ValidationError):
        RunRecord.model_validate({**record().model_dump(), "runs": "a run"})


def test_a_record_carries_the_number_of_its_schema() -> None:
    """A reader of the JSON knows what it reads."""
    assert record().model_dump(by_alias=True)["schema"] == 1
