"""Render a run as one page that needs no network: readable without a script, richer with it."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from manifests.report.html_data import page_data
from manifests.report.html_failures import changes_section, failures_section
from manifests.report.html_tags import Markup, join
from manifests.report.html_traffic import about_section, past_table, traffic_tables
from manifests.report.html_verdict import freshness_section, moment, verdict_section
from manifests.store.canonical import encode

if TYPE_CHECKING:
    from manifests.report.story import Story

__all__ = ["render"]


LOCKED = "base-uri 'none'; form-action 'none'"
"""What `default-src` does not speak for."""


def render(story: Story) -> bytes:
    """Return the page of a run in UTF-8; equal stories make equal bytes.

    Upstream's text stands in it escaped, or in a block of data that the script writes as text
    only; a content security policy lets nothing run or load but the page's own style and script.
    """
    style, script = _part("style.css"), _part("script.js")
    record = story.record
    page = Template(_part("template.html")).substitute(
        policy=_policy(style, script),
        style=style,
        script=script,
        title=join([f"{record.run} · manifests"]),
        run=join([record.run]),
        started=join([moment(record.started)]),
        verdict=verdict_section(story),
        failures=failures_section(story),
        failures_link=_failures_link(story),
        freshness=freshness_section(record),
        changes=changes_section(record),
        traffic=traffic_tables(record),
        past=past_table(story),
        about=about_section(record),
        data=_data(story),
    )
    return page.encode()


def _part(name: str) -> str:
    return resources.files("manifests.report").joinpath("page", name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return the content security policy that lets just these two texts in."""
    return f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; {LOCKED}"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _failures_link(story: Story) -> Markup:
    link = '<li><a href="#failures">Failures</a></li>'
    return Markup(link if story.record.failures else "")


def _data(story: Story) -> str:
    # Inside a script element only `<` can end it, or begin a comment.
    return encode(page_data(story), compact=True).decode().strip().replace("<", r"\u003c")
