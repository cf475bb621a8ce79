"""Files of weights, each of which is hashed and read.

Rule: no code of the file's is run; numbers come as float32, and what is not plain numbers, such as quantised weights,
is refused by name.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from training.errors import ImportRefused
from training.huggingface.folder import check_no_pointer, read_object

_SAFETENSORS, _PICKLED = "model.safetensors", "pytorch_model.bin"  # as transformers has them, and in its order
_PLAIN = {torch.float32, torch.float16, torch.bfloat16, torch.float64}
_POSITIONS = "position_ids"  # 0, 1, 2, ..., which old releases saved among the weights
_PIECE = 1 << 24  # bytes between two reports of progress
_MOST = 3  # names that an error repeats

OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """`tensors` are float32 by their names in the files; `sha256` in hexadecimal by the files' names."""

    tensors: dict[str, Tensor]
    sha256: dict[str, str]


def weight_files(directory: Path) -> list[Path]:
    """All of a model's, or none that is missing. Raises `ImportRefused`."""
    for name in (_SAFETENSORS, _PICKLED):
        if (directory / name).is_file():
            return [directory / name]
        if (directory / f"{name}.index.json").is_file():
            return _shards(directory / f"{name}.index.json")
    raise ImportRefused(
        f"'{directory}' has neither {_SAFETENSORS} nor {_PICKLED}, nor an index of parts; give the folder that "
        "save_pretrained wrote"
    )


def read_weights(files: list[Path], on_bytes: OnBytes) -> Weights:
    """`on_bytes` is told how many more bytes of the files were read. Raises `ImportRefused`."""
    tensors: dict[str, Tensor] = {}
    sha256: dict[str, str] = {}
    for path in files:
        check_no_pointer(path)
        sha256[path.name] = _sha256(path, on_bytes)
        for name, tensor in _tensors(path):
            if tensor.dtype not in _PLAIN and not name.endswith(_POSITIONS):
                raise ImportRefused(
                    f"tensor '{name}' of '{path.name}' is {str(tensor.dtype).removeprefix('torch.')}, as quantised "
                    "weights are; take the model's folder with float32, float16 or bfloat16 weights"
                )
            tensors[name] = tensor.float()
    return Weights(tensors, sha256)


def check_fit(found: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raises `ImportRefused` naming what is missing, too much, or of another shape."""
    if missing := expected.keys() - found.keys():
        raise ImportRefused(f"the weights lack {_some(missing)}; download the whole folder, config.json included")
    if extra := found.keys() - expected.keys():
        raise ImportRefused(
            f"the weights have {_some(extra)}, which the model that config.json describes has not; adapters must be "
            "merged first (merge_and_unload), quantised weights are not served"
        )
    for name, shape in expected.items():
        if tuple(found[name].shape) != shape:
            raise ImportRefused(
                f"tensor '{name}' is {list(found[name].shape)}, config.json makes it {list(shape)}: they are those of "
                "different models; download the whole folder"
            )


def _shards(index: Path) -> list[Path]:
    parts = read_object(index).get("weight_map")
    if type(parts) is not dict or not parts or not all(type(name) is str for name in parts.values()):
        raise ImportRefused(f"'{index}' has no 'weight_map' that names a file for each tensor; download it again")
    files = [index.parent / name for name in sorted(set(parts.values()))]
    for path in files:
        if path.parent != index.parent:
            raise ImportRefused(f"'{index}' names a part '{path.name[:100]}' outside its own folder; download it again")
        if not path.is_file():
            raise ImportRefused(f"'{path.name}' is missing, which {index.name} names; download the whole folder")
    return files


def _sha256(path: Path, on_bytes: OnBytes) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            on_bytes(len(piece))
    return digest.hexdigest()


def _tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    return _safe(path) if path.suffix == ".safetensors" else _pickled(path)


def _safe(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                yield name, file.get_tensor(name)
    except SafetensorError as error:
        raise ImportRefused(f"'{path}' is damaged or cut short ({error}); download it again") from None


def _pickled(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ImportRefused(
            f"'{path}' holds more than weights, such as code, which is not run; save the model with "
            "save_pretrained(FOLDER), which writes safetensors"
        ) from None
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        reason = str(error).partition("\n")[0]
        raise ImportRefused(f"'{path}' is damaged or cut short ({reason}); download it again") from None
    if not isinstance(found, dict) or not all(isinstance(tensor, Tensor) for tensor in found.values()):
        raise ImportRefused(f"'{path}' is no table of weights by name; save the model with save_pretrained(FOLDER)")
    yield from found.items()


def _some(names: set[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in sorted(names)[:_MOST])
    return shown if len(names) <= _MOST else f"{shown} and {len(names) - _MOST} more"
