import re
import sys
from html.parser import HTMLParser

import pytest

from training.report.page import html
from training.report.section import Bars, Figure, Histogram, Picture, Pictures, Section, Table, Text, Words

EVIL = "<script>alert(1)</script>\"'&"
FIGURE = Figure(Bars((EVIL,), ((EVIL, (1.0,)),), EVIL), EVIL)
SECTION = Section(
    EVIL,
    (
        Text(EVIL),
        Table((EVIL, "x"), ((EVIL, Histogram((1, 3), EVIL)),), EVIL),
        FIGURE,
        Pictures((Picture(b"png", EVIL, EVIL),)),
        Words(((EVIL, 0.5), ("good", -1.0)), EVIL),
    ),
)


class Tags(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def names(self) -> set[str]:
        return {tag for tag, _ in self.found}


def references(page: bytes) -> set[str]:
    """All that a browser would fetch or go to."""
    attributes = ("src", "href", "xlink:href", "srcset", "action", "data", "poster")
    found = {str(given[name]) for _, given in Tags(page).found for name in attributes if name in given}
    return found | set(re.findall(r"url\(([^)]*)\)|@import", page.decode()))


def test_a_page_has_all_that_its_sections_have() -> None:
    page = html("Model m", "Good.", [Section("One", (Text("first"),)), SECTION])
    names = Tags(page).names()

    assert {"h1", "h2", "table", "figure", "svg", "img", "rect", "nav"} <= names
    assert b"<title>Model m</title>" in page
    assert b'<a href="#s1">One</a>' in page
    assert b"data:image/png;base64,cG5n" in page


def test_no_text_becomes_markup() -> None:
    page = html(EVIL, EVIL, [SECTION])

    assert "script" not in Tags(page).names()
    assert b"<script" not in page
    assert not [name for _, given in Tags(page).found for name in given if name.startswith("on")]


def test_it_needs_nothing_from_anywhere() -> None:
    page = html("m", "", [SECTION])

    assert all(reference.startswith(("#", "data:")) for reference in references(page))
    assert b"default-src &#39;none&#39;" in page


def test_who_sees_no_pictures_is_told_of_each() -> None:
    tags = Tags(html("m", "", [SECTION])).found

    assert all(given.get("alt") for tag, given in tags if tag == "img")
    plots = [given for tag, given in tags if given.get("class") in ("plot", "histogram")]
    assert len(plots) == 2
    assert all(given["aria-label"] == EVIL for given in plots)


def test_without_matplotlib_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "training.report.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    page = html("m", "", [SECTION])

    assert b"matplotlib is not installed (pip install &#39;slipway-serving[report]&#39;)" in page
    assert b'class="plot"' not in page
    assert b"matplotlib" not in html("m", "", [Section("One", (Text("no plots"),))])
