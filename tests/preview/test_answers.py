"""The server hands out the preview to this machine's own browser, and nothing else to anyone."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.preview.answers import Question, answer

SET = f"set-{'0' * 16}"
FILES = {
    "index.html": b"<!doctype html>",
    f"{SET}/main.js": b"1",
    f"{SET}/preview.css": b"",
    f"{SET}/icon.svg": b"<svg/>",
}


def asked(
    target: str, method: str = "GET", **headers: str
) -> tuple[HTTPStatus, dict[str, str], bytes]:
    """Return the answer to a request of a browser on this machine."""
    given_ = {"host": "127.0.0.1:8766"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    found = answer(Question(method=method, target=target, headers=given_), FILES.get)
    return found.status, dict(found.headers), found.body


@pytest.mark.parametrize(
    ("target", "name", "kind"),
    [
        ("/", "index.html", "text/html; charset=utf-8"),
        ("/index.html", "index.html", "text/html; charset=utf-8"),
        ("/?a=b", "index.html", "text/html; charset=utf-8"),
        (f"/{SET}/main.js", f"{SET}/main.js", "text/javascript; charset=utf-8"),
        (f"/{SET}/preview.css", f"{SET}/preview.css", "text/css; charset=utf-8"),
        (f"/{SET}/icon.svg", f"{SET}/icon.svg", "image/svg+xml"),
    ],
)
def test_files(target: str, name: str, kind: str) -> None:
    """Each file comes with its type, whole, and is to be asked for again each time."""
    status, headers, body = asked(target)
    assert (status, body) == (HTTPStatus.OK, FILES[name])
    assert headers["Content-Type"] == kind
    assert headers["Content-Length"] == str(len(body))
    assert headers["Cache-Control"] == "no-cache"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "target",
    [
        *("/../secret", "/..%2fsecret", "//etc/passwd", "/etc/passwd", "/.manifests-preview"),
        *(f"/{SET}/../../x.js", f"/{SET}/..%2f..%2fx.js", f"/{SET}\\..\\x.js", f"/{SET}/"),
        *(f"/{SET}/none.js", f"/{SET}/main.js/", f"/{SET}/main.js\0.svg", f"/{SET}/main.py"),
        *("", "*", "index.html", "http://127.0.0.1/index.html", "/favicon.ico", "/INDEX.HTML"),
    ],
)
def test_all_else_is_not_found(target: str) -> None:
    """No other path means anything."""
    assert asked(target)[0] is HTTPStatus.NOT_FOUND


@given(st.text())
def test_no_path_leads_out(target: str) -> None:
    """Whatever is asked for, only names without `..` and of two parts at most are read."""
    read: list[str] = []
    question = Question(method="GET", target=f"/{target}", headers={"host": "localhost"})

    def keep(name: str) -> bytes:
        read.append(name)
        return b""

    answer(question, keep)
    assert all(Path(name).parts[0] in {"index.html", name.split("/")[0]} for name in read)
    assert not any(".." in name or name.startswith("/") for name in read)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:1", "localhost:8766", "LocalHost", "[::1]:8766"]
)
def test_own_names(host: str) -> None:
    """This machine's own names are served, at any port: a tunnel has one of its own."""
    assert asked("/", host=host)[0] is HTTPStatus.OK


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8766", "127.0.0.1.evil.example", "localhost.evil.example"),
        *("", "127.0.0.1@evil.example", "127.0.0.1:8766, evil.example", "0.0.0.0:8766", "[::]"),
    ],
)
def test_foreign_names(host: str) -> None:
    """A name that was rebound to this machine gets nothing, not even whether a file is there."""
    for target in ("/", "/none"):
        status, _, body = asked(target, host=host)
        assert (status, body) == (HTTPStatus.MISDIRECTED_REQUEST, b"421 Misdirected Request\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods(method: str) -> None:
    """Nothing can be done here but looking."""
    status, headers, _ = asked("/", method)
    assert (status, headers["Allow"]) == (HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD")


@pytest.mark.parametrize("host", ["localhost", "evil.example"])
@pytest.mark.parametrize("target", ["/", "/none"])
def test_head(target: str, host: str) -> None:
    """HEAD answers as GET does, without the body."""
    status, headers, body = asked(target, "HEAD", host=host)
    assert (status, headers) == asked(target, host=host)[:2]
    assert body == b""


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', "*"])
def test_what_is_held_is_not_sent_again(form: str) -> None:
    """A browser that holds the file learns so from its tag; another tag gets the file."""
    tag = asked("/")[1]["ETag"]
    status, headers, body = asked("/", if_none_match=form.format(tag))
    assert (status, headers["ETag"], body) == (HTTPStatus.NOT_MODIFIED, tag, b"")
    assert asked("/", if_none_match='"x"')[0] is HTTPStatus.OK
    assert asked(f"/{SET}/main.js")[1]["ETag"] != tag
