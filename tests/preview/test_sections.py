"""Sections hold what is published, what is defined, and how fresh each list is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.errors import ErrorCode
from manifests.models import Manifest
from manifests.store.published import Published
from manifests.store.status import FilterStatus

if TYPE_CHECKING:
    from tests.preview.conftest import LaysOut, Publishes

FRESH = FilterStatus(state="fresh", last_success="2026-08-01T12:00:00Z")
FAILED = FilterStatus(state="stale", code=ErrorCode.TIMEOUT, consecutive_failures=2)


def test_nothing(sections: LaysOut) -> None:
    """Without definitions and files there are no sections."""
    assert sections(Published()) == ()


def test_states(publish: Publishes, sections: LaysOut) -> None:
    """A list is what its status says, unknown without one, and missing where no file stands."""
    statuses = {
        "filter/a": FRESH,
        "filter/b": FAILED,
        "filter/c": FilterStatus(state="quarantined"),
        "filter/gone": FRESH,
    }
    lists = {"filter/a": ["1"], "filter/b": ["1"], "filter/c": ["1"], "filter/new": ["1"]}
    (section,) = sections(publish(lists, statuses=statuses))
    assert {each.path: each.state for each in section.listings} == {
        "filter/a": "fresh",
        "filter/b": "stale",
        "filter/c": "quarantined",
        "filter/gone": "missing",
        "filter/new": "unknown",
    }
    assert section.listings[1].status == FAILED


def test_definitions_say_what_is_missing(publish: Publishes, sections: LaysOut) -> None:
    """All defined filters are there, in their order; others that are published follow."""
    published = publish({"filter/z": ["1"], "filter/pg": ["1"], "filter/o": []}, statuses={})
    civitai, huggingface = sections(published, defined=True)
    assert [each.path for each in civitai.listings[-2:]] == ["filter/o", "filter/z"]
    assert len(civitai.listings) == 299 + 2
    assert len(huggingface.listings) == 31
    assert {each.path for each in civitai.listings if each.manifest} == {
        *("filter/z", "filter/pg", "filter/o")
    }
    assert civitai.listings[-1].choice is None
    assert [facet.title for facet in huggingface.facets] == ["Sort", "Size", "License"]


def test_what_is_neither_defined_nor_published(publish: Publishes, sections: LaysOut) -> None:
    """A filter that only the status still knows is no list, if the definitions can be read."""
    published = publish({"filter/pg": ["1"]}, statuses={"filter/old": FAILED})
    for defined in (False, True):
        paths = {each.path for each in sections(published, defined=defined)[0].listings}
        assert ("filter/old" in paths) is not defined


def test_labels(publish: Publishes, sections: LaysOut) -> None:
    """A label is the published one, else the defined one; a compact file has only its path."""
    for label, shown in [("My own", "My own"), ("filter/a/b", "a / b")]:
        manifest = Manifest(
            source="civitai",
            filter="filter/a/b",
            label=label,
            models_file="",
            model_ids=(),
            complete=False,
        )
        named = Published(manifests={("civitai", "filter/a/b"): manifest})
        assert sections(named)[0].listings[0].label == shown

    published = publish({"filter/a/b": ["1"]})
    assert sections(published, defined=True)[0].listings[0].label == "sdxl"


def test_no_catalogue(publish: Publishes, sections: LaysOut) -> None:
    """Lists without a catalogue are shown all the same, of models without a record."""
    published = Published(manifests=publish({"filter/a": ["1"]}).manifests)
    assert sections(published)[0].catalogue.models == {}
