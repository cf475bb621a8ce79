import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from openai.types import CreateEmbeddingResponse

from serving.errors import BackendFailed, InvalidInput
from serving.protocols import openai_embeddings
from serving.protocols.openai_embeddings import EmbeddingRequest
from tests import openai_server
from tests.openai_server import Exchange

VECTORS = np.array([[0.1, -2, 3e-8], [1, 0, -0.0]], np.float32)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def client(exchange: Exchange) -> Iterator[openai.OpenAI]:
    with openai_server.running(exchange) as client:
        yield client


def decode(**body: Any) -> EmbeddingRequest:
    return openai_embeddings.decode(json.dumps({"model": "m", "input": "x", **body}).encode())


def test_the_official_client_asks_for_base64_and_reads_it(client: openai.OpenAI, exchange: Exchange) -> None:
    exchange.answer(openai_embeddings.encode("m", list(VECTORS), 7, as_base64=True))
    found = client.embeddings.create(model="m", input=["a", "b"], user="u", dimensions=3)
    assert openai_embeddings.decode(exchange.body) == EmbeddingRequest("m", ("a", "b"), True, 3, user="u")
    assert np.array_equal(np.array([row.embedding for row in found.data], np.float32), VECTORS)
    assert (found.model, found.usage.prompt_tokens, found.usage.total_tokens) == ("m", 7, 7)


def test_the_official_client_reads_numbers(client: openai.OpenAI, exchange: Exchange) -> None:
    exchange.answer(openai_embeddings.encode("m", list(VECTORS.astype(np.float64)), 7, as_base64=False))
    found = client.embeddings.create(model="m", input=[[1], [2]], encoding_format="float")
    request = openai_embeddings.decode(exchange.body)
    assert (request.inputs, request.as_base64) == (((1,), (2,)), False)
    assert found == CreateEmbeddingResponse.model_validate_json(exchange.reply)
    assert [row.index for row in found.data] == [0, 1]
    assert np.array_equal(np.array([row.embedding for row in found.data], np.float32), VECTORS)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": None}, "input"),
        ({"input": {}}, "input"),
        ({"input": [[]]}, "input[0]"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 0}, "dimensions"),
        ({"model": None}, "model"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(**body)
    assert caught.value.param == param


@pytest.mark.parametrize("as_base64", [True, False])
def test_what_is_no_number_is_the_models_fault(as_base64: bool) -> None:
    with pytest.raises(BackendFailed, match="not finite"):
        openai_embeddings.encode("m", [np.array([np.nan], np.float32)], 1, as_base64)
