"""Recordings as requests to a model that transcribes, for the routes that take them.

Rule: they are decoded off the event loop, a few at a time, and no more of them than a request may have seconds; all of
them are answered or none.
"""

from collections.abc import Sequence
from functools import partial

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from serving.audio import sound
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.engine.engine import Engine
from serving.engine.servable import Servable
from serving.errors import InvalidInput
from serving.protocols import transcribe as codec
from serving.protocols.transcribe import Listener, Transcript
from serving.transports.http.all_or_none import infer_all
from serving.transports.http.disconnect import until_disconnect
from serving.transports.http.off_loop import off_loop_if_large
from serving.transports.http.timeout_header import within_header


def transcribes(model: Servable) -> bool:
    return codec.transcribes(model.inputs, model.outputs, model.labels)


class Recordings:
    """One for all routes; `decoders` are as many as may be at work, each with many times its recording's size."""

    def __init__(self, engine: Engine, decoders: CapacityLimiter) -> None:
        self._engine = engine
        self._decoders = decoders

    def listener(self, name: str) -> Listener:
        """Raises what `Engine.model` does, and `InvalidInput` for a model that does not transcribe."""
        model = self._engine.model(name)
        if transcribes(model):
            return codec.listener(model.name, model.config)
        raise InvalidInput(
            f"model '{name}' does not transcribe speech; those that do: {self._engine.those(transcribes)}. Its tensors "
            f"are at POST /v2/models/{name}/infer",
            "model",
        )

    async def transcripts(self, request: Request, recordings: Sequence[bytes], model: Listener) -> list[Transcript]:
        """Raises what `sound.samples_of` and `Engine.infer` do."""
        rows = await self._decoded(recordings, model)
        asked = [InferRequest(model.model_name, row, output_names=(codec.TOKENS,)) for row in rows]
        answers = infer_all(self._engine, [within_header(request, each) for each in asked])
        heard = list(zip(rows, await until_disconnect(request, answers), strict=True))
        frames = sum(answer.outputs[codec.TOKENS].size for _, answer in heard)
        return await off_loop_if_large(
            codec.FRAME_BYTES * frames, lambda: [_transcript(row, answer, model) for row, answer in heard]
        )

    async def _decoded(self, recordings: Sequence[bytes], model: Listener) -> list[Arrays]:
        """A recording is refused by what its header says, where that is too long, before any of it is decoded."""
        rows: list[Arrays] = []
        seconds = 0.0
        for recording in recordings:
            decode = partial(_row, recording, model, seconds)
            rows.append(await to_thread.run_sync(decode, limiter=self._decoders))
            seconds += rows[-1][codec.LENGTH].item() / model.sample_rate
        return rows


def _row(recording: bytes, model: Listener, taken: float) -> Arrays:
    samples = sound.samples_of(recording, model.sample_rate, model.max_seconds, model.together, taken)
    return codec.inputs_for(samples, model)


def _transcript(row: Arrays, answer: InferResponse, model: Listener) -> Transcript:
    return codec.transcript(row, answer.outputs[codec.TOKENS], answer.labels.get(codec.TOKENS, ()), model)
