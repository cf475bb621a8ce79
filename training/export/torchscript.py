"""A PyTorch module as one TorchScript archive.

Rule: traced, so what the module does to one batch is what the archive does to all; parity is checked elsewhere.
"""

from pathlib import Path

import torch
from torch import Tensor, nn


def export(model: nn.Module, rows: Tensor, path: Path) -> None:
    """Write `path`. `model` is in evaluation mode; `rows` [at least 2, ...] is a batch it accepts."""
    with torch.no_grad():
        # PyTorch's own check warns; `parity` compares the file itself, and refuses.
        traced = torch.jit.trace(model, (rows,), check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(path))
