import re
from pathlib import Path

import pytest

from training.config import TrainConfig
from training.course import changed, choose
from training.errors import InvalidConfig, UnknownRecipe
from training.export.gate import Gate
from training.settings import Changes


def test_a_recipe_that_writes_has_data_a_name_and_a_size_like_all_others(tmp_path: Path) -> None:
    course = choose("gpt-docs", {"size": "medium", "weights": "int8", "data.context": 128}, "mine", tmp_path)

    assert course.name == "mine"
    assert course.settings["model"]["hidden_size"] == 384
    assert course.settings["data"]["context"] == 128
    assert course.settings["data"]["source"] == str(tmp_path)


def test_weights_are_for_what_can_have_them_and_candidates_for_what_is_one_graph() -> None:
    for recipe in ("digits-cnn", "breast-cancer-mlp"):
        with pytest.raises(InvalidConfig, match="has no parameter 'weights'"):
            choose(recipe, {"weights": "int8"})
    with pytest.raises(InvalidConfig, match=r"^--weights must be float32, got 'int8'$"):
        choose("dates-seq2seq", {"weights": "int8"})
    with pytest.raises(InvalidConfig, match=r"^gpt-docs has no candidates; --weights int8 may be for it$"):
        choose("gpt-docs", {}).check_gate(Gate(("fp16",)))
    choose("digits-cnn", {}).check_gate(Gate(("fp16",)))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownRecipe, match="no recipe 'gpt'"):
        choose("gpt", {})


def test_what_a_recipe_has_no_parameter_for_is_refused_with_the_nearest_that_it_has() -> None:
    with pytest.raises(InvalidConfig, match="no parameter 'optimiser'; did you mean optimizer"):
        choose("gpt-docs", {"optimiser": "adamw"})
    with pytest.raises(InvalidConfig, match=r"no parameter 'model.channel'; did you mean model.channels\?"):
        choose("digits-cnn", {"model.channel": 8})


def test_parameters_of_the_run_and_of_the_model_are_changed() -> None:
    settings = choose("digits-cnn", {"model.channels": 8, "learning_rate": 1, "seed": 7}).settings

    assert settings["model"]["channels"] == 8
    assert (settings["train"]["learning_rate"], settings["train"]["seed"]) == (1.0, 7)
    assert settings["recipe"] == "digits-cnn"


@pytest.mark.parametrize(
    ("recipe", "changes", "words"),
    [
        ("digits-cnn", {"model.channels": 0}, "model.channels must be 1 or more, got 0"),
        ("gpt-docs", {"model.num_hidden_layers": -2}, "model.num_hidden_layers must be 1 or more, got -2"),
        ("spoken-digits", {"model.dropout": 1}, "model.dropout must be from 0 to below 1, got 1.0"),
    ],
)
def test_sizes_that_no_model_can_have_are_refused(recipe: str, changes: Changes, words: str) -> None:
    with pytest.raises(InvalidConfig, match=f"^{re.escape(words)}$"):
        choose(recipe, changes)


def test_a_length_in_steps_takes_the_place_of_one_in_epochs_and_the_other_way_round() -> None:
    in_steps, in_epochs = choose("digits-cnn", {"steps": 5}).settings, choose("gpt-docs", {"epochs": 2}).settings

    assert (in_steps["train"]["steps"], in_steps["train"]["epochs"]) == (5, 0)
    assert (in_epochs["train"]["steps"], in_epochs["train"]["epochs"]) == (0, 2)


def test_a_loss_that_is_the_tasks_own_is_not_another() -> None:
    config = TrainConfig(epochs=1, batch_size=1, learning_rate=0.1, loss="ctc")
    assert changed("speech", config, {}, {"loss": "ctc"})[0] == config
    with pytest.raises(InvalidConfig, match=r"^the loss of speech must be 'ctc', which is its task's, got 'mse'$"):
        changed("speech", config, {}, {"loss": "mse"})
    with pytest.raises(InvalidConfig, match=r"^the loss of digits-cnn must be one of cross-entropy, .*, got 'ctc'$"):
        choose("digits-cnn", {"loss": "ctc"})
    assert choose("digits-cnn", {"loss": "mse"}).settings["train"]["loss"] == "mse"
