"""Sets whose catalogues are in parts: made, put in place, read, damaged, and made whole again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

import pytest

from manifests.errors import StoreError
from manifests.models import Model, Stats
from manifests.sources.base import Entry
from manifests.store.canonical import sha256
from manifests.store.formats import Style, index_bytes, read_catalogue, read_index, read_stats
from manifests.store.index import Index
from manifests.store.parts import part_of
from manifests.store.published import Published, read_published
from manifests.store.publisher import publish
from manifests.store.release import compose

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.store.conftest import MakeManifest

    from manifests.sources.base import SourceInfo
    from manifests.store.release import Release

Compose: TypeAlias = "Callable[..., Release]"

IDS = tuple(map(str, range(40)))
KEY = ("civitai", "filter/x")
MODELS, STATS = "civitai-models.json", "civitai-stats.json"
SMALL = 8_000
"""Bytes of a file, at most: forty models take about four of them."""


def entries(*ids: str, name: str = "a name") -> dict[str, dict[str, Entry]]:
    """Return models with counters."""
    made = {
        id_: Entry(
            model=Model(id=id_, source="civitai", slug="s", name=name),
            stats=Stats(downloads=int(id_)),
        )
        for id_ in ids
    }
    return {"civitai": made}


@pytest.fixture
def make(infos: dict[str, SourceInfo], make_manifest: MakeManifest) -> Compose:
    """Compose the set of one manifest, in files of a certain size."""

    def compose_one(
        *ids: str,
        after: Published | None = None,
        most_bytes: int = SMALL,
        style: Style = Style.STANDARD,
        path: str = "filter/x",
    ) -> Release:
        accepted = {("civitai", path): make_manifest("civitai", path, *ids)}
        return compose(
            after or Published(),
            accepted,
            entries(*ids),
            infos=infos,
            style=style,
            most_bytes=most_bytes,
        )

    return compose_one


def shown(folder: Path) -> set[str]:
    """Return the names in a folder."""
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("style", Style)
def test_a_large_catalogue_is_in_parts(
    infos: dict[str, SourceInfo], make: Compose, style: Style
) -> None:
    """A directory stands in its place; each file is small, and each model where the rule says."""
    files = make(*IDS, style=style, most_bytes=2_000).files
    directory = json.loads(files[MODELS])
    parts = directory["p" if style is Style.COMPACT else "parts"]
    assert parts == [f"civitai-models-{number:04}.json" for number in range(len(parts))]
    assert directory["t" if style is Style.COMPACT else "count"] == len(IDS)
    found = [read_catalogue(files[name], infos["civitai"]) for name in parts]
    for number, catalogue in enumerate(found):
        assert len(files[parts[number]]) < 2_400
        assert {part_of(id_, len(parts)) for id_ in catalogue.models} <= {number}
    assert sorted(id_ for each in found for id_ in each.models) == sorted(IDS)


def test_counters_are_in_the_same_parts(make: Compose) -> None:
    """Whoever knows a model's part knows that of its counters."""
    files = make(*IDS).files
    names = json.loads(files[STATS])["parts"]
    assert len(names) == len(json.loads(files[MODELS])["parts"]) > 1
    for models, counters in zip(json.loads(files[MODELS])["parts"], names, strict=True):
        assert json.loads(files[models])["models"].keys() == read_stats(files[counters]).keys()


def test_the_index_names_directory_and_parts(make: Compose) -> None:
    """Each with its count and digest, so that a reader can tell a mixture from a set."""
    files = make(*IDS).files
    listed = {each.file: each for each in read_index(files["index.json"]).files}
    parts = json.loads(files[MODELS])["parts"]
    assert listed.keys() == {MODELS, *parts, "civitai-filter-x.json"}
    assert listed[MODELS].count == sum(listed[name].count for name in parts) == len(IDS)
    assert all(each.sha256 == sha256(files[name]) for name, each in listed.items())


@pytest.mark.parametrize("style", Style)
def test_a_set_in_parts_is_read_as_any_other(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose, style: Style
) -> None:
    """Models and counters come back, and the whole one says the same."""
    publish(tmp_path / "parts", make(*IDS, style=style, most_bytes=2_000))
    publish(tmp_path / "whole", make(*IDS, style=style, most_bytes=10**9))
    parts, whole = (read_published(tmp_path / name, infos) for name in ("parts", "whole"))
    found = parts.catalogues["civitai"]
    assert parts.damaged == ()
    assert found == whole.catalogues["civitai"]
    assert (len(found.models), len(found.stats)) == (40, 40)
    assert found.models["7"].id == "7"
    assert found.stats["7"] == Stats(downloads=7)
    assert "no such id" not in found.models
    with pytest.raises(KeyError):
        found.models["no such id"]


def test_an_equal_run_changes_nothing(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """Parts that are as they were are not written again."""
    publish(tmp_path, make(*IDS))
    published = read_published(tmp_path, infos)
    again = make(*IDS, after=published)
    assert again.changed(published) == again.removed == ()
    assert publish(tmp_path, again).written == ()


def test_one_model_more_changes_one_part(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """All other parts stay byte for byte, and kept manifests keep their models."""
    publish(tmp_path, make(*IDS))
    published = read_published(tmp_path, infos)
    release = make("40", after=published, path="filter/y")
    parts = len(json.loads(published.files[MODELS])["parts"])
    number = part_of("40", parts)
    assert {*release.changed(published)} == {
        MODELS,
        f"civitai-models-{number:04}.json",
        f"civitai-stats-{number:04}.json",
        "civitai-filter-y.json",
        "index.json",
    }


def test_it_becomes_whole_again(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """Parts that nobody needs go in the same swap, after the index that knows them no more."""
    publish(tmp_path, make(*IDS))
    assert "civitai-models-0001.json" in shown(tmp_path)
    release = make("1", "2", after=read_published(tmp_path, infos), most_bytes=10**9)
    publication = publish(tmp_path, release)
    assert publication.removed == release.removed
    assert shown(tmp_path) == {MODELS, STATS, "civitai-filter-x.json", "index.json"}
    found = read_published(tmp_path, infos)
    assert found.damaged == ()
    assert found.catalogues["civitai"].models.keys() == {"1", "2"}


def test_it_falls_into_parts(tmp_path: Path, infos: dict[str, SourceInfo], make: Compose) -> None:
    """What was whole is in parts once it is too large; with kept models and their counters."""
    publish(tmp_path, make(*IDS, most_bytes=10**9))
    release = make("40", after=read_published(tmp_path, infos), path="filter/y")
    publish(tmp_path, release)
    found = read_published(tmp_path, infos).catalogues["civitai"]
    assert found.models.keys() == {*IDS, "40"}
    assert found.stats["39"] == Stats(downloads=39)


def test_a_source_that_is_not_made_keeps_its_parts(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose, make_manifest: MakeManifest
) -> None:
    """Byte for byte, and in the index as before."""
    publish(tmp_path, make(*IDS))
    published = read_published(tmp_path, infos)
    accepted = {("huggingface", "filter/y"): make_manifest("huggingface", "filter/y")}
    release = compose(published, accepted, {}, infos=infos)
    assert {*published.files} < {*release.files}
    assert not release.removed
    assert not release.orphans
    before = {each.file: each for each in read_index(published.files["index.json"]).files}
    after = {each.file: each for each in read_index(release.files["index.json"]).files}
    assert before.items() <= after.items()


def test_a_damaged_part_costs_only_itself(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """Its models are absent, and are named once a run keeps manifests that list them."""
    publish(tmp_path, make(*IDS))
    (tmp_path / "civitai-models-0001.json").write_bytes(b"{")
    published = read_published(tmp_path, infos)
    (line,) = published.damaged
    assert line.startswith("civitai-models-0001.json: no JSON, or cut off")
    parts = len(json.loads(published.files[MODELS])["parts"])
    lost = {id_ for id_ in IDS if part_of(id_, parts) == 1}
    assert published.catalogues["civitai"].models.keys() == {*IDS} - lost
    kept = compose(published, {}, {}, infos=infos)
    assert kept.orphans == tuple(("civitai", id_) for id_ in sorted(lost))
    made = make("100", after=published, path="filter/y")
    assert made.orphans == kept.orphans


def test_a_lost_directory_leaves_the_counters(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """Without it nobody knows the parts of the models; those of the counters have their own."""
    publish(tmp_path, make(*IDS))
    (tmp_path / MODELS).unlink()
    found = read_published(tmp_path, infos).catalogues["civitai"]
    assert (len(found.models), found.stats["7"]) == (0, Stats(downloads=7))


def test_counters_in_other_parts_are_absent(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """Both are always made together, so that others than expected are not ours."""
    publish(tmp_path, make(*IDS))
    (tmp_path / STATS).write_text('{"schema":1,"stats":{"7":{"downloads":1}}}')
    found = read_published(tmp_path, infos).catalogues["civitai"]
    assert (len(found.models), len(found.stats)) == (40, 0)


def test_counters_in_parts_beside_a_whole_catalogue_are_absent(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """So they are when the models are asked for, too: a file put back by hand ends no run."""
    publish(tmp_path, make(*IDS))
    whole = make(*IDS, most_bytes=1_000_000)
    (tmp_path / MODELS).write_bytes(whole.files[MODELS])
    catalogue = read_published(tmp_path, infos).catalogues["civitai"]
    assert sorted(catalogue.models) == sorted(IDS)
    assert not [*catalogue.stats]
    assert len(catalogue.stats) == 0


def test_a_model_in_the_wrong_part_is_damage(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """A reader would not find it there."""
    publish(tmp_path, make(*IDS))
    first, second = (tmp_path / f"civitai-models-000{number}.json" for number in (0, 1))
    first.write_bytes(second.read_bytes())
    (line,) = read_published(tmp_path, infos).damaged
    assert "does not belong into part 0" in line


@pytest.mark.parametrize(
    ("directory", "why"),
    [
        ({"schema": 1, "rule": "crc32", "parts": ["../a", "b"]}, "the list of parts"),
        ({"schema": 1, "rule": "crc32", "parts": ["civitai-models-0000.json"] * 2}, "the list"),
        ({"schema": 1, "rule": "crc32", "parts": []}, "0 parts"),
        ({"schema": 1, "rule": "crc32", "parts": ["a", "b", "c"]}, "3 parts"),
        ({"schema": 1, "rule": "md5", "parts": ["a", "b"]}, "in a way that is not known"),
        ({"p": "ab", "s": "ca", "t": 1}, "in a way that is not known"),
    ],
)
def test_a_strange_directory_is_damage(
    tmp_path: Path, infos: dict[str, SourceInfo], directory: object, why: str
) -> None:
    """One that names files as we never do is followed nowhere."""
    (tmp_path / MODELS).write_text(json.dumps(directory))
    published = read_published(tmp_path, infos)
    (line,) = published.damaged
    assert why in line
    assert published.catalogues == {}


def test_a_catalogue_that_is_not_wanted_is_not_read(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """Whoever lists filters is spared the models, damaged ones too."""
    publish(tmp_path, make(*IDS))
    (tmp_path / "civitai-models-0001.json").write_bytes(b"{")
    published = read_published(tmp_path, infos, catalogues=False)
    assert (published.catalogues, published.damaged) == ({}, ())
    assert published.manifests.keys() == {KEY}


def test_files_changed_by_others_are_not_taken_for_ours(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """A set that is read later than it was looked at is what it was, or an error."""
    publish(tmp_path, make(*IDS))
    published = read_published(tmp_path, infos)
    (tmp_path / "civitai-models-0000.json").write_bytes(b"{}")
    (tmp_path / "civitai-models-0001.json").unlink()
    models = published.catalogues["civitai"].models
    assert models.keys() == {*IDS}  # which models there were is known all the same
    with pytest.raises(StoreError, match="was changed while it was used"):
        [*models.values()]
    with pytest.raises(StoreError, match="changed while it was used"):
        models[next(id_ for id_ in IDS if part_of(id_, 4) == 1)]


@pytest.mark.parametrize("most_bytes", [SMALL, 10**9])
@pytest.mark.parametrize("style", Style)
def test_what_the_index_vouches_for_is_looked_at_for_its_ids(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose, style: Style, most_bytes: int
) -> None:
    """With or without the index, whose digests tell that a file is as it was, all is the same."""
    publish(tmp_path, make(*IDS, style=style, most_bytes=most_bytes))
    found = read_published(tmp_path, infos).catalogues["civitai"]
    (tmp_path / "index.json").unlink()
    assert read_published(tmp_path, infos).catalogues["civitai"] == found
    assert found.models.keys() == {*IDS}


def test_a_file_of_our_own_that_is_none_of_ours_is_damage(
    tmp_path: Path, infos: dict[str, SourceInfo], make: Compose
) -> None:
    """A digest says that nobody changed a file, and not that this version can read it."""
    release = make("1", most_bytes=10**9)
    data = release.files[MODELS].replace(b'"models"', b'"others"')
    index = read_index(release.files["index.json"])
    listed = [
        each.model_copy(update={"sha256": sha256(data)}) if each.file == MODELS else each
        for each in index.files
    ]
    publish(tmp_path, release)
    (tmp_path / MODELS).write_bytes(data)
    (tmp_path / "index.json").write_bytes(index_bytes(Index.of(listed)))
    (line,) = read_published(tmp_path, infos).damaged
    assert line.startswith(f"{MODELS}: wrong shape at models")
