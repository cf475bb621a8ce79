from collections.abc import Iterator
from typing import Any

import openai
import orjson
import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletionChunk

from serving.core.generation import FinishReason
from serving.core.text_output import CompletionOutput, TokenLogprob, Usage
from serving.protocols.openai_chunks import DONE, ChatChunks, CompletionChunks
from serving.protocols.openai_replies import ReplyHead
from tests import openai_server
from tests.openai_server import Exchange

HEAD = ReplyHead("c-1", 1234567890, "m")
USAGE = Usage(5, 2)


@pytest.fixture(scope="module")
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture(scope="module")
def client(exchange: Exchange) -> Iterator[openai.OpenAI]:
    with openai_server.running(exchange) as client:
        yield client


def document(event: bytes) -> Any:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert event.count(b"\n") == 2
    return orjson.loads(event[6:])


def test_the_official_client_reads_a_chat(client: openai.OpenAI, exchange: Exchange) -> None:
    chunks = ChatChunks(HEAD)
    parts = [
        chunks.first(),
        chunks.chunk(CompletionOutput(0, "né\n", logprobs=(TokenLogprob("né\n", -1.0, "né\n".encode()),))),
        chunks.chunk(CompletionOutput(0, "🦜")),
        chunks.chunk(CompletionOutput(0, "", finish_reason=FinishReason.STOP)),
        chunks.usage(USAGE),
    ]
    exchange.answer(b"".join([*parts, DONE]), streams=True)
    found = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True))
    assert found == [ChatCompletionChunk.model_validate(document(part)) for part in parts]
    assert found[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in found[:-1]) == "né\n🦜"
    assert [chunk.choices[0].finish_reason for chunk in found[:-1]] == [None, None, None, "stop"]
    assert found[3].choices[0].delta.content is None
    assert found[1].choices[0].logprobs is not None
    assert found[4].choices == []
    assert found[4].usage is not None
    assert found[4].usage.total_tokens == 7
    assert {chunk.id for chunk in found} == {"c-1"}


def test_the_clients_own_helper_puts_a_stream_together(client: openai.OpenAI, exchange: Exchange) -> None:
    chunks = ChatChunks(HEAD)
    parts = [chunks.first(), chunks.chunk(CompletionOutput(0, "a")), chunks.chunk(CompletionOutput(0, "b"))]
    end = chunks.chunk(CompletionOutput(0, "c", finish_reason=FinishReason.LENGTH))
    exchange.answer(b"".join([*parts, end, DONE]), streams=True)
    with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "x"}]) as stream:
        for _ in stream:
            pass
    found = stream.current_completion_snapshot.choices[0]
    assert (found.message.content, found.finish_reason) == ("abc", "length")


def test_the_official_client_reads_a_completion(client: openai.OpenAI, exchange: Exchange) -> None:
    chunks = CompletionChunks(HEAD)
    parts = [
        chunks.chunk(CompletionOutput(0, "a")),
        chunks.chunk(CompletionOutput(1, "b", finish_reason=FinishReason.LENGTH), USAGE),
        chunks.usage(USAGE),
    ]
    exchange.answer(b"".join([*parts, DONE]), streams=True)
    found = list(client.completions.create(model="m", prompt="x", stream=True))
    assert found[1:] == [Completion.model_validate(document(part)) for part in parts[1:]]
    assert [(chunk.choices[0].index, chunk.choices[0].text) for chunk in found[:2]] == [(0, "a"), (1, "b")]
    assert [chunk.usage is None for chunk in found] == [True, False, False]


def test_offsets_go_on_from_chunk_to_chunk_of_each_answer() -> None:
    chunks = CompletionChunks(HEAD)

    def offsets(index: int, text: str) -> list[int]:
        output = CompletionOutput(index, text, logprobs=(TokenLogprob(text, -1.0, text.encode()),))
        return list(document(chunks.chunk(output))["choices"][0]["logprobs"]["text_offset"])

    assert [offsets(0, "né"), offsets(1, "abc"), offsets(0, "🦜!"), offsets(0, "x"), offsets(1, "x")] == [
        [0], [0], [2], [4], [3],
    ]  # fmt: skip


def test_tokens_and_usage_are_told_to_who_asked() -> None:
    asked = ReplyHead("x", 0, "m", return_token_ids=True)
    output = CompletionOutput(0, "a", (3,), stop_reason=3, finish_reason=FinishReason.STOP, prompt_token_ids=(1, 2))
    for chunks in (CompletionChunks(asked), ChatChunks(asked)):
        found = document(chunks.chunk(output, USAGE))
        choice = found["choices"][0]
        assert (choice["token_ids"], choice["prompt_token_ids"], choice["stop_reason"]) == ([3], [1, 2], 3)
        assert found["usage"]["completion_tokens"] == 2
    assert document(ChatChunks(HEAD).first(3, USAGE))["usage"]["prompt_tokens"] == 5
    assert document(ChatChunks(HEAD).first(3))["choices"][0]["index"] == 3
