"""Flags and environment make settings; the sandbox needs neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.cli.wiring import FetchFlags, settings_of
from manifests.settings import CONTACT

FLAGS = FetchFlags(
    filters=Path("filters"),
    out=Path("manifests"),
    sandbox=False,
    concurrency=8,
    pace="6/250ms",
    attempts=3,
    deadline="10m",
)


def test_flags_become_numbers() -> None:
    """Times are seconds and shares are fractions, whatever unit they were given in."""
    settings = settings_of(FLAGS, style="compact", max_failed="12.5%", dry_run=True)
    assert settings.fixed == (6, 0.25)
    assert (settings.attempts, settings.deadline) == (3, 600)
    assert (settings.max_failed, settings.compact, settings.dry_run) == (0.125, True, True)


@pytest.mark.parametrize(
    ("given", "contact"),
    [("", CONTACT), ("  ", CONTACT), (" mail@example.org ", "mail@example.org")],
)
def test_contact(given: str, contact: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Upstream is told who asks; without an address of the user's it is the makers'."""
    monkeypatch.setenv("MANIFESTS_CONTACT", given)
    assert settings_of(FLAGS).contact == contact


def test_environment_decides_where_and_as_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoints and tokens come from the environment, and a token is not in any text of them."""
    monkeypatch.setenv("CIVITAI_ENDPOINT", "https://mirror.example/")
    monkeypatch.setenv("CIVITAI_TOKEN", "c1v1ta1s3cr3tc1v1ta1s3cr3t")
    settings = settings_of(FLAGS)
    civitai, huggingface = settings.access["civitai"], settings.access["huggingface"]
    assert civitai.endpoint == "https://mirror.example"
    assert civitai.token is not None
    assert huggingface.endpoint == "https://huggingface.co"
    assert huggingface.token is None
    assert "s3cr3t" not in repr(settings)


def test_the_sandbox_takes_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --sandbox no variable matters, not even one that is unusable."""
    monkeypatch.setenv("HF_TOKEN", "of the wrong form")
    monkeypatch.setenv("CIVITAI_ENDPOINT", "nonsense")
    access = settings_of(FLAGS._replace(sandbox=True)).access
    assert [each.token for each in access.values()] == [None, None]
