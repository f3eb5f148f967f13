"""A proxy of the environment is understood as httpx understands it, and never shown whole."""

from __future__ import annotations

from urllib.request import getproxies

import httpx  # noqa: TID251 - what is said of its behaviour is held against it
import pytest

from manifests.errors import SettingsError
from manifests.fetch.proxies import Proxy, proxy_for, read_proxy

PROXY = "http://proxy.example:3128"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.mark.parametrize(
    "text",
    ["socks5://proxy:1080", "http://", "http://:3128", "http://proxy:99999", "ftp://proxy", "://x"],
)
def test_an_unusable_proxy_is_refused(text: str) -> None:
    """What can't be spoken to is an error of the settings, with what to set in its place."""
    with pytest.raises(SettingsError, match="proxy of the environment") as refused:
        read_proxy(text)
    assert "HTTPS_PROXY" in refused.value.next_step


def test_no_secret_is_shown() -> None:
    """Neither a repr, nor what people see, nor an error holds user or password."""
    proxy = read_proxy("http://jane:s3cr%3At@proxy.example:3128")
    assert (proxy.user, proxy.password) == ("jane", "s3cr:t")
    assert proxy.shown == PROXY
    with pytest.raises(SettingsError) as refused:
        read_proxy("socks5://jane:s3cr3t@proxy.example:1080")
    said = f"{proxy!r} {proxy.shown} {refused.value} {refused.value.next_step}"
    assert "jane" not in said
    assert "s3cr" not in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("http://proxy", "http://proxy:80"),
        ("https://proxy", "https://proxy:443"),
        ("http://[::1]:3128", "http://[::1]:3128"),
    ],
)
def test_the_forms_of_a_proxy(text: str, shown: str) -> None:
    """A bare host and port is HTTP; each scheme has its port."""
    assert read_proxy(text).shown == shown


@pytest.mark.parametrize(
    ("endpoint", "proxies", "expected"),
    [
        ("https://x.example", {}, None),
        ("https://x.example", {"http": PROXY}, None),
        ("https://x.example", {"https": PROXY}, PROXY),
        ("https://x.example", {"all": PROXY}, PROXY),
        ("http://x.example", {"all": PROXY, "http": "http://other:1"}, "http://other:1"),
        ("https://x.example", {"https": PROXY, "no": "*"}, None),
        ("http://127.0.0.1:8080", {"http": PROXY}, None),
    ],
)
def test_which_proxy_counts(endpoint: str, proxies: dict[str, str], expected: str | None) -> None:
    """The scheme's own proxy goes before the one for all; this machine is asked directly."""
    found = proxy_for(endpoint, proxies)
    assert (found.shown if found else None) == expected


@pytest.mark.parametrize("endpoint", ["https://hub.x.example", "https://x.example:8443"])
@pytest.mark.parametrize(
    "exceptions",
    [
        "",
        "*",
        "example",
        "x.example",
        ".x.example",
        "hub.x.example",
        "x.example:443",
        "x.example:8443",
        "https://x.example:8443",
        "https://x.example:443",
        "y.example, X.EXAMPLE",
        "https://x.example",
        "http://x.example",
        "all://hub.x.example",
        "localhost,127.0.0.1,10.0.0.0/8",
        ",,",
    ],
)
def test_exceptions_are_those_of_httpx(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, exceptions: str
) -> None:
    """Whatever NO_PROXY says, we and httpx agree on who is asked directly."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", exceptions)
    with httpx.Client() as client:
        is_direct = client._transport_for_url(httpx.URL(endpoint)) is client._transport
    assert (proxy_for(endpoint, getproxies()) is None) == is_direct


@pytest.mark.parametrize(
    ("endpoint", "exceptions", "is_direct"),
    [
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://10.1.2.3", "10.0.0.0/8", False),
        ("http://[fd00::1]:80", "fd00::1", True),
        ("http://[fd00::1]:80", "[fd00::1]:81", False),
    ],
)
def test_addresses_fit_themselves_only(endpoint: str, exceptions: str, *, is_direct: bool) -> None:
    """An address in NO_PROXY is no range and no suffix."""
    found = proxy_for(endpoint, {"http": PROXY, "no": exceptions})
    proxy = Proxy(scheme="http", host="proxy.example", port=3128)
    assert found == (None if is_direct else proxy)
