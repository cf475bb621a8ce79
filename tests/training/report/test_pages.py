import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.training.report.conftest import outcome
from tests.training.report.test_page import Tags, references
from training.checkpoint import Checkpoint
from training.classification.kind import Classification
from training.kind import SlowlyScored
from training.recipes import digits_detector, digits_diffusion
from training.recipes.breast_cancer_mlp import KIND, RECIPE
from training.report.pages import pages, resamples
from training.report.section import Section, Text

SECTIONS = (
    "Model",
    "How well it does",
    "Use and limits",
    "Confusion",
    "Each class",
    "Calibration",
    "Most sure and wrong",
    "Groups",
    "Why it answers so",
    "Learning curves",
    "Data",
    "How it was trained",
)


def headings(page: bytes) -> list[str]:
    return [part.split("</h2>")[0] for part in page.decode().split("<h2>")[1:]]


@pytest.mark.parametrize("model", ["digits", "cancer"])
def test_a_report_is_one_file_with_all_that_there_is_to_tell(model: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(f"{model}_pages")["report.html"]

    assert tuple(headings(page)) == SECTIONS
    assert all(reference.startswith(("#", "data:")) for reference in references(page))
    assert "script" not in Tags(page).names()
    assert b"abc123" in page
    assert len(page) < 2**20


def test_pictures_are_shown_with_what_was_looked_at(digits_pages: dict[str, bytes]) -> None:
    page = digits_pages["report.html"].decode()

    assert "Integrated gradients" in page
    assert "Saliency" in page
    assert page.count("<img ") > 12


def test_columns_are_told_by_how_much_they_moved_an_answer(cancer_pages: dict[str, bytes]) -> None:
    page = cancer_pages["report.html"].decode()

    assert "Answer benign, " in page
    assert "Answer malignant, " in page


def test_a_card_is_text(digits: Checkpoint, digits_pages: dict[str, bytes]) -> None:
    card = digits_pages["model_card.md"].decode()

    assert card.startswith("# Model digits-cnn\n\nAccuracy ")
    assert digits.data_fingerprint in card
    assert {"## Use and limits", "## Each class", "## Groups"} <= set(card.splitlines())
    assert "## Most sure and wrong" not in card


@dataclass(frozen=True, slots=True)
class Failing(Classification):
    def findings(self, *_: Any) -> Iterable[Section]:
        yield Section("First", (Text("still told"),))
        raise RuntimeError("<script>no</script>")


def test_what_fails_is_told_and_costs_nothing_else(cancer: Checkpoint) -> None:
    fields = {name: getattr(KIND, name) for name in Classification.__dataclass_fields__}
    recipe = replace(RECIPE, kind=Failing(**fields))

    page = pages(recipe, KIND.load(None, {}), outcome(RECIPE, cancer), {})["report.html"]

    assert headings(page)[3:6] == ["First", "Missing", "Learning curves"]
    assert b"RuntimeError: &lt;script&gt;no&lt;/script&gt;" in page


@pytest.mark.parametrize(
    ("rows", "cost", "times"),
    [(1, 1, 200), (20_000, 1, 200), (40_000, 1, 100), (100_000, 1, 40), (100_001, 1, 0), (100, 1000, 40), (0, 1, 200)],
)
def test_how_often_rows_are_drawn_anew_is_said_by_them_and_no_clock(rows: int, cost: int, times: int) -> None:
    assert resamples(rows, cost) == times


def test_kinds_that_take_long_to_score_say_so() -> None:
    slow = [recipe.kind for recipe in (digits_detector.RECIPE, digits_diffusion.RECIPE)]

    assert [kind.row_cost for kind in slow if isinstance(kind, SlowlyScored)] == [1000, 250]
    assert not isinstance(KIND, SlowlyScored)


def test_names_and_labels_of_users_are_texts(cancer: Checkpoint) -> None:
    evil = "<script>alert(1)</script>"
    data = replace(KIND.load(None, {}), labels=(evil, "benign"))
    given = replace(cancer, model=evil)

    found = pages(RECIPE, data, outcome(RECIPE, given), {evil: evil})

    assert b"<script" not in found["report.html"]
    assert b"&lt;script&gt;alert(1)" in found["report.html"]
    assert b"<script" not in found["model_card.md"].replace(b"\\<", b"")


def test_groups_of_rows_are_compared(cancer: Checkpoint) -> None:
    data = KIND.load(None, RECIPE.data)
    wards = tuple("<b>east</b>" if row % 2 else "west" for row in range(len(data.test)))

    found = pages(RECIPE, replace(data, test=replace(data.test, groups={"ward": wards})), outcome(RECIPE, cancer), {})

    assert b"By ward" in found["report.html"]
    assert b"&lt;b&gt;east&lt;/b&gt;" in found["report.html"]
    assert "| largest gap in | more | less | gap | 95 % |  |" in found["model_card.md"].decode().splitlines()


def test_without_captum_and_matplotlib_there_is_the_rest(cancer: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "training.report.figures", raising=False)
    for library in ("matplotlib", "captum", "captum.attr"):
        monkeypatch.setitem(sys.modules, library, None)

    page = pages(RECIPE, KIND.load(None, {}), outcome(RECIPE, cancer), {})["report.html"]

    assert tuple(headings(page)) == SECTIONS
    assert b"captum is not installed" in page
    assert b"matplotlib is not installed" in page
