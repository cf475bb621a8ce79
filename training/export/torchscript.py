"""A PyTorch module as one TorchScript archive.

Rule: traced, so what the module does to one batch is what the archive does to all; parity is checked elsewhere.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn

from training import files


def export(model: nn.Module, inputs: Iterable[Tensor], path: Path) -> None:
    """Write `path`. `model` is in evaluation mode; `inputs` are a batch of at least 2 rows, in the order of its
    arguments."""
    with torch.no_grad():
        # PyTorch's own check warns; `parity` compares the file itself, and refuses.
        traced = torch.jit.trace(model, tuple(inputs), check_trace=False)  # type: ignore[no-untyped-call]
    write(traced, path)


def write(script: torch.jit.ScriptModule, path: Path) -> None:
    """Raises OSError, where PyTorch would stop with an error of its own."""
    buffer = io.BytesIO()
    torch.jit.save(script, buffer)
    files.write(path, buffer.getvalue())
