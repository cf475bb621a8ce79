"""Text that is written: Slipway beside other servers, beside its own engine without HTTP, and beside the bare decoder.

    python -m loadtests.benchmarks.generation                           # tables for people, one JSON line last
    python -m loadtests.benchmarks.generation --model 110m --concurrency 8 --rounds 5 --only vllm

Rule: one of them runs at a time, all take turns in every round, and none is measured before it wrote what the bare
decoder writes.
"""

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from tokenizers import Tokenizer

from loadtests.benchmarks.arrivals import departures
from loadtests.benchmarks.bench import chosen
from loadtests.benchmarks.generation_contestants import Contestant, Subject, contestants
from loadtests.benchmarks.generation_limit import limit_figures, limit_words, limits
from loadtests.benchmarks.generation_load import Found, Load, timed
from loadtests.benchmarks.generation_models import MODELS, PROMPT_TOKENS, Model, Prompt, Written, add_model, prompts
from loadtests.benchmarks.generation_peers import LIBRARIES, PEERS
from loadtests.benchmarks.generation_report import Turns, differences, figures, show_all
from loadtests.benchmarks.report import last_line, run_command, show, spread
from loadtests.benchmarks.server_process import ROOT, ServerFailed
from serving.options import with_options
from training.precision import FLOAT32, INT8

REFERENCE = "slipway"
LIMIT = "bare"

_COMPARED = 4  # prompts
_WARM_UP = 8  # tokens of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    only: Annotated[
        list[str] | None,
        typer.Option(help="Who is measured beside Slipway; may be repeated; all that can run here unless given."),
    ] = None
    model: Annotated[str, typer.Option(help="13m or 110m.")] = MODELS[0].name
    concurrency: Annotated[
        list[int] | None, typer.Option(min=1, help="Callers at once; may be repeated; 1, 8, 16 and 64 unless given.")
    ] = None
    rate: Annotated[
        list[float] | None,
        typer.Option(min=0, help="Requests a second at random times; may be repeated; 0 for none at all."),
    ] = None
    each: Annotated[int, typer.Option(min=1, help="Requests that each caller sends, one after another.")] = 3
    seconds: Annotated[int, typer.Option(min=1, help="How long requests leave at a rate.")] = 10
    tokens: Annotated[int, typer.Option(min=2, help="Written for each request.")] = 64
    prompt_tokens: Annotated[int, typer.Option(min=1, help="Read for each request.")] = PROMPT_TOKENS
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured; all take turns.")] = 3
    threads: Annotated[int, typer.Option(min=1, help="That compute, of each.")] = 1
    weights: Annotated[str, typer.Option(help="float32 or int8, of Slipway and bare; others compute in float32.")] = (
        FLOAT32
    )
    peers_env: Annotated[
        Path, typer.Option(help="The folder of the peers' environments: vllm, transformers, openvino, genai.")
    ] = ROOT / ".venv" / "peers"


@dataclass(frozen=True, slots=True)
class Bench:
    """What every one of them gets to do; `expected` by the bare decoder for the first load, and `exact` by that of
    float32 weights, which are those that others read."""

    written: Written
    tokenizer: Tokenizer
    loads: Sequence[Load]
    expected: Sequence[tuple[int, ...]]
    exact: Sequence[tuple[int, ...]]


@with_options
def main(options: Options) -> None:
    """Tokens a second, and how long callers wait for the first and for each further token.

    Every request is random tokens that nobody sent before, and is answered with the likeliest tokens, which are
    compared with the bare decoder's first. `bare` is a loop of decoder and argmax over as many rows as there are
    callers; limits are what reading weights and cached keys and values allows, and what arithmetic does. TTFT, ITL,
    TPOT and E2E are as vLLM's benchmark has them; with a rate they count from when a request was meant to leave.
    """
    known, missing = contestants(options.peers_env)
    if options.weights not in (FLOAT32, INT8):
        raise ServerFailed(f"--weights must be {FLOAT32} or {INT8}, got '{options.weights[:100]}'")
    names = chosen(options.only, [it.name for it in known], missing)
    measured = [it for it in known if it.name in names]
    missing = missing if options.only is None else {}  # nobody asked for them
    with tempfile.TemporaryDirectory() as folder:
        bench = prepared(options, known, Path(folder))
        written, in_float32 = bench.written, options.weights == FLOAT32
        file = written.folder / "model.onnx"
        allowed, speeds = limits(written.model, file, bench.loads[2:], options.threads, in_float32=in_float32)
        turns, starts, failed = take_turns(bench, measured, options.rounds)
    told = {it.name: it.settings for it in measured}
    counted = f"{options.prompt_tokens} tokens in, {options.tokens} out, {options.threads} thread(s)"
    print(f"  {written.model.title}, {options.weights}, {counted}, {written.rows} rows\n")
    show_all(turns, REFERENCE, allowed)
    print(f"  limits: {limit_words(allowed, speeds)}")
    show_notes(told, starts, missing, failed)
    last_line(
        {
            "model": written.model.name,
            "cores": os.cpu_count(),
            "rounds": options.rounds,
            "threads": options.threads,
            "weights": options.weights,
            "rows": written.rows,
            "prompt_tokens": options.prompt_tokens,
            "tokens": options.tokens,
            "settings": told,
            "start_s": {name: spread(times) for name, times in starts.items()},
            "not_measured": missing | failed,
            **limit_figures(allowed, speeds),
            **figures(turns, REFERENCE),
        }
    )


def prepared(options: Options, known: Sequence[Contestant], folder: Path) -> Bench:
    counts, tokens = options.concurrency or [1, 8, 16, 64], options.tokens
    asked = fitting(found_model(options.model), options.prompt_tokens, tokens)
    written = add_model(folder, asked, max(counts), options.threads, options.weights)
    tokenizer = Tokenizer.from_file(str(written.folder / "tokenizer.json"))
    rates = [it for it in (asked.rates if options.rate is None else options.rate) if it]
    endless = prompts(tokenizer, 0, options.prompt_tokens)
    loads = all_loads(endless, counts, rates, options.each, options.seconds, tokens)
    expected = exact = reference_tokens(known, written, loads[0])
    if options.weights != FLOAT32:
        alike = add_model(folder / FLOAT32, asked, max(counts), options.threads)
        exact = reference_tokens(known, alike, loads[0])
    return Bench(written, tokenizer, loads, expected, exact)


def found_model(name: str) -> Model:
    for model in MODELS:
        if model.name == name:
            return model
    raise ServerFailed(f"no model is named {name}; there are {', '.join(model.name for model in MODELS)}")


def fitting(model: Model, prompt_tokens: int, tokens: int) -> Model:
    if prompt_tokens + tokens > model.max_position_embeddings:
        raise ServerFailed(
            f"--prompt-tokens {prompt_tokens} and --tokens {tokens} are more than the {model.max_position_embeddings} "
            "positions that the model has: ask for fewer"
        )
    return model


def all_loads(
    endless: Iterator[Prompt], counts: Sequence[int], rates: Sequence[float], each: int, seconds: int, tokens: int
) -> list[Load]:
    """First what is compared, then one that is not counted, then those that are; no prompt comes twice."""

    def taken(number: int) -> tuple[Prompt, ...]:
        return tuple(islice(endless, number))

    closed = [Load(f"{callers} callers", taken(max(8, each * callers)), tokens, callers) for callers in counts]
    times = [(rate, tuple(departures(rate, seconds, seed))) for seed, rate in zip(count(), rates, strict=False)]
    opened = [Load(f"{rate:g} a second", taken(len(leave)), tokens, departures=leave) for rate, leave in times]
    compared = Load("compared", taken(_COMPARED), tokens, _COMPARED)
    warm = Load("warm", taken(max(counts)), _WARM_UP, max(counts))
    return [compared, warm, *closed, *opened]


def reference_tokens(known: Sequence[Contestant], written: Written, load: Load) -> list[tuple[int, ...]]:
    """One prompt at a time."""
    [limit] = [it for it in known if it.name == LIMIT]
    alone = Load(load.title, load.prompts, load.count)
    with limit.start(written) as subject:
        [found] = in_own_process(subject, [alone])
    return [answer.ids for answer in found.answers]


def take_turns(
    bench: Bench, known: Sequence[Contestant], rounds: int
) -> tuple[Turns, dict[str, list[float]], dict[str, str]]:
    """What each round found, how many seconds it took to start, and why one was left out, once it failed."""
    turns: Turns = {(load.title, it.name): [] for load in bench.loads[2:] for it in known}
    starts: dict[str, list[float]] = {}
    failed: dict[str, str] = {}
    for number in range(rounds):
        for contestant in known[:: -1 if number % 2 else 1]:  # whoever comes second has no advantage
            if contestant.name not in failed:
                take_turn(bench, contestant, turns, starts, failed)
    return {key: found for key, found in turns.items() if found}, starts, failed


def take_turn(
    bench: Bench, contestant: Contestant, turns: Turns, starts: dict[str, list[float]], failed: dict[str, str]
) -> None:
    name, begun = contestant.name, time.perf_counter()
    expected = bench.exact if name in (*PEERS, *LIBRARIES) else bench.expected
    texts = [bench.tokenizer.decode(ids) for ids in expected]
    try:
        with contestant.start(bench.written) as subject:
            compared, _, *measured = in_own_process(subject, bench.loads)
            if wrong := differences(name, compared.answers, expected, texts):
                raise ServerFailed(wrong)
    except ServerFailed as error:
        if name == REFERENCE:
            raise
        failed[name] = str(error)
        return
    starts.setdefault(name, []).append(compared.answers[0].sent - begun)
    for load, found in zip(bench.loads[2:], measured, strict=True):
        if found.answers:
            turns[load.title, name].append(found)


def in_own_process(subject: Subject, loads: Sequence[Load]) -> list[Found]:
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, subject, loads).result()


def _measured(subject: Subject, loads: Sequence[Load]) -> list[Found]:
    async def one_after_another() -> list[Found]:
        async with subject.opens() as write:
            return [await timed(write, load, subject.cpu_seconds) for load in loads]

    return uvloop.run(one_after_another())


def show_notes(
    told: Mapping[str, str], starts: Mapping[str, list[float]], missing: Mapping[str, str], failed: Mapping[str, str]
) -> None:
    for name, words in told.items():
        start = f"; starts in {show(spread(starts[name]), 1)} s" if name in starts else ""
        print(f"  {name}: {words}{start}")
    for name, why in {**missing, **failed}.items():
        print(f"  not measured: {name}: {why}")
    print()


if __name__ == "__main__":
    run_command(main)
