"""Runs for reports to tell: one in which everything happened, and ones made to measure."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import pytest

from manifests.errors import ErrorCode
from manifests.results import Environment, Failure, Outcome, RunRecord, State

EVENTFUL = Path(__file__).parents[1] / "data" / "eventful-run.json"


class MakesRun(Protocol):
    """Makes the record of a run."""

    def __call__(self, *outcomes: Outcome, **fields: object) -> RunRecord:
        """Return it, with *fields* in place of what is usual."""
        ...


class MakesFailed(Protocol):
    """Makes outcomes that failed."""

    def __call__(
        self,
        *paths: str,
        source: str = "civitai",
        state: State = State.STALE,
        code: ErrorCode = ErrorCode.API_ERROR,
        cause: str = "HTTP 503: upstream is ill",
        next_step: str = "run it again",
    ) -> list[Outcome]:
        """Return one for each path."""
        ...


@pytest.fixture(scope="session")
def eventful() -> RunRecord:
    """A run in which everything happened."""
    return RunRecord.model_validate_json(EVENTFUL.read_bytes())


@pytest.fixture(scope="session")
def make_run() -> MakesRun:
    """A maker of run records."""

    def make(*outcomes: Outcome, **fields: object) -> RunRecord:
        usual = RunRecord(
            run="20260801T120000Z-0000",
            started="2026-08-01T12:00:00Z",
            seconds=12.4,
            environment=Environment(tool="0", python="3", platform="any", auth={}, endpoints={}),
            outcomes=outcomes,
            queries=(),
        )
        return usual.model_copy(update=fields)

    return make


@pytest.fixture(scope="session")
def make_failed() -> MakesFailed:
    """A maker of outcomes that failed."""

    def make(
        *paths: str,
        source: str = "civitai",
        state: State = State.STALE,
        code: ErrorCode = ErrorCode.API_ERROR,
        cause: str = "HTTP 503: upstream is ill",
        next_step: str = "run it again",
    ) -> list[Outcome]:
        failure = Failure(code=code, cause=cause, next_step=next_step)
        return [
            Outcome(source=source, filter=path, state=state, failure=failure, previous=3)
            for path in paths
        ]

    return make
