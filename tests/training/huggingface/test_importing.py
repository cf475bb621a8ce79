import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_hugging_face import write_decoder, write_encoder
from training.errors import ImportRefused
from training.huggingface.importing import Source, look, publish
from training.huggingface.weights import read_weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folders") / "tiny-qwen"
    write_decoder(folder, "qwen2", shard="60KB")
    return folder


def changed(folder: Path, tmp_path: Path, **fields: Any) -> Source:
    """Looked at with other fields in its config.json."""
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    described = json.loads((folder / "config.json").read_text()) | fields
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text(json.dumps(described))
    return look(tmp_path)


def test_a_version_says_where_it_came_from_and_how_it_was_checked(folder: Path, tmp_path: Path) -> None:
    source = look(folder)
    weights = read_weights(source.files, lambda _: None)

    version = publish(source, weights, tmp_path / "writer", "pytorch")

    manifest = json.loads((version / "manifest.json").read_text())
    assert version == tmp_path / "writer" / "1"
    assert manifest["lineage"]["source"] == "tiny-qwen"
    assert manifest["lineage"]["architecture"] == "Qwen2ForCausalLM"
    assert manifest["lineage"]["weights_sha256"] == weights.sha256
    assert len(weights.sha256) > 1
    assert source.size == sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert manifest["parity"][0]["token_agreement"] == 1.0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "'architectures' is GPT2LMHeadModel, those that can be imported are"),
        ({"architectures": None}, "'architectures' is none"),
        ({"architectures": [3, {}]}, "'architectures' is 3, {}"),
        ({"quantization_config": {"quant_method": "gptq"}}, r"quantised \(gptq\), which is not served"),
        ({"hidden_act": "relu"}, "'hidden_act' is 'relu'"),
    ],
)
def test_a_folder_is_refused_before_its_weights_are_read(
    folder: Path, tmp_path: Path, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ImportRefused, match=reason):
        changed(folder, tmp_path, **fields)


def test_weights_of_another_shape_publish_nothing(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    source = changed(folder, tmp_path / "folder", intermediate_size=161)

    with pytest.raises(ImportRefused, match=r"gate_proj\.weight' is \[160, 64\], config.json makes it \[161, 64\]"):
        publish(source, read_weights(source.files, lambda _: None), tmp_path / "writer")

    assert not (tmp_path / "writer").exists()


def test_half_precision_is_the_same_model_in_single_precision(tmp_path: Path) -> None:
    write_decoder(tmp_path / "half", dtype=torch.float16)
    source = look(tmp_path / "half")

    version = publish(source, read_weights(source.files, lambda _: None), tmp_path / "writer")

    assert json.loads((version / "manifest.json").read_text())["parity"][0]["max_abs_error"] < 1e-4


def test_weights_of_encoders_are_not_rounded(tmp_path: Path) -> None:
    write_encoder(tmp_path / "reader")

    with pytest.raises(ImportRefused, match="--weights int8 is for models that write, this is a BertModel"):
        look(tmp_path / "reader", "int8")
