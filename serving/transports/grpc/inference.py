"""One request, one response: ModelInfer."""

from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from serving.engine.engine import Engine
from serving.errors import Unsupported
from serving.protocols.v2_proto import read_version
from serving.transports.grpc.calls import Timed
from serving.transports.grpc.coding import COPIES, decoded, encoded
from serving.transports.held_memory import HeldMemory, size_of
from serving.transports.shared_memory import SharedMemoryRegions


def infer_rpc(engine: Engine, regions: SharedMemoryRegions, memory: HeldMemory) -> Timed:
    async def model_infer(message: ModelInferRequest, seconds: float | None, is_lone: bool) -> ModelInferResponse:
        model = engine.model(message.model_name, read_version(message.model_version))
        if model.is_decoupled:
            raise Unsupported(
                "ModelInfer RPC doesn't support models with decoupled transaction policy; use ModelStreamInfer"
            )
        request, requested = await decoded(message, regions.window)
        with memory.holding(COPIES * size_of(request.inputs)):
            response = await engine.infer(request.within(seconds, is_lone))
        return await encoded(response, requested, model)

    return model_infer
