"""Turn what a run did into its record and into `status.json`: pure folds over what was made."""

from __future__ import annotations

import platform
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING

from manifests import __version__
from manifests.errors import ErrorCode
from manifests.moments import moment
from manifests.results import Environment, Failure, Outcome, State
from manifests.store.names import manifest_file
from manifests.store.status import FilterStatus, Status, fold, status_key

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from manifests.assembly import Made
    from manifests.errors import StoreError
    from manifests.results import RunRecord
    from manifests.settings import Access
    from manifests.sources.base import SourceInfo
    from manifests.store.names import Key
    from manifests.store.published import Published
    from manifests.store.verdict import Verdict

__all__ = ["environment", "iso", "next_published_status", "refuse", "run_id", "settle"]

PUBLISHED_BEFORE = {True: State.STALE, False: State.MISSING}


def settle(
    made: Made,
    info: SourceInfo,
    published: Published,
    *,
    doubt: Verdict | None,
    changed: Collection[str],
) -> Outcome:
    """Return what became of one filter.

    Args:
        made: its candidate, or why there is none.
        info: its source.
        published: what stood in the output folder before.
        doubt: what the publish gate has against the candidate, if anything.
        changed: names of the files that the run writes anew.
    """
    filter_, candidate, attempts = made.filter, made.candidate, made.read.attempts
    before = published.manifests.get((filter_.source, filter_.path))
    known = known_status(published, status_key(filter_.source, filter_.path))
    outcome = partial(
        Outcome,
        source=filter_.source,
        filter=filter_.path,
        label=filter_.label,
        facets=tuple(filter_.slugs.items()),
        previous=len(before.model_ids) if before else None,
        attempts=len(attempts),
        waited=round(sum(attempt.wait for attempt in attempts), 3),
        last_success=believable(known.last_success),
        stale_since=believable(known.stale_since),
    )
    if candidate is None:
        return outcome(state=PUBLISHED_BEFORE[before is not None], failure=made.failure)

    name = manifest_file(info, filter_.path)
    believed = State.FRESH if name in changed else State.UNCHANGED
    failure = None if doubt is None or doubt.accepted else doubt.failure
    return outcome(
        state=State.QUARANTINED if failure else believed,
        count=len(candidate.manifest.model_ids),
        complete=candidate.manifest.complete,
        as_of=iso(made.read.as_of) if made.read.as_of else None,
        accepted=doubt.accepted if doubt else None,
        funnel=candidate.funnel,
        failure=failure,
    )


def known_status(published: Published, key: str) -> FilterStatus:
    """Return what `status.json` said of a filter before; a blank one where it said nothing."""
    known = published.status.filters if published.status else {}
    return known.get(key, FilterStatus(state="missing"))


def believable(text: str | None) -> str | None:
    """Return a moment of `status.json`; None for what somebody else has written there."""
    try:
        return moment(text) if text else None
    except ValueError:
        return None


def refuse(
    record: RunRecord,
    error: StoreError,
    *,
    infos: Mapping[str, SourceInfo],
    written: Collection[str],
) -> RunRecord:
    """Return the record of a run of whose files the disk took only some, or none.

    Args:
        record: as it would be, had the disk taken everything.
        error: how the disk refused.
        infos: all sources, by name.
        written: names of the files whose bytes are new all the same.
    """
    failure = Failure(code=ErrorCode.STORE_ERROR, cause=error.cause, next_step=error.next_step)
    outcomes = tuple(
        outcome.model_copy(
            update={"state": PUBLISHED_BEFORE[outcome.previous is not None], "failure": failure}
        )
        if outcome.state is State.FRESH
        and manifest_file(infos[outcome.source], outcome.filter) not in written
        else outcome
        for outcome in record.outcomes
    )
    return record.model_copy(
        update={"outcomes": outcomes, "refusal": failure, "written": tuple(written)}
    )


def next_published_status(
    record: RunRecord, published: Published, *, defined: Collection[Key], now: str
) -> Status:
    """Return the `status.json` that follows a run; filters that are gone for good are left out."""
    before = published.status.filters if published.status else {}
    known = {status_key(*key) for key in (*defined, *published.manifests)}
    return Status(
        run=record.run,
        tool=record.environment.tool,
        updated=now,
        auth=record.environment.auth,
        upstream=record.environment.endpoints,
        shard=record.shard,
        filters={
            key: status
            for key, status in fold(before, record.outcomes, now=now).items()
            if key in known
        },
    )


def environment(access: Mapping[str, Access]) -> Environment:
    """Return where and as whom a run is made."""
    asked = sorted(access.items())  # as JSON has them, so that reports of both are equal
    return Environment(
        tool=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        auth={name: "token" if each.token else "anonymous" for name, each in asked},
        endpoints={name: each.endpoint for name, each in asked},
    )


def run_id(started: datetime, random: random.Random) -> str:
    """Return a name for a run that sorts by its start: `20261121T093000Z-1a2b`."""
    return f"{started.astimezone(UTC):%Y%m%dT%H%M%SZ}-{random.getrandbits(16):04x}"


def iso(when: datetime) -> str:
    """Return a moment as ISO 8601, in UTC, to the second."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
