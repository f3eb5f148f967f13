"""Carry out `manifests schema`: the JSON Schemas of what people write and what the tool writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.definitions import DefinitionFile
from manifests.doctor.diagnosis import Diagnosis
from manifests.errors import SettingsError
from manifests.report.eventlines import EventLine
from manifests.results import RunRecord
from manifests.settings_file import SettingsFile
from manifests.sources import SOURCES
from manifests.store.canonical import encode
from manifests.store.directories import StandardDirectory
from manifests.store.shapes import StandardCatalogue, StandardManifest
from manifests.store.status import Status
from manifests.validation import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, JsonValue
    from pydantic.json_schema import JsonSchemaMode

__all__ = ["schema_bytes"]

KINDS: Mapping[str, type[BaseModel]] = {
    "catalogue": StandardCatalogue,
    "directory": StandardDirectory,
    "doctor": Diagnosis,
    "events": EventLine,
    "filters": DefinitionFile,
    "manifest": StandardManifest,
    "run": RunRecord,
    "settings": SettingsFile,
    "status": Status,
}

WRITTEN_BY_PEOPLE = frozenset({"filters", "settings"})


def schema_bytes(name: str) -> bytes:
    """Return the schema of one kind of file.

    Raises:
        SettingsError: there is no such kind.
    """
    if name not in KINDS:
        raise SettingsError(
            f"no schema {name!r}{nearest(name, KINDS)}",
            next_step=f"the schemas are: {', '.join(sorted(KINDS))}",
        )
    # What people write is described as it is read; the rest as it is written.
    mode: JsonSchemaMode = "validation" if name in WRITTEN_BY_PEOPLE else "serialization"
    schema = KINDS[name].model_json_schema(by_alias=True, mode=mode)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    if name == "filters":
        schema["properties"] |= source_keys()
    if name == "settings":
        # pydantic takes any name of a source, and the tool only those that it knows.
        schema["properties"]["endpoints"] |= {
            "additionalProperties": False,
            "properties": {source: {"type": "string", "format": "uri"} for source in SOURCES},
        }
    return encode(schema)


def source_keys() -> dict[str, JsonValue]:
    """Return what the sources add to a definition file: their names, and keys of their own."""
    words: JsonValue = {"type": "string"}
    texts: JsonValue = {"type": "array", "items": words}
    keys: dict[str, JsonValue] = {"source": {"type": "string", "enum": [*SOURCES]}}
    for source in SOURCES.values():
        for name, option in source.info.options.items():
            keys[name] = texts if option.repeatable else words
    return keys
