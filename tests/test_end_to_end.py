"""The whole over real HTTP: what upstream answers, or fails to, and what is published of it."""

from __future__ import annotations

import gzip
import re
import shutil
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import orjson
import pytest

from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.events import silent
from manifests.fetch.fetcher import Fetcher
from manifests.fetch.hosts import host_of
from manifests.fetch.limiter import FixedLimiter
from manifests.fetch.retry import RetryPolicy
from manifests.fetch.transport import Timeouts, open_transport, shared_context
from manifests.preparing import prepare
from manifests.report.exits import exit_code
from manifests.results import State
from manifests.runner import Workplace, run
from manifests.sandbox.faults import STATUSES
from manifests.sandbox.server import SandboxOptions, running
from manifests.settings import Access, Pace, Settings
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manifests.results import RunRecord

# Whole runs in this process: each of their lines has a test nearer to it.
pytestmark = pytest.mark.no_cover

FILTERS = Path(__file__).parents[1] / "filters"
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
RECORDED = Path(__file__).parents[2] / "shared" / "recorded"
TYPES = {"Checkpoint": "checkpoints", "LORA": "loras"}
BASES = {"SDXL 1.0": "sdxl", "SD 1.5": "sd15", "SD 2.1": "sd21"}
AGES = {"day": 1, "week": 7, "month": 30, "year": 365}
MASKS = {"pg": 1, "pg13": 3, "r": 7, "x": 15}
CONTEXT = shared_context()
HASTE = 100.0
"""How much faster than the world the runs' clock goes, so that no back-off is waited for."""
FEW_MODELS = SandboxOptions(models=2200)
IMPATIENT = Timeouts(connect=2, read=0.2, total=0.35)
ENDLESS = {"timeout", "drip", "endless"}
LONG = {
    "civitai.toml": """
        source = "civitai"
        sort = "Most Downloaded"
        limit = 250
        filters = [
          { path = "filter/everything", parameters = { nsfw = true } },
          { path = "filter/loras", parameters = { nsfw = true, types = ["LORA"] } },
        ]""",
    "huggingface.toml": """
        source = "huggingface"
        sort = "likes"
        limit = 2100
        filters = [
          { path = "filter/likes" },
          { path = "filter/downloads", parameters = { sort = "downloads" } },
        ]""",
}
"""Definitions of two filters a source, each of three pages: enough for a cursor to go round."""
BROKEN = {
    **dict.fromkeys(("429", "500", "502", "503", "504"), ErrorCode.MAX_RETRIES_EXCEEDED),
    **{f"52{n}": ErrorCode.MAX_RETRIES_EXCEEDED for n in (0, 1, 2, 3, 4, 9)},
    **dict.fromkeys(("timeout", "reset", "truncate"), ErrorCode.MAX_RETRIES_EXCEEDED),
    **dict.fromkeys(("drip", "endless", "html"), ErrorCode.MAX_RETRIES_EXCEEDED),
    **dict.fromkeys(("error", "json"), ErrorCode.MAX_RETRIES_EXCEEDED),
    "401": ErrorCode.AUTH_ERROR,
    "403": ErrorCode.CHALLENGE,
    "404": ErrorCode.NOT_FOUND,
    "451": ErrorCode.REGION_BLOCKED,
    "challenge": ErrorCode.CHALLENGE,
    "empty": ErrorCode.QUARANTINED,
    "loop": ErrorCode.PAGINATION_ERROR,
}
"""Fault → the code of every filter that it costs."""


def hasty_clock() -> Clock:
    """Return a clock that goes faster than the world, alike for waits and for intervals."""
    return Clock(
        monotonic=lambda: anyio.current_time() * HASTE,
        wall=lambda: NOON,
        sleep=lambda seconds: anyio.sleep(seconds / HASTE),
    )


async def generate(
    options: SandboxOptions,
    out: Path,
    *,
    filters: Path = FILTERS,
    attempts: int = 8,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is frozen
) -> RunRecord:
    """Make one run against an upstream of its own."""
    clock = hasty_clock()
    async with (
        running(options, clock=Clock(wall=lambda: NOON)) as upstream,
        AsyncExitStack() as open_,
    ):
        access = {name: Access(endpoint=upstream.url) for name in SOURCES}
        settings = Settings(filters=filters, out=out, access=access, attempts=attempts)
        prepared = prepare(settings, SOURCES, now=NOON)
        transport = partial(
            open_transport,
            timeouts=timeouts,
            context=CONTEXT,
            trust_env=False,
        )
        fetchers = {
            name: Fetcher(
                host_of(source.info, access[name], contact="https://example.org"),
                transport=await open_.enter_async_context(transport()),
                limiter=FixedLimiter(Pace(concurrency=8, delay=0), clock=clock),
                policy=RetryPolicy(attempts=attempts),
                clock=clock,
                reporter=silent,
            )
            for name, source in SOURCES.items()
        }
        return await run(prepared, Workplace(fetchers=fetchers, reporter=silent, clock=clock))


async def broken_run(fault: str, out: Path, definitions: Path) -> RunRecord:
    """Make one run against an upstream that always fails in one way, without a second try."""
    options = replace(FEW_MODELS, simulate=fault)
    timeouts = IMPATIENT if fault in ENDLESS else Timeouts()
    return await generate(options, out, filters=definitions, attempts=1, timeouts=timeouts)


def contents(folder: Path) -> dict[str, bytes]:
    """Return name → bytes of all files but the volatile one."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "status.json"}


def states(record: RunRecord) -> Counter[State]:
    """Return how many filters ended in each state."""
    return Counter(outcome.state for outcome in record.outcomes)


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the definitions of few filters with long listings."""
    folder = tmp_path_factory.mktemp("definitions")
    for name, text in LONG.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, definitions: Path) -> Path:
    """A folder with the manifests of a good run over few filters."""
    out = tmp_path_factory.mktemp("good")
    record = anyio.run(partial(generate, FEW_MODELS, out, filters=definitions))
    assert states(record) == {State.FRESH: 4}
    assert [query.pages for query in record.queries] == [3, 3, 3, 3]
    return out


def test_every_fault_is_here() -> None:
    """No status that the sandbox can send is left out of the table."""
    assert BROKEN.keys() >= STATUSES


@pytest.mark.parametrize(("fault", "code"), BROKEN.items(), ids=BROKEN)
async def test_no_fault_spoils_what_is_published(
    fault: str, code: ErrorCode, good: Path, definitions: Path, tmp_path: Path
) -> None:
    """Whatever upstream does, not a byte of the published set changes, and the run has failed."""
    out = tmp_path / "out"
    shutil.copytree(good, out)
    record = await broken_run(fault, out, definitions)
    assert contents(out) == contents(good)
    assert exit_code(record, max_failed=0.1) == 1
    assert {each.failure.code for each in record.outcomes if each.failure} == {code}
    status = orjson.loads((out / "status.json").read_bytes())["filters"]
    wanted = "quarantined" if fault == "empty" else "stale"
    assert {each["state"] for each in status.values()} == {wanted}
    assert {each["consecutive_failures"] for each in status.values()} == {1}


@pytest.mark.parametrize("fault", BROKEN)
async def test_no_fault_is_an_empty_manifest(fault: str, definitions: Path, tmp_path: Path) -> None:
    """Where nothing was published before, a failure leaves no manifest at all."""
    record = await broken_run(fault, tmp_path, definitions)
    assert [name for name in contents(tmp_path) if "-filter-" in name] == []
    assert exit_code(record, max_failed=1.0) == 1


@pytest.fixture(scope="module")
def good_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all 330 manifests of a good run."""
    out = tmp_path_factory.mktemp("good_day")
    record = anyio.run(partial(generate, SandboxOptions(models=800), out))
    assert states(record) == {State.FRESH: 330}
    return out


@pytest.mark.parametrize(
    "simulate",
    [
        "429:5%,503:5%,504:5%,reset:3%,truncate:2%",
        "html:5%,json:5%,error:4%,502:3%,524:3%",
    ],
)
async def test_a_bad_day_costs_no_manifest(simulate: str, good_day: Path, tmp_path: Path) -> None:
    """When one request in five fails at random, every file is made as on a good day."""
    record = await generate(SandboxOptions(models=800, simulate=simulate), tmp_path)
    assert states(record) == {State.FRESH: 330}
    assert exit_code(record, max_failed=0.0) == 0
    failed = [each for query in record.queries for each in query.attempts if each.code]
    assert len(failed) > 10
    assert contents(tmp_path) == contents(good_day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a slow, obvious reader sees in a recorded model."""

    id: str
    words: frozenset[str]
    """The slugs of all facets, but for level and order, under which it belongs."""
    downloads: int
    likes: int
    tie: str
    """What puts models with equal counters in order."""
    level: int = 0
    flagged: bool = False
    minor: bool = False


def recorded(source: str) -> list[dict[str, Any]]:
    """Return all recorded models, the first of each id."""
    models: dict[object, dict[str, Any]] = {}
    for path in sorted((RECORDED / source).glob("*.json.gz")):
        page = orjson.loads(gzip.decompress(path.read_bytes()))
        for model in page["items"] if source == "civitai" else page:
            models.setdefault(model["id"], model)
    return list(models.values())


def newest(model: dict[str, Any]) -> datetime:
    """Return when the newest version came out; without a version, long ago."""
    dates = [each.get("publishedAt") or each["createdAt"] for each in model["modelVersions"]]
    return datetime.fromisoformat(max(dates, default="1970-01-01T00:00:00Z"))


def see_civitai() -> list[Seen]:
    """Return the recorded checkpoints and LoRAs, by falling downloads, then likes, then id."""
    models = recorded("civitai")
    now = max(newest(model) for model in models)
    seen = []
    for model in models:
        bases = {BASES.get(each["baseModel"], "") for each in model["modelVersions"]}
        young = {word for word, days in AGES.items() if now - newest(model) <= timedelta(days)}
        row = Seen(
            id=str(model["id"]),
            words=frozenset({TYPES.get(model["type"], ""), *bases, *young}),
            downloads=model["stats"]["downloadCount"] or 0,
            likes=model["stats"]["thumbsUpCount"],
            tie=f"{model['id']:09}",
            level=model["nsfwLevel"],
            flagged=model["nsfw"],
            minor=model.get("minor", False),
        )
        seen += [row] if model["type"] in TYPES else []
    return sorted(seen, key=lambda row: (-row.downloads, -row.likes, row.tie))


def see_huggingface() -> list[Seen]:
    """Return the recorded repositories; their sizes stand in their names only."""
    seen = []
    for model in recorded("huggingface"):
        found = re.search(
            r"(?i)(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)(b|m)(?![a-z0-9])", model["id"]
        )
        billions = 0.0
        if found:
            billions = int(found[1] or 1) * float(found[2]) / (1 if found[3] in "bB" else 1000)
        size = "small" if billions < 7 else "medium" if billions <= 13 else "large"
        tags = {"license:apache-2.0": "apache", "license:mit": "mit"}
        licenses = {tags[tag] for tag in model["tags"] if tag in tags} or {"other"}
        seen.append(
            Seen(
                id=model["id"],
                words=frozenset({size, *licenses}),
                downloads=model["downloads"],
                likes=model["likes"],
                tie=model["_id"],
            )
        )
    return seen


def obvious(path: str, source: str, seen: Sequence[Seen]) -> list[str]:
    """Return the ids that a filter's manifest should hold."""
    words = set(path.split("/")[1:])
    if source == "huggingface":
        counter = "likes" if "likes" in words else "downloads"
        ordered = sorted(seen, key=lambda row: (-getattr(row, counter), row.tie))
        return [row.id for row in ordered if words - {"likes"} <= row.words][:100]
    mask = sum(MASKS.get(word, 0) for word in words)
    return [
        row.id
        for row in seen
        if words - MASKS.keys() <= row.words
        and not row.level & 32
        and (row.level & 1 if mask == 1 else not row.minor)
        and (row.level & mask or not mask)
        and not (row.flagged and mask in {1, 3})
    ][:100]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, dict[str, Any]]:
    """The record of a whole run over recorded answers, and its manifests by name."""
    if not RECORDED.exists():
        pytest.skip("the recorded data is not beside the project")
    out = tmp_path_factory.mktemp("recorded")
    record = anyio.run(partial(generate, SandboxOptions(data=RECORDED), out))
    files = {name: data for name, data in contents(out).items() if "-filter-" in name}
    return record, {name: orjson.loads(data) for name, data in files.items()}


def test_manifests_hold_what_is_obvious(catalogue: tuple[RunRecord, dict[str, Any]]) -> None:
    """Each of the 330 manifests holds just what an obvious reader selects, in that order."""
    record, manifests = catalogue
    assert states(record) == {State.FRESH: 330}
    seen = {"civitai": see_civitai(), "huggingface": see_huggingface()}
    wrong = [
        name
        for name, made in manifests.items()
        if made["model_ids"] != obvious(made["filter"], made["source"], seen[made["source"]])
    ]
    assert wrong == []
    short = {name for name, made in manifests.items() if len(made["model_ids"]) < 100}
    assert {name for name, made in manifests.items() if made["complete"]} == short
    assert 0 < len(short) < 330


def test_no_listing_is_asked_for_twice(catalogue: tuple[RunRecord, dict[str, Any]]) -> None:
    """All 330 manifests take few requests, and no URL among them is asked for twice."""
    urls = [attempt.url for query in catalogue[0].queries for attempt in query.attempts]
    assert len(set(urls)) == len(urls) <= 165


@pytest.mark.parametrize(("level", "mask"), MASKS.items())
def test_no_level_holds_what_is_above_it(
    catalogue: tuple[RunRecord, dict[str, Any]], level: str, mask: int
) -> None:
    """No model without something to show at a level, blocked, or flagged for it, stands in it."""
    raw = {str(model["id"]): model for model in recorded("civitai")}
    name = re.compile(rf"civitai-filter-{level}[-.]")
    listed = [each for file, each in catalogue[1].items() if name.match(file)]
    models = [raw[id_] for each in listed for id_ in each["model_ids"]]
    assert len(listed) == 60
    assert len(models) > 1000
    assert all(model["nsfwLevel"] & mask and not model["nsfwLevel"] & 32 for model in models)
    assert not (mask <= 3 and any(model["nsfw"] for model in models))
