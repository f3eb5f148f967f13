"""The made-up catalogues are the same each time, well populated, and odd enough."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.sandbox.catalogue import DAY, JsonObject, objects
from manifests.sandbox.synthetic_civitai import SyntheticCivitai
from manifests.sandbox.synthetic_huggingface import SyntheticHuggingFace

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 20_000 * DAY
CIVITAI = SyntheticCivitai(seed=1, models=4000, day=NOW)
HUB = SyntheticHuggingFace(seed=1, models=4000, day=NOW)
RECORDS = [CIVITAI.record(row) for row in CIVITAI.rows[:400]]
REPOSITORIES = [HUB.record(row) for row in HUB.rows[:400]]


def versions(record: JsonObject) -> list[JsonObject]:
    """Return the versions of a CivitAI record."""
    return objects(record["modelVersions"])


def civitai_texts(seed: int) -> list[bytes]:
    """Return the records of a small catalogue, made from last to first."""
    made = SyntheticCivitai(seed=seed, models=60, day=NOW)
    return [orjson.dumps(made.record(row)) for row in reversed(made.rows)]


def huggingface_texts(seed: int) -> list[bytes]:
    """Return the records of a small catalogue, made from last to first."""
    made = SyntheticHuggingFace(seed=seed, models=60, day=NOW)
    return [orjson.dumps(made.record(row)) for row in reversed(made.rows)]


@pytest.mark.parametrize("texts", [civitai_texts, huggingface_texts])
def test_equal_seeds_give_equal_bytes(texts: Callable[[int], list[bytes]]) -> None:
    """Rows and records depend on seed, count and day alone, not on the order of asking."""
    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_a_smaller_catalogue_is_the_head_of_a_larger_one() -> None:
    """The count of models decides where a catalogue ends, and nothing else."""
    assert SyntheticCivitai(seed=1, models=50, day=NOW).rows == CIVITAI.rows[:50]


def test_ids_are_distinct() -> None:
    """No two models share an id or a key."""
    assert len({row.id for row in CIVITAI.rows}) == 4000
    assert len({row.id for row in HUB.rows}) == len({row.key for row in HUB.rows}) == 4000


@pytest.mark.parametrize("base", ["SDXL 1.0", "SD 1.5", "SD 2.1"])
@pytest.mark.parametrize("kind", ["Checkpoint", "LORA"])
@pytest.mark.parametrize("mask", [1, 2, 4, 8, 16])
def test_facets_are_populated(base: str, kind: str, mask: int) -> None:
    """Each type, base model and level has members together."""
    assert any(
        base in row.base_models and row.type == kind and row.level & mask for row in CIVITAI.rows
    )


def test_periods_are_populated_and_the_day_is_narrow() -> None:
    """Each period holds more than the one before; of SD 2.1 little is new."""
    young = {
        days: [row for row in CIVITAI.rows if row.last_version >= NOW - days * DAY]
        for days in (1, 7, 30, 365)
    }
    counts = [len(rows) for rows in young.values()]
    assert 20 < counts[0] < counts[1] < counts[2] < counts[3] < 4000
    assert sum("SD 2.1" in row.base_models for row in young[1]) <= 5
    assert all(row.last_version <= NOW for row in CIVITAI.rows)


def test_few_models_have_most_downloads() -> None:
    """A hundredth of the models has more than a third of all downloads."""
    for rows in (CIVITAI.rows, HUB.rows):
        downloads = sorted((row.downloads for row in rows), reverse=True)
        assert sum(downloads[:40]) > sum(downloads) / 3


def test_records_agree_with_their_rows() -> None:
    """What a listing sorted and selected by is what the record shows."""
    for row, record in zip(CIVITAI.rows, RECORDS, strict=False):
        assert (record["id"], record["name"], record["type"]) == (row.id, row.name, row.type)
        assert record.get("nsfwLevel", row.level) == row.level
        assert {version["baseModel"] for version in versions(record)} == set(row.base_models)


def test_the_images_carry_the_levels_of_their_model() -> None:
    """The level of a model is the union of its images' levels."""
    for row, record in zip(CIVITAI.rows, RECORDS, strict=False):
        images = [image for version in versions(record) for image in objects(version["images"])]
        levels = {image["nsfwLevel"] for image in images if "nsfwLevel" in image}
        assert not levels or sum(map(int, map(str, levels))) == row.level


def test_civitai_records_have_a_realistic_size() -> None:
    """A record is some kilobytes of JSON."""
    sizes = [len(orjson.dumps(record)) for record in RECORDS]
    assert 1_500 < sum(sizes) / len(sizes) < 3_000


@pytest.mark.parametrize(
    "shown",
    [
        lambda r: r.get("creator", 0) is None,
        lambda r: "creator" not in r,
        lambda r: (r.get("creator") or {}).get("username", 0) is None,
        lambda r: not r["modelVersions"],
        lambda r: versions(r) and not versions(r)[0]["files"] and "mode" not in r,
        lambda r: versions(r) and not versions(r)[0]["images"] and "mode" not in r,
        lambda r: r["tags"] == [],
        lambda r: r["description"] is None,
        lambda r: "<script>" in str(r["description"]),
        lambda r: "closed <i>at all" in str(r["description"]),
        lambda r: "&amp;amp;" in str(r["description"]),
        lambda r: r.get("nsfwLevel") == 0,
        lambda r: "nsfwLevel" not in r and not r["nsfw"],
        lambda r: "nsfwLevel" not in r and r["nsfw"],
        lambda r: r["nsfw"] and r.get("nsfwLevel", 0) & 1,
        lambda r: r.get("nsfwLevel", 0) & 32,
        lambda r: '"nsfw":"Soft"' in orjson.dumps(r["modelVersions"]).decode(),
        lambda r: r["stats"]["downloadCount"] is None,
        lambda r: r["allowCommercialUse"] == "Sell",
        lambda r: r["allowCommercialUse"] == "{Image,RentCivit}",
        lambda r: isinstance(r["allowCommercialUse"], list),
        lambda r: r.get("mode") == "Archived" and not versions(r)[0]["files"],
        lambda r: r.get("mode") == "TakenDown" and not versions(r)[0]["images"],
        lambda r: r["minor"],
        lambda r: "/" in r["name"] and "|" in r["name"],
        lambda r: "🎨" in r["name"],
        lambda r: "\u200b" in r["name"],
        lambda r: "\x1b" in r["name"],
        lambda r: len({version["baseModel"] for version in versions(r)}) > 1,
        lambda r: "video" in orjson.dumps(r["modelVersions"]).decode(),
    ],
)
def test_civitai_oddities(shown: Callable[[JsonObject], object]) -> None:
    """Each oddity on record is shown by some of the first 400 models, and not by all."""
    assert 0 < sum(bool(shown(record)) for record in RECORDS) < 400


@pytest.mark.parametrize(
    "shown",
    [
        lambda r: "pipeline_tag" not in r,
        lambda r: "library_name" not in r,
        lambda r: r["gated"] is False,
        lambda r: r["gated"] == "auto",
        lambda r: r["gated"] == "manual",
        lambda r: len(r["tags"]) > 4000,
        lambda r: r["tags"] == [],
        lambda r: "日本語" in r["tags"],
        lambda r: sum(tag.startswith("license:") for tag in r["tags"]) == 2,
        lambda r: not any(tag.startswith("license:") for tag in r["tags"]),
        lambda r: "safetensors" in r,
        lambda r: "gguf" in r,
        lambda r: "-1.5B" in r["id"],
        lambda r: "-350M" in r["id"],
        lambda r: "-7b" in r["id"],
        lambda r: "cardData" not in r,
        lambda r: isinstance(r.get("cardData", {}).get("license"), list),
    ],
)
def test_huggingface_oddities(shown: Callable[[JsonObject], object]) -> None:
    """Each oddity on record is shown by some of the first 400 repositories, and not by all."""
    assert 0 < sum(bool(shown(record)) for record in REPOSITORIES) < 400


def test_half_of_the_repositories_publish_their_size() -> None:
    """About half tell how many weights they have, in all three sizes of the site."""
    known = [row.parameters for row in HUB.rows if row.parameters is not None]
    sizes = Counter("small" if n < 7e9 else "medium" if n <= 13e9 else "large" for n in known)
    assert 1800 < len(known) < 2200
    assert min(sizes.values()) > 200
    assert len(sizes) == 3


def test_repositories_hold_what_upstream_promises() -> None:
    """None is private or disabled; dates are in order and within what upstream knows."""
    assert not any(record["private"] or record["disabled"] for record in REPOSITORIES)
    assert all(1_646_263_744_000 <= row.created <= row.modified <= NOW for row in HUB.rows)
