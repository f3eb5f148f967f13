"""Name everything that reads bytes which others wrote, as calls that any fuzzer can make."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from manifests.cli.reporting import rendered, stored_story
from manifests.configuration import read_configuration
from manifests.doctor.upstream import account_name, judge_clock, judge_quota
from manifests.errors import ManifestsError
from manifests.fetch.decoding import MOST_PIECE, Decoder, DecodingError
from manifests.fetch.probing import Heard
from manifests.fetch.proxies import is_excepted, read_proxy
from manifests.fetch.signals import HEAD_BYTES, read_signal
from manifests.filters import load_filters
from manifests.models import Query
from manifests.settings import is_endpoint, parse_duration, parse_pace, parse_share
from manifests.sources import SOURCES
from manifests.sources.base import Reply
from manifests.store.candidates import quarantined_bytes, read_quarantined
from manifests.store.canonical import DamagedFileError, encode
from manifests.store.columns import unpack
from manifests.store.database import open_database
from manifests.store.entrylog import model_fields
from manifests.store.published import read_published
from manifests.store.status import ages
from manifests.store.swap import recover

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["MOST_BYTES", "TARGETS", "headed"]

Target: TypeAlias = "Callable[[bytes], None]"
"""Reads bytes; it raises nothing, unless there is a bug."""

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
MOST_BYTES = 1024**2
"""Bytes that a body unpacks to, at most."""
INFOS = {name: source.info for name, source in SOURCES.items()}
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
            published = read_published(folder, INFOS)
            ages(published.status, published.manifests, now=NOW)

    return read


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
        with suppress(ManifestsError):
            recover(folder)
        assert [path.name for path in Path(made).iterdir()] == ["out"]


def read_database(data: bytes) -> None:
    """Open a state database that may be anything."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "state.sqlite3").write_bytes(data)
        open_database(folder, now=NOW).database.close()


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
    "candidate": read_candidate,
    "catalogue": read_file_named("civitai-models.json", "huggingface-models.json"),
    "civitai": read_page_of("civitai"),
    "database": read_database,
    "definitions": read_definitions,
    "headers": mean_something,
    "huggingface": read_page_of("huggingface"),
    "index": read_file_named("index.json"),
    "journal": read_journal,
    "manifest": read_file_named("civitai-filter-x.json", "hf-filter-x.json"),
    "packed": read_packed,
    "record": read_record,
    "settings": read_settings,
    "stats": read_file_named("civitai-stats.json", "civitai-models.json"),
    "status": read_file_named("status.json"),
    "words": read_words,
}
"""Name → what reads."""
