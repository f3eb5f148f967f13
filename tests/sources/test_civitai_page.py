"""Hold that CivitAI's pages are read whole, odd records apart, and that no error passes for one."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import PageError
from manifests.sources.base import Dropped, Entry
from manifests.sources.civitai_page import read_page


def page(*items: object, **metadata: object) -> bytes:
    """Return the body of a page."""
    return json.dumps({"items": items, "metadata": metadata}).encode()


def item(**fields: object) -> dict[str, object]:
    """Return the least record that upstream sends, with *fields*."""
    return {"id": 7, "name": "Seven", **fields}


def read_one(**fields: object) -> Entry:
    """Return what becomes of one record."""
    (found,) = read_page(page(item(**fields))).entries
    return found


def with_images(*images: dict[str, object]) -> list[dict[str, object]]:
    """Return versions that hold one image each."""
    return [{"images": [{"type": "image", **image}]} for image in images]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"<!DOCTYPE html><p>502", "no complete JSON; it begins with “<!DOCTYPE html><p>502”"),
        (page(item())[:-20], "no complete JSON"),
        (b'\xff\xfe{"items"', "no complete JSON"),
        (b"[" * 100_000, "no complete JSON"),
        (b"[]", "no page of a listing"),
        (b"null", "no page of a listing"),
        (b"{}", "items: Field required"),
        (b'{"items": null}', "items: Input should be a valid list"),
        (b'{"items": [], "metadata": []}', "metadata: "),
        (b'{"error": "overloaded\\nfor now"}', "error as a good answer: “overloaded for now”"),
        (b'{"error": {"name": "ZodError", "message": "no"}}', "error as a good answer: “no”"),
        (b'{"message": "User not found"}', "error as a good answer: “User not found”"),
        (b'{"items": [], "error": "half done"}', "error as a good answer: “half done”"),
        (b'{"items": [], "error": true}', "it holds an error"),
        (page({"id": 1}, {"id": 2}), "none of 2 records can be read; first: name: Field required"),
    ],
)
def test_what_is_no_page_is_refused(body: bytes, cause: str) -> None:
    """A body that is no page raises, with one line that says what came instead."""
    with pytest.raises(PageError) as caught:
        read_page(body)
    assert cause in caught.value.cause
    assert "\n" not in caught.value.cause
    assert len(caught.value.cause) < 250


@pytest.mark.parametrize(
    ("odd", "record", "reason"),
    [
        ({"name": "no id"}, "#2", "id: Field required"),
        ({"id": True, "name": "bool"}, "#2", "id: Input should be a valid integer"),
        ({"id": "\u202e", "name": "text"}, "#2", "id: Input should be a valid integer"),
        ({"id": 8}, "8", "name: Field required"),
        (item(id=8, stats={"downloadCount": -1}), "8", "stats.downloadCount: Input should be"),
        (item(id=8, tags=[{"name": "old"}]), "8", "tags.0: Input should be a valid string"),
        (
            item(id=8, modelVersions=[{"files": [{"sizeKB": 1e400}]}]),
            "8",
            "sizeKB: Input should be",
        ),
        ("text", "#2", "Input should be"),
        (None, "#2", "Input should be"),
    ],
)
def test_an_odd_record_costs_only_itself(odd: object, record: str, reason: str) -> None:
    """The other records, their order and the cursor of the page are kept."""
    found = read_page(page(item(id=1), odd, item(id=3), nextCursor="c"))
    assert [entry.model.id for entry in found.entries] == ["1", "3"]
    assert found.cursor == "c"
    (dropped,) = found.dropped
    assert dropped.record == record
    assert reason in dropped.reason


def test_a_single_odd_record_is_no_proof_against_its_page() -> None:
    """A page of one unreadable record is an empty page, not a broken one."""
    found = read_page(page({"id": 9}))
    assert found.entries == ()
    assert found.dropped == (Dropped(record="9", reason="name: Field required"),)


@pytest.mark.parametrize(
    ("metadata", "cursor"),
    [
        ({}, None),
        ({"nextCursor": None}, None),
        ({"nextCursor": ""}, None),
        ({"nextCursor": "25631|769072|25694"}, "25631|769072|25694"),
        ({"nextCursor": 100}, "100"),
        ({"nextCursor": 0}, "0"),
        ({"nextPage": "https://elsewhere.example/x?limit=100&cursor=1%7C2%20a"}, "1|2 a"),
        ({"nextCursor": "a", "nextPage": "https://elsewhere.example/?cursor=b"}, "a"),
        ({"nextPage": ""}, None),
    ],
)
def test_only_the_cursor_is_taken_from_metadata(
    metadata: dict[str, object], cursor: str | None
) -> None:
    """A page never says where to ask, only how far the listing was read."""
    assert read_page(page(item(), **metadata)).cursor == cursor


@pytest.mark.parametrize("url", ["https://civitai.com/?page=2", "http://[", "?cursor="])
def test_a_next_page_without_a_cursor_is_refused(url: str) -> None:
    """A listing that goes on, but can't be followed, must not look as if it had ended."""
    with pytest.raises(PageError, match="holds no cursor"):
        read_page(page(item(), nextPage=url))


def test_missing_metadata_ends_a_listing() -> None:
    """The last page may have no metadata, or null."""
    assert read_page(b'{"items": []}').cursor is None
    assert read_page(b'{"items": [], "metadata": null}').entries == ()


def test_half_a_surrogate_pair_costs_one_character() -> None:
    """JavaScript may cut an emoji in two; neither its record nor its page is lost."""
    found = read_page(page(item(name="half \ud83d", tags=["\udc00"]), item(id=8)))
    assert [entry.model.name for entry in found.entries] == ["half", "Seven"]


@pytest.mark.parametrize("cursor", ["\ud800", "a\nb", True, 1.5, ["a"]])
def test_a_cursor_that_can_not_be_sent_is_refused(cursor: object) -> None:
    """A listing must not end where its cursor is unusable."""
    with pytest.raises(PageError, match=r"metadata\.nextCursor"):
        read_page(page(item(), nextCursor=cursor))


def test_duplicates_within_a_page_stay() -> None:
    """Folding is the listing's work; a page tells what it was sent."""
    assert len(read_page(page(item(), item())).entries) == 2


def test_the_least_record_invents_nothing() -> None:
    """What upstream leaves out is null or empty."""
    model = read_one().model
    left_out = {each.name for each in fields(model)} - {"id", "source", "slug", "name", "url"}
    assert {getattr(model, name) or None for name in left_out} == {None}
    assert (model.id, model.slug, model.url) == ("7", "seven", "https://civitai.com/models/7")


def test_nulls_read_as_left_out() -> None:
    """A key with null says no more than a key that is not there."""
    keys = (
        "description type nsfw nsfwLevel mode allowCommercialUse tags creator stats modelVersions"
    )
    assert read_one(**dict.fromkeys(keys.split())) == read_one()
    empty = {"files": None, "images": None, "baseModel": None, "publishedAt": None}
    assert read_one(modelVersions=[empty], creator={"username": None}) == read_one()


def test_names_are_cleaned_and_ids_are_not() -> None:
    """Hidden characters leave names, authors and tags; what is then empty is left out."""
    model = read_one(
        name="\u200b a \n\u202e/ b ",
        creator={"username": "x\x00y"},
        tags=["t\u200bag", "tag", "\u200b", " b  c "],
    ).model
    assert (model.name, model.slug, model.author) == ("a / b", "a-b", "xy")
    assert model.tags == ("tag", "b c")
    assert read_one(name="\u200b").model.name == "7"
    assert read_one(name="小馬").model.slug == "7"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("None", "None"),
        ("Sell", "Sell"),
        ([], "None"),
        ("{}", "None"),
        ("{RentCivit,Image}", "Image,RentCivit"),
        ('{"Rent","Image"}', "Image,Rent"),
        (["RentCivit", "Image", "Image"], "Image,RentCivit"),
    ],
)
def test_commercial_use_is_a_set(value: object, text: str) -> None:
    """All shapes of the field since 2022 come out in one form and order."""
    assert read_one(allowCommercialUse=value).model.license == text


@pytest.mark.parametrize(
    ("images", "preview"),
    [
        ([], (None, None)),
        ([{"url": "https://a", "nsfwLevel": 4}, {"url": "https://b", "nsfwLevel": 1}], ("b", 1)),
        ([{"url": "https://a", "nsfwLevel": 2}, {"url": "https://b", "nsfwLevel": 2}], ("a", 2)),
        ([{"url": "https://a", "nsfwLevel": 1, "type": "video"}], (None, None)),
        ([{"url": "https://a", "nsfwLevel": 1, "type": None}], ("a", 1)),
        ([{"url": "https://a", "nsfwLevel": 0}], (None, None)),
        ([{"url": "https://a", "nsfwLevel": 32}], (None, None)),
        ([{"url": "https://a", "nsfwLevel": 33}], (None, None)),
        ([{"url": "https://a", "nsfwLevel": 3}], ("a", 2)),
        ([{"url": "https://a", "nsfw": "Soft"}, {"url": "https://b", "nsfw": "None"}], ("b", 1)),
        ([{"url": "https://a", "nsfw": "Mature"}], ("a", 4)),
        ([{"url": "https://a", "nsfw": "X"}], ("a", 8)),
        ([{"url": "https://a", "nsfw": True}], ("a", 8)),
        ([{"url": "https://a", "nsfw": False}], ("a", 1)),
        ([{"url": "https://a", "nsfw": ["?"]}], (None, None)),
        ([{"url": "https://a"}], (None, None)),
        ([{"url": "javascript:x", "nsfwLevel": 1}], (None, None)),
        ([{"url": "blob:https://a", "nsfwLevel": 1}], (None, None)),
        ([{"url": "https://a b", "nsfwLevel": 1}, {"url": None, "nsfwLevel": 1}], (None, None)),
    ],
)
def test_the_preview_is_the_image_of_the_lowest_level(
    images: list[dict[str, object]], preview: tuple[str | None, int | None]
) -> None:
    """Only rated, unblocked stills under a web address may stand for a model."""
    model = read_one(modelVersions=with_images(*images)).model
    url = model.preview_url and model.preview_url.removeprefix("https://")
    assert (url, model.preview_level) == preview


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, 0, 1, 2, 3, 4, 8, 16, 32]),
            st.sampled_from(["https://a", "https://b", "https://c", "blob:d"]),
            st.sampled_from(["image", "video", None]),
        )
    )
)
def test_no_image_is_milder_than_the_preview(
    images: list[tuple[int | None, str, str | None]],
) -> None:
    """To stop at the first of the lowest level finds what sorting all of them would find."""
    highest_bits = {1: 1, 2: 2, 3: 2, 4: 4, 8: 8, 16: 16}
    stills = [
        (highest_bits[level], url)
        for level, url, kind in images
        if level in highest_bits and url.startswith("https://") and kind != "video"
    ]
    fields: list[dict[str, object]] = [
        {"nsfwLevel": level, "url": url, "type": kind} for level, url, kind in images
    ]
    model = read_one(modelVersions=with_images(*fields)).model
    mildest = min(stills, key=lambda each: each[0], default=(None, None))
    assert (model.preview_level, model.preview_url) == mildest


def test_a_model_taken_down_shows_nothing() -> None:
    """Upstream still lists it, but its images are not ours to show."""
    versions = with_images({"url": "https://a", "nsfwLevel": 1})
    assert read_one(mode="TakenDown", modelVersions=versions).model.preview_url is None
    assert read_one(mode="Archived", modelVersions=versions).model.preview_url == "https://a"


def test_versions_fold_into_their_model() -> None:
    """Base models keep their order, formats are sorted, dates are compared as times."""
    model = read_one(
        modelVersions=[
            {
                "baseModel": "SDXL 1.0",
                "publishedAt": "2024-05-01T01:00:00+02:00",
                "files": [
                    {"sizeKB": 1.5, "metadata": {"format": "SafeTensor"}},
                    {"sizeKB": 2.5, "primary": True, "metadata": {"format": "PickleTensor"}},
                ],
            },
            {"baseModel": "SD 1.5", "createdAt": "2024-04-30T23:30:00", "files": [{"sizeKB": 9}]},
            {"baseModel": "SDXL 1.0", "publishedAt": "soon", "files": [{"metadata": {}}]},
        ]
    ).model
    assert model.base_models == ("SDXL 1.0", "SD 1.5")
    assert model.file_formats == ("PickleTensor", "SafeTensor")
    assert model.size_bytes == 2560
    assert model.created_at == "2024-05-01T01:00:00+02:00"
    assert model.updated_at == "2024-04-30T23:30:00"


@pytest.mark.parametrize(
    ("files", "size"),
    [([], None), ([{}], None), ([{"sizeKB": 3}], 3072), ([{"sizeKB": 3}, {"primary": True}], None)],
)
def test_the_size_is_the_primary_file_s(files: list[object], size: int | None) -> None:
    """Without a primary file the first one counts; a size that is not told is null."""
    assert read_one(modelVersions=[{"files": files}]).model.size_bytes == size


@pytest.mark.parametrize(
    ("stats", "downloads", "likes"),
    [
        ({}, None, None),
        ({"downloadCount": None, "thumbsUpCount": 5}, None, 5),
        ({"downloadCount": 3, "favoriteCount": 4}, 3, 4),
        ({"thumbsUpCount": 0, "favoriteCount": 4}, None, 0),
    ],
)
def test_hidden_counters_are_null(
    stats: dict[str, object], downloads: int | None, likes: int | None
) -> None:
    """A creator may hide counters, and likes were favourites once."""
    found = read_one(stats=stats).stats
    assert (found.downloads, found.likes) == (downloads, likes)
