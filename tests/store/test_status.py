"""What a run makes of the freshness of each filter."""

from __future__ import annotations

import pytest

from manifests.errors import ErrorCode
from manifests.results import Failure, Outcome, State
from manifests.store.status import FilterStatus, Freshness, fold, next_status

FRESH = FilterStatus(state="fresh", last_success="mon")
STALE = FilterStatus(
    state="stale",
    last_success="mon",
    stale_since="tue",
    code=ErrorCode.TIMEOUT,
    consecutive_failures=1,
)


def outcome(state: State, code: ErrorCode | None = None, path: str = "filter/x") -> Outcome:
    """Return what became of a filter."""
    failure = Failure(code=code, cause="it failed", next_step="wait") if code else None
    return Outcome(source="civitai", filter=path, state=state, failure=failure)


@pytest.mark.parametrize("previous", [None, FRESH, STALE])
@pytest.mark.parametrize("state", [State.FRESH, State.UNCHANGED])
def test_a_success_clears_all_that_was(previous: FilterStatus | None, state: State) -> None:
    """A manifest that was made is fresh from now on, whether its bytes are new or not."""
    status = next_status(previous, outcome(state), now="wed")
    assert status == FilterStatus(state="fresh", last_success="wed")


@pytest.mark.parametrize(
    ("state", "expected"),
    [(State.STALE, "stale"), (State.QUARANTINED, "quarantined"), (State.MISSING, "missing")],
)
@pytest.mark.parametrize(
    ("previous", "last_success", "since", "failures"),
    [(None, None, "wed", 1), (FRESH, "mon", "wed", 1), (STALE, "mon", "tue", 2)],
)
def test_a_failure_dates_from_the_first(
    *,
    state: State,
    expected: Freshness,
    previous: FilterStatus | None,
    last_success: str | None,
    since: str,
    failures: int,
) -> None:
    """A failure keeps the last success and the date of the first failure, and is counted."""
    status = next_status(previous, outcome(state, ErrorCode.API_ERROR), now="wed")
    assert status == FilterStatus(
        state=expected,
        last_success=last_success,
        stale_since=since,
        code=ErrorCode.API_ERROR,
        consecutive_failures=failures,
    )


def test_an_unexplained_failure_has_no_code() -> None:
    """Without a failure beside it, an outcome that is not current has no code to tell."""
    assert next_status(FRESH, outcome(State.STALE), now="wed").code is None


def test_other_filters_keep_their_entry() -> None:
    """A run changes the entries of its own filters only, and not those it was given."""
    before = {"civitai:filter/x": STALE, "civitai:filter/r": STALE}
    after = fold(before, [outcome(State.FRESH)], now="wed")
    assert after["civitai:filter/r"] == STALE
    assert after["civitai:filter/x"].state == "fresh"
    assert before["civitai:filter/x"] == STALE
