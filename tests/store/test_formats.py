"""Published files, in both styles: what is written comes back, what is damaged is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from manifests.errors import ErrorCode
from manifests.models import Catalogue, Manifest, Model, Stats
from manifests.store.canonical import DamagedFileError
from manifests.store.entrylog import model_fields, stats_fields
from manifests.store.formats import (
    Style,
    counters_pieces,
    index_bytes,
    manifest_bytes,
    model_item,
    models_pieces,
    read_catalogue,
    read_index,
    read_manifest,
    read_stats,
    read_status,
    stats_item,
    status_bytes,
)
from manifests.store.index import Index, IndexEntry
from manifests.store.status import FilterStatus, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from manifests.sources.base import SourceInfo

SOURCES = st.sampled_from(["civitai", "huggingface"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
COUNTERS = st.none() | st.integers(0, 2**63 - 1)
STATS = st.builds(Stats, downloads=COUNTERS, likes=COUNTERS)
MANIFESTS = st.builds(
    Manifest,
    source=SOURCES,
    filter=TEXT.map("filter/".__add__),
    label=TEXT,
    models_file=TEXT,
    model_ids=st.lists(IDS, unique=True, max_size=4).map(tuple),
    complete=st.booleans(),
)
OPTIONAL = st.none() | TEXT
LISTS = st.lists(TEXT, max_size=2).map(tuple)
FIELDS = {
    "slug": TEXT,
    "name": TEXT,
    "author": OPTIONAL,
    "description": OPTIONAL,
    "url": OPTIONAL,
    "tags": LISTS,
    "type": OPTIONAL,
    "base_models": LISTS,
    "nsfw": st.none() | st.booleans(),
    "nsfw_level": st.none() | st.integers(0, 63),
    "parameters": COUNTERS,
    "created_at": OPTIONAL,
}


def catalogue_bytes(catalogue: Catalogue, info: SourceInfo, *, style: Style) -> bytes:
    """Return the file of one source's models; only the compact one holds their counters."""
    counters = {id_: stats_fields(each) for id_, each in catalogue.stats.items()}
    items = [
        model_item(id_, model_fields(model), counters.get(id_), style=style)
        for id_, model in sorted(catalogue.models.items())
    ]
    return b"".join(models_pieces(items, info, style=style))


def stats_bytes(stats: Mapping[str, Stats]) -> bytes:
    """Return the file of one source's counters."""
    items = [stats_item(id_, stats_fields(each)) for id_, each in sorted(stats.items())]
    return b"".join(counters_pieces(items))


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Draw a catalogue whose every model has counters."""
    source = draw(SOURCES)
    ids = draw(st.lists(IDS, unique=True, max_size=3))
    return Catalogue(
        source=source,
        models={
            id_: TypeAdapter(Model).validate_python(
                {"id": id_, "source": source, **draw(st.fixed_dictionaries(FIELDS))}
            )
            for id_ in ids
        },
        stats={id_: draw(STATS) for id_ in ids},
    )


@given(manifest=MANIFESTS)
def test_a_standard_manifest_comes_back_whole(
    infos: dict[str, SourceInfo], manifest: Manifest
) -> None:
    """The standard style loses nothing of a manifest."""
    info = infos[manifest.source]
    assert read_manifest(manifest_bytes(manifest, info, style=Style.STANDARD), info) == manifest


@given(manifest=MANIFESTS)
def test_a_compact_manifest_comes_back_as_far_as_it_goes(
    infos: dict[str, SourceInfo], manifest: Manifest
) -> None:
    """The compact style keeps source, path, catalogue and ids, and promises no complete listing."""
    info = infos[manifest.source]
    rest = replace(manifest, label=manifest.filter, complete=False)
    assert read_manifest(manifest_bytes(manifest, info, style=Style.COMPACT), info) == rest


@given(catalogue=catalogues())
def test_a_standard_catalogue_and_its_counters_come_back(
    infos: dict[str, SourceInfo], catalogue: Catalogue
) -> None:
    """The standard style keeps all of each model; the counters come back from their own file."""
    info = infos[catalogue.source]
    back = read_catalogue(catalogue_bytes(catalogue, info, style=Style.STANDARD), info)
    assert back.models == catalogue.models
    assert back.stats == {}
    assert read_stats(stats_bytes(catalogue.stats)) == catalogue.stats


@given(catalogue=catalogues())
def test_a_compact_catalogue_comes_back_as_far_as_it_goes(
    infos: dict[str, SourceInfo], catalogue: Catalogue
) -> None:
    """The compact style keeps the counters and seven fields; all others are null or empty."""
    info = infos[catalogue.source]
    kept = {"id", "source", "slug", "name", "author", "description", "tags"}
    rest = {
        id_: TypeAdapter(Model).validate_python({name: getattr(one, name) for name in kept})
        for id_, one in catalogue.models.items()
    }
    back = read_catalogue(catalogue_bytes(catalogue, info, style=Style.COMPACT), info)
    assert back.models == rest
    assert back.stats == catalogue.stats


@given(
    entries=st.lists(
        st.builds(
            IndexEntry,
            file=TEXT,
            filter=OPTIONAL,
            source=SOURCES,
            count=st.integers(0, 100),
            sha256=TEXT,
        ),
        unique_by=lambda entry: entry.file,
        max_size=4,
    )
)
def test_an_index_comes_back_and_knows_no_order(entries: list[IndexEntry]) -> None:
    """The same files give the same index, in whatever order they are listed."""
    data = index_bytes(Index.of(entries))
    assert index_bytes(Index.of(reversed(entries))) == data
    assert read_index(data) == Index.of(entries)


@given(
    filters=st.dictionaries(
        TEXT,
        st.builds(
            FilterStatus,
            state=st.sampled_from(["fresh", "stale", "missing", "quarantined"]),
            last_success=OPTIONAL,
            stale_since=OPTIONAL,
            code=st.none() | st.sampled_from(ErrorCode),
            consecutive_failures=st.integers(0, 9),
        ),
        max_size=3,
    )
)
def test_a_status_comes_back(filters: dict[str, FilterStatus]) -> None:
    """Whatever a run says of its filters can be read by the next."""
    status = Status(
        run="r",
        tool="1",
        updated="now",
        auth={"civitai": "anonymous"},
        upstream={"civitai": "https://upstream.example"},
        filters=filters,
    )
    assert read_status(status_bytes(status)) == status


def test_the_standard_shapes_are_those_of_the_design(infos: dict[str, SourceInfo]) -> None:
    """The keys of the standard files are a promise to those who read them."""
    info = infos["civitai"]
    manifest = Manifest(
        source="civitai",
        filter="filter/x",
        label="x",
        models_file="civitai-models.json",
        model_ids=("7",),
        complete=True,
    )
    model = Model(id="7", source="civitai", slug="seven", name="Seven")
    catalogue = Catalogue(source="civitai", models={"7": model})
    assert orjson.loads(manifest_bytes(manifest, info, style=Style.STANDARD)) == {
        "schema": 1,
        "source": "civitai",
        "filter": "filter/x",
        "label": "x",
        "models_file": "civitai-models.json",
        "count": 1,
        "complete": True,
        "model_ids": ["7"],
    }
    written = orjson.loads(catalogue_bytes(catalogue, info, style=Style.STANDARD))
    assert written.pop("models")["7"].keys() == {each.name for each in fields(Model)}
    assert written == {"schema": 1, "source": "civitai", "count": 1}
    assert orjson.loads(stats_bytes({"7": Stats(downloads=5)})) == {
        "schema": 1,
        "stats": {"7": {"downloads": 5, "likes": None}},
    }
    assert orjson.loads(index_bytes(Index.of([]))).keys() == {"schema", "generation", "files"}


def test_the_compact_shapes_are_those_of_the_design(infos: dict[str, SourceInfo]) -> None:
    """The short keys are a promise too; a model without counters has null ones."""
    info = infos["huggingface"]
    manifest = Manifest(
        source="huggingface",
        filter="filter/likes/small",
        label="x",
        models_file="huggingface-models.json",
        model_ids=("a/b",),
        complete=True,
    )
    model = Model(id="a/b", source="huggingface", slug="a--b", name="B", tags=("t",), type="LORA")
    catalogue = Catalogue(source="huggingface", models={"a/b": model})
    assert manifest_bytes(manifest, info, style=Style.COMPACT) == (
        b'{"f":"hf-filter/likes/small","ids":["a/b"],"mf":"huggingface-models.json","s":"hf"}\n'
    )
    assert catalogue_bytes(catalogue, info, style=Style.COMPACT) == (
        b'{"m":{"a/b":{"author":null,"description":null,"downloads":null,"id":"a/b","likes":null,'
        b'"name":"B","slug":"a--b","source":"huggingface","tags":["t"]}},"s":"hf","t":1}\n'
    )


MANIFEST = (
    '{"schema":1,"source":"civitai","filter":"filter/x","label":"x","models_file":"m",'
    '"count":1,"complete":true,"model_ids":["7"]}'
)
CATALOGUE = (
    '{"schema":1,"source":"civitai","count":1,'
    '"models":{"7":{"id":"7","source":"civitai","slug":"s","name":"n"}}}'
)


def damaged_manifests() -> list[tuple[str, str]]:
    """Return texts that are no manifest of CivitAI, each with the reason."""
    return [
        (MANIFEST[:-9], "cut off"),
        ("[]", "neither the standard nor the compact style"),
        ("{}", "neither the standard nor the compact style"),
        (MANIFEST.replace('"count":1', '"count":2'), "count is 2, expected 1"),
        (MANIFEST.replace('"civitai"', '"huggingface"'), "source is 'huggingface'"),
        (MANIFEST.replace('"schema":1', '"schema":2'), "wrong shape at schema"),
        (MANIFEST.replace('"label":"x",', ""), "wrong shape at label: Field required"),
        (MANIFEST.replace('"7"', "7"), r"wrong shape at model_ids\.0"),
        (
            MANIFEST.replace('["7"]', '["7","7"]').replace('"count":1', '"count":2'),
            "count of distinct ids is 1, expected 2",
        ),
        ('{"f":"civitai-filter/x","s":"hf","mf":"m","ids":[]}', "s is 'hf', expected 'ca'"),
        ('{"f":"hf-filter/x","s":"ca","mf":"m","ids":[]}', "the prefix in f is 'hf-filte'"),
        ('{"f":"civitai-filter/x","s":"ca","mf":"m"}', "wrong shape at ids"),
    ]


def damaged_catalogues() -> list[tuple[str, str]]:
    """Return texts that are no catalogue of CivitAI, each with the reason."""
    return [
        (CATALOGUE[:-1], "cut off"),
        (MANIFEST, "wrong shape at models"),
        (CATALOGUE.replace('"count":1', '"count":0'), "count is 0, expected 1"),
        (CATALOGUE.replace('"source":"civitai"', '"source":"x"'), "source is 'x'"),
        (CATALOGUE.replace('"id":"7"', '"id":"8"'), "the model under '7'"),
        ('{"t":1,"s":"ca","m":{}}', "t is 1, expected 0"),
        ('{"t":0,"s":"hf","m":{}}', "s is 'hf', expected 'ca'"),
    ]


@pytest.mark.parametrize(("text", "reason"), damaged_manifests())
def test_a_damaged_manifest_says_why(infos: dict[str, SourceInfo], text: str, reason: str) -> None:
    """A manifest that is cut off, of another shape or contradicts itself is refused."""
    with pytest.raises(DamagedFileError, match=reason):
        read_manifest(text.encode(), infos["civitai"])


@pytest.mark.parametrize(("text", "reason"), damaged_catalogues())
def test_a_damaged_catalogue_says_why(infos: dict[str, SourceInfo], text: str, reason: str) -> None:
    """A catalogue that is cut off, of another shape or contradicts itself is refused."""
    with pytest.raises(DamagedFileError, match=reason):
        read_catalogue(text.encode(), infos["civitai"])


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_stats, "[]", "wrong shape at the document"),
        (read_stats, '{"schema":1,"stats":{"7":{"likes":"many"}}}', r"at stats\.7\.likes"),
        (read_status, "{}", "wrong shape at run"),
        (read_index, '{"schema":1,"generation":"0","files":[]}', "generation is '0'"),
    ],
)
def test_the_other_files_say_why(read: Callable[[bytes], object], text: str, reason: str) -> None:
    """Counters, status and index are refused on the same terms."""
    with pytest.raises(DamagedFileError, match=reason):
        read(text.encode())


def test_what_a_later_version_adds_is_overlooked(infos: dict[str, SourceInfo]) -> None:
    """Keys that we don't know make no file damaged, or going back a version would lose it."""
    info = infos["civitai"]
    later = '"slug":"s","colour":"red"'
    catalogue = read_catalogue(CATALOGUE.replace('"slug":"s"', later).encode(), info)
    manifest = read_manifest(MANIFEST.replace('"label"', '"hue":1,"label"').encode(), info)
    assert catalogue.models["7"].name == "n"
    assert manifest.model_ids == ("7",)
