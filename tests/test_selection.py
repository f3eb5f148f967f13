"""Hold how people name filters: by glob, by path, with and without a source."""

from __future__ import annotations

import pytest

from manifests.errors import DefinitionError
from manifests.models import Filter
from manifests.selection import find_filter, matches_any, select_filters
from manifests.sources import SOURCES

INFOS = [source.info for source in SOURCES.values()]


def made(source: str, path: str) -> Filter:
    """Return a filter."""
    return Filter(source=source, path=f"filter/{path}", label=path, limit=1, sort="any")


FILTERS = (
    *(made("civitai", path) for path in ("pg", "pg/week", "x/week/sd21", "mit")),
    *(made("huggingface", path) for path in ("likes", "mit", "likes/mit")),
)


def selected(*only: str, source: str | None = None) -> list[str]:
    """Return source and path of what is selected."""
    chosen = select_filters(FILTERS, INFOS, only=only, source=source)
    return [f"{one.source}:{one.path}" for one in chosen]


@pytest.mark.parametrize(
    ("only", "source", "problem"),
    [
        (["pgg"], None, "'pgg' matches no filter; did you mean 'pg'?"),
        (["filter/pgg"], None, "'filter/pgg' matches no filter; did you mean 'filter/pg'?"),
        (["pg", "zz"], None, "'zz' matches no filter"),
        (["hf:pg"], None, "'hf:pg' matches no filter; did you mean 'civitai:pg'?"),
        (
            ["ca:filter/likes"],
            None,
            "'ca:filter/likes' matches no filter; did you mean 'huggingface:filter/likes'?",
        ),
        (["Week/PG"], None, "'Week/PG' matches no filter; did you mean 'pg/week'?"),
        (
            ["filter/sd21/x/week"],
            None,
            "'filter/sd21/x/week' matches no filter; did you mean 'filter/x/week/sd21'?",
        ),
        (["likes"], "civitai", "'likes' matches no filter"),
        (["hf:"], None, "'hf:' matches no filter"),
        ([""], None, "'' matches no filter"),
        (["PG"], None, "'PG' matches no filter; did you mean 'pg'?"),
        (["hg:pg"], None, "unknown source 'hg'; known: 'civitai', 'huggingface'"),
        ([], "hugingface", "unknown source 'hugingface'; did you mean 'huggingface'?"),
    ],
)
def test_a_selection_of_nothing_is_a_mistake(
    only: list[str], source: str | None, problem: str
) -> None:
    """A mistyped name never becomes a run of no filters."""
    with pytest.raises(DefinitionError) as caught:
        selected(*only, source=source)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("only", "source", "chosen"),
    [
        (
            [],
            "hf",
            ["huggingface:filter/likes", "huggingface:filter/mit", "huggingface:filter/likes/mit"],
        ),
        (["pg"], None, ["civitai:filter/pg"]),
        (["filter/pg"], None, ["civitai:filter/pg"]),
        (["pg*"], None, ["civitai:filter/pg", "civitai:filter/pg/week"]),
        (["filter/*/week/*"], None, ["civitai:filter/x/week/sd21"]),
        (["mit"], None, ["civitai:filter/mit", "huggingface:filter/mit"]),
        (["mit"], "huggingface", ["huggingface:filter/mit"]),
        (["hf:mit"], None, ["huggingface:filter/mit"]),
        (["huggingface:filter/mit"], None, ["huggingface:filter/mit"]),
        (["civitai:mit"], None, ["civitai:filter/mit"]),
        (["ca:mit"], None, ["civitai:filter/mit"]),
        (
            ["[lm]i*"],
            "hf",
            ["huggingface:filter/likes", "huggingface:filter/mit", "huggingface:filter/likes/mit"],
        ),
        (["likes", "pg", "p?"], None, ["civitai:filter/pg", "huggingface:filter/likes"]),
    ],
)
def test_globs_and_prefixes(only: list[str], source: str | None, chosen: list[str]) -> None:
    """A glob may leave out `filter/`; the order is that of the definitions, each filter once."""
    assert selected(*only, source=source) == chosen


def test_without_globs_all_are_selected() -> None:
    """A plain run makes everything."""
    assert select_filters(FILTERS, INFOS, only=(), source=None) == FILTERS


def test_ten_thousand_filters_are_selected_by_many_globs() -> None:
    """The choice is by key, so that it does not compare every filter with every other."""
    many = [made("civitai", f"a{number}") for number in range(10_000)]
    assert len(select_filters(many, INFOS, only=["*9", "*8", "a*"], source=None)) == 10_000


def test_ten_thousand_filters_are_selected_by_their_names() -> None:
    """A name is looked up, as `retry` names each filter that failed."""
    many = [made("civitai", f"a{number}") for number in range(10_000)]
    names = [f"civitai:{one.path}" for one in many[1:]]
    assert [*select_filters(many, INFOS, only=names, source=None)] == many[1:]


@pytest.mark.parametrize(
    ("globs", "matches"), [(["a/b"], True), (["filter/a/*"], True), (["b"], False), ([], False)]
)
def test_a_path_against_globs(*, globs: list[str], matches: bool) -> None:
    """Any glob will do; no glob matches nothing."""
    assert matches_any("filter/a/b", globs) is matches


@pytest.mark.parametrize("path", ["civitai:mit", "ca:filter/mit"])
def test_one_filter_is_found(path: str) -> None:
    """A path with its source is never ambiguous."""
    assert find_filter(FILTERS, INFOS, path) is FILTERS[3]


@pytest.mark.parametrize(
    ("path", "problem", "step"),
    [
        ("mitt", "'mitt' matches no filter; did you mean 'mit'?", "manifests list"),
        (
            "mit",
            "'mit' names 2 filters: civitai:filter/mit, huggingface:filter/mit",
            "manifests test-filter civitai:filter/mit",
        ),
        (
            "*",
            (
                "'*' names 7 filters: civitai:filter/pg, civitai:filter/pg/week,"
                " civitai:filter/x/week/sd21, …"
            ),
            "manifests test-filter civitai:filter/pg",
        ),
    ],
)
def test_none_or_several_are_refused(path: str, problem: str, step: str) -> None:
    """Where a path names no or several filters, the answer says what to type instead."""
    with pytest.raises(DefinitionError) as caught:
        find_filter(FILTERS, INFOS, path)
    assert caught.value.problems == (problem,)
    assert caught.value.next_step.endswith(step)
