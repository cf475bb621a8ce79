import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tiny_decoders import TINY, tiny_decoder, write_tiny_decoder
from training.errors import ParityFailed, PublishFailed
from training.export.decoder_package import Written, publish
from training.export.manifest import ImportLineage
from training.huggingface.folder import read_texts

LINEAGE = ImportLineage("folder", "LlamaForCausalLM", {"model.safetensors": "00"}, {})


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("folder")
    return Written(write_tiny_decoder(folder), read_texts(folder), LINEAGE)


def test_a_version_holds_the_model_its_texts_and_a_manifest_of_them(written: Written, tmp_path: Path) -> None:
    version = publish(written, tmp_path / "writer")

    manifest = json.loads((version / "manifest.json").read_text())
    names = sorted(path.name for path in version.iterdir())
    assert names == [
        "config.json",
        "generation_config.json",
        "manifest.json",
        "model.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert sorted([*manifest["files"], "manifest.json"]) == names
    assert [(report["format"], report["step"]) for report in manifest["parity"]] == [("onnx", n) for n in range(9)]
    assert manifest["lineage"]["source"] == "folder"


def test_rounded_weights_are_a_file_of_a_third_and_judged_by_a_gate_of_their_own(
    written: Written, tmp_path: Path
) -> None:
    exact, rounded = (publish(replace(written, weights=each), tmp_path / "writer") for each in ("float32", "int8"))

    [report] = json.loads((rounded / "manifest.json").read_text())["parity"]
    assert report["weights"] == "int8"
    assert report["mean_divergence"] < report["most_divergence"]
    assert 2 * (rounded / "model.onnx").stat().st_size < (exact / "model.onnx").stat().st_size


def test_rounded_weights_are_not_for_pytorch(written: Written, tmp_path: Path) -> None:
    with pytest.raises(PublishFailed, match="backend 'pytorch' can't serve int8 weights, onnxruntime can"):
        publish(replace(written, weights="int8"), tmp_path / "writer", "pytorch")

    assert not (tmp_path / "writer").exists()


def test_a_model_that_rounding_changes_too_much_is_not_published(written: Written, tmp_path: Path) -> None:
    model = tiny_decoder()
    for name, parameter in model.named_parameters():
        if name.endswith("down_proj.weight"):
            parameter[:, 0] *= 3000

    with pytest.raises(ParityFailed, match="with int8 weights the onnx file is too far from PyTorch"):
        publish(replace(written, model=model, weights="int8"), tmp_path / "writer")

    assert not (tmp_path / "writer").exists()


@pytest.mark.parametrize("longest", [128, 5000])
def test_the_config_it_begins_with_keeps_texts_to_a_length_that_there_is_memory_for(
    tmp_path: Path, written: Written, longest: int
) -> None:
    model = tiny_decoder(replace(TINY, max_position_embeddings=longest))
    config = json.loads(written.texts["config.json"]) | {"max_position_embeddings": longest}
    texts = {**written.texts, "config.json": json.dumps(config).encode()}

    publish(replace(written, model=model, texts=texts), tmp_path / "writer", "pytorch")

    text = (tmp_path / "writer" / "config.pbtxt").read_text()
    assert 'backend: "pytorch"' in text
    assert ('"generation.max_model_len" value { string_value: "4096" }' in text) == (longest > 4096)
    assert (f"{4096 * 2 * 2 * 2 * 16 * 4:,} bytes" in text) == (longest > 4096)


def test_the_operators_config_is_obeyed_and_left_alone(written: Written, tmp_path: Path) -> None:
    text = 'backend: "pytorch"\nparameters { key: "generation.task" value { string_value: "text-generation" } }\n'
    (tmp_path / "writer").mkdir()
    (tmp_path / "writer" / "config.pbtxt").write_text(text)

    version = publish(written, tmp_path / "writer")

    assert (version / "model.pt").is_file()
    assert (tmp_path / "writer" / "config.pbtxt").read_text() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('backend: "pytorch" {task}', "backend 'pytorch' serves this model, 'onnxruntime' was asked for"),
        ('backend: "python" {task}', "backend 'python' can't run a decoder; it must be 'onnxruntime' or 'pytorch'"),
        (
            'backend: "onnxruntime" default_model_filename: "net.onnx" {task}',
            "wants a file 'net.onnx'; remove that line",
        ),
        ('backend: "onnxruntime"', "is the config of a model that writes no text"),
        ('backend: "onnxruntime" {task} max_batch_size: 4', "max_batch_size must be 0"),
        ("backend: {task}", "correct it, then export again"),
        ('backend: "onnxruntime" {task} {length}', "rows of 129 positions are asked for .* made for 128"),
    ],
)
def test_a_config_that_does_not_fit_is_named_and_nothing_published(
    written: Written, tmp_path: Path, text: str, reason: str
) -> None:
    task = 'parameters { key: "generation.task" value { string_value: "text-generation" } }'
    length = 'parameters { key: "generation.max_model_len" value { string_value: "129" } }'
    (tmp_path / "writer").mkdir()
    path = tmp_path / "writer" / "config.pbtxt"
    path.write_text(text.replace("{task}", task).replace("{length}", length))

    with pytest.raises(PublishFailed, match=reason):
        publish(written, tmp_path / "writer", "onnxruntime")

    assert list((tmp_path / "writer").iterdir()) == [path]


def test_a_model_that_is_not_what_its_config_says_is_not_published(written: Written, tmp_path: Path) -> None:
    shape = json.loads(written.texts["config.json"]) | {"num_key_value_heads": 4}
    texts = {**written.texts, "config.json": json.dumps(shape).encode()}

    with pytest.raises((PublishFailed, ParityFailed), match=r"config\.json makes it"):
        publish(replace(written, texts=texts), tmp_path / "writer")

    assert not (tmp_path / "writer").exists()


def test_a_model_of_too_few_positions_to_be_compared_is_not_published(written: Written, tmp_path: Path) -> None:
    config = json.loads(written.texts["config.json"]) | {"max_position_embeddings": 8}
    texts = {**written.texts, "config.json": json.dumps(config).encode()}
    model = tiny_decoder(replace(TINY, max_position_embeddings=8))

    with pytest.raises(ParityFailed, match="the model has 8 positions, too few"):
        publish(replace(written, model=model, texts=texts), tmp_path / "writer")
