"""Decide what a response means, in one place, from its status, headers and first bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEAD_BYTES", "Quota", "Signal", "read_signal"]

HEAD_BYTES = 4096
"""How much of a body is looked at to tell a page from an error."""

OVERLOADED = frozenset({408, 425, 499, 500, 502, 503, 504, *range(520, 528), 529, 530})
PAGE_CAP_WORDS = b"too many pages"
CHALLENGE_MARKS = (b"just a moment", b"/cdn-cgi/challenge-platform", b"cf-challenge")

PERMANENT = {
    400: (ErrorCode.VALIDATION_ERROR, "upstream refuses the parameters"),
    401: (ErrorCode.AUTH_ERROR, "upstream asks for a valid token"),
    403: (ErrorCode.AUTH_ERROR, "upstream forbids the request"),
    404: (ErrorCode.NOT_FOUND, "upstream knows no such thing"),
    405: (ErrorCode.VALIDATION_ERROR, "upstream refuses the method"),
    410: (ErrorCode.NOT_FOUND, "upstream has removed it"),
    422: (ErrorCode.VALIDATION_ERROR, "upstream refuses the parameters"),
    451: (ErrorCode.REGION_BLOCKED, "upstream is blocked in this region"),
}
"""Statuses that a later try would meet again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a host says is left of a counted window."""

    remaining: int
    reset: float
    """Seconds until the window ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """The meaning of one attempt."""

    code: ErrorCode | None = None
    """None for a good answer."""
    cause: str = ""
    """One line for a person."""
    status: int | None = None
    may_retry: bool = False
    """Whether the same request may succeed later."""
    pause: float | None = None
    """Seconds for which the host wants to be left alone; None when it didn't say."""
    quota: Quota | None = None
    stops_host: bool = False
    """Whether every other request to this host would fail in the same way."""

    @property
    def is_good(self) -> bool:
        """Whether the body may be read as a page."""
        return self.code is None


def read_signal(
    status: int,
    headers: Mapping[str, str],
    head: bytes,
    *,
    now: datetime,
    is_conditional: bool = False,
) -> Signal:
    """Return what a response means.

    Args:
        status: HTTP status.
        headers: names in lower case.
        head: the first `HEAD_BYTES` of the decoded body.
        now: the wall-clock time, for a Retry-After that is a date.
        is_conditional: whether the request allowed a 304 for an answer.
    """
    heard = Signal(status=status, quota=read_quota(headers))
    if is_challenge(status, headers, head):
        cause = "a Cloudflare challenge page stands in the way"
        return replace(heard, code=ErrorCode.CHALLENGE, cause=cause, stops_host=True)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return throttled(heard, headers, head, now=now)
    if status in PERMANENT:
        return permanent(heard, status, head)
    if status in OVERLOADED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return replace(
            heard,
            code=ErrorCode.API_ERROR,
            cause=f"HTTP {status}: {overload_words(status)}",
            may_retry=True,
            pause=retry_after(headers, now=now),
        )
    if status == HTTPStatus.NOT_MODIFIED and is_conditional:
        return replace(heard, pause=until_reset(heard.quota))
    return body_signal(heard, status, headers, head)


def body_signal(heard: Signal, status: int, headers: Mapping[str, str], head: bytes) -> Signal:
    """Return the meaning of a response whose status promises a page."""
    if status != HTTPStatus.OK:
        cause = f"HTTP {status}: not an answer that this tool knows"
        return replace(heard, code=ErrorCode.API_ERROR, cause=cause)
    if is_html(headers) or head.lstrip()[:1] == b"<":
        cause = "HTML came instead of JSON"
        return replace(heard, code=ErrorCode.MALFORMED_RESPONSE, cause=cause, may_retry=True)
    return replace(heard, pause=until_reset(heard.quota))


def throttled(heard: Signal, headers: Mapping[str, str], head: bytes, *, now: datetime) -> Signal:
    """Return the meaning of a 429: a page cap, which is permanent, or a throttle, which passes."""
    if PAGE_CAP_WORDS in head.lower():
        cause = "upstream allows no page number this high"
        return replace(heard, code=ErrorCode.PAGE_CAP, cause=cause)
    pause = until_reset(heard.quota)
    return replace(
        heard,
        code=ErrorCode.RATE_LIMIT,
        cause="HTTP 429: too many requests",
        may_retry=True,
        # The quota's reset is exact, and wins over Retry-After (huggingface_hub `http_backoff`).
        pause=retry_after(headers, now=now) if pause is None else pause,
    )


def until_reset(quota: Quota | None) -> float | None:
    """Return the seconds until a used-up quota is whole again; None when something is left."""
    return quota.reset if quota and quota.remaining <= 0 else None


def permanent(heard: Signal, status: int, head: bytes) -> Signal:
    """Return the meaning of a status that a later try would meet again."""
    code, words = PERMANENT[status]
    detail = error_text(head)
    return replace(
        heard,
        code=code,
        cause=f"HTTP {status}: {words}{f' ({detail})' if detail else ''}",
        stops_host=code in {ErrorCode.AUTH_ERROR, ErrorCode.REGION_BLOCKED},
    )


def is_challenge(status: int, headers: Mapping[str, str], head: bytes) -> bool:
    """Tell whether Cloudflare asks for a browser, by its header or by the marks of its page."""
    if headers.get("cf-mitigated", "").lower() == "challenge":
        return True
    if not is_html(headers) or status not in {200, 403, 503}:
        return False
    return any(mark in head.lower() for mark in CHALLENGE_MARKS)


def is_html(headers: Mapping[str, str]) -> bool:
    """Tell whether a body calls itself a page for browsers."""
    return "html" in headers.get("content-type", "").lower()


def overload_words(status: int) -> str:
    """Say what an overloaded status means to a person."""
    words = {
        500: "upstream failed",
        503: "upstream is unavailable",
        504: "the gateway waited in vain for upstream",
        524: "Cloudflare waited 100 s in vain for upstream",
    }
    return words.get(status, "upstream is overloaded or down")


def error_text(head: bytes) -> str:
    """Return the first words of an error body, made safe for one line of a terminal.

    CivitAI puts the issues of its validation, as JSON, into a string of its JSON: hence the inner
    message is taken, after the marks of that quoting.
    """
    text = head.decode("utf-8", "replace").replace("\\n", " ").replace("\\", "")
    match = re.search(r'"(?:message|error)"\s*:\s*"([^"\[][^"]{0,160})', text)
    words = match.group(1) if match else ""
    return "".join(letter if letter.isprintable() else " " for letter in words)[:120]


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return the seconds of a Retry-After, given in seconds or as a date; None when unusable.

    Source: RFC 9110 §10.2.3. A date in the past is no wait at all.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for years and zones beyond reason
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return the tightest policy of a `RateLimit: "api";r=489;t=189` header.

    Source: draft-ietf-httpapi-ratelimit-headers-09; several policies may share one header.
    """
    found = [read_policy(item) for item in headers.get("ratelimit", "").split(",")]
    return min(
        (quota for quota in found if quota),
        key=lambda quota: (quota.remaining, -quota.reset),
        default=None,
    )


def read_policy(item: str) -> Quota | None:
    """Return one policy of a RateLimit header; None when it lacks a count or a reset."""
    remaining = re.search(r";\s*r=([0-9]{1,9})\b", item)
    reset = re.search(r";\s*t=([0-9]{1,9})\b", item)
    if remaining is None or reset is None:
        return None
    return Quota(remaining=int(remaining.group(1)), reset=float(reset.group(1)))
