import json
from dataclasses import replace
from pathlib import Path

import pytest

from training.errors import CheckpointError
from training.language.checkpoint import LanguageCheckpoint, load, save


@pytest.fixture
def saved(writer: LanguageCheckpoint, tmp_path: Path) -> Path:
    save(writer, tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def test_what_is_loaded_is_what_was_saved(writer: LanguageCheckpoint, saved: Path) -> None:
    assert load(saved) == writer
    assert sorted(path.name for path in saved.iterdir()) == ["checkpoint.json", "tokenizer.json", "weights.safetensors"]


def test_the_json_says_all_that_a_person_may_ask(writer: LanguageCheckpoint, saved: Path) -> None:
    document = json.loads((saved / "checkpoint.json").read_text())

    assert document["recipe"] == "tiny-writer"
    assert document["hyperparameters"]["hidden_size"] == 32
    assert document["train_config"]["seed"] == 3
    assert document["metrics"]["held_out_bits_per_byte"] == writer.metrics.held_out_bits_per_byte
    assert document["history"][-1]["step"] == writer.config.steps
    assert {"torch", "tokenizers", "python"} <= set(document["library_versions"])


@pytest.mark.parametrize("name", ["checkpoint.json", "tokenizer.json", "weights.safetensors"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()

    with pytest.raises(CheckpointError, match=f"there is no .*{name}; make it with `slipway train"):
        load(saved)


@pytest.mark.parametrize("name", ["tokenizer.json", "weights.safetensors"])
def test_a_file_that_was_changed_is_refused(saved: Path, name: str) -> None:
    (saved / name).write_bytes((saved / name).read_bytes() + b" ")

    with pytest.raises(CheckpointError, match=f"{name} is not the file that checkpoint.json describes"):
        load(saved)


def test_parameters_out_of_range_are_refused(saved: Path) -> None:
    document = json.loads((saved / "checkpoint.json").read_text())
    document["train_config"]["steps"] = 0
    (saved / "checkpoint.json").write_text(json.dumps(document))

    with pytest.raises(CheckpointError, match="steps must be at least 1"):
        load(saved)


def test_saving_again_replaces_it(writer: LanguageCheckpoint, saved: Path) -> None:
    later = replace(writer, created="2030-01-01T00:00:00Z")
    save(later, saved)

    assert load(saved) == later
