import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loadtests.benchmarks.peers.told_loads import written

PEERS = Path(__file__).parents[4] / "loadtests" / "benchmarks" / "peers"
PROMPTS = [[number] for number in range(10, 17)]

# Writes a prompt's own first token, and prints as libraries do.
ECHO = f"""
import sys
sys.path.insert(0, {str(PEERS)!r})
from told_loads import answer_all

class Echo:
    def __init__(self):
        self.prompts = {{}}
        print("loaded")
    def add(self, number, prompt, count):
        self.prompts[number] = prompt
    def step(self, longest):
        return [(number, prompt[:1]) for number, prompt in self.prompts.items()]
    def end(self, number):
        del self.prompts[number]
    def close(self):
        print("closed")

answer_all(Echo)
"""


class Steps:
    """Writes as many tokens in two steps as it is to, and knows how many prompts it had at once."""

    def __init__(self) -> None:
        self.prompts: dict[int, list[int]] = {}
        self.most = 0

    def add(self, number: int, prompt: list[int], count: int) -> None:
        self.prompts[number] = prompt * (count // 2)
        self.most = max(self.most, len(self.prompts))

    def step(self, longest: float) -> Iterable[tuple[int, list[int]]]:
        assert longest >= 0
        return list(self.prompts.items())

    def end(self, number: int) -> None:
        del self.prompts[number]

    def close(self) -> None: ...


def load(concurrency: int = 1, departures: tuple[float, ...] = ()) -> dict[str, Any]:
    return {"prompts": PROMPTS, "count": 4, "concurrency": concurrency, "departures": departures}


def test_so_many_are_written_at_once_and_answers_are_in_the_order_of_prompts() -> None:
    library = Steps()
    answers = written(library, load(concurrency=3))
    assert [answer["ids"] for answer in answers] == [prompt * 4 for prompt in PROMPTS]
    assert (library.most, library.prompts) == (3, {})
    for answer in answers:
        first, second = answer["chunks"]
        assert answer["planned"] == answer["sent"] < first < second


def test_prompts_leave_at_their_moments() -> None:
    departures = tuple(0.01 * number for number in range(len(PROMPTS)))
    answers = written(Steps(), load(departures=departures))
    start = answers[0]["planned"]
    for answer, offset in zip(answers, departures, strict=True):
        assert abs(answer["planned"] - start - offset) < 1e-9
        assert answer["planned"] <= answer["sent"]
        assert len(answer["ids"]) == 4


def test_a_script_answers_by_lines_among_which_nothing_else_comes() -> None:
    lines = "".join(json.dumps(it) + "\n" for it in (load(2), load(1)))
    done = subprocess.run([sys.executable, "-c", ECHO], input=lines, capture_output=True, text=True, timeout=60)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[answer["ids"] for answer in of_load] for of_load in answers] == [[prompt * 4 for prompt in PROMPTS]] * 2
    assert done.stderr.split() == ["loaded", "closed"]
