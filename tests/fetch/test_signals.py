"""A response means one thing, whatever it consists of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from manifests.errors import ErrorCode
from manifests.fetch.signals import HEAD_BYTES, Quota, Signal, read_signal

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 8, 20, 12, 0, 0, tzinfo=UTC)
JSON = {"content-type": "application/json; charset=utf-8"}
HTML = {"content-type": "text/html; charset=UTF-8"}
GATEWAY_PAGE = b"<!DOCTYPE html><html><head><title>civitai.com | 502: Bad gateway</title>"
CHALLENGE_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title>"


def read(status: int, headers: Mapping[str, str] = JSON, head: bytes = b"{}") -> Signal:
    """Return what a response means at `NOW`."""
    return read_signal(status, headers, head, now=NOW)


def pause_of(retry_after: str, status: int = 429) -> float | None:
    """Return the pause that a Retry-After asks for."""
    return read(status, JSON | {"retry-after": retry_after}).pause


def at(second: int) -> str:
    """Return a date of HTTP, so many seconds after the start of the minute of `NOW`."""
    return format_datetime(NOW.replace(second=second), usegmt=True)


@pytest.mark.parametrize("status", [408, 425, 499, 500, 501, 502, 503, 504, *range(520, 528), 530])
@pytest.mark.parametrize("headers", [HTML, JSON, {}])
def test_an_ill_upstream_is_asked_again(status: int, headers: dict[str, str]) -> None:
    """Each way of being overloaded passes, whether its body is HTML or JSON."""
    signal = read(status, headers, GATEWAY_PAGE)
    assert (signal.code, signal.status, signal.pause) == (ErrorCode.API_ERROR, status, None)
    assert signal.may_retry
    assert not signal.stops_host
    assert signal.cause.startswith(f"HTTP {status}: ")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (503, "unavailable"),
        (504, "gateway waited"),
        (524, "100 s"),
        (529, "overloaded or down"),
    ],
)
def test_an_ill_upstream_is_told_apart(status: int, words: str) -> None:
    """The cause says to a person which of the many ways it was."""
    assert words in read(status).cause


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.VALIDATION_ERROR),
        (401, ErrorCode.AUTH_ERROR),
        (403, ErrorCode.AUTH_ERROR),
        (404, ErrorCode.NOT_FOUND),
        (405, ErrorCode.VALIDATION_ERROR),
        (410, ErrorCode.NOT_FOUND),
        (422, ErrorCode.VALIDATION_ERROR),
        (451, ErrorCode.REGION_BLOCKED),
        (204, ErrorCode.API_ERROR),
        (206, ErrorCode.API_ERROR),
        (302, ErrorCode.API_ERROR),
        (304, ErrorCode.API_ERROR),
        (418, ErrorCode.API_ERROR),
    ],
)
def test_what_a_later_try_would_meet_again(status: int, code: ErrorCode) -> None:
    """A refusal is permanent, and so is a status that nobody expects."""
    signal = read(status, JSON | {"retry-after": "1"})
    assert (signal.code, signal.status, signal.pause) == (code, status, None)
    assert not signal.may_retry
    assert f"HTTP {status}" in signal.cause


@pytest.mark.parametrize(
    ("status", "stops"), [(400, False), (401, True), (403, True), (404, False), (451, True)]
)
def test_what_all_requests_would_meet(status: int, *, stops: bool) -> None:
    """A refused token or region ends the whole host; a refused parameter only its own query."""
    assert read(status).stops_host is stops


ZOD = json.dumps(
    {
        "error": {
            "name": "ZodError",
            "message": json.dumps(
                [
                    {
                        "code": "invalid_value",
                        "path": ["period"],
                        "message": 'Invalid option: expected "Day"',
                    }
                ],
                indent=2,
            ),
        }
    }
).encode()


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (ZOD, " (Invalid option: expected )"),
        (b'{"error": "Invalid cursor"}', " (Invalid cursor)"),
        (b'{"code": "BAD_REQUEST", "message": "limit is too high"}', " (limit is too high)"),
        (b'{"error": "' + b"x" * 500 + b'"}', f" ({'x' * 120})"),
        (b'{"error": "cut off', " (cut off)"),
        (b'{"error": "red \x1b[31m, \xff and\ttab"}', " (red  [31m, \ufffd and tab)"),
        (b'{"error": ""}', ""),
        (b'{"error": {"issues": []}}', ""),
        (b"Bad Request", ""),
        (b"", ""),
    ],
)
def test_a_refusal_tells_upstreams_own_words(body: bytes, detail: str) -> None:
    """The cause ends with the first words of the error body, on one printable line."""
    cause = read(400, JSON, body).cause
    assert cause == f"HTTP 400: upstream refuses the parameters{detail}"


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("2", 2.0),
        (" 2 ", 2.0),
        ("0", 0.0),
        ("99999", 99999.0),
        (at(30), 30.0),
        (at(0), 0.0),
        ("Thu, 20 Aug 2026 11:00:00 GMT", 0.0),
        ("Thu, 20 Aug 2026 14:00:30 +0200", 30.0),
        ("Thu, 20 Aug 2026 12:00:30 -0000", 30.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("٣", None),
        ("²", None),
        ("9" * 10, None),
        ("9" * 5000, None),
        ("Thu, 20 Aug 99999 12:00:00 GMT", None),
        ("1 Jan 99999999999999999999 0:0", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999999", None),
        ("Mon, 01 Jan 2024 00:00:00 +9959", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(status: int, value: str, pause: float | None) -> None:
    """Seconds and dates are understood, the past is no wait, and garbage says nothing."""
    assert pause_of(value, status) == pause
    assert read(status, {"retry-after": value}).may_retry


@pytest.mark.parametrize(
    ("header", "quota"),
    [
        ('"api";r=489;t=189', Quota(remaining=489, reset=189)),
        ('"api"; r=489; t=189', Quota(remaining=489, reset=189)),
        ('"api";t=189;r=489', Quota(remaining=489, reset=189)),
        ('"pages";r=7;t=9, "api";r=5;t=200', Quota(remaining=5, reset=200)),
        ('"a";r=0;t=9, "b";r=0;t=200, "c";r=0;t=10', Quota(remaining=0, reset=200)),
        ('"broken";r=0, "api";r=5;t=200', Quota(remaining=5, reset=200)),
        ('"api";r=489', None),
        ('"api";t=189', None),
        ('"api";r=-1;t=5', None),
        ('"api";r=٣;t=5', None),
        ('"api";r=12345678901;t=5', None),
        ("garbage", None),
        ("", None),
    ],
)
def test_a_quota_is_the_tightest_of_its_policies(header: str, quota: Quota | None) -> None:
    """Of several policies the one with the least left counts, and of those the longest."""
    assert read(200, JSON | {"ratelimit": header}).quota == quota


@pytest.mark.parametrize(
    ("status", "headers", "pause"),
    [
        (200, {"ratelimit": '"api";r=1;t=189'}, None),
        (200, {"ratelimit": '"api";r=0;t=189'}, 189.0),
        (200, {"retry-after": "5"}, None),
        (429, {}, None),
        (429, {"ratelimit": '"api";r=0;t=189'}, 189.0),
        (429, {"ratelimit": '"api";r=0;t=189', "retry-after": "300"}, 189.0),
        (429, {"ratelimit": '"api";r=0;t=0', "retry-after": "300"}, 0.0),
        (429, {"ratelimit": '"api";r=3;t=189', "retry-after": "300"}, 300.0),
        (429, {"ratelimit": '"api";r=3;t=189'}, None),
    ],
)
def test_a_used_up_quota_asks_for_a_pause(
    status: int, headers: dict[str, str], pause: float | None
) -> None:
    """A quota asks for a pause once nothing is left, under 200 too, and beats Retry-After."""
    assert read(status, JSON | headers).pause == pause


def test_a_throttle_passes() -> None:
    """A 429 without any header or JSON is still a throttle, which a later try outlives."""
    signal = read(429, HTML, b"<html>error code: 1015, you are being rate limited")
    assert (signal.code, signal.status, signal.pause) == (ErrorCode.RATE_LIMIT, 429, None)
    assert signal.may_retry
    assert not signal.stops_host


def test_a_page_cap_is_permanent() -> None:
    """The 429 about too many pages is no throttle: no try and no pause would help."""
    body = b'{"error":"You\'ve requested Too Many Pages, please use cursors instead"}'
    signal = read(429, JSON | {"retry-after": "3"}, body)
    assert (signal.code, signal.pause) == (ErrorCode.PAGE_CAP, None)
    assert not signal.may_retry
    assert not signal.stops_host


@pytest.mark.parametrize(
    ("status", "headers", "head"),
    [
        (403, HTML | {"cf-mitigated": "challenge"}, b""),
        (200, {"cf-mitigated": "Challenge"}, b"{}"),
        (429, {"cf-mitigated": "challenge"}, b""),
        (200, HTML, CHALLENGE_PAGE),
        (403, HTML, CHALLENGE_PAGE),
        (503, {"content-type": "TEXT/HTML"}, CHALLENGE_PAGE),
        (200, HTML, b"<html><script src='/cdn-cgi/challenge-platform/h/b/orchestrate'>"),
        (403, HTML, b"<html><form class='cf-challenge'>"),
    ],
)
def test_a_challenge_stops_the_host(status: int, headers: dict[str, str], head: bytes) -> None:
    """Where Cloudflare asks for a browser no request gets through, whatever the status says."""
    signal = read(status, headers, head)
    assert (signal.code, signal.status) == (ErrorCode.CHALLENGE, status)
    assert signal.stops_host
    assert not signal.may_retry


@pytest.mark.parametrize(
    ("status", "headers", "head"),
    [
        (200, JSON, b'{"description": "just a moment"}'),
        (502, HTML, CHALLENGE_PAGE),
        (403, HTML | {"cf-mitigated": "block"}, b"<html>Sorry, you have been blocked"),
    ],
)
def test_not_every_mark_is_a_challenge(status: int, headers: dict[str, str], head: bytes) -> None:
    """A model that says the words, or a gateway's page, is no challenge."""
    assert read(status, headers, head).code is not ErrorCode.CHALLENGE


@pytest.mark.parametrize(
    ("headers", "head"),
    [
        (HTML, b"<!DOCTYPE html><title>Explore models</title>"),
        (HTML, b"{}"),
        ({"content-type": "Text/HTML"}, b"{}"),
        (JSON, b" \r\n<html>"),
        ({}, b"<?xml version='1.0'?>"),
    ],
)
def test_html_is_no_page(headers: dict[str, str], head: bytes) -> None:
    """HTML under 200 is a passing illness, known by its type or by its first letter."""
    signal = read(200, headers, head)
    assert (signal.code, signal.may_retry) == (ErrorCode.MALFORMED_RESPONSE, True)
    assert not signal.is_good


@pytest.mark.parametrize("headers", [JSON, {}, {"content-type": "text/plain"}])
def test_a_good_answer_is_good(headers: dict[str, str]) -> None:
    """A 200 that isn't HTML may be read, whatever it calls itself; there is nothing to tell."""
    assert read(200, headers, b'{"items": []}') == Signal(status=200)


names = st.sampled_from(["retry-after", "ratelimit", "content-type", "cf-mitigated", "x-other"])
dates = st.from_regex(
    r"\A(Mon, )?[0-9]{1,22} (Jan|Aug) [0-9]{1,22} [0-9:]{1,9} [+-]?[0-9A-Z]{0,22}\Z"
)
values = st.one_of(
    st.text(max_size=40),
    dates,
    st.from_regex(r'\A"api";r=[0-9]{0,11};t=[0-9]{0,11}\Z'),
    st.sampled_from(["text/html", "application/json", "challenge"]),
)


@given(
    status=st.integers(100, 999),
    headers=st.dictionaries(names, values),
    head=st.one_of(st.binary(max_size=HEAD_BYTES), st.sampled_from([ZOD, CHALLENGE_PAGE])),
)
@example(status=429, headers={"retry-after": "1 Jan 99999999999999999999 0:0"}, head=b"")
def test_anything_means_something(status: int, headers: dict[str, str], head: bytes) -> None:
    """Whatever a host sends has a meaning without contradictions; nothing raises."""
    signal = read(status, headers, head)
    assert signal.status == status
    assert signal.is_good is (signal.cause == "")
    assert not (signal.may_retry and (signal.is_good or signal.stops_host))
    assert signal.pause is None or signal.pause >= 0
    assert signal.cause.isprintable()
    assert len(signal.cause) < 200
