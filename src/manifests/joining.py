"""Tell whether the outputs of several shards make one run, before anything is written.

What does not belong together is refused by name. A shard that is lost is no reason to refuse: the
filters of the others are as good as they were.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from manifests import __version__
from manifests.errors import DefinitionError
from manifests.filters import load_filters
from manifests.handover import SHARD_FILE, read_hand_over
from manifests.report.plain import plain
from manifests.settings import Access, is_loopback
from manifests.sharding import deal, definitions_digest
from manifests.store.canonical import DamagedFileError
from manifests.store.status import status_key
from manifests.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from manifests.handover import HandOver
    from manifests.preparing import Prepared
    from manifests.results import RunRecord
    from manifests.store.names import Key

__all__ = ["Handed", "Joined", "ShardOutput", "gather", "join"]

STEP: Final = "name the folders that manifests generate --shard has written, each shard's once"
MOST_NAMED: Final = 3
LONGEST_LINE: Final = 1000
"""Characters of a problem, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardOutput:
    """What one shard has left."""

    folder: Path
    note: HandOver

    @property
    def name(self) -> str:
        """Which shard it is, and where."""
        return f"{self.note.part.name} in {self.folder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """Outputs of shards that belong together, whether or not they are all there."""

    outputs: tuple[ShardOutput, ...]
    """By number; one at least."""

    @property
    def first(self) -> HandOver:
        """Speaks for all in what they have in common."""
        return self.outputs[0].note

    @property
    def access(self) -> dict[str, Access]:
        """Where each source was asked."""
        return {source: Access(endpoint=each) for source, each in self.first.upstream.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Shards that make one run of the definitions."""

    handed: Handed
    dealt: Mapping[Key, int]
    """Source and path of each filter of the run → the shard that makes it."""

    @property
    def finished(self) -> dict[int, tuple[ShardOutput, RunRecord]]:
        """The shards that were made, by number."""
        return {
            each.note.part.number: (each, each.note.record)
            for each in self.handed.outputs
            if each.note.record
        }

    @property
    def lost(self) -> dict[int, str]:
        """The shards that were not, by number, each with what is known of it."""
        of, known = self.handed.first.part.of, self.finished
        begun = {each.note.part.number: each for each in self.handed.outputs}
        return {
            number: f"{begun[number].name} has not finished"
            if number in begun
            else f"shard {number} of {of} is lost"
            for number in range(1, of + 1)
            if number not in known
        }


def gather(folders: Sequence[Path], *, out: Path) -> Handed:
    """Read which shards the folders hold, and refuse those that don't belong together.

    Args:
        folders: the outputs of shards; one at least.
        out: where they are to be merged.

    Raises:
        DefinitionError: with a line for each thing that is wrong, naming the folders.
    """
    outputs: list[ShardOutput] = []
    problems: list[str] = []
    for folder in folders:
        try:
            outputs.append(ShardOutput(folder=folder, note=read_hand_over(folder)))
        except OSError as error:
            problems.append(
                f"{folder} holds no output of a shard: {SHARD_FILE}: {error.strerror or error}"
            )
        except DamagedFileError as error:
            problems.append(f"{folder / SHARD_FILE} is damaged: {error}")
        if folder.resolve() == out.resolve():
            problems.append(f"{folder} is a shard's folder and --out as well")
    problems += (*overlaps(outputs), *mixtures(outputs))
    if problems:
        # What shards say of themselves stands in files that anybody may have written.
        lines = [plain(line, most=LONGEST_LINE) for line in problems]
        raise DefinitionError(lines, next_step=f"{STEP}; nothing was written")
    return Handed(outputs=tuple(sorted(outputs, key=lambda each: each.note.part.number)))


def overlaps(outputs: Iterable[ShardOutput]) -> Iterator[str]:
    """Yield a line for each shard that is there twice, and so claims filters of another."""
    taken: dict[int, ShardOutput] = {}
    for each in outputs:
        other = taken.setdefault(each.note.part.number, each)
        if other is not each:
            yield f"{other.folder} and {each.folder} overlap: both hold {each.note.part.name}"


def mixtures(outputs: Sequence[ShardOutput]) -> Iterator[str]:
    """Yield a line for each shard that is part of another run than the first."""
    alike: Mapping[str, Callable[[HandOver], str]] = {
        "is one of": lambda note: counted(note.part.of, "shard"),
        "was made from other definitions: their digest is": lambda note: note.part.definitions[:12],
        "was made by version": lambda note: note.tool,
        "was made with": chosen,
        "asked for": layout,
        "asked": upstream,
    }
    for each in outputs[:1]:
        if each.note.tool != __version__:
            yield f"{each.name} was made by version {each.note.tool}, and this is {__version__}"
    for each in outputs[1:]:
        for what, tell in alike.items():
            own, others = tell(each.note), tell(outputs[0].note)
            if own != others:
                yield f"{each.name} {what} {own}, that in {outputs[0].folder}: {others}"


def chosen(note: HandOver) -> str:
    """Return the options that chose the filters of all shards."""
    options = [*(f"--only {glob}" for glob in note.only)]
    options += [f"--source {note.source}"] if note.source else []
    return " ".join(options) or "neither --only nor --source"


def layout(note: HandOver) -> str:
    """Return the layout that was asked for."""
    return {None: "no --style", True: "--style compact", False: "--style standard"}[note.compact]


def upstream(note: HandOver) -> str:
    """Return where the sources were asked; each sandbox has a port of its own."""
    return ", ".join(
        f"{source} on this machine" if is_loopback(endpoint) else f"{source} at {endpoint}"
        for source, endpoint in sorted(note.upstream.items())
    )


def join(handed: Handed, prepared: Prepared) -> Joined:
    """Hold the shards against the definitions of the run that they are to make.

    Raises:
        DefinitionError: they were made from others, or a shard made what is not its own.
    """
    defined = load_filters(prepared.settings.filters, prepared.sources)
    first = handed.outputs[0]
    if first.note.part.definitions != definitions_digest(defined):
        raise DefinitionError(
            [f"{first.name} was made from other definitions than {prepared.settings.filters}/"],
            next_step="name the folder of its definitions with --filters DIR; nothing was written",
        )
    dealt = deal(prepared.plan, prepared.sources, of=first.note.part.of)
    joined = Joined(handed=handed, dealt=dealt)
    if problems := [line for each in handed.outputs for line in strays(each, dealt)]:
        lines = [plain(line, most=LONGEST_LINE) for line in problems]
        raise DefinitionError(lines, next_step="make the shard again; nothing was written")
    return joined


def strays(output: ShardOutput, dealt: Mapping[Key, int]) -> Iterator[str]:
    """Yield a line for a shard whose filters are not those that were dealt to it."""
    note = output.note
    if note.record is None:
        return
    wrong: dict[str, set[Key]] = defaultdict(set)
    made = {(each.source, each.filter) for each in note.record.outcomes}
    own = {key for key, number in dealt.items() if number == note.part.number}
    wrong["claims filters that are not its own"] = made - own
    wrong["lacks filters of its own"] = own - made
    held = {(each.source, each.filter) for each in note.manifests}
    wrong["brings manifests of filters that it does not tell of"] = held - made
    for what, keys in wrong.items():
        if keys:
            names = sorted(status_key(*key) for key in keys)
            shown = ", ".join([*names[:MOST_NAMED], *(["…"] if names[MOST_NAMED:] else [])])
            yield f"{output.name} {what}: {shown}"
