"""A PyTorch module as one ONNX file.

Rule: the file stands alone (weights inside, no paths of this machine), takes batches of any size, and passes ONNX's own
checker.
"""

import inspect
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from serving.core.requests import TensorSpec

_BATCH = "batch"


def export(
    model: nn.Module, inputs: Sequence[Tensor], path: Path, takes: Sequence[TensorSpec], outputs: Sequence[str]
) -> None:
    """Write `path`. `model` is in evaluation mode; `inputs` are an example in the order of its arguments, with at least
    2 in each dimension that `takes` says is open; `outputs` are the names of what it returns.

    Raises whatever PyTorch's exporter raises for a module that it can't turn into a graph, and ONNX's checker.
    """
    with _quiet():
        program = torch.onnx.export(
            model,
            tuple(inputs),
            dynamo=True,
            input_names=[spec.name for spec in takes],
            dynamic_shapes=(_open(takes),) if _takes_any_number(model) else _open(takes),
            verbose=False,
        )
    if program is None:
        raise RuntimeError("PyTorch's exporter returned no program")
    proto = _without_sources(_with_outputs(program.model_proto, outputs))
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def _takes_any_number(model: nn.Module) -> bool:
    """Of inputs, which are then one argument to the exporter."""
    return any(each.kind is each.VAR_POSITIONAL for each in inspect.signature(model.forward).parameters.values())


def _open(takes: Sequence[TensorSpec]) -> tuple[dict[int, torch.export.Dim], ...]:
    """Of each input the dimensions of any size; those at the same place are the same."""
    places = {place for spec in takes for place, size in enumerate(spec.shape) if size == -1}
    dims = {place: torch.export.Dim(f"size_{place}" if place else _BATCH, min=1) for place in places}
    return tuple({place: dims[place] for place, size in enumerate(spec.shape) if size == -1} for spec in takes)


def _with_outputs(model: onnx.ModelProto, wanted: Sequence[str]) -> onnx.ModelProto:
    """The exporter names values by what they are, such as `embedding`, which may be what an output is to be called."""
    graph = model.graph
    if len(graph.output) != len(wanted):
        raise RuntimeError(f"the graph has {len(graph.output)} outputs, {len(wanted)} were expected")
    names = {name: f"{name}.inner" for name in wanted} | {
        output.name: name for output, name in zip(graph.output, wanted, strict=True)
    }
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
