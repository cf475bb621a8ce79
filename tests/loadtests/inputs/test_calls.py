import pytest

from loadtests.asking import CannotTest
from loadtests.inputs.calls import made_up
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.wanted import Wanted
from serving.core.requests import TensorSpec

X = TensorSpec("x", "FP32", (-1, 4))
MODEL = Model("m", (X,), (), 8)


@pytest.mark.parametrize("protocol", ["v2", "v2-binary", "grpc", "generate_stream", "classify", "completions"])
def test_the_same_seed_makes_the_same_requests(protocol: str) -> None:
    found = made_up(protocol, MODEL, Wanted(count=3, seed=1), Learnt())
    assert found == made_up(protocol, MODEL, Wanted(count=3, seed=1), Learnt())
    assert found != made_up(protocol, MODEL, Wanted(count=3, seed=2), Learnt())
    assert len(set(found)) == 3


def test_more_members_are_request_parameters_of_tensors() -> None:
    [call] = made_up("v2", MODEL, Wanted(count=1, extra={"priority": 1}), Learnt())
    assert b'"priority": 1' in call.body
    with pytest.raises(CannotTest, match="--extra: 'a' would be a request parameter"):
        made_up("grpc", MODEL, Wanted(extra={"a": [1]}), Learnt())


def test_a_model_without_metadata_needs_a_file() -> None:
    with pytest.raises(CannotTest, match="use --data FILE"):
        made_up("v2", Model("m"), Wanted(), Learnt())
