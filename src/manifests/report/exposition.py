"""Write metrics in Prometheus' text format 0.0.4, as node-exporter's textfile collector reads it.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from manifests.report.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Family", "Sample", "exposition", "gauge", "summary"]

Kind: TypeAlias = Literal["gauge", "summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One series with its value."""

    labels: Mapping[str, str]
    value: float
    suffix: str = ""
    """What its name has beyond that of its family: `_sum` and `_count` of a summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All series of one metric."""

    name: str
    kind: Kind
    help: str
    samples: tuple[Sample, ...]


def gauge(name: str, help_: str, samples: Mapping[tuple[str, ...], float], *labels: str) -> Family:
    """Return a metric whose value goes up and down.

    Args:
        name: with its unit as suffix.
        help_: one sentence.
        samples: values of the labels, in their order, with the value of the series.
        labels: names of the labels.
    """
    made = (
        Sample(labels=dict(zip(labels, values, strict=True)), value=value)
        for values, value in samples.items()
    )
    return Family(name=name, kind="gauge", help=help_, samples=tuple(made))


def summary(
    name: str, help_: str, values: Mapping[str, Iterable[float]], quantiles: Iterable[float]
) -> Family:
    """Return the distribution of what was measured of each source.

    Args:
        name: with its unit as suffix.
        help_: one sentence.
        values: what was measured, by source.
        quantiles: shares from 0 to 1; the value of each is one that was measured.
    """
    shares, samples = tuple(quantiles), list[Sample]()
    for source, measured in values.items():
        ordered, labels = sorted(measured), {"source": source}
        for share in shares if ordered else ():
            value = quantile(ordered, share)
            samples.append(Sample(labels={**labels, "quantile": f"{share:g}"}, value=value))
        samples.append(Sample(labels=labels, value=round(sum(ordered), 3), suffix="_sum"))
        samples.append(Sample(labels=labels, value=len(ordered), suffix="_count"))
    return Family(name=name, kind="summary", help=help_, samples=tuple(samples))


def exposition(families: Iterable[Family], *, labels: Mapping[str, str]) -> bytes:
    """Return the file: each family with its help and type; one without any series is left out.

    Args:
        families: the metrics.
        labels: what every series has besides labels of its own.
    """
    lines = (line for family in families if family.samples for line in lines_of(family, labels))
    return "".join(f"{line}\n" for line in lines).encode()


def lines_of(family: Family, common: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of one metric."""
    yield f"# HELP {family.name} {escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        labels = {**common, **sample.labels}
        shown = ",".join(f'{name}="{quoted(value)}"' for name, value in labels.items())
        yield f"{family.name}{sample.suffix}{{{shown}}} {number(sample.value)}"


def escaped(text: str) -> str:
    """Return text for a help line; what could break the line or drive a terminal is replaced."""
    plain = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return plain.replace("\\", r"\\")


def quoted(text: str) -> str:
    """Return text for the value of a label."""
    return escaped(text).replace('"', r"\"")


def number(value: float) -> str:
    """Return a value: whole ones without a point, all others as the shortest text that is exact."""
    return str(int(value)) if value == int(value) else repr(value)
