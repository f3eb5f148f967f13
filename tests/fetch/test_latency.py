"""The last latencies are remembered, and their quantiles are those of a sorted list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.fetch.latency import Latencies


@pytest.mark.parametrize(("share", "expected"), [(0, 1), (0.25, 3), (0.5, 6), (0.95, 10), (1, 10)])
def test_a_quantile_is_one_of_the_values(share: float, expected: float) -> None:
    """The quantile is the value below which that share lies; 100 % give the largest."""
    latencies = Latencies()
    for seconds in (7, 3, 10, 1, 9, 2, 8, 4, 6, 5):
        latencies.add(seconds, keep=10)
    assert latencies.quantile(share) == expected


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(1, 30)), min_size=1))
def test_only_the_last_are_remembered(added: list[tuple[float, int]]) -> None:
    """Whatever is kept from time to time, quantiles are those of the last ones."""
    latencies, model = Latencies(), list[float]()
    for seconds, keep in added:
        latencies.add(seconds, keep=keep)
        model = [*model, seconds][-keep:]
    assert len(latencies) == len(model)
    assert latencies.quantile(0.25) == sorted(model)[len(model) // 4]
