"""Decode TOML that people wrote, or that only looks as if they had."""

from __future__ import annotations

import re
import tomllib

__all__ = ["decode_toml"]

MOST_PARTS = 32
PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
LONG_KEY = re.compile(rf"(?<![\w-])(?:{PART}){{{MOST_PARTS}}}")


def decode_toml(text: str) -> dict[str, object]:
    """Return the text of a TOML file, decoded.

    The standard decoder takes memory with the square of a key's parts, 200 kB of them all that a
    machine has, and gives up on deep nesting and long numbers in ways that nobody expects of it.

    Raises:
        ValueError: it is no TOML, or none that a person would write.
    """
    if found := LONG_KEY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise ValueError(f"a key has more than {MOST_PARTS} parts (at line {line})")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python reads no number of more than 4,300 digits
        raise ValueError("a number is too long to be read") from error
    except RecursionError as error:
        raise ValueError("arrays or tables are nested too deeply") from error
