"""README, help and behaviour agree: whatever README types, the command takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import RunsCommand

README = Path(__file__).parents[2] / "README.md"
CODE = re.compile(r"^```\w*\n(.*?)^```$|`([^`\n]+)`", re.DOTALL | re.MULTILINE)
TYPED = re.compile(r"(?:^|[$:] |&& |\S=\S* )(manifests|scripts/generate)( .*|)$")
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


@pytest.fixture
def known(manifests: RunsCommand) -> dict[str, set[str]]:
    """Command → the options that its help names; the empty name stands for the whole."""
    whole = manifests("-h").stdout
    names = re.findall(r"(?m)^  ([a-z-]+)  ", whole.partition("Commands:")[2])
    helps = {name: manifests(name, "-h").stdout for name in names} | {"": whole}
    return {
        name: set(OPTION.findall(text.partition("Options:")[2])) for name, text in helps.items()
    }


def test_readme_types_what_there_is(known: dict[str, set[str]]) -> None:
    """Every command that README types exists, and so does every option that it is given."""
    found = list(commands(README.read_text(encoding="utf-8")))
    assert {"generate", "test-filter", "list", "plan", "sandbox"} <= {words[0] for words in found}
    for first, *words in found:
        command = "" if first.startswith("-") else first
        assert command in known
        given = {word.partition("=")[0] for word in (first, *words) if word.startswith("-")}
        assert given <= known[command], first


def test_readme_names_what_there_is(known: dict[str, set[str]]) -> None:
    """Every option that README speaks of is one of some command."""
    named = {
        option
        for _, inline in CODE.findall(README.read_text(encoding="utf-8"))
        for option in OPTION.findall(inline)
    }
    assert named != set()
    assert named <= set().union(*known.values())
