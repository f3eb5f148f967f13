"""Read `--simulate`: which faults, of which source, how often."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from manifests.errors import SettingsError
from manifests.sandbox.wire import CIVITAI, HUGGINGFACE, SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["STATUSES", "Fault", "parse"]

STATUSES = frozenset(
    {
        "401",
        "403",
        "404",
        "429",
        "451",
        "500",
        "502",
        "503",
        "504",
        "520",
        "521",
        "522",
        "523",
        "524",
        "529",
    }
)
"""Faults that are a status."""

_ALIASES = {CIVITAI: CIVITAI, HUGGINGFACE: HUGGINGFACE, "hf": HUGGINGFACE}
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_FORMS = {
    "chance": re.compile(r"(\d+(?:\.\d+)?)%"),
    "seconds": re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)"),
    "quota": re.compile(r"(\d+)/(\d*(?:\.\d+)?)(ms|s|m)"),
    "count": re.compile(r"(\d+)"),
    "retry": re.compile(r"retry"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One part of a specification: one way in which a source is ill."""

    name: str
    """`429`, `timeout`, `slow` …"""
    source: str | None = None
    """Whom it befalls; None is every source, each for itself."""
    chance: float = 1.0
    """The share of requests that it befalls, from 0 to 1."""
    seconds: float | None = None
    """Of `slow`, `latency`: how long; of a status: its Retry-After."""
    amount: int = 0
    """Of `rate`, `window`, `capacity`: so many requests."""
    per: float = 1.0
    """Of `rate`, `window`: in so many seconds."""
    retry: bool = False
    """Of `rate`: whether a refusal carries Retry-After."""

    def befalls(self, source: str) -> bool:
        """Tell whether it is a fault of *source*."""
        return self.source is None or self.source == source


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """Which forms of argument a fault takes, and which of them it can't do without."""

    takes: frozenset[str] = frozenset({"chance"})
    needs: str | None = None
    example: str = ""


_PLAIN = (
    "timeout",
    "reset",
    "truncate",
    "html",
    "challenge",
    "error",
    "json",
    "empty",
    "loop",
    "drip",
    "endless",
)
_KINDS: Mapping[str, _Kind] = {
    **{status: _Kind(takes=frozenset({"chance", "seconds"})) for status in sorted(STATUSES)},
    **{name: _Kind() for name in _PLAIN},
    "slow": _Kind(takes=frozenset({"chance", "seconds"}), needs="seconds", example="slow:2s"),
    "latency": _Kind(
        takes=frozenset({"chance", "seconds"}), needs="seconds", example="latency:600ms"
    ),
    "rate": _Kind(takes=frozenset({"quota", "retry"}), needs="quota", example="rate:10/s"),
    "window": _Kind(takes=frozenset({"quota"}), needs="quota", example="window:500/300s"),
    "capacity": _Kind(takes=frozenset({"count"}), needs="count", example="capacity:8"),
}


@dataclass(slots=True)
class _Arguments:
    """What the arguments of one part say, by form."""

    chance: float = 1.0
    seconds: float | None = None
    amount: int = 0
    per: float = 1.0
    retry: bool = False
    forms: set[str] = field(default_factory=set)

    def take(self, form: str, match: re.Match[str]) -> None:
        """Note one argument."""
        self.forms.add(form)
        if form == "chance":
            self.chance = float(match[1]) / 100
        elif form == "seconds":
            self.seconds = float(match[1]) * _UNITS[match[2]]
        elif form == "retry":
            self.retry = True
        else:
            self.amount = int(match[1])
        if form == "quota":
            self.per = float(match[2] or 1) * _UNITS[match[3]]

    @property
    def are_sound(self) -> bool:
        """Whether all numbers are within what makes sense."""
        is_limit = bool({"quota", "count"} & self.forms)
        return self.chance <= 1 and not (is_limit and (self.amount < 1 or self.per <= 0))


def parse(specification: str) -> tuple[Fault, ...]:
    """Read comma-separated `[source=]fault[:argument]…`; empty text is no fault.

    Raises:
        SettingsError: a part is wrong; it is named, with what is known and the nearest name.
    """
    parts = [part.strip() for part in specification.split(",")]
    return tuple(_fault(part) for part in parts if part)


def _fault(part: str) -> Fault:
    """Read one part."""
    scope, separator, rest = part.rpartition("=")
    source = _ALIASES.get(scope.strip())
    if separator and source is None:
        raise _unknown("source", scope, known=(*SOURCES, "hf"), part=part)

    name, *texts = (text.strip() for text in rest.split(":"))
    kind = _KINDS.get(name)
    if kind is None:
        raise _unknown("fault", name, known=tuple(_KINDS), part=part)

    found = _arguments(part, kind, texts)
    return Fault(
        name=name,
        source=source,
        chance=found.chance,
        seconds=found.seconds,
        amount=found.amount,
        per=found.per,
        retry=found.retry,
    )


def _arguments(part: str, kind: _Kind, texts: list[str]) -> _Arguments:
    """Read the arguments of one part, each known by its form."""
    found = _Arguments()
    for text in texts:
        matches = {form: _FORMS[form].fullmatch(text) for form in kind.takes - found.forms}
        form, match = next(((f, m) for f, m in matches.items() if m), ("", None))
        if match is None:
            raise _wrong(part, f"{text!r} says nothing here", kind)
        found.take(form, match)

    if kind.needs is not None and kind.needs not in found.forms:
        raise _wrong(part, "an argument is missing", kind)
    if not found.are_sound:
        raise _wrong(part, "a number is out of range", kind)

    return found


def _wrong(part: str, why: str, kind: _Kind) -> SettingsError:
    """Return the error of a part whose name is right."""
    example = f"write it like {kind.example}" if kind.example else "a share is written like 429:10%"
    return SettingsError(f"--simulate: in {part!r} {why}", next_step=example)


def _unknown(what: str, name: str, *, known: tuple[str, ...], part: str) -> SettingsError:
    """Return the error of a name that is not known, with the nearest one."""
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}? " if nearest else ""
    return SettingsError(
        f"--simulate: unknown {what} {name!r} in {part!r}",
        next_step=f"{hint}known: {', '.join(known)}",
    )
