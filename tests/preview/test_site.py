"""The files of a site are few, small, shared, harmless, and the same for the same set."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypedDict, cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.models import Model
from manifests.preview.site import LISTINGS_IN_A_FILE, MODELS_IN_A_FILE, numbered, script
from manifests.store.published import Published

if TYPE_CHECKING:
    from pydantic import JsonValue
    from tests.preview.conftest import Builds, LaysOut, Publishes

    from manifests.preview.site import Site

EVIL = "</script><script>alert(1)</script>]]>\u2028\u2029&amp;"


class Source(TypedDict):
    """One source in the index."""

    listings: list[list[JsonValue]]
    models: int


def handed(site: Site, name: str) -> JsonValue:
    """Return what one of a site's scripts hands to the page."""
    match = re.fullmatch(
        rb'preview\.take\("([a-z0-9-]+)",(.*)\);\n', site.files[f"{name}.js"], re.DOTALL
    )
    assert match is not None
    assert match.group(1).decode() == name
    value: JsonValue = orjson.loads(match.group(2))
    return value


def rows(site: Site, name: str, files: int) -> list[list[JsonValue]]:
    """Return the rows of all files of one kind, of which there are so many."""
    assert f"{name}-{files}.js" not in site.files
    parts = (handed(site, f"{name}-{place}") for place in range(files))
    return [row for part in parts for row in cast("list[list[JsonValue]]", part)]


def lists(count: int, *, each: int = 3) -> dict[str, list[str]]:
    """Return so many lists of so many models; each has one that no list before it has."""
    return {
        f"filter/f{number}": [str(place) for place in range(number, number + each)]
        for number in range(count)
    }


def test_lists_name_models_by_number(publish: Publishes, site: Builds) -> None:
    """The numbers of a list lead to its models, in its order, whatever file they are in."""
    wanted = lists(400, each=5) | {"filter/reversed": [str(each) for each in range(399, -1, -1)]}
    made = site(publish(wanted))
    (source,) = cast("dict[str, list[Source]]", handed(made, "index"))["sources"]
    assert (len(source["listings"]), source["models"]) == (401, 404)
    numbers = rows(made, "civitai-lists", -(-401 // LISTINGS_IN_A_FILE))
    models = rows(made, "civitai-models", -(-404 // MODELS_IN_A_FILE))
    found = {
        str(listing[0]): [models[cast("int", number)][0] for number in listed]
        for listing, listed in zip(source["listings"], numbers, strict=True)
    }
    assert found == wanted


def test_a_model_stands_in_one_place(publish: Publishes, site: Builds) -> None:
    """Models are shared by all lists: a thousand lists of the same models cost their numbers."""
    few, many = (
        sum(map(len, site(publish({path: [*"abcdefgh"] for path in lists(count)})).files.values()))
        for count in (1, 1000)
    )
    assert (many - few) / 999 < 100


def test_only_listed_models_are_there(publish: Publishes, site: Builds) -> None:
    """A model that no list names is nowhere; one that the catalogue lacks is there by its id."""
    listed = publish({"filter/a": ["2", "1"]})
    catalogue = publish({"filter/a": ["1", "9"]}).catalogues
    made = site(Published(manifests=listed.manifests, catalogues=catalogue))
    found = rows(made, "civitai-models", 1)
    assert [row[:2] for row in found] == [["2", "2"], ["1", "Model 1"]]


def test_equal_sets_make_equal_bytes(publish: Publishes, site: Builds) -> None:
    """A site has no clock and no chance in it, and another set has another name."""
    first, second, other = (site(publish(lists(count))) for count in (5, 5, 6))
    assert first == second
    assert first.name != other.name
    assert first.name in first.page.decode()


def test_numbers_follow_the_lists(publish: Publishes, sections: LaysOut) -> None:
    """Models are numbered as the lists come to them, so that those of one list stand together."""
    (section,) = sections(publish({"filter/a": ["9", "3"], "filter/b": ["3", "1"]}))
    assert numbered(section.listings) == {"9": 0, "3": 1, "1": 2}


@given(st.recursive(st.text() | st.integers(0, 9), st.lists))
def test_no_script_ends_early(value: JsonValue) -> None:
    """Data stay data: no text ends a script, opens a comment or an entity, or breaks a line."""
    made = script("index", [value, EVIL])
    inner = made.removeprefix(b'preview.take("index",').removesuffix(b");\n")
    assert not re.search(rb"[<>&]", inner)
    assert not set(inner.decode()) & {"\u2028", "\u2029"}
    assert orjson.loads(inner) == [value, EVIL]


def test_hostile_text_is_in_no_page(publish: Publishes, site: Builds) -> None:
    """The page itself holds nothing of upstream's; data hold no markup."""
    evil = Model(id="1", source="civitai", slug="s", name=EVIL, author=EVIL, tags=(EVIL,))
    published = publish({"filter/a": ["1"]}, models=[evil])
    damaged = Published(
        manifests=published.manifests, catalogues=published.catalogues, damaged=(EVIL,)
    )
    made = site(damaged)
    assert b"alert" not in made.page
    assert b"alert" in made.files["civitai-models-0.js"]
    data = [text for name, text in made.files.items() if re.search(r"index|lists|models", name)]
    assert not any(b"<" in text for text in data)


@pytest.mark.parametrize(
    ("images", "policy"), [(False, "img-src 'self';"), (True, "img-src 'self' https:;")]
)
def test_images_are_allowed_only_on_request(
    publish: Publishes, site: Builds, *, images: bool, policy: str
) -> None:
    """The page may load images from elsewhere only if the command was told so."""
    page = site(publish(lists(1)), images=images).page.decode()
    assert policy in page


def test_the_page_has_no_inline_script_or_style(publish: Publishes, site: Builds) -> None:
    """All code is in files of its own, so that the policy forbids every other."""
    page = site(publish(lists(1))).page.decode()
    assert "script-src 'self'; style-src 'self'" in page
    assert "{" not in page
    assert re.search(r"<script(?! src=)|<style|\son\w+=|\sstyle=", page) is None
