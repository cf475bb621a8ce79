import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from loadtests.report.report import comparison, report
from loadtests.result_file import Document
from loadtests.server_figures import of_streams
from tests.loadtests.report.documents import EVIL, SERVER, capacity, run
from tests.loadtests.results import result_of


class Page(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page.decode())
        self.text = " ".join(self.words)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


@pytest.fixture(scope="module")
def page() -> bytes:
    return report(capacity())


def test_a_page_has_what_the_result_has(page: bytes) -> None:
    document, text = capacity(), Page(page).text
    found = document.runs[0]
    assert f"100 requests/s hold p90<100ms: {document.decision['attainment']:.2%} were in time" in text
    for latencies in (found.latency, found.service, found.first, found.gap):
        assert latencies is not None
        assert all(f"{value:.2f}" in text for value in (latencies.p50, latencies.p99, latencies.maximum))
    for run_ in document.runs:
        assert f"{run_.offered:.4g}" in text
    assert "1.000%" in text  # refused
    assert EVIL in text
    for words in ("a note", "2.500 ms", "7.500 ms", "512 MiB", "Z80", "slipway loadtest URL", "abc1234", "seed 0"):
        assert words in text, words


def test_it_has_a_plot_of_everything(page: bytes) -> None:
    drawn = [given["aria-label"] for tag, given in Page(page).tags if tag == "div" and given.get("role") == "img"]
    assert len(drawn) == 8
    assert page.count(b"<svg") == 8
    assert all(drawn)


def test_the_values_of_a_plan_can_be_copied(page: bytes) -> None:
    [copied] = re.findall(r"<pre>(.*?)</pre>", page.decode(), re.DOTALL)
    needed = capacity().decision["plan"]["replicas"]
    assert copied.splitlines()[:4] == [f"replicas: {needed}", "resources:", "  requests:", "    cpu: 1300m"]


def test_it_needs_nothing_from_anywhere(page: bytes) -> None:
    references = [
        value
        for _, given in Page(page).tags
        for name, value in given.items()
        if name.rpartition(":")[2] in ("src", "href", "srcset", "data", "action")
    ]
    assert references
    assert all(str(each).startswith("#") for each in references)
    assert not re.findall(r"@import|url\((?!#)", page.decode())
    assert "script" not in {tag for tag, _ in Page(page).tags}


def test_where_no_batches_are_told_none_are_drawn() -> None:
    text = report(Document((replace(run(), server=of_streams(SERVER)),))).decode()
    assert "Queue and compute" in text
    assert "rows in a batch" not in text
    assert "rows in a batch" in report(Document((run(),))).decode()


def test_an_invalid_run_concludes_nothing() -> None:
    text = Page(report(Document((replace(run(), invalid=("left late",)),)))).text
    assert "Nothing can be concluded" in text
    assert "left late" in text


def test_nothing_answered_and_nothing_told_is_a_page_too() -> None:
    text = Page(report(Document((result_of(np.array([]), refused=5),)))).text
    assert "100.00% of the requests were not answered" in text
    assert "Inside the server" not in text


def test_two_runs_are_on_one_plot() -> None:
    page = Page(comparison(run(), run(slower=2.0), tolerance=0.05))
    assert "B is slower: p99 went from" in page.text
    labels = [given["aria-label"] or "" for tag, given in page.tags if tag == "div" and "aria-label" in given]
    assert any(label.startswith("A: p50") and "B: p50" in label for label in labels)
