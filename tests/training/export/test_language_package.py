import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from serving.core.sampling_defaults import SamplingDefaults
from serving.engine.verification import verify
from serving.text.tokenizer import TextTokenizer
from tests.tiny_language import RECIPE
from training.checkpoint import Checkpoint
from training.errors import CheckpointError, PublishFailed
from training.export.language_package import publish
from training.export.step_parity import STEPS
from training.language.next_tokens import NextTokens
from training.recipes.recipe import find
from training.run import restore

FILES = {
    "config.json",
    "example.json",
    "generation_config.json",
    "manifest.json",
    "model.onnx",
    "model.pt",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture(scope="module")
def version(writer: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(RECIPE, writer, tmp_path_factory.mktemp("models") / "tiny-writer")


def test_a_version_has_all_its_files_and_the_hash_of_each(version: Path) -> None:
    assert {path.name for path in version.iterdir()} == FILES
    assert {path.name for path in version.parent.iterdir()} == {"1", "config.pbtxt"}
    verify(version, require_manifest=True)


def test_the_manifest_tells_of_every_step_how_it_was_checked_and_where_it_came_from(
    version: Path, writer: Checkpoint
) -> None:
    manifest = json.loads((version / "manifest.json").read_text())

    assert (manifest["model"], manifest["version"]) == ("tiny-writer", 1)
    assert [(report["format"], report["step"]) for report in manifest["parity"]] == [
        (file_format, step) for file_format in ("onnx", "torchscript") for step in range(STEPS + 1)
    ]
    assert max(report["max_abs_error"] for report in manifest["parity"]) < 1e-3
    assert manifest["metrics"] == writer.metrics
    assert manifest["lineage"]["checkpoint_weights_sha256"] == writer.weights_sha256


def test_transformers_reads_its_tokenizer_and_its_config(version: Path, writer: Checkpoint) -> None:
    """With the weights of the checkpoint, which have its names, it is the same model."""
    words = AutoTokenizer.from_pretrained(version)
    served = restore(RECIPE, writer).module
    assert isinstance(served, NextTokens)
    model = served.decoder
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    described = AutoModelForCausalLM.from_config(_config(version))
    described.load_state_dict(weights, strict=False)
    ids = words.apply_chat_template([{"role": "user", "content": "add one"}], add_generation_prompt=True)["input_ids"]
    with torch.inference_mode():
        theirs = described.eval()(torch.tensor([ids])).logits

    assert torch.allclose(theirs, model(torch.tensor([ids])), atol=1e-4)
    assert words.eos_token_id == json.loads((version / "generation_config.json").read_text())["eos_token_id"]


def test_its_files_leave_sampling_to_requests(version: Path) -> None:
    assert TextTokenizer.read(version).sampling == SamplingDefaults()


def _config(version: Path) -> object:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(version)


def test_the_next_version_is_counted_and_the_operators_config_left_alone(writer: Checkpoint, version: Path) -> None:
    path = version.parent / "config.pbtxt"
    text = path.read_text().replace('"onnxruntime"', '"pytorch"')
    path.write_text(text)

    assert publish(RECIPE, writer, version.parent).name == "2"
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backend: 3", "config.pbtxt, line:column"),
        (
            'backend: "onnxruntime" max_batch_size: 4',
            "generation.task must be text-generation or .*, got ''",
        ),
    ],
)
def test_a_config_that_does_not_fit_stops_it_and_nothing_is_left(
    writer: Checkpoint, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "tiny-writer").mkdir()
    (tmp_path / "tiny-writer" / "config.pbtxt").write_text(text)

    with pytest.raises(PublishFailed, match=f"{message}.*; correct it, then export again"):
        publish(RECIPE, writer, tmp_path / "tiny-writer")
    assert [path.name for path in (tmp_path / "tiny-writer").iterdir()] == ["config.pbtxt"]


def test_another_recipes_checkpoint_is_not_published(writer: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'tiny-writer', not of 'gpt-docs'"):
        publish(find("gpt-docs"), writer, tmp_path / "tiny-writer")
    broken = replace(writer, facts={**writer.facts, "tokenizer": "{}"})
    with pytest.raises(PublishFailed, match=r"'tokenizer\.json' is not a tokenizer"):
        publish(RECIPE, broken, tmp_path / "tiny-writer")
    assert list(tmp_path.iterdir()) == []


def test_rounded_weights_are_the_onnx_files_alone(writer: Checkpoint, version: Path, tmp_path: Path) -> None:
    rounded = publish(RECIPE, writer, tmp_path / "tiny-writer", "int8")

    first, *others = json.loads((rounded / "manifest.json").read_text())["parity"]
    assert (first["format"], first["weights"]) == ("onnx", "int8")
    assert {report["format"] for report in others} == {"torchscript"}
    sizes = [[(each / name).stat().st_size for each in (rounded, version)] for name in ("model.onnx", "model.pt")]
    assert sizes[0][0] < sizes[0][1]
    assert sizes[1][0] == pytest.approx(sizes[1][1], rel=0.01)

    config = tmp_path / "tiny-writer" / "config.pbtxt"
    config.write_text(config.read_text().replace('backend: "onnxruntime"', 'backend: "pytorch"'))
    with pytest.raises(PublishFailed, match="backend 'pytorch' can't serve int8 weights"):
        publish(RECIPE, writer, tmp_path / "tiny-writer", "int8")
