"""Judge what was seen of folders and of the state database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.doctor.diagnosis import Check, failed, ok, refused, warned
from manifests.doctor.machine import clashes
from manifests.words import counted, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from manifests.doctor.diagnosis import Finding
    from manifests.doctor.folders import FolderFacts, WriterFacts
    from manifests.store.inspection import DatabaseFacts

__all__ = ["judge_database", "judge_folder", "judge_writer"]

LITTLE_SPACE = 200_000_000
"""Bytes. The set of 330 filters takes 30 MB, which stand twice while they are swapped; the state
database with its kept pages takes as much again."""
FEW_FILES = 1_000
"""Thrice the 330 manifests."""
MOST_NAMED = 3
GIGABYTE = 1_000_000_000


def judge_folder(
    check: Check, facts: FolderFacts, *, flag: str, names: Sequence[str] = ()
) -> Iterator[Finding]:
    """Yield what is to be said of one folder.

    Args:
        check: which folder it is.
        facts: what was seen.
        flag: the option that names another one.
        names: files that a run would write there.
    """
    if facts.refusal:
        yield refused(check, facts.refusal)
    else:
        there = "can be written" if facts.is_there else "is not there yet, and can be made"
        yield ok(check, f"{facts.folder}/ {there}{space_words(facts)}")
    yield from narrow_space(check, facts, flag=flag)
    if facts.ignores_case and (pairs := clashes(names)):
        shown = ", ".join(f"{one} and {other}" for one, other in pairs[:MOST_NAMED])
        found = f"{facts.folder}/ takes upper and lower case for one, and would mix up {shown}"
        yield failed(check, found, f"rename a filter, or choose another disk with {flag}")


def space_words(facts: FolderFacts) -> str:
    """Return how much space is left, if that is known."""
    if facts.space is None:
        return ""
    free = facts.space.free
    return f"; {f'{free / GIGABYTE:,.0f} GB' if free >= GIGABYTE else size(free)} free"


def narrow_space(check: Check, facts: FolderFacts, *, flag: str) -> Iterator[Finding]:
    """Yield that there is little space, or none for what a run stages beside the old set."""
    if facts.space is None:
        return
    step = f"free some, or choose another disk with {flag}"
    free = facts.space.free
    if free < facts.size:
        found = f"{facts.folder}/ holds {size(facts.size)}, and the disk has {size(free)} left"
        yield failed(check, f"{found}: no room to stage a new set", step)
    elif free < LITTLE_SPACE:
        yield warned(check, f"the disk of {facts.folder}/ has {size(free)} left", step)
    if facts.space.files is not None and facts.space.files < FEW_FILES:
        found = f"the disk of {facts.folder}/ takes {counted(facts.space.files, 'more file')}"
        yield warned(check, found, step)


def judge_writer(facts: WriterFacts) -> Finding:
    """Tell who writes to the output folder, or what a dead run has left in it."""
    if facts.is_locked and facts.holder:
        found = (
            f"process {facts.holder.pid} on {facts.holder.host} has been writing"
            f" since {facts.holder.since:%Y-%m-%d %H:%M %Z} ({facts.holder.command})"
        )
        return warned(Check.WRITER, found, "wait for it, or give a run time with --wait 10m")
    if facts.is_locked:
        found = "another process is writing to the output folder"
        return warned(Check.WRITER, found, "wait for it, or give a run time with --wait 10m")
    # While somebody writes, these are no leftovers: hence only now.
    left = ["a swap that was not ended"] * facts.has_journal
    left += [counted(facts.staged, "staged file")] * bool(facts.staged)
    if left:
        found = f"a run was killed here and left {' and '.join(left)}"
        return warned(Check.WRITER, found, "the next run puts it right: manifests generate")
    if facts.holder:
        found = f"nobody is writing; {facts.holder.command!r} was killed, and left all in order"
        return ok(Check.WRITER, found)
    return ok(Check.WRITER, "nobody else is writing, and no run has left anything half done")


def judge_database(facts: DatabaseFacts) -> Iterator[Finding]:
    """Yield what is to be said of the state database; one that is broken costs what it knew."""
    # A warning: a run sets a broken file aside, and goes on without what it knew.
    if facts.refusal:
        step = facts.refusal.next_step
        yield warned(Check.DATABASE, f"{facts.refusal.cause}; what it remembered is lost", step)
    elif facts.bytes is None:
        yield ok(Check.DATABASE, "there is no state database yet; the first run makes it")
    else:
        use = ", in use, or left by a killed run" if facts.is_in_use else ""
        found = (
            f"the state database is sound: schema {facts.schema_version},"
            f" {counted(facts.runs, 'run')}, {size(facts.bytes)}{use}"
        )
        yield ok(Check.DATABASE, found)
    if facts.set_aside:
        found = (
            f"{counted(len(facts.set_aside), 'broken database')} set aside earlier,"
            f" {size(facts.set_aside_bytes)}: {', '.join(facts.set_aside[:MOST_NAMED])}"
        )
        yield warned(Check.DATABASE, found, "remove them when nobody needs them any more")
