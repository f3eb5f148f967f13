"""Answer CivitAI's `GET /api/v1/models` and `/api/v1/enums` over a catalogue, traps included.

What it does, and what it does wrong on purpose, stands in `upstream.md` of the project's notes:
snapshots of civitai/civitai `src/pages/api/v1/models/index.ts` and `model.service.ts`, August 2026.
`checkpointType`, `supportsGeneration`, `earlyAccess` and `fromPlatform` select nothing here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import orjson

from manifests.sandbox.catalogue import DAY, CivitaiRow, JsonObject, from_iso, objects, to_iso
from manifests.sandbox.civitai_query import MODEL_TYPES, CivitaiQuery, read_query
from manifests.sandbox.shelf import Shelf
from manifests.sandbox.wire import Answer, Twist

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from manifests.sandbox.catalogue import Catalogue
    from manifests.sandbox.wire import Ask

__all__ = ["CivitaiApi"]

_PERIODS = {"Day": DAY, "Week": 7 * DAY, "Month": 30 * DAY, "Year": 365 * DAY}
_OLD_LEVELS = {"None": 1, "Soft": 2, "Mature": 4, "X": 8}
_RECORD_BYTES = 32 << 20
_ROWS_KEPT = 1 << 20
_PUBLIC = ("Cache-Control", "public, s-maxage=300, stale-while-revalidate=150")
_PRIVATE = ("Cache-Control", "max-age=0, private, no-cache")


@dataclass(frozen=True, slots=True)
class _Order:
    """A total order of rows, and its cursors: the sort tuple joined by `|`."""

    fields: tuple[str, ...]
    signs: tuple[int, ...]

    @property
    def loses_boundary(self) -> bool:
        """Whether the row that a cursor names is skipped: where even the id descends."""
        return self.signs[-1] < 0

    def key(self, row: CivitaiRow) -> tuple[int, ...]:
        """Return what sorts *row*, ascending."""
        values = attrgetter(*self.fields)(row)
        return tuple(sign * value for sign, value in zip(self.signs, values, strict=True))

    def cursor(self, row: CivitaiRow) -> str:
        """Return the cursor of the page that begins at *row*."""
        return "|".join(
            to_iso(value) if name == "last_version" else str(value)
            for name, value in zip(self.fields, attrgetter(*self.fields)(row), strict=True)
        )

    def start(self, rows: Sequence[CivitaiRow], cursor: str) -> int:
        """Return the index in sorted *rows* at which the page of *cursor* begins.

        Raises:
            ValueError: the cursor is none of this order.
        """
        tokens = zip(self.fields, self.signs, cursor.split("|"), strict=True)
        key = tuple(
            sign * (from_iso(token) if name == "last_version" else int(token))
            for name, sign, token in tokens
        )
        # Both fields descend and upstream compares with `<`: the row of the cursor is lost.
        bisect = bisect_right if self.loses_boundary else bisect_left
        return bisect(rows, key, key=self.key)


def _most(*counters: str) -> _Order:
    """Return the order of falling counters; the lower id breaks ties."""
    return _Order((*counters, "id"), (*(-1 for _ in counters), 1))


_ORDERS = {
    "Highest Rated": _most("thumbs", "downloads"),
    "Most Liked": _most("thumbs", "downloads"),
    "Most Downloaded": _most("downloads", "thumbs"),
    "Most Discussed": _most("comments", "thumbs"),
    "Most Collected": _most("collected", "thumbs"),
    "Most Images": _most("images", "thumbs"),
    "Newest": _Order(("last_version", "id"), (-1, -1)),
    "Oldest": _Order(("last_version", "id"), (1, 1)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """The rows of one page, and where the next begins."""

    rows: Sequence[CivitaiRow]
    cursor: str | None


class CivitaiApi:
    """CivitAI over one catalogue; it keeps sorted rows and encoded records within bounds."""

    def __init__(self, catalogue: Catalogue[CivitaiRow]) -> None:
        self._catalogue = catalogue
        self._sorted: dict[str, list[CivitaiRow]] = {}
        self._selected: Shelf[list[CivitaiRow]] = Shelf(_ROWS_KEPT)
        self._records: Shelf[bytes] = Shelf(_RECORD_BYTES)
        self._tags = frozenset(tag.lower() for row in catalogue.rows for tag in row.tags)
        self._usernames = frozenset(row.username for row in catalogue.rows)

    def answer(self, ask: Ask, *, twist: Twist = Twist.NONE) -> Answer:
        """Answer a GET below `/api/v1`; upstream's edge keeps errors of the anonymous too."""
        if ask.path == "/api/v1/models":
            answer = self._models(ask, twist)
        elif ask.path == "/api/v1/enums":
            answer = Answer.of_json(self._enums())
        else:
            answer = Answer.of_json({"error": "Not Found"}, status=404)

        cache = _PUBLIC if ask.is_anonymous else _PRIVATE
        return Answer(status=answer.status, headers=(*answer.headers, cache), body=answer.body)

    def _models(self, ask: Ask, twist: Twist) -> Answer:
        """Answer the model list."""
        query = read_query(ask)
        if isinstance(query, Answer):
            return query
        if query.username is not None and query.username.lower() not in self._usernames:
            return Answer.of_json({"message": "User not found"}, status=404)

        try:
            page = self._slice(query)
        except ValueError:
            return Answer.of_json({"message": f"Invalid cursor: {query.cursor}"}, status=400)

        if twist is Twist.EMPTY:
            page = _Slice(rows=(), cursor=None)
        elif twist is Twist.LOOP:
            # The first page has no cursor of its own to repeat: the loop begins with the second.
            page = _Slice(rows=page.rows, cursor=query.cursor or page.cursor)

        return Answer.of_json(self._render(ask, query, page))

    def _slice(self, query: CivitaiQuery) -> _Slice:
        """Return the rows of the asked page.

        Raises:
            ValueError: the cursor belongs to no such listing.
        """
        if query.query is not None:
            return self._search(query)

        rows, order = self._selection(query), _ORDERS[query.sort]
        start = 0 if query.cursor is None else order.start(rows, query.cursor)
        # Upstream fetches a row more than it shows: a limit of zero gives one item and no cursor.
        end = start + max(query.limit, 1)
        more = query.limit > 0 and end < len(rows)
        return _Slice(rows=rows[start:end], cursor=order.cursor(rows[end]) if more else None)

    def _search(self, query: CivitaiQuery) -> _Slice:
        """Search by name: the cursor is an offset, and all but `types` selects after the limit.

        Raises:
            ValueError: the cursor is no offset.
        """
        hits = self._hits(query)
        start = int(query.cursor or 0)
        if start < 0:
            raise ValueError(query.cursor)

        end = start + max(query.limit, 1)
        # The index ignores all else, so that short and empty pages come before the end.
        rows: list[CivitaiRow] = hits[start:end]
        for keeps in self._conditions(query):
            rows = [row for row in rows if keeps(row)]

        return _Slice(rows=rows, cursor=str(end) if end < len(hits) else None)

    def _hits(self, query: CivitaiQuery) -> list[CivitaiRow]:
        """Return all that the search index finds; it knows names and types only."""
        key = ("search", query.query, query.types)
        hits = self._selected.get(key)
        if hits is not None:
            return hits

        text, types = (query.query or "").lower(), set(query.types or MODEL_TYPES)
        ranked = self._sort("Highest Rated")
        hits = [row for row in ranked if text in row.name.lower() and row.type in types]
        return self._selected.keep(key, hits, weight=len(hits) + 1)

    def _selection(self, query: CivitaiQuery) -> list[CivitaiRow]:
        """Return all rows of a listing in its order."""
        rows = self._selected.get(query.selection)
        if rows is not None:
            return rows

        rows = self._sort(query.sort)
        for keeps in self._conditions(query):
            rows = [row for row in rows if keeps(row)]

        return self._selected.keep(query.selection, rows, weight=len(rows) + 1)

    def _sort(self, sort: str) -> list[CivitaiRow]:
        """Return all rows in one order; made once."""
        if sort not in self._sorted:
            self._sorted[sort] = sorted(self._catalogue.rows, key=_ORDERS[sort].key)

        return self._sorted[sort]

    def _conditions(self, query: CivitaiQuery) -> list[Callable[[CivitaiRow], bool]]:
        """Return what a row must fulfil, the most selective first."""
        bases, types, ids = set(query.base_models), set(query.types), set(query.ids)
        conditions: list[tuple[bool, Callable[[CivitaiRow], bool]]] = [
            (bool(ids), lambda row: row.id in ids),
            (bool(bases), lambda row: not bases.isdisjoint(row.base_models)),
            (bool(types), lambda row: row.type in types),
            (query.period != "AllTime", self._younger(query)),
            (query.username is not None, lambda row: row.username == str(query.username).lower()),
            (self._knows_tag(query), lambda row: str(query.tag).lower() in row.tags),
            (query.nsfw, lambda row: not row.minor),
            (not query.nsfw, lambda row: bool(row.level & 1)),
        ]
        return [condition for asked, condition in conditions if asked]

    def _younger(self, query: CivitaiQuery) -> Callable[[CivitaiRow], bool]:
        """Return the condition of a period: the last version is that young."""
        since = self._catalogue.now - _PERIODS.get(query.period, 0)
        return lambda row: row.last_version >= since

    def _knows_tag(self, query: CivitaiQuery) -> bool:
        """Tell whether a tag was asked for that exists; upstream ignores all others."""
        return query.tag is not None and query.tag.lower() in self._tags

    def _render(self, ask: Ask, query: CivitaiQuery, page: _Slice) -> bytes:
        """Return the JSON of a page; rows without a visible version are dropped only here."""
        items = b",".join(self._encoded(row, query) for row in page.rows if not row.hidden)
        metadata: dict[str, object] = {}
        if page.cursor is not None:
            metadata = {"nextCursor": page.cursor, "nextPage": ask.url_at(page.cursor)}
        if query.page is not None:
            metadata |= {"currentPage": query.page, "pageSize": query.limit}

        return b'{"items":[' + items + b'],"metadata":' + orjson.dumps(metadata) + b"}"

    def _encoded(self, row: CivitaiRow, query: CivitaiQuery) -> bytes:
        """Return the JSON of one record as this query shows it."""
        key = (row.place, query.nsfw, query.base_models, query.primary_file_only)
        kept = self._records.get(key)
        if kept is not None:
            return kept

        record = self._catalogue.record(row)
        shown = [
            _shown(version, query)
            for version in objects(record.get("modelVersions"))
            if not query.base_models or version.get("baseModel") in query.base_models
        ]
        body = orjson.dumps({**record, "modelVersions": shown})
        return self._records.keep(key, body, weight=len(body))

    def _enums(self) -> JsonObject:
        """Return the values that upstream knows."""
        bases = sorted({base for row in self._catalogue.rows for base in row.base_models})
        return {
            "ModelType": MODEL_TYPES,
            "ModelFileType": ["Model", "Pruned Model", "VAE", "Config", "Training Data"],
            "ActiveBaseModel": bases,
            "BaseModel": bases,
            "BaseModelType": ["Standard", "Inpainting", "Refiner", "Pix2Pix"],
        }


def _shown(version: JsonObject, query: CivitaiQuery) -> JsonObject:
    """Return *version* with its images cut to PG, and its files to the primary one, if asked."""
    if not query.nsfw:
        images = [image for image in objects(version.get("images")) if _level(image) == 1]
        version = {**version, "images": images}
    if query.primary_file_only:
        files = [file for file in objects(version.get("files")) if file.get("primary")]
        version = {**version, "files": files}

    return version


def _level(image: JsonObject) -> object:
    """Return the level of an image, old or new."""
    return image.get("nsfwLevel", _OLD_LEVELS.get(str(image.get("nsfw"))))
