import shutil

import pytest

from loadtests.benchmarks.callers import infer
from loadtests.benchmarks.closed_loop import Load, by_callers, by_wrk, generator
from loadtests.benchmarks.server_process import ServerFailed
from loadtests.call import Call
from tests.running_server import RunningServer

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
GOOD = infer("double", 1, 2, 3, 4)
REFUSED = infer("double", 1)


def assert_counted(good: Load, refused: Load) -> None:
    assert good.requests_per_s > 10
    assert 0 < good.p50_ms <= good.p99_ms
    assert good.failed == 0
    assert refused.requests_per_s == 0
    assert refused.failed > 10


def test_callers_count_what_was_answered_and_what_was_refused(tiny_server: RunningServer) -> None:
    assert_counted(*(by_callers(tiny_server.http_port, call, 2, 1) for call in (GOOD, REFUSED)))


@needs_wrk
def test_wrk_counts_the_same(tiny_server: RunningServer) -> None:
    wrk = str(shutil.which("wrk"))
    assert_counted(*(by_wrk(wrk, tiny_server.http_port, call, 2, 1) for call in (GOOD, REFUSED)))


@needs_wrk
def test_wrk_sends_a_calls_headers(tiny_server: RunningServer) -> None:
    wrong = Call(GOOD.path, GOOD.body, headers=(("Inference-Header-Content-Length", "many"),))
    assert by_wrk(str(shutil.which("wrk")), tiny_server.http_port, wrong, 1, 1).requests_per_s == 0


@needs_wrk
def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(ServerFailed, match="unable to connect"):
        by_wrk(str(shutil.which("wrk")), 1, GOOD, 1, 1)


def test_there_is_always_something_to_make_load_with() -> None:
    words, _ = generator()
    assert ("wrk, one thread" in words) == (shutil.which("wrk") is not None)
