"""What is traced and what is logged: TraceSetting and LogSettings. Both change what they are given, and answer all."""

from collections.abc import Callable
from dataclasses import asdict

from tritonclient.grpc import service_pb2 as messages

from serving.core.trace_settings import to_lists
from serving.engine.trace_registry import TraceRegistry
from serving.errors import ModelNotFound
from serving.log import Logging
from serving.transports.grpc.calls import Unary

_CHOICES = {bool: "bool_param", int: "uint32_param", str: "string_param"}


def settings_rpcs(is_model_ready: Callable[[str], bool], traces: TraceRegistry, logs: Logging) -> dict[str, Unary]:
    async def trace_setting(message: messages.TraceSettingRequest) -> messages.TraceSettingResponse:
        model = message.model_name
        if model and not is_model_ready(model):
            raise ModelNotFound(f"Request for unknown model : {model}")
        if message.settings:
            traces.update({name: list(setting.value) for name, setting in message.settings.items()}, model)
        found = to_lists(traces.settings(model))
        return messages.TraceSettingResponse(
            settings={name: messages.TraceSettingResponse.SettingValue(value=values) for name, values in found.items()}
        )

    async def log_settings(message: messages.LogSettingsRequest) -> messages.LogSettingsResponse:
        if message.settings:
            logs.update({name: _value(setting) for name, setting in message.settings.items()})
        found = asdict(logs.settings)
        return messages.LogSettingsResponse(settings={name: _setting(value) for name, value in found.items()})

    return {"TraceSetting": trace_setting, "LogSettings": log_settings}


def _value(setting: messages.LogSettingsRequest.SettingValue) -> object:
    """None where none is set, which changes nothing."""
    choice = setting.WhichOneof("parameter_choice")
    return getattr(setting, choice) if choice else None


def _setting(value: bool | int | str) -> messages.LogSettingsResponse.SettingValue:
    return messages.LogSettingsResponse.SettingValue(**{_CHOICES[type(value)]: value})
