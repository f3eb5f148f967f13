"""Hold what became of a run: every report, summary and exit code is a fold over these records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field

from manifests.errors import ErrorCode
from manifests.models import Record

__all__ = [
    "Attempt",
    "Circuit",
    "DroppedRecord",
    "Environment",
    "Failure",
    "Funnel",
    "HostRecord",
    "Outcome",
    "QueryRecord",
    "RuleCount",
    "RunRecord",
    "State",
]


Circuit: TypeAlias = Literal["closed", "open", "half-open"]
"""Whether a host gets requests, none for a while, or a single probe."""


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
    cause: str
    """One line for a person, without secrets."""
    next_step: str
    """What to type or do next."""
    status: int | None = None
    """The last HTTP status, if upstream answered at all."""
    last_code: ErrorCode | None = None
    """With `MAX_RETRIES_EXCEEDED`: the code of the last attempt."""


class Attempt(Record):
    """One HTTP request with its result."""

    number: int
    """1 for the first try at a page."""
    url: str
    """As sent; tokens travel in a header and never stand here."""
    started: float
    """Seconds since the run began."""
    seconds: float
    """From sending until the last byte was read, or the attempt was given up."""
    status: int | None = None
    bytes: int = 0
    """Size of the decoded body."""
    code: ErrorCode | None = None
    """None when the answer was good."""
    cause: str = ""
    wait: float = 0.0
    """Seconds of back-off that this attempt earned its page."""


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
    count: int | None = None
    """Models in the manifest made in this run; None when none was made."""
    previous: int | None = None
    """Models in the manifest published before; None when there was none."""
    complete: bool | None = None
    attempts: int = 0
    """Requests sent for its listing, shared ones counted for each filter."""
    waited: float = 0.0
    """Seconds of back-off among those attempts."""
    as_of: str | None = None
    """When the oldest page that it is made of was fetched; None when all came in this run."""
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


class HostRecord(Record):
    """How the host of one source was treated, and how it bore that."""

    source: str
    requests: int
    """Attempts sent, abandoned ones too."""
    refused: int
    """429s among their answers."""
    abandoned: int
    """Attempts that were cancelled, as another was answered first or their place was needed."""
    most_in_flight: int
    """The most attempts under way at once, overdue ones that were still listened to among them."""
    most_parked: int
    """The most overdue attempts that were listened to at once."""
    openings: int
    """How often the circuit opened."""
    circuit: Circuit
    """At the end, as what follows."""
    window: float
    """Attempts that were allowed in flight."""
    rate: float | None = None
    """Starts a second that were allowed; None when the host never refused one for their rate."""
    quota_remaining: int | None = None
    """Requests left of the host's counted window; None when it counts none."""


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

    schema_version: Literal[1] = Field(default=1, serialization_alias="schema")
    run: str
    """Id of the run: its start, sortable, with a random tail."""
    started: str
    """ISO 8601, UTC."""
    seconds: float
    resumes: str | None = None
    """Id of the run that was cut short and whose pages this one used."""
    ended_by: Literal["completion", "deadline", "SIGINT", "SIGTERM"] = "completion"
    dry_run: bool = False
    environment: Environment
    outcomes: tuple[Outcome, ...]
    queries: tuple[QueryRecord, ...]
    hosts: tuple[HostRecord, ...] = ()
    """How each host was treated; none with a fixed pace."""
    written: tuple[str, ...] = ()
    """Names of the files whose bytes are new."""
    unlisted: tuple[str, ...] = ()
    """Published manifests that belong to no filter of the definitions; they were left alone."""
    damaged: tuple[str, ...] = ()
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
