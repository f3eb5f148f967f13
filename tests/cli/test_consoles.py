"""Two consoles: stdout is data, stderr is for people, and neither trusts what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.cli.consoles import cell, data, people, say

if TYPE_CHECKING:
    from tests.cli.conftest import Screen

LIVE = ("\x1b[?25l", "\x1b[2K", "\x1b[1A", "\r")
"""What a bar that redraws itself leaves in a log."""


def test_a_log_is_never_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """FORCE_COLOR in CI gives colours, but nothing that redraws itself."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("CI", "true")
    console = people(no_color=False)
    assert not console.is_interactive
    assert console.color_system is not None


@pytest.mark.parametrize("variable", ["", "NO_COLOR"])
def test_no_colours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    """Either --no-color or NO_COLOR is enough, even where colours are forced."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    if variable:
        monkeypatch.setenv(variable, "1")
    for console in (people(no_color=not variable), data(no_color=not variable)):
        say(console, "red", style="red")
    printed = capsys.readouterr()
    assert "\x1b[31m" not in printed.out + printed.err


def test_each_console_has_its_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """What is for people goes to stderr, data goes to stdout."""
    say(people(no_color=True), "for people")
    say(data(no_color=True), "data")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("data\n", "for people\n")


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", ":bomb:", "a\\", "[link=x]y", "x" * 500])
def test_text_is_printed_as_it_is(screen: Screen, text: str) -> None:
    """Neither markup nor emoji is made of text, and a line is not broken."""
    say(screen, text)
    assert screen.text == f"{text}\n"


@pytest.mark.parametrize("text", ["\x1b[2J", "\x1b]0;title\x07", "\u202eevil", "\x9b31m", "a\rb"])
def test_text_cannot_drive_a_terminal(text: str) -> None:
    """No control character of someone else's reaches the terminal."""
    assert cell(text).plain.isprintable()
