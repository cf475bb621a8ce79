from pathlib import Path

import pytest
import torch
from torch import nn

from training.checkpoint_files import described, names, read, restore, save, verify, weights_of
from training.errors import CheckpointError


def test_weights_go_into_a_model_and_come_out_again() -> None:
    model, other = nn.Linear(2, 3), nn.Linear(2, 3)
    content = weights_of(model.state_dict())
    restore(content, other, "linear")

    assert content == weights_of(model.state_dict())
    assert torch.equal(other.weight, model.weight)


@pytest.mark.parametrize("content", [weights_of(nn.Linear(2, 4).state_dict()), b"no safetensors"])
def test_other_weights_are_refused(content: bytes) -> None:
    with pytest.raises(CheckpointError, match="don't fit the network of linear; train it again"):
        restore(content, nn.Linear(2, 3), "linear")


def test_what_was_saved_is_what_its_description_says_and_nothing_else(tmp_path: Path) -> None:
    document = {"recipe": "linear", "weights": described("a", b"12")}
    save(tmp_path / "new", document, {"a": b"12"})

    assert names(tmp_path / "new") == ("linear", "")
    verify(tmp_path / "new", document, "weights", read(tmp_path / "new" / "a"))
    with pytest.raises(CheckpointError, match=r"/a is not the file that checkpoint\.json describes"):
        verify(tmp_path / "new", document, "weights", b"13")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_a_description_without_a_recipe_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_bytes(content)

    with pytest.raises(CheckpointError, match=r"is not a checkpoint of this release \(.*\); train again"):
        names(tmp_path)
