"""Kill runs at any instant: what stands is whole, and what comes next is as if nothing had been.

As a script this module is one of two helpers: upstreams in two states, or a process that has the
package loaded already and makes each run in a fork of itself.
"""

from __future__ import annotations

import gc
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import anyio
import pytest
from filelock import FileLock

from manifests.cli.app import app_for
from manifests.clock import Clock
from manifests.sandbox.server import SandboxOptions, running
from manifests.store.canonical import sha256
from manifests.store.formats import read_status
from manifests.store.lock import HOLDER_FILE, LOCK_FILE
from manifests.store.publisher import recover

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Files: TypeAlias = "Mapping[str, bytes]"

KILLS = 200
BATCHES = 8
"""Folders in which kills follow each other; two are treated at once."""
FILTERS = Path(__file__).parents[1] / "filters"
RAM = Path("/dev/shm")  # noqa: S108 - Linux has it; folders there are made by `tempfile`
NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
SEEDS = {"old": 1, "new": 2}
"""State of upstream → what its models are drawn from."""
DEFINITIONS = {
    "civitai": """
source = "civitai"
sort = "Most Downloaded"
limit = 100
filters = [
  { path = "filter/all", parameters = { nsfw = true }, limit = 110 },
  { path = "filter/top", parameters = { nsfw = true }, limit = 20 },
  { path = "filter/year", parameters = { nsfw = true, period = "Year" } },
  { path = "filter/liked", parameters = { sort = "Most Liked", types = ["LORA"] } },
  { path = "filter/top/liked", parameters = { sort = "Most Liked", types = ["LORA"] }, limit = 9 },
  { path = "filter/sdxl", parameters = { sort = "Most Liked", baseModels = ["SDXL 1.0"] } },
]
""",
    "huggingface": """
source = "huggingface"
sort = "likes"
limit = 100
filters = [
  { path = "filter/likes" },
  { path = "filter/downloads", parameters = { sort = "downloads" } },
  { path = "filter/mit", parameters = { filter = "license:mit" } },
  { path = "filter/top/mit", parameters = { filter = "license:mit" }, limit = 20 },
  { path = "filter/apache", parameters = { filter = "license:apache-2.0" } },
  { path = "filter/top/gguf", parameters = { filter = "gguf" }, limit = 30 },
]
""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What kills a run: the clock, or its own work on the output folder."""

    after: float = 60.0
    """Seconds after its beginning."""
    touch: int = 0
    """Before it writes, replaces or removes a file there for so many times; 0 never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """Where runs are made and killed."""

    definitions: Path
    upstreams: Mapping[str, str]
    """State of upstream → its endpoint."""
    whole: Mapping[str, Files]
    """State of upstream → what an undisturbed run publishes of it."""
    touches: int
    """How often such a run touches the output folder."""


# The helpers


async def serve_upstreams() -> None:
    """Serve both states of upstream until nobody listens any more."""
    clock = Clock(wall=lambda: NOON)
    old, new = (SandboxOptions(models=130, seed=seed) for seed in SEEDS.values())
    async with running(old, clock=clock) as one, running(new, clock=clock) as other:
        sys.stdout.write(json.dumps([one.url, other.url]) + "\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.read)


def make_forks() -> None:
    """Make a run in a fork for each order that comes, and tell how it ended and how long it took.

    An order is its environment, its arguments and what kills it.
    """
    load_everything()
    gc.freeze()  # so that forks share what is there rather than copy it when they look for garbage
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for line in sys.stdin:
        environment, arguments, blow = json.loads(line)
        began = time.perf_counter()
        pid = os.fork()
        if pid == 0:
            make_run(environment, arguments, touch=blow["touch"])
        # While it has not been waited for, its number belongs to nobody else.
        if signal.sigtimedwait({signal.SIGCHLD}, blow["after"]) is None:
            os.kill(pid, signal.SIGKILL)
            signal.sigwait({signal.SIGCHLD})
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(json.dumps([status, time.perf_counter() - began]) + "\n")
        sys.stdout.flush()


def load_everything() -> None:
    """Make a run that fails, so that no fork has to load what a run loads when it begins."""
    os.environ |= {"CIVITAI_ENDPOINT": "http://127.0.0.1:1", "HF_ENDPOINT": "http://127.0.0.1:1"}
    arguments = ["generate", "--dry-run", "--filters", str(FILTERS), "--only", "x/week/sd21"]
    with redirect_stderr(io.StringIO()), suppress(SystemExit):
        given = [*arguments, "--fixed", "1/0ms", "--attempts", "1"]
        app_for(given)(given, prog_name="manifests")


def make_run(environment: dict[str, str], arguments: list[str], *, touch: int) -> None:
    """Make one run, and end the process with it."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.environ.update(environment)
    log = os.open(environment["TORTURE_LOG"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    counted = watch_touches(environment["MANIFESTS_OUT"], touch)
    try:
        app_for(arguments)(arguments, prog_name="manifests")
    except SystemExit as ended:
        sys.stderr.write(f"touches: {counted[0]}\n")
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)


def watch_touches(folder: str, deadly: int) -> list[int]:
    """Count how often the process changes *folder*, and kill it before it does a certain time."""
    counted = [0]

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if event not in {"open", "os.rename", "os.remove"}:
            return
        writes = event != "open" or (isinstance(arguments[2], int) and arguments[2] & WRITING)
        if writes and str(arguments[0]).startswith(folder):
            counted[0] += 1
            if counted[0] == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(listen)
    return counted


WRITING = os.O_WRONLY | os.O_RDWR


class Forks:
    """The other end of a process that makes runs in forks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(
        self, hall: Hall, folder: Path, state: str, *flags: str, blow: Blow
    ) -> tuple[int, float]:
        """Make a run; return its exit code, or less than nothing if it was killed, and its time."""
        environment = {
            "MANIFESTS_FILTERS": str(hall.definitions),
            "MANIFESTS_OUT": str(folder / "out"),
            "MANIFESTS_STATE": str(folder / "state"),
            "TORTURE_LOG": str(folder / "log"),
            "CIVITAI_ENDPOINT": hall.upstreams[state],
            "HF_ENDPOINT": hall.upstreams[state],
            "HF_TOKEN_PATH": str(folder / "no-token"),
        }
        arguments = ["generate", "--fixed", "8/0ms", "--attempts", "1", *flags]
        order = [environment, arguments, {"after": blow.after, "touch": blow.touch}]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code, seconds = json.loads(self._process.stdout.readline())
        return code, seconds


@contextmanager
def helper(what: str) -> Iterator[subprocess.Popen[str]]:
    """Run this module as a helper."""
    command = [sys.executable, __file__, what]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield process
        process.kill()


# The test


def published(out: Path) -> Files:
    """Return what readers see, but for the file that every run writes."""
    paths = (path for path in out.glob("[!.]*") if path.name != "status.json")
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def ram() -> Iterator[Path]:
    """A folder that no disk slows down, where there is one: here nothing is lost with the power."""
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def hall(ram: Path) -> Iterator[Hall]:
    """Two states of upstream, and what an undisturbed run makes of each."""
    folder = ram / "hall"
    folder.mkdir()
    for name, text in DEFINITIONS.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    with helper("upstreams") as upstreams, helper("forks") as forks:
        assert upstreams.stdout is not None
        urls = dict(zip(SEEDS, json.loads(upstreams.stdout.readline()), strict=True))
        hall = Hall(definitions=folder, upstreams=urls, whole={}, touches=0)
        logs = [make_whole(hall, folder / state, state, Forks(forks)) for state in SEEDS]
        whole = {state: published(folder / state / "out") for state in SEEDS}
        touches = int(logs[0].rpartition("touches: ")[2])
        yield replace(hall, whole=whole, touches=touches)


def make_whole(hall: Hall, place: Path, state: str, forks: Forks) -> str:
    """Make an undisturbed run; return what it told."""
    place.mkdir()
    code, _ = forks.run(hall, place, state, blow=Blow())
    told = (place / "log").read_text()
    assert code == 0, told
    return told


def lies(out: Path) -> list[str]:
    """Return the files of which the index says other than what they are."""
    listed = json.loads((out / "index.json").read_bytes())["files"]
    return [
        each["file"]
        for each in listed
        if sha256((out / each["file"]).read_bytes()) != each["sha256"]
    ]


def check(hall: Hall, folder: Path) -> str:
    """Hold what stands in a folder whose run was killed; return the state that comes of it."""
    out = folder / "out"
    for name, data in published(out).items():
        assert data in {hall.whole[state][name] for state in SEEDS}, f"{name} is neither"
    assert published(out).keys() == hall.whole["old"].keys()
    read_status((out / "status.json").read_bytes())
    with FileLock(out / LOCK_FILE, timeout=0):
        copy = folder / "copy"
        shutil.copytree(out, copy)
    recover(copy)
    assert lies(copy) == []
    (stands,) = (state for state in SEEDS if published(copy) == hall.whole[state])
    left = {path.name for path in copy.glob(".*")} - {LOCK_FILE, HOLDER_FILE}
    assert left == set()
    shutil.rmtree(copy)
    return stands


def blows(chance: random.Random, *, seconds: float, touches: int) -> Iterator[Blow]:
    """Yield what kills each run: its time, or in one of four its own publishing."""
    while True:
        for _ in range(3):
            yield Blow(after=chance.uniform(0, seconds))
        yield Blow(touch=chance.randint(1, touches))


def batter(hall: Hall, folder: Path, forks: Forks, *, seed: int) -> int:
    """Kill run after run in one folder, and make one undisturbed at last; return how many died."""
    folder.mkdir()
    chance = random.Random(seed)
    _, seconds = forks.run(hall, folder, "old", blow=Blow())
    stands, deaths = "old", 0
    for blow in blows(chance, seconds=seconds, touches=hall.touches):
        if deaths == KILLS // BATCHES:
            break
        wanted = "new" if stands == "old" else "old"
        flags = chance.choice(((), ("--no-resume",)))
        code, _ = forks.run(hall, folder, wanted, *flags, blow=blow)
        deaths += code < 0
        stands = check(hall, folder)
        assert code < 0 or (code, stands) == (0, wanted), (folder / "log").read_text()
    wanted = "new" if stands == "old" else "old"
    code, _ = forks.run(hall, folder, wanted, blow=Blow())
    assert code == 0, (folder / "log").read_text()
    assert published(folder / "out") == hall.whole[wanted]
    assert lies(folder / "out") == []
    assert {path.name for path in (folder / "out").glob(".*")} == {LOCK_FILE}
    return deaths


# Half a minute on two idle cores; it took more than the usual limit beside other work.
@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(signal, "sigtimedwait"), reason="its helper needs Linux")
def test_two_hundred_kills_leave_nothing_half(hall: Hall, ram: Path) -> None:
    """Each file is the old or the new one, no lock blocks, and the next run ends what was begun."""
    assert hall.whole["old"].keys() == hall.whole["new"].keys()
    assert not hall.whole["old"].items() & hall.whole["new"].items()

    def treat(first: int) -> int:
        with helper("forks") as process:
            seeds = range(first, BATCHES, 2)
            return sum(batter(hall, ram / f"{seed}", Forks(process), seed=seed) for seed in seeds)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(treat, range(2))) == KILLS


if __name__ == "__main__":
    if sys.argv[1] == "forks":
        make_forks()
    else:
        anyio.run(serve_upstreams)
