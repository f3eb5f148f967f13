"""Hold the shape of the house: who imports whom, which library lives where, how big things get."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tokenize
import tomllib
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

# It reads the package, and runs none of it.
pytestmark = pytest.mark.no_cover

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "manifests"
METRICS = ROOT.parent / "shared" / "style_metrics.py"

FLOORS = (
    {
        "manifests",
        "manifests.errors",
        "manifests.legible",
        "manifests.models",
        "manifests.records",
    },
    {
        "manifests.moments",
        "manifests.results",
        "manifests.traffic",
        "manifests.words",
        "manifests.tables",
        "manifests.taskgroup",
        "manifests.clock",
        "manifests.countable",
        "manifests.heap",
        "manifests.shards",
        "manifests.sources.base",
    },
    {
        "manifests.events",
        "manifests.settings",
        "manifests.settings_file",
        "manifests.configuration",
        "manifests.discovery",
        "manifests.definitions",
        "manifests.filters",
        "manifests.selection",
        "manifests.validation",
        "manifests.outline",
        "manifests.places",
        "manifests.planner",
        "manifests.sharding",
        "manifests.listings",
        "manifests.sieve",
        "manifests.audit",
        "manifests.difference",
        "manifests.comparison",
        "manifests.sources",
        "manifests.fetch",
        "manifests.store",
    },
    {"manifests.sandbox"},
    {
        "manifests.accounting",
        "manifests.assembly",
        "manifests.doctor",
        "manifests.drafting",
        "manifests.folding",
        "manifests.handover",
        "manifests.joining",
        "manifests.merging",
        "manifests.shardmodels",
        "manifests.memory",
        "manifests.preparing",
        "manifests.preview",
        "manifests.reading",
        "manifests.recording",
        "manifests.stopping",
        "manifests.turns",
        "manifests.runner",
        "manifests.report",
    },
    {"manifests.cli"},
    {"manifests.__main__"},
)
"""From the ground up; a package stands for the modules in it that are not named themselves."""

ROOMS = {"manifests.fetch", "manifests.sandbox", "manifests.sources", "manifests.store"}
"""Packages that don't know each other; what they share stands on a lower floor."""

HOMES = {
    "click": (),
    "httpx": ("manifests.fetch.transport",),
    "opentelemetry": ("manifests.cli.otel",),
    "orjson": ("manifests.cli", "manifests.sandbox", "manifests.store"),
    "redis": ("manifests.fetch.budget_redis",),
    "rich": ("manifests.cli",),
    # `cells` shares its connection among threads, and what it keeps is no state of a run.
    "sqlite3": ("manifests.store.cells", "manifests.store.database", "manifests.store.inspection"),
    "truststore": ("manifests.fetch.transport",),
    "typer": ("manifests.cli",),
}
"""Library → the modules or packages that may import it."""

BUILT_BY_CLI = {
    "manifests.fetch.transport": "manifests.fetch",
    "manifests.sandbox": "manifests.sandbox",
}
"""What meets the network → its own room; all others are handed it by `cli/`."""

UNDECLARED = {"manifests", "opentelemetry", "pydantic_core", "redis"}
"""Imports that are no dependency: ourselves, what pydantic pins and documents as its part, the
namespace that the packages of the extra `otel` share, and the package of the extra `redis`."""

LEVELS = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
DIRECTIVE = re.compile(r"#\s*(type:|noqa|pragma|mypy|ruff|fmt)")
NOT_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One file of the package, read and parsed."""

    name: str
    text: str
    tree: ast.Module
    imports: frozenset[str]
    """Full names of what it imports, lazily and for types too: `httpx`, `manifests.models`."""


def dotted(path: Path) -> str:
    """Return the name under which the file at *path* is imported."""
    return ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.Module, names: set[str]) -> Iterator[str]:
    """Yield what *tree* imports; of `from package import module`, the module.

    A relative import keeps its dot, which no rule below lets pass.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from {f"{base}.{alias.name}" for alias in node.names} & names or {base}


def read_package() -> tuple[Module, ...]:
    """Return all modules of the package, by name."""
    paths = {dotted(path): path for path in sorted(SOURCE.rglob("*.py"))}
    texts = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    return tuple(
        Module(
            name=name, text=texts[name], tree=tree, imports=frozenset(imports_of(tree, {*paths}))
        )
        for name, tree in trees.items()
    )


MODULES = read_package()
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


def is_in(name: str, package: str) -> bool:
    """Tell whether *name* is *package* or stands in it."""
    return name == package or name.startswith(f"{package}.")


def floor(name: str) -> int:
    """Return the floor of a module: that of the longest name in `FLOORS` that it stands in."""
    levels = {place: level for level, places in enumerate(FLOORS) for place in places}
    fitting = [place for place in levels.keys() - {"manifests"} if is_in(name, place)]
    # The root stands for itself only, or a new module would pass as a part of the ground.
    fitting += ["manifests"] if name == "manifests" else []
    assert fitting, f"{name} has no floor: name it in FLOORS, or move it to where it belongs"
    return levels[max(fitting, key=len)]


@cache
def code_lines(text: str, tree: ast.Module) -> set[int]:
    """Return the numbers of the lines that hold neither docstring, comment nor nothing."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(iter(text.splitlines(keepends=True)).__next__):
        if token.type not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def functions(tree: ast.Module) -> Iterator[Function]:
    """Yield the functions and methods of a module, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@cache
def lengths(module: Module) -> dict[str, int]:
    """Return the code lines of each function, by name and line."""
    code = code_lines(module.text, module.tree)
    return {
        f"{module.name}:{node.lineno} {node.name}": len(
            code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        )
        for node in functions(module.tree)
    }


def nesting(node: ast.AST) -> int:
    """Return how deep control flow nests below *node*; an `elif` is not a level."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function | ast.ClassDef | ast.expr):
            continue

        is_elif = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        is_level = isinstance(child, LEVELS) and not is_elif
        deepest = max(deepest, is_level + nesting(child))
    return deepest


def swallows(handler: ast.ExceptHandler) -> bool:
    """Tell whether *handler* catches everything and does not end by raising."""
    caught = "BaseException" if handler.type is None else ast.unparse(handler.type)
    is_broad = re.search(r"\b(Base)?Exception\b", caught) is not None
    return is_broad and not isinstance(handler.body[-1], ast.Raise)


@each_module
def test_imports_go_down(module: Module) -> None:
    """A module imports only from its own floor and from those below."""
    own = floor(module.name)
    ours = {name for name in module.imports if is_in(name, "manifests")}
    assert {name for name in ours if floor(name) > own} == set()


def test_imports_make_no_cycle() -> None:
    """No module imports itself by way of others, not even lazily or for types."""
    graph = {module.name: module.imports - {module.name} for module in MODULES}
    TopologicalSorter(graph).prepare()  # a CycleError names the modules


@each_module
def test_rooms_do_not_know_each_other(module: Module) -> None:
    """Fetching, storing, sources and sandbox share nothing but what `sources.base` says."""
    own = {room for room in ROOMS if is_in(module.name, room)}
    foreign = {
        name
        for name in module.imports - {"manifests.sources.base"}
        for room in ROOMS - own
        if is_in(name, room)
    }
    assert not own or foreign == set()


@each_module
def test_only_the_command_line_builds(module: Module) -> None:
    """What meets the network is built in `cli/` and handed to everything else."""
    outside = {part for part, room in BUILT_BY_CLI.items() if not is_in(module.name, room)}
    used = {name for name in module.imports for part in outside if is_in(name, part)}
    assert is_in(module.name, "manifests.cli") or used == set()


@each_module
def test_a_library_has_one_home(module: Module) -> None:
    """A library that could be anywhere is imported in its home only."""
    used = {library for library in HOMES for name in module.imports if is_in(name, library)}
    at_home = {lib for lib in HOMES if any(is_in(module.name, home) for home in HOMES[lib])}
    assert used - at_home == set()


def test_imports_are_declared() -> None:
    """What the package imports is a dependency of its own, not by luck one of another's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^\w-]", line)[0].replace("-", "_") for line in project["dependencies"]}
    imported = {name.partition(".")[0] for module in MODULES for name in module.imports}
    assert imported - set(sys.stdlib_module_names) <= declared | UNDECLARED


@each_module
def test_a_module_is_small(module: Module) -> None:
    """A module is read in one sitting: at most 300 lines, functions of at most 45."""
    assert len(module.text.splitlines()) <= 300
    assert {name: length for name, length in lengths(module).items() if length > 45} == {}


def test_functions_are_short() -> None:
    """Nine in ten functions have at most 20 code lines."""
    ordered = sorted(chain.from_iterable(lengths(module).values() for module in MODULES))
    assert ordered[len(ordered) * 9 // 10] <= 20


@each_module
def test_functions_are_plain(module: Module) -> None:
    """Control flow nests three levels at most; five arguments at most are positional."""
    nodes = list(functions(module.tree))
    arguments = {
        node.name: [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        for node in nodes
    }
    many = {name for name, given in arguments.items() if len(set(given) - {"self", "cls"}) > 5}
    assert many == set()
    assert {node.name for node in nodes if nesting(node) > 3} == set()


@each_module
def test_nothing_is_swallowed(module: Module) -> None:
    """Bugs escape: no handler catches everything and goes on."""
    handlers = [node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler)]
    assert [node.lineno for node in handlers if swallows(node)] == []


@pytest.mark.parametrize(
    ("pattern", "per_thousand"), [(DIRECTIVE, 5), (re.compile(r"\bAny\b"), 3)], ids=["noqa", "Any"]
)
def test_exceptions_are_rare(pattern: re.Pattern[str], per_thousand: int) -> None:
    """Silenced checks and untyped values stay below their share of 1,000 code lines."""
    code = sum(len(code_lines(module.text, module.tree)) for module in MODULES)
    uses = sum(len(pattern.findall(module.text)) for module in MODULES)
    assert 1000 * uses / code <= per_thousand


@pytest.mark.skipif(not METRICS.exists(), reason="the shared measure is not beside the project")
def test_style_budget() -> None:
    """The shared measure agrees with the rules above, and finds everything documented."""
    command = [sys.executable, str(METRICS), "--json", str(SOURCE)]
    row = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    exact = {"cyc": 0, "cyc_all": 0, "deep": 0, "cc>10": 0, "args>5": 0, "broad": 0, "print": 0}
    exact |= {"doc%": 100, "moddoc%": 100, "ann%": 100}
    limits = {"fn_p90": 20, "fn_max": 45, "maxmod": 300, "supp": 5, "any": 3}
    assert {key: row[key] for key in exact} == exact
    assert {key: row[key] for key, limit in limits.items() if row[key] > limit} == {}
