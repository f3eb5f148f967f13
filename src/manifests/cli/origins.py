"""Carry out `manifests settings`: what a run would be told, and where each value comes from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from rich import box
from rich.table import Table

from manifests.cli.configuring import configuration_of
from manifests.cli.consoles import cell, say
from manifests.errors import SettingsError
from manifests.fetch.proxies import read_proxy
from manifests.settings import CONTACT, Configuration, find_token, is_endpoint, token_given
from manifests.settings_file import SettingsFile
from manifests.sources import SOURCES
from manifests.store.canonical import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import typer
    from rich.console import Console

    from manifests.sources.base import SourceInfo

__all__ = ["NETWORK", "show_settings"]

JsonPlain: TypeAlias = str | int | bool | None
PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
NETWORK: Final = (*PROXIES, "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
UNSAID: Final = {"fixed": "found out", "style": "as published"}
"""What happens where nobody says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value that a run would go by."""

    name: str
    """As the settings file or the environment spells it."""
    value: JsonPlain
    """Never a secret."""
    origin: str = "default"
    """`default`, `file`, `variable` or `flag`."""
    place: str = ""
    """Which file, variable or flag."""

    @property
    def told_by(self) -> str:
        """Where it comes from, in words."""
        return f"{self.origin} {self.place}".strip()


def show_settings(context: typer.Context, data: Console, people: Console, *, as_json: bool) -> None:
    """Print what is in force on *data*, and what to know about it to *people*."""
    configuration = configuration_of(context) or Configuration()
    settings = tuple(settings_in_force(context, configuration, os.environ))
    for note in configuration.notes:
        say(people, note, style="yellow")
    if as_json:
        origin = str(configuration.origin) if configuration.origin else None
        document = {"schema": 1, "file": origin, "settings": [row(each) for each in settings]}
        data.file.write(encode(document).decode())
        return
    table = Table("setting", "value", "from", box=box.SIMPLE_HEAD)
    for each in settings:
        table.add_row(*(cell(text) for text in (each.name, shown(each), each.told_by)))
    data.print(table)


def row(setting: Setting) -> dict[str, JsonPlain]:
    """Return one setting as plain data."""
    return {
        "name": setting.name,
        "value": setting.value,
        "from": setting.origin,
        "place": setting.place or None,
    }


def shown(setting: Setting) -> str:
    """Return a value as the settings file would spell it, or what its absence means."""
    if setting.value is None:
        return UNSAID.get(setting.name, "not set")
    return str(setting.value).lower() if isinstance(setting.value, bool) else str(setting.value)


def settings_in_force(
    context: typer.Context, configuration: Configuration, environ: Mapping[str, str]
) -> Iterator[Setting]:
    """Yield all that a run would be told, in the order of the file, and then the rest."""
    for name in SettingsFile.model_fields:
        if name in context.params:
            yield option(context, name, context.params[name], configuration)
    yield contact(configuration, environ)
    for source in SOURCES.values():
        yield endpoint(source.info, configuration, environ)
    yield from thresholds(configuration)
    for source in SOURCES.values():
        yield token(source.info, environ)
    yield from network(environ)


def option(
    context: typer.Context, name: str, value: object, configuration: Configuration
) -> Setting:
    """Return the value of one option."""
    word = name.replace("_", "-")
    source = context.get_parameter_source(name)
    places = {
        "COMMANDLINE": ("flag", f"--no-{word}" if value is False else f"--{word}"),
        "ENVIRONMENT": ("variable", f"MANIFESTS_{name.upper()}"),
        "DEFAULT_MAP": ("file", str(configuration.origin)),
    }
    origin, place = places.get(source.name if source else "", ("default", ""))
    plain = value if isinstance(value, bool | int) or value is None else str(value)
    return Setting(name=word, value=plain, origin=origin, place=place)


def contact(configuration: Configuration, environ: Mapping[str, str]) -> Setting:
    """Return where upstream finds whoever runs this."""
    if given := environ.get("MANIFESTS_CONTACT", "").strip():
        return Setting(name="contact", value=given, origin="variable", place="MANIFESTS_CONTACT")
    if configuration.contact:
        return in_file("contact", configuration.contact, configuration)
    return Setting(name="contact", value=CONTACT)


def endpoint(info: SourceInfo, configuration: Configuration, environ: Mapping[str, str]) -> Setting:
    """Return where a source is asked; what is no endpoint may hold a password and is not shown."""
    name, told = f"endpoints.{info.name}", configuration.endpoints.get(info.name)
    if given := environ.get(info.endpoint_variable, "").strip().rstrip("/"):
        value = given if is_endpoint(given) else "unusable: no endpoint"
        return Setting(name=name, value=value, origin="variable", place=info.endpoint_variable)
    return in_file(name, told, configuration) if told else Setting(name=name, value=info.endpoint)


def thresholds(configuration: Configuration) -> Iterator[Setting]:
    """Yield the thresholds of the publish gate, as the file spells them."""
    gate = configuration.gate
    values: dict[str, JsonPlain] = {
        "max_shrink": f"{gate.max_shrink * 100:g}%",
        "least_loss": gate.least_loss,
        "max_source_shrink": f"{gate.max_source_shrink * 100:g}%",
        "accept_runs": gate.accept_runs,
        "accept_after": patience(gate.accept_after),
    }
    for name, value in values.items():
        word = f"gate.{name.replace('_', '-')}"
        given = name in configuration.gate_keys
        yield in_file(word, value, configuration) if given else Setting(name=word, value=value)


def patience(seconds: float) -> str:
    """Return a long time as the file spells it."""
    return "never" if seconds == float("inf") else f"{seconds / 3600:g}h"


def in_file(name: str, value: JsonPlain, configuration: Configuration) -> Setting:
    """Return a value that the settings file gives."""
    return Setting(name=name, value=value, origin="file", place=str(configuration.origin))


def token(info: SourceInfo, environ: Mapping[str, str]) -> Setting:
    """Return whether there is a token for a source, and whether it has the right form."""
    name = info.token_variable
    try:
        place, text = token_given(info, environ)
        find_token(info, environ, endpoint=info.endpoint)
    except SettingsError as error:
        return Setting(name=name, value=f"unusable: {error.cause}", origin="variable", place=name)
    if not text:
        return Setting(name=name, value=None)
    return Setting(
        name=name, value="set", origin="variable" if place == name else "file", place=place
    )


def network(environ: Mapping[str, str]) -> Iterator[Setting]:
    """Yield what the environment says of proxies and certificates, without passwords."""
    for name in NETWORK:
        place = next((each for each in (name.lower(), name) if environ.get(each)), "")
        if not place:
            yield Setting(name=name, value=None)
            continue
        text = environ[place]
        value = proxy(text) if name in PROXIES else text
        yield Setting(name=name, value=value, origin="variable", place=place)


def proxy(text: str) -> str:
    """Return a proxy without its user and password."""
    try:
        return read_proxy(text).shown
    except SettingsError as error:
        return f"unusable: {error.cause}"
