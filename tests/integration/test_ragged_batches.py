"""Rows of different lengths in one batch, asked by NVIDIA's client: nobody sees who else was in it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tritonclient.http as triton

from tests import tiny_models
from tests.running_server import RunningServer, running

# A batch runs when it has 8 rows: an hour is longer than a test.
TOGETHER = "dynamic_batching { preferred_batch_size: 8 max_queue_delay_microseconds: 3600000000 }"
WARM = """model_warmup { name: "w" batch_size: 3 inputs { key: "x" value {
    data_type: TYPE_FP32 dims: 5 random_data: true } } } parameters { key: "latency_objective_ms"
    value { string_value: "60000" } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("models")
    tiny_models.add_ragged(root, "together", TOGETHER)
    tiny_models.add_ragged(root, "warmed", f"dynamic_batching {{ }} {WARM}")
    with running(root) as started:
        yield started


def ask(server: RunningServer, model: str, x: np.ndarray) -> triton.InferResult:
    tensor = triton.InferInput("x", list(x.shape), "FP32").set_data_from_numpy(x)
    with triton.InferenceServerClient(server.address) as client:
        return client.infer(model, [tensor])


def test_rows_of_eight_lengths_run_together_and_each_has_the_answer_that_it_would_have_alone(
    server: RunningServer,
) -> None:
    rows = [np.arange(length, dtype=np.float32)[None] + length for length in range(1, 9)]
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda row: ask(server, "together", row), rows))
    for row, answer in zip(rows, answers, strict=True):
        alone = ask(server, "warmed", row)
        for name in ("total", "twice"):
            assert answer.as_numpy(name).tolist() == alone.as_numpy(name).tolist()
        assert answer.as_numpy("total").tolist() == [[row.sum()]]
        assert answer.as_numpy("twice").tolist() == (2 * row).tolist()
        assert (answer.as_numpy("tall").item(), alone.as_numpy("tall").item()) == (8, row.size), "the longest is known"
    assert server.metric('nv_inference_exec_count{model="together",version="1"}') == 1


def test_callers_are_told_of_their_inputs_alone(server: RunningServer) -> None:
    with triton.InferenceServerClient(server.address) as client:
        metadata = client.get_model_metadata("warmed")
        config = client.get_model_config("warmed")
    assert [tensor["name"] for tensor in metadata["inputs"]] == ["x"]
    assert config["batch_input"][0]["target_name"] == ["ends"]
