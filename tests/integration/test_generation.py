"""Models that write, beside all that a server does with models: Triton's protocols, life and end."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tokenizers import Tokenizer

from tests import tiny_seq2seq
from tests.running_server import RunningServer, running
from tests.tiny_decoders import add_tiny_decoder, greedy, tiny_decoder
from tests.tiny_seq2seq import add_tiny_seq2seq

PROMPT = "the quick"
OPTIONS = {"max_tokens": 24, "temperature": 0, "ignore_eos": True}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("writers")
    add_tiny_decoder(root)
    add_tiny_decoder(root, "torch_writer", "pytorch")
    add_tiny_seq2seq(root, "translator")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root, model_control_mode="explicit", load_model=("*",)) as server:
        yield server


@pytest.fixture(scope="module")
def expected(root: Path) -> str:
    tokenizer = Tokenizer.from_file(str(root / "writer" / "1" / "tokenizer.json"))
    return str(tokenizer.decode(greedy(tiny_decoder(), tokenizer.encode(PROMPT).ids, OPTIONS["max_tokens"])))


@pytest.mark.parametrize("model", ["writer", "torch_writer"])
def test_triton_generates_with_flat_json(server: RunningServer, expected: str, model: str) -> None:
    url = f"{server.url}/v2/models/{model}"
    whole = httpx.post(f"{url}/generate", json={"text_input": PROMPT, **OPTIONS}, timeout=30)
    assert whole.json()["text_output"] == PROMPT + expected
    stream = httpx.post(f"{url}/generate_stream", json={"text_input": PROMPT, "stream": True, **OPTIONS}, timeout=30)
    events = [json.loads(line[6:]) for line in stream.text.split("\n\n") if line]
    assert "".join(event["text_output"] for event in events) == expected
    several = httpx.post(f"{url}/generate", json={"text_input": PROMPT, "stream": True, **OPTIONS}, timeout=30)
    assert several.status_code == 400 or several.json()["text_output"] == expected, "it may all have come at once"


def test_tritons_grpc_client_streams_it(server: RunningServer, expected: str) -> None:
    text = grpcclient.InferInput("text_input", [1], "BYTES").set_data_from_numpy(np.array([PROMPT.encode()], object))
    streams = grpcclient.InferInput("stream", [1], "BOOL").set_data_from_numpy(np.array([True]))
    options = grpcclient.InferInput("sampling_parameters", [1], "BYTES")
    options.set_data_from_numpy(np.array([json.dumps(OPTIONS).encode()], object))
    replies: Queue[Any] = Queue()
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        client.start_stream(lambda result, error: replies.put((result, error)))
        client.async_stream_infer("writer", [text, streams, options], enable_empty_final_response=True)
        written = ""
        while True:
            result, error = replies.get(timeout=30)
            assert error is None
            response = result.get_response()
            if response.outputs:
                written += result.as_numpy("text_output")[0].decode()
            if response.parameters["triton_final_response"].bool_param:
                break
        client.stop_stream()
    assert written == expected


def test_texts_that_an_encoder_reads_are_answered_side_by_side(server: RunningServer, root: Path) -> None:
    tokenizer = Tokenizer.from_file(str(root / "translator" / "1" / "tokenizer.json"))
    texts = [PROMPT[: n + 1] for n in range(len(PROMPT))] * 3
    model = tiny_seq2seq.tiny_seq2seq()
    expected = [tokenizer.decode(tiny_seq2seq.greedy(model, tokenizer.encode(text).ids, 12)) for text in texts]

    def asked(text: str) -> str:
        body = {"model": "translator", "prompt": text, **OPTIONS, "max_tokens": 12}
        reply = httpx.post(f"{server.url}/v1/completions", json=body, timeout=30)
        return str(reply.json()["choices"][0]["text"])

    with ThreadPoolExecutor(len(texts)) as callers:
        assert list(callers.map(asked, texts)) == expected
    body = {"text_input": texts[0], **OPTIONS, "max_tokens": 12, "exclude_input_in_output": True}
    reply = httpx.post(f"{server.url}/v2/models/translator/generate", json=body, timeout=30)
    assert reply.json()["text_output"] == expected[0]


def test_tritons_client_reads_what_it_is_and_did(server: RunningServer) -> None:
    httpx.post(f"{server.url}/v2/models/writer/generate", json={"text_input": PROMPT, **OPTIONS}, timeout=30)
    with httpclient.InferenceServerClient(server.address) as client:
        metadata = client.get_model_metadata("writer")
        assert [tensor["name"] for tensor in metadata["outputs"]] == ["text_output"]
        assert "text_input" in [tensor["name"] for tensor in metadata["inputs"]]
        assert client.get_model_config("writer")["model_transaction_policy"] == {"decoupled": True}
        assert client.is_model_ready("writer")
        (statistics,) = client.get_inference_statistics("writer")["model_stats"]
        assert statistics["inference_stats"]["success"]["count"] >= 1


def stream(server: RunningServer, model: str, tokens: int) -> Iterator[str]:
    """The pieces of a long answer."""
    body = {"model": model, "prompt": PROMPT, "stream": True, **OPTIONS, "max_tokens": tokens}
    with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=60) as reply:
        assert reply.status_code == 200
        for line in reply.iter_lines():
            if line.startswith("data: {"):
                yield json.loads(line[6:])["choices"][0]["text"]
            elif line == "data: [DONE]":
                yield "[DONE]"


def test_who_is_unloaded_writes_to_the_end_and_a_new_load_answers(server: RunningServer) -> None:
    pieces = stream(server, "writer", 110)
    first = next(pieces)
    url = f"{server.url}/v2/repository/models/writer"
    unloading = threading.Thread(target=httpx.post, args=[f"{url}/unload"], kwargs={"json": {}, "timeout": 60})
    unloading.start()
    rest = list(pieces)
    unloading.join()
    assert rest[-1] == "[DONE]"
    assert len(first + "".join(rest)) > 50
    refused = httpx.post(f"{server.url}/v1/completions", json={"model": "writer", "prompt": PROMPT})
    assert refused.status_code in (404, 503)
    assert httpx.post(f"{url}/load", json={}, timeout=60).status_code == 200
    assert len(list(stream(server, "writer", 5))) > 1


def test_a_server_that_stops_finishes_what_it_writes(tmp_path: Path) -> None:
    add_tiny_decoder(tmp_path)
    written: list[str] = []
    begun = threading.Event()

    def read(server: RunningServer) -> None:
        for piece in stream(server, "writer", 110):
            written.append(piece)
            begun.set()

    with running(tmp_path) as server:
        reading = threading.Thread(target=read, args=[server])
        reading.start()
        assert begun.wait(30)
    reading.join(30)
    assert written[-1] == "[DONE]"


def test_a_model_with_wrong_files_is_unavailable_and_says_why(tmp_path: Path) -> None:
    add_tiny_decoder(tmp_path)
    add_tiny_decoder(tmp_path, "broken")
    (tmp_path / "broken" / "1" / "tokenizer.json").unlink()
    with running(tmp_path) as server:
        index = {entry["name"]: entry for entry in httpx.post(f"{server.url}/v2/repository/index").json()}
        assert index["writer"]["state"] == "READY"
        assert index["broken"]["state"] == "UNAVAILABLE"
        assert "tokenizer.json" in index["broken"]["reason"]
        assert list(stream(server, "writer", 3))[-1] == "[DONE]"
