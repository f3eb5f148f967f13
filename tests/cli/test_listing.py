"""The short way to a list: it is what the long way prints, or nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.cli.inspect import describe
from manifests.cli.listing import Row, as_json, as_table, rows_of
from manifests.cli.quick import answer
from manifests.errors import DefinitionError
from manifests.filters import load_filters
from manifests.models import Manifest
from manifests.outline import outline
from manifests.sources import SOURCES
from manifests.store.formats import Style, manifest_bytes, status_bytes
from manifests.store.names import STATUS_FILE, manifest_file
from manifests.store.published import read_published
from manifests.store.status import FilterStatus, Status, status_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.cli.conftest import RunsCommand

ROOT = Path(__file__).parents[2]
INFOS = {name: source.info for name, source in SOURCES.items()}
SMALL = """
source = "civitai"
sort = "Most Downloaded"
[[facets]]
name = "period"
default = "all"
slugs = { all = "AllTime", day = "Day" }
"""
FILTER = "filter/day"


def publish(out: Path, style: Style = Style.STANDARD) -> None:
    """Publish a manifest of three models for each filter of *SMALL*, and a status."""
    info = INFOS["civitai"]
    manifest = Manifest(
        source="civitai",
        filter=FILTER,
        label="day",
        models_file="civitai-models.json",
        model_ids=("1", "2", "3"),
        complete=False,
    )
    out.mkdir()
    (out / manifest_file(info, FILTER)).write_bytes(manifest_bytes(manifest, info, style=style))
    status = Status(
        run="a run",
        tool="1",
        updated="2026-08-01T00:00:00Z",
        auth={"civitai": "token"},
        upstream={"civitai": "https://civitai.example"},
        filters={status_key("civitai", FILTER): FilterStatus(state="stale", stale_since="2026")},
    )
    (out / STATUS_FILE).write_bytes(status_bytes(status))


def long_way(folder: Path, out: Path) -> list[tuple[object, ...]]:
    """Return the rows that take all imports."""
    published = read_published(out, INFOS, catalogues=False)
    return [tuple(describe(each, published).values()) for each in load_filters(folder, SOURCES)]


@pytest.mark.parametrize("flags", [[], ["--json"], ["--no-color"]])
@pytest.mark.parametrize("style", [*Style, None])
def test_both_ways_print_the_same(
    tmp_path: Path, manifests: RunsCommand, flags: list[str], style: Style | None
) -> None:
    """Byte for byte, with the definitions of this project and whatever is published."""
    if style:
        publish(tmp_path / "out", style)
    where = ["--filters", str(ROOT / "filters"), f"--out={tmp_path / 'out'}"]
    asked = manifests("list", *where, *flags)
    assert answer(["list", *where, *flags], {}) == asked.stdout


@pytest.mark.parametrize("style", Style)
def test_rows_tell_what_is_published(tmp_path: Path, style: Style) -> None:
    """Its count out of either layout, and its state."""
    (tmp_path / "civitai.toml").write_text(SMALL)
    publish(tmp_path / "out", style)
    row = Row("civitai", FILTER, "day", 100, 3, "stale")
    assert rows_of(tmp_path, tmp_path / "out") == (row,)
    assert rows_of(tmp_path, tmp_path / "none") == (row._replace(published=None, state=None),)


@pytest.mark.parametrize(
    ("known", "shown"),
    [("fresh", "missing"), ("stale", "missing"), ("quarantined", "quarantined"), (None, None)],
)
def test_a_manifest_that_was_removed_is_missing(
    tmp_path: Path, known: str | None, shown: str | None
) -> None:
    """What `status.json` says of a file that is gone is not repeated, either way."""
    (tmp_path / "civitai.toml").write_text(SMALL)
    publish(tmp_path / "out", Style.STANDARD)
    (tmp_path / "out" / manifest_file(INFOS["civitai"], FILTER)).unlink()
    status = (tmp_path / "out" / STATUS_FILE).read_text()
    name = "huggingface:filter/x" if known is None else status_key("civitai", FILTER)
    status = status.replace(status_key("civitai", FILTER), name)
    (tmp_path / "out" / STATUS_FILE).write_text(status.replace('"stale"', f'"{known or "stale"}"'))
    rows = rows_of(tmp_path, tmp_path / "out")
    assert rows == (Row("civitai", FILTER, "day", 100, None, shown),)
    assert long_way(tmp_path, tmp_path / "out") == [tuple(rows[0])]


JSON: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, 1, 3, "", "fresh", "civitai", ["1"], ["1", "1"], {}, 1.0]
)


@st.composite
def damaged(draw: st.DrawFn, document: Mapping[str, object]) -> object:
    """Draw a document of which something is missing, added, or something else."""
    key = draw(st.sampled_from([*document, "more"]))
    value = document.get(key)
    if isinstance(value, dict) and value and draw(st.booleans()):
        return {**document, key: draw(damaged(value))}
    if draw(st.booleans()):
        return {name: each for name, each in document.items() if name != key}
    return {**document, key: draw(JSON)}


@pytest.mark.parametrize("style", Style)
@given(data=st.data())
def test_damage_is_never_taken_for_anything(
    tmp_path_factory: pytest.TempPathFactory, style: Style, data: st.DataObject
) -> None:
    """Whatever a manifest or the status holds, there are the rows of the long way, or none."""
    folder = tmp_path_factory.mktemp("short")
    (folder / "civitai.toml").write_text(SMALL)
    publish(folder / "out", style)
    path = data.draw(st.sampled_from(sorted((folder / "out").iterdir())))
    path.write_text(json.dumps(data.draw(damaged(json.loads(path.read_bytes())))))
    rows = rows_of(folder, folder / "out")
    assert rows is None or [*map(tuple, rows)] == long_way(folder, folder / "out")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("name", ["civitai-filter-day.json", STATUS_FILE])
def test_what_is_no_document_takes_the_long_way(tmp_path: Path, name: str, data: bytes) -> None:
    """Who reads it there says so."""
    (tmp_path / "civitai.toml").write_text(SMALL)
    publish(tmp_path / "out")
    (tmp_path / "out" / name).write_bytes(data)
    assert rows_of(tmp_path, tmp_path / "out") is None


def test_a_folder_in_place_of_a_file_takes_the_long_way(tmp_path: Path) -> None:
    """It is damage, and not an absent file."""
    (tmp_path / "civitai.toml").write_text(SMALL)
    (tmp_path / "out" / STATUS_FILE).mkdir(parents=True)
    assert rows_of(tmp_path, tmp_path / "out") is None


WORDS = st.sampled_from(["all", "day", "Day", "a-b", "a", "b", "week", "x.y", ""])
VALUES = st.sampled_from(
    [
        '"AllTime"',
        '"Day"',
        '"LORA"',
        '["LORA", "Checkpoint"]',
        "[]",
        '"New"',
        "1",
        "true",
        '"SD 1.5"',
    ]
)
FACETS = st.tuples(
    st.sampled_from(["period", "type", "base_model", "nsfw", "size", ["period"]]).map(json.dumps),
    st.one_of(*[WORDS] * 7, st.sampled_from([1, ["all"]])).map(json.dumps),
    st.dictionaries(WORDS, VALUES, max_size=3),
)
TOPS = st.sampled_from(
    [
        "",
        "limit = 7",
        "limit = 0",
        'limit = "7"',
        "limit = true",
        'skip_models = ["1"]',
        "skip_models = [1]",
        'known_base_models = ["New"]',
        'known_base_models = "New"',
        "min_count = 3",
        'unknown_size = "small"',
        "more = 1",
        "facets = 1",
        "exclude = ['a*']",
    ]
)


@given(
    source=st.sampled_from(["civitai", "huggingface", "other", ["civitai"]]).map(json.dumps),
    sort=st.sampled_from(["Most Downloaded", "likes", "none", ["likes"]]).map(json.dumps),
    top=TOPS,
    facets=st.lists(FACETS, max_size=3),
)
def test_an_outline_is_what_the_definitions_come_to(
    tmp_path_factory: pytest.TempPathFactory,
    source: str,
    sort: str,
    top: str,
    facets: list[tuple[str, str, dict[str, str]]],
) -> None:
    """Definitions that are not plainly right have none; all others have that of their filters."""
    folder = tmp_path_factory.mktemp("outline")
    lines = [f"source = {source}", f"sort = {sort}", top]
    for name, default, slugs in facets:
        pairs = ", ".join(f'"{slug}" = {value}' for slug, value in slugs.items())
        lines += ["[[facets]]", f"name = {name}", f"default = {default}"]
        lines += [f"slugs = {{ {pairs} }}"]
    (folder / "a.toml").write_text("\n".join(lines))
    found = outline(folder, SOURCES)
    try:
        filters = load_filters(folder, SOURCES)
    except DefinitionError:
        assert found is None
    else:
        rows = [(each.source, each.path, each.label, each.limit) for each in filters]
        assert found is None or [*map(tuple, found)] == rows


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('sort = "Most Downloaded"', 'sort = ["Most Downloaded"]'),
        ('name = "period"', 'name = ["period"]'),
        ('default = "all"', 'default = ["all"]'),
        ('day = "Day"', "day = 1"),
        ('name = "period"\n', ""),
    ],
)
def test_what_is_not_text_has_no_outline(tmp_path: Path, right: str, wrong: str) -> None:
    """Nor has what is left out; the long way says so."""
    (tmp_path / "a.toml").write_text(SMALL.replace(right, wrong))
    assert right in SMALL
    assert outline(tmp_path, SOURCES) is None
    with pytest.raises(DefinitionError):
        load_filters(tmp_path, SOURCES)


def test_the_definitions_of_this_project_have_an_outline() -> None:
    """They are plainly right, as are those of anyone who only changes words in them."""
    assert len(outline(ROOT / "filters", SOURCES) or ()) == 330


def test_a_source_that_is_defined_twice_has_none(tmp_path: Path) -> None:
    """Nor has a folder without definitions, or with one that can't be read."""
    assert outline(tmp_path, SOURCES) is None
    (tmp_path / "a.toml").write_text(SMALL)
    assert len(outline(tmp_path, SOURCES) or ()) == 1
    (tmp_path / "b.toml").write_text(SMALL)
    assert outline(tmp_path, SOURCES) is None
    (tmp_path / "b.toml").write_bytes(b"\xff")
    assert outline(tmp_path, SOURCES) is None


def test_long_paths_have_no_outline(tmp_path: Path) -> None:
    """What is too long for a file's name is told by the long way."""
    (tmp_path / "a.toml").write_text(SMALL.replace("day", "d" * 250))
    assert outline(tmp_path, SOURCES) is None


def test_a_matrix_beyond_all_use_has_no_outline(tmp_path: Path) -> None:
    """It is refused by the long way, before so many filters are made."""
    slugs = [", ".join(f'{word}{number} = "{word}"' for number in range(400)) for word in "ab"]
    (tmp_path / "a.toml").write_text(
        'source = "civitai"\nsort = "Most Downloaded"\n'
        f'[[facets]]\nname = "nsfw"\ndefault = "a0"\nslugs = {{ {slugs[0]} }}\n'.replace(
            '"a"', '"None"'
        )
        + f'[[facets]]\nname = "period"\ndefault = "b0"\nslugs = {{ {slugs[1]} }}\n'.replace(
            '"b"', '"Day"'
        )
    )
    assert outline(tmp_path, SOURCES) is None


def test_a_table_that_would_be_broken_takes_the_long_way() -> None:
    """Lines of more than 160 columns are broken, and wide letters are measured, by others."""
    row = Row("civitai", "filter/a", "a", 100, 1, "fresh")
    assert as_table([row]) is not None
    assert as_table([row._replace(label="a" * 160)]) is None
    assert as_table([row._replace(label="模型")]) is None
    assert json.loads(as_json([row._replace(label="模型")]))[0]["label"] == "模型"
