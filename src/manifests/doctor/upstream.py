"""Judge what a source answered: a page of one filter, the account of a token, quota and clock."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from manifests.audit import Audit
from manifests.doctor.diagnosis import Check, failed, ok, warned
from manifests.errors import ErrorCode, PageError
from manifests.fetch.advice import give_up
from manifests.sources.base import Reply
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from manifests.doctor.diagnosis import Finding
    from manifests.fetch.probing import Heard
    from manifests.planner import PlannedQuery
    from manifests.sources.base import Source, SourceInfo

__all__ = ["judge_account", "judge_canary", "judge_clock", "judge_quota", "skew"]

SECONDS_OF_A_DAY = 86_400.0
MANY_DAYS = 2
"""Days from which on nobody counts hours."""
WARN_SKEW = 60.0
"""Seconds. Below, nobody notices; from here on a Retry-After that is a date is misread by as much
as upstream's usual waits, of one to five minutes."""
FAIL_SKEW = 600.0
"""Seconds: twice the longest wait that upstream asks for, so that such a date means nothing any
more. `status.json`, `--max-age`, `--resume-within` and `accept_after` are untrue by as much."""


def judge_canary(source: Source, planned: PlannedQuery, heard: Heard) -> Finding:
    """Tell whether the first page of a listing came, and is what was asked for."""
    info, path = source.info, planned.wanted[0].filter.path
    if not heard.signal.is_good:
        return bad_answer(info, heard)
    try:
        page = source.read(planned.query, Reply(body=heard.body, headers=heard.headers))
    except PageError as error:
        found = f"{info.title}: no page of models came for {path}: {error.cause}"
        return canary_failed(info, found, f"manifests test-filter {info.name}:{path}", heard)
    inspected = Audit(planned.query, source).inspect(page.entries)
    # An upstream that ignores what is asked for answers well, and with anything.
    if inspected.failure:
        found = f"{info.title}: {inspected.failure.cause}"
        step = inspected.failure.next_step
        return canary_failed(info, found, step, heard, code=inspected.failure.code)
    if not page.entries:
        found = f"{info.title}: the first page of {path} is empty"
        step = f"see whether that can be: manifests test-filter {info.name}:{path}"
        return warned(Check.CANARY, found, step, source=info.name)
    found = (
        f"{info.title}: {path} gave {counted(len(page.entries), 'model')}"
        f" in {duration(heard.seconds)}"
    )
    return ok(Check.CANARY, found, source=info.name, timings={"http": heard.seconds})


def canary_failed(
    info: SourceInfo,
    found: str,
    step: str,
    heard: Heard,
    *,
    code: ErrorCode = ErrorCode.MALFORMED_RESPONSE,
) -> Finding:
    """Tell of a page that a run would not believe."""
    timings = {"http": heard.seconds}
    return failed(Check.CANARY, found, step, source=info.name, code=code, timings=timings)


def bad_answer(info: SourceInfo, heard: Heard) -> Finding:
    """Tell of an answer that is no page; a throttle passes by itself and is no failure."""
    failure = give_up(heard.signal, info)
    found = f"{info.title}: {failure.code}: {failure.cause}"
    # A run waits for it; only whoever looks every minute would see it for long.
    if failure.code is ErrorCode.RATE_LIMIT:
        return warned(Check.CANARY, found, failure.next_step, source=info.name)
    patience = "look again with more patience: manifests doctor --timeout 60s"
    step = patience if failure.code is ErrorCode.TIMEOUT else failure.next_step
    return canary_failed(info, found, step, heard, code=failure.code)


def judge_account(info: SourceInfo, heard: Heard) -> Finding:
    """Tell whether a token is accepted, and whose it is.

    CivitAI answers its lists to any wrong token as to the anonymous; only its account tells.
    """
    code = heard.signal.code
    if heard.signal.is_good:
        who = account_name(heard.body)
        whose = f", as {who}" if who else ""
        found = f"{info.title} accepts the token{whose}"
        return ok(Check.ACCOUNT, found, source=info.name, timings={"http": heard.seconds})
    if code is ErrorCode.AUTH_ERROR:
        return failed(
            Check.ACCOUNT,
            f"{info.title} does not accept the token ({heard.signal.cause})",
            f"make another at {info.endpoint}{info.keys_page} and put it into"
            f" {info.token_variable}, or unset it",
            source=info.name,
            code=code,
        )
    found = f"{info.title} does not tell whether it accepts the token ({heard.signal.cause})"
    # Mirrors know lists only, and `whoami-v2` allows few calls (huggingface_hub `hf_api.py`).
    step = "look again in an hour; a mirror may never tell"
    return warned(Check.ACCOUNT, found, step, source=info.name)


def account_name(body: bytes) -> str:
    """Return the name that an account's JSON gives; empty where it gives none."""
    try:
        account = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    names = account if isinstance(account, dict) else {}
    found = names.get("username") or names.get("name") or ""
    return found[:80] if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a host allows in each window."""

    calls: int
    seconds: float


def read_policy(headers: Mapping[str, str]) -> Policy | None:
    """Return the first policy of a header such as `"fixed window";"api";q=500;w=300`.

    Source: draft-ietf-httpapi-ratelimit-headers-09.
    """
    text = headers.get("ratelimit-policy", "").partition(",")[0]
    calls = re.search(r";\s*q=([0-9]{1,9})\b", text)
    window = re.search(r";\s*w=([0-9]{1,9})\b", text)
    if calls is None or window is None:
        return None
    return Policy(calls=int(calls[1]), seconds=float(window[1]))


def judge_quota(
    info: SourceInfo, heard: Heard, *, listings: int, has_token: bool
) -> Iterator[Finding]:
    """Yield what is left of a source's counted quota, beside what a run needs of it.

    Args:
        info: the facts about the source.
        heard: an answer with its headers; a host that counts nothing yields nothing.
        listings: distinct listings of a run, of which each takes a page at least.
        has_token: whether a token was sent.
    """
    quota, policy = heard.signal.quota, read_policy(heard.headers)
    anonymous = info.quotas.get("anonymous", (0, 0.0))[0]
    # Every answer carries the limits of whoever asked, so that they tell who we are taken for.
    if has_token and policy and policy.calls <= anonymous:
        found = f"{info.title}: the limits are those of the anonymous ({policy.calls} requests)"
        step = f"see whether the token in {info.token_variable} is the right one"
        yield warned(Check.QUOTA, found, step, source=info.name)
    if quota is None:
        return
    of = f" of {policy.calls:,} in {policy.seconds:g} s" if policy else ""
    found = (
        f"{info.title}: {counted(quota.remaining, 'request')} left{of};"
        f" a run begins with {counted(listings, 'listing')}"
    )
    if quota.remaining < listings:
        step = f"a run will wait for the next window, in {duration(quota.reset)}"
        step += "" if has_token else f"; with {info.token_variable} there is more"
        yield warned(Check.QUOTA, found, step, source=info.name)
    else:
        yield ok(Check.QUOTA, found, source=info.name)


def skew(heard: Heard) -> float | None:
    """Return the seconds by which this machine's clock is ahead of a host's; None if it told none.

    A Date is a whole second, and of any moment while the answer was on its way, or, with an Age,
    lay in a cache: within those bounds the clocks agree. Source: RFC 9110 §6.6.1, RFC 9111 §5.1.
    """
    age = heard.headers.get("age", "").strip()
    aged = float(age) if re.fullmatch(r"[0-9]{1,9}", age) else 0.0
    try:
        date = parsedate_to_datetime(heard.headers.get("date", ""))
        told = date if date.tzinfo else date.replace(tzinfo=UTC)
        latest = told + timedelta(seconds=aged + 1)
    except (ValueError, OverflowError):  # the latter for the year 9999 with an age
        return None
    sent = heard.at - timedelta(seconds=heard.seconds)
    # The whole second and the cache may have made the date too early, never too late.
    if sent > latest:
        return seconds_between(latest, sent)
    return min(0.0, seconds_between(told, heard.at))


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Return the seconds from one moment to another; negative when they stand the other way."""
    return (later - earlier).total_seconds()


def judge_clock(all_heard: Iterable[Heard]) -> Iterator[Finding]:
    """Yield how this machine's clock stands to those of its upstreams; nothing when none told.

    The nearest counts: two hosts are seldom wrong by the same.
    """
    found = [off for heard in all_heard if (off := skew(heard)) is not None]
    if not found:
        return
    off = min(found, key=abs)
    way = "ahead of" if off > 0 else "behind"
    days = abs(off) / SECONDS_OF_A_DAY
    much = f"{days:,.0f} days" if days >= MANY_DAYS else duration(abs(off))
    words = f"the clock is {much} {way} upstream's"
    step = "set it by the network: timedatectl set-ntp true, or w32tm /resync"
    if abs(off) > FAIL_SKEW:
        yield failed(Check.CLOCK, words, step)
    elif abs(off) > WARN_SKEW:
        yield warned(Check.CLOCK, words, step)
    else:
        yield ok(Check.CLOCK, "the clock agrees with upstream's")
