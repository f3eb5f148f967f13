"""The command itself, run in this process, and upstreams of its own to run it against."""

from __future__ import annotations

import io
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import orjson
import pytest
from anyio.from_thread import start_blocking_portal
from rich.console import Console  # noqa: TID251 - the command line prints on one

from manifests.cli.app import app
from manifests.clock import Clock
from manifests.errors import ErrorCode
from manifests.results import Environment, Failure, Outcome, RunRecord, State
from manifests.sandbox.server import Running, SandboxOptions, running

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

    def __init__(self, *, terminal: bool = False) -> None:
        self.written = io.StringIO()
        super().__init__(
            file=self.written, width=120, highlight=False, force_terminal=terminal, _environ={}
        )

    @property
    def text(self) -> str:
        """All that was printed so far."""
        return self.written.getvalue()


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
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("MANIFESTS_FILTERS", str(FILTERS))
    monkeypatch.setenv("MANIFESTS_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("MANIFESTS_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


@pytest.fixture
def manifests(capsys: pytest.CaptureFixture[str]) -> RunsCommand:
    """The command."""

    def call(*arguments: str | Path) -> CompletedProcess[str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app([str(argument) for argument in arguments], prog_name="manifests")
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


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the definitions of few filters, with which the command runs from now on."""
    folder = tmp_path / "lists"
    folder.mkdir()
    for name, text in LISTS.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("MANIFESTS_FILTERS", str(folder))
    return folder


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
