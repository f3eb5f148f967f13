"""Hold how definition files become filters: reading, the matrix, overrides, the shipped ones."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.definitions import DefinitionFile, Definitions, FacetDefinition
from manifests.errors import DefinitionError
from manifests.filters import expand, load_filters
from manifests.sources import SOURCES

if TYPE_CHECKING:
    from manifests.models import Filter

ROOT = Path(__file__).parents[1]
SAFE = re.compile(r"filter(/[a-z0-9][a-z0-9._-]*)+")
GOOD = """
source = "civitai"
sort = "Most Downloaded"
limit = 50
skip_models = [7]
known_base_models = ["Brand New"]
exclude = ["pg/day"]

[[facets]]
name = "nsfw"
default = "all"
slugs = { all = "XXX", pg = "None" }

[[facets]]
name = "period"
default = "all"
slugs = { all = "AllTime", day = "Day" }

[[facets]]
name = "base_model"
default = "all"
slugs = { all = [], new = ["Brand New"] }

[overrides."filter/day"]
limit = 10
label = "Today"
allow_empty = true

[[filters]]
path = "filter/by-someone"
parameters = { username = "someone", ids = [1, 2] }
sort = "Newest"
limit = 5
allow_empty = true
"""


def write(folder: Path, **texts: str) -> Path:
    """Write definition files by their stems; return their folder."""
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def refused(folder: Path) -> DefinitionError:
    """Return how a folder of definitions is refused."""
    with pytest.raises(DefinitionError) as caught:
        load_filters(folder, SOURCES)
    return caught.value


@pytest.fixture
def loaded(tmp_path: Path) -> dict[str, Filter]:
    """Return the filters of a good file, by path."""
    return {made.path: made for made in load_filters(write(tmp_path, good=GOOD), SOURCES)}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Whoever runs in the wrong folder learns which flag names the right one."""
    error = refused(tmp_path / "none")
    assert error.problems == (f"{tmp_path / 'none'}: is no folder",)
    assert "--filters" in error.next_step


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    """A folder without definitions is a mistake, not a run of no filters."""
    write(tmp_path)
    assert refused(tmp_path).problems == (f"{tmp_path}: holds no *.toml file",)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'source = "civitai\n', r"Illegal character '\n' (at line 1, column 18)"),
        (b'source = "civitai"\nsort =\n', "Invalid value (at line 2, column 7)"),
        (b"a = 1\na = 2\n", "Cannot overwrite a value (at line 2, column 6)"),
        (b'source = "\xff"\n', "byte 11 is no UTF-8"),
    ],
)
def test_broken_toml_is_named_by_line(tmp_path: Path, data: bytes, line: str) -> None:
    """A file that is no TOML says where it stops being one."""
    path = tmp_path / "a.toml"
    path.write_bytes(data)
    assert refused(tmp_path).problems == (f"{path}: {line}",)


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """What the disk refuses is told once, with the disk's reason."""
    (tmp_path / "a.toml").mkdir()
    assert refused(tmp_path).problems == (f"{tmp_path / 'a.toml'}: can't be read: Is a directory",)


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """One look at the message is enough to mend everything, and nothing was sent."""
    write(
        tmp_path,
        a="nonsense",
        b='source = "nowhere"',
        c=GOOD.replace("limit = 50", "limits = 50\nknown_base_model = 1"),
        d=GOOD.replace("pg/day", "day/pg").replace("filter/day", "filter/days"),
        e=f"unknown_size = 1.5\n{GOOD.replace('civitai', 'huggingface')}".replace("= 50", "= 0"),
    )
    error = refused(tmp_path)
    assert [line.removeprefix(str(tmp_path))[1:7] for line in error.problems] == [
        *("a.toml", "b.toml", "c.toml", "c.toml", "e.toml", "e.toml"),
        *("e.toml", "d.toml", "d.toml"),
    ]
    assert str(error) == "\n".join(error.problems)
    assert "nothing was sent" in error.next_step


def test_two_files_of_one_source_are_refused(tmp_path: Path) -> None:
    """Their paths would meet in one set of files."""
    write(tmp_path, a=GOOD, b=GOOD)
    assert refused(tmp_path).problems == (
        f"{tmp_path / 'b.toml'}: source 'civitai' stands in {tmp_path / 'a.toml'} too",
    )


def test_a_byte_order_mark_is_overlooked(tmp_path: Path) -> None:
    """Some editors write one, and no one sees it."""
    (tmp_path / "a.toml").write_text(GOOD, encoding="utf-8-sig")
    assert load_filters(tmp_path, SOURCES)


def test_the_matrix_comes_in_order_then_the_explicit_ones(loaded: dict[str, Filter]) -> None:
    """The product of the facets, less the all-default one and the excluded ones."""
    assert list(loaded) == [
        *("filter/new", "filter/day", "filter/day/new", "filter/pg", "filter/pg/new"),
        *("filter/pg/day/new", "filter/by-someone"),
    ]


def test_a_filter_of_the_matrix_knows_all_its_values(loaded: dict[str, Filter]) -> None:
    """Defaults are values too: only the path leaves them out."""
    made = loaded["filter/pg/new"]
    assert made.values == {"nsfw": "None", "period": "AllTime", "base_model": ("Brand New",)}
    assert (made.label, made.limit, made.sort) == ("pg / new", 50, "Most Downloaded")
    assert (made.skip_models, made.allow_empty, made.parameters) == (("7",), False, {})


def test_an_override_changes_only_what_it_names(loaded: dict[str, Filter]) -> None:
    """All else of that filter, and all of its neighbours, stays as the file has it."""
    made, neighbour = loaded["filter/day"], loaded["filter/day/new"]
    assert (made.limit, made.label, made.allow_empty) == (10, "Today", True)
    assert made.values["period"] == "Day"
    assert (neighbour.limit, neighbour.label, neighbour.allow_empty) == (50, "day / new", False)


def test_an_explicit_filter_speaks_upstream_s_words(loaded: dict[str, Filter]) -> None:
    """Its parameters are upstream's own, as a query spells them."""
    made = loaded["filter/by-someone"]
    assert made.parameters == {"username": "someone", "ids": ("1", "2")}
    assert (made.label, made.limit, made.sort) == ("by-someone", 5, "Newest")
    assert (made.skip_models, made.allow_empty, made.values) == (("7",), True, {})


def test_options_travel_with_each_filter(tmp_path: Path) -> None:
    """A source's own setting reaches its rules; lists serve validation alone."""
    head = 'source = "huggingface"\nsort = "likes"\nunknown_size = "large"'
    text = f'{head}\n[[filters]]\npath = "filter/a"'
    assert load_filters(write(tmp_path, a=text), SOURCES)[0].options == {"unknown_size": "large"}


@pytest.fixture(scope="module")
def shipped() -> tuple[Filter, ...]:
    """Return the filters of the shipped definitions."""
    return load_filters(ROOT / "filters", SOURCES)


def test_the_shipped_paths(shipped: tuple[Filter, ...]) -> None:
    """299 filters of CivitAI's, then 31 of Hugging Face's, from the known first to the last."""
    paths = [made.path for made in shipped]
    assert [made.source for made in shipped] == ["civitai"] * 299 + ["huggingface"] * 31
    assert (paths[0], paths[298]) == ("filter/sdxl", "filter/x/year/loras/sd21")
    assert (paths[299], paths[329]) == ("filter/apache", "filter/likes/large/other")
    assert {"filter/x/week/sd21", "filter/pg/day/loras/sd21"} <= set(paths[:299])


def test_shipped_files_do_not_clash(shipped: tuple[Filter, ...]) -> None:
    """No two are one file, also where the disk does not tell case apart."""
    stems = {(made.source, made.path.replace("/", "-").casefold()) for made in shipped}
    assert len(stems) == len(shipped)


SLUGS = st.lists(st.from_regex(r"[a-z0-9][a-z0-9._]{0,6}", fullmatch=True), min_size=1, max_size=4)


@given(matrix=st.lists(SLUGS, min_size=1, max_size=4))
def test_a_matrix_is_its_product_less_one(matrix: list[list[str]]) -> None:
    """Whatever the facets, no combination is lost or made twice, and every path is safe."""
    # Slugs of different facets are kept apart by their number, as validation demands.
    facets = tuple(
        FacetDefinition(
            name=f"facet {number}",
            default=f"{number}{slugs[0]}",
            slugs={f"{number}{slug}": slug for slug in slugs},
        )
        for number, slugs in enumerate(matrix)
    )
    file = DefinitionFile(source="any", sort="any", facets=facets)
    filters = expand(Definitions(origin="here", file=file, options={}))
    assert len(filters) == math.prod(len(facet.slugs) for facet in facets) - 1
    assert len({made.path for made in filters}) == len(filters)
    assert [made.path for made in filters if not SAFE.fullmatch(made.path)] == []
    assert all(made.values.keys() == {facet.name for facet in facets} for made in filters)
