"""The publish gate: what is doubted, what is let through, and what time makes true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from manifests.errors import ErrorCode
from manifests.listings import Candidate
from manifests.models import Filter, Manifest
from manifests.results import Funnel
from manifests.store.gate import verdicts
from manifests.store.verdict import GateLimits, GateRule, Judgement, Streak

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from manifests.store.names import Key

X = ("civitai", "filter/x")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
Counts: TypeAlias = "Mapping[Key, int]"


def manifest(key: Key, count: int) -> Manifest:
    """Return a manifest of so many models."""
    return Manifest(
        source=key[0],
        filter=key[1],
        label=key[1],
        models_file=f"{key[0]}-models.json",
        model_ids=tuple(map(str, range(count))),
        complete=True,
    )


def candidate(key: Key, count: int, **own: object) -> Candidate:
    """Return a candidate of so many models, whose filter says *own* of itself."""
    fields = {"source": key[0], "path": key[1], "label": "", "limit": 1000, "sort": "Newest"}
    return Candidate(
        filter=TypeAdapter(Filter).validate_python(fields | own),
        manifest=manifest(key, count),
        funnel=Funnel(fetched=count, kept=count),
    )


def published(counts: Counts) -> dict[Key, Manifest]:
    """Return manifests of so many models each."""
    return {key: manifest(key, count) for key, count in counts.items()}


def judged(now: int, before: int | None, *history: int, **own: object) -> GateRule | None:
    """Return the rule by which one filter is doubted."""
    previous = {} if before is None else published({X: before})
    verdict = verdicts([candidate(X, now, **own)], previous, history={X: history}).verdicts.get(X)
    return verdict.rule if verdict else None


def group(source: str, counts: Sequence[int], **own: object) -> list[Candidate]:
    """Return candidates of one source, of the paths `filter/0` and so on."""
    return [
        candidate((source, f"filter/{place}"), count, **own) for place, count in enumerate(counts)
    ]


def set_of(source: str, counts: Sequence[int]) -> dict[Key, Manifest]:
    """Return what is published of one source, under the same paths."""
    return published({(source, f"filter/{place}"): count for place, count in enumerate(counts)})


@pytest.mark.parametrize(
    ("now", "before", "allow_empty", "rule"),
    [
        (0, 2, False, GateRule.EMPTY),
        (0, 2, True, None),
        (0, 0, False, None),
        (0, None, False, None),
        (1, 2, False, None),
        (1, None, False, None),
        (1, 100, True, None),
    ],
)
def test_an_unexpected_end_of_a_list_is_doubted(
    *, now: int, before: int | None, allow_empty: bool, rule: GateRule | None
) -> None:
    """An empty manifest is held back where one that was not stands, unless it may be empty."""
    assert judged(now, before, allow_empty=allow_empty) is rule


@pytest.mark.parametrize(
    ("now", "before", "max_shrink", "rule"),
    [
        (50, 100, None, None),
        (49, 100, None, GateRule.SHRUNK),
        (1, 3, None, None),
        (1, 4, None, GateRule.SHRUNK),
        (7, 10, 0.3, None),
        (6, 10, 0.3, GateRule.SHRUNK),
        (3, 3, 0.0, None),
        (2, 3, 0.0, GateRule.SHRUNK),
        (1, 100, 1.0, None),
        (0, 100, 1.0, GateRule.EMPTY),
    ],
)
def test_a_shrunk_list_is_doubted(
    now: int, before: int, max_shrink: float | None, rule: GateRule | None
) -> None:
    """More than half may not go, or than the filter allows; by itself the loss of two is chance."""
    assert judged(now, before, max_shrink=max_shrink) is rule


@pytest.mark.parametrize(
    ("now", "before", "history", "rule"),
    [
        (40, 100, (40, 40, 100), None),
        (40, 100, (100, 100, 40), GateRule.SHRUNK),
        (38, 40, (100, 100, 100), None),
        (0, None, (40, 40, 40), GateRule.EMPTY),
        (10, None, (40, 40, 40), GateRule.SHRUNK),
        (0, None, (40, 40), None),
        (0, None, (0, 0, 0), None),
        (40, 100, (10, 40), GateRule.SHRUNK),
        (40, 100, (-1, 10_001, 40, 40), GateRule.SHRUNK),
        (40, 100, (-1, 10_001, 40, 40, 40), None),
        (40, 100, (40, 40, 100, 100, 100, 100, 100), GateRule.SHRUNK),
    ],
)
def test_the_history_is_weighed(
    now: int, before: int | None, history: tuple[int, ...], rule: GateRule | None
) -> None:
    """The median of the last credible counts counts too, and the lower of both is expected."""
    assert judged(now, before, *history) is rule


@pytest.mark.parametrize(
    ("now", "before", "least", "rule"),
    [
        (9, None, 10, GateRule.MIN_COUNT),
        (10, None, 10, None),
        (9, 12, 10, GateRule.MIN_COUNT),
        (9, 9, 10, None),
        (0, None, 1, GateRule.MIN_COUNT),
    ],
)
def test_an_implausible_count_is_doubted(
    now: int, before: int | None, least: int, rule: GateRule | None
) -> None:
    """Less than the definitions call plausible is held back, unless no more is published."""
    assert judged(now, before, min_count=least) is rule


def test_a_lowered_limit_is_no_loss() -> None:
    """A filter that asks for fewer models than are published is not accused of bringing them."""
    assert judged(20, 100, 100, 100, 100, limit=20) is None
    assert judged(9, 100, limit=20) is GateRule.SHRUNK
    previous = set_of("civitai", [100] * 6)
    assert verdicts(group("civitai", [20] * 6, limit=20), previous) == {}


@pytest.mark.parametrize(
    ("now", "before", "history", "own", "cause", "advice"),
    [
        (0, 2, (), {}, "upstream lists no models, 2 are published", "set its allow_empty"),
        (0, None, (3, 4, 4), {}, "upstream lists no models, 4 are usual", "set its allow_empty"),
        (
            4, 10, (), {},
            "4 of 10 models are left, and at most 50% may go",
            "raise its max_shrink",
        ),
        (
            4, 8, (), {"min_count": 5},
            "upstream lists 4 models, and min_count is 5",
            "lower its min_count",
        ),
    ],
)  # fmt: skip
def test_a_verdict_says_what_to_type(
    *,
    now: int,
    before: int | None,
    history: tuple[int, ...],
    own: dict[str, object],
    cause: str,
    advice: str,
) -> None:
    """A verdict carries the figures that decided, the command that overrules it, and the key."""
    previous = {} if before is None else published({X: before})
    judgement = verdicts([candidate(X, now, **own)], previous, history={X: history})
    (failure,) = judgement.values()
    assert (failure.code, failure.cause) == (ErrorCode.QUARANTINED, cause)
    accept = "run again later; if it is right, manifests accept civitai:filter/x, or "
    assert failure.next_step.startswith(f"{accept}{advice}")


@pytest.mark.parametrize(
    ("sizes", "allowed", "doubted"),
    [
        ([], [], False),
        ([0], [], False),
        ([0, 0], [], True),
        ([0, 1], [], False),
        ([0, 0], [0], False),
        ([0, 0, 0], [0], True),
    ],
)
def test_a_wholly_empty_source_is_doubted(
    sizes: list[int], allowed: list[int], *, doubted: bool
) -> None:
    """Even without history, two listings that should not be empty are too many if all are."""
    cases = [
        candidate(("civitai", f"filter/{place}"), size, allow_empty=place in allowed)
        for place, size in enumerate(sizes)
    ]
    found = verdicts(cases, {})
    assert len(found) == (len(sizes) if doubted else 0)
    assert {each.rule for each in found.verdicts.values()} <= {GateRule.SOURCE_EMPTY}


def test_one_listing_that_holds_a_model_speaks_for_its_source() -> None:
    """However many are empty, the source is no silent one, and what may be empty is believed."""
    cases = group("civitai", [0, 0, 0, 1])
    found = verdicts(cases, published({("civitai", "filter/0"): 5}))
    assert {key: each.rule for key, each in found.verdicts.items()} == {
        ("civitai", "filter/0"): GateRule.EMPTY
    }
    assert found.verdicts["civitai", "filter/0"].evidence == {"count": 0, "known": 5}


def test_filters_that_were_empty_before_accuse_nobody() -> None:
    """A run over filters that are published as empty changes nothing, and so is believed."""
    assert verdicts(group("civitai", [0, 0, 0]), set_of("civitai", [0, 0, 0])) == {}


def test_a_silent_source_is_held_back_as_a_whole() -> None:
    """With a silent source go its filters that may be empty, but no other source."""
    cases = [
        candidate(("civitai", "filter/a"), 0),
        candidate(("civitai", "filter/b"), 0, allow_empty=True),
        candidate(("civitai", "filter/c"), 0),
        candidate(("huggingface", "filter/a"), 0),
        candidate(("huggingface", "filter/b"), 1),
    ]
    found = verdicts(cases, published({("civitai", "filter/a"): 1}))
    assert {key: each.rule for key, each in found.verdicts.items()} == {
        ("civitai", "filter/a"): GateRule.EMPTY,
        ("civitai", "filter/b"): GateRule.SOURCE_EMPTY,
        ("civitai", "filter/c"): GateRule.SOURCE_EMPTY,
    }
    assert "all 3 listings of civitai" in found["civitai", "filter/b"].cause


@pytest.mark.parametrize(
    ("now", "before", "doubted"),
    [
        ([8, 8, 8, 8, 8], [10] * 5, []),
        ([7, 7, 8, 8, 8], [10] * 5, [0, 1, 2, 3, 4]),
        ([10, 12, 6, 6, 5], [10] * 5, [2, 3, 4]),
        ([6, 6, 6, 6], [10] * 4, []),
        ([6, 6, 6, 6, 6], [10] * 10, [0, 1, 2, 3, 4]),
        ([6, 6, 6, 6, 6], [10] * 11, []),
        ([6, 6, 6, 6, 6, 6], [10] * 5, [0, 1, 2, 3, 4]),
    ],
    ids=["within", "beyond", "the poorer ones", "too few", "half", "a chosen part", "new ones"],
)
def test_a_source_that_collapses_is_caught(
    now: list[int], before: list[int], doubted: list[int]
) -> None:
    """Where a fifth of all models is gone, all that is poorer is held back, though each may pass.

    Not where too few filters, or too small a part of the published ones, were made anew.
    """
    found = verdicts(group("civitai", now), set_of("civitai", before))
    assert [*found] == [("civitai", f"filter/{place}") for place in doubted]
    assert {each.rule for each in found.verdicts.values()} <= {GateRule.SOURCE_SHRUNK}
    steps = {each.next_step for each in found.held.values()}
    assert all("raise max-source-shrink under [gate]" in step for step in steps)


def test_a_collapse_stays_with_its_source() -> None:
    """The filters of a healthy source are published beside those of a sick one, with the sums."""
    cases = [*group("civitai", [7] * 5), *group("huggingface", [7] * 5)]
    before = set_of("civitai", [10] * 5) | set_of("huggingface", [8] * 5)
    found = verdicts(cases, before)
    assert {source for source, _ in found} == {"civitai"}
    assert found["civitai", "filter/0"].cause == (
        "civitai as a whole lists 35 models in 5 filters that hold 50, and at most 20% may go"
    )


STREAK = Streak(rule="shrunk", runs=2, since=NOW - DAY)


@pytest.mark.parametrize(
    ("streak", "now", "accepted"),
    [
        (STREAK, NOW, True),
        (None, NOW, False),
        (STREAK, None, False),
        (Streak(rule="empty", runs=9, since=NOW - 9 * DAY), NOW, False),
        (Streak(rule="shrunk", runs=1, since=NOW - 9 * DAY), NOW, False),
        (Streak(rule="shrunk", runs=9, since=NOW - DAY + timedelta(seconds=1)), NOW, False),
        (Streak(rule="shrunk", runs=9, since=NOW + DAY), NOW, False),
    ],
    ids=["enough", "first", "no clock", "other rule", "too few", "too soon", "clock set back"],
)
def test_a_verdict_that_stands_is_accepted(
    *, streak: Streak | None, now: datetime | None, accepted: bool
) -> None:
    """The same verdict in three runs over a day is taken for the truth, and says so."""
    streaks = {X: streak} if streak else {}
    judgement = verdicts([candidate(X, 4)], published({X: 10}), streaks=streaks, now=now)
    assert judgement.verdicts[X].rule is GateRule.SHRUNK
    assert [*judgement.held] == [*judgement] == ([] if accepted else [X])
    assert len(judgement) == (not accepted)
    assert (judgement.get(X) is None) is accepted
    if accepted:
        reason = "accepted by itself: 3 runs since 2026-11-20 12:00 UTC came to the same"
        assert judgement.verdicts[X].accepted == reason


def test_nothing_need_be_accepted_by_itself() -> None:
    """An operator may keep every verdict to a person, however often it is repeated."""
    streaks = {X: Streak(rule="shrunk", runs=999, since=NOW - 999 * DAY)}
    limits = GateLimits(accept_after=float("inf"))
    judgement = verdicts(
        [candidate(X, 4)], published({X: 10}), streaks=streaks, now=NOW, limits=limits
    )
    assert [*judgement.held] == [X]


def test_some_verdicts_need_a_person() -> None:
    """A source without any model is not right after a day."""
    paths = [("civitai", f"filter/{place}") for place in range(2)]
    old = {rule: Streak(rule=rule, runs=99, since=NOW - 99 * DAY) for rule in GateRule}
    for rule, before in ((GateRule.EMPTY, 5), (GateRule.SOURCE_EMPTY, None)):
        silent = verdicts(
            group("civitai", [0, 0]),
            {} if before is None else set_of("civitai", [before] * 2),
            streaks=dict.fromkeys(paths, old[rule]),
            now=NOW,
        )
        assert [*silent] == paths


def test_limits_are_for_the_caller_to_choose() -> None:
    """Every threshold is an argument."""
    limits = GateLimits(
        max_shrink=0.1,
        least_loss=1,
        max_source_shrink=0.9,
        enough_shared=1,
        enough_of_source=0.1,
        enough_empty=1,
        memory=1,
        enough_history=1,
        most_models=50,
        accept_runs=1,
        accept_after=0.0,
    )
    strict = verdicts([candidate(X, 8)], published({X: 10}), limits=limits)
    assert strict.verdicts[X].rule is GateRule.SHRUNK
    alone = verdicts([candidate(X, 0)], {}, limits=limits)
    assert alone.verdicts[X].rule is GateRule.SOURCE_EMPTY
    lenient = verdicts([candidate(X, 8)], published({X: 10}), history={X: [8, 51]}, limits=limits)
    assert lenient == {}
    at_once = Streak(rule="shrunk", runs=0, since=NOW)
    quick = verdicts(
        [candidate(X, 8)], published({X: 10}), streaks={X: at_once}, now=NOW, limits=limits
    )
    assert quick.verdicts[X].accepted


KEYS = st.tuples(st.sampled_from(["civitai", "huggingface"]), st.integers(0, 9).map(str))
COUNTS = st.dictionaries(KEYS, st.integers(0, 40), max_size=16)
HISTORY = st.dictionaries(KEYS, st.lists(st.integers(-5, 20_000), max_size=8), max_size=8)
OWN = st.dictionaries(
    KEYS,
    st.fixed_dictionaries(
        {},
        optional={
            "allow_empty": st.booleans(),
            "min_count": st.integers(0, 40),
            "max_shrink": st.none() | st.floats(0, 1),
            "limit": st.integers(1, 60),
        },
    ),
)


def judge(
    counts: Counts,
    before: Counts,
    history: Mapping[Key, Sequence[int]],
    own: Mapping[Key, Mapping[str, object]],
) -> Judgement:
    """Return the judgement of a run that made manifests of so many models."""
    cases = [candidate(key, count, **own.get(key, {})) for key, count in counts.items()]
    return verdicts(cases, published(before), history=history)


@given(counts=COUNTS, before=COUNTS, history=HISTORY, own=OWN)
@settings(max_examples=50)
def test_what_is_no_poorer_is_never_held_back(
    counts: dict[Key, int],
    before: dict[Key, int],
    history: dict[Key, list[int]],
    own: dict[Key, dict[str, object]],
) -> None:
    """A candidate with as many models as are published, or more, passes, whatever else is known."""
    found = judge(counts, before, history, own)
    assert {key for key in found if counts[key] >= before.get(key, 99)} == set()


@given(counts=COUNTS, before=COUNTS, history=HISTORY, own=OWN, data=st.data())
@settings(max_examples=50)
def test_more_models_are_never_worse(
    counts: dict[Key, int],
    before: dict[Key, int],
    history: dict[Key, list[int]],
    own: dict[Key, dict[str, object]],
    data: st.DataObject,
) -> None:
    """A candidate that gains models is not held back for it, nor does it harm any other."""
    more = {key: count + data.draw(st.integers(0, 20)) for key, count in counts.items()}
    assert set(judge(more, before, history, own)) <= set(judge(counts, before, history, own))


@given(counts=COUNTS, before=COUNTS, history=HISTORY, own=OWN, random=st.randoms())
@settings(max_examples=50)
def test_the_order_of_candidates_leaves_no_trace(
    counts: dict[Key, int],
    before: dict[Key, int],
    history: dict[Key, list[int]],
    own: dict[Key, dict[str, object]],
    random: Random,
) -> None:
    """The same candidates are judged alike, and told in the same order, however they come."""
    shuffled = dict(random.sample([*counts.items()], len(counts)))
    one, other = judge(counts, before, history, own), judge(shuffled, before, history, own)
    assert [*one.verdicts.items()] == [*other.verdicts.items()]


@given(counts=COUNTS)
@settings(max_examples=50)
def test_without_history_an_empty_list_is_believed(counts: dict[Key, int]) -> None:
    """A new filter may be empty, unless its source is silent in two filters or more."""
    found = verdicts([candidate(key, count) for key, count in counts.items()], {})
    silent = {
        source
        for source in ("civitai", "huggingface")
        if not any(count for key, count in counts.items() if key[0] == source)
        and sum(key[0] == source for key in counts) > 1
    }
    assert set(found) == {key for key in counts if key[0] in silent}


@given(counts=COUNTS, before=COUNTS, history=HISTORY, own=OWN)
@settings(max_examples=50)
def test_what_was_not_made_is_not_judged(
    counts: dict[Key, int],
    before: dict[Key, int],
    history: dict[Key, list[int]],
    own: dict[Key, dict[str, object]],
) -> None:
    """No verdict falls on a filter without a candidate, whatever is published of it."""
    assert judge(counts, before, history, own).verdicts.keys() <= counts.keys()
