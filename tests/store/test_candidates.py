"""Quarantined candidates as bytes: what is kept comes back, and can be published as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.models import Manifest, Model, Stats
from manifests.sources.base import Entry
from manifests.store.candidates import Quarantined, quarantined_bytes, read_quarantined
from manifests.store.canonical import DamagedFileError
from manifests.store.published import Published
from manifests.store.release import compose

if TYPE_CHECKING:
    from tests.store.conftest import MakeEntries, MakeManifest

    from manifests.sources.base import SourceInfo

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
COUNTERS = st.none() | st.integers(0, 2**63 - 1)


@st.composite
def candidates(draw: st.DrawFn) -> Quarantined:
    """Draw a candidate whose every model is known."""
    ids = draw(st.lists(TEXT, unique=True, max_size=4))
    manifest = Manifest(
        source="civitai",
        filter=draw(TEXT),
        label=draw(TEXT),
        models_file=draw(TEXT),
        model_ids=tuple(ids),
        complete=draw(st.booleans()),
    )
    entries = {
        id_: Entry(
            model=Model(
                id=id_,
                source="civitai",
                slug=draw(TEXT),
                name=draw(TEXT),
                tags=tuple(draw(st.lists(TEXT, max_size=2))),
                nsfw=draw(st.none() | st.booleans()),
                parameters=draw(COUNTERS),
                mode=draw(st.none() | st.just("TakenDown")),
            ),
            stats=Stats(downloads=draw(COUNTERS), likes=draw(COUNTERS)),
        )
        for id_ in ids
    }
    return Quarantined(manifest=manifest, entries=entries)


@given(candidate=candidates())
@settings(max_examples=40)
def test_a_candidate_comes_back_whole(candidate: Quarantined) -> None:
    """Nothing of a manifest, its models and their counters is lost, and the bytes are its own."""
    data = quarantined_bytes(candidate)
    back = read_quarantined(data)
    assert (back, back.key) == (candidate, ("civitai", candidate.manifest.filter))
    turned = Quarantined(
        manifest=candidate.manifest, entries=dict(reversed([*candidate.entries.items()]))
    )
    assert quarantined_bytes(turned) == data


def test_it_keeps_what_its_manifest_needs(
    make_manifest: MakeManifest, make_entries: MakeEntries
) -> None:
    """Of all models that a run saw, those of the manifest are kept; unknown ones are left out."""
    manifest = make_manifest("civitai", "filter/x", "1", "2", "lost")
    candidate = Quarantined.of(manifest, make_entries("civitai", "1", "2", "3")["civitai"])
    assert [*candidate.entries] == ["1", "2"]


def test_it_is_published_as_if_it_had_never_waited(
    infos: dict[str, SourceInfo], make_manifest: MakeManifest, make_entries: MakeEntries
) -> None:
    """The set that follows is the same, byte for byte, as with the candidate of the run itself."""
    manifest = make_manifest("civitai", "filter/x", "1", "2")
    entries = make_entries("civitai", "1", "2")
    kept = read_quarantined(quarantined_bytes(Quarantined.of(manifest, entries["civitai"])))
    at_once = compose(Published(), {kept.key: manifest}, entries, infos=infos)
    later = compose(Published(), {kept.key: kept.manifest}, {"civitai": kept.entries}, infos=infos)
    assert later == at_once


def test_a_later_version_may_add_to_it(
    make_manifest: MakeManifest, make_entries: MakeEntries
) -> None:
    """Keys that this version does not know are overlooked, at the top and within."""
    candidate = Quarantined.of(
        make_manifest("civitai", "filter/x", "1"), make_entries("civitai", "1")["civitai"]
    )
    document = orjson.loads(quarantined_bytes(candidate))
    document["new"] = document["manifest"]["new"] = document["models"]["1"]["new"] = 1
    assert read_quarantined(orjson.dumps(document)) == candidate


ALONE = (
    b'{"schema":1,"manifest":{"source":"civitai","filter":"f","label":"","models_file":"m",'
    b'"model_ids":[],"complete":true},"models":{},"stats":{"1":{}}}'
)
"""Counters of a model that is not there."""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b'{"schema":1', "cut off"),
        (b"[]", "no quarantined candidate"),
        (b'{"schema":2,"manifest":{},"models":{},"stats":{}}', "no quarantined candidate"),
        (ALONE, "not of the same ids"),
    ],
)
def test_what_is_not_whole_is_refused(data: bytes, reason: str) -> None:
    """Bytes that are no whole candidate say so, and are never published."""
    with pytest.raises(DamagedFileError, match=reason):
        read_quarantined(data)
