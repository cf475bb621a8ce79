from pathlib import Path

import tritonclient.grpc as client
from google.protobuf.json_format import MessageToDict
from tritonclient.grpc import service_pb2 as messages

from tests import python_models, tiny_models
from tests.grpc_client import ask_mock_llm, request, stub_of
from tests.running_server import running

DURATIONS = {"success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"}


def test_what_models_have_done(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_add_sub(tmp_path)
    with running(tmp_path) as server, stub_of(server) as stub:
        for rows in (3, 1, 3):
            stub.ModelInfer(request("double", x=[[1, 2, 3, 4]] * rows))
        with client.InferenceServerClient(server.grpc_address) as triton:
            statistics = triton.get_inference_statistics().model_stats
    idle, busy = sorted(statistics, key=lambda model: model.inference_count)
    assert (idle.name, idle.version, idle.execution_count, idle.last_inference) == ("simple", "1", 0, 0)
    assert (busy.name, busy.inference_count, busy.execution_count) == ("double", 7, 3)
    assert busy.last_inference > 1_700_000_000_000, "milliseconds since 1970"
    for model in (idle, busy):
        assert {field.name for field, _ in model.inference_stats.ListFields()} == DURATIONS
    assert busy.inference_stats.success.count == busy.inference_stats.queue.count == 3
    assert busy.inference_stats.compute_infer.ns > 0
    assert busy.inference_stats.cache_hit.count == 0
    batches = {batch.batch_size: batch.compute_infer.count for batch in busy.batch_stats}
    assert batches == {1: 1, 3: 2}
    assert not busy.response_stats


def test_the_responses_of_a_decoupled_model(tmp_path: Path) -> None:
    python_models.add_mock_llm(tmp_path)
    with running(tmp_path) as server, stub_of(server) as stub:
        assert len(list(stub.ModelStreamInfer(iter([ask_mock_llm(REPETITION=2)])))) == 2
        statistics = stub.ModelStatistics(messages.ModelStatisticsRequest(name="mock_llm", version="1")).model_stats[0]
    responses = MessageToDict(statistics)["responseStats"]
    assert sorted(responses) == ["0", "1", "2"]
    assert responses["0"]["success"]["count"] == responses["1"]["computeInfer"]["count"] == "1"
    assert responses["2"]["emptyResponse"]["count"] == "1"
