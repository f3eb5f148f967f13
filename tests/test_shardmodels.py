"""The models that a shard hands over are read line by line, and believed only as far as they go."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from manifests.shardmodels import MODELS_FILE, ModelsNote, read_listings
from manifests.store.canonical import DamagedFileError, sha256
from manifests.store.spool import Spool

if TYPE_CHECKING:
    from pathlib import Path

MODEL = {"id": "1", "source": "civitai", "slug": "a", "name": "A"}


def listing(*models: object, count: int | None = None) -> bytes:
    """Return the lines of one listing."""
    head = {
        "source": "civitai",
        "parameters": [],
        "models": len(models) if count is None else count,
    }
    return b"".join(json.dumps(each).encode() + b"\n" for each in (head, *models))


def ids(folder: Path, data: bytes, *, listings: int = 1) -> list[list[str]]:
    """Return the ids of all listings in a file of these bytes."""
    (folder / MODELS_FILE).write_bytes(data)
    note = ModelsNote(sha256=sha256(data), listings=listings)
    return [
        [entry.model.id for entry in each.entries] for each in read_listings(folder, note, Spool())
    ]


def test_listings_are_read_one_by_one(tmp_path: Path) -> None:
    """Each has as many models as its first line says; more than one batch, or none at all."""
    many = [[{**MODEL, "id": str(number)}, {}] for number in range(250)]
    data = gzip.compress(listing(*many) + listing() + listing([MODEL, {"likes": 3}]))
    assert ids(tmp_path, data, listings=3) == [[str(each) for each in range(250)], [], ["1"]]


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"{}\n",
        listing(count=1),
        listing([MODEL, {}])[:-1],
        listing([MODEL]),
        listing([{**MODEL, "size_bytes": 2**53}, {}]),
        listing([MODEL, {"downloads": -(2**70)}]),
        listing([{**MODEL, "name": "x" * 5_000_000}, {}]),
    ],
    ids=["empty", "no head", "too few", "cut off", "no counters", "size", "count", "long"],
)
def test_what_is_no_file_of_models_is_refused(tmp_path: Path, lines: bytes) -> None:
    """Nothing of it is taken for less than what was written, or for more than can be counted."""
    with pytest.raises(DamagedFileError):
        ids(tmp_path, gzip.compress(lines, 1))


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(listing([MODEL, {}]))[:-20]],
    ids=["empty", "other", "half"],
)
def test_what_is_not_packed_is_refused(tmp_path: Path, data: bytes) -> None:
    """Neither another file nor half of one counts as an empty one."""
    with pytest.raises(DamagedFileError, match="no file of models"):
        ids(tmp_path, data)


def test_long_lines_are_not_held_together(tmp_path: Path) -> None:
    """A batch ends with its bytes as well: never do a hundred of the longest stand in memory."""
    long = [[{**MODEL, "id": str(number), "name": "x" * 1_000_000}, {}] for number in range(80)]
    data = gzip.compress(listing(*long), 1)
    (tmp_path / MODELS_FILE).write_bytes(data)
    note = ModelsNote(sha256=sha256(data), listings=1)
    tracemalloc.start()
    try:
        for each in read_listings(tmp_path, note, Spool(most_in_memory=1)):
            assert len(each.entries) == 80
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()
