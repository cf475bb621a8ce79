import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from serving.core import golden
from tests.tiny_tokenizers import byte_level
from training.errors import ParityFailed, PublishFailed
from training.export.encoder_package import Reading, publish
from training.export.manifest import ImportLineage
from training.models.encoder import EncoderConfig, Pooling, TextClassifier, TextEmbedder

CONFIG = EncoderConfig(420, 32, 48, 2, 4, 64)
LINEAGE = ImportLineage("folder", "BertModel", {"model.safetensors": "00"}, {})


def reading(model: TextEmbedder | TextClassifier, *labels: str) -> Reading:
    texts = {"tokenizer.json": byte_level().to_str().encode(), "config.json": b'{"max_position_embeddings": 64}'}
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return Reading(model.eval().requires_grad_(False), texts, LINEAGE, labels)


EMBEDDER = reading(TextEmbedder(CONFIG, Pooling.MEAN, normalised=False))


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(EMBEDDER, tmp_path_factory.mktemp("repository") / "embedder")


def test_a_version_holds_the_model_its_texts_golden_rows_and_a_manifest(version: Path) -> None:
    names = sorted(path.name for path in version.iterdir())
    manifest = json.loads((version / "manifest.json").read_text())

    assert names == ["config.json", "golden.npz", "manifest.json", "model.onnx", "tokenizer.json"]
    assert sorted([*manifest["files"], "manifest.json"]) == names
    assert [report["batch_size"] for report in manifest["parity"]] == [1, 1, 2, 7]
    assert manifest["outputs"] == [{"name": "embedding", "datatype": "FP32", "shape": [-1, 32]}]
    rows = golden.decode((version / "golden.npz").read_bytes())
    assert rows.inputs["attention_mask"].sum(1).tolist() == [16, 15, 14, 13]
    assert rows.outputs["embedding"].shape == (4, 32)


def test_a_classifier_has_its_labels_beside_it(tmp_path: Path) -> None:
    classifier = reading(TextClassifier(replace(CONFIG, type_vocab_size=1), 2, independent=False), "good", "bad")

    publish(classifier, tmp_path / "topics")

    assert (tmp_path / "topics" / "labels.txt").read_text() == "good\nbad\n"
    assert 'label_filename: "labels.txt"' in (tmp_path / "topics" / "config.pbtxt").read_text()


def test_one_of_other_classes_has_labels_of_its_own(tmp_path: Path) -> None:
    network = TextClassifier(replace(CONFIG, type_vocab_size=1), 2, independent=False)
    publish(reading(network, "good", "bad"), tmp_path / "topics")

    version = publish(reading(network, "good", "dull"), tmp_path / "topics")

    assert (version / "labels.txt").read_text() == "good\ndull\n"
    assert json.loads((version / "manifest.json").read_text())["labels"] == {"probabilities": ["good", "dull"]}
    assert (tmp_path / "topics" / "labels.txt").read_text() == "good\nbad\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('backend: "pytorch" max_batch_size: 4 {tensors}', "backend 'pytorch' can't serve model.onnx"),
        ('backend: "onnxruntime" max_batch_size: 4 {tensors}', "embedding|dims"),
        ("backend: [", "correct it, then export again"),
    ],
)
def test_a_config_that_does_not_fit_is_named_and_nothing_published(
    version: Path, tmp_path: Path, text: str, reason: str
) -> None:
    whole = (version.parent / "config.pbtxt").read_text().replace("dims: [ 32 ]", "dims: [ 33 ]")
    tensors = whole[whole.index("input [") :]
    (tmp_path / "embedder").mkdir()
    path = tmp_path / "embedder" / "config.pbtxt"
    path.write_text(text.replace("{tensors}", tensors))

    with pytest.raises(PublishFailed, match=reason):
        publish(EMBEDDER, tmp_path / "embedder")

    assert list((tmp_path / "embedder").iterdir()) == [path]


def test_only_one_backend_serves_it(tmp_path: Path) -> None:
    with pytest.raises(PublishFailed, match="for onnxruntime only, 'pytorch' was asked for"):
        publish(EMBEDDER, tmp_path / "embedder", "pytorch")

    assert not (tmp_path / "embedder").exists()


class RoundsWhenExported(TextEmbedder):
    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        answer = super().forward(input_ids, attention_mask, token_type_ids)
        return answer.round() if torch.compiler.is_exporting() else answer


def test_a_model_that_exports_wrongly_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="the onnx file answers differently from PyTorch for 1 rows of 1 tokens"):
        publish(reading(RoundsWhenExported(CONFIG, Pooling.CLS, normalised=False)), tmp_path / "embedder")

    assert not (tmp_path / "embedder").exists()
