"""Hold what became of a run: every report, summary and exit code is a fold over these records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, AliasChoices, Field

from manifests.errors import ErrorCode
from manifests.legible import legible
from manifests.models import Record
from manifests.moments import Moment
from manifests.shards import ShardPart, ShardRecord
from manifests.traffic import Attempt, HostRecord

__all__ = [
    "Changes",
    "DroppedRecord",
    "Environment",
    "Failure",
    "Funnel",
    "ModelChanges",
    "Outcome",
    "PlanRecord",
    "QueryRecord",
    "RuleCount",
    "RunRecord",
    "State",
    "Totals",
]


Legible: TypeAlias = Annotated[str, AfterValidator(legible)]
"""Text that may name a path."""


class State(StrEnum):
    """What stands in the published set for a filter when a run has ended."""

    FRESH = "fresh"
    """Made in this run, and different from before."""
    UNCHANGED = "unchanged"
    """Made in this run, and byte for byte what was there."""
    STALE = "stale"
    """Not made in this run; the last good one was kept."""
    QUARANTINED = "quarantined"
    """Made, but not believed; the last good one was kept."""
    MISSING = "missing"
    """Neither made nor there before."""

    @property
    def is_current(self) -> bool:
        """Whether what is published is what upstream answered in this run."""
        return self in {State.FRESH, State.UNCHANGED}


class Failure(Record):
    """Why something is not there: what happened, and what to do next."""

    code: ErrorCode
    cause: Legible
    """One line for a person, without secrets."""
    next_step: Legible
    """What to type or do next."""
    status: int | None = None
    """The last HTTP status, if upstream answered at all."""
    last_code: ErrorCode | None = None
    """With `MAX_RETRIES_EXCEEDED`, and where a run ended while upstream was ill: the code of the
    last attempt."""


class RuleCount(Record):
    """How many models of a listing one rule dropped."""

    rule: str
    field: str
    dropped: int
    examples: tuple[str, ...] = ()
    """The first ids that it dropped."""


class Funnel(Record):
    """How a listing became a manifest: fetched → dropped by which rule → kept."""

    fetched: int
    """Distinct models of the listing that were looked at."""
    dropped: tuple[RuleCount, ...] = ()
    kept: int
    """Models in the manifest."""


class Outcome(Record):
    """What became of one filter in a run."""

    source: str
    filter: str
    state: State
    label: str = ""
    """What a person calls the filter."""
    facets: tuple[tuple[str, str], ...] = ()
    """Each facet with its chosen slug, defaults included, in the order of the definitions; none for
    a filter that stands by itself."""
    count: int | None = None
    """Models in the manifest made in this run; None when none was made."""
    previous: int | None = None
    """Models in the manifest published before; None when there was none."""
    complete: bool | None = None
    attempts: int = 0
    """Requests sent for its listing, shared ones counted for each filter."""
    waited: float = 0.0
    """Seconds of back-off among those attempts."""
    as_of: Moment | None = None
    """When the oldest page that it is made of was fetched, in this run or in one whose kept pages
    were used; None where no pages are kept, and then all came in this run."""
    last_success: Moment | None = None
    """When it was last made before this run; None when it never was, or nobody knows."""
    stale_since: Moment | None = None
    """When the first of the runs was that failed since then; None when the last one did not."""
    accepted: str | None = None
    """Why a candidate that the gate doubted was published all the same."""
    funnel: Funnel | None = None
    failure: Failure | None = None


class DroppedRecord(Record):
    """An odd record of upstream's that cost only itself."""

    record: str
    reason: str


class QueryRecord(Record):
    """What became of one listing."""

    source: str
    parameters: tuple[tuple[str, str], ...]
    filters: tuple[str, ...]
    """Paths of the filters that it answers."""
    pages: int = 0
    models: int = 0
    ended: bool = False
    """Whether it was read to its end."""
    answered_by: tuple[tuple[str, str], ...] | None = None
    """Parameters of the complete, broader listing that answered it without a request."""
    duplicates: int = 0
    """Models that upstream listed again and that were folded into their first place."""
    strangers: int = 0
    """Models that contradict the query; they enter no manifest, and a page of many is refused."""
    rescued: int = 0
    """Models that upstream skips between two pages, and that were asked for by their ids."""
    moved: int = 0
    """Duplicates whose counters had changed: the listing moved while it was read."""
    disordered: int = 0
    """Models that outrank the end of the page before theirs: they climbed while it was read."""
    examples: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """The first ids of what is counted above, under the names of the counts."""
    loop: tuple[int, int] | None = None
    """Numbers of the two pages, from 1, whose equal cursors ended the listing."""
    dropped: tuple[DroppedRecord, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    failure: Failure | None = None


class PlanRecord(Record):
    """What a run set out to do."""

    filters: int
    queries: int
    """Distinct listings that the filters share."""
    expected_requests: int | None = None
    """Requests that earlier runs needed for them; None when no run is remembered."""
    max_failed: float | None = None
    """Share of any one source's filters that might fail with exit code 0, from 0 to 1."""
    out: Legible = ""
    """The output folder, as it was named."""
    flags: Legible = ""
    """What to add to a command so that it meets the same upstream and definitions."""


class Totals(Record):
    """What a run comes to."""

    states: Mapping[State, int] = Field(default_factory=dict)
    """How many filters ended in each state."""
    requests: int = 0
    retries: int = 0
    """Requests for a page that had been asked for before."""
    bytes: int = 0
    """Decoded bytes of all bodies."""
    waited: float = 0.0
    """Seconds of back-off, over all pages."""
    models: Mapping[str, int] = Field(default_factory=dict)
    """Source → models in its published catalogue when the run was over."""
    codes: Mapping[ErrorCode, int] = Field(default_factory=dict)
    """How many filters failed with each code."""


class ModelChanges(Record):
    """Models that all manifests of one source together gained and lost."""

    added: int
    removed: int
    examples_added: tuple[str, ...] = ()
    """The first ids, at most ten."""
    examples_removed: tuple[str, ...] = ()


class Changes(Record):
    """What is different from the last finished run of the same output."""

    since: str
    """Id of that run."""
    newly_failing: tuple[str, ...] = ()
    """Filters, as `source:path`, that were current then and are not now."""
    newly_fixed: tuple[str, ...] = ()
    """Filters that are current now and were not then."""
    models: Mapping[str, ModelChanges] = Field(default_factory=dict)
    """Source → its models that came and went."""


class Environment(Record):
    """Where and as whom a run was made; never a secret."""

    tool: str
    """Version of this tool."""
    python: str
    platform: str
    auth: Mapping[str, Literal["anonymous", "token"]]
    """Source → how it was asked."""
    endpoints: Mapping[str, str]
    """Source → the endpoint that was asked."""


class RunRecord(Record):
    """The JSON truth of one run."""

    schema_version: Literal[1] = Field(
        default=1,
        validation_alias=AliasChoices("schema", "schema_version"),
        serialization_alias="schema",
    )
    run: str
    """Id of the run: its start, sortable, with a random tail."""
    started: Moment
    seconds: float
    resumes: str | None = None
    """Id of the run that was cut short and whose pages this one used."""
    ended_by: Literal["completion", "deadline", "SIGINT", "SIGTERM"] = "completion"
    dry_run: bool = False
    environment: Environment
    plan: PlanRecord | None = None
    totals: Totals | None = None
    changes: Changes | None = None
    """None when no earlier run is remembered."""
    outcomes: tuple[Outcome, ...]
    queries: tuple[QueryRecord, ...]
    hosts: tuple[HostRecord, ...] = ()
    """How each host was treated; none with a fixed pace."""
    shard: ShardPart | None = None
    """Which part of a run this one made; None where it made all that was chosen."""
    shards: tuple[ShardRecord, ...] = ()
    """What each shard brought into a merged run, which sent nothing by itself."""
    written: tuple[str, ...] = ()
    """Names of the files whose bytes are new."""
    unlisted: tuple[Legible, ...] = ()
    """Published manifests that belong to no filter of the definitions; they were left alone."""
    damaged: tuple[Legible, ...] = ()
    """Published files that could not be read and count as absent."""
    orphans: tuple[str, ...] = ()
    """Ids in published manifests, as `source:id`, of which no catalogue has a record.

    None, unless a catalogue was damaged or half replaced while manifests of its source were kept.
    """
    refusal: Failure | None = None
    """Why the disk did not take the whole set; what it did take stands in `written`."""

    @property
    def requests(self) -> int:
        """Requests sent in all."""
        return sum(len(query.attempts) for query in self.queries)

    @property
    def counts(self) -> Counter[State]:
        """How many filters ended in each state."""
        return Counter(outcome.state for outcome in self.outcomes)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """The outcomes that are not current."""
        return tuple(outcome for outcome in self.outcomes if not outcome.state.is_current)

    def failed_share(self) -> dict[str, float]:
        """Return for each source the share of its filters that are not current, from 0 to 1."""
        total = Counter(outcome.source for outcome in self.outcomes)
        failed = Counter(outcome.source for outcome in self.failures)
        return {source: failed[source] / count for source, count in total.items()}
