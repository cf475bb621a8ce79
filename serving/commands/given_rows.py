"""Rows for a model that a person has in a file: numpy's .npz with an array by input name, or JSON.

Rule: JSON is what `slipway predict` takes; whatever is wrong names the file.
"""

import io
import json
from pathlib import Path
from typing import NoReturn

import numpy as np

from serving.commands.tensors import infer_request
from serving.core.model_config import ModelConfig, input_specs
from serving.core.requests import Arrays
from serving.errors import InvalidInput
from serving.protocols import v2_json


def read(path: Path, config: ModelConfig) -> Arrays:
    """By input name. Raises `InvalidInput`."""
    try:
        content = path.read_bytes()
        return _from_npz(content) if content.startswith(b"PK") else _from_json(content, config)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from None
    except (InvalidInput, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: {error}") from None


def _from_npz(content: bytes) -> Arrays:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {name: _plain(file[name]) for name in file.files}
    except Exception as error:  # numpy, zipfile and zlib raise whatever a damaged file leads them to
        raise InvalidInput(f"it is no .npz that numpy.savez writes ({type(error).__name__})") from None


def _plain(array: np.ndarray) -> np.ndarray:
    """Texts as `bytes`, which they are in a BYTES tensor."""
    if array.dtype.kind == "U":
        array = np.char.encode(array, "utf-8")
    return array.astype(object) if array.dtype.kind == "S" else np.ascontiguousarray(array)


def _from_json(content: bytes, config: ModelConfig) -> Arrays:
    document = json.loads(content)
    if not (isinstance(document, dict) and "inputs" in document):
        document = infer_request(document, input_specs(config))
    request, _ = v2_json.decode_request(config.name, "", json.dumps(document).encode(), None, _no_window)
    return request.inputs


def _no_window(region: str, _: int, __: int) -> NoReturn:
    raise InvalidInput(f"a file can't mean shared memory, such as '{region[:100]}'")
