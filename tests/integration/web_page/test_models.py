"""The list of models and the page of each: states, live figures, and what models bring, which is never run."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests import chromium
from tests.chromium import Heard
from tests.integration.web_page.acting import KINDS, SCRIPT, go, press
from tests.running_server import RunningServer, until

pytestmark = chromium.NEEDED


def test_every_model_is_listed_with_what_it_does_and_how_it_is(page: Page, server: RunningServer) -> None:
    found = {each["name"]: each["kinds"] for each in httpx.get(f"{server.url}/page/models").json()}
    assert found == KINDS
    items = page.get_by_role("list", name="Models").get_by_role("listitem").filter(has=page.get_by_role("heading"))
    expect(items).to_have_count(len(KINDS) + 2)
    expect(items.filter(has_text="spot")).to_contain_text("Finds objects in pictures · version 1")
    expect(items.filter(has_text="broken")).to_contain_text("failed")
    expect(page.locator("#summary")).to_have_text("1 failed · 1 not loaded · 12 ready")
    page.get_by_label("Find a model").fill("WRIT")
    expect(items).to_have_count(1)


def test_a_model_that_failed_says_why_and_what_to_do(page: Page) -> None:
    page.get_by_role("link", name="broken").click()

    expect(page.locator("article > .note")).to_contain_text("put the model's file into broken/1/")
    expect(page.locator("article > .note")).to_contain_text("slipway models check broken")


def test_a_model_that_is_not_loaded_says_how_to_load_it(page: Page) -> None:
    page.get_by_role("link", name="asleep").click()

    expect(page.locator("article > .note")).to_contain_text("POST /v2/repository/models/asleep/load")


def test_an_address_that_names_nothing_shows_the_models(page: Page) -> None:
    page.goto("/#/%zz")
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()


def test_figures_move_with_what_is_asked(page: Page) -> None:
    go(page, "sum")
    press(page, "Ask")
    answered = page.locator("article > div > .tiles > div").filter(has_text="Answered")
    expect(answered.locator("dd").first).to_have_text(re.compile(r"0\.[1-9]/s|[1-9].*/s"))
    expect(page.locator("article > div > .tiles")).to_contain_text("1 row")
    expect(answered.get_by_role("img")).to_have_attribute("aria-label", "Answered over the last two minutes")


def test_cards_labels_and_reports_are_shown_and_never_run(page: Page) -> None:
    go(page, "table", "tensors")
    expect(page.get_by_role("region", name="Outputs")).to_contain_text(f"{SCRIPT}, north, south, west")
    page.get_by_role("tab", name="Card").click()
    expect(page.get_by_role("heading", name="Card of it")).to_be_visible()
    expect(page.get_by_text(f"Text *as it is*, {SCRIPT}")).to_be_visible()
    expect(page.get_by_role("columnheader")).to_have_text(["a", "b"])
    page.get_by_role("tab", name="Versions").click()
    link = page.get_by_role("link", name="Report")
    expect(link).to_have_attribute("href", re.compile("/v1/models/table/versions/1/report$"))


def test_the_report_is_within_the_page(page: Page, heard: Heard) -> None:
    go(page, "table", "report")
    expect(page.frame_locator("iframe").get_by_text("how good it is")).to_be_visible()
    link = page.get_by_role("link", name="Open it on a page of its own")
    expect(link).to_have_attribute("href", re.compile("/v1/models/table/report$"))
    page.wait_for_function("document.querySelector('iframe').contentDocument === null")
    until(lambda: len(heard.complaints) >= 1)  # of what it tried to run
    assert all("blocked" in words.lower() or "violates" in words.lower() for words in heard.complaints)
    heard.complaints.clear()


def test_a_hidden_page_asks_for_nothing(page: Page, heard: Heard) -> None:
    hide = """Object.defineProperty(document, "hidden", {value: %s, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"))"""
    page.clock.install()
    page.reload()
    expect(page.get_by_role("link", name="writer")).to_be_visible()
    with page.expect_response("**/page/live"):
        page.clock.fast_forward(2_000)
    page.evaluate(hide % "true")
    looks = sum(url.endswith("/page/live") for url in heard.asked)
    page.clock.fast_forward(60_000)
    assert sum(url.endswith("/page/live") for url in heard.asked) == looks
    with page.expect_request("**/page/live"):
        page.evaluate(hide % "false")


def test_a_server_that_does_not_answer_is_told_until_it_does(page: Page, heard: Heard) -> None:
    page.clock.install()
    page.reload()
    expect(page.get_by_role("link", name="writer")).to_be_visible()
    page.context.set_offline(True)
    page.clock.fast_forward(2_000)
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer. This page tries again")
    page.context.set_offline(False)
    page.clock.fast_forward(2_000)
    expect(page.get_by_role("alert")).to_be_hidden()
    assert all("ERR_INTERNET_DISCONNECTED" in words for words in heard.complaints)
    heard.complaints.clear()


def test_rates_and_percentiles_are_what_counters_say(page: Page) -> None:
    look = {
        "answered": 10,
        "failed": 0,
        "bounds": [1, 2, 4],
        "seconds": [10, 0, 0, 0],
        "rows": 10,
        "batches": 10,
        "at": 5,
    }
    later = {
        **look,
        "answered": 30,
        "failed": 4,
        "seconds": [10, 10, 10, 0],
        "rows": 50,
        "batches": 20,
        "at": 15,
        "waiting": 3,
    }
    found = page.evaluate(
        "async ([before, after]) => (await import('/page/figures.js')).between(before, after)", [look, later]
    )
    assert found == {"rate": 2, "failing": 0.4, "p50": 2, "p99": pytest.approx(3.96), "batch": 4, "waiting": 3}
    nothing = page.evaluate("async (it) => (await import('/page/figures.js')).between(it, {...it, at: 6})", look)
    assert [nothing[name] for name in ("rate", "p50", "p99", "batch")] == [0, None, None, None]
