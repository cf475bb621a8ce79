from collections.abc import Iterator
from typing import Any

import openai
import orjson
import pytest
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion

from serving.core.generation import FinishReason
from serving.core.text_output import CompletionOutput, TokenLogprob, TopLogprob, Usage
from serving.protocols import openai_replies
from serving.protocols.openai_replies import ModelCard, ReplyHead
from tests import openai_server
from tests.openai_server import Exchange

HEAD = ReplyHead("cmpl-1", 1234567890, "m")
USAGE = Usage(prompt_tokens=5, completion_tokens=3, cached_tokens=4)
LOGPROBS = (TokenLogprob("a", -0.5, b"a", (TopLogprob("a", -0.5, b"a"),)),)
OUTPUTS = (
    CompletionOutput(0, "hé 🦜", (1, 2), None, FinishReason.STOP, "\n", (7, 8)),
    CompletionOutput(1, "a", (3,), LOGPROBS, FinishReason.LENGTH),
)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def client(exchange: Exchange) -> Iterator[openai.OpenAI]:
    with openai_server.running(exchange) as client:
        yield client


def test_the_official_client_reads_a_completion(client: openai.OpenAI, exchange: Exchange) -> None:
    exchange.answer(openai_replies.completion(HEAD, OUTPUTS, USAGE))
    found = client.completions.create(model="m", prompt="x")
    assert found == Completion.model_validate_json(exchange.reply)
    assert (found.id, found.object, found.created, found.model) == ("cmpl-1", "text_completion", 1234567890, "m")
    first, second = found.choices
    assert (first.index, first.text, first.finish_reason, first.logprobs) == (0, "hé 🦜", "stop", None)
    assert (second.index, second.text, second.finish_reason) == (1, "a", "length")
    assert second.logprobs is not None
    assert second.logprobs.top_logprobs == [{"a": -0.5}]
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (5, 3, 8)
    assert found.usage.prompt_tokens_details is not None
    assert found.usage.prompt_tokens_details.cached_tokens == 4


def test_the_official_client_reads_a_chat_completion(client: openai.OpenAI, exchange: Exchange) -> None:
    exchange.answer(openai_replies.chat_completion(HEAD, OUTPUTS, USAGE))
    found = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}])
    assert found == ChatCompletion.model_validate_json(exchange.reply)
    first, second = found.choices
    assert (first.message.role, first.message.content, first.finish_reason) == ("assistant", "hé 🦜", "stop")
    assert second.logprobs is not None
    assert second.logprobs.content is not None
    assert second.logprobs.content[0].bytes == [97]


def test_tokens_are_told_to_who_asked() -> None:
    def choices(reply: bytes) -> Any:
        return orjson.loads(reply)["choices"]

    asked = ReplyHead("x", 0, "m", return_token_ids=True)
    for encode in (openai_replies.completion, openai_replies.chat_completion):
        first, second = choices(encode(asked, OUTPUTS, USAGE))
        assert (first["token_ids"], first["prompt_token_ids"], first["stop_reason"]) == ([1, 2], [7, 8], "\n")
        assert (second["token_ids"], "prompt_token_ids" in second) == ([3], False)
        assert "token_ids" not in choices(encode(HEAD, OUTPUTS, USAGE))[0]


def test_the_official_client_reads_the_models(client: openai.OpenAI, exchange: Exchange) -> None:
    cards = [ModelCard("m", 1, 1024), ModelCard("n", 2)]
    exchange.answer(openai_replies.models(cards))
    first, second = client.models.list().data
    assert (first.id, first.created, first.object, first.owned_by) == ("m", 1, "model", "slipway")
    assert (first.max_model_len, hasattr(second, "max_model_len")) == (1024, False)  # type: ignore[attr-defined]
    exchange.answer(openai_replies.model(cards[0]))
    assert client.models.retrieve("m") == Model.model_validate_json(exchange.reply)
