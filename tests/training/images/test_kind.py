from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.picture_files import add
from tests.training.small_task import equal
from training.config import TrainConfig
from training.data.splits import Splits
from training.images.kind import OPTIONS
from training.kind import TEST
from training.loop import Step, train
from training.models.polarity import Polarity
from training.recipes.digits_cnn import RECIPE
from training.snapshots import Snapshots

KIND = RECIPE.kind


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    folder = tmp_path_factory.mktemp("shapes")
    for label in ("square", "cross"):
        add(folder, label, 30, mode="RGB")
    found: Splits = KIND.load(folder, {**OPTIONS, "shift": 0.1, "noise": 0.05})
    return found


def test_photographs_keep_their_colours_and_their_lightness(shapes: Splits) -> None:
    model = KIND.build(RECIPE.hyperparameters, shapes.facts)
    served = KIND.served(model, shapes.facts)

    assert [str(spec) for spec in (*served.inputs, *served.outputs)] == [
        "image FP32 [-1,3,16,16]",
        "probabilities FP32 [-1,2]",
    ]
    assert served.meaning == "image: raw pixels, 0 to 255"
    assert not any(isinstance(module, Polarity) for module in model.modules())


def test_ink_is_read_from_either_side() -> None:
    facts = KIND.load(None, OPTIONS).facts

    assert KIND.served(KIND.build(RECIPE.hyperparameters, facts), facts).meaning.endswith("either polarity")


def test_training_pictures_are_changed_and_those_held_out_are_not(shapes: Splits) -> None:
    task, rows = KIND.task(shapes, RECIPE.hyperparameters, RECIPE.config), torch.arange(4)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        changed, labels = task.batch(rows, "cpu")

    assert not torch.equal(changed, shapes.train.features[:4].float())
    assert torch.equal(labels, shapes.train.labels[:4])
    assert torch.equal(torch.from_numpy(KIND.rows(shapes, TEST).inputs["image"]), shapes.test.features.float())


def test_a_run_that_was_cut_off_sees_the_same_changed_pictures(shapes: Splits, tmp_path: Path) -> None:
    config = TrainConfig(steps=6, batch_size=8, learning_rate=1e-3, keep="last")
    task = KIND.task(shapes, {"channels": 4, "hidden": 8}, config)

    def stop(step: Step) -> None:
        if step.number == 3:
            raise KeyboardInterrupt

    whole = train(task, config)
    with pytest.raises(KeyboardInterrupt):
        train(task, config, stop, snapshots=Snapshots(tmp_path, "this", seconds=0.0))
    gone_on = train(task, config, snapshots=Snapshots(tmp_path, "this", seconds=0.0))

    assert equal(whole.model, gone_on.model)
    assert not equal(whole.model, train(task, replace(config, seed=1)).model)
