"""Every report tells the same quantile of the same requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.report.exposition import summary
from manifests.report.quantiles import quantile


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_a_quantile_was_seen(values: list[float], share: float) -> None:
    """A quantile is one of the values, and at least that share of them is no greater."""
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9


@pytest.mark.parametrize(("count", "share", "expected"), [(100, 0.99, 99), (2, 0.5, 1), (1, 0, 1)])
def test_prometheus_is_told_the_same(count: int, share: float, expected: int) -> None:
    """The 99th of a hundred, not the slowest of all."""
    family = summary("x", "x", {"a": range(count, 0, -1)}, [share])
    assert family.samples[0].value == quantile(range(1, count + 1), share) == expected
