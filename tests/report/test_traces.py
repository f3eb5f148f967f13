"""A run as spans: a tree in the words of OpenTelemetry, without anybody's secrets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from manifests.errors import ErrorCode
from manifests.report.story import tell
from manifests.report.traces import safe_url, trace_of
from manifests.results import QueryRecord, RunRecord
from manifests.traffic import Attempt

if TYPE_CHECKING:
    from manifests.report.traces import Span

EVENTFUL = Path(__file__).parents[1] / "data" / "eventful-run.json"
NOON = 1785585600 * 10**9
"""When the run began, in nanoseconds."""


@pytest.fixture(scope="module")
def record() -> RunRecord:
    """A run in which everything happened."""
    return RunRecord.model_validate_json(EVENTFUL.read_bytes())


@pytest.fixture(scope="module")
def root(record: RunRecord) -> Span:
    """The span of that run."""
    return trace_of(tell(record))


def request_of(record: RunRecord, **fields: object) -> Span:
    """Return the span of one request with these fields."""
    attempt = Attempt.model_validate(
        {"number": 1, "url": "https://u.example/a", "started": 1, "seconds": 0.5, **fields}
    )
    query = QueryRecord(source="civitai", parameters=(), filters=(), attempts=(attempt,))
    return trace_of(tell(record.model_copy(update={"queries": (query,)}))).children[0].children[0]


def test_the_run_is_the_root(root: Span) -> None:
    """The root spans the run, with its id, its counts, and why it is an error."""
    assert (root.name, root.kind) == ("manifests run", "internal")
    assert (root.start, root.end) == (NOON, NOON + 42_500_000_000)
    assert root.attributes["manifests.run"] == "20260801T120000Z-0a1b"
    assert root.attributes["manifests.exit_code"] == 3
    assert root.attributes["manifests.filters.fresh"] == 2
    assert root.error is not None
    assert root.error.endswith("exit code 3")


def test_a_good_run_is_no_error(record: RunRecord) -> None:
    """A run that deserves exit code 0 has no error status."""
    good = tuple(each for each in record.outcomes if each.state.is_current)
    assert trace_of(tell(record.model_copy(update={"outcomes": good}))).error is None


def test_listings_are_the_children(root: Span) -> None:
    """Each listing that was asked for spans its requests; one answered without any has no span."""
    assert [(each.name, len(each.children)) for each in root.children] == [
        ("listing civitai", 3),
        ("listing civitai", 2),
        ("listing civitai", 1),
        ("listing huggingface", 1),
    ]
    first, failed = root.children[:2]
    assert (first.start, first.end) == (NOON + 100_000_000, NOON + 4_000_000_000)
    assert first.error is None
    assert failed.error == "HTTP 429"
    assert failed.attributes["error.type"] == "MAX_RETRIES_EXCEEDED"


def test_a_listing_that_failed_without_a_request_is_told(record: RunRecord) -> None:
    """A listing that was given up before its turn is an error of no length."""
    failure = record.outcomes[2].failure
    query = QueryRecord(source="civitai", parameters=(), filters=("filter/x",), failure=failure)
    (span,) = trace_of(tell(record.model_copy(update={"queries": (query,)}))).children
    assert span.start == span.end == NOON
    assert span.error == "HTTP 429"


def test_waits_are_events_of_their_listing(root: Span) -> None:
    """A back-off is an event where it began, with its seconds and its cause."""
    (event,) = root.children[0].events
    assert (event.name, event.at) == ("backoff", NOON + 1_000_000_000)
    assert event.attributes == {"manifests.seconds": 2.0, "manifests.cause": "HTTP 503"}


def test_holds_are_events_of_the_run(root: Span) -> None:
    """Pauses and circuits of hosts are events under the names of the event log."""
    assert [(event.name, event.at - NOON) for event in root.events] == [
        ("host.held", 500_000_000),
        ("circuit.changed", 1_000_000_000),
        ("circuit.changed", 6_000_000_000),
        ("host.held", 10_000_000_000),
    ]
    assert root.events[1].attributes["manifests.circuit"] == "open"
    assert "manifests.circuit" not in root.events[0].attributes


def test_a_request_follows_the_conventions(root: Span) -> None:
    """A request is a client span with the attributes of the HTTP conventions."""
    again = root.children[0].children[1]
    assert (again.name, again.kind, again.error) == ("GET", "client", None)
    assert again.end - again.start == 500_000_000
    assert again.attributes == {
        "http.request.method": "GET",
        "url.full": "https://civitai.example/api/v1/models"
        "?limit=100&nsfw=true&sort=Most%20Downloaded",
        "server.address": "civitai.example",
        "server.port": 443,
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
        "manifests.response.decoded_bytes": 1000,
        "manifests.source": "civitai",
    }


@pytest.mark.parametrize(
    ("fields", "error", "type_"),
    [
        ({"status": 200}, None, None),
        (
            {"status": 503, "code": ErrorCode.API_ERROR, "cause": "HTTP 503"},
            "HTTP 503",
            "503",
        ),
        (
            {"code": ErrorCode.TIMEOUT, "cause": "no whole answer"},
            "no whole answer",
            "TIMEOUT",
        ),
        (
            {"status": 200, "code": ErrorCode.CHALLENGE},
            "CHALLENGE",
            "CHALLENGE",
        ),
        (
            {"code": ErrorCode.CANCELLED, "cause": "another was answered first"},
            None,
            "CANCELLED",
        ),
    ],
    ids=["good", "status", "no answer", "bad under 200", "cancelled on purpose"],
)
def test_what_is_an_error(
    record: RunRecord, fields: dict[str, object], error: str | None, type_: str | None
) -> None:
    """A bad answer is an error by its status, or else by our code; a cancelled copy is none."""
    span = request_of(record, **fields)
    assert span.error == error
    assert span.attributes.get("error.type") == type_


@pytest.mark.parametrize(
    ("url", "attributes"),
    [
        (
            "http://127.0.0.1:81/a",
            {"url.full": "http://127.0.0.1:81/a", "server.address": "127.0.0.1", "server.port": 81},
        ),
        ("https://u.example:port/", {}),
        ("nonsense", {"url.full": "nonsense"}),
    ],
)
def test_a_url_tells_what_it_can(
    record: RunRecord, url: str, attributes: dict[str, object]
) -> None:
    """The server is named with its port; what is no URL is told as far as it goes."""
    found = request_of(record, url=url).attributes
    assert {
        name: value for name, value in found.items() if name.startswith(("url", "server"))
    } == attributes


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://user:word@u.example/a?b=1", "https://u.example/a?b=1"),
        ("https://u.example/a?token=abc&b=1", "https://u.example/a?token=REDACTED&b=1"),
        (
            "https://u.example/a?api_key=abc&Access_Token=",
            "https://u.example/a?api_key=REDACTED&Access_Token=REDACTED",
        ),
        ("https://u.example/a?X-Amz-Signature=abc", "https://u.example/a?X-Amz-Signature=REDACTED"),
        ("https://u.example/a?monkey=1&sort=a%20b", "https://u.example/a?monkey=1&sort=a%20b"),
    ],
)
def test_no_secret_is_told(url: str, safe: str) -> None:
    """Users, passwords and values of parameters that look secret are left out; the rest stays."""
    assert safe_url(url) == safe


def test_equal_stories_make_equal_spans(record: RunRecord, root: Span) -> None:
    """The trace of a run is the same however it was stored."""
    again = RunRecord.model_validate_json(record.model_dump_json(by_alias=True))
    assert trace_of(tell(again)) == root
