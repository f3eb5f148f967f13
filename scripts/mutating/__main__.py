"""Try mutants of the rate controller, the publish gate and the planner against their tests.

    python -m scripts.mutating [--sample N] [--seed N] [MODULE…]

Each mutant runs in a fork of a process that has imported pytest and the libraries already: thus
one takes a second instead of four. Its tests stop at the first failure.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
from collections import Counter
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.mutating.mutations import Mutant, mutants_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT = Path(__file__).parents[2]
FETCH = ("controller", "gate", "window", "throttle", "quota", "breaker", "overdue", "rescue")
STORE = ("gate", "rules", "verdict")
MODULES = (
    *(f"fetch/{name}" for name in (*FETCH, "patience")),
    *(f"store/{name}" for name in STORE),
    "planner",
)
WHOLE = {
    "fetch": (
        "tests/fetch/test_controller.py",
        "tests/fetch/test_controlled.py",
        "tests/fetch/test_controller_invariants.py",
        "tests/fetch/test_rescue.py",
        "tests/fetch/simulation/test_pitfalls.py",
    ),
    "store": ("tests/store/test_gate.py", "tests/store/test_release.py", "tests/test_drafting.py"),
    "planner": ("tests/test_planner.py", "tests/test_runner.py"),
}
"""First part of a module's name → the tests of the whole that it belongs to."""

LIBRARIES = ("anyio", "hypothesis", "httpx", "pydantic", "respx", "rich", "trio.testing", "typer")
# The plugins among them were imported early on purpose.
EARLY = "-Wignore::pytest.PytestAssertRewriteWarning"
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", EARLY)
CPU_SECONDS = 60
MEMORY = 4 * 1024**3


class Planted(MetaPathFinder, Loader):
    """Hands out one mutant in place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = "manifests." + mutant.module.replace("/", ".")

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """Return the mutant's specification for its name, and nothing for all others."""
        if name != self._name:
            return None
        return spec_from_file_location(name, file_of(self._mutant.module), loader=self)

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutant."""
        exec(compile(self._mutant.tree, str(module.__file__), "exec"), module.__dict__)  # noqa: S102 - that's the job


def file_of(module: str) -> Path:
    """Return the file of a module."""
    return ROOT / "src" / "manifests" / f"{module}.py"


def tests_of(module: str) -> list[str]:
    """Return the test files that hold a module, its own first."""
    folder, _, name = module.rpartition("/")
    own = ROOT / "tests" / folder / f"test_{name}.py"
    whole = [ROOT / each for each in WHOLE[folder or module]]
    return [str(path) for path in dict.fromkeys([own, *whole]) if path.exists()]


def survives(mutant: Mutant | None, tests: Sequence[str]) -> bool:
    """Tell whether all *tests* pass with a mutant in place; with none, whether they pass at all."""
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        return status == 0
    # What loops, or eats memory, is noticed as well as what fails.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    if mutant:
        sys.meta_path.insert(0, Planted(mutant))
    code = pytest.main([*tests, *OPTIONS])
    os._exit(int(code))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def chosen(modules: Sequence[str], *, sample: int, seed: int) -> list[Mutant]:
    """Return the mutants to try: all, or so many of them, drawn by *seed*."""
    found = [
        mutant
        for module in modules
        for mutant in mutants_of(module, file_of(module).read_text(encoding="utf-8"))
    ]
    say(f"{len(found)} mutants of {len(modules)} modules")
    if not 0 < sample < len(found):
        return found
    drawn = random.Random(seed).sample(range(len(found)), sample)  # noqa: S311 - no secret
    return [found[place] for place in sorted(drawn)]


def tried(mutants: Sequence[Mutant]) -> Iterator[tuple[Mutant, bool]]:
    """Yield each mutant, and whether it survived."""
    for number, mutant in enumerate(mutants, 1):
        lives = survives(mutant, tests_of(mutant.module))
        word = "SURVIVED" if lives else "killed"
        place = f"{mutant.module}.py:{mutant.line}"
        say(f"{number}/{len(mutants)} {word} {place}  {mutant.change}")
        yield mutant, lives


def main() -> int:
    """Try mutants, and print the share that some test noticed."""
    parser = argparse.ArgumentParser(prog="scripts/mutants")
    parser.add_argument("modules", nargs="*", default=MODULES, help="such as fetch/window")
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="try so many of them")
    parser.add_argument("--seed", type=int, default=1, help="draws the sample")
    options = parser.parse_args()
    os.chdir(ROOT)
    os.environ["CI"] = "1"  # the same examples each time
    for name in LIBRARIES:
        import_module(name)
    mutants = chosen(options.modules, sample=options.sample, seed=options.seed)
    tests = dict.fromkeys(test for mutant in mutants for test in tests_of(mutant.module))
    if not survives(None, [*tests]):
        sys.exit("scripts/mutants: the tests fail without any mutant")

    lived = [mutant for mutant, lives in tried(mutants) if lives]
    by_module = Counter(mutant.module for mutant in mutants)
    living = Counter(mutant.module for mutant in lived)
    for module, count in by_module.items():
        killed = count - living[module]
        say(f"{module}: {killed} of {count} noticed ({killed / count:.0%})")
    killed = len(mutants) - len(lived)
    say(f"all: {killed} of {len(mutants)} noticed ({killed / max(1, len(mutants)):.1%})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
