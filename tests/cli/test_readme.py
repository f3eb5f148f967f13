"""README, docs, help and behaviour agree: whatever a page types, the command takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import run_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs" / "commands.md"
"""From help itself; another test holds it."""
PAGES = sorted({ROOT / "README.md", *ROOT.glob("docs/**/*.md")} - {GENERATED})
CODE = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"(?:^|[$:] |&& |\S=\S* )(manifests|scripts/generate)( .*|)$")
OURS = re.compile(r"\b(?:MANIFESTS|HF|CIVITAI)_[A-Z]+(?:_[A-Z]+)*\b")
OTHERS = re.compile(r"scripts/(?!generate\b)|pip |docker ")
"""Begins the code of commands that are not ours, or only for those who work on it."""
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+|-[a-z]\b)")

SAMPLE = """
```console
$ manifests plan --only 'x/*' \\
    --json   # nothing is sent
CIVITAI_TOKEN=… scripts/generate --quiet | tail
17 */6 * * *  cd /srv && scripts/generate --out public/manifests
```
Type `manifests list --json > list.json`; files stand in `manifests/`, below just `manifests`.
```toml
manifests = "no command"
```
"""


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in the code of *text*; a script is `manifests generate`."""
    for block, inline in CODE.findall(text):
        for line in (block or inline).replace("\\\n", " ").splitlines():
            found = TYPED.search(line)
            if found and (found[2] or found[1] != "manifests") and "=" not in found[2][:2]:
                words = shlex.split(re.split(r" [|>&;]", found[2])[0], comments=True)
                yield words if found[1] == "manifests" else ["generate", *words]


def test_commands_are_found() -> None:
    """Commands are read from code: prompts, variables, pipes, comments and folders are none."""
    assert list(commands(SAMPLE)) == [
        ["plan", "--only", "x/*", "--json"],
        ["generate", "--quiet"],
        ["generate", "--out", "public/manifests"],
        ["list", "--json"],
    ]


each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def helps(*command: str) -> str:
    """Return the help of a command, and of those that it is made of."""
    text = run_quietly(*command, "-h")
    names = re.findall(r"(?m)^  ([a-z-]+)  ", text.partition("\nCommands:\n")[2])
    return "\n".join([text, *(helps(*command, name) for name in names if command)])


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    """Command → the options that its help names; the empty name stands for the whole."""
    whole = helps()
    names = re.findall(r"(?m)^  ([a-z-]+)  ", whole.partition("\nCommands:\n")[2])
    texts = {name: helps(name) for name in names} | {"": whole}
    lines = {name: re.findall(r"(?m)^  -.*", text) for name, text in texts.items()}
    return {name: set(OPTION.findall("\n".join(found))) for name, found in lines.items()}


@each_page
def test_a_page_types_what_there_is(page: Path, known: dict[str, set[str]]) -> None:
    """Every command that a page types exists, and so does every option that it is given."""
    for first, *words in commands(page.read_text(encoding="utf-8")):
        command = "" if first.startswith("-") else first
        assert command in known
        given = {word.partition("=")[0] for word in (first, *words) if word.startswith("-")}
        assert given <= known[command], first


def test_readme_shows_the_way() -> None:
    """README types the commands that somebody new needs."""
    found = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {"generate", "test-filter", "sandbox"} <= {words[0] for words in found}


@each_page
def test_a_page_names_what_there_is(page: Path, known: dict[str, set[str]]) -> None:
    """Every option that a page speaks of is one of some command, or of one of our scripts."""
    text = page.read_text(encoding="utf-8")
    codes = [inline for _, inline in CODE.findall(text) if not OTHERS.match(inline)]
    named = {option for code in codes for option in OPTION.findall(code)}
    assert named <= set().union(*known.values())


@each_page
def test_a_page_names_variables_that_count(page: Path) -> None:
    """Every variable of ours that a page names is one that the code knows."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    assert set(OURS.findall(page.read_text(encoding="utf-8"))) <= set(OURS.findall(code))
