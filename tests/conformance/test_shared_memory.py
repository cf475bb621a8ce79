"""Tensors in the system's shared memory, in and out, over both protocols and with all four clients."""

from typing import Any

import numpy as np
import pytest
import tritonclient.utils.shared_memory as system_memory
from tritonclient.utils import InferenceServerException, serialize_byte_tensor

from tests.conformance.callers import CLIENTS, INT32, Caller, calling, segment
from tests.running_server import RunningServer

every_client = pytest.mark.parametrize("kind", CLIENTS)


async def registered(caller: Caller, name: str, key: str, byte_size: int, offset: int = 0) -> None:
    await caller.ask("register_system_shared_memory", name, key, byte_size, offset)


def shared_input(caller: Caller, name: str, region: str, byte_size: int, offset: int = 0) -> Any:
    tensor = caller.module.InferInput(name, [1, 16], "INT32")
    tensor.set_shared_memory(region, byte_size, offset)
    return tensor


def shared_output(caller: Caller, name: str, region: str, byte_size: int, offset: int = 0) -> Any:
    output = caller.module.InferRequestedOutput(name)
    output.set_shared_memory(region, byte_size, offset)
    return output


@pytest.fixture(autouse=True)
def no_region_is_left(server: RunningServer) -> Any:
    yield
    with CLIENTS["http"](server.address) as client:
        client.unregister_system_shared_memory()


@every_client
async def test_inputs_and_outputs_at_offsets_of_one_region(server: RunningServer, kind: str) -> None:
    rows = np.concatenate([INT32, INT32 * 10, INT32 * 0, INT32 * 0])
    async with calling(kind, server) as caller:
        with segment(rows) as (key, handle):
            await registered(caller, "rows", key, rows.nbytes)
            inputs = [shared_input(caller, f"INPUT{n}", "rows", 64, 64 * n) for n in (0, 1)]
            outputs = [shared_output(caller, f"OUTPUT{n}", "rows", 64, 128 + 64 * n) for n in (0, 1)]
            result = await caller.ask("infer", "simple", inputs, outputs=outputs)
            written = system_memory.get_contents_as_numpy(handle, np.int32, [4, 16]).copy()
            assert (written[2:] == np.concatenate([INT32 * 11, INT32 * -9])).all()
            assert result.get_output("OUTPUT0") is not None


@every_client
async def test_a_region_that_begins_inside_its_segment(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        with segment(np.concatenate([INT32 * 0, INT32])) as (key, _):
            await registered(caller, "second", key, 64, offset=64)
            inputs = [shared_input(caller, "INPUT0", "second", 64), caller.tensor("INPUT1", INT32)]
            result = await caller.ask("infer", "simple", inputs)
            assert (result.as_numpy("OUTPUT0") == INT32 * 2).all()


@every_client
async def test_text(server: RunningServer, kind: str) -> None:
    words = np.array([[b"a", b"", b"longer\0"]], object)
    serialized = serialize_byte_tensor(words)
    async with calling(kind, server) as caller:
        with segment(np.frombuffer(serialized.item(), np.uint8)) as (key, _):
            await registered(caller, "words", key, len(serialized.item()))
            tensor = caller.module.InferInput("IN", [1, 3], "BYTES")
            tensor.set_shared_memory("words", len(serialized.item()))
            result = await caller.ask("infer", "identity_bytes", [tensor])
            assert result.as_numpy("OUT").tolist() == words.tolist()


@every_client
@pytest.mark.parametrize(
    ("region", "byte_size", "offset", "http_status", "grpc_status", "words"),
    [
        ("gone", 64, 0, "404", "NOT_FOUND", "Unable to find shared memory region: 'gone'"),
        ("row", 64, 64, "400", "INVALID_ARGUMENT", "Invalid offset for shared memory region: 'row'"),
        ("row", 64, 4, "400", "INVALID_ARGUMENT", "Invalid offset + byte size for shared memory region: 'row'"),
        ("row", 60, 0, "400", "INVALID_ARGUMENT", "input byte size mismatch for input 'INPUT0'"),
    ],
)
async def test_what_is_outside_of_a_region(
    server: RunningServer,
    kind: str,
    region: str,
    byte_size: int,
    offset: int,
    http_status: str,
    grpc_status: str,
    words: str,
) -> None:
    async with calling(kind, server) as caller:
        with segment() as (key, _):
            await registered(caller, "row", key, 64)
            inputs = [shared_input(caller, "INPUT0", region, byte_size, offset), caller.tensor("INPUT1", INT32)]
            with pytest.raises(InferenceServerException) as failure:
                await caller.ask("infer", "simple", inputs)
    assert words in failure.value.message()
    assert failure.value.status() == (f"StatusCode.{grpc_status}" if caller.is_grpc else http_status)


@every_client
async def test_an_output_that_does_not_fit(server: RunningServer, kind: str) -> None:
    words = (
        r"shared memory size specified with the request for output 'OUTPUT0' \(60 bytes\) should be at least 64 bytes"
    )
    async with calling(kind, server) as caller:
        with segment() as (key, _):
            await registered(caller, "row", key, 64)
            wanted = [shared_output(caller, "OUTPUT0", "row", 60)]
            with pytest.raises(InferenceServerException, match=words):
                await caller.ask("infer", "simple", caller.simple_inputs(), outputs=wanted)


@every_client
@pytest.mark.parametrize(
    ("key", "byte_size", "offset", "words"),
    [
        ("/slipway_no_such_segment", 64, 0, "Unable to open shared memory region: '/slipway_no_such_segment'"),
        ("/", 64, 0, "invalid shm key '/'"),
        ("/../etc/passwd", 64, 0, "invalid shm key"),
        ("", 64, 0, "invalid shm key"),
        ("/triton_python_backend_shm_region_1", 64, 0, "reserved prefix 'triton_python_backend_shm_region_'"),
    ],
)
async def test_keys_that_are_none(
    server: RunningServer, kind: str, key: str, byte_size: int, offset: int, words: str
) -> None:
    async with calling(kind, server) as caller:
        with pytest.raises(InferenceServerException) as failure:
            await registered(caller, "row", key, byte_size, offset)
    assert words in failure.value.message()


@every_client
async def test_ranges_and_names_that_are_none(server: RunningServer, kind: str) -> None:
    async with calling(kind, server) as caller:
        with segment() as (key, _):
            for byte_size, offset in ((65, 0), (64, 1), (0, 0), (2**62, 2**62)):
                with pytest.raises(InferenceServerException, match="shared memory region 'row': invalid args"):
                    await registered(caller, "row", key, byte_size, offset)
            await registered(caller, "row", key, 64)
            with pytest.raises(InferenceServerException, match="shared memory region 'row' already in manager"):
                await registered(caller, "row", key, 64)
            with pytest.raises(InferenceServerException, match="Unable to find system shared memory region: 'gone'"):
                await caller.ask("get_system_shared_memory_status", "gone")
            await caller.ask("unregister_system_shared_memory", "gone")
            await caller.ask("unregister_system_shared_memory", "row")
            await registered(caller, "row", key, 64)
