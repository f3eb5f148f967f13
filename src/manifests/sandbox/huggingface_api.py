"""Answer Hugging Face's `GET /api/models` over a catalogue: bare arrays, `Link`, `expand`.

Parameters and shapes: huggingface/huggingface_hub `hf_api.py::list_models`, August 2026.
"""

from __future__ import annotations

import base64
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests.sandbox.catalogue import HuggingFaceRow, JsonObject, from_iso, to_iso
from manifests.sandbox.huggingface_query import HuggingFaceQuery, read_query
from manifests.sandbox.shelf import Shelf
from manifests.sandbox.wire import Answer, Twist

if TYPE_CHECKING:
    from collections.abc import Callable

    from manifests.sandbox.catalogue import Catalogue
    from manifests.sandbox.wire import Ask

__all__ = ["HuggingFaceApi"]

_FIELDS = {
    "downloads": "downloads",
    "likes": "likes",
    "lastModified": "modified",
    "createdAt": "created",
    "trendingScore": "trending",
}
_TIMES = frozenset({"lastModified", "createdAt"})
_PLAIN = frozenset(
    {
        "likes",
        "private",
        "downloads",
        "tags",
        "pipeline_tag",
        "library_name",
        "createdAt",
        "modelId",
    }
)
_FULL = frozenset({"author", "sha", "lastModified", "gated", "disabled", "siblings"})
_RECORD_BYTES = 32 << 20
_ROWS_KEPT = 1 << 20


class _Tie(BaseModel):
    """The second half of a keyset: beyond this `_id` among equals."""

    model_config = ConfigDict(strict=True)

    beyond: str = Field(alias="$gt")


class HuggingFaceApi:
    """Hugging Face over one catalogue; it keeps sorted rows and encoded records within bounds."""

    def __init__(self, catalogue: Catalogue[HuggingFaceRow]) -> None:
        self._catalogue = catalogue
        self._sorted: dict[str, list[HuggingFaceRow]] = {}
        self._selected: Shelf[list[HuggingFaceRow]] = Shelf(_ROWS_KEPT)
        self._records: Shelf[bytes] = Shelf(_RECORD_BYTES)

    def answer(self, ask: Ask, *, twist: Twist = Twist.NONE) -> Answer:
        """Answer a GET of anything that is not CivitAI's."""
        if ask.path != "/api/models":
            text = "Sorry, we can't find the page you are looking for."
            return Answer.of_json({"error": text}, status=404)

        query = read_query(ask)
        if isinstance(query, Answer):
            return query

        try:
            rows, cursor = self._slice(query)
        except ValueError:
            return Answer.of_json({"error": "✖ Invalid cursor"}, status=400)

        if twist is Twist.EMPTY:
            rows, cursor = [], None
        elif twist is Twist.LOOP:
            cursor = query.cursor or cursor

        body = b"[" + b",".join(self._encoded(row, query) for row in rows) + b"]"
        link = () if cursor is None else (("Link", f'<{ask.url_at(cursor)}>; rel="next"'),)
        return Answer.of_json(body, headers=link)

    def _slice(self, query: HuggingFaceQuery) -> tuple[list[HuggingFaceRow], str | None]:
        """Return the rows of the asked page and the cursor of the next.

        Raises:
            ValueError: the cursor belongs to no such listing.
        """
        rows, key = self._selection(query), _key(query.sort)
        start = 0
        if query.cursor is not None:
            start = bisect_right(rows, _from_cursor(query.cursor, query.sort), key=key)
        page = rows[start : start + query.limit]
        more = start + query.limit < len(rows)
        return page, _to_cursor(page[-1], query.sort) if more else None

    def _selection(self, query: HuggingFaceQuery) -> list[HuggingFaceRow]:
        """Return all rows of a listing in its order."""
        rows = self._selected.get(query.selection)
        if rows is not None:
            return rows

        if query.sort not in self._sorted:
            self._sorted[query.sort] = sorted(self._catalogue.rows, key=_key(query.sort))
        rows = self._sorted[query.sort]
        for keeps in _conditions(query):
            rows = [row for row in rows if keeps(row)]

        return self._selected.keep(query.selection, rows, weight=len(rows) + 1)

    def _encoded(self, row: HuggingFaceRow, query: HuggingFaceQuery) -> bytes:
        """Return the JSON of one record with the properties that this query shows."""
        names = _properties(query)
        key = (row.place, names)
        kept = self._records.get(key)
        if kept is not None:
            return kept

        record = self._catalogue.record(row)
        shown = {name: value for name, value in record.items() if name in names}
        body = orjson.dumps(shown)
        return self._records.keep(key, body, weight=len(body))


def _properties(query: HuggingFaceQuery) -> frozenset[str]:
    """Return the names of what an item holds: `expand` replaces the usual ones."""
    identity = frozenset({"_id", "id"})
    if query.expand:
        return identity | query.expand

    trending = frozenset({"trendingScore"} if query.sort == "trendingScore" else ())
    return identity | _PLAIN | trending | (_FULL if query.full else frozenset())


def _conditions(query: HuggingFaceQuery) -> list[Callable[[HuggingFaceRow], bool]]:
    """Return what a row must fulfil."""
    least, most = query.num_parameters or (0.0, 0.0)
    owner = f"{query.author}/"
    conditions: list[tuple[bool, Callable[[HuggingFaceRow], bool]]] = [
        (bool(query.filters), lambda row: query.filters <= row.tags),
        (
            query.num_parameters is not None,
            lambda row: row.parameters is not None and least <= row.parameters <= most,
        ),
        (query.author is not None, lambda row: row.id.startswith(owner)),
        (query.pipeline_tag is not None, lambda row: row.pipeline_tag == query.pipeline_tag),
        (query.library is not None, lambda row: query.library in {row.library, *row.tags}),
        (query.gated is not None, lambda row: row.gated is query.gated),
        (bool(query.search), lambda row: _found(row.id, query.search)),
    ]
    return [condition for asked, condition in conditions if asked]


def _found(repository: str, texts: tuple[str, ...]) -> bool:
    """Tell whether all *texts* stand in the id, in either case."""
    lowered = repository.lower()
    return all(text.lower() in lowered for text in texts)


def _key(sort: str) -> Callable[[HuggingFaceRow], tuple[float, str]]:
    """Return what sorts rows: the counter falling, then `_id` rising."""
    counter = attrgetter(_FIELDS[sort])
    return lambda row: (-counter(row), row.key)


def _to_cursor(row: HuggingFaceRow, sort: str) -> str:
    """Return the keyset that names all rows beyond *row*, as base64 JSON."""
    value = getattr(row, _FIELDS[sort])
    shown = to_iso(value) if sort in _TIMES else value
    keyset: JsonObject = {sort: shown, "_id": {"$gt": row.key}}
    return base64.b64encode(orjson.dumps(keyset)).decode()


def _from_cursor(cursor: str, sort: str) -> tuple[float, str]:
    """Return the sort key that a cursor names.

    Raises:
        ValueError: it is no base64 JSON keyset of this order.
    """
    keyset = orjson.loads(base64.b64decode(cursor, validate=True))
    if not isinstance(keyset, dict):
        raise ValueError(cursor)  # noqa: TRY004 - one kind of refusal for all that is wrong
    try:
        tie = _Tie.model_validate(keyset.get("_id"))
    except ValidationError as error:
        raise ValueError(cursor) from error

    value = keyset.get(sort)
    if isinstance(value, str) and sort in _TIMES:
        return -from_iso(value), tie.beyond
    if isinstance(value, int | float) and sort not in _TIMES:
        return -value, tie.beyond
    raise ValueError(cursor)
