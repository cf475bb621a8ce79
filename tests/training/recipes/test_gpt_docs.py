import pytest
from torch import nn

from training.recipes.gpt_docs import RECIPE


@pytest.mark.parametrize(("size", "millions"), [("small", 1.3), ("medium", 12.6)])
def test_a_size_builds_a_network_that_takes_its_windows(size: str, millions: float) -> None:
    chosen = RECIPE.sizes[size]
    model: nn.Module = RECIPE.kind.build(chosen.hyperparameters, {"vocab_size": chosen.data["vocab_size"]})

    assert sum(each.numel() for each in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)
    assert int(chosen.data["context"]) <= int(chosen.hyperparameters["max_position_embeddings"])


def test_the_first_size_is_what_is_trained_unless_another_is_named() -> None:
    name, first = next(iter(RECIPE.sizes.items()))

    assert name == "small"
    assert (RECIPE.hyperparameters, RECIPE.config, RECIPE.data) == (first.hyperparameters, first.config, first.data)
