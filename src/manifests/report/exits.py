"""Name the exit codes, and decide which one a run deserves."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.results import State

if TYPE_CHECKING:
    from manifests.results import Outcome, RunRecord

__all__ = ["ExitCode", "exit_code", "failing_sources", "is_missing"]


class ExitCode(IntEnum):
    """What the shell, cron and CI learn of a run."""

    OK = 0
    """Every manifest is there, and few enough failed."""
    NOTHING_MADE = 1
    """Nothing could be made or written, or an unexpected error."""
    USAGE = 2
    """Usage or definitions are invalid; nothing was sent."""
    TOO_MANY_FAILED = 3
    """More failed than allowed, or a manifest is missing; the good ones were published."""
    SIGINT = 130
    SIGTERM = 143


def exit_code(record: RunRecord, *, max_failed: float) -> ExitCode:
    """Return the exit code of a run; *max_failed* is a share from 0 to 1 of any one source."""
    if record.ended_by in ExitCode.__members__:
        return ExitCode[record.ended_by]
    if record.refusal or any(is_refused(outcome) for outcome in record.outcomes):
        return ExitCode.NOTHING_MADE
    if is_fruitless(record):
        return ExitCode.NOTHING_MADE
    if is_incomplete(record) or failing_sources(record, max_failed=max_failed):
        return ExitCode.TOO_MANY_FAILED
    return ExitCode.OK


def is_fruitless(record: RunRecord) -> bool:
    """Tell whether nothing was made, though there was something to make."""
    # A shard may have nothing to do, where there are fewer listings than shards.
    is_idle = record.shard is not None and not record.outcomes
    return not is_idle and not any(outcome.state.is_current for outcome in record.outcomes)


def is_incomplete(record: RunRecord) -> bool:
    """Tell whether a manifest is missing, or a whole shard of a merged run."""
    lost = any(each.run is None for each in record.shards)
    return lost or any(is_missing(outcome) for outcome in record.outcomes)


def is_refused(outcome: Outcome) -> bool:
    """Tell whether the disk refused a manifest."""
    return outcome.failure is not None and outcome.failure.code is ErrorCode.STORE_ERROR


def is_missing(outcome: Outcome) -> bool:
    """Tell whether no manifest stands in the published set for a filter."""
    held_back = outcome.state is State.QUARANTINED and outcome.previous is None
    return outcome.state is State.MISSING or held_back


def failing_sources(record: RunRecord, *, max_failed: float) -> dict[str, float]:
    """Return the sources of which more filters failed than allowed, with the share."""
    shares = record.failed_share()
    return {source: share for source, share in shares.items() if share > max_failed}
