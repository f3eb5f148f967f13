"""What a source answers is judged as a run would: page, account, quota and clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from manifests.doctor.diagnosis import Check, Level
from manifests.doctor.upstream import (
    account_name,
    judge_account,
    judge_canary,
    judge_clock,
    judge_quota,
    skew,
)
from manifests.errors import ErrorCode
from manifests.fetch.probing import Heard
from manifests.fetch.signals import Signal, read_signal
from manifests.models import Filter
from manifests.planner import plan_queries
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from manifests.planner import PlannedQuery
    from manifests.sources.base import SourceInfo

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
HUGGING_FACE = SOURCES["huggingface"]
MODEL = {"_id": "1", "id": "a/b", "tags": ["license:mit"], "likes": 3, "downloads": 5}


def heard(body: object = b"", status: int = 200, /, **headers: str) -> Heard:
    """Return an answer as it is told."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    signal = read_signal(status, lower, data, now=NOON)
    return Heard(signal=signal, at=NOON, seconds=0.2, headers=lower, body=data)


@pytest.fixture
def planned() -> PlannedQuery:
    """The listing of a filter of models under one licence."""
    values = {"sort": "likes", "size": "", "license": "mit"}
    made = Filter(
        source="huggingface",
        path="filter/likes/mit",
        label="likes / mit",
        limit=100,
        sort="likes",
        values=values,
        slugs={"sort": "likes", "size": "all", "license": "mit"},
    )
    return plan_queries([made], SOURCES).queries[0]


@pytest.mark.parametrize(
    ("answer", "level", "code", "words"),
    [
        (heard([MODEL]), Level.OK, None, "filter/likes/mit gave 1 model in 0.2 s"),
        (heard([]), Level.WARN, None, "the first page of filter/likes/mit is empty"),
        (heard({"error": "ill"}), Level.FAIL, ErrorCode.MALFORMED_RESPONSE, "no page of models"),
        (heard(b"[{"), Level.FAIL, ErrorCode.MALFORMED_RESPONSE, "no page of models"),
        (
            heard(b"<html>", content_type="text/html"),
            Level.FAIL,
            ErrorCode.MALFORMED_RESPONSE,
            "MALFORMED_RESPONSE: HTML came instead of JSON",
        ),
        (
            heard(b"", 403, cf_mitigated="challenge"),
            Level.FAIL,
            ErrorCode.CHALLENGE,
            "CHALLENGE: a Cloudflare challenge page",
        ),
        (heard(b"{}", 401), Level.FAIL, ErrorCode.AUTH_ERROR, "AUTH_ERROR: HTTP 401"),
        (heard(b"{}", 451), Level.FAIL, ErrorCode.REGION_BLOCKED, "REGION_BLOCKED"),
        (heard(b"", 503), Level.FAIL, ErrorCode.API_ERROR, "API_ERROR: HTTP 503"),
        (heard(b"", 429), Level.WARN, None, "RATE_LIMIT: HTTP 429"),
        (
            heard([MODEL | {"id": f"a/{n}", "tags": ["license:gpl"]} for n in range(9)]),
            Level.FAIL,
            ErrorCode.FILTER_IGNORED,
            "license",
        ),
    ],
)
def test_a_canary(
    planned: PlannedQuery, answer: Heard, level: Level, code: ErrorCode | None, words: str
) -> None:
    """A page is well if a run would believe it; all else is named by the run's own code."""
    found = judge_canary(HUGGING_FACE, planned, answer)
    assert (found.check, found.level, found.code) == (Check.CANARY, level, code)
    assert words in found.found
    assert bool(found.next_step) == (level is not Level.OK)


def test_a_canary_that_takes_too_long(planned: PlannedQuery) -> None:
    """Who had too little patience is told how to have more."""
    silence = Signal(code=ErrorCode.TIMEOUT, cause="no whole answer", may_retry=True)
    found = judge_canary(HUGGING_FACE, planned, Heard(signal=silence, at=NOON, seconds=10.0))
    assert (found.level, found.code) == (Level.FAIL, ErrorCode.TIMEOUT)
    assert found.next_step.endswith("manifests doctor --timeout 60s")


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (heard({"name": "jane", "type": "user"}), Level.OK, "accepts the token, as jane"),
        (heard({"username": "jane", "name": "x"}), Level.OK, "as jane"),
        (heard({"name": "a\x1b[31m\n\u202eb"}), Level.OK, "as a [31m  b"),
        (heard({"name": 5}), Level.OK, "accepts the token"),
        (heard([]), Level.OK, "accepts the token"),
        (heard(b"no JSON"), Level.OK, "accepts the token"),
        (heard({"error": "Unauthorized"}, 401), Level.FAIL, "does not accept the token"),
        (heard(b"{}", 403), Level.FAIL, "does not accept the token"),
        (heard(b"{}", 404), Level.WARN, "does not tell whether"),
        (heard(b"", 429), Level.WARN, "does not tell whether"),
    ],
)
def test_an_account(info: SourceInfo, answer: Heard, level: Level, words: str) -> None:
    """Only an account tells whether a token counts; its name is upstream's, and made harmless."""
    found = judge_account(info, answer)
    assert found.level is level
    assert words in found.found
    assert found.found.isprintable()
    if level is Level.FAIL:
        assert "https://made-up.example/tokens" in found.next_step
        assert found.code is ErrorCode.AUTH_ERROR


POLICY = '"fixed window";"api";q=500;w=300'


@pytest.mark.parametrize(
    ("headers", "has_token", "expected"),
    [
        ({}, False, []),
        ({"ratelimit": "nonsense", "ratelimit_policy": "nonsense"}, True, []),
        (
            {"ratelimit": '"api";r=489;t=189', "ratelimit_policy": POLICY},
            False,
            [(Level.OK, "489 requests left of 500 in 300 s; a run begins with 6 listings")],
        ),
        (
            {"ratelimit": '"api";r=5;t=189'},
            False,
            [(Level.WARN, "5 requests left; a run begins with 6 listings")],
        ),
        (
            {"ratelimit": '"api";r=489;t=189', "ratelimit_policy": POLICY},
            True,
            [
                (Level.WARN, "the limits are those of the anonymous (500 requests)"),
                (Level.OK, "489 requests left"),
            ],
        ),
        (
            {"ratelimit": '"api";r=999;t=1', "ratelimit_policy": POLICY.replace("500", "1000")},
            True,
            [(Level.OK, "999 requests left of 1,000")],
        ),
    ],
)
def test_a_quota(
    info: SourceInfo, headers: dict[str, str], *, has_token: bool, expected: list[object]
) -> None:
    """What is left stands beside what a run needs, and a token shows by its limits."""
    found = list(judge_quota(info, heard(**headers), listings=6, has_token=has_token))
    assert len(found) == len(expected)
    for each, wanted in zip(found, expected, strict=True):
        assert isinstance(wanted, tuple)
        assert each.level is wanted[0]
        assert wanted[1] in each.found


def test_a_quota_that_is_short(info: SourceInfo) -> None:
    """Who has too little is told how long a run would wait, and how to get more."""
    answer = heard(ratelimit='"api";r=0;t=189')
    (found,) = judge_quota(info, answer, listings=6, has_token=False)
    assert "in 3 min 9 s; with MADE_TOKEN there is more" in found.next_step
    (found,) = judge_quota(info, answer, listings=6, has_token=True)
    assert "MADE_TOKEN" not in found.next_step


@pytest.mark.parametrize(
    ("ahead", "seconds", "age", "expected"),
    [
        (0.0, 0.2, None, 0.0),
        (-0.9, 0.2, None, -0.9),
        (3.0, 0.2, None, 1.8),
        (-3.0, 0.2, None, -3.0),
        (30.0, 60.0, None, 0.0),
        (250.0, 0.2, "300", 0.0),
        (400.0, 0.0, "300", 99.0),
        (0.0, 0.2, "nonsense", 0.0),
    ],
)
def test_how_far_a_clock_is_off(
    ahead: float, seconds: float, age: str | None, expected: float
) -> None:
    """Within the time of an answer, a cache's Age and a whole second, clocks agree."""
    date = format_datetime(NOON, usegmt=True)
    headers = {"date": date} | ({} if age is None else {"age": age})
    at = NOON + timedelta(seconds=ahead)
    found = skew(Heard(signal=Signal(), at=at, seconds=seconds, headers=headers))
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sat, 99 Foo 2026 12:00:00 GMT"])
def test_who_tells_no_time(date: str | None) -> None:
    """Without a date that makes sense there is nothing to compare."""
    headers = {} if date is None else {"date": date}
    assert skew(Heard(signal=Signal(), at=NOON, seconds=0.1, headers=headers)) is None


def test_a_date_at_the_end_of_time_tells_nothing() -> None:
    """An Age after the last moment that there is makes no sense, and is no reason to break."""
    headers = {"date": "Fri, 31 Dec 9999 23:59:59 GMT", "age": "60"}
    assert skew(Heard(signal=Signal(), at=NOON, seconds=0.1, headers=headers)) is None


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"name":' * 100_000, b"9" * 5_000, b"\xff"])
def test_an_account_that_is_no_account_has_no_name(body: bytes) -> None:
    """What upstream says of a token's owner may be anything, nested without end too."""
    assert account_name(body) == ""


def test_a_date_without_a_zone_is_utc() -> None:
    """An old form of date lacks its zone."""
    headers = {"date": "Sat, 01 Aug 2026 12:00:00 -0000"}
    assert skew(Heard(signal=Signal(), at=NOON, seconds=0.1, headers=headers)) == 0


@pytest.mark.parametrize(
    ("aheads", "level", "words"),
    [
        ((), None, ""),
        ((0.0,), Level.OK, "the clock agrees"),
        ((59.0,), Level.OK, "the clock agrees"),
        ((120.0,), Level.WARN, "ahead of upstream's"),
        ((-120.0,), Level.WARN, "the clock is 2 min 0 s behind upstream's"),
        ((900.0,), Level.FAIL, "ahead of"),
        ((-7200.0,), Level.FAIL, "the clock is 2 h 0 min behind"),
        ((9_730_000.0,), Level.FAIL, "the clock is 113 days ahead"),
        ((7200.0, 1.0), Level.OK, "the clock agrees"),
        ((7200.0, 7201.0), Level.FAIL, "ahead of"),
    ],
)
def test_a_clock(aheads: tuple[float, ...], level: Level | None, words: str) -> None:
    """A clock is off only if it is so for all upstreams; a minute warns, ten fail."""
    headers = {"date": format_datetime(NOON, usegmt=True)}
    answers = [
        Heard(signal=Signal(), at=NOON + timedelta(seconds=off), seconds=0.1, headers=headers)
        for off in aheads
    ]
    found = list(judge_clock(answers))
    assert [each.level for each in found] == ([] if level is None else [level])
    assert all(words in each.found for each in found)
