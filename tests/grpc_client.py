"""A caller of Triton's gRPC service that knows only its messages, for what `tritonclient` hides or can't send."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from serving.core.datatypes import datatype_of
from serving.protocols.v2_binary import encode_tensor
from tests.running_server import RunningServer


@contextmanager
def channel_to(server: RunningServer) -> Iterator[grpc.Channel]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(server.grpc_address, options) as channel:
        yield channel


@contextmanager
def stub_of(server: RunningServer) -> Iterator[GRPCInferenceServiceStub]:
    with channel_to(server) as channel:
        yield GRPCInferenceServiceStub(channel)


def request(model: str, request_id: str = "", **inputs: object) -> messages.ModelInferRequest:
    """With raw contents; lists of numbers become FP32."""
    message = messages.ModelInferRequest(model_name=model, id=request_id)
    for name, value in inputs.items():
        array = value if isinstance(value, np.ndarray) else np.array(value, np.float32)
        message.inputs.add(name=name, datatype=datatype_of(array.dtype), shape=array.shape)
        message.raw_input_contents.append(bytes(encode_tensor(array)))
    return message


def output(response: messages.ModelInferResponse, dtype: type = np.float32) -> list[object]:
    """The numbers of its first output."""
    return np.frombuffer(response.raw_output_contents[0], dtype).tolist()


def ask_mock_llm(request_id: str = "", **parameters: bool | int) -> messages.ModelInferRequest:
    """The prompt is the request's id."""
    prompt = np.array([[request_id.encode()]], dtype=object)
    message = request("mock_llm", request_id, PROMPT=prompt, STREAM=np.array([[True]]))
    for name, value in parameters.items():
        choice = "bool_param" if isinstance(value, bool) else "int64_param"
        setattr(message.parameters[name], choice, value)
    return message


class Conversation:
    """Requests that are sent one by one, and the responses to all of them."""

    def __init__(self, stub: Any, **metadata: str) -> None:
        self._requests: queue.Queue[messages.ModelInferRequest | None] = queue.Queue()
        self.call = stub.ModelStreamInfer(iter(self._requests.get, None), metadata=tuple(metadata.items()))

    def send(self, *requests: messages.ModelInferRequest) -> None:
        for message in requests:
            self._requests.put(message)

    def next(self) -> messages.ModelStreamInferResponse:
        return next(self.call)

    def end(self) -> list[messages.ModelStreamInferResponse]:
        """Nothing more to send; what is still answered."""
        self.stop_sending()
        return list(self.call)

    def stop_sending(self) -> None:
        self._requests.put(None)
