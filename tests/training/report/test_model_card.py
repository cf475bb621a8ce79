from dataclasses import replace

import pytest

from training.checkpoint import Checkpoint
from training.data.card import Card
from training.recipes.breast_cancer_mlp import RECIPE
from training.report import model_card
from training.report.intervals import Interval
from training.report.model_card import Subject
from training.report.section import Section, Table, Text
from training.run import restore

CARD = Card("a ward's <files>", 569, {}, {"train": 344, "test": 117})


@pytest.fixture
def subject(cancer: Checkpoint) -> Subject:
    served = restore(RECIPE, cancer)
    return Subject(
        RECIPE.summary,
        cancer,
        served,
        CARD,
        117,
        {"accuracy": Interval(0.9, 1.0)},
        {"commit": "abc"},
        {"target": "ill"},
    )


def told(section: Section) -> str:
    rows = [row for part in section.parts if isinstance(part, Table) for row in part.rows]
    texts = [part.text for part in section.parts if isinstance(part, Text)]
    return "\n".join([*("|".join(map(str, row)) for row in rows), *texts])


def test_the_number_that_counts_comes_first(subject: Subject) -> None:
    accuracy = subject.checkpoint.metrics["test_accuracy"]

    assert model_card.lead(subject) == f"Accuracy {accuracy:.4g} (95 %: 0.9 to 1) on 117 test rows."
    assert "95 %" not in model_card.lead(replace(subject, intervals={}))


def test_it_tells_what_the_model_is_and_what_of(subject: Subject) -> None:
    text = told(model_card.model(subject))

    assert "features|input|FP32|-1, 30|" in text
    assert "probabilities|output|FP32|-1, 2|malignant, benign" in text
    assert f"SHA-256 of the data|{subject.checkpoint.data_fingerprint}" in text
    assert "4,130 numbers" in text


def test_each_measure_has_its_interval_or_none(subject: Subject) -> None:
    text = told(model_card.scores(subject))

    assert "|0.9 to 1|" in text
    assert "macro f1|" in text
    assert "|-|-" in text


def test_how_it_was_trained_has_parameters_and_surroundings(subject: Subject) -> None:
    text = told(model_card.training(subject))

    assert {"seed|0", "model.hidden|64", "data.target|ill", "commit|abc"} <= set(text.splitlines())
    assert "library torch|" in text


def test_limits_are_those_of_the_data(subject: Subject) -> None:
    text = told(model_card.limits(subject))
    assert "Only 117 rows were held out" in text
    assert "20 rows leave it anywhere from" in told(model_card.limits(replace(subject, rows=20)))
    assert "a ward's <files>" in text
    assert "too few to say" not in text

    unequal = replace(CARD, classes={"train": {"a": 300, "b": 3}, "test": {"a": 500, "b": 2}})
    text = told(model_card.limits(replace(subject, card=unequal, rows=502)))
    assert "too few to say how it does on them: b." in text
    assert "300 rows of the most frequent and 3 of the rarest" in text
    assert "Only" not in text
