"""Both APIs, their faults and their traffic act as one upstream."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import orjson
import pytest

from manifests.clock import Clock
from manifests.sandbox.server import SandboxOptions, build
from manifests.sandbox.upstream import Sandbox, Traffic
from manifests.sandbox.wire import Answer, Ask, Delivery


def sandbox(simulate: str = "", *, hour: int = 1) -> Sandbox:
    """Return a small sandbox, begun at a fixed time."""
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: datetime(2026, 8, 9, hour, 30, tzinfo=UTC))
    return build(SandboxOptions(models=300, simulate=simulate), clock=clock)


def asked(
    path: str, simulate: str = "", *, method: str = "GET", of: Sandbox | None = None, **headers: str
) -> Answer:
    """Return the answer to one request; underscores in header names are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    ask = Ask.of_target(path, method=method, headers=named)
    return (of or sandbox(simulate)).answer(ask, now=0)


@pytest.mark.parametrize("path", ["/api/v1/models?limit=9", "/api/models?limit=9"])
def test_a_page_is_compressed_for_those_who_can_read_it(path: str) -> None:
    """Gzip changes the bytes on the wire and nothing else."""
    plain, packed = asked(path), asked(path, accept_encoding="br, gzip")
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in dict(plain.headers)
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert dict(plain.headers)["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("path", ["/api/v1/models?limit=9", "/api/models?limit=9"])
def test_a_client_that_has_the_page_gets_no_body(path: str) -> None:
    """A known tag is answered with 304, without body, length or coding; another one is not."""
    tag = dict(asked(path).headers)["ETag"]
    known = asked(path, if_none_match=f'"x", {tag}', accept_encoding="gzip")
    assert (known.status, known.body) == (304, b"")
    assert dict(known.headers)["ETag"] == tag
    assert not any(name.startswith("Content-") for name, _ in known.headers)
    assert asked(path, if_none_match='W/"other"').status == 200


def test_a_repeated_page_is_the_same_object() -> None:
    """A page that was made once is not made again for the same question."""
    kept = sandbox()
    first = asked("/api/v1/models?limit=9&sort=Newest", of=kept)
    second = asked("/api/v1/models?sort=Newest&limit=9", of=kept)
    assert first.body is second.body
    assert asked("/api/v1/models?limit=9&sort=Newest", of=kept, host="else").body != first.body


@pytest.mark.parametrize("path", ["/api/v1/models?period=Week", "/api/models"])
def test_one_day_sees_the_same_bytes(path: str) -> None:
    """Two runs on the same day at different hours answer alike, to the byte."""
    assert asked(path, of=sandbox(hour=1)).body == asked(path, of=sandbox(hour=23)).body


def test_only_hugging_face_tells_its_quota() -> None:
    """Each answer of Hugging Face counts, errors too; CivitAI publishes no quota."""
    kept = sandbox()
    asked("/api/models?limit=1", of=kept)
    counted = dict(asked("/api/models?limit=0", of=kept).headers)
    assert counted["RateLimit"] == '"api";r=99998;t=300'
    assert counted["RateLimit-Policy"] == '"fixed window";"api";q=100000;w=300'
    assert "RateLimit" not in dict(asked("/api/v1/models", of=kept).headers)


@pytest.mark.parametrize(("method", "body"), [("POST", b"Method not allowed"), ("HEAD", b"")])
@pytest.mark.parametrize("path", ["/api/v1/models", "/api/models"])
def test_other_methods_are_refused(method: str, body: bytes, path: str) -> None:
    """Only GET is spoken; faults leave the others alone."""
    answer = asked(path, "reset", method=method)
    assert (answer.status, answer.delivery) == (405, Delivery.WHOLE)
    assert ("Allow", "GET") in answer.headers
    assert body in answer.body


def test_a_page_cut_in_half_is_no_json() -> None:
    """`json` cuts the text before it is compressed: its length and its coding are right."""
    cut, whole = asked("/api/models?limit=9", "json"), asked("/api/models?limit=9")
    assert cut.body == whole.body[: len(whole.body) // 2]
    packed = asked("/api/models?limit=9", "json", accept_encoding="gzip")
    assert gzip.decompress(packed.body) == cut.body


@pytest.mark.parametrize(
    ("simulate", "status", "delivery", "delay"),
    [
        ("503", 503, Delivery.WHOLE, 0),
        ("civitai=503", 200, Delivery.WHOLE, 0),
        ("hf=slow:2s", 200, Delivery.WHOLE, 2),
        ("truncate", 200, Delivery.TRUNCATE, 0),
        ("timeout", 200, Delivery.HANG, 0),
        ("slow:1s,drip", 200, Delivery.DRIP, 1),
        ("window:1/60s", 200, Delivery.WHOLE, 0),
    ],
)
def test_faults_reach_the_answer(
    simulate: str, status: int, delivery: Delivery, delay: float
) -> None:
    """What befalls a request shows in its status, its delivery and its delay."""
    answer = asked("/api/models", simulate)
    assert (answer.status, answer.delivery, answer.delay) == (status, delivery, delay)


def test_an_empty_page_is_well_formed() -> None:
    """`empty` is 200 with nothing in it and nothing after it."""
    assert asked("/api/models", "empty").body == b"[]"
    assert orjson.loads(asked("/api/v1/models", "empty").body) == {"items": [], "metadata": {}}


def test_capacity_counts_what_is_in_flight() -> None:
    """A request beyond the capacity of its source is refused while the others last."""
    full = sandbox("capacity:1")
    with full.traffic.counted("civitai"), full.traffic.counted("huggingface"):
        assert asked("/api/models", of=full).status == 200
        with full.traffic.counted("huggingface"):
            assert asked("/api/models", of=full).status == 429
            assert asked("/api/v1/models", of=full).status == 200


def test_traffic_is_counted_by_source_and_in_all() -> None:
    """Requests are counted for ever, those in flight until they end, even badly."""
    traffic = Traffic()
    with pytest.raises(LookupError), traffic.counted("civitai"), traffic.counted("huggingface"):
        raise LookupError
    with traffic.counted("civitai"):
        assert traffic.in_flight.total() == 1
    assert (dict(traffic.requests), traffic.most_in_flight) == ({"civitai": 2, "huggingface": 1}, 2)
