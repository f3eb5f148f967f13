"""Faults befall requests as the specification says."""

from __future__ import annotations

import random

import pytest

from manifests.sandbox.faults import STATUSES, parse
from manifests.sandbox.injector import Injector, Verdict
from manifests.sandbox.wire import CIVITAI, HUGGINGFACE, Answer, Delivery, Twist


def injector(specification: str, seed: int = 1) -> Injector:
    """Return the faults of *specification*, begun at time 0."""
    return Injector(parse(specification), chance=random.Random(seed), now=0)


def verdict(
    specification: str, source: str = CIVITAI, *, in_flight: int = 1, now: float = 0
) -> Verdict:
    """Return what befalls the first request."""
    return injector(specification).verdict(source, in_flight=in_flight, now=now)


def answered(specification: str, source: str = CIVITAI) -> Answer:
    """Return what is sent in place of a page."""
    answer = verdict(specification, source).instead
    assert answer is not None
    return answer


def test_nothing_befalls_by_default() -> None:
    """Without faults CivitAI says nothing of a quota, and Hugging Face has a generous one."""
    assert verdict("") == Verdict()
    assert dict(verdict("", HUGGINGFACE).headers)["RateLimit"] == '"api";r=99999;t=300'


@pytest.mark.parametrize("status", sorted(STATUSES))
@pytest.mark.parametrize("source", [CIVITAI, HUGGINGFACE])
def test_each_status_has_its_answer(status: str, source: str) -> None:
    """A status fault answers with that status, a body, and nothing about a quota."""
    struck = verdict(status, source)
    assert struck.instead is not None
    assert (struck.instead.status, struck.headers) == (int(status), ())
    assert struck.instead.body


@pytest.mark.parametrize(
    ("specification", "kind", "text"),
    [
        ("429", "text/html", b"rate limited"),
        ("502", "text/html", b"Bad gateway"),
        ("524", "text/html", b"A timeout occurred"),
        ("403", "text/html", b"Just a moment..."),
        ("451", "application/json", b"REGION_BLOCKED"),
        ("html", "text/html", b"Explore models"),
        ("challenge", "text/html", b"/cdn-cgi/challenge-platform"),
        ("error", "application/json", b'{"error":"Model search'),
    ],
)
def test_bodies(specification: str, kind: str, text: bytes) -> None:
    """The body is what the edge or the origin would send."""
    answer = answered(specification)
    assert dict(answer.headers)["Content-Type"].startswith(kind)
    assert text in answer.body


def test_an_edge_429_has_no_word_of_when_to_come_again() -> None:
    """Only a fault with a duration carries Retry-After, in whole seconds."""
    assert "Retry-After" not in dict(answered("429").headers)
    assert dict(answered("429:1500ms").headers)["Retry-After"] == "2"
    assert dict(answered("503:3s").headers)["Retry-After"] == "3"


def test_only_a_403_tells_that_it_is_a_challenge() -> None:
    """`cf-mitigated` stands on the 403; the 200 must be known by its body."""
    assert dict(answered("403").headers)["cf-mitigated"] == "challenge"
    assert "cf-mitigated" not in dict(answered("challenge").headers)
    assert answered("challenge").status == 200


@pytest.mark.parametrize(
    ("specification", "expected"),
    [
        ("empty", Verdict(twist=Twist.EMPTY)),
        ("loop", Verdict(twist=Twist.LOOP)),
        ("json", Verdict(twist=Twist.CUT)),
        ("timeout", Verdict(delivery=Delivery.HANG)),
        ("reset", Verdict(delivery=Delivery.RESET)),
        ("truncate", Verdict(delivery=Delivery.TRUNCATE)),
        ("drip", Verdict(delivery=Delivery.DRIP)),
        ("endless", Verdict(delivery=Delivery.ENDLESS)),
        ("slow:2s", Verdict(delay=2)),
        ("slow:2s,slow:500ms", Verdict(delay=2.5)),
        ("slow:2s,reset,empty", Verdict(delay=2, delivery=Delivery.RESET)),
        ("reset,slow:2s", Verdict(delay=2, delivery=Delivery.RESET)),
        ("latency:0s", Verdict()),
        ("hf=reset", Verdict()),
        ("capacity:1", Verdict()),
        ("rate:1/s", Verdict()),
    ],
)
def test_faults_combine(specification: str, expected: Verdict) -> None:
    """Delays add up; of all other faults the first one settles the matter."""
    assert verdict(specification) == expected


def test_latency_spreads_around_its_median() -> None:
    """Half of the drawn delays are below the median, and they differ."""
    slow = injector("latency:600ms")
    delays = [slow.verdict(CIVITAI, in_flight=1, now=0).delay for _ in range(1000)]
    assert len(set(delays)) == 1000
    assert 450 <= sum(delay < 0.6 for delay in delays) <= 550


def test_a_share_befalls_about_so_many_and_the_same_ones_again() -> None:
    """A tenth is about a tenth, and the seed decides which."""

    def struck(seed: int) -> list[bool]:
        ill = injector("429:10%", seed)
        return [ill.verdict(CIVITAI, in_flight=1, now=0).is_settled for _ in range(2000)]

    assert 150 <= sum(struck(1)) <= 250
    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_capacity_refuses_those_above_it() -> None:
    """More in flight than the capacity are refused by the edge."""
    assert not verdict("capacity:8", in_flight=8).is_settled
    refused = verdict("capacity:8", in_flight=9).instead
    assert refused is not None
    assert refused.status == 429


def test_each_source_has_its_own_rate() -> None:
    """What one source has used up does not count against the other."""
    limited = injector("rate:1/s:retry")
    assert not limited.verdict(CIVITAI, in_flight=1, now=0).is_settled
    assert not limited.verdict(CIVITAI, in_flight=1, now=0).is_settled
    refused = limited.verdict(CIVITAI, in_flight=1, now=0).instead
    assert refused is not None
    assert dict(refused.headers)["Retry-After"] == "1"
    assert not limited.verdict(HUGGINGFACE, in_flight=1, now=0).is_settled


def test_a_rate_without_retry_tells_nothing() -> None:
    """The edge's refusal has no header unless `retry` asks for it."""
    limited = injector("rate:1/m")
    assert not limited.verdict(CIVITAI, in_flight=1, now=0).is_settled
    refused = limited.verdict(CIVITAI, in_flight=1, now=0).instead
    assert refused is not None
    assert "Retry-After" not in dict(refused.headers)


@pytest.mark.parametrize("source", [CIVITAI, HUGGINGFACE])
def test_a_simulated_window_is_enforced_and_told(source: str) -> None:
    """The quota counts down in the headers; beyond it there is a 429 that tells the wait."""
    limited = injector("window:1/300s")
    first = limited.verdict(source, in_flight=1, now=10)
    assert not first.is_settled
    assert dict(first.headers)["RateLimit"] == '"api";r=0;t=290'
    second = limited.verdict(source, in_flight=1, now=10)
    assert second.instead is not None
    assert second.instead.status == 429
    assert dict(second.headers)["RateLimit"] == '"api";r=0;t=290'
    assert not limited.verdict(source, in_flight=1, now=300).is_settled
