"""Every segment here is a real one of the system's, as a caller makes it."""

import gc
import os
import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
import pytest
import tritonclient.utils.shared_memory as client

from serving.errors import InvalidInput, RegionNotFound, Unsupported
from serving.transports.shared_memory import Region, SharedMemoryRegions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="POSIX shared memory of Linux")


@pytest.fixture
def regions() -> SharedMemoryRegions:
    return SharedMemoryRegions(allowed=True)


@pytest.fixture
def key() -> Iterator[str]:
    """Of nothing yet; what a test makes there is removed."""
    name = f"slipway_test_{uuid.uuid4().hex}"
    yield f"/{name}"
    path = Path("/dev/shm", name)
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def path_of(key: str) -> Path:
    return Path(f"/dev/shm{key}")


@pytest.fixture
def segment(key: str) -> Path:
    """100 bytes, 0 to 99."""
    path_of(key).write_bytes(bytes(range(100)))
    return path_of(key)


def test_what_a_client_writes_is_read_and_the_other_way_round(regions: SharedMemoryRegions, key: str) -> None:
    handle = client.create_shared_memory_region("tensor", key, 64)
    try:
        regions.register("tensor", key, 0, 64)
        sent = np.arange(16, dtype=np.int32)
        client.set_shared_memory_region(handle, [sent])
        assert np.frombuffer(regions.read("tensor", 0, 64), np.int32).tolist() == sent.tolist()
        regions.write("tensor", 0, 64, (sent * 2).tobytes(), "output 'y'")
        assert client.get_contents_as_numpy(handle, np.int32, [16]).tolist() == (sent * 2).tolist()
    finally:
        client.destroy_shared_memory_region(handle)


def test_offsets_of_region_and_request_add_up(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    regions.register("r", key, 10, 50)
    assert regions.read("r", 5, 3) == bytes([15, 16, 17])
    assert regions.read("r", 47, 3) == bytes([57, 58, 59])
    regions.write("r", 5, 3, b"xy", "output 'o'")
    assert segment.read_bytes()[14:18] == bytes([14, ord("x"), ord("y"), 17])


def test_what_was_read_is_a_copy(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    regions.register("r", key, 0, 100)
    content = regions.read("r", 0, 2)
    segment.write_bytes(bytes(100))
    assert content == bytes([0, 1])
    assert content.readonly


def test_pythons_own_segments(regions: SharedMemoryRegions) -> None:
    shared = SharedMemory(create=True, size=8)
    try:
        shared.buf[:8] = b"segments"
        regions.register("r", f"/{shared.name}", 0, 8)
        assert regions.read("r", 0, 8) == b"segments"
    finally:
        shared.close()
        shared.unlink()


def test_a_removed_segment_lives_as_long_as_its_region(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    regions.register("r", key, 0, 100)
    segment.unlink()
    assert regions.read("r", 1, 1) == b"\1"
    with pytest.raises(InvalidInput, match=f"Unable to open shared memory region: '{key}': No such file"):
        regions.register("again", key, 0, 100)


@pytest.mark.parametrize("size", [0, 59])
def test_a_truncated_segment_is_refused(regions: SharedMemoryRegions, segment: Path, key: str, size: int) -> None:
    regions.register("r", key, 10, 50)
    window = regions.window("r", 0, 50)
    os.truncate(segment, size)
    with pytest.raises(InvalidInput, match=f"'r' has shrunk: 50 bytes at 10 are beyond the {size} bytes"):
        window.read()
    with pytest.raises(InvalidInput, match="has shrunk"):
        window.write(b"x" * 50, "output 'o'")
    assert segment.stat().st_size == size


def test_a_region_is_usable_by_who_had_it_when_it_was_unregistered(
    regions: SharedMemoryRegions, segment: Path, key: str
) -> None:
    regions.register("r", key, 0, 100)
    window = regions.window("r", 0, 2)
    regions.unregister("r")
    assert regions.status() == []
    assert window.read() == bytes([0, 1])
    window.write(b"ab", "output 'o'")
    assert segment.read_bytes()[:2] == b"ab"


def test_no_file_stays_open_without_users(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    def open_files() -> int:
        return sum(link.resolve() == segment for link in Path("/proc/self/fd").iterdir())

    regions.register("r", key, 0, 100)
    window = regions.window("r", 0, 2)
    regions.unregister_all()
    assert open_files() == 1
    del window
    with pytest.raises(InvalidInput, match="invalid args"):
        regions.register("r", key, 0, 101)
    gc.collect()
    assert open_files() == 0


def test_status(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    regions.register("a", key, 0, 100)
    regions.register("b", key, 1, 2)
    assert regions.status() == [Region("a", key, 0, 100), Region("b", key, 1, 2)]
    assert regions.status("b") == [Region("b", key, 1, 2)]
    with pytest.raises(RegionNotFound, match="Unable to find system shared memory region: 'c'"):
        regions.status("c")


def test_a_name_is_free_again_once_unregistered(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    regions.register("r", key, 0, 100)
    with pytest.raises(InvalidInput, match="shared memory region 'r' already in manager"):
        regions.register("r", key, 0, 100)
    regions.unregister("r")
    regions.unregister("r")
    regions.register("r", key, 0, 50)
    assert regions.status() == [Region("r", key, 0, 50)]


@pytest.mark.parametrize(
    "bad", ["/", "///", "", "x", "/a/b", "//a", "/..", "/.", "/a\0b", "/\n", "/" + "x" * 255, "/\ud800"]
)
def test_keys_that_name_no_file_of_shared_memory(regions: SharedMemoryRegions, bad: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        regions.register("n", bad, 0, 1)
    assert f"cannot register shared memory region 'n' - invalid shm key '{bad[:255]}'" in str(refusal.value)


@pytest.mark.parametrize("slashes", ["", "/", "///"])
def test_the_prefix_of_tritons_own_segments_is_reserved(regions: SharedMemoryRegions, slashes: str) -> None:
    prefix = "triton_python_backend_shm_region_"
    key = f"{slashes}{prefix}_1"
    with pytest.raises(InvalidInput) as refusal:
        regions.register("n", key, 0, 1)
    assert str(refusal.value) == (
        f"cannot register shared memory region 'n' with key '{key}' as the key contains the reserved prefix '{prefix}'"
    )


def test_a_name_is_needed_and_has_a_bound(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    for name, message in (("", "'region name' is necessary"), ("x" * 1025, "at most 1024 characters")):
        with pytest.raises(InvalidInput, match=message):
            regions.register(name, key, 0, 1)


@pytest.mark.parametrize(("offset", "byte_size"), [(0, 101), (1, 100), (100, 1), (101, 0), (-1, 5), (0, 0), (0, 2**63)])
def test_regions_beyond_their_segment(
    regions: SharedMemoryRegions, segment: Path, key: str, offset: int, byte_size: int
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        regions.register("n", key, offset, byte_size)
    assert "failed to register shared memory region 'n': invalid args" in str(refusal.value)
    assert f"offset {offset} and byte_size {byte_size}, '{key}' has 100 bytes" in str(refusal.value)
    assert regions.status() == []


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/dev/null"), os.mkfifo, make_socket, Path.mkdir])
def test_links_pipes_sockets_and_folders_are_no_segments(
    regions: SharedMemoryRegions, key: str, make: Callable[[Path], None]
) -> None:
    make(path_of(key))
    with pytest.raises(InvalidInput, match=f"Unable to open shared memory region: '{key}': "):
        regions.register("n", key, 0, 1)


@pytest.mark.parametrize(
    ("offset", "byte_size", "message"),
    [
        (50, 1, "Invalid offset for shared memory region: 'r': it has 50 bytes, got 50"),
        (-1, 1, "Invalid offset for shared memory region: 'r'"),
        (2**63, 1, "Invalid offset for shared memory region: 'r'"),
        (1, 50, "Invalid offset + byte size for shared memory region: 'r': it has 50 bytes, got 1 + 50"),
        (0, -1, "Invalid offset + byte size for shared memory region: 'r'"),
        (0, 2**63, "Invalid offset + byte size for shared memory region: 'r'"),
        (32, 2**64 - 32, "Integer overflow detected: byte_size (18446744073709551584) + offset (32)"),
    ],
)
def test_requests_beyond_their_region(
    regions: SharedMemoryRegions, segment: Path, key: str, offset: int, byte_size: int, message: str
) -> None:
    regions.register("r", key, 0, 50)
    with pytest.raises(InvalidInput) as refusal:
        regions.read("r", offset, byte_size)
    assert message in str(refusal.value)
    with pytest.raises(InvalidInput):
        regions.write("r", offset, byte_size, b"", "output 'o'")


def test_unknown_regions(regions: SharedMemoryRegions) -> None:
    with pytest.raises(RegionNotFound, match="Unable to find shared memory region: 'r'"):
        regions.read("r", 0, 1)


def test_an_output_larger_than_its_window(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    regions.register("r", key, 0, 100)
    with pytest.raises(InvalidInput) as refusal:
        regions.write("r", 0, 32, bytes(64), "output 'O'")
    assert str(refusal.value) == (
        "shared memory size specified with the request for output 'O' (32 bytes) "
        "should be at least 64 bytes to hold the results"
    )
    assert segment.read_bytes() == bytes(range(100))


def test_more_than_the_server_has_memory_for_is_refused(regions: SharedMemoryRegions, segment: Path, key: str) -> None:
    os.truncate(segment, 2**50)  # sparse
    regions.register("r", key, 0, 2**50)
    with pytest.raises(InvalidInput, match="too large for the server's memory"):
        regions.read("r", 0, 2**50)


def test_the_number_of_regions_has_a_bound(segment: Path, key: str) -> None:
    regions = SharedMemoryRegions(allowed=True, max_regions=2)
    regions.register("a", key, 0, 1)
    regions.register("b", key, 0, 1)
    with pytest.raises(InvalidInput, match="failed to register shared memory region 'c': there are 2 already"):
        regions.register("c", key, 0, 1)


def test_where_it_is_not_allowed_only_the_status_can_be_asked_for(segment: Path, key: str) -> None:
    regions = SharedMemoryRegions(allowed=False)
    assert regions.status() == regions.cuda_status() == []
    for use in (
        lambda: regions.register("r", key, 0, 1),
        lambda: regions.unregister("r"),
        regions.unregister_all,
        lambda: regions.read("r", 0, 1),
        lambda: regions.write("r", 0, 1, b"", "output 'o'"),
        lambda: regions.register_cuda("r"),
        regions.unregister_cuda,
    ):
        with pytest.raises(Unsupported, match=r"disabled\. Start the server with '--allow-shared-memory' to enable\."):
            use()


def test_there_is_no_cuda_shared_memory(regions: SharedMemoryRegions) -> None:
    with pytest.raises(InvalidInput, match="failed to register CUDA shared memory region: 'n', GPUs not supported"):
        regions.register_cuda("n")
    with pytest.raises(RegionNotFound, match="Unable to find cuda shared memory region: 'n'"):
        regions.cuda_status("n")
    regions.unregister_cuda()
    assert regions.cuda_status() == []
