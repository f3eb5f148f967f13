"""Name everything that reads bytes which others wrote, as calls that any fuzzer can make."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter

from manifests.cli.listing import as_json, as_table, rows_of
from manifests.cli.quick import columns, has_settings
from manifests.cli.reporting import rendered, stored_story
from manifests.cli.tracing import is_asked, objection
from manifests.clock import Clock
from manifests.configuration import read_configuration
from manifests.doctor.disks import judge_writer
from manifests.doctor.folders import WriterFacts
from manifests.doctor.routes import judge_trust, read_trust
from manifests.doctor.tokens import look_for_tokens
from manifests.doctor.upstream import account_name, judge_clock, judge_quota
from manifests.errors import ManifestsError
from manifests.events import silent
from manifests.fetch.budget import Ask, read_reply
from manifests.fetch.budget_place import parse_place
from manifests.fetch.budget_rules import settle
from manifests.fetch.budget_state import read_state
from manifests.fetch.decoding import MOST_PIECE, Decoder, DecodingError
from manifests.fetch.probing import Heard
from manifests.fetch.proxies import is_excepted, proxy_for, read_proxy
from manifests.fetch.share import Share
from manifests.fetch.signals import HEAD_BYTES, read_signal
from manifests.filters import load_filters
from manifests.folding import queries_of, run_of, shard_records, span
from manifests.handover import SHARD_FILE
from manifests.joining import Joined, gather
from manifests.memory import Memory
from manifests.models import Query
from manifests.preview.answers import Question, answer
from manifests.settings import (
    LONGEST,
    is_endpoint,
    parse_duration,
    parse_pace,
    parse_share,
    parse_style,
    read_access,
)
from manifests.sharding import parse_shard
from manifests.shardmodels import MODELS_FILE, ModelsNote, read_listings
from manifests.shards import MOST_SHARDS
from manifests.sources import SOURCES
from manifests.sources.base import Reply
from manifests.store.candidates import quarantined_bytes, read_quarantined
from manifests.store.canonical import DamagedFileError, encode, sha256
from manifests.store.columns import folder_name, pack, unpack
from manifests.store.database import open_database
from manifests.store.directories import directory_bytes, stats_directory_bytes
from manifests.store.entrylog import model_fields
from manifests.store.formats import Style
from manifests.store.history import History
from manifests.store.lessons import Lessons
from manifests.store.lock import HOLDER_FILE, busy, read_holder
from manifests.store.pages import PageStore
from manifests.store.parts import part_file
from manifests.store.published import read_published
from manifests.store.quarantine import Quarantine
from manifests.store.spool import Spool
from manifests.store.status import ages
from manifests.store.swap import recover

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from manifests.fetch.budget import Reply as BudgetReply
    from manifests.store.database import Database

__all__ = ["MOST_BYTES", "TARGETS", "headed"]

Target: TypeAlias = "Callable[[bytes], None]"
"""Reads bytes; it raises nothing, unless there is a bug."""

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
MOST_BYTES = 1024**2
"""Bytes that a body unpacks to, at most."""
INFOS = {name: source.info for name, source in SOURCES.items()}
# SQLite holds no longer integers, so that no row has one.
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
RowOf = TypeAdapter(tuple[str, dict[str, str | float | Integer | None]])
ROWS = (
    """INSERT INTO runs (id, out, run, started, pages_since, ended, ended_by, seconds, requests)
    VALUES (1, ?, 'r', '2026-08-20T11:00:00Z', '2026-08-20T11:00:00Z', NULL, NULL, 1, 1)""",
    "INSERT INTO outcomes VALUES (1, 'civitai', 'filter/x', 'fresh', 3)",
    "INSERT INTO contents VALUES (1, x'00', x'00')",
    "INSERT INTO manifests VALUES (1, 'civitai', 'filter/x', 1)",
    "INSERT INTO models VALUES (1, 'civitai', 0, 1)",
    "INSERT INTO listings VALUES (?, 'civitai', '[]', 2, 1)",
    "INSERT INTO paces VALUES ('h', 4, 0.5, 2, '2026-08-20T11:00:00+00:00')",
    """INSERT INTO quarantine VALUES (?, 'civitai', 'filter/x', 'shrunk',
    '2026-08-20T11:00:00+00:00', 1, 'r', x'00')""",
    "INSERT INTO pages VALUES ('k', '2026-08-20T11:00:00+00:00', 'r', 9, '{}', x'00')",
)
"""A state of one run."""
COLUMNS = {
    "runs": (
        "started",
        "pages_since",
        "ended",
        "ended_by",
        "seconds",
        "requests",
        "states",
        "record",
    ),
    "outcomes": ("source", "filter", "state", "count"),
    "contents": ("body",),
    "listings": ("source", "parameters", "pages"),
    "paces": ("window", "latency", "rate", "saved"),
    "quarantine": ("source", "filter", "rule", "since", "runs", "run", "body"),
    "pages": ("fetched_at", "run", "size", "headers", "body"),
}
"""Table → columns whose values may be anything."""
BODIES = frozenset({"[]", "{}", "null", '["1"]', '{"1": {}}'})
"""What is packed before it is put into a column."""
ASKS = (
    Ask(member="a", want=3, good=2, quota=((3, 4.0, 1.0),)),
    Ask(member="b", busy=1, want=9, failed=1, refused=0.1, hold=0.5),
    Ask(member="a", ill=1.0, epoch="other"),
    Ask(member="b", leaves=True),
)
PLAIN_DEFINITIONS = b"""source = "civitai"
sort = "Most Downloaded"
[[facets]]
name = "period"
default = "all"
slugs = { all = "AllTime", day = "Day" }
"""
FORMS = ("terminal", "markdown", "html", "junit", "github", "jsonl", "prometheus", "json")


def headed(data: bytes) -> tuple[dict[str, str], bytes]:
    """Return headers and body of *data*, which looks like a message of HTTP; httpx checks forms."""
    head, _, body = data.partition(b"\n\n")
    lines = [line.partition(":") for line in head.decode("latin-1").split("\n")]
    return {name.strip().lower(): value.strip() for name, _, value in lines}, body


def unpack_body(data: bytes) -> None:
    """Unpack a body by its Content-Encoding, a piece at a time and no more than is allowed."""
    headers, body = headed(data)
    total = 0
    with suppress(DecodingError):
        decoder = Decoder(headers.get("content-encoding", ""), most_bytes=MOST_BYTES)
        for start in range(0, len(body), 4096):
            for piece in decoder.decode(body[start : start + 4096]):
                assert len(piece) <= max(MOST_PIECE, 4096)
                total += len(piece)
        decoder.finish()
    assert total <= MOST_BYTES


def mean_something(data: bytes) -> None:
    """Tell what an answer means, to a run and to `doctor`."""
    headers, body = headed(data)
    status = int.from_bytes(body[:2].rjust(2, b"\0"), "big") % 900 + 100
    signal = read_signal(status, headers, body[:HEAD_BYTES], now=NOW)
    assert signal.pause is None or 0 <= signal.pause < float("inf")
    assert signal.cause.isprintable()
    heard = Heard(signal=signal, at=NOW, seconds=0.2, headers=headers, body=body)
    list(judge_clock([heard]))
    for info in INFOS.values():
        list(judge_quota(info, heard, listings=9, has_token=True))
    account_name(body)


def read_page_of(name: str) -> Target:
    """Return what reads a page of a source."""

    def read(data: bytes) -> None:
        headers, body = headed(data)
        query = Query(source=name, parameters=(("limit", "100"),))
        with suppress(ManifestsError):
            page = SOURCES[name].read(query, Reply(body=body, headers=headers))
            SOURCES[name].request(query, page.cursor)
            for entry in page.entries:
                # What is believed must be fit to be written.
                encode(model_fields(entry.model))
                assert entry.model.name.isprintable()

    return read


def read_file_named(*names: str) -> Target:
    """Return what reads an output folder that holds *data* under each of the *names*."""

    def read(data: bytes) -> None:
        with TemporaryDirectory() as made:
            folder = Path(made)
            for name in names:
                (folder / name).write_bytes(data)
            look_through(folder)

    return read


def look_through(folder: Path) -> None:
    """Read all that an output folder holds; what is read late must be as sound as the rest."""
    published = read_published(folder, INFOS)
    ages(published.status, published.manifests, now=NOW)
    for catalogue in published.catalogues.values():
        for models in (catalogue.models, catalogue.stats):
            assert all(models[id_] is not None for id_ in [*models][:9])


def read_part(data: bytes) -> None:
    """Read a catalogue and its counters in two parts, one of which may be anything."""
    info = INFOS["civitai"]
    sound = {
        info.models_file: directory_bytes(info, parts=2, count=1, style=Style.STANDARD),
        info.stats_file: stats_directory_bytes(info, parts=2),
        part_file(info.models_file, 0): b'{"models": {}, "schema": 1, "source": "civitai"}',
    }
    for name in (part_file(info.models_file, 1), part_file(info.stats_file, 0), info.models_file):
        with TemporaryDirectory() as made:
            for each, content in {**sound, name: data}.items():
                (Path(made) / each).write_bytes(content)
            look_through(Path(made))


def answer_browser(data: bytes) -> None:
    """Answer a request that a preview may get; nothing but its own files is ever read."""
    headers, body = headed(data)
    method, _, target = body.decode("latin-1").partition(" ")
    asked: list[str] = []

    def read(name: str) -> bytes:
        asked.append(name)
        return b"<!doctype html>"

    found = answer(Question(method=method, target=target, headers=headers), read)
    assert 200 <= found.status < 500
    assert not any(name.startswith("/") or ".." in name for name in asked)


def read_candidate(data: bytes) -> None:
    """Read a quarantined candidate, and write it again."""
    with suppress(DamagedFileError):
        candidate = read_quarantined(data)
        assert read_quarantined(quarantined_bytes(candidate)) == candidate


def read_packed(data: bytes) -> None:
    """Unpack a column of the state database."""
    with suppress(DamagedFileError):
        unpack(data)


def read_journal(data: bytes) -> None:
    """Recover from a swap whose journal may hold anything."""
    with TemporaryDirectory() as made:
        folder = Path(made) / "out"
        folder.mkdir()
        (folder / "index.json").write_bytes(b"{}")
        (folder / ".manifests.swap").write_bytes(data)
        (folder / ".index.json.0000000000000000.tmp").write_bytes(b"new")
        with suppress(ManifestsError):
            recover(folder)
        assert [path.name for path in Path(made).iterdir()] == ["out"]


def read_database(data: bytes) -> None:
    """Open a state database that may be anything."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "state.sqlite3").write_bytes(data)
        open_database(folder, now=NOW).database.close()


def read_rows(data: bytes) -> None:
    """Read a sound state database in which the values of a row may be anything."""
    try:
        table, changes = RowOf.validate_json(data)
    except ValueError:
        return
    columns = [name for name in changes if name in COLUMNS.get(table, ())]
    with TemporaryDirectory() as made:
        folder = Path(made)
        database = open_database(folder, now=NOW).database
        for sql in ROWS:
            database.execute(sql, *[folder_name(folder / "out")] * sql.count("?"))
        values = [
            pack(each.encode()) if each in BODIES else each for each in map(changes.get, columns)
        ]
        with suppress(ManifestsError):
            if columns:
                sets = ", ".join(f'"{name}" = ?' for name in columns)
                database.execute(f"UPDATE {table} SET {sets}", *values)  # noqa: S608 - names of ours
        read_state_of(database, folder / "out")
        database.close()


def read_state_of(database: Database, out: Path) -> None:
    """Read all that earlier runs have left of one output."""
    history, lessons = History(database, out=out), Lessons(database, out=out)
    clock = Clock(wall=lambda: NOW)
    memory = Memory(database, out=out, clock=clock, reporter=silent)
    for within in (0.0, 3600.0, LONGEST):
        memory.unfinished(within=within)
    memory.recall()
    memory.upstream()
    calls: list[Callable[[], object]] = [
        history.runs,
        lambda: history.record("r"),
        lambda: history.snapshot("r"),
        lambda: lessons.pace("h"),
        lambda: PageStore(database).newest("k"),
        lambda: Quarantine(database, out=out).body(("civitai", "filter/x")),
        lambda: [now - each.since for each in Quarantine(database, out=out).held()],
    ]
    now = NOW
    for call in calls:
        with suppress(ManifestsError):
            call()


def read_hand_overs(data: bytes) -> None:
    """Read what a shard says of itself, and fold it into a merged run."""
    with TemporaryDirectory() as made, suppress(ManifestsError):
        folder = Path(made)
        (folder / SHARD_FILE).write_bytes(data)
        joined = Joined(handed=gather([folder], out=folder / "out"), dealt={})
        started, _ = span(joined, NOW)
        run_of(joined, NOW)
        encode([each.model_dump(mode="json") for each in queries_of(joined, started)])
        encode([each.model_dump(mode="json") for each in shard_records(joined)])
        assert len(joined.lost) <= MOST_SHARDS


def read_shard_models(data: bytes) -> None:
    """Read the models of a shard's listings, packed and as they come."""
    for packed in (data, gzip.compress(data, 1)):
        with TemporaryDirectory() as made:
            (Path(made) / MODELS_FILE).write_bytes(packed)
            note = ModelsNote(sha256=sha256(packed), listings=3)
            with suppress(DamagedFileError):
                for each in read_listings(Path(made), note, Spool()):
                    assert len([*each.entries]) == len(each.entries)


def read_budget(data: bytes) -> None:
    """Go by a shared budget that may hold anything, and by an answer that may be anything."""
    text = data.decode("utf-8", "replace")
    with suppress(ValueError):
        believe(read_reply(text))
    with suppress(ValueError):
        state = read_state(text)
        for ask in ASKS:
            state, reply = settle(state, ask, now=state.born + state.seen + 1.0)
            believe(reply)


def believe(reply: BudgetReply) -> None:
    """Hold that an answer is such as `Share` reckons with."""
    share = Share("me", ceiling=8)
    share.heard(reply, now=100.0)
    assert not isnan(share.opens_at(in_flight=0, now=100.0))
    assert not isnan(share.due_at())
    assert reply.granted >= 0


def read_note_of_holder(data: bytes) -> None:
    """Tell who writes to a folder, by a note that may hold anything."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / HOLDER_FILE).write_bytes(data)
        holder = read_holder(folder)
        assert busy(folder, holder, today=NOW)
        judge_writer(WriterFacts(is_locked=True, holder=holder))
        judge_writer(WriterFacts(holder=holder))


def read_environment(data: bytes) -> None:
    """Read what variables of the environment tell a run, a line each."""
    lines = data.decode("utf-8", "surrogateescape").replace("\0", "").split("\n")
    environ = {name: value for name, _, value in (line.partition("=") for line in lines) if name}
    with suppress(ManifestsError):
        for access in read_access(INFOS.values(), environ).values():
            urlsplit(access.endpoint)
    for info in INFOS.values():
        look_for_tokens(info, environ)
    for read in (parse_place, parse_shard, parse_style):
        for value in environ.values():
            with suppress(ManifestsError):
                read(value)
    for info in INFOS.values():
        with suppress(ManifestsError):
            proxy_for(
                info.endpoint, {name.partition("_")[0].lower(): environ[name] for name in environ}
            )
    judge_trust(read_trust(environ, separator=":", is_folder=lambda _: False))
    assert columns(environ) >= 0
    assert is_asked(environ) in {True, False}
    objection(environ)


def list_quickly(data: bytes) -> None:
    """List filters the quick way, by definitions, manifests and a status that may be anything."""
    for name in ("civitai.toml", "status.json", "civitai-filter-day.json"):
        with TemporaryDirectory() as made:
            folder = Path(made)
            (folder / "civitai.toml").write_bytes(PLAIN_DEFINITIONS)
            (folder / name).write_bytes(data)
            rows = rows_of(folder, folder)
            if rows is not None:
                as_json(rows)
                as_table(rows)
            (folder / "pyproject.toml").write_bytes(data)
            has_settings(folder)


def read_definitions(data: bytes) -> None:
    """Read a file of definitions."""
    with TemporaryDirectory() as made:
        (Path(made) / "filters.toml").write_bytes(data)
        with suppress(ManifestsError):
            load_filters(Path(made), SOURCES)


def read_settings(data: bytes) -> None:
    """Read a settings file."""
    with TemporaryDirectory() as made:
        path = Path(made) / "manifests.toml"
        path.write_bytes(data)
        with suppress(ManifestsError):
            read_configuration(path, INFOS.values())


def read_record(data: bytes) -> None:
    """Read a run record, and tell of it in all formats."""
    with TemporaryDirectory() as made, suppress(ManifestsError):
        path = Path(made) / "run.json"
        path.write_bytes(data)
        story = stored_story(str(path), state=Path(made), out=Path(made))
        for form in FORMS:
            rendered(story, form)


def read_words(data: bytes) -> None:
    """Read what flags and variables hold: durations, paces, shares, endpoints, proxies."""
    text = data.decode("utf-8", "replace")
    for parse in (parse_duration, parse_pace, parse_share, read_proxy):
        with suppress(ManifestsError):
            parse(text)
    is_excepted("https://civitai.com", text)
    if is_endpoint(text):
        urlsplit(text)


TARGETS: Mapping[str, Target] = {
    "body": unpack_body,
    "budget": read_budget,
    "candidate": read_candidate,
    "catalogue": read_file_named("civitai-models.json", "huggingface-models.json"),
    "civitai": read_page_of("civitai"),
    "database": read_database,
    "definitions": read_definitions,
    "environment": read_environment,
    "handover": read_hand_overs,
    "headers": mean_something,
    "holder": read_note_of_holder,
    "huggingface": read_page_of("huggingface"),
    "index": read_file_named("index.json"),
    "journal": read_journal,
    "listing": list_quickly,
    "manifest": read_file_named("civitai-filter-x.json", "hf-filter-x.json"),
    "packed": read_packed,
    "part": read_part,
    "record": read_record,
    "request": answer_browser,
    "rows": read_rows,
    "settings": read_settings,
    "shard-models": read_shard_models,
    "stats": read_file_named("civitai-stats.json", "civitai-models.json"),
    "status": read_file_named("status.json"),
    "words": read_words,
}
"""Name → what reads."""
