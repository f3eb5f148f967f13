"""CivitAI's list answers as upstream does, mistakes included."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.sandbox.catalogue import DAY, CivitaiRow, JsonObject, to_iso
from manifests.sandbox.civitai_api import CivitaiApi
from manifests.sandbox.recorded import Recorded
from manifests.sandbox.synthetic_civitai import SyntheticCivitai
from manifests.sandbox.wire import Answer, Ask, Twist

NOW = 20_000 * DAY
ROW = CivitaiRow(
    place=0,
    id=1,
    name="Plain",
    type="LORA",
    base_models=("SD 1.5",),
    level=1,
    minor=False,
    hidden=False,
    last_version=NOW - 400 * DAY,
    downloads=10,
    thumbs=10,
    comments=10,
    collected=10,
    images=10,
    username="ann",
    tags=("style",),
)
ROWS = [
    ROW,
    ROW._replace(id=2, type="Checkpoint", base_models=("SDXL 1.0", "SD 1.5"), downloads=90),
    ROW._replace(id=3, level=28, last_version=NOW - DAY, username="bob", downloads=80),
    ROW._replace(id=4, level=31, minor=True, last_version=NOW - 6 * DAY, thumbs=40),
    ROW._replace(id=5, hidden=True, last_version=NOW - 20 * DAY, thumbs=30),
    ROW._replace(id=6, name="Dragon", tags=("style", "anime"), last_version=NOW - 90 * DAY),
    ROW._replace(id=7, type="VAE", base_models=(), last_version=-1, name="dragon / two"),
]


def record(row: CivitaiRow) -> JsonObject:
    """Return a record with a version for each base model, with images old and new."""
    images = [{"nsfwLevel": 1}, {"nsfwLevel": 8}, {"nsfw": "None"}, {"nsfw": "Soft"}]
    files = [{"name": "config"}, {"name": "weights", "primary": True}]
    versions = [{"baseModel": base, "images": images, "files": files} for base in row.base_models]
    return {"id": row.id, "name": row.name, "modelVersions": versions}


def placed(rows: list[CivitaiRow]) -> CivitaiApi:
    """Return the API over *rows*, each with its record."""
    at = [row._replace(place=place) for place, row in enumerate(rows)]
    return CivitaiApi(Recorded(at, [record(row) for row in at], now=NOW))


API = placed(ROWS)


def asked(
    query: str, *, api: CivitaiApi = API, twist: Twist = Twist.NONE, **headers: str
) -> Answer:
    """Return the answer to a list request."""
    target = f"/api/v1/models?{query}"
    return api.answer(Ask.of_target(target, method="GET", headers=headers), twist=twist)


def page(query: str, *, api: CivitaiApi = API, twist: Twist = Twist.NONE) -> tuple[list[int], str]:
    """Return the ids of a page, and its cursor or an empty text."""
    body = orjson.loads(asked(query, api=api, twist=twist).body)
    return [item["id"] for item in body["items"]], body["metadata"].get("nextCursor", "")


def walk(query: str, *, api: CivitaiApi) -> list[list[int]]:
    """Return the ids of all pages of a listing."""
    pages, cursor = [], ""
    while True:
        ids, cursor = page(f"{query}&cursor={cursor}" if cursor else query, api=api)
        pages.append(ids)
        if not cursor:
            return pages


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [4, 2, 1, 6, 7]),
        ("nsfw=false", [4, 2, 1, 6, 7]),
        ("nsfw=true", [2, 3, 1, 6, 7]),
        ("nsfw=ENABLED", [2, 3, 1, 6, 7]),
        ("types=Checkpoint", [2]),
        ("types=Checkpoint&types=VAE", [2, 7]),
        ("types[]=Checkpoint", [4, 2, 1, 6, 7]),
        ("baseModels=SDXL 1.0", [2]),
        ("baseModels=sdxl 1.0", []),
        ("baseModel=SDXL 1.0", [4, 2, 1, 6, 7]),
        ("baseModels=Nothing", []),
        ("sort=Most Downloaded", [2, 4, 1, 6, 7]),
        ("sort=Most Downloaded&nsfw=1", [2, 3, 1, 6, 7]),
        ("sort=Newest", [4, 6, 2, 1, 7]),
        ("sort=Oldest", [7, 1, 2, 6, 4]),
        ("period=Day&nsfw=true", [3]),
        ("period=Week", [4]),
        ("period=Month", [4]),
        ("period=Year", [4, 6]),
        ("tag=ANIME", [6]),
        ("tagname=anime", [6]),
        ("tag=no such tag", [4, 2, 1, 6, 7]),
        ("username=Bob&nsfw=true", [3]),
        ("ids=6,2", [2, 6]),
        ("ids=6&ids=2", [2, 6]),
        ("nsfwLevel=4", [4, 2, 1, 6, 7]),
        ("limit=0", [4]),
        ("limit=", [4]),
        ("page=3&limit=100", [4, 2, 1, 6, 7]),
        ("query=DRAGON", [6, 7]),
        ("query=dragon&types=VAE", [7]),
        ("query=dragon&tag=anime", [6]),
        ("supportsGeneration=false", [4, 2, 1, 6, 7]),
    ],
)
def test_selection_and_order(query: str, ids: list[int]) -> None:
    """Known parameters select and sort; unknown ones, and unknown tags, are ignored."""
    assert page(query) == (ids, "")


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("limit=101", 400, b"ZodError"),
        ("limit=-1", 400, b"limit"),
        ("limit=many", 400, b"limit"),
        ("limit=1&limit=2", 400, b"limit"),
        ("types=LORA,Checkpoint", 400, b"types"),
        ("types=lora", 400, b"types"),
        ("sort=Most Buzz", 400, b"sort"),
        ("period=Decade", 400, b"period"),
        ("nsfw=Soft", 400, b"nsfw"),
        ("checkpointType=Standard", 400, b"checkpointType"),
        ("ids=1,x", 400, b"ids"),
        ("page=0", 400, b"page"),
        ("page=1&query=x", 400, b"page"),
        ("page=11", 429, b"please use cursors instead"),
        ("username=nobody", 404, b'{"message":"User not found"}'),
        ("cursor=1", 400, b'{"message":"Invalid cursor: 1"}'),
        ("cursor=a|b|c", 400, b"Invalid cursor"),
        ("sort=Newest&cursor=yesterday|1", 400, b"Invalid cursor"),
        ("query=x&cursor=-1", 400, b"Invalid cursor"),
        ("favorites=false", 401, b'{"error":"Unauthorized"}'),
        ("hidden=", 401, b"Unauthorized"),
    ],
)
def test_refusals(query: str, status: int, text: bytes) -> None:
    """Invalid values are refused in upstream's own shapes."""
    answer = asked(query)
    assert (answer.status, text in answer.body) == (status, True)


def test_validation_errors_are_json_in_json() -> None:
    """A 400 holds the issues of zod as text."""
    error = orjson.loads(asked("limit=101&sort=x").body)["error"]
    assert error["name"] == "ZodError"
    assert {issue["path"][0] for issue in orjson.loads(error["message"])} == {"limit", "sort"}


def test_a_token_admits_favourites_and_skips_the_edge() -> None:
    """With a token `favorites` is no error, and no public cache holds the answer."""
    answer = asked("favorites=true", authorization="Bearer made-up")
    assert answer.status == 200
    assert "private" in dict(answer.headers)["Cache-Control"]


@pytest.mark.parametrize("query", ["", "limit=101"])
def test_the_edge_keeps_pages_and_errors(query: str) -> None:
    """Anonymous answers are public for five minutes, errors too: upstream's errors stick."""
    header = ("Cache-Control", "public, s-maxage=300, stale-while-revalidate=150")
    assert header in asked(query).headers


def test_the_next_page_is_on_the_host_that_was_asked() -> None:
    """`nextPage` is built from the Host header and repeats the question."""
    body = orjson.loads(asked("limit=1&types=LORA&types=VAE", host="proxy:81").body)
    url = urlsplit(body["metadata"]["nextPage"])
    assert url.netloc == "proxy:81"
    assert parse_qsl(url.query) == [
        ("limit", "1"),
        ("types", "LORA"),
        ("types", "VAE"),
        ("cursor", body["metadata"]["nextCursor"]),
    ]


def test_a_page_may_be_short_or_empty_before_the_end() -> None:
    """Rows without a visible version are dropped after the limit; only no cursor ends a listing."""
    assert walk("limit=1", api=API) == [[4], [], [2], [1], [6], [7]]


def test_newest_loses_the_row_of_each_cursor() -> None:
    """`sort=Newest` skips one model at each boundary: the last token of the cursor is its id."""
    first, cursor = page("sort=Newest&limit=2")
    assert first == [4]
    assert cursor == f"{to_iso(NOW - 90 * DAY)}|6"
    assert page(f"sort=Newest&limit=2&cursor={cursor}")[0] == [2, 1]


def test_a_cursor_holds_its_place_when_rows_vanish() -> None:
    """Cursors are keysets: the row that one names may be gone, and nothing else is lost."""
    _, cursor = page("limit=2")
    rest = placed([row for row in ROWS if row.id != 2])
    assert page(f"limit=9&cursor={cursor}", api=rest)[0] == [1, 6, 7]


def test_a_search_pages_by_offset_and_selects_after_the_limit() -> None:
    """With `query` the cursor is a number, and a page may be empty before the end."""
    assert page("query=dragon&limit=1") == ([6], "1")
    assert page("query=dragon&limit=1&cursor=1") == ([7], "")
    assert page("query=dragon&limit=1&tag=no") == ([6], "1")
    assert page("query=a&types=LORA&username=bob&limit=1&nsfw=true") == ([], "1")


def test_page_only_adds_to_the_metadata() -> None:
    """`page` changes no row."""
    body = orjson.loads(asked("page=2&limit=5").body)
    assert (body["metadata"]["currentPage"], body["metadata"]["pageSize"]) == (2, 5)


@pytest.mark.parametrize(
    ("query", "images", "files"),
    [
        ("nsfw=true", 4, 2),
        ("", 2, 2),
        ("nsfw=true&primaryFileOnly=true", 4, 1),
    ],
)
def test_versions_are_cut(query: str, images: int, files: int) -> None:
    """Images are cut to PG unless all levels are asked for; files to the primary one if asked."""
    item = orjson.loads(asked(f"{query}&ids=1").body)["items"][0]
    version = item["modelVersions"][0]
    assert (len(version["images"]), len(version["files"])) == (images, files)


def test_only_versions_of_the_asked_base_models_come() -> None:
    """A base model cuts the versions of what it selects, and the next question starts anew."""

    def bases(query: str) -> list[str]:
        item = orjson.loads(asked(query).body)["items"][0]
        return [version["baseModel"] for version in item["modelVersions"]]

    assert bases("ids=2&baseModels=SD 1.5") == ["SD 1.5"]
    assert bases("ids=2") == ["SDXL 1.0", "SD 1.5"]


def test_twists() -> None:
    """An empty page has no successor; a looping one names itself."""
    assert page("limit=1", twist=Twist.EMPTY) == ([], "")
    _, cursor = page("limit=1", twist=Twist.LOOP)
    assert cursor
    assert page(f"limit=1&cursor={cursor}", twist=Twist.LOOP)[1] == cursor


def test_enums_and_unknown_paths() -> None:
    """The values that upstream knows can be asked for; what is not there is a 404."""
    enums = API.answer(Ask(path="/api/v1/enums"))
    assert "LORA" in orjson.loads(enums.body)["ModelType"]
    assert orjson.loads(enums.body)["BaseModel"] == ["SD 1.5", "SDXL 1.0"]
    assert API.answer(Ask(path="/api/v1/nothing")).status == 404


SYNTHETIC = CivitaiApi(SyntheticCivitai(seed=3, models=250, day=NOW))
SORTS = ["Highest Rated", "Most Downloaded", "Most Discussed", "Most Images", "Oldest"]


@given(sort=st.sampled_from(SORTS), limit=st.integers(7, 100), nsfw=st.booleans())
def test_pages_add_up_to_the_listing(sort: str, limit: int, *, nsfw: bool) -> None:
    """Except for `Newest`, the pages of any size hold each model once, in one order."""
    query = f"sort={sort}&nsfw={nsfw}"
    small = [id_ for ids in walk(f"{query}&limit={limit}", api=SYNTHETIC) for id_ in ids]
    large = [id_ for ids in walk(f"{query}&limit=100", api=SYNTHETIC) for id_ in ids]
    assert small == large
    assert len(set(small)) == len(small)
