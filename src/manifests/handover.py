"""Hand what one shard made over to a merge: two files beside its set, whole or not there at all.

`shard.json` says which shard it is and what became of its run, with all candidates, also those
that its own gate held back: a merge judges anew. It is written twice. At the start of a run it
only lays claim to the number, so that a shard that was killed is known by it.
`shard-models.jsonl.gz` holds the models of all listings, also those that no manifest of the shard
names: a manifest of another shard may, and then the broadest listing has the word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import from_json

from manifests import __version__
from manifests.countable import is_countable
from manifests.models import Manifest, Record
from manifests.results import RunRecord
from manifests.settings import is_endpoint
from manifests.shardmodels import MODELS_FILE, ModelsNote, pack
from manifests.shards import ShardPart
from manifests.store.canonical import DamagedFileError, encode, sha256
from manifests.store.disk import MACHINE, Disk, translated
from manifests.store.files import read_regular, with_file
from manifests.store.names import temporary_name

if TYPE_CHECKING:
    from pathlib import Path

    from manifests.drafting import Draft
    from manifests.models import Filter
    from manifests.preparing import Prepared
    from manifests.sharding import Share
    from manifests.sources.base import SourceInfo
    from manifests.store.release import Release

__all__ = [
    "SHARD_FILE",
    "Candidate",
    "HandOver",
    "claim",
    "hand_over",
    "read_hand_over",
    "withdrawn",
]

SHARD_FILE: Final = "shard.json"


def endpoint(text: str) -> str:
    """Return *text* if requests could be built on it.

    Raises:
        ValueError: they could not, or it holds a user or a password.
    """
    if not is_endpoint(text):
        raise ValueError("no endpoint")
    return text


def distinct(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return *ids* if none stands there twice.

    Raises:
        ValueError: one does; no list of ours was ever like that.
    """
    if len(set(ids)) != len(ids):
        raise ValueError("an id stands there twice")
    return ids


Endpoint: TypeAlias = Annotated[str, AfterValidator(endpoint)]


class Candidate(Record):
    """The manifest of one filter; its label and the like stand in the definitions."""

    source: str
    filter: str
    model_ids: Annotated[tuple[str, ...], AfterValidator(distinct)]
    complete: bool

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Return what is handed over of *manifest*."""
        return cls(
            source=manifest.source,
            filter=manifest.filter,
            model_ids=tuple(manifest.model_ids),
            complete=manifest.complete,
        )

    def manifest(self, filter_: Filter, info: SourceInfo) -> Manifest:
        """Return the manifest of *filter_* again."""
        return Manifest(
            source=self.source,
            filter=self.filter,
            label=filter_.label,
            models_file=info.models_file,
            model_ids=self.model_ids,
            complete=self.complete,
        )


class HandOver(Record):
    """What `shard.json` holds."""

    schema_version: Literal[1] = Field(
        default=1, validation_alias="schema", serialization_alias="schema"
    )
    tool: str
    """Version that made it: another may deal filters out in another way."""
    part: ShardPart
    only: tuple[str, ...] = ()
    """The globs that chose the filters of all shards together."""
    source: str | None = None
    compact: bool | None = None
    """The layout that was asked for; None where none was."""
    upstream: Mapping[str, Endpoint]
    """Source → the endpoint that is asked."""
    record: RunRecord | None = None
    """The run; None from its start until all that it made is in place."""
    manifests: tuple[Candidate, ...] = ()
    """All candidates, held back or not."""
    models: ModelsNote | None = None


def claim(prepared: Prepared, share: Share, *, disk: Disk = MACHINE) -> None:
    """Say in the output folder which shard is being made there; call it as the only writer.

    Raises:
        StoreError: the disk refused.
    """
    out = prepared.settings.out
    staged = out / temporary_name(SHARD_FILE, disk.token())
    with translated(out, SHARD_FILE):
        out.mkdir(parents=True, exist_ok=True)
        try:
            disk.write(staged, _bytes(_blank(prepared, share)))
            disk.replace_held(staged, out / SHARD_FILE)
        finally:
            disk.remove(staged)


def hand_over(prepared: Prepared, share: Share, draft: Draft) -> Release:
    """Return the release of a shard with both files, which are put in place with all others."""
    reads = {each.read.planned.query: each.read for each in draft.made}
    models = pack(reads, share.breadth)
    note = _blank(prepared, share).model_copy(
        update={
            "record": draft.record,
            "manifests": tuple(
                Candidate.of(each.candidate.manifest) for each in draft.made if each.candidate
            ),
            "models": ModelsNote(sha256=sha256(models), listings=len(reads)),
        }
    )
    # In this order: a shard that is killed between the two has not finished.
    files = with_file(draft.release.files, MODELS_FILE, models)
    return replace(draft.release, files=with_file(files, SHARD_FILE, _bytes(note)))


def withdrawn(release: Release) -> Release:
    """Return the release of a whole run in the folder of a shard, which hands nothing over."""
    return replace(release, removed=(*release.removed, MODELS_FILE, SHARD_FILE))


def read_hand_over(folder: Path) -> HandOver:
    """Return what a shard has left in its output folder.

    Raises:
        OSError: there is nothing that can be read.
        DamagedFileError: it is no hand-over, or not a whole one.
    """
    data = read_regular(folder / SHARD_FILE)
    try:
        note = HandOver.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise DamagedFileError(f"wrong shape at {where}: {first['msg']}") from error
    if not is_countable(from_json(data)):
        raise DamagedFileError("it counts further than any run")
    return note


def _blank(prepared: Prepared, share: Share) -> HandOver:
    access = sorted(prepared.settings.access.items())
    return HandOver(
        tool=__version__,
        part=share.part,
        only=share.only,
        source=share.source,
        compact=prepared.settings.compact,
        upstream={source: each.endpoint for source, each in access},
    )


def _bytes(note: HandOver) -> bytes:
    return encode(note.model_dump(mode="json", by_alias=True))
