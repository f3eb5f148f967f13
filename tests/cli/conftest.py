"""The command itself, run in this process, and upstreams of its own to run it against."""

from __future__ import annotations

import io
import os
import shutil
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import orjson
import pytest
from anyio.from_thread import start_blocking_portal
from rich.console import Console  # noqa: TID251 - the command line prints on one

from manifests.cli.app import app_for
from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.results import Environment, Failure, Outcome, RunRecord, State
from manifests.sandbox.server import Running, SandboxOptions, running
from manifests.store.database import open_database
from manifests.store.history import History

if TYPE_CHECKING:
    from collections.abc import Iterator

    from manifests.results import QueryRecord
    from manifests.stopping import EndedBy

FILTERS = Path(__file__).parents[2] / "filters"
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
UNSET = (
    *("CIVITAI_ENDPOINT", "CIVITAI_TOKEN", "HF_ENDPOINT", "HF_TOKEN", "MANIFESTS_CONTACT"),
    *("CI", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
)


LISTS = {
    "civitai": """
source = "civitai"
sort = "Most Downloaded"
limit = 300
filters = [
  { path = "filter/all", parameters = { nsfw = true } },
  { path = "filter/loras", parameters = { nsfw = true, types = ["LORA"] } },
  { path = "filter/checkpoints", parameters = { nsfw = true, types = ["Checkpoint"] } },
  { path = "filter/sdxl", parameters = { nsfw = true, baseModels = ["SDXL 1.0"] } },
  { path = "filter/year", parameters = { nsfw = true, period = "Year" } },
]
""",
    "huggingface": """
source = "huggingface"
sort = "likes"
limit = 300
filters = [
  { path = "filter/all" },
  { path = "filter/mit", parameters = { filter = "license:mit" } },
  { path = "filter/gguf", parameters = { filter = "gguf" } },
]
""",
}
"""Whole listings, as long as upstream has models: of 240 three pages, two, one and one."""


class Screen(Console):
    """A console that remembers what was printed on it."""

    def __init__(self, *, terminal: bool = False, width: int = 120) -> None:
        self.written = io.StringIO()
        super().__init__(
            file=self.written, width=width, highlight=False, force_terminal=terminal, _environ={}
        )

    @property
    def text(self) -> str:
        """All that was printed so far."""
        return self.written.getvalue()


class MakesScreen(Protocol):
    """Makes a console of any width that remembers what was printed on it."""

    def __call__(self, width: int, *, terminal: bool = False) -> Screen:
        """Return it."""
        ...


class RunsCommand(Protocol):
    """Runs `manifests` with arguments, as a shell would."""

    def __call__(self, *arguments: str | Path) -> CompletedProcess[str]:
        """Return its exit code and what it printed."""
        ...


class Serves(Protocol):
    """Starts an upstream for the rest of a test, and points the environment at it."""

    def __call__(
        self, simulate: str = "", *, models: int = 2000, after: Running | None = None
    ) -> Running:
        """Return it; with *after*, it takes the place of another one, and ends that."""
        ...


class ReadsFiles(Protocol):
    """Reads the published files of a folder."""

    def __call__(self, folder: Path = ...) -> dict[str, bytes]:
        """Return name → bytes; of the output folder, unless another is given."""
        ...


class ReadsStatus(Protocol):
    """Reads what `status.json` says of a filter."""

    def __call__(self, name: str) -> dict[str, object]:
        """Return it."""
        ...


class MakesRecord(Protocol):
    """Makes the record of a run with the given outcomes."""

    def __call__(
        self,
        *outcomes: Outcome,
        ended_by: EndedBy = "completion",
        queries: tuple[QueryRecord, ...] = (),
    ) -> RunRecord:
        """Return it."""
        ...


class MakesOutcome(Protocol):
    """Makes an outcome, with the failure that its state needs."""

    def __call__(
        self,
        state: State,
        *,
        source: str = "civitai",
        path: str = "filter/x",
        previous: int | None = None,
        failure: Failure | None = None,
    ) -> Outcome:
        """Return it."""
        ...


@pytest.fixture(autouse=True)
def out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The output folder, in an environment that says nothing else of anyone's own."""
    settle_in(monkeypatch, tmp_path)
    return tmp_path / "out"


def settle_in(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Let the command run in a folder, with an environment that says nothing of anyone's own."""
    for name in (*UNSET, *(each for each in os.environ if each.startswith("MANIFESTS_"))):
        patch.delenv(name, raising=False)
    patch.setenv("HF_TOKEN_PATH", str(folder / "no-token"))
    patch.setenv("MANIFESTS_FILTERS", str(FILTERS))
    patch.setenv("MANIFESTS_OUT", str(folder / "out"))
    patch.setenv("MANIFESTS_STATE", str(folder / "state"))
    patch.setenv("COLUMNS", "120")
    patch.chdir(folder)


@pytest.fixture
def manifests(capsys: pytest.CaptureFixture[str]) -> RunsCommand:
    """The command."""

    def call(*arguments: str | Path) -> CompletedProcess[str]:
        capsys.readouterr()
        given = [str(argument) for argument in arguments]
        with pytest.raises(SystemExit) as ended:
            app_for(given)(given, prog_name="manifests")
        printed = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return CompletedProcess(arguments, code, printed.out, printed.err)

    return call


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serves]:
    """A maker of upstreams over HTTP, each with an event loop of its own."""
    clock = Clock(wall=lambda: NOON)
    ends: dict[str, ExitStack] = {}
    with start_blocking_portal() as portal, ExitStack() as stack:

        def start(
            simulate: str = "", *, models: int = 2000, after: Running | None = None
        ) -> Running:
            port = 0
            if after:
                ends.pop(after.url).close()
                port = urlsplit(after.url).port or 0
            options = SandboxOptions(models=models, simulate=simulate, port=port)
            served = portal.wrap_async_context_manager(running(options, clock=clock))
            end = stack.enter_context(ExitStack())
            upstream = end.enter_context(served)
            ends[upstream.url] = end
            monkeypatch.setenv("CIVITAI_ENDPOINT", upstream.url)
            monkeypatch.setenv("HF_ENDPOINT", upstream.url)
            return upstream

        yield start


def write_lists(folder: Path) -> None:
    """Write the definitions of few filters."""
    folder.mkdir()
    for name, text in LISTS.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the definitions of few filters, with which the command runs from now on."""
    folder = tmp_path / "lists"
    write_lists(folder)
    monkeypatch.setenv("MANIFESTS_FILTERS", str(folder))
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """A folder with runs that tests may look at, but not change."""

    folder: Path
    """With `lists`, `state`, the published set in `out`, and what the first good run left."""
    bad: str
    """Id of the first run, in which the whole of one source failed."""
    first: str
    """Of the next one, which made everything."""
    second: str
    """Of the last one that ended: more models of CivitAI. A killed one follows."""


def run_quietly(*arguments: str) -> str:
    """Run the command whatever comes of it; return what it printed for programs."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()), suppress(SystemExit):
        app_for(arguments)(arguments, prog_name="manifests")
    return printed.getvalue()


@contextmanager
def upstream(patch: pytest.MonkeyPatch, simulate: str = "", *, models: int) -> Iterator[None]:
    """Serve for a while, and let the environment say so."""
    options = SandboxOptions(models=models, simulate=simulate)
    served = running(options, clock=Clock(wall=lambda: NOON))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served) as found:
        patch.setenv("CIVITAI_ENDPOINT", found.url)
        patch.setenv("HF_ENDPOINT", found.url)
        yield


@pytest.fixture(scope="session")
def all_days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Some runs, made once for all tests that only look at them."""
    folder = tmp_path_factory.mktemp("days")
    write_lists(folder / "lists")
    run = ("generate", "--fixed", "8/0ms", "--attempts", "1")
    with pytest.MonkeyPatch.context() as patch:
        settle_in(patch, folder)
        patch.setenv("MANIFESTS_FILTERS", str(folder / "lists"))
        with upstream(patch, "civitai=404", models=240):
            run_quietly(*run)
        with upstream(patch, models=240):
            run_quietly(*run)
        shutil.copytree(folder / "out", folder / "before")
        with upstream(patch, models=260):
            run_quietly(*run, "--source", "civitai")
        second, first, bad = (each["run"] for each in orjson.loads(run_quietly("runs", "--json")))
        database = open_database(folder / "state", now=NOON).database
        History(database, out=folder / "out").begin("killed", now=NOON)
        database.close()
    return Days(folder=folder, bad=bad, first=first, second=second)


@pytest.fixture
def days(all_days: Days, out: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Some runs, in whose folder the command runs from now on; they are not to be changed."""
    assert not out.exists()
    settle_in(monkeypatch, all_days.folder)
    return all_days


@pytest.fixture
def files(out: Path) -> ReadsFiles:
    """A reader of what is published, but for the file that every run writes."""

    def read(folder: Path = out) -> dict[str, bytes]:
        published = (path for path in folder.glob("[!.]*") if path.name != "status.json")
        return {path.name: path.read_bytes() for path in published}

    return read


@pytest.fixture
def told(out: Path) -> ReadsStatus:
    """A reader of `status.json`."""

    def read(name: str) -> dict[str, object]:
        found = orjson.loads((out / "status.json").read_bytes())["filters"][name]
        assert isinstance(found, dict)
        return found

    return read


@pytest.fixture
def screen() -> Screen:
    """A console that is no terminal."""
    return Screen()


@pytest.fixture
def make_screen() -> MakesScreen:
    """A maker of consoles."""

    def make(width: int, *, terminal: bool = False) -> Screen:
        return Screen(terminal=terminal, width=width)

    return make


@pytest.fixture
def terminal() -> Screen:
    """A console that takes itself for a terminal."""
    return Screen(terminal=True)


@pytest.fixture(scope="session")
def make_outcome() -> MakesOutcome:
    """A maker of outcomes."""
    usual = Failure(
        code=ErrorCode.API_ERROR, cause="HTTP 503: upstream is ill", next_step="run it again"
    )

    def make(
        state: State,
        *,
        source: str = "civitai",
        path: str = "filter/x",
        previous: int | None = None,
        failure: Failure | None = None,
    ) -> Outcome:
        if failure is None and not state.is_current:
            failure = usual
        return Outcome(source=source, filter=path, state=state, previous=previous, failure=failure)

    return make


@pytest.fixture(scope="session")
def make_record() -> MakesRecord:
    """A maker of run records."""

    def make(
        *outcomes: Outcome,
        ended_by: EndedBy = "completion",
        queries: tuple[QueryRecord, ...] = (),
    ) -> RunRecord:
        return RunRecord(
            run="20260801T120000Z-0000",
            started="2026-08-01T12:00:00Z",
            seconds=12.4,
            ended_by=ended_by,
            environment=Environment(tool="0", python="3", platform="any", auth={}, endpoints={}),
            outcomes=outcomes,
            queries=queries,
        )

    return make


class Hand:
    """The hand of a clock that tests move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the seconds that it shows."""
        return self.now


@pytest.fixture
def hand() -> Hand:
    """A clock at zero."""
    return Hand()
