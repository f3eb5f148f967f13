"""Tell which proxy of the environment stands before an endpoint, as httpx decides it; pure."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from manifests.errors import SettingsError
from manifests.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proxy", "proxy_for", "read_proxy"]

DEFAULT_PORTS = {"http": 80, "https": 443}
"""Scheme → port; httpx speaks no other to a proxy, unless an extra of its own is installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """What stands between this machine and an endpoint."""

    scheme: str
    """`http`, or `https` where the way to the proxy itself is encrypted."""
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """Its URL as people may see it, without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def proxy_for(endpoint: str, proxies: Mapping[str, str]) -> Proxy | None:
    """Return the proxy through which an endpoint is asked; None when it is asked directly.

    Args:
        endpoint: scheme, host and port.
        proxies: what `urllib.request.getproxies()` returned: scheme, `all` or `no` → its value.

    Raises:
        SettingsError: there is one, but its address is unusable; its password is not named.
    """
    scheme = urlsplit(endpoint).scheme
    text = proxies.get(scheme) or proxies.get("all") or ""
    # `open_fetchers` asks this machine itself without any proxy.
    if not text or is_loopback(endpoint) or is_excepted(endpoint, proxies.get("no", "")):
        return None
    return read_proxy(text)


def read_proxy(text: str) -> Proxy:
    """Return the proxy that a variable names: `http://user:password@proxy:3128`, or `proxy:3128`.

    Raises:
        SettingsError: it is no address, or of a kind that is not spoken here, such as SOCKS.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    except (KeyError, ValueError) as error:
        raise unusable(text) from error
    if not parts.hostname or parts.scheme not in DEFAULT_PORTS:
        raise unusable(text)
    return Proxy(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def unusable(text: str) -> SettingsError:
    """Return the error of a proxy that can't be used, without the secret that it may hold."""
    scheme, separator, _ = text.partition("://")
    kind = f" (a proxy of the kind {scheme[:20]!r})" if separator else ""
    return SettingsError(
        f"the proxy of the environment can't be used{kind}",
        next_step="set HTTPS_PROXY and HTTP_PROXY to http://HOST:PORT, or unset them and ALL_PROXY",
    )


def is_excepted(endpoint: str, exceptions: str) -> bool:
    """Tell whether NO_PROXY takes an endpoint out.

    Source: httpx 0.28 `_utils.get_environment_proxies` and `URLPattern`: `*` is everything, a name
    takes its subdomains along, `.name` means these alone, a scheme or a port must fit as well; an
    address fits itself only, and ranges such as 10.0.0.0/8 fit nothing.
    """
    parts = urlsplit(endpoint)
    entries = [entry.strip() for entry in exceptions.split(",") if entry.strip()]
    # httpx forgets a port that its scheme has anyway, so that `name:443` does not fit https://name.
    port = None if parts.port == DEFAULT_PORTS.get(parts.scheme) else parts.port
    return any(
        entry == "*" or fits(entry, scheme=parts.scheme, host=parts.hostname or "", port=port)
        for entry in entries
    )


def fits(entry: str, *, scheme: str, host: str, port: int | None) -> bool:
    """Tell whether one entry of NO_PROXY means a host."""
    wanted, separator, rest = entry.rpartition("://")
    if separator and wanted not in {"all", scheme}:
        return False
    name, wanted_port = split_port(rest.lower())
    if wanted_port not in {None, port, DEFAULT_PORTS.get(wanted)}:
        return False
    if separator or name == "localhost" or is_address(name):
        return host in {name, name.strip("[]")}
    if name.startswith("."):
        return host.endswith(name)
    return host == name or host.endswith(f".{name}")


def split_port(text: str) -> tuple[str, int | None]:
    """Return the host and the port of an entry; an IPv6 address has colons of its own."""
    match = re.fullmatch(r"([^:]+|\[[^\]]+\]):([0-9]{1,5})", text)
    return (match[1], int(match[2])) if match else (text, None)


def is_address(name: str) -> bool:
    """Tell whether a name is an IP address."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
