"""List the filters with what is published of each, where all of it is plainly as it should be.

What is not goes the long way, by way of `cli/inspect.py`, and looks the same there.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from manifests.errors import ErrorCode
from manifests.outline import outline
from manifests.sources import SOURCES
from manifests.store.names import STATUS_FILE, manifest_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from manifests.outline import Outline
    from manifests.sources.base import SourceInfo

__all__ = ["Row", "as_json", "as_table", "rows_of", "shown_state"]

STATES: Final = ("fresh", "stale", "missing", "quarantined")
CODES: Final = (None, *ErrorCode)
TITLES: Final = ("filter", "label", "limit", "published", "state")
GAP: Final = "   "
MOST_COLUMNS: Final = 160
"""Of a line that is not on a terminal; a longer one would be broken."""


class Row(NamedTuple):
    """A filter, and what stands published of it."""

    source: str
    filter: str
    label: str
    limit: int
    published: int | None
    state: str | None


def rows_of(folder: Path, out: Path) -> tuple[Row, ...] | None:
    """Return all filters with what is published of each; None for the long way."""
    filters = outline(folder, SOURCES)
    states = states_in(out / STATUS_FILE)
    if filters is None or states is None:
        return None
    rows = []
    for each in filters:
        count = count_in(out, each, SOURCES[each.source].info)
        if count == DOUBTFUL:
            return None
        published = None if count == ABSENT else count
        state = shown_state(states.get(f"{each.source}:{each.path}"), published)
        rows.append(Row(*each, published, state))
    return tuple(rows)


def shown_state(known: str | None, published: int | None) -> str | None:
    """Return the state of a filter; a manifest that was removed by hand is missing."""
    return "missing" if published is None and known in {"fresh", "stale"} else known


ABSENT: Final = -1
DOUBTFUL: Final = -2


def count_in(out: Path, filter_: Outline, info: SourceInfo) -> int:
    """Return how many models a manifest holds; `ABSENT`, or `DOUBTFUL` for the long way."""
    found = read_object(out / manifest_file(info, filter_.path))
    if found is None:
        return ABSENT
    ids = found.get("model_ids") if "schema" in found else found.get("ids")
    if not isinstance(ids, list) or not all(isinstance(id_, str) for id_ in ids):
        return DOUBTFUL
    sound = is_standard if "schema" in found else is_compact
    is_ours = sound(found, filter_, info, len(ids)) and len({*ids}) == len(ids)
    return len(ids) if is_ours else DOUBTFUL


def is_standard(
    found: Mapping[str, object], filter_: Outline, info: SourceInfo, count: int
) -> bool:
    """Tell whether a manifest of the standard layout is whole, and that of the filter."""
    return (
        is_one(found.get("schema"))
        and type(found.get("count")) is int
        and (found.get("source"), found.get("filter"), found.get("count"))
        == (info.name, filter_.path, count)
        and isinstance(found.get("label"), str)
        and isinstance(found.get("models_file"), str)
        and isinstance(found.get("complete"), bool)
    )


def is_compact(found: Mapping[str, object], filter_: Outline, info: SourceInfo, count: int) -> bool:
    """Tell whether a manifest of the compact layout is whole, and that of the filter."""
    del count  # it has none
    whole = f"{info.file_prefix}-{filter_.path}"
    return (found.get("f"), found.get("s")) == (whole, info.short) and isinstance(
        found.get("mf"), str
    )


def states_in(path: Path) -> Mapping[str, str] | None:
    """Return the state of each filter that `status.json` knows; None for the long way."""
    found = read_object(path)
    if found is None:
        return {}
    filters = found.get("filters")
    if not (is_head(found) and isinstance(filters, dict) and all(map(is_state, filters.values()))):
        return None
    return {name: each["state"] for name, each in filters.items()}


def is_head(found: Mapping[str, object]) -> bool:
    """Tell whether what a status says of its run is of the right shape."""
    auth, upstream = found.get("auth"), found.get("upstream")
    return (
        is_one(found.get("schema"))
        and all(isinstance(found.get(key), str) for key in ("run", "tool", "updated"))
        and isinstance(auth, dict)
        and all(each in ("anonymous", "token") for each in auth.values())
        and isinstance(upstream, dict)
        and all(isinstance(each, str) for each in upstream.values())
    )


def is_one(schema: object) -> bool:
    """Tell whether a schema is the one that is known here; to Python `true` would be one too."""
    return type(schema) is int and schema == 1


def is_state(each: object) -> bool:
    """Tell whether a filter's entry is of the right shape."""
    return (
        isinstance(each, dict)
        and each.get("state") in STATES
        and type(each.get("consecutive_failures")) is int
        and all(isinstance(each.get(key), str | None) for key in ("last_success", "stale_since"))
        and each.get("code") in CODES
    )


def read_object(path: Path) -> Mapping[str, object] | None:
    """Return the object in a file; an empty one for a damaged file, None where there is none."""
    try:
        found = json.loads(path.read_bytes()) if path.exists() else None
    except (OSError, ValueError, RecursionError):
        return {}
    return found if found is None or isinstance(found, dict) else {}


def as_json(rows: Sequence[Row]) -> str:
    """Return the rows as JSON, as `canonical.encode` lays it out."""
    plain = [row._asdict() for row in rows]
    return f"{json.dumps(plain, indent=2, sort_keys=True, ensure_ascii=False)}\n"


def as_table(rows: Sequence[Row]) -> str | None:
    """Return the rows as rich lays out a table in a pipe; None where a line would be broken."""
    cells = [
        [f"{row.source}:{row.filter}", *("" if cell is None else str(cell) for cell in row[2:])]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(TITLES, *cells, strict=True)]
    width = sum(widths) + len(GAP) * (len(widths) - 1) + 4
    if width > MOST_COLUMNS or not all(cell.isascii() for line in cells for cell in line):
        return None
    return "\n".join([*lines_of(cells, widths, width), summary(rows), ""])


def lines_of(cells: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield " " * width
    yield line_of(TITLES, widths)
    yield f" {'─' * (width - 2)} "
    yield from (line_of(line, widths) for line in cells)
    yield " " * width


def line_of(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line of the table."""
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"  {GAP.join(padded)}  "


def summary(rows: Sequence[Row]) -> str:
    """Return how many filters each source has: `330 filters: 299 of civitai, 31 of huggingface`."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.source] = counts.get(row.source, 0) + 1
    parts = ", ".join(f"{count} of {source}" for source, count in counts.items())
    return f"{len(rows)} filter{'' if len(rows) == 1 else 's'}: {parts}"
