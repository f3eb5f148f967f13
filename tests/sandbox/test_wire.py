"""Requests are read alike however they are written."""

from __future__ import annotations

import pytest

from manifests.sandbox.wire import CIVITAI, HUGGINGFACE, Answer, Ask


def ask(target: str, **headers: str) -> Ask:
    """Return a GET of *target*."""
    return Ask.of_target(target, method="GET", headers=headers)


@pytest.mark.parametrize(
    ("target", "path", "parameters"),
    [
        ("/api/models", "/api/models", ()),
        ("/api/models?b=2&a=1", "/api/models", (("a", "1"), ("b", "2"))),
        ("/api/models?a=", "/api/models", (("a", ""),)),
        ("/api/models?types=b&types=a", "/api/models", (("types", "a"), ("types", "b"))),
        ("/api/models?c=1%7C2+3", "/api/models", (("c", "1|2 3"),)),
        ("//host/api?c=a//b", "//host/api", (("c", "a//b"),)),
        ("http://else.example/api/models?a=1", "/api/models", (("a", "1"),)),
        ("*", "*", ()),
    ],
)
def test_targets(target: str, path: str, parameters: tuple[tuple[str, str], ...]) -> None:
    """A target is split into its path and sorted, decoded parameters; its host counts nothing."""
    read = ask(target)
    assert (read.path, read.parameters) == (path, parameters)


def test_a_target_that_is_no_url() -> None:
    """A malformed target is a ValueError."""
    with pytest.raises(ValueError, match="IPv6"):
        ask("http://[bad/api/models")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/api/v1/models", CIVITAI),
        ("/api/v1", CIVITAI),
        ("/api/v10/models", HUGGINGFACE),
        ("/api/models", HUGGINGFACE),
        ("/", HUGGINGFACE),
    ],
)
def test_sources(path: str, source: str) -> None:
    """All below `/api/v1` is CivitAI's, all else Hugging Face's."""
    assert ask(path).source == source


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", False),
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("identity, zstd", False),
    ],
)
def test_gzip_is_negotiated(header: str, *, accepted: bool) -> None:
    """Gzip is for clients that name it with a weight above zero."""
    assert Ask(path="/", headers={"accept-encoding": header}).accepts_gzip is accepted


def test_the_next_url_stands_on_the_host_that_was_asked() -> None:
    """A next URL repeats the question on the client's own host, with one cursor, encoded."""
    read = ask("/api/v1/models?types=a&cursor=old&types=b", host="me:1")
    assert read.url_at("1|2") == "http://me:1/api/v1/models?types=a&types=b&cursor=1%7C2"


def test_json_is_compact() -> None:
    """Bytes are JSON already; all else is encoded without white space."""
    assert Answer.of_json({"a": [1, 2]}).body == b'{"a":[1,2]}'
    assert Answer.of_json(b"[]").body == b"[]"
