"""Whatever upstream and definitions call things, no output does more than show it: end to end."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import orjson
import pytest
from anyio.from_thread import start_blocking_portal
from markdown_it import MarkdownIt
from tests.cli.conftest import settle_in

from manifests.cli.app import app_for
from manifests.clock import Clock
from manifests.report.formats import FORMATS
from manifests.sandbox.server import SandboxOptions, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = (
    "<script>alert(1)</script>",
    "<script>alert(2)",
    "</script><img src=x onerror=alert(1)>",
    "]]>&lt;b>",
    "a|b",
    "\"'`${x}",
    "one\n## two\r\n::error::three",
    "abc\u202ecba\u2066\u200f",
    "\x1b[31mred\x1b[0m\x1b]8;;http://evil.example\x07",
    "a\x00b\x08c\x7fd\x9b",
    "[bold red]x[/] [link=http://evil.example]y[/link]",
)
NO_ID = re.compile(r"[\s\x00-\x1f]")
HARMLESS = tuple(
    f"harm{number}{'/' * ('/' in text)}{' ' * bool(NO_ID.search(text))}less"
    for number, text in enumerate(HOSTILE)
)
"""As many, and as fit for the id of a model."""
LABELS = tuple(number for number, text in enumerate(HOSTILE) if text.isprintable())
"""Those that a definition takes as a label."""
QUICK = ("--attempts", "1", "--fixed", "8/0ms")
DATES = {"createdAt": "2026-01-02T03:04:05.000Z", "publishedAt": "2026-01-02T03:04:05.000Z"}
MARKDOWN = MarkdownIt("commonmark").enable("table")
TYPOGRAPHY = {"code", "br"}
"""Text may be set as code, and on lines of its own, in one way or another."""


class Elements(HTMLParser):
    """Counts the elements of a page, each with the names of its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count one."""
        if tag not in TYPOGRAPHY:
            self.found[" ".join((tag, *sorted(name for name, _ in attrs)))] += 1


def civitai(number: int, text: str) -> dict[str, object]:
    """Return a record of CivitAI's that says *text* wherever it may say something."""
    image = {"id": 1, "url": f"https://i.example/{text}", "nsfwLevel": 1, "type": "image"}
    file = {"id": 1, "name": text, "sizeKB": 1, "metadata": {"format": text}, "primary": True}
    version = {"id": number, "name": text, "baseModel": text, "images": [image], "files": [file]}
    return {
        "id": number,
        "name": text,
        "description": f"{text} <p>{text}</p>",
        "type": "LORA",
        "nsfw": False,
        "nsfwLevel": 1,
        "creator": {"username": text, "image": text},
        "tags": [text],
        "stats": {"downloadCount": 100 - number},
        "modelVersions": [{**version, **DATES}],
    }


def hugging_face(number: int, text: str) -> dict[str, object]:
    """Return a record of Hugging Face's that says *text* wherever it may say something."""
    return {
        "id": f"{text}/{text}",
        "likes": 100 - number,
        "downloads": 100 - number,
        "pipeline_tag": text,
        "library_name": text,
        "tags": [text, f"license:{text}"],
        "gated": text,
        "createdAt": DATES["createdAt"],
        "lastModified": DATES["createdAt"],
    }


@contextmanager
def serving(folder: Path, texts: tuple[str, ...], simulate: str = "") -> Iterator[str]:
    """Serve a catalogue of one model a source for each text; yield its endpoint."""
    records = list(enumerate(texts, 1))
    pages = {
        "civitai": {"items": [civitai(*each) for each in records]},
        "huggingface": [hugging_face(*each) for each in records],
    }
    for source, page in pages.items():
        (folder / source).mkdir(parents=True, exist_ok=True)
        (folder / source / "page.json").write_bytes(orjson.dumps(page))
    served = running(SandboxOptions(data=folder, simulate=simulate), clock=Clock())
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(served) as found:
        yield found.url


def define(folder: Path, texts: tuple[str, ...]) -> None:
    """Write definitions with a label for each text; JSON's strings are TOML's as well."""
    folder.mkdir()
    for source, sort in (("civitai", "Most Downloaded"), ("huggingface", "likes")):
        filters = "".join(
            f"[[filters]]\npath = 'filter/f{number}'\nlabel = {json.dumps(texts[number])}\n"
            for number in LABELS
        )
        head = f"source = '{source}'\nsort = '{sort}'\nlimit = 50\n"
        (folder / f"{source}.toml").write_text(head + filters, encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class World:
    """What all commands said and wrote of a catalogue whose texts are given."""

    folder: Path
    said: dict[str, str] = field(default_factory=dict)
    """Command and stream → text."""

    def live(self, patch: pytest.MonkeyPatch, texts: tuple[str, ...]) -> None:
        """See half of the models, then all, then one source failing; tell of the last two."""
        self.folder.mkdir()
        settle_in(patch, self.folder)
        define(self.folder / "lists", texts)
        patch.setenv("MANIFESTS_FILTERS", str(self.folder / "lists"))
        for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
            patch.setenv(name, str(self.folder / f"{name}.txt"))
        patch.setenv("GITHUB_ACTIONS", "true")
        days = ((texts[::2], ""), (texts, ""), (texts[1:], "civitai=404"))
        for number, (shown, simulate) in enumerate(days):
            with serving(self.folder / "data", shown, simulate) as url:
                patch.setenv("CIVITAI_ENDPOINT", url)
                patch.setenv("HF_ENDPOINT", url)
                self._say(number, "generate", "-vv", *QUICK)
                if number:
                    self._ask(number)

    def _ask(self, number: int) -> None:
        for path in ("civitai:filter/f0", "hf:filter/f0"):
            self._say(number, "test-filter", path, *QUICK)
            self._say(number, "test-filter", path, *QUICK, "--json")
        for command in ("list", "plan", "status", "runs"):
            self._say(number, command)
            self._say(number, command, "--json")
        for form in ("terminal", "json", "markdown"):
            self._say(number, "diff", "--format", form)
        for each in FORMATS.values():
            file = str(self.folder / f"run{number}-{each.name}{each.suffix}")
            self._say(number, "report", "--format", each.name, "-o", file)
        self._say(number, "report", "--format", "terminal")
        self._say(number, "preview", "--to", str(self.folder / f"site{number}"))

    def _say(self, number: int, *arguments: str) -> None:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="") for _ in range(2))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            app_for(arguments)(arguments, prog_name="manifests")
        assert ended.value.code in {0, 1, 3}, arguments
        name = " ".join((str(number), *arguments)).replace(str(self.folder), "")
        for stream, written in (("stdout", out), ("stderr", err)):
            written.seek(0)
            self.said[f"{name} {stream}"] = written.read()

    def files(self, *suffixes: str) -> dict[str, str]:
        """Return name → text of what was written, but for upstream, definitions and state."""
        found = (
            path
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix in suffixes
            if path.relative_to(self.folder).parts[0] not in {"data", "lists", "state"}
        )
        # Each preview has a folder of its own, named after what is in it.
        return {
            re.sub(r"set-\w+", "set", str(path.relative_to(self.folder))): path.read_text("utf-8")
            for path in found
        }


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, World]:
    """A hostile world, and a harmless one that is like it in everything else."""
    folder = tmp_path_factory.mktemp("worlds")
    hostile, harmless = World(folder=folder / "hostile"), World(folder=folder / "harmless")
    with pytest.MonkeyPatch.context() as patch:
        hostile.live(patch, HOSTILE)
        harmless.live(patch, HARMLESS)
    return hostile, harmless


def invisible(text: str) -> set[str]:
    """Return the characters that do something without being seen, line ends apart."""
    return {letter for letter in text if not letter.isprintable()} - {"\n"}


def is_for_programs(name: str) -> bool:
    """Tell whether a command prints JSON, in which all but control characters are themselves."""
    return name.endswith("stdout") and ("--json" in name or "--format json" in name)


def test_the_worlds_are_told_of(worlds: tuple[World, World]) -> None:
    """The hostile texts reach what is looked at, or all of this would prove nothing."""
    hostile, harmless = worlds
    assert hostile.said.keys() == harmless.said.keys()
    pages = hostile.files(".html", ".md", ".js", ".json", ".jsonl", ".xml")
    assert {name for name, text in pages.items() if "alert(" in text} >= {
        *("run1-html.html", "run1-json.json", "run1-markdown.md"),
        *("out/civitai-models.json", "out/huggingface-models.json"),
    }
    assert any("alert(" in text for name, text in pages.items() if name.startswith("site1/"))
    shown = {name.split()[1] for name, text in hostile.said.items() if "alert(" in text}
    assert shown >= {"generate", "test-filter", "list", "diff", "report"}


def test_streams_hold_nothing_that_acts(worlds: tuple[World, World]) -> None:
    """What a command prints is text to be seen: no escapes, no turned letters, no false lines."""
    for name, text in worlds[0].said.items():
        letters = invisible(text)
        assert not {each for each in letters if each < " " or each == "\x7f"}, name
        assert letters == set() or is_for_programs(name), name
        assert not re.search(r"(?m)^(::error::three|## two)", text), name
        if is_for_programs(name) and text:
            assert json.loads(text) is not None


def test_pages_are_built_as_ever(worlds: tuple[World, World]) -> None:
    """A page of a hostile catalogue has the elements of a harmless one's, no more and no less."""
    found, harmless = (world.files(".html") for world in worlds)
    assert found.keys() == harmless.keys() >= {"run1-html.html", "run2-html.html"}
    for name, text in found.items():
        assert invisible(text) == set(), name
        assert Elements(text).found == Elements(harmless[name]).found, name


def test_markdown_is_built_as_ever(worlds: tuple[World, World]) -> None:
    """Once rendered, a report or a job summary has the elements of a harmless one's."""
    names = ("run1-markdown.md", "run2-markdown.md", "GITHUB_STEP_SUMMARY.txt")
    found, harmless = (world.files(".md", ".txt") for world in worlds)
    diffs = "1 diff --format markdown stdout"
    pairs = [(found[name], harmless[name]) for name in names]
    for hostile, other in [*pairs, (worlds[0].said[diffs], worlds[1].said[diffs])]:
        assert invisible(hostile) == set()
        assert Elements(MARKDOWN.render(hostile)).found == Elements(MARKDOWN.render(other)).found


def test_suites_and_figures_are_built_as_ever(worlds: tuple[World, World]) -> None:
    """JUnit, Prometheus and GitHub's outputs have as many elements, lines and names."""
    found, harmless = (world.files(".xml", ".prom", ".txt", "") for world in worlds)
    assert found.keys() == harmless.keys()
    for name, text in found.items():
        assert invisible(text) == set(), name
        if name.endswith(".xml"):
            trees = [ET.fromstring(each).iter() for each in (text, harmless[name])]  # noqa: S314 - our own
            assert [each.tag for each in trees[0]] == [each.tag for each in trees[1]]
        elif not name.endswith("SUMMARY.txt"):
            assert len(text.splitlines()) == len(harmless[name].splitlines()), name


def test_data_is_escaped(worlds: tuple[World, World]) -> None:
    """JSON holds control characters as escapes only, and reads back; a page's data ends nothing."""
    for name, text in worlds[0].files(".json", ".jsonl", ".js").items():
        assert not {each for each in invisible(text) if each < " "}, name
        if name.endswith(".js"):
            assert "</script" not in text, name
        else:
            lines = text.splitlines() if name.endswith(".jsonl") else [text]
            assert all(json.loads(line) for line in lines), name
