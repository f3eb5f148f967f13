"""Flags and environment make settings; the sandbox needs neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.cli.wiring import FetchFlags, settings_of
from manifests.settings import CONTACT, Configuration
from manifests.store.verdict import GateLimits

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


def test_the_settings_file_comes_before_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contact, endpoints and thresholds have no flags: the environment alone goes before them."""
    told = Configuration(
        contact="mail@example.org",
        endpoints={"civitai": "https://mirror.example"},
        gate=GateLimits(max_shrink=0.1),
    )
    settings = settings_of(FLAGS, configuration=told)
    assert settings.contact == "mail@example.org"
    assert settings.access["civitai"].endpoint == "https://mirror.example"
    assert settings.access["huggingface"].endpoint == "https://huggingface.co"
    assert settings.gate.max_shrink == 0.1
    monkeypatch.setenv("MANIFESTS_CONTACT", "other@example.org")
    monkeypatch.setenv("CIVITAI_ENDPOINT", "https://other.example")
    settings = settings_of(FLAGS, configuration=told)
    assert settings.contact == "other@example.org"
    assert settings.access["civitai"].endpoint == "https://other.example"


def test_options_to_repeat_survive_a_shell() -> None:
    """Folders stand in quotes where a shell would take them apart; defaults are left out."""
    flags = FLAGS._replace(sandbox=True, filters=Path("my lists"), out=Path("a;b"), state=Path("s"))
    assert flags.same_upstream() == " --sandbox --filters 'my lists' --out 'a;b' --state s"
    assert FLAGS.same_upstream() == ""


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
