"""What a step of generation spends where: in the decoder, and in all that surrounds it.

    python -m loadtests.benchmarks.generation_steps                    # tables for people, one JSON line last
    python -m loadtests.benchmarks.generation_steps --model 110m --rows 16

Rule: the parts are the server's own, called one after another by one thread, as the writing thread and the event loop
do; only steps that read no prompt are weighed.
"""

import asyncio
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import islice
from math import inf
from pathlib import Path
from statistics import mean, median
from typing import Annotated

import typer
import uvloop
from tokenizers import Tokenizer

from loadtests.benchmarks.generation import found_model
from loadtests.benchmarks.generation_in_process import model_config
from loadtests.benchmarks.generation_models import MODELS, PROMPT_TOKENS, Prompt, Written, add_model, prompts
from loadtests.benchmarks.report import last_line, run_command, table
from serving.core.generation import SamplingParams, Token
from serving.core.steps import Step
from serving.engine.generating_model import GeneratingModel
from serving.engine.generation_loading import load_generating
from serving.engine.text_stream import TextStream
from serving.engine.writing import Said, Writing
from serving.engine.writing_thread import Told, move
from serving.sampling.sampler import SamplerState, sample
from serving.scheduling.continuous import ContinuousBatcher, Limits, Sequence
from serving.text.stop_strings import StopStrings

SCHEDULE, MOVES, DECODE, READ = "schedule", "move rows", "decode", "read prompts"
SAMPLE, COMPLETE, WAKE, TELL = "sample", "complete", "wake the event loop", "text, statistics and streams"
OVERHEAD = (SCHEDULE, MOVES, SAMPLE, COMPLETE, WAKE)
"""All that a decoder waits for; the event loop's part is done while it runs."""

_WAVES = 4
_CLOSES_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds a step. What few steps do, such as moving rows, is in the mean only; so is what else the machine
    did."""

    median: float
    mean: float

    def __str__(self) -> str:
        return f"{self.median:.1f} ({self.mean:.1f})"


Costs = Mapping[str, Cost]
"""By part."""


class Laps:
    """Seconds from one mark to the next, by the part that the later one ends."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, part: str) -> None:
        now = time.perf_counter()
        self.spent[part] = now - self._last
        self._last = now


def main(
    model: Annotated[str, typer.Option(help="13m or 110m.")] = MODELS[0].name,
    rows: Annotated[
        list[int] | None, typer.Option(min=1, help="Sequences at once; may be repeated; 1, 8 and 16 unless given.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=2, help="Written for each.")] = 64,
    threads: Annotated[int, typer.Option(min=1, help="That compute.")] = 1,
) -> None:
    """Microseconds of each part of a step in which so many sequences get a token each: medians, and means in brackets.

    The event loop's part is what it does before any protocol: text, statistics, and waking who reads.
    """
    counts = rows or [1, 8, 16]
    with tempfile.TemporaryDirectory() as folder:
        written = add_model(Path(folder), found_model(model), max(counts), threads)
        endless = prompts(Tokenizer.from_file(str(written.folder / "tokenizer.json")), 0)
        found = uvloop.run(weigh_all(written, endless, counts, tokens))
    table(
        (written.model.title, *(f"{count} rows, us" for count in found)),
        *((part, *(str(costs[part]) for costs in found.values())) for part in (*OVERHEAD, DECODE, TELL)),
        ("what a decoder waits for, % of a step", *(f"{100 * share(costs):.1f}" for costs in found.values())),
    )
    print()
    report = {
        str(count): {**{part: asdict(cost) for part, cost in costs.items()}, "overhead": round(share(costs), 4)}
        for count, costs in found.items()
    }
    last_line({"model": written.model.name, "threads": threads, **report})


def share(costs: Costs) -> float:
    """Of a step that is not the decoder's: by the median, but for moves."""
    overhead = sum(costs[part].mean if part == MOVES else costs[part].median for part in OVERHEAD)
    return overhead / (overhead + costs[DECODE].median)


async def weigh_all(written: Written, endless: Iterator[Prompt], counts: list[int], tokens: int) -> dict[int, Costs]:
    model = load_generating("1", model_config(written), written.folder, asyncio.get_running_loop())
    try:
        weigh(model, list(islice(endless, 2)), 2, 4)  # it is warm
        return {count: weigh(model, list(islice(endless, _WAVES * count)), count, tokens) for count in counts}
    finally:
        model.close(_CLOSES_WITHIN)


def weigh(model: GeneratingModel, asked: list[Prompt], rows: int, tokens: int) -> Costs:
    """`rows` sequences run at a time; whoever ends makes room for the next."""
    whole = Limits(max_num_batched_tokens=(rows + 1) * (PROMPT_TOKENS + 1))  # no prompt is read in parts
    batcher = ContinuousBatcher(model._decoder.rows, model.max_length, whole)
    waiting, writings = iter(asked), dict[int, Writing]()
    spent: dict[str, list[float]] = {}
    while True:
        for prompt in islice(waiting, rows - len(writings)):
            writing = begun(model, prompt, tokens)
            batcher.add(writing.sequence, time.monotonic())
            writings[id(writing.sequence)] = writing
        if not writings:
            return {part: Cost(median(times) * 1e6, mean(times) * 1e6) for part, times in spent.items()}
        laps = Laps()
        step = run_step(model, batcher, writings, laps)
        if not step.chunks:
            for part, seconds in laps.spent.items():
                spent.setdefault(part, []).append(seconds)


def run_step(model: GeneratingModel, batcher: ContinuousBatcher, writings: dict[int, Writing], laps: Laps) -> Step:
    decoder = model._decoder
    plan = batcher.schedule(time.monotonic())
    step = plan.step
    assert step is not None
    laps.mark(SCHEDULE)
    move(decoder, step)
    laps.mark(MOVES)
    of_rows = [writings[id(sequence)] for sequence in plan.sampled]
    samplers = [writing.sampler for writing in of_rows]
    decoding = len(step.tokens)
    chosen = []
    if step.tokens:
        logits = decoder.decode(step.tokens, step.lengths)
        laps.mark(DECODE)
        chosen = sample(logits, samplers[:decoding])
        laps.mark(SAMPLE)
    for chunk, sampler in zip(step.chunks, samplers[decoding:], strict=True):  # each is a whole prompt
        chosen += sample(decoder.prefill(chunk.row, chunk.tokens, chunk.start)[None], [sampler])
    laps.mark(READ)
    good = [token for token in chosen if isinstance(token, Token)]
    batcher.take(plan, [token.id for token in good])
    told = Told(time.monotonic(), step=step)
    for writing, token in zip(of_rows, good, strict=True):
        sequence = writing.sequence
        told.said.append(Said(writing, token, sequence.written, sequence.finish_reason))
        if sequence.finish_reason is not None:
            del writings[id(sequence)]
    batcher.complete(plan, told.at)
    laps.mark(COMPLETE)
    model._loop.call_soon_threadsafe(laps.spent.keys)
    laps.mark(WAKE)
    model._delivery.tell(told, lambda _: None)
    laps.mark(TELL)
    return step


def begun(model: GeneratingModel, prompt: Prompt, tokens: int) -> Writing:
    sampling = SamplingParams(max_tokens=tokens, temperature=0.0, ignore_eos=True)
    return Writing(
        Sequence(list(prompt), tokens, 0, frozenset(), 0, inf, inf),
        SamplerState(sampling, prompt, (), 0),
        model.tokenizer.detokenizer(),
        StopStrings((), include=False),
        TextStream(model._loop),
    )


if __name__ == "__main__":
    run_command(main)
