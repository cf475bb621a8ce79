"""OpenAI's routes over a real socket, asked by the official client; answers are those of the plain PyTorch loop."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from tokenizers import Tokenizer

from tests import tiny_models
from tests.running_server import RunningServer, running
from tests.tiny_decoders import CHAT_TEMPLATE, add_tiny_decoder, greedy, tiny_decoder

PROMPT = "the quick brown"
MESSAGES: list[Any] = [{"role": "user", "content": "hello"}]
ENDLESS = {"ignore_eos": True}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("openai")
    add_tiny_decoder(root)
    one = 'value { string_value: "1" }'
    keys = ("max_num_seqs", "max_num_queued_reqs")
    add_tiny_decoder(root, "narrow", extra=" ".join(f'parameters {{ key: "generation.{key}" {one} }}' for key in keys))
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
    return Tokenizer.from_file(str(root / "writer" / "1" / "tokenizer.json"))


def plain(tokenizer: Tokenizer, prompt: str, count: int) -> str:
    return str(tokenizer.decode(greedy(tiny_decoder(), tokenizer.encode(prompt).ids, count)))


def test_the_models_that_write_are_listed(client: openai.OpenAI) -> None:
    assert {model.id for model in client.models.list()} == {"writer", "narrow"}
    assert client.models.retrieve("writer").model_extra == {"max_model_len": 128}
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_a_text_is_completed(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    reply = client.completions.create(model="writer", prompt=PROMPT, max_tokens=12, temperature=0, extra_body=ENDLESS)
    assert reply.choices[0].text == plain(tokenizer, PROMPT, 12)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (len(tokenizer.encode(PROMPT).ids), 12)
    echoed = client.completions.create(
        model="writer", prompt=PROMPT, max_tokens=12, temperature=0, echo=True, extra_body=ENDLESS
    )
    assert echoed.choices[0].text == PROMPT + reply.choices[0].text


def test_a_stream_says_the_same_piece_by_piece(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(PROMPT).ids
    chunks = list(
        client.completions.create(
            model="writer",
            prompt=ids,
            max_tokens=40,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=ENDLESS,
        )
    )
    *written, last = chunks
    assert "".join(chunk.choices[0].text for chunk in written) == plain(tokenizer, PROMPT, 40)
    assert written[-1].choices[0].finish_reason == "length"
    assert (last.choices, last.usage and last.usage.completion_tokens) == ([], 40)
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_conversation_is_answered(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    prompt = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    assert "im_start" in CHAT_TEMPLATE
    expected = plain(tokenizer, prompt, 12)
    asked: dict[str, Any] = {"model": "writer", "messages": MESSAGES, "max_tokens": 12, "temperature": 0}
    reply = client.chat.completions.create(**asked, extra_body=ENDLESS)
    assert (reply.choices[0].message.role, reply.choices[0].message.content) == ("assistant", expected)
    chunks = list(client.chat.completions.create(**asked, stream=True, extra_body=ENDLESS))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == expected


def test_several_answers_to_several_prompts_come_in_order(client: openai.OpenAI, tokenizer: Tokenizer) -> None:
    prompts = [PROMPT, "fox", "lazy"]
    asked: dict[str, Any] = {"model": "writer", "prompt": prompts, "max_tokens": 9, "n": 2, "extra_body": ENDLESS}
    greedily = client.completions.create(**asked, temperature=0)
    assert [choice.index for choice in greedily.choices] == list(range(6))
    assert [choice.text for choice in greedily.choices[::2]] == [plain(tokenizer, prompt, 9) for prompt in prompts]
    assert greedily.usage is not None
    assert greedily.usage.prompt_tokens == sum(len(tokenizer.encode(prompt).ids) for prompt in prompts)
    seeded = client.completions.create(**asked, seed=3)
    assert seeded.choices[0].text != seeded.choices[1].text, "with a seed n answers are different ones"
    again = client.completions.create(**asked, seed=3, stream=True)
    texts = [""] * 6
    for chunk in again:
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == [choice.text for choice in seeded.choices]


SCHEMA = {
    "type": "object",
    "properties": {"found": {"type": "boolean"}, "kind": {"enum": ["fox", "dog"]}},
    "required": ["found", "kind"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(3))
def test_answers_follow_a_schema_a_pattern_or_a_choice(client: openai.OpenAI, seed: int) -> None:
    asked: dict[str, Any] = {"model": "writer", "messages": MESSAGES, "seed": seed, "max_tokens": 90}
    form: Any = {"type": "json_schema", "json_schema": {"name": "animal", "schema": SCHEMA, "strict": True}}
    reply = client.chat.completions.create(**asked, response_format=form)
    found = json.loads(reply.choices[0].message.content or "")
    assert reply.choices[0].finish_reason == "stop"
    assert found.keys() == {"found", "kind"}
    assert found["found"] in (True, False)
    assert found["kind"] in ("fox", "dog")
    of_digits = client.chat.completions.create(
        **asked, extra_body={"structured_outputs": {"regex": "[0-9]{4}-[0-9]{2}"}}
    )
    assert re.fullmatch("[0-9]{4}-[0-9]{2}", of_digits.choices[0].message.content or "")
    chosen = client.chat.completions.create(**asked, extra_body={"guided_choice": ["yes", "no"]})
    assert chosen.choices[0].message.content in ("yes", "no")


@pytest.mark.parametrize(
    "structured",
    [{"regex": "["}, {"json": {"type": "nonsense"}}, {"grammar": "no grammar"}, {"regex": "((a{1000}){1000}){1000}"}],
)
def test_what_is_no_grammar_is_refused_and_costs_nobody_else(client: openai.OpenAI, structured: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(model="writer", prompt=PROMPT, extra_body={"structured_outputs": structured})
    assert refused.value.param
    assert client.completions.create(model="writer", prompt=PROMPT, max_tokens=1).choices


def test_logprobs_are_the_models_own(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="writer", prompt=PROMPT, max_tokens=5, temperature=0, logprobs=3)
    logprobs = reply.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens is not None
    assert logprobs.top_logprobs is not None
    assert logprobs.token_logprobs == [max(top.values()) for top in logprobs.top_logprobs]
    assert [len(top) for top in logprobs.top_logprobs] == [3] * 5
    chat = client.chat.completions.create(
        model="writer", messages=MESSAGES, max_tokens=5, temperature=0, logprobs=True, top_logprobs=2
    )
    assert chat.choices[0].logprobs is not None
    assert chat.choices[0].logprobs.content is not None
    assert all(token.logprob == token.top_logprobs[0].logprob for token in chat.choices[0].logprobs.content)


async def test_the_asynchronous_client_and_many_at_once(server: RunningServer, tokenizer: Tokenizer) -> None:
    prompts = [f"{PROMPT} {number}" for number in range(40)]
    expected = [plain(tokenizer, prompt, 8) for prompt in prompts]
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", timeout=30) as client:
        replies = await asyncio.gather(
            *(
                client.completions.create(
                    model="writer", prompt=prompt, max_tokens=8, temperature=0, extra_body=ENDLESS
                )
                for prompt in prompts
            )
        )
    assert [reply.choices[0].text for reply in replies] == expected


@pytest.mark.parametrize(
    ("asked", "status", "param", "code"),
    [
        ({"model": "nobody"}, 404, "model", "model_not_found"),
        ({"model": "double"}, 400, "model", None),
        ({"prompt": None}, 400, "prompt", "missing_required_parameter"),
        ({"prompt": [100_000]}, 400, "prompt", "invalid_value"),
        ({"prompt": "x" * 500}, 400, "prompt", "context_length_exceeded"),
        ({"max_tokens": 10_000}, 400, "max_tokens", "context_length_exceeded"),
        ({"max_tokens": 0}, 400, "max_tokens", "invalid_value"),
        ({"temperature": "hot"}, 400, "temperature", "invalid_type"),
        ({"top_p": 1.5}, 400, "top_p", "invalid_value"),
        ({"logit_bias": {"100000": 1}}, 400, "logit_bias", "invalid_value"),
        ({"stop": ["x"] * 1000}, 400, "stop", "invalid_value"),
        ({"suffix": "end"}, 400, "suffix", "unsupported_parameter"),
    ],
)
def test_what_is_wrong_is_told_as_openai_does(
    client: openai.OpenAI, asked: dict[str, Any], status: int, param: str, code: str | None
) -> None:
    given = {"model": "writer", "prompt": PROMPT, **asked}
    with pytest.raises(openai.APIStatusError) as refused:
        client.completions.create(**given)
    assert refused.value.status_code == status
    assert (refused.value.param, refused.value.code) == (param, code)


def test_routes_that_there_are_not_are_told_as_openai_does(server: RunningServer, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Not Found: POST /v1/responses; /docs shows what there is") as told:
        client.responses.create(model="writer", input="hello")
    assert (told.value.type, told.value.code) == ("invalid_request_error", "unknown_url")
    wrong = httpx.get(f"{server.url}/v1/chat/completions")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    assert wrong.json()["error"]["code"] == "unknown_url"
    assert httpx.post(f"{server.url}/v1/models/writer/draw").json() == {"error": "Not Found"}


def test_bodies_that_are_no_json_are_refused(server: RunningServer) -> None:
    for body in (b"", b"{", b"[]", b'{"model": "writer", "prompt": "\xff"}'):
        reply = httpx.post(f"{server.url}/v1/completions", content=body)
        assert reply.status_code == 400
        assert reply.json()["error"]["type"] == "invalid_request_error"


def running_on(server: RunningServer, model: str) -> float | None:
    return server.metric(f'vllm:num_requests_running{{engine="0",model_name="{model}",version="1"}}')


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_full_queue_is_429_and_nothing_of_the_request_is_left(server: RunningServer, client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "narrow", "prompt": PROMPT, "max_tokens": 100, "extra_body": ENDLESS}
    with pytest.raises(openai.RateLimitError) as refused:  # one is written, one waits
        client.completions.create(**asked, n=3)
    assert int(refused.value.response.headers["retry-after"]) >= 1
    assert refused.value.code == "rate_limit_exceeded"
    until(lambda: running_on(server, "narrow") == 0)
    assert client.completions.create(**{**asked, "max_tokens": 1}).choices[0].text is not None


def test_a_closed_connection_ends_what_it_asked_for(server: RunningServer) -> None:
    body = json.dumps({"model": "narrow", "prompt": PROMPT, "stream": True, **ENDLESS}).encode()
    with httpx.stream("POST", f"{server.url}/v1/completions", content=body, timeout=30) as reply:
        next(reply.iter_bytes())
    until(lambda: running_on(server, "narrow") == 0)


def test_vllms_metrics_tell_what_was_written(server: RunningServer, client: openai.OpenAI) -> None:
    of = '{engine="0",model_name="writer",version="1"}'
    names = ("vllm:generation_tokens_total", "vllm:prompt_tokens_total", "vllm:e2e_request_latency_seconds_count")
    before = [server.metric(name + of) or 0 for name in names]
    client.completions.create(model="writer", prompt=[5, 6, 7], max_tokens=10, extra_body=ENDLESS)
    assert [(server.metric(name + of) or 0) - was for name, was in zip(names, before, strict=True)] == [10, 3, 1]


@pytest.mark.parametrize(
    ("asked", "most"),
    [({"max_tokens": 20}, 108), ({}, 112), ({"max_tokens": None}, 127), ({"max_tokens": None, "min_tokens": 8}, 120)],
)
def test_a_prompt_is_cut_so_that_the_answer_has_room(
    server: RunningServer, tokenizer: Tokenizer, asked: dict[str, Any], most: int
) -> None:
    prompt = [5 + number % 200 for number in range(200)]
    body = {"model": "writer", "prompt": prompt, "truncate_prompt_tokens": -1, "temperature": 0, **ENDLESS, **asked}
    reply = httpx.post(f"{server.url}/v1/completions", json=body, timeout=30).json()
    assert reply["usage"]["prompt_tokens"] == most
    expected = greedy(tiny_decoder(), prompt[-most:], 128 - most)
    assert reply["choices"][0]["text"] == tokenizer.decode(expected)


def test_an_answer_that_leaves_no_room_for_a_prompt_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="requested 128 output tokens") as refused:
        client.completions.create(
            model="writer", prompt=PROMPT, max_tokens=128, extra_body={"truncate_prompt_tokens": -1}
        )
    assert refused.value.param == "max_tokens"


@pytest.mark.parametrize(("most", "read"), [(0, 0), (3, 3), (500, 5)])
def test_as_many_of_a_prompts_last_tokens_are_read_as_were_asked_for(
    server: RunningServer, most: int, read: int
) -> None:
    body = {"model": "writer", "prompt": [5, 6, 7, 8, 9], "truncate_prompt_tokens": most, "return_token_ids": True}
    reply = httpx.post(f"{server.url}/v1/completions", json=body, timeout=30)
    if read == 0:
        assert reply.json()["error"]["param"] == "prompt"
    else:
        assert reply.json()["choices"][0]["prompt_token_ids"] == [5, 6, 7, 8, 9][-read:]


def test_the_deadline_of_the_header_is_kept(server: RunningServer) -> None:
    body = json.dumps({"model": "writer", "prompt": PROMPT, "max_tokens": 100, **ENDLESS}).encode()
    late = httpx.post(f"{server.url}/v1/completions", content=body, headers={"X-Request-Timeout-Ms": "0.001"})
    assert late.status_code == 503
    assert late.json()["error"]["code"] == "timeout"
    wrong = httpx.post(f"{server.url}/v1/completions", content=body, headers={"X-Request-Timeout-Ms": "soon"})
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_reload_refuses_nobody_whose_grammar_is_not_compiled_yet(tmp_path: Path) -> None:
    add_tiny_decoder(tmp_path)
    with (
        running(tmp_path, model_control_mode="explicit", load_model=("writer",)) as server,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(count: int) -> httpx.Response:
            body = {"model": "writer", "prompt": PROMPT, "structured_outputs": {"regex": f"[0-9]{{{count}}}"}}
            return httpx.post(f"{server.url}/v1/completions", json=body, timeout=30)

        counts = list(range(1, 9))
        asked = [pool.submit(ask, count) for count in counts]
        until(lambda: server.framework_tasks() > 4)
        with (tmp_path / "writer" / "config.pbtxt").open("a") as config:
            config.write('parameters { key: "generation.max_num_seqs" value { string_value: "3" } }')
        assert httpx.post(f"{server.url}/v2/repository/models/writer/load", timeout=30).status_code == 200
        answers = [each.result() for each in asked]
        assert [answer.status_code for answer in answers] == [200] * len(counts)
        assert [len(answer.json()["choices"][0]["text"]) for answer in answers] == counts
