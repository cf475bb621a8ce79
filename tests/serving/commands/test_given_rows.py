import json
from pathlib import Path

import numpy as np
import pytest

from serving.commands import given_rows
from serving.core.model_config import ModelConfig, complete, parse
from serving.errors import InvalidInput


def config(data_type: str = "TYPE_FP32", dims: int = 2) -> ModelConfig:
    tensor = f"data_type: {data_type} dims: {dims}"
    text = (
        f"""backend: "onnxruntime" max_batch_size: 4 input {{ name: "x" {tensor} }} output {{ name: "y" {tensor} }}"""
    )
    return complete(parse(text, "m"))


@pytest.mark.parametrize(
    "document",
    [
        [[1, 2], [3, 4]],
        {"x": [[1, 2], [3, 4]]},
        {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}]},
    ],
)
def test_json_is_what_predict_takes(tmp_path: Path, document: object) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(document))
    (array,) = given_rows.read(tmp_path / "rows.json", config()).values()
    assert array.dtype == np.float32
    assert array.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("texts", [np.array([["a"], ["\u00e9"]]), np.array([[b"a"], ["\u00e9".encode()]])])
def test_arrays_by_name_come_from_numpys_file_and_texts_as_bytes(tmp_path: Path, texts: np.ndarray) -> None:
    np.savez(tmp_path / "rows.npz", x=texts, z=np.ones((2, 2), np.float32))
    found = given_rows.read(tmp_path / "rows.npz", config())
    assert found["x"].tolist() == [[b"a"], ["\u00e9".encode()]]
    assert found["z"].dtype == np.float32


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("none.json", None, "can't be read: No such file or directory"),
        ("rows.json", b"[1, 2", "Expecting"),
        ("rows.json", b'{"z": 1}', "the model has no input 'z'"),
        ("rows.json", b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": ["a"]}]}', "input 'x'"),
        ("rows.npz", b"PK\x03\x04", "it is no .npz that numpy.savez writes (BadZipFile)"),
        (
            "rows.json",
            b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "parameters": '
            b'{"shared_memory_region": "r", "shared_memory_byte_size": 4}}]}',
            "a file can't mean shared memory",
        ),
    ],
)
def test_what_is_wrong_names_the_file(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput) as failure:
        given_rows.read(path, config())
    assert str(path) in str(failure.value)
    assert reason in str(failure.value)
