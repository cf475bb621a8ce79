import json

import pytest

from loadtests.asking import CannotTest
from loadtests.inputs import calls


def test_the_same_seed_makes_the_same_valid_requests() -> None:
    metadata = {"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]}
    [one, other] = calls(metadata, 2, seed=1)
    assert (one, other) == calls(metadata, 2, seed=1)
    assert one != other
    [tensor] = json.loads(one.body)["inputs"]
    assert tensor["shape"] == [1, 3]
    assert len(tensor["data"]) == 3


def test_text_can_not_be_made_up() -> None:
    with pytest.raises(CannotTest, match="'words' is BYTES"):
        calls({"name": "m", "inputs": [{"name": "words", "datatype": "BYTES", "shape": [1]}]}, 1, seed=0)
