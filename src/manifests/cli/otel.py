"""Hand the spans of a run to OpenTelemetry's own library, of the extra `otel`."""

from __future__ import annotations

import hashlib
import logging
from itertools import count
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from manifests import __version__

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer

    from manifests.report.traces import Span

__all__ = ["deliver", "exporter", "spans_of"]

BATCH = 512
"""Spans in one request; the library's own batches are as large."""


class RunIds(IdGenerator):
    """Ids that follow from that of a run: who sends it again makes no second trace of it."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._numbers = count(1)

    def generate_trace_id(self) -> int:
        """Return the id of the run's trace."""
        return self._hashed("trace", size=16)

    def generate_span_id(self) -> int:
        """Return the id of its next span."""
        return self._hashed(str(next(self._numbers)), size=8)

    def _hashed(self, name: str, *, size: int) -> int:
        digest = hashlib.blake2b(f"{self._run}/{name}".encode(), digest_size=size).digest()
        return int.from_bytes(digest, "big") or 1  # zero is no id


class Collected(SpanProcessor):
    """Keeps the spans that the sampler lets pass, in the order in which they end."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep *span*."""
        self.spans.append(span)


def exporter() -> SpanExporter:
    """Return the exporter that the standard variables describe; it is silent about failures."""
    # It would log them as text to stderr, where the event log may stand; we say it ourselves.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    return OTLPSpanExporter()


def deliver(root: Span, out: SpanExporter, *, run: str, parent: str = "") -> bool:
    """Send the spans of a run, and tell whether all were taken.

    Args:
        root: the span of the run.
        out: where they go; the first refusal ends it, since each may take as long as a timeout.
        run: its id.
        parent: a `traceparent` that the run is part of; empty when it stands for itself.
    """
    spans = spans_of(root, run=run, parent=parent)
    batches = (spans[start : start + BATCH] for start in range(0, len(spans), BATCH))
    try:
        return all(out.export(batch) is SpanExportResult.SUCCESS for batch in batches)
    finally:
        out.shutdown()


def spans_of(root: Span, *, run: str, parent: str = "") -> list[ReadableSpan]:
    """Return the library's spans for the tree below *root*, as its sampler lets them pass."""
    collected = Collected()
    # What the environment says of the service comes last, and so wins.
    resource = Resource({"service.name": "manifests", "service.version": __version__})
    provider = TracerProvider(
        resource=resource.merge(OTELResourceDetector().detect()),
        id_generator=RunIds(run),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(collected)
    context = TraceContextTextMapPropagator().extract({"traceparent": parent})
    record(provider.get_tracer("manifests", __version__), root, context)
    return collected.spans


def record(tracer: Tracer, span: Span, context: Context) -> None:
    """Record one span and those below it, with the times that they had."""
    made = tracer.start_span(
        span.name,
        context,
        kind=SpanKind.CLIENT if span.kind == "client" else SpanKind.INTERNAL,
        attributes=span.attributes,
        start_time=span.start,
    )
    for event in span.events:
        made.add_event(event.name, event.attributes, timestamp=event.at)
    if span.error is not None:
        made.set_status(Status(StatusCode.ERROR, span.error))
    for child in span.children:
        record(tracer, child, set_span_in_context(made, context))
    made.end(span.end)
