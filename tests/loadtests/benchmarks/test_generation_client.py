import json
from pathlib import Path

import pytest

from loadtests.benchmarks.generation_client import TOKENS, Wire, body, client, read
from loadtests.benchmarks.generation_load import Load
from tests.running_server import RunningServer, running
from tests.tiny_decoders import add_tiny_decoder, byte_level_tokenizer, greedy


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode()


def chunk(text: str, *ids: int) -> bytes:
    return event(choices=[{"index": 0, "text": text, "token_ids": list(ids)}])


USAGE = event(choices=[], usage={"completion_tokens": 3})


def test_chunks_with_a_choice_are_noted_and_tokens_are_those_of_the_usage() -> None:
    events = [
        (2.0, chunk("a", 7)),
        (3.0, b": a comment"),
        (4.0, chunk("bc", 8, 9)),
        (5.0, USAGE),
        (6.0, b"data: [DONE]"),
    ]
    answer = read(1.0, 1.5, events)
    assert (answer.planned, answer.sent, answer.chunks) == (1.0, 1.5, (2.0, 4.0))
    assert (answer.tokens, answer.text, answer.ids, answer.error) == (3, "abc", (7, 8, 9), "")


def test_an_answer_without_usage_or_with_an_error_says_so() -> None:
    assert "no usage" in read(1.0, 1.0, [(2.0, chunk("a", 7))]).error
    assert "no tokens" in read(1.0, 1.0, []).error
    assert "it broke" in read(1.0, 1.0, [(2.0, chunk("a")), (3.0, event(error={"message": "it broke"}))]).error


def test_a_body_asks_for_the_likeliest_tokens_and_their_number() -> None:
    asked = json.loads(body(Wire("m", TOKENS), (5, 6), 9))
    assert (asked["model"], asked["prompt"], asked["max_tokens"]) == ("m", [5, 6], 9)
    assert asked["temperature"] == 0
    assert asked["stream_options"] == {"include_usage": True}
    assert asked["ignore_eos"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> object:
    root = tmp_path_factory.mktemp("repository")
    model = add_tiny_decoder(root)
    with running(root) as server:
        yield server, model, root


PROMPTS = ((5, 6, 7), (9, 10), (11, 12, 13, 14))


async def test_answers_of_a_server_are_its_models_tokens_and_text(served: tuple[RunningServer, object, Path]) -> None:
    server, model, _ = served
    async with client(server.http_port, Wire("writer", TOKENS)) as write:
        answers = await write(Load("2 callers", PROMPTS, 6, 2))
    assert [answer.error for answer in answers] == [""] * 3
    assert [answer.tokens for answer in answers] == [6] * 3
    assert [list(answer.ids) for answer in answers] == [greedy(model, list(prompt), 6) for prompt in PROMPTS]
    for answer in answers:
        assert answer.planned <= answer.sent < answer.chunks[0] <= answer.chunks[-1]
        assert answer.text == byte_level_tokenizer(300).decode(list(answer.ids))


async def test_a_server_that_takes_text_only_is_asked_with_text(served: tuple[RunningServer, object, Path]) -> None:
    server, _, root = served
    text = Wire("writer", TOKENS, str(root / "writer" / "1" / "tokenizer.json"))
    made = byte_level_tokenizer(300)
    prompt = tuple(made.encode("the quick brown fox").ids)
    async with client(server.http_port, text) as write, client(server.http_port, Wire("writer", TOKENS)) as by_tokens:
        load = Load("one", (prompt,), 6)
        assert (await write(load))[0].ids == (await by_tokens(load))[0].ids


async def test_what_is_refused_is_told(served: tuple[RunningServer, object, Path]) -> None:
    server, _, _ = served
    async with client(server.http_port, Wire("nobody", TOKENS)) as write:
        [answer] = await write(Load("one", ((5, 6),), 6))
    assert "404" in answer.error
