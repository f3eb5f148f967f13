"""Hold how little a new source needs: one class, one definition, and nothing else changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.clock import Clock
from manifests.events import silent
from manifests.fetch.fetcher import Fetched
from manifests.models import Filter, Model, Query, Stats
from manifests.preparing import prepare
from manifests.runner import Workplace, run
from manifests.settings import Settings
from manifests.sources.base import (
    Entry,
    Page,
    Parameter,
    Reply,
    Request,
    Resolution,
    Source,
    SourceInfo,
)

if TYPE_CHECKING:
    from pathlib import Path

    from manifests.fetch.fetcher import ReadPage
    from manifests.traffic import Attempt

INFO = SourceInfo(
    name="toys",
    title="Toys",
    file_prefix="toy",
    short="ty",
    endpoint="https://toys.example",
    endpoint_variable="TOYS_ENDPOINT",
    token_variable="TOYS_TOKEN",
    sorts=frozenset({"name"}),
    facets={"colour": Parameter(values=frozenset({"any", "red"}))},
)
DEFINITION = """
source = "toys"
sort = "name"
facets = [{ name = "colour", default = "any", slugs = { any = "any", red = "red" } }]
"""


@dataclass(frozen=True, slots=True)
class Toys(Source):
    """The adapter of a made-up API: `GET /toys?colour=red` gives names, and `next` if any."""

    info: SourceInfo = INFO

    def resolve(self, filter_: Filter) -> Resolution:
        """Ask for a colour."""
        asked = ("colour", str(filter_.values["colour"]))
        return Resolution(query=Query(source="toys", parameters=(asked,)))

    def request(self, query: Query, cursor: str | None) -> Request:
        """Ask for a page."""
        extra = () if cursor is None else (("from", cursor),)
        return Request(source="toys", path="/toys", parameters=(*query.parameters, *extra))

    def read(self, query: Query, reply: Reply) -> Page:
        """Read names."""
        del query
        found = json.loads(reply.body)
        models = (Model(id=n, source="toys", slug=n, name=n) for n in found["names"])
        return Page(
            entries=tuple(Entry(model=one, stats=Stats()) for one in models),
            cursor=found.get("next"),
        )


class Shelf:
    """A fetcher that has two pages of red toys."""

    async def fetch(
        self, request: Request, read: ReadPage, *, log: list[Attempt], **hints: object
    ) -> Fetched:
        """Return a page as the source reads it."""
        del log, hints
        body = {
            (("colour", "red"),): b'{"names": ["ball", "kite"], "next": "k"}',
            (("colour", "red"), ("from", "k")): b'{"names": ["kite", "train"]}',
        }[request.parameters]
        return Fetched(page=read(Reply(body=body, headers={})))


async def test_a_new_source_is_a_class_and_a_definition(tmp_path: Path) -> None:
    """Planning, paging, publishing and status know no source by name."""
    (tmp_path / "toys.toml").write_text(DEFINITION, encoding="utf-8")
    settings = Settings(filters=tmp_path, out=tmp_path / "out")
    clock = Clock()
    prepared = prepare(settings, {"toys": Toys()}, now=clock.wall())
    record = await run(
        prepared, Workplace(fetchers={"toys": Shelf()}, reporter=silent, clock=clock)
    )
    manifest = json.loads((tmp_path / "out" / "toy-filter-red.json").read_bytes())
    assert manifest["model_ids"] == ["ball", "kite", "train"]
    assert manifest["complete"] is True
    assert (record.failures, record.queries[0].duplicates) == ((), 1)
    assert "toys-models.json" in record.written
