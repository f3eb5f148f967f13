"""Draft the next published set: judge what was made, compose it with what is kept, say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.memory import HeldCandidate
from manifests.recording import settle
from manifests.store.candidates import Quarantined
from manifests.store.entrylog import entries_in
from manifests.store.gate import verdicts
from manifests.store.layout import kept_style
from manifests.store.names import manifest_file
from manifests.store.release import compose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from manifests.assembly import Made
    from manifests.listings import Candidate
    from manifests.memory import Recalled
    from manifests.preparing import Prepared
    from manifests.results import Outcome, RunRecord
    from manifests.sources.base import Entry
    from manifests.store.entrylog import Known
    from manifests.store.release import Release
    from manifests.store.spool import Spool
    from manifests.store.verdict import Judgement

__all__ = ["Draft", "compose_release", "hold_back", "judge", "settle_all", "unlisted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A run that is made but not yet published."""

    record: RunRecord
    """As it would be, if the disk takes everything."""
    made: tuple[Made, ...]
    release: Release
    held: tuple[HeldCandidate, ...] = ()
    """What the gate holds back."""


def judge(
    made: Sequence[Made], prepared: Prepared, recalled: Recalled, *, now: datetime
) -> Judgement:
    """Return what the publish gate says of the candidates, by the thresholds of the settings."""
    return verdicts(
        [each.candidate for each in made if each.candidate],
        prepared.published.manifests,
        history=recalled.counts,
        streaks=recalled.streaks,
        now=now,
        limits=prepared.settings.gate,
    )


def compose_release(
    prepared: Prepared,
    made: Sequence[Made],
    judgement: Judgement,
    entries: Mapping[str, Known],
    *,
    spool: Spool | None = None,
) -> Release:
    """Return the next published set: what was made and believed, beside what is kept.

    Args:
        prepared: the run.
        made: what reading came to, of each filter.
        judgement: what the publish gate says of it.
        entries: source → all models that were read.
        spool: keeps the files that are made; None for one of its own.
    """
    candidates = [each.candidate for each in made if each.candidate]
    return compose(
        prepared.published,
        {each.key: each.manifest for each in candidates if each.key not in judgement},
        entries,
        infos=prepared.infos,
        style=kept_style(prepared.published, prepared.infos, asked=prepared.settings.compact),
        spool=spool,
    )


def hold_back(
    made: Sequence[Made], judgement: Judgement, entries: Mapping[str, Known]
) -> Iterator[HeldCandidate]:
    """Yield the candidates that are not believed, with all that publishing them would need."""
    candidates = [each.candidate for each in made if each.candidate]
    doubted = [each for each in candidates if each.key in judgement]
    known = {
        source: chosen(entries[source], [each for each in doubted if each.filter.source == source])
        for source in {each.filter.source for each in doubted}
    }
    for each in doubted:
        held = Quarantined.of(each.manifest, known[each.filter.source])
        yield HeldCandidate(verdict=judgement.held[each.key], candidate=held)


def chosen(known: Known, candidates: Iterable[Candidate]) -> dict[str, Entry]:
    """Return the models of some candidates, by id: all that were read may be too many."""
    wanted = {id_ for each in candidates for id_ in each.manifest.model_ids}
    return {each.model.id: each for each in entries_in(known) if each.model.id in wanted}


def settle_all(
    prepared: Prepared, made: Sequence[Made], judgement: Judgement, release: Release
) -> tuple[Outcome, ...]:
    """Return the outcome of each filter, in the order of the definitions."""
    changed = frozenset(release.changed(prepared.published))
    outcomes = {
        key: settle(
            each,
            prepared.infos[each.filter.source],
            prepared.published,
            doubt=judgement.verdicts.get(key),
            changed=changed,
        )
        for each in made
        for key in [(each.filter.source, each.filter.path)]
    }
    return tuple(outcomes[each.source, each.path] for each in prepared.filters)


def unlisted(prepared: Prepared) -> tuple[str, ...]:
    """Return the published files whose filters are defined no more."""
    infos = prepared.infos
    gone = [key for key in prepared.published.manifests if key not in prepared.defined]
    return tuple(sorted(manifest_file(infos[source], path) for source, path in gone))
