"""ONNX Runtime asked for memory that no machine has."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.callers import callers_of
from tests.faults.asking import ask, output, tensor
from tests.faults.trials import Trials
from tests.running_server import RunningServer

TRIALS = 10
FAR_TOO_MUCH = 2**45  # floats of 4 bytes: 128 TiB, which no address space has room for


def size_of(value: int, server: RunningServer) -> httpx.Response:
    return ask(server, "growing", tensor("size", "INT64", [value]))


def test_a_model_without_memory_fails_the_request_that_wants_it(server: RunningServer, trials: Trials) -> None:
    """And none that ran in its batch, nor a neighbour."""
    with callers_of(server, 2) as told, ThreadPoolExecutor(4) as pool:
        for _ in range(TRIALS):
            bad, *good = pool.map(lambda size: size_of(size, server), [FAR_TOO_MUCH, 3, 3, 3])
            assert bad.status_code == 500
            assert "the model's device is out of memory, 1407374883553" in bad.json()["error"]
            assert [output(reply, "filled")[:3] for reply in good] == [[1.0] * 3] * 3
        assert output(size_of(2, server), "filled") == [1.0] * 2
    assert told.failures == []
    assert told.answers
    trials.note("ONNX Runtime can't allocate", TRIALS, f"the {TRIALS} requests that wanted the memory: 500")
