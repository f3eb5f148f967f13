"""A run that was cut short costs the next one only what it had not read yet."""

from __future__ import annotations

import io
import itertools
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
import pytest
from anyio.from_thread import start_blocking_portal

from manifests.cli.app import app_for
from manifests.clock import Clock
from manifests.recording import iso
from manifests.sandbox.server import SandboxOptions, running
from manifests.store.columns import stamp
from manifests.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from anyio.from_thread import BlockingPortal

    from manifests.sandbox.server import Running

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
LISTED = 38
"""Listings of the definitions, each of one page."""
ONE_BY_ONE = ("--fixed", "1/0ms")
AT_ONCE = ("--fixed", "8/0ms")
SLOW = "latency:25ms"
STUCK = "civitai=timeout:8%"
"""One request in twelve is never answered: with the usual seed the tenth is the first of them."""
READ = 9 + 2
"""Pages that a stuck upstream gives, asked for one by one: all of the other source among them."""


@dataclass(kw_only=True)
class Place:
    """A folder in which runs are made, and upstreams that follow each other at one endpoint."""

    folder: Path
    portal: BlockingPortal
    environment: pytest.MonkeyPatch
    port: int = 0

    @contextmanager
    def upstream(self, simulate: str = "") -> Iterator[Running]:
        """Let an upstream serve for a while."""
        options = SandboxOptions(models=100, simulate=simulate, port=self.port)
        served = running(options, clock=Clock(wall=lambda: NOON))
        with self.portal.wrap_async_context_manager(served) as found:
            self.port = urlsplit(found.url).port or 0
            self.ask(found.url)
            yield found

    def ask(self, endpoint: str) -> None:
        """Let both sources be asked at an endpoint."""
        for name in ("CIVITAI_ENDPOINT", "HF_ENDPOINT"):
            self.environment.setenv(name, endpoint)

    def run(self, *arguments: str) -> tuple[int, str]:
        """Make a run in this process; return its exit code and what it told people."""
        told = io.StringIO()
        ending = pytest.raises(SystemExit)
        with redirect_stdout(io.StringIO()), redirect_stderr(told), ending as ended:
            given = ["generate", "--attempts", "1", *arguments]
            app_for(given)(given, prog_name="manifests")
        assert isinstance(ended.value.code, int)
        return ended.value.code, told.getvalue()

    def cost(self, *arguments: str) -> int:
        """Make a run with an upstream that is well; return how many requests it sent."""
        with self.upstream() as well:
            code, told = self.run(*AT_ONCE, *arguments)
        assert code == 0, told
        return sum(well.requests.values())

    def cut_short(self, *arguments: str) -> None:
        """Let the deadline end a run with an upstream that gets stuck, when there is no more."""
        for seconds in (0.4, 2, 8, 30):  # how long the rest takes, no one knows
            with self.upstream(STUCK):
                limit = ("--deadline", f"{seconds}s")
                code, told = self.run(*ONE_BY_ONE, *limit, *arguments)
            assert "ended early by the deadline" in told
            if f"{READ} new" in told:
                assert code == 3
                return
            self.clear()

    def clear(self) -> None:
        """Forget everything."""
        for name in ("out", "state"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def interrupt(self, number: signal.Signals, *, after: int) -> int:
        """Send a signal to a run in a process of its own, after so many answers."""
        command = [sys.executable, "-m", "manifests", "generate", *ONE_BY_ONE, "-vv"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            answers = (line for line in process.stderr if line.startswith("200 "))
            assert len(list(itertools.islice(answers, after))) == after
            process.send_signal(number)
            process.stderr.read()
        return process.returncode

    def files(self) -> dict[str, bytes]:
        """Return what is published, but for the file that every run writes."""
        paths = (path for path in self.folder.glob("out/[!.]*") if path.name != "status.json")
        return {path.name: path.read_bytes() for path in paths}

    def names(self, state: str) -> set[str]:
        """Return the filters of which `status.json` says so."""
        return {name for name, each in self.status().items() if each["state"] == state}

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
    """A folder in which nothing was run yet."""
    (tmp_path / "filters").mkdir()
    for name, text in DEFINITIONS.items():
        (tmp_path / "filters" / f"{name}.toml").write_text(text, encoding="utf-8")
    for name in ("CIVITAI_TOKEN", "HF_TOKEN", "CI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    for what in ("filters", "out", "state"):
        monkeypatch.setenv(f"MANIFESTS_{what.upper()}", str(tmp_path / what))
    with start_blocking_portal() as portal:
        yield Place(folder=tmp_path, portal=portal, environment=monkeypatch)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)],
    ids=["SIGKILL", "SIGINT"],
)
def test_after_most_of_a_run_the_next_one_sends_little(
    place: Place, number: signal.Signals, code: int
) -> None:
    """Cut short after 70 % of its requests, it leaves at most 35 % of them, and the same bytes."""
    whole = place.cost()
    undisturbed = place.files()
    assert whole == LISTED
    place.clear()
    with place.upstream(SLOW) as slow:
        assert place.interrupt(number, after=round(0.7 * whole)) == code
    assert sum(slow.requests.values()) < whole
    assert number is not signal.SIGKILL or place.files() == {}
    left = place.cost()
    assert 0 < left <= 0.35 * whole
    assert place.files() == undisturbed


def test_a_deadline_leaves_the_rest_to_the_next_run(place: Place) -> None:
    """What one run was too short for, the next one ends; it says whose pages it uses."""
    place.cost()
    undisturbed = place.files()
    place.clear()
    place.cut_short()
    report = place.folder / "run.json"
    with place.upstream() as well:
        code, told = place.run(*AT_ONCE, "--report", str(report))
    record = orjson.loads(report.read_bytes())
    assert code == 0
    assert f"resumes run {record['resumes']}, which was cut short" in told
    assert sum(well.requests.values()) == LISTED - READ
    assert place.files() == undisturbed
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
    place.cut_short("--no-cache")
    assert place.cost() == LISTED


def test_what_is_resumed_is_as_old_as_its_pages(place: Place) -> None:
    """The status calls each filter as fresh as the oldest page that it is made of."""
    place.cut_short()
    moment = place.let_pass(timedelta(minutes=50))
    place.cost()
    times = [each["last_success"] for each in place.status().values()]
    assert times.count(iso(moment)) == READ
    assert sum(time > iso(moment + timedelta(minutes=49)) for time in times) == LISTED - READ


def test_what_was_cut_short_long_ago_is_not_resumed(place: Place) -> None:
    """An hour after its last sign of life a run is history."""
    place.cut_short()
    place.let_pass(timedelta(minutes=61))
    assert place.cost() == LISTED


def test_whoever_allows_more_resumes_after_more(place: Place) -> None:
    """With --resume-within the time is another one."""
    place.cut_short()
    place.let_pass(timedelta(minutes=61))
    assert place.cost("--resume-within", "2h") == LISTED - READ


def test_a_run_that_was_completed_is_not_resumed(place: Place) -> None:
    """The pages of a run that has nothing left to do are not used for news."""
    assert place.cost() == LISTED
    assert place.cost() == LISTED


def test_another_right_to_see_resumes_nothing(place: Place) -> None:
    """What was read without a token says nothing of what one with a token may see."""
    place.cut_short()
    place.environment.setenv("CIVITAI_TOKEN", "c1v1ta1s3cr3tc1v1ta1s3cr3t")
    place.environment.setenv("HF_TOKEN", "hf_huggings3cr3t")
    assert place.cost() == LISTED


def test_another_endpoint_resumes_nothing(place: Place) -> None:
    """The same paths of another host are other pages."""
    place.cut_short()
    place.port = 0
    assert place.cost() == LISTED


def test_the_stalest_filters_go_first(place: Place) -> None:
    """Whatever a deadline has left out is read at the beginning of the next run."""
    place.cut_short()
    missing = place.names("missing")
    assert len(missing) == LISTED - READ
    report = place.folder / "run.json"
    limits = ("--no-resume", "--deadline", "1s", "--report", str(report))
    with place.upstream(STUCK):
        place.run(*ONE_BY_ONE, *limits)
    asked = {
        f"civitai:{path}"
        for query in orjson.loads(report.read_bytes())["queries"]
        if query["attempts"] and query["source"] == "civitai"
        for path in query["filters"]
    }
    assert asked
    assert asked <= missing
