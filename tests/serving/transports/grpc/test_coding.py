import threading

import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from serving.errors import InvalidInput
from serving.transports.grpc.coding import MANY, decoded
from tests.grpc_client import request


class Memory:
    """Regions that are all zeros, and the threads that opened them."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def open(self, _: str, __: int, byte_size: int) -> "Zeros":
        self.threads.append(threading.current_thread())
        return Zeros(byte_size)


class Zeros:
    def __init__(self, byte_size: int) -> None:
        self._byte_size = byte_size

    def read(self) -> memoryview:
        return memoryview(bytes(self._byte_size))

    def write(self, *_: object) -> None:
        raise AssertionError("nothing is written while requests are decoded")


def with_output_in_memory(message: messages.ModelInferRequest) -> messages.ModelInferRequest:
    in_memory(message.outputs.add(name="y"))
    return message


def in_memory(tensor: object) -> None:
    tensor.parameters["shared_memory_region"].string_param = "r"  # type: ignore[attr-defined]
    tensor.parameters["shared_memory_byte_size"].int64_param = 8  # type: ignore[attr-defined]


async def test_a_small_message_is_decoded_at_once() -> None:
    memory = Memory()
    await decoded(with_output_in_memory(request("m", x=[1])), memory.open)
    assert memory.threads == [threading.current_thread()]


async def test_a_large_message_is_decoded_in_another_thread() -> None:
    memory = Memory()
    large = np.full(MANY, b"x", object)
    found, _ = await decoded(with_output_in_memory(request("m", x=large)), memory.open)
    assert found.inputs["x"].shape == large.shape
    assert memory.threads != [threading.current_thread()]


async def test_shared_memory_is_read_in_another_thread() -> None:
    memory = Memory()
    message = messages.ModelInferRequest(model_name="m")
    in_memory(message.inputs.add(name="x", datatype="FP32", shape=[2]))
    found, _ = await decoded(message, memory.open)
    assert found.inputs["x"].tolist() == [0, 0]
    assert memory.threads != [threading.current_thread()]


async def test_raw_numbers_are_views_however_many() -> None:
    memory = Memory()
    await decoded(with_output_in_memory(request("m", x=np.zeros(1_000_000, np.float32))), memory.open)
    assert memory.threads == [threading.current_thread()]


@pytest.mark.parametrize("elements", [1, MANY])
async def test_errors_come_through(elements: int) -> None:
    message = request("m", x=np.zeros(elements, np.float32))
    message.raw_input_contents.append(b"more")
    with pytest.raises(InvalidInput, match="more than there are inputs"):
        await decoded(message, Memory().open)
