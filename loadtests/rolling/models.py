"""What the replicas serve: a model that takes its time, so that requests are under way, and one that writes."""

from dataclasses import replace
from pathlib import Path

from loadtests.benchmarks.generation_models import MODELS, add_model

DOUBLE, WRITER = "double", "writer"

_CONFIG = """backend: "python" max_batch_size: 64
input { name: "x" data_type: TYPE_FP32 dims: 4 }
output { name: "y" data_type: TYPE_FP32 dims: 4 }
dynamic_batching { }
"""
_SOURCE = """import time


class Model:
    def execute(self, request):
        time.sleep(0.05)
        return {"y": 2 * request.inputs["x"]}
"""
_WRITER = replace(
    MODELS[0],
    name=WRITER,
    hidden_size=64,
    intermediate_size=96,
    num_hidden_layers=2,
    num_attention_heads=2,
    vocab_size=512,
    max_position_embeddings=256,
)


def write_models(repository: Path) -> None:
    folder = repository / DOUBLE / "1"
    folder.mkdir(parents=True)
    (folder.parent / "config.pbtxt").write_text(_CONFIG)
    (folder / "model.py").write_text(_SOURCE)
    add_model(repository, _WRITER, rows=16, threads=1)
