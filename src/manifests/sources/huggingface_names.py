"""Hold the names that Hugging Face gives to things."""

from __future__ import annotations

__all__ = ["LICENSE"]

LICENSE = "license:"
"""How the tags begin that name a licence."""
