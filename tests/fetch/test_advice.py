"""Every failure of a fetch says what to do next, in terms of its source's own variables."""

from __future__ import annotations

import pytest

from manifests.errors import ErrorCode
from manifests.fetch.advice import NEXT_STEPS, circuit_open, exhausted, give_up, next_step
from manifests.fetch.signals import Signal
from manifests.sources.base import SourceInfo

INFO = SourceInfo(
    name="made-up",
    title="Made Up",
    file_prefix="mu",
    short="mu",
    endpoint="https://made-up.example",
    endpoint_variable="MADE_UP_ENDPOINT",
    token_variable="MADE_UP_TOKEN",
)
CARRIED = [
    ErrorCode.NETWORK_ERROR,
    ErrorCode.TIMEOUT,
    ErrorCode.RATE_LIMIT,
    ErrorCode.API_ERROR,
    ErrorCode.AUTH_ERROR,
    ErrorCode.VALIDATION_ERROR,
    ErrorCode.NOT_FOUND,
    ErrorCode.REGION_BLOCKED,
    ErrorCode.MALFORMED_RESPONSE,
    ErrorCode.CHALLENGE,
    ErrorCode.PAGE_CAP,
]
"""What a signal can carry."""


@pytest.mark.parametrize("code", CARRIED)
def test_each_code_has_its_own_step(code: ErrorCode) -> None:
    """No two codes share their advice, and no placeholder is left in it."""
    step = next_step(code, INFO)
    assert [each for each in CARRIED if next_step(each, INFO) == step] == [code]
    assert "{" not in step
    assert code in NEXT_STEPS


@pytest.mark.parametrize(
    ("code", "variable"),
    [
        (ErrorCode.NETWORK_ERROR, "MADE_UP_ENDPOINT"),
        (ErrorCode.NOT_FOUND, "MADE_UP_ENDPOINT"),
        (ErrorCode.RATE_LIMIT, "MADE_UP_TOKEN"),
        (ErrorCode.AUTH_ERROR, "MADE_UP_TOKEN"),
        (ErrorCode.CHALLENGE, "MADE_UP_TOKEN"),
    ],
)
def test_the_variable_is_named(code: ErrorCode, variable: str) -> None:
    """Where a variable would help, it is the one of this source."""
    assert variable in next_step(code, INFO)


def test_a_code_of_another_room_still_gets_advice() -> None:
    """A code that no signal carries is answered like an illness of upstream."""
    assert next_step(ErrorCode.STORE_ERROR, INFO) == next_step(ErrorCode.API_ERROR, INFO)


@pytest.mark.parametrize("code", CARRIED)
def test_giving_up_keeps_the_facts(code: ErrorCode) -> None:
    """What isn't tried again fails with its own code, cause and status."""
    failure = give_up(Signal(code=code, cause="HTTP 418: tea", status=418), INFO)
    assert (failure.code, failure.cause, failure.status) == (code, "HTTP 418: tea", 418)
    assert (failure.next_step, failure.last_code) == (next_step(code, INFO), None)


@pytest.mark.parametrize(
    ("signal", "code", "cause"),
    [
        (
            Signal(code=ErrorCode.API_ERROR, cause="HTTP 503: away", pause=7200),
            ErrorCode.API_ERROR,
            "HTTP 503: away; upstream wants a pause of 2 h 0 min",
        ),
        (
            Signal(status=200, pause=7200),
            ErrorCode.RATE_LIMIT,
            "its quota is used up; upstream wants a pause of 2 h 0 min",
        ),
    ],
)
def test_a_pause_too_long_is_told(signal: Signal, code: ErrorCode, cause: str) -> None:
    """Who is given up on for a pause reads how long it is, even if the answer itself was good."""
    failure = give_up(signal, INFO)
    assert (failure.code, failure.cause) == (code, cause)


@pytest.mark.parametrize("code", CARRIED)
def test_exhaustion_keeps_its_last_cause(code: ErrorCode) -> None:
    """When all tries are used up, code and advice of the last one are still told."""
    failure = exhausted(Signal(code=code, cause="no luck", status=502), INFO, attempts=8)
    assert (failure.code, failure.last_code) == (ErrorCode.MAX_RETRIES_EXCEEDED, code)
    assert failure.cause == "8 attempts failed, the last with no luck"
    assert (failure.next_step, failure.status) == (next_step(code, INFO), 502)


def test_a_single_attempt_is_counted_as_one() -> None:
    """With one try allowed there is no last one among several."""
    failure = exhausted(Signal(code=ErrorCode.TIMEOUT, cause="no answer"), INFO, attempts=1)
    assert failure.cause == "1 attempt failed with no answer"


def test_an_open_circuit_tells_how_long() -> None:
    """A host that answered nothing well is named with its last illness, and whom to look at."""
    signal = Signal(code=ErrorCode.API_ERROR, cause="HTTP 502: down", status=502)
    failure = circuit_open(signal, INFO, endpoint=INFO.endpoint, seconds=120)
    assert (failure.code, failure.status) == (ErrorCode.CIRCUIT_OPEN, 502)
    assert failure.cause == (
        "no success from https://made-up.example in 120 s, at last HTTP 502: down"
    )
    assert "Made Up" in failure.next_step


def test_a_host_that_nobody_reaches_may_be_up() -> None:
    """Without a connection it is our own network that is looked at first."""
    signal = Signal(code=ErrorCode.NETWORK_ERROR, cause="no connection")
    failure = circuit_open(signal, INFO, endpoint=INFO.endpoint, seconds=120)
    assert failure.next_step == next_step(ErrorCode.NETWORK_ERROR, INFO)
