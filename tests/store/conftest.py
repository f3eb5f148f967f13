"""Two sources, and short ways to make what the store keeps of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pytest

from manifests.models import Manifest, Model, Stats
from manifests.sources.base import Entry, SourceInfo
from manifests.store.database import open_database
from manifests.store.published import Published
from manifests.store.release import Release, compose

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from manifests.store.database import Database


class MakeManifest(Protocol):
    """Make a manifest of the given ids."""

    def __call__(self, source: str, path: str, *ids: str) -> Manifest:
        """Return it."""
        ...


class MakeEntries(Protocol):
    """Make models with counters, by source and id."""

    def __call__(self, source: str, *ids: str, name: str = "a name") -> dict[str, dict[str, Entry]]:
        """Return them."""
        ...


class MakeRelease(Protocol):
    """Compose a first set."""

    def __call__(self, *accepted: Manifest) -> Release:
        """Return it."""
        ...


@pytest.fixture(scope="session")
def infos() -> dict[str, SourceInfo]:
    """Two sources; the prefix of one is not its name."""
    return {
        name: SourceInfo(
            name=name,
            title=name.title(),
            file_prefix=prefix,
            short=short,
            endpoint="https://upstream.example",
            endpoint_variable="ENDPOINT",
            token_variable="TOKEN",
        )
        for name, prefix, short in [("civitai", "civitai", "ca"), ("huggingface", "hf", "hf")]
    }


@pytest.fixture(scope="session")
def make_manifest() -> MakeManifest:
    """A maker of manifests."""

    def make(source: str, path: str, *ids: str) -> Manifest:
        return Manifest(
            source=source,
            filter=path,
            label=f"label of {path}",
            models_file=f"{source}-models.json",
            model_ids=ids,
            complete=True,
        )

    return make


@pytest.fixture(scope="session")
def make_entries() -> MakeEntries:
    """A maker of models."""

    def make(source: str, *ids: str, name: str = "a name") -> dict[str, dict[str, Entry]]:
        return {
            source: {
                id_: Entry(
                    model=Model(id=id_, source=source, slug=f"s-{id_}", name=name, type="LORA"),
                    stats=Stats(downloads=len(id_), likes=None),
                )
                for id_ in ids
            }
        }

    return make


@pytest.fixture(scope="session")
def make_release(infos: dict[str, SourceInfo], make_entries: MakeEntries) -> MakeRelease:
    """A maker of first sets, of manifests whose models are all known."""

    def make(*accepted: Manifest) -> Release:
        entries = {
            source: make_entries(
                source, *(id_ for one in accepted if one.source == source for id_ in one.model_ids)
            )[source]
            for source in infos
        }
        keyed = {(one.source, one.filter): one for one in accepted}
        return compose(Published(), keyed, entries, infos=infos)

    return make


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A state database on the disk."""
    opened = open_database(tmp_path / "state", now=datetime(2026, 8, 1, 12, tzinfo=UTC))
    yield opened.database
    opened.database.close()
