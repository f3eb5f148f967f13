"""Keep a small good document of each kind, for fuzzers to spoil."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from manifests import __version__
from manifests.fetch.budget_state import Member, State, write_state
from manifests.handover import Candidate, HandOver
from manifests.results import RunRecord
from manifests.shardmodels import ModelsNote
from manifests.shards import ShardPart
from manifests.sources import SOURCES
from manifests.store.canonical import encode, sha256
from manifests.store.columns import pack
from manifests.store.directories import directory_bytes
from manifests.store.formats import Style, index_bytes
from manifests.store.index import Index, IndexEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SEEDS", "message"]

RECORD = Path(__file__).parents[1] / "data" / "eventful-run.json"
MANIFEST = {
    "schema": 1,
    "source": "civitai",
    "filter": "filter/x",
    "label": "x",
    "complete": False,
    "count": 2,
    "model_ids": ["1", "2"],
    "models_file": "civitai-models.json",
}
MODEL = {
    "id": "1",
    "source": "civitai",
    "slug": "a",
    "name": "A",
    "url": "https://civitai.com/models/1",
    "tags": ["x"],
    "created_at": "2026-05-21T15:40:46.076Z",
}
COMPACT: dict[str, object] = {
    "id": "1",
    "slug": "a",
    "name": "A",
    "author": "me",
    "description": None,
    "downloads": 1,
    "likes": 2,
    "tags": [],
    "source": "civitai",
}
COMPACT_MANIFEST = {
    "f": "civitai-filter/x",
    "s": "ca",
    "mf": "civitai-models.json",
    "ids": ["1", "2"],
}
CIVITAI_ITEM = {
    "id": 7,
    "name": "A 7b <model>",
    "description": "<p>Made <b>of</b> &lt;parts&gt;</p>",
    "type": "LORA",
    "nsfw": False,
    "nsfwLevel": 1,
    "mode": "TakenDown",
    "allowCommercialUse": "{Image,RentCivit}",
    "tags": ["style"],
    "creator": {"username": "maker"},
    "stats": {"downloadCount": 5, "thumbsUpCount": 2},
    "modelVersions": [
        {
            "id": 8,
            "baseModel": "SDXL 1.0",
            "publishedAt": "2024-02-01T00:00:00.000Z",
            "files": [{"sizeKB": 1.5, "primary": True, "metadata": {"format": "SafeTensor"}}],
            "images": [{"url": "https://image.example/1", "nsfwLevel": 1, "type": "image"}],
        }
    ],
}
REPOSITORY = {
    "id": "owner/model-8x7B",
    "author": "owner",
    "likes": 3,
    "downloads": 9,
    "tags": ["gguf", "license:mit", "base_model:other/thing"],
    "pipeline_tag": "text-generation",
    "library_name": "gguf",
    "gated": "auto",
    "private": False,
    "createdAt": "2026-05-21T15:40:46.076Z",
    "lastModified": "2026-05-22T15:40:46.076Z",
    "safetensors": {"total": 7},
}
HEADERS = b"""Date: Thu, 20 Aug 2026 12:00:00 GMT
Age: 10
Retry-After: 120
RateLimit: "api";r=489;t=189
RateLimit-Policy: "fixed window";"api";q=500;w=300
Content-Type: text/html; charset=utf-8
CF-Mitigated: no
"""
DEFINITIONS = Path(__file__).parents[2] / "filters"
EXPLICIT = b"""source = "civitai"
limit = 100
sort = "Most Downloaded"
[[filters]]
path = "filter/by/someone"
label = "By someone"
parameters = { username = "someone" }
[overrides."filter/by/someone"]
max_shrink = "80%"
"""
SETTINGS = b"""deadline = "10m"
max_concurrency = 4
fixed = "2/200ms"
contact = "me@example.org"

[endpoints]
civitai = "https://civitai.example"

[gate]
max-shrink = "50%"
accept-after = "never"
"""


ENVIRONMENT = b"""CIVITAI_ENDPOINT=https://civitai.example:8443/
HF_ENDPOINT=http://127.0.0.1:9
CIVITAI_TOKEN=0123456789abcdef
HF_TOKEN_PATH=/nowhere/token
HF_HOME=~nobody/huggingface
HUGGINGFACE_API_KEY=x
HTTPS_PROXY=http://user:password@proxy.example:3128
NO_PROXY=.example,10.0.0.0/8
SSL_CERT_DIR=/a:/b
COLUMNS=132
MANIFESTS_SHARED_BUDGET=rediss://:secret@cache.example:6380/0
MANIFESTS_SHARD=2/4
OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.example:4318
OTEL_EXPORTER_OTLP_PROTOCOL=grpc
"""
SHARD_MODELS = b"\n".join(
    [
        b'{"source": "civitai", "parameters": [["limit", "100"]], "models": 2}',
        json.dumps([MODEL, {"downloads": 1, "likes": 2}]).encode(),
        json.dumps([{**MODEL, "id": "2", "size_bytes": 9}, {"downloads": None}]).encode(),
        b'{"source": "huggingface", "parameters": [], "models": 0}',
        b'{"source": "huggingface", "parameters": [["sort", "likes"]], "models": 0}\n',
    ]
)
MOVE = {
    "file": "index.json",
    "staged": ".index.json.0000000000000000.tmp",
    "after": sha256(b"new"),
    "before": sha256(b"{}"),
}


def text(value: object) -> bytes:
    """Return JSON."""
    return json.dumps(value).encode()


def message(body: bytes, **headers: str) -> bytes:
    """Return headers, named with underscores, and a body."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\n".join(lines).encode() + b"\n\n" + body


def gzipped(body: bytes) -> bytes:
    """Return *body* as a member of gzip."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(body) + packer.flush()


STATUS = {
    "schema": 1,
    "updated": "2026-08-20T11:00:00Z",
    "run": "20260820T110000Z-2ddd",
    "tool": "0.1.0",
    "upstream": {"civitai": "https://civitai.com"},
    "auth": {"civitai": "anonymous"},
    "filters": {
        "civitai:filter/x": {
            "state": "fresh",
            "code": None,
            "consecutive_failures": 0,
            "last_success": "2026-08-20T11:00:00Z",
            "stale_since": None,
        }
    },
}

INDEX = Index.of(
    [
        IndexEntry(
            file="civitai-filter-x.json", sha256="0", source="civitai", filter="filter/x", count=2
        )
    ]
)


def hand_over() -> bytes:
    """Return what a shard says of itself, with the run of `RECORD`."""
    part = ShardPart(number=2, of=4, definitions="0" * 64)
    note = HandOver(
        tool=__version__,
        part=part,
        only=("*/week/*",),
        upstream={"civitai": "https://civitai.example"},
        record=RunRecord.model_validate_json(RECORD.read_bytes()),
        manifests=(
            Candidate(source="civitai", filter="filter/x", model_ids=("1", "2"), complete=True),
        ),
        models=ModelsNote(sha256="0", listings=1),
    )
    return encode(note.model_dump(mode="json", by_alias=True))


def state() -> bytes:
    """Return a shared budget of two processes."""
    members = {"a": Member(seen=3.0, busy=2, want=1, last=2.5), "b": Member(seen=2.0)}
    known = State(born=1_790_000_000.0, epoch="a:1", seen=3.0, members=members, rate=2.5, flow=3.0)
    return write_state(replace(known, remaining=9, reset=30.0, ill_since=1.0, probe="a")).encode()


SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "body": (
        message(gzipped(b"[1, 2, 3]" * 99), Content_Encoding="gzip"),
        message(zlib.compress(b"[]"), Content_Encoding="deflate"),
        message(b"\x0b\x02\x80[1,2]\x03", Content_Encoding="br"),
        message(bytes.fromhex("28b52ffd24052900005b312c325deff31654"), Content_Encoding="zstd"),
        message(gzipped(zlib.compress(b"[]")), Content_Encoding="deflate, x-gzip"),
    ),
    "budget": (
        state(),
        text({"epoch": "a:1", "granted": 2, "delay": 0.1, "hold": 3.5, "ill": 1.0, "probe": 2.0}),
    ),
    "candidate": (
        text(
            {
                "schema": 1,
                "manifest": {k: v for k, v in MANIFEST.items() if k not in {"schema", "count"}},
                "models": {"1": MODEL},
                "stats": {"1": {"downloads": 1, "likes": 2}},
            }
        ),
    ),
    "catalogue": (
        text({"schema": 1, "source": "civitai", "count": 1, "models": {"1": MODEL}}),
        text({"s": "ca", "t": 1, "m": {"1": COMPACT}}),
    ),
    "civitai": (
        message(text({"items": [CIVITAI_ITEM], "metadata": {"nextCursor": "7|1"}})),
        message(text({"items": [CIVITAI_ITEM, {"id": 1}], "metadata": {"nextPage": "a?cursor=1"}})),
        message(text({"error": {"message": "no"}})),
    ),
    "database": (b"SQLite format 3\0" + b"\x10\0\1\1\0@  " + b"\0" * 200,),
    "definitions": (
        *(path.read_bytes() for path in sorted(DEFINITIONS.glob("*.toml"))),
        EXPLICIT,
    ),
    "environment": (ENVIRONMENT,),
    "handover": (hand_over(),),
    "headers": (HEADERS + b'\n\2\x90{"message": "no", "name": "me"}',),
    "holder": (
        text(
            {
                "pid": 7,
                "host": "ci-3",
                "since": "2026-08-20T11:00:00Z",
                "command": "manifests generate",
            }
        ),
    ),
    "huggingface": (
        message(text([REPOSITORY]), Link='<https://h.example/api?cursor=abc>; rel="next"'),
        message(text([REPOSITORY, {"id": 3}])),
    ),
    "index": (index_bytes(INDEX),),
    "journal": (
        text({"files": [{"file": "index.json", "staged": None, "after": None, "before": "0"}]}),
        text({"schema": 1, "files": [MOVE, {**MOVE, "file": "new.json", "before": None}]}),
    ),
    "listing": (
        DEFINITIONS.joinpath("civitai.toml").read_bytes(),
        text({**MANIFEST, "filter": "filter/day"}),
        text(STATUS),
        b"[tool.manifests]\n",
    ),
    "manifest": (text(MANIFEST), text(COMPACT_MANIFEST)),
    "packed": (zlib.compress(b"{}"), pack(b"{}" * 99)),
    "part": (
        text({"schema": 1, "source": "civitai", "models": {"1": MODEL}}),
        text({"schema": 1, "source": "civitai", "count": 1, "models": {"1": MODEL}}),
        text({"schema": 1, "stats": {"1": {"downloads": 1, "likes": 2}}}),
        directory_bytes(SOURCES["civitai"].info, parts=2, count=1, style=Style.STANDARD),
        directory_bytes(SOURCES["civitai"].info, parts=4, count=1, style=Style.COMPACT),
    ),
    "record": (RECORD.read_bytes(),),
    "request": (
        message(b"GET /", Host="127.0.0.1:8000", If_None_Match='W/"0", *'),
        message(b"HEAD /set-0123456789abcdef/page.css?x", Host="localhost"),
        message(b"GET /set-0123456789abcdef/../index.html", Host="[::1]:1"),
    ),
    "rows": (
        text(["runs", {"started": "2026-08-20T10:00:00+00:00", "ended_by": None, "states": "{}"}]),
        text(["runs", {"record": "{}", "seconds": 1.5, "pages_since": "2026-08-20"}]),
        text(["outcomes", {"source": "civitai", "state": "fresh", "count": 3}]),
        text(["contents", {"body": '["1"]'}]),
        text(["listings", {"parameters": '[["limit", "100"]]', "pages": 2}]),
        text(["paces", {"window": 4.0, "latency": 0.5, "rate": 2.0, "saved": "2026-08-20T10:00Z"}]),
        text(["quarantine", {"since": "2026-08-20T10:00:00+00:00", "runs": 2, "rule": "shrunk"}]),
        text(["pages", {"fetched_at": "2026-08-20T10:00:00Z", "headers": "{}", "body": "[]"}]),
    ),
    "settings": (SETTINGS,),
    "shard-models": (SHARD_MODELS, gzip.compress(SHARD_MODELS, mtime=0)),
    "stats": (text({"schema": 1, "stats": {"1": {"downloads": 1, "likes": 2}}}),),
    "status": (text(STATUS),),
    "words": (
        b"1.5h",
        b"4/100ms",
        b"10%",
        b"99999999d",
        b"http://a:b@[::1]:3128",
        b".civitai.com,10.0.0.0/8",
    ),
}
"""Name of a target → documents that it reads, or nearly."""
