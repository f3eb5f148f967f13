"""Help is laid out for people: options in groups, examples to copy, suggestions for slips."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from typer.core import TyperGroup  # noqa: TID251 - the commands are read as they are built
from typer.main import get_command  # noqa: TID251 - same

from manifests.cli.app import app
from manifests.cli.helping import GROUPS, examples_of
from manifests.cli.options import SCHEMAS
from manifests.cli.schemas import KINDS

if TYPE_CHECKING:
    from tests.cli.conftest import RunsCommand

ROOT = get_command(app)
COMMANDS = [*ROOT.commands] if isinstance(ROOT, TyperGroup) else []
LONG = ("generate", "retry", "test-filter")


def titles(text: str) -> list[str]:
    """Return the titles of the parts of a help page."""
    return re.findall(r"^(\S.*):$", text, re.MULTILINE)


@pytest.mark.parametrize("command", LONG)
def test_many_options_stand_in_groups(manifests: RunsCommand, command: str) -> None:
    """A command with many options shows them by what they are about, and forgets none."""
    found = manifests(command, "--help")
    shown = [title for title in titles(found.stdout) if title in GROUPS]
    assert shown == [title for title in GROUPS if title in shown]
    assert len(shown) >= 4
    assert "Options" not in titles(found.stdout)
    listed = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", found.stdout, re.MULTILINE)
    known = ROOT.commands[command] if isinstance(ROOT, TyperGroup) else ROOT
    flags = {flag for each in known.params for flag in each.opts if flag.startswith("--")}
    assert set(listed) == flags | {"--help"}
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("command", ["list", "status", "schema", "sandbox", "runs"])
def test_few_options_stay_together(manifests: RunsCommand, command: str) -> None:
    """A command with few options shows them in one list."""
    found = manifests(command, "--help")
    assert "Options" in titles(found.stdout)
    assert not set(titles(found.stdout)) & set(GROUPS)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_can_be_copied(manifests: RunsCommand, command: str) -> None:
    """Each command has examples, each on a line of its own that begins with the command."""
    part = re.split(r"^Examples?:\n", manifests(command, "-h").stdout, flags=re.MULTILINE)[1]
    lines = part.partition("\n\n")[0].splitlines()
    assert len(lines) >= 1
    assert all(line.startswith("  manifests ") for line in lines)


@pytest.mark.parametrize("columns", ["30", "40", "59", "60", "80"])
def test_help_fits_a_narrow_terminal(
    manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """Help is wrapped to the terminal; only examples and what can't be broken stay whole."""
    monkeypatch.setenv("COLUMNS", columns)
    found = manifests("generate", "--help")
    body = [line for line in found.stdout.splitlines() if not line.startswith("  manifests ")]
    assert max(len(line) for line in body) <= int(columns)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Do it.", ("Do it.", [])),
        ("Do it.\n\nExample: a b", ("Do it.", ["a b"])),
        ("Do it.\n\nAnd more.\n\nExamples: a\nb · c", ("Do it.\n\nAnd more.", ["a b", "c"])),
        ("Do it.\n\nNote: nothing", ("Do it.\n\nNote: nothing", [])),
        ("Example: alone", ("", ["alone"])),
        ("", ("", [])),
    ],
)
def test_examples_are_the_last_paragraph(text: str, found: tuple[str, list[str]]) -> None:
    """Examples are what the last paragraph says if it calls itself so, one after each dot."""
    assert examples_of(text) == found


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("generat",), "Did you mean 'generate'?"),
        (("runs", "sho"), "Did you mean 'show'?"),
        (("generate", "--max-faild", "5%"), "--max-failed"),
        (("generate", "--qiet"), "--quiet"),
        (("generate", "--log-format", "jsn"), "'json'"),
        (("generate", "--source", "civitia"), "did you mean 'civitai'?"),
        (("generate", "--only", "x/wek"), "did you mean 'x/week'?"),
        (("test-filter", "civitai:x/wek/sd21"), "did you mean 'x/week/sd21'?"),
        (("schema", "event"), "did you mean 'events'?"),
    ],
)
def test_slips_are_answered_with_what_was_meant(
    manifests: RunsCommand, arguments: tuple[str, ...], hint: str
) -> None:
    """A misspelt command, option, choice, source, filter or schema is met with the right one."""
    found = manifests(*arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert hint in " ".join(found.stderr.split())


def test_help_names_every_schema(manifests: RunsCommand) -> None:
    """The schemas that help lists are those that there are."""
    assert tuple(KINDS) == SCHEMAS
    text = " ".join(manifests("schema", "-h").stdout.split())
    assert ", ".join(SCHEMAS) in text
