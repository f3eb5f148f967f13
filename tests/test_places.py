"""A mistake in a definition file is told with its line, where that is plain to see."""

from __future__ import annotations

import pytest

from manifests.places import line_of, with_line

TEXT = """source = "civitai"
# limit = 3
limit = "many"

[[facets]]
name = "nsfw"
default = "all"
slugs = { all = "XXX" }

[[facets]]
name = "period"
[facets.slugs]
all = "AllTimes"

[[filters]]
path = "filter/x"
parameters = { username = "x" }

[overrides."filter/pg"]
limit = 1
"""


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("source", 1),
        ("limit", 3),
        ("facets[0].slugs.all", 8),
        ("facets[0].default", 7),
        ("facets[1].name", 11),
        ("facets[1].slugs.all", 12),
        ("facets[1].default", 10),
        ("facets[1]", 10),
        ("filters[0].parameters.user", 17),
        ("filters[1].path", None),
        ("sort", None),
        ("overrides", None),
        ("'x'", None),
    ],
)
def test_a_key_has_its_line(key: str, line: int | None) -> None:
    """The line is that of the key, else of its table, else none."""
    assert line_of(key, TEXT) == line


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ("limit: takes a whole number", "limit (line 3): takes a whole number"),
        (
            "facets[1].slugs.all: unknown value 'AllTimes'",
            "facets[1].slugs.all (line 12): unknown value 'AllTimes'",
        ),
        ("limit", "limit"),
        ("path 'filter/pg' is defined twice", "path 'filter/pg' is defined twice"),
        ("source is odd: it is", "source is odd: it is"),
        ("sort: is missing", "sort: is missing"),
    ],
)
def test_a_problem_is_told_with_its_line(problem: str, told: str) -> None:
    """What does not begin with a key stays as it is."""
    assert with_line(problem, TEXT) == told
