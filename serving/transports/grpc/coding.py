"""Where messages are decoded and encoded. Rule: what may take long is done off the event loop, which has others to
serve."""

import asyncio
import math

from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from serving.core.requests import InferRequest, InferResponse
from serving.engine.servable import Servable
from serving.protocols import v2_proto
from serving.protocols.outputs import OpenWindow, RequestedOutputs, placed

LARGE = 256 * 1024  # bytes
MANY = 16 * 1024  # elements
COPIES = 3
"""Of a request's tensors, while it waits: grpc keeps the message too, as it came and as it was read."""


async def decoded(message: ModelInferRequest, open_window: OpenWindow) -> tuple[InferRequest, RequestedOutputs]:
    """Raises what `v2_proto.decode_request` does."""
    if not (_has_many_elements(message) or _reads_shared_memory(message)):
        return v2_proto.decode_request(message, open_window)
    return await asyncio.to_thread(v2_proto.decode_request, message, open_window)


async def encoded(response: InferResponse, requested: RequestedOutputs, model: Servable) -> ModelInferResponse:
    """Raises what `outputs.placed` does."""
    if requested.need_work:
        has_batch = model.max_batch_size > 0
        response = await asyncio.to_thread(placed, response, requested, has_batch)
    if sum(array.nbytes for array in response.outputs.values()) < LARGE:
        return v2_proto.encode_response(response, requested)
    return await asyncio.to_thread(v2_proto.encode_response, response, requested)


def _has_many_elements(message: ModelInferRequest) -> bool:
    """Raw numbers are not copied, however many; only a text's elements, and typed contents, are taken one by one."""
    return any(
        math.prod(tensor.shape) >= MANY
        for tensor in message.inputs
        if tensor.datatype == "BYTES" or tensor.HasField("contents")
    )


def _reads_shared_memory(message: ModelInferRequest) -> bool:
    return any("shared_memory_region" in tensor.parameters for tensor in message.inputs)
