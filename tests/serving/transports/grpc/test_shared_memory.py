import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2 as messages
from tritonclient.utils import InferenceServerException

from tests.grpc_client import stub_of
from tests.running_server import RunningServer, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="POSIX shared memory of Linux")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running(tmp_path_factory.mktemp("empty"), allow_shared_memory=True) as server:
        yield server


@pytest.fixture
def triton(server: RunningServer) -> Iterator[Any]:
    with client.InferenceServerClient(server.grpc_address) as triton:
        yield triton
        triton.unregister_system_shared_memory()


@pytest.fixture
def key() -> Iterator[str]:
    """Of a segment of 64 bytes."""
    path = Path(f"/dev/shm/slipway_test_{uuid.uuid4().hex}")
    path.write_bytes(bytes(64))
    yield f"/{path.name}"
    path.unlink()


def test_register_ask_and_unregister(triton: Any, key: str) -> None:
    triton.register_system_shared_memory("a", key, 60, offset=4)
    triton.register_system_shared_memory("b", key, 64)
    regions = triton.get_system_shared_memory_status().regions
    assert {name: (region.name, region.key, region.offset, region.byte_size) for name, region in regions.items()} == {
        "a": ("a", key, 4, 60),
        "b": ("b", key, 0, 64),
    }
    triton.unregister_system_shared_memory("a")
    assert list(triton.get_system_shared_memory_status().regions) == ["b"]
    triton.unregister_system_shared_memory()
    assert not triton.get_system_shared_memory_status().regions


@pytest.mark.parametrize(
    ("method", "fields", "code", "words"),
    [
        ("SystemSharedMemoryStatus", {"name": "n"}, grpc.StatusCode.NOT_FOUND, "Unable to find system shared memory"),
        ("CudaSharedMemoryStatus", {"name": "n"}, grpc.StatusCode.NOT_FOUND, "Unable to find cuda shared memory"),
        ("SystemSharedMemoryRegister", {"name": "n", "key": "/x"}, grpc.StatusCode.INVALID_ARGUMENT, "Unable to open"),
        (
            "CudaSharedMemoryRegister",
            {"name": "n", "byte_size": 4},
            grpc.StatusCode.INVALID_ARGUMENT,
            "failed to register CUDA shared memory region: 'n', GPUs not supported",
        ),
    ],
)
def test_what_can_not_be_had(
    server: RunningServer, method: str, fields: dict[str, Any], code: grpc.StatusCode, words: str
) -> None:
    with stub_of(server) as stub, pytest.raises(grpc.RpcError) as error:
        getattr(stub, method)(getattr(messages, f"{method}Request")(**fields))
    assert error.value.code() == code
    assert words in error.value.details()


def test_sizes_beyond_any_memory(triton: Any, key: str) -> None:
    with pytest.raises(InferenceServerException, match="invalid args"):
        triton.register_system_shared_memory("n", key, 2**64 - 1, offset=2**64 - 1)


def test_cuda_has_nothing_to_tell_or_forget(triton: Any) -> None:
    assert not triton.get_cuda_shared_memory_status().regions
    triton.unregister_cuda_shared_memory()


def test_it_is_off_unless_it_was_switched_on(tiny_server: RunningServer, key: str) -> None:
    with (
        client.InferenceServerClient(tiny_server.grpc_address) as triton,
        pytest.raises(InferenceServerException, match="Client shared memory is disabled"),
    ):
        triton.register_system_shared_memory("a", key, 64)
