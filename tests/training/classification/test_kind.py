import numpy as np

from training.checkpoint import Checkpoint
from training.kind import TEST, VALIDATION
from training.recipes.breast_cancer_mlp import KIND, RECIPE


def test_what_is_served_takes_raw_rows_and_gives_probabilities(cancer: Checkpoint) -> None:
    served = KIND.served(KIND.build(RECIPE.hyperparameters, cancer.facts), cancer.facts)

    assert [str(spec) for spec in (*served.inputs, *served.outputs)] == [
        "features FP32 [-1,30]",
        "probabilities FP32 [-1,2]",
    ]
    assert served.labels == {"probabilities": ("malignant", "benign")}


def test_rows_are_of_the_part_that_is_asked_for() -> None:
    data = KIND.load(None, {})

    assert np.array_equal(KIND.rows(data, TEST).inputs["features"], data.test.features.numpy())
    assert np.array_equal(KIND.rows(data, VALIDATION).truths["label"], data.validation.labels.numpy())
