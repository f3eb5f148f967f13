"""Hold what a person is told about broken definitions: where, what, and the nearest right name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import DefinitionError
from manifests.filters import load_filters
from manifests.sources import SOURCES
from manifests.validation import nearest, quoted, unknown

if TYPE_CHECKING:
    from pathlib import Path

HEAD = 'source = "civitai"\nsort = "Most Downloaded"\n'
NSFW = '[[facets]]\nname = "nsfw"\ndefault = "all"\nslugs = { all = "XXX", pg = "None" }\n'
GOOD = HEAD + NSFW
UNSAFE = "is not safe in a path: use only a-z 0-9 . _ -, with a letter or digit first"
NO_PATH = (
    "is not safe in a path: use only filter/ and words of a-z 0-9 . _ -,"
    " with a letter or digit first"
)
LIMITS = "takes a whole number from 1 to 10000"
A_VALUE = "takes text, a whole number, true, false or a list"
LEVELS = "'Mature', 'None', 'Soft', 'X', 'XXX'"
NEW_ONES = "(upstream's new ones go into known_base_models)"


def facet(name: str, slugs: str, default: str = "all") -> str:
    """Return the TOML of a facet."""
    return f'[[facets]]\nname = "{name}"\ndefault = "{default}"\nslugs = {slugs}\n'


def explicit(*lines: str, path: str = '"filter/a"') -> str:
    """Return the TOML of an explicit filter."""
    return "\n".join(["[[filters]]", f"path = {path}", *lines, ""])


def override(line: str, path: str = "filter/pg") -> str:
    """Return the TOML of an override."""
    return f'[overrides."{path}"]\n{line}\n'


def problems(folder: Path, text: str) -> list[str]:
    """Return what is wrong with one file, without its name and its lines."""
    path = folder / "some.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_filters(folder, SOURCES)
    assert all(line.startswith(f"{path}: ") for line in caught.value.problems)
    found = [line.removeprefix(f"{path}: ") for line in caught.value.problems]
    return [re.sub(r" \(line \d+\): ", ": ", line, count=1) for line in found]


KEYS = [
    (
        f"limits = 3\n{GOOD}",
        ["limits: unknown key 'limits'; did you mean 'limit'?"],
    ),
    (
        f'known_base_model = ["a"]\n{GOOD}',
        ["known_base_model: unknown key 'known_base_model'; did you mean 'known_base_models'?"],
    ),
    (
        f'unknown_size = "small"\n{GOOD}',  # another source's own
        ["unknown_size: unknown key 'unknown_size'"],
    ),
    (
        f"{GOOD}defaults = 3\n",
        ["facets[0].defaults: unknown key 'defaults'; did you mean 'default'?"],
    ),
    (
        f"{GOOD}colour = 3\n",
        ["facets[0].colour: unknown key 'colour'; known: 'default', 'name', 'slugs'"],
    ),
    (
        GOOD + override("alow_empty = true"),
        [
            (
                "overrides.\"filter/pg\".alow_empty: unknown key 'alow_empty';"
                " did you mean 'allow_empty'?"
            )
        ],
    ),
    (
        GOOD + explicit('params = { tag = "a" }'),
        ["filters[0].params: unknown key 'params'; did you mean 'parameters'?"],
    ),
    (
        f"{GOOD}[[filters]]\n[[facets]]\n",
        [
            "facets[1].name: is missing",
            "facets[1].default: is missing",
            "facets[1].slugs: is missing",
            "filters[0].path: is missing",
        ],
    ),
    (NSFW + 'source = "civitai"', ["source: is missing"]),  # it has become the facet's
    (f'source = "civitai"\n{NSFW}', ["sort: is missing"]),
    (f"facets = 3\n{HEAD}", ["facets: takes a list"]),
    (f"{HEAD}[facets]\na = 1", ["facets: takes a list"]),
    (f"facets = [3]\n{HEAD}", ["facets[0]: takes a table"]),
    (f"overrides = 3\n{GOOD}", ["overrides: takes a table"]),
    (f'{GOOD}[overrides]\n"filter/pg" = 3', ['overrides."filter/pg": takes a table']),
    (HEAD + facet("nsfw", "3"), ["facets[0].slugs: takes a table"]),
    (HEAD + facet("nsfw", "{}"), ["facets[0].slugs: is empty"]),
    (GOOD + explicit('parameters = "a"'), ["filters[0].parameters: takes a table"]),
]

VALUES = [
    ('source = "civitia"', ["source: unknown source 'civitia'; did you mean 'civitai'?"]),
    ('source = "x"', ["source: unknown source 'x'; known: 'civitai', 'huggingface'"]),
    ("source = 3", ["source: unknown source '3'; known: 'civitai', 'huggingface'"]),
    ("", ["source: is missing"]),
    (f"limit = 0\n{GOOD}", [f"limit: {LIMITS}"]),
    (f"limit = 10001\n{GOOD}", [f"limit: {LIMITS}"]),
    (f'limit = "100"\n{GOOD}', [f"limit: {LIMITS}"]),
    (f"limit = true\n{GOOD}", [f"limit: {LIMITS}"]),
    (GOOD + override("limit = 0"), [f'overrides."filter/pg".limit: {LIMITS}']),
    (
        GOOD + override("allow_empty = 1"),
        ['overrides."filter/pg".allow_empty: takes true or false'],
    ),
    (f"max_shrink = 50\n{GOOD}", ['max_shrink: takes a share such as "50%"']),
    (f'max_shrink = "101%"\n{GOOD}', ['max_shrink: takes a share such as "50%"']),
    (f"min_count = -1\n{GOOD}", ["min_count: takes a whole number from 0 to 10000"]),
    (
        GOOD + override("min_count = true"),
        ['overrides."filter/pg".min_count: takes a whole number from 0 to 10000'],
    ),
    (GOOD + override("label = 3"), ['overrides."filter/pg".label: takes text']),
    (GOOD + explicit("limit = 1.5"), [f"filters[0].limit: {LIMITS}"]),
    (f'skip_models = "1"\n{GOOD}', ["skip_models: takes a list"]),
    (f"skip_models = [1.5]\n{GOOD}", ["skip_models[0]: takes text"]),
    (f"exclude = [1]\n{GOOD}", ["exclude[0]: takes text"]),
    (f"known_base_models = [1.5]\n{GOOD}", [f"known_base_models: {A_VALUE}"]),
    (HEAD + facet("nsfw", "{ all = 1.5 }"), [f"facets[0].slugs.all: {A_VALUE}"]),
    (HEAD + facet("nsfw", "{ all = 1979-05-27 }"), [f"facets[0].slugs.all: {A_VALUE}"]),
    (GOOD + explicit("parameters = { tag = {} }"), [f"filters[0].parameters.tag: {A_VALUE}"]),
    (
        f'source = "civitai"\nsort = "most downloads"\n{NSFW}',
        ["sort: unknown order 'most downloads'; did you mean 'Most Downloaded'?"],
    ),
    (
        HEAD + facet("nsfw", '{ all = "XXX", "a.b" = "PG", x = "xx" }'),
        [
            f"facets[0].slugs.\"a.b\": unknown value 'PG'; known: {LEVELS}",
            "facets[0].slugs.x: unknown value 'xx'; did you mean 'XXX'?",
        ],
    ),
    (
        GOOD + facet("period", '{ all = "Alltime" }'),
        ["facets[1].slugs.all: unknown value 'Alltime'; did you mean 'AllTime'?"],
    ),
    (
        GOOD + facet("type", '{ all = [], c = "Checkpoints", l = ["lora", "VAE"] }'),
        [
            "facets[1].slugs.c: unknown value 'Checkpoints'; did you mean 'Checkpoint'?",
            "facets[1].slugs.l: unknown value 'lora'; did you mean 'LORA'?",
        ],
    ),
    (
        GOOD + facet("base_model", '{ all = [], a = ["SDXL1.0", "Zzzz"] }'),
        [
            f"facets[1].slugs.a: unknown value 'SDXL1.0'; did you mean 'SDXL 1.0'? {NEW_ONES}",
            f"facets[1].slugs.a: unknown value 'Zzzz' {NEW_ONES}",
        ],
    ),
    (
        HEAD + facet("nsfw", '{ all = ["XXX", "X"], pg = [] }'),
        [
            "facets[0].slugs.all: takes one value, not a list",
            "facets[0].slugs.pg: takes one value, not a list",
        ],
    ),
    (
        'source = "huggingface"\nsort = "likes"\nunknown_size = "smal"\n'
        + facet("license", '{ all = [], mit = ["mit"] }'),
        ["unknown_size: unknown value 'smal'; did you mean 'small'?"],
    ),
]

MEANINGS = [
    (
        HEAD + facet("nsfw", '{ all = "XXX", pg = "None" }', default="al"),
        ["facets[0].default: unknown slug 'al'; did you mean 'all'?"],
    ),
    (
        GOOD + facet("nfsw", '{ all = "XXX" }'),
        ["facets[1].name: unknown facet 'nfsw'; did you mean 'nsfw'?"],
    ),
    (GOOD + NSFW, ["facet 'nsfw' is given twice"]),
    (
        GOOD + facet("period", '{ all = "AllTime", pg = "Day" }'),
        ["slug 'pg' is used by the facets 'nsfw' and 'period'"],
    ),
    (GOOD + explicit(path='"filter/pg"'), ["path 'filter/pg' is defined twice"]),
    (GOOD + explicit() + explicit(), ["path 'filter/a' is defined twice"]),
    (
        GOOD + explicit(path='"filter/a-b"') + explicit(path='"filter/a/b"'),
        ["paths 'filter/a-b' and 'filter/a/b' would share one file name"],
    ),
    (
        GOOD + explicit(path=f'"filter/{"a" * 194}"'),
        [f"path 'filter/{'a' * 194}' is longer than 200 characters"],
    ),
    (
        GOOD + override("limit = 3", path="filter/pgg"),
        ["overrides: unknown filter 'filter/pgg'; did you mean 'filter/pg'?"],
    ),
    (
        GOOD + override("limit = 3", path="pg"),
        ["overrides: unknown filter 'pg'; did you mean 'filter/pg'?"],
    ),
    (
        f'exclude = ["pgg"]\n{GOOD}',
        ["exclude: 'pgg' matches no filter; did you mean 'pg'?"],
    ),
    (
        f'exclude = ["filter"]\n{GOOD}',
        ["exclude: 'filter' matches no filter; did you mean 'filter/pg'?"],
    ),
    (f'exclude = ["*"]\n{GOOD}', ["defines no filter"]),
    (HEAD, ["defines no filter"]),
    (
        GOOD + explicit('parameters = { nsfwLevel = 4, baseModel = "SD 1.5", page = 2 }'),
        [
            (
                "filters[0].parameters.nsfwLevel: unknown parameter 'nsfwLevel';"
                " did you mean 'nsfw'? (upstream would ignore it)"
            ),
            (
                "filters[0].parameters.baseModel: unknown parameter 'baseModel';"
                " did you mean 'baseModels'? (upstream would ignore it)"
            ),
            "filters[0].parameters.page: unknown parameter 'page' (upstream would ignore it)",
        ],
    ),
    (
        GOOD + explicit('parameters = { nsfw = "Soft" }'),
        ["filters[0].parameters.nsfw: unknown value 'Soft'; known: 'false', 'true'"],
    ),
    (
        GOOD + explicit('sort = "newest"', 'parameters = { ids = "1,a" }'),
        [
            "filters[0].sort: unknown order 'newest'; did you mean 'Newest'?",
            "filters[0]: `ids` takes numbers, not '1,a'",
        ],
    ),
]


@pytest.mark.parametrize(("text", "lines"), [*KEYS, *VALUES, *MEANINGS])
def test_each_mistake_is_named_by_its_key(tmp_path: Path, text: str, lines: list[str]) -> None:
    """A person reads where the mistake stands and what would be right, and nothing else."""
    assert problems(tmp_path, text) == lines


@pytest.mark.parametrize(
    "slug", ["..", ".", "a/b", "PG", "a b", "a\\u0000", "é", "a\\n", "", "-a", "[key]", "a\\\\b"]
)
def test_an_unsafe_slug_is_refused(tmp_path: Path, slug: str) -> None:
    """Slugs become names of files and parts of URLs, so they hold nothing that either minds."""
    found = problems(tmp_path, HEAD + facet("nsfw", f'{{ all = "XXX", "{slug}" = "None" }}'))
    assert len(found) == 1
    assert found[0].endswith(UNSAFE)
    assert found[0].isprintable()


@pytest.mark.parametrize(
    "path",
    [
        *("a", "filter", "filter/", "/filter/a", "filter/../a", "filter//a", "filter/a/"),
        *("filter/A", "filter/a b", "filter/a\\u0000", "filter/é", "filter/a\\n", "FILTER/a"),
        *("filter/.a", "filter/a\\\\b", "filter/a%2fb", ""),
    ],
)
def test_an_unsafe_path_is_refused(tmp_path: Path, path: str) -> None:
    """An explicit path is held to the same letters, and to its beginning."""
    found = problems(tmp_path, GOOD + explicit(path=f'"{path}"'))
    assert len(found) == 1
    assert found[0].startswith("filters[0].path: ")
    assert found[0].endswith(NO_PATH)
    assert found[0].isprintable()


def test_a_matrix_beyond_all_use_is_refused(tmp_path: Path) -> None:
    """A file of few lines must not fill the memory: the product is told before it is made."""
    nsfw = ", ".join(f'n{number} = "None"' for number in range(400))
    period = ", ".join(f'p{number} = "Day"' for number in range(400))
    text = HEAD + facet("nsfw", f"{{ {nsfw} }}", default="n0")
    text += facet("period", f"{{ {period} }}", default="p0")
    assert problems(tmp_path, text) == ["facets: 160,000 filters in one file; it takes 100,000"]


def test_an_unsafe_default_is_refused(tmp_path: Path) -> None:
    """A default is a slug like any other."""
    text = HEAD + facet("nsfw", '{ all = "XXX", pg = "None" }', default="A ll")
    assert problems(tmp_path, text) == [f"facets[0].default: 'A ll' {UNSAFE}"]


def test_no_word_of_pydantic_s_reaches_a_person() -> None:
    """Whatever the tables above expect is English about TOML."""
    told = [line for _, lines in (*KEYS, *VALUES, *MEANINGS) for line in lines]
    jargon = re.compile(r"tuple|dictionary|instance|input|valid|field required|\bstr\b|None\b(?!')")
    assert [line for line in told if jargon.search(line)] == []


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("lora", ["LORA", "LoCon"], "; did you mean 'LORA'?"),
        ("page", ["tag", "types"], ""),
        ("", ["a"], ""),
        ("a", [], ""),
    ],
)
def test_the_nearest_name(word: str, known: list[str], hint: str) -> None:
    """Case does not part a word from its neighbours; what is far off is not offered."""
    assert nearest(word, known) == hint


def test_many_names_are_not_listed() -> None:
    """A few names are told in full, many would bury the message."""
    few, many = ([f"name {number}" for number in range(count)] for count in (8, 9))
    assert unknown("key", "?", few).endswith(", 'name 7'")
    assert unknown("key", "?", many) == "unknown key '?'"


@given(key=st.text())
def test_a_quoted_key_is_one_line(key: str) -> None:
    """A key of any characters can't break a message into two."""
    assert quoted(key).isprintable()
