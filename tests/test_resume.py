"""A run that was cut short costs the next one only what it had not read yet."""

from __future__ import annotations

import io
import itertools
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest
from anyio.from_thread import start_blocking_portal

from manifests.cli.app import app
from manifests.clock import Clock
from manifests.recording import iso
from manifests.sandbox.server import Running, SandboxOptions, running
from manifests.store.columns import stamp
from manifests.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
SORTS = ("Most Downloaded", "Most Liked", "Most Discussed", "Newest")
TYPES = (
    *("LORA", "Checkpoint", "VAE", "TextualInversion", "Upscaler"),
    *("LoCon", "DoRA", "Controlnet", "Poses"),
)
LISTINGS = "\n".join(
    f'  {{ path = "filter/{number}", parameters = {{ sort = "{sort}", types = ["{type_}"] }} }},'
    for number, (sort, type_) in enumerate(itertools.product(SORTS, TYPES))
)
DEFINITIONS = {
    "civitai": f'source = "civitai"\nsort = "Newest"\nlimit = 100\nfilters = [\n{LISTINGS}\n]\n',
    "huggingface": """
source = "huggingface"
sort = "likes"
limit = 100
filters = [
  { path = "filter/likes" },
  { path = "filter/downloads", parameters = { sort = "downloads" } },
]
""",
}
ONE_BY_ONE = ("--fixed", "1/0ms")
AT_ONCE = ("--fixed", "8/0ms")
SLOW = "latency:25ms"
DEADLINE = ("--deadline", "300ms")
LISTED = 38
"""Listings of the definitions, each of one page at least."""


@dataclass(kw_only=True)
class Place:
    """A folder, an upstream, and runs that are made there."""

    folder: Path
    upstream: Running

    @property
    def asked(self) -> int:
        """How many requests upstream has had."""
        return sum(self.upstream.requests.values())

    def run(self, *arguments: str) -> tuple[int, str]:
        """Make a run in this process; return its exit code and what it told people."""
        told = io.StringIO()
        ending = pytest.raises(SystemExit)
        with redirect_stdout(io.StringIO()), redirect_stderr(told), ending as ended:
            app(["generate", "--attempts", "1", *arguments], prog_name="manifests")
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.getvalue()

    def cost(self, *arguments: str) -> int:
        """Make a good run; return how many requests it sent."""
        before = self.asked
        code, told = self.run(*AT_ONCE, *arguments)
        assert code == 0, told
        return self.asked - before

    def cut_short(self) -> int:
        """Let the deadline end a run; return how many requests it sent."""
        before = self.asked
        code, told = self.run(*ONE_BY_ONE, *DEADLINE)
        assert (code, "ended early by the deadline" in told) == (3, True)
        return self.asked - before

    def interrupt(self, number: signal.Signals, *, after: int) -> tuple[int, int]:
        """Send a signal to a run after so many answers; return its exit code and its requests."""
        before = self.asked
        command = [sys.executable, "-m", "manifests", "generate", *ONE_BY_ONE, "-v"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            answers = (line for line in process.stderr if line.startswith("200 "))
            assert len(list(itertools.islice(answers, after))) == after
            process.send_signal(number)
            process.stderr.read()
        return process.returncode, self.asked - before

    def files(self) -> dict[str, bytes]:
        """Return what is published, but for the file that every run writes."""
        paths = (path for path in self.folder.glob("out/[!.]*") if path.name != "status.json")
        return {path.name: path.read_bytes() for path in paths}

    def status(self) -> dict[str, dict[str, str]]:
        """Return what `status.json` says of each filter."""
        found: dict[str, dict[str, str]] = orjson.loads(
            (self.folder / "out" / "status.json").read_bytes()
        )["filters"]
        return found

    def let_pass(self, time: timedelta) -> datetime:
        """Make all that is remembered so much older; return when its pages were fetched now."""
        moment = datetime.now(UTC) - time
        database = open_database(self.folder / "state", now=NOON).database
        database.execute("UPDATE pages SET fetched_at = ?", stamp(moment))
        sql = "UPDATE runs SET started = ?, pages_since = ?, ended = ?"
        database.execute(sql, *[stamp(moment)] * 3)
        database.close()
        return moment


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A folder in which nothing was run yet, and an upstream that takes its time."""
    (tmp_path / "filters").mkdir()
    for name, text in DEFINITIONS.items():
        (tmp_path / "filters" / f"{name}.toml").write_text(text, encoding="utf-8")
    for name in ("CIVITAI_TOKEN", "HF_TOKEN", "CI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for what in ("filters", "out", "state"):
        monkeypatch.setenv(f"MANIFESTS_{what.upper()}", str(tmp_path / what))
    options = SandboxOptions(models=100, simulate=SLOW)
    served = running(options, clock=Clock(wall=lambda: NOON))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served) as upstream:
        for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
            monkeypatch.setenv(name, upstream.url)
        yield Place(folder=tmp_path, upstream=upstream)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)],
    ids=["SIGKILL", "SIGINT"],
)
def test_after_most_of_a_run_the_next_one_sends_little(
    place: Place, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    """Cut short after 70 % of its requests, it leaves at most 35 % of them, and the same bytes."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("MANIFESTS_STATE", str(place.folder / "other"))
        whole = place.cost()
        undisturbed = place.files()
    for path in (place.folder / "out").iterdir():
        path.unlink()
    ended, sent = place.interrupt(number, after=round(0.7 * whole))
    assert ended == code
    assert sent < whole
    assert number is not signal.SIGKILL or place.files() == {}
    left = place.cost()
    assert 0 < left <= 0.35 * whole
    assert place.files() == undisturbed


def test_a_deadline_leaves_the_rest_to_the_next_run(place: Place) -> None:
    """What one run was too short for, the next one ends; it says whose pages it uses."""
    before = place.asked
    sent = place.cut_short()
    told = place.run(*AT_ONCE, "--report", str(place.folder / "run.json"))[1]
    record = orjson.loads((place.folder / "run.json").read_bytes())
    assert f"resumes run {record['resumes']}, which was cut short" in told
    # Of each source one answer was still on its way.
    assert LISTED <= place.asked - before <= LISTED + 2
    assert sent < LISTED
    assert {each["state"] for each in record["outcomes"]} == {"fresh", "unchanged"}
    assert place.cost() == LISTED


@pytest.mark.parametrize(
    "arguments", [("--no-resume",), ("--no-cache",), ("--resume-within", "1ms")]
)
def test_who_does_not_want_to_resume_asks_for_everything(
    place: Place, arguments: tuple[str, ...]
) -> None:
    """All listings are asked for, however much of them was read."""
    place.cut_short()
    assert place.cost(*arguments) == LISTED


def test_without_a_cache_there_is_nothing_to_resume(place: Place) -> None:
    """A run that kept no pages costs the next one as much as the first."""
    place.run(*ONE_BY_ONE, *DEADLINE, "--no-cache")
    assert place.cost() == LISTED


def test_what_is_resumed_is_as_old_as_its_pages(place: Place) -> None:
    """The status calls each filter as fresh as the oldest page that it is made of."""
    place.cut_short()
    moment = place.let_pass(timedelta(minutes=50))
    assert place.cost() < LISTED
    times = [each["last_success"] for each in place.status().values()]
    assert times.count(iso(moment)) >= 2
    assert max(times) > iso(moment + timedelta(minutes=49))


def test_what_was_cut_short_long_ago_is_not_resumed(place: Place) -> None:
    """An hour after its last sign of life a run is history, unless somebody allows more."""
    place.cut_short()
    place.let_pass(timedelta(minutes=61))
    assert place.cost() == LISTED
    place.cut_short()
    place.let_pass(timedelta(minutes=61))
    assert place.cost("--resume-within", "2h") < LISTED


def test_a_run_that_was_completed_is_not_resumed(place: Place) -> None:
    """The pages of a run that has nothing left to do are not used for news."""
    assert place.cost() == LISTED
    assert place.cost() == LISTED


def test_another_right_to_see_resumes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read without a token says nothing of what one with a token may see."""
    place.cut_short()
    monkeypatch.setenv("CIVITAI_TOKEN", "c1v1ta1s3cr3tc1v1ta1s3cr3t")
    monkeypatch.setenv("HF_TOKEN", "hf_huggings3cr3t")
    assert place.cost() == LISTED


def test_another_endpoint_resumes_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same paths of another host are other pages."""
    place.cut_short()
    for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
        monkeypatch.setenv(name, os.environ[name].replace("127.0.0.1", "localhost"))
    assert place.cost() == LISTED


def test_the_stalest_filters_go_first(place: Place) -> None:
    """Whatever a deadline has left out is read at the beginning of the next run."""
    place.cut_short()
    missing = {name for name, each in place.status().items() if each["state"] == "missing"}
    place.run(*ONE_BY_ONE, *DEADLINE, "--no-resume")
    now = {name for name, each in place.status().items() if each["state"] == "fresh"}
    assert len(missing) >= 20
    assert len(now & missing) >= 3
