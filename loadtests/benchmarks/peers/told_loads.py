"""What the scripts of libraries have in common: loads come as lines on their standard input, answers go to the standard
output.

Rule: nothing but Python's own library is needed, since every environment runs it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol


class Library(Protocol):
    """Prompts are known by their numbers. A step gives what it wrote, and returns at once or within `longest` seconds
    if there is nothing."""

    def add(self, number: int, prompt: list[int], count: int) -> None: ...

    def step(self, longest: float) -> Iterable[tuple[int, list[int]]]: ...

    def end(self, number: int) -> None: ...

    def close(self) -> None: ...


def written(library: Library, load: dict[str, Any]) -> list[dict[str, Any]]:
    """Prompts leave at their moments, or whenever fewer than `concurrency` are written."""
    start = time.perf_counter()
    departures = [start + offset for offset in load["departures"]]
    waiting = list(enumerate(load["prompts"]))[::-1]
    running: set[int] = set()
    answers: dict[int, dict[str, Any]] = {}
    while waiting or running:
        now = time.perf_counter()
        while waiting and (departures[waiting[-1][0]] <= now if departures else len(running) < load["concurrency"]):
            number, prompt = waiting.pop()
            planned = departures[number] if departures else now
            answers[number] = {"planned": planned, "sent": now, "chunks": [], "ids": []}
            library.add(number, prompt, load["count"])
            running.add(number)
        longest = max(0.0, departures[waiting[-1][0]] - time.perf_counter()) if waiting and departures else 1.0
        if not running:
            time.sleep(longest)
            continue
        for number, ids in library.step(longest):
            answers[number]["chunks"].append(time.perf_counter())
            answers[number]["ids"] += ids
            if len(answers[number]["ids"]) >= load["count"]:
                running.remove(number)
                library.end(number)
    return [answers[number] for number in range(len(answers))]


def answer_all(loaded: Callable[[], Library]) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # where libraries may write whatever they like
    library = loaded()
    try:
        for line in sys.stdin:
            print(json.dumps(written(library, json.loads(line))), file=answers, flush=True)
    finally:
        library.close()
