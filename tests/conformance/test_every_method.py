"""Every public method of Triton's four official clients, found by reflection, so that a new release's fail here."""

import base64
from collections.abc import Awaitable, Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from tests.conformance.callers import CLIENTS, INT32, Caller, calling, public_methods, segment
from tests.running_server import RunningServer

Check = Callable[[Caller], Awaitable[None]]


@pytest.mark.parametrize(("kind", "method"), [(kind, method) for kind in CLIENTS for method in public_methods(kind)])
async def test_method(server: RunningServer, kind: str, method: str) -> None:
    async with calling(kind, server) as caller:
        await CHECKS[method](caller)


def test_no_check_is_for_a_method_that_is_gone() -> None:
    assert set(CHECKS) == {method for kind in CLIENTS for method in public_methods(kind)}


async def _health(caller: Caller) -> None:
    assert await caller.ask("is_server_live") is True
    assert await caller.ask("is_server_ready") is True


async def _model_ready(caller: Caller) -> None:
    assert await caller.ask("is_model_ready", "simple") is True
    assert await caller.ask("is_model_ready", "simple", "1") is True
    assert await caller.ask("is_model_ready", "simple", "2") is False
    assert await caller.ask("is_model_ready", "nope") is False


async def _server_metadata(caller: Caller) -> None:
    metadata = await caller.ask("get_server_metadata")
    assert metadata["name"] == "triton"
    assert {"statistics", "model_repository", "system_shared_memory", "trace", "logging"} <= set(metadata["extensions"])


async def _model_metadata(caller: Caller) -> None:
    metadata = await caller.ask("get_model_metadata", "simple")
    assert (metadata["name"], metadata["versions"], metadata["platform"]) == ("simple", ["1"], "onnxruntime_onnx")
    tensor = {"name": "INPUT0", "datatype": "INT32", "shape": _int64s(caller, [-1, 16])}
    assert metadata["inputs"] == [tensor, {**tensor, "name": "INPUT1"}]
    assert metadata["outputs"] == [{**tensor, "name": name} for name in ("OUTPUT0", "OUTPUT1")]


async def _model_config(caller: Caller) -> None:
    answer = await caller.ask("get_model_config", "simple")
    config = answer["config"] if caller.is_grpc else answer
    assert (config["name"], config["max_batch_size"], config["backend"]) == ("simple", 8, "onnxruntime")
    assert config["input"][0]["data_type"] == "TYPE_INT32"
    assert config["input"][0]["dims"] == _int64s(caller, [16])


async def _index(caller: Caller) -> None:
    answer = await caller.ask("get_model_repository_index")
    rows = answer["models"] if caller.is_grpc else answer
    assert {"name": "simple", "version": "1", "state": "READY"} in rows
    assert len(rows) == len({row["name"] for row in rows})


async def _statistics(caller: Caller) -> None:
    before = await _of_simple(caller)
    await caller.ask("infer", "simple", caller.simple_inputs())
    after = await _of_simple(caller)
    for field in ("inference_count", "execution_count"):
        assert int(after[field]) == int(before.get(field, 0)) + 1
    every = (await caller.ask("get_inference_statistics"))["model_stats"]
    assert {"simple", "simple_sequence"} <= {row["name"] for row in every}


async def _of_simple(caller: Caller) -> dict[str, Any]:
    (row,) = (await caller.ask("get_inference_statistics", "simple", "1"))["model_stats"]
    assert (row["name"], row["version"]) == ("simple", "1")
    assert "success" in row["inference_stats"]
    return row  # type: ignore[no-any-return]


async def _load_and_unload(caller: Caller) -> None:
    await caller.ask("unload_model", "simple_int8")
    assert await caller.ask("is_model_ready", "simple_int8") is False
    await caller.ask("load_model", "simple_int8", config='{"max_batch_size": 2}')
    assert await caller.ask("is_model_ready", "simple_int8") is True
    answer = await caller.ask("get_model_config", "simple_int8")
    assert (answer["config"] if caller.is_grpc else answer)["max_batch_size"] == 2
    await caller.ask("load_model", "simple_int8")
    with pytest.raises(InferenceServerException, match="failed to load 'nope'"):
        await caller.ask("load_model", "nope")


async def _trace_settings(caller: Caller) -> None:
    for model in (None, "simple"):
        changes = {"trace_level": ["TIMESTAMPS"], "trace_rate": "7"}
        changed = _traced(caller, await caller.ask("update_trace_settings", model, changes))
        assert (changed["trace_level"], changed["trace_rate"]) == (["TIMESTAMPS"], "7")
        assert _traced(caller, await caller.ask("get_trace_settings", model)) == changed
        cleared = await caller.ask("update_trace_settings", model, {"trace_level": None, "trace_rate": None})
        assert _traced(caller, cleared)["trace_level"] == ["OFF"]


def _traced(caller: Caller, answer: dict[str, Any]) -> dict[str, Any]:
    if not caller.is_grpc:
        return answer
    values = {name: setting["value"] for name, setting in answer["settings"].items()}
    return {name: value if name == "trace_level" else value[0] for name, value in values.items()}


async def _log_settings(caller: Caller) -> None:
    changes = {"log_verbose_level": 1, "log_info": False, "log_format": "ISO8601"}
    try:
        changed = _logged(caller, await caller.ask("update_log_settings", changes))
        assert changes.items() <= changed.items()
        assert _logged(caller, await caller.ask("get_log_settings")) == changed
    finally:
        await caller.ask("update_log_settings", {"log_verbose_level": 0, "log_info": True, "log_format": "default"})


def _logged(caller: Caller, answer: dict[str, Any]) -> dict[str, Any]:
    if not caller.is_grpc:
        return answer
    return {name: value for name, setting in answer["settings"].items() for value in setting.values()}


async def _system_shared_memory(caller: Caller) -> None:
    with segment() as (key, _):
        await caller.ask("register_system_shared_memory", "numbers", key, 64)
        try:
            (region,) = _regions(caller, await caller.ask("get_system_shared_memory_status", "numbers"))
            assert (region["name"], region["key"], int(region["byte_size"])) == ("numbers", key, 64)
            shared = caller.module.InferInput("INPUT0", [1, 16], "INT32")
            shared.set_shared_memory("numbers", 64)
            result = await caller.ask("infer", "simple", [shared, caller.tensor("INPUT1", INT32)])
            np.testing.assert_array_equal(_output(result), INT32 * 2)
        finally:
            await caller.ask("unregister_system_shared_memory", "numbers")
        assert _regions(caller, await caller.ask("get_system_shared_memory_status")) == []
        await caller.ask("unregister_system_shared_memory")


def _regions(caller: Caller, answer: Any) -> list[dict[str, Any]]:
    return list(answer.get("regions", {}).values()) if caller.is_grpc else answer


async def _cuda_shared_memory(caller: Caller) -> None:
    """As Triton answers where it was built without GPUs."""
    handle = base64.b64encode(bytes(64))
    with pytest.raises(InferenceServerException, match="GPUs not supported"):
        await caller.ask("register_cuda_shared_memory", "numbers", handle, 0, 64)
    assert _regions(caller, await caller.ask("get_cuda_shared_memory_status")) == []
    await caller.ask("unregister_cuda_shared_memory")
    await caller.ask("unregister_cuda_shared_memory", "numbers")


async def _infer(caller: Caller) -> None:
    wanted = [caller.module.InferRequestedOutput("OUTPUT0")]
    result = await caller.ask("infer", "simple", caller.simple_inputs(), "1", wanted, "an id", parameters={"mine": 1})
    np.testing.assert_array_equal(_output(result), INT32 * 2)
    assert result.as_numpy("OUTPUT1") is None
    response = result.get_response(as_json=True) if caller.is_grpc else result.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("an id", "simple", "1")


async def _async_infer(caller: Caller) -> None:
    if caller.is_grpc:
        results: SimpleQueue[Any] = SimpleQueue()
        put = partial(_put, results)
        for _ in range(4):
            caller.client.async_infer("simple", caller.simple_inputs(), put)
        answers = [results.get(timeout=30) for _ in range(4)]
    else:
        requests = [caller.client.async_infer("simple", caller.simple_inputs()) for _ in range(4)]
        answers = [request.get_result() for request in requests]
    for answer in answers:
        np.testing.assert_array_equal(_output(answer), INT32 * 2)


def _put(results: "SimpleQueue[Any]", result: Any, error: Any) -> None:
    results.put(error or result)


async def _request_body(caller: Caller) -> None:
    """What callers use who bring their own HTTP: a body to send, and a reader for the one that comes back."""
    body, header_length = type(caller.client).generate_request_body(caller.simple_inputs())
    header = {"Inference-Header-Content-Length": str(header_length)}
    reply = await _post(caller, body, header)
    result = type(caller.client).parse_response_body(
        reply.content, header_length=int(reply.headers["Inference-Header-Content-Length"])
    )
    np.testing.assert_array_equal(_output(result), INT32 * 2)


async def _post(caller: Caller, body: bytes, headers: dict[str, str]) -> Any:
    async with httpx.AsyncClient() as http:
        return await http.post(f"{caller.server.url}/v2/models/simple/infer", content=body, headers=headers)


async def _plugin(caller: Caller) -> None:
    seen: list[dict[str, str]] = []

    def plugin(request: Any) -> None:
        request.headers["authorization"] = "Bearer any"
        seen.append(request.headers)

    caller.client.register_plugin(plugin)
    assert caller.client.plugin() is plugin
    assert await caller.ask("is_server_live") is True
    caller.client.unregister_plugin()
    await caller.ask("is_server_live")
    assert seen == [{"authorization": "Bearer any"}]


async def _stream(caller: Caller) -> None:
    results: SimpleQueue[Any] = SimpleQueue()
    caller.client.start_stream(partial(_put, results))
    for number in range(4):
        caller.client.async_stream_infer("simple", caller.simple_inputs(), request_id=str(number))
    caller.client.stop_stream()
    answers = [results.get(timeout=30) for _ in range(4)]
    assert [result.get_response().id for result in answers] == ["0", "1", "2", "3"]
    for result in answers:
        np.testing.assert_array_equal(_output(result), INT32 * 2)


async def _stream_infer(caller: Caller) -> None:
    async def requests() -> Any:
        for number in range(4):
            yield {"model_name": "simple", "inputs": caller.simple_inputs(), "request_id": str(number)}

    answers = [answer async for answer in caller.client.stream_infer(requests())]
    assert [(result.get_response().id, error) for result, error in answers] == [(str(n), None) for n in range(4)]


async def _close(caller: Caller) -> None:
    """`calling` does; and a client that is closed twice is no error."""
    await caller.ask("is_server_live")
    await caller.ask("close")


def _output(result: Any) -> Any:
    return result.as_numpy("OUTPUT0")


def _int64s(caller: Caller, numbers: list[int]) -> list[Any]:
    """Protobuf's JSON has them as strings."""
    return [str(number) for number in numbers] if caller.is_grpc else numbers


CHECKS: dict[str, Check] = {
    "async_infer": _async_infer,
    "async_stream_infer": _stream,
    "close": _close,
    "generate_request_body": _request_body,
    "get_cuda_shared_memory_status": _cuda_shared_memory,
    "get_inference_statistics": _statistics,
    "get_log_settings": _log_settings,
    "get_model_config": _model_config,
    "get_model_metadata": _model_metadata,
    "get_model_repository_index": _index,
    "get_server_metadata": _server_metadata,
    "get_system_shared_memory_status": _system_shared_memory,
    "get_trace_settings": _trace_settings,
    "infer": _infer,
    "is_model_ready": _model_ready,
    "is_server_live": _health,
    "is_server_ready": _health,
    "load_model": _load_and_unload,
    "parse_response_body": _request_body,
    "plugin": _plugin,
    "register_cuda_shared_memory": _cuda_shared_memory,
    "register_plugin": _plugin,
    "register_system_shared_memory": _system_shared_memory,
    "start_stream": _stream,
    "stop_stream": _stream,
    "stream_infer": _stream_infer,
    "unload_model": _load_and_unload,
    "unregister_cuda_shared_memory": _cuda_shared_memory,
    "unregister_plugin": _plugin,
    "unregister_system_shared_memory": _system_shared_memory,
    "update_log_settings": _log_settings,
    "update_trace_settings": _trace_settings,
}
