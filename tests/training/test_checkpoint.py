import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.test_files import files_no_larger_than
from training.checkpoint import ROWS, Checkpoint, load, save
from training.checkpoint_files import DESCRIPTION, WEIGHTS, restore, weights_of
from training.errors import CheckpointError


@pytest.fixture
def saved(cancer: Checkpoint, tmp_path: Path) -> Path:
    save(cancer, tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_what_is_loaded_is_what_was_saved(cancer: Checkpoint, saved: Path) -> None:
    found = load(saved)

    assert replace(found, rows=cancer.rows, validation=cancer.validation) == cancer
    for there, here in ((found.rows, cancer.rows), (found.validation, cancer.validation)):
        assert np.array_equal(there.inputs["features"], here.inputs["features"])
        assert np.array_equal(there.truths["label"], here.truths["label"])


def test_what_people_read_of_it_is_kept_with_it(cancer: Checkpoint, tmp_path: Path) -> None:
    pages = {"report.html": b"<p>good</p>", "model_card.md": b"# good"}
    save(replace(cancer, pages=pages), tmp_path)

    assert load(tmp_path).pages == pages
    (tmp_path / "report.html").write_bytes(b"<p>better</p>")
    with pytest.raises(CheckpointError, match=r"report\.html is not the file that"):
        load(tmp_path)

    (tmp_path / "report.html").unlink()
    assert load(tmp_path).pages == {"model_card.md": b"# good"}


def test_only_the_three_files_are_there(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [DESCRIPTION, ROWS, WEIGHTS]


def test_the_json_says_all_that_a_person_may_ask(cancer: Checkpoint, saved: Path) -> None:
    document = json.loads((saved / DESCRIPTION).read_text())

    assert document["recipe"] == "breast-cancer-mlp"
    assert document["train_config"]["seed"] == 0
    assert document["facts"]["labels"] == ["malignant", "benign"]
    assert document["metrics"]["test_accuracy"] == cancer.metrics["test_accuracy"]
    assert len(document["history"]) == cancer.config.epochs
    assert document["library_versions"]["torch"] == torch.__version__
    assert document["weights"]["sha256"] == cancer.weights_sha256
    assert document["created"].endswith("Z")


@pytest.mark.parametrize("name", [DESCRIPTION, WEIGHTS, ROWS])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()

    with pytest.raises(CheckpointError, match=f"there is no .*{name}; make it with `slipway train"):
        load(saved)


def test_corrupt_weights_are_refused(saved: Path) -> None:
    content = bytearray((saved / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (saved / WEIGHTS).write_bytes(content)

    with pytest.raises(CheckpointError, match="is not the file that"):
        load(saved)


def test_truncated_weights_are_refused(saved: Path) -> None:
    (saved / WEIGHTS).write_bytes((saved / WEIGHTS).read_bytes()[:-100])

    with pytest.raises(CheckpointError, match="is not the file that"):
        load(saved)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"weights": {"sha256": "x"}}', "\ud800"])
def test_a_json_that_is_no_checkpoint_is_refused(saved: Path, text: str) -> None:
    (saved / DESCRIPTION).write_text(text, errors="surrogatepass")

    with pytest.raises(CheckpointError, match="is not a checkpoint"):
        load(saved)


def test_parameters_out_of_range_are_refused(saved: Path) -> None:
    document = json.loads((saved / DESCRIPTION).read_text())
    document["train_config"]["epochs"] = 0
    (saved / DESCRIPTION).write_text(json.dumps(document))

    with pytest.raises(CheckpointError, match="epochs or steps must be at least 1"):
        load(saved)


def test_an_interrupted_save_leaves_the_old_checkpoint(cancer: Checkpoint, saved: Path) -> None:
    with files_no_larger_than(64 * 1024), pytest.raises(OSError, match="too large"):
        save(replace(cancer, weights=bytes(256 * 1024)), saved)

    assert load(saved).weights == cancer.weights


def test_new_weights_beside_the_old_json_are_not_loaded(cancer: Checkpoint, saved: Path) -> None:
    """A machine that stops between the two files."""
    old = (saved / DESCRIPTION).read_bytes()
    save(replace(cancer, weights=weights_of(nn.Linear(1, 1).state_dict())), saved)
    (saved / DESCRIPTION).write_bytes(old)

    with pytest.raises(CheckpointError, match="is not the file"):
        load(saved)


def test_weights_of_another_network_are_refused(cancer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="don't fit the network"):
        restore(cancer.weights, nn.Linear(2, 3), cancer.recipe)


def test_weights_that_are_no_safetensors_are_refused(cancer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="don't fit the network"):
        restore(b"nonsense", nn.Linear(2, 3), cancer.recipe)
