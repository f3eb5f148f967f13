"""Refuse by name what does not make one run, before anything is written."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.sharded import Plant, World

from manifests.errors import DefinitionError, SettingsError
from manifests.handover import SHARD_FILE
from manifests.joining import gather
from manifests.sharding import Shard

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Return a folder in which nothing was made yet."""
    return Plant.at(tmp_path)


def rewrite(folder: Path, **changes: object) -> None:
    """Change what a shard says of itself; two lines lead deeper: `part__of`."""
    note = json.loads((folder / SHARD_FILE).read_bytes())
    for name, value in changes.items():
        *steps, last = name.split("__")
        place = note
        for step in steps:
            place = place[step]
        place[last] = value
    (folder / SHARD_FILE).write_text(json.dumps(note), encoding="utf-8")


def refusal(plant: Plant, *folders: Path) -> str:
    """Return why shards are not merged; nothing was written."""
    with pytest.raises(DefinitionError) as refused:
        plant.merge(folders)
    assert not (plant.folder / "merged").exists()
    assert "nothing was written" in refused.value.next_step
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"part__of": 3}, "is one of 3 shards, that in {first}: 2 shards"),
        (
            {"part__definitions": "f" * 64},
            "was made from other definitions: their digest is ffffffffffff, that in {first}:",
        ),
        ({"tool": "9.9"}, "was made by version 9.9, that in {first}:"),
        (
            {"only": ["x/*"], "source": "hf"},
            "was made with --only x/* --source hf, that in {first}",
        ),
        ({"compact": True}, "asked for --style compact, that in {first}: no --style"),
        ({"compact": False}, "asked for --style standard, that in {first}: no --style"),
        (
            {"upstream__civitai": "http://127.0.0.1:8765"},
            "asked civitai on this machine, huggingface at https://huggingface.example, that in",
        ),
    ],
    ids=["of", "definitions", "version", "selection", "compact", "standard", "upstream"],
)
async def test_what_is_mixed_is_refused_by_name(
    plant: Plant, changes: dict[str, object], told: str
) -> None:
    """The folder that is another's, what it has of its own, and what the first one has."""
    first, second = await plant.shards(2)
    rewrite(second, **changes)
    text = refusal(plant, first, second)
    assert f"shard 2 of {changes.get('part__of', 2)} in {second}" in text
    assert told.format(first=first) in text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"part__of": 10**12}, "less than or equal to 256"),
        ({"part__number": 3}, "not so many shards"),
        ({"record__seconds": 1e300}, "counts further than any run"),
        ({"record__started": "9999-12-31T00:00:00Z"}, "no run was made in that year"),
        ({"record__hosts": [{"source": 2**70}]}, "wrong shape at record.hosts.0.source"),
    ],
    ids=["shards", "number", "seconds", "start", "host"],
)
async def test_impossible_numbers_are_refused(
    plant: Plant, changes: dict[str, object], told: str
) -> None:
    """A merge reckons with what shards say: so these count no further than a run."""
    first, second = await plant.shards(2)
    rewrite(second, **changes)
    assert told in refusal(plant, first, second)


async def test_several_sandboxes_are_one_upstream(plant: Plant) -> None:
    """Each embedded upstream has a port of its own, and lists the same."""
    first, second = await plant.shards(2)
    rewrite(first, upstream__civitai="http://127.0.0.1:1", upstream__huggingface="http://[::1]:1")
    rewrite(second, upstream__civitai="http://127.0.0.1:2", upstream__huggingface="http://[::1]:2")
    assert len(gather([first, second], out=plant.folder / "merged").outputs) == 2


async def test_shards_of_another_version_are_refused(plant: Plant) -> None:
    """Another version may deal filters out in another way, though all shards are of it."""
    folders = await plant.shards(2)
    for folder in folders:
        rewrite(folder, tool="0.0.1")
    assert "was made by version 0.0.1, and this is" in refusal(plant, *folders)


async def test_shards_of_other_definitions_are_refused(plant: Plant) -> None:
    """Those that stand in --filters now are not those of which the shards were made."""
    folders = await plant.shards(2)
    path = plant.folder / "filters" / "civitai.toml"
    path.write_text(path.read_text("utf-8").replace("limit = 12", "limit = 13"), "utf-8")
    assert f"from other definitions than {plant.folder}/filters/" in refusal(plant, *folders)


async def test_two_of_one_number_overlap(plant: Plant) -> None:
    """Both are named, and one folder given twice is no other thing."""
    first, second = await plant.shards(2)
    copy = plant.folder / "copy"
    shutil.copytree(first, copy)
    told = refusal(plant, first, copy, second)
    assert f"{first} and {copy} overlap: both hold shard 1 of 2" in told
    assert "overlap" in refusal(plant, first, second, second)


async def test_filters_of_others_are_not_claimed(plant: Plant) -> None:
    """A shard that tells of filters which were not dealt to it, or not of all of its own."""
    first, second = await plant.shards(2)
    rewrite(second, part__number=1)
    rewrite(first, part__number=2)
    told = refusal(plant, first, second)
    assert "claims filters that are not its own: civitai:filter/" in told
    assert "lacks filters of its own: civitai:filter/" in told
    assert ", …" in told


async def test_manifests_of_nobody_are_not_taken(plant: Plant) -> None:
    """A manifest without an outcome was not made by the run that the shard tells of."""
    first, second = await plant.shards(2)
    notes = [json.loads((folder / SHARD_FILE).read_bytes()) for folder in (first, second)]
    manifests = [each for note in notes for each in note["manifests"]]
    rewrite(second, manifests=manifests)
    assert "brings manifests of filters that it does not tell of" in refusal(plant, first, second)


async def test_a_list_that_names_a_model_twice_is_none_of_ours(plant: Plant) -> None:
    """Published, it would count as damaged."""
    first, second = await plant.shards(2)
    manifests = json.loads((second / SHARD_FILE).read_bytes())["manifests"]
    manifests[0]["model_ids"] = ["1", "2", "1"]
    rewrite(second, manifests=manifests)
    assert "manifests.0.model_ids: Value error, an id stands there twice" in refusal(
        plant, first, second
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "holds no output of a shard: shard.json: No such file"),
        (b"", "shard.json is damaged: wrong shape at the document"),
        (b"{", "shard.json is damaged: wrong shape at the document"),
        (b'{"schema": 2}', "shard.json is damaged: wrong shape at schema"),
        (b"\xff\xfe\x00", "shard.json is damaged"),
        (b"[" * 100_000, "shard.json is damaged"),
    ],
    ids=["none", "empty", "cut", "later", "bytes", "deep"],
)
async def test_a_folder_without_a_shard_is_refused(
    plant: Plant, data: bytes | None, told: str
) -> None:
    """A gap whose number nobody knows is an error, not a loss."""
    first, _ = await plant.shards(2)
    strange = plant.folder / "strange"
    strange.mkdir()
    if data is not None:
        (strange / SHARD_FILE).write_bytes(data)
    text = refusal(plant, first, strange)
    assert told in text
    assert str(strange) in text


@pytest.mark.parametrize(
    "changes",
    [
        {"tool": "1\x1b[2J\u202e\nerror: all is well"},
        {"only": ["\x1b]0;title\x07\r\n"]},
        {"source": "\x9b31m"},
        {"upstream__civitai": "https://\x1b[2J\n"},
        {"part__definitions": "\x1b[2J\n\u2066"},
        {"\x1b[2J": 1},
    ],
)
async def test_what_a_shard_says_of_itself_is_harmless(
    plant: Plant, changes: dict[str, object]
) -> None:
    """No escape sequence, line or direction of its own reaches a terminal."""
    first, second = await plant.shards(2)
    rewrite(second, **changes)
    for order in ((first, second), (second, first)):
        told = refusal(plant, *order)
        assert all(line.isprintable() for line in told.splitlines())
        assert not any(line.startswith("error") for line in told.splitlines())


async def test_all_that_is_wrong_is_told_at_once(plant: Plant) -> None:
    """A line for each folder, so that all can be mended before the next try."""
    first, second = await plant.shards(2)
    rewrite(second, tool="9.9")
    nowhere = [plant.folder / "no", plant.folder / "none"]
    assert len(refusal(plant, first, second, *nowhere).splitlines()) == 3


async def test_a_shard_is_not_merged_into_itself(plant: Plant) -> None:
    """The folder of a shard is no place for the merged set."""
    first, second = await plant.shards(2)
    with pytest.raises(DefinitionError, match="is a shard's folder and --out as well"):
        plant.merge([first, second], out="shard-2")


async def test_shards_of_one_machine_are_not_merged_into_a_real_set(plant: Plant) -> None:
    """What was made up is not published over what is real; here the other way round."""
    await plant.make("merged", World())
    before = plant.files("merged")
    folders = await plant.shards(2)
    for folder in folders:
        rewrite(folder, upstream__civitai="http://127.0.0.1:1")
    with pytest.raises(SettingsError, match="holds a catalogue made from https:"):
        plant.merge(folders)
    assert plant.files("merged") == before


async def test_the_selection_is_that_of_the_shards(plant: Plant) -> None:
    """A merge makes the run that the shards were a part of, not more."""
    for number in (1, 2):
        await plant.make(f"s{number}", shard=Shard(number, 2), only=["day*"])
    merged = plant.merge([plant.folder / "s2", plant.folder / "s1"])
    assert {each.filter for each in merged.outcomes} == {
        "filter/day",
        "filter/day/loras",
        "filter/day/vaes",
    }
