"""Choose the HTTP library: httpx, or httpx2, its successor with the same names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from manifests.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

__all__ = ["http_library"]

VARIABLE = "MANIFESTS_HTTP_CLIENT"
LIBRARIES = ("httpx", "httpx2")


def http_library(environ: Mapping[str, str]) -> ModuleType:
    """Return the library that MANIFESTS_HTTP_CLIENT names; httpx where it names none.

    It has to be named: other packages bring httpx2 along, and that must not change how a run
    fetches.

    Raises:
        SettingsError: the variable names something else, or what is not installed.
    """
    name = environ.get(VARIABLE, "").strip() or LIBRARIES[0]
    if name not in LIBRARIES:
        raise SettingsError(
            f"{VARIABLE}: there is no {name[:50]!r}", next_step=f"use {' or '.join(LIBRARIES)}"
        )

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{VARIABLE}: {name} is not installed",
            next_step=f"pip install 'manifests[{name}]', or unset the variable to use httpx",
        ) from error
