"""Limits count by the time they are given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from manifests.sandbox.limits import FixedWindow, TokenBucket


def test_a_bucket_admits_a_burst_and_then_its_rate() -> None:
    """Two seconds' worth goes at once; then each waits for its token."""
    bucket = TokenBucket(per_second=10, now=0)
    assert [bucket.take(0) for _ in range(20)] == [0.0] * 20
    assert bucket.take(0) == 0.1
    assert bucket.take(0.1) == 0


def test_a_slow_bucket_admits_one() -> None:
    """A rate below one in two seconds still admits the first request."""
    bucket = TokenBucket(per_second=0.01, now=5)
    assert bucket.take(5) == 0
    assert bucket.take(5) == 100


@given(st.lists(st.floats(0, 2), max_size=60))
def test_a_bucket_never_exceeds_its_rate(gaps: list[float]) -> None:
    """However requests come, no more pass than the burst and the rate allow."""
    bucket, now, passed = TokenBucket(per_second=3, now=0), 0.0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now) == 0
    assert passed <= 6 + now * 3 + 1e-6


def test_a_window_refuses_until_it_ends() -> None:
    """A used-up quota is whole again when its window ends, however many have passed."""
    window = FixedWindow(quota=2, seconds=300, start=0)
    assert [window.take(1), window.take(2), window.take(299)] == [True, True, False]
    assert window.take(300)
    assert window.start == 300
    assert window.take(1000)
    assert (window.start, window.used) == (900, 1)


def test_a_window_tells_what_is_left() -> None:
    """The headers hold what is left, the seconds to the end, and the policy."""
    window = FixedWindow(quota=500, seconds=300, start=0)
    window.take(10.5)
    assert window.headers(10.5) == (
        ("RateLimit", '"api";r=499;t=290'),
        ("RateLimit-Policy", '"fixed window";"api";q=500;w=300'),
    )
