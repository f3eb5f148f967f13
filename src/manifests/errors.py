"""Name every expected failure by its code and by who must act: user, upstream or disk."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from manifests.legible import legible

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DefinitionError",
    "ErrorCode",
    "ManifestsError",
    "PageError",
    "SettingsError",
    "StoreError",
]


class ErrorCode(StrEnum):
    """Stable names of failures, as they stand in reports, summaries and `status.json`."""

    NETWORK_ERROR = "NETWORK_ERROR"
    TIMEOUT = "TIMEOUT"
    RATE_LIMIT = "RATE_LIMIT"
    API_ERROR = "API_ERROR"
    AUTH_ERROR = "AUTH_ERROR"
    VALIDATION_ERROR = "VALIDATION_ERROR"
    NOT_FOUND = "NOT_FOUND"
    REGION_BLOCKED = "REGION_BLOCKED"
    FILTER_IGNORED = "FILTER_IGNORED"
    MALFORMED_RESPONSE = "MALFORMED_RESPONSE"
    CHALLENGE = "CHALLENGE"
    PAGE_CAP = "PAGE_CAP"
    PAGINATION_ERROR = "PAGINATION_ERROR"
    CIRCUIT_OPEN = "CIRCUIT_OPEN"
    MAX_RETRIES_EXCEEDED = "MAX_RETRIES_EXCEEDED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    QUARANTINED = "QUARANTINED"
    STORE_ERROR = "STORE_ERROR"
    CANCELLED = "CANCELLED"


class ManifestsError(Exception):
    """Root of every expected error: what happened, and what to type or do next."""

    def __init__(self, cause: str, *, next_step: str = "") -> None:
        super().__init__(legible(cause))
        self.cause = legible(cause)
        self.next_step = legible(next_step)


class DefinitionError(ManifestsError):
    """The user's filter definitions or selection are invalid; nothing was sent.

    `problems` holds a line each, with its file and line or key, so that all can be mended at once.
    """

    def __init__(self, problems: Sequence[str], *, next_step: str = "") -> None:
        super().__init__("\n".join(problems), next_step=next_step)
        self.problems = tuple(problems)


class SettingsError(ManifestsError):
    """A flag, variable or token of the user's is unusable; it is named, its value is not."""


class PageError(ManifestsError):
    """A response that looked well is no page: upstream must act, and a later try may succeed."""


class StoreError(ManifestsError):
    """The disk refused: the published set is as it was, or whole files of it are new."""
