"""Put staged files in place with a journal, so that the next writer ends what a killed one began.

Once the journal stands, every new file is on the disk; from then on the set can only become the
new one. Without it, no file of the old set was touched.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field, ValidationError

from manifests.errors import StoreError
from manifests.models import Record
from manifests.store.canonical import DamagedFileError, decode, encode, sha256_of
from manifests.store.disk import MACHINE, translated
from manifests.store.names import INDEX_FILE, is_temporary, temporary_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from manifests.store.disk import Disk

__all__ = ["JOURNAL_FILE", "Journal", "Move", "Recovery", "SwapError", "recover", "swap"]

JOURNAL_FILE: Final = ".manifests.swap"

LONGEST_NAME: Final = 255
"""Bytes of a name; few disks take more."""


def own_name(text: str) -> str:
    """Return *text* if it can name a file of the folder: a journal reaches nothing outside it.

    Raises:
        ValueError: it is a path, or no name that we give.
    """
    is_short = len(text.encode()) <= LONGEST_NAME
    if set(text) <= {"."} or set("/\\") & set(text) or not text.isprintable() or not is_short:
        raise ValueError("no name of a file")
    return text


Name: TypeAlias = Annotated[str, AfterValidator(own_name)]


class SwapError(StoreError):
    """The disk refused in the middle of the swap; the next writer goes on where it stopped.

    `written` names the files whose bytes are new already.
    """

    def __init__(self, cause: str, *, next_step: str, written: Iterable[str]) -> None:
        super().__init__(cause, next_step=next_step)
        self.written = tuple(written)


class Move(Record):
    """One staged file and its place, or one file that goes."""

    file: Name
    staged: Name | None
    """None where the file is to be removed."""
    after: str | None
    """SHA-256 of the new bytes; None where there are none."""
    before: str | None
    """SHA-256 of the bytes that they replace; None where there is no file."""


class Journal(Record):
    """What a swap is about to do, in this order."""

    schema_version: Literal[1] = Field(
        default=1, validation_alias="schema", serialization_alias="schema"
    )
    files: tuple[Move, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was done to a folder that a killed run had left."""

    finished: tuple[str, ...] = ()
    """Files that were put in place, as that run was about to do."""
    swept: tuple[str, ...] = ()
    """Staged files that led to nothing and are gone now."""


def swap(folder: Path, staged: Mapping[str, str | None], *, disk: Disk) -> None:
    """Put staged files in place, in their order.

    Args:
        folder: the output folder.
        staged: name of a file → name under which it is staged in the same folder; None where it
            is to be removed.
        disk: the machine.

    Raises:
        StoreError: the journal could not be written, and nothing has changed.
        SwapError: the disk refused later; the error says which files are new.
    """
    with translated(folder, JOURNAL_FILE):
        moves = [_move(folder, name, temporary) for name, temporary in staged.items()]
        _write_journal(folder, Journal(files=tuple(moves)), disk=disk)

    _replace_all(folder, moves, disk=disk)


def recover(folder: Path, *, disk: Disk = MACHINE) -> Recovery:
    """Finish the swap that a killed or refused run has begun in *folder*, and tidy up after it.

    To be called by whoever holds the lock, before it reads what is published. If anybody has
    changed the files since, the swap is dropped: their bytes are newer than the staged ones.

    Raises:
        StoreError: the folder can't be read, or can't be tidied.
        SwapError: the disk refuses to finish the swap, as it may have done before.
    """
    with translated(folder):
        names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    with translated(folder, JOURNAL_FILE):
        moves = _remaining(folder) if JOURNAL_FILE in names else ()

    _replace_all(folder, moves, disk=disk)
    swept = sorted(filter(is_temporary, names - {move.staged for move in moves}))
    with translated(folder):
        # The journal goes first, so that it never stands without the files that it speaks of.
        for name in (*(names & {JOURNAL_FILE}), *swept):
            disk.remove(folder / name)

    return Recovery(finished=tuple(move.file for move in moves), swept=tuple(swept))


def _move(folder: Path, name: str, staged: str | None) -> Move:
    after = None if staged is None else _digest(folder / staged) or ""
    return Move(file=name, staged=staged, after=after, before=_digest(folder / name))


def _digest(path: Path) -> str | None:
    """Return the digest of a file; None where there is none."""
    try:
        return sha256_of(path)
    except FileNotFoundError:
        return None


def _write_journal(folder: Path, journal: Journal, *, disk: Disk) -> None:
    temporary = folder / temporary_name("swap.json", disk.token())
    try:
        disk.write(temporary, encode(journal.model_dump(by_alias=True)))
        # A journal must not outlive a power cut that its files don't.
        disk.settle(folder)
        disk.replace_held(temporary, folder / JOURNAL_FILE)
    finally:
        with suppress(OSError):
            disk.remove(temporary)

    disk.settle(folder)


def _read_journal(folder: Path) -> Journal | None:
    """Return the journal; None where it is no whole one of ours."""
    try:
        return Journal.model_validate(decode((folder / JOURNAL_FILE).read_bytes()))
    except (DamagedFileError, ValidationError):
        return None


def _remaining(folder: Path) -> tuple[Move, ...]:
    """Return the moves that are still to be made, or none where somebody has been here since."""
    journal = _read_journal(folder) or Journal(files=())
    now = {move.file: _digest(folder / move.file) for move in journal.files}
    ahead = tuple(move for move in journal.files if now[move.file] != move.after)
    is_ours = all(
        now[move.file] == move.before and _staged_digest(folder, move) == move.after
        for move in ahead
    )
    return ahead if is_ours else ()


def _staged_digest(folder: Path, move: Move) -> str | None:
    return None if move.staged is None else _digest(folder / move.staged)


def _replace_all(folder: Path, moves: Iterable[Move], *, disk: Disk) -> None:
    written: list[str] = []
    for move in moves:
        if move.file == INDEX_FILE:
            disk.settle(folder)  # no power cut may keep the new index and lose what it names

        try:
            with translated(folder, move.file):
                _make(folder, move, disk=disk)
        except StoreError as error:
            raise SwapError(error.cause, next_step=error.next_step, written=written) from error

        written.append(move.file)

    if written:
        disk.settle(folder)


def _make(folder: Path, move: Move, *, disk: Disk) -> None:
    if move.staged is None:
        disk.remove(folder / move.file)
    else:
        disk.replace_held(folder / move.staged, folder / move.file)
