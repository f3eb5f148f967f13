"""Sum a run up in its own record: what it set out to do, what it came to, and what is different."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from itertools import count
from typing import TYPE_CHECKING, Final

from manifests.results import Changes, ModelChanges, PlanRecord, Totals
from manifests.store.status import status_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.memory import Recalled
    from manifests.models import Catalogue, Model
    from manifests.preparing import Prepared
    from manifests.results import Outcome, RunRecord
    from manifests.store.published import Published

__all__ = ["Stock", "changes_of", "plan_record", "stock_of", "summed_up", "take_stock", "totals_of"]

EXAMPLES: Final = 10
"""Ids that are named of what came or went, at most."""


def plan_record(prepared: Prepared, recalled: Recalled, *, flags: str = "") -> PlanRecord:
    """Return what a run sets out to do.

    Args:
        prepared: the run.
        recalled: what earlier runs teach, such as how many pages each listing took.
        flags: what to add to a command so that it meets the same upstream and definitions.
    """
    queries = [each.query for each in prepared.plan.queries]
    # A listing that nobody has read yet needs one request at least, unless a broader one answers.
    expected = sum(recalled.pages.get(query, 1) for query in queries)
    return PlanRecord(
        filters=len(prepared.filters),
        queries=len(queries),
        expected_requests=expected if recalled.pages else None,
        max_failed=prepared.settings.max_failed,
        out=str(prepared.settings.out),
        flags=flags,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """The models of the published catalogues, by source."""

    counts: Mapping[str, int]
    """How many there are."""
    changes: Mapping[str, ModelChanges] = field(default_factory=dict)
    """Which came and went, of the sources where any did."""


def stock_of(catalogues: Mapping[str, Catalogue]) -> Stock:
    """Return the models of catalogues of which none came or went."""
    return Stock(counts={source: len(each.models) for source, each in sorted(catalogues.items())})


def take_stock(before: Mapping[str, Catalogue], after: Mapping[str, Catalogue]) -> Stock:
    """Compare two sets of catalogues by source; call it before files of *before* are replaced.

    They may be larger than memory and be read only when they are asked, so nothing but ids is.
    """
    changes = {
        source: model_changes(before.get(source), after.get(source))
        for source in sorted(before.keys() | after.keys())
    }
    differ = {source: each for source, each in changes.items() if each.added or each.removed}
    return replace(stock_of(after), changes=differ)


def summed_up(record: RunRecord, *, before: Published, stock: Stock) -> RunRecord:
    """Return the record with its totals and changes.

    Args:
        record: of the run, once it is published.
        before: what stood in the output folder when the run began.
        stock: the models that stand there now.
    """
    totals = totals_of(record, stock.counts)
    changes = changes_of(record.outcomes, before=before, stock=stock)
    return record.model_copy(update={"totals": totals, "changes": changes})


def totals_of(record: RunRecord, models: Mapping[str, int]) -> Totals:
    """Return what a run comes to; *models* is source → models in its published catalogue."""
    attempts = [attempt for query in record.queries for attempt in query.attempts]
    codes = Counter(outcome.failure.code for outcome in record.failures if outcome.failure)
    return Totals(
        states=dict(sorted(record.counts.items())),
        requests=len(attempts),
        retries=sum(attempt.number > 1 for attempt in attempts),
        bytes=sum(attempt.bytes for attempt in attempts),
        waited=round(sum(attempt.wait for attempt in attempts), 3),
        models=models,
        codes=dict(sorted(codes.items())),
    )


def changes_of(outcomes: Iterable[Outcome], *, before: Published, stock: Stock) -> Changes | None:
    """Return what is different from what the last run left; None where no run has left anything.

    What it left is what stood in the output folder: `status.json` names the run, and it is there
    too where the state folder of the last run is not, as on a fresh machine of a CI service.
    """
    if before.status is None:
        return None
    known = before.status.filters
    now = {status_key(each.source, each.filter): each.state.is_current for each in outcomes}
    then = {key: known[key].state == "fresh" for key in now if key in known}
    return Changes(
        since=before.status.run,
        newly_failing=tuple(key for key in then if then[key] and not now[key]),
        newly_fixed=tuple(key for key in then if now[key] and not then[key]),
        models=stock.changes,
    )


def model_changes(before: Catalogue | None, after: Catalogue | None) -> ModelChanges:
    """Return which models came and went between two catalogues, a missing one counting as empty."""
    old = before.models if before else {}
    new = after.models if after else {}
    added, examples_added = only_in(new, old)
    removed, examples_removed = only_in(old, new)
    return ModelChanges(
        added=added,
        removed=removed,
        examples_added=examples_added,
        examples_removed=examples_removed,
    )


def only_in(one: Mapping[str, Model], other: Mapping[str, Model]) -> tuple[int, tuple[str, ...]]:
    """Return how many ids only the first has, and the first of them; both may be very many."""
    places = count()
    alone = (id_ for id_ in one if id_ not in other and next(places) >= 0)
    examples = nsmallest(EXAMPLES, alone)
    return next(places), tuple(examples)
