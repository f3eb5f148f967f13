"""Every step of a filter's way is a line or a table that a person can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr, TypeAdapter

from manifests.cli.explanation import (
    attempts_table,
    curl_line,
    definition_lines,
    difference_lines,
    funnel_lines,
    models_table,
    verdict_line,
)
from manifests.difference import compare
from manifests.errors import ErrorCode
from manifests.models import Filter, Model, Query, Stats
from manifests.results import Failure, Funnel, Outcome, RuleCount, State
from manifests.settings import Access
from manifests.sources import SOURCES
from manifests.sources.base import Entry
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from tests.cli.conftest import Screen

CIVITAI = SOURCES["civitai"].info
OUTCOME = Outcome(source="civitai", filter="filter/x", state=State.FRESH)
FAILURE = Failure(code=ErrorCode.TIMEOUT, cause="no answer", next_step="try again")
HOSTILE = "[red]x[/red] [/] :bomb:"


def filter_of(**given: object) -> Filter:
    """Return a filter."""
    usual = {"source": "civitai", "path": "filter/x", "label": "x", "limit": 100, "sort": "Newest"}
    return TypeAdapter(Filter).validate_python({**usual, **given})


def test_definition_of_a_matrix_filter() -> None:
    """A filter of the matrix is told by its facets, an empty value as any; a listing in full."""
    filter_ = filter_of(values={"nsfw": "X", "type": ("LORA", "DoRA"), "base_model": ()})
    query = Query(source="civitai", parameters=(("expand", "tags"), ("limit", "100")))
    assert list(definition_lines(filter_, CIVITAI, query)) == [
        "filter    civitai:filter/x (x)",
        "source    CivitAI, 100 models at most, by Newest",
        "facets    nsfw=X, type=LORA|DoRA, base_model=any",
        "listing   limit=100",
    ]


def test_definition_of_an_explicit_filter() -> None:
    """An explicit filter is told by upstream's own parameters."""
    filter_ = filter_of(parameters={"username": "someone"})
    query = Query(source="civitai", parameters=(("username", "someone"),))
    lines = list(definition_lines(filter_, CIVITAI, query))
    assert lines[2:] == ["asks for  username=someone", "listing   username=someone"]


def test_curl_line_names_the_token() -> None:
    """The line for a shell quotes the URL, and takes the token from its variable."""
    url = "https://civitai.com/api?a=b&c='d'"
    bare = curl_line(url, CIVITAI, Access(endpoint="https://civitai.com"))
    assert bare == """curl      curl --compressed 'https://civitai.com/api?a=b&c='"'"'d'"'"''"""
    secret = Access(endpoint="https://civitai.com", token=SecretStr("s" * 32))
    assert curl_line("https://civitai.com/api", CIVITAI, secret) == (
        'curl      curl --compressed -H "Authorization: Bearer $CIVITAI_TOKEN"'
        " https://civitai.com/api"
    )


def test_attempts_tell_status_time_size_and_wait(screen: Screen) -> None:
    """Each attempt is a row, also one without an answer; hostile causes stand as they are."""
    attempts = [
        Attempt(
            number=1,
            url="u",
            started=0,
            seconds=1.5,
            status=429,
            bytes=12,
            code=ErrorCode.RATE_LIMIT,
            cause=HOSTILE,
            wait=30.04,
        ),
        Attempt(number=2, url="u", started=32, seconds=0, code=ErrorCode.NETWORK_ERROR, cause="no"),
        Attempt(number=3, url="u", started=33, seconds=0.25, status=200, bytes=1_500_000),
    ]
    screen.print(attempts_table(attempts))
    rows = [line.split() for line in screen.text.splitlines() if line.strip()][2:]
    assert [" ".join(row) for row in rows] == [
        f"1 1 429 1.50 s 12 B 30.0 s RATE_LIMIT: {HOSTILE}",
        "2 2 — 0.00 s 0 B NETWORK_ERROR: no",
        "3 3 200 0.25 s 1.5 MB good",
    ]


def test_funnel_names_rule_and_field() -> None:
    """What was dropped is told by rule, field and examples, with an ellipsis where more were."""
    dropped = (
        RuleCount(rule="level", field="nsfwLevel", dropped=4, examples=("1", "2", "3")),
        RuleCount(rule="flagged", field="nsfw", dropped=1, examples=("4",)),
        RuleCount(rule="blocked", field="nsfwLevel", dropped=0),
    )
    funnel = Funnel(fetched=6, dropped=dropped, kept=1)
    outcome = OUTCOME.model_copy(update={"funnel": funnel, "complete": True})
    assert list(funnel_lines(outcome)) == [
        "fetched   6 models",
        "  -     4 by rule level (field nsfwLevel): 1, 2, 3, …",
        "  -     1 by rule flagged (field nsfw): 4",
        "  -     0 by rule blocked (field nsfwLevel)",
        "kept      1 model, and the listing ended there",
    ]
    assert list(funnel_lines(outcome.model_copy(update={"complete": False})))[-1] == (
        "kept      1 model"
    )


def test_nothing_fetched_has_no_funnel() -> None:
    """Where nothing was made there is nothing to tell."""
    assert list(funnel_lines(OUTCOME)) == []


def test_first_models(screen: Screen) -> None:
    """The first ten models are shown; what is not known is left empty, and names are no markup."""
    models = [
        Model(id=str(number), source="civitai", slug="s", name=HOSTILE) for number in range(12)
    ]
    entries = {each.id: Entry(model=each, stats=Stats(likes=7)) for each in models}
    screen.print(models_table(list(entries), entries))
    rows = [" ".join(line.split()) for line in screen.text.splitlines() if line.strip()][2:]
    assert rows == [f"{number + 1} {number} {HOSTILE} 7" for number in range(10)]


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("ab", "ab", ["published the same models in the same order"]),
        (
            "abc",
            "cbd",
            [
                "published and would change: 1 moved",
                "  added       1  d",
                "  removed     1  a",
            ],
        ),
        (
            "",
            "abcdefghijk",
            [
                "published and would change: 0 moved",
                "  added      11  a, b, c, d, e, f, g, h, i, j, …",
                "  removed     0  ",
            ],
        ),
    ],
)
def test_difference(before: str, after: str, lines: list[str]) -> None:
    """What would change is told by counts and first ids."""
    assert list(difference_lines(compare(before, after))) == lines


def test_no_difference_without_history() -> None:
    """Where nothing is published there is nothing to compare with."""
    assert list(difference_lines(None)) == ["published nothing so far"]


@pytest.mark.parametrize(
    ("changes", "published", "line"),
    [
        ({}, False, "good; publish it with --publish"),
        ({}, True, "good; published"),
        ({"state": State.UNCHANGED}, True, "good, and as published already"),
        ({"state": State.MISSING, "failure": FAILURE}, True, "TIMEOUT: no answer"),
        (
            {"state": State.STALE, "failure": FAILURE, "previous": 0},
            False,
            "TIMEOUT: no answer; the published one stays",
        ),
    ],
)
def test_verdict(changes: dict[str, object], line: str, *, published: bool) -> None:
    """The verdict says what would become, or has become, of the manifest."""
    outcome = OUTCOME.model_copy(update=changes)
    assert verdict_line(outcome, published=published) == f"verdict   {line}"
