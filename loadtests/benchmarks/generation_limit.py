"""What the machine allows at most: the bytes that a step reads over how fast they can be read, and the operations over
how fast they can be computed.

Rule: both speeds are measured in the same run, by as many threads; who writes faster than memory allows reads from a
cache.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from math import prod
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from loadtests.benchmarks.generation_load import Load
from loadtests.benchmarks.generation_models import Model

if TYPE_CHECKING:
    import torch

_MEASURED = 5  # times, of which the median counts
_READ_AT_LEAST = 1 << 27  # bytes each time
_SIDE = 1024  # of the matrices
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_SUPPOSED_CACHE = 64 << 20  # bytes, where the machine doesn't tell
_NOT_READ_WHOLE = {"Gather", "GroupQueryAttention"}
"""What takes single rows of embeddings and of rotations."""


@dataclass(frozen=True, slots=True)
class Step:
    """What each of a closed load's steps reads and writes: `cached` are the bytes of keys and values of all rows, half
    written; `flops` are those of a whole answer with its prompt, by the token."""

    rows: int
    weights: int
    cached: int
    first: float
    """Tokens of an answer for each that takes a step: the first one comes with the prompt."""

    flops: float

    @property
    def bytes(self) -> int:
        return self.weights + self.cached


@dataclass(frozen=True, slots=True)
class Speeds:
    """A second: bytes from memory, bytes of what is as large as a step's and read again and again, and operations."""

    memory: float
    again: tuple[float, ...]
    flops: float
    cache: int
    """Bytes of the last-level cache."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Tokens a second: if all comes from memory, if it comes from where as much stays that is read again and again, and
    if reading took no time, which is known of float32 only."""

    bytes_a_step: int
    memory: float
    again: float
    arithmetic: float | None


def limits(
    model: Model, file: Path, loads: Sequence[Load], threads: int, *, in_float32: bool
) -> tuple[dict[str, Limit], Speeds]:
    """Of closed loads, by title; measured in a process of its own."""
    closed = [load for load in loads if not load.departures]
    read = weights(file)
    steps = [step(model, read, load) for load in closed]
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        speeds = pool.submit(measured, [it.bytes for it in steps], threads, last_level_cache()).result()
    pairs = zip(closed, steps, speeds.again, strict=True)
    flops = speeds.flops if in_float32 else None
    return {load.title: limit(it, speeds.memory, again, flops) for load, it, again in pairs}, speeds


def limit(step: Step, memory: float, again: float, flops: float | None) -> Limit:
    tokens = step.rows * step.first
    return Limit(step.bytes, memory / step.bytes * tokens, again / step.bytes * tokens, flops and flops / step.flops)


def step(model: Model, read: int, load: Load) -> Step:
    prompt, count = len(load.prompts[0]), load.count
    cached = load.concurrency * model.position_bytes * (prompt + count // 2)
    return Step(load.concurrency, read, cached, count / (count - 1), operations(model, prompt, count) / count)


def operations(model: Model, prompt: int, count: int) -> int:
    """Of floats, to answer with `count` tokens: a position looks back on all before it, and the last of a prompt is the
    first whose logits count."""
    heads, shared = (it * model.head_dim for it in (model.num_attention_heads, model.num_key_value_heads))
    layer = model.hidden_size * (2 * heads + 2 * shared + 3 * model.intermediate_size)
    positions = prompt + count - 1
    looked = positions * (positions + 1) // 2
    body = model.num_hidden_layers * (2 * layer * positions + 4 * heads * looked)
    return body + 2 * model.hidden_size * model.vocab_size * count


def weights(file: Path) -> int:
    """Bytes of a decoder's ONNX file that every step reads."""
    import onnx

    graph = onnx.load(str(file)).graph
    whole = {name for node in graph.node if node.op_type not in _NOT_READ_WHOLE for name in node.input}
    return sum(
        prod(it.dims) * onnx.helper.tensor_dtype_to_np_dtype(it.data_type).itemsize
        for it in graph.initializer
        if it.name in whole
    )


def last_level_cache() -> int:
    """Bytes, also where other machines share it."""
    sizes = [it.read_text().strip() for it in _CACHES.glob("index*/size")]
    return max((int(it[:-1]) * {"K": 1 << 10, "M": 1 << 20}[it[-1]] for it in sizes), default=_SUPPOSED_CACHE)


def measured(sizes: Sequence[int], threads: int, cache: int) -> Speeds:
    import torch

    torch.set_num_threads(threads)
    large = torch.ones(2 * cache // 4)
    memory = _rate(lambda: large.dot(large), 4 * len(large))
    again = [_read_again(torch.ones(size // 4)) for size in sizes]
    one, other = torch.rand(_SIDE, _SIDE), torch.rand(_SIDE, _SIDE)
    return Speeds(memory, tuple(again), _rate(lambda: torch.mm(one, other), 2 * _SIDE**3), cache)


def limit_figures(found: dict[str, Limit], speeds: Speeds) -> dict[str, object]:
    """For programs."""
    return {
        "limits": {
            title: {key: it and round(it) for key, it in asdict(limit).items()} for title, limit in found.items()
        },
        "memory_gb_per_s": round(speeds.memory / 1e9, 2),
        "sgemm_gflops_per_s": round(speeds.flops / 1e9, 1),
        "last_level_cache_bytes": speeds.cache,
    }


def limit_words(found: dict[str, Limit], speeds: Speeds) -> str:
    """For people."""
    sizes = ", ".join(f"{it.bytes_a_step / 1e6:.0f} MB ({title})" for title, it in found.items())
    inside = [title for title, it in found.items() if it.bytes_a_step < speeds.cache]
    stays = f"; the last-level cache of {speeds.cache / 1e6:.0f} MB could keep those of {', '.join(inside)}"
    return (
        f"a step reads {sizes}; memory gives {speeds.memory / 1e9:.1f} GB/s, float32 matrices take "
        f"{speeds.flops / 1e9:.0f} GFLOP/s{stays if inside else ''}"
    )


def _read_again(part: "torch.Tensor") -> float:
    size = 4 * len(part)
    times = -(-_READ_AT_LEAST // size)
    return _rate(lambda: [part.dot(part) for _ in range(times)], times * size)


def _rate(work: Callable[[], object], amount: int) -> float:
    """Of `amount` a second."""
    spent = []
    for _ in range(_MEASURED):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return amount / median(spent)
