"""Carry out `manifests test-filter`: make one filter and show every step of how it came about."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from manifests.cli import explanation
from manifests.cli.consoles import notes_on, say
from manifests.cli.options import STATE
from manifests.cli.remembering import start_anew, writing
from manifests.cli.wiring import workplace
from manifests.clock import Clock
from manifests.difference import compare
from manifests.errors import ErrorCode
from manifests.events import silent
from manifests.fetch.fetcher import request_url
from manifests.filters import load_filters
from manifests.memory import open_memory
from manifests.preparing import prepare
from manifests.recording import iso
from manifests.report.exits import exit_code
from manifests.runner import make_draft, publish_draft
from manifests.selection import find_filter
from manifests.sources import SOURCES
from manifests.store.canonical import encode

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from manifests.difference import Difference
    from manifests.drafting import Draft
    from manifests.memory import Memory
    from manifests.preparing import Prepared
    from manifests.report.exits import ExitCode
    from manifests.results import RunRecord
    from manifests.settings import Settings

__all__ = ["Question", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the command line wants explained."""

    path: str
    settings: Settings
    sandbox: bool = False
    publish: bool = False
    state: Path = STATE
    """Folder of what lasts from run to run; it is used only to publish."""
    wait: float = 0.0
    """Seconds to wait for another writer of the same output."""
    as_json: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One filter, made: the run that made it, and what became of it."""

    prepared: Prepared
    draft: Draft
    record: RunRecord

    @property
    def difference(self) -> Difference | None:
        """What would change against what is published; None where either is not there."""
        made = self.draft.made[0]
        before = self.prepared.published.manifests.get((made.filter.source, made.filter.path))
        if before is None or made.candidate is None:
            return None
        return compare(before.model_ids, made.candidate.manifest.model_ids)


def explain(question: Question, data: Console, people: Console) -> ExitCode:
    """Make the filter, explain it on *data*, and return the exit code that a run would have.

    Raises:
        ManifestsError: nothing was sent, because something is wrong with what the user gave.
    """
    filters = load_filters(question.settings.filters, SOURCES)
    wanted = find_filter(filters, [each.info for each in SOURCES.values()], question.path)
    only, now = [f"{wanted.source}:{wanted.path}"], Clock().wall()
    prepared = prepare(question.settings, SOURCES, now=now, only=only)
    case = anyio.run(partial(make, prepared, question, people))
    if question.as_json:
        data.file.write(encode(as_json(case)).decode())
    else:
        show(case, data, published=question.publish)
    if failure := case.record.outcomes[0].failure:
        say(people, f"next: {failure.next_step}", style="yellow")
        if failure.code is ErrorCode.QUARANTINED and not question.publish:
            say(people, "only with --publish is the candidate kept for that", style="yellow")
    return exit_code(case.record, max_failed=question.settings.max_failed)


async def make(prepared: Prepared, question: Question, people: Console) -> Case:
    """Fetch and judge the one filter of *prepared*, and publish it if that is asked."""
    if not question.publish:
        return await make_alone(prepared, question)
    tell, wait, clock = notes_on(people), question.wait, Clock()
    async with writing(prepared, tell, wait=wait, command="manifests test-filter") as current:
        out = current.settings.out
        with open_memory(question.state, out=out, clock=clock, reporter=tell) as memory:
            start_anew(current, memory)
            case = await make_alone(current, question, memory=memory)
            record = publish_draft(case.prepared, case.draft, now=iso(clock.wall()))
            # As a run of its own it would be what `diff` compares with, and end all resuming.
            memory.settle(record, case.draft.held)
            return replace(case, record=record)


async def make_alone(
    prepared: Prepared, question: Question, *, memory: Memory | None = None
) -> Case:
    """Fetch and judge the one filter of *prepared*; without a memory, by what is published."""
    opened = workplace(prepared, silent, sandbox=question.sandbox, memory=memory)
    async with opened as (settled, place):
        draft = await make_draft(settled, place)
    return Case(prepared=settled, draft=draft, record=draft.record)


def show(case: Case, console: Console, *, published: bool) -> None:
    """Print the explanation for a person."""
    made, outcome = case.draft.made[0], case.record.outcomes[0]
    query, info = made.read.planned.query, SOURCES[made.filter.source].info
    for line in explanation.definition_lines(made.filter, info, query):
        say(console, line)
    access = case.prepared.settings.access[info.name]
    url = request_url(access.endpoint, SOURCES[info.name].request(query, None))
    say(console, explanation.curl_line(url, info, access))
    console.print(explanation.attempts_table(made.read.attempts))
    for line in explanation.funnel_lines(outcome):
        say(console, line)
    if made.candidate and made.candidate.manifest.model_ids:
        entries = {entry.model.id: entry for entry in made.read.listing.entries}
        console.print(explanation.models_table(made.candidate.manifest.model_ids, entries))
    if made.candidate:
        for line in explanation.difference_lines(case.difference):
            say(console, line)
    style = "bold red" if outcome.failure else "bold green"
    say(console, explanation.verdict_line(outcome, published=published), style=style)


def as_json(case: Case) -> dict[str, object]:
    """Return the explanation for a program: definition, manifest, difference and run record."""
    made, difference = case.draft.made[0], case.difference
    manifest = made.candidate.manifest if made.candidate else None
    return {
        "filter": asdict(made.filter),
        "manifest": {**asdict(manifest), "model_ids": list(manifest.model_ids)}
        if manifest
        else None,
        "difference": {
            "added": [each.id for each in difference.added],
            "removed": difference.removed,
            "moved": [each.id for each in difference.moved],
        }
        if difference
        else None,
        "run": case.record.model_dump(mode="json", by_alias=True),
    }
