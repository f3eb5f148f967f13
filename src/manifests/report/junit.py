"""Tell a run as JUnit XML: a suite for each source, a case for each filter, for CI to show.

The elements and attributes are those that Jenkins, GitLab and GitHub's readers have in common.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from manifests.errors import ErrorCode
from manifests.report.findings import reproduce, shown_code
from manifests.report.plain import plain
from manifests.results import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from manifests.report.story import Story
    from manifests.results import Failure, Outcome, QueryRecord

__all__ = ["render"]

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
INTERRUPTED = frozenset({ErrorCode.CANCELLED})
"""Nobody tried to the end, so that nothing is known against these filters."""
MADE_WORSE = frozenset({ErrorCode.STORE_ERROR})
"""Not upstream failed but this machine."""


def render(story: Story) -> bytes:
    """Return the run as JUnit XML in UTF-8."""
    seconds = seconds_of(story.record.queries)
    root = ET.Element("testsuites", name="manifests", time=f"{story.record.seconds:.3f}")
    for source in sorted({outcome.source for outcome in story.record.outcomes}):
        own = [outcome for outcome in story.record.outcomes if outcome.source == source]
        root.append(suite(story, source, own, seconds))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(each.get(name, "0")) for each in root)))
    ET.indent(root)
    return f"{DECLARATION}\n{ET.tostring(root, encoding='unicode')}\n".encode()


def suite(
    story: Story, source: str, outcomes: Iterable[Outcome], seconds: Mapping[tuple[str, str], float]
) -> ET.Element:
    """Return the suite of one source."""
    cases = [
        case(story, each, seconds=seconds.get((source, each.filter), 0.0)) for each in outcomes
    ]
    element = ET.Element("testsuite", name=plain(source), tests=str(len(cases)))
    for name in ("failure", "error", "skipped"):
        found = sum(each.find(name) is not None for each in cases)
        element.set(name if name == "skipped" else f"{name}s", str(found))
    # Readers expect a time without a zone.
    element.set("timestamp", plain(story.record.started).removesuffix("Z"))
    element.set("time", f"{sum(float(each.get('time', '0')) for each in cases):.3f}")
    properties = ET.SubElement(element, "properties")
    for name, value in facts(story, source):
        ET.SubElement(properties, "property", name=name, value=plain(value))
    element.extend(cases)
    return element


def facts(story: Story, source: str) -> Iterable[tuple[str, str]]:
    """Yield what is known of the suite as a whole."""
    record = story.record
    yield "run", record.run
    yield "ended_by", record.ended_by
    yield "exit_code", str(story.exit_code.value)
    yield "tool", record.environment.tool
    yield "auth", record.environment.auth.get(source, "unknown")
    yield "endpoint", record.environment.endpoints.get(source, "unknown")


def case(story: Story, outcome: Outcome, *, seconds: float) -> ET.Element:
    """Return the case of one filter; *seconds* is its part of the requests for its listing."""
    element = ET.Element(
        "testcase",
        classname=plain(outcome.source),
        name=plain(outcome.filter),
        time=f"{seconds:.3f}",
    )
    if outcome.failure:
        element.append(verdict(story, outcome, outcome.failure))
    elif not outcome.state.is_current:
        ET.SubElement(element, "failure", type=outcome.state, message=outcome.state)
    return element


def verdict(story: Story, outcome: Outcome, failure: Failure) -> ET.Element:
    """Return why one filter is not current, with what to type next."""
    message = plain(f"{outcome.state}: {failure.cause}")
    if failure.code in INTERRUPTED and outcome.state is State.STALE:
        return ET.Element("skipped", message=message)
    tag = "error" if failure.code in MADE_WORSE else "failure"
    element = ET.Element(tag, type=shown_code(failure).split()[0], message=message)
    lines = [
        plain(shown_code(failure)),
        plain(failure.cause),
        *([f"stale since {plain(outcome.stale_since)}"] if outcome.stale_since else []),
        f"next: {plain(failure.next_step)}",
        f"see: {reproduce(outcome, story.flags)}",
    ]
    element.text = "\n".join(lines)
    return element


def seconds_of(queries: Iterable[QueryRecord]) -> dict[tuple[str, str], float]:
    """Return source and path → seconds of requests and back-off, shared listings split evenly."""
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for query in queries:
        total = sum(attempt.seconds + attempt.wait for attempt in query.attempts)
        for path in query.filters:
            seconds[query.source, path] += total / len(query.filters)
    return seconds
