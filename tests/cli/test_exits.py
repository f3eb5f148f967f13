"""Outcomes decide the exit code, errors leave with theirs, and both are told in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.cli.exits import errors_reported
from manifests.errors import (
    DefinitionError,
    ErrorCode,
    ManifestsError,
    SettingsError,
    StoreError,
)
from manifests.report.exits import ExitCode, exit_code, failing_sources, is_missing
from manifests.results import Failure, State

if TYPE_CHECKING:
    from tests.cli.conftest import MakesOutcome, MakesRecord

    from manifests.stopping import EndedBy

FRESH, SAME, STALE = State.FRESH, State.UNCHANGED, State.STALE
HELD, MISSING = State.QUARANTINED, State.MISSING


@pytest.mark.parametrize(
    ("states", "previous", "code"),
    [
        ([FRESH], None, ExitCode.OK),
        ([SAME] * 9 + [STALE], 5, ExitCode.OK),
        ([SAME] * 9 + [HELD], 5, ExitCode.OK),
        ([SAME] * 8 + [STALE, HELD], 5, ExitCode.TOO_MANY_FAILED),
        ([SAME] * 99 + [MISSING], None, ExitCode.TOO_MANY_FAILED),
        ([SAME] * 99 + [HELD], None, ExitCode.TOO_MANY_FAILED),
        ([STALE] * 3, 5, ExitCode.NOTHING_MADE),
        ([HELD] * 3, 5, ExitCode.NOTHING_MADE),
        ([MISSING], None, ExitCode.NOTHING_MADE),
        ([], None, ExitCode.NOTHING_MADE),
    ],
    ids=[
        "all fresh",
        "as many stale as allowed",
        "as many quarantined as allowed",
        "one more than allowed",
        "one missing is one too many",
        "quarantined without history is missing",
        "all stale",
        "all quarantined",
        "all missing",
        "nothing at all",
    ],
)
def test_outcomes_decide(
    states: list[State],
    previous: int | None,
    code: ExitCode,
    make_outcome: MakesOutcome,
    make_record: MakesRecord,
) -> None:
    """A run is well when every manifest is there and at most the allowed share failed."""
    record = make_record(*(make_outcome(state, previous=previous) for state in states))
    assert exit_code(record, max_failed=0.1) is code


def test_each_source_is_judged_alone(make_outcome: MakesOutcome, make_record: MakesRecord) -> None:
    """A small source that is down is not hidden by a large one that is well."""
    well = [make_outcome(FRESH) for _ in range(299)]
    ill = [make_outcome(STALE, source="huggingface", previous=5) for _ in range(31)]
    record = make_record(*well, *ill)
    assert exit_code(record, max_failed=0.1) is ExitCode.TOO_MANY_FAILED
    assert failing_sources(record, max_failed=0.1) == {"huggingface": 1.0}
    assert exit_code(record, max_failed=1.0) is ExitCode.OK


@pytest.mark.parametrize(("percent", "failed"), [(p, n) for p in (7, 10, 29, 57) for n in (0, 1)])
def test_the_share_itself_is_allowed(
    percent: int, failed: int, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """Exactly the allowed share is allowed, whatever binary makes of it; one more is not."""
    states = [STALE] * (percent + failed) + [SAME] * (100 - percent - failed)
    record = make_record(*(make_outcome(state, previous=5) for state in states))
    wanted = ExitCode.TOO_MANY_FAILED if failed else ExitCode.OK
    assert exit_code(record, max_failed=percent / 100) is wanted


@pytest.mark.parametrize(
    ("ended_by", "code"),
    [("SIGINT", 130), ("SIGTERM", 143), ("deadline", 0), ("completion", 0)],
)
def test_signals_come_first(
    ended_by: EndedBy, code: int, make_outcome: MakesOutcome, make_record: MakesRecord
) -> None:
    """A signal has its own code whatever was made; a deadline is judged by the outcomes."""
    record = make_record(make_outcome(FRESH), ended_by=ended_by)
    assert exit_code(record, max_failed=0.1) == code


def test_a_refusing_disk_is_an_error(make_outcome: MakesOutcome, make_record: MakesRecord) -> None:
    """When the disk refuses even one manifest, nothing that the run made is there."""
    full = Failure(code=ErrorCode.STORE_ERROR, cause="disk full", next_step="make room")
    outcomes = [make_outcome(SAME), make_outcome(STALE, previous=5, failure=full)]
    assert exit_code(make_record(*outcomes), max_failed=1.0) is ExitCode.NOTHING_MADE


@pytest.mark.parametrize(
    ("state", "previous", "missing"),
    [(MISSING, None, True), (HELD, None, True), (HELD, 5, False), (STALE, 5, False)],
)
def test_missing(
    state: State, previous: int | None, make_outcome: MakesOutcome, *, missing: bool
) -> None:
    """A manifest is missing where none stands, for whatever reason."""
    assert is_missing(make_outcome(state, previous=previous)) is missing


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (
            DefinitionError(["a.toml: one", "a.toml: two"], next_step="mend them"),
            2,
            "error: a.toml: one\nerror: a.toml: two\nnext: mend them\n",
        ),
        (SettingsError("'x' is no pace"), 2, "error: 'x' is no pace\n"),
        (
            StoreError("disk full", next_step="make room"),
            1,
            "error: disk full\nnext: make room\n",
        ),
        (ManifestsError("odd"), 1, "error: odd\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_errors_are_reported(
    error: BaseException, code: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An expected error is said line by line with what to do, without a traceback."""
    with pytest.raises(SystemExit) as ended, errors_reported():
        raise error
    assert ended.value.code == code
    assert capsys.readouterr() == ("", printed)


def test_bugs_escape() -> None:
    """What nobody expected keeps its traceback."""
    with pytest.raises(ZeroDivisionError), errors_reported():
        raise ZeroDivisionError
