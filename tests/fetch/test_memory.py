"""What was learned of a host lasts until the next run, and a bad file costs only a slow start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from manifests.clock import Clock
from manifests.events import Noted, silent
from manifests.fetch.controlled import ControlledFetcher
from manifests.fetch.hosts import open_fetchers
from manifests.fetch.memory import Forgetful, PaceFile
from manifests.fetch.work import LearnedPace
from manifests.settings import Access, Settings
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from manifests.events import Event

HOST = "https://huggingface.co anonymous"
PACE = LearnedPace(window=7.5, latency=0.6, rate=3.25)
BARE = LearnedPace(window=2.0)


class Notes(list[str]):
    """What was noted."""

    def __call__(self, event: Event) -> None:
        """Take note of *event*."""
        assert isinstance(event, Noted)
        self.append(event.message)


@pytest.fixture
def notes() -> Notes:
    """Nothing noted yet."""
    return Notes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file in a folder that is not there yet."""
    return tmp_path / "state" / "pace.json"


def test_a_pace_lasts(path: Path, notes: Notes) -> None:
    """What one run saves the next one loads, beside what is known of other hosts."""
    PaceFile(path, reporter=notes).save({HOST: PACE})
    PaceFile(path, reporter=notes).save({"other": BARE})
    memory = PaceFile(path, reporter=notes)
    assert (memory.load(HOST), memory.load("other")) == (PACE, BARE)
    assert memory.load("another") is None
    assert [each.name for each in path.parent.iterdir()] == ["pace.json"]
    assert notes == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"hosts": {"a": {"window": "many"}}}',
        b'{"hosts": {"a": {"window": 0}}}',
        b'{"hosts": {"a": {"window": 1e9}}}',
        b'{"hosts": {"a": {"window": NaN}}}',
        b'{"hosts": {"a": {"window": 4, "rate": -1}}}',
        b'{"hosts": {"a": {"window": 4, "latency": Infinity}}}',
        b'{"hosts": {"a": {"window": 4, "secret": 1}}}',
    ],
)
def test_a_corrupt_file_is_ignored_with_a_note(path: Path, notes: Notes, content: bytes) -> None:
    """Whatever stands there that makes no sense is told once, and counts as nothing."""
    path.parent.mkdir()
    path.write_bytes(content)
    memory = PaceFile(path, reporter=notes)
    assert memory.load("a") is None
    assert notes == [
        f"{path}: the pace learned can't be read and is ignored; this run starts slowly"
    ]
    memory.save({HOST: PACE})
    assert PaceFile(path, reporter=notes).load(HOST) == PACE
    assert len(notes) == 1


def test_a_disk_that_refuses_is_noted(tmp_path: Path, notes: Notes) -> None:
    """A pace that can't be kept is no reason to fail."""
    (tmp_path / "state").write_text("a file where the folder should be")
    PaceFile(tmp_path / "state" / "pace.json", reporter=notes).save({HOST: PACE})
    assert len(notes) == 2
    assert "can't be read" in notes[0]
    assert "can't be written" in notes[1]


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
