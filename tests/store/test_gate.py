"""The publish gate: what is doubted, and what is let through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from manifests.errors import ErrorCode
from manifests.listings import Candidate
from manifests.models import Filter
from manifests.results import Funnel
from manifests.store.gate import judge, judge_source, verdicts

if TYPE_CHECKING:
    from tests.store.conftest import MakeManifest

    from manifests.models import Manifest
    from manifests.store.names import Key


def candidate(manifest: Manifest, *, allow_empty: bool = False) -> Candidate:
    """Return a manifest with the filter that asked for it."""
    filter_ = Filter(
        source=manifest.source,
        path=manifest.filter,
        label=manifest.label,
        limit=100,
        sort="Most Downloaded",
        allow_empty=allow_empty,
    )
    count = len(manifest.model_ids)
    funnel = Funnel(fetched=count, kept=count)
    return Candidate(filter=filter_, manifest=manifest, funnel=funnel)


@pytest.mark.parametrize(
    ("ids", "before", "allow_empty", "doubted"),
    [
        ([], ["1", "2"], False, True),
        ([], ["1", "2"], True, False),
        ([], [], False, False),
        ([], None, False, False),
        (["1"], ["1", "2"], False, False),
        (["1"], None, False, False),
    ],
)
def test_only_an_unexpected_end_of_a_list_is_doubted(
    make_manifest: MakeManifest,
    ids: list[str],
    before: list[str] | None,
    *,
    allow_empty: bool,
    doubted: bool,
) -> None:
    """An empty manifest is held back where one that was not stands, unless that is allowed."""
    new = candidate(make_manifest("civitai", "filter/x", *ids))
    old = None if before is None else make_manifest("civitai", "filter/x", *before)
    failure = judge(new, old, allow_empty=allow_empty)
    assert (failure is not None) is doubted


def test_a_verdict_says_what_to_type(make_manifest: MakeManifest) -> None:
    """The verdict carries its code, both counts, and the key that would let the filter pass."""
    new = candidate(make_manifest("civitai", "filter/x"))
    failure = judge(new, make_manifest("civitai", "filter/x", "1", "2"), allow_empty=False)
    assert failure is not None
    assert failure.code is ErrorCode.QUARANTINED
    assert "2 are published" in failure.cause
    assert 'allow_empty = true in [overrides."filter/x"]' in failure.next_step


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
    make_manifest: MakeManifest, sizes: list[int], allowed: list[int], *, doubted: bool
) -> None:
    """Even without history, two listings that should not be empty are too many if all are."""
    group = [
        candidate(
            make_manifest("civitai", f"filter/{place}", *map(str, range(size))),
            allow_empty=place in allowed,
        )
        for place, size in enumerate(sizes)
    ]
    assert (judge_source(group, {}) is not None) is doubted


def test_filters_that_were_empty_before_accuse_nobody(make_manifest: MakeManifest) -> None:
    """A run over filters that are published as empty changes nothing, and so is believed."""
    group = [candidate(make_manifest("civitai", path)) for path in ("filter/a", "filter/b")]
    previous: dict[Key, Manifest] = {one.key: one.manifest for one in group}
    assert judge_source(group, previous) is None


def test_a_sick_source_is_held_back_as_a_whole(make_manifest: MakeManifest) -> None:
    """With a source that is not believed go its filters that may be empty, but no other source."""
    group = [
        candidate(make_manifest("civitai", "filter/a")),
        candidate(make_manifest("civitai", "filter/b"), allow_empty=True),
        candidate(make_manifest("civitai", "filter/c")),
        candidate(make_manifest("huggingface", "filter/a")),
        candidate(make_manifest("huggingface", "filter/b", "1")),
    ]
    previous = {("civitai", "filter/a"): make_manifest("civitai", "filter/a", "1")}
    failures = verdicts(group, previous)
    assert {path for source, path in failures if source == "civitai"} == {
        "filter/a",
        "filter/b",
        "filter/c",
    }
    assert len(failures) == 3
    assert "1 are published" in failures["civitai", "filter/a"].cause
    assert "all 3 listings of civitai" in failures["civitai", "filter/b"].cause
