"""Tell Prometheus how each host was treated in a run, and how it bore that."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from manifests.report.exposition import gauge
from manifests.traffic import Circuit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from manifests.report.exposition import Family
    from manifests.results import RunRecord
    from manifests.traffic import HostNote, HostRecord

__all__ = ["held_seconds", "host_families"]


def host_families(record: RunRecord) -> Iterator[Family]:
    """Yield the metrics of all hosts; none with a fixed pace."""
    hosts = sorted(record.hosts, key=lambda host: host.source)
    for name, help_, value in MEASURES:
        values = {host.source: value(host) for host in hosts}
        known = {source: each for source, each in values.items() if each is not None}
        yield gauge(name, help_, {(source,): each for source, each in known.items()}, "source")
    yield gauge(
        "manifests_host_circuit",
        "1 for the state in which the last run left the circuit of a host.",
        {
            (host.source, state): float(host.circuit == state)
            for host in hosts
            for state in get_args(Circuit)
        },
        "source",
        "circuit",
    )


def held_seconds(notes: Iterable[HostNote]) -> float:
    """Return how long a host was held in all; what pauses have in common counts once."""
    total, until = 0.0, 0.0
    for note in sorted(notes, key=lambda each: each.at):
        if note.kind == "hold":
            ends = note.at + note.seconds
            total += max(0.0, ends - max(until, note.at))
            until = max(until, ends)
    return round(total, 3)


MEASURES: tuple[tuple[str, str, Callable[[HostRecord], float | None]], ...] = (
    (
        "manifests_host_refused_requests",
        "Requests of the last run that were answered with 429.",
        lambda host: host.refused,
    ),
    (
        "manifests_host_abandoned_requests",
        "Requests of the last run that were cancelled.",
        lambda host: host.abandoned,
    ),
    (
        "manifests_host_window_requests",
        "Requests that were allowed in flight when the last run ended.",
        lambda host: host.window,
    ),
    (
        "manifests_host_in_flight_requests_max",
        "The most requests in flight at once in the last run.",
        lambda host: host.most_in_flight,
    ),
    (
        "manifests_host_requests_per_second",
        "Starts a second that were allowed when the last run ended; absent when never limited.",
        lambda host: host.rate,
    ),
    (
        "manifests_host_quota_remaining_requests",
        "Requests left of the host's counted window; absent when it counts none.",
        lambda host: host.quota_remaining,
    ),
    (
        "manifests_host_circuit_openings",
        "How often the circuit of a host opened in the last run.",
        lambda host: host.openings,
    ),
    (
        "manifests_host_held_seconds",
        "How long a host was held in the last run because it asked for it.",
        lambda host: held_seconds(host.notes),
    ),
)
"""Name, help and value of what a host has one of."""
