import pytest

from training.data import python_docs
from training.models.decoder import Decoder, DecoderConfig
from training.recipes.gpt_docs import RECIPE


@pytest.mark.parametrize(("size", "millions"), [("small", 1.3), ("medium", 12.6)])
def test_a_size_builds_a_network_that_takes_its_windows(size: str, millions: float) -> None:
    chosen = RECIPE.sizes[size]
    model = Decoder(DecoderConfig(**chosen.hyperparameters))

    assert sum(each.numel() for each in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)
    assert chosen.config.context <= model.config.max_position_embeddings


def test_it_learns_from_pythons_own_documentation() -> None:
    assert RECIPE.load is python_docs.load
    assert next(iter(RECIPE.sizes)) == "small"
