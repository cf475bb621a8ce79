"""What a process of its own costs a model's requests, and what it gives to one that computes in Python.

    python -m loadtests.benchmarks.isolation                 # a table for people, one JSON line last

Rule: the same model in the server's process and in its own take turns, so that whatever else the machine does is in
both.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from serving.core.requests import InferRequest
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.servable import Servable

_CONFIG = """backend: "python" input {{ name: "x" data_type: TYPE_FP32 dims: -1 }}
output {{ name: "y" data_type: TYPE_FP32 dims: -1 }} instance_group {{ count: {count} }} {isolation}"""
_ISOLATION = 'parameters { key: "isolation" value { string_value: "process" } }'
_ECHO = "return {'y': request.inputs['x']}"
_LOOP = "n = 0\n        for i in range(300_000): n += i\n        return {'y': [float(n)]}"
_CASES = {"4 floats": (_ECHO, 1, 4), "10 MB": (_ECHO, 1, 2_500_000), "a loop, 2 instances": (_LOOP, 2, 4)}

Call = Callable[[], Coroutine[Any, Any, Any]]


async def measure(requests: int, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds a request, the median of all rounds, for each case inside and outside of this process."""
    found: dict[str, dict[str, float]] = {}
    for case, (body, count, size) in _CASES.items():
        with TemporaryDirectory() as root:
            models = await asyncio.gather(*(_load(Path(root), where, body, count) for where in ("inside", "outside")))
            x = np.zeros(size, np.float32)
            many = max(count, requests // (50 if size > 1000 or count > 1 else 1))
            spent: dict[str, list[float]] = {model.name: [] for model in models}
            for _ in range(rounds):
                for model in models:
                    spent[model.name] += await _timed(model, InferRequest(model.name, {"x": x}), many, count)
            found[case] = {name: 1000 * statistics.median(seconds) for name, seconds in spent.items()}
            for model in models:
                await asyncio.to_thread(model.close, 10)
    return found


async def _load(root: Path, name: str, body: str, count: int) -> Servable:
    folder = root / name / "1"
    folder.mkdir(parents=True)
    isolation = _ISOLATION if name == "outside" else ""
    (folder.parent / "config.pbtxt").write_text(_CONFIG.format(count=count, isolation=isolation))
    (folder / "model.py").write_text(f"class Model:\n    def execute(self, request):\n        {body}\n")
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as pool:
        versions = await loop.run_in_executor(pool, load_model, ModelRepository(root), name, None, loop)
    served = versions["1"].served
    assert served is not None, versions["1"].reason
    return served


async def _timed(model: Servable, request: InferRequest, many: int, at_once: int) -> list[float]:
    """Seconds for each of `many` requests; of those at once, their share of the time."""
    spent = []
    for _ in range(many // at_once):
        started = time.perf_counter()
        await asyncio.gather(*(model.infer(request) for _ in range(at_once)))
        spent.append((time.perf_counter() - started) / at_once)
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1000, help="a round, of the smallest")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    found = asyncio.run(measure(arguments.requests, arguments.rounds))
    print(f"{'milliseconds a request':<24}{'inside':>10}{'outside':>10}")
    for case, of in found.items():
        print(f"{case:<24}{of['inside']:>10.3f}{of['outside']:>10.3f}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
