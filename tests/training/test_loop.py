from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from tests.training.small_task import CONFIG, SPLITS, equal, rows, task
from training.classification.evaluate import Evaluation
from training.classification.task import ClassifierTask
from training.config import TrainConfig
from training.data.splits import Split, Splits
from training.errors import InvalidConfig, TrainingDiverged
from training.loop import Step, Trained, train
from training.models.classifier import Classifier
from training.models.cnn import Cnn
from training.models.standardize import Standardize


def trained(config: TrainConfig = CONFIG, splits: Splits = SPLITS, dropout: float = 0.1) -> Trained[Evaluation]:
    return train(task(config, splits, dropout), config)


def difference(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


def test_what_can_be_learned_is_learned() -> None:
    assert trained(replace(CONFIG, epochs=20)).held_out.accuracy >= 0.95


def test_the_same_seed_gives_the_same_weights_to_the_last_bit() -> None:
    first = trained()
    torch.rand(100)  # the process's random state has no part in it
    second = trained()

    assert equal(first.model, second.model)
    assert first.history == second.history


def test_another_seed_gives_other_weights() -> None:
    assert not equal(trained().model, trained(replace(CONFIG, seed=4)).model)


def test_the_processs_own_random_state_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    trained()

    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_every_step_is_told_and_each_pass_ends_with_a_look_at_what_is_held_out() -> None:
    seen: list[Step] = []
    done = train(task(), CONFIG, seen.append)

    assert [step.number for step in seen] == list(range(1, 33))
    assert {step.steps for step in seen} == {32}
    assert [step.number for step in seen if step.point] == [8, 16, 24, 32]
    assert tuple(step.point for step in seen if step.point) == done.history


def test_so_many_evaluations_are_made_as_asked_for_the_last_at_the_end() -> None:
    done = trained(replace(CONFIG, epochs=0, steps=25, evaluations=3))

    assert [point.step for point in done.history] == [9, 18, 25]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_weights_that_are_kept_do_as_is_told(keep: str) -> None:
    config = replace(CONFIG, learning_rate=0.5, keep=keep, epochs=6)
    done = trained(config)
    losses = [point.loss for point in done.history]

    wanted = losses.index(min(losses)) if keep == "best" else len(losses) - 1
    assert losses.index(min(losses)) != len(losses) - 1, "else this tells nothing"
    assert done.step == done.history[wanted].step
    assert done.held_out.loss == losses[wanted] == task(config).evaluate(done.model).loss
    assert not done.model.training


def test_inputs_are_standardised_with_the_training_rows_alone() -> None:
    done = trained(dropout=0.0)

    assert torch.allclose(done.model.get_buffer("standardize.mean"), SPLITS.train.features.mean(dim=0))


def test_a_batch_may_be_larger_than_the_set() -> None:
    assert trained(replace(CONFIG, batch_size=1000)).history[-1].step == 4


@pytest.mark.parametrize("parts", [2, 3, 8])
def test_parts_of_a_batch_come_to_the_same_as_the_whole(parts: int) -> None:
    """Also where they are of unequal sizes."""
    whole = trained(dropout=0.0)
    apart = trained(replace(CONFIG, accumulation=parts), dropout=0.0)

    assert difference(whole.model, apart.model) < 1e-5
    assert [point.train_loss for point in apart.history] == pytest.approx(
        [point.train_loss for point in whole.history], rel=1e-5
    )


def test_gradients_are_cut_to_their_greatest_norm() -> None:
    """A tiny one leaves plain descent almost where it began."""
    config = replace(CONFIG, optimizer="sgd", steps=1, epochs=0, learning_rate=1.0)
    first = task(config, dropout=0.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        begin = first.build()

    assert difference(begin, trained(replace(config, max_gradient_norm=1e-4), dropout=0.0).model) <= 1e-4
    assert difference(begin, trained(config, dropout=0.0).model) > 1e-2


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw", "muon"])
def test_every_optimizer_learns(optimizer: str) -> None:
    rate = 0.2 if optimizer == "sgd" else 0.02
    done = trained(replace(CONFIG, optimizer=optimizer, learning_rate=rate, epochs=15))

    assert done.held_out.accuracy >= 0.95


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bf16"},
        {"precision": "fp16"},
        {"schedule": "cosine", "warm_up": 0.1},
        {"label_smoothing": 0.1},
        {"loss": "focal", "focal_gamma": 2.0},
        {"loss": "mse"},
        {"threads": 0},
        {"activation_checkpointing": True},
    ],
)
def test_what_a_config_may_ask_for_still_learns(changes: dict[str, Any]) -> None:
    done = trained(replace(CONFIG, epochs=20, **changes))

    assert done.held_out.accuracy >= 0.95
    assert all(tensor.dtype == torch.float32 for tensor in done.model.state_dict().values())


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    broken = Split(torch.full((4, 2), float("nan")), torch.tensor([0, 1, 0, 1]))

    with pytest.raises(TrainingDiverged, match="in step 1; try a smaller learning rate"):
        trained(splits=replace(SPLITS, train=broken))


def test_a_long_pass_is_not_gone_through_with_a_loss_that_is_no_number() -> None:
    many = rows(800, 1)
    many.features[8:] = float("nan")

    with pytest.raises(TrainingDiverged, match="in step 16"):
        trained(splits=replace(SPLITS, train=many))


def test_sizes_of_which_no_network_can_be_made_are_told_in_a_line() -> None:
    def build() -> Classifier:
        return Classifier(nn.Identity(), Standardize(), Cnn(side=8, channels=-1, hidden=8, classes=2))

    with pytest.raises(InvalidConfig, match=r"^no network can be made with these hyper-parameters: [^\n]+$"):
        train(ClassifierTask(build, SPLITS, CONFIG), CONFIG)
