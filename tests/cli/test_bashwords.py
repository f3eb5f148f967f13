"""In bash, too, a name with a colon is one word that can be completed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.cli.bashwords import joined, whole_words

# As bash calls it at a press of Tab, in a shell that has just read the script.
PRESS = """
set -eu
export PATH="$1:$PATH"
eval "$(manifests --show-completion bash)"
COMP_WORDS=("${@:3}") COMP_CWORD=$2
_manifests_completion manifests
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("words", "place", "expected"),
    [
        (["m", "list"], 1, (["m", "list"], 1, "")),
        (["m", "t", "hf", ":", "li"], 4, (["m", "t", "hf:li"], 2, "hf:")),
        (["m", "t", "hf", ":"], 3, (["m", "t", "hf:"], 2, "hf:")),
        (["m", "t", "hf", ":", ""], 4, (["m", "t", "hf:"], 2, "hf:")),
        (["m", "a", "hf", ":", "x", ""], 5, (["m", "a", "hf:x", ""], 3, "")),
        (["m", "a", "hf", ":", "x", "hf", ":", "y"], 2, (["m", "a", "hf:x", "hf:y"], 2, "")),
        (["m", "l", "--only", "=", "hf", ":", "l"], 6, (["m", "l", "--only=hf:l"], 2, "hf:")),
        (["m", "l", "--source", "=", "h"], 4, (["m", "l", "--source=h"], 2, "")),
        ([":", "m"], 1, ([":m"], 0, ":")),
        ([""], 0, ([""], 0, "")),
    ],
)
def test_words_are_joined(
    words: list[str], place: int, expected: tuple[list[str], int, str]
) -> None:
    """What was typed without a blank is one word, of which bash keeps all up to the last colon."""
    assert joined(words, place) == expected


@pytest.mark.parametrize(
    "environment",
    [{}, {"COMP_WORDS": "m\nhf\n:", "COMP_CWORD": "x"}, {"COMP_WORDS": "m", "COMP_CWORD": "1"}],
)
def test_what_is_no_question_of_bash_is_left_alone(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Words without a place, or a place without a word, are not ours to join."""
    before = dict(environment)
    with whole_words(environment):
        print("hf:likes")  # noqa: T201 - what is printed is what is tested
    assert (environment, capsys.readouterr().out) == (before, "hf:likes\n")


def test_the_answer_is_what_bash_puts_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    """The command sees whole words, and bash what follows the part that it keeps."""
    environment = {"COMP_WORDS": "m\nt\nhf\n:\nli", "COMP_CWORD": "4"}
    with whole_words(environment):
        print("hf:likes\nhf:likes/mit")  # noqa: T201 - what is printed is what is tested
    assert environment == {"COMP_WORDS": "m\nt\nhf:li", "COMP_CWORD": "2"}
    assert capsys.readouterr().out == "likes\nlikes/mit\n"


@pytest.mark.parametrize(
    ("words", "replies"),
    [
        (["test-filter", "hf", ":", "likes/small/a"], ["likes/small/apache"]),
        (["list", "--only", "=", "hf", ":", "likes/small/a"], ["likes/small/apache"]),
        (["test-filter", "x/week/sd2"], ["x/week/sd21"]),
        (["test-filter", "nobody", ":", "x"], [""]),
    ],
)
def test_bash_completes(words: list[str], replies: list[str]) -> None:
    """Bash itself gets what it puts in place of what follows the colon."""
    bash = shutil.which("bash")
    assert bash
    scripts = str(Path(sys.executable).parent)
    arguments = [scripts, str(len(words)), "manifests", *words]
    found = subprocess.run(
        [bash, "--norc", "-c", PRESS, "bash", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.splitlines() == replies
