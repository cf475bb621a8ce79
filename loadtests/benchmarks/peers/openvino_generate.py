"""OpenVINO GenAI's continuous batching, told loads on its standard input.

    python openvino_generate.py FOLDER ROWS THREADS CACHE_GB

Rule: what its documentation shows for many requests, in one process and without a server, since it has none of its own.
Run in its own environment (`make bench-generation-peers`).
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import openvino
import openvino_genai
from told_loads import answer_all


class Pipeline:
    def __init__(self, folder: str, rows: int, threads: int, cache: int) -> None:
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = cache  # GB
        scheduler.max_num_seqs = rows
        scheduler.enable_prefix_caching = False
        precisely = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
        self._pipe = openvino_genai.ContinuousBatchingPipeline(
            folder, scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads, **precisely}
        )
        self._running: dict[int, Any] = {}

    def add(self, number: int, prompt: list[int], count: int) -> None:
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens, config.ignore_eos, config.do_sample = count, True, False
        tensor = openvino.Tensor(np.array([prompt], np.int64))
        self._running[number] = self._pipe.add_request(number, tensor, config)

    def step(self, longest: float) -> Iterator[tuple[int, list[int]]]:
        self._pipe.step()
        for number, handle in list(self._running.items()):
            while handle.can_read():
                for output in handle.read().values():
                    yield number, output.generated_ids

    def end(self, number: int) -> None:
        del self._running[number]

    def close(self) -> None:
        del self._pipe


if __name__ == "__main__":
    answer_all(lambda: Pipeline(sys.argv[1], *map(int, sys.argv[2:])))
