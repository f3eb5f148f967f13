"""Hold what a check found: ok, warn or fail, in words for people and names for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from manifests.errors import ErrorCode
from manifests.models import Record
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterable

    from manifests.errors import ManifestsError

__all__ = [
    "Check",
    "Diagnosis",
    "Finding",
    "Group",
    "Level",
    "failed",
    "ok",
    "refused",
    "summary",
    "warned",
]

MOST_CHARACTERS = 600
"""Of one text; whatever upstream or a file puts into it, a line stays readable."""


class Level(StrEnum):
    """How bad it is; only a failure changes the exit code."""

    OK = "ok"
    WARN = "warn"
    """A run works, but worse than it could, or not for long."""
    FAIL = "fail"
    """A run can't work, or would do harm."""


class Group(StrEnum):
    """Under which heading a finding stands."""

    TOOL = "tool"
    NETWORK = "network"
    UPSTREAM = "upstream"
    FILES = "files"


class Check(StrEnum):
    """What was looked at: stable names, to which others may be added."""

    TOOL = "tool"
    SETTINGS = "settings"
    DEFINITIONS = "definitions"
    PROXY = "proxy"
    CERTIFICATES = "certificates"
    CONNECTION = "connection"
    CLOCK = "clock"
    AUTH = "token"
    ACCOUNT = "account"
    CANARY = "canary"
    QUOTA = "quota"
    OUT = "out"
    STATE = "state"
    WRITER = "writer"
    DATABASE = "database"

    @property
    def group(self) -> Group:
        """The heading under which it stands."""
        if self in {Check.TOOL, Check.SETTINGS, Check.DEFINITIONS}:
            return Group.TOOL
        if self in {Check.PROXY, Check.CERTIFICATES, Check.CONNECTION, Check.CLOCK}:
            return Group.NETWORK
        if self in {Check.AUTH, Check.ACCOUNT, Check.CANARY, Check.QUOTA}:
            return Group.UPSTREAM
        return Group.FILES


class Finding(Record):
    """What one check found."""

    check: Check
    group: Group
    level: Level
    source: str | None = None
    """The source that it is about, if it is about one."""
    found: str
    """One line for a person, without secrets."""
    next_step: str = ""
    """What to type or do; empty when all is well."""
    code: ErrorCode | None = None
    """With which a run would fail for the same reason."""
    timings: Mapping[str, float] = Field(default_factory=dict)
    """Seconds of each step that was taken: `dns`, `tcp`, `tunnel`, `tls`, `http`."""


class Diagnosis(Record):
    """All that a look at this machine and its upstreams has found."""

    schema_version: Literal[1] = Field(default=1, serialization_alias="schema")
    tool: str
    """Version of this tool."""
    started: str
    """ISO 8601, UTC."""
    seconds: float
    offline: bool = False
    """Whether no upstream was asked."""
    counts: Mapping[Level, int]
    findings: tuple[Finding, ...]

    @property
    def has_failed(self) -> bool:
        """Whether anything failed."""
        return self.counts[Level.FAIL] > 0

    @classmethod
    def of(
        cls,
        findings: Iterable[Finding],
        *,
        tool: str,
        started: str,
        seconds: float,
        offline: bool = False,
    ) -> Diagnosis:
        """Return findings in the order of their groups, counted."""
        groups = list(Group)
        ordered = sorted(findings, key=lambda each: groups.index(each.group))
        counts = Counter(each.level for each in ordered)
        return cls(
            tool=tool,
            started=started,
            seconds=seconds,
            offline=offline,
            counts={level: counts[level] for level in Level},
            findings=tuple(ordered),
        )


def plain(text: str) -> str:
    """Return text of anyone's as one line that moves no cursor and turns no direction."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]}…"


def ok(
    check: Check,
    found: str,
    *,
    source: str | None = None,
    timings: Mapping[str, float] | None = None,
) -> Finding:
    """Return a finding that all is well."""
    return Finding(
        check=check,
        group=check.group,
        level=Level.OK,
        source=source,
        found=plain(found),
        timings=timings or {},
    )


def warned(check: Check, found: str, next_step: str, *, source: str | None = None) -> Finding:
    """Return a finding that should be looked at, with what to do about it."""
    return Finding(
        check=check,
        group=check.group,
        level=Level.WARN,
        source=source,
        found=plain(found),
        next_step=plain(next_step),
    )


def failed(
    check: Check,
    found: str,
    next_step: str,
    *,
    source: str | None = None,
    code: ErrorCode | None = None,
    timings: Mapping[str, float] | None = None,
) -> Finding:
    """Return a finding with which no run can work, with what to do about it."""
    return Finding(
        check=check,
        group=check.group,
        level=Level.FAIL,
        source=source,
        found=plain(found),
        next_step=plain(next_step),
        code=code,
        timings=timings or {},
    )


def refused(check: Check, error: ManifestsError, *, source: str | None = None) -> Finding:
    """Return the failure that an expected error tells of."""
    return failed(check, error.cause, error.next_step, source=source)


def summary(diagnosis: Diagnosis) -> str:
    """Return `12 ok, 1 warning, 1 failure in 0.8 s`."""
    counts = diagnosis.counts
    parts = [f"{counts[Level.OK]} ok"]
    parts += [counted(counts[Level.WARN], "warning")] * bool(counts[Level.WARN])
    parts += [counted(counts[Level.FAIL], "failure")] * bool(counts[Level.FAIL])
    unasked = "; no upstream was asked" if diagnosis.offline else ""
    return f"{', '.join(parts)} in {duration(diagnosis.seconds)}{unasked}"
