"""Read the settings file, or say all that is wrong with it, by key and line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from manifests.discovery import TABLE, read_table, read_text
from manifests.errors import SettingsError
from manifests.settings import Configuration, is_endpoint
from manifests.settings_file import GateTable, SettingsFile
from manifests.validation import key_path, unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

    from manifests.sources.base import SourceInfo

__all__ = ["read_configuration"]

SECRETS: Final = re.compile(r"token|secret|password|api-key")
HEADER: Final = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?$")
KEY: Final = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")
WORDS: Final[Mapping[str, str]] = {
    "bool_type": "takes true or false",
    "dict_type": "takes a table",
    "int_type": "takes a whole number",
    "mapping_type": "takes a table",
    "model_type": "takes a table",
    "string_type": "takes text in quotes",
    "string_too_short": "is empty",
    "greater_than_equal": "takes at least {ge}",
    "less_than_equal": "takes at most {le}",
    "literal_error": "takes {expected}",
}
"""pydantic's name of a problem → the same in words of a TOML file."""


FOLDERS: Final = frozenset({"filters", "out", "state"})
BESIDE: Final = {"contact", "endpoints", "gate"}
"""What no option stands for."""


def read_configuration(
    path: Path | None, infos: Collection[SourceInfo], *, notes: Sequence[str] = ()
) -> Configuration:
    """Return what a settings file says.

    Args:
        path: the file; None for none.
        infos: all sources.
        notes: what to pass on.

    Raises:
        SettingsError: with a line for each thing that is wrong with it.
    """
    if path is None:
        return Configuration(notes=tuple(notes))
    text = read_text(path)
    written = read_table(path, text)
    table = hyphened(written)
    problems = [*secrets(table, infos), *doubled(written)]
    file = None if problems else shaped(table, problems, text=text)
    problems += wrong_endpoints(file, infos) if file else ()
    if problems or file is None:
        raise SettingsError(
            "\n".join(f"{path}: {line}" for line in problems),
            next_step="mend the file; its keys are shown by: manifests schema settings",
        )
    return configured(path, file, notes=notes)


def configured(path: Path, file: SettingsFile, *, notes: Sequence[str]) -> Configuration:
    """Return what a valid file says, its folders as they are seen from here."""
    options: dict[str, str | int | bool] = file.model_dump(exclude_none=True, exclude=BESIDE)
    for name in FOLDERS & options.keys():
        options[name] = str(path.parent / str(options[name]))
    return Configuration(
        origin=path,
        options=options,
        contact=file.contact or "",
        endpoints={name: each.rstrip("/") for name, each in file.endpoints.items()},
        gate=file.gate.limits(),
        gate_keys=frozenset(file.gate.model_fields_set),
        notes=tuple(notes),
    )


def hyphened(table: Mapping[str, object]) -> dict[str, object]:
    """Return a table with its keys spelt as options are: definitions have `max_shrink`."""
    return {
        str(key).replace("_", "-"): hyphened(value) if isinstance(value, dict) else value
        for key, value in table.items()
    }


def doubled(table: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each key that is given both with hyphens and without."""
    for key, value in table.items():
        if "_" in key and key.replace("_", "-") in table:
            yield f"{key_path((key,))}: is given twice, with hyphens and without"
        elif isinstance(value, dict):
            yield from doubled(value)


def secrets(table: Mapping[str, object], infos: Collection[SourceInfo]) -> Iterator[str]:
    """Yield a line for each key that must not stand in a file, which others may read."""
    variables = " or ".join(info.token_variable for info in infos)
    for key, value in table.items():
        if SECRETS.search(key.lower()):
            yield f"{key_path((key,))}: no secret belongs into a file; set {variables} instead"
        elif isinstance(value, dict):
            yield from secrets(value, infos)


def shaped(table: Mapping[str, object], problems: list[str], *, text: str) -> SettingsFile | None:
    """Return a file in its shape, or None; where it does not fit is added to *problems*."""
    try:
        return SettingsFile.model_validate(table)
    except ValidationError as error:
        problems += (explained(each, text) for each in error.errors(include_url=False))
        return None


def explained(detail: ErrorDetails, text: str) -> str:
    """Return what is wrong in one place, with its line where that is plain to see."""
    place = tuple(str(step) for step in detail["loc"])
    line = line_of(text, place)
    where = f"{key_path(place)} (line {line})" if line else key_path(place)
    return f"{where}: {problem(detail, place)}"


def problem(detail: ErrorDetails, place: Sequence[str]) -> str:
    """Return what is wrong, in words of the file rather than of pydantic."""
    if detail["type"] == "extra_forbidden":
        shape = GateTable if place[0] == "gate" and len(place) > 1 else SettingsFile
        return unknown("key", place[-1], [name.replace("_", "-") for name in shape.model_fields])
    words = WORDS.get(detail["type"], detail["msg"])
    return words.format(**detail.get("ctx", {})) if detail["type"] in WORDS else words


def line_of(text: str, place: Sequence[str]) -> int | None:
    """Return the number of the line that gives a key in the plain way, if one does."""
    *tables, key = place
    wanted = {".".join(tables), ".".join((*TABLE, *tables))}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := HEADER.match(line):
            table = header[1].replace("_", "-")
        elif (found := KEY.match(line)) and table in wanted and same(found[1], key):
            return number
    return None


def same(written: str, key: str) -> bool:
    """Tell whether a key is spelt so in the file, hyphens or not."""
    return written.replace("_", "-") == key


def wrong_endpoints(file: SettingsFile, infos: Collection[SourceInfo]) -> Iterator[str]:
    """Yield a line for each endpoint that can't be asked, without repeating it."""
    known = {info.name: info for info in infos}
    for name, endpoint in file.endpoints.items():
        where = key_path(("endpoints", name))
        if name not in known:
            yield f"{where}: {unknown('source', name, known)}"
        elif not is_endpoint(endpoint.rstrip("/")):
            form = known[name].endpoint
            yield f"{where}: is no endpoint; write it as {form}, without a user or password"
