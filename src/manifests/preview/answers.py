"""Decide what the preview's server answers: a pure function from a request to a response.

It hands out the page and the files of its set, known by the form of their names: no other path
means anything, so that none can lead out of the folder. A name in `Host` that isn't this machine's
own is refused: else a page of anyone's, whose name came to mean 127.0.0.1, could read this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from manifests.preview.folder import PAGE_FILE
from manifests.store.canonical import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Answer", "Question", "answer"]

TYPES: Final[Mapping[str, str]] = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
SERVED: Final = re.compile(r"set-[0-9a-f]{16}/[a-z0-9-]+\.(css|js|svg)")
OWN_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)
"""Any port will do: a tunnel to this server has one of its own."""

GUARDS: Final = (
    ("Content-Security-Policy", "frame-ancestors 'none'"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
"""What a page can't say of itself; the rest of the policy stands in the page, also for `file:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One HTTP request, as far as it is looked at."""

    method: str
    target: str
    """As it came: a path, perhaps with a query."""
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP response."""

    status: HTTPStatus
    headers: tuple[tuple[str, str], ...]
    body: bytes
    """Empty for HEAD, whose `Content-Length` still tells how long it would be."""


def answer(question: Question, read: Callable[[str], bytes | None]) -> Answer:
    """Answer one request.

    Args:
        question: the request.
        read: returns the bytes of a file of the preview, None where there is none.
    """
    whole = _whole_answer(question, read)
    return replace(whole, body=b"") if question.method == "HEAD" else whole


def _whole_answer(question: Question, read: Callable[[str], bytes | None]) -> Answer:
    if not OWN_HOST.fullmatch(question.headers.get("host", "")):
        return _refusal(HTTPStatus.MISDIRECTED_REQUEST)

    if question.method not in {"GET", "HEAD"}:
        return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))

    name = served_name(question.target)
    data = None if name is None else read(name)
    if name is None or data is None:
        return _refusal(HTTPStatus.NOT_FOUND)

    return _file(question, name, data)


def served_name(target: str) -> str | None:
    """Return the name of the file that a request's target means, None where it means none."""
    path = target.partition("?")[0]
    if path in {"/", f"/{PAGE_FILE}"}:
        return PAGE_FILE

    return path[1:] if path.startswith("/") and SERVED.fullmatch(path[1:]) else None


def _file(question: Question, name: str, data: bytes) -> Answer:
    tag = f'"{sha256(data)[:32]}"'
    # The page is rewritten by the next preview; asked again each time, it is never an old one.
    headers = (*GUARDS, ("Cache-Control", "no-cache"), ("ETag", tag))
    held = {each.strip() for each in question.headers.get("if-none-match", "").split(",")}
    if held & {tag, f"W/{tag}", "*"}:
        return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers, body=b"")

    kind = ("Content-Type", TYPES[name.rpartition(".")[2]])
    return _sized(HTTPStatus.OK, (*headers, kind), data)


def _refusal(status: HTTPStatus, *more: tuple[str, str]) -> Answer:
    headers = (*GUARDS, ("Cache-Control", "no-store"), ("Content-Type", "text/plain"), *more)
    return _sized(status, headers, f"{status.value} {status.phrase}\n".encode())


def _sized(status: HTTPStatus, headers: tuple[tuple[str, str], ...], data: bytes) -> Answer:
    length = ("Content-Length", str(len(data)))
    return Answer(status=status, headers=(*headers, length), body=data)
