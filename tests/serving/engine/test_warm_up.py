"""Samples and zeros through real instances. The Python models write down each call: its inputs, one line of JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.backends import backend
from serving.backends.backend import ModelInstance
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.engine.repository import ModelRepository
from serving.engine.warm_up import read_samples, warm_up
from serving.errors import ModelLoadFailed
from tests import python_models, tiny_models

NUMBERS = 'input { name: "x" data_type: TYPE_FP32 dims: 2 } output { name: "y" data_type: TYPE_FP32 dims: -1 }'
TEXTS = 'input { name: "x" data_type: TYPE_STRING dims: 2 } output { name: "y" data_type: TYPE_FP32 dims: -1 }'
RECORD = """
        import json

        class Model:
            def load(self, context):
                self.calls = context.directory / "calls"

            def execute(self, request):
                x = request.inputs["x"]
                texts = x.astype(str).tolist() if x.dtype == object else x.tolist()
                with self.calls.open("a") as file:
                    file.write(json.dumps([str(x.dtype), texts]) + "\\n")
"""
ANSWER = '                return {"y": x.astype("float32")[..., :1] if x.dtype != object else [[0.0]] * len(x)}\n'


def sample(what: str, name: str = "first", datatype: str = "TYPE_FP32", rest: str = "", dims: str = "dims: 2") -> str:
    data_type = f"data_type: {datatype}" if datatype else ""
    return f"""model_warmup {{ name: "{name}" {rest}
        inputs {{ key: "x" value {{ {data_type} {dims} {what} }} }} }}"""


def from_file(name: str = "data", **others: str) -> str:
    return sample(f'input_data_file: "{name}"', **others)


def add_recorder(root: Path, config: str, answer: str = ANSWER) -> None:
    python_models.add_model(root, "m", config, RECORD + answer)


def add_picky(root: Path, extra: str = "") -> None:
    """Fails at zeros."""
    folder = tiny_models.write_config(
        root,
        "picky",
        f"""backend: "onnxruntime" max_batch_size: 8 input {{ name: "index" data_type: TYPE_INT64 dims: 1 }}
        output {{ name: "entry" data_type: TYPE_FP32 dims: 1 }} {extra}""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        """g (int64[n, 1] index) => (float[n, 1] entry) {
            before = Sub(index, four)
            entry = Gather <axis=0> (table, before)
        }""",
        table=np.array([10.0, 20.0, 30.0], np.float32),
        four=np.array(4, np.int64),
    )


def warm(root: Path, name: str = "m", instances: int = 1) -> list[Any]:
    """What a Python model was called with."""
    with loaded(root, name, instances) as (loaded_instances, config):
        warm_up(loaded_instances, config, read_samples(config, root / name))
    calls = root / name / "1" / "calls"
    return [json.loads(line) for line in calls.read_text().splitlines()] if calls.exists() else []


@contextmanager
def loaded(root: Path, name: str, count: int = 1) -> Iterator[tuple[list[ModelInstance], ModelConfig]]:
    config = model_config.complete(ModelRepository(root).config(name))
    instances = [backend.find(config.backend)(root / name / "1", config, "cpu") for _ in range(count)]
    yield instances, config
    for instance in instances:
        instance.close()


def write_file(root: Path, content: bytes, name: str = "data") -> None:
    (root / "m" / "warmup").mkdir()
    (root / "m" / "warmup" / name).write_bytes(content)


def test_each_sample_runs_as_often_as_it_says_in_every_instance(tmp_path: Path) -> None:
    samples = sample("zero_data: true", rest="batch_size: 3 count: 2") + sample("zero_data: true", "second")
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {samples}")
    one = ["float32", [[0, 0]]]
    three = ["float32", [[0, 0]] * 3]
    assert warm(tmp_path, instances=2) == [three, three, one] * 2


def test_without_batches_a_sample_is_the_input_itself(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"{NUMBERS} {sample('zero_data: true', rest='batch_size: 1')}")
    assert warm(tmp_path) == [["float32", [0, 0]]]


def test_random_numbers_are_small_and_the_same_each_time(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {sample('random_data: true')}")
    [[_, row]] = warm(tmp_path)
    assert all(0 <= number <= 1 for number in row[0])
    assert len(set(row[0])) == 2
    assert warm(tmp_path) == [["float32", row]] * 2


def test_random_texts_are_numbers_in_words(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {TEXTS} {sample('random_data: true', datatype='TYPE_STRING')}")
    [[dtype, [texts]]] = warm(tmp_path)
    assert dtype == "object"
    assert all(text.isdecimal() for text in texts)


def test_numbers_come_from_a_file_as_they_lie_in_memory(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {from_file(rest='batch_size: 2')}")
    write_file(tmp_path, np.array([1.5, -2], "<f4").tobytes())
    assert warm(tmp_path) == [["float32", [[1.5, -2], [1.5, -2]]]]


def test_texts_come_from_a_file_each_after_its_length(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {TEXTS} {from_file(datatype='TYPE_STRING')}")
    write_file(tmp_path, b"\x02\0\0\0ab" + b"\0\0\0\0")
    assert warm(tmp_path) == [["object", [["ab", ""]]]]


@pytest.mark.parametrize(
    ("datatype", "content", "reason"),
    [
        ("TYPE_FP32", bytes(7), r"'data' has 7 bytes, expected 8"),
        ("TYPE_FP32", b"", r"'data' has 0 bytes, expected 8"),
        ("TYPE_STRING", b"\x02\0\0\0ab", "must hold 2 texts, each after its length in four bytes"),
        ("TYPE_STRING", b"\x02\0\0\0ab\x09\0\0\0cd", "must hold 2 texts"),
        ("TYPE_STRING", b"\0\0\0\0" * 3, "must hold 2 texts"),
    ],
)
def test_a_file_of_another_length_is_refused(tmp_path: Path, datatype: str, content: bytes, reason: str) -> None:
    tensors = TEXTS if datatype == "TYPE_STRING" else NUMBERS
    add_recorder(tmp_path, f"max_batch_size: 4 {tensors} {from_file(datatype=datatype)}")
    write_file(tmp_path, content)
    with pytest.raises(ModelLoadFailed, match=f"warmup sample 'first', input 'x': .*{reason}"):
        warm(tmp_path)


@pytest.mark.parametrize("name", ["../secret", "sub/../../secret", "link", "nope", "", ".", "sub", "{root}/secret"])
def test_only_files_in_the_models_own_warmup_folder_are_read(tmp_path: Path, name: str) -> None:
    name = name.format(root=tmp_path / "m")
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {from_file(name)}")
    write_file(tmp_path, bytes(8))
    (tmp_path / "m" / "warmup" / "sub").mkdir()
    (tmp_path / "m" / "secret").write_bytes(bytes(8))
    (tmp_path / "m" / "warmup" / "link").symlink_to("../secret")
    with pytest.raises(
        ModelLoadFailed, match=r"warmup sample 'first', input 'x': there is no file '.*' in the model's"
    ):
        warm(tmp_path)


@pytest.mark.parametrize("name", [r"a\000b", "x" * 5000])
def test_what_is_no_files_name_is_a_reason(tmp_path: Path, name: str) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {from_file(name)}")
    with pytest.raises(
        ModelLoadFailed, match=r"warmup sample 'first', input 'x': (embedded null byte|File name too long)"
    ):
        warm(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (sample("zero_data: true", rest="batch_size: 5"), "'first': batch_size 5 is above max_batch_size 4"),
        (sample("zero_data: true", datatype=""), "'first', input 'x': 'data_type' must be set"),
        (sample("zero_data: true", dims="dims: -1"), "'first', input 'x': .*'dims' must not be negative"),
        (sample(""), "'first', input 'x': one of 'zero_data', 'random_data' and 'input_data_file' must be set"),
        (
            sample("zero_data: true") + sample("zero_data: true", "second", dims="dims: 0 dims: -2"),
            "'second', input 'x': .*'dims' must not be negative",
        ),
    ],
)
def test_a_sample_that_says_too_little_or_too_much_is_named_before_any_runs(
    tmp_path: Path, text: str, reason: str
) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {text}")
    with pytest.raises(ModelLoadFailed, match=f"warmup sample {reason}"):
        warm(tmp_path)
    assert not (tmp_path / "m" / "1" / "calls").exists()


def test_batches_are_for_models_that_take_them(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"{NUMBERS} {sample('zero_data: true', rest='batch_size: 2')}")
    with pytest.raises(ModelLoadFailed, match="batch_size 2 is above max_batch_size 0"):
        warm(tmp_path)


def test_a_sample_that_fails_is_named_with_the_models_words(tmp_path: Path) -> None:
    samples = sample("zero_data: true") + sample("random_data: true", "second")
    failing = '                if x.any():\n                    raise RuntimeError("not these")\n'
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS} {samples}", failing + ANSWER)
    with pytest.raises(ModelLoadFailed, match=r"failed to run warmup sample 'second': .*not these"):
        warm(tmp_path)


TAKES = r"; the model takes 'x' \(FP32 \[-1,4\]\)$"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (sample("zero_data: true", dims="dims: 5"), r", input 'x' is FP32 \[1,5\]" + TAKES),
        (sample("zero_data: true", datatype="TYPE_INT32", dims="dims: 4"), r", input 'x' is INT32 \[1,4\]" + TAKES),
        (sample("zero_data: true", dims="dims: 4").replace('"x"', '"z"'), " has no input 'x'" + TAKES),
        (
            sample("zero_data: true", dims="dims: 4").replace(
                "inputs {", 'inputs { key: "z" value { data_type: TYPE_FP32 dims: 4 zero_data: true } } inputs {'
            ),
            ", input 'z': there is no such input" + TAKES,
        ),
    ],
)
def test_a_sample_that_the_model_does_not_take_is_named_without_the_runtimes_words(
    tmp_path: Path, text: str, reason: str
) -> None:
    tiny_models.add_double(tmp_path, extra=text)
    with pytest.raises(ModelLoadFailed, match=f"^warmup sample 'first'{reason}"):
        warm(tmp_path, "double")


def test_what_a_runtime_raises_over_a_sample_is_a_reason_without_a_traceback(tmp_path: Path) -> None:
    add_picky(
        tmp_path,
        """model_warmup { name: "first" inputs { key: "index" value {
        data_type: TYPE_INT64 dims: 1 zero_data: true } } }""",
    )
    with pytest.raises(ModelLoadFailed, match=r"failed to run warmup sample 'first': ") as failed:
        warm(tmp_path, "picky")
    assert failed.value.__cause__ is None


def test_a_sample_may_lack_what_is_optional(tmp_path: Path) -> None:
    optional = NUMBERS + 'input { name: "z" data_type: TYPE_FP32 dims: 2 optional: true }'
    add_recorder(tmp_path, f"{optional} {sample('zero_data: true')}")
    assert warm(tmp_path) == [["float32", [0, 0]]]


def test_a_decoupled_model_answers_a_sample_to_the_end(tmp_path: Path) -> None:
    streaming = '                for _ in range(3):\n                    yield {"y": [[1.0]]}\n'
    done = '                self.calls.with_name("done").touch()\n'
    decoupled = "model_transaction_policy { decoupled: true }"
    add_recorder(tmp_path, f"max_batch_size: 4 {decoupled} {NUMBERS} {sample('zero_data: true')}", streaming + done)
    assert warm(tmp_path) == [["float32", [[0, 0]]]]
    assert (tmp_path / "m" / "1" / "done").exists()


def test_a_python_model_without_samples_is_not_called(tmp_path: Path) -> None:
    add_recorder(tmp_path, f"max_batch_size: 4 {NUMBERS}")
    assert warm(tmp_path) == []


def test_a_graph_without_samples_gets_zeros_which_it_may_fail_at(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="slipway")
    tiny_models.add_identity(tmp_path, "texts", "TYPE_STRING", "string")
    tiny_models.add_torchscript(tmp_path)
    warm(tmp_path, "texts")
    warm(tmp_path, "affine")
    assert "zeros were no input" not in caplog.text
    add_picky(tmp_path)
    warm(tmp_path, "picky")
    assert "zeros were no input to warm up with: " in caplog.text
