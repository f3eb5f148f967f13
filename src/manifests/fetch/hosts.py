"""Put the parts of fetching together: for each source its own connections, pace and pauses."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote
from urllib.request import getproxies

from manifests import __version__
from manifests.fetch.budget import key_of
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.controller import Controller, ControlLimits
from manifests.fetch.fetcher import Fetcher, Host
from manifests.fetch.limiter import FixedLimiter
from manifests.fetch.membership import Membership, Once
from manifests.fetch.memory import Forgetful
from manifests.fetch.overdue import HARD_LIMIT
from manifests.fetch.proxies import proxy_for
from manifests.fetch.retry import RetryPolicy
from manifests.fetch.share import Share
from manifests.fetch.transport import Timeouts, open_transport, plain_context, shared_context
from manifests.settings import is_loopback
from manifests.taskgroup import task_group

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Mapping

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.fetch.budget import Budget
    from manifests.fetch.memory import PaceMemory
    from manifests.fetch.transport import HttpTransport
    from manifests.settings import Access, Pace, Settings
    from manifests.sources.base import SourceInfo

__all__ = ["Fetchers", "context_for", "host_of", "open_fetchers"]

Fetchers: TypeAlias = "dict[str, Fetcher] | dict[str, ControlledFetcher]"
"""Source → whoever brings its pages."""
Connected: TypeAlias = "tuple[Host, HttpTransport]"
"""A host with the connections to it."""

URL_MARKS = "!#$%&'*+,/:;=?@~"
"""What stands for itself in a URL or an address of e-mail."""

PATIENT = Timeouts(read=HARD_LIMIT + 20, total=HARD_LIMIT + 20)
"""Beyond every limit of a controller, which is the one to cut an attempt off."""


@asynccontextmanager
async def open_fetchers(
    settings: Settings,
    infos: Mapping[str, SourceInfo],
    *,
    clock: Clock,
    reporter: Reporter,
    memory: PaceMemory | None = None,
    budget: Budget | None = None,
) -> AsyncIterator[Fetchers]:
    """Yield source → fetcher; a source that is slow or down costs the others nothing.

    Args:
        settings: whom to ask, and at most how much at once, or at which fixed pace.
        infos: the facts about each source.
        clock: time and chance.
        reporter: told of each attempt and pause, and of each circuit that opens.
        memory: where the pace learned of each host comes from, and goes when the run is over.
        budget: what is shared with other processes; None for nothing.
    """
    async with open_lines(settings, infos) as lines:
        if settings.fixed:
            yield fixed(settings, settings.fixed, lines, clock=clock, reporter=reporter)
            return
        memory = memory or Forgetful()
        shares = shares_of(settings, memory) if budget else {}
        once = Once(reporter)
        async with task_group() as tasks:
            fetchers = {
                name: ControlledFetcher(
                    *line,
                    controller=controller(
                        settings, name, clock=clock, memory=memory, share=shares.get(name)
                    ),
                    tasks=tasks,
                    clock=clock,
                    reporter=reporter,
                    member=joined(settings, name, shares, budget, clock=clock, reporter=once),
                )
                for name, line in lines.items()
            }
            for fetcher in fetchers.values():
                tasks.start_soon(fetcher.run)
            yield fetchers
        memory.save(
            {known_as(settings.access[name]): each.learned() for name, each in fetchers.items()}
        )


@asynccontextmanager
async def open_lines(
    settings: Settings, infos: Mapping[str, SourceInfo]
) -> AsyncIterator[dict[str, Connected]]:
    """Yield source → where and as whom it is asked, with connections of its own.

    Raises:
        SettingsError: the environment names a proxy, or certificates, that can't be used.
    """
    endpoints = [access.endpoint for access in settings.access.values()]
    context = context_for(endpoints)
    for endpoint in endpoints:
        proxy_for(endpoint, getproxies())  # httpx would say it with a bug's traceback
    timeouts = Timeouts() if settings.fixed else PATIENT
    async with AsyncExitStack() as stack:
        lines = {}
        for name, access in settings.access.items():
            # A proxy of the environment has no business between this machine and itself.
            trust_env = not is_loopback(access.endpoint)
            transport = open_transport(timeouts=timeouts, context=context, trust_env=trust_env)
            host = host_of(infos[name], access, contact=settings.contact)
            lines[name] = (host, await stack.enter_async_context(transport))
        yield lines


def context_for(endpoints: Iterable[str]) -> ssl.SSLContext:
    """Return the TLS context for endpoints; a server of this machine's own needs none.

    Elsewhere even plain HTTP may redirect to HTTPS.
    """
    if all(is_loopback(each) and each.startswith("http://") for each in endpoints):
        return plain_context()
    return shared_context()


def fixed(
    settings: Settings,
    pace: Pace,
    lines: Mapping[str, Connected],
    *,
    clock: Clock,
    reporter: Reporter,
) -> dict[str, Fetcher]:
    """Return fetchers that never change their pace."""
    return {
        name: Fetcher(
            host,
            transport=transport,
            limiter=FixedLimiter(pace, clock=clock),
            policy=RetryPolicy(attempts=settings.attempts),
            clock=clock,
            reporter=reporter,
        )
        for name, (host, transport) in lines.items()
    }


def shares_of(settings: Settings, memory: PaceMemory) -> dict[str, Share]:
    """Return source → this process's part of what all that share a budget may do."""
    shares = {}
    for name, access in settings.access.items():
        learned = memory.load(known_as(access))
        rate = learned.rate if learned else None
        shares[name] = Share(token_hex(8), ceiling=settings.concurrency, rate=rate)
    return shares


def joined(
    settings: Settings,
    name: str,
    shares: Mapping[str, Share],
    budget: Budget | None,
    *,
    clock: Clock,
    reporter: Reporter,
) -> Membership | None:
    """Return the membership in a host's budget; None where none is shared."""
    if budget is None:
        return None
    key = key_of(known_as(settings.access[name]))
    return Membership(shares[name], budget, key=key, clock=clock, reporter=reporter)


def controller(
    settings: Settings,
    name: str,
    *,
    clock: Clock,
    memory: PaceMemory,
    share: Share | None = None,
) -> Controller:
    """Return the controller of one host, with what an earlier run learned of it."""
    return Controller(
        ControlLimits(max_concurrency=settings.concurrency, attempts=settings.attempts),
        random=clock.random,
        learned=memory.load(known_as(settings.access[name])),
        share=share,
    )


def known_as(access: Access) -> str:
    """Return the name under which a host is remembered: a token may be worth another pace."""
    return f"{access.endpoint} {'token' if access.token else 'anonymous'}"


def host_of(info: SourceInfo, access: Access, *, contact: str) -> Host:
    """Return where and as whom a source is asked, in terms of HTTP."""
    headers = {
        # Whatever a person wrote there, a header takes printable ASCII only.
        "User-Agent": f"manifests/{__version__} (+{quote(contact, safe=URL_MARKS)})",
        "Accept": "application/json",
    }
    if access.token:
        headers["Authorization"] = f"Bearer {access.token.get_secret_value()}"
    return Host(info=info, endpoint=access.endpoint, headers=headers)
