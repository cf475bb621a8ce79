"""A PyTorch module as one ONNX file.

Rule: the file stands alone (weights inside, no paths of this machine) and takes batches of any size.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn


def export(model: nn.Module, rows: Tensor, path: Path, input_name: str, output_name: str) -> None:
    """Write `path`. `model` is in evaluation mode; `rows` [at least 2, ...] is a batch it accepts.

    Raises whatever PyTorch's exporter raises for a module that it can't turn into a graph.
    """
    export_open(model, {input_name: rows}, path, output_name, ("batch",))


def export_open(
    model: nn.Module, inputs: Mapping[str, Tensor], path: Path, output_name: str, dims: Sequence[str]
) -> None:
    """The same for a model with several inputs, whose first dimensions may have any size and are called `dims`; those
    of `inputs` are at least 2. The inputs are in the order of the model's arguments."""
    sizes = {number: torch.export.Dim(name, min=1) for number, name in enumerate(dims)}
    with _quiet():
        program = torch.onnx.export(
            model,
            tuple(inputs.values()),
            dynamo=True,
            input_names=list(inputs),
            dynamic_shapes=tuple(sizes for _ in inputs),
            verbose=False,
        )
    if program is None:
        raise RuntimeError("PyTorch's exporter returned no program")
    onnx.save(_without_sources(_with_output(program.model_proto, output_name)), path)


def _with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The exporter names values by what they are, such as `embedding`, which may be what the output is to be called."""
    graph = model.graph
    names = {name: f"{name}.inner", graph.output[0].name: name}
    for node in graph.node:
        node.input[:] = [names.get(each, each) for each in node.input]
        node.output[:] = [names.get(each, each) for each in node.output]
    for value in (*graph.output, *graph.value_info):
        value.name = names.get(value.name, value.name)
    return model


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
            # Several inputs have the same open dimensions, which are said of each.
            warnings.filterwarnings("ignore", message=r"# The axis name: .* will not be used", category=UserWarning)
            yield
    finally:
        logger.setLevel(level)
