"""One version of a model that writes: its thread on one side, the event loop's streams on the other.

Rule: the event loop computes nothing that takes longer than handing it over.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping
from contextlib import aclosing
from copy import copy
from functools import lru_cache, partial
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from serving.backends.decoder import Decoder
from serving.backends.gpu_faults import lasting_fault
from serving.core.generation import GenerateRequest, Grammar, SamplingParams
from serving.core.generation_config import TEXT_OUTPUT, generation_config
from serving.core.model_config import ModelConfig, input_specs, output_specs
from serving.core.requests import NO_LABELS, InferRequest, InferResponse
from serving.core.timeline import Timeline
from serving.engine import text_tensors
from serving.engine.generation_statistics import GenerationStatistics
from serving.engine.grammar_matchers import GrammarMatchers
from serving.engine.processes import Processes
from serving.engine.statistics import ModelStatistics
from serving.engine.text_delivery import TextDelivery
from serving.engine.text_stream import Delta, TextStream
from serving.engine.writing import Writing
from serving.engine.writing_thread import Told, WritingThread
from serving.errors import ContextTooLong, DeadlineExceeded, Overloaded, Unsupported
from serving.sampling.sampler import SamplerState
from serving.sampling.validate import check
from serving.scheduling.continuous import ContinuousBatcher, Limits
from serving.scheduling.continuous import Sequence as TokenSequence
from serving.text.stop_strings import StopStrings

if TYPE_CHECKING:  # its package is for models that read or write text
    from serving.sampling.grammar import GrammarMatcher
    from serving.text.tokenizer import TextTokenizer

_SEEDS = 2**64
_KEPT_STOPS = 8
_MOST_CHARACTERS = 128  # of a token; no vocabulary has longer ones that a text could be full of
_LONG = 16 * 1024
"""Characters, of a text that is read off the event loop."""


class GeneratingModel:
    """Made in any thread; all but `close` belongs to `loop`'s thread."""

    max_batch_size = 0
    is_decoupled = True
    caches_responses = False
    labels: Mapping[str, tuple[str, ...]] = NO_LABELS
    lacks = ""
    processes: Processes | None = None

    def __init__(
        self,
        version: str,
        config: ModelConfig,
        decoder: Decoder,
        tokenizer: "TextTokenizer",
        loop: asyncio.AbstractEventLoop,
        load_seconds: float = 0.0,
    ) -> None:
        self.name = str(config.name)
        self.version = version
        self.identity: Hashable = object()
        self.config = config
        self.inputs = {spec.name: spec for spec in input_specs(config)}
        self.outputs = {spec.name: spec for spec in output_specs(config)}
        self.load_seconds = load_seconds
        self.statistics = ModelStatistics()
        self.generation = GenerationStatistics()
        self.tokenizer = tokenizer
        self.max_length, self.vocab_size = decoder.max_length, decoder.vocab_size
        self.positions = decoder.rows * decoder.max_length
        """Of the cache."""
        self.created = int(time.time())
        settings = generation_config(config)
        self.queue_limit, self.rows = settings.max_num_queued_reqs, decoder.rows
        self._stop_strings = lru_cache(_KEPT_STOPS)(StopStrings)  # of n answers to a prompt they are the same
        self._grammars = GrammarMatchers(tokenizer, decoder.vocab_size)
        self._decoder = decoder
        self._loop = loop
        self.batcher = ContinuousBatcher(
            decoder.rows,
            decoder.max_length,
            Limits(
                max_num_batched_tokens=settings.max_num_batched_tokens,
                max_num_queued_reqs=settings.max_num_queued_reqs,
                inter_token_objective=settings.itl_objective,
                prefix_caching=settings.enable_prefix_caching,
            ),
        )
        self._delivery = TextDelivery(self.statistics, self.generation)
        self._gpu_fault = ""
        self._closing = threading.Lock()
        self._is_closed = False
        self._thread = WritingThread(f"{self.name}/{version}", self.batcher, decoder, self._deliver)

    def __repr__(self) -> str:
        return f"<GeneratingModel {self.name}/{self.version}, {self.batcher!r}>"

    @property
    def needs_restart(self) -> str:
        return self._thread.broken or self._gpu_fault

    @property
    def pending(self) -> int:
        """Requests that wait for a row of the cache."""
        return len(self.batcher)

    async def generate(self, request: GenerateRequest, timeline: Timeline | None = None) -> "Answer":
        """The answer, as it is written, of which a `timeline` is told. Raises `InvalidInput`, `ContextTooLong`,
        `Overloaded`, `ModelNotReady`."""
        prompt = request.prompt
        sampling = self.tokenizer.sampling.applied(request.sampling, self.max_length - len(prompt))
        room = self._room(sampling, len(prompt))
        check(sampling, self.vocab_size, self.max_length, len(prompt))
        now = time.monotonic()
        deadline = now + request.timeout if request.timeout else inf
        seed = secrets.randbits(64) if sampling.seed is None else sampling.seed % _SEEDS
        matcher = None if sampling.grammar is None else await self._matcher(sampling.grammar, request.timeout)
        sampler = SamplerState(sampling, prompt, self.tokenizer.eos_token_ids, seed, matcher)
        sequence = TokenSequence(
            list(prompt),
            room if sampling.max_tokens is None else sampling.max_tokens,
            sampling.min_tokens,
            sampler.stop_ids,
            request.priority,
            deadline,
        )
        writing = Writing(
            sequence,
            sampler,
            self.tokenizer.detokenizer(sampling.skip_special_tokens),
            copy(self._stop_strings(sampling.stop, sampling.include_stop_str_in_output)),
            TextStream(self._loop),
            timeline,
        )
        try:
            self._thread.submit(writing)
        except Overloaded as error:
            self.statistics.record_failure(error, 0.0)
            raise
        return Answer(writing.stream, partial(self._give_up, writing))

    async def _matcher(self, grammar: Grammar, timeout: float) -> "GrammarMatcher":
        try:
            async with asyncio.timeout(timeout or None):
                return await self._grammars.matcher(grammar)
        except TimeoutError:
            raise DeadlineExceeded("Request timeout expired before its grammar was compiled") from None

    def _room(self, sampling: SamplingParams, prompt_tokens: int) -> int:
        """How many tokens can be written. Raises `ContextTooLong`."""
        room, wanted = self.max_length - prompt_tokens, sampling.max_tokens or 1
        if wanted <= room:
            return room
        raise ContextTooLong(
            f"This model's maximum context length is {self.max_length} tokens. However, you requested {wanted} output "
            f"tokens and your prompt has {prompt_tokens}: shorten the prompt or ask for fewer",
            "prompt" if room < 1 else "max_tokens",
        )

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:  # noqa: ARG002 # the protocol's
        raise Unsupported(
            f"a single response was asked for, which doesn't support models with decoupled transaction policy such "
            f"as '{self.name}'; use generate, the gRPC stream, generate_stream or /v1/completions"
        )

    async def stream(
        self, request: InferRequest, timeline: Timeline | None = None
    ) -> AsyncGenerator[InferResponse, None]:
        """Triton's way to ask: text in, text out, in one response or, with the input `stream`, as it is written."""
        asked = text_tensors.read(request)
        prompt = await self._encoded(asked.text)
        begin = "" if asked.exclude_input else asked.text
        wanted = GenerateRequest(self.name, prompt, asked.sampling, timeout=request.timeout, priority=request.priority)
        answer = await self.generate(wanted, timeline)
        async with aclosing(answer):
            whole = begin
            async for delta in answer:
                if asked.stream and delta.text:
                    yield self._response(request, delta.text, final=False)
                whole += delta.text
        if not asked.stream:
            yield self._response(request, whole, final=False)
        yield InferResponse(self.name, self.version, {}, request.id)

    def check_length(self, text: str, param: str = "prompt") -> None:
        """Before its tokens are looked for, which takes long. Raises `ContextTooLong`."""
        if len(text) > (most := self.max_length * _MOST_CHARACTERS):
            raise ContextTooLong(
                f"This model's maximum context length is {self.max_length} tokens. However, your prompt has "
                f"{len(text)} characters, and no {self.max_length} tokens have more than {most}: shorten it",
                param,
            )

    async def _encoded(self, text: str) -> tuple[int, ...]:
        self.check_length(text)
        encode = self.tokenizer.encode
        return encode(text) if len(text) < _LONG else await asyncio.to_thread(encode, text)

    def drain(self) -> None:
        """Nothing is held back anyway."""

    def close(self, timeout: float) -> bool:
        """Write what was accepted to its end, then free the model; False when it still runs after `timeout` seconds."""
        if not self._thread.stop(timeout):
            return False
        with self._closing:
            if not self._is_closed:
                self._is_closed = True
                self._grammars.close()
                self._decoder.close()
        return True

    def _response(self, request: InferRequest, text: str, final: bool) -> InferResponse:
        outputs = {TEXT_OUTPUT: np.array([text.encode()], object)}
        return InferResponse(self.name, self.version, outputs, request.id, final)

    def _deliver(self, told: Told) -> None:
        """On the writing thread: one wake-up of the event loop for all of it."""
        for _, error in told.failed:
            self._gpu_fault = self._gpu_fault or lasting_fault(str(error))
        self._loop.call_soon_threadsafe(self._delivery.tell, told, self._thread.cancel)

    def _give_up(self, writing: Writing) -> None:
        if self._thread.cancel(writing):
            self._delivery.give_up(writing, time.monotonic())


class Answer:
    """What is written for one request, to be iterated once; closing it frees the request's place."""

    def __init__(self, stream: TextStream, give_up: Callable[[], None]) -> None:
        self._stream = stream
        self._give_up = give_up
        self._is_read = False

    @property
    def completion_tokens(self) -> int:
        """So far."""
        return self._stream.completion_tokens

    @property
    def cached_tokens(self) -> int:
        """Of the prompt, that were not read again."""
        return self._stream.cached_tokens

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> Delta:
        """All that is new since the last one. Raises what the request failed with."""
        if self._is_read:
            raise StopAsyncIteration
        delta = await self._stream.next()
        self._is_read = delta.finish_reason is not None
        return delta

    async def aclose(self) -> None:
        if not self._stream.is_over:
            self._give_up()
