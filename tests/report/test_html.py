"""The page of a run: whole without its script, harmless whatever the run holds, and well built."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.errors import ErrorCode
from manifests.report.html import render
from manifests.report.html_data import page_data
from manifests.report.html_failures import MOST_GROUPS, MOST_NAMES
from manifests.report.html_tags import Markup, table, tag
from manifests.report.html_traffic import MOST_NOTES
from manifests.report.html_verdict import moment, state_bar
from manifests.report.story import PastRun, tell
from manifests.results import (
    Changes,
    Environment,
    Failure,
    Outcome,
    PlanRecord,
    QueryRecord,
    RunRecord,
    State,
)
from manifests.traffic import Attempt, HostNote, HostRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.report.conftest import MakesFailed, MakesRun

Attributes: TypeAlias = "dict[str, str | None]"

VOID = {"meta", "input", "br", "link", "img"}
FAILURE = Failure(code=ErrorCode.STORE_ERROR, cause="the disk is full", next_step="make room")


class Reader(HTMLParser):
    """Reads a page: its elements in order, and the text outside of style and script."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.open: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold that elements end in the order in which they began."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep text with its like."""
        self.raw.get(self.open[-1] if self.open else "", self.words).append(data)

    @property
    def text(self) -> str:
        """What a person reads, on one line."""
        return " ".join("".join(self.words).split())

    def all(self, name: str) -> list[Attributes]:
        """Return the attributes of all elements of that name."""
        return [attributes for tag, attributes in self.elements if tag == name]


def read(page: bytes) -> Reader:
    """Return what a browser would make of *page*."""
    reader = Reader()
    reader.feed(page.decode())
    assert reader.open == []
    return reader


def whole(outcome: Outcome) -> RunRecord:
    """Return a run of one outcome, with all that a run may have beside it."""
    text = outcome.filter
    return RunRecord(
        run=text,
        started="2026-08-01T12:00:00Z",
        seconds=3,
        environment=Environment(
            tool=text, python=text, platform=text, auth={}, endpoints={"a": text}
        ),
        plan=PlanRecord(filters=1, queries=1, out=text, flags=text),
        changes=Changes(since=text, newly_failing=(text,)),
        outcomes=(outcome,),
        queries=(QueryRecord(source="a", parameters=((text, text),), filters=(text,)),),
        damaged=(text,),
    )


def test_it_is_one_document(eventful: RunRecord) -> None:
    """The page names its language and title, and has one headline and one main part."""
    page = read(render(tell(eventful)))
    assert page.all("html") == [{"lang": "en"}]
    names = Counter(name for name, _ in page.elements)
    assert {names[name] for name in ("title", "h1", "main", "header", "nav")} == {1}


def test_names_are_unique_and_meet(eventful: RunRecord) -> None:
    """No id stands twice, and whatever points to one finds it."""
    page = read(render(tell(eventful)))
    ids = [each["id"] for _, each in page.elements if "id" in each]
    links = [href.removeprefix("#") for _, each in page.elements if (href := each.get("href"))]
    labels = [label for _, each in page.elements if (label := each.get("aria-labelledby"))]
    assert len(ids) == len(set(ids))
    assert {*links, *labels} <= set(ids)
    assert all("aria-labelledby" in each for each in page.all("section"))


def test_tables_and_pictures_are_told(eventful: RunRecord) -> None:
    """Each table has a caption and named columns; each drawing is hidden from those who hear."""
    page = read(render(tell(eventful)))
    names = Counter(name for name, _ in page.elements)
    assert names["caption"] == names["table"] - 1  # the grid is named by its label
    assert all(each.get("scope") in {"col", "row"} for each in page.all("th"))
    assert all(each.get("aria-hidden") == "true" for each in page.all("svg"))


def test_only_its_own_style_and_script_may_run(eventful: RunRecord) -> None:
    """The policy names both by their hash, and there is nothing inline nor anything to load."""
    page = read(render(tell(eventful)))
    policy = next(each["content"] for each in page.all("meta") if "http-equiv" in each)
    data, script = page.raw["script"]
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (*page.raw["style"], script)
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "<" not in data
    attributes = {name for _, each in page.elements for name in each}
    assert not {name for name in attributes if name.startswith("on")}
    assert attributes.isdisjoint({"style", "src", "srcset", "action", "xlink:href"})
    assert all((each.get("href") or "#").startswith("#") for _, each in page.elements)


def test_all_that_matters_is_there_without_the_script(eventful: RunRecord) -> None:
    """Verdict, causes, next steps, commands and figures stand in the page itself."""
    page = read(render(tell(eventful)))
    failed = [outcome for outcome in eventful.failures if outcome.filter == "filter/r"]
    assert "1 manifest missing" in page.text
    assert "6 of 7 manifests stand in" in page.text
    for outcome in failed:
        assert outcome.failure is not None
        assert outcome.failure.cause in page.text
        assert outcome.failure.next_step in page.text
    assert "manifests test-filter civitai:filter/r" in page.text
    assert "manifests retry" in page.text
    assert "Requests by host" in page.text
    assert "This run and those before it" in page.text
    assert "Pauses and circuit changes" in page.text


@pytest.mark.parametrize("text", ["</script><img onerror=alert(1)>", "a' b=\"c", "<!--", "&lt;"])
def test_hostile_text_changes_nothing_but_text(text: str) -> None:
    """Whatever a text holds, the page has the same elements with the same attributes."""
    hostile, plain = (
        read(
            render(
                tell(whole(Outcome(source="a", filter=each, state=State.STALE, failure=FAILURE)))
            )
        )
        for each in (text, "harmless")
    )
    assert [name for name, _ in hostile.elements] == [name for name, _ in plain.elements]
    assert [sorted(each) for _, each in hostile.elements] == [
        sorted(each) for _, each in plain.elements
    ]


@given(st.text(max_size=40))
def test_any_text_stays_text(text: str) -> None:
    """An element keeps its text, and its attribute, from breaking out."""
    reader = read(tag("p", text, title=text).encode())
    assert [name for name, _ in reader.elements] == ["p"]
    assert list(reader.elements[0][1]) == ["title"]


def test_elements() -> None:
    """Mark-up stays as it is, true attributes have no value, false ones are not there."""
    inner = tag("b", "x & y")
    assert tag("p", inner, "<", hidden=True, open=False, class_="c", data_find="d") == (
        '<p hidden class="c" data-find="d"><b>x &amp; y</b>&lt;</p>'
    )
    assert isinstance(inner, Markup)


def test_a_table() -> None:
    """A table names its rows and columns, tells numbers from text, and scrolls by keyboard."""
    made = table("Sizes", ["Name", "#Size"], [["a", "1"]])
    page = read(made.encode())
    assert page.all("div")[0] == {
        "class": "frame",
        "role": "group",
        "aria-label": "Sizes",
        "tabindex": "0",
    }
    assert page.all("th") == [
        {"scope": "col", "class": "text"},
        {"scope": "col", "class": "number"},
        {"scope": "row", "class": "text"},
    ]
    assert page.all("td") == [{"class": "number"}]


@pytest.mark.parametrize(
    ("states", "fields", "title", "tone"),
    [
        ("ff", {}, "All 2 manifests are current", "good"),
        ("f" * 19 + "s", {}, "1 of 20 filters failed, within what is allowed", "warn"),
        ("fs", {}, "1 of 2 filters failed, more than allowed", "bad"),
        ("fm", {}, "1 manifest missing", "bad"),
        ("sss", {}, "Nothing was made", "bad"),
        ("", {}, "Nothing was made", "bad"),
        ("f", {"refusal": FAILURE}, "The disk did not take the whole set", "bad"),
        ("f", {"ended_by": "SIGINT"}, "Interrupted by SIGINT", "bad"),
        ("s", {"ended_by": "SIGTERM"}, "Interrupted by SIGTERM", "bad"),
    ],
)
def test_the_verdict(
    make_run: MakesRun, states: str, fields: Mapping[str, object], title: str, tone: str
) -> None:
    """The headline is the gravest of what is true, and its tone is that of the exit code."""
    kinds = {"f": State.FRESH, "s": State.STALE, "m": State.MISSING}
    outcomes = [
        Outcome(source="civitai", filter=f"filter/{index}", state=kinds[letter], previous=1)
        for index, letter in enumerate(states)
    ]
    page = render(tell(make_run(*outcomes, **fields))).decode()
    assert f"<span>{title}</span></h1>" in page
    assert f'<section class="verdict {tone}"' in page


def test_failures_that_are_alike_are_one(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """Filters that fail alike share an item with one command; their names are folded."""
    outcomes = make_failed(*(f"filter/{number}" for number in range(MOST_NAMES + 5)))
    page = read(render(tell(make_run(*outcomes))))
    assert len(page.all("article")) == 1
    assert page.text.count("manifests test-filter") == 1
    assert f"{MOST_NAMES + 5} filters of civitai, stale" in page.text
    assert "and 5 more" in page.text


def test_many_kinds_of_failure_are_folded(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """A run in which all fails in its own way does not bury the rest of the page."""
    numbers = range(MOST_GROUPS + 2)
    outcomes = [make_failed(f"filter/{each}", next_step=f"step {each}")[0] for each in numbers]
    page = read(render(tell(make_run(*outcomes))))
    assert len(page.all("article")) == MOST_GROUPS
    assert "and 2 more kinds, see the table of filters" in page.text


def test_a_command_is_safe_to_paste(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """A shell takes a filter's name for no more than a name, and a long command is whole."""
    plan = PlanRecord(filters=1, queries=1, flags=f" --out {'o' * 900}")
    page = read(render(tell(make_run(*make_failed("filter/a; rm -rf ~"), plan=plan))))
    assert f"test-filter 'civitai:filter/a; rm -rf ~' --out {'o' * 900}" in page.text


def test_nothing_failed(make_run: MakesRun) -> None:
    """Where nothing failed there is no empty list of failures, nor a link to one."""
    page = render(tell(make_run(Outcome(source="a", filter="filter/b", state=State.FRESH))))
    assert b"#failures" not in page
    assert b"What failed" not in page


@pytest.mark.parametrize(
    ("outcomes", "shown"),
    [
        ([{"state": State.FRESH}], "this run"),
        ([{"state": State.FRESH, "as_of": "2026-08-01T11:00:00Z"}], "2026-08-01 11:00 UTC"),
        ([{"state": State.STALE, "previous": 3}], "an earlier run"),
        ([{"state": State.MISSING}], "this run"),
        (
            [
                {"state": State.STALE, "previous": 3, "last_success": "2026-07-30T09:30:00Z"},
                {"state": State.FRESH, "as_of": "2026-08-01T11:00:00Z"},
            ],
            "2026-07-30 09:30 UTC",
        ),
    ],
)
def test_the_oldest_data(
    make_run: MakesRun, outcomes: list[Mapping[str, object]], shown: str
) -> None:
    """Of each source the oldest of what stands published is told, as far as it is known."""
    usual = {"source": "civitai", "filter": "filter/a"}
    made = [Outcome.model_validate({**usual, **each}) for each in outcomes]
    assert f'<td class="text">{shown}</td></tr>' in render(tell(make_run(*made))).decode()


@pytest.mark.parametrize(
    ("outcomes", "shown"),
    [
        (
            [
                (State.STALE, "2026-07-31T10:00:00Z"),
                (State.QUARANTINED, "2026-07-29T10:00:00Z"),
                (State.STALE, None),
                (State.UNCHANGED, "2026-07-28T10:00:00Z"),
            ],
            "2026-07-29 10:00 UTC",
        ),
        ([(State.STALE, None), (State.FRESH, None)], "this run"),
        ([(State.UNCHANGED, "2026-07-28T10:00:00Z"), (State.FRESH, None)], "\u2013"),
    ],
)
def test_stale_since(
    make_run: MakesRun, outcomes: list[tuple[State, str | None]], shown: str
) -> None:
    """Since when a source is stale is told of what has waited longest and still does."""
    made = [
        Outcome(source="a", filter=f"filter/{index}", state=state, stale_since=stamp)
        for index, (state, stamp) in enumerate(outcomes)
    ]
    page = render(tell(make_run(*made))).decode()
    assert f'<td class="text">{shown}</td><td class="text">' in page


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        (None, "No earlier run of this output is remembered."),
        (Changes(since="r"), "No filter began to fail, and none was mended."),
        (Changes(since="r", newly_failing=("a:b",)), "1 filter newly failing a:b"),
        (Changes(since="r", newly_fixed=("a:b", "a:c")), "2 filters newly fixed a:ba:c"),
    ],
)
def test_changes(make_run: MakesRun, changes: Changes | None, shown: str) -> None:
    """What changed since the last run is told, also when it is nothing."""
    page = read(render(tell(make_run(changes=changes))))
    assert shown.replace(" a:b", "a:b") in page.text


def test_past_runs(make_run: MakesRun) -> None:
    """Earlier runs stand below this one; of a killed one nothing is invented."""
    past = [
        PastRun(
            run="20260731T1",
            started="2026-07-31T12:00:00Z",
            dry_run=True,
            seconds=3,
            requests=1,
            ended_by="completion",
            states={State.FRESH: 7},
        ),
        PastRun(run="20260730T1", started="2026-07-30T12:00:00Z"),
    ]
    story = tell(make_run(), past=past)
    page = read(render(story)).text
    assert "completion, dry run" in page
    assert "20260730T12026-07-30 12:00 UTC\N{EN DASH}\N{EN DASH}killed00000" in page
    runs = page_data(story)["past"]
    assert isinstance(runs, list)
    assert [each["run"] for each in runs] == ["20260730T1", "20260731T1", "20260801T120000Z-0000"]


def paused(source: str, *notes: HostNote) -> HostRecord:
    """Return the record of a host that was paused like this."""
    return HostRecord(
        source=source, requests=1, refused=0, abandoned=0, most_in_flight=1, most_parked=0,
        openings=0, circuit="closed", window=1, notes=notes,
    )  # fmt: skip


def test_pauses_are_folded(make_run: MakesRun) -> None:
    """Hosts that were paused for ever and ever are told by the first pauses of them all."""
    notes = [HostNote(at=i, kind="hold", seconds=1, why="429") for i in range(MOST_NOTES + 9)]
    early = HostNote(at=0.5, kind="hold", seconds=1, why="the other host's only pause")
    run = make_run(hosts=(paused("a", *notes), paused("b", early)))
    text = read(render(tell(run))).text
    assert f"The first {MOST_NOTES} pauses and circuit changes" in text
    assert f"a0.0 shold1.0 s429b0.5 shold1.0 s{early.why}a1.0 shold1.0 s429" in text
    assert text.count("hold1.0 s429") == MOST_NOTES - 1


def test_data_of_facets(make_run: MakesRun) -> None:
    """A facet has its default first, which no path names; filters without it have no slug."""
    outcomes = [
        Outcome(source="a", filter="filter/week", state=State.FRESH, facets=(("period", "week"),)),
        Outcome(source="a", filter="filter/sd", state=State.FRESH, facets=(("period", "all"),)),
        Outcome(source="a", filter="filter/mine", state=State.FRESH),
    ]
    assert page_data(tell(make_run(*outcomes)))["facets"] == [
        {"source": 0, "name": "period", "slugs": ["all", "week"], "at": [1, 0, None]}
    ]


def test_data_in_columns(make_run: MakesRun, make_failed: MakesFailed) -> None:
    """Columns are as long as their table or empty, and what failed alike shares its texts."""
    outcomes = make_failed("filter/a", "filter/b", next_step="x") + make_failed("", next_step="y")
    own = make_failed("filter/c", "filter/d")
    told = [
        each.model_copy(
            update={"failure": FAILURE.model_copy(update={"cause": f"of {each.filter}"})}
        )
        for each in own
    ]
    tries = (Attempt(number=1, url="u", started=0.25, seconds=1.5, wait=2, status=200),)
    query = QueryRecord(source="civitai", parameters=(), filters=(), attempts=tries)
    data = page_data(tell(make_run(*outcomes, *told, queries=(query,))))
    filters, texts = data["filters"], data["texts"]
    assert isinstance(filters, dict)
    assert isinstance(texts, list)
    assert {len(column) for column in filters.values()} == {0, 5}
    assert filters["count"] == []
    assert texts.count("of \x00") == 1
    assert data["attempts"] == {
        "query": [0], "number": [1], "start": [250], "took": [1500], "status": [200], "code": [],
        "wait": [2000],
    }  # fmt: skip
    assert data["queries"] == {"source": [0], "first": [None], "filters": [0]}


def test_a_label_that_tells_more(make_run: MakesRun) -> None:
    """A label is carried only where the path does not say the same."""
    labels = {"filter/x/week": "x · week", "filter/mine": "All by me"}
    outcomes = [
        Outcome(source="a", filter=path, label=label, state=State.FRESH)
        for path, label in labels.items()
    ]
    filters = page_data(tell(make_run(*outcomes)))["filters"]
    assert isinstance(filters, dict)
    assert filters["label"] == [None, "All by me"]


def test_the_data_is_read_back(eventful: RunRecord) -> None:
    """The block of data is JSON and holds what `page_data` returns."""
    story = tell(eventful)
    data, _ = read(render(story)).raw["script"]
    assert json.loads(data) == page_data(story)


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [
        ("2026-08-01T12:34:56Z", "2026-08-01 12:34 UTC"),
        ("yesterday", "yesterday"),
        ("2026-08-01T12:34:56+02:00", "2026-08-01T12:34:56+02:00"),
    ],
)
def test_a_moment(stamp: str, shown: str) -> None:
    """A moment in UTC is told to the minute; any other stamp as it is."""
    assert moment(stamp) == shown


def test_a_bar_is_full() -> None:
    """The parts of a bar lie side by side from its begin to its end; none is drawn of nothing."""
    parts = read(state_bar([1, 0, 2, 0, 5]).encode()).all("rect")
    spans = [(float(each["x"] or 0), float(each["width"] or 0)) for each in parts]
    assert spans[0][0] == 0
    assert spans[-1][0] + spans[-1][1] == pytest.approx(100)
    assert all(a + width == pytest.approx(b, abs=0.02) for (a, width), (b, _) in pairwise(spans))
    assert read(state_bar([0, 0, 0, 0, 0]).encode()).all("rect") == []


def channel(value: int) -> float:
    """Return a colour channel, 0 to 255, as linear light (WCAG 2.2, relative luminance)."""
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`."""
    red, green, blue = (channel(int(colour[place : place + 2], 16)) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "card", "sunk"])
def test_contrast(eventful: RunRecord, theme: int, ground: str) -> None:
    """Text stands out by 4.5 and signs and frames by 3 on every ground, in both themes (AA)."""
    style = read(render(tell(eventful))).raw["style"][0]
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    colours = {name: pair[theme] for name, *pair in found}
    ratios = {name: contrast(colour, colours[ground]) for name, colour in colours.items()}
    assert min(ratios[name] for name in ("ink", "soft", "link")) >= 4.5
    assert min(ratios[name] for name in ("edge", *State)) >= 3
