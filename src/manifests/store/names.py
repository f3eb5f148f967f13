"""Name the files of the published set, and tell which name belongs to which filter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from manifests.sources.base import SourceInfo

__all__ = [
    "INDEX_FILE",
    "STATUS_FILE",
    "Key",
    "is_temporary",
    "manifest_file",
    "manifest_pattern",
    "temporary_name",
]

Key: TypeAlias = tuple[str, str]
"""What tells one manifest from all others: the name of its source, the path of its filter."""

INDEX_FILE: Final = "index.json"
STATUS_FILE: Final = "status.json"

_TEMPORARY = re.compile(r"\.[^/\\]+\.json\.[0-9a-f]{16}\.tmp")


def manifest_file(info: SourceInfo, path: str) -> str:
    """Return the name of a filter's manifest: `civitai-filter-x-week-sd21.json`."""
    return f"{info.file_prefix}-{path.replace('/', '-')}.json"


def manifest_pattern(info: SourceInfo) -> str:
    """Return the glob that finds all manifests of a source: `hf-filter-*.json`."""
    return f"{info.file_prefix}-filter-*.json"


def temporary_name(name: str, token: str) -> str:
    """Return the name under which *name* is staged; *token* is 16 hexadecimal digits."""
    return f".{name}.{token}.tmp"


def is_temporary(name: str) -> bool:
    """Tell whether *name* is one that only this tool gives to a file that it stages."""
    return _TEMPORARY.fullmatch(name) is not None
