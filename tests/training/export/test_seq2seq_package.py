import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from serving.engine.verification import verify
from tests.tiny_answers import RECIPE
from training.checkpoint import Checkpoint
from training.errors import CheckpointError, PublishFailed
from training.export.seq2seq_package import publish
from training.recipes.recipe import find

FILES = {
    "config.json",
    "encoder.onnx",
    "example.json",
    "generation_config.json",
    "manifest.json",
    "model.onnx",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture(scope="module")
def version(answerer: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(RECIPE, answerer, tmp_path_factory.mktemp("models") / "tiny-answers")


def test_a_version_has_all_its_files_and_the_hash_of_each(version: Path) -> None:
    assert {path.name for path in version.iterdir()} == FILES
    assert {path.name for path in version.parent.iterdir()} == {"1", "config.pbtxt"}
    verify(version, require_manifest=True)


def test_the_manifest_tells_how_many_answers_are_right(version: Path, answerer: Checkpoint) -> None:
    manifest = json.loads((version / "manifest.json").read_text())
    right = answerer.metrics["test_exact_match"]

    assert manifest["metrics"] == answerer.metrics
    *steps, written = manifest["parity"]
    assert [report["step"] for report in steps] == [0, 1, 2]
    assert written == {
        "format": "onnx",
        "texts": 11,
        "exact_match": right,
        "pytorch_exact_match": right,
    }
    assert manifest["lineage"]["checkpoint_weights_sha256"] == answerer.weights_sha256


def test_transformers_reads_its_tokenizer(version: Path) -> None:
    words = AutoTokenizer.from_pretrained(version)
    generation = json.loads((version / "generation_config.json").read_text())

    assert words("in May")["input_ids"][-1] == generation["decoder_start_token_id"]
    assert words.eos_token_id == generation["eos_token_id"]


def test_the_next_version_is_counted_and_the_operators_config_left_alone(answerer: Checkpoint, version: Path) -> None:
    path = version.parent / "config.pbtxt"
    text = path.read_text().replace('"16"', '"4"')
    path.write_text(text)

    assert publish(RECIPE, answerer, version.parent).name == "2"
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("text2text-generation", "text-generation", 'got "onnxruntime", "text-generation" and model.onnx'),
        ('"onnxruntime"', '"pytorch"', 'got "pytorch", "text2text-generation" and model.pt'),
        ('"16"', '"many"', "generation.max_num_seqs must be a number above 0"),
    ],
)
def test_a_config_that_does_not_fit_stops_it_and_nothing_is_left(
    answerer: Checkpoint, version: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (version.parent / "config.pbtxt").read_text().replace('"4"', '"16"')
    (tmp_path / "tiny-answers").mkdir()
    (tmp_path / "tiny-answers" / "config.pbtxt").write_text(text.replace(old, new))

    with pytest.raises(PublishFailed, match=f"{message}.*; correct it, then export again"):
        publish(RECIPE, answerer, tmp_path / "tiny-answers")
    assert [path.name for path in (tmp_path / "tiny-answers").iterdir()] == ["config.pbtxt"]


def test_another_recipes_checkpoint_is_not_published(answerer: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'tiny-answers', not of 'dates-seq2seq'"):
        publish(find("dates-seq2seq"), answerer, tmp_path / "tiny-answers")
    assert list(tmp_path.iterdir()) == []
