"""The shipped app on a real Ray, as `make ray-test` installs it; what this machine's own suite has no room for."""

import asyncio
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput

from tests import python_models, tiny_models
from tests.deploy.ray.small_cluster import PATIENCE, Cluster, serve_config, small_cluster
from tests.running_server import until
from tests.serving.test_server import free_port

PROGRAMS = os.environ.get("SLIPWAY_RAY_PROGRAMS", "")
pytestmark = pytest.mark.skipif(not PROGRAMS, reason="`make ray-test` installs Ray and runs it")

APP = Path(__file__).parents[3] / "deploy" / "ray"
CALLERS = 16
ONGOING, QUEUED = 32, 32
DOUBLE = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
SLOW = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    root, folder = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("ray")
    tiny_models.add_double(root, extra="dynamic_batching { }")
    python_models.add_mock_llm(root)
    add_slow(root)
    config = serve_config(root, free_port(), max_ongoing_requests=ONGOING, max_queued_requests=QUEUED)
    with small_cluster(Path(PROGRAMS).absolute(), folder, config) as running:
        yield running


def add_slow(root: Path) -> None:
    python_models.add_model(
        root,
        "slow",
        """max_batch_size: 8 dynamic_batching { } input { name: "x" data_type: TYPE_FP32 dims: 1 }
        output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
        """
        import time

        class Model:
            def execute(self, request):
                time.sleep(0.5)
                return {"y": request.inputs["x"]}
        """,
    )


def test_models_may_lie_at_an_address_which_is_no_folder() -> None:
    options = {"model_repository": "s3://bucket/models", "model_cache": "/cache"}
    code = f"import slipway_app as it; print(it.application({options})._bound_deployment.init_args[0])"
    found = os.pathsep.join((str(APP), os.environ.get("PYTHONPATH", "")))
    command = [Path(PROGRAMS) / "python", "-c", code]
    said = subprocess.run(command, env={**os.environ, "PYTHONPATH": found}, capture_output=True, text=True, check=True)
    assert "model_repositories=('s3://bucket/models',)" in said.stdout
    assert "model_cache=PosixPath('/cache')" in said.stdout


def test_tritonclient_has_its_answers(cluster: Cluster) -> None:
    client = InferenceServerClient(cluster.address, concurrency=CALLERS)
    rows = [number * tiny_models.ROW for number in range(100)]
    asked = [client.async_infer("double", [InferInput("x", [1, 4], "FP32").set_data_from_numpy(x)]) for x in rows]
    for x, waiting in zip(rows, asked, strict=True):
        np.testing.assert_array_equal(waiting.get_result().as_numpy("y"), 2 * x)


def test_a_stream_comes_event_by_event(cluster: Cluster) -> None:
    asked = {"PROMPT": "hello", "STREAM": True, "REPETITION": 3}
    with httpx.stream("POST", f"{cluster.url}/v2/models/mock_llm/generate_stream", json=asked) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in reply.iter_lines() if line]
    assert [event["TEXT"] for event in events] == ["hello"] * 3


async def test_what_is_too_much_is_refused_and_the_rest_is_answered_in_batches(cluster: Cluster) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        asked = (status(session, f"{cluster.url}/v2/models/slow/infer", SLOW) for _ in range(200))
        replies = Counter(await asyncio.gather(*asked))
    assert set(replies) == {200, 503}
    assert replies[200] >= 2 * ONGOING
    (slow,) = httpx.get(f"{cluster.url}/v2/models/slow/stats").json()["model_stats"]
    assert slow["execution_count"] <= slow["inference_count"] / 2, "of one of the two replicas"


async def status(session: aiohttp.ClientSession, url: str, body: Any) -> int:
    async with session.post(url, json=body) as reply:
        await reply.read()
        return reply.status


async def test_a_killed_replica_loses_what_it_was_at_and_with_retries_nothing(cluster: Cluster) -> None:
    failures: Counter[str] = Counter()
    tries = Counter({"answered": 0})
    killed = asyncio.Event()

    async def call(session: aiohttp.ClientSession) -> None:
        after = 0
        while after < 50:  # answers that came once the replica was gone
            for _ in range(5):
                try:
                    assert await status(session, f"{cluster.url}/v2/models/double/infer", DOUBLE) == 200
                    break
                except (aiohttp.ClientError, AssertionError) as error:
                    failures[f"{type(error).__name__} {error}"] += 1
                    await asyncio.sleep(0.1)
            else:
                pytest.fail(f"no answer in five tries: {failures}")
            tries["answered"] += 1
            after += killed.is_set()

    async def kill() -> None:
        while tries["answered"] < 200:
            await asyncio.sleep(0.01)
        cluster.replicas()[0].kill()
        killed.set()

    before = {process.pid for process in cluster.replicas()}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(kill(), *(call(session) for _ in range(CALLERS)))
    print(f"{tries['answered']} answered, {failures.total()} tried again: {dict(failures)}")
    assert failures.total() <= CALLERS, "which had one request each at the replica"
    until(lambda: len({process.pid for process in cluster.replicas()} - before) == 1, "none came", PATIENCE)


async def test_new_settings_replace_the_replicas_one_by_one_and_no_request_fails(cluster: Cluster) -> None:
    before = {process.pid for process in cluster.replicas()}
    replies: Counter[int] = Counter()
    done = asyncio.Event()

    async def call(session: aiohttp.ClientSession) -> None:
        while not done.is_set():
            replies[await status(session, f"{cluster.url}/v2/models/double/infer", DOUBLE)] += 1

    def replace() -> None:
        cluster.deploy(shutdown_timeout=29)
        until(lambda: not before & {process.pid for process in cluster.replicas()}, "some stayed", PATIENCE)

    async def replaced() -> None:
        try:
            await asyncio.to_thread(replace)
        finally:
            done.set()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(replaced(), *(call(session) for _ in range(4)))
    print(f"{replies.total()} answered while the replicas were replaced")
    assert set(replies) == {200}


def test_nobody_without_the_token_has_a_say_in_the_cluster(cluster: Cluster) -> None:
    assert cluster.run("ray", "status").returncode == 0
    refused = cluster.run("ray", "status", RAY_AUTH_TOKEN="another-token-of-enough-letters-for-it")
    assert refused.returncode != 0
