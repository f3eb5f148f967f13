"""Tokens are judged by their form and place, and never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.doctor.diagnosis import Level
from manifests.doctor.tokens import Places, judge_places, look_for_tokens, strange_names
from manifests.errors import SettingsError
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from manifests.sources.base import SourceInfo

REFUSAL = SettingsError("MADE_TOKEN holds no token", next_step="copy it again")


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (Places(), [(Level.WARN, "asked anonymously. Its terms ask for one.")]),
        (Places(variable_is_set=True), [(Level.OK, "MADE_TOKEN is set")]),
        (Places(file="/token", file_mode=0o600), [(Level.OK, "its token is in /token")]),
        (Places(file="/token"), [(Level.OK, "its token is in /token")]),
        (
            Places(file="/token", file_mode=0o644),
            [
                (Level.OK, "its token is in /token"),
                (Level.WARN, "others can read /token (mode 0644)"),
            ],
        ),
        (
            Places(variable_is_set=True, file="/token", file_mode=0o600, differs=True),
            [
                (Level.OK, "MADE_TOKEN is set"),
                (Level.WARN, "MADE_TOKEN is used; /token holds another"),
            ],
        ),
        (Places(variable_is_blank=True), [(Level.WARN, "MADE_TOKEN is set but empty")]),
        (
            Places(strange=("MADE_API_KEY",)),
            [(Level.WARN, "MADE_API_KEY is set, but only MADE_TOKEN is read")],
        ),
        (Places(strange=("MADE_API_KEY",), variable_is_set=True), [(Level.OK, "is set")]),
    ],
)
def test_what_is_said_of_places(
    info: SourceInfo, places: Places, expected: list[tuple[Level, str]]
) -> None:
    """A token is well in one place that only its owner reads; all else has its line and step."""
    found = list(judge_places(info, places))
    assert [each.level for each in found] == [level for level, _ in expected]
    for each, (level, words) in zip(found, expected, strict=True):
        assert words in each.found
        assert (each.source, bool(each.next_step)) == ("made", level is not Level.OK)


def test_a_refused_token(info: SourceInfo) -> None:
    """What the settings refuse is a failure, in their words."""
    (found,) = judge_places(info, Places(variable_is_set=True), refusal=REFUSAL)
    assert (found.level, found.found) == (Level.FAIL, REFUSAL.cause)
    assert found.next_step == REFUSAL.next_step


def test_a_source_without_terms_may_be_asked_anonymously() -> None:
    """Hugging Face asks for no token, so that its absence is nothing to be warned of."""
    (found,) = judge_places(SOURCES["huggingface"].info, Places())
    assert (found.level, found.found) == (Level.OK, "Hugging Face is asked anonymously")


@pytest.mark.parametrize(
    ("source", "name", "is_strange"),
    [
        ("civitai", "CIVITAI_API_KEY", True),
        ("civitai", "CIVITAI_API_TOKEN", True),
        ("civitai", "CIVITAI_TOKEN", False),
        ("civitai", "CIVITAI_ENDPOINT", False),
        ("huggingface", "HUGGING_FACE_HUB_TOKEN", True),
        ("huggingface", "HUGGINGFACE_API_KEY", True),
        ("huggingface", "hf_api_token", True),
        ("huggingface", "HF_TOKEN_PATH", False),
        ("huggingface", "CIVITAI_API_KEY", False),
        ("huggingface", "OTHER_HF_TOKEN", False),
    ],
)
def test_variables_that_nobody_reads(source: str, name: str, *, is_strange: bool) -> None:
    """Other tools' names for the same token are found, if they hold anything."""
    found = (name,) if is_strange else ()
    assert strange_names(SOURCES[source].info, {name: "x"}) == found
    assert strange_names(SOURCES[source].info, {name: " "}) == ()


@pytest.mark.parametrize(
    ("variable", "content", "mode", "expected"),
    [
        (None, None, 0, Places()),
        ("  ", None, 0, Places(variable_is_blank=True)),
        ("mu_a", None, 0, Places(variable_is_set=True)),
        (None, "", 0o600, Places(file_mode=0o600)),
        (None, "mu_b\n", 0o640, Places(file="FILE", file_mode=0o640)),
        (
            "mu_a",
            "mu_b",
            0o600,
            Places(variable_is_set=True, file="FILE", file_mode=0o600, differs=True),
        ),
        ("mu_a", "mu_a\n", 0o600, Places(variable_is_set=True, file="FILE", file_mode=0o600)),
    ],
)
def test_where_tokens_are_found(
    info: SourceInfo,
    tmp_path: Path,
    *,
    variable: str | None,
    content: str | None,
    mode: int,
    expected: Places,
) -> None:
    """Variable and file are both looked at, and a token that is in both is one token."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
    environ = {"MADE_FILE": str(path)} | ({} if variable is None else {"MADE_TOKEN": variable})
    found = look_for_tokens(info, environ)
    assert repr(found).replace(str(path), "FILE") == repr(expected)
    without = look_for_tokens(info, environ, has_modes=False)
    assert without.file_mode is None


def test_a_file_that_cannot_be_looked_at(info: SourceInfo) -> None:
    """A path that is none is no token here; the settings say what is wrong with it."""
    assert look_for_tokens(info, {"MADE_FILE": "/" + "x" * 5000}) == Places()
