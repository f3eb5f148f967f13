"""Read pages so that one odd record costs only itself, and what is no page is never a short one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

from pydantic import Field, ValidationError

from manifests.errors import PageError
from manifests.sources.base import Dropped
from manifests.sources.text import tidy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import TypeAdapter

__all__ = ["Count", "decode", "describe", "distinct", "refuse", "salvage"]

RecordT = TypeVar("RecordT")

Count = Annotated[int, Field(ge=0, le=2**53)]
"""A counter that every reader of JSON can hold exactly."""

LONGEST_CAUSE = 80
"""Characters of upstream's own words in a cause, at most."""


def decode(body: bytes) -> object:
    """Return the JSON value in *body*, for pages that did not validate as a whole.

    The standard decoder is slower than pydantic's and takes what that refuses, such as half of a
    surrogate pair in one name: the other records of such a page are worth having.

    Raises:
        PageError: the body is not JSON, or ends too early.
    """
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        start = body[: 4 * LONGEST_CAUSE].decode("utf-8", "replace")
        what = f"no complete JSON; it begins with {shown(start)}" if start.strip() else "empty"
        raise PageError(f"the body is {what}") from error
    return value


def salvage(
    items: Sequence[object], wire: TypeAdapter[RecordT]
) -> tuple[list[RecordT], list[Dropped]]:
    """Return the readable records among *items*, and the others with what is wrong with them.

    Raises:
        PageError: there are several records and none is readable: upstream changed its shape, and
            that must not pass for an empty listing.
    """
    records: list[RecordT] = []
    dropped: list[Dropped] = []
    for place, item in enumerate(items, start=1):
        try:
            records.append(wire.validate_python(item))
        except ValidationError as error:
            dropped.append(Dropped(record=name_of(item, place), reason=describe(error)))
    if not records and len(dropped) > 1:
        raise PageError(f"none of {len(dropped)} records can be read; first: {dropped[0].reason}")
    return records, dropped


def refuse(value: object, *, why: str) -> NoReturn:
    """Refuse a JSON value that is no page, in upstream's own words if it has any.

    Args:
        value: what upstream sent.
        why: what is wrong with it, where it does not say so itself.

    Raises:
        PageError: always.
    """
    text = error_text(value)
    if text:
        raise PageError(f"upstream sent an error as a good answer: {shown(text)}")
    raise PageError(f"the body is no page of a listing: {why}")


def error_text(value: object) -> str:
    """Return the error text in an upstream object, or nothing."""
    # Some errors are objects within objects: {"error": {"name": …, "message": …}}.
    while isinstance(value, dict):
        value = value.get("error") or value.get("message")
    return value if isinstance(value, str) else ""


def describe(error: ValidationError) -> str:
    """Return the first thing that is wrong with a record: `stats.likes: Input should be …`."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return tidy(f"{where}: {first['msg']}" if where else first["msg"])[:160]


def name_of(item: object, place: int) -> str:
    """Return a record's id, or its place on the page where it has none."""
    found = item.get("id") if isinstance(item, dict) else None
    # To Python a boolean is a number, but no record is called True.
    usable = isinstance(found, (str, int)) and not isinstance(found, bool)
    return (tidy(str(found))[:100] if usable else "") or f"#{place}"


def shown(text: str) -> str:
    """Return the beginning of upstream's words, harmless and in quotes."""
    return f"“{tidy(text)[:LONGEST_CAUSE]}”"


def distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Return upstream's words in their order, tidy, without empty ones and repetitions."""
    once = [*dict.fromkeys(filter(None, texts))]
    joined = "".join(once)
    # Nearly all lists of tags are tidy as they are, which one look at all of them can tell.
    if joined.isprintable() and " " not in joined:
        return tuple(once)
    return tuple(dict.fromkeys(filter(None, map(tidy, once))))
