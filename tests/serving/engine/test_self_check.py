"""Golden rows through real instances: an ONNX graph that doubles, and Python models."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from serving.backends import backend
from serving.backends.backend import ModelInstance
from serving.core import golden, model_config
from serving.core.golden import GoldenRows
from serving.core.model_config import ModelConfig
from serving.engine.repository import ModelRepository
from serving.engine.self_check import self_check
from serving.errors import ModelLoadFailed
from tests import python_models, tiny_models

X = np.arange(12, dtype=np.float32).reshape(3, 4)
PYTHON_CONFIG = """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }"""


@contextmanager
def loaded(root: Path, name: str, count: int = 1) -> Iterator[tuple[list[ModelInstance], ModelConfig, Path]]:
    """As `self_check` wants it."""
    config = model_config.complete(ModelRepository(root).config(name))
    load = backend.find(config.backend)
    instances = [load(root / name / "1", config, "cpu") for _ in range(count)]
    yield instances, config, root / name / "1"
    for instance in instances:
        instance.close()


def write_golden(directory: Path, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> None:
    (directory / golden.FILENAME).write_bytes(golden.encode(GoldenRows(inputs, outputs)))


def add_python(root: Path, source: str, config: str = "max_batch_size: 8") -> Path:
    return python_models.add_model(root, "m", f"{config} {PYTHON_CONFIG}", source)


def test_a_version_that_answers_as_it_did_passes(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with loaded(tmp_path, "double", count=2) as version:
        assert not self_check(*version)
        write_golden(tmp_path / "double" / "1", {"x": X}, {"y": 2 * X})
        assert self_check(*version)


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ({"x": X}, {"y": 3 * X}, "the self-check failed: output 'y' differs in 3 of 3 golden rows, first in row 0"),
        (
            {"x": X},
            {"y": np.concatenate([2 * X[:2], 3 * X[2:]])},
            "the self-check failed: output 'y' differs in 1 of 3 golden rows, first in row 2",
        ),
        ({"x": X}, {"z": X}, "the self-check failed: output 'z' is not there"),
        ({"a": X}, {"y": X}, "golden.npz has the inputs a, the model takes x"),
        ({"x": X, "a": X}, {"y": X}, "golden.npz has the inputs x, a, the model takes x"),
        ({"x": X[:, :3]}, {"y": X}, "the self-check failed: the model can't answer its golden rows: "),
        ({"x": X.astype(np.int32)}, {"y": X}, "the self-check failed: the model can't answer its golden rows: "),
    ],
)
def test_one_that_answers_otherwise_is_told_why(
    tmp_path: Path, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray], reason: str
) -> None:
    tiny_models.add_double(tmp_path)
    write_golden(tmp_path / "double" / "1", inputs, outputs)
    with loaded(tmp_path, "double") as version, pytest.raises(ModelLoadFailed) as failure:
        self_check(*version)
    assert str(failure.value).startswith(reason)


def test_a_broken_file_is_a_reason(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "1" / golden.FILENAME).write_bytes(b"PK\x03\x04")
    with loaded(tmp_path, "double") as version, pytest.raises(ModelLoadFailed, match=r"golden\.npz is not what"):
        self_check(*version)


def test_a_row_must_have_the_same_answer_alone_and_among_others(tmp_path: Path) -> None:
    directory = add_python(
        tmp_path,
        """
        class Model:
            def execute(self, request):
                return {"y": request.inputs["x"] * len(request.inputs["x"])}
        """,
    )
    write_golden(directory, {"x": X + 1}, {"y": 3 * (X + 1)})
    with loaded(tmp_path, "m") as version, pytest.raises(ModelLoadFailed, match="differs in 1 of 1 golden rows"):
        self_check(*version)
    write_golden(directory, {"x": X + 1}, {"y": X + 1})
    with loaded(tmp_path, "m") as version, pytest.raises(ModelLoadFailed, match="differs in 3 of 3 golden rows"):
        self_check(*version)


def test_no_more_rows_at_once_than_the_model_takes(tmp_path: Path) -> None:
    directory = add_python(
        tmp_path,
        """
        class Model:
            def execute(self, request):
                if len(request.inputs["x"]) > 2:
                    raise RuntimeError("too many")
                return {"y": request.inputs["x"]}
        """,
        "max_batch_size: 2",
    )
    write_golden(directory, {"x": X}, {"y": X})
    with loaded(tmp_path, "m") as version:
        assert self_check(*version)


def test_without_batches_the_rows_are_the_input(tmp_path: Path) -> None:
    directory = add_python(
        tmp_path,
        """
        class Model:
            def execute(self, request):
                return {"y": request.inputs["x"][::-1]}
        """,
        "",
    )
    write_golden(directory, {"x": X[0]}, {"y": X[0][::-1]})
    with loaded(tmp_path, "m") as version:
        assert self_check(*version)


def test_every_instance_must_pass(tmp_path: Path) -> None:
    directory = add_python(
        tmp_path,
        """
        class Model:
            def load(self, context):
                mark = context.directory / "first"
                self.factor = 3 if mark.exists() else 2
                mark.touch()

            def execute(self, request):
                return {"y": request.inputs["x"] * self.factor}
        """,
    )
    write_golden(directory, {"x": X}, {"y": 2 * X})
    with loaded(tmp_path, "m", count=2) as (instances, config, _):
        assert self_check(instances[:1], config, directory)
        with pytest.raises(ModelLoadFailed, match="the self-check failed: output 'y' differs"):
            self_check(instances, config, directory)


def test_a_models_own_error_is_its_reason(tmp_path: Path) -> None:
    directory = add_python(
        tmp_path,
        """
        class Model:
            def execute(self, request):
                raise RuntimeError("no table")
        """,
    )
    write_golden(directory, {"x": X}, {"y": X})
    with (
        loaded(tmp_path, "m") as version,
        pytest.raises(ModelLoadFailed, match=r"can't answer its golden rows: .*no table"),
    ):
        self_check(*version)


@pytest.mark.parametrize("kind", ["sequence_batching { }", "model_transaction_policy { decoupled: true }"])
def test_models_whose_requests_are_not_answered_one_by_one_are_not_asked(tmp_path: Path, kind: str) -> None:
    directory = add_python(
        tmp_path,
        """
        class Model:
            def execute(self, request):
                raise RuntimeError("nobody should ask")
                yield
        """
        if "decoupled" in kind
        else """
        class Model:
            def execute(self, request):
                raise RuntimeError("nobody should ask")
        """,
        f"max_batch_size: 8 {kind}",
    )
    write_golden(directory, {"x": X}, {"y": X})
    with loaded(tmp_path, "m") as version:
        assert not self_check(*version)
