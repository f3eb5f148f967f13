"""Read where a shared budget is kept: `redis://host:port/db`, `rediss://…` or `sqlite:PATH`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from manifests.errors import SettingsError

__all__ = ["Place", "parse_place"]

FORM = re.compile(r"rediss?:(/[0-9]{0,5})?")
"""Scheme and path."""
NEXT = "write it as redis://host:6379/0, rediss://host:6380/0 or sqlite:PATH"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the budget is."""

    shown: str
    """For people: without user and password."""
    secret: SecretStr
    """The whole URL, or the path of a file."""
    path: Path | None = None
    """The file of sqlite's; None for a server."""


def parse_place(text: str) -> Place:
    """Return the place that *text* names.

    Raises:
        SettingsError: it names none; what was given is not repeated, as it may hold a password.
    """
    text = text.strip()
    if text.startswith("sqlite:"):
        path = text.removeprefix("sqlite:")
        if not path or not path.isprintable():
            raise SettingsError("a shared budget of sqlite needs a file", next_step=NEXT)
        return Place(shown=f"sqlite:{path}", secret=SecretStr(path), path=Path(path))
    return Place(shown=shown(text), secret=SecretStr(text))


def shown(url: str) -> str:
    """Return a server's URL without user, password and options."""
    try:
        parts = urlsplit(url)
        port = parts.port  # reading it checks it
    except ValueError as error:
        raise SettingsError("the shared budget's URL can't be read", next_step=NEXT) from error
    is_plain = url.isprintable() and not set(" ?#") & set(url)
    is_server = FORM.fullmatch(f"{parts.scheme}:{parts.path}") is not None and parts.hostname
    if port == 0 or not is_plain or not is_server:
        raise SettingsError("the shared budget's URL is none that can be used", next_step=NEXT)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
