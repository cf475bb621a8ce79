"""The machine's clock set by an hour, forth and back, while requests with deadlines are under way."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from threading import Event

import grpc
import httpx
import pytest

from tests import grpc_client, tiny_models
from tests.faults.asking import row
from tests.faults.processes import Server, served
from tests.faults.trials import Trials
from tests.running_server import until

LIBRARIES = [
    *Path("/usr").glob("lib*/faketime/libfaketimeMT.so.1"),
    *Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"),
]
HOURS = (1, -1, 0)
AT_EACH = 20  # answers


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """A file that says how far from the truth the server's clock is."""
    if not LIBRARIES:
        pytest.skip("needs libfaketime (Debian's package faketime)")
    offset = tmp_path / "offset"
    offset.write_text("+0h")
    return offset


@pytest.fixture
def server(tmp_path: Path, clock: Path) -> Iterator[Server]:
    """Its model holds each request back for a moment, so that there are always some whose time runs."""
    root = tmp_path / "models"
    tiny_models.add_double(root, "slow", extra="dynamic_batching { max_queue_delay_microseconds: 20000 }")
    environment = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",  # second
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # a lock that is waited for would else be asked for without a pause
    }
    with served(root, tmp_path / "said", environment=environment) as server:
        yield server


def hours_off(reply: httpx.Response) -> int:
    """The server's clock, as it says itself."""
    return round((parsedate_to_datetime(reply.headers["date"]) - datetime.now(UTC)) / timedelta(hours=1))


def test_no_deadline_is_a_matter_of_the_time_of_day(server: Server, clock: Path, trials: Trials) -> None:
    over = Event()
    answers: Counter[int] = Counter()
    calls = 0

    def ask_http() -> None:
        with httpx.Client(base_url=server.url) as client:
            while not over.is_set():
                reply = client.post("/v2/models/slow/infer", json=row(), headers={"X-Request-Timeout-Ms": "20000"})
                assert reply.status_code == 200, reply.text
                answers[hours_off(reply)] += 1

    def ask_grpc() -> None:
        nonlocal calls
        with grpc.insecure_channel(server.grpc_address) as channel:
            stub = grpc_client.GRPCInferenceServiceStub(channel)
            while not over.is_set():
                stub.ModelInfer(grpc_client.request("slow", x=[[1.0, 2.0, 3.0, 4.0]]), timeout=20)
                calls += 1

    with ThreadPoolExecutor() as pool:
        asking = [pool.submit(ask_http), pool.submit(ask_grpc)]
        try:
            for hours in HOURS:
                clock.write_text(f"{hours:+d}h")
                enough = answers[hours] + AT_EACH
                until(lambda: answers[hours] >= enough or any(each.done() for each in asking))  # noqa: B023 # at once
        finally:
            over.set()
        for each in asking:
            each.result()
    assert calls > AT_EACH
    trials.note(f"the clock set by an hour, {len(HOURS)} times", answers.total() + calls, "nothing")
