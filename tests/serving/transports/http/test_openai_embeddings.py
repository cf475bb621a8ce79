"""Embeddings over a real socket, asked by the official client and compared with numpy's."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from tokenizers import Tokenizer

from tests import tiny_models
from tests.running_server import RunningServer, running
from tests.tiny_encoders import SIZE, add_tiny_encoder, embedding

TEXTS = ["the quick brown fox", "fox", "a lazy dog and another lazy dog that thinks of nothing"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("embeddings")
    add_tiny_encoder(root)
    add_tiny_encoder(root, "cutter")
    (root / "cutter" / "1" / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    tiny_models.add_double(root)
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def tokenizer(root: Path) -> Tokenizer:
    return Tokenizer.from_file(str(root / "encoder" / "1" / "tokenizer.json"))


@pytest.mark.parametrize("given", ["text", "tokens"])
@pytest.mark.parametrize("form", ["float", "base64"])
def test_texts_and_tokens_have_the_models_vectors(
    client: openai.OpenAI, tokenizer: Tokenizer, form: Any, given: str
) -> None:
    tokens = [tokenizer.encode(text).ids for text in TEXTS]
    asked: Any = TEXTS if given == "text" else tokens
    reply = client.embeddings.create(model="encoder", input=asked, encoding_format=form)
    assert [row.index for row in reply.data] == [0, 1, 2]
    assert reply.usage.prompt_tokens == sum(map(len, tokens))
    for row, expected in zip(reply.data, tokens, strict=True):
        raw: Any = row.embedding
        found = np.frombuffer(base64.b64decode(raw), np.float32) if form == "base64" else np.array(raw)
        np.testing.assert_allclose(found, embedding(expected), atol=1e-6)


def test_the_clients_own_way_is_numbers_and_one_text_is_enough(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    (row,) = client.embeddings.create(model="encoder", input="fox").data
    np.testing.assert_allclose(row.embedding, embedding(tokenizer.encode("fox").ids), atol=1e-6)
    assert len(row.embedding) == SIZE


def test_models_with_embeddings_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["cutter", "encoder"]
    assert client.models.retrieve("encoder").id == "encoder"


@pytest.mark.parametrize(
    ("asked", "status", "param"),
    [
        ({"model": "double"}, 400, "model"),
        ({"model": "nobody"}, 404, "model"),
        ({"input": []}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"input": "fox " * 100}, 400, "input"),
        ({"input": [[100_000]]}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"dimensions": 3}, 400, "dimensions"),
    ],
)
def test_what_is_wrong_is_named(client: openai.OpenAI, asked: dict[str, Any], status: int, param: str) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.embeddings.create(**{"model": "encoder", "input": "fox", "encoding_format": "float", **asked})
    assert (refused.value.status_code, refused.value.param) == (status, param)
    again = client.embeddings.create(model="encoder", input="fox", encoding_format="float")
    assert len(again.data) == 1


def test_long_texts_can_be_cut(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    text = "fox " * 100
    (row,) = client.embeddings.create(model="encoder", input=text, extra_body={"truncate_prompt_tokens": 5}).data
    np.testing.assert_allclose(row.embedding, embedding(tokenizer.encode(text).ids[:5]), atol=1e-6)


@pytest.mark.parametrize(("most", "read"), [(None, 16), (-1, 16), (50, 16), (5, 5)])
@pytest.mark.parametrize("given", ["text", "tokens"])
def test_a_model_that_was_made_to_read_so_much_reads_no_more(
    client: openai.OpenAI, tokenizer: Tokenizer, most: int | None, read: int, given: str
) -> None:
    tokens = tokenizer.encode("fox " * 100).ids
    text: Any = "fox " * 100 if given == "text" else tokens
    reply = client.embeddings.create(model="cutter", input=text, extra_body={"truncate_prompt_tokens": most})
    np.testing.assert_allclose(reply.data[0].embedding, embedding(tokens[:read]), atol=1e-6)
    assert reply.usage.prompt_tokens == read
