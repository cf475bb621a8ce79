"""Each kind of model is tried, by mouse and by keys."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests import chromium
from tests.chromium import Heard
from tests.integration.test_digits import SEVEN
from tests.integration.web_page.acting import best, draw, form, go, press, refused
from tests.running_server import RunningServer, until

pytestmark = chromium.NEEDED


def test_a_digit_is_drawn_and_its_probabilities_come_while_one_draws(page: Page) -> None:
    go(page, "digits-cnn")
    draw(page)

    best(page).to_have_text("7")
    expect(page.get_by_role("list", name="Scores").get_by_role("listitem")).to_have_count(10)
    expect(page.get_by_role("list", name="Scores").locator(".first")).to_have_text(re.compile(r"^7[0-9.]+%$"))
    expect(page.locator(".status")).to_have_text(re.compile(r"Answered in [0-9.]+ ms"))


def test_a_picture_is_uploaded_and_a_file_that_is_none_is_refused_in_the_servers_words(
    page: Page, heard: Heard, tmp_path: Path
) -> None:
    go(page, "digits-cnn")
    page.get_by_label("Or choose a picture").set_input_files(SEVEN)
    best(page).to_have_text("7")
    expect(page.locator(".sheet img")).to_be_visible()

    (tmp_path / "no.png").write_bytes(b"no picture")
    page.get_by_label("Or choose a picture").set_input_files(tmp_path / "no.png")
    expect(page.get_by_role("alert")).to_contain_text("image")
    expect(page.locator(".status")).to_contain_text("Refused with status 400")
    refused(heard)


def test_tensors_are_edited_and_mistakes_are_told_as_the_server_tells_them(
    page: Page, heard: Heard, server: RunningServer
) -> None:
    go(page, "sum")
    editor = page.get_by_label("Request")
    wrong = editor.input_value().replace("0, 0, 0, 0", "1, 2, 3", 1)
    editor.fill(wrong)
    press(page, "Ask")
    words = httpx.post(f"{server.url}/v2/models/sum/infer", content=wrong).json()["error"]
    expect(page.get_by_role("alert")).to_have_text(words)
    refused(heard)

    editor.fill(wrong.replace("1, 2, 3", "1, 2, 3, 4"))
    press(page, "Ask")
    expect(page.get_by_role("region", name="Tensors that came back")).to_contain_text('"data": [1, 2, 3, 4]')
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_chat_streams_and_goes_on(page: Page) -> None:
    go(page, "writer")
    page.get_by_label("Seed").fill("7")
    for message, turns in (("hello", 2), ("more", 4)):
        page.get_by_label("Message").fill(message)
        page.get_by_label("Most tokens").fill("12")
        press(page, "Send")
        expect(page.locator(".status")).to_have_text(
            re.compile("Answered in .* · the first token in .* · 1?[0-9] tokens")
        )
        expect(page.locator(".turn")).to_have_count(turns)
    code = page.get_by_role("region", name="Code", exact=True)
    expect(code).to_contain_text('{"role":"user","content":"more"}')
    assert page.locator(".turn.assistant p").first.text_content()


def test_a_prompt_is_gone_on_with(page: Page) -> None:
    go(page, "writer")
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Prompt").fill("the quick")
    press(page, "Write")

    expect(page.locator(".written")).not_to_be_empty()
    expect(page.get_by_role("group", name="What it writes")).to_contain_text("the quick")


def test_a_stream_without_end_is_stopped_and_the_server_is_told(page: Page, root: Path) -> None:
    closed = root / "endless_tokens" / "1" / "closed"
    closed.unlink(missing_ok=True)
    go(page, "endless_tokens")
    press(page, "Ask")
    expect(page.locator(".events li").nth(3)).to_be_visible()
    press(page, "Stop")

    expect(page.locator(".status")).to_contain_text("Stopped")
    until(closed.exists)


def test_a_stream_ends_with_its_models_page_and_not_with_its_tab(page: Page, root: Path) -> None:
    closed = root / "endless_tokens" / "1" / "closed"
    closed.unlink(missing_ok=True)
    go(page, "endless_tokens")
    press(page, "Ask")
    expect(page.locator(".events li").nth(3)).to_be_visible()
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("tab", name="Try it").click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    page.get_by_role("link", name="All models").click()
    until(closed.exists)


def test_whoever_leaves_is_not_listened_to_any_more(page: Page) -> None:
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices;
          const ask = devices.getUserMedia.bind(devices);
          devices.getUserMedia = async (what) => (window.sound = await ask(what));
        }"""
    )
    go(page, "listener")
    press(page, "Record")
    expect(page.get_by_text("Listening")).to_be_visible()
    page.get_by_role("link", name="All models").click()
    until(lambda: page.evaluate("window.sound.getTracks()[0].readyState") == "ended")


def test_boxes_are_drawn_over_the_picture(page: Page) -> None:
    go(page, "spot")
    draw(page)
    best(page).to_have_text("1 found")
    expect(page.locator(".boxes text")).to_have_text(re.compile("spot 75"))
    page.get_by_label("Least score that counts").fill("0.2")
    best(page).to_have_text("2 found")
    expect(page.locator(".boxes rect")).to_have_count(2)


def test_a_row_is_filled_in_from_its_example_and_by_hand(page: Page) -> None:
    go(page, "rows")
    expect(form(page, "age")).to_have_value("3")
    form(page, "colour").select_option("")
    press(page, "Ask")

    expect(page.get_by_role("list", name="Scores").locator(".score")).to_have_text(["3.00", "-5.00"])


@pytest.mark.parametrize(
    ("model", "fill", "verb", "where", "answer"),
    [
        ("topics", {"Text": "the quick brown fox"}, "Ask", ".best", "kind"),
        ("table", {"A list of 4 numbers": "[0, 1, 5, 2]"}, "Ask", ".best", "south"),
        ("chart", {"Another item": "tea"}, "Recommend", ".best", "coffee"),
        ("encoder", {"One text": "fox", "Another": "fox"}, "Compare", ".best", "1.000"),
        ("listener", {}, "Example", ".best", "ab c"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_can_be_tried(
    page: Page, model: str, fill: dict[str, str], verb: str, where: str, answer: str
) -> None:
    go(page, model)
    for label, text in fill.items():
        form(page, label).fill(text)
    if model == "chart":
        press(page, "Add")
    press(page, verb)

    expect(page.locator(f".answered {where}")).to_contain_text(answer)


def test_pictures_are_drawn(page: Page) -> None:
    go(page, "drawing")
    form(page, "Draw").select_option("pale")
    form(page, "Pictures").fill("3")
    press(page, "Draw")

    expect(page.get_by_alt_text(re.compile("pale, picture"))).to_have_count(3)
