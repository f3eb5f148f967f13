"""What stands in the way of an endpoint is told with its reason and with what to do about it."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest

from manifests.doctor.connecting import Reached, Route, Stage, Trouble
from manifests.doctor.diagnosis import Level
from manifests.doctor.routes import judge_connection, judge_proxies, judge_trust, read_trust
from manifests.errors import ErrorCode
from manifests.fetch.proxies import Proxy

if TYPE_CHECKING:
    from manifests.sources.base import SourceInfo

DIRECT = Route.to("https://made-up.example")
MIRROR = Route.to("https://mirror.example:8443")
PROXIED = Route.to(
    "https://made-up.example",
    Proxy(scheme="http", host="proxy.example", port=3128, user="jane", password="s3cr3t"),
)
BY_PROXY = "the proxy http://proxy.example:3128"


@pytest.mark.parametrize(
    ("route", "trouble", "cause", "step"),
    [
        (
            DIRECT,
            Trouble(stage=Stage.DNS, number=socket.EAI_NONAME, text="Name not known"),
            "DNS: made-up.example has no address (Name not known)",
            "check the network; behind a proxy set HTTPS_PROXY",
        ),
        (
            MIRROR,
            Trouble(stage=Stage.DNS, number=socket.EAI_NONAME, text="Name not known"),
            "DNS: mirror.example has no address",
            "check the spelling in MADE_ENDPOINT; look it up yourself: getent hosts mirror.example",
        ),
        (
            PROXIED,
            Trouble(stage=Stage.DNS, number=socket.EAI_NONAME, text="Name not known"),
            "DNS: proxy.example has no address",
            "check the spelling in HTTPS_PROXY, HTTP_PROXY and ALL_PROXY",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.DNS, number=socket.EAI_AGAIN, text="Try again"),
            "DNS: the resolver fails for made-up.example",
            "check the network",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.DNS),
            "DNS: no answer in time for made-up.example",
            "check the resolver of this machine",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TCP),
            "TCP: made-up.example does not answer on port 443",
            "a firewall may drop it: set HTTPS_PROXY if you have one",
        ),
        (
            PROXIED,
            Trouble(stage=Stage.TCP, number=errno.ECONNREFUSED, text="refused"),
            f"TCP: {BY_PROXY} refuses connections on port 3128",
            "see whether it runs, and check host and port in HTTPS_PROXY",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TCP, number=errno.ENETUNREACH, text="unreachable"),
            "TCP: no route to made-up.example (unreachable)",
            "check the network of this machine",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TCP, number=errno.ECONNRESET, text="reset"),
            "TCP: no connection to made-up.example, port 443 (reset)",
            "try: nc -vz made-up.example 443",
        ),
        (
            PROXIED,
            Trouble(stage=Stage.TUNNEL, number=407, text="Authentication"),
            f"proxy: {BY_PROXY} wants other credentials (HTTP 407)",
            "http://USER:PASSWORD@HOST:PORT",
        ),
        (
            PROXIED,
            Trouble(stage=Stage.TUNNEL),
            f"proxy: {BY_PROXY} does not answer CONNECT",
            "see whether it is a proxy",
        ),
        (
            PROXIED,
            Trouble(stage=Stage.TUNNEL, number=403, text="Forbidden"),
            f"proxy: {BY_PROXY} does not connect to made-up.example:443 (HTTP 403 Forbidden)",
            "NO_PROXY=made-up.example",
        ),
        (
            PROXIED,
            Trouble(stage=Stage.TUNNEL, number=0, text="no HTTP"),
            "(no HTTP)",
            "ask its keeper to allow made-up.example:443",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TLS),
            "TLS: made-up.example does not shake hands",
            "try another network",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TLS, number=10, text="certificate has expired"),
            "TLS: the certificate of made-up.example is not valid now (certificate has expired)",
            "date -u",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TLS, number=19, text="self-signed certificate in chain"),
            "TLS: the certificate of made-up.example is not trusted",
            "export SSL_CERT_FILE=/path/to/company.pem",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TLS, number=-67843, text="not trusted"),
            "TLS: the certificate of made-up.example is not trusted",
            "system's store",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TLS, number=62, text="Hostname mismatch"),
            "TLS: the certificate is not that of made-up.example",
            "a portal of the network may answer",
        ),
        (
            DIRECT,
            Trouble(stage=Stage.TLS, number=64, text="IP address mismatch"),
            "TLS: the certificate is not that of made-up.example (IP address mismatch)",
            "check MADE_ENDPOINT",
        ),
        (
            MIRROR,
            Trouble(stage=Stage.TLS, number=0, text="wrong version number"),
            "TLS: no handshake with mirror.example (wrong version number)",
            "see whether port 8443 speaks TLS",
        ),
    ],
)
def test_where_a_way_ends(
    info: SourceInfo, route: Route, trouble: Trouble, cause: str, step: str
) -> None:
    """Each trouble is named by its step and its host, with a step of its own; no secret shows."""
    found = judge_connection(info, route, Reached(trouble=trouble, timings={"dns": 0.012}))
    assert found.level is Level.FAIL
    assert found.found.startswith("Made Up: ")
    assert cause in found.found
    assert step in found.next_step
    is_silent = trouble.number is None
    assert found.code is (ErrorCode.TIMEOUT if is_silent else ErrorCode.NETWORK_ERROR)
    assert found.timings == {"dns": 0.012}
    assert "s3cr3t" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("route", "way"), [(DIRECT, "directly"), (PROXIED, "through http://proxy.example:3128")]
)
def test_a_whole_way_has_its_times(info: SourceInfo, route: Route, way: str) -> None:
    """Who is reached is told how, and how long each step took."""
    timings = {"dns": 0.0121, "tcp": 0.02, "tunnel": 0.004, "tls": 0.045}
    found = judge_connection(info, route, Reached(timings=timings))
    assert found.level is Level.OK
    steps = "(DNS 12 ms, TCP 20 ms, tunnel 4 ms, TLS 45 ms)"
    assert found.found == f"Made Up: made-up.example:443 is reached {way} {steps}"
    assert found.timings == timings


def test_proxies_are_named_without_their_secrets() -> None:
    """Each source is told with its proxy; those without one share a line."""
    endpoints = {"A": "https://a.example", "B": "https://b.example", "C": "http://c.example"}
    proxies = {"https": "http://jane:s3cr3t@proxy.example:3128", "no": "b.example"}
    found = [each.found for each in judge_proxies(endpoints, proxies)]
    assert found == [f"A is asked through {BY_PROXY}", "no proxy before B and C"]


def test_an_unusable_proxy_fails() -> None:
    """A proxy that can't be spoken to is a failure, for each source that it stands before."""
    (found,) = judge_proxies({"A": "https://a.example"}, {"all": "socks5://jane:s3cr3t@p:1080"})
    assert found.level is Level.FAIL
    assert "socks5" in found.found
    assert "s3cr3t" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("environ", "level", "words"),
    [
        ({}, Level.OK, "the system's store"),
        ({"CURL_CA_BUNDLE": "/system.pem"}, Level.OK, "the system's store"),
        ({"SSL_CERT_FILE": "/ca.pem"}, Level.OK, "SSL_CERT_FILE (/ca.pem)"),
        ({"SSL_CERT_DIR": "/a:/b"}, Level.OK, "SSL_CERT_DIR (/a, /b)"),
        ({"SSL_CERT_DIR": "/a:/none"}, Level.WARN, "SSL_CERT_DIR names /none, which is no folder"),
        ({"REQUESTS_CA_BUNDLE": "/ca.pem"}, Level.WARN, "not read here: REQUESTS_CA_BUNDLE"),
        (
            {"REQUESTS_CA_BUNDLE": "/ca.pem", "SSL_CERT_FILE": "/ca.pem"},
            Level.OK,
            "SSL_CERT_FILE (/ca.pem)",
        ),
    ],
)
def test_whose_certificates_are_trusted(environ: dict[str, str], level: Level, words: str) -> None:
    """Named is what counts, and what people believe to count and does not."""
    trust = read_trust(
        environ,
        separator=":",
        is_folder=lambda name: name != "/none",
        system_file="/system.pem",
    )
    found = judge_trust(trust)
    assert found.level is level
    assert words in found.found
    assert bool(found.next_step) == (level is Level.WARN)
