"""Seen in both colours and on a narrow screen, used by keyboard, and heard."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import chromium
from tests.integration.web_page.acting import KINDS, best, form, go, press
from tests.running_server import RunningServer

pytestmark = chromium.NEEDED

FAULTS = Path(__file__).with_name("faults_of_a_page.js")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_seen_used_and_heard_on_a_narrow_screen_too(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size({"width": 360, "height": 740})
    expect(page.get_by_role("link", name="writer")).to_be_visible()
    faults = {"list": page.evaluate(FAULTS.read_text())}
    for model in [*KINDS, "broken"]:
        go(page, model)
        expect(page.locator(".trial" if model in KINDS else ".note.bad")).to_be_visible()
        faults[model] = page.evaluate(FAULTS.read_text())
    for tab in ("tensors", "card", "versions"):
        go(page, "digits-cnn" if tab != "card" else "table", tab)
        expect(page.get_by_role("tab", selected=True).first).to_have_attribute("id", re.compile(f"-{tab}$"))
        faults[tab] = page.evaluate(FAULTS.read_text())

    assert {place: words for place, words in faults.items() if words} == {}


def test_what_screen_readers_hear(page: Page) -> None:
    go(page, "topics")
    form(page, "Text").fill("a text")
    press(page, "Ask")
    best(page).to_contain_text("kind")

    expect(page.locator("body")).to_match_aria_snapshot("""
    - link "To the content"
    - banner:
      - link "Slipway"
      - navigation "Server":
        - link "API"
        - link "Metrics"
        - button "Use dark colours"
    - main:
      - article:
        - heading "topics" [level=1]
        - tablist "About topics":
          - tab "Try it" [selected]
          - tab "Inputs and outputs"
          - tab "Versions"
        - tabpanel "Try it":
          - tabpanel "Text":
            - region "What is asked":
              - textbox "Text"
            - region "Answer":
              - list "Scores"
            - button "Ask"
            - status: /Answered in/
            - region "The same in code":
              - group "Language":
                - button "curl" [pressed]
                - button "Python"
              - button "Copy"
    """)


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    expect(page.get_by_role("link", name="writer")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="To the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("link", name="writer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="writer")).to_be_visible()
    page.get_by_role("tab", name="Try it").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Inputs and outputs")).to_be_focused()
    expect(page.get_by_role("region", name="Inputs")).to_be_visible()
    page.keyboard.press("Home")
    page.get_by_label("Message").fill("hi")
    page.get_by_role("button", name="Send").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".turn.assistant p")).not_to_be_empty()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()


def test_colours_follow_the_system_until_one_chooses(browser: Browser, server: RunningServer) -> None:
    with browser.new_context(base_url=server.url, color_scheme="dark") as context:
        page = context.new_page()
        page.goto("/")
        ground = "getComputedStyle(document.body).backgroundColor"
        dark = page.evaluate(ground)
        page.get_by_role("button", name="Use light colours").click()
        light = page.evaluate(ground)
        page.reload()
        assert page.evaluate(ground) == light != dark
        page.get_by_role("button", name="Use dark colours").click()
        assert page.evaluate(ground) == dark
