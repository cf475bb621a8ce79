"""The fast way answers what the documented RPC answers."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from serving.core.datatypes import DTYPES, to_config
from serving.transports.grpc.fast_calls import LARGEST, METHOD
from tests import python_models, tiny_models
from tests.conformance.models import add_sequence
from tests.grpc_client import channel_to, output, request, stub_of
from tests.integration.test_fast_path_attacks import COUNTS_ITS_PARAMETERS, FAILS
from tests.running_server import RunningServer, running, until

ROW = np.array([[1, 2, 3, 4]], np.float32)
UNKNOWN = b"\xa2\x06\x80\x80\x04"
"""Before the `LARGEST` bytes of field 100."""

HELD = "dynamic_batching { max_queue_delay_microseconds: 3600000000 }"
"""For an hour, or until 8 rows are there."""

LOOKS_AT_ITS_INPUT = """
import numpy as np
class Model:
    def load(self, context):
        self.before = [np.zeros(4, np.float32)]

    def execute(self, request):
        x = request.inputs["x"]
        flags = np.float32([x.flags.aligned, x.flags.writeable, x.flags.c_contiguous])
        self.before.append(x)
        return {"flags": flags, "before": self.before[-2], "first": self.before[0]}
"""


def slow(data: bytes) -> bytes:
    """The same message, with a field that nobody knows, which is too large for the fast way."""
    return data + UNKNOWN + bytes(LARGEST)


@dataclass(frozen=True)
class Answer:
    code: grpc.StatusCode
    details: str
    data: bytes
    metadata: tuple[tuple[str, str], ...]


def asked(channel: grpc.Channel, data: bytes, **options: Any) -> Answer:
    try:
        reply, call = channel.unary_unary(METHOD).with_call(data, **options)
    except grpc.RpcError as error:
        return Answer(error.code(), error.details(), b"", tuple(error.trailing_metadata()))
    return Answer(call.code(), call.details(), reply, tuple(call.trailing_metadata()))


def tasks(server: RunningServer) -> int:
    """Calls that are a task each: none of the fast ones is."""
    coroutines = (task.get_coro() for task in asyncio.all_tasks(server.loop))
    return [getattr(it, "__qualname__", "") for it in coroutines].count("Call._run")


def add_unbatched(root: Path) -> None:
    """y = 2 x, of any shape."""
    folder = tiny_models.write_config(
        root,
        "unbatched",
        """backend: "onnxruntime" input { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] }
        output { name: "y" data_type: TYPE_FP32 dims: [ -1, 4 ] }""",
    )
    tiny_models.write_onnx(folder / "1" / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Add(x, x) }")


def python_double(root: Path, name: str, source: str, outputs: str, size: int = 8) -> None:
    config = f'max_batch_size: {size} input {{ name: "x" data_type: TYPE_FP32 dims: 4 }}'
    named = "".join(f'output {{ name: "{each}" data_type: TYPE_FP32 dims: -1 }}' for each in outputs.split())
    python_models.add_model(root, name, config + named, source)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("models")
    tiny_models.add_double(root)
    add_unbatched(root)
    tiny_models.add_double(root, "again")
    tiny_models.add_double(root, "cached", extra="dynamic_batching { } response_cache { enable: true }")
    tiny_models.add_ensemble(root, "twice", "double:x>t double:t>y", names="x y")
    tiny_models.add_add_sub(root)
    tiny_models.add_lookup(root)
    tiny_models.add_brightness(root)
    tiny_models.add_ragged(root)
    tiny_models.add_torchscript(root)
    tiny_models.add_identity(root, "identity_text", "TYPE_STRING", "string")
    python_models.add_affine(root)
    python_models.add_mock_llm(root)
    python_double(root, "counting", COUNTS_ITS_PARAMETERS, "y")
    python_double(root, "failing", FAILS, "y")
    python_double(root, "looking", LOOKS_AT_ITS_INPUT, "flags before first", size=0)
    add_sequence(root)
    for datatype in DTYPES:
        kind = to_config(datatype)
        config = f"""max_batch_size: 8 input {{ name: "x" data_type: {kind} dims: -1 }}
        output {{ name: "y" data_type: {kind} dims: -1 }}"""
        echo = "class Model:\n    def execute(self, request):\n        return {'y': request.inputs['x']}"
        python_models.add_model(root, f"echo_{datatype}", config, echo)
    with running(root, response_cache_byte_size=2**20) as started:
        yield started


def double(x: np.ndarray = ROW, model: str = "double", version: str = "", request_id: str = "") -> Any:
    message = request(model, request_id, x=x)
    message.model_version = version
    return message


def changed(message: Any, **fields: Any) -> Any:
    """With these fields in the place of its own."""
    for name in fields:
        message.ClearField(name)
    message.MergeFrom(messages.ModelInferRequest(**fields))
    return message


def wanting(message: Any, *names: str, **parameters: Any) -> Any:
    for name in names:
        given = message.outputs.add(name=name).parameters
        for key, value in parameters.items():
            setattr(given[key], "string_param" if isinstance(value, str) else "int64_param", value)
    return message


def told(message: Any, **parameters: Any) -> Any:
    for name, value in parameters.items():
        kind = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}[type(value)]
        setattr(message.parameters[name], kind, value)
    return message


def typed(*numbers: int) -> Any:
    message = messages.ModelInferRequest(model_name="echo_INT8")
    message.inputs.add(name="x", datatype="INT8", shape=[1, len(numbers)]).contents.int_contents.extend(numbers)
    return message


NAMES = {"INPUT0": np.arange(16, dtype=np.int32)[None], "INPUT1": np.ones((1, 16), np.int32)}
SIMPLE = request("simple", **NAMES)
IMAGE = np.full((1, 1, 4, 4), 255, np.float32)
TEXT = np.array([[b"a", b"", b"bc" * 100]], object)
CASES: dict[str, Any] = {
    "one row": double(),
    "several rows": double(np.ones((5, 4), np.float32)),
    "id": double(request_id="seven"),
    "version": double(version="1"),
    "two inputs, two outputs": SIMPLE,
    "inputs the other way round": request("simple", **dict(reversed(NAMES.items()))),
    "one output": wanting(request("simple", **NAMES), "OUTPUT1"),
    "outputs the other way round": wanting(request("simple", **NAMES), "OUTPUT1", "OUTPUT0"),
    "the same output twice": wanting(double(), "y", "y"),
    "parameters": told(double(), own="x", priority=1, timeout=10**7, flag=True),
    "parameters of the protocol": told(double(), triton_enable_empty_final_response=True),
    "no batches": double(model="unbatched"),
    "no batches, no rows": double(ROW[:0], "unbatched"),
    "ensemble": double(model="twice"),
    "cached": double(model="cached"),
    "PyTorch": request("affine", x=ROW[:, :3]),
    "Python": request("python_affine", x=ROW[:, :3]),
    "ragged": request("ragged", x=[[1, 2, 3]]),
    "classes": wanting(request("brightness", image=IMAGE), "scores", classification=2),
    "text": request("identity_text", **{"in": TEXT}),
    "typed contents": typed(1, -2, 3),
    "tensors first": messages.ModelInferRequest(raw_input_contents=SIMPLE.raw_input_contents).SerializeToString()
    + changed(request("simple", **NAMES), raw_input_contents=[]).SerializeToString(),
    "a name twice": double(model="nope").SerializeToString()
    + messages.ModelInferRequest(model_name="double").SerializeToString(),
    **{
        f"{datatype}": request(f"echo_{datatype}", x=np.arange(6).astype(dtype).reshape(2, 3))
        for datatype, dtype in DTYPES.items()
        if datatype != "BYTES"
    },
    "BOOL of other bytes than 0 and 1": changed(request("echo_BOOL", x=ROW > 2), raw_input_contents=[b"\0\1\2\xff"]),
    "NaN": double(ROW * np.nan),
    "large output": request("failing", x=np.full((1, 4), 7, np.float32)),
    "part of a large output": request("failing", x=np.full((1, 4), 8, np.float32)),
    "no columns": request("failing", x=np.full((1, 4), 6, np.float32)),
    "no such model": double(model="nope"),
    "no model": double(model=""),
    "no such version": double(version="9"),
    "version with a zero": double(version="01"),
    "no version": double(version="one"),
    "no such output": wanting(double(), "z"),
    "no such input": request("double", z=ROW),
    "another input": request("double", x=ROW, z=ROW),
    "an input too few": request("simple", INPUT0=NAMES["INPUT0"]),
    "no inputs": messages.ModelInferRequest(model_name="double"),
    "the same input twice": changed(double(), inputs=[*double().inputs, *double().inputs]),
    "wrong datatype": double(ROW.astype(np.int32)),
    "wrong shape": double(ROW[:, :3]),
    "wrong size": changed(double(), raw_input_contents=[bytes(15)]),
    "too much data": changed(double(), raw_input_contents=[bytes(16)] * 2),
    "too little data": changed(double(), raw_input_contents=[]),
    "too many rows": double(np.ones((9, 4), np.float32)),
    "no rows": double(ROW[:0]),
    "a parameter that is reserved": told(double(), triton_x=1),
    "a parameter without a value": changed(double(), parameters={"own": messages.InferParameter()}),
    "a priority of the wrong kind": told(double(), priority="high"),
    "shared memory": wanting(double(), "y", shared_memory_region="r", shared_memory_byte_size=16),
    "decoupled": request("mock_llm"),
    "no sequence": request("simple_sequence", INPUT=np.ones((1, 1), np.int32)),
    "an index that fails": request("lookup", index=np.array([[99]])),
    "a model that fails": request("failing", x=np.full((1, 4), 1, np.float32)),
    "a model that exits": request("failing", x=np.full((1, 4), 2, np.float32)),
    "a model that answers nothing": request("failing", x=np.full((1, 4), 3, np.float32)),
    "a model that answers no output": request("failing", x=np.full((1, 4), 4, np.float32)),
    "a model that answers another row": request("failing", x=np.full((1, 4), 5, np.float32)),
    "no message": b"\xff\xff\xff",
    "nothing": b"",
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_both_ways_answer_the_same(server: RunningServer, case: Any) -> None:
    data = case if isinstance(case, bytes) else case.SerializeToString()
    with channel_to(server) as channel:
        asked(channel, data)  # what is logged of a failure is so the first time only
        first, other, again = (asked(channel, each) for each in (data, slow(data), data))
    assert first == other == again


def test_messages_of_one_size_are_each_answered_with_what_they_ask(server: RunningServer) -> None:
    messages_of_one_size = [
        *(double(ROW + number) for number in range(3)),
        *(double(ROW, version=version) for version in "19"),
        *(double(ROW, request_id=name) for name in "ab"),
        *(wanting(double(), name) for name in "yz"),
        *(told(double(), own=number) for number in range(3)),
        *(double(ROW, model) for model in ("counting", "failing")),
        *(double(np.ones(shape, np.float32)) for shape in ((2, 2), (4, 1), (1, 4))),
        double(ROW.astype(np.int32)),
    ]
    datas = [message.SerializeToString() for message in messages_of_one_size]
    with channel_to(server) as channel:
        asked(channel, double(ROW, "failing").SerializeToString())  # whose failure is in the log once
        expected = {data: asked(channel, slow(data)) for data in datas}
        for _ in range(5):
            random.Random(1).shuffle(datas)
            for data in datas:
                assert asked(channel, data) == expected[data]


def test_what_comes_again_and_again_is_answered_with_its_own_numbers(server: RunningServer) -> None:
    with stub_of(server) as stub:
        for number in range(50):
            assert output(stub.ModelInfer(double(ROW + number))) == (2 * (ROW + number)).ravel().tolist()


def test_a_model_that_changes_its_parameters_changes_nobody_else_s(server: RunningServer) -> None:
    with stub_of(server) as stub:
        for count in (1, 1, 2, 1, 3, 2, 1):
            message = told(double(model="counting"), **{f"own{number}": number for number in range(count)})
            assert output(stub.ModelInfer(message)) == [count] * 4


def test_a_model_is_given_arrays_as_on_the_other_way(server: RunningServer) -> None:
    """Wherever in the message they begin; and what it keeps of them stays as it was."""
    given = set()
    with channel_to(server) as channel:
        for number in range(40):
            parameters = {"own": "x" * (number % 9)}
            data = told(double(ROW[0] + number, "looking"), **parameters).SerializeToString()
            reply = asked(channel, data if number % 2 else slow(data))
            flags, before, first = messages.ModelInferResponse.FromString(reply.data).raw_output_contents
            given.add(tuple(np.frombuffer(flags, np.float32)))
            if number:
                assert np.frombuffer(before, np.float32).tolist() == (ROW + number - 1).ravel().tolist()
            assert np.frombuffer(first, np.float32).tolist() == [0] * 4
    assert given == {(True, False, True)}


def test_sequences_are_told_apart(server: RunningServer) -> None:
    with channel_to(server) as channel:
        for start in (True, False, False, True, False):
            for number, way in ((7, bytes), (8, slow)):
                message = request("simple_sequence", INPUT=np.full((1, 1), number, np.int32))
                data = told(message, sequence_id=number, sequence_start=start).SerializeToString()
                reply = messages.ModelInferResponse.FromString(asked(channel, way(data)).data)
                assert output(reply, np.int32) == [number + start]


COUNTS = (
    "nv_inference_request_success",
    "nv_inference_request_failure",
    "nv_inference_count",
    "nv_inference_exec_count",
    "slipway_grpc_calls_total",
)


def counted(server: RunningServer, model: str) -> Counter[str]:
    """What is counted of a model, and of calls."""
    lines = (line.rpartition(" ") for line in server.metrics().splitlines() if line.startswith(COUNTS))
    found = ((name, value) for name, _, value in lines if f'"{model}"' in name or name.startswith(COUNTS[-1]))
    return Counter({name.replace(f'"{model}"', "it"): int(float(value)) for name, value in found})


def test_both_ways_count_the_same(server: RunningServer) -> None:
    found = []
    with channel_to(server) as channel:
        for model, way in (("double", bytes), ("again", slow)):
            before = counted(server, model)
            for message in (double(model=model), double(np.ones((3, 4), np.float32), model), double(ROW[:, :2], model)):
                for _ in range(3):
                    asked(channel, way(message.SerializeToString()))
            found.append(counted(server, model) - before)
    assert found[0] == found[1]
    assert sum(found[0].values()) > 9
    assert server.metric("slipway_grpc_calls_running") == 0
    assert server.metric("slipway_requests_held_bytes") == 0


def test_failures_of_a_model_are_counted_the_same(server: RunningServer) -> None:
    found = []
    with channel_to(server) as channel:
        for way in (bytes, slow):
            before = counted(server, "failing")
            for kind in (1, 2, 3, 4, 5, 6):
                asked(channel, way(double(np.full((1, 4), kind, np.float32), "failing").SerializeToString()))
            found.append(counted(server, "failing") - before)
    assert found[0] == found[1]
    assert found[0]['slipway_grpc_calls_total{code="INTERNAL",method="ModelInfer"}'] == 5


def test_many_at_once_have_their_own_answers(server: RunningServer) -> None:
    with channel_to(server) as channel:
        stub = channel.unary_unary(METHOD)
        calls = [stub.future(double(np.full((1, 4), number, np.float32)).SerializeToString()) for number in range(500)]
        for number, call in enumerate(calls):
            assert output(messages.ModelInferResponse.FromString(call.result())) == [2 * number] * 4


@pytest.fixture
def held(tmp_path: Path) -> Iterator[RunningServer]:
    """A model that waits for 8 rows, or an hour, and has room for 4 requests."""
    wait = f"{HELD[:-1]} default_queue_policy {{ max_queue_size: 4 }} }}"
    tiny_models.add_double(tmp_path, extra=wait)
    with running(tmp_path) as server:
        yield server


def test_the_usual_call_is_no_task_and_what_is_unusual_is_one(held: RunningServer) -> None:
    usual = double().SerializeToString()
    kinds: list[tuple[bytes, dict[str, Any], int]] = [
        (usual, {}, 0),
        (usual, {"metadata": (("user", "words"),)}, 0),
        (double(version="1", request_id="7").SerializeToString(), {}, 0),
        (told(double(), own=1).SerializeToString(), {}, 0),
        (slow(usual), {}, 1),
        (usual, {"timeout": 60}, 0),
        (usual, {"metadata": (("x-request-id", "7"),)}, 1),
        (usual, {"metadata": (("traceparent", "00-1-1-00"),)}, 1),
    ]
    with channel_to(held) as channel:
        for data, options, count in kinds:
            call = channel.unary_unary(METHOD).future(data, **options)
            held.wait_for_pending("double", 1)
            assert tasks(held) == count
            assert held.metric("slipway_grpc_calls_running") == 1
            call.cancel()
            held.wait_for_pending("double", 0)


def test_a_call_whose_deadline_passes_while_it_waits_frees_its_place(held: RunningServer) -> None:
    data = double().SerializeToString()
    cancelled = 'slipway_grpc_calls_total{code="CANCELLED",method="ModelInfer"}'
    with channel_to(held) as channel:
        for number, kind in enumerate((data, slow(data)), 1):
            late = asked(channel, kind, timeout=0.2)
            assert late.code is grpc.StatusCode.DEADLINE_EXCEEDED
            held.wait_for_pending("double", 0)
            until(
                lambda count=number: held.metric(cancelled) == count and not held.metric("slipway_grpc_calls_running")
            )
    assert held.metric("slipway_requests_held_bytes") == 0


def test_a_full_queue_is_told_at_once(held: RunningServer) -> None:
    data = double().SerializeToString()
    with channel_to(held) as channel, ExitStack() as stack:
        for number in range(4):
            stack.callback(channel.unary_unary(METHOD).future(data).cancel)
            held.wait_for_pending("double", number + 1)
        fast, other = asked(channel, data), asked(channel, slow(data))
    assert fast == other
    assert (fast.code, "Exceeds maximum queue size" in fast.details) == (grpc.StatusCode.UNAVAILABLE, True)
    rejected = 'nv_inference_request_failure{model="double",reason="REJECTED",version="1"}'
    assert held.metric(rejected) == held.metric(UNAVAILABLE) == 2


UNAVAILABLE = 'slipway_grpc_calls_total{code="UNAVAILABLE",method="ModelInfer"}'


def test_a_message_s_own_timeout_holds(held: RunningServer) -> None:
    data = told(double(), timeout=1000).SerializeToString()
    with channel_to(held) as channel:
        first, other, again = (asked(channel, each) for each in (data, slow(data), data))
    assert first == other == again
    assert (first.code, first.details) == (grpc.StatusCode.UNAVAILABLE, "Request timeout expired")


IN_ORDER = """
import pathlib, time
folder = pathlib.Path(__file__).parent
class Model:
    def execute(self, request):
        number = int(request.inputs["x"][0, 0])
        (folder / f"{number}.entered").touch()
        while not (folder / f"{number}.open").exists():
            time.sleep(0.001)
        return {"y": request.inputs["x"]}
"""


def test_a_message_s_own_priority_holds(tmp_path: Path) -> None:
    config = "dynamic_batching { priority_levels: 2 default_priority_level: 2 } max_batch_size: 1 "
    folder = gated(tmp_path, config)
    with running(tmp_path) as server, channel_to(server) as channel:
        calls = [begin(channel, numbered(0))]
        until((folder / "0.entered").exists)
        for number, priority in ((1, 2), (2, 0), (3, 1)):
            calls.append(begin(channel, told(numbered(number), priority=priority)))
            server.wait_for_pending("gated", number)
        assert tasks(server) == 0
        (folder / "0.open").touch()
        until((folder / "3.entered").exists)
        assert not (folder / "1.entered").exists()
        for number in (1, 2, 3):
            (folder / f"{number}.open").touch()
        assert [output(messages.ModelInferResponse.FromString(call.result()))[0] for call in calls] == [0, 1, 2, 3]


def test_with_preserve_ordering_answers_wait_for_earlier_ones(tmp_path: Path) -> None:
    config = "dynamic_batching { preserve_ordering: true } max_batch_size: 1 instance_group { count: 2 }"
    folder = gated(tmp_path, config)
    ended: list[int] = []
    with running(tmp_path) as server, channel_to(server) as channel:
        calls = []
        for number in (1, 2, 3):
            call = begin(channel, numbered(number))
            call.add_done_callback(lambda _, number=number: ended.append(number))
            calls.append(call)
            until((folder / f"{number}.entered").exists) if number < 3 else server.wait_for_pending("gated", 1)
        assert tasks(server) == 0
        (folder / "2.open").touch()
        (folder / "3.open").touch()
        until((folder / "3.entered").exists)
        until(lambda: server.metric('nv_inference_request_success{model="gated",version="1"}') == 2)
        assert ended == []
        calls[0].cancel()
        (folder / "1.open").touch()
        assert [call.result() and number for number, call in enumerate(calls[1:], 2)] == [2, 3]
        until(lambda: ended == [1, 2, 3])


def gated(root: Path, config: str) -> Path:
    """Each number waits for its own file."""
    tensors = 'input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }'
    return python_models.add_model(root, "gated", config + tensors, IN_ORDER)


def numbered(number: int) -> Any:
    return double(np.full((1, 4), number, np.float32), "gated")


def begin(channel: grpc.Channel, message: Any) -> Any:
    return channel.unary_unary(METHOD).future(message.SerializeToString())


def test_no_memory_for_a_request_is_told(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=HELD)
    with running(tmp_path, queue_byte_size=60) as server, channel_to(server) as channel:
        data = double().SerializeToString()
        waiting = channel.unary_unary(METHOD).future(data)
        server.wait_for_pending("double", 1)
        assert server.metric("slipway_requests_held_bytes") == 48
        fast, other = asked(channel, data), asked(channel, slow(data))
        assert fast == other
        assert (fast.code, "--queue-byte-size" in fast.details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        waiting.cancel()
        until(lambda: server.metric("slipway_requests_held_bytes") == 0)
        assert server.metric('slipway_grpc_calls_total{code="RESOURCE_EXHAUSTED",method="ModelInfer"}') == 2


def test_a_message_above_the_limit_is_refused(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    data = double().SerializeToString()
    with running(tmp_path, grpc_max_message_size=len(data)) as server, channel_to(server) as channel:
        for _ in range(2):
            assert asked(channel, data) == asked(channel, data, timeout=60)
        too_large = told(double(), own=1).SerializeToString()
        fast, other = asked(channel, too_large), asked(channel, too_large, timeout=60)
        assert fast == other
        assert (fast.code, "larger than max" in fast.details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)


def test_every_version_answers_for_itself(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="dynamic_batching { } version_policy { all { } }")
    tiny_models.write_onnx(
        tmp_path / "double" / "2" / "model.onnx",
        "g (float[n, 4] x) => (float[n, 4] y) { t = Add(x, x) y = Add(t, x) }",
    )
    with running(tmp_path) as server, stub_of(server) as stub:
        for _ in range(3):
            for version, number in (("", 3), ("1", 2), ("2", 3)):
                reply = stub.ModelInfer(double(version=version))
                assert (reply.model_version, output(reply)[0]) == (version or "2", number)


def add_times(root: Path, factor: int, dims: int = 4) -> None:
    """y = factor * x."""
    folder = tiny_models.write_config(
        root,
        "times",
        f"""backend: "onnxruntime" max_batch_size: 8 dynamic_batching {{ }}
        input {{ name: "x" data_type: TYPE_FP32 dims: {dims} }}
        output {{ name: "y" data_type: TYPE_FP32 dims: {dims} }}""",
    )
    graph = f"g (float[n, {dims}] x) => (float[n, {dims}] y) {{ y = Mul(x, factor) }}"
    tiny_models.write_onnx(folder / "1" / "model.onnx", graph, factor=np.array(factor, np.float32))


def test_a_model_that_is_loaded_anew_answers_from_then_on(tmp_path: Path) -> None:
    """Whoever asks all the time has the one's or the other's answer, be it what is wrong with its shape."""
    add_times(tmp_path, 1)
    told_of = Counter[tuple[object, ...]]()
    data = double(np.ones((1, 4), np.float32), "times").SerializeToString()

    def ask(channel: grpc.Channel) -> tuple[object, ...]:
        answer = asked(channel, data)
        if answer.code is not grpc.StatusCode.OK:
            return answer.code, answer.details
        return tuple(output(messages.ModelInferResponse.FromString(answer.data)))

    with (
        running(tmp_path, model_control_mode="explicit", load_model=("times",)) as server,
        channel_to(server) as channel,
        ThreadPoolExecutor(3) as pool,
    ):
        is_over = []

        def ask_on(_: int) -> None:
            while not is_over:
                told_of[ask(channel)] += 1

        asking = [pool.submit(ask_on, number) for number in range(3)]
        load = channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelLoad")
        loaded = messages.RepositoryModelLoadRequest(model_name="times").SerializeToString()
        for factor in (2, 3, 4):
            until(lambda factor=factor: told_of[(float(factor - 1),) * 4] > 50)
            add_times(tmp_path, factor)
            load(loaded)
            assert ask(channel) == (factor,) * 4
        add_times(tmp_path, 5, dims=3)
        load(loaded)
        refusal = ask(channel)
        until(lambda: told_of[refusal] > 50)
        is_over.append(True)
        for each in asking:
            each.result()
        assert refusal == (grpc.StatusCode.INVALID_ARGUMENT, asked(channel, slow(data)).details)
        assert "Expected [-1,3], got [1,4]" in str(refusal[1])
        unload = channel.unary_unary("/inference.GRPCInferenceService/RepositoryModelUnload")
        unload(messages.RepositoryModelUnloadRequest(model_name="times").SerializeToString())
        until(lambda: "unloaded" in str(ask(channel)))
        assert asked(channel, data) == asked(channel, slow(data))
        assert asked(channel, data).code is grpc.StatusCode.NOT_FOUND
    assert set(told_of) == {(float(factor),) * 4 for factor in (1, 2, 3, 4)} | {refusal}
