"""The schemas describe what people write and what the tool writes."""

from __future__ import annotations

import orjson
import pytest

from manifests.cli.schemas import schema_bytes
from manifests.errors import ErrorCode, SettingsError
from manifests.sources import SOURCES


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("filters", {"source", "sort"}),
        (
            "manifest",
            {
                *("schema", "source", "filter", "label", "models_file", "count", "complete"),
                "model_ids",
            },
        ),
        ("catalogue", {"schema", "source", "count", "models"}),
        ("directory", {"schema", "source", "count", "rule", "parts"}),
        ("status", {"run", "tool", "updated", "auth", "upstream"}),
        ("settings", set()),
        ("run", {"run", "started", "seconds", "environment", "outcomes", "queries"}),
    ],
)
def test_required_keys(name: str, required: set[str]) -> None:
    """Each schema names its dialect and all keys that every file of the kind holds."""
    found = orjson.loads(schema_bytes(name))
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert required <= set(found.get("required", ()))
    assert set(found.get("required", ())) <= set(found["properties"])


def test_definitions_know_the_sources() -> None:
    """Names of sources, and the keys that only a source knows, stand in the schema for editors."""
    keys = orjson.loads(schema_bytes("filters"))["properties"]
    assert keys["source"]["enum"] == list(SOURCES)
    assert keys["unknown_size"] == {"type": "string"}
    assert keys["known_base_models"] == {"type": "array", "items": {"type": "string"}}


def test_settings_are_as_people_write_them() -> None:
    """Keys are spelt as options are, shares are text, and nothing is null, as in TOML."""
    text = schema_bytes("settings")
    found = orjson.loads(text)
    keys, gate = found["properties"], found["$defs"]["GateTable"]["properties"]
    assert keys["max-concurrency"]["maximum"] == 32
    assert keys["style"]["enum"] == ["standard", "compact"]
    assert keys["endpoints"]["properties"].keys() == SOURCES.keys()
    assert gate["max-shrink"]["type"] == gate["accept-after"]["type"] == "string"
    assert "token" not in keys
    assert b"null" not in text


@pytest.mark.parametrize("name", ["status", "run"])
def test_codes_are_listed(name: str) -> None:
    """A reader of status or record learns all error codes."""
    assert orjson.loads(schema_bytes(name))["$defs"]["ErrorCode"]["enum"] == [
        code.value for code in ErrorCode
    ]


@pytest.mark.parametrize(
    ("name", "hint"), [("manifests", "did you mean 'manifest'?"), ("", "no schema ''")]
)
def test_unknown_schema(name: str, hint: str) -> None:
    """An unknown name is refused with the nearest one, and with all that there are."""
    with pytest.raises(SettingsError, match="no schema") as refused:
        schema_bytes(name)
    assert hint in refused.value.cause
    assert {"catalogue", "filters", "settings", "status"} <= set(
        refused.value.next_step.replace(",", "").split()
    )
