"""List the upstream APIs that manifests can be made of; a new one is a module and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.sources.civitai import CivitAI
from manifests.sources.huggingface import HuggingFace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.sources.base import Source

__all__ = ["SOURCES"]

CIVITAI = CivitAI()
HUGGING_FACE = HuggingFace()

SOURCES: Mapping[str, Source] = {
    CIVITAI.info.name: CIVITAI,
    HUGGING_FACE.info.name: HUGGING_FACE,
}
"""Each source under the name that definitions and flags have for it."""
