"""The page of a server that wants a key."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import chromium
from tests.integration.web_page.acting import press
from tests.integration.web_page.test_code import outcome, snippets
from tests.running_server import RunningServer

pytestmark = chromium.NEEDED


def test_a_key_is_asked_for_and_kept_as_long_as_the_tab(
    browser: Browser, guarded: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_API_KEY", "person-key")
    with browser.new_context(base_url=guarded.url) as context:
        page = context.new_page()
        page.goto("/#/sum")
        expect(page.get_by_role("alert")).to_contain_text("this server answers callers with an API key")
        page.get_by_label("API key").fill("no such key")
        press(page, "Use it")
        expect(page.get_by_role("alert")).to_contain_text("does not know that API key")
        page.get_by_label("API key").fill("person-key")
        page.get_by_label("API key").press("Enter")
        expect(page.get_by_role("heading", level=1, name="sum")).to_be_visible()
        expect(page.get_by_label("API key")).to_be_hidden()
        press(page, "Ask")
        expect(page.locator(".status")).to_have_text(re.compile(r"Answered in [0-9.]+ ms"))
        for language, code in snippets(page).items():
            assert "person-key" not in code
            assert "2" in outcome(code.replace("0, 0, 0, 0", "1, 1, 1, 1"), language, tmp_path)
        page.reload()
        expect(page.get_by_role("heading", level=1, name="sum")).to_be_visible()
        other = context.new_page()
        other.goto("/")
        expect(other.get_by_label("API key")).to_be_visible()
        page.close()
        other.close()


def test_the_api_is_read_without_a_key_and_tried_with_one(browser: Browser, guarded: RunningServer) -> None:
    with browser.new_context(base_url=guarded.url) as context:
        page = context.new_page()
        page.goto("/docs")
        page.get_by_role("button", name="Authorize").click()
        page.get_by_label("auth-bearer-value").fill("person-key")
        page.locator(".modal-btn.authorize").click()
        press(page, "Close")
        server = page.locator("[id$='-server_metadata_v2_get']")
        server.get_by_role("button").first.click()
        press(page, "Try it out")
        press(page, "Execute")
        expect(server.locator(".live-responses-table td.response-col_status").last).to_have_text("200")
