"""Say what a run is told, and read it: durations, shares, paces, endpoints and tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from manifests.errors import SettingsError
from manifests.store.verdict import GateLimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.fetch.budget_place import Place
    from manifests.sources.base import SourceInfo

__all__ = [
    "CONTACT",
    "Access",
    "Configuration",
    "Pace",
    "Settings",
    "find_token",
    "is_endpoint",
    "is_loopback",
    "parse_duration",
    "parse_pace",
    "parse_share",
    "parse_style",
    "read_access",
    "token_given",
]

CONTACT = "https://github.com/manifests/manifests"
"""Where upstream finds the tool's makers, when its user gives no address in MANIFESTS_CONTACT."""

LONGEST = 36_500 * 86_400.0
"""Seconds that anything may last; further back there is no calendar to reckon with."""
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where a source is asked, and as whom."""

    endpoint: str
    """Scheme, host and port, without a trailing slash."""
    token: SecretStr | None = None


class Pace(NamedTuple):
    """So many requests in flight to one host, so far apart."""

    concurrency: int
    delay: float
    """Least seconds between two starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that a run is told, once and for all."""

    filters: Path = Path("filters")
    """Folder of the definitions."""
    out: Path = Path("manifests")
    """Folder of the published set."""
    access: Mapping[str, Access] = field(default_factory=dict)
    """Source → where and as whom it is asked."""
    concurrency: int = 8
    """Requests in flight to one host that the controller may reach, at most."""
    fixed: Pace | None = None
    """A pace that never changes, in place of the controller's."""
    attempts: int = 8
    """Tries of one page, at most."""
    deadline: float = 1800.0
    """Seconds for the whole run."""
    max_failed: float = 0.1
    """Share of any one source's filters that may fail before the exit code says so."""
    compact: bool | None = None
    """Whether to write the short-keyed form of the files; None keeps that of the published set."""
    gate: GateLimits = field(default_factory=GateLimits)
    """Thresholds of the publish gate; what a filter says for itself goes before."""
    contact: str = CONTACT
    """Where upstream finds whoever runs this; it stands in the user agent."""
    budget: Place | None = None
    """What is shared with other processes, and where; None for nothing."""
    dry_run: bool = False
    """Whether to fetch and judge, but write nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What the settings file says, or that there is none."""

    origin: Path | None = None
    """The file; None without any."""
    options: Mapping[str, str | int | bool] = field(default_factory=dict)
    """Name of an option's parameter, such as `max_failed` → its value, as a flag would give it."""
    contact: str = ""
    """Where upstream finds whoever runs this; empty where it is not said."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Source → where it is asked."""
    gate: GateLimits = field(default_factory=GateLimits)
    gate_keys: frozenset[str] = frozenset()
    """Names of the thresholds that the file gives."""
    notes: tuple[str, ...] = ()
    """What a person should know, though nothing is wrong."""


def parse_duration(text: str) -> float:
    """Return the seconds in `90s`, `10m`, `1.5h` or `100ms`.

    Raises:
        SettingsError: when it is not a number with one of these units, or beyond a century.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)", text.strip())
    if match is None:
        raise SettingsError(f"{text!r} is no duration", next_step="write it as 100ms, 90s or 10m")
    seconds = float(match.group(1)) * UNITS[match.group(2)]
    if seconds > LONGEST:
        raise SettingsError(f"{text!r} is longer than a century", next_step="write it as 30d")
    return seconds


def parse_pace(text: str) -> Pace:
    """Return the concurrency and the delay in seconds of `4/100ms`.

    Raises:
        SettingsError: when it has another form, or allows nothing in flight.
    """
    count, slash, delay = text.strip().partition("/")
    if not slash or not re.fullmatch(r"[0-9]{1,3}", count) or int(count) < 1:
        raise SettingsError(f"{text!r} is no pace", next_step="write it as 4/100ms")
    return Pace(concurrency=int(count), delay=parse_duration(delay))


def parse_share(text: str) -> float:
    """Return the share from 0 to 1 in `10%`.

    Raises:
        SettingsError: when it is not a percentage from 0 to 100.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text.strip())
    if match is None or float(match.group(1)) / 100 > 1:
        raise SettingsError(f"{text!r} is no share", next_step="write it as 10%")
    return float(match.group(1)) / 100


def parse_style(text: str) -> bool:
    """Return whether *text* names the compact layout of the published files.

    Raises:
        SettingsError: it is neither `standard` nor `compact`.
    """
    if text not in {"standard", "compact"}:
        raise SettingsError(f"unknown style {text!r}", next_step="use standard or compact")
    return text == "compact"


def read_access(
    infos: Iterable[SourceInfo],
    environ: Mapping[str, str],
    *,
    endpoints: Mapping[str, str] | None = None,
) -> dict[str, Access]:
    """Return where and as whom each source is asked.

    Args:
        infos: the sources.
        environ: the environment, which goes before a file.
        endpoints: source → where it is asked, according to the settings file.

    Raises:
        SettingsError: naming the variable whose value is unusable, never the value.
    """
    told = endpoints or {}
    return {info.name: access_to(info, environ, told.get(info.name)) for info in infos}


def access_to(info: SourceInfo, environ: Mapping[str, str], told: str | None) -> Access:
    """Return where and as whom one source is asked; *told* is what the settings file says."""
    given = environ.get(info.endpoint_variable, "").strip()
    endpoint = (given or told or info.endpoint).rstrip("/")
    if not is_endpoint(endpoint):
        raise SettingsError(
            f"{info.endpoint_variable} is no endpoint",
            next_step=f"write it as {info.endpoint}, without a user or password",
        )
    return Access(endpoint=endpoint, token=find_token(info, environ, endpoint=endpoint))


def is_endpoint(text: str) -> bool:
    """Tell whether requests can be built on *text*, and no secret would show in their URLs."""
    try:
        parts = urlsplit(text)
        is_whole = parts.port != 0 and bool(parts.hostname)  # reading the port checks it
    except ValueError:
        return False
    is_plain = text.isprintable() and not set("@?# ") & set(text)
    return parts.scheme in {"http", "https"} and is_whole and is_plain


def find_token(info: SourceInfo, environ: Mapping[str, str], *, endpoint: str) -> SecretStr | None:
    """Return the token for a source, from its variable or else from its own client's file."""
    origin, text = token_given(info, environ)
    return checked_token(text, info, origin, endpoint=endpoint) if text else None


def token_given(info: SourceInfo, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable or file that speaks for a source, and the token in it; empty for none.

    Raises:
        SettingsError: the file is there, but can't be read.
    """
    given = environ.get(info.token_variable, "").strip()
    if given or info.token_file is None:
        return info.token_variable, given
    origin = info.token_file(environ)
    return origin, read_token_file(origin, info)


def read_token_file(name: str, info: SourceInfo) -> str:
    """Return what stands in a client's token file; nothing when there is none.

    Raises:
        SettingsError: it is there, but can't be read.
    """
    try:
        path = Path(name).expanduser()
        return path.read_text("utf-8", "replace").strip() if path.is_file() else ""
    except (OSError, RuntimeError) as error:  # the latter when there is no home folder
        raise SettingsError(
            f"{name} can't be read",
            next_step=f"mend its permissions, or put the token into {info.token_variable}",
        ) from error


def checked_token(token: str, info: SourceInfo, origin: str, *, endpoint: str) -> SecretStr:
    """Return a token of the right form that would travel encrypted, or refuse it by its origin."""
    if info.token_form and not re.fullmatch(info.token_form, token):
        raise SettingsError(
            f"{origin} holds no token of {info.title}: its form is wrong",
            next_step=f"copy the token again, or unset {info.token_variable}",
        )
    if urlsplit(endpoint).scheme != "https" and not is_loopback(endpoint):
        raise SettingsError(
            f"{origin} would travel unencrypted to {endpoint}",
            next_step=f"give {info.endpoint_variable} an https:// endpoint, or unset the token",
        )
    return SecretStr(token)


def is_loopback(endpoint: str) -> bool:
    """Tell whether an endpoint is on this machine."""
    host = urlsplit(endpoint).hostname or ""
    return host in {"localhost", "::1"} or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None
