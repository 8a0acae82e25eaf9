"""The product in a browser, as a person meets it: `tocsin demo` in a process of its own, driven by Chromium."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.long]

ACCOUNTS = 150  # so many that every page has something to show
PASSWORD_PAGE = "/sign-in/"
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run")
LINK = re.compile(r"http://127\.0\.0\.1:\d+/sign-in/link/\S+")


DATA = (
    "import", "webhooks", "webhooks/new", "pulls", "pulls/new", "events", "values", "fields", "rejected", "unmatched",
    "owners", "keys",
)  # fmt: skip


@dataclass
class Served:
    """The running demo: its address and the way in."""

    address: str
    state: Any = None
    admin: Any = None
    pages: dict[str, str] = field(default_factory=dict)

    def state_for(self, address: str) -> Any:
        """Who looks at a page: at those of the data somebody who may import, set up and match."""
        return None if address == PASSWORD_PAGE else self.admin if address.startswith("/data/") else self.state


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def served(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The demo, served; the browser has followed its sign-in link once."""
    home = tmp_path_factory.mktemp("browser") / "home"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DJANGO_"))}
    command = [sys.executable, "-c", "import sys; from tocsin.cli import main; sys.exit(main())"]
    process = subprocess.Popen(
        [*command, "--home", str(home), "demo", "--accounts", str(ACCOUNTS), "--port", "0"],
        env=clean, cwd=home.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        link = _link(process)
        context = browser.new_context()
        page = context.new_page()
        page.goto(link)
        expect(page.locator("h1")).to_have_text("Alerts")
        found = Served(re.sub(r"(http://[^/]+).*", r"\1", link), context.storage_state())
        alert = page.locator("#list .alert-row").first.get_attribute("href")
        account = page.locator("#alert .stats a.account").get_attribute("href")
        assert alert
        assert account
        found.pages = {
            "sign-in": PASSWORD_PAGE, "alerts": "/alerts/", "alert": alert, "accounts": "/accounts/", "account": account,
            "signals": f"{account}signals/", "rules": "/rules/", "rule": "/rules/usage-drop/",
            "countdown": "/rules/renewal-countdown/", "shadow": "/rules/key-person-silent/",
            "health": "/health/", "split": f"{account}health/", "settings": "/settings/",
            "messages": "/messages/", "factors": "/account/factors/",
            **{f"data {part}": f"/data/{part}/" for part in DATA}, "data": "/data/",
        }  # fmt: skip
        context.close()
        found.admin = _admin(browser, [*command, "--home", str(home)], clean)
        found.pages["data webhook"] = f"/data/webhooks/{_webhook([*command, '--home', str(home)], clean)}/"
        found.pages["data webhook new"] = "/data/webhooks/new/?kind=hubspot"
        yield found
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout is not None:
            process.stdout.close()


def _admin(browser: Browser, command: list[str], env: dict[str, str]) -> Any:
    """The state of a browser in which an administrator has chosen a password."""
    said = subprocess.run(
        [*command, "users", "create", "--email", "ada@quill.example", "--name", "Ada", "--role", "admin"],
        env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    context = browser.new_context()
    page = context.new_page()
    page.goto(re.findall(r"http://\S+", said)[0])
    for each in page.locator("input[type=password]").all():
        each.fill("Heron-and-ledger-41!")
    page.locator("main button[type=submit]").first.click()
    expect(page.locator("h1")).to_have_text("Alerts")
    state = context.storage_state()
    context.close()
    return state


def _webhook(command: list[str], env: dict[str, str]) -> str:
    """The id of a new source of webhooks."""
    said = subprocess.run(
        [*command, "sources", "create", "--kind", "stripe", "--name", "Bills", "--secret", "hush", "--format", "json"],
        env=env, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return str(json.loads(said)["id"])


def _link(process: subprocess.Popen[str]) -> str:
    """The sign-in link that the demo prints."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := LINK.search(line):
            return found[0]
    pytest.fail("the demo printed no sign-in link:\n" + "".join(said))


@dataclass
class Visit:
    """A page in a fresh context, and what went wrong in it."""

    page: Page
    wrong: list[str]


Visiting = Callable[..., Visit]


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Visiting]:
    """Open a page of the demo, signed in; errors of the console (a breach of the content policy is one) are noted."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def note(text: str) -> None:
        # htmx reports a request that was called off because the next page was asked for.
        if not text.startswith(("htmx:afterRequest", "htmx:sendAbort")):
            wrong.append(text)

    def open_page(address: str, *, width: int = 1440, height: int = 900, **options: Any) -> Visit:
        state = served.state_for(address)
        context = browser.new_context(viewport={"width": width, "height": height}, storage_state=state, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        answer = page.goto(served.address + address)
        assert answer is not None
        assert answer.status == 200
        return Visit(page, wrong)

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def test_the_inbox_by_keyboard(visit: Visiting) -> None:
    page = visit("/alerts/").page
    rows = page.locator("#list .alert-row:visible")  # what another alert keeps quiet is folded away, and passed over
    count = rows.count()
    assert count >= 3
    page.keyboard.press("j")
    second = rows.nth(1).get_attribute("data-alert")
    expect(page.locator("#alert")).to_have_attribute("data-alert", str(second))
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    expect(page).to_have_url(re.compile(rf"/alerts/{second}/"))
    page.keyboard.press("k")
    first = rows.nth(0).get_attribute("data-alert")
    expect(page.locator("#alert")).to_have_attribute("data-alert", str(first))

    page.goto(page.url.split("?")[0] + "?state=open")
    expect(page.locator('#list .alert-row[data-state="open"]').first).to_be_visible()
    row = page.locator('#list .alert-row[data-state="open"]').first
    chosen = str(row.get_attribute("data-alert"))
    row.click()
    expect(page.locator("#alert")).to_have_attribute("data-alert", chosen)
    page.locator("h1").click()
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_contain_text("Acknowledged")
    expect(page.locator("#alert .notice")).to_contain_text("Acknowledged by")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("Open again")
    expect(page.locator(f'#list .alert-row[data-alert="{chosen}"]')).to_have_attribute("data-state", "open")


def test_a_key_means_the_alert_that_is_on_its_way(visit: Visiting) -> None:
    page = visit("/alerts/?state=open").page
    rows = page.locator('#list .alert-row[data-state="open"]:visible')
    chosen = str(rows.nth(1).get_attribute("data-alert"))
    assert page.locator("#alert").get_attribute("data-alert") != chosen

    def late(route: Route) -> None:
        page.wait_for_timeout(400)
        route.continue_()

    page.route(re.compile(rf"/alerts/{chosen}/\?"), late)
    rows.nth(1).click(no_wait_after=True)
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_contain_text("Acknowledged")
    expect(page.locator("#alert")).to_have_attribute("data-alert", chosen)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("Open again")


def test_snoozing_and_resolving_by_keyboard(visit: Visiting) -> None:
    page = visit("/alerts/?state=open").page
    count = page.locator("#list .alert-row").count()
    page.keyboard.press("s")
    page.get_by_role("button", name=re.compile("^In 2 weeks")).click()
    expect(page.locator(".toast")).to_contain_text("Snoozed until")
    expect(page.locator("#list .alert-row")).to_have_count(count - 1)
    page.locator("h1").click()
    page.keyboard.press("r")
    page.get_by_label("Useful", exact=False).first.check()
    page.get_by_label("What was done").fill("Called them")
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator(".toast").last).to_contain_text("Resolved")
    expect(page.locator("#list .alert-row")).to_have_count(count - 2)


def test_help_and_search_by_keyboard(visit: Visiting, served: Served) -> None:
    page = visit("/alerts/").page
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).not_to_be_visible()
    name = page.locator("#alert .stats a.account").inner_text()
    page.keyboard.press("/")
    page.keyboard.type(name[:6])
    found = page.locator("#found a", has_text=name)
    expect(found.first).to_be_visible()
    found.first.click()
    expect(page.locator("h1")).to_contain_text(name)


def test_charts_come_alive(visit: Visiting, served: Served) -> None:
    page = visit(served.pages["account"]).page
    expect(page.locator(".chart[data-live] svg").first).to_be_visible(timeout=30_000)
    assert page.locator(".chart img").first.get_attribute("alt")


def test_health_comes_beside_the_page_and_leads_to_the_split(visit: Visiting) -> None:
    page = visit("/health/").page
    expect(page.locator("#h-spread")).to_be_visible(timeout=240_000)  # the days are scored while the page waits
    assert page.locator(".profile").count() >= 3
    expect(page.locator("#proposals")).to_have_count(0)  # a CSM does not weigh anew
    page.goto(page.url.replace("/health/", "/accounts/?sort=health"))
    expect(page.locator(".health[data-band]").first).to_be_visible()
    page.locator("tbody .account").first.click()
    page.get_by_role("link", name="Split by indicator").click()
    expect(page.locator(".split-table tfoot")).to_contain_text("Health score", timeout=240_000)
    expect(page.locator(".chart[data-live] svg").first).to_be_visible()


def test_a_score_is_overridden_and_lifted_without_a_script(visit: Visiting, served: Served) -> None:
    page = visit(served.pages["split"], java_script_enabled=False).page
    page.get_by_label("Score, 0 to 100").fill("82")
    page.get_by_label("Reason").fill("Contract signed")
    page.get_by_role("button", name="Override", exact=True).click()
    expect(page.locator(".score-now")).to_contain_text("Contract signed")
    page.get_by_role("button", name="Lift the override").click()
    expect(page.locator(".toast")).to_contain_text("the computed score counts again")


def test_a_phone_shows_the_list_then_the_alert(visit: Visiting) -> None:
    page = visit("/alerts/", width=390, height=844).page
    expect(page.locator("#alert")).not_to_be_visible()
    page.locator("#list .alert-row").first.click()
    expect(page.locator("#alert h2")).to_be_visible()
    expect(page.locator("#list")).not_to_be_visible()
    page.get_by_role("link", name="Back to the list").click()
    expect(page.locator("#list")).to_be_visible()


def test_everything_works_without_a_script(visit: Visiting, served: Served) -> None:
    page = visit("/alerts/?state=open", java_script_enabled=False).page
    page.locator("#list .alert-row").last.click()
    assert page.locator("#alert .chart img").count() <= 1
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#alert .notice")).to_contain_text("Acknowledged by")
    page.locator("summary", has_text="Resolve").click()
    page.get_by_label("False alarm", exact=False).check()
    page.get_by_role("button", name="Resolve", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Resolved")
    page.get_by_role("link", name="Accounts").first.click()
    page.get_by_label("Search accounts").fill("a")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Accounts")


def test_who_can_speak_comes_by_itself_and_is_a_filter(visit: Visiting) -> None:
    page = visit("/rules/").page
    silent = page.locator("#rules .says a")
    expect(silent).to_contain_text("rules")
    assert page.locator("#rules [data-silent]").count() > 0
    silent.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"readiness=silent"))
    expect(page.locator("#rules tbody tr[data-silent]").first).to_be_visible()
    assert page.locator("#rules .rule-name").count() == page.locator("#rules [data-silent]").count()
    page.locator("summary", has_text="Filter").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("^Needs a choice")).press("Enter")
    expect(page.locator("#rules .ready").first).to_contain_text("is empty")


def _replayed(page: Page) -> None:
    """Scroll to the replay and wait until it is there."""
    page.locator("#replay").scroll_into_view_if_needed()
    expect(page.locator("#replay .told, #replay h3")).to_have_count(1, timeout=180_000)


def test_a_rule_is_replayed_beside_its_page(visit: Visiting) -> None:
    page = visit("/rules/renewal-countdown/").page
    assert page.locator("#replay .figures").count() == 0
    _replayed(page)
    expect(page.locator("#replay .figures")).to_be_visible()
    expect(page.locator("#replay .chart[data-live] svg").first).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="30 d", exact=True).press("Enter")
    expect(page.locator("#replay .seg [aria-current]")).to_have_text("30 d", timeout=180_000)
    page.locator("#replay .weeks summary").press("Enter")
    expect(page.locator("#replay .weeks tbody tr").first).to_be_visible(timeout=180_000)


def test_a_rule_without_a_script(visit: Visiting) -> None:
    page = visit("/rules/key-person-silent/", java_script_enabled=False).page
    page.get_by_role("link", name="Show who matches").click()
    for _ in range(60):
        if page.get_by_role("link", name="Look again").count() == 0:
            break
        page.wait_for_timeout(1000)
        page.get_by_role("link", name="Look again").click()
    expect(page.locator("#matches .note")).to_contain_text("tells nobody")
    page.locator("h1 a").click()
    expect(page.get_by_role("link", name="Replay it")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_comes_later_has_no_serious_fault_either(browser: Browser, served: Served, scheme: Any) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 900}, color_scheme=scheme, reduced_motion="reduce", storage_state=served.state
    )
    page = context.new_page()
    page.goto(f"{served.address}/rules/key-person-silent/")
    _replayed(page)
    expect(page.locator("#matches .note")).to_contain_text("tells nobody")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:160]) for each in found if each["impact"] in ("serious", "critical")] == []
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_no_serious_fault_of_access(browser: Browser, served: Served, width: int, scheme: Any) -> None:
    faults = []
    for name, address in served.pages.items():
        state = served.state_for(address)
        # A colour that is measured while it fades in is nobody's colour.
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", storage_state=state
        )
        page = context.new_page()
        answer = page.goto(served.address + address)
        assert answer is not None
        assert answer.status == 200, address
        found = Axe().run(page).response["violations"]
        faults += [
            (name, each["id"], each["nodes"][0]["html"][:160]) for each in found if each["impact"] in ("serious", "critical")
        ]
        context.close()
    assert faults == []


@pytest.mark.parametrize("width", [360, 768, 1024])
def test_nothing_overflows_sideways(visit: Visiting, served: Served, width: int) -> None:
    for name, address in served.pages.items():
        page = visit(address, width=width).page
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_the_skip_link_leads_to_the_content(visit: Visiting) -> None:
    page = visit("/accounts/").page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
