"""Composing the next set: what is made anew, what is kept, and what never depends on order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from hypothesis import given
from hypothesis import strategies as st

from manifests.models import Manifest, Stats
from manifests.store.canonical import sha256
from manifests.store.formats import Style, read_catalogue, read_index, read_manifest, read_stats
from manifests.store.published import Published, read_published
from manifests.store.publisher import publish
from manifests.store.release import Release, compose

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from tests.store.conftest import MakeEntries, MakeManifest, MakeRelease

    from manifests.sources.base import SourceInfo

SETS = st.dictionaries(
    st.sampled_from(["filter/a", "filter/b", "filter/c/d", "filter/e"]),
    st.lists(st.integers(0, 9).map(str), unique=True, max_size=5),
    min_size=1,
)
"""Path → ids, of one source."""


def test_nothing_published_and_nothing_made_is_an_empty_index(infos: dict[str, SourceInfo]) -> None:
    """Without manifests no catalogue is made, but the index says that there is nothing."""
    release = compose(Published(), {}, {}, infos=infos)
    assert list(release.files) == ["index.json"]
    assert read_index(release.files["index.json"]).files == ()


def test_a_first_set_holds_all_that_was_made(
    make_manifest: MakeManifest, make_release: MakeRelease
) -> None:
    """Catalogues come before the manifests that point at them, and the index comes last."""
    release = make_release(
        make_manifest("huggingface", "filter/likes", "a/b"),
        make_manifest("civitai", "filter/x", "1"),
    )
    assert list(release.files) == [
        "civitai-models.json",
        "civitai-stats.json",
        "huggingface-models.json",
        "huggingface-stats.json",
        "civitai-filter-x.json",
        "hf-filter-likes.json",
        "index.json",
    ]
    assert release.orphans == ()


def test_the_index_names_all_but_the_counters(
    make_manifest: MakeManifest, make_release: MakeRelease
) -> None:
    """Each manifest and catalogue stands in the index with its count and digest."""
    release = make_release(make_manifest("civitai", "filter/x", "1", "2"))
    listed = {entry.file: entry for entry in read_index(release.files["index.json"]).files}
    assert list(listed) == ["civitai-filter-x.json", "civitai-models.json"]
    assert {name: sha256(release.files[name]) for name in listed} == {
        name: entry.sha256 for name, entry in listed.items()
    }
    assert [(entry.filter, entry.count) for entry in listed.values()] == [
        ("filter/x", 2),
        (None, 2),
    ]


def test_the_catalogue_follows_the_manifests(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    make_release: MakeRelease,
) -> None:
    """It holds the ids of new and kept manifests and no others, as the run saw them if it did."""
    kept = make_manifest("civitai", "filter/kept", "1", "2")
    publish(tmp_path, make_release(kept, make_manifest("civitai", "filter/x", "3", "4")))
    published = read_published(tmp_path, infos)
    accepted = {("civitai", "filter/x"): make_manifest("civitai", "filter/x", "5", "4")}
    entries = make_entries("civitai", "2", "4", "5", "unpublished", name="new")
    release = compose(published, accepted, entries, infos=infos)
    catalogue = read_catalogue(release.files["civitai-models.json"], infos["civitai"])
    assert {id_: model.name for id_, model in catalogue.models.items()} == {
        "1": "a name",
        "2": "new",
        "4": "new",
        "5": "new",
    }
    stats = read_stats(release.files["civitai-stats.json"])
    assert stats.keys() == catalogue.models.keys()
    assert stats["1"] == Stats(downloads=1)
    assert release.orphans == ()


def test_what_was_not_made_is_kept_byte_for_byte(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    make_release: MakeRelease,
) -> None:
    """Another style reaches only what is made: kept manifests and other sources stay."""
    first = make_release(
        make_manifest("civitai", "filter/kept", "1"),
        make_manifest("civitai", "filter/x", "2"),
        make_manifest("huggingface", "filter/likes", "a/b"),
    )
    publish(tmp_path, first)
    published = read_published(tmp_path, infos)
    accepted = {("civitai", "filter/x"): make_manifest("civitai", "filter/x", "2")}
    entries = make_entries("civitai", "2")
    second = compose(published, accepted, entries, infos=infos, style=Style.COMPACT)
    assert second.files.keys() == first.files.keys()
    assert second.changed(published) == (
        "civitai-models.json",
        "civitai-filter-x.json",
        "index.json",
    )


def test_a_manifest_made_anew_takes_the_place_of_a_namesake(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    make_release: MakeRelease,
) -> None:
    """Of two paths that share a file name, the one that was made has it; its rival's ids go."""
    publish(tmp_path, make_release(make_manifest("civitai", "filter/a-b", "1")))
    accepted = {("civitai", "filter/a/b"): make_manifest("civitai", "filter/a/b", "2")}
    published = read_published(tmp_path, infos)
    release = compose(published, accepted, make_entries("civitai", "2"), infos=infos)
    info = infos["civitai"]
    assert read_manifest(release.files["civitai-filter-a-b.json"], info).model_ids == ("2",)
    assert read_catalogue(release.files["civitai-models.json"], info).models.keys() == {"2"}


def test_models_that_a_lost_catalogue_took_along_are_named(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    make_release: MakeRelease,
) -> None:
    """Kept manifests stay when their models are gone; the ids are told to the caller."""
    publish(
        tmp_path,
        make_release(
            make_manifest("civitai", "filter/kept", "1", "2"),
            make_manifest("civitai", "filter/x", "2"),
            make_manifest("huggingface", "filter/likes", "a/b"),
        ),
    )
    for source in infos:
        (tmp_path / f"{source}-models.json").unlink()
        (tmp_path / f"{source}-stats.json").unlink()

    accepted = {("civitai", "filter/x"): make_manifest("civitai", "filter/x", "2")}
    published = read_published(tmp_path, infos)
    release = compose(published, accepted, make_entries("civitai", "2"), infos=infos)
    assert release.orphans == (("civitai", "1"), ("huggingface", "a/b"))
    assert "civitai-filter-kept.json" in release.files
    assert "huggingface-models.json" not in release.files


def test_a_stats_file_alone_makes_no_catalogue(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_release: MakeRelease,
) -> None:
    """A catalogue that isn't there does not stand in the index, whatever is known of its models."""
    publish(tmp_path, make_release(make_manifest("civitai", "filter/x", "1")))
    (tmp_path / "civitai-models.json").unlink()
    release = compose(read_published(tmp_path, infos), {}, {}, infos=infos)
    index = read_index(release.files["index.json"])
    assert [entry.file for entry in index.files] == ["civitai-filter-x.json"]
    assert "civitai-stats.json" in release.files


@given(paths=SETS, style=st.sampled_from(Style), seed=st.randoms())
def test_order_leaves_no_trace(
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    *,
    paths: dict[str, list[str]],
    style: Style,
    seed: Random,
) -> None:
    """The same manifests and models give the same bytes in the same order, however they came."""
    accepted = {
        ("civitai", path): make_manifest("civitai", path, *ids) for path, ids in paths.items()
    }
    entries = make_entries("civitai", *map(str, range(10)))
    shuffled = dict(seed.sample([*accepted.items()], len(accepted)))
    turned = {"civitai": dict(reversed(entries["civitai"].items()))}
    one = compose(Published(), accepted, entries, infos=infos, style=style)
    other = compose(Published(), shuffled, turned, infos=dict(reversed(infos.items())), style=style)
    assert [*one.files.items()] == [*other.files.items()]


@given(first=SETS, second=SETS, style=st.sampled_from(Style))
def test_every_published_id_stands_in_the_catalogue(
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
    *,
    first: dict[str, list[str]],
    second: dict[str, list[str]],
    style: Style,
) -> None:
    """Run after run, the catalogue holds exactly the ids of all manifests, and the index agrees."""
    info = infos["civitai"]
    entries = make_entries("civitai", *map(str, range(10)))
    published = Published()
    for paths in (first, second):
        accepted = {
            ("civitai", path): make_manifest("civitai", path, *ids) for path, ids in paths.items()
        }
        release = compose(published, accepted, entries, infos=infos, style=style)
        manifests = {**published.manifests, **accepted}
        catalogue = read_catalogue(release.files["civitai-models.json"], info)
        published = Published(
            files=release.files, manifests=manifests, catalogues={"civitai": catalogue}
        )

    wanted = {id_ for manifest in published.manifests.values() for id_ in manifest.model_ids}
    assert published.catalogues["civitai"].models.keys() == wanted
    for entry in read_index(published.files["index.json"]).files:
        assert entry.sha256 == sha256(published.files[entry.file])


def test_a_status_is_put_in_last_and_once() -> None:
    """The status that is added goes to the end, in place of any that was there."""
    release = Release(files={"status.json": b"old", "index.json": b"{}"}).with_status(b"new")
    assert [*release.files.items()] == [("index.json", b"{}"), ("status.json", b"new")]


def test_the_generation_ignores_counters(
    infos: dict[str, SourceInfo], make_manifest: MakeManifest, make_entries: MakeEntries
) -> None:
    """Counters move by the hour and change no generation."""
    accepted: dict[tuple[str, str], Manifest] = {
        ("civitai", "filter/x"): make_manifest("civitai", "filter/x", "1")
    }
    entries = make_entries("civitai", "1")
    moved = {
        "civitai": {
            "1": type(entries["civitai"]["1"])(
                model=entries["civitai"]["1"].model, stats=Stats(downloads=10**9)
            )
        }
    }
    one = compose(Published(), accepted, entries, infos=infos)
    other = compose(Published(), accepted, moved, infos=infos)
    assert other.changed(Published(files=one.files)) == ("civitai-stats.json",)
    assert orjson.loads(one.files["index.json"]) == orjson.loads(other.files["index.json"])
