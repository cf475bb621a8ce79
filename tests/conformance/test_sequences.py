"""Requests that belong together: sequences, their ids, order and ends, over both protocols."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from tests.conformance.callers import CLIENTS, Caller, calling
from tests.running_server import RunningServer

every_client = pytest.mark.parametrize("kind", CLIENTS)


async def step(caller: Caller, model: str, sequence: int | str, value: int, place: str = "") -> int:
    """`place` says whether it is the sequence's "first" request, its "last" one, or "both"."""
    result = await caller.ask(
        "infer",
        model,
        [caller.tensor("INPUT", np.int32([[value]]))],
        sequence_id=sequence,
        sequence_start=place in ("first", "both"),
        sequence_end=place in ("last", "both"),
    )
    return int(result.as_numpy("OUTPUT")[0, 0])


async def run(caller: Caller, model: str, sequence: int | str, values: list[int]) -> list[int]:
    places = ["first", *[""] * (len(values) - 2), "last"]
    return [await step(caller, model, sequence, value, place) for value, place in zip(values, places, strict=True)]


@every_client
@pytest.mark.parametrize("sequence", [42, 2**63 - 1, "a-name", "ünï"])
async def test_direct(server: RunningServer, kind: str, sequence: int | str) -> None:
    async with calling(kind, server) as caller:
        assert await run(caller, "simple_sequence", sequence, [10, 20, 30]) == [11, 20, 30]


@every_client
async def test_oldest(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        assert await run(caller, "simple_dyna_sequence", 1000, [10, 20, 30]) == [11, 20, 1030]


@every_client
async def test_oldest_with_names(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        assert await run(caller, "simple_string_dyna_sequence", "1000", [10, 20, 30]) == [10, 30, 1060]


@every_client
async def test_the_server_keeps_a_models_state(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        assert await run(caller, "running_sum", 7, [1, 2, 3]) == [1, 3, 6]
        assert await run(caller, "running_sum", 7, [10, 20]) == [10, 30], "a START begins anew"


@every_client
async def test_a_start_in_the_middle_begins_anew(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        assert await step(caller, "running_sum", 8, 5, "first") == 5
        assert await step(caller, "running_sum", 8, 1, "first") == 1
        assert await step(caller, "running_sum", 8, 1, "last") == 2


@every_client
async def test_one_request_may_be_first_and_last(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        assert await step(caller, "running_sum", 9, 5, "both") == 5
        with pytest.raises(InferenceServerException, match="must specify the START flag"):
            await step(caller, "running_sum", 9, 5)


@pytest.mark.parametrize("kind", ["http.aio", "grpc.aio"])
async def test_interleaved_sequences_do_not_mix(server: RunningServer, kind: str) -> None:
    """More of them than there are slots."""
    async with calling(kind, server) as caller:
        many = [run(caller, "running_sum", number, [number, 1, 1]) for number in range(1, 21)]
        assert await asyncio.gather(*many) == [[number, number + 1, number + 2] for number in range(1, 21)]


async def test_two_clients_and_two_protocols_share_a_sequence(server: RunningServer) -> None:
    async with AsyncExitStack() as stack:
        callers = [await stack.enter_async_context(calling(kind, server)) for kind in CLIENTS]
        sums = [await step(callers[0], "running_sum", 77, 1, "first")]
        sums += [await step(caller, "running_sum", 77, 1) for caller in callers]
        assert sums == [1, 2, 3, 4, 5]
        assert await step(callers[-1], "running_sum", 77, 0, "last") == 5


@every_client
@pytest.mark.parametrize(
    ("model", "sequence", "words"),
    [
        (
            "simple_sequence",
            99,
            "inference request for sequence 99 to model 'simple_sequence' must specify the START flag",
        ),
        ("simple_sequence", "x", "sequence x to model 'simple_sequence' must specify the START flag"),
        ("simple_sequence", 0, "must specify a non-zero or non-empty correlation ID"),
        ("simple_sequence", "", "must specify a non-zero or non-empty correlation ID"),
        (
            "simple_dyna_sequence",
            "x",
            "control 'CORRID' data-type is 'BYTES', but model 'simple_dyna_sequence' expects 'UINT64'",
        ),
        (
            "simple_string_dyna_sequence",
            1,
            "control 'CORRID' data-type is 'UINT64', but model 'simple_string_dyna_sequence' expects 'BYTES'",
        ),
    ],
)
async def test_what_is_of_no_sequence(server: RunningServer, kind: str, model: str, sequence: Any, words: str) -> None:
    async with calling(kind, server) as caller:
        with pytest.raises(InferenceServerException) as failure:
            await step(caller, model, sequence, 1)
    assert words in failure.value.message()
    assert failure.value.status() == ("StatusCode.INVALID_ARGUMENT" if caller.is_grpc else "400")


@every_client
async def test_a_sequence_takes_one_row_at_a_time(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        two = [caller.tensor("INPUT", np.int32([[1], [2]]))]
        with pytest.raises(InferenceServerException, match="must specify batch-size 1"):
            await caller.ask("infer", "simple_sequence", two, sequence_id=5, sequence_start=True)


@every_client
async def test_a_sequence_that_idled_too_long_is_forgotten(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        assert await step(caller, "forgetful", 3, 1, "first") == 1
        with pytest.raises(InferenceServerException, match="must specify the START flag"):
            await step(caller, "forgetful", 3, 1)


async def test_a_stream_answers_sequences_in_their_order(server: RunningServer) -> None:
    """Two sequences on one stream, whose requests alternate and are all sent before the first is answered."""
    places = ["first", *[""] * 18, "last"]
    async with calling("grpc.aio", server) as caller:

        async def requests() -> AsyncIterator[dict[str, Any]]:
            for number, place in enumerate(places):
                for sequence in (501, 502):
                    yield {
                        "model_name": "running_sum",
                        "inputs": [caller.tensor("INPUT", np.int32([[1 if sequence == 501 else 10]]))],
                        "request_id": f"{sequence}_{number}",
                        "sequence_id": sequence,
                        "sequence_start": place == "first",
                        "sequence_end": place == "last",
                    }

        answers = [answer async for answer in caller.client.stream_infer(requests())]
    assert all(error is None for _, error in answers)
    results = [(result.get_response().id, int(result.as_numpy("OUTPUT")[0, 0])) for result, _ in answers]
    sums = {501: 1, 502: 10}
    assert results == [(f"{name}_{n}", (n + 1) * value) for n in range(20) for name, value in sums.items()]
