import xml.etree.ElementTree as ElementTree

import pytest

from training.report.figures import svg
from training.report.section import Bars, Heatmap, Line, Lines, Plot

PLOTS: dict[str, Plot] = {
    "lines": Lines("step", "loss", (Line("<training>", (1, 2), (3, 2)), Line("held & out", (1, 2), (4, 3)))),
    "shares": Lines("sure", "right", (Line("answers", (0.5, 0.9), (0.4, 1.0), (0.2, 0.8), (0.6, 1.0)),), is_share=True),
    "bars": Bars(("cat", "$x^2$"), (("train", (5, 3)), ("test", (1, 2))), "rows"),
    "lying": Bars(("age = 3", "height = 4"), (("yes", (0.5, -0.25)),), "answer yes", are_lying=True),
    "heatmap": Heatmap("is", "answer", ("cat", "犬"), ((5, 0), (1, 7))),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_svg_in_the_pages_ink_that_needs_nothing_else(name: str) -> None:
    text = svg(PLOTS[name])

    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "width" not in root.attrib
    assert "currentColor" in text
    assert "#010203" not in text
    links = [value for node in root.iter() for key, value in node.attrib.items() if key.endswith("href")]
    assert all(link.startswith("#") for link in links)


def test_labels_are_texts_and_never_formulas_or_markup() -> None:
    words = {node.text for node in ElementTree.fromstring(svg(PLOTS["bars"])).iter() if node.text}
    assert {"cat", "$x^2$"} <= words
    assert "&lt;training&gt;" in svg(PLOTS["lines"])
    assert "犬" in svg(PLOTS["heatmap"])


def test_the_same_plot_is_the_same_text() -> None:
    assert svg(PLOTS["shares"]) == svg(PLOTS["shares"])


def test_long_labels_are_cut() -> None:
    assert "a" * 30 not in svg(Bars(("a" * 100,), (("x", (1,)),), "rows"))
