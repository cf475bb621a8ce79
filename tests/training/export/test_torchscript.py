from pathlib import Path

import pytest
import torch
from torch import nn

from training.export.torchscript import export


@pytest.mark.parametrize("batch_size", [1, 2, 7, 300])
def test_any_batch_size_is_answered_as_pytorch_does(tmp_path: Path, batch_size: int) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 2)).eval()
    export(model, [torch.rand(2, 3)], tmp_path / "model.pt")
    loaded = torch.jit.load(tmp_path / "model.pt")  # type: ignore[no-untyped-call]

    rows = torch.rand(batch_size, 3)
    with torch.inference_mode():
        assert torch.allclose(loaded(rows), model(rows), atol=1e-6)
