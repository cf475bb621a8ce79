from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from torch import nn

from serving.core.requests import TensorSpec
from training.export.onnx import export

TAKES = [TensorSpec("rows", "FP32", (-1, 3))]
MODEL = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(MODEL, [torch.rand(2, 3)], path, TAKES, ["scores"])
    return path


@pytest.mark.parametrize("batch_size", [1, 2, 7, 300])
def test_any_batch_size_is_answered_as_pytorch_does(exported: Path, batch_size: int) -> None:
    rows = torch.rand(batch_size, 3)
    (scores,) = ort.InferenceSession(exported).run(["scores"], {"rows": rows.numpy()})

    assert np.allclose(scores, MODEL(rows).detach().numpy(), atol=1e-6)


def test_it_is_one_file_without_paths_of_this_machine(exported: Path) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["model.onnx"]
    assert str(Path(torch.__file__).parent).encode() not in exported.read_bytes()
    assert __file__.encode() not in exported.read_bytes()


def test_it_passes_onnx_own_checker(exported: Path) -> None:
    onnx.checker.check_model(onnx.load(exported), full_check=True)


def test_exporting_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    export(MODEL, [torch.rand(2, 3)], tmp_path / "model.onnx", TAKES, ["scores"])

    assert capfd.readouterr() == ("", "")


class Counted(nn.Module):
    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return (nn.functional.embedding(tokens, torch.arange(10.0)[:, None]) * mask[:, :, None]).sum(1)


def test_several_inputs_are_open_in_several_dimensions_and_the_output_may_have_any_name(tmp_path: Path) -> None:
    takes = [TensorSpec(name, "INT64", (-1, -1)) for name in ("tokens", "mask")]
    example = [torch.ones(2, 3, dtype=torch.long) for _ in takes]

    export(Counted().eval(), example, tmp_path / "model.onnx", takes, ["embedding"])

    session = ort.InferenceSession(tmp_path / "model.onnx")
    assert [each.shape for each in session.get_inputs()] == [["batch", "size_1"]] * 2
    for shape in ((1, 1), (2, 3), (7, 20)):
        tokens, mask = np.full(shape, 4), np.ones(shape, np.int64)
        mask[:, -1] = 0
        (found,) = session.run(["embedding"], {"tokens": tokens, "mask": mask})
        assert found.tolist() == [[4.0 * (shape[1] - 1)]] * shape[0]


class Best(nn.Module):
    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        best = rows.max(1)
        return best.indices, best.values


def test_several_outputs_have_their_names_in_order(tmp_path: Path) -> None:
    export(Best().eval(), [torch.rand(2, 3)], tmp_path / "model.onnx", TAKES, ["place", "values"])

    place, value = ort.InferenceSession(tmp_path / "model.onnx").run(
        ["place", "values"], {"rows": np.float32([[1, 3, 2]])}
    )
    assert (place.tolist(), value.tolist()) == ([1], [3.0])
