"""The config.pbtxt that a model starts its life with, and the one it has.

Rule: the file belongs to the operator; it is read, checked and obeyed, and written only where there is none.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from serving.core.datatypes import to_config
from serving.core.generation_config import TEXT, is_generating
from serving.core.generation_config import complete as complete_generating
from serving.core.model_config import ModelConfig, complete, parse
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from training.errors import PublishFailed

CONFIG, LABELS = "config.pbtxt", "labels.txt"

Complete = Callable[[ModelConfig], ModelConfig]
"""Checks what is written and adds what is not. Raises `ModelLoadFailed`."""


class Interface(Protocol):
    """Of a model that is one graph: its tensors, batch dimension first, and what its config says of them."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...

    @property
    def meaning(self) -> str:
        """What a client sends, in a few words."""

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """By output."""

    @property
    def parameters(self) -> Mapping[str, str]: ...


_TEMPLATE = """\
# How Slipway serves this model; the fields are those of Triton's model_config.proto. Yours to edit.
name: "{name}"
backend: "onnxruntime"  # or "pytorch", which serves model.pt
max_batch_size: 64      # rows that may run together; dims below leave the batch dimension out

# {meaning}
input [
  {takes}
]
output [
  {gives}
]
{parameters}
# Requests that wait while an instance is busy run together in its next batch.
dynamic_batching {{ }}

# How many instances run side by side, and the threads of each, is measured at the first load; to say it yourself:
# instance_group [ {{ kind: KIND_CPU count: 1 }} ]
# parameters {{ key: "intra_op_thread_count" value {{ string_value: "1" }} }}
"""

_LABELLED = f' label_filename: "{LABELS}"'  # one line a class
_PARAMETER = 'parameters {{ key: "{key}" value {{ string_value: "{text}" }} }}\n'

_READING = """\
# How Slipway serves this model; the fields are those of Triton's model_config.proto. Yours to edit.
name: "{name}"
backend: "onnxruntime"
max_batch_size: 32  # texts that may run together; dims below leave the batch dimension out

# What tokenizer.json makes of a text: tokens, 1 for each that is text (0 where a row is filled up), and 0 for each of
# the first text, 1 of the second where there are two.
input [
  {takes}
]
output [
  {{
    {gives}{labels}
  }}
]

# Texts that wait while an instance is busy run together in its next batch, if they are filled up to the same length.
dynamic_batching {{ }}
"""
_GENERATING = """\
# How Slipway serves this model; the fields are those of Triton's model_config.proto. Yours to edit.
name: "{name}"
backend: "{backend}"
parameters {{ key: "generation.task" value {{ string_value: "{task}" }} }}

# How many texts are written at a time; more requests than that wait.
parameters {{ key: "generation.max_num_seqs" value {{ string_value: "16" }} }}
"""
_SHORTER = """
# How long each may become with its prompt, in tokens. The model was made for {longest}; each text that is being written
# takes {bytes:,} bytes of memory for {length}.
parameters {{ key: "generation.max_model_len" value {{ string_value: "{length}" }} }}
"""
_MAX_MODEL_LEN = 4096  # unless somebody asks for more: many models were made for more than memory is there for


def render(name: str, served: Interface) -> str:
    """The text for a model that is one graph."""
    has_labels = set(served.labels)
    return _TEMPLATE.format(
        name=name,
        takes=_listed(served.inputs, has_labels),
        meaning=served.meaning,
        gives=_listed(served.outputs, has_labels),
        parameters="".join(_PARAMETER.format(key=key, text=text) for key, text in served.parameters.items()),
    )


def render_reading(name: str, takes: Sequence[TensorSpec], gives: TensorSpec, has_labels: bool) -> str:
    """The text for a model that reads tokens; shapes have the batch dimension first."""
    labels = f'\n    label_filename: "{LABELS}"  # one line a class' if has_labels else ""
    return _READING.format(name=name, takes=_listed(takes), gives=_tensor(gives), labels=labels)


def render_generating(name: str, backend: str, longest: int, position_bytes: int, task: str = TEXT) -> str:
    """The text for a model that writes; `longest` is how many positions it was made for, and `position_bytes` what each
    takes in the cache."""
    text = _GENERATING.format(name=name, backend=backend, task=task)
    if longest <= _MAX_MODEL_LEN:
        return text
    return text + _SHORTER.format(longest=longest, length=_MAX_MODEL_LEN, bytes=_MAX_MODEL_LEN * position_bytes)


def read_generating(path: Path, model_name: str, default: str) -> ModelConfig:
    """The same as `read`, for a model that writes."""
    return read(path, model_name, default, _complete_generating)


def read(path: Path, model_name: str, default: str, complete: Complete = complete) -> ModelConfig:
    """The config at `path`, or `default` where there is none, completed. Raises `PublishFailed`."""
    try:
        return complete(parse(path.read_text(encoding="utf-8") if path.exists() else default, model_name))
    except (ModelLoadFailed, UnicodeDecodeError) as error:
        raise PublishFailed(f"{path}: {error}; correct it, then export again") from None


def _complete_generating(config: ModelConfig) -> ModelConfig:
    if not is_generating(config):
        raise ModelLoadFailed("this is the config of a model that writes no text; import under another --name")
    return complete_generating(config)


def _listed(specs: Sequence[TensorSpec], has_labels: Collection[str] = ()) -> str:
    return ",\n  ".join(f"{{ {_tensor(spec)}{_LABELLED if spec.name in has_labels else ''} }}" for spec in specs)


def _tensor(spec: TensorSpec) -> str:
    dims = ", ".join(map(str, spec.shape[1:]))
    return f'name: "{spec.name}" data_type: {to_config(spec.datatype)} dims: [ {dims} ]'
