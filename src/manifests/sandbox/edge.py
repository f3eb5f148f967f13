"""Hold the answers of the edges in front of both upstreams: what a client gets in place of JSON.

Bodies after what is on record of Cloudflare and CloudFront; see `upstream.md` of the project's
notes, "Errors".
"""

from __future__ import annotations

import math

from manifests.sandbox.wire import CIVITAI, HUGGINGFACE, Answer

__all__ = ["answer"]

_HTML = ("Content-Type", "text/html; charset=UTF-8")
_CLOUDFLARE = (("Server", "cloudflare"), ("CF-RAY", "8f0a1b2c3d4e5f60-FRA"))
_CHALLENGE = (
    "Checking your browser"
    '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script>'
)
_ERRORS = {
    CIVITAI: "Model search is temporarily overloaded",
    HUGGINGFACE: "Internal Error - We're working hard to fix this as soon as possible!",
}
_UNAUTHORISED = {CIVITAI: "Unauthorized", HUGGINGFACE: "Invalid username or password."}
_REGION = {"error": "Not available in your region", "code": "REGION_BLOCKED"}
_TITLES = {
    "502": "Bad gateway",
    "503": "Service Temporarily Unavailable",
    "504": "Gateway time-out",
    "520": "Web server is returning an unknown error",
    "521": "Web server is down",
    "522": "Connection timed out",
    "523": "Origin is unreachable",
    "524": "A timeout occurred",
    "529": "Site is overloaded",
}


def answer(fault: str, source: str, *, retry_after: float | None = None) -> Answer:
    """Return what stands in place of a page.

    Args:
        fault: a status, `html`, `challenge` or `error`.
        source: whose origin is behind the edge.
        retry_after: seconds, told in whole ones; None tells nothing.
    """
    told = () if retry_after is None else (("Retry-After", str(math.ceil(retry_after))),)
    found = _instead(fault, source)
    return Answer(status=found.status, headers=(*found.headers, *told), body=found.body)


def _instead(fault: str, source: str) -> Answer:
    """Return the answer without a word of when to come again."""
    pages = {
        "html": _html(200, "Models", "<h1>Explore models</h1><p>Welcome.</p>"),
        "challenge": _html(200, "Just a moment...", _CHALLENGE),
        "403": _html(403, "Just a moment...", _CHALLENGE, ("cf-mitigated", "challenge")),
        "429": _html(429, "Access denied | Error 1015", "You are being rate limited"),
        "error": Answer.of_json({"error": _ERRORS[source]}),
        "401": Answer.of_json({"error": _UNAUTHORISED[source]}, status=401),
        "404": Answer.of_json({"error": "Not Found"}, status=404),
        "451": Answer.of_json(_REGION, status=451),
        "500": Answer.of_json({"message": "An unexpected error occurred"}, status=500),
    }
    if fault in pages:
        return pages[fault]

    title = _TITLES[fault]
    return _html(int(fault), f"{fault}: {title}", f"<h1>Error {fault}</h1><p>{title}</p>")


def _html(status: int, title: str, text: str, *headers: tuple[str, str]) -> Answer:
    """Return an HTML page of Cloudflare's."""
    body = (
        '<!DOCTYPE html>\n<html lang="en-US"><head><meta charset="UTF-8">'
        f'<title>{title}</title></head>\n<body><div id="cf-wrapper">{text}</div></body></html>\n'
    )
    return Answer(status=status, headers=(_HTML, *_CLOUDFLARE, *headers), body=body.encode())
