import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from training.errors import ImportRefused
from training.huggingface.weights import Weights, read_weights, weight_files

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b.weight": torch.tensor([1.5, -2.0])}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"


def read(folder: Path) -> Weights:
    return read_weights(weight_files(folder), lambda _: None)


def same(found: dict[str, Tensor]) -> bool:
    return found.keys() == TENSORS.keys() and all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)


def write_parts(folder: Path, suffix: str = "safetensors", **index: object) -> None:
    """One tensor a file."""
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    parts = {}
    for name, tensor in TENSORS.items():
        parts[name] = f"{stem}-{name[0]}.{suffix}"
        if suffix == "safetensors":
            save_file({name: tensor}, folder / parts[name])
        else:
            torch.save({name: tensor}, folder / parts[name])
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps({"weight_map": parts} | index))


def test_one_file_is_read_and_hashed_and_its_bytes_are_told(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    told: list[int] = []

    weights = read_weights(weight_files(tmp_path), told.append)

    assert same(weights.tensors)
    assert weights.sha256 == {"model.safetensors": hashlib.sha256(content).hexdigest()}
    assert sum(told) == len(content)


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_parts_are_found_by_their_index(tmp_path: Path, suffix: str) -> None:
    write_parts(tmp_path, suffix)

    weights = read(tmp_path)

    assert same(weights.tensors)
    assert len(weights.sha256) == 2


def test_safetensors_count_more_than_what_torch_saved(tmp_path: Path) -> None:
    torch.save({"other": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    save_file(TENSORS, tmp_path / "model.safetensors")

    assert same(read(tmp_path).tensors)


def test_what_torch_saved_is_read(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "pytorch_model.bin")

    assert same(read(tmp_path).tensors)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_numbers_come_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    save_file({name: tensor.to(dtype) for name, tensor in TENSORS.items()}, tmp_path / "model.safetensors")

    tensors = read(tmp_path).tensors

    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
    assert same(tensors)


@pytest.mark.parametrize("dtype", [torch.int8, torch.uint8, torch.float8_e4m3fn])
def test_quantised_weights_are_named(tmp_path: Path, dtype: torch.dtype) -> None:
    save_file({"a.weight": torch.zeros(2, 2).to(dtype)}, tmp_path / "model.safetensors")

    with pytest.raises(ImportRefused, match=r"tensor 'a\.weight' of 'model\.safetensors' is \w+, as quantised"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (POINTER, "is a Git LFS pointer"),
        (b"", "is damaged or cut short"),
        (b"\x00" * 50, "cut short|more than weights"),
    ],
    ids=["pointer", "empty", "zeros"],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(ImportRefused, match=reason):
        read(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_file_that_was_cut_short_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file(TENSORS, path) if name.endswith("safetensors") else torch.save(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(ImportRefused, match="is damaged or cut short"):
        read(tmp_path)


class Marks:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self._path, "it ran"))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"a": Marks(tmp_path / "mark")}, tmp_path / "pytorch_model.bin")

    with pytest.raises(ImportRefused, match="holds more than weights, such as code, which is not run"):
        read(tmp_path)

    assert not (tmp_path / "mark").exists()


def test_a_file_of_other_things_than_weights_is_named(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")

    with pytest.raises(ImportRefused, match="is no table of weights by name"):
        read(tmp_path)


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    write_parts(tmp_path)
    (tmp_path / "model-b.safetensors").unlink()

    with pytest.raises(
        ImportRefused, match=r"'model-b\.safetensors' is missing, which model\.safetensors\.index\.json"
    ):
        read(tmp_path)


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "sub/part.safetensors"])
def test_an_index_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    write_parts(tmp_path, weight_map={"a.weight": name})

    with pytest.raises(ImportRefused, match="outside its own folder"):
        read(tmp_path)


@pytest.mark.parametrize("weight_map", [None, {}, [], {"a.weight": 3}])
def test_an_index_of_nothing_is_refused(tmp_path: Path, weight_map: object) -> None:
    write_parts(tmp_path, weight_map=weight_map)

    with pytest.raises(ImportRefused, match="has no 'weight_map'"):
        read(tmp_path)


def test_a_folder_without_weights_says_what_is_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match=r"has neither model\.safetensors nor pytorch_model\.bin"):
        weight_files(tmp_path)
