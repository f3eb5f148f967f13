"""Hold that a run is known to be valid before it sends anything, and looks before it writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from manifests.errors import DefinitionError, SettingsError, StoreError
from manifests.models import Filter, Manifest
from manifests.preparing import freshness, look_again, prepare, refuse_other_upstream
from manifests.settings import Access, Settings
from manifests.sources import SOURCES
from manifests.store.canonical import encode, sha256
from manifests.store.names import STATUS_FILE
from manifests.store.published import Published
from manifests.store.status import FilterStatus, Status
from manifests.store.swap import JOURNAL_FILE, Journal, Move

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
DEFINITIONS = """
source = "civitai"
sort = "Most Downloaded"
filters = [
  { path = "filter/a", parameters = { username = "one" } },
  { path = "filter/b", parameters = { username = "two" } },
]
"""


def status(upstream: str, **last_success: str | None) -> Status:
    """Return a status with filters of the given last letters."""
    return Status(
        run="a run",
        tool="0",
        updated="2026-11-21T12:00:00Z",
        auth={},
        upstream={"civitai": upstream},
        filters={
            f"civitai:filter/{name}": FilterStatus(state="fresh", last_success=moment)
            for name, moment in last_success.items()
        },
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with definitions of two filters."""
    (tmp_path / "civitai.toml").write_text(DEFINITIONS, encoding="utf-8")
    access = {"civitai": Access(endpoint="https://civitai.example")}
    return Settings(filters=tmp_path, out=tmp_path / "out", access=access)


def test_an_unknown_filter_is_refused(settings: Settings) -> None:
    """A selection that matches nothing is a mistake, not an empty run."""
    with pytest.raises(DefinitionError, match="matches no filter"):
        prepare(settings, SOURCES, now=NOON, only=["c"])


@pytest.mark.parametrize(
    ("before", "now", "step"),
    [
        (
            "http://[::1]:80",
            "https://civitai.com",
            "add --sandbox, or set CIVITAI_ENDPOINT=http://[::1]:80 if that is a server of yours,",
        ),
        ("https://civitai.com", "http://[::1]:1", "set CIVITAI_ENDPOINT=https://civitai.com,"),
        ("https://civitai.com", "http://127.0.0.1", "leave --sandbox out,"),
    ],
)
def test_another_kind_of_upstream_is_refused(before: str, now: str, step: str) -> None:
    """Made-up models and real ones never stand in one folder; the first way out loses nothing."""
    settings = Settings(access={"civitai": Access(endpoint=now)})
    published = Published(status=status(before), manifests=unsigned().manifests)
    with pytest.raises(SettingsError, match="holds a catalogue made from") as caught:
        refuse_other_upstream(settings, published, SOURCES)
    assert caught.value.next_step.startswith(f"{step} choose another folder with --out DIR")


def test_where_nothing_was_made_any_upstream_may_come_next() -> None:
    """A first run that met nobody leaves a status and no manifest: there is nothing to mix."""
    settings = Settings(access={"civitai": Access(endpoint="http://127.0.0.1")})
    published = Published(status=status("https://civitai.com"))
    refuse_other_upstream(settings, published, SOURCES)
    assert published.manifests == {}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, "https://civitai.com"),
        ("https://civitai.com", "https://mirror.example"),
        ("http://[::1]:80", "http://localhost:9000"),
    ],
)
def test_the_same_kind_of_upstream_is_welcome(before: str | None, now: str) -> None:
    """A mirror, another port, and a folder without a status are no mixture."""
    settings = Settings(access={"civitai": Access(endpoint=now)})
    manifests = unsigned().manifests if before else {}
    published = Published(status=status(before) if before else None, manifests=manifests)
    refuse_other_upstream(settings, published, SOURCES)
    assert published.manifests == manifests


def unsigned(source: str = "civitai") -> Published:
    """Return a set of one manifest whose status was lost."""
    manifest = Manifest(
        source=source,
        filter="filter/a",
        label="a",
        models_file="any",
        model_ids=("1",),
        complete=True,
    )
    return Published(manifests={(source, "filter/a"): manifest})


def test_made_up_models_never_replace_a_set_of_unknown_origin(settings: Settings) -> None:
    """Without its status a set may be a real one; a real run may mend it."""
    local = replace(settings, access={"civitai": Access(endpoint="http://[::1]:80")})
    with pytest.raises(SettingsError, match=r"but no status\.json that tells whether") as caught:
        refuse_other_upstream(local, unsigned(), SOURCES)
    assert "--out DIR" in caught.value.next_step
    damaged = replace(unsigned(), damaged=("status.json: the file is empty",))
    with pytest.raises(SettingsError, match=r"but its status\.json .* real ones is damaged"):
        refuse_other_upstream(local, damaged, SOURCES)
    refuse_other_upstream(settings, unsigned(), SOURCES)
    refuse_other_upstream(local, unsigned("huggingface"), SOURCES)
    local.out.mkdir()
    (local.out / JOURNAL_FILE).touch()
    refuse_other_upstream(local, unsigned(), SOURCES)
    assert unsigned().status is None


def planned_paths(settings: Settings) -> list[str]:
    """Return the filters of a run in the order in which their listings are read."""
    queries = prepare(settings, SOURCES, now=NOON).plan.queries
    return [wanted.filter.path for planned in queries for wanted in planned.wanted]


def test_the_stalest_filter_is_planned_first(settings: Settings) -> None:
    """Never made comes first, then what was made longest ago."""
    orders = []
    for made in [None, "2026-11-19T00:00:00Z", "2026-11-21T00:00:00Z"]:
        settings.out.mkdir(exist_ok=True)
        told = status("https://civitai.example", a="2026-11-20T00:00:00Z", b=made)
        (settings.out / STATUS_FILE).write_bytes(encode(told.model_dump(by_alias=True)))
        orders.append(planned_paths(settings))
    assert orders == [*[["filter/b", "filter/a"]] * 2, ["filter/a", "filter/b"]]


def test_what_no_status_tells_was_never_made() -> None:
    """Neither a folder without a status nor a filter without an entry is fresh."""
    wanted = Filter(source="civitai", path="filter/a", label="a", limit=1, sort="any")
    assert freshness(Published(), now=NOON)(wanted) == ""
    other = Published(status=status("https://civitai.example", b="2026-11-21"))
    assert freshness(other, now=NOON)(wanted) == ""
    known = Published(status=status("https://civitai.example", a="2026-11-21"))
    assert freshness(known, now=NOON)(wanted) == "2026-11-21"


@pytest.mark.parametrize("moment", ["2026-11-22T12:06:00Z", "2031-01-01", "yesterday", ""])
def test_what_was_made_tomorrow_was_never_made(settings: Settings, moment: str) -> None:
    """After a clock was set back, or a status was edited, a filter does not wait for its time."""
    settings.out.mkdir()
    told = status("https://civitai.example", a="2026-11-21T00:00:00Z", b=moment)
    (settings.out / STATUS_FILE).write_bytes(encode(told.model_dump(by_alias=True)))
    assert planned_paths(settings) == ["filter/b", "filter/a"]
    before = status("https://civitai.example", a="2026-11-22T12:04:00Z")
    wanted = Filter(source="civitai", path="filter/a", label="a", limit=1, sort="any")
    assert freshness(Published(status=before), now=NOON)(wanted) == "2026-11-22T12:04:00Z"


def test_a_run_of_some_filters_knows_all_that_are_defined(settings: Settings) -> None:
    """Else the others would count as gone for good."""
    prepared = prepare(settings, SOURCES, now=NOON, only=["a"])
    assert [one.path for one in prepared.filters] == ["filter/a"]
    assert prepared.defined == {("civitai", "filter/a"), ("civitai", "filter/b")}
    assert prepared.infos.keys() == SOURCES.keys()


def test_a_killed_swap_is_ended_before_a_run_looks(settings: Settings) -> None:
    """The run follows the set that a killed one was about to publish, not half of it."""
    prepared = prepare(settings, SOURCES, now=NOON)
    assert prepared.published.status is None
    settings.out.mkdir()
    data = encode(status("https://civitai.example", a="2026").model_dump(by_alias=True))
    (settings.out / ".status.json.0123456789abcdef.tmp").write_bytes(data)
    move = Move(
        file=STATUS_FILE,
        staged=".status.json.0123456789abcdef.tmp",
        after=sha256(data),
        before=None,
    )
    journal = Journal(files=(move,)).model_dump(by_alias=True)
    (settings.out / JOURNAL_FILE).write_bytes(encode(journal))
    again = look_again(prepared)
    assert again.published.status == status("https://civitai.example", a="2026")
    assert again.plan is prepared.plan
    assert not (settings.out / JOURNAL_FILE).exists()


def test_a_folder_that_became_a_file_is_told(settings: Settings) -> None:
    """What can't be looked at can't be written."""
    prepared = prepare(settings, SOURCES, now=NOON)
    settings.out.write_text("in the way")
    with pytest.raises(StoreError, match="can't be listed"):
        look_again(prepared)
