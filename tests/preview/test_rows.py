"""What reaches the page is plain, short and harmless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from manifests.errors import ErrorCode
from manifests.models import Manifest, Model, Stats
from manifests.preview.rows import (
    LISTING_FIELDS,
    MODEL_FIELDS,
    https,
    licence,
    listing_row,
    model_row,
)
from manifests.preview.sections import Listing
from manifests.sources.text import HIDDEN
from manifests.store.status import FilterStatus

ID = "1"


def model(**fields: object) -> Model:
    """Return a model with some fields of its own."""
    return TypeAdapter(Model).validate_python(
        {"id": ID, "source": "civitai", "slug": "s", "name": "N", **fields}
    )


def shown(
    made: Model | None, stats: Stats | None = None, *, images: bool = False
) -> dict[str, object]:
    """Return a model's row by the names of its columns."""
    row = model_row(ID, made, stats, images=images)
    return dict(zip(MODEL_FIELDS, row, strict=False))


def test_a_model_without_a_record() -> None:
    """An id that no catalogue knows stands for itself."""
    assert model_row("9", None, None, images=False) == ["9", "9"]


def test_nulls_at_the_end_are_left_out() -> None:
    """A row ends with the last thing that is known."""
    assert model_row(ID, model(author="A"), None, images=True) == ["1", "N", "A"]


def test_all_columns() -> None:
    """What is published of a model reaches the page."""
    made = model(
        author="A",
        description="D",
        type="LORA",
        base_models=["B"],
        tags=["t"],
        license="mit",
        size_bytes=5,
        file_formats=["F"],
        created_at="c",
        updated_at="u",
        url="https://u.example/",
        pipeline_tag="p",
        library="l",
        parameters=7,
        gated="auto",
        mode="Archived",
        preview_level=1,
        preview_url="https://i.example/1.jpeg",
    )
    row = model_row(ID, made, Stats(downloads=2, likes=3), images=True)
    assert row == [
        *("1", "N", "A", "D", "LORA", ["B"], "mit", 2, 3, ["t"], 5, ["F"], "u", "c"),
        *("https://u.example/", "p", "l", 7, "auto", "Archived", "https://i.example/1.jpeg"),
    ]


@given(st.text(st.characters(exclude_categories=[])))
def test_no_hidden_character_reaches_the_page(text: str) -> None:
    """Whatever upstream writes, no control, bidi or zero-width character is left of it."""
    printable = text.encode("utf-8", "replace").decode()
    made = model(name=printable, author=printable, tags=[printable], url=f"https://{printable}")
    row = shown(made)
    tags = row.get("tags", [])
    assert isinstance(tags, list)
    for found in (row["name"], row.get("author"), row.get("url"), *tags):
        assert HIDDEN.search(str(found)) is None
        assert "\n" not in str(found)


def test_texts_and_lists_are_bounded() -> None:
    """No field of a model makes its row endless."""
    row = shown(model(name="n" * 5000, tags=[f"t{each}" for each in range(500)]))
    assert len(str(row["name"])) == 600
    tags = row["tags"]
    assert isinstance(tags, list)
    assert len(tags) == 24


def test_a_name_of_nothing() -> None:
    """A name of hidden characters alone gives way to the id."""
    assert shown(model(name="\u202e\u0000"))["name"] == ID


@pytest.mark.parametrize("count", [-1, 2**53, 2**70])
def test_numbers_that_are_none(count: int) -> None:
    """A count that a browser could not hold, or that is none, is not known."""
    assert "downloads" not in shown(model(), Stats(downloads=count))


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("https://civitai.com/models/1", True),
        ("https://civitai.com:8443/a?b=c#d", True),
        ("http://civitai.com/", False),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)//https://a.example", False),
        ("data:text/html,<script>", False),
        ("//a.example", False),
        ("https:///nowhere", False),
        ("https:nowhere", False),
        ("https://user:secret@a.example/", False),
        ("https://a.example/ onclick=x", False),
        ("https://[half", False),
        ("https://a.example/\u202eb", False),
        ("https://a.example/" + "b" * 600, False),
        ("https://[::1]:x/", True),
        ("", False),
        (None, False),
    ],
)
def test_addresses(text: str | None, *, is_kept: bool) -> None:
    """Only plain https addresses can be followed; none carries a user or a password."""
    assert https(text) == (text if is_kept else None)


@pytest.mark.parametrize(
    ("images", "level", "url", "is_there"),
    [
        (True, 1, "https://i.example/1.jpeg", True),
        (False, 1, "https://i.example/1.jpeg", False),
        (True, 2, "https://i.example/1.jpeg", False),
        (True, 16, "https://i.example/1.jpeg", False),
        (True, None, "https://i.example/1.jpeg", False),
        (True, 1, "http://i.example/1.jpeg", False),
    ],
)
def test_images(*, images: bool, level: int | None, url: str, is_there: bool) -> None:
    """An image is in the page only if it was asked for, and is of the lowest level."""
    row = shown(model(preview_url=url, preview_level=level), images=images)
    assert ("image" in row) is is_there


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("None", "no commercial use"),
        (
            "Image,Rent,RentCivit,Sell",
            "commercial use: images, renting, renting on Civitai, selling",
        ),
        ("Sell", "commercial use: selling"),
        ("apache-2.0", "apache-2.0"),
        ("Sell,more", "Sell,more"),
        (None, None),
    ],
)
def test_licences(text: str | None, read: str | None) -> None:
    """What CivitAI allows reads as a permission: its `None` would pass for no condition at all."""
    assert licence(text) == read


def test_a_list_that_is_missing() -> None:
    """A missing list has no count, and says why."""
    status = FilterStatus(
        state="missing", stale_since="2026-08-01", code=ErrorCode.TIMEOUT, consecutive_failures=3
    )
    row = listing_row(Listing(path="filter/a", label="a", state="missing", status=status))
    assert dict(zip(LISTING_FIELDS, row, strict=True)) == {
        "path": "filter/a",
        "choice": None,
        "state": "missing",
        "count": None,
        "label": None,
        "complete": None,
        "made": None,
        "since": "2026-08-01",
        "code": "TIMEOUT",
        "failures": 3,
    }


def test_a_list_that_is_there() -> None:
    """A fresh list needs few columns; a label of its own and completeness are among them."""
    manifest = Manifest(
        source="civitai",
        filter="filter/a",
        label="",
        models_file="",
        model_ids=("1", "2"),
        complete=True,
    )
    listing = Listing(
        path="filter/a", label="My own", state="unknown", manifest=manifest, choice=(1,)
    )
    assert listing_row(listing) == ["filter/a", (1,), "unknown", 2, 1, None, "My own"]
