"""Keep what was learned about each host from one run to the next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

from pydantic import Field, ValidationError

from manifests.events import Noted
from manifests.fetch.work import LearnedPace
from manifests.models import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from manifests.events import Reporter

__all__ = ["Forgetful", "PaceFile", "PaceMemory"]


class PaceMemory(Protocol):
    """Whatever remembers how fast a host may be asked."""

    def load(self, host: str) -> LearnedPace | None:
        """Return what is known of *host*: an endpoint and `anonymous` or `token`."""
        ...

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Remember what a run learned of its hosts."""
        ...


class Forgetful:
    """Remembers nothing: each run starts as if it were the first."""

    def load(self, host: str) -> LearnedPace | None:
        """Return None, whatever *host* is."""
        del host
        return None

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Forget *paces*."""


class Pace(Record):
    """What the file holds of one host; no more than what makes sense."""

    window: float = Field(gt=0, le=1000, allow_inf_nan=False)
    latency: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)


class Paces(Record):
    """What the file holds."""

    hosts: dict[str, Pace] = Field(default_factory=dict)


class PaceFile:
    """Remembers in a JSON file; one that can't be read or written costs only a slower start."""

    def __init__(self, path: Path, *, reporter: Reporter) -> None:
        self._path = path
        self._reporter = reporter
        self._paces = self._read()

    def load(self, host: str) -> LearnedPace | None:
        """Return what an earlier run learned of *host*; None when none did."""
        pace = self._paces.hosts.get(host)
        return LearnedPace(**pace.model_dump()) if pace else None

    def save(self, paces: Mapping[str, LearnedPace]) -> None:
        """Write what a run learned beside what was known of other hosts, whole or not at all."""
        learned = {
            host: Pace(window=pace.window, latency=pace.latency, rate=pace.rate)
            for host, pace in paces.items()
        }
        whole = Paces(hosts=self._paces.hosts | learned).model_dump_json(indent=2)
        draft = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(f"{whole}\n", encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            self._note(f"can't be written ({error.strerror}); the next run starts slowly")

    def _read(self) -> Paces:
        try:
            return Paces.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Paces()
        except (OSError, ValidationError):
            self._note("can't be read and is ignored; this run starts slowly")
            return Paces()

    def _note(self, what: str) -> None:
        self._reporter(Noted(message=f"{self._path}: the pace learned {what}"))
