"""The alert rules and the dashboard fit each other, Prometheus, and what a run tells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from manifests.report.prometheus import render
from manifests.report.story import tell
from manifests.results import RunRecord

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs" / "monitoring"
EVENTFUL = ROOT / "tests" / "data" / "eventful-run.json"
FIELDS = {"alert", "expr", "for", "labels", "annotations"}
RULES = yaml.safe_load((MONITORING / "alerts.yml").read_text(encoding="utf-8"))["groups"][0][
    "rules"
]
BOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
QUERIES = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
LABELS = ("out", "source", "state", "code", "circuit", "class", "quantile", "filter", "version")


def exported() -> str:
    """Return all that a run in which everything happened tells."""
    return render(tell(RunRecord.model_validate_json(EVENTFUL.read_bytes()))).decode()


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_a_query_names_what_exists(query: str) -> None:
    """Every metric that an alert or a panel asks for is one that a run exports."""
    names = set(re.findall(r"\bmanifests_[a-z_]+", query))
    assert names
    assert names <= set(re.findall(r"^# TYPE (\S+) ", exported(), re.MULTILINE))


@pytest.mark.parametrize("query", [*(rule["expr"] for rule in RULES), *QUERIES])
def test_a_query_is_balanced(query: str) -> None:
    """Brackets of a query close in order, and it selects by labels that exist."""
    stack = []
    for letter in re.sub(r'"[^"]*"', "", query):
        if letter in "({[":
            stack.append(letter)
        elif letter in ")}]":
            assert {")": "(", "}": "{", "]": "["}[letter] == stack.pop()
    assert stack == []
    assert set(re.findall(r"([a-z_]+)(?:=|!=|=~|!~)\"", query)) <= set(LABELS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_one_of_prometheus(rule: dict[str, object]) -> None:
    """A rule has the fields that Prometheus knows, a duration, and says what to do."""
    assert set(rule) == FIELDS
    assert re.fullmatch(r"[A-Z][A-Za-z]+", str(rule["alert"]))
    assert re.fullmatch(r"[0-9]+[mh]", str(rule["for"]))
    assert rule["labels"] in ({"severity": "critical"}, {"severity": "warning"})
    notes = rule["annotations"]
    assert isinstance(notes, dict)
    assert set(notes) == {"summary", "description"}
    for text in notes.values():
        fields = re.findall(r"\{\{ (.*?) \}\}", text)
        assert text.count("{{") == len(fields)
        assert {each.removeprefix("$labels.") for each in fields if "labels" in each} <= {
            "out",
            "source",
        }


def test_what_must_wake_somebody_is_there() -> None:
    """Missing runs, stale manifests, too many failures, open circuits and quarantine alert."""
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    assert set(names) >= {
        "ManifestsRunMissing",
        "ManifestsStale",
        "ManifestsTooManyFailed",
        "ManifestsCircuitOpen",
        "ManifestsQuarantined",
    }


def test_alerts_select_states_that_exist() -> None:
    """A state or a circuit that a rule selects is one that is exported."""
    text = exported()
    for rule in RULES:
        for label, value in re.findall(r'([a-z]+)(?:=|!=)"([a-z-]+)"', rule["expr"]):
            assert f'{label}="{value}"' in text


def test_the_dashboard_is_whole() -> None:
    """Panels have numbers of their own, don't overlap, and say in words what they show."""
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        assert panel["description"].endswith((".", "FILTER"))
        taken |= cells
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    assert all('out=~"$out"' in query for query in QUERIES)
