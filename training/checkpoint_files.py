"""What a checkpoint's folder holds: weights, files beside them, and a description that has the hash of each.

Rule: the description is written last; what doesn't match it is never loaded.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors
from torch import Tensor
from torch.nn import Module

from training import files, readable_json
from training.errors import CheckpointError, TrainingError

WEIGHTS = "weights.safetensors"
DESCRIPTION = "checkpoint.json"

M = TypeVar("M", bound=Module)


class Stored(Protocol):
    """What of a checkpoint rebuilds its model."""

    @property
    def recipe(self) -> str: ...

    @property
    def hyperparameters(self) -> Mapping[str, Any]: ...

    @property
    def weights(self) -> bytes: ...


def weights_of(state: Mapping[str, Tensor]) -> bytes:
    """A state dict as a safetensors file's content, the same bytes for the same tensors."""
    content: bytes = bytes_from_tensors(dict(state))
    return content


def restore(weights: bytes, model: Module, recipe: str) -> None:
    """Into `model`. Raises `CheckpointError` when the weights are another network's."""
    try:
        model.load_state_dict(tensors_from_bytes(weights))
    except (RuntimeError, SafetensorError):
        raise CheckpointError(f"the weights don't fit the network of {recipe}; train it again") from None


def rebuilt(recipe: str, checkpoint: Stored, build: Callable[[Mapping[str, Any]], M]) -> M:
    """The trained model, in evaluation mode. Raises `CheckpointError` when the checkpoint is another recipe's."""
    if checkpoint.recipe != recipe:
        raise CheckpointError(f"this is a checkpoint of '{checkpoint.recipe}', not of '{recipe}'")
    try:
        model = build(checkpoint.hyperparameters)
    except (TypeError, KeyError) as error:
        raise CheckpointError(f"the hyper-parameters are not those of {recipe} ({error}); train it again") from None
    restore(checkpoint.weights, model, recipe)
    return model.eval()


def described(name: str, content: bytes) -> dict[str, Any]:
    return {"file": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def save(directory: Path, document: dict[str, Any], contents: Mapping[str, bytes]) -> None:
    """Replace the checkpoint in `directory`, which is created if need be."""
    files.replace_all(directory, {**contents, DESCRIPTION: readable_json.encode(document)})


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"there is no {path}; make it with `slipway train RECIPE`") from None


def verify(directory: Path, document: dict[str, Any], part: str, content: bytes) -> None:
    """`part` is what the description calls a file. Raises KeyError and TypeError where it calls nothing so."""
    if hashlib.sha256(content).hexdigest() != document[part]["sha256"]:
        name = directory / document[part]["file"]
        raise CheckpointError(f"{name} is not the file that {DESCRIPTION} describes; train again")


def names(directory: Path) -> tuple[str, str]:
    """Of the recipe that was trained, and of the model, "" where it has the recipe's. Raises `CheckpointError`."""
    try:
        document = json.loads(read(directory / DESCRIPTION))
        recipe = str(document["recipe"])
        model = str(document.get("model", recipe))
    except (ValueError, KeyError, TypeError) as error:
        raise no_checkpoint(directory, error) from None
    return recipe, "" if model == recipe else model


def no_checkpoint(directory: Path, error: Exception) -> CheckpointError:
    why = error if isinstance(error, TrainingError) else repr(error)
    return CheckpointError(f"{directory / DESCRIPTION} is not a checkpoint of this release ({why}); train again")
