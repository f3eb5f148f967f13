"""Hold what the record of a run claims: never more than stands on the disk."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import SecretStr

from manifests.assembly import Made
from manifests.errors import ErrorCode, StoreError
from manifests.listings import Candidate, Listing
from manifests.models import Filter, Manifest, Query
from manifests.planner import PlannedQuery
from manifests.reading import ReadQuery
from manifests.recording import (
    believable,
    environment,
    iso,
    next_published_status,
    refuse,
    run_id,
    settle,
)
from manifests.results import Environment, Failure, Funnel, Outcome, RunRecord, State
from manifests.settings import Access
from manifests.sources import SOURCES
from manifests.store.published import Published
from manifests.store.status import FilterStatus, Status
from manifests.store.verdict import GateRule, Verdict
from manifests.traffic import Attempt

INFOS = {name: source.info for name, source in SOURCES.items()}
INFO = INFOS["civitai"]
NOW = "2026-11-21T09:30:00Z"
DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")
DOUBT = Verdict(
    source="civitai",
    filter="filter/a",
    rule=GateRule.EMPTY,
    cause="empty",
    next_step="look at it",
    evidence={},
)
TIME = DOUBT.model_copy(update={"accepted": "three runs came to the same"})
FULL = StoreError("the disk is full", next_step="free space")


def manifest(*ids: str, path: str = "filter/a") -> Manifest:
    """Return a manifest."""
    return Manifest(
        source="civitai",
        filter=path,
        label="any",
        models_file=INFO.models_file,
        model_ids=ids,
        complete=True,
    )


def made(candidate: Manifest | None) -> Made:
    """Return what reading came to for one filter, after two attempts."""
    filter_ = Filter(source="civitai", path="filter/a", label="any", limit=3, sort="any")
    query = Query(source="civitai", parameters=())
    attempts = [
        Attempt(number=n, url="any", started=0, seconds=0, wait=wait)
        for n, wait in [(1, 0.1), (2, 0.2)]
    ]
    return Made(
        filter=filter_,
        read=ReadQuery(
            planned=PlannedQuery(query=query, wanted=()),
            listing=Listing(query=query, entries=(), ended=True),
            attempts=attempts,
        ),
        candidate=None if candidate is None else candidate_of(filter_, candidate),
        failure=None if candidate else DOWN,
    )


def candidate_of(filter_: Filter, found: Manifest) -> Candidate:
    """Return a candidate that kept all of its models."""
    funnel = Funnel(fetched=3, kept=len(found.model_ids))
    return Candidate(filter=filter_, manifest=found, funnel=funnel)


def published(*manifests: Manifest, status: Status | None = None) -> Published:
    """Return what stood in the folder."""
    return Published(manifests={(one.source, one.filter): one for one in manifests}, status=status)


FILE = "civitai-filter-a.json"


@pytest.mark.parametrize(
    ("candidate", "before", "doubt", "changed", "state", "failure"),
    [
        (None, None, None, (), State.MISSING, DOWN),
        (None, manifest("1"), None, (), State.STALE, DOWN),
        (manifest(), None, DOUBT, (), State.QUARANTINED, DOUBT.failure),
        (manifest(), manifest("1"), DOUBT, (), State.QUARANTINED, DOUBT.failure),
        (manifest(), manifest("1"), TIME, (FILE,), State.FRESH, None),
        (manifest("1"), manifest("1"), None, (), State.UNCHANGED, None),
        (manifest("1"), manifest("2"), None, (FILE,), State.FRESH, None),
        (manifest("1"), None, None, (FILE,), State.FRESH, None),
        (manifest("1"), manifest("1"), None, ("civitai-models.json",), State.UNCHANGED, None),
    ],
)
def test_what_became_of_a_filter(
    *,
    candidate: Manifest | None,
    before: Manifest | None,
    doubt: Verdict | None,
    changed: tuple[str, ...],
    state: State,
    failure: Failure | None,
) -> None:
    """The state is what stands in the published set; the failure says why it is nothing newer."""
    stood = published(*([before] if before else []))
    outcome = settle(made(candidate), INFO, stood, doubt=doubt, changed=changed)
    assert (outcome.state, outcome.failure) == (state, failure)
    assert outcome.count == (None if candidate is None else len(candidate.model_ids))
    assert outcome.previous == (None if before is None else len(before.model_ids))
    assert (outcome.complete, outcome.funnel is None) == (
        (None, True) if candidate is None else (True, False)
    )
    assert (outcome.attempts, outcome.waited) == (2, 0.3)
    assert outcome.accepted == (doubt.accepted if doubt else None)


def record(*outcomes: Outcome) -> RunRecord:
    """Return the record of a run."""
    return RunRecord(
        run="a run",
        started=NOW,
        seconds=0,
        environment=Environment(
            tool="1",
            python="3",
            platform="any",
            auth={"civitai": "token"},
            endpoints={"civitai": "e"},
        ),
        outcomes=outcomes,
        queries=(),
    )


def outcome(path: str, state: State, previous: int | None = 1) -> Outcome:
    """Return an outcome."""
    return Outcome(source="civitai", filter=path, state=state, previous=previous)


def test_a_refusal_is_told_of_each_file_that_is_not_in_place() -> None:
    """What was replaced before the disk refused is new, whatever became of the rest."""
    run = record(
        outcome("filter/a", State.FRESH),
        outcome("filter/b", State.FRESH),
        outcome("filter/c", State.FRESH, previous=None),
        outcome("filter/d", State.UNCHANGED),
        outcome("filter/e", State.STALE),
    )
    told = refuse(run, FULL, infos=INFOS, written=("civitai-models.json", FILE))
    failure = Failure(code=ErrorCode.STORE_ERROR, cause="the disk is full", next_step="free space")
    assert [(one.state, one.failure) for one in told.outcomes] == [
        (State.FRESH, None),
        (State.STALE, failure),
        (State.MISSING, failure),
        (State.UNCHANGED, None),
        (State.STALE, None),
    ]
    assert told.refusal == failure
    assert told.written == ("civitai-models.json", FILE)


def test_a_refusal_of_the_status_alone_is_not_lost() -> None:
    """A run in which every manifest is as it was still says that the disk refused."""
    told = refuse(record(outcome("filter/a", State.UNCHANGED)), FULL, infos=INFOS, written=())
    assert told.outcomes[0].state is State.UNCHANGED
    assert told.refusal is not None
    assert told.refusal.code is ErrorCode.STORE_ERROR


def test_the_next_status_forgets_only_what_is_gone_for_good() -> None:
    """Filters of other runs keep their entry while they are defined or published."""
    old = FilterStatus(state="stale", last_success="long ago", consecutive_failures=2)
    keys = ["filter/a", "filter/defined", "filter/published", "filter/gone"]
    before = Status(
        run="old",
        tool="0",
        updated="long ago",
        auth={},
        upstream={},
        filters={f"civitai:{path}": old for path in keys},
    )
    status = next_published_status(
        record(outcome("filter/a", State.FRESH)),
        published(manifest(path="filter/published"), status=before),
        defined={("civitai", "filter/a"), ("civitai", "filter/defined")},
        now=NOW,
    )
    assert dict(status.filters) == {
        "civitai:filter/a": FilterStatus(state="fresh", last_success=NOW),
        "civitai:filter/defined": old,
        "civitai:filter/published": old,
    }
    assert (status.run, status.tool, status.updated) == ("a run", "1", NOW)
    assert (status.auth, status.upstream) == ({"civitai": "token"}, {"civitai": "e"})


def test_the_first_status_has_no_past() -> None:
    """Without a file to go on, this run's outcomes are all that is known."""
    status = next_published_status(
        record(outcome("filter/a", State.MISSING)),
        published(),
        defined={("civitai", "filter/a")},
        now=NOW,
    )
    assert status.filters["civitai:filter/a"].stale_since == NOW


def test_the_environment_names_no_secret() -> None:
    """It says as whom each source was asked, and never with which token."""
    found = environment(
        {
            "civitai": Access(endpoint="https://a.example", token=SecretStr("a-secret-token")),
            "huggingface": Access(endpoint="https://b.example"),
        }
    )
    assert found.auth == {"civitai": "token", "huggingface": "anonymous"}
    assert found.endpoints["huggingface"] == "https://b.example"
    assert "secret" not in found.model_dump_json()


def test_run_ids_sort_by_their_start() -> None:
    """In whatever zone the clock is, and with a tail that parts runs of one second."""
    zone = timezone(timedelta(hours=2))
    moments = [datetime(2026, 11, 21, 9, 30, 0, second, tzinfo=UTC) for second in (0, 1)]
    later = datetime(2026, 11, 21, 11, 30, 1, tzinfo=zone)
    chance = random.Random(7)
    ids = [run_id(moment, chance) for moment in (*moments, later)]
    assert [one[:17] for one in ids] == [*["20261121T093000Z-"] * 2, "20261121T093001Z-"]
    assert len(set(ids)) == 3
    assert {len(one) for one in ids} == {21}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC), "2026-01-02T03:04:05Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-5))),
            "2026-01-02T08:04:05Z",
        ),
    ],
)
def test_moments_are_written_in_utc(moment: datetime, text: str) -> None:
    """To the second, and with the zone that all share."""
    assert iso(moment) == text


@pytest.mark.parametrize(
    ("text", "believed"),
    [
        ("2026-11-21T09:30:00Z", True),
        ("2026-11-21T09:30:00+02:00", True),
        ("2026-11-21T09:30:00", False),
        ("yesterday", False),
        ("", False),
        (None, False),
    ],
)
def test_a_moment_that_somebody_else_wrote(text: str | None, *, believed: bool) -> None:
    """What status.json calls a time goes into the record only when it is one, with its zone."""
    assert believable(text) == (text if believed else None)
