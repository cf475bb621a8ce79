"""One request, one response: ModelInfer."""

from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from serving.engine.engine import Engine
from serving.errors import Unsupported
from serving.protocols.v2_proto import read_version
from serving.transports.grpc.calls import Unary
from serving.transports.grpc.coding import decoded, encoded
from serving.transports.shared_memory import SharedMemoryRegions


def inference_rpcs(engine: Engine, regions: SharedMemoryRegions) -> dict[str, Unary]:
    async def model_infer(message: ModelInferRequest) -> ModelInferResponse:
        model = engine.model(message.model_name, read_version(message.model_version))
        if model.is_decoupled:
            raise Unsupported(
                "ModelInfer RPC doesn't support models with decoupled transaction policy; use ModelStreamInfer"
            )
        request, requested = await decoded(message, regions.window)
        return await encoded(await engine.infer(request), requested, model)

    return {"ModelInfer": model_infer}
