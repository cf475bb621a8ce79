import pytest

from loadtests.asking import CannotTest
from loadtests.inputs.model import Model
from loadtests.inputs.protocols import check, chosen
from serving.core.requests import TensorSpec

X = (TensorSpec("x", "FP32", (-1, 4)),)
TENSORS = Model("m", X, (), 8)
DECOUPLED = Model("m", X, decoupled=True)
WRITER = Model("m", X, parameters={"generation.task": "text-generation"}, decoupled=True)


@pytest.mark.parametrize(
    ("scheme", "model", "extensions", "protocol"),
    [
        ("http", TENSORS, ["binary_tensor_data"], "v2-binary"),
        ("https", TENSORS, [], "v2"),
        ("grpc", WRITER, [], "grpc"),
        ("http", WRITER, [], "completions"),
        ("http", Model("openai"), [], "completions"),
        ("http", DECOUPLED, ["binary_tensor_data"], "generate_stream"),
    ],
)
def test_the_model_decides_where_nobody_did(scheme: str, model: Model, extensions: list[str], protocol: str) -> None:
    assert chosen("auto", scheme, model, extensions) == protocol


@pytest.mark.parametrize(
    ("protocol", "scheme", "words"),
    [
        ("chta", "http", "did you mean chat"),
        ("grpc", "https", "gRPC address, as in grpc://localhost:8001"),
        ("v2", "grpcs", "HTTP address"),
    ],
)
def test_what_can_not_be_is_told(protocol: str, scheme: str, words: str) -> None:
    with pytest.raises(CannotTest, match=words):
        check(protocol, scheme)
