"""The config.pbtxt that a model starts its life with, and the one it has.

Rule: the file belongs to the operator; it is read, checked and obeyed, and written only where there is none.
"""

from pathlib import Path

from serving.core.datatypes import to_config
from serving.core.model_config import ModelConfig, complete, parse
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from training.errors import PublishFailed

CONFIG, LABELS = "config.pbtxt", "labels.txt"

_TEMPLATE = """\
# How Slipway serves this model; the fields are those of Triton's model_config.proto. Yours to edit.
name: "{name}"
backend: "onnxruntime"  # or "pytorch", which serves model.pt
max_batch_size: 64      # rows that may run together; dims below leave the batch dimension out

# {meaning}
input [ {{ {takes} }} ]
output [
  {{
    {gives}
    label_filename: "{labels}"  # one line a class
  }}
]

# Requests that wait while an instance is busy run together in its next batch.
dynamic_batching {{ }}

# How many instances run side by side, and the threads of each, is measured at the first load; to say it yourself:
# instance_group [ {{ kind: KIND_CPU count: 1 }} ]
# parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
"""


def render(name: str, takes: TensorSpec, meaning: str, gives: TensorSpec) -> str:
    """The text for a model with one input and one output; both shapes have the batch dimension first."""
    return _TEMPLATE.format(
        name=name,
        takes=_tensor(takes),
        meaning=f"{takes.name}: {meaning}",
        gives=_tensor(gives),
        labels=LABELS,
    )


def read(path: Path, model_name: str, default: str) -> ModelConfig:
    """The config at `path`, or `default` where there is none, completed. Raises `PublishFailed`."""
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else default
        return complete(parse(text, model_name))
    except (ModelLoadFailed, UnicodeDecodeError) as error:
        raise PublishFailed(f"{path}: {error}; correct it, then export again") from None


def _tensor(spec: TensorSpec) -> str:
    dims = ", ".join(map(str, spec.shape[1:]))
    return f'name: "{spec.name}" data_type: {to_config(spec.datatype)} dims: [ {dims} ]'
