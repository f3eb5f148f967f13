"""Keep a small good document of each kind, for fuzzers to spoil."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from manifests.store.formats import index_bytes
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

SEEDS: Mapping[str, tuple[bytes, ...]] = {
    "body": (
        message(gzipped(b"[1, 2, 3]" * 99), Content_Encoding="gzip"),
        message(zlib.compress(b"[]"), Content_Encoding="deflate"),
        message(b"\x0b\x02\x80[1,2]\x03", Content_Encoding="br"),
        message(bytes.fromhex("28b52ffd24052900005b312c325deff31654"), Content_Encoding="zstd"),
        message(gzipped(zlib.compress(b"[]")), Content_Encoding="deflate, x-gzip"),
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
    "headers": (HEADERS + b'\n\2\x90{"message": "no", "name": "me"}',),
    "huggingface": (
        message(text([REPOSITORY]), Link='<https://h.example/api?cursor=abc>; rel="next"'),
        message(text([REPOSITORY, {"id": 3}])),
    ),
    "index": (index_bytes(INDEX),),
    "journal": (
        text({"files": [{"file": "index.json", "staged": None, "after": None, "before": "0"}]}),
    ),
    "manifest": (text(MANIFEST), text(COMPACT_MANIFEST)),
    "packed": (zlib.compress(b"{}"),),
    "record": (RECORD.read_bytes(),),
    "settings": (SETTINGS,),
    "stats": (text({"schema": 1, "stats": {"1": {"downloads": 1, "likes": 2}}}),),
    "status": (text(STATUS),),
    "words": (b"1.5h", b"4/100ms", b"10%", b"http://a:b@[::1]:3128", b".civitai.com,10.0.0.0/8"),
}
"""Name of a target → documents that it reads, or nearly."""
