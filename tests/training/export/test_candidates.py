import shutil
from pathlib import Path

import numpy as np
import pytest

from serving.core.requests import Arrays
from training.checkpoint import Checkpoint
from training.export import candidates
from training.export.candidates import Subject
from training.export.gate import CANDIDATES, FLOAT32, PUBLISHED, Gate
from training.export.measuring import answers, opened
from training.recipes.breast_cancer_mlp import KIND, RECIPE
from training.run import restore


@pytest.fixture
def subject(cancer: Checkpoint, repository: Path, tmp_path: Path) -> Subject:
    path = tmp_path / "model.onnx"
    shutil.copyfile(repository / RECIPE.name / "1" / "model.onnx", path)

    def score(outputs: Arrays, truths: Arrays) -> float:
        return KIND.score(outputs, truths, cancer.facts)["accuracy"]

    return Subject(restore(RECIPE, cancer), path, cancer.validation, score)


def test_every_candidate_is_measured_or_says_why_not(subject: Subject, cancer: Checkpoint) -> None:
    found = {variant.name: variant for variant in candidates.best(subject, Gate(CANDIDATES, 1.0, 1000.0))}

    assert set(found) == {FLOAT32, *CANDIDATES}
    assert found[FLOAT32].score == cancer.metrics["validation_accuracy"]
    for name in ("int8-dynamic", "int8-static", "fp16", "pruned"):
        assert 0 < found[name].bytes < found[FLOAT32].bytes
        assert found[name].loss == pytest.approx(found[FLOAT32].score - found[name].score)
        assert found[name].verdict == "too slow"
    assert found["bf16"].verdict.startswith("can't run here: ONNX Runtime has no ")


def test_one_that_passes_takes_the_place_of_the_file(subject: Subject) -> None:
    before = subject.path.read_bytes()
    variants = candidates.best(subject, Gate(("fp16",), max_loss=1.0, min_speedup=0.001))

    assert [variant.verdict for variant in variants] == ["another is better", PUBLISHED]
    assert len(subject.path.read_bytes()) == variants[1].bytes < len(before)
    outputs = answers(opened(subject.path), subject.rows.inputs)
    assert subject.score(outputs, subject.rows.truths) == variants[1].score
    assert outputs["probabilities"].dtype == np.float32


def test_none_that_passes_leaves_it(subject: Subject) -> None:
    before = subject.path.read_bytes()
    candidates.best(subject, Gate(("fp16", "pruned"), max_loss=1.0, min_speedup=1000.0))

    assert subject.path.read_bytes() == before
