"""Reading the output folder: whole files are known, damaged ones are absent and named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from manifests.errors import StoreError
from manifests.models import Model, Stats
from manifests.store.formats import Style
from manifests.store.published import Published, read_published
from manifests.store.publisher import publish
from manifests.store.release import compose

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import MakeEntries, MakeManifest, MakeRelease

    from manifests.sources.base import SourceInfo


def test_a_folder_that_is_not_there_is_an_empty_set(
    tmp_path: Path, infos: dict[str, SourceInfo]
) -> None:
    """Before the first run nothing is published, and nothing is damaged."""
    assert read_published(tmp_path / "out", infos) == Published()


def test_a_file_in_place_of_the_folder_is_named(
    tmp_path: Path, infos: dict[str, SourceInfo]
) -> None:
    """What is no folder is not taken for an empty one."""
    (tmp_path / "out").write_text("")
    with pytest.raises(StoreError, match="out can't be listed") as caught:
        read_published(tmp_path / "out", infos)
    assert "--out" in caught.value.next_step


def test_what_was_published_is_read(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_release: MakeRelease,
) -> None:
    """All files of the set come back, as bytes and as records; strange files are overlooked."""
    first = make_manifest("civitai", "filter/x", "1", "2")
    second = make_manifest("huggingface", "filter/likes", "a/b")
    release = make_release(first, second)
    publish(tmp_path, release)
    (tmp_path / "README.md").write_text("read me")
    (tmp_path / "other-filter-x.json").write_text("{")
    published = read_published(tmp_path, infos)
    assert published.files == release.files
    assert published.manifests == {
        ("civitai", "filter/x"): first,
        ("huggingface", "filter/likes"): second,
    }
    assert published.catalogues["civitai"].models.keys() == {"1", "2"}
    assert published.catalogues["civitai"].stats["1"] == Stats(downloads=1)
    assert (published.status, published.damaged) == (None, ())


def test_counters_come_from_the_compact_catalogue_first(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_entries: MakeEntries,
) -> None:
    """Where a compact catalogue holds counters, an older stats file does not replace them."""
    accepted = {("civitai", "filter/x"): make_manifest("civitai", "filter/x", "1")}
    entries = make_entries("civitai", "1")
    publish(tmp_path, compose(Published(), accepted, entries, infos=infos, style=Style.COMPACT))
    stats = '{"schema":1,"stats":{"1":{"downloads":99},"2":{"likes":3}}}'
    (tmp_path / "civitai-stats.json").write_text(stats)
    catalogue = read_published(tmp_path, infos).catalogues["civitai"]
    assert catalogue.models["1"] == Model(id="1", source="civitai", slug="s-1", name="a name")
    assert catalogue.stats == {"1": Stats(downloads=1), "2": Stats(likes=3)}


@pytest.mark.parametrize(
    "name",
    [
        "civitai-filter-x.json",
        "civitai-models.json",
        "civitai-stats.json",
        "index.json",
        "status.json",
    ],
)
def test_a_damaged_file_is_absent_and_named(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_release: MakeRelease,
    name: str,
) -> None:
    """A file that was cut off costs only itself."""
    release = make_release(make_manifest("civitai", "filter/x", "1"))
    publish(tmp_path, release)
    (tmp_path / name).write_text("{")
    published = read_published(tmp_path, infos)
    (line,) = published.damaged
    assert line.startswith(f"{name}: no JSON, or cut off")
    assert published.files.keys() == release.files.keys() - {name}


@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link"])
def test_what_is_no_regular_file_is_not_opened(
    tmp_path: Path, infos: dict[str, SourceInfo], kind: str
) -> None:
    """A folder, a pipe or a dead link in place of a file is damage, and is not waited for."""
    path = tmp_path / "civitai-models.json"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to("nowhere")
    (line,) = read_published(tmp_path, infos).damaged
    assert line.startswith("civitai-models.json: ")


def test_a_manifest_under_another_name_is_damaged(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_release: MakeRelease,
) -> None:
    """A copied or renamed manifest is not taken for that of its filter."""
    publish(tmp_path, make_release(make_manifest("civitai", "filter/x", "1")))
    (tmp_path / "civitai-filter-x.json").rename(tmp_path / "civitai-filter-y.json")
    published = read_published(tmp_path, infos)
    assert published.manifests == {}
    (line,) = published.damaged
    assert line.endswith("is 'civitai-filter-y.json', expected 'civitai-filter-x.json'")


def test_counters_outlive_a_lost_catalogue(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_release: MakeRelease,
) -> None:
    """Where only the stats file is left, its counters are known."""
    publish(tmp_path, make_release(make_manifest("civitai", "filter/x", "1")))
    (tmp_path / "civitai-models.json").unlink()
    catalogue = read_published(tmp_path, infos).catalogues["civitai"]
    assert (dict(catalogue.models), dict(catalogue.stats)) == ({}, {"1": Stats(downloads=1)})


def test_what_stays_is_not_read_again(
    tmp_path: Path,
    infos: dict[str, SourceInfo],
    make_manifest: MakeManifest,
    make_release: MakeRelease,
) -> None:
    """Of a folder that is looked at twice, what was written since is read, and nothing else."""
    names = ("filter/a", "filter/b", "filter/c")
    publish(tmp_path, make_release(*(make_manifest("civitai", name, "1") for name in names)))
    first = read_published(tmp_path, infos)
    publish(tmp_path, make_release(make_manifest("civitai", "filter/b", "1", "2")))
    (tmp_path / "civitai-filter-c.json").unlink()
    second = read_published(tmp_path, infos, known=first)
    a, b, c = (("civitai", name) for name in names)
    assert second == read_published(tmp_path, infos)
    assert second.manifests[a] is first.manifests[a]
    assert second.manifests[b].model_ids == ("1", "2")
    assert c not in second.manifests
    assert second.catalogues["civitai"].models.keys() == {"1", "2"}
