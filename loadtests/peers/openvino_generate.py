"""OpenVINO GenAI's continuous batching, told loads on its standard input.

    python openvino_generate.py FOLDER ROWS THREADS CACHE_GB

Rule: what its documentation shows for many requests, in one process and without a server, since it has none of its own.
Run in its own environment (`make bench-generation-peers`).
"""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import openvino
import openvino_genai


def pipeline(folder: str, rows: int, threads: int, cache: int) -> Any:
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = cache  # GB
    scheduler.max_num_seqs = rows
    scheduler.enable_prefix_caching = False
    precisely = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    return openvino_genai.ContinuousBatchingPipeline(
        folder, scheduler, "CPU", {"INFERENCE_NUM_THREADS": threads, **precisely}
    )


def written(pipe: Any, load: dict[str, Any]) -> list[dict[str, Any]]:
    """Prompts leave at their moments, or whenever fewer than `concurrency` are written."""
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos, config.do_sample = load["count"], True, False
    start = time.perf_counter()
    departures = [start + offset for offset in load["departures"]]
    waiting = list(enumerate(load["prompts"]))[::-1]
    running: dict[int, Any] = {}
    answers: dict[int, dict[str, Any]] = {}
    while waiting or running:
        now = time.perf_counter()
        while waiting and (departures[waiting[-1][0]] <= now if departures else len(running) < load["concurrency"]):
            number, prompt = waiting.pop()
            answers[number] = {
                "planned": departures[number] if departures else now,
                "sent": now,
                "chunks": [],
                "ids": [],
            }
            running[number] = pipe.add_request(number, openvino.Tensor(np.array([prompt], np.int64)), config)
        if not running:
            time.sleep(max(0.0, departures[waiting[-1][0]] - time.perf_counter()))
            continue
        pipe.step()
        now = time.perf_counter()
        for number, handle in list(running.items()):
            while handle.can_read():
                for output in handle.read().values():
                    answers[number]["chunks"].append(now)
                    answers[number]["ids"] += output.generated_ids
            if len(answers[number]["ids"]) >= load["count"]:
                del running[number]
    return [answers[number] for number in range(len(answers))]


if __name__ == "__main__":
    answered = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # where its libraries may write whatever they like
    pipe = pipeline(sys.argv[1], *map(int, sys.argv[2:]))
    for line in sys.stdin:
        print(json.dumps(written(pipe, json.loads(line))), file=answered, flush=True)
