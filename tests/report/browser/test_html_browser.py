"""The page of a run in a real browser: quiet, usable by keyboard, and quick when it is large."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from manifests.errors import ErrorCode
from manifests.report.html import render
from manifests.report.story import tell
from manifests.results import Environment, Failure, Outcome, QueryRecord, RunRecord, State
from manifests.traffic import Attempt, HostNote, HostRecord

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from tests.report.browser.conftest import MakesLarge, Opens

HOSTILE = (
    "</script><img src=x onerror=alert(1)><b>a\u202eb\x00c\u200bd</b> javascript:alert(1) {{x}}"
)
SHOWN = (
    "</script><img src=x onerror=alert(1)><b>a\\u202eb\\x00c\\u200bd</b> javascript:alert(1) {{x}}"
)


@pytest.fixture(scope="module")
def run(make_large: MakesLarge) -> RunRecord:
    """A run of the usual size."""
    return make_large(filters=400, attempts=600)


@pytest.fixture(scope="module")
def large(make_large: MakesLarge) -> RunRecord:
    """A run of 10,000 filters."""
    return make_large(filters=10_000, attempts=5000)


def hostile() -> RunRecord:
    """Return a run in which every text wants to be more than text."""
    failure = Failure(code=ErrorCode.API_ERROR, cause=HOSTILE, next_step=HOSTILE)
    outcomes = tuple(
        Outcome(
            source=HOSTILE,
            filter=f"{HOSTILE}{number}",
            state=State.STALE,
            label=HOSTILE,
            facets=((HOSTILE, HOSTILE), ("other", HOSTILE)),
            accepted=HOSTILE,
            failure=failure,
        )
        for number in range(3)
    )
    tries = (Attempt(number=1, url=HOSTILE, started=0, seconds=1, code=ErrorCode.API_ERROR),)
    query = QueryRecord(source=HOSTILE, parameters=(), filters=(HOSTILE,), attempts=tries)
    host = HostRecord(
        source=HOSTILE,
        requests=1,
        refused=0,
        abandoned=0,
        most_in_flight=1,
        most_parked=0,
        openings=1,
        circuit="open",
        window=1,
        notes=(HostNote(at=0, kind="hold", seconds=1, why=HOSTILE),),
    )
    return RunRecord(
        run=HOSTILE,
        started="2026-08-01T12:00:00Z",
        seconds=2,
        environment=Environment(
            tool=HOSTILE, python=HOSTILE, platform=HOSTILE, auth={}, endpoints={HOSTILE: HOSTILE}
        ),
        outcomes=outcomes,
        queries=(query,),
        hosts=(host,),
    )


def first_cells(page: Page, kind: str) -> list[str]:
    """Return the text of one column in the rows that exist."""
    return page.locator(f"#table tbody td.c-{kind}").all_inner_texts()


def wide(page: Page) -> int:
    """Return by how many pixels the page is wider than its window."""
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def chart_width(window: int) -> int:
    """Return the pixels that a chart has in a window, without the margins of 16 or 24."""
    return min(window, 1200) - (32 if window <= 640 else 48)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_opens_quietly(open_page: Opens, eventful: RunRecord, *, dark: bool) -> None:
    """A page from disk loads nothing but itself, says nothing, and draws all its parts."""
    page = open_page(eventful, dark=dark).page
    for part in ("#hosts svg", "#histograms svg", "#history svg", "#table tbody tr[id]"):
        expect(page.locator(part).first).to_be_visible()
    expect(page.locator("#found")).to_have_text("7 filters")
    expect(page.locator("h1")).to_have_text("1 manifest missing")


def test_what_is_drawn_has_a_name(open_page: Opens, run: RunRecord) -> None:
    """Each chart is a picture with title, description and label; other drawings are hidden."""
    page = open_page(run).page
    charts = page.locator("svg.chart")
    assert charts.count() == 3
    for chart in charts.all():
        assert chart.get_attribute("role") == "img"
        assert chart.get_attribute("aria-label")
        assert chart.locator("> title").text_content()
        assert chart.locator("> desc").text_content()
    assert page.locator("svg:not(.chart):not([aria-hidden=true])").count() == 0


def test_nothing_else_may_run(open_page: Opens, eventful: RunRecord) -> None:
    """The policy is at work: a script that gets in does not run, and nothing can be fetched."""
    visit = open_page(eventful)
    refused = visit.page.evaluate("""async () => {
        const refused = [];
        addEventListener("securitypolicyviolation", (event) => {
            refused.push(event.effectiveDirective);
        });
        const script = document.createElement("script");
        script.textContent = "window.ran = true";
        document.body.append(script);
        document.body.insertAdjacentHTML("beforeend", "<i onclick='window.ran = true'></i>");
        document.body.lastElementChild.click();
        await fetch("data:,x").catch(() => null);
        await new Promise((resolve) => setTimeout(resolve));
        return [window.ran === undefined, ...new Set(refused)];
    }""")
    assert refused == [True, "script-src-elem", "script-src-attr", "connect-src"]
    assert all("Content Security Policy" in each for each in visit.complaints)
    visit.complaints.clear()


def test_hostile_text_is_shown(open_page: Opens) -> None:
    """Whatever a run holds is text wherever it stands, with what is invisible spelt out."""
    page = open_page(hostile()).page
    expect(page.locator("#table td.c-filter").first).to_have_text(f"{SHOWN}0")
    page.locator("#table td.c-filter").first.click()
    expect(page.locator("#one-title")).to_have_text(f"{SHOWN}0")
    expect(page.locator("#one .command")).to_have_count(0)  # nothing of it is safe to paste
    page.keyboard.press("Escape")
    page.locator("#heat button").first.click()
    page.locator("svg.chart").first.hover(position={"x": 200, "y": 56})
    expect(page.locator(".readout").first).to_contain_text("onerror=alert(1)")
    assert page.locator("img, b b, i").count() == 0
    assert wide(page) == 0


def test_search_by_keyboard(open_page: Opens, run: RunRecord) -> None:
    """All words must be found; the count is told as it changes, and Escape clears the box."""
    page = open_page(run).page
    page.locator("#search").focus()
    page.keyboard.type("base07 STATE:fresh")
    expect(page.locator("#found")).to_contain_text("of 400 filters")
    assert page.locator("#found").get_attribute("role") == "status"
    assert all("base07" in path for path in first_cells(page, "filter"))
    assert {state.strip() for state in first_cells(page, "state")} == {"fresh"}
    page.keyboard.type(" nothing at all")
    expect(page.locator("#found")).to_have_text("0 of 400 filters")
    assert first_cells(page, "filter") == []
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_have_text("400 filters")
    for words in ("type:all", "checkpoints", "type:check"):  # a whole slug, any word, a beginning
        page.locator("#search").fill(words)
        expect(page.locator("#found")).to_have_text("100 of 400 filters")


def test_sort_by_keyboard(open_page: Opens, run: RunRecord) -> None:
    """The worst stands first; Enter on a heading sorts by it, and again the other way."""
    page = open_page(run).page
    expect(page.locator("#table th.c-state")).to_have_attribute("aria-sort", "descending")
    assert first_cells(page, "state")[0].strip() == "quarantined"
    head = page.locator("#table th.c-count")
    head.locator("button").focus()
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "descending")
    shown = [int(count) for count in first_cells(page, "count")]
    assert shown[0] == 100
    assert shown == sorted(shown, reverse=True)
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert first_cells(page, "count")[0] == "0"
    assert page.locator("#table th[aria-sort]").count() == 1
    page.locator("#table").focus()
    page.keyboard.press("End")
    expect(page.locator("tr.active td.c-count")).to_have_text("–")  # noqa: RUF001 - no number comes last


def test_ten_thousand_rows(open_page: Opens, large: RunRecord) -> None:
    """The keys of a grid reach every row, while only those in sight exist."""
    page = open_page(large).page
    table = page.locator("#table")
    page.locator("#search").focus()
    page.keyboard.press("ArrowDown")
    expect(table).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(table).to_have_attribute("aria-activedescendant", "row-1")
    page.keyboard.press("End")
    expect(page.locator("tr.active")).to_have_attribute("aria-rowindex", "10001")
    expect(page.locator("tr.active")).to_be_in_viewport()
    assert page.locator("#table tbody tr").count() < 60
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowUp")
    assert table.get_attribute("aria-activedescendant") != "row-9999"
    page.keyboard.press("Home")
    expect(page.locator("tr.active")).to_have_attribute("aria-rowindex", "2")
    page.locator("#scroller").evaluate("(box) => box.scrollTo(0, 150000)")
    expect(page.locator("#row-5010")).to_be_visible()
    assert page.locator("*").count() < 6000


def test_one_filter(open_page: Opens, run: RunRecord) -> None:
    """Enter shows all that is known of a filter, and Escape leads back to the table."""
    page = open_page(run).page
    page.locator("#table").focus()
    page.keyboard.press("Enter")
    dialog = page.locator("#one")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("QUARANTINED")
    path = page.locator("#one-title").inner_text()
    expect(dialog).to_contain_text(f"manifests accept civitai:{path}")
    expect(dialog.locator(".command code")).to_have_text(f"manifests test-filter civitai:{path}")
    expect(dialog).to_contain_text("Requests for its listing")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.locator("#table")).to_be_focused()


def test_states_narrow_the_table(open_page: Opens, run: RunRecord) -> None:
    """A state's button leaves only its filters, tells that it is pressed, and lets go again."""
    page = open_page(run).page
    stale = page.get_by_role("group", name="States").get_by_role("button", name="stale")
    stale.focus()
    page.keyboard.press("Space")
    expect(stale).to_have_attribute("aria-pressed", "true")
    expect(stale).to_be_focused()
    assert {state.strip() for state in first_cells(page, "state")} == {"stale"}
    page.keyboard.press("Space")
    expect(page.locator("#found")).to_have_text("400 filters")


def test_the_heat_map(open_page: Opens, run: RunRecord) -> None:
    """A cell counts what is current and leads to its filters; the facets can be chosen."""
    page = open_page(run).page
    down, across = page.get_by_label("Down"), page.get_by_label("Across")
    assert (down.input_value(), across.input_value()) == ("period", "base_model")
    across.select_option("type")
    cells = page.locator("#heat button")
    assert cells.count() == 4
    expect(cells.nth(0)).to_have_accessible_name(
        "all, all: 90 / 100 current, worst quarantined. Show in the table"
    )
    down.select_option("type")
    assert (down.input_value(), across.input_value()) == ("type", "period")
    cells.nth(1).click()
    expect(page.locator("#search")).to_have_value("source:civitai type:checkpoints period:all")
    expect(page.locator("#found")).to_have_text("100 of 400 filters")
    expect(page.locator("#search")).to_be_focused()


def test_themes(open_page: Opens, eventful: RunRecord) -> None:
    """The page follows the system until somebody chooses, and keeps the choice."""
    page = open_page(eventful, dark=True).page
    button = page.locator("#theme")
    paper = "getComputedStyle(document.body).backgroundColor"
    seen = []
    for name in ("system", "light", "dark", "system"):
        expect(button).to_have_text(f"Theme: {name}")
        seen.append(page.evaluate(paper))
        button.press("Enter")
    assert seen[0] == seen[2] == seen[3] != seen[1]
    page.reload()
    expect(button).to_have_text("Theme: light")
    assert page.evaluate(paper) == seen[1]


def test_paper(open_page: Opens, run: RunRecord) -> None:
    """On paper the page is light, shows its figures, and leaves out what only answers to a hand."""
    page = open_page(run).page
    page.locator("#theme").press("Enter")
    page.locator("#theme").press("Enter")
    expect(page.locator("#theme")).to_have_text("Theme: dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(250, 249, 247)"
    expect(page.locator("#heat button").first).to_be_visible()
    for gone in ("#theme", "nav", "button[data-copy] >> nth=0", "#facet-controls", "#filters"):
        expect(page.locator(gone)).to_be_hidden()
    assert page.locator(".failure .command code").first.evaluate(
        "(code) => code.scrollWidth <= code.clientWidth"
    )


def test_narrow_windows(open_page: Opens, run: RunRecord) -> None:
    """No window makes the page scroll sideways; what is wide scrolls in its own frame."""
    page = open_page(run, width=360).page
    page.locator("summary").evaluate_all("(all) => all.forEach((each) => each.click())")
    assert wide(page) == 0
    for width in (320, 768, 1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.locator(f"#hosts svg[viewBox^='0 0 {chart_width(width)} ']")).to_be_visible()
        assert wide(page) == 0


def test_a_phone_can_sort(open_page: Opens, run: RunRecord) -> None:
    """Where headings have no room, a box sorts; where they have, the box is not there."""
    page = open_page(run, width=360).page
    page.get_by_label("Sort by").select_option("waited")
    assert page.locator("#table th.c-waited").get_attribute("aria-sort") == "descending"
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.get_by_label("Sort by")).to_be_hidden()
    assert wide(page) == 0


def test_copy(open_page: Opens, run: RunRecord) -> None:
    """A button copies its command; without a clipboard it selects it and says what to press."""
    page = open_page(run).page
    line = page.locator(".failure .command").first
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    line.get_by_role("button").click()
    expect(line.get_by_role("button")).to_have_text("Press Ctrl+C")
    command = line.locator("code").inner_text()
    assert page.evaluate("String(getSelection())").strip() == command
    page.reload()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    again = page.locator(".again-all .command")
    again.get_by_role("button").click()
    expect(again.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "manifests retry"


def test_a_failure_leads_to_its_filters(open_page: Opens, run: RunRecord) -> None:
    """From a kind of failure one step leads to all its filters in the table."""
    page = open_page(run).page
    failure = page.locator("article.failure").first
    failure.locator("summary").click()
    failure.get_by_role("button", name="Show in the table").click()
    expect(page.locator("#found")).to_have_text("23 of 400 filters")
    expect(page.locator("#search")).to_be_in_viewport()


def test_the_readout(open_page: Opens, run: RunRecord) -> None:
    """Pointing at a request tells which it is; leaving the chart tells nothing any more."""
    page = open_page(run).page
    chart = page.locator("#hosts svg.chart")
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 36, "y": 34})
    expect(page.locator(".readout")).to_contain_text("429 RATE_LIMIT · then a wait of 2.5 s")
    chart.hover(position={"x": 60, "y": 300})
    expect(page.locator(".readout")).to_contain_text("in flight")
    page.locator("h1").hover()
    expect(page.locator(".readout")).to_have_text("")


def test_without_script(open_page: Opens, eventful: RunRecord) -> None:
    """With scripts turned off verdict and failures are there, and no button that does nothing."""
    page = open_page(eventful, script=False).page
    expect(page.locator("h1")).to_be_visible()
    expect(page.get_by_text("manifests test-filter civitai:filter/r")).to_be_visible()
    assert page.locator("noscript p").bounding_box()
    assert [each for each in page.locator("button, input, select").all() if each.is_visible()] == []
    assert wide(page) == 0


def test_a_run_of_nothing(open_page: Opens) -> None:
    """A run that made nothing and asked nobody has a page as well."""
    record = hostile().model_copy(update={"outcomes": (), "queries": (), "hosts": ()})
    page = open_page(record).page
    expect(page.locator("h1")).to_have_text("Nothing was made")
    expect(page.get_by_text("No request was sent.")).to_be_visible()
    expect(page.locator("#filters-part")).to_be_hidden()


def test_size(make_large: MakesLarge, large: RunRecord) -> None:
    """330 filters stay within 500 KB and 10,000 within 3 MB, with 5,000 attempts in each."""
    assert len(render(tell(make_large(filters=330, attempts=5000)))) <= 500_000
    assert len(render(tell(large))) <= 3_000_000
