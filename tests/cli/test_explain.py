"""`test-filter` explains one filter from its definition to its difference, and writes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson
import pytest
from filelock import FileLock

from manifests.store.lock import LOCK_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import ReadsFiles, RunsCommand, Serves

FAST = ("--fixed", "8/0ms", "--attempts", "1")
TOKEN = "c1v1ta1s3cr3tc1v1ta1s3cr3t"


def lines_of(text: str) -> list[str]:
    """Return the lines with single spaces, without those that are empty."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_a_filter_is_explained(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """Definition, listing, command, requests, funnel, models and verdict are told in this order."""
    upstream = serve()
    found = manifests("test-filter", "filter/pg13/month", *FAST)
    assert (found.returncode, found.stderr) == (0, "")
    text = "\n".join(lines_of(found.stdout))
    parts = [
        r"filter civitai:filter/pg13/month \(pg13 / month\)",
        r"source CivitAI, 100 models at most, by Most Downloaded",
        r"facets nsfw=Soft, period=Month, type=Checkpoint\|LORA, base_model=any",
        r"listing limit=100, nsfw=true, period=Month, sort=Most Downloaded, types=Checkpoint, ",
        rf"curl curl --compressed '{upstream.url}/api/v1/models\?limit=100&nsfw=true&",
        r"request try status time body wait result",
        r"1 1 200 [\d.]+ s \d+ kB good",
        r"fetched \d+ models",
        r"- \d+ by rule blocked \(field nsfwLevel\)",
        r"- \d+ by rule flagged \(field nsfw\): \d+, \d+, \d+, …",
        r"- \d+ by rule level \(field nsfwLevel\)",
        r"kept \d+ models",
        r"id name author type downloads likes",
        r"10 \d+ .*",
        r"published nothing so far",
        r"verdict good; publish it with --publish",
    ]
    assert re.search(".*".join(parts), text, re.DOTALL), text
    assert not out.exists()


def test_only_publish_publishes(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """With --publish the one manifest is there, and the next look finds no difference."""
    serve()
    found = manifests("test-filter", "hf:likes/mit", *FAST, "--publish")
    assert lines_of(found.stdout)[-1] == "verdict good; published"
    assert [path.name for path in out.glob("*-filter-*")] == ["hf-filter-likes-mit.json"]
    again = manifests("test-filter", "hf:likes/mit", *FAST)
    assert lines_of(again.stdout)[-2:] == [
        "published the same models in the same order",
        "verdict good, and as published already",
    ]


def test_the_difference_is_told(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """What would be added and removed is told, and what is published stays."""
    serve(models=300)
    manifests("generate", *FAST, "--only", "hf:likes")
    before = (out / "hf-filter-likes.json").read_bytes()
    serve(models=600)
    found = manifests("test-filter", "likes", *FAST)
    told = re.search(
        r"would change: (\d+) moved\n +added +(\d+) .*\n +removed +(\d+) ", found.stdout
    )
    assert told is not None
    assert int(told[2]) == int(told[3]) > 0
    assert (out / "hf-filter-likes.json").read_bytes() == before


def test_a_fault_is_shown_with_its_wait(manifests: RunsCommand, serve: Serves) -> None:
    """A request that was tried again is a row of its own, with status, wait and cause."""
    serve("429:40%")
    found = manifests("test-filter", "x/week/sd21", "--fixed", "8/0ms")
    assert found.returncode == 0
    rows = [line for line in lines_of(found.stdout) if re.match(r"\d+ \d+ \d\d\d ", line)]
    assert re.fullmatch(
        r"1 1 429 [\d.]+ s \d+ B [\d.]+ s RATE_LIMIT: HTTP 429: too many requests", rows[0]
    )
    assert re.fullmatch(r"2 2 200 [\d.]+ s \d+ k?B good", rows[1])


def test_a_failure_says_what_next(manifests: RunsCommand, serve: Serves) -> None:
    """Where nothing could be made there is a verdict with its code, and the next step on stderr."""
    serve("civitai=403")
    found = manifests("test-filter", "civitai:filter/x/week/sd21", *FAST)
    assert found.returncode == 1
    assert lines_of(found.stdout)[-1].startswith("verdict CHALLENGE: ")
    assert found.stderr.startswith("next: wait an hour, or run from another address")


def test_an_empty_answer_is_held_back(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """An empty listing where models are published is quarantined, also with --publish."""
    serve()
    manifests("generate", *FAST, "--only", "hf:likes")
    before = (out / "hf-filter-likes.json").read_bytes()
    serve("empty")
    found = manifests("test-filter", "hf:likes", *FAST, "--publish")
    assert found.returncode == 1
    assert lines_of(found.stdout)[-1] == (
        "verdict QUARANTINED: upstream lists no models, 100 are published; the published one stays"
    )
    assert (out / "hf-filter-likes.json").read_bytes() == before
    assert "manifests accept" in found.stderr
    assert "--publish" not in found.stderr


def test_a_look_keeps_nothing_to_accept(manifests: RunsCommand, serve: Serves) -> None:
    """Where accepting is the next step, a look says that it kept no candidate for it."""
    serve()
    manifests("generate", *FAST, "--only", "hf:likes")
    serve("empty")
    found = manifests("test-filter", "hf:likes", *FAST)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == "only with --publish is the candidate kept for that"
    assert manifests("accept", "hf:likes").returncode == 2


@pytest.mark.parametrize("option", ["", "--json"])
def test_a_token_is_named_not_shown(
    manifests: RunsCommand, serve: Serves, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """The line for a shell takes the token from its variable; its value stands nowhere."""
    serve()
    monkeypatch.setenv("CIVITAI_TOKEN", TOKEN)
    found = manifests("test-filter", "x/week/sd21", *FAST, *([option] if option else []))
    assert found.returncode == 0
    assert TOKEN not in found.stdout + found.stderr
    wanted = '"token"' if option else '-H "Authorization: Bearer $CIVITAI_TOKEN" '
    assert wanted in found.stdout


def test_json(manifests: RunsCommand, serve: Serves, out: Path) -> None:
    """As JSON the explanation is one object: filter, manifest, difference, and the run record."""
    serve()
    first = orjson.loads(manifests("test-filter", "hf:likes", *FAST, "--json").stdout)
    assert sorted(first) == ["difference", "filter", "manifest", "run"]
    assert first["difference"] is None
    assert first["filter"]["path"] == "filter/likes"
    assert len(first["manifest"]["model_ids"]) == 100
    assert first["run"]["outcomes"][0]["funnel"]["kept"] == 100
    assert not out.exists()
    manifests("test-filter", "hf:likes", *FAST, "--publish")
    second = orjson.loads(manifests("test-filter", "hf:likes", *FAST, "--json").stdout)
    assert second["difference"] == {"added": [], "removed": [], "moved": []}
    serve("401")
    failed = orjson.loads(manifests("test-filter", "hf:likes", *FAST, "--json").stdout)
    assert (failed["manifest"], failed["difference"]) == (None, None)
    assert failed["run"]["outcomes"][0]["failure"]["code"] == "AUTH_ERROR"


def test_publishing_ends_a_quarantine(
    manifests: RunsCommand, serve: Serves, files: ReadsFiles
) -> None:
    """A candidate that is older than what was published by hand can't be accepted any more."""
    serve(models=300)
    run = ("generate", *FAST, "--only", "hf:likes")
    assert manifests(*run).returncode == 0
    serve("empty")
    assert manifests(*run).returncode == 1
    serve(models=320)
    found = manifests("test-filter", "hf:likes", *FAST, "--publish")
    assert (found.returncode, lines_of(found.stdout)[-1]) == (0, "verdict good; published")
    after = files()
    refused = manifests("accept", "hf:likes")
    assert refused.returncode == 2
    assert "means 0 quarantined candidates" in refused.stderr
    assert files() == after


def test_what_it_holds_back_can_be_accepted(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """The gate's verdict on --publish counts like that of a run, but it is not one."""
    serve(models=300)
    run = ("generate", *FAST, "--only", "hf:likes")
    assert manifests(*run).returncode == 0
    serve("empty")
    for _ in range(2):
        assert manifests("test-filter", "hf:likes", *FAST, "--publish").returncode == 1
    assert len(orjson.loads(manifests("runs", "--json").stdout)) == 1
    assert manifests("accept", "hf:likes").returncode == 0
    assert orjson.loads((out / "hf-filter-likes.json").read_bytes())["count"] == 0


def test_a_look_remembers_nothing(manifests: RunsCommand, serve: Serves, tmp_path: Path) -> None:
    """Without --publish there is no state folder, and so none is made."""
    serve()
    assert manifests("test-filter", "hf:likes", *FAST).returncode == 0
    assert not (tmp_path / "state").exists()


def test_it_waits_for_another_writer_no_longer_than_told(
    manifests: RunsCommand, serve: Serves, out: Path
) -> None:
    """With --publish it is a writer like any other."""
    serve()
    out.mkdir()
    with FileLock(out / LOCK_FILE):
        found = manifests("test-filter", "hf:likes", *FAST, "--publish", "--wait", "10ms")
    assert found.returncode == 1
    assert "is being written by" in found.stderr
