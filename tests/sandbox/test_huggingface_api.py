"""Hugging Face's list answers as upstream does."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.sandbox.catalogue import DAY, HuggingFaceRow, JsonObject, to_iso
from manifests.sandbox.huggingface_api import HuggingFaceApi
from manifests.sandbox.recorded import Recorded
from manifests.sandbox.synthetic_huggingface import SyntheticHuggingFace
from manifests.sandbox.wire import Answer, Ask, Twist

NOW = 20_000 * DAY
ROW = HuggingFaceRow(
    place=0,
    id="acme/one-7b",
    key="01",
    tags=frozenset({"transformers", "license:mit"}),
    pipeline_tag="text-generation",
    library="transformers",
    gated=False,
    parameters=7_000_000_000,
    downloads=10,
    likes=1,
    modified=NOW,
    created=NOW,
    trending=1,
)
ROWS = [
    ROW,
    ROW._replace(id="acme/two", key="02", downloads=20, parameters=None, pipeline_tag=None),
    ROW._replace(id="acmeX/three", key="03", downloads=20, gated=True, library="gguf", likes=9),
    ROW._replace(id="other/four", key="04", tags=frozenset({"gguf"}), modified=NOW - 5, trending=7),
    ROW._replace(id="other/five", key="05", parameters=70_000_000_000, created=NOW - 5),
]


def record(row: HuggingFaceRow) -> JsonObject:
    """Return the record of *row*, with what only `expand` and `full` show."""
    usual: JsonObject = {"_id": row.key, "id": row.id, "modelId": row.id, "likes": row.likes}
    times = {"createdAt": to_iso(row.created), "lastModified": to_iso(row.modified)}
    return {**usual, **times, "gated": row.gated, "author": "x", "trendingScore": row.trending}


API = HuggingFaceApi(
    Recorded(
        [row._replace(place=place) for place, row in enumerate(ROWS)],
        [record(row) for row in ROWS],
        now=0,
    )
)


def asked(query: str, *, api: HuggingFaceApi = API, twist: Twist = Twist.NONE) -> Answer:
    """Return the answer to a list request."""
    target = f"/api/models?{query}"
    return api.answer(Ask.of_target(target, method="GET", headers={"host": "h"}), twist=twist)


def keys(query: str) -> list[str]:
    """Return the `_id`s of a page."""
    return [item["_id"] for item in orjson.loads(asked(query).body)]


def walk(query: str, *, api: HuggingFaceApi) -> list[str]:
    """Return the ids of all pages, following `Link` as it stands."""
    found: list[str] = []
    while True:
        answer = asked(query, api=api)
        found += [item["id"] for item in orjson.loads(answer.body)]
        link = dict(answer.headers).get("Link")
        if link is None:
            return found
        assert link.endswith('>; rel="next"')
        query = link.removesuffix('>; rel="next"').partition("?")[2]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sort=downloads", ["02", "03", "01", "04", "05"]),
        ("sort=likes", ["03", "01", "02", "04", "05"]),
        ("sort=lastModified", ["01", "02", "03", "05", "04"]),
        ("sort=createdAt", ["01", "02", "03", "04", "05"]),
        ("", ["04", "01", "02", "03", "05"]),
        ("filter=license:mit&filter=transformers", ["01", "02", "03", "05"]),
        ("filter=license:mit&filter=gguf", []),
        ("search=ACME&search=t", ["02", "03"]),
        ("author=acme", ["01", "02"]),
        ("pipeline_tag=text-generation", ["04", "01", "03", "05"]),
        ("library=gguf", ["04", "03"]),
        ("gated=true", ["03"]),
        ("gated=false&limit=2", ["04", "01"]),
        ("num_parameters=min:6B,max:13b", ["04", "01", "03"]),
        ("num_parameters=min:10B", ["05"]),
        ("num_parameters=max:8000M", ["04", "01", "03"]),
        ("offset=3&page=2", ["04", "01", "02", "03", "05"]),
    ],
)
def test_selection_and_order(query: str, found: list[str]) -> None:
    """Known parameters select and sort, `_id` breaks ties; unknown parameters are ignored."""
    assert keys(query) == found


def _cursor(value: object) -> str:
    """Return a cursor of our own making."""
    return base64.b64encode(orjson.dumps(value)).decode()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("sort=last_modified", "✖ Invalid sort parameter: last_modified"),
        ("limit=0", "✖ Invalid limit parameter: 0"),
        ("limit=1001", "✖ Invalid limit parameter: 1001"),
        ("gated=perhaps", "✖ Invalid gated parameter: perhaps"),
        ("expand=tags&expand=colour", "✖ Invalid expand parameter: colour"),
        ("num_parameters=6B", "✖ Invalid num_parameters parameter: 6B"),
        ("cursor=!", "✖ Invalid cursor"),
        ("cursor=bm8=", "✖ Invalid cursor"),
        (f"cursor={_cursor([])}", "✖ Invalid cursor"),
        (f"cursor={_cursor({'trendingScore': 1})}", "✖ Invalid cursor"),
        (f"cursor={_cursor({'_id': {'$gt': '01'}})}", "✖ Invalid cursor"),
        (f"sort=likes&cursor={_cursor({'downloads': 1, '_id': {'$gt': '1'}})}", "✖ Invalid cursor"),
        (f"sort=createdAt&cursor={_cursor({'createdAt': 1, '_id': {'$gt': '1'}})}", "✖ Invalid cu"),
        (f"sort=createdAt&cursor={_cursor({'createdAt': 'x', '_id': {'$gt': ''}})}", "✖ Invalid c"),
    ],
)
def test_refusals(query: str, text: str) -> None:
    """Invalid values are a 400 with one line."""
    answer = asked(query)
    assert answer.status == 400
    assert orjson.loads(answer.body)["error"].startswith(text)


def test_an_unknown_path_is_not_found() -> None:
    """All other paths are a 404 in JSON."""
    answer = API.answer(Ask(path="/api/whatever"))
    assert (answer.status, "error" in orjson.loads(answer.body)) == (404, True)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("sort=likes", {"_id", "id", "modelId", "likes", "createdAt"}),
        ("", {"_id", "id", "modelId", "likes", "createdAt", "trendingScore"}),
        ("expand=gated&expand=likes", {"_id", "id", "gated", "likes"}),
        ("expand[]=author", {"_id", "id", "author"}),
        ("expand=pipeline_tag", {"_id", "id"}),
        (
            "sort=likes&full=true",
            {"_id", "id", "modelId", "likes", "createdAt", "lastModified", "gated", "author"},
        ),
    ],
)
def test_properties(query: str, names: set[str]) -> None:
    """Without `expand` some properties never come; with it only the named ones do."""
    assert all(item.keys() == names for item in orjson.loads(asked(query).body))


def test_the_last_page_has_no_link() -> None:
    """The successor stands in `Link` alone, and only when there is one."""
    assert "Link" in dict(asked("limit=4").headers)
    assert "Link" not in dict(asked("limit=5").headers)


def test_twists() -> None:
    """An empty page has no successor; a looping one names itself."""
    empty = asked("limit=1", twist=Twist.EMPTY)
    assert (empty.body, "Link" in dict(empty.headers)) == (b"[]", False)
    first = dict(asked("limit=1", twist=Twist.LOOP).headers)["Link"]
    query = first.partition("?")[2].partition(">")[0]
    assert dict(asked(query, twist=Twist.LOOP).headers)["Link"] == first


SYNTHETIC = HuggingFaceApi(SyntheticHuggingFace(seed=3, models=250, day=NOW))
SORTS = ["downloads", "likes", "lastModified", "createdAt", "trendingScore"]


@given(st.sampled_from(SORTS), st.integers(20, 250))
def test_pages_add_up_to_the_listing(sort: str, limit: int) -> None:
    """The pages of any size hold each repository once, in one order."""
    found = walk(f"sort={sort}&expand=likes&limit={limit}", api=SYNTHETIC)
    assert found == walk(f"sort={sort}&expand=likes", api=SYNTHETIC)
    assert len(set(found)) == 250
