"""Networks that are run on a GPU and beside it, each as ONNX and as TorchScript.

Rule: the same on every machine, from a fixed seed; every one takes `x` and gives `y`, a row for each row.
"""

import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from loadtests.benchmarks.dense_model import Backend

MAX_BATCH_SIZE = 1024
_SEED = 0
_FILES = {Backend.ONNXRUNTIME: "model.onnx", Backend.PYTORCH: "model.pt"}


class Residual(nn.Module):
    """As ResNets are built: one wide convolution, then blocks of two that add to what goes in."""

    def __init__(self, channels: int = 64, blocks: int = 4) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 7, stride=2, padding=3)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
            )
            for _ in range(blocks)
        )
        self.last = nn.Linear(channels, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        for block in self.blocks:
            x = torch.relu(x + block(x))
        result: torch.Tensor = self.last(x.mean([2, 3]))
        return result


@dataclass(frozen=True, slots=True)
class Network:
    """`shape` is a row's."""

    name: str
    title: str
    shape: tuple[int, ...]
    features: int

    def module(self) -> nn.Module:
        torch.manual_seed(_SEED)
        return {"wide": _wide, "cnn": _cnn, "residual": Residual}[self.name]().eval()

    def config(self, backend: Backend, kind: str, instances: int = 1) -> str:
        return f"""backend: "{backend.value}" max_batch_size: {MAX_BATCH_SIZE}
input {{ name: "x" data_type: TYPE_FP32 dims: [ {", ".join(map(str, self.shape))} ] }}
output {{ name: "y" data_type: TYPE_FP32 dims: [ {self.features} ] }}
instance_group {{ kind: {kind} count: {instances} }}
dynamic_batching {{ }}
"""


NETWORKS = (
    Network("wide", "MLP 6x1024", (1024,), 1024),
    Network("cnn", "CNN 28x28, two convolutions", (1, 28, 28), 10),
    Network("residual", "residual network 3x112x112, nine convolutions", (3, 112, 112), 10),
)


def write(folder: Path, network: Network, backend: Backend) -> Path:
    """Into a version's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _FILES[backend]
    module, rows = network.module(), torch.zeros(2, *network.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporters: that there are newer ones
        if backend is Backend.PYTORCH:
            torch.jit.trace(module, rows).save(path)  # type: ignore[no-untyped-call]
        else:
            names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "n"}, "y": {0: "n"}}}
            torch.onnx.export(module, (rows,), path, dynamo=False, **names)  # type: ignore[arg-type]
    return path


def _wide() -> nn.Module:
    layers = [layer for before, after in pairwise([1024] * 7) for layer in (nn.Linear(before, after), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 10),
    )
