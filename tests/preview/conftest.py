"""A browser, and short ways to make a published set that is to be previewed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from playwright.sync_api import sync_playwright

from manifests.filters import load_filters
from manifests.models import Catalogue, Manifest, Model, Stats
from manifests.preview.sections import lay_out
from manifests.preview.site import Site, build
from manifests.sources import SOURCES
from manifests.store.published import Published
from manifests.store.status import FilterStatus, Status, status_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from playwright.sync_api import Browser

    from manifests.models import Filter
    from manifests.preview.sections import Section
    from manifests.sources.base import SourceInfo

DEFINITIONS = Path(__file__).parents[2] / "filters"


class Publishes(Protocol):
    """Publishes lists of one source, with a model for each id."""

    def __call__(
        self,
        lists: Mapping[str, Sequence[str]],
        *,
        source: str = ...,
        models: Sequence[Model] = (),
        statuses: Mapping[str, FilterStatus] = ...,
        complete: bool = False,
    ) -> Published:
        """Return what then stands in the output folder.

        Args:
            lists: path → ids.
            source: name of the source.
            models: those that are not plain.
            statuses: path → what `status.json` says; without any there is no such file.
            complete: whether all lists ended before their limit.
        """
        ...


class LaysOut(Protocol):
    """Lays out what is published, with the project's own definitions or without any."""

    def __call__(self, published: Published, *, defined: bool = False) -> tuple[Section, ...]:
        """Return the sections."""
        ...


class Builds(Protocol):
    """Builds the site of what is published."""

    def __call__(
        self, published: Published, *, defined: bool = False, images: bool = False
    ) -> Site:
        """Return it."""
        ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine; there must be one.

    Ended with the module, as its event loop lets no other run in this thread.
    """
    path = shutil.which("chromium")
    assert path is not None, "install Debian's package `chromium`"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def infos() -> tuple[SourceInfo, ...]:
    """The sources that there are."""
    return tuple(source.info for source in SOURCES.values())


@pytest.fixture(scope="session")
def filters() -> tuple[Filter, ...]:
    """What the project's own definitions make: 330 filters."""
    return load_filters(DEFINITIONS, SOURCES)


@pytest.fixture(scope="session")
def publish() -> Publishes:
    """A maker of published sets."""

    def make(
        lists: Mapping[str, Sequence[str]],
        *,
        source: str = "civitai",
        models: Sequence[Model] = (),
        statuses: Mapping[str, FilterStatus] | None = None,
        complete: bool = False,
    ) -> Published:
        own = {model.id: model for model in models}
        ids = dict.fromkeys(id_ for each in lists.values() for id_ in each)
        catalogue = Catalogue(
            source=source,
            models={
                id_: own.get(id_, Model(id=id_, source=source, slug=id_, name=f"Model {id_}"))
                for id_ in ids
            },
            stats={
                id_: Stats(downloads=1000 + place, likes=place) for place, id_ in enumerate(ids)
            },
        )
        manifests = {
            (source, path): Manifest(
                source=source,
                filter=path,
                label=path.removeprefix("filter/").replace("/", " / "),
                models_file=f"{source}-models.json",
                model_ids=tuple(listed),
                complete=complete,
            )
            for path, listed in lists.items()
        }
        status = None if statuses is None else told(source, statuses)
        return Published(manifests=manifests, catalogues={source: catalogue}, status=status)

    return make


def told(source: str, statuses: Mapping[str, FilterStatus]) -> Status:
    """Return a status file that says so of one source."""
    return Status(
        run="20260801T120000Z-0001",
        tool="1.0.0",
        updated="2026-08-01T12:00:00Z",
        auth={source: "anonymous"},
        upstream={source: "https://upstream.example"},
        filters={status_key(source, path): each for path, each in statuses.items()},
    )


@pytest.fixture(scope="session")
def sections(infos: tuple[SourceInfo, ...], filters: tuple[Filter, ...]) -> LaysOut:
    """A layer out of what is published."""

    def make(published: Published, *, defined: bool = False) -> tuple[Section, ...]:
        return lay_out(published, infos, filters if defined else None)

    return make


@pytest.fixture(scope="session")
def site(sections: LaysOut) -> Builds:
    """A builder of sites."""

    def make(published: Published, *, defined: bool = False, images: bool = False) -> Site:
        updated = published.status.updated if published.status else None
        laid = sections(published, defined=defined)
        return build(laid, updated=updated, damaged=published.damaged, images=images)

    return make
