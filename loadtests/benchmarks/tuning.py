"""What self-tuning chooses for a small CNN and a wide MLP, again and again, on a machine that may be busy.

    python -m loadtests.benchmarks.tuning                 # a table for people, one JSON line last
    python -m loadtests.benchmarks.tuning --turns 10

Rule: nothing is found in a cache, and the models take turns, so that each choice is made anew.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.engine.load_policy import LoadPolicy
from serving.engine.tuner import Tuner

_HEADER = '<ir_version: 10, opset_import: ["" : 21]>'
_CNN = """g (float[n, 1, 28, 28] x) => (float[n, 10] y) {
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x, k1)
    r1 = Relu(c1)
    p1 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r1)
    c2 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (p1, k2)
    r2 = Relu(c2)
    p2 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r2)
    flat = Flatten(p2)
    hidden = MatMul(flat, w1)
    r3 = Relu(hidden)
    y = MatMul(r3, w2)
}"""
_LAYERS = range(6)
_STEPS = " ".join(f"m{n} = MatMul(h{n}, w{n}) h{n + 1} = Relu(m{n})" for n in _LAYERS)
_MLP = f"g (float[n, 1024] h0) => (float[n, 1024] h6) {{ {_STEPS} }}"
MODELS: Mapping[str, tuple[str, Mapping[str, tuple[int, ...]]]] = {
    "CNN, 28 x 28": (_CNN, {"k1": (16, 1, 3, 3), "k2": (32, 16, 3, 3), "w1": (32 * 49, 128), "w2": (128, 10)}),
    "MLP, 6 x 1024": (_MLP, {f"w{n}": (1024, 1024) for n in _LAYERS}),
}
"""Graphs in ONNX's own text, and the shapes of their weights."""
CONFIGS = {"": "", ", one instance": "instance_group { count: 1 }"}


def main(
    turns: Annotated[int, typer.Option(min=1, help="How often each model is tuned.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="What --auto-tune-secs is.")] = 3.0,
    max_batch_size: Annotated[int, typer.Option(min=1, help="The models' max_batch_size.")] = 64,
) -> None:
    """What a server chooses for two networks, with nothing set and with one instance, and the rates that it goes by."""
    chosen: dict[str, Counter[str]] = {}
    rates: dict[str, dict[str, list[float]]] = {}
    for _ in range(turns):
        for model, (graph, shapes) in MODELS.items():
            for words, extra in CONFIGS.items():
                name = model + words
                setting, found = tune(graph, shapes, f"max_batch_size: {max_batch_size} {extra}", seconds)
                chosen.setdefault(name, Counter()).update([setting])
                for other, rate in found.items():
                    rates.setdefault(name, {}).setdefault(other, []).append(rate)
    settings = sorted({setting for each in rates.values() for setting in each}, reverse=True)
    table(
        ("", "chosen", *(f"rows/s, {setting}" for setting in settings)),
        *(
            (
                name,
                ", ".join(f"{setting}: {times}" for setting, times in chosen[name].most_common()),
                *(show(spread(each[setting])) if setting in each else "" for setting in settings),
            )
            for name, each in rates.items()
        ),
    )
    last_line(
        {
            name: {
                "chosen": chosen[name],
                "rows_per_second": {setting: spread(found) for setting, found in each.items()},
            }
            for name, each in rates.items()
        }
    )


def tune(
    graph: str, shapes: Mapping[str, tuple[int, ...]], config: str, seconds: float
) -> tuple[str, dict[str, float]]:
    """The setting that was chosen, and the rate of each one that was measured, at its best batch."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "model" / "1"
        written = _written(directory, graph, shapes, config)
        _, tuning = Tuner(LoadPolicy(auto_tune_secs=seconds), written).tuned(model_config.complete(written), directory)
    if tuning is None:
        raise typer.BadParameter("nothing was measured: --seconds is too little here, or there is only one core")
    return tuning.setting.brief, {peak.setting.brief: peak.rate for peak in tuning.peaks}


def _written(directory: Path, graph: str, shapes: Mapping[str, tuple[int, ...]], config: str) -> ModelConfig:
    import onnx

    random = np.random.default_rng(0)
    model = onnx.parser.parse_model(f"{_HEADER}\n{graph}")
    for name, shape in shapes.items():
        weights = (random.standard_normal(shape) * 0.03).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, name))
    directory.mkdir(parents=True)
    onnx.save(model, directory / "model.onnx")
    inputs, outputs = (
        f'{kind} {{ name: "{tensor.name}" data_type: TYPE_FP32 dims: [ {_dims(tensor)} ] }}'
        for kind, tensor in (("input", model.graph.input[0]), ("output", model.graph.output[0]))
    )
    return model_config.parse(f'backend: "onnxruntime" {inputs} {outputs} {config}', "model")


def _dims(tensor: Any) -> str:
    return ", ".join(str(dim.dim_value) for dim in tensor.type.tensor_type.shape.dim[1:])


if __name__ == "__main__":
    run_command(main)
