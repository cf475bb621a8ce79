import re

import pytest

from training.config import TrainConfig
from training.course import changed, choose
from training.errors import InvalidConfig, UnknownRecipe
from training.graph_course import GraphCourse
from training.language.course import LanguageCourse
from training.seq2seq.course import Seq2seqCourse
from training.settings import Changes


def test_each_kind_of_recipe_has_its_course() -> None:
    assert isinstance(choose("digits-cnn", {}), GraphCourse)
    assert isinstance(choose("gpt-docs", {"size": "medium"}), LanguageCourse)
    assert isinstance(choose("dates-seq2seq", {}), Seq2seqCourse)


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
