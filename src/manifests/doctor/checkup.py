"""Carry out all checks at once, each by itself, and none for longer than the time that there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from manifests.doctor.connecting import reach
from manifests.doctor.diagnosis import failed, refused
from manifests.doctor.routes import judge_connection
from manifests.doctor.upstream import judge_account, judge_canary, judge_clock, judge_quota
from manifests.doctor.waiting import abandonable
from manifests.errors import ErrorCode, ManifestsError
from manifests.fetch.fetcher import request_url
from manifests.fetch.probing import Heard
from manifests.fetch.signals import Signal
from manifests.words import duration

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence

    from manifests.clock import Clock
    from manifests.doctor.connecting import Route
    from manifests.doctor.diagnosis import Check, Finding
    from manifests.fetch.probing import Line
    from manifests.planner import PlannedQuery
    from manifests.sources.base import Source

__all__ = ["LocalCheck", "Patient", "examine"]

GRACE = 0.25
"""Seconds that a look at a disk gets to remove its files when it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """One source, with all that it takes to ask it."""

    source: Source
    line: Line
    route: Route
    context: ssl.SSLContext
    """Whom to trust on the way."""
    has_token: bool = False
    listings: Sequence[PlannedQuery] = ()
    """What a run would ask of it; the one that most filters share is the canary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalCheck:
    """A look at this machine that may take long, as disks may."""

    check: Check
    look: Callable[[], Iterable[Finding]]
    """Raises nothing but expected errors and those of the system."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of one part of an examination."""

    findings: tuple[Finding, ...]
    heard: tuple[Heard, ...] = ()
    """Answers of upstreams, for whom their headers tell more."""


async def examine(
    patients: Sequence[Patient], local: Sequence[LocalCheck], *, clock: Clock, limit: float
) -> tuple[Finding, ...]:
    """Return what was found within *limit* seconds; what took longer has failed.

    Args:
        patients: sources to be asked.
        local: looks at this machine.
        clock: time.
        limit: seconds for everything together.
    """
    # One moment for all, so that checks which follow one another share the time that there is.
    deadline = anyio.current_time() + limit
    parts: dict[int, Seen] = {}

    async def ask(number: int, patient: Patient) -> None:
        parts[number] = await examine_source(patient, clock=clock, deadline=deadline)

    async def look(number: int, check: LocalCheck) -> None:
        parts[number] = Seen(findings=await examine_here(check, deadline=deadline, limit=limit))

    async with anyio.create_task_group() as tasks:
        for number, patient in enumerate(patients):
            tasks.start_soon(ask, number, patient)
        for number, check in enumerate(local, len(patients)):
            tasks.start_soon(look, number, check)
    # In the order in which they were given, not in that in which they ended: runs compare.
    ordered = [parts[number] for number in sorted(parts)]
    found = [finding for part in ordered for finding in part.findings]
    return (*found, *judge_clock(heard for part in ordered for heard in part.heard))


async def examine_here(check: LocalCheck, *, deadline: float, limit: float) -> tuple[Finding, ...]:
    """Return what a look at this machine found, or why it found nothing."""
    with anyio.CancelScope(deadline=deadline):
        try:
            return tuple(await abandonable(lambda: tuple(check.look()), grace=GRACE))
        except ManifestsError as error:
            return (refused(check.check, error),)
        except OSError as error:
            found = f"{error.filename or 'the disk'}: {error.strerror or error}"
            return (failed(check.check, found, "make it readable for this user"),)
    found = f"the disk gave no answer in {duration(limit)}"
    return (failed(check.check, found, "see whether a network disk is away: df"),)


async def examine_source(patient: Patient, *, clock: Clock, deadline: float) -> Seen:
    """Go the way to a source, then ask it for a page and, with a token, for the account."""
    info = patient.source.info
    reached = await reach(patient.route, patient.context, clock=clock, deadline=deadline)
    connection = judge_connection(info, patient.route, reached)
    if reached.trouble:
        # Whatever else was asked would say the same once more, in worse words.
        return Seen(findings=(connection,))
    paths = {}
    if patient.listings:
        paths["canary"] = canary_path(patient)
    if patient.has_token and info.account_path:
        paths["account"] = info.account_path
    heard = {}

    async def ask(name: str, path: str) -> None:
        heard[name] = await ask_in_time(patient.line, path, clock=clock, deadline=deadline)

    async with anyio.create_task_group() as tasks:
        for name, path in paths.items():
            tasks.start_soon(ask, name, path)
    findings = (connection, *judge_answers(patient, heard))
    return Seen(findings=findings, heard=tuple(heard.values()))


def canary_of(patient: Patient) -> PlannedQuery:
    """Return the listing that most filters share: it is hardly ever empty."""
    return max(patient.listings, key=lambda each: len(each.wanted))


def canary_path(patient: Patient) -> str:
    """Return what to ask for the first page of that listing."""
    return request_url("", patient.source.request(canary_of(patient).query, None))


def judge_answers(patient: Patient, heard: dict[str, Heard]) -> Iterable[Finding]:
    """Yield what the answers of a source tell: account, page, quota."""
    info = patient.source.info
    if "account" in heard:
        yield judge_account(info, heard["account"])
    if "canary" in heard:
        yield judge_canary(patient.source, canary_of(patient), heard["canary"])
        yield from judge_quota(
            info,
            heard["canary"],
            listings=len(patient.listings),
            has_token=patient.has_token,
        )


async def ask_in_time(line: Line, path: str, *, clock: Clock, deadline: float) -> Heard:
    """Return what was heard, or that nothing was until the deadline."""
    began = clock.monotonic()
    with anyio.CancelScope(deadline=deadline):
        return await line.ask(path)
    seconds = round(clock.monotonic() - began, 3)
    cause = f"no whole answer within {duration(seconds)}"
    signal = Signal(code=ErrorCode.TIMEOUT, cause=cause, may_retry=True)
    return Heard(signal=signal, at=clock.wall(), seconds=seconds)
