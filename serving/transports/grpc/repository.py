"""The model repository: its index, and loading and unloading by request.

Source: Triton's extension_model_repository.md and grpc_server.cc, whose words its clients' tests look for.
"""

import asyncio
from typing import Any

from tritonclient.grpc import service_pb2 as messages

from serving.core.states import ModelState, VersionStatus
from serving.engine.engine import Engine
from serving.engine.override import Override, read_override
from serving.errors import InvalidInput, Unsupported
from serving.transports.grpc.calls import Unary

_FILE = "file:"


def repository_rpcs(engine: Engine) -> dict[str, Unary]:
    async def index(message: messages.RepositoryIndexRequest) -> messages.RepositoryIndexResponse:
        _check_repository(message)
        rows = await asyncio.to_thread(engine.index, message.ready)
        return messages.RepositoryIndexResponse(models=[_index_row(row) for row in rows])

    async def load(message: messages.RepositoryModelLoadRequest) -> messages.RepositoryModelLoadResponse:
        _check_repository(message)
        await engine.load(message.model_name, await asyncio.to_thread(_override, message))
        return messages.RepositoryModelLoadResponse()

    async def unload(message: messages.RepositoryModelUnloadRequest) -> messages.RepositoryModelUnloadResponse:
        _check_repository(message)
        dependents = "unload_dependents" in message.parameters and _parameter(
            message, "unload_dependents", "bool_param", "unload"
        )
        await engine.unload(message.model_name, dependents)
        return messages.RepositoryModelUnloadResponse()

    return {"RepositoryIndex": index, "RepositoryModelLoad": load, "RepositoryModelUnload": unload}


def _check_repository(message: Any) -> None:
    if message.repository_name:
        raise Unsupported("'repository_name' specification is not supported")


def _index_row(row: VersionStatus) -> messages.RepositoryIndexResponse.ModelIndex:
    state = "" if row.state is ModelState.UNKNOWN else row.state.value  # nobody tried to load it
    return messages.RepositoryIndexResponse.ModelIndex(
        name=row.name, version=row.version, state=state, reason=row.reason
    )


def _override(message: messages.RepositoryModelLoadRequest) -> Override | None:
    config: str | None = None
    files: dict[str, bytes] = {}
    for name in message.parameters:
        if name == "config":
            config = _parameter(message, name, "string_param", "load")
        elif name.startswith(_FILE):
            files[name.removeprefix(_FILE)] = _parameter(message, name, "bytes_param", "load")
        else:
            raise InvalidInput(f"unrecognized load parameter '{name}', expected 'config' or 'file:<path>'")
    return read_override(config, files, message.model_name)


def _parameter(message: Any, name: str, choice: str, verb: str) -> Any:
    parameter = message.parameters[name]
    if parameter.WhichOneof("parameter_choice") != choice:
        raise InvalidInput(f"invalid value type for {verb} parameter '{name}', expected {choice}.")
    return getattr(parameter, choice)
