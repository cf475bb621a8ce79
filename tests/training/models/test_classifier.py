import torch
from torch import nn

from training.models.classifier import Classifier
from training.models.polarity import Polarity
from training.models.standardize import Standardize


def test_the_network_sees_prepared_and_standardised_rows() -> None:
    images = torch.tensor([0.0, 100.0, 0.0]).expand(2, 1, 3, 3).clone()
    images[1] = 255 - images[1]
    classifier = Classifier(Polarity(), Standardize(), nn.Identity())
    classifier.fit_inputs(images)

    seen = classifier(images)

    assert torch.allclose(seen[0], seen[1])
    assert torch.allclose(seen.mean(), torch.zeros(()), atol=1e-6)


def test_preprocessing_is_part_of_what_is_saved() -> None:
    saved = Classifier(nn.Identity(), Standardize((2,)), nn.Linear(2, 3)).state_dict()

    assert set(saved) == {"standardize.mean", "standardize.std", "network.weight", "network.bias"}
