"""Models written in Python: the class `Model` of a version's model.py.

Rule: a model sees plain arrays and what this module names; it knows no protocol and no server.
"""

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from serving.backends.backend import ModelInstance, model_file
from serving.backends.python_model import PythonModel
from serving.backends.python_outputs import to_arrays
from serving.backends.wrong_files import refuse_what_is_no_python
from serving.core.file_specs import file_input_specs, file_output_specs
from serving.core.model_config import ModelConfig
from serving.core.proto_json import to_json
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.errors import BackendFailed, ModelLoadFailed

_MAX_CONCURRENCY = 256
_ASYNC_CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Context:
    """What `Model.load` is told. `config` is config.pbtxt in its JSON form.

    `device` is `"cpu"`, `"cuda:0"` and so on, or `"model"` (KIND_MODEL), where the model chooses.
    """

    name: str
    version: str
    directory: Path
    config: Mapping[str, Any]
    device: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """What `Model.execute` is asked. In a model that batches, `inputs` hold the rows of several callers.

    Their memory may be read-only. BYTES are object arrays of `bytes`. `is_cancelled()` turns true when the caller of
    a decoupled model has left.
    """

    inputs: Arrays
    parameters: Parameters
    is_cancelled: Callable[[], bool]


class PythonInstance:
    reads_parameters = True

    def __init__(self, model: PythonModel, config: ModelConfig, concurrency: int) -> None:
        self._model = model
        self.inputs = file_input_specs(config)
        self.outputs = file_output_specs(config)
        self.concurrency = concurrency
        self._specs = _by_name(self.outputs)

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        return to_arrays(self._model.execute(Request(inputs, parameters, _never)), self._specs)

    def close(self) -> None:
        self._model.close()


class DecoupledPythonInstance:
    reads_parameters = True

    def __init__(self, model: PythonModel, config: ModelConfig, concurrency: int) -> None:
        self._model = model
        self.inputs = file_input_specs(config)
        self.outputs = file_output_specs(config)
        self.concurrency = concurrency
        self._specs = _by_name(self.outputs)

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        """For a request that happens to be answered exactly once."""
        responses = list(self.stream(inputs, parameters, _never))
        if len(responses) != 1:
            raise BackendFailed(f"it answered {len(responses)} times where one answer was expected")
        return to_arrays(responses[0], self._specs)

    def stream(
        self, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool], /
    ) -> Generator[Arrays, None, None]:
        if self._model.is_async:
            gone = threading.Event()  # the model asks on its loop's thread, and `is_cancelled` answers only on this
            asked, is_cancelled = gone.is_set, _telling(is_cancelled, gone)
        else:
            asked = is_cancelled
        with closing(self._model.responses(Request(inputs, parameters, asked), is_cancelled)) as responses:
            for response in responses:
                yield to_arrays(response, self._specs, all_of_them=False)

    def close(self) -> None:
        self._model.close()


def load(directory: Path, config: ModelConfig, device: str) -> ModelInstance:
    path = model_file(directory, config)
    refuse_what_is_no_python(path)
    context = _context(directory, config, device)
    limit = _max_concurrency(context.parameters)
    if config.HasField("sequence_batching") and (limit or 1) > 1:
        raise ModelLoadFailed(
            "parameters.max_concurrency must be 1 with sequence_batching, whose slots are one object's"
        )
    decoupled = bool(config.model_transaction_policy.decoupled)
    model = PythonModel(path, context.name, context, decoupled)
    concurrency = limit or (_ASYNC_CONCURRENCY if model.is_async else 1)
    return (DecoupledPythonInstance if decoupled else PythonInstance)(model, config, concurrency)


def _context(directory: Path, config: ModelConfig, device: str) -> Context:
    parameters = {str(key): str(value.string_value) for key, value in config.parameters.items()}
    return Context(str(config.name), directory.name, directory, to_json(config), device, MappingProxyType(parameters))


def _max_concurrency(parameters: Mapping[str, str]) -> int | None:
    text = parameters.get("max_concurrency")
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 4 or not 1 <= int(text) <= _MAX_CONCURRENCY:
        raise ModelLoadFailed(
            f"parameters.max_concurrency must be a number of requests from 1 to {_MAX_CONCURRENCY}, got '{text[:50]}'"
        )
    return int(text)


def _by_name(specs: tuple[TensorSpec, ...]) -> Mapping[str, TensorSpec]:
    return {spec.name: spec for spec in specs}


def _never() -> bool:
    return False


def _telling(is_cancelled: Callable[[], bool], gone: threading.Event) -> Callable[[], bool]:
    """`is_cancelled`, which also sets `gone` when it is."""

    def ask() -> bool:
        if is_cancelled():
            gone.set()
        return gone.is_set()

    return ask
