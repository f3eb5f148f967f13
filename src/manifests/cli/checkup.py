"""Carry out `manifests doctor`: gather what there is to look at, look, and show what was found."""

from __future__ import annotations

import os
import platform
import ssl
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import getproxies

import anyio

from manifests import __version__
from manifests.cli.configuring import look
from manifests.cli.diagnosis import show
from manifests.cli.wiring import everywhere
from manifests.clock import Clock
from manifests.doctor.checkup import LocalCheck, Patient, examine
from manifests.doctor.connecting import Route
from manifests.doctor.diagnosis import Check, Diagnosis, refused
from manifests.doctor.disks import judge_database, judge_folder, judge_writer
from manifests.doctor.folders import look_at_folder, look_for_writer
from manifests.doctor.gathering import (
    chosen_sources,
    file_names,
    gather_access,
    gather_filters,
    gather_settings,
)
from manifests.doctor.machine import about_tool
from manifests.doctor.routes import judge_proxies, judge_trust, read_trust
from manifests.errors import SettingsError
from manifests.fetch.hosts import context_for, host_of
from manifests.fetch.probing import Line
from manifests.fetch.proxies import proxy_for
from manifests.fetch.transport import Timeouts, open_transport
from manifests.planner import plan_queries
from manifests.report.exits import ExitCode
from manifests.sandbox.server import SandboxOptions, running
from manifests.settings import CONTACT, is_loopback
from manifests.sources import SOURCES
from manifests.store.inspection import inspect_database
from manifests.words import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from manifests.doctor.diagnosis import Finding
    from manifests.models import Filter
    from manifests.settings import Access
    from manifests.sources.base import Source

__all__ = ["Inquiry", "check_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What `manifests doctor` is asked."""

    filters: Path
    out: Path
    state: Path
    source: str | None = None
    """Only this source is looked at."""
    sandbox: bool = False
    """Whether the embedded upstream is asked."""
    offline: bool = False
    """Whether nothing is sent."""
    timeout: float = 10.0
    """Seconds for everything together."""
    config: Path | None = None
    """The settings file that the user names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Whom to ask, and what."""

    sources: Mapping[str, Source]
    access: Mapping[str, Access]
    filters: Sequence[Filter]
    contact: str
    timeout: float


def check_up(console: Console, watcher: Console, inquiry: Inquiry, *, as_json: bool) -> ExitCode:
    """Print a diagnosis; return 1 when anything fails.

    Args:
        console: takes the diagnosis.
        watcher: tells a person at a terminal that there is something to wait for.
        inquiry: what to look at.
        as_json: whether a program reads it.

    Raises:
        DefinitionError: there is no such source.
    """
    words = f"looking around, for {duration(inquiry.timeout)} at most"
    with watcher.status(words) if watcher.is_interactive else nullcontext():
        diagnosis = anyio.run(partial(diagnose, inquiry, clock=Clock()))
    show(console, diagnosis, as_json=as_json)
    return ExitCode.NOTHING_MADE if diagnosis.has_failed else ExitCode.OK


async def diagnose(inquiry: Inquiry, *, clock: Clock) -> Diagnosis:
    """Return all that can be found out."""
    began, started = clock.monotonic(), clock.wall()
    sources = chosen_sources(SOURCES, inquiry.source)
    configuration, findings = gather_settings(lambda: look(inquiry.config))
    defined = gather_filters(inquiry.filters, SOURCES)
    python, system = platform.python_version(), platform.platform(terse=True)
    first = (about_tool(__version__, python=python, platform=system), *findings, defined.finding)
    contact = os.environ.get("MANIFESTS_CONTACT", "").strip() or configuration.contact or CONTACT
    plan = Plan(
        sources=sources,
        access={},
        filters=[each for each in defined.filters if each.source in sources],
        contact=contact,
        timeout=inquiry.timeout,
    )
    # Of all sources, whichever is looked at: their files share one folder.
    local = local_checks(inquiry, file_names(defined.filters, SOURCES))
    async with AsyncExitStack() as stack:
        if inquiry.sandbox:
            upstream = await stack.enter_async_context(running(SandboxOptions(), clock=clock))
            plan = replace(plan, access=everywhere(upstream.url))
            about: tuple[Finding, ...] = ()
        else:
            infos = [each.info for each in sources.values()]
            admissions = gather_access(infos, os.environ, configuration.endpoints)
            plan = replace(plan, access=admissions.access)
            about = (*admissions.findings, *network_findings(plan))
        patients = [] if inquiry.offline else await admit(plan, stack, clock=clock)
        seen = await examine(patients, local, clock=clock, limit=inquiry.timeout)
    return Diagnosis.of(
        (*first, *about, *seen),
        tool=__version__,
        started=f"{started:%Y-%m-%dT%H:%M:%SZ}",
        seconds=round(clock.monotonic() - began, 3),
        offline=inquiry.offline,
    )


def local_checks(inquiry: Inquiry, names: Sequence[str]) -> tuple[LocalCheck, ...]:
    """Return the looks at this machine's disks; *names* are the files of a run."""
    out, state = inquiry.out, inquiry.state

    def look_at_out() -> Iterator[Finding]:
        yield from judge_folder(Check.OUT, look_at_folder(out), flag="--out", names=names)

    def look_at_state() -> Iterator[Finding]:
        yield from judge_folder(Check.STATE, look_at_folder(state), flag="--state")

    def look_at_writer() -> Iterator[Finding]:
        yield judge_writer(look_for_writer(out))

    def look_at_database() -> Iterator[Finding]:
        yield from judge_database(inspect_database(state))

    return (
        LocalCheck(check=Check.OUT, look=look_at_out),
        LocalCheck(check=Check.WRITER, look=look_at_writer),
        LocalCheck(check=Check.STATE, look=look_at_state),
        LocalCheck(check=Check.DATABASE, look=look_at_database),
    )


def network_findings(plan: Plan) -> Iterator[Finding]:
    """Yield what the environment says of proxies and certificates."""
    endpoints = {
        plan.sources[name].info.title: access.endpoint for name, access in plan.access.items()
    }
    yield from judge_proxies(endpoints, getproxies())
    try:
        context_for(endpoints.values())
    except SettingsError as error:
        yield refused(Check.CERTIFICATES, error)
    else:
        trust = read_trust(
            os.environ,
            separator=os.pathsep,
            is_folder=lambda name: Path(name).is_dir(),
            system_file=ssl.get_default_verify_paths().cafile or "",
        )
        yield judge_trust(trust)


async def admit(plan: Plan, stack: AsyncExitStack, *, clock: Clock) -> list[Patient]:
    """Return the sources that can be asked; why others can't is told elsewhere."""
    patients = []
    for name, access in plan.access.items():
        if name not in plan.sources:
            continue
        try:
            context = context_for([access.endpoint])
            route = Route.to(access.endpoint, proxy_for(access.endpoint, getproxies()))
        except SettingsError:  # a run would refuse it, too
            continue
        line = await open_line(plan, name, context, stack, clock=clock)
        patients.append(
            Patient(
                source=plan.sources[name],
                line=line,
                route=route,
                context=context,
                has_token=access.token is not None,
                listings=plan_queries(
                    [each for each in plan.filters if each.source == name], plan.sources
                ).queries,
            )
        )
    return patients


async def open_line(
    plan: Plan, name: str, context: ssl.SSLContext, stack: AsyncExitStack, *, clock: Clock
) -> Line:
    """Return a line to a source, which ends with *stack*."""
    access, seconds = plan.access[name], plan.timeout
    transport = open_transport(
        timeouts=Timeouts(connect=seconds, read=seconds, total=seconds),
        context=context,
        trust_env=not is_loopback(access.endpoint),
    )
    host = host_of(plan.sources[name].info, access, contact=plan.contact)
    return Line(host, transport=await stack.enter_async_context(transport), clock=clock)
