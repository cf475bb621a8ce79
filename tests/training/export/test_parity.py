from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from serving.core.model_config import ModelConfig, complete, parse
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from training.errors import ParityFailed
from training.export import config_pbtxt, onnx, parity, torchscript
from training.export.parity import BATCH_SIZES, Demand, ParityReport, agreeing, compare
from training.recipes.breast_cancer_mlp import RECIPE

TAKES = [TensorSpec("features", "FP32", (-1, 30))]
ROWS = torch.randn(40, 30, generator=torch.Generator().manual_seed(1))


class Scores(nn.Module):
    """Probabilities that differ by `skew` wherever `skewed` holds."""

    def __init__(self, skewed: Callable[[], bool] = lambda: False, skew: float = 2.0) -> None:
        super().__init__()
        self._skewed, self._skew = skewed, skew

    def forward(self, rows: Tensor) -> Tensor:
        return (rows[:, :2] * (self._skew if self._skewed() else 1.0)).softmax(dim=1)


def _config() -> ModelConfig:
    columns = [{"name": f"x{number}", "kind": "number"} for number in range(30)]
    served = RECIPE.kind.served(nn.Identity(), {"labels": ["malignant", "benign"], "columns": columns})
    return complete(parse(config_pbtxt.render(RECIPE.name, served), RECIPE.name))


def _check(model: nn.Module, directory: Path, config: ModelConfig | None = None) -> tuple[ParityReport, ...]:
    onnx.export(model, [ROWS[:2]], directory / "model.onnx", TAKES, ["probabilities"])
    torchscript.export(model, [ROWS[:2]], directory / "model.pt")
    return _compared(model, directory, config or _config())


def _compared(model: nn.Module, directory: Path, config: ModelConfig) -> tuple[ParityReport, ...]:
    expected = {"probabilities": model(ROWS).detach().numpy()}
    return parity.check(directory, config, {"features": ROWS.numpy()}, expected, Demand())


def test_true_files_pass_in_both_formats_at_every_batch_size(tmp_path: Path) -> None:
    reports = _check(Scores().eval(), tmp_path)

    assert [(report.format, report.batch_size) for report in reports] == [
        (file_format, size) for file_format in ("onnx", "torchscript") for size in (*BATCH_SIZES, len(ROWS))
    ]
    assert all(report.agreement == 1 for report in reports)


def test_an_onnx_file_that_baked_in_another_branch_fails(tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="the onnx file answers differently from PyTorch at batch size 1"):
        _check(Scores(torch.compiler.is_exporting).eval(), tmp_path)


def test_a_torchscript_file_that_baked_in_another_branch_fails(tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="the torchscript file answers differently"):
        _check(Scores(torch.jit.is_tracing).eval(), tmp_path)  # type: ignore[attr-defined]


def test_a_small_difference_fails_though_every_label_agrees(tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match=r"largest difference 0.0\d+, alike in"):
        _check(Scores(torch.compiler.is_exporting, skew=1.001).eval(), tmp_path)


def test_a_file_that_only_runs_at_some_batch_sizes_fails(tmp_path: Path) -> None:
    model = Scores().eval()
    onnx.export(model, [ROWS[:2]], tmp_path / "model.onnx", TAKES, ["probabilities"])

    class OneSize(nn.Module):
        def forward(self, rows: Tensor) -> Tensor:
            return model(rows).reshape(2, 2)  # type: ignore[no-any-return]

    torchscript.export(OneSize().eval(), [ROWS[:2]], tmp_path / "model.pt")
    with pytest.raises(ParityFailed, match="the torchscript file fails at batch size 1"):
        _compared(model, tmp_path, _config())


def test_a_config_of_other_dimensions_does_not_load(tmp_path: Path) -> None:
    config = _config()
    config.output[0].dims[:] = [3]

    with pytest.raises(ModelLoadFailed, match="output 'probabilities'"):
        _check(Scores().eval(), tmp_path, config)


def test_both_formats_are_checked_whatever_backend_the_config_serves(tmp_path: Path) -> None:
    config = _config()
    config.backend, config.platform, config.default_model_filename = "pytorch", "", ""

    assert {report.format for report in _check(Scores().eval(), tmp_path, complete(config))} == {"onnx", "torchscript"}


def test_errors_are_the_largest_of_all_rows() -> None:
    expected = np.array([[0.5, 0.5], [0.25, 0.75]], dtype=np.float32)
    actual = np.array([[0.5, 0.5], [0.75, 0.25]], dtype=np.float32)

    assert compare("onnx", 2, {"p": actual}, {"p": expected}) == ParityReport("onnx", 2, 0.5, 2.0, 0.5)


def test_a_tiny_probability_does_not_blow_up_the_relative_error() -> None:
    report = compare("onnx", 1, {"p": np.array([[1e-9, 1.0]])}, {"p": np.array([[1e-12, 1.0]])})

    assert report.max_rel_error < 1e-5


def test_answers_that_are_no_numbers_do_not_pass() -> None:
    assert compare("onnx", 1, {"p": np.array([[np.nan, 1.0]])}, {"p": np.array([[0.0, 1.0]])}).agreement == 0


def test_answers_of_another_shape_fail() -> None:
    with pytest.raises(ParityFailed, match=r"answers \(1, 3\), PyTorch \(1, 2\)"):
        compare("onnx", 1, {"p": np.zeros((1, 3))}, {"p": np.zeros((1, 2))})


def test_a_class_is_the_same_or_not_however_near_its_number() -> None:
    classes = {"class": np.array([[7], [8]])}

    assert agreeing("onnx", {"class": np.array([[7], [9]])}, classes, tolerance=10).tolist() == [True, False]


def test_a_row_is_alike_where_all_of_its_outputs_are() -> None:
    expected = {"a": np.zeros((3, 1)), "b": np.zeros((3, 2))}
    actual = {"a": np.array([[0.0], [1.0], [0.0]]), "b": np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]])}

    assert agreeing("onnx", actual, expected, 1e-5).tolist() == [True, False, False]


def test_what_counts_is_a_difference_beside_the_largest_number() -> None:
    assert compare("onnx", 1, {"p": np.array([[200.001]])}, {"p": np.array([[200.0]])}).agreement == 1
