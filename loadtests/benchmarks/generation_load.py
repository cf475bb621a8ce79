"""What a server of generation is asked, by how many at a time or when, and what became of it.

Rule: durations are vLLM's, so that its benchmark's figures can stand beside these: to the first chunk from when the
request was meant to leave; between chunks; and for each token after the first one.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from loadtests.benchmarks.generation_models import Prompt


@dataclass(frozen=True, slots=True)
class Load:
    """`count` tokens for each prompt. With `departures`, in seconds from the start, one prompt leaves at each of them;
    else `concurrency` callers send one after another."""

    title: str
    prompts: tuple[Prompt, ...]
    count: int
    concurrency: int = 1
    departures: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Moments in seconds of the performance counter: when it should have left, when it did, and when each chunk came.
    `tokens` is what the server counted; `ids` is empty where it doesn't tell them. What failed says why."""

    planned: float
    sent: float
    chunks: tuple[float, ...] = ()
    tokens: int = 0
    text: str = ""
    ids: tuple[int, ...] = ()
    error: str = ""

    @property
    def first(self) -> float:
        """Seconds, as are the others."""
        return self.chunks[0] - self.planned

    @property
    def whole(self) -> float:
        return self.chunks[-1] - self.planned

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in zip(self.chunks, self.chunks[1:], strict=False)]

    @property
    def each_token(self) -> float:
        return (self.whole - self.first) / max(1, self.tokens - 1)


@dataclass(frozen=True, slots=True)
class Found:
    """The answers to a load, in the order of its prompts; `seconds` that it took, and of the processor what those who
    wrote used."""

    answers: list[Answer]
    seconds: float
    cpu_seconds: float


Ask = Callable[[Prompt, int, float], Awaitable[Answer]]
"""For so many tokens; the moment is when it should have left."""

Writer = Callable[[Load], Awaitable[list[Answer]]]


async def drive(ask: Ask, load: Load) -> list[Answer]:
    if load.departures:
        return await _open(ask, load)
    return await _closed(ask, load)


async def timed(write: Writer, load: Load, cpu_seconds: Callable[[], float] = time.process_time) -> Found:
    """`cpu_seconds` are those used so far by who writes: this process, or the server that it asks."""
    started, used = time.perf_counter(), cpu_seconds()
    answers = await write(load)
    return Found(answers, time.perf_counter() - started, cpu_seconds() - used)


async def _closed(ask: Ask, load: Load) -> list[Answer]:
    answers: dict[int, Answer] = {}
    waiting = iter(enumerate(load.prompts))

    async def caller() -> None:
        for number, prompt in waiting:
            answers[number] = await ask(prompt, load.count, time.perf_counter())

    await asyncio.gather(*(caller() for _ in range(load.concurrency)))
    return [answers[number] for number in range(len(load.prompts))]


async def _open(ask: Ask, load: Load) -> list[Answer]:
    start = time.perf_counter()

    async def caller(prompt: Prompt, offset: float) -> Answer:
        await asyncio.sleep(max(0.0, start + offset - time.perf_counter()))
        return await ask(prompt, load.count, start + offset)

    pairs = zip(load.prompts, load.departures, strict=True)
    return await asyncio.gather(*(caller(prompt, offset) for prompt, offset in pairs))


def slip(answers: Sequence[Answer]) -> float:
    """Seconds by which the latest left too late."""
    return max((answer.sent - answer.planned for answer in answers), default=0.0)
