"""Turn values into the one sequence of bytes that stands for them, and back."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

import orjson

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

__all__ = ["DamagedFileError", "decode", "encode", "sha256", "sha256_of"]


class DamagedFileError(ValueError):
    """The bytes are not what a published file of this kind holds; the message says why.

    The name of the file is not part of it: whoever opened the file knows it.
    """


def encode(value: object, *, compact: bool = False) -> bytes:
    """Return JSON in UTF-8 with sorted keys and a final newline.

    Args:
        value: what orjson can write: dicts with text keys, lists, tuples, text, numbers, null.
        compact: without any white space, rather than indented by two spaces.

    Raises:
        TypeError: the value holds an integer of more than 64 bits, or a lone surrogate.
    """
    layout = 0 if compact else orjson.OPT_INDENT_2
    return orjson.dumps(value, option=layout | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def decode(data: bytes) -> JsonValue:
    """Return the value that *data* stands for.

    Raises:
        DamagedFileError: it is no JSON, or only the beginning of one.
    """
    if not data.strip():
        raise DamagedFileError("the file is empty")

    try:
        return cast("JsonValue", orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise DamagedFileError(f"no JSON, or cut off: {error}") from error


def sha256(data: bytes) -> str:
    """Return the digest of *data* in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path) -> str:
    """Return the digest of a file in hexadecimal; it is never in memory as a whole.

    Raises:
        OSError: it can't be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
