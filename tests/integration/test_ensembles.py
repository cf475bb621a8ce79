"""Ensembles of tiny real models in a real server, asked by the official clients."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc as grpc_client
import tritonclient.http as http_client
from tritonclient.utils import InferenceServerException

from tests import python_models, tiny_models
from tests.conformance.models import add_dyna_sequence
from tests.running_server import RunningServer, running
from tests.tiny_models import ROW, write_config

DELAYED = "dynamic_batching { max_queue_delay_microseconds: 100000 }"
HOUR = "dynamic_batching { max_queue_delay_microseconds: 3600000000 }"


def one_step(name: str, model: str, tensors: dict[str, tuple[str, str]], root: Path) -> None:
    """An ensemble around one model: its tensors by name, each "input" or "output" and its type and dims."""
    blocks = " ".join(f'{kind} {{ name: "E_{key}" {spec} }}' for key, (kind, spec) in tensors.items())
    maps = " ".join(f'{kind}_map {{ key: "{key}" value: "E_{key}" }}' for key, (kind, _) in tensors.items())
    steps = f'ensemble_scheduling {{ step {{ model_name: "{model}" model_version: -1 {maps} }} }}'
    write_config(root, name, f'platform: "ensemble" max_batch_size: 8 {blocks} {steps}')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("ensembles")
    tiny_models.add_double(root, "double", extra=DELAYED)
    tiny_models.add_sum(root)
    tiny_models.add_ensemble(root, "a-diamond", "sum:u,v>y double:x>t double:t>u double:t>v")
    tiny_models.add_lookup(root)
    one_step(
        "a-lookup",
        "lookup",
        {"index": ("input", "data_type: TYPE_INT64 dims: 1"), "entry": ("output", "data_type: TYPE_FP32 dims: 1")},
        root,
    )
    tiny_models.add_brightness(root)
    one_step(
        "a-brightness",
        "brightness",
        {
            "image": ("input", "data_type: TYPE_FP32 dims: [ 1, 4, 4 ]"),
            "scores": ("output", "data_type: TYPE_FP32 dims: 2"),
        },
        root,
    )
    add_dyna_sequence(root)
    one_step(
        "a-sequence",
        "simple_dyna_sequence",
        {"INPUT": ("input", "data_type: TYPE_INT32 dims: 1"), "OUTPUT": ("output", "data_type: TYPE_INT32 dims: 1")},
        root,
    )
    with running(root) as started:
        yield started


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, server: RunningServer) -> Iterator[Any]:
    with client_of(server, request.param) as made:
        yield made


def client_of(server: RunningServer, protocol: str) -> Any:
    if protocol == "http":
        return http_client.InferenceServerClient(server.address)
    return grpc_client.InferenceServerClient(server.grpc_address)


def ask(client: Any, model: str, array: np.ndarray, name: str = "x", output: str = "y", **more: Any) -> np.ndarray:
    datatype = {"float32": "FP32", "int64": "INT64", "int32": "INT32"}[str(array.dtype)]
    module = http_client if isinstance(client, http_client.InferenceServerClient) else grpc_client
    tensor = module.InferInput(name, array.shape, datatype)
    tensor.set_data_from_numpy(array)
    found: np.ndarray = client.infer(model, [tensor], **more).as_numpy(output)
    return found


def index(client: Any) -> dict[str, tuple[str, str]]:
    if isinstance(client, http_client.InferenceServerClient):
        rows = client.get_model_repository_index()
    else:
        rows = client.get_model_repository_index(as_json=True)["models"]
    return {row["name"]: (row.get("state", ""), row.get("reason", "")) for row in rows}


def stats(server: RunningServer, model: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{server.url}/v2/models/{model}/stats").json()["model_stats"][0]
    return found


def test_a_diamond_answers_and_says_what_it_is(client: Any) -> None:
    assert ask(client, "a-diamond", ROW).tolist() == [[8, 8, 8, 8]]
    assert ask(client, "a-diamond", np.concatenate([ROW, 2 * ROW])).tolist() == [[8] * 4, [16] * 4]
    assert client.is_model_ready("a-diamond")
    as_json = {} if isinstance(client, http_client.InferenceServerClient) else {"as_json": True}
    metadata = client.get_model_metadata("a-diamond", **as_json)
    assert (metadata["platform"], metadata["versions"]) == ("ensemble", ["1"])
    config = client.get_model_config("a-diamond", **as_json)
    assert len(config.get("config", config)["ensemble_scheduling"]["step"]) == 4


def test_generate_reaches_it(server: RunningServer) -> None:
    reply = httpx.post(f"{server.url}/v2/models/a-diamond/generate", json={"x": [1, 1, 1, 1]})
    assert reply.json()["y"] == [8, 8, 8, 8]


def test_the_steps_of_many_callers_run_together(server: RunningServer) -> None:
    before, own = stats(server, "double"), stats(server, "a-diamond")

    def caller(number: int) -> float:
        with client_of(server, "http") as client:
            return float(ask(client, "a-diamond", number * ROW)[0, 0])

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(caller, range(32))) == [8 * number for number in range(32)]
    after = stats(server, "double")
    assert after["inference_count"] - before["inference_count"] == 3 * 32
    assert after["execution_count"] - before["execution_count"] < 3 * 32 / 2
    assert stats(server, "a-diamond")["inference_count"] - own["inference_count"] == 32


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_step_that_fails_names_itself_and_costs_no_neighbour(server: RunningServer, protocol: str) -> None:
    def entry(index: int) -> float | str:
        array = np.array([[index]], np.int64)
        with client_of(server, protocol) as client:
            try:
                return float(ask(client, "a-lookup", array, "E_index", "E_entry")[0, 0])
            except InferenceServerException as error:
                return str(error)

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(entry, [0, 99, 2]))
    assert found[::2] == [10.0, 30.0]
    assert "in ensemble 'a-lookup', model 'lookup': the model failed on this request" in str(found[1])


def test_classes_have_the_labels_of_the_model_whose_output_it_is(client: Any) -> None:
    module = http_client if isinstance(client, http_client.InferenceServerClient) else grpc_client
    wanted = [module.InferRequestedOutput("E_scores", class_count=1)]
    image = np.full((1, 1, 4, 4), 204, np.float32)
    found = ask(client, "a-brightness", image, "E_image", "E_scores", outputs=wanted)
    assert found.tolist() == [[b"0.800000:1:bright"]]


def test_a_sequence_goes_through_its_step(client: Any) -> None:
    answers = [
        int(
            ask(
                client,
                "a-sequence",
                np.array([[value]], np.int32),
                "E_INPUT",
                "E_OUTPUT",
                sequence_id=7,
                sequence_start=value == 1,
                sequence_end=value == 3,
            )[0, 0]
        )
        for value in (1, 2, 3)
    ]
    assert answers == [1 + 1, 2, 3 + 7], "its model adds 1 at a sequence's start, and the sequence's id at its end"
    words = r"in ensemble 'a-sequence', model 'simple_dyna_sequence': .*START"
    with pytest.raises(InferenceServerException, match=words):
        ask(client, "a-sequence", np.array([[1]], np.int32), "E_INPUT", "E_OUTPUT", sequence_id=8)


def test_metrics_count_an_ensemble_like_a_model(server: RunningServer) -> None:
    text = server.metrics()
    assert 'nv_inference_request_success{model="a-diamond",version="1"}' in text
    assert 'nv_inference_pending_request_count{model="a-diamond",version="1"} 0' in text


def test_a_caller_that_hangs_up_frees_the_step_that_waits(tmp_path: Path) -> None:
    """The model holds requests back for an hour, so that only a hang-up can empty its queue."""
    tiny_models.add_double(tmp_path, extra=HOUR)
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>t double:t>y")
    body = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}).encode()
    head = f"POST /v2/models/twice/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with running(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.http_port)) as caller:
            caller.sendall(head + body)
            server.wait_for_pending("double", 1)
        server.wait_for_pending("double", 0)
        text = server.metrics()
        assert 'nv_inference_request_failure{model="twice",reason="CANCELED",version="1"} 1' in text


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_deadline_crosses_the_steps(tmp_path: Path, protocol: str) -> None:
    """The step holds requests back for an hour, and knows how long the ensemble's caller waits."""
    tiny_models.add_double(tmp_path, "first", extra="")
    tiny_models.add_double(tmp_path, "second", extra=HOUR)
    tiny_models.add_ensemble(tmp_path, "both", "first:x>t second:t>y")
    with (
        running(tmp_path) as server,
        client_of(server, protocol) as client,
        pytest.raises(InferenceServerException, match="in ensemble 'both', model 'second': Request timeout expired"),
    ):
        ask(client, "both", ROW, timeout=50_000)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_models_come_and_go_with_what_they_need(tmp_path: Path, protocol: str) -> None:
    for name in ("double", "half"):
        tiny_models.add_double(tmp_path, name)
    tiny_models.add_ensemble(tmp_path, "inner", "double:x>y")
    tiny_models.add_ensemble(tmp_path, "outer", "inner:x>t half:t>y")
    tiny_models.add_ensemble(tmp_path, "other", "half:x>y")
    names = ("double", "half", "inner", "outer", "other")
    with (
        running(tmp_path, model_control_mode="explicit", load_model=("outer",), strict_readiness=True) as server,
        client_of(server, protocol) as client,
    ):

        def ready() -> set[str]:
            """As all who can be asked say it."""
            found = {name for name in names if client.is_model_ready(name)}
            assert found == {name for name, (state, _) in index(client).items() if state == "READY"}
            gauge = 'slipway_model_ready{{model="{}",version="1"}}'
            assert found == {name for name in names if server.metric(gauge.format(name))}
            return found

        assert ready() == {"double", "half", "inner", "outer"}
        client.load_model("other")
        client.unload_model("double")
        assert ready() == {"half", "other"}, "an ensemble is as ready as its models"
        assert not client.is_server_ready()
        words = "ensemble 'inner' depends on 'double', which is not ready: Request for unknown model: 'double'"
        state, reason = index(client)["outer"]
        assert state == "UNAVAILABLE"
        assert reason.startswith(f"ensemble 'outer' depends on 'inner', which is not ready: {words}")
        words = (
            "'outer' depends on 'inner', which is not ready: ensemble 'inner' depends on 'double', which is not ready"
        )
        with pytest.raises(InferenceServerException, match=words) as refused:
            ask(client, "outer", ROW)
        assert refused.value.status() in ("503", "StatusCode.UNAVAILABLE")
        client.load_model("double")
        assert client.is_server_ready()
        assert ask(client, "outer", ROW).tolist() == [[4] * 4]
        client.unload_model("outer", unload_dependents=True)
        assert ready() == {"half", "other"}
        client.unload_model("other")
        assert ready() == {"half"}
        client.load_model("outer")
        client.unload_model("outer", unload_dependents=True)
        assert ready() == set()


def test_a_load_that_is_refused_says_why(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, max_batch_size=4)
    tiny_models.add_ensemble(tmp_path, "large", "double:x>y")
    tiny_models.add_ensemble(tmp_path, "a", "b:x>y")
    tiny_models.add_ensemble(tmp_path, "b", "a:x>y")
    tiny_models.add_ensemble(tmp_path, "lost", "nowhere:x>y")
    python_models.add_mock_llm(tmp_path)
    tiny_models.add_ensemble(tmp_path, "streams", "mock_llm:x>y")
    with running(tmp_path, model_control_mode="explicit") as server, client_of(server, "http") as client:
        for name, reason in (
            ("large", "contains model double which only allows maximum batch size to be 4"),
            ("a", "circular dependency between ensembles: a -> b -> a"),
            ("lost", "ensemble lost contains models that are not available or ambiguous: nowhere"),
            ("streams", "contains model mock_llm, which is decoupled"),
        ):
            with pytest.raises(InferenceServerException, match=f"load failed for model '{name}': .*{reason}"):
                client.load_model(name)
            assert not client.is_model_ready(name)
