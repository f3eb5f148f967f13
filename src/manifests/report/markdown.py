"""Tell a run in Markdown, for a pull request or the summary of a job: what matters most first.

Its size is bounded whatever the run: GitHub drops a summary of more than 1 MiB as a whole.
"""

from __future__ import annotations

from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from manifests.report.findings import (
    failure_groups,
    headline,
    oddities,
    reproduce,
    shown_code,
    verdict,
)
from manifests.report.marking import code, some, table, text
from manifests.report.slowest import slowest
from manifests.results import State
from manifests.words import counted, duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from manifests.report.story import Story
    from manifests.results import Changes, Failure, Outcome, RunRecord
    from manifests.traffic import HostRecord

__all__ = ["render"]

MOST_GROUPS: Final = 20
"""Kinds of failure that are told one by one."""
MOST_FILTERS: Final = 50
"""Filters that are named of one kind of failure."""
MOST_NAMED: Final = 10
"""Filters or models that are named of what changed."""
MOST_LISTINGS: Final = 5
MOST_ODDITIES: Final = 20
MOST_SOURCES: Final = 20
"""Far more than there are; a record from elsewhere may say otherwise."""

STATES: Final = {
    State.FRESH: "new",
    State.UNCHANGED: "unchanged",
    State.STALE: "stale",
    State.QUARANTINED: "quarantined",
    State.MISSING: "missing",
}


def render(story: Story) -> bytes:
    """Return the run in GitHub's flavour of Markdown; GitLab's reads it just as well."""
    record = story.record
    parts = [
        verdict_part(story),
        failures_part(story),
        freshness_part(record),
        changes_part(record.changes),
        oddities_part(record),
        slowest_part(record),
        hosts_part(record.hosts),
        origin_part(story),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines).encode() + b"\n"


def verdict_part(story: Story) -> Iterator[str]:
    """Yield the verdict, how much is published, and why the exit code is what it is."""
    record = story.record
    yield f"## manifests: {text(story.title)}"
    yield ""
    yield text(headline(record, PurePath(story.out)), most=1000)
    why = list(verdict(record, story.exit_code, max_failed=story.max_failed))
    yield from ["", *(f"- {text(line)}" for line in why)] if why else []


def failures_part(story: Story) -> Iterator[str]:
    """Yield the failures by kind, each with the command that shows one, and all their filters."""
    groups = failure_groups(story.record)
    if not groups:
        return
    yield "### What failed"
    yield ""
    head = ["code", "filters", "why", "what next", "see one"]
    rows = [failure_row(story, *group) for group in groups[:MOST_GROUPS]]
    yield from table(head, rows, numbers={1})
    if rest := groups[MOST_GROUPS:]:
        filters = sum(len(outcomes) for _, outcomes in rest)
        kinds = counted(len(rest), "further kind")
        yield from ["", f"…and {kinds} of failure, {counted(filters, 'filter')}"]
    for failure, outcomes in groups[:MOST_GROUPS]:
        title = f"{' '.join(shown_code(failure).split())}: {counted(len(outcomes), 'filter')}"
        names = (code(f"{each.source}:{each.filter}", most=120) for each in outcomes)
        # The blank line lets Markdown be read again within the element.
        yield from ["", f"<details><summary>{title}</summary>", ""]
        yield from [some(names, total=len(outcomes), most=MOST_FILTERS), "", "</details>"]


def failure_row(story: Story, failure: Failure, outcomes: list[Outcome]) -> list[str]:
    """Return one kind of failure."""
    return [
        code(" ".join(shown_code(failure).split())),
        f"{len(outcomes):,}",
        code(failure.cause),
        code(failure.next_step),
        code(reproduce(outcomes[0], story.flags)),
    ]


def freshness_part(record: RunRecord) -> Iterator[str]:
    """Yield how many filters of each source are in each state, and how old what was kept is."""
    sources = sorted({outcome.source for outcome in record.outcomes})
    if not sources:
        return
    yield "### Freshness"
    yield ""
    rows = [freshness_row(record, source) for source in sources[:MOST_SOURCES]]
    head = ["source", *STATES.values(), "oldest that was kept"]
    yield from table(head, rows, numbers={1, 2, 3, 4, 5})


def freshness_row(record: RunRecord, source: str) -> list[str]:
    """Return how fresh one source is."""
    own = [outcome for outcome in record.outcomes if outcome.source == source]
    counts = [sum(outcome.state is state for outcome in own) for state in STATES]
    kept = [each for each in own if not each.state.is_current and each.last_success]
    oldest = min(kept, key=lambda each: (each.last_success or "", each.filter), default=None)
    last = f"{code(oldest.filter)}, made {code(oldest.last_success or '')}" if oldest else ""
    return [code(source), *(f"{count:,}" for count in counts), last]


def changes_part(changes: Changes | None) -> Iterator[str]:
    """Yield what is different from the last run; nothing where nothing is."""
    if changes is None or not (changes.newly_failing or changes.newly_fixed or changes.models):
        return
    yield "### What changed"
    yield ""
    yield f"Since run {code(changes.since)}:"
    yield ""
    for what, keys in (("failing", changes.newly_failing), ("fixed", changes.newly_fixed)):
        if keys:
            names = named(keys, total=len(keys))
            yield f"- {counted(len(keys), 'filter')} newly {what}: {names}"
    for source, each in islice(changes.models.items(), MOST_SOURCES):
        came = named(each.examples_added, total=each.added)
        went = named(each.examples_removed, total=each.removed)
        added = f"{counted(each.added, 'model')} added{f': {came}' if came else ''}"
        removed = f"{counted(each.removed, 'model')} removed{f': {went}' if went else ''}"
        yield f"- {code(source)}: {added}; {removed}"


def named(names: Iterable[str], *, total: int) -> str:
    """Return the first of *total* names."""
    return some((code(each, most=120) for each in names), total=total, most=MOST_NAMED)


def oddities_part(record: RunRecord) -> Iterator[str]:
    """Yield what did not fail but should be looked at."""
    lines = list(islice(oddities(record), MOST_ODDITIES))
    if lines:
        yield from ["### To be looked at", "", *(f"- {text(line)}" for line in lines)]


def slowest_part(record: RunRecord) -> Iterator[str]:
    """Yield the listings that took longest."""
    rows = [
        [
            code(each.name),
            *(f"{count:,}" for count in (each.filters, each.requests)),
            *(duration(seconds) for seconds in (each.seconds, each.waited)),
        ]
        for each in slowest(record, most=MOST_LISTINGS)
    ]
    if rows:
        yield from ["### Slowest listings", ""]
        head = ["listing", "filters", "requests", "took", "of it back-off"]
        yield from table(head, rows, numbers={1, 2, 3, 4})


def hosts_part(hosts: tuple[HostRecord, ...]) -> Iterator[str]:
    """Yield how each host was treated."""
    rows = [host_row(each) for each in hosts[:MOST_SOURCES]]
    if rows:
        yield from ["### Hosts", ""]
        head = ["host", "requests", "refused", "abandoned", "most in flight", "circuit opened"]
        head += ["window", "starts a second", "quota left"]
        yield from table(head, rows, numbers={*range(1, 9)})


def host_row(host: HostRecord) -> list[str]:
    """Return how one host was treated."""
    counts = (host.requests, host.refused, host.abandoned, host.most_in_flight, host.openings)
    return [
        code(host.source),
        *(f"{count:,}" for count in counts),
        f"{host.window:g}",
        "" if host.rate is None else f"{host.rate:g}",
        "" if host.quota_remaining is None else f"{host.quota_remaining:,}",
    ]


def origin_part(story: Story) -> Iterator[str]:
    """Yield which run this was, and where."""
    where = story.record.environment
    run, tool = code(story.record.run), code(f"manifests {where.tool}")
    auth = ", ".join(f"{source} {how}" for source, how in islice(where.auth.items(), MOST_SOURCES))
    yield f"Run {run}, {tool}, Python {code(where.python)}, {code(auth or 'nobody asked')}"
