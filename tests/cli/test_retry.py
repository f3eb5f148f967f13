"""`retry` makes what failed or is stale, and leaves out what can't succeed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from manifests.cli.retry import HOPELESS, is_behind, is_hopeless
from manifests.errors import ErrorCode
from manifests.store.status import FilterStatus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import ReadsFiles, ReadsStatus, RunsCommand, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")


@pytest.fixture(autouse=True)
def few(lists: Path) -> Path:
    """The definitions of all runs here."""
    return lists


def edit_status(out: Path, **codes: str) -> None:
    """Let the last run have failed, for filters of CivitAI's with the given last names."""
    path = out / "status.json"
    told = orjson.loads(path.read_bytes())
    for name, code in codes.items():
        told["filters"][f"civitai:filter/{name}"] |= {"state": "stale", "code": code}
    path.write_bytes(orjson.dumps(told))


def test_only_what_failed_is_asked_for(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, told: ReadsStatus
) -> None:
    """The other source gets no request, and keeps its files and its entries."""
    serve("civitai=503", models=240)
    assert manifests("generate", *FAST).returncode == 3
    before, status = files(), told("huggingface:filter/all")
    upstream = serve(models=240)
    found = manifests("retry", *FAST)
    assert found.returncode == 0
    assert "5 of 5 manifests stand" in found.stderr
    assert dict(upstream.requests) == {"civitai": 5, "huggingface": 0}
    assert told("civitai:filter/all")["state"] == "fresh"
    assert told("huggingface:filter/all") == status
    assert before.items() - files().items() == {("index.json", before["index.json"])}


def test_what_only_a_person_can_mend_is_named_and_left_out(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """A refused parameter stays refused; the command that shows why is named."""
    serve(models=240)
    manifests("generate", *FAST)
    edit_status(out, sdxl="VALIDATION_ERROR", year="TIMEOUT")
    upstream = serve(models=240)
    found = manifests("retry", *FAST)
    assert found.returncode == 0
    assert (
        "1 filter left out until the definitions are mended: civitai:filter/sdxl;"
        " see: manifests test-filter civitai:filter/sdxl"
    ) in found.stderr
    assert "1 of 1 manifest stands" in found.stderr
    assert dict(upstream.requests) == {"civitai": 2, "huggingface": 0}


def test_where_nothing_can_succeed_nothing_is_sent(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """All that is left to do is a person's."""
    upstream = serve(models=240)
    manifests("generate", *FAST)
    asked = dict(upstream.requests)
    edit_status(out, sdxl="NOT_FOUND", year="FILTER_IGNORED")
    found = manifests("retry", *FAST)
    assert found.returncode == 0
    assert "2 filters left out until the definitions are mended" in found.stderr
    assert found.stderr.splitlines()[-1] == "nothing to retry"
    assert upstream.requests == asked


def test_what_is_fresh_needs_no_retry(manifests: RunsCommand, serve: Serves) -> None:
    """Nothing is sent, nothing is written, and that is a success."""
    upstream = serve(models=240)
    manifests("generate", *FAST)
    asked = dict(upstream.requests)
    found = manifests("retry", *FAST)
    assert (found.returncode, found.stderr) == (0, "nothing to retry\n")
    assert upstream.requests == asked


def test_before_the_first_run_everything_is_behind(manifests: RunsCommand, serve: Serves) -> None:
    """What was never made is made."""
    serve(models=240)
    assert "8 of 8 manifests stand" in manifests("retry", *FAST).stderr


def test_a_retry_that_fails_is_a_run_that_failed(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """Its exit code and its summary are those of a run, with commands that meet the same."""
    serve("civitai=503", models=240)
    manifests("generate", *FAST)
    found = manifests("retry", *FAST, "--filters", "lists", "--max-failed", "100%")
    assert found.returncode == 1
    assert "nothing was made" in found.stderr
    assert "--filters lists --out" in " ".join(found.stderr.split())
    assert told("civitai:filter/all")["consecutive_failures"] == 2


def test_a_quarantined_filter_is_tried_again(
    manifests: RunsCommand, serve: Serves, told: ReadsStatus
) -> None:
    """A second look may find upstream well again."""
    serve(models=240)
    manifests("generate", *FAST)
    well = serve("civitai=empty", models=240)
    manifests("generate", *FAST)
    upstream = serve(models=240, after=well)
    assert manifests("retry", *FAST).returncode == 0
    assert dict(upstream.requests) == {"civitai": 5, "huggingface": 0}
    assert told("civitai:filter/all")["state"] == "fresh"


def test_definitions_that_are_wrong_send_nothing(manifests: RunsCommand, lists: Path) -> None:
    """What is wrong with them is told as ever."""
    (lists / "civitai.toml").write_text("source = 'nobody'", encoding="utf-8")
    found = manifests("retry", *FAST)
    assert (found.returncode, "nobody" in found.stderr) == (2, True)


@pytest.mark.parametrize(
    ("state", "behind"),
    [("fresh", False), ("stale", True), ("missing", True), ("quarantined", True)],
)
def test_what_is_behind(state: str, *, behind: bool) -> None:
    """All that is not of the last run, and all of which nothing is known."""
    assert is_behind(FilterStatus.model_validate({"state": state})) is behind
    assert is_behind(None)


@pytest.mark.parametrize("code", ErrorCode)
def test_what_is_hopeless(code: ErrorCode) -> None:
    """Only what the definitions ask for wrongly; whatever upstream or the disk did may pass."""
    assert is_hopeless(FilterStatus(state="stale", code=code)) is (code in HOPELESS)
    assert not is_hopeless(None)
    assert HOPELESS.isdisjoint({ErrorCode.AUTH_ERROR, ErrorCode.TIMEOUT, ErrorCode.QUARANTINED})


def test_a_retry_keeps_the_layout(manifests: RunsCommand, serve: Serves, files: ReadsFiles) -> None:
    """So does a whole run: nobody's set is turned over because a flag was left out."""
    serve("huggingface=404", models=240)
    manifests("generate", *FAST, "--style", "compact")
    serve(models=240)
    assert manifests("generate", *FAST, "--source", "hf").returncode == 0
    assert manifests("retry", *FAST).returncode == 0
    assert {data[:5] for name, data in files().items() if "-filter-" in name} == {b'{"f":'}


@pytest.mark.parametrize("damage", ["removed", "cut off"])
def test_what_was_damaged_since_is_made_again(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles, out: Path, damage: str
) -> None:
    """A status that calls a filter fresh does not bring its file back."""
    serve(models=240)
    assert manifests("generate", *FAST).returncode == 0
    before, path = files(), out / "hf-filter-mit.json"
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    found = manifests("retry", *FAST)
    assert found.returncode == 0
    assert "1 of 1 manifest stands" in found.stderr
    assert files() == before
