"""What a person does on the web page, and what the models are that they do it with."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.chromium import Heard
from tests.running_server import until

SCRIPT = "<img src=x onerror='window.ran = 1'><script>window.ran = 1</script>"
STEPS = [(0.3, 0.2), (0.7, 0.2), (0.6, 0.5), (0.45, 0.85)]  # a seven, in shares of the sheet
KINDS = {
    "chart": ["recommend", "tensors"],
    "digits-cnn": ["pictures", "tensors"],
    "drawing": ["images", "tensors"],
    "encoder": ["embeddings", "tensors"],
    "endless_tokens": ["generate"],
    "listener": ["transcribe", "tensors"],
    "rows": ["rows", "tensors"],
    "spot": ["detect", "tensors"],
    "sum": ["tensors"],
    "table": ["numbers", "tensors"],
    "topics": ["texts", "tensors"],
    "writer": ["chat", "completion"],
}


def go(page: Page, model: str, tab: str = "try") -> None:
    page.goto(f"/#/{model}/{tab}")
    expect(page.get_by_role("heading", level=1, name=model)).to_be_visible()


def form(page: Page, label: str) -> Locator:
    return page.get_by_role("region", name="What is asked").get_by_label(label, exact=True)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def draw(page: Page) -> None:
    canvas = page.locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in STEPS]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def best(page: Page) -> Any:
    return expect(page.locator(".answered .best"))


def refused(heard: Heard) -> None:
    """The browser's own words for the reply that was asked for; there are no others."""
    until(lambda: heard.complaints)
    assert all("the server responded with a status of 400" in words for words in heard.complaints)
    heard.complaints.clear()
