"""Send the trace of a run where the standard variables of OpenTelemetry say, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from manifests.report.story import Story

__all__ = ["is_asked", "objection", "send_trace"]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"


def send_trace(story: Story, environ: Mapping[str, str]) -> str:
    """Send the trace of a run if the environment asks for it.

    Returns:
        What a person should know: that it was not sent, and what to do; else nothing. A trace that
        is lost never makes a run fail.
    """
    if not is_asked(environ):
        return ""
    if problem := objection(environ):
        return f"no trace is sent: {problem}"
    try:
        # An extra, seldom wanted.
        from manifests.cli.otel import deliver, exporter  # noqa: PLC0415
        from manifests.report.traces import trace_of  # noqa: PLC0415
    except ModuleNotFoundError:
        return "no trace is sent: OpenTelemetry is not installed; pip install 'manifests[otel]'"
    try:
        out, parent = exporter(), environ.get("TRACEPARENT", "")
        is_taken = deliver(trace_of(story), out, run=story.record.run, parent=parent)
    except (OSError, ValueError):  # a limit that is no number, a file that is not there
        return "no trace is sent: a variable OTEL_… has a value that can't be used"
    return "" if is_taken else f"the trace was not taken; look at {ENDPOINTS[0]} and the collector"


def is_asked(environ: Mapping[str, str]) -> bool:
    """Tell whether the standard variables ask for traces; an empty one counts as unset.

    https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    chosen = environ.get("OTEL_TRACES_EXPORTER", "").strip()
    return chosen != "none" if chosen else any(environ.get(name, "").strip() for name in ENDPOINTS)


def objection(environ: Mapping[str, str]) -> str:
    """Return what is asked for and can't be done; empty when all can."""
    chosen = environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    if "otlp" not in {each.strip() for each in chosen.split(",")}:
        return "OTEL_TRACES_EXPORTER names an exporter that is not known here; set it to otlp"
    for name in PROTOCOLS:
        if protocol := environ.get(name, "").strip():
            return "" if protocol == PROTOCOL else f"{name} must be {PROTOCOL}"
    return ""
