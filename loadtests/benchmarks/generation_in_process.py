"""Slipway's engine without HTTP, and a loop that only runs the decoder and takes the likeliest token: the limit.

Rule: both load the model as the server does, and run in a process of their own.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from loadtests.benchmarks.generation_load import Answer, Load, Writer, drive
from loadtests.benchmarks.generation_models import Prompt, Written
from serving.backends import ort_decoder
from serving.backends.decoder import Decoder
from serving.core.generation import GenerateRequest, SamplingParams
from serving.core.generation_config import complete
from serving.core.model_config import ModelConfig, parse
from serving.engine.generating_model import GeneratingModel
from serving.engine.generation_loading import load_generating

_CLOSES_WITHIN = 60.0  # seconds


@asynccontextmanager
async def engine(written: Written) -> AsyncIterator[Writer]:
    model = load_generating("1", model_config(written), written.folder, asyncio.get_running_loop())
    try:
        yield partial(drive, partial(_ask, model))
    finally:
        model.close(_CLOSES_WITHIN)


@asynccontextmanager
async def bare(written: Written) -> AsyncIterator[Writer]:
    """Nobody can come while it writes, so it has no open loop."""
    decoder = ort_decoder.load(written.folder, model_config(written), "cpu", written.rows, 0)

    async def write(load: Load) -> list[Answer]:
        step = min(load.concurrency, decoder.rows)
        firsts = range(0, 0 if load.departures else len(load.prompts), step)
        return [it for first in firsts for it in together(decoder, load.prompts[first : first + step], load.count)]

    yield write
    decoder.close()


def together(decoder: Decoder, prompts: tuple[Prompt, ...], count: int) -> list[Answer]:
    """One row for each prompt: all are read, then all are written, each with its likeliest token."""
    start = time.perf_counter()
    written: list[list[int]] = []
    times: list[list[float]] = []
    for row, prompt in enumerate(prompts):
        written.append([int(decoder.prefill(row, prompt, 0).argmax())])
        times.append([time.perf_counter()])
    for place in range(count - 1):
        last = [tokens[-1] for tokens in written]
        best = decoder.decode(last, [len(prompt) + place for prompt in prompts]).argmax(axis=1).tolist()
        now = time.perf_counter()
        for tokens, moments, token in zip(written, times, best, strict=True):
            tokens.append(token)
            moments.append(now)
    pairs = zip(written, times, strict=True)
    return [Answer(start, start, tuple(moments), count, ids=tuple(tokens)) for tokens, moments in pairs]


async def _ask(model: GeneratingModel, prompt: Prompt, count: int, planned: float) -> Answer:
    sent = time.perf_counter()
    sampling = SamplingParams(max_tokens=count, temperature=0.0, ignore_eos=True)
    answer = await model.generate(GenerateRequest(model.name, prompt, sampling))
    moments: list[float] = []
    ids: list[int] = []
    text = ""
    async for delta in answer:
        moments.append(time.perf_counter())
        ids += [token.id for token in delta.tokens]
        text += delta.text
    return Answer(planned, sent, tuple(moments), answer.completion_tokens, text, tuple(ids))


def model_config(written: Written) -> ModelConfig:
    return complete(parse(written.config, written.model.name))
