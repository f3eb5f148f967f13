"""Recorded pages are served as they are, and an unusable folder is explained."""

from __future__ import annotations

import gzip
from pathlib import Path

import orjson
import pytest

from manifests.errors import SettingsError
from manifests.sandbox.catalogue import from_iso
from manifests.sandbox.civitai_api import CivitaiApi
from manifests.sandbox.huggingface_api import HuggingFaceApi
from manifests.sandbox.recorded import read_recorded
from manifests.sandbox.wire import Ask

RECORDED = Path(__file__).parents[2] / ".." / "shared" / "recorded"
MODEL = {"id": 7, "name": "Seven", "type": "LORA"}


def write(folder: Path, name: str, content: object) -> None:
    """Write JSON, or bytes as they are; compressed where the name says so."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    body = content if isinstance(content, bytes) else orjson.dumps(content)
    is_compressed = name.endswith(".gz") and not isinstance(content, bytes)
    path.write_bytes(gzip.compress(body, mtime=0) if is_compressed else body)


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("civitai/a.json", b"", "can't be served"),
        ("civitai/a.json", b'{"items": [', "can't be served"),
        ("civitai/a.json", [MODEL], 'it is not an object with "items"'),
        ("civitai/a.json", {"models": []}, 'it is not an object with "items"'),
        ("civitai/a.json", {"items": [1]}, 'it is not an object with "items"'),
        ("civitai/a.json", {"items": [{"id": 7}]}, "a record has a wrong shape: name"),
        (
            "civitai/a.json",
            {"items": [MODEL | {"modelVersions": [{"createdAt": "yesterday"}]}]},
            "a record has a wrong shape: Invalid isoformat",
        ),
        ("civitai/a.json.gz", b"not gzip", "can't be served"),
        ("civitai/a.json.gz", gzip.compress(b"[]" * 99, mtime=0)[:-9], "can't be served"),
        ("huggingface/a.json", {"items": []}, "it is not an array of objects"),
        ("huggingface/a.json.gz", [{"name": "x"}], "a record has a wrong shape: id"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, name: str, content: object, cause: str) -> None:
    """A file that can't be read, or is no page, is an error that names it."""
    write(tmp_path, name, content)
    with pytest.raises(SettingsError) as caught:
        read_recorded(tmp_path)
    assert str(tmp_path / name) in caught.value.cause
    assert cause in caught.value.cause
    assert "--data" in caught.value.next_step


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    """What the disk refuses is an error of the same kind."""
    (tmp_path / "civitai" / "a.json").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"a\.json can't be served"):
        read_recorded(tmp_path)


@pytest.mark.parametrize("folder", ["", "civitai", "absent"])
def test_a_folder_without_pages_is_an_error(tmp_path: Path, folder: str) -> None:
    """A folder that holds pages of neither source is refused."""
    (tmp_path / "civitai").mkdir()
    with pytest.raises(SettingsError, match="holds no recorded pages"):
        read_recorded(tmp_path / folder)


def test_one_source_is_enough(tmp_path: Path) -> None:
    """A source without pages has no models; plain and compressed pages add up in order."""
    write(tmp_path, "huggingface/b.json.gz", [{"id": "x/b"}, {"id": "x/a", "likes": 9}])
    write(tmp_path, "huggingface/a.json", [{"id": "x/a", "likes": 1}])
    civitai, hub = read_recorded(tmp_path)
    assert list(civitai.rows) == []
    assert [(row.id, row.likes) for row in hub.rows] == [("x/a", 1), ("x/b", 0)]
    assert hub.record(hub.rows[1]) == {"id": "x/b", "author": "x", "disabled": False}


def test_sparse_records_are_readable(tmp_path: Path) -> None:
    """A record without level, creator, counters or versions is listed all the same."""
    dates = [{"publishedAt": None, "createdAt": "2025-01-02T00:00:00.000Z"}, {"baseModel": "Pony"}]
    odd = {"nsfw": True, "creator": None, "stats": {"downloadCount": None}, "modelVersions": dates}
    write(tmp_path, "civitai/a.json", {"items": [MODEL, MODEL | odd | {"id": 8}]})
    plain, flagged = read_recorded(tmp_path)[0].rows
    assert (plain.level, plain.last_version, plain.base_models) == (1, -1, ())
    assert (flagged.level, flagged.downloads, flagged.base_models) == (28, 0, ("Pony",))
    assert flagged.last_version == from_iso("2025-01-02T00:00:00.000Z")


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded data is not beside the project")
def test_the_recorded_data_is_served_whole() -> None:
    """Every recorded model is reached page by page, and the newest day is populated."""
    civitai, hub = read_recorded(RECORDED)
    assert (len(civitai.rows), len(hub.rows)) == (3834, 3276)
    api, cursor, seen = CivitaiApi(civitai), "", set()
    while True:
        ask = Ask(path="/api/v1/models", parameters=(("nsfw", "true"), *_at(cursor)))
        body = orjson.loads(api.answer(ask).body)
        seen |= {item["id"] for item in body["items"]}
        cursor = body["metadata"].get("nextCursor", "")
        if not cursor:
            break
    assert seen == {row.id for row in civitai.rows if not row.minor}
    day = Ask(path="/api/v1/models", parameters=(("nsfw", "true"), ("period", "Day")))
    assert orjson.loads(api.answer(day).body)["items"]
    items = orjson.loads(HuggingFaceApi(hub).answer(Ask(path="/api/models")).body)
    assert len(items) == 1000


def _at(cursor: str) -> tuple[tuple[str, str], ...]:
    """Return the parameter of a cursor, if there is one."""
    return (("cursor", cursor),) if cursor else ()
