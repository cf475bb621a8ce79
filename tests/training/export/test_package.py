import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from serving.backends.backend import find as find_backend
from serving.core import golden
from serving.core.columns import decode
from serving.core.model_config import complete, parse
from serving.protocols import table_rows
from training.checkpoint import CARD, Checkpoint
from training.data import digits
from training.errors import CheckpointError, ParityFailed, PublishFailed
from training.export.gate import Gate
from training.export.package import publish
from training.kind import Rows
from training.models.classifier import Classifier
from training.models.mlp import Mlp
from training.recipes import breast_cancer_mlp

CANCER = breast_cancer_mlp.RECIPE
TESTS = {"digits-cnn": lambda: digits.load().test, "breast-cancer-mlp": lambda: CANCER.kind.load(None, {}).test}


def _served(version: Path, rows: np.ndarray) -> np.ndarray:
    """What the server's own backend answers from this folder."""
    directory = version.parent
    config = complete(parse((directory / "config.pbtxt").read_text(), directory.name))
    instance = find_backend(config.backend)(version, config, "cpu")
    return np.asarray(instance.run({config.input[0].name: rows})["probabilities"])


def _row(example: Path) -> np.ndarray:
    """An example as a server reads it: images at the model's size, JSON as it stands."""
    if example.suffix == ".json":
        columns = decode((example.parent / "columns.json").read_bytes())
        return table_rows.decode([json.loads(example.read_text())["inputs"]], columns)
    image = Image.open(io.BytesIO(example.read_bytes())).resize((8, 8), Image.Resampling.BOX)
    return np.asarray(image, dtype=np.float32)[None, None]


def _entries(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_version_holds_both_formats_a_manifest_and_an_example(version: Path) -> None:
    beside = {"columns.json"} if version.parent.name == CANCER.name else set()
    assert [name for name in _entries(version) if not name.startswith("example.") and name not in beside] == [
        "golden.npz",
        "manifest.json",
        "model.onnx",
        "model.pt",
    ]
    assert _entries(version.parent) == ["1", "config.pbtxt", "labels.txt"]


def test_the_example_is_a_held_out_row_that_the_served_model_gets_right(version: Path) -> None:
    (example,) = version.glob("example.*")
    row = _row(example)
    row = 255 - row if example.suffix == ".png" else row  # dark ink on white paper
    test = TESTS[version.parent.name]()
    (source,) = [number for number, known in enumerate(test.features.numpy()) if np.allclose(known, row[0], atol=0.5)]

    assert int(_served(version, row).argmax()) == int(test.labels[source])


def test_served_accuracy_is_the_manifests(version: Path) -> None:
    test = TESTS[version.parent.name]()
    labels = _served(version, test.features.numpy()).argmax(axis=1)
    manifest = json.loads((version / "manifest.json").read_text())

    assert (labels == test.labels.numpy()).mean() == pytest.approx(manifest["metrics"]["test_accuracy"])


def test_versions_count_up_from_the_highest_and_pass_over_stray_files(cancer: Checkpoint, tmp_path: Path) -> None:
    directory = tmp_path / CANCER.name
    (directory / "9").mkdir(parents=True)
    (directory / "10").write_text("not a version")

    version = publish(CANCER, cancer, tmp_path / CANCER.name)

    assert version == directory / "11"
    assert json.loads((version / "manifest.json").read_text())["version"] == 11
    assert _entries(directory) == ["10", "11", "9", "config.pbtxt", "labels.txt"]


def test_the_operators_config_and_labels_are_left_alone(cancer: Checkpoint, repository: Path, tmp_path: Path) -> None:
    directory = tmp_path / CANCER.name
    directory.mkdir()
    text = (repository / CANCER.name / "config.pbtxt").read_text().replace("max_batch_size: 64", "max_batch_size: 5")
    (directory / "config.pbtxt").write_text(text)
    publish(CANCER, cancer, directory)
    (directory / "labels.txt").write_text("bad\ngood\n")

    version = publish(CANCER, cancer, directory)

    assert (directory / "config.pbtxt").read_text() == text
    assert (directory / "labels.txt").read_text() == "bad\ngood\n"
    assert not (version / "labels.txt").exists(), "the same classes, which somebody calls otherwise"


def test_a_version_whose_classes_stand_elsewhere_has_labels_of_its_own(cancer: Checkpoint, tmp_path: Path) -> None:
    directory = tmp_path / CANCER.name
    directory.mkdir()
    (directory / "labels.txt").write_text("benign\nmalignant\n")

    version = publish(CANCER, cancer, directory)

    assert (version / "labels.txt").read_text() == "malignant\nbenign\n"
    assert "labels.txt" in json.loads((version / "manifest.json").read_text())["files"]
    assert (directory / "labels.txt").read_text() == "benign\nmalignant\n"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[ 30 ]", "[ 31 ]", "input 'features'"),
        ('"probabilities"', '"scores"', "unexpected inference output 'scores'"),
        ("TYPE_FP32 dims: [ 2 ]", "TYPE_INT64 dims: [ 2 ]", "expects datatype INT64"),
        ('backend: "onnxruntime"', 'backend: "onnxruntime" default_model_filename: "net.onnx"', "a file 'net.onnx'"),
        ('backend: "onnxruntime"', 'backend: "tensorflow"', "unexpected backend 'tensorflow'"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_and_nothing_published(
    cancer: Checkpoint, repository: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    text = (repository / CANCER.name / "config.pbtxt").read_text()
    assert old in text
    (tmp_path / CANCER.name).mkdir()
    (tmp_path / CANCER.name / "config.pbtxt").write_text(text.replace(old, new))

    with pytest.raises(PublishFailed, match=reason):
        publish(CANCER, cancer, tmp_path / CANCER.name)

    assert _entries(tmp_path / CANCER.name) == ["config.pbtxt"]


class RoundsWhenExported(Mlp):
    """Exports as something else than it is, as a network with a 'deployment' branch does."""

    def forward(self, rows: Tensor) -> Tensor:
        logits = super().forward(rows)
        return logits.round() if torch.compiler.is_exporting() else logits


def _wrong(hyperparameters: Mapping[str, int], facts: Mapping[str, Any]) -> Classifier:
    features = breast_cancer_mlp.network(hyperparameters, facts).standardize
    return Classifier(nn.Identity(), features, RoundsWhenExported(30, classes=2, **hyperparameters))


WRONG = replace(CANCER, kind=replace(breast_cancer_mlp.KIND, network=_wrong))


def test_a_model_that_exports_wrongly_is_not_published(cancer: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="the onnx file answers differently"):
        publish(WRONG, cancer, tmp_path / CANCER.name)

    assert _entries(tmp_path) == []


def test_a_failure_leaves_the_versions_that_are_there(cancer: Checkpoint, repository: Path, tmp_path: Path) -> None:
    directory = tmp_path / CANCER.name
    (directory / "1").mkdir(parents=True)

    with pytest.raises(ParityFailed):
        publish(WRONG, cancer, tmp_path / CANCER.name)

    assert _entries(directory) == ["1"]


def test_another_recipes_checkpoint_is_not_published(digits: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        publish(CANCER, digits, tmp_path / CANCER.name)

    assert _entries(tmp_path) == []


def test_a_candidate_that_passes_the_gate_is_served_and_answers_its_golden_rows(
    cancer: Checkpoint, tmp_path: Path
) -> None:
    gate = Gate(("int8-dynamic",), max_loss=0.05, min_speedup=0.001)
    version = publish(CANCER, cancer, tmp_path / CANCER.name, gate)
    manifest = json.loads((version / "manifest.json").read_text())
    rows = golden.decode((version / "golden.npz").read_bytes())

    assert [variant["verdict"] for variant in manifest["variants"]] == ["another is better", "published"]
    assert manifest["variants"][0]["score"] == cancer.metrics["validation_accuracy"], "test rows decide nothing"
    assert manifest["files"]["model.onnx"]["size"] == manifest["variants"][1]["bytes"]
    answered = {"probabilities": _served(version, rows.inputs["features"])}
    assert golden.difference(rows, answered) == ""


def test_the_manifests_scores_of_the_test_are_those_of_the_file_that_is_served(
    cancer: Checkpoint, tmp_path: Path
) -> None:
    given = replace(cancer, pages={CARD: b"# A card\n"})
    version = publish(CANCER, given, tmp_path / CANCER.name, Gate(("pruned",), max_loss=1.0, min_speedup=0.001))
    manifest = json.loads((version / "manifest.json").read_text())
    served = {"probabilities": _served(version, cancer.rows.inputs["features"])}
    found = CANCER.kind.score(served, cancer.rows.truths, cancer.facts)

    assert manifest["variants"][1]["verdict"] == "published"
    assert found["loss"] != pytest.approx(cancer.metrics["test_loss"])
    assert {name: manifest["metrics"][f"test_{name}"] for name in found} == pytest.approx(dict(found))
    assert manifest["metrics"]["validation_loss"] == cancer.metrics["validation_loss"]
    assert "serves pruned" in (version / "model_card.md").read_text()


def test_rows_that_are_compared_and_asked_again_are_of_every_class_where_they_are_sorted(
    cancer: Checkpoint, tmp_path: Path
) -> None:
    order = np.argsort(cancer.rows.truths["label"], kind="stable")
    rows = Rows(
        *({name: array[order] for name, array in part.items()} for part in (cancer.rows.inputs, cancer.rows.truths))
    )
    version = publish(CANCER, replace(cancer, rows=rows), tmp_path / CANCER.name)
    asked = golden.decode((version / "golden.npz").read_bytes())

    assert np.bincount(asked.outputs["probabilities"].argmax(axis=1), minlength=2).min() >= 4


def test_candidates_need_the_backend_that_serves_them(cancer: Checkpoint, repository: Path, tmp_path: Path) -> None:
    directory = tmp_path / CANCER.name
    directory.mkdir()
    text = (repository / CANCER.name / "config.pbtxt").read_text()
    (directory / "config.pbtxt").write_text(text.replace('backend: "onnxruntime"', 'backend: "pytorch"'))

    with pytest.raises(PublishFailed, match="backend 'pytorch' serves no candidates"):
        publish(CANCER, cancer, directory, Gate(("fp16",)))
