"""The server's settings from what was chosen for `slipway serve`.

Rule: what can be told without looking at the machine is checked here, so that `slipway config` tells it anywhere.
"""

import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import typer

from serving.commands import places
from serving.commands.access_config import InvalidAccess, access_of
from serving.commands.backend_config import InvalidBackendConfig, enables_global_threadpool
from serving.commands.cache_config import InvalidCacheConfig, cache_byte_size
from serving.commands.serve_options import ModelControlMode, ServeOptions
from serving.commands.trace_config import InvalidTraceConfig, traces
from serving.core import remote_address
from serving.settings import Settings

_LONGEST_NAME = 255  # bytes, as file systems have it
_LARGEST_MESSAGE = 2**31 - 1  # bytes; gRPC holds the number in 32 bits


def chosen_settings(options: ServeOptions, environment: Mapping[str, str]) -> Settings:
    """`environment` says where traces go if no option does. Raises `BadParameter`."""
    if options.load_model and options.model_control_mode is not ModelControlMode.EXPLICIT:
        raise typer.BadParameter("--load-model needs --model-control-mode explicit; without it every model is loaded")
    if not 0 < options.record_rate <= 1:
        raise typer.BadParameter(
            f"--record-rate must be above 0 and at most 1, the share of all requests; got {options.record_rate:g}"
        )
    if not options.host.strip():
        raise typer.BadParameter(f"--host must be an address; 0.0.0.0 is every network; got {options.host!r}")
    if options.grpc_max_message_size > _LARGEST_MESSAGE:
        raise typer.BadParameter(
            f"--grpc-max-message-size is at most {_LARGEST_MESSAGE} bytes, or -1; got {options.grpc_max_message_size}"
        )
    if options.model_name is not None:
        _check_model_name(options.model_name)
    try:
        traced = traces(options.trace_file, options.otlp_endpoint, options.trace_config or (), environment)
        cache_size = cache_byte_size(options.response_cache_byte_size, options.cache_config)
        enable_global_threadpool = enables_global_threadpool(options.backend_config or ())
        access = access_of(options)
    except (InvalidAccess, InvalidCacheConfig, InvalidBackendConfig, InvalidTraceConfig) as error:
        raise typer.BadParameter(str(error)) from None
    of_the_same_name = {
        each.name: getattr(options, each.name) for each in fields(Settings) if hasattr(options, each.name)
    }
    changed = {
        "model_repositories": _repositories(options),
        "model_control_mode": options.model_control_mode.value,
        "load_model": tuple(options.load_model or ()),
        "trace_file": traced.file,
        "tracing": traced.tracing,
        "response_cache_byte_size": cache_size,
        "enable_global_threadpool": enable_global_threadpool,
        "access": access,
    }
    return Settings(**{**of_the_same_name, **changed})


def _check_model_name(name: str) -> None:
    from serving.engine.repository import is_model_name  # takes a while to import, which few need

    if not name or "/" in name or not is_model_name(name) or len(os.fsencode(name)) > _LONGEST_NAME:
        raise typer.BadParameter(f"--model-name: {name[:100]!r} can't be a folder's name, which a model's name is")


def _repositories(options: ServeOptions) -> tuple[Path | str, ...]:
    chosen = tuple(map(repository, places.chosen(list(options.model_repository or ()))))
    if options.model_name is not None and (len(chosen) > 1 or not isinstance(chosen[0], Path)):
        got = f"{len(chosen)} places" if len(chosen) > 1 else chosen[0]
        raise typer.BadParameter(f"--model-name is for one folder or file on this machine; got {got}")
    return chosen


def repository(place: str) -> Path | str:
    """A folder, or an address as it is. Raises `BadParameter`."""
    if not remote_address.is_remote(place):
        return Path(place.removeprefix("file://"))
    try:
        remote_address.parse(place)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return place
