"""Judge the way to an endpoint: which proxy, which certificates, how far one gets and why."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manifests.doctor.connecting import Stage
from manifests.doctor.diagnosis import Check, failed, ok, refused, warned
from manifests.errors import ErrorCode, SettingsError
from manifests.fetch.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from manifests.doctor.connecting import Reached, Route, Trouble
    from manifests.doctor.diagnosis import Finding
    from manifests.sources.base import SourceInfo

__all__ = ["Trust", "judge_connection", "judge_proxies", "judge_trust", "read_trust"]

FOREIGN_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
"""Variables in which other tools look for a company's certificates, and this one does not."""

CLOCK_VERDICTS = frozenset({9, 10})
"""OpenSSL's verdicts on a certificate that is not valid yet, or no more (`x509_vfy.h`)."""
OTHER_VERDICTS = frozenset({62, 64})
"""Its verdicts on a certificate of another name, or of another address."""
NO_VERDICT = 0
"""The handshake ended before a certificate was judged."""
TRUST_STEP = (
    "if a proxy of your company's opens TLS, add its root certificate to the system's store,"
    " or name it: export SSL_CERT_FILE=/path/to/company.pem"
)
UNROUTABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
PROXY_AUTHENTICATION = 407


def judge_proxies(endpoints: Mapping[str, str], proxies: Mapping[str, str]) -> Iterator[Finding]:
    """Yield which proxy stands before each source's endpoint.

    Args:
        endpoints: title of a source → its endpoint.
        proxies: what `urllib.request.getproxies()` returned.
    """
    direct: list[str] = []
    for title, endpoint in endpoints.items():
        try:
            proxy = proxy_for(endpoint, proxies)
        except SettingsError as error:
            yield refused(Check.PROXY, error)
            continue
        if proxy:
            yield ok(Check.PROXY, f"{title} is asked through the proxy {proxy.shown}")
        else:
            direct.append(title)
    if direct:
        yield ok(Check.PROXY, f"no proxy before {' and '.join(direct)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Where the certificates come from that are trusted."""

    file: str = ""
    """SSL_CERT_FILE."""
    folders: tuple[str, ...] = ()
    """SSL_CERT_DIR."""
    missing: tuple[str, ...] = ()
    """Those of these folders that are not there."""
    foreign: tuple[str, ...] = ()
    """Variables for the certificates of other tools that are set."""


def read_trust(
    environ: Mapping[str, str],
    *,
    separator: str,
    is_folder: Callable[[str], bool],
    system_file: str = "",
) -> Trust:
    """Return what the environment says of certificates.

    Args:
        environ: the environment.
        separator: stands between folders: `:`, or `;` on Windows.
        is_folder: tells whether a folder is there.
        system_file: the system's own file of certificates, which others may well be told to read.
    """
    folders = tuple(part for part in environ.get("SSL_CERT_DIR", "").split(separator) if part)
    return Trust(
        file=environ.get("SSL_CERT_FILE", ""),
        folders=folders,
        missing=tuple(each for each in folders if not is_folder(each)),
        foreign=tuple(
            name for name in FOREIGN_BUNDLES if environ.get(name, "") not in {"", system_file}
        ),
    )


def judge_trust(trust: Trust) -> Finding:
    """Tell whose certificates are trusted, and what is named for nothing."""
    named = [f"SSL_CERT_FILE ({trust.file})"] * bool(trust.file)
    named += [f"SSL_CERT_DIR ({', '.join(trust.folders)})"] * bool(trust.folders)
    if trust.missing:
        return warned(
            Check.CERTIFICATES,
            f"SSL_CERT_DIR names {', '.join(trust.missing)}, which is no folder",
            "name a folder of hashed certificates (openssl rehash), or unset SSL_CERT_DIR",
        )
    # Who set these has a company's certificate, and wonders why it does not help here.
    if trust.foreign and not named:
        return warned(
            Check.CERTIFICATES,
            f"the system's store is trusted; not read here: {', '.join(trust.foreign)}",
            f"if that file is needed: export SSL_CERT_FILE=${trust.foreign[0]}",
        )
    whose = " and ".join(named) if named else "the system's store"
    return ok(Check.CERTIFICATES, f"trusted are the certificates of {whose}")


def judge_connection(info: SourceInfo, route: Route, reached: Reached) -> Finding:
    """Tell how far one gets on the way to a source, and what to do where it ends."""
    if reached.trouble is None:
        way = f"through {route.proxy.shown}" if route.proxy else "directly"
        steps = ", ".join(
            f"{name.upper() if name != Stage.TUNNEL else name} {seconds * 1000:.0f} ms"
            for name, seconds in reached.timings.items()
        )
        found = f"{info.title}: {route.host}:{route.port} is reached {way} ({steps})"
        return ok(Check.CONNECTION, found, source=info.name, timings=reached.timings)
    cause, step = TROUBLES[reached.trouble.stage](info, route, reached.trouble)
    return failed(
        Check.CONNECTION,
        f"{info.title}: {cause}",
        step,
        source=info.name,
        code=ErrorCode.TIMEOUT if reached.trouble.number is None else ErrorCode.NETWORK_ERROR,
        timings=reached.timings,
    )


def first_name(route: Route) -> str:
    """Return what is connected to first, as people know it."""
    return f"the proxy {route.proxy.shown}" if route.proxy else route.host


def variable(info: SourceInfo, route: Route) -> str:
    """Return the setting that names the first host of a way."""
    return "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY" if route.proxy else info.endpoint_variable


def no_address(info: SourceInfo, route: Route, trouble: Trouble) -> tuple[str, str]:
    """Tell of a name without an address."""
    host = route.first[0]
    asks = f"look it up yourself: getent hosts {host}"
    if trouble.number is None:
        return f"DNS: no answer in time for {host}", f"check the resolver of this machine; {asks}"
    if trouble.number == socket.EAI_AGAIN:
        return f"DNS: the resolver fails for {host} ({trouble.text})", f"check the network; {asks}"
    found = f"DNS: {host} has no address ({trouble.text})"
    # The public endpoint is not misspelt: where its name has no address, none has.
    if route.proxy is None and host in info.endpoint:
        return found, f"check the network; behind a proxy set HTTPS_PROXY; {asks}"
    return found, f"check the spelling in {variable(info, route)}; {asks}"


def no_connection(info: SourceInfo, route: Route, trouble: Trouble) -> tuple[str, str]:
    """Tell of a port that can't be connected to."""
    host, port = route.first
    name = first_name(route)
    if trouble.number is None:
        step = "a firewall may drop it" + (
            ": set HTTPS_PROXY if you have one" if not route.proxy else ""
        )
        return f"TCP: {name} does not answer on port {port}", step
    if trouble.number == errno.ECONNREFUSED:
        step = f"see whether it runs, and check host and port in {variable(info, route)}"
        return f"TCP: {name} refuses connections on port {port}", step
    if trouble.number in UNROUTABLE:
        return f"TCP: no route to {name} ({trouble.text})", "check the network of this machine"
    step = f"check the network and {variable(info, route)}; try: nc -vz {host} {port}"
    return f"TCP: no connection to {name}, port {port} ({trouble.text})", step


def no_tunnel(info: SourceInfo, route: Route, trouble: Trouble) -> tuple[str, str]:
    """Tell of a proxy that does not connect us."""
    name = first_name(route)
    if trouble.number == PROXY_AUTHENTICATION:
        step = "put user and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT"
        return f"proxy: {name} wants other credentials (HTTP 407)", step
    if trouble.number is None:
        return f"proxy: {name} does not answer CONNECT", "see whether it is a proxy, and is well"
    words = f"HTTP {trouble.number} {trouble.text}" if trouble.number else trouble.text
    step = f"ask its keeper to allow {route.host}:{route.port}, or except it: NO_PROXY={route.host}"
    found = f"proxy: {name} does not connect to {route.host}:{route.port} ({words.strip()})"
    return found, f"{step}, if {info.title} can be reached without"


def no_trust(info: SourceInfo, route: Route, trouble: Trouble) -> tuple[str, str]:
    """Tell of a failed TLS handshake: whom it blames."""
    verdict, text = trouble.number, trouble.text
    if verdict is None:
        step = "a middlebox may swallow TLS: try another network, or set HTTPS_PROXY"
        return f"TLS: {route.host} does not shake hands", step
    # Often it is this machine that lives in the past, as after a start without a battery.
    if verdict in CLOCK_VERDICTS:
        return (
            f"TLS: the certificate of {route.host} is not valid now ({text})",
            "check the clock of this machine (date -u); else its keeper must renew it",
        )
    if verdict in OTHER_VERDICTS:
        step = f"check {info.endpoint_variable}; a portal of the network may answer in its place"
        return f"TLS: the certificate is not that of {route.host} ({text})", step
    if verdict == NO_VERDICT:
        step = f"see whether port {route.port} speaks TLS, and check {info.endpoint_variable}"
        return f"TLS: no handshake with {route.host} ({text})", step
    return f"TLS: the certificate of {route.host} is not trusted ({text})", TRUST_STEP


TROUBLES = {
    Stage.DNS: no_address,
    Stage.TCP: no_connection,
    Stage.TUNNEL: no_tunnel,
    Stage.TLS: no_trust,
}
"""Step at which the way ended → who tells why."""
