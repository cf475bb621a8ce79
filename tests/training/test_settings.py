from pathlib import Path
from typing import Any

import pytest

from training.errors import InvalidConfig
from training.settings import check_known, fitting, given, read, typed


def test_a_file_has_tables_for_the_run_and_for_the_model(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[train]\noptimizer = "adamw"\nsteps = 5\n[model]\nhidden = 256\n')

    assert read(path) == {"optimizer": "adamw", "steps": 5, "model.hidden": 256}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train", "is not TOML: "),
        ("[trian]\nsteps = 5", r"has 'trian'; did you mean \[train\]\?"),
        ("steps = 5", r"has 'steps'; known are \[train\], \[model\]"),
        ("[train]\nsteps = [5]", r"train.steps must be a number, a text, true or false, got \[5\]"),
        ("[train.more]\nsteps = 5", r"train.more must be a number, .* got {'steps': 5}"),
    ],
)
def test_what_a_file_can_not_say_is_told_with_its_name(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)

    with pytest.raises(InvalidConfig, match=rf"{path}:? ?{message}"):
        read(path)


def test_what_is_typed_is_read_as_toml_reads_values() -> None:
    found = typed(["optimizer=adamw", "train.steps=5", "model.dropout=0.5", "compile=true", "name= a b "])

    assert found == {"optimizer": "adamw", "steps": 5, "model.dropout": 0.5, "compile": True, "name": "a b"}


def test_what_is_typed_comes_before_the_file_and_an_option_of_its_own_before_both(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[train]\nsteps = 1\nseed = 1\nthreads = 1\n")

    assert given(path, ["steps=2", "seed=2"], seed=3, epochs=None) == {"steps": 2, "seed": 3, "threads": 1}
    assert given(None, None) == {}


@pytest.mark.parametrize("text", ["steps", "=5", ""])
def test_what_is_typed_has_a_name_and_a_value(text: str) -> None:
    with pytest.raises(InvalidConfig, match=f"--set takes NAME=VALUE, such as optimizer=adamw, got '{text}'"):
        typed([text])


@pytest.mark.parametrize(("value", "like", "fitted"), [(1, 0.5, 1.0), (2, 1, 2), (True, False, True), ("a", "b", "a")])
def test_a_value_takes_the_type_of_what_it_replaces(value: Any, like: Any, fitted: Any) -> None:
    found = fitting("it", value, like)

    assert (found, type(found)) == (fitted, type(like))


@pytest.mark.parametrize(
    ("value", "like", "kind"),
    [(1.5, 1, "a whole number"), (True, 1, "a whole number"), ("1", 0.5, "a number"), (1, True, "true or false")],
)
def test_a_value_of_another_type_is_refused(value: Any, like: Any, kind: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^steps must be {kind}, got {value!r}$"):
        fitting("steps", value, like)


def test_what_is_not_known_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidConfig, match=r"^it has no parameter 'model.hiden'; did you mean model.hidden\?$"):
        check_known("hiden", ["hidden", "channels"], "it", "model.")
    check_known("hidden", ["hidden"], "it")
