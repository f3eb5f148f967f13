"""Put the parts of fetching together: for each source its own connections, limiter and pauses."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from manifests import __version__
from manifests.fetch.fetcher import Fetcher, Host
from manifests.fetch.limiter import FixedLimiter, FixedPace
from manifests.fetch.retry import RetryPolicy
from manifests.fetch.transport import Timeouts, open_transport, shared_context
from manifests.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from manifests.clock import Clock
    from manifests.events import Reporter
    from manifests.settings import Access, Settings
    from manifests.sources.base import SourceInfo

__all__ = ["host_of", "open_fetchers"]


@asynccontextmanager
async def open_fetchers(
    settings: Settings, infos: Mapping[str, SourceInfo], *, clock: Clock, reporter: Reporter
) -> AsyncIterator[dict[str, Fetcher]]:
    """Yield source → fetcher; a source that is slow or down costs the others nothing."""
    context = shared_context()
    pace = FixedPace(concurrency=settings.concurrency, delay=settings.delay)
    async with AsyncExitStack() as stack:
        fetchers = {}
        for name, access in settings.access.items():
            # A proxy of the environment has no business between this machine and itself.
            trust_env = not is_loopback(access.endpoint)
            transport = open_transport(timeouts=Timeouts(), context=context, trust_env=trust_env)
            fetchers[name] = Fetcher(
                host_of(infos[name], access, contact=settings.contact),
                transport=await stack.enter_async_context(transport),
                limiter=FixedLimiter(pace, clock=clock),
                policy=RetryPolicy(attempts=settings.attempts),
                clock=clock,
                reporter=reporter,
            )
        yield fetchers


def host_of(info: SourceInfo, access: Access, *, contact: str) -> Host:
    """Return where and as whom a source is asked, in terms of HTTP."""
    headers = {
        "User-Agent": f"manifests/{__version__} (+{contact})",
        "Accept": "application/json",
    }
    if access.token:
        headers["Authorization"] = f"Bearer {access.token.get_secret_value()}"
    return Host(info=info, endpoint=access.endpoint, headers=headers)
