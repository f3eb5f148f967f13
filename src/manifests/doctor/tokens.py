"""Judge tokens by where they come from, without showing them: form, place, twice, forgotten."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from manifests.doctor.diagnosis import Check, ok, refused, warned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from manifests.doctor.diagnosis import Finding
    from manifests.errors import SettingsError
    from manifests.sources.base import SourceInfo

__all__ = ["Places", "judge_places", "look_for_tokens", "strange_names"]

ENDINGS = ("TOKEN", "KEY", "APIKEY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a token of one source is found; never the token."""

    variable_is_set: bool = False
    variable_is_blank: bool = False
    """It is there and holds nothing, as a secret does that a CI job may not read."""
    file: str | None = None
    """The token file of the source's own client, if there is one."""
    file_mode: int | None = None
    """Its permissions; None where there are none, as on Windows."""
    differs: bool = False
    """Whether variable and file hold different tokens."""
    strange: tuple[str, ...] = ()
    """Variables that look like this source's, and that nobody reads here."""


def look_for_tokens(
    info: SourceInfo, environ: Mapping[str, str], *, has_modes: bool = True
) -> Places:
    """Look where tokens of a source may be.

    Args:
        info: the facts about the source.
        environ: the environment.
        has_modes: whether the permissions of files mean anything here.
    """
    given = environ.get(info.token_variable)
    text = (given or "").strip()
    name = info.token_file(environ) if info.token_file else None
    kept = read_kept(name) if name else Kept()
    return Places(
        variable_is_set=bool(text),
        variable_is_blank=given is not None and not text,
        file=kept.path if kept.text else None,
        file_mode=kept.mode if has_modes else None,
        differs=bool(text and kept.text) and text != kept.text,
        strange=strange_names(info, environ),
    )


class Kept(NamedTuple):
    """What a client's token file holds."""

    path: str = ""
    text: str = ""
    mode: int | None = None


def read_kept(name: str) -> Kept:
    """Return what a token file holds; the settings tell of one that can't be read."""
    try:
        path = Path(name).expanduser()
        if not path.is_file():
            return Kept()
        text = path.read_text("utf-8", "replace").strip()
        return Kept(path=str(path), text=text, mode=stat.S_IMODE(path.stat().st_mode))
    except (OSError, RuntimeError):  # the latter when there is no home folder
        return Kept()


def strange_names(info: SourceInfo, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return variables that are set and look like a source's token: `CIVITAI_API_KEY`."""
    beginnings = tuple(name.upper() for name in (info.name, info.token_variable.partition("_")[0]))

    def looks_like_one(name: str) -> bool:
        # HUGGING_FACE_HUB_TOKEN and HUGGINGFACE_TOKEN begin alike only so.
        bare = name.replace("_", "").upper()
        return bare.startswith(beginnings) and bare.endswith(ENDINGS)

    return tuple(
        name
        for name, value in sorted(environ.items())
        if value.strip() and name != info.token_variable and looks_like_one(name)
    )


def judge_places(
    info: SourceInfo, places: Places, *, refusal: SettingsError | None = None
) -> Iterator[Finding]:
    """Yield what is to be said of a source's token before anyone is asked.

    Args:
        info: the facts about the source.
        places: where tokens were found.
        refusal: why the settings refuse the token, if they do.
    """
    if refusal:
        yield refused(Check.AUTH, refusal, source=info.name)
    elif places.variable_is_set:
        yield ok(Check.AUTH, f"{info.title}: {info.token_variable} is set", source=info.name)
    elif places.file:
        yield ok(Check.AUTH, f"{info.title}: its token is in {places.file}", source=info.name)
    else:
        yield without_token(info, places)
    yield from oddities(info, places)


def without_token(info: SourceInfo, places: Places) -> Finding:
    """Tell of a source that is asked anonymously, by intention or by accident."""
    name, variable = info.name, info.token_variable
    # The likeliest mistake first: who has set a token believes to be using it.
    if places.strange:
        found = f"{info.title}: {', '.join(places.strange)} is set, but only {variable} is read"
        return warned(Check.AUTH, found, f"export {variable}=${places.strange[0]}", source=name)
    if places.variable_is_blank:
        found = f"{info.title}: {variable} is set but empty, so it is asked anonymously"
        step = f"unset {variable}, or give the job the secret that it stands for"
        return warned(Check.AUTH, found, step, source=name)
    if info.token_advice:
        found = f"{info.title} is asked anonymously. {info.token_advice}"
        step = f"make one at {info.endpoint}{info.keys_page}, then: export {variable}=…"
        return warned(Check.AUTH, found, step, source=name)
    return ok(Check.AUTH, f"{info.title} is asked anonymously", source=name)


def oddities(info: SourceInfo, places: Places) -> Iterator[Finding]:
    """Yield what is odd about a token that is there."""
    if places.differs:
        found = f"{info.title}: {info.token_variable} is used; {places.file} holds another token"
        step = f"keep one: unset {info.token_variable}, or put the same token into the file"
        yield warned(Check.AUTH, found, step, source=info.name)
    if places.file and places.file_mode is not None and places.file_mode & 0o077:
        found = f"{info.title}: others can read {places.file} (mode {places.file_mode:04o})"
        yield warned(Check.AUTH, found, f"chmod 600 {places.file}", source=info.name)
