"""Keep the published set as each run left it, so that any two can be compared later.

A body is kept once, however many runs left it: most manifests stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from manifests.models import Record
from manifests.store.canonical import encode
from manifests.store.columns import pack, unpack
from manifests.store.glance import notes_at_a_glance
from manifests.store.stored import StoredModels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from manifests.models import Catalogue, Model
    from manifests.store.database import Database
    from manifests.store.names import Key

__all__ = [
    "ModelNote",
    "ModelNotes",
    "Snapshot",
    "keep_snapshot",
    "load_snapshot",
    "sweep_contents",
]


class ModelNote(Record):
    """What a comparison says of a model besides its id."""

    name: str
    author: str | None = None
    mode: str | None = None
    """Upstream's word when it was moderated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The published set as a run left it, kept manifests included."""

    manifests: Mapping[Key, Sequence[str]] = field(default_factory=dict)
    """Source and path → ids, in order."""
    models: Mapping[str, Mapping[str, ModelNote]] = field(default_factory=dict)
    """Source → id → what is known of the model."""


class ModelNotes(Mapping[str, ModelNote]):
    """What a snapshot keeps of a catalogue, made of each model when it is asked for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def __getitem__(self, id_: str) -> ModelNote:
        return note_of(self._catalogue.models[id_])

    def __iter__(self) -> Iterator[str]:
        return iter(self._catalogue.models)

    def __len__(self) -> int:
        return len(self._catalogue.models)

    def bodies(self) -> Iterator[bytes]:
        """Yield all as they are kept, in the parts in which the catalogue is published."""
        models = self._catalogue.models
        if not isinstance(models, StoredModels):
            yield body_of(map_notes(models))
            return
        shelf = models.shelf
        for number in range(shelf.parts):
            # Most often the file was written a moment ago, and is not worth being read in full.
            notes = notes_at_a_glance(shelf.data(number))
            yield notes or body_of(map_notes(shelf.part(number).models))
        shelf.let_go()


def map_notes(models: Mapping[str, Model]) -> dict[str, ModelNote]:
    """Return what a snapshot keeps of models, by id."""
    return {id_: note_of(model) for id_, model in models.items()}


def body_of(notes: Mapping[str, ModelNote]) -> bytes:
    """Return notes as they are kept."""
    return NOTES.dump_json(dict(sorted(notes.items())))


def note_of(model: Model) -> ModelNote:
    """Return what a snapshot keeps of a model."""
    return ModelNote(name=model.name, author=model.author, mode=model.mode)


class Content(Record):
    """Where a body is kept."""

    id: int


class ManifestRow(Record):
    """One manifest of a snapshot."""

    source: str
    filter: str
    body: bytes


class ModelsRow(Record):
    """The models of one source of a snapshot."""

    source: str
    body: bytes


IDS: Final = TypeAdapter(tuple[str, ...])
NOTES: Final = TypeAdapter(dict[str, ModelNote])


def keep_snapshot(database: Database, run_id: int, snapshot: Snapshot) -> None:
    """Keep what a run left, in place of what was kept for it before; call it in a transaction.

    Raises:
        StoreError: the database or the disk refused.
    """
    database.execute("DELETE FROM manifests WHERE run_id = ?", run_id)
    database.execute("DELETE FROM models WHERE run_id = ?", run_id)
    database.execute_all(
        "INSERT INTO manifests VALUES (?, ?, ?, ?)",
        [
            (run_id, source, path, keep(database, encode(tuple(ids), compact=True)))
            for (source, path), ids in snapshot.manifests.items()
        ],
    )
    database.execute_all(
        "INSERT INTO models VALUES (?, ?, ?, ?)",
        [
            (run_id, source, part, keep(database, body))
            for source, models in snapshot.models.items()
            for part, body in enumerate(bodies_of(models))
        ],
    )


def bodies_of(models: Mapping[str, ModelNote]) -> Iterator[bytes]:
    """Yield what is kept of a source's models; of a large catalogue only a part at a time."""
    if isinstance(models, ModelNotes):
        yield from models.bodies()
    else:
        yield body_of(models)


def load_snapshot(database: Database, run_id: int) -> Snapshot:
    """Return what a run left; it is empty when nothing was kept of it.

    Raises:
        StoreError: the database or the disk refused.
        ValueError: a body is damaged.
    """
    manifests = """
        SELECT source, filter, body FROM manifests JOIN contents ON contents.id = content
        WHERE run_id = ?
    """
    models = """
        SELECT source, body FROM models JOIN contents ON contents.id = content WHERE run_id = ?
    """
    return Snapshot(
        manifests={
            (row.source, row.filter): IDS.validate_json(unpack(row.body))
            for row in database.read(ManifestRow, manifests, run_id)
        },
        models=joined(database.read(ModelsRow, models, run_id)),
    )


def joined(rows: Iterable[ModelsRow]) -> dict[str, dict[str, ModelNote]]:
    """Return source → id → note, of all parts."""
    found: dict[str, dict[str, ModelNote]] = {}
    for row in rows:
        found.setdefault(row.source, {}).update(NOTES.validate_json(unpack(row.body)))
    return found


def sweep_contents(database: Database) -> None:
    """Forget the bodies of which no snapshot is made any more.

    Raises:
        StoreError: the database or the disk refused.
    """
    database.execute("""
        DELETE FROM contents WHERE id NOT IN (
            SELECT content FROM manifests UNION SELECT content FROM models
        )
    """)


def keep(database: Database, body: bytes) -> int:
    """Return the number under which *body* is kept from now on."""
    digest = hashlib.sha256(body).digest()
    sql = "SELECT id FROM contents WHERE digest = ?"
    if not (known := database.read(Content, sql, digest)):
        database.execute("INSERT INTO contents (digest, body) VALUES (?, ?)", digest, pack(body))
        known = database.read(Content, sql, digest)
    return known[0].id
