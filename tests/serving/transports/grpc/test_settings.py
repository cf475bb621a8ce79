from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2 as messages
from tritonclient.utils import InferenceServerException

from tests import tiny_models
from tests.grpc_client import stub_of
from tests.running_server import RunningServer, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    tiny_models.add_double(tmp_path / "models")
    with running(tmp_path / "models", trace_file=tmp_path / "trace.json") as server:
        yield server


@pytest.fixture
def triton(server: RunningServer) -> Iterator[Any]:
    with client.InferenceServerClient(server.grpc_address) as triton:
        yield triton


def lists(response: messages.TraceSettingResponse) -> dict[str, list[str]]:
    return {name: list(setting.value) for name, setting in response.settings.items()}


def test_trace_settings_of_all_models_and_of_one(triton: Any, tmp_path: Path) -> None:
    assert lists(triton.get_trace_settings()) == {
        "trace_level": ["OFF"],
        "trace_rate": ["1000"],
        "trace_count": ["-1"],
        "log_frequency": ["0"],
        "trace_file": [str(tmp_path / "trace.json")],
        "trace_mode": ["triton"],
    }
    triton.update_trace_settings(settings={"trace_rate": "7"})
    of_model = lists(triton.update_trace_settings("double", {"trace_level": ["TIMESTAMPS"]}))
    assert (of_model["trace_level"], of_model["trace_rate"]) == (["TIMESTAMPS"], ["7"])
    cleared = lists(triton.update_trace_settings("double", {"trace_level": None}))
    assert cleared["trace_level"] == lists(triton.get_trace_settings())["trace_level"] == ["OFF"]


@pytest.mark.parametrize(
    ("model", "settings", "words"),
    [
        ("nope", {}, r"INVALID_ARGUMENT\] Request for unknown model : nope"),
        ("", {"trace_rate": "x"}, r"INVALID_ARGUMENT\] Unable to parse 'trace_rate', got: x"),
        ("", {"trace_file": "x"}, r"UNIMPLEMENTED\] trace file location can not be updated"),
        ("", {"mood": "x"}, r"INVALID_ARGUMENT\] Unknown trace setting 'mood'"),
    ],
)
def test_wrong_trace_settings(triton: Any, model: str, settings: dict[str, str], words: str) -> None:
    with pytest.raises(InferenceServerException, match=words):
        triton.update_trace_settings(model, settings)


def test_log_settings_keep_their_types(server: RunningServer, triton: Any) -> None:
    changed = {"log_info": False, "log_verbose_level": 1, "log_format": "ISO8601"}
    triton.update_log_settings(changed)
    settings = triton.get_log_settings().settings
    found = {name: getattr(value, value.WhichOneof("parameter_choice")) for name, value in settings.items()}
    assert found == {"log_file": "", "log_warning": True, "log_error": True, **changed}
    nothing = messages.LogSettingsRequest()
    nothing.settings["log_info"].SetInParent()
    with stub_of(server) as stub:
        assert stub.LogSettings(nothing).settings["log_info"].bool_param is False


@pytest.mark.parametrize(
    ("name", "choice", "code"),
    [
        ("log_info", {"string_param": "yes"}, grpc.StatusCode.INVALID_ARGUMENT),
        ("log_format", {"string_param": "poem"}, grpc.StatusCode.INVALID_ARGUMENT),
        ("log_file", {"string_param": "x"}, grpc.StatusCode.UNIMPLEMENTED),
        ("mood", {"bool_param": True}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_wrong_log_settings(server: RunningServer, name: str, choice: dict[str, Any], code: grpc.StatusCode) -> None:
    message = messages.LogSettingsRequest()
    message.settings[name].CopyFrom(messages.LogSettingsRequest.SettingValue(**choice))
    with stub_of(server) as stub, pytest.raises(grpc.RpcError) as error:
        stub.LogSettings(message)
    assert (error.value.code(), name in error.value.details().replace(" ", "_")) == (code, True)
