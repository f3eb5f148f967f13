"""The page works in a browser as its readers expect: opened from the disk, and served."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import expect

from manifests.errors import ErrorCode
from manifests.models import Model
from manifests.preview.folder import put
from manifests.preview.serving import served
from manifests.store.published import Published
from manifests.store.status import FilterStatus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page
    from tests.preview.conftest import Builds, Publishes

EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(1)"> ]]> | \u202egnp.exe'
HARMLESS = EVIL.replace("\u202e", "")
SAFE = Model(
    id="1",
    source="civitai",
    slug="one",
    name="Velvet Photo",
    author="mecha",
    description="Soft light for portraits.",
    url="https://civitai.com/models/1",
    type="LORA",
    base_models=("SDXL 1.0",),
    tags=("portrait", "light"),
    license="None",
    size_bytes=178_789_018,
    preview_url="https://image.example/1.jpeg",
    preview_level=1,
)
HOSTILE = Model(
    id="__proto__/?#&%2e..",
    source="civitai",
    slug="evil",
    name=EVIL,
    author=EVIL,
    description=EVIL,
    url="javascript:alert(1)",
    type=EVIL,
    tags=(EVIL,),
    mode="TakenDown",
)
ADULT = Model(
    id="3",
    source="civitai",
    slug="three",
    name="Other",
    preview_url="https://image.example/3.jpeg",
    preview_level=8,
)
STATUSES = {
    "filter/sdxl": FilterStatus(state="fresh", last_success="2026-08-01T12:00:00Z"),
    "filter/pg/sdxl": FilterStatus(
        state="stale",
        last_success="2026-07-30T12:00:00Z",
        stale_since="2026-07-31T12:00:00Z",
        code=ErrorCode.RATE_LIMIT,
        consecutive_failures=3,
    ),
    "filter/loras": FilterStatus(state="quarantined", code=ErrorCode.QUARANTINED),
    "filter/pg": FilterStatus(state="missing", code=ErrorCode.TIMEOUT),
}
LISTS = {
    "filter/sdxl": ["1", HOSTILE.id, "3", *(f"n{each}" for each in range(300))],
    "filter/pg/sdxl": ["1"],
    "filter/loras": ["3", "1"],
    "filter/mine": [],
}
PIXEL = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="3"/>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, publish: Publishes, site: Builds) -> Path:
    """A preview with a little of everything; images may be asked for."""
    folder = tmp_path_factory.mktemp("preview")
    published = publish(LISTS, models=[SAFE, HOSTILE, ADULT], statuses=STATUSES)
    whole = Published(
        manifests=published.manifests,
        catalogues=published.catalogues,
        status=published.status,
        damaged=(f"civitai-filter-x.json: {EVIL}",),
    )
    put(site(whole, images=True), folder)
    return folder


@contextmanager
def visiting(browser: Browser, folder: Path, hash_: str = "") -> Iterator[Page]:
    """Open a page of the preview from the disk; end with an error if anything went wrong in it."""
    faults: list[str] = []
    requests: list[str] = []
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: faults.append(f"dialog: {dialog.message}"))
    page.on("request", lambda request: requests.append(request.url))
    page.route(
        "https://image.example/**",
        lambda route: route.fulfill(body=PIXEL, content_type="image/svg+xml"),
    )
    page.goto(f"{(folder / 'index.html').as_uri()}{hash_}")
    yield page
    page.close()
    assert faults == []
    assert all(url.startswith(("file:", "https://image.example/1.jpeg")) for url in requests)


def names(page: Page) -> list[str]:
    """Return the names on the cards of a page, in their order."""
    return page.locator(".card h2").all_inner_texts()


def test_all_lists_of_a_source(browser: Browser, folder: Path) -> None:
    """The first page counts lists and models, names what is damaged, and finds lists by name."""
    with visiting(browser, folder) as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("CivitAI")
        expect(page.locator(".sub")).to_contain_text("5 lists of 303 models")
        expect(page.locator(".notice")).to_contain_text(HARMLESS)
        page.get_by_role("button", name="stale 1").click()
        expect(page.locator(".lists li")).to_have_text(["pg / sdxlstale1 models"])
        page.get_by_role("button", name="all 5").click()
        page.get_by_role("searchbox").fill("SDXL p")
        expect(page.locator(".lists a")).to_have_text(["pg / sdxl"])
        page.get_by_role("searchbox").fill("nothing like it")
        expect(page.get_by_text("No list fits.")).to_be_visible()


def test_a_list(browser: Browser, folder: Path) -> None:
    """A list shows its models in the order of the manifest, and more of them on the way down."""
    with visiting(browser, folder, "#/civitai/sdxl") as page:
        expect(page.locator(".card")).to_have_count(60)
        assert names(page)[:4] == ["Velvet Photo", HARMLESS, "Other", "Model n0"]
        first = page.locator(".card").first
        for text in ("by mecha", "LORA", "SDXL 1.0", "no commercial use", "1K"):
            expect(first).to_contain_text(text)
        expect(page.locator(".sub")).to_contain_text("civitai-filter-sdxl.json")
        page.get_by_role("button", name="Show more").scroll_into_view_if_needed()
        expect(page.locator(".card")).to_have_count(120)
        assert page.title() == "sdxl - CivitAI - catalogue preview"


def test_a_search_tells_how_much_it_found(browser: Browser, folder: Path) -> None:
    """While something is searched for, the number of what fits stands beside it, to be seen."""
    with visiting(browser, folder, "#/civitai/sdxl") as page:
        search, found = page.locator("#search"), page.locator(".found")
        expect(found).to_be_hidden()
        search.fill("model n29")
        expect(found).to_have_text("11 of 303 models")
        search.fill("")
        expect(found).to_be_hidden()
        page.goto(page.url.partition("#")[0] + "#/civitai")
        page.locator("#search").fill("pg")
        expect(page.locator(".found")).to_have_text("2 lists")


def test_menus_lead_to_lists(browser: Browser, folder: Path) -> None:
    """A choice from a menu opens its list, and keeps the menu in focus."""
    with visiting(browser, folder, "#/civitai/sdxl") as page:
        menus = page.locator("select")
        level, base = menus.nth(0), menus.nth(1)
        assert base.locator("option:checked").inner_text() == "sdxl"
        assert level.locator("option").all_inner_texts() == [
            "all",
            "loras · none",
            "mine · none",
            "pg · 1",
        ]
        level.focus()
        level.select_option("pg · 1")
        expect(page.get_by_role("heading", level=1)).to_have_text("pg / sdxl")
        assert page.evaluate("document.activeElement.id") == "menu-0"
        page.locator("select").nth(1).select_option("all · missing")
        expect(page.get_by_role("heading", level=1)).to_have_text("pg")


def test_what_is_not_as_it_should_be(browser: Browser, folder: Path) -> None:
    """A page says how its list came to be as it is, since when, and what to type."""
    said = {
        "pg/sdxl": (
            "Stale since 31 Jul 2026",
            "RATE_LIMIT, as one of 3 failures in a row. Here is the last good list",
            "Next: manifests retry",
        ),
        "loras": ("did not pass the publish gate", "manifests accept civitai:filter/loras"),
        "pg": ("Nothing is published here. The last run ended with TIMEOUT.",),
        "mine": ("age unknown", "Upstream lists no model here."),
        "nowhere": ("No such list", "All lists of CivitAI"),
        "%E0%A4%A": ("No such list",),
    }
    with visiting(browser, folder) as page:
        for path, texts in said.items():
            page.evaluate("hash => { location.hash = hash }", f"#/civitai/{path}")
            for text in texts:
                expect(page.locator("main")).to_contain_text(text)


def test_a_model_by_keyboard(browser: Browser, folder: Path) -> None:
    """Search, open, turn and close need no mouse, and the focus comes back to where it was."""
    with visiting(browser, folder, "#/civitai/sdxl") as page:
        expect(page.locator(".card")).to_have_count(60)
        page.keyboard.press("/")
        page.keyboard.type("portrait VELVET")
        expect(page.locator(".card")).to_have_count(1)
        expect(page.get_by_role("status")).to_have_text("1 model")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.press("Delete")
        page.locator(".card a").first.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Velvet Photo")
        expect(dialog).to_contain_text("179 MB")
        link = dialog.get_by_role("link", name="Open at CivitAI")
        assert link.get_attribute("href") == "https://civitai.com/models/1"
        assert link.get_attribute("rel") == "noopener noreferrer"
        expect(page.get_by_role("button", name="Previous model")).to_be_disabled()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("dialog", name="Other")).to_contain_text("3 of 303")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_be_hidden()
        assert page.evaluate("location.hash") == "#/civitai/sdxl"
        assert page.evaluate("document.activeElement.textContent") == "Velvet Photo"
        page.go_forward()
        expect(page.locator("dialog")).to_be_visible()


def test_hostile_text_is_text(browser: Browser, folder: Path) -> None:
    """A model of markup, scripts and tricks is shown as it is written, and leads nowhere."""
    with visiting(browser, folder, "#/civitai/sdxl") as page:
        page.locator(".card a").nth(1).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("h2")).to_have_text(HARMLESS)
        expect(dialog).to_contain_text("Upstream says of it: TakenDown")
        expect(dialog.locator("code")).to_have_text(HOSTILE.id)
        assert dialog.locator("a").count() == 0
        page.reload()
        expect(dialog.locator("h2")).to_have_text(HARMLESS)
        assert page.locator("img, main script, dialog script").count() == 0
        assert "\u202e" not in page.content()


def test_nothing_can_make_markup_of_text(browser: Browser, folder: Path) -> None:
    """The browser itself refuses text as markup, and scripts of any other address."""
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    for code in (
        "document.body.innerHTML = '<b>'",
        "document.createElement('script').src = 'https://evil.example/a.js'",
        "trustedTypes.createPolicy('other', {})",
    ):
        refused = page.evaluate(
            f"(() => {{ try {{ {code}; return '' }} catch (e) {{ return e.name }} }})()"
        )
        assert refused == "TypeError"
    page.close()


def test_images_only_on_request(browser: Browser, folder: Path) -> None:
    """No image is loaded until the reader asks, and then none above PG."""
    with visiting(browser, folder, "#/civitai/sdxl") as page:
        expect(page.locator(".card")).to_have_count(60)
        assert page.locator("img").count() == 0
        page.get_by_role("button", name="Show images").click()
        expect(page.locator("img")).to_have_count(1)
        assert page.locator("img").get_attribute("src") == "https://image.example/1.jpeg"
        assert page.locator("img").get_attribute("referrerpolicy") == "no-referrer"


def test_without_images_there_is_no_button(
    browser: Browser, tmp_path: Path, publish: Publishes, site: Builds
) -> None:
    """Unless the command allowed images, the page knows of none."""
    put(site(publish(LISTS, models=[SAFE])), tmp_path)
    with visiting(browser, tmp_path, "#/civitai/sdxl") as page:
        expect(page.locator(".card")).to_have_count(60)
        assert page.get_by_role("button", name="Show images").count() == 0


def test_the_same_page_served(browser: Browser, folder: Path) -> None:
    """From the server the page is the same, under its policy and without a fault."""
    faults: list[str] = []
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served(folder, port=0)) as address,
    ):
        page = browser.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        reply = page.goto(f"{address}#/civitai/sdxl")
        expect(page.locator(".card")).to_have_count(60)
        page.close()
    assert reply is not None
    assert reply.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert faults == []


def test_a_preview_that_was_rewritten(
    browser: Browser, tmp_path: Path, publish: Publishes, site: Builds
) -> None:
    """A page whose data are gone says so, and shows the new ones when it is loaded anew."""
    put(site(publish({"filter/a": ["1"]})), tmp_path)
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    put(site(publish({"filter/a": ["1", "2"]})), tmp_path)
    page.get_by_role("link", name="a", exact=True).click()
    expect(page.locator("main")).to_contain_text("the preview was rewritten or moved")
    page.get_by_role("button", name="Load it anew").click()
    expect(page.locator(".card")).to_have_count(2)
    page.close()


def test_colours(browser: Browser, folder: Path) -> None:
    """The page follows the system, and its reader's choice over it, which lasts."""
    with visiting(browser, folder) as page:
        ground = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(ground)
        page.emulate_media(color_scheme="dark")
        dark = page.evaluate(ground)
        assert light != dark
        page.get_by_role("button", name="Colours: auto").click()
        assert page.evaluate(ground) == light
        page.reload()
        expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
        assert page.evaluate(ground) == light


def walked(page: Page) -> Iterator[str]:
    """Go through a page of each kind, without loading anything anew, and yield where we are."""
    stops = {"": "CivitAI", "sdxl": "sdxl", "pg/sdxl": "pg / sdxl", "loras": "loras", "pg": "pg"}
    for path, heading in stops.items():
        page.evaluate("hash => { location.hash = hash }", f"#/civitai/{path}")
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
        yield path

    page.evaluate("hash => { location.hash = hash }", "#/civitai/loras?1")
    expect(page.get_by_role("dialog")).to_be_visible()
    yield "a model"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser: Browser, folder: Path, scheme: Literal["light", "dark"]) -> None:
    """Every text can be read: 4.5 to 1 at least, in both colour schemes."""
    contrasts = Path(__file__).with_name("contrasts.js").read_text("utf-8")
    with visiting(browser, folder) as page:
        page.emulate_media(color_scheme=scheme)
        faint = {place: page.evaluate(contrasts) for place in walked(page)}
    assert [*faint.values()] == [[]] * 6


def test_phone(browser: Browser, folder: Path) -> None:
    """On a phone nothing stands out of the page, and what is touched is large enough."""
    with visiting(browser, folder) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        for place in walked(page):
            width, low = page.evaluate(
                "[document.documentElement.scrollWidth, Math.min("
                "...[...document.querySelectorAll('button, select, input, .lists li, nav a')]"
                ".filter((each) => each.checkVisibility())"
                ".map((each) => each.getBoundingClientRect().height))]"
            )
            assert (place, width) == (place, 360)
            assert low >= 40


def test_names_for_screen_readers(browser: Browser, folder: Path) -> None:
    """Every control has a name, every page one heading of the first level, and landmarks."""
    with visiting(browser, folder, "#/civitai/sdxl?1") as page:
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_be_hidden()
        tree = page.locator("body").aria_snapshot()
        assert (
            re.search(
                r"^\s*- (button|link|combobox|searchbox|textbox|navigation)(:| \[|$)",
                tree,
                re.MULTILINE,
            )
            is None
        )
        for role in ("banner", "navigation", "main", "contentinfo"):
            assert f"- {role}" in tree
        assert tree.count("[level=1]") == 1
