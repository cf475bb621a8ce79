"""Classifiers of pictures, of whatever network.

Rule: the network never learns from which side of the paper's lightness a drawing came; photographs stay as they are.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from training.classification.kind import Classification
from training.images.augment import Augmentation, augmented
from training.images.loading import load
from training.images.picture import drawn
from training.models.classifier import Classifier
from training.models.polarity import Polarity
from training.models.standardize import Standardize
from training.settings import Value

OPTIONS: Mapping[str, Value] = {
    "side": 0,
    "channels": 0,
    "shift": 0.0,
    "rotate": 0.0,
    "brightness": 0.0,
    "noise": 0.0,
    "flip": False,
}
"""Of `--set data.NAME=VALUE`; what they mean is told by `Options` and `Augmentation`."""

Facts = Mapping[str, Any]


def pictures(network: Callable[[Mapping[str, Any], Facts], nn.Module]) -> Classification:
    """`network`, made of hyper-parameters and facts, takes values around zero [N, channels, side, side]."""

    def classifier(hyperparameters: Mapping[str, Any], facts: Facts) -> Classifier:
        prepare = Polarity() if facts["is_ink"] else nn.Identity()
        return Classifier(prepare, Standardize(), network(hyperparameters, facts))

    return Classification(
        read=load,
        network=classifier,
        shape=lambda facts: (facts["channels"], facts["side"], facts["side"]),
        drawn=drawn,
        input_name="image",
        meaning=lambda facts: "raw pixels, 0 to 255" + (", either polarity" if facts["is_ink"] else ""),
        changed=_changed,
    )


def _changed(facts: Facts) -> Callable[[Tensor], Tensor]:
    return partial(augmented, how=Augmentation(**facts["augmentation"]))
