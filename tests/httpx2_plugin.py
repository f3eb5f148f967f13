"""Let pytest run on httpx2: `-p tests.httpx2_plugin`, with MANIFESTS_HTTP_CLIENT=httpx2."""

from __future__ import annotations

import httpx2  # noqa: TID251 - what the tests and respx mean by httpx is decided here

httpx2.alias_httpx()
