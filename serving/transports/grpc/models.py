"""The server's own health and metadata, and what models there are."""

from tritonclient.grpc import service_pb2 as messages

from serving import __version__
from serving.core.requests import TensorSpec
from serving.engine.engine import Engine
from serving.protocols.v2_proto import read_version
from serving.transports.grpc.calls import Unary


def server_rpcs(engine: Engine, extensions: list[str]) -> dict[str, Unary]:
    async def server_live(_: messages.ServerLiveRequest) -> messages.ServerLiveResponse:
        return messages.ServerLiveResponse(live=not engine.needs_restart)

    async def server_ready(_: messages.ServerReadyRequest) -> messages.ServerReadyResponse:
        return messages.ServerReadyResponse(ready=engine.ready)

    async def server_metadata(_: messages.ServerMetadataRequest) -> messages.ServerMetadataResponse:
        return messages.ServerMetadataResponse(name="triton", version=__version__, extensions=extensions)

    return {"ServerLive": server_live, "ServerReady": server_ready, "ServerMetadata": server_metadata}


def model_rpcs(engine: Engine) -> dict[str, Unary]:
    async def model_ready(message: messages.ModelReadyRequest) -> messages.ModelReadyResponse:
        """A model that is not known is not ready, which is no error."""
        return messages.ModelReadyResponse(ready=engine.is_model_ready(message.name, read_version(message.version)))

    async def model_metadata(message: messages.ModelMetadataRequest) -> messages.ModelMetadataResponse:
        version = read_version(message.version)
        model = engine.model(message.name, version)
        return messages.ModelMetadataResponse(
            name=model.name,
            versions=[version] if version else engine.ready_versions(model.name),
            platform=model.config.platform,
            inputs=[_tensor(spec) for spec in model.inputs.values()],
            outputs=[_tensor(spec) for spec in model.outputs.values()],
        )

    async def model_config(message: messages.ModelConfigRequest) -> messages.ModelConfigResponse:
        return messages.ModelConfigResponse(config=engine.model(message.name, read_version(message.version)).config)

    return {"ModelReady": model_ready, "ModelMetadata": model_metadata, "ModelConfig": model_config}


def _tensor(spec: TensorSpec) -> messages.ModelMetadataResponse.TensorMetadata:
    return messages.ModelMetadataResponse.TensorMetadata(name=spec.name, datatype=spec.datatype, shape=spec.shape)
