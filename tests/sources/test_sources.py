"""Hold what is true of every source: the registry, real pages, any bytes, the shipped filters."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manifests.errors import PageError
from manifests.filters import load_filters
from manifests.models import Filter, Query
from manifests.sources import SOURCES
from manifests.sources.base import Page, Reply, Source

ROOT = Path(__file__).parents[2]
RECORDED = ROOT.parent / "shared" / "recorded"
KEYS = st.sampled_from(
    [
        *("items", "metadata", "nextCursor", "nextPage", "error", "id", "name", "tags", "stats"),
        *("modelVersions", "files", "images", "sizeKB", "url", "publishedAt", "nsfwLevel", "nsfw"),
        *("creator", "username", "allowCommercialUse", "safetensors", "total", "gated", "private"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    LEAVES,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(KEYS, values, max_size=6),
    max_leaves=25,
)
BODIES = (
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.lists(JSON).map(lambda items: json.dumps({"items": items}).encode())
)


@pytest.fixture(params=sorted(SOURCES))
def source(request: pytest.FixtureRequest) -> Source:
    """Return each source in turn."""
    return SOURCES[request.param]


def read(source: Source, body: bytes, link: str = "") -> Page:
    """Return the page of a body."""
    query = Query(source=source.info.name, parameters=())
    return source.read(query, Reply(body=body, headers={"link": link}))


def test_sources_stand_under_their_own_names() -> None:
    """A definition's `source` finds the source of that name, and no two share files."""
    assert {name: source.info.name for name, source in SOURCES.items()} == {
        name: name for name in SOURCES
    }
    assert len({source.info.file_prefix for source in SOURCES.values()}) == len(SOURCES)


@pytest.mark.parametrize(
    ("name", "token", "fits"),
    [
        ("civitai", "0123456789abcdef0123456789abcdef", True),
        ("civitai", "too short", False),
        ("civitai", "0123456789abcdef\n", False),
        ("huggingface", "hf_abcdefghijklmnop", True),
        ("huggingface", "abcdefghijklmnop", False),
    ],
)
def test_tokens_have_a_form(
    *,
    name: str,
    token: str,
    fits: bool,
) -> None:
    """A token that was pasted in part, or of another host, is seen before it is sent."""
    assert bool(re.fullmatch(SOURCES[name].info.token_form or "", token)) is fits


def test_no_source_lets_a_filter_page_by_itself(source: Source) -> None:
    """Cursors, page sizes and tokens are ours to send, never a definition's."""
    forbidden = {"cursor", "limit", "page", "skip", "token", "favorites", "hidden", "expand"}
    assert not forbidden & source.info.parameters.keys()


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded responses are not beside the tree")
def test_every_recorded_page_is_read_whole(source: Source) -> None:
    """Of thousands of real records none is dropped; slugs are safe, texts are one line."""
    files = sorted((RECORDED / source.info.name).glob("*.json.gz"))
    pages = [read(source, gzip.decompress(file.read_bytes())) for file in files]
    entries = [entry for page in pages for entry in page.entries]
    assert len(entries) > 3000
    assert [page.dropped for page in pages if page.dropped] == []
    assert [e.model.id for e in entries if not re.fullmatch(r"[\w.-]+", e.model.slug)] == []
    assert [e.model.id for e in entries if "\n" in (e.model.description or "")] == []


@pytest.mark.parametrize("name", sorted(SOURCES))
@settings(max_examples=60)
@given(body=BODIES, link=st.text(st.sampled_from('<>;,="/? relnxtcuso'), max_size=40))
def test_any_bytes_are_a_page_or_refused(name: str, body: bytes, link: str) -> None:
    """Whatever comes over the wire, reading it ends in a page or in a `PageError`."""
    try:
        found = read(SOURCES[name], body, link)
    except PageError:
        found = Page()
    assert all(orjson.dumps(entry.model) for entry in found.entries)
    assert all(entry.model.id and entry.model.name for entry in found.entries)
    assert found.cursor != ""


@pytest.fixture(scope="module")
def shipped() -> tuple[Filter, ...]:
    """Return the filters of the shipped definitions."""
    return load_filters(ROOT / "filters", SOURCES)


@pytest.mark.parametrize(
    ("name", "filters", "queries"), [("civitai", 299, 120), ("huggingface", 31, 6)]
)
def test_the_shipped_filters_share_few_listings(
    shipped: tuple[Filter, ...], name: str, filters: int, queries: int
) -> None:
    """The definitions are valid, and many of their filters are selections from one listing."""
    own = [filter_ for filter_ in shipped if filter_.source == name]
    assert len(own) == filters
    assert len({SOURCES[name].resolve(filter_).query for filter_ in own}) == queries
