"""A run as metrics: read by a kept parser, named by the rules, bounded, and the same every time."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from manifests.report.formats import format_of
from manifests.report.hostmetrics import held_seconds
from manifests.report.prometheus import MOST_FILTERS, render
from manifests.report.story import tell
from manifests.results import Outcome, RunRecord, State
from manifests.store.names import temporary_name
from manifests.traffic import HostNote

if TYPE_CHECKING:
    from prometheus_client import Metric

    from manifests.report.story import Story

EVENTFUL = Path(__file__).parents[1] / "data" / "eventful-run.json"
NOT_BASE = re.compile(
    r"_(milli|micro|nano|kilo|mega|giga|kibi|mebi)?(minutes?|hours?|days?|ms|mins?|percent|bits?)(_|$)"
    r"|_(milliseconds|microseconds|nanoseconds|kilobytes|megabytes|gigabytes)(_|$)"
)


@pytest.fixture(scope="module")
def record() -> RunRecord:
    """A run in which everything happened."""
    return RunRecord.model_validate_json(EVENTFUL.read_bytes())


@pytest.fixture(scope="module")
def story(record: RunRecord) -> Story:
    """Its story."""
    return tell(record)


def families(data: bytes) -> dict[str, Metric]:
    """Return the metrics in a file, by name, as Prometheus' own client reads them."""
    return {each.name: each for each in text_string_to_metric_families(data.decode())}


def value(data: bytes, name: str, **labels: str) -> float:
    """Return the value of the one series that has these labels."""
    (found,) = (
        sample.value
        for family in families(data).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )
    return found


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("manifests_build_info", {"version": "0.1.0"}, 1),
        ("manifests_run_start_timestamp_seconds", {}, 1785585600),
        ("manifests_run_end_timestamp_seconds", {}, 1785585642.5),
        ("manifests_run_duration_seconds", {}, 42.5),
        ("manifests_run_exit_code", {}, 3),
        ("manifests_run_dry", {}, 0),
        ("manifests_run_ended_by", {"by": "completion"}, 1),
        ("manifests_run_ended_by", {"by": "SIGTERM"}, 0),
        ("manifests_filters", {"source": "civitai", "state": "stale"}, 1),
        ("manifests_filters", {"source": "huggingface", "state": "missing"}, 0),
        ("manifests_filter_failures", {"code": "QUARANTINED"}, 1),
        ("manifests_failed_ratio", {"source": "civitai"}, 0.6),
        ("manifests_failed_allowed_ratio", {}, 0.1),
        ("manifests_filter_behind", {"filter": "filter/r", "state": "stale"}, 1),
        (
            "manifests_filter_last_success_timestamp_seconds",
            {"filter": "filter/r"},
            1785477600,
        ),
        ("manifests_last_success_timestamp_seconds", {"source": "civitai"}, 1785585642.5),
        ("manifests_oldest_manifest_timestamp_seconds", {"source": "civitai"}, 1785477600),
        ("manifests_oldest_manifest_timestamp_seconds", {"source": "huggingface"}, 1785585000),
        ("manifests_models", {"source": "civitai"}, 140),
        ("manifests_models_added", {"source": "civitai"}, 3),
        ("manifests_models_removed", {"source": "civitai"}, 1),
        ("manifests_files", {"kind": "unlisted"}, 1),
        ("manifests_run_requests", {"source": "civitai", "class": "2xx"}, 3),
        ("manifests_run_requests", {"source": "civitai", "class": "4xx"}, 1),
        ("manifests_run_requests", {"source": "civitai", "class": "none"}, 1),
        ("manifests_run_retries", {"source": "civitai"}, 2),
        ("manifests_run_received_bytes", {"source": "huggingface"}, 5000),
        ("manifests_run_backoff_seconds", {"source": "civitai"}, 32),
        ("manifests_request_duration_seconds_count", {"source": "civitai"}, 5),
        ("manifests_request_duration_seconds_sum", {"source": "civitai"}, 2.35),
        ("manifests_request_duration_seconds", {"source": "civitai", "quantile": "0.5"}, 0.4),
        ("manifests_request_duration_seconds", {"source": "civitai", "quantile": "0.99"}, 0.9),
        ("manifests_host_refused_requests", {"source": "civitai"}, 1),
        ("manifests_host_window_requests", {"source": "civitai"}, 2.5),
        ("manifests_host_requests_per_second", {"source": "civitai"}, 1.25),
        ("manifests_host_quota_remaining_requests", {"source": "huggingface"}, 499),
        ("manifests_host_circuit_openings", {"source": "civitai"}, 1),
        ("manifests_host_held_seconds", {"source": "civitai"}, 35),
        ("manifests_host_circuit", {"source": "civitai", "circuit": "half-open"}, 1),
        ("manifests_host_circuit", {"source": "civitai", "circuit": "closed"}, 0),
    ],
)
def test_what_is_told(story: Story, name: str, labels: dict[str, str], expected: float) -> None:
    """Each metric has the value that the record gives, in base units."""
    assert value(render(story), name, **labels) == expected


def test_what_is_not_known_is_not_told(record: RunRecord) -> None:
    """What a record does not hold, or never was, makes no series rather than one of zero."""
    bare = record.model_copy(
        update={
            "hosts": (),
            "queries": (),
            "totals": None,
            "changes": None,
            "outcomes": (Outcome(source="civitai", filter="filter/x", state=State.MISSING),),
        }
    )
    told = families(render(tell(bare)))
    assert value(render(tell(bare)), "manifests_filter_behind", code="") == 1
    assert value(render(tell(bare)), "manifests_request_duration_seconds_count") == 0
    assert not {
        "manifests_models",
        "manifests_models_added",
        "manifests_last_success_timestamp_seconds",
        "manifests_host_circuit",
    } & set(told)


def test_names_follow_the_rules(story: Story) -> None:
    """As promtool demands: help and type once each, base units, no counter's name on a gauge."""
    text = render(story).decode()
    helped = re.findall(r"^# HELP (\S+) \S.*\.$", text, re.MULTILINE)
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert helped == list(typed)
    assert Counter(helped).most_common(1)[0][1] == 1
    for name, kind in typed.items():
        assert re.fullmatch(r"manifests(_[a-z]+)+", name)
        assert kind in {"gauge", "summary"}
        assert not re.search(r"_(total|count|sum|bucket|gauge|summary)$", name)
        assert not NOT_BASE.search(name)
    assert text.endswith("\n")


def test_no_series_is_told_twice(story: Story) -> None:
    """Node-exporter drops a whole folder for one series that is there twice, or has a time."""
    lines = [line for line in render(story).decode().split("\n") if line[:1] not in {"#", ""}]
    series = [line.rpartition(" ")[0] for line in lines]
    assert len(series) == len(set(series))
    assert all(each.endswith("}") for each in series)


def test_each_series_names_its_output(story: Story) -> None:
    """Files of two outputs in one folder don't collide: the output is a label everywhere."""
    samples = [each for family in families(render(story)).values() for each in family.samples]
    assert {sample.labels["out"] for sample in samples} == {"manifests"}


def test_hostile_names_stay_in_their_label(story: Story) -> None:
    """No text ends its label or its line, drives a terminal, or turns what is read around."""
    text = render(story).decode()
    (line,) = (each for each in text.split("\n") if "<script>" in each)
    assert r"\"q\" \\ line" in line
    assert line.endswith('code="MALFORMED_RESPONSE"} 1')
    assert text.replace("\n", "").isprintable()
    behind = families(render(story))["manifests_filter_behind"].samples
    assert [each.labels["filter"][:8] for each in behind] == ["<script>", "filter/r", "filter/x"]


def test_filters_of_their_own_are_bounded(record: RunRecord) -> None:
    """However many filters fail, only so many have series, and the rest is counted."""
    many = tuple(
        Outcome(source="civitai", filter=f"filter/{number:05}", state=State.MISSING)
        for number in range(MOST_FILTERS + 7)
    )
    data = render(tell(record.model_copy(update={"outcomes": many})))
    assert len(families(data)["manifests_filter_behind"].samples) == MOST_FILTERS
    assert value(data, "manifests_filters_behind_left_out") == 7
    assert value(data, "manifests_filters", source="civitai", state="missing") == len(many)


def test_equal_stories_make_equal_bytes(record: RunRecord, story: Story) -> None:
    """The metrics of a run are the same however it was stored, and need no clock."""
    again = RunRecord.model_validate_json(record.model_dump_json(by_alias=True))
    assert render(tell(again)) == render(story)


def test_the_format_is_found_by_its_suffix(story: Story) -> None:
    """`--report metrics.prom` means this format."""
    assert format_of(Path("folder/metrics.prom")).render(story) == render(story)


def test_a_half_written_file_is_not_collected() -> None:
    """The name under which a report is staged does not end as the collector expects it to."""
    assert not temporary_name("metrics.prom", "0" * 16).endswith(".prom")


@pytest.mark.parametrize(
    ("notes", "seconds"),
    [
        ([], 0),
        ([(1, 10, "hold")], 10),
        ([(1, 10, "hold"), (5, 10, "hold")], 14),
        ([(5, 2, "hold"), (1, 10, "hold")], 10),
        ([(1, 1, "hold"), (5, 1, "hold")], 2),
        ([(1, 10, "open"), (2, 0, "closed")], 0),
    ],
    ids=["none", "one", "longer", "within", "apart", "circuits are none"],
)
def test_pauses_count_once(notes: list[tuple[float, float, str]], seconds: float) -> None:
    """A host that is told to wait while it waits is held no longer for that."""
    made = [
        HostNote.model_validate({"at": at, "seconds": length, "kind": kind, "why": ""})
        for at, length, kind in notes
    ]
    assert held_seconds(made) == seconds
