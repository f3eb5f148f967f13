"""Say what to type or do next about each failure of a fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.results import Failure

if TYPE_CHECKING:
    from manifests.fetch.signals import Signal
    from manifests.sources.base import SourceInfo

__all__ = ["exhausted", "give_up"]

NEXT_STEPS = {
    ErrorCode.NETWORK_ERROR: "check the network, the proxy and {endpoint_variable}, then run again",
    ErrorCode.TIMEOUT: "run again later; with a slow network, fewer at once: --fixed 2/200ms",
    ErrorCode.RATE_LIMIT: "run again later, or with a token of your own in {token_variable}",
    ErrorCode.API_ERROR: "upstream is ill: run again later; what was published stays",
    ErrorCode.AUTH_ERROR: "put a valid token into {token_variable}, or unset it",
    ErrorCode.VALIDATION_ERROR: "mend the filter's definition: upstream refuses its parameters",
    ErrorCode.NOT_FOUND: "check the names in the filter's definition and {endpoint_variable}",
    ErrorCode.REGION_BLOCKED: "run from another region: upstream answers none in this one",
    ErrorCode.MALFORMED_RESPONSE: "run again later; see the answer with: manifests test-filter",
    ErrorCode.CHALLENGE: "wait an hour, or run from another address with {token_variable} set",
    ErrorCode.PAGE_CAP: "remove `page` from the filter's parameters",
}


def give_up(signal: Signal, info: SourceInfo) -> Failure:
    """Return the failure of a page whose attempt won't be repeated."""
    code = signal.code or ErrorCode.API_ERROR
    return Failure(
        code=code,
        cause=signal.cause,
        next_step=next_step(code, info),
        status=signal.status,
    )


def exhausted(signal: Signal, info: SourceInfo, *, attempts: int) -> Failure:
    """Return the failure of a page whose every allowed attempt failed."""
    code = signal.code or ErrorCode.API_ERROR
    return Failure(
        code=ErrorCode.MAX_RETRIES_EXCEEDED,
        cause=f"{attempts} attempts failed, the last with {signal.cause}",
        next_step=next_step(code, info),
        status=signal.status,
        last_code=code,
    )


def next_step(code: ErrorCode, info: SourceInfo) -> str:
    """Return what to do about a failure, in terms of its source's variables."""
    words = NEXT_STEPS.get(code, NEXT_STEPS[ErrorCode.API_ERROR])
    return words.format(
        endpoint_variable=info.endpoint_variable, token_variable=info.token_variable
    )
