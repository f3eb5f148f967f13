"""Say what is needed of whoever keeps the pace learned of a host from one run to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.fetch.work import LearnedPace

__all__ = ["Forgetful", "PaceMemory"]


class PaceMemory(Protocol):
    """Whatever remembers how fast a host may be asked."""

    def load(self, host: str) -> LearnedPace | None:
        """Return what is known of *host*: an endpoint and `anonymous` or `token`."""
        ...

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Remember what a run learned of its hosts."""
        ...


class Forgetful:
    """Remembers nothing: each run starts as if it were the first."""

    def load(self, host: str) -> LearnedPace | None:
        """Return None, whatever *host* is."""
        del host
        return None

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Forget *paces*."""
