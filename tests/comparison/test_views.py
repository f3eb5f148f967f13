"""Comparisons as people and programs read them: bounded, in a stable order, safe to show."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from manifests.comparison.sets import Side, compare_sets
from manifests.comparison.views import as_json, as_markdown
from manifests.models import Catalogue, Manifest, Model


def side(lists: dict[str, str], modes: dict[str, str] | None = None, name: str = "Model") -> Side:
    """Return a set of CivitAI's: path → ids, of which some have a mode."""
    manifests = [
        Manifest(
            source="civitai",
            filter=path,
            label=path,
            models_file="civitai-models.json",
            model_ids=tuple(ids.split()),
            complete=True,
        )
        for path, ids in lists.items()
    ]
    models = {
        id_: Model(
            id=id_, source="civitai", slug=id_, name=f"{name} {id_}", mode=(modes or {}).get(id_)
        )
        for ids in lists.values()
        for id_ in ids.split()
    }
    return Side(
        manifests={("civitai", one.filter): one for one in manifests},
        catalogues={"civitai": Catalogue(source="civitai", models=models)},
    )


BEFORE = side({"filter/gone": "1", "filter/same": "1", "filter/x": "1 2 3"})
AFTER = side({"filter/new": "4", "filter/same": "1", "filter/x": "3 1 4"}, {"3": "TakenDown"})


def test_equal_sets_make_a_short_page() -> None:
    """Where nothing changed, one line says so."""
    assert as_markdown(compare_sets(BEFORE, BEFORE)) == "Nothing changed.\n"


def test_a_page_tells_all_and_each() -> None:
    """A page has the totals, the models of the whole set, the figures, and the ids per filter."""
    assert (
        as_markdown(compare_sets(BEFORE, AFTER))
        == """\
**Filters:** 1 changed, 1 came, 1 went, 1 as before. \
**Models:** 1 added, 1 removed, 1 taken down, 1 moved.

- Added: `4` Model 4
- Removed: `2` Model 2
- Taken down: `3` Model 3 (TakenDown)

| filter | before | after | added | removed | moved | taken down |
|---|--:|--:|--:|--:|--:|--:|
| `civitai:filter/gone` | 1 | 0 | 0 | 1 | 0 | 0 |
| `civitai:filter/new` | 0 | 1 | 1 | 0 | 0 | 0 |
| `civitai:filter/x` | 3 | 3 | 1 | 1 | 1 | 1 |

### `civitai:filter/gone` (went)

- 1 removed: `1` Model 1

### `civitai:filter/new` (came)

- 1 added: `4` Model 4

### `civitai:filter/x`

- 1 added: `4` Model 4
- 1 removed: `2` Model 2
- 1 moved: `3` Model 3
- 1 taken down: `3` Model 3
"""
    )


def test_a_page_is_bounded() -> None:
    """Of a long list the first ten are named; beyond a hundred filters the rest are counted."""
    ids = " ".join(map(str, range(10, 25)))
    after = side({f"filter/{number:03}": ids for number in range(103)})
    page = as_markdown(compare_sets(side({}), after))
    assert page.count("`19` Model 19 … and 5 more\n") == 101
    assert "`20`" not in page
    assert page.count("\n### ") == page.count("\n| `") == 100
    assert "\n… and 3 more filters.\n" in page


def test_a_change_of_the_label_alone_is_told() -> None:
    """A filter whose ids are the same says why it is listed."""
    after = {key: replace(one, label="new") for key, one in BEFORE.manifests.items()}
    page = as_markdown(compare_sets(BEFORE, Side(manifests=after)))
    assert page.count("- same models, other label or completeness\n") == 3


def test_a_moderated_model_alone_makes_a_page() -> None:
    """Where only upstream's word for a model is new, there is no table."""
    after = side({"filter/x": "1"}, {"1": "Archived"})
    page = as_markdown(compare_sets(side({"filter/x": "1"}), after))
    assert page.endswith("\n\n- Taken down: `1` Model 1 (Archived)\n")
    assert "|" not in page


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>alert(1)</script>", r"&lt;script&gt;alert\(1\)&lt;/script&gt;"),
        ("a|b\n# c", r"a\|b \# c"),
        ("[x](http://y) ![z]", r"\[x\]\(http://y\) \!\[z\]"),
        ("@everyone & `co`", r"&#64;everyone &amp; \`co\`"),
        ("zero\u200bwidth\x1b[31m", r"zero width \[31m"),
        ("n" * 80, "n" * 59 + "…"),
    ],
)
def test_names_are_nothing_but_text(name: str, shown: str) -> None:
    """A model's name can neither format the page, nor break its table, nor call anybody."""
    page = as_markdown(compare_sets(side({}), side({"filter/x": "1"}, name=name)))
    assert f"- Added: `1` {shown}" in page


def test_a_model_without_a_name_has_its_id() -> None:
    """Where no catalogue knows a model, its id stands alone; it can't break out of it."""
    after = Side(manifests=side({"filter/x": "a`|b"}).manifests)
    page = as_markdown(compare_sets(side({}), after))
    assert "- Added: `a b`\n" in page


def test_programs_read_all_of_it() -> None:
    """The plain data hold every id with its places, and can be written as JSON."""
    data = as_json(compare_sets(BEFORE, AFTER))
    assert json.loads(json.dumps(data)) == data
    changes = data.pop("changes")
    assert data == {
        "schema": 1,
        "filters": {"unchanged": 1, "came": 1, "went": 1, "changed": 1},
        "added": [{"source": "civitai", "id": "4", "name": "Model 4"}],
        "removed": [{"source": "civitai", "id": "2", "name": "Model 2"}],
        "taken_down": [{"source": "civitai", "id": "3", "name": "Model 3", "mode": "TakenDown"}],
        "moved": 1,
    }
    assert isinstance(changes, list)
    assert changes[2] == {
        "source": "civitai",
        "filter": "filter/x",
        "kind": "changed",
        "before": 3,
        "after": 3,
        "added": [{"id": "4", "place": 2}],
        "removed": ["2"],
        "moved": [{"id": "3", "before": 2, "place": 0}],
        "taken_down": ["3"],
    }
