"""What a run makes of the freshness of each filter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from manifests.errors import ErrorCode
from manifests.results import Failure, Outcome, State
from manifests.store.status import FilterStatus, Freshness, Status, ages, fold, next_status

if TYPE_CHECKING:
    from tests.store.conftest import MakeManifest

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


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def status(**filters: FilterStatus) -> Status:
    """Return a status that knows so many filters of CivitAI, by the last segment of their path."""
    known = {f"civitai:filter/{name}": each for name, each in filters.items()}
    return Status(run="r", tool="1", updated="now", auth={}, upstream={}, filters=known)


@pytest.mark.parametrize(
    ("last_success", "seconds", "doubt"),
    [
        ("2026-11-21T11:00:00Z", 3600.0, None),
        ("2026-11-21T11:00:00", 3600.0, None),
        ("2026-11-21T13:00:00+01:00", 0.0, None),
        ("2026-11-21T12:05:00Z", 0.0, None),
        ("2026-11-21T12:05:01Z", None, "was the clock set back?"),
        ("2031-01-01T00:00:00Z", None, "its last success, 2031-01-01T00:00:00Z, lies ahead"),
        ("yesterday", None, "its last success, 'yesterday', is no time"),
        (None, None, None),
    ],
)
def test_an_age_is_believed_if_it_can_be(
    make_manifest: MakeManifest,
    last_success: str | None,
    seconds: float | None,
    doubt: str | None,
) -> None:
    """A success in the future is named and makes nothing fresh; clocks may differ by minutes."""
    manifests = {("civitai", "filter/x"): make_manifest("civitai", "filter/x", "1", "2")}
    known = FilterStatus(state="fresh", last_success=last_success)
    (age,) = ages(status(x=known), manifests, now=NOW)
    assert (age.source, age.path, age.state, age.count) == ("civitai", "filter/x", "fresh", 2)
    assert (age.seconds, age.status) == (seconds, known)
    assert (doubt or "") in (age.doubt or "")
    assert (age.doubt is None) is (doubt is None)
    assert age.is_older(3600) is (seconds is None)
    assert age.is_older(3599) is (seconds != 0)


def test_what_is_published_counts(make_manifest: MakeManifest) -> None:
    """A manifest without a status is of unknown age; a status without a manifest is missing."""
    recent = FilterStatus(state="fresh", last_success="2026-11-21T11:59:00Z")
    stale = FilterStatus(state="quarantined", last_success="2026-11-20T12:00:00Z")
    manifests = {
        key: make_manifest(*key)
        for key in [
            ("huggingface", "filter/likes"),
            ("civitai", "filter/unheard"),
            ("civitai", "filter/stale"),
        ]
    }
    found = ages(status(gone=recent, stale=stale), manifests, now=NOW)
    assert [(age.source, age.path, age.state, age.count, age.seconds) for age in found] == [
        ("civitai", "filter/gone", "missing", None, 60.0),
        ("civitai", "filter/stale", "quarantined", 0, 86_400.0),
        ("civitai", "filter/unheard", "unknown", 0, None),
        ("huggingface", "filter/likes", "unknown", 0, None),
    ]
    assert [age.path for age in found if not age.is_older(100_000)] == ["filter/stale"]


def test_without_a_status_all_ages_are_unknown(make_manifest: MakeManifest) -> None:
    """A lost `status.json` makes nothing fresh, and an empty folder has no ages."""
    assert ages(None, {}, now=NOW) == ()
    manifests = {("civitai", "filter/x"): make_manifest("civitai", "filter/x")}
    (age,) = ages(None, manifests, now=NOW)
    assert (age.state, age.seconds, age.status) == ("unknown", None, None)
