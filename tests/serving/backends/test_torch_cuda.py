import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from serving.backends.torch_cuda import Streams, page_locked, to_host
from tests.gpus import DEVICE, needs_torch_gpu

pytestmark = needs_torch_gpu


def test_runs_at_the_same_time_have_a_stream_each_and_later_ones_have_them_again() -> None:
    streams, together = Streams(DEVICE), threading.Barrier(3)

    def run(_: int) -> int:
        with streams.one() as stream:
            assert torch.cuda.current_stream(DEVICE) == stream
            together.wait(10)
            return int(stream.cuda_stream)

    with ThreadPoolExecutor(3) as threads:
        first, second = set(threads.map(run, range(3))), set(threads.map(run, range(3)))
    assert len(first) == 3
    assert second == first
    assert torch.cuda.default_stream(DEVICE).cuda_stream not in first


def test_what_comes_back_is_done_and_page_locked_where_it_is_large() -> None:
    with Streams(DEVICE).one() as stream:
        matrix = torch.ones(4096, 4096, device=DEVICE)
        long = matrix
        for _ in range(20):
            long = long @ matrix / 4096
        found, turned = to_host([long, torch.arange(6, device=DEVICE).reshape(2, 3).T], stream)
    assert found.is_pinned()
    assert not turned.is_pinned(), "for so little it takes longer"
    assert torch.equal(found, torch.ones(4096, 4096))
    assert turned.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_memory_of_arrays_is_page_locked() -> None:
    array = page_locked(1 << 20)
    assert torch.from_numpy(array[17:]).is_pinned()


@pytest.mark.parametrize("shape", [(), (0, 3)])
def test_numbers_and_nothing_come_back_too(shape: tuple[int, ...]) -> None:
    with Streams(DEVICE).one() as stream:
        (found,) = to_host([torch.ones(shape, device=DEVICE)], stream)
    assert found.shape == shape
