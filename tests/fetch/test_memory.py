"""What was learned of a host is where the next run starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from manifests.clock import Clock
from manifests.events import silent
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.hosts import open_fetchers
from manifests.fetch.memory import Forgetful
from manifests.fetch.work import LearnedPace
from manifests.settings import Access, Settings
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

HOST = "https://huggingface.co anonymous"
PACE = LearnedPace(window=7.5, latency=0.6, rate=3.25)


def test_forgetting() -> None:
    """Without a memory nothing is known, whatever was saved."""
    memory = Forgetful()
    memory.save({HOST: PACE})
    assert memory.load(HOST) is None


class Remembering(dict[str, LearnedPace]):
    """A memory in memory."""

    def load(self, host: str) -> LearnedPace | None:
        """Return what is known."""
        return self.get(host)

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Take in what was learned."""
        self.update(paces)


@pytest.mark.virtual_time
async def test_a_run_starts_from_what_was_learned_and_leaves_what_it_learned() -> None:
    """Each host is known by its endpoint and by whether a token is sent, never by the token."""
    memory = Remembering({HOST: PACE})
    settings = Settings(
        access={
            "huggingface": Access(endpoint="https://huggingface.co"),
            "civitai": Access(endpoint="https://civitai.com", token=SecretStr("a-secret")),
        }
    )
    infos = {name: source.info for name, source in SOURCES.items()}
    async with open_fetchers(
        settings, infos, clock=Clock(), reporter=silent, memory=memory
    ) as fetchers:
        known = fetchers["huggingface"]
        assert isinstance(known, ControlledFetcher)
        assert known.record().window <= PACE.window
        assert known.record().rate == PACE.rate
    assert sorted(memory) == ["https://civitai.com token", HOST]


async def test_a_run_that_breaks_teaches_nothing() -> None:
    """What was learned before an unexpected error is not kept, and the error is itself."""
    memory = Remembering()
    settings = Settings(access={"civitai": Access(endpoint="https://civitai.com")})
    infos = {name: source.info for name, source in SOURCES.items()}
    with pytest.raises(KeyError, match="a bug"):
        async with open_fetchers(settings, infos, clock=Clock(), reporter=silent, memory=memory):
            raise KeyError("a bug")
    assert memory == {}
