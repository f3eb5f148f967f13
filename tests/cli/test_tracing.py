"""The trace of a run goes where the standard variables say, over real HTTP, or is told as lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from manifests.cli.otel import BATCH, deliver, spans_of
from manifests.cli.tracing import is_asked, objection, send_trace
from manifests.report.story import tell
from manifests.report.traces import Span, trace_of
from manifests.results import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from manifests.report.story import Story

EVENTFUL = Path(__file__).parents[1] / "data" / "eventful-run.json"
RUN = "20260801T120000Z-0a1b"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SECRET = "made-up-secret-of-the-collector"
WITHOUT = """
import sys
from pathlib import Path
sys.modules["opentelemetry"] = None
from manifests.cli.tracing import send_trace
from manifests.report.story import tell
from manifests.results import RunRecord
record = RunRecord.model_validate_json(Path(sys.argv[1]).read_bytes())
sys.stdout.write(send_trace(tell(record), {"OTEL_TRACES_EXPORTER": "otlp"}))
"""


class Sink(HTTPServer):
    """A collector on loopback that remembers what it was sent."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Posted)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def names(self) -> list[str]:
        """Names of all spans that came."""
        messages = [ExportTraceServiceRequest.FromString(body) for _, _, body in self.requests]
        return [
            span.name
            for message in messages
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Posted(BaseHTTPRequestHandler):
    """Takes one request."""

    server: Sink

    def do_POST(self) -> None:
        """Remember what was sent, and answer with the sink's status."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing on stderr."""


@contextmanager
def listening(status: int = 200) -> Iterator[Sink]:
    """Yield a collector that answers with *status*."""
    with Sink(status) as sink:
        thread = threading.Thread(target=sink.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def story() -> Story:
    """The story of a run in which everything happened."""
    return tell(RunRecord.model_validate_json(EVENTFUL.read_bytes()))


@pytest.fixture(scope="module")
def spans(story: Story) -> list[ReadableSpan]:
    """Its spans, as OpenTelemetry's own library makes them."""
    return spans_of(trace_of(story), run=RUN)


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, which the library reads by itself."""
    return monkeypatch


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://c.example"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c.example/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", ENDPOINT: "http://c.example"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", ENDPOINT: "http://c.example"}, False),
        ({"OTEL_SDK_DISABLED": "false", ENDPOINT: "http://c.example"}, True),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, False),
    ],
)
def test_traces_are_off_unless_asked_for(environ: dict[str, str], *, asked: bool) -> None:
    """Only the standard variables switch traces on, and the usual ones switch them off."""
    assert is_asked(environ) is asked


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, ""),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ""),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER names an exporter"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ""),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be http/"),
        (
            {
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            "",
        ),
    ],
)
def test_what_can_not_be_done_is_said(environ: dict[str, str], words: str) -> None:
    """An exporter or a protocol that is not there is named by its variable."""
    assert objection(environ).startswith(words)
    assert bool(objection(environ)) is bool(words)


def test_nothing_is_sent_unasked(story: Story) -> None:
    """Without the variables there is neither a request nor a word."""
    assert send_trace(story, {}) == ""


def test_an_objection_is_a_note(story: Story) -> None:
    """What can't be done is told, and nothing is sent."""
    found = send_trace(story, {"OTEL_TRACES_EXPORTER": "jaeger"})
    assert found.startswith("no trace is sent: OTEL_TRACES_EXPORTER")


def test_a_collector_gets_the_trace(story: Story, variables: pytest.MonkeyPatch) -> None:
    """Over HTTP the collector gets all spans, with its own headers, on the standard path."""
    with listening() as sink:
        variables.setenv(ENDPOINT, sink.url)
        variables.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization=Bearer%20{SECRET}")
        assert send_trace(story, {ENDPOINT: sink.url}) == ""
    ((path, headers, body),) = sink.requests
    assert path == "/v1/traces"
    assert headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET.encode() not in body
    assert sorted(sink.names) == ["GET"] * 7 + ["listing civitai"] * 3 + [
        "listing huggingface",
        "manifests run",
    ]


def test_a_refusal_is_a_note(
    story: Story, variables: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A collector that takes nothing costs one line: no failure, no log, and no secret."""
    with listening(status=400) as sink:
        variables.setenv(ENDPOINT, sink.url)
        variables.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")
        found = send_trace(story, {ENDPOINT: sink.url})
    assert found == f"the trace was not taken; look at {ENDPOINT} and the collector"
    assert len(sink.requests) == 1
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "many"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        (ENDPOINT, "no url"),
    ],
)
def test_unusable_variables_are_a_note(
    story: Story, variables: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A value that the library can't use makes no run fail, and is not repeated."""
    variables.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    variables.setenv(ENDPOINT, "https://127.0.0.1:1")
    variables.setenv(name, value)
    found = send_trace(story, {ENDPOINT: "https://127.0.0.1:1"})
    assert "OTEL_" in found
    assert value not in found


def test_without_the_extra_there_is_a_note() -> None:
    """Where OpenTelemetry is not installed, one line says how to install it."""
    found = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(EVENTFUL)], capture_output=True, text=True, check=True
    )
    assert "pip install 'manifests[otel]'" in found.stdout
    assert found.stderr == ""


def test_spans_make_a_tree(spans: list[ReadableSpan]) -> None:
    """All spans are of one trace, each has its parent in it, and children end before parents."""
    known = {span.context.span_id for span in spans if span.context}
    *others, root = spans
    assert root.name == "manifests run"
    assert root.parent is None
    assert {span.parent.span_id for span in others if span.parent} <= known
    assert all(span.parent for span in others)
    assert len({span.context.trace_id for span in spans if span.context}) == 1
    assert len(known) == len(spans) == 12


def test_spans_have_what_happened(spans: list[ReadableSpan]) -> None:
    """Times, kinds, status, attributes and events survive the way through the library."""
    first, root = spans[0], spans[-1]
    assert (first.name, first.kind) == ("GET", SpanKind.CLIENT)
    assert first.status.status_code is StatusCode.ERROR
    assert first.status.description == "HTTP 503"
    assert first.attributes is not None
    assert first.attributes["http.response.status_code"] == 503
    assert first.end_time is not None
    assert first.start_time is not None
    assert first.end_time - first.start_time == 900_000_000
    assert [event.name for event in root.events].count("host.held") == 2


def test_a_run_has_one_trace(story: Story, spans: list[ReadableSpan]) -> None:
    """Sent twice, a run has the same ids, so that it is no second trace."""
    again = spans_of(trace_of(story), run=RUN)
    other = spans_of(trace_of(story), run="another")
    assert [span.context for span in again] == [span.context for span in spans]
    assert other[0].context != spans[0].context


def test_a_run_may_be_part_of_a_trace(story: Story) -> None:
    """With TRACEPARENT the run is a child of the job that started it; nonsense is passed over."""
    root = spans_of(trace_of(story), run=RUN, parent=PARENT)[-1]
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == "b7ad6b7169203331"
    assert root.context is not None
    assert f"{root.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert spans_of(trace_of(story), run=RUN, parent="nonsense")[-1].parent is None


def test_the_service_is_named(
    story: Story, spans: list[ReadableSpan], variables: pytest.MonkeyPatch
) -> None:
    """The service is called manifests, unless the standard variable says otherwise."""
    assert spans[0].resource.attributes["service.name"] == "manifests"
    variables.setenv("OTEL_SERVICE_NAME", "catalogue")
    renamed = spans_of(trace_of(story), run=RUN)
    assert renamed[0].resource.attributes["service.name"] == "catalogue"


def test_a_long_run_is_sent_in_parts() -> None:
    """Many spans go in batches, all of them; the exporter is closed at the end."""
    leaf = Span(name="GET", start=0, end=1, attributes={})
    root = Span(name="root", start=0, end=1, attributes={}, children=(leaf,) * BATCH)
    out = InMemorySpanExporter()
    assert deliver(root, out, run=RUN)
    assert len(out.get_finished_spans()) == BATCH + 1
    assert not deliver(root, out, run=RUN)
