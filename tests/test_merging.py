"""Hold that shards merged are what one run would have published, whatever has become of them."""

from __future__ import annotations

import errno
import gzip
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.sharded import QUICK, Plant, World

from manifests.errors import DefinitionError, ErrorCode
from manifests.handover import SHARD_FILE
from manifests.joining import gather
from manifests.report.exits import ExitCode, exit_code
from manifests.results import State
from manifests.settings import Access
from manifests.sharding import Shard
from manifests.shardmodels import MODELS_FILE
from manifests.sources import SOURCES
from manifests.store.canonical import encode, sha256
from manifests.store.status import status_key
from manifests.store.verdict import GateLimits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from manifests.results import RunRecord

SECRET = SecretStr("hf_averysecrettoken0123456789")
TIMES = {"attempts", "waited", "as_of", "last_success", "stale_since"}


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Return a folder in which nothing was made yet."""
    return Plant.at(tmp_path)


def states(record: RunRecord) -> dict[str, State]:
    """Return what became of each filter."""
    return {status_key(each.source, each.filter): each.state for each in record.outcomes}


def results(record: RunRecord) -> list[dict[str, object]]:
    """Return what became of each filter, but for when."""
    return [each.model_dump(exclude=TIMES) for each in record.outcomes]


def status(plant: Plant, out: str) -> dict[str, dict[str, object]]:
    """Return what `status.json` says of each filter."""
    document = json.loads((plant.folder / out / "status.json").read_bytes())
    filters: dict[str, dict[str, object]] = document["filters"]
    return filters


def code(record: RunRecord) -> ExitCode:
    """Return the exit code of a run by the usual share."""
    return exit_code(record, max_failed=0.1)


@pytest.mark.no_cover
@pytest.mark.parametrize("of", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("before", "today"),
    [
        (None, World()),
        (None, World(seed=4, left=1)),
        (World(), World(seed=1)),
        (World(), World(seed=2, left=90)),
        (World(), World(down=frozenset({"Week"}))),
        (World(), World(down=frozenset({"huggingface"}))),
        (World(), World(left=55)),
        (World(), World(left=0)),
        (World(left=60), World(down=frozenset({"AllTime", "huggingface"}))),
    ],
    ids=["first", "few", "moved", "fewer", "week", "hf", "collapse", "empty", "much"],
)
async def test_a_merge_publishes_what_one_run_would(
    plant: Plant, of: int, before: World | None, today: World
) -> None:
    """However many shards there are, every byte is that of a run that makes it all alone."""
    if before:
        await plant.make("whole", before)
        shutil.copytree(plant.folder / "whole", plant.folder / "merged")
        plant.day += 1
    whole = await plant.make("whole", today)
    merged = plant.merge(await plant.shards(of, today))
    assert plant.files("merged") == plant.files("whole")
    assert results(merged) == results(whole)
    assert status(plant, "merged") == status(plant, "whole")
    assert code(merged) is code(whole)


@pytest.mark.parametrize("style", [True, False, None])
async def test_a_merge_keeps_the_layout_that_was_asked_for(plant: Plant, *, style: bool) -> None:
    """What the shards were told of the layout, the merged set is told too."""
    settings = {out: replace(plant.settings(out), compact=style) for out in ("whole", "one", "two")}
    await plant.make("whole", settings=settings["whole"])
    await plant.make("one", settings=settings["one"], shard=Shard(1, 2))
    await plant.make("two", settings=settings["two"], shard=Shard(2, 2))
    plant.merge([plant.folder / "one", plant.folder / "two"])
    assert plant.files("merged") == plant.files("whole")


async def test_shards_compose_with_a_selection(plant: Plant) -> None:
    """Shards of some filters make what one run of them makes, and leave the others alone."""
    await plant.make("whole", World(seed=1))
    shutil.copytree(plant.folder / "whole", plant.folder / "merged")
    plant.day += 1
    await plant.make("whole", World(seed=2), only=["week*"])
    merged = plant.merge(await plant.shards(3, World(seed=2), only=["week*"]))
    assert {each.filter for each in merged.outcomes} == {
        "filter/week",
        "filter/week/loras",
        "filter/week/vaes",
    }
    assert plant.files("merged") == plant.files("whole")


async def test_a_shard_says_which_it_is(plant: Plant) -> None:
    """Record and status name the shard, of how many, and of which definitions; a whole run none."""
    record = await plant.make("shard-2", shard=Shard(2, 3))
    whole = await plant.make("whole")
    told = json.loads((plant.folder / "shard-2" / "status.json").read_bytes())
    assert record.shard is not None
    assert told["shard"] == record.shard.model_dump()
    assert (record.shard.number, record.shard.of) == (2, 3)
    assert whole.shard is None
    assert "shard" not in json.loads((plant.folder / "whole" / "status.json").read_bytes())


async def test_a_shard_is_a_whole_small_set(plant: Plant) -> None:
    """Its folder holds the manifests of its filters and the models of these, all in the index."""
    record = await plant.make("shard-1", shard=Shard(1, 2))
    files = plant.files("shard-1")
    index = {each["file"]: each["sha256"] for each in json.loads(files["index.json"])["files"]}
    assert {name: sha256(files[name]) for name in index} == index
    made = {name for name in files if "-filter-" in name}
    assert len(made) == len(record.outcomes)
    assert made < index.keys()


async def test_a_shard_with_nothing_to_do_is_well(plant: Plant) -> None:
    """With more shards than listings some make nothing, which is no failure."""
    records = [await plant.make(f"s{n}", shard=Shard(n, 20)) for n in range(1, 21)]
    idle = [each for each in records if not each.outcomes]
    assert idle
    assert {code(each) for each in records} == {ExitCode.OK}


async def test_a_lost_shard_leaves_its_filters_stale(plant: Plant) -> None:
    """They stay byte for byte, with their models; the exit code says that something is amiss."""
    await plant.make("merged")
    before = plant.files("merged")
    plant.day += 1
    merged = plant.merge(await plant.shards(4, World(seed=3), but=2))
    lost = {key for key, state in states(merged).items() if state is State.STALE}
    assert lost
    assert all(
        before[name] == data for name, data in plant.files("merged").items() if is_of(name, lost)
    )
    assert {each.failure.code for each in merged.failures if each.failure} == {ErrorCode.CANCELLED}
    assert "shard 2 of 4 is lost" in str(merged.failures[0].failure)
    assert [each.run is None for each in merged.shards] == [False, True, False, False]
    assert code(merged) is ExitCode.TOO_MANY_FAILED
    assert all(status(plant, "merged")[key]["state"] == "stale" for key in lost)


def is_of(name: str, keys: set[str]) -> bool:
    """Tell whether a file is the manifest of one of some filters."""
    files = {f"{key.replace(':', '-').replace('/', '-')}.json" for key in keys}
    return name.replace("hf-", "huggingface-") in files


async def test_a_lost_shard_is_told_though_few_filters_are_its(plant: Plant) -> None:
    """Below --max-failed the exit code is 3 all the same: nobody shall overlook it."""
    await plant.make("merged")
    merged = plant.merge(await plant.shards(12, but=2))
    assert not merged.shards[1].filters / len(merged.outcomes) > 0.1
    assert exit_code(merged, max_failed=0.5) is ExitCode.TOO_MANY_FAILED


async def test_a_lost_shard_that_was_never_published_is_missing(plant: Plant) -> None:
    """Nothing is published for its filters: there is nothing that could be stale."""
    merged = plant.merge(await plant.shards(2, but=1))
    assert {State.MISSING, State.FRESH} == set(states(merged).values())
    assert code(merged) is ExitCode.TOO_MANY_FAILED


async def test_a_shard_that_did_not_finish_is_as_good_as_lost(plant: Plant) -> None:
    """One that was killed has claimed its number, and what it left from before is not taken."""
    await plant.make("merged")
    folders = await plant.shards(2)
    plant.day += 1

    def full(path: Path, data: bytes) -> None:
        if SHARD_FILE not in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        QUICK.write(path, data)

    await plant.make("shard-2", World(seed=5), shard=Shard(2, 2), disk=replace(QUICK, write=full))
    merged = plant.merge(folders)
    assert "has not finished" in str(merged.failures[0].failure)
    assert set(states(merged).values()) == {State.STALE, State.UNCHANGED}


async def test_without_any_shard_nothing_is_made(plant: Plant) -> None:
    """Where all were killed, what is published stays, and is called stale."""
    await plant.make("merged")
    before = plant.files("merged")
    for folder in await plant.shards(2):
        note = json.loads((folder / SHARD_FILE).read_bytes())
        (folder / SHARD_FILE).write_bytes(encode({**note, "record": None, "models": None}))
    merged = plant.merge([plant.folder / "shard-1", plant.folder / "shard-2"])
    assert plant.files("merged") == before
    assert set(states(merged).values()) == {State.STALE}
    assert code(merged) is ExitCode.NOTHING_MADE


async def test_merging_again_changes_nothing(plant: Plant) -> None:
    """Not a byte, not a count of failures: the same shards are the same run."""
    await plant.make("merged", World(left=100))
    plant.day += 1
    folders = await plant.shards(3, World(left=55, down=frozenset({"Day"})))
    first = plant.merge(folders)
    files, told = plant.files("merged"), (plant.folder / "merged" / "status.json").read_bytes()
    plant.day += 3
    second, third = plant.merge(folders), plant.merge(folders[::-1])
    assert plant.files("merged") == files
    assert (plant.folder / "merged" / "status.json").read_bytes() == told
    assert first.run == second.run == third.run
    assert first.changes is not None
    assert second.changes is None
    assert State.QUARANTINED in states(first).values()
    assert {key for key, state in states(third).items() if not state.is_current} == {
        key for key, state in states(first).items() if not state.is_current
    }


async def test_a_verdict_is_accepted_by_runs_not_by_merges(plant: Plant) -> None:
    """Merging the same shards three times is no third run that comes to the same."""
    await plant.make("merged")
    plant.day += 1
    folders, seen = await plant.shards(2, World(left=55)), []
    for _ in range(4):
        seen.append(State.QUARANTINED in states(plant.merge(folders)).values())
        plant.day += 1
    for _ in range(2):
        merged = plant.merge(await plant.shards(2, World(left=55)))
        seen.append(State.QUARANTINED in states(merged).values())
        plant.day += 1
    assert seen == [True, True, True, True, True, False]


async def test_a_lost_shard_can_be_brought_later(plant: Plant) -> None:
    """Merged once more with the missing one, all is as if it had been there."""
    folders = await plant.shards(3)
    plant.merge([folders[0], folders[2]])
    plant.day += 1
    merged = plant.merge(folders)
    await plant.make("whole")
    assert plant.files("merged") == plant.files("whole")
    assert code(merged) is ExitCode.OK


async def test_what_is_published_is_not_replaced_by_what_is_older(plant: Plant) -> None:
    """Shards of yesterday do not undo what was made today."""
    folders = await plant.shards(2, World(seed=1))
    plant.day += 1
    await plant.make("merged", World(seed=2))
    files, told = plant.files("merged"), status(plant, "merged")
    plant.day += 1
    merged = plant.merge(folders)
    assert {**plant.files("merged")}.keys() == files.keys()
    assert {k: v for k, v in plant.files("merged").items() if "-filter-" in k} == {
        k: v for k, v in files.items() if "-filter-" in k
    }
    assert set(states(merged).values()) == {State.UNCHANGED}
    assert {key: each["last_success"] for key, each in status(plant, "merged").items()} == {
        key: each["last_success"] for key, each in told.items()
    }


async def test_a_shard_leaves_the_whole_to_the_merge(plant: Plant) -> None:
    """A few empty lists of one shard are no dead source; all shards together may show one."""
    limits = GateLimits(enough_empty=2)
    settings = replace(plant.settings("alone"), gate=limits)
    empty = World(left=0)
    alone = await plant.make("alone", empty, settings=settings)
    shard = await plant.make("shard-1", empty, shard=Shard(1, 1))
    assert set(states(alone).values()) == {State.QUARANTINED}
    assert set(states(shard).values()) == {State.FRESH}
    merged = plant.merge([plant.folder / "shard-1"])
    assert states(merged) == states(alone)


async def test_the_merged_record_folds_those_of_the_shards(plant: Plant) -> None:
    """Requests and totals are those of all; each shard's hosts and span are kept apart."""
    folders = await plant.shards(3)
    plant.day += 1
    await plant.make("shard-3", shard=Shard(3, 3))
    records = [
        record for folder in folders if (record := gather([folder], out=plant.folder).first.record)
    ]
    merged = plant.merge(folders)
    assert merged.requests == sum(each.requests for each in records)
    assert merged.totals is not None
    assert merged.totals.requests == merged.requests
    assert merged.totals.bytes == 100 * merged.requests
    assert [each.run for each in merged.shards] == [each.run for each in records]
    assert [each.requests for each in merged.shards] == [each.requests for each in records]
    assert merged.started == records[0].started
    assert merged.seconds == pytest.approx(86_400, abs=1)
    started = {attempt.started for query in merged.queries for attempt in query.attempts}
    assert started == {1.0, 86_401.0}
    assert merged.plan is not None
    assert merged.plan.filters == len(merged.outcomes)
    assert merged.shard is None


async def test_a_merge_is_remembered_as_a_run(plant: Plant) -> None:
    """The next one tells what is different from it."""
    first = plant.merge(await plant.shards(2))
    plant.day += 1
    second = plant.merge(await plant.shards(2, World(down=frozenset({"Day"}))))
    assert second.changes is not None
    assert second.changes.since == first.run
    assert set(second.changes.newly_failing) == {
        "civitai:filter/day",
        "civitai:filter/day/loras",
        "civitai:filter/day/vaes",
    }


async def test_a_dry_merge_writes_nothing(plant: Plant) -> None:
    """It judges, and says what would be."""
    folders = await plant.shards(2)
    merged = plant.merge(folders, settings=replace(plant.settings("merged"), dry_run=True))
    assert merged.dry_run
    assert not (plant.folder / "merged").exists()
    assert set(states(merged).values()) == {State.FRESH}


async def test_a_dry_shard_lays_no_claim(plant: Plant) -> None:
    """What would be made is handed over to nobody."""
    dry = replace(plant.settings("shard-1"), dry_run=True)
    await plant.make("shard-1", settings=dry, shard=Shard(1, 2))
    assert not (plant.folder / "shard-1").exists()


async def test_a_disk_that_refuses_leaves_the_old_set(plant: Plant) -> None:
    """The merged run says why, and nothing of it is published."""
    await plant.make("merged")
    before = plant.files("merged")
    plant.day += 1

    def full(path: Path, data: bytes) -> None:
        del data
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    folders = await plant.shards(2, World(seed=7))
    merged = plant.merge(folders, disk=replace(QUICK, write=full))
    assert plant.files("merged") == before
    assert merged.refusal is not None
    assert code(merged) is ExitCode.NOTHING_MADE


def cut(folder: Path) -> None:
    """Take a part of the models away, and let the note agree."""
    packed = (folder / MODELS_FILE).read_bytes()
    lines = gzip.decompress(packed).splitlines(keepends=True)
    replaced(folder, gzip.compress(b"".join(lines[:-1])))


def bombed(folder: Path) -> None:
    """Let a model be longer than any."""
    replaced(folder, gzip.compress(b'{"a":"' + b" " * 5_000_000 + b'"}\n'))


def scribbled(folder: Path) -> None:
    """Let the models be something else."""
    replaced(folder, gzip.compress(b"[]\n" * 1000))


def unpacked(folder: Path) -> None:
    """Let the models be in another format."""
    replaced(folder, b"not packed")


def crossed(folder: Path) -> None:
    """Break the packing itself."""
    packed = bytearray((folder / MODELS_FILE).read_bytes())
    packed[40:60] = b"\xff" * 20
    replaced(folder, bytes(packed))


def replaced(folder: Path, data: bytes) -> None:
    """Put other models in place, and let the note agree."""
    note = json.loads((folder / SHARD_FILE).read_bytes())
    note["models"]["sha256"] = sha256(data)
    (folder / SHARD_FILE).write_bytes(encode(note))
    (folder / MODELS_FILE).write_bytes(data)


def mixed_up(folder: Path) -> None:
    """Put models of another run in place."""
    (folder / MODELS_FILE).write_bytes(b"")


def unnamed(folder: Path) -> None:
    """Let the note be silent about the models."""
    note = json.loads((folder / SHARD_FILE).read_bytes())
    (folder / SHARD_FILE).write_bytes(encode({**note, "models": None}))


def removed(folder: Path) -> None:
    """Let the models be gone."""
    (folder / MODELS_FILE).unlink()


@pytest.mark.parametrize(
    "harm", [cut, bombed, scribbled, unpacked, crossed, mixed_up, removed, unnamed]
)
async def test_damaged_models_are_refused_by_name(
    plant: Plant, harm: Callable[[Path], None]
) -> None:
    """A shard whose models can't be read stops the merge before anything is written."""
    folders = await plant.shards(2)
    harm(folders[1])
    with pytest.raises(DefinitionError, match=f"shard-2/{MODELS_FILE} can't be used"):
        plant.merge(folders)
    assert not (plant.folder / "merged").exists()


async def test_a_whole_run_hands_nothing_over(plant: Plant) -> None:
    """In the folder of a shard it ends what stood there for a merge: that would be older."""
    await plant.make("shard-1", shard=Shard(1, 2))
    plant.day += 1
    whole = await plant.make("shard-1")
    assert len(whole.outcomes) == 10
    assert not {SHARD_FILE, MODELS_FILE} & plant.files("shard-1").keys()
    assert "shard" not in json.loads((plant.folder / "shard-1" / "status.json").read_bytes())


async def test_a_shard_that_was_cut_short_ends_no_merge(plant: Plant) -> None:
    """The merge is complete; what ended the shard stands in its own part of the record."""
    folders = await plant.shards(2)
    note = json.loads((folders[0] / SHARD_FILE).read_bytes())
    note["record"]["ended_by"] = "SIGTERM"
    (folders[0] / SHARD_FILE).write_bytes(encode(note))
    merged = plant.merge(folders)
    assert merged.ended_by == "completion"
    assert [each.ended_by for each in merged.shards] == ["SIGTERM", "completion"]
    assert code(merged) is ExitCode.OK


async def test_tokens_count_only_where_every_shard_had_one(plant: Plant) -> None:
    """The record says `anonymous` where any shard was, and so does the status."""
    token = replace(
        plant.settings("shard-1"),
        access={name: Access(endpoint=f"https://{name}.example", token=SECRET) for name in SOURCES},
    )
    await plant.make("shard-1", settings=token, shard=Shard(1, 2))
    second = await plant.make("shard-2", shard=Shard(2, 2))
    folders = [plant.folder / "shard-1", plant.folder / "shard-2"]
    assert set(plant.merge(folders).environment.auth.values()) == {"anonymous"}
    await plant.make("shard-2", settings=replace(token, out=folders[1]), shard=Shard(2, 2))
    assert set(plant.merge(folders).environment.auth.values()) == {"token"}
    assert second.environment.auth["civitai"] == "anonymous"
    for path in (plant.folder / "merged", *folders):
        assert all(
            SECRET.get_secret_value().encode() not in each.read_bytes() for each in path.iterdir()
        )


async def test_listings_that_are_parted_are_no_worse(plant: Plant) -> None:
    """Where a family is dealt to several shards, its records are those of the broadest listing."""
    whole = await plant.make("whole", World(seed=3))
    merged = plant.merge(await plant.shards(12, World(seed=3)))
    assert plant.files("merged") == plant.files("whole")
    assert merged.requests > whole.requests
