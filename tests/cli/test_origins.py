"""`settings` shows what a run would go by, where it comes from, and no secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from manifests.cli.origins import NETWORK

if TYPE_CHECKING:
    import pytest
    from tests.cli.conftest import RunsCommand

TOKEN = "c1v1ta1s3cr3tc1v1ta1s3cr3t"


def rows(manifests: RunsCommand, *arguments: str) -> dict[str, tuple[object, ...]]:
    """Return name → value, origin and place, of all settings."""
    found = manifests("settings", "--json", *arguments)
    document = orjson.loads(found.stdout)
    assert (found.returncode, document["schema"]) == (0, 1)
    return {
        each["name"]: (each["value"], each["from"], each["place"]) for each in document["settings"]
    }


def test_defaults_are_told(manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything said, each value is a default, and absence is told as what it means."""
    said = ("MANIFESTS_FILTERS", "MANIFESTS_OUT", "MANIFESTS_STATE")
    for name in (*said, *NETWORK, *(each.lower() for each in NETWORK)):
        monkeypatch.delenv(name, raising=False)
    found = rows(manifests)
    assert {origin for _, origin, _ in found.values()} == {"default"}
    assert [found[name][0] for name in ("filters", "out", "state")] == [
        "filters",
        "manifests",
        ".manifests",
    ]
    assert found["style"][0] is found["fixed"][0] is found["CIVITAI_TOKEN"][0] is None
    assert found["gate.max-shrink"][0] == "50%"
    assert found["gate.accept-after"][0] == "24h"
    assert found["endpoints.huggingface"][0] == "https://huggingface.co"
    table = manifests("settings").stdout
    assert "as published" in table
    assert "found out" in table
    assert "not set" in table


def test_the_file_is_told(manifests: RunsCommand) -> None:
    """Values of the file are told as it spells them, with its name."""
    Path("manifests.toml").write_text(
        """
        contact = "mail@example.org"
        endpoints.civitai = "https://mirror.example/"
        [gate]
        max-source-shrink = "12.5%"
        accept-after = "never"
        """,
        encoding="utf-8",
    )
    found = rows(manifests)
    assert found["contact"] == ("mail@example.org", "file", "manifests.toml")
    assert found["endpoints.civitai"] == ("https://mirror.example", "file", "manifests.toml")
    assert found["gate.max-source-shrink"] == ("12.5%", "file", "manifests.toml")
    assert found["gate.accept-after"] == ("never", "file", "manifests.toml")
    assert found["gate.max-shrink"][1] == "default"
    assert "file manifests.toml" in manifests("settings").stdout


def test_the_environment_is_told(
    manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Variables are named; of a token only that it is there, of a proxy not who asks it."""
    (tmp_path / "token").write_text("hf_" + "a" * 34, encoding="utf-8")
    for name, value in {
        "CIVITAI_TOKEN": TOKEN,
        "HF_TOKEN_PATH": str(tmp_path / "token"),
        "CIVITAI_ENDPOINT": "https://mirror.example/",
        "MANIFESTS_CONTACT": "mail@example.org",
        "https_proxy": "http://someone:s3cr3t@proxy.example:3128",
        "HTTP_PROXY": "socks5://someone:s3cr3t@proxy.example",
        "SSL_CERT_FILE": "/etc/own.pem",
    }.items():
        monkeypatch.setenv(name, value)
    found = rows(manifests)
    assert found["CIVITAI_TOKEN"] == ("set", "variable", "CIVITAI_TOKEN")
    assert found["HF_TOKEN"] == ("set", "file", str(tmp_path / "token"))
    assert found["endpoints.civitai"] == ("https://mirror.example", "variable", "CIVITAI_ENDPOINT")
    assert found["contact"] == ("mail@example.org", "variable", "MANIFESTS_CONTACT")
    assert found["HTTPS_PROXY"] == ("http://proxy.example:3128", "variable", "https_proxy")
    assert str(found["HTTP_PROXY"][0]).startswith("unusable: ")
    assert found["SSL_CERT_FILE"] == ("/etc/own.pem", "variable", "SSL_CERT_FILE")
    printed = manifests("settings").stdout + manifests("settings", "--json").stdout
    assert "s3cr3t" not in printed
    assert "someone" not in printed


def test_what_is_unusable_is_told_and_not_repeated(
    manifests: RunsCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong endpoint may hold a password, and a wrong token is somebody's token."""
    monkeypatch.setenv("CIVITAI_ENDPOINT", "https://me:s3cr3t@mirror.example")
    monkeypatch.setenv("HF_TOKEN", "s3cr3t of another kind")
    found = rows(manifests)
    assert found["endpoints.civitai"][0] == "unusable: no endpoint"
    assert str(found["HF_TOKEN"][0]).startswith("unusable: HF_TOKEN holds no token")
    assert "s3cr3t" not in manifests("settings").stdout


def test_hostile_settings_are_harmless(manifests: RunsCommand) -> None:
    """What a file holds is never obeyed by a terminal."""
    Path("manifests.toml").write_text('contact = "a\\u001b[31m[bold]b"', encoding="utf-8")
    found = manifests("settings")
    assert "\x1b" not in found.stdout
    assert "[bold]b" in found.stdout
