"""`list` and `plan` look at definitions and at what is published, and send nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import RunsCommand, Serves


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the endpoints to where nobody answers."""
    monkeypatch.setenv("CIVITAI_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")


@pytest.mark.parametrize("command", ["list", "plan"])
@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--source", "civitia", "error: unknown source 'civitia'; did you mean 'civitai'?"),
        ("--only", "cx:x", "error: unknown source 'cx'"),
        ("--only", "x/weak", "error: 'x/weak' matches no filter; did you mean 'x/week'?"),
        ("--filters", "none", "error: none: "),
    ],
)
def test_wrong_selection(
    manifests: RunsCommand, command: str, option: str, value: str, message: str
) -> None:
    """What selects nothing is refused with the nearest name, and prints no data."""
    found = manifests(command, option, value)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(message)


def test_list_of_all(manifests: RunsCommand) -> None:
    """All filters are listed, each in one line, and counted by source."""
    found = manifests("list")
    assert found.returncode == 0
    assert "civitai:filter/x/week/sd21" in found.stdout
    assert "huggingface:filter/likes/small/mit" in found.stdout
    assert found.stdout.endswith("330 filters: 299 of civitai, 31 of huggingface\n")


def test_list_as_json(manifests: RunsCommand) -> None:
    """As JSON a filter has what it is and, before the first run, nulls for what is published."""
    found = manifests("list", "--only", "hf:likes/*/mit", "--source", "hf", "--json")
    rows = orjson.loads(found.stdout)
    assert [row["filter"] for row in rows] == [
        f"filter/likes/{size}/mit" for size in ("small", "medium", "large")
    ]
    assert rows[0] == {
        "source": "huggingface",
        "filter": "filter/likes/small/mit",
        "label": "likes / small / mit",
        "limit": 100,
        "published": None,
        "state": None,
    }


def test_list_shows_what_is_published(manifests: RunsCommand, serve: Serves) -> None:
    """After a run the list has each manifest's size and freshness, also for a person."""
    serve(models=300)
    manifests("generate", "--only", "hf:likes", "--fixed", "8/0ms")
    found = manifests("list", "--only", "hf:likes", "--only", "hf:mit", "--json")
    shown = {row["filter"]: (row["published"], row["state"]) for row in orjson.loads(found.stdout)}
    assert shown == {"filter/likes": (100, "fresh"), "filter/mit": (None, None)}
    row = next(line for line in manifests("list").stdout.splitlines() if "filter/likes " in line)
    assert row.split() == ["huggingface:filter/likes", "likes", "100", "100", "fresh"]


def test_plan_as_json(manifests: RunsCommand) -> None:
    """As JSON a listing has its parameters, the filters that share it, and what may answer it."""
    found = manifests("plan", "--only", "x/week*", "--only", "r/week", "--json")
    plan = orjson.loads(found.stdout)
    first = plan[0]
    assert first["filters"] == ["filter/r/week", "filter/x/week"]
    assert ["period", "Week"] in first["parameters"]
    assert first["broader"] == []
    assert all(first["parameters"] in each["broader"] for each in plan[1:])


def test_plan_for_a_person(manifests: RunsCommand) -> None:
    """The plan tells what each source will be asked, how long it takes, and the quota."""
    found = manifests("plan", "--fixed", "6/100ms")
    assert "sort=Most Downloaded types=Checkpoint" in found.stdout
    lines = found.stdout.splitlines()
    assert lines[-4].startswith(
        "CivitAI: 299 filters share 120 listings: 10 to 120 first pages, about 12 s, and"
    )
    assert lines[-3].startswith("Hugging Face: 31 filters share 6 listings: 2 to 6 first pages")
    assert "  published quota (anonymous): 500 calls in 5 min 0 s" in found.stdout


def test_plan_of_one_filter(manifests: RunsCommand) -> None:
    """One filter on one listing is told in the singular."""
    last = manifests("plan", "--only", "x/week/sdxl").stdout.splitlines()[-1]
    assert last.startswith("CivitAI: 1 filter shares 1 listing: 1 first page, about 0.1 s, and")


def test_plan_refuses_a_wrong_pace(manifests: RunsCommand) -> None:
    """A pace that can't be read is refused with one that can."""
    found = manifests("plan", "--fixed", "0/1s")
    assert found.returncode == 2
    assert "'0/1s' is no pace; write it as 4/100ms" in found.stderr
