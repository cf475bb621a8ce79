"""The code under a panel does what the panel does."""

import contextlib
import io
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import chromium
from tests.integration.web_page.acting import form, go, press

pytestmark = chromium.NEEDED


def outcome(code: str, language: str, cwd: Path) -> str:
    """What it prints."""
    if language == "curl":
        return subprocess.run(["bash", "-c", code], cwd=cwd, capture_output=True, text=True, check=True).stdout
    printed = io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(printed):
        exec(compile(code, language, "exec"), {})  # as whoever pastes it does
    return printed.getvalue()


def snippets(page: Page) -> dict[str, str]:
    found = {}
    for name in page.get_by_role("group", name="Language").get_by_role("button").all_text_contents():
        page.get_by_role("group", name="Language").get_by_role("button", name=name).click()
        found[name] = page.get_by_role("region", name="Code", exact=True).text_content() or ""
    return found


@pytest.mark.parametrize(
    ("model", "tab", "languages", "said"),
    [
        ("sum", "", "curl Python tritonclient", "2"),
        ("writer", "Chat", "curl Python openai", ""),
        ("writer", "Text", "curl Python openai", ""),
        ("rows", "", "curl Python", "age"),
        ("drawing", "", "curl Python openai", ""),
        ("encoder", "", "curl Python openai", "8"),
        ("listener", "", "curl Python openai", "ab c"),
    ],
)
def test_the_code_does_what_the_panel_does(
    page: Page, tmp_path: Path, model: str, tab: str, languages: str, said: str
) -> None:
    go(page, model)
    if tab:
        page.get_by_role("tab", name=tab, exact=True).click()
        page.get_by_label("Prompt" if tab == "Text" else "Message").fill('it\'s "so" \\ $HOME é 🦊\n')
    if model == "sum":
        form(page, "Request").fill(form(page, "Request").input_value().replace("0, 0, 0, 0", "1, 1, 1, 1"))
    if model == "listener":
        press(page, "Example")
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Save example.wav").click()
        downloading.value.save_as(tmp_path / "example.wav")
    found = snippets(page)

    assert list(found) == languages.split()
    for language, code in found.items():
        printed = outcome(code, language, tmp_path)
        assert said in printed
        assert "error" not in printed
        assert printed.strip()


def test_code_is_copied(page: Page) -> None:
    go(page, "topics")
    form(page, "Text").fill("a text")
    press(page, "Copy")

    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.get_by_role("region", name="Code", exact=True).text_content()
    assert copied.startswith("curl -s ")


def test_whole_numbers_of_any_size_stay_what_they_are(page: Page) -> None:
    page.evaluate("""async () => {
        const { literal } = await import("/page/snippets.js");
        const { parse } = await import("/page/exact_json.js");
        window.told = literal(parse('{"data": [9223372036854775807, 1.5, null, true]}'));
    }""")
    assert page.evaluate("window.told") == '{"data": [9223372036854775807, 1.5, None, True]}'
