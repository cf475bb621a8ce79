"""What Triton's clients can be told beside the request: headers, query parameters, timeouts, compression."""

from typing import Any

import numpy as np
import pytest
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.conformance.behaviours import Gate
from tests.conformance.callers import CLIENTS, INT32, Caller, calling
from tests.running_server import RunningServer

GRPC = ["grpc", "grpc.aio"]
HTTP = ["http", "http.aio"]


@pytest.mark.parametrize("kind", CLIENTS)
async def test_headers_are_no_matter(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        result = await caller.ask("infer", "simple", caller.simple_inputs(), headers={"x-anything": "1"})
        assert result.as_numpy("OUTPUT0").tolist() == (INT32 * 2).tolist()


@pytest.mark.parametrize("kind", HTTP)
async def test_query_parameters_are_no_matter(server: RunningServer, kind: str) -> None:
    query = {"a": 1, "b": ["x y", "z"]}
    async with calling(kind, server) as caller:
        assert await caller.ask("is_model_ready", "simple", query_params=query)
        result = await caller.ask("infer", "simple", caller.simple_inputs(), query_params=query)
        assert result.as_numpy("OUTPUT0").tolist() == (INT32 * 2).tolist()


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("up", [None, "gzip", "deflate"])
@pytest.mark.parametrize("down", [None, "gzip", "deflate"])
async def test_bodies_are_compressed_both_ways(
    server: RunningServer, kind: str, up: str | None, down: str | None
) -> None:
    row = np.arange(4096, dtype=np.int32).reshape(1, -1)
    async with calling(kind, server) as caller:
        options = {"request_compression_algorithm": up, "response_compression_algorithm": down}
        result = await caller.ask("infer", "identity_int32", [caller.tensor("IN", row)], **options)
        assert (result.as_numpy("OUT") == row).all()


@pytest.mark.parametrize("kind", GRPC)
@pytest.mark.parametrize("algorithm", [None, "gzip", "deflate"])
async def test_messages_are_compressed(server: RunningServer, kind: str, algorithm: str | None) -> None:
    async with calling(kind, server) as caller:
        result = await caller.ask("infer", "simple", caller.simple_inputs(), compression_algorithm=algorithm)
        assert result.as_numpy("OUTPUT0").tolist() == (INT32 * 2).tolist()


# What the client says, and the server, where it is the sooner one.
TOO_LATE = "Deadline Exceeded|could not be answered in time|Request timeout expired"


def held_input(caller: Caller) -> list[Any]:
    return [caller.tensor("x", np.int32([[1]]))]


@pytest.mark.parametrize("kind", GRPC)
async def test_a_client_whose_time_is_up_stops_waiting_and_frees_its_place(
    server: RunningServer, gate: Gate, kind: str
) -> None:
    async with calling(kind, server) as caller:
        while not gate.is_entered:
            with pytest.raises(InferenceServerException, match=TOO_LATE):
                await caller.ask("infer", "held", held_input(caller), client_timeout=0.2)  # it runs in the end
        with pytest.raises(InferenceServerException, match=TOO_LATE):
            await caller.ask("infer", "held", held_input(caller), client_timeout=0.2)  # it waits
        server.wait_for_pending("held", 0)
        gate.open()
        result = await caller.ask("infer", "held", held_input(caller), client_timeout=30)
        assert result.as_numpy("y").tolist() == [[1]]


def test_an_http_client_whose_time_is_up_frees_its_place(server: RunningServer, gate: Gate) -> None:
    while not gate.is_entered:
        give_up_soon(server)  # it runs in the end
    give_up_soon(server)  # it waits
    server.wait_for_pending("held", 0)


def give_up_soon(server: RunningServer) -> None:
    tensor = tritonclient.http.InferInput("x", [1, 1], "INT32")
    tensor.set_data_from_numpy(np.int32([[1]]))
    with (
        tritonclient.http.InferenceServerClient(server.address, network_timeout=0.2) as client,
        pytest.raises(TimeoutError),
    ):
        client.infer("held", [tensor])


@pytest.mark.parametrize("kind", CLIENTS)
async def test_a_timeout_and_a_priority_that_do_not_matter_here(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        result = await caller.ask("infer", "simple", caller.simple_inputs(), timeout=30_000_000, priority=1)
        assert result.as_numpy("OUTPUT1").tolist() == np.zeros((1, 16)).tolist()


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("name", ["triton_reserved", "sequence_id", "priority", "binary_data_output"])
async def test_parameters_that_mean_something_are_no_callers_own(server: RunningServer, kind: str, name: str) -> None:
    """Triton's client refuses these itself."""
    async with calling(kind, server) as caller:
        with pytest.raises(InferenceServerException):
            await caller.ask("infer", "simple", caller.simple_inputs(), parameters={name: 1})
