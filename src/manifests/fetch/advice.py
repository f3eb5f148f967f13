"""Say what to type or do next about each failure of a fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.results import Failure
from manifests.words import counted, duration

if TYPE_CHECKING:
    from manifests.fetch.signals import Signal
    from manifests.sources.base import SourceInfo

__all__ = ["SPENT", "circuit_open", "exhausted", "give_up", "next_step", "reason"]

SPENT = "its quota is used up"

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


def reason(signal: Signal) -> str:
    """Say why a host is left alone; a good answer has no cause but the quota that it used up."""
    return signal.cause or SPENT


def give_up(signal: Signal, info: SourceInfo) -> Failure:
    """Return the failure of a page whose attempt won't be repeated.

    A pause stands in a signal that is given up only when it is too long to be waited for, and only
    then can the signal be a good one.
    """
    code = signal.code or ErrorCode.RATE_LIMIT
    wish = f"; upstream wants a pause of {duration(signal.pause)}" if signal.pause else ""
    return Failure(
        code=code,
        cause=f"{reason(signal)}{wish}",
        next_step=next_step(code, info),
        status=signal.status,
    )


def exhausted(signal: Signal, info: SourceInfo, *, attempts: int) -> Failure:
    """Return the failure of a page whose every allowed attempt failed."""
    code = signal.code or ErrorCode.API_ERROR
    last = ", the last" if attempts > 1 else ""
    return Failure(
        code=ErrorCode.MAX_RETRIES_EXCEEDED,
        cause=f"{counted(attempts, 'attempt')} failed{last} with {signal.cause}",
        next_step=next_step(code, info),
        status=signal.status,
        last_code=code,
    )


def circuit_open(signal: Signal, info: SourceInfo, *, endpoint: str, seconds: float) -> Failure:
    """Return the failure of a page whose host did not answer well once in so many *seconds*."""
    last = f", at last {reason(signal)}" if signal.code is not ErrorCode.CIRCUIT_OPEN else ""
    step = f"see whether {info.title} is up, then run again; what was published stays"
    if signal.code is ErrorCode.NETWORK_ERROR:  # it may be up, and nobody would get through
        step = next_step(signal.code, info)
    return Failure(
        code=ErrorCode.CIRCUIT_OPEN,
        cause=f"no success from {endpoint} in {seconds:g} s{last}",
        next_step=step,
        status=signal.status,
    )


def next_step(code: ErrorCode, info: SourceInfo) -> str:
    """Return what to do about a failure, in terms of its source's variables."""
    words = NEXT_STEPS.get(code, NEXT_STEPS[ErrorCode.API_ERROR])
    return words.format(
        endpoint_variable=info.endpoint_variable, token_variable=info.token_variable
    )
