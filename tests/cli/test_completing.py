"""The shell completes commands, options, filters and sources, and never shows an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from tests.cli.conftest import RunsCommand

    Completes: TypeAlias = Callable[[str], list[str]]

STATUS = """
{"schema": 1, "run": "r", "tool": "0", "updated": "2026-08-01T12:00:00Z", "auth": {},
 "upstream": {},
 "filters": {"civitai:filter/x": {"state": "quarantined"}, "civitai:filter/y": {"state": "fresh"}}}
"""


@pytest.fixture
def complete(manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch) -> Completes:
    """What bash gets for the last word of a command line."""

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_MANIFESTS_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", f"manifests {line}")
        monkeypatch.setenv("COMP_CWORD", str(len(f"{line}|".split())))
        found = manifests()
        assert (found.returncode, found.stderr) == (0, "")
        return found.stdout.split()

    return ask


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gen", ["generate"]),
        ("generate --max", ["--max-concurrency", "--max-failed"]),
        ("generate --source ", ["civitai", "huggingface", "hf"]),
        ("generate --source h", ["huggingface", "hf"]),
        (
            "generate --only likes/la",
            ["likes/large", *(f"likes/large/{name}" for name in ("apache", "mit", "other"))],
        ),
        ("test-filter x/week/sd2", ["x/week/sd21"]),
        ("test-filter filter/x/week/sd2", ["filter/x/week/sd21"]),
        ("test-filter civitai:x/week/sd2", ["civitai:x/week/sd21"]),
        ("test-filter civitai:filter/x/week/sd2", ["civitai:filter/x/week/sd21"]),
        ("test-filter hf:x/week/sd2", []),
        ("test-filter hf:likes/small/a", ["hf:likes/small/apache"]),
        ("test-filter nobody:x", []),
        ("test-filter nonsense", []),
        ("schema ev", ["events"]),
        ("generate --style c", ["compact"]),
        ("generate --log-format j", ["json"]),
    ],
)
def test_words_are_completed(complete: Completes, line: str, words: list[str]) -> None:
    """What is typed is completed to all that it may become, in the form in which it was begun."""
    assert complete(line) == words


def test_everything_is_offered(complete: Completes) -> None:
    """Before anything is typed, each filter is offered once, as short as it can be written."""
    words = complete("test-filter ")
    assert len(words) == len(set(words)) == 330
    assert not any(word.startswith("filter/") for word in words)


@pytest.mark.parametrize("text", [None, "source = ", 'source = "nobody"'])
def test_bad_definitions_complete_to_nothing(
    complete: Completes, tmp_path: Path, text: str | None
) -> None:
    """Where the definitions are wrong or missing there is nothing to offer, and no word of it."""
    folder = tmp_path / "wrong"
    if text is not None:
        folder.mkdir()
        (folder / "wrong.toml").write_text(text, encoding="utf-8")
    assert complete(f"test-filter --filters {folder} x") == []


def test_what_is_quarantined_is_offered(complete: Completes, out: Path) -> None:
    """`accept` completes to the filters that are held back, and to no others."""
    assert complete("accept ci") == []
    out.mkdir()
    (out / "status.json").write_text(STATUS, encoding="utf-8")
    assert complete("accept ci") == ["civitai:filter/x"]
    assert complete("accept hf") == []


def test_an_unreadable_output_completes_to_nothing(complete: Completes, out: Path) -> None:
    """An output folder that is none has nothing to offer."""
    out.write_text("a file", encoding="utf-8")
    assert complete("accept ") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(manifests: RunsCommand, shell: str) -> None:
    """`--show-completion` prints what a shell needs, for this command."""
    found = manifests("--show-completion", shell)
    assert found.returncode == 0
    assert "_MANIFESTS_COMPLETE" in found.stdout
