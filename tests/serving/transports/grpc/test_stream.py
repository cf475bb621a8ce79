"""ModelStreamInfer over a real socket."""

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2 as messages

from serving.transports.grpc.stream import MOST_IN_FLIGHT
from tests import python_models, tiny_models
from tests.grpc_client import Conversation, ask_mock_llm, channel_to, output, request, stub_of
from tests.running_server import RunningServer, running

ROW = [[1, 2, 3, 4]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("streams")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "held", extra="dynamic_batching { max_queue_delay_microseconds: 3600000000 }")
    tiny_models.add_lookup(root)
    python_models.add_mock_llm(root)
    python_models.add_barrier(root, parties=2)
    python_models.add_model(
        root,
        "place",
        """input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "place" data_type: TYPE_FP32 dims: 1 }""",
        """
        import itertools

        import numpy

        class Model:
            def load(self, context):
                self.places = itertools.count()

            def execute(self, request):
                return {"place": numpy.array([next(self.places)], numpy.float32)}
        """,
    )
    with running(root) as server:
        yield server


@pytest.fixture
def stub(server: RunningServer) -> Iterator[Any]:
    with stub_of(server) as stub:
        yield stub


def seen(response: messages.ModelStreamInferResponse) -> tuple[str, bool, int]:
    """Whose it is, whether it is the last, and how many outputs it has."""
    infer = response.infer_response
    return infer.id, infer.parameters["triton_final_response"].bool_param, len(infer.outputs)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline


def test_an_ordinary_model_answers_once(stub: Any) -> None:
    (response,) = stub.ModelStreamInfer(iter([request("double", "a", x=ROW)]))
    assert response.error_message == ""
    assert seen(response) == ("a", True, 1)
    assert output(response.infer_response) == [2, 4, 6, 8]


def test_ordinary_models_are_answered_in_the_order_of_the_requests(stub: Any) -> None:
    conversation = Conversation(stub)
    before = successes(stub, "double")
    conversation.send(request("held", "slow", x=ROW), request("double", "fast", x=ROW), request("nope", "wrong"))
    wait_until(lambda: successes(stub, "double") == before + 1)
    stub.ModelInfer(request("held", x=ROW * 7))  # which makes a full batch of the held one
    assert [response.infer_response.id for response in conversation.end()] == ["slow", "fast", "wrong"]


def successes(stub: Any, model: str) -> int:
    statistics = stub.ModelStatistics(messages.ModelStatisticsRequest(name=model)).model_stats[0]
    return int(statistics.inference_stats.success.count)


def test_requests_reach_the_model_in_their_order_however_long_they_take_to_decode(stub: Any) -> None:
    large = np.zeros(300_000, np.float32)
    start = output(stub.ModelInfer(request("place", x=[0])))[0]
    sent = [request("place", str(n), x=[0] if n % 2 else large) for n in range(20)]
    places = [output(response.infer_response)[0] for response in stub.ModelStreamInfer(iter(sent))]
    assert places == [start + 1 + n for n in range(20)]


def test_a_decoupled_model_answers_any_number_of_times(stub: Any) -> None:
    responses = list(stub.ModelStreamInfer(iter([ask_mock_llm("a", REPETITION=3), ask_mock_llm("b", REPETITION=0)])))
    assert [seen(response) for response in responses] == [("a", False, 1)] * 3


def test_its_end_is_told_to_those_who_asked(stub: Any) -> None:
    asked = ask_mock_llm("a", REPETITION=1, triton_enable_empty_final_response=True)
    response, end = stub.ModelStreamInfer(iter([asked]))
    assert (seen(response), seen(end)) == (("a", False, 1), ("a", True, 0))
    assert (end.infer_response.model_name, end.infer_response.model_version) == ("mock_llm", "1")


def test_requests_to_decoupled_models_run_side_by_side(stub: Any) -> None:
    """Neither is answered before both are there, nor are they behind an ordinary model that takes an hour."""
    conversation = Conversation(stub)
    conversation.send(request("held", "slow", x=ROW), *(request("barrier", n, x=np.array([0])) for n in "ab"))
    assert {seen(conversation.next()) for _ in "ab"} == {("a", False, 1), ("b", False, 1)}
    stub.ModelInfer(request("held", x=ROW * 7))
    assert [seen(response) for response in conversation.end()] == [("slow", True, 1)]


def test_an_error_names_its_request_and_the_stream_goes_on(stub: Any) -> None:
    wrong = request("double", "wrong", x=ROW)
    wrong.raw_input_contents.append(b"more")
    conversation = Conversation(stub)
    conversation.send(
        wrong,
        request("nope", "unknown", x=ROW),
        request("lookup", "failing", index=np.array([[99]])),
        ask_mock_llm("ends badly", FAIL_LAST=True),
        request("double", "good", x=ROW),
    )
    found: dict[str, list[str]] = {}
    for response in conversation.end():
        found.setdefault(response.infer_response.id, []).append(response.error_message)
    assert "raw_input_contents has 1 entries more" in found["wrong"][0]
    assert "Request for unknown model: 'nope' is not found" in found["unknown"][0]
    assert "the model failed on this request" in found["failing"][0]
    assert found["ends badly"][0] == ""
    assert "an error on last response" in found["ends badly"][1]
    assert found["good"] == [""]


def test_bytes_that_are_no_message_are_an_error_like_others(server: RunningServer) -> None:
    good = request("double", "good", x=ROW)
    with channel_to(server) as channel:
        ask = channel.stream_stream(
            "/inference.GRPCInferenceService/ModelStreamInfer",
            response_deserializer=messages.ModelStreamInferResponse.FromString,
        )
        bad, answered = ask(iter([b"\xff\xff", good.SerializeToString()]))
    assert "Error parsing message" in bad.error_message
    assert output(answered.infer_response) == [2, 4, 6, 8]


def test_a_caller_may_have_the_first_error_as_the_status(stub: Any) -> None:
    conversation = Conversation(stub, triton_grpc_error="true")
    conversation.send(request("double", "good", x=ROW), request("double", "wrong"), request("double", x=ROW))
    assert seen(conversation.next()) == ("good", True, 1)
    with pytest.raises(grpc.RpcError) as error:
        conversation.next()
    conversation.stop_sending()
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "missing required input(s) ['x']" in error.value.details()


def test_tritons_own_client(server: RunningServer) -> None:
    results: queue.Queue[tuple[Any, Any]] = queue.Queue()
    tensor = client.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(np.array(ROW, np.float32))
    with client.InferenceServerClient(server.grpc_address) as triton:
        triton.start_stream(lambda result, error: results.put((result, error)), compression_algorithm="gzip")
        triton.async_stream_infer("double", [tensor], request_id="a")
        triton.async_stream_infer("nope", [tensor], request_id="b")
        (result, _), (_, error) = results.get(timeout=30), results.get(timeout=30)
        triton.stop_stream()
    assert result.as_numpy("y").tolist() == [[2, 4, 6, 8]]
    assert "unknown model" in error.message()


def test_more_requests_than_are_answered_at_once(stub: Any) -> None:
    count = 2 * MOST_IN_FLIGHT + 1
    responses = stub.ModelStreamInfer(request("double", str(n), x=ROW) for n in range(count))
    assert [response.infer_response.id for response in responses] == [str(n) for n in range(count)]


def test_what_is_on_its_way_is_answered_after_the_last_request(stub: Any) -> None:
    conversation = Conversation(stub)
    conversation.send(*(ask_mock_llm(str(n), REPETITION=50) for n in range(10)))
    assert len(conversation.end()) == 500
    assert conversation.call.code() == grpc.StatusCode.OK


def test_a_caller_that_cancels_gives_up_all_its_requests(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    python_models.add_endless_tokens(tmp_path)
    tiny_models.add_double(tmp_path, extra="dynamic_batching { max_queue_delay_microseconds: 3600000000 }")
    closed = tmp_path / "endless_tokens" / "1" / "closed"
    with running(tmp_path) as server, stub_of(server) as stub:
        conversation = Conversation(stub)
        conversation.send(request("double", x=ROW), request("endless_tokens", START=np.array([0])))
        numbers = [output(conversation.next().infer_response, np.int64) for _ in range(3)]
        assert numbers == [[0], [1], [2]]
        server.wait_for_pending("double", 1)
        assert not closed.exists()
        conversation.call.cancel()
        conversation.stop_sending()
        wait_until(closed.exists)
        server.wait_for_pending("double", 0)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_a_caller_that_does_not_read_makes_the_model_wait(tmp_path: Path) -> None:
    """Of 1500 responses of 100 kB it is never far ahead, however long that takes."""
    python_models.add_model(
        tmp_path,
        "torrent",
        """input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_UINT8 dims: -1 }
        model_transaction_policy { decoupled: true }""",
        """
        import numpy

        class Model:
            def load(self, context):
                self.path = context.directory / "count"

            def execute(self, request):
                for _ in range(1500):
                    with self.path.open("ab") as file:
                        file.write(b".")
                    yield {"y": numpy.zeros(100_000, numpy.uint8)}
                (self.path.parent / "done").touch()
        """,
    )
    directory = tmp_path / "torrent" / "1"
    with running(tmp_path) as server, stub_of(server) as stub:
        responses = stub.ModelStreamInfer(iter([request("torrent", x=[0])]))
        next(responses)
        for _ in range(300):
            stub.ServerLive(messages.ServerLiveRequest())
        assert (directory / "count").stat().st_size < 750
        assert not (directory / "done").exists()
        assert sum(1 for _ in responses) == 1499
