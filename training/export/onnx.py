"""A PyTorch module as one ONNX file.

Rule: the file stands alone (weights inside, no paths of this machine) and takes batches of any size.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn


def export(model: nn.Module, rows: Tensor, path: Path, input_name: str, output_name: str) -> None:
    """Write `path`. `model` is in evaluation mode; `rows` [at least 2, ...] is a batch it accepts.

    Raises whatever PyTorch's exporter raises for a module that it can't turn into a graph.
    """
    with _quiet():
        program = torch.onnx.export(
            model,
            (rows,),
            dynamo=True,
            input_names=[input_name],
            output_names=[output_name],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            verbose=False,
        )
    if program is None:
        raise RuntimeError("PyTorch's exporter returned no program")
    onnx.save(_without_sources(program.model_proto), path)


def _without_sources(model: onnx.ModelProto) -> onnx.ModelProto:
    """The exporter notes every node's Python stack, with this machine's paths, which nobody serves from."""
    parts = (model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.value_info)
    for part in parts:
        del part.metadata_props[:]
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter reports missing optional packages and deprecations of its own: nothing a user could act on."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # PyTorch copies its own LeafSpec, which it has deprecated.
            warnings.filterwarnings("ignore", message=r".*LeafSpec.* is deprecated", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)
