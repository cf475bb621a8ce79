import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.core.generation_config import complete
from serving.core.model_config import parse
from serving.engine.generation_loading import load_generating
from serving.errors import ModelLoadFailed
from tests.tiny_decoders import byte_level_tokenizer, write_tiny_decoder
from tests.tiny_seq2seq import TASK as TEXT_TO_TEXT
from tests.tiny_seq2seq import write_tiny_seq2seq

TASK = 'parameters { key: "generation.task" value { string_value: "text-generation" } }'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "1"
    write_tiny_decoder(folder)
    return folder


def load(folder: Path, backend: str = "onnxruntime", task: str = TASK) -> None:
    config = complete(parse(f'backend: "{backend}" {task}', "writer"))
    loop = asyncio.new_event_loop()
    try:
        assert load_generating("1", config, folder, loop).close(30)
    finally:
        loop.close()


@pytest.mark.parametrize("backend", ["onnxruntime", "pytorch"])
def test_a_whole_folder_is_a_model_that_writes(whole: Path, backend: str) -> None:
    load(whole, backend)


def without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (without("model.onnx"), "model.onnx"),
        (without("config.json"), "has no file 'config.json'"),
        (without("tokenizer.json"), "tokenizer.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer.json"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"\0" * 100), "model.onnx"),
        (
            lambda folder: byte_level_tokenizer(310).save(str(folder / "tokenizer.json")),
            "tokenizer.json has 3.. tokens, the model 300",
        ),
        (
            lambda folder: (folder / "config.json").write_text(
                json.dumps({**json.loads((folder / "config.json").read_text()), "num_hidden_layers": 3})
            ),
            r"past_key_values\.2\.key",
        ),
    ],
)
def test_what_is_wrong_with_its_files_is_said(
    whole: Path, tmp_path: Path, broken: Callable[[Path], object], message: str
) -> None:
    folder = tmp_path / "1"
    shutil.copytree(whole, folder)
    broken(folder)
    with pytest.raises(ModelLoadFailed, match=message):
        load(folder)


def test_other_backends_write_nothing(whole: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"backend 'python' can't do text-generation.*onnxruntime, pytorch"):
        load(whole, "python")


def test_the_task_says_what_runs_it(whole: Path, tmp_path: Path) -> None:
    write_tiny_seq2seq(tmp_path / "1")
    load(tmp_path / "1", task=TEXT_TO_TEXT)
    with pytest.raises(ModelLoadFailed, match=r"has no file 'encoder\.onnx'"):
        load(whole, task=TEXT_TO_TEXT)
    with pytest.raises(ModelLoadFailed, match=r"'encoder\.onnx'.*set generation\.task to text2text-generation"):
        load(tmp_path / "1")
    with pytest.raises(ModelLoadFailed, match=r"backend 'pytorch' can't do text2text-generation.*can are onnxruntime"):
        load(tmp_path / "1", "pytorch", task=TEXT_TO_TEXT)
