"""What a run is told is checked before anything is sent, and no secret is ever repeated."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import SettingsError
from manifests.settings import (
    LONGEST,
    Access,
    Settings,
    is_loopback,
    parse_duration,
    parse_pace,
    parse_share,
    read_access,
)
from manifests.sources import SOURCES
from manifests.sources.base import SourceInfo

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INFO = SourceInfo(
    name="made-up",
    title="Made Up",
    file_prefix="mu",
    short="mu",
    endpoint="https://made-up.example",
    endpoint_variable="MADE_UP_ENDPOINT",
    token_variable="MADE_UP_TOKEN",
    token_form=r"mu_[a-z]{4,}",
)
HUGGING_FACE = SOURCES["huggingface"].info
TOKEN = "mu_secret"


def access(info: SourceInfo = INFO, **environ: str) -> Access:
    """Return where and as whom a source is asked in such an environment."""
    return read_access([info], environ)[info.name]


def token_of(info: SourceInfo, environ: Mapping[str, str]) -> str | None:
    """Return the token that stands in such an environment."""
    token = access(info, **environ).token
    return token.get_secret_value() if token else None


def refusal(info: SourceInfo = INFO, **environ: str) -> SettingsError:
    """Return why such an environment is refused."""
    with pytest.raises(SettingsError) as caught:
        access(info, **environ)
    assert caught.value.next_step
    return caught.value


@pytest.mark.parametrize(
    "text",
    ["", "10", "s", "-5s", "1.s", ".5s", "1e3s", "10 m", "10M", "1h30m", "٣s", "10s\n10s", "nan"],
)
def test_no_duration(text: str) -> None:
    """A duration is one number with a unit; all else is refused and shown."""
    with pytest.raises(SettingsError, match="is no duration") as caught:
        parse_duration(text)
    assert repr(text) in caught.value.cause


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("100ms", 0.1),
        ("90s", 90),
        (" 10m ", 600),
        ("1.5h", 5400),
        ("2d", 172800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    """Units from milliseconds to days make seconds."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["36501d", "999999999999d", "9" * 400 + "d", "9" * 5000 + "ms"])
def test_nothing_lasts_longer_than_a_century(text: str) -> None:
    """Further back the calendar ends, and with it every sum of times."""
    assert parse_duration("36500d") == LONGEST
    with pytest.raises(SettingsError, match="longer than a century"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["", "4", "/", "/100ms", "4/", "0/1s", "-1/1s", "4.5/1s", "1000/1s", "٤/1s", "4/1", "4/1s/1s"],
)
def test_no_pace(text: str) -> None:
    """A pace is a count from 1 to 999 and a duration; all else is refused."""
    with pytest.raises(SettingsError, match=r"is no pace|is no duration"):
        parse_pace(text)


@pytest.mark.parametrize(
    ("text", "pace"), [("4/100ms", (4, 0.1)), ("1/0s", (1, 0)), (" 999/2m ", (999, 120))]
)
def test_paces(text: str, pace: tuple[int, float]) -> None:
    """A pace says how many at once, and how far apart."""
    assert parse_pace(text) == pace


@pytest.mark.parametrize("text", ["", "10", "%", "-1%", "100.1%", "101%", "9" * 400 + "%", "٣%"])
def test_no_share(text: str) -> None:
    """A share is a percentage from 0 to 100; all else is refused."""
    with pytest.raises(SettingsError, match="is no share"):
        parse_share(text)


@pytest.mark.parametrize(
    ("text", "share"), [("0%", 0), ("10%", 0.1), (" 2.5% ", 0.025), ("100%", 1)]
)
def test_shares(text: str, share: float) -> None:
    """A share is from 0 to 1."""
    assert parse_share(text) == pytest.approx(share)


@given(st.text(max_size=12))
def test_whatever_a_flag_holds(text: str) -> None:
    """Any text is a value or a refusal; no other exception escapes."""
    advice = ["write it as"]
    for parse in (parse_duration, parse_pace, parse_share):
        try:
            parse(text)
        except SettingsError as error:
            advice.append(error.next_step)
    assert [each for each in advice if not each.startswith("write it as")] == []


@pytest.mark.parametrize(
    "endpoint",
    [
        "made-up.example",
        "ftp://made-up.example",
        "file:///etc/passwd",
        "https://",
        "https:///api",
        "https://user:hunter2@made-up.example",
        "https://:hunter2@made-up.example",
        "https://hunter2@made-up.example",
        "https://made-up.example?key=hunter2",
        "https://made-up.example/?",
        "https://made-up.example#hunter2",
        "https://made-up.example:port",
        "https://made-up.example:99999",
        "https://made-up.example:0",
        "https://[::1",
        "https://made up.example",
        "https://made-up\n.example",
        "\x00",
    ],
)
def test_no_endpoint(endpoint: str) -> None:
    """An endpoint is scheme, host and port without secrets; its variable is named, not its value.

    Requests are built on it, so that a query or a fragment would swallow their paths.
    """
    error = refusal(MADE_UP_ENDPOINT=endpoint)
    assert error.cause == "MADE_UP_ENDPOINT is no endpoint"
    assert error.next_step == "write it as https://made-up.example, without a user or password"


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        ("", "https://made-up.example"),
        (" ", "https://made-up.example"),
        ("https://x.example", "https://x.example"),
        ("https://x.example//", "https://x.example"),
        (" https://x.example/ \n", "https://x.example"),
        ("http://x.example:8080", "http://x.example:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://mirror.example/made-up/", "https://mirror.example/made-up"),
    ],
)
def test_endpoints(given: str, endpoint: str) -> None:
    """The variable replaces the public endpoint; slashes at its end go, and empty is absent."""
    assert access(MADE_UP_ENDPOINT=given) == Access(endpoint=endpoint)


def test_the_public_endpoint_is_the_default() -> None:
    """Without variables each source is asked anonymously where everybody asks it."""
    infos = [source.info for source in SOURCES.values()]
    found = read_access(infos, {"HF_TOKEN_PATH": "/nowhere"})
    assert found == {info.name: Access(endpoint=info.endpoint) for info in infos}


@pytest.mark.parametrize(
    "token", ["hunter2", "mu_", "mu_UPPER", f"{TOKEN} {TOKEN}", f"x{TOKEN}", f"{TOKEN}\x00"]
)
def test_a_token_of_the_wrong_form(token: str) -> None:
    """It is refused by the name of its variable, and never shown."""
    error = refusal(MADE_UP_TOKEN=token)
    assert "MADE_UP_TOKEN" in error.cause
    assert "MADE_UP_TOKEN" in error.next_step
    assert token not in error.cause + error.next_step


@pytest.mark.parametrize(
    ("given", "token"), [(TOKEN, TOKEN), (f" {TOKEN}\n", TOKEN), ("", None), (" \n", None)]
)
def test_tokens(given: str, token: str | None) -> None:
    """White space around a token is none of it, and an empty one is absent."""
    assert token_of(INFO, {"MADE_UP_TOKEN": given}) == token


def test_a_source_without_a_form_takes_any_token() -> None:
    """Where the form is not known it is not checked."""
    info = replace(INFO, token_form=None)
    assert token_of(info, {"MADE_UP_TOKEN": "whatever it is"}) == "whatever it is"


def test_no_repr_shows_a_token() -> None:
    """Neither access nor settings show a token to whoever prints them."""
    found = access(MADE_UP_TOKEN=TOKEN)
    assert TOKEN not in f"{found} {found!r} {Settings(access={'made-up': found})!r}"


@pytest.mark.parametrize(
    "endpoint", ["http://x.example", "http://localhost.x.example", "http://127.0.0.1.x.example"]
)
def test_a_token_never_travels_unencrypted(endpoint: str) -> None:
    """Over plain HTTP a token goes nowhere but to this machine."""
    error = refusal(MADE_UP_ENDPOINT=endpoint, MADE_UP_TOKEN=TOKEN)
    assert "MADE_UP_TOKEN would travel unencrypted" in error.cause
    assert "MADE_UP_ENDPOINT" in error.next_step
    assert TOKEN not in error.cause + error.next_step
    assert access(MADE_UP_ENDPOINT=endpoint).token is None


@pytest.mark.parametrize(
    "endpoint", ["http://localhost:80", "http://127.0.0.1:1", "http://[::1]:2", "HTTPS://x.example"]
)
def test_a_token_may_go_to_this_machine(endpoint: str) -> None:
    """Loopback and HTTPS are good for tokens."""
    environ = {"MADE_UP_ENDPOINT": endpoint, "MADE_UP_TOKEN": TOKEN}
    assert token_of(INFO, environ) == TOKEN


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:8000", True),
        ("http://127.8.9.10", True),
        ("https://[::1]:8000", True),
        ("http://0.0.0.0", False),
        ("http://localhost.x.example", False),
        ("http://127.0.0.1.x.example", False),
        ("http://128.0.0.1", False),
        ("localhost", False),
    ],
)
def test_what_is_this_machine(endpoint: str, *, expected: bool) -> None:
    """Only the addresses that never leave the machine are on it."""
    assert is_loopback(endpoint) is expected


def put(path: Path, text: str) -> str:
    """Write a token file, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_order_of_token_files(tmp_path: Path) -> None:
    """Hugging Face's own client looks in the same places: each beats those that follow it."""
    environ = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    put(tmp_path / "cache" / "huggingface" / "token", "hf_fromcache")
    assert token_of(HUGGING_FACE, environ) == "hf_fromcache"

    environ["HF_HOME"] = str(tmp_path / "home")
    assert token_of(HUGGING_FACE, environ) is None
    put(tmp_path / "home" / "token", "hf_fromhome\n")
    assert token_of(HUGGING_FACE, environ) == "hf_fromhome"

    environ["HF_TOKEN_PATH"] = put(tmp_path / "elsewhere", " hf_frompath ")
    assert token_of(HUGGING_FACE, environ) == "hf_frompath"

    environ["HF_TOKEN"] = "hf_fromvariable"
    assert token_of(HUGGING_FACE, environ) == "hf_fromvariable"
    environ["HF_TOKEN"] = ""
    assert token_of(HUGGING_FACE, environ) == "hf_frompath"


def test_a_token_file_of_the_wrong_form(tmp_path: Path) -> None:
    """It is refused by its path, and never shown."""
    path = put(tmp_path / "token", "hunter2")
    error = refusal(HUGGING_FACE, HF_TOKEN_PATH=path)
    assert path in error.cause
    assert "hunter2" not in error.cause + error.next_step


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_token_file_is_none(tmp_path: Path, text: str) -> None:
    """Who logged out has no token."""
    path = put(tmp_path / "token", text)
    assert token_of(HUGGING_FACE, {"HF_TOKEN_PATH": path}) is None


def test_a_folder_is_no_token_file(tmp_path: Path) -> None:
    """What is no file holds no token."""
    assert token_of(HUGGING_FACE, {"HF_TOKEN_PATH": str(tmp_path)}) is None


@pytest.mark.parametrize("name", ["~nobody-of-this-name/token", "x" * 5000])
def test_an_unreadable_token_file(name: str) -> None:
    """A file that the system can't reach is told by name, and the way around it."""
    error = refusal(HUGGING_FACE, HF_TOKEN_PATH=name)
    assert error.cause == f"{name} can't be read"
    assert "HF_TOKEN" in error.next_step


def test_a_file_beats_no_variable_of_another_source(tmp_path: Path) -> None:
    """Each source has its own variables, and a token of one is never sent to the other."""
    path = put(tmp_path / "token", "hf_averysecrettoken")
    environ = {"HF_TOKEN_PATH": path, "MADE_UP_TOKEN": TOKEN}
    found = read_access([INFO, HUGGING_FACE, SOURCES["civitai"].info], environ)
    tokens = {
        name: each.token.get_secret_value() if each.token else None for name, each in found.items()
    }
    assert tokens == {"made-up": TOKEN, "huggingface": "hf_averysecrettoken", "civitai": None}


@given(st.text(), st.text())
def test_whatever_the_environment_holds(endpoint: str, token: str) -> None:
    """Any environment gives an access with a well-formed token, or a refusal."""
    found, cause = None, "MADE_UP_"
    try:
        found = access(MADE_UP_ENDPOINT=endpoint, MADE_UP_TOKEN=token)
    except SettingsError as error:
        cause = error.cause
    assert cause.startswith("MADE_UP_")
    assert found is None or not found.endpoint.endswith("/")
    assert found is None or found.token is None or re.fullmatch(r"mu_[a-z]{4,}", token.strip())
