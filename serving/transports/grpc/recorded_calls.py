"""gRPC's requests, as a recorder sees them. Rule: messages are handed on as they are; errors are told as they were."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from itertools import count
from typing import Any

from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse

from serving.errors import SlipwayError
from serving.recording.calls import Answer, GrpcCall
from serving.recording.recorder import Recorder
from serving.transports.grpc.calls import Timed
from serving.transports.status import grpc_status

Responses = AsyncGenerator[ModelInferResponse, None]

Watch = Callable[[Any], Callable[[Responses], Responses]]
"""Takes a message as it comes, then the responses to it, and gives them back, looked at as they come."""

_OK = "OK"


def unwatched() -> Watch:
    """For a call of which nothing is recorded."""
    return lambda _: _as_they_are


def recorded_infer(infer: Timed, recorder: Recorder) -> Timed:
    async def model_infer(message: ModelInferRequest, seconds: float | None, is_lone: bool) -> ModelInferResponse:
        if not recorder.chooses():
            return await infer(message, seconds, is_lone)
        start, status, answered = recorder.now(), None, 0
        try:
            response = await infer(message, seconds, is_lone)
            status, answered = _OK, response.ByteSize()
        except Exception as error:
            status = _status(error)
            raise
        finally:
            answer = Answer(status, recorder.now() - start, answered)
            recorder.put(GrpcCall(start, "ModelInfer", None, seconds, message, message.ByteSize(), answer))
        return response

    return model_infer


class RecordedStreams:
    """Gives each call of ModelStreamInfer a `Watch` of its own."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._numbers = count()

    def __call__(self) -> Watch:
        return partial(self._watch, next(self._numbers))

    def _watch(self, stream: int, message: Any) -> Callable[[Responses], Responses]:
        if not self._recorder.chooses():
            return _as_they_are
        return partial(self._noted, stream, message, self._recorder.now())

    async def _noted(self, stream: int, message: Any, start: float, responses: Responses) -> Responses:
        now = self._recorder.now
        answered = events = 0
        status: str | None = None
        first: float | None = None
        try:
            async with aclosing(responses):
                async for response in responses:
                    first = first or now() - start
                    answered += response.ByteSize()
                    events += 1
                    yield response
            status = _OK
        except Exception as error:
            status = _status(error)
            raise
        finally:
            answer = Answer(status, now() - start, answered, first, events)
            self._recorder.put(GrpcCall(start, "ModelStreamInfer", stream, None, message, message.ByteSize(), answer))


def _as_they_are(responses: Responses) -> Responses:
    return responses


def _status(error: Exception) -> str:
    """An error that nobody foresaw is INTERNAL to whoever asked."""
    return str(grpc_status(error).name) if isinstance(error, SlipwayError) else "INTERNAL"
