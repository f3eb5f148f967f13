"""Hold that a draft publishes what is believed, keeps the rest, and loses nothing of either."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from manifests.assembly import Made
from manifests.drafting import compose_release, hold_back, judge, settle_all, unlisted
from manifests.errors import ErrorCode
from manifests.listings import Candidate, Listing
from manifests.memory import Recalled
from manifests.models import Catalogue, Filter, Manifest, Model, Query, Stats
from manifests.planner import Plan, PlannedQuery
from manifests.preparing import Prepared
from manifests.reading import ReadQuery
from manifests.results import Failure, Funnel, State
from manifests.settings import Settings
from manifests.sources import SOURCES
from manifests.sources.base import Entry
from manifests.store.formats import Style, manifest_bytes
from manifests.store.names import manifest_file
from manifests.store.published import Published
from manifests.store.verdict import GateLimits, Streak

if TYPE_CHECKING:
    from collections.abc import Mapping

INFO = SOURCES["civitai"].info
AS_USUAL = Settings()
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DOWN = Failure(code=ErrorCode.API_ERROR, cause="upstream is ill", next_step="run again later")


def filter_(name: str) -> Filter:
    """Return a filter."""
    return Filter(source="civitai", path=f"filter/{name}", label=name, limit=100, sort="any")


def manifest(name: str, count: int) -> Manifest:
    """Return a manifest of so many models."""
    return Manifest(
        source="civitai",
        filter=f"filter/{name}",
        label=name,
        models_file=INFO.models_file,
        model_ids=tuple(str(number) for number in range(count)),
        complete=True,
    )


def made(name: str, count: int | None) -> Made:
    """Return what reading came to: a candidate of so many models, or a failure."""
    query = Query(source="civitai", parameters=())
    listing = Listing(query=query, entries=(), ended=True)
    read = ReadQuery(planned=PlannedQuery(query=query, wanted=()), listing=listing)
    if count is None:
        return Made(filter=filter_(name), read=read, failure=DOWN)
    candidate = Candidate(
        filter=filter_(name),
        manifest=manifest(name, count),
        funnel=Funnel(fetched=count, kept=count),
    )
    return Made(filter=filter_(name), read=read, candidate=candidate)


def entries(count: int) -> dict[str, dict[str, Entry]]:
    """Return so many models."""
    return {
        "civitai": {
            str(number): Entry(
                model=Model(id=str(number), source="civitai", slug="any", name="new"),
                stats=Stats(),
            )
            for number in range(count)
        }
    }


def prepared(
    counts: Mapping[str, int],
    *names: str,
    settings: Settings = AS_USUAL,
    style: Style = Style.STANDARD,
) -> Prepared:
    """Return a run of filters with such *names*, after one that published such *counts*."""
    before = {("civitai", f"filter/{name}"): manifest(name, each) for name, each in counts.items()}
    filters = tuple(filter_(name) for name in names)
    models = {str(number): model(number) for number in range(max(counts.values(), default=0))}
    return Prepared(
        settings=settings,
        sources=SOURCES,
        filters=filters,
        defined=frozenset((each.source, each.path) for each in filters),
        plan=Plan(queries=()),
        published=Published(
            files={
                manifest_file(INFO, path): manifest_bytes(each, INFO, style=style)
                for (_, path), each in before.items()
            },
            manifests=before,
            catalogues={"civitai": Catalogue(source="civitai", models=models)},
        ),
    )


def model(number: int) -> Model:
    """Return a model as it was published."""
    return Model(id=str(number), source="civitai", slug="any", name="old")


def test_what_is_doubted_keeps_its_file_and_what_failed_too() -> None:
    """Only believed candidates replace anything, and each filter's outcome says which it was."""
    run = prepared({"a": 9, "b": 9, "c": 9}, "d", "c", "b", "a")
    found = [made("a", 8), made("b", 1), made("c", None), made("d", 2)]
    judgement = judge(found, run, Recalled(), now=NOON)
    assert list(judgement) == [("civitai", "filter/b")]
    release = compose_release(run, found, judgement, entries(9))
    kept = {name for name, data in run.published.files.items() if release.files[name] == data}
    assert kept == {"civitai-filter-b.json", "civitai-filter-c.json"}
    outcomes = settle_all(run, found, judgement, release)
    assert [(each.filter, each.state, each.count, each.previous) for each in outcomes] == [
        ("filter/d", State.FRESH, 2, None),
        ("filter/c", State.STALE, None, 9),
        ("filter/b", State.QUARANTINED, 1, 9),
        ("filter/a", State.FRESH, 8, 9),
    ]


def test_a_candidate_is_held_back_with_its_models_only() -> None:
    """What publishing it needs is kept, and no more; of what is believed nothing is held back."""
    run = prepared({"a": 9, "b": 9}, "a", "b")
    found = [made("a", 2), made("b", 9), made("c", None)]
    judgement = judge(found, run, Recalled(), now=NOON)
    (held,) = hold_back(found, judgement, entries(9))
    assert held.candidate.manifest == manifest("a", 2)
    assert held.candidate.entries.keys() == {"0", "1"}
    assert held.verdict.key == held.candidate.key == ("civitai", "filter/a")


@pytest.mark.parametrize(
    ("counts", "held"), [((9, 9, 9), True), ((3, 3, 3), False), ((9, 9), False)]
)
def test_the_history_has_a_say(counts: tuple[int, ...], *, held: bool) -> None:
    """What is not published is measured by what was usual, as soon as enough is known of it."""
    run = prepared({}, "a")
    recalled = Recalled(counts={("civitai", "filter/a"): counts})
    judgement = judge([made("a", 2)], run, recalled, now=NOON)
    assert (len(judgement) == 1) is held


def test_the_same_doubt_again_is_accepted_in_time() -> None:
    """The streak and the time of the run decide, and the candidate is then like any other."""
    run = prepared({"a": 9}, "a")
    streak = Streak(rule="shrunk", runs=2, since=NOON - timedelta(days=1))
    recalled = Recalled(streaks={("civitai", "filter/a"): streak})
    found = [made("a", 2)]
    early = judge(found, run, recalled, now=NOON - timedelta(seconds=1))
    assert len(early) == 1
    judgement = judge(found, run, recalled, now=NOON)
    assert (len(judgement), len(judgement.verdicts)) == (0, 1)
    release = compose_release(run, found, judgement, entries(9))
    (outcome,) = settle_all(run, found, judgement, release)
    assert (outcome.state, outcome.failure) == (State.FRESH, None)
    assert outcome.accepted is not None
    assert list(hold_back(found, judgement, entries(9))) == []


@pytest.mark.parametrize(
    ("published", "asked", "made_in"),
    [
        (Style.STANDARD, None, Style.STANDARD),
        (Style.COMPACT, None, Style.COMPACT),
        (Style.COMPACT, False, Style.STANDARD),
        (Style.STANDARD, True, Style.COMPACT),
    ],
)
def test_the_layout_stays_unless_somebody_asks_for_another(
    published: Style, *, asked: bool | None, made_in: Style
) -> None:
    """A run without --style never turns a published set over."""
    run = prepared({"a": 2, "b": 2}, "a", settings=Settings(compact=asked), style=published)
    found = [made("a", 3)]
    judgement = judge(found, run, Recalled(), now=NOON)
    release = compose_release(run, found, judgement, entries(9))
    wanted = manifest_bytes(manifest("a", 3), INFO, style=made_in)
    assert release.files["civitai-filter-a.json"] == wanted


def test_the_thresholds_are_those_of_the_settings() -> None:
    """What one operator holds back is plausible to another."""
    found = [made("a", 5)]
    strict = Settings(gate=GateLimits(max_shrink=0.1))
    assert list(judge(found, prepared({"a": 9}, "a"), Recalled(), now=NOON)) == []
    judgement = judge(found, prepared({"a": 9}, "a", settings=strict), Recalled(), now=NOON)
    assert "at most 10% may go" in judgement["civitai", "filter/a"].cause


def test_what_is_defined_no_more_is_named_in_order() -> None:
    """Published files without a filter are told, those of other filters of the house are not."""
    run = prepared({"z": 1, "a": 1, "b": 1}, "a")
    assert unlisted(run) == ("civitai-filter-b.json", "civitai-filter-z.json")
