"""Find what a person wants to know first of a run: the verdict, the failures, the oddities."""

from __future__ import annotations

import shlex
from collections import defaultdict
from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.report.exits import ExitCode, failing_sources, is_missing
from manifests.report.plain import plain
from manifests.results import Failure, Outcome, State
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePath

    from manifests.results import RunRecord

__all__ = ["failure_groups", "headline", "oddities", "reproduce", "shown_code", "typed", "verdict"]

NOUNS = {
    State.FRESH: "new",
    State.UNCHANGED: "unchanged",
    State.STALE: "kept stale",
    State.QUARANTINED: "quarantined",
    State.MISSING: "missing",
}

CUT_SHORT = (ErrorCode.DEADLINE_EXCEEDED, ErrorCode.CANCELLED)


def failure_groups(record: RunRecord) -> list[tuple[Failure, list[Outcome]]]:
    """Return the failures that are alike, with their outcomes, the largest group first."""
    groups: dict[tuple[str, str, str, str], list[Outcome]] = defaultdict(list)
    first: dict[tuple[str, str, str, str], Failure] = {}
    for outcome in record.failures:
        if failure := outcome.failure:
            # A quarantined filter's next step names itself, so that no two would be alike.
            step = "" if failure.code is ErrorCode.QUARANTINED else failure.next_step
            key = (outcome.source, failure.code, failure.last_code or "", step)
            first.setdefault(key, failure)
            groups[key].append(outcome)
    return sorted(
        ((first[key], outcomes) for key, outcomes in groups.items()),
        key=lambda group: (-len(group[1]), group[0].code, group[1][0].filter),
    )


def headline(record: RunRecord, out: PurePath) -> str:
    """Return what a person looks for first: how much is published, and how fresh it is."""
    total = len(record.outcomes)
    stand = "stands" if total == 1 else "stand"
    there = sum(not is_missing(outcome) for outcome in record.outcomes)
    counts = record.counts
    states = [f"{counts[state]:,} {noun}" for state, noun in NOUNS.items() if counts[state]]
    where = f"would stand in {out}/ (dry run)" if record.dry_run else f"{stand} in {out}/"
    return (
        f"{there:,} of {counted(total, 'manifest')} {where}: {', '.join(states)}"
        f" — {counted(record.requests, 'request')} in {duration(record.seconds)}"
    )


def verdict(record: RunRecord, code: ExitCode, *, max_failed: float) -> Iterator[str]:
    """Yield why the exit code is what it is, and what to do; nothing when all is well."""
    if record.ended_by != "completion":
        yield early_end(record)
    yield from hosts_down(record)
    yield from lost_shards(record)
    missing = sum(is_missing(outcome) for outcome in record.outcomes)
    if missing:
        yield f"{counted(missing, 'manifest')} missing: neither made now nor published before"
    for source in failing_sources(record, max_failed=max_failed):
        yield f"{failed_of(record, source)}; --max-failed allows {max_failed * 100:g}%"
    if record.refusal:
        yield f"not every file could be written: {record.refusal.cause}"
        yield f"next: {record.refusal.next_step}"
    elif code is ExitCode.NOTHING_MADE:
        yield "nothing was made"
    if code is not ExitCode.OK:
        yield f"exit code {code.value}"


def hosts_down(record: RunRecord) -> Iterator[str]:
    """Yield a line for each host that was down when a run was cut short, with what it said last.

    The failures of its filters can only tell that their turn never came.
    """
    waited = {
        outcome.source
        for outcome in record.failures
        if outcome.failure and outcome.failure.code in CUT_SHORT
    }
    for host in record.hosts:
        if host.circuit != "closed" and host.source in waited:
            why = next((note.why for note in reversed(host.notes) if note.kind == "open"), "")
            said = f": {plain(why)}" if why else ""
            yield f"{host.source} was down until then{said}; see: manifests doctor"


def lost_shards(record: RunRecord) -> Iterator[str]:
    """Yield a line for each shard of a merged run that brought nothing."""
    for each in record.shards:
        if each.run is None:
            filters = counted(each.filters, "filter")
            yield f"shard {each.number} of {len(record.shards)} is lost: {filters} not made anew"


def early_end(record: RunRecord) -> str:
    """Return what cut a run short, and what has become of its work."""
    what = "the deadline" if record.ended_by == "deadline" else record.ended_by
    kept = "nothing is published (dry run)" if record.dry_run else "what was complete is published"
    return f"ended early by {what}; {kept}"


def failed_of(record: RunRecord, source: str) -> str:
    """Return how many filters of one source failed, as counts: a rounded share could mislead."""
    states = [outcome.state for outcome in record.outcomes if outcome.source == source]
    failed = sum(not state.is_current for state in states)
    return f"{failed:,} of {source}'s {counted(len(states), 'filter')} failed"


def shown_code(failure: Failure) -> str:
    """Return the code, with the code of the last cause where there is one."""
    if failure.last_code:
        return f"{failure.code}\n({failure.last_code})"
    return failure.code


def reproduce(outcome: Outcome, flags: str) -> str:
    """Return the command that shows one filter's failure; a shell takes its name for no more."""
    name = shlex.quote(plain(f"{outcome.source}:{outcome.filter}"))
    return typed(f"test-filter {name}", flags)


def typed(command: str, flags: str) -> str:
    """Return a command of ours as a person types it, with the options of the run.

    Args:
        command: its name, and what it is about.
        flags: the options, each with its blank; `--config` goes first and before the command.
    """
    if not flags.startswith(" --config "):
        return f"manifests {command}{flags}"
    config, *rest = shlex.split(flags)[1:]
    return " ".join(["manifests --config", shlex.quote(config), command, *map(shlex.quote, rest)])


def oddities(record: RunRecord) -> Iterator[str]:
    """Yield what did not fail but should be looked at."""
    dropped = [each for query in record.queries for each in query.dropped]
    if dropped:
        yield (
            f"{counted(len(dropped), 'odd record')} of upstream's left out,"
            f" such as {dropped[0].record}: {dropped[0].reason}"
        )
    if record.unlisted:
        yield (
            f"{counted(len(record.unlisted), 'published file')} of no filter any more, left alone:"
            f" {', '.join([*record.unlisted[:3], *(['…'] if record.unlisted[3:] else [])])}"
        )
    if record.orphans:
        yield (
            f"{counted(len(record.orphans), 'model')} of kept manifests without a record in any"
            f" catalogue, such as {record.orphans[0]}"
        )
    for line in record.damaged:
        yield f"damaged, counted as absent: {line}"
