"""Everything that can happen to a repository while callers call, in quick succession.

Versions are added, replaced, damaged, cut short and removed at random. Every answer must be right for a version that
was live, or a clear refusal; the process must live, and give its memory back.
"""

import gc
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from tests import scaled_models
from tests.callers import Ask, Refused, calling
from tests.running_server import running, until
from tests.scaled_models import NAME, current

SECONDS = 15
LOOKS_EVERY = 0.25  # seconds
CALLERS = 4
REFUSALS = ("404", "503", "StatusCode.NOT_FOUND", "StatusCode.UNAVAILABLE")


class Chaos:
    """Changes one model's folder; never the same way twice in the same order, but always so for the same seed."""

    def __init__(self, root: Path, seed: int) -> None:
        self._root = root
        self._random = random.Random(seed)
        self._newest = 1
        self.done: Counter[str] = Counter()

    def act(self) -> None:
        action: Callable[[], None] = self._random.choice(
            [self._add, self._add, self._replace, self._corrupt, self._truncate, self._delete, self._break_config]
        )
        action()
        self.done[action.__name__] += 1

    def _versions(self) -> list[Path]:
        return sorted((path for path in (self._root / NAME).iterdir() if path.name.isdecimal()), key=_number)

    def _any(self) -> Path:
        return self._random.choice(self._versions())

    def _add(self) -> None:
        self._newest += 1
        scaled_models.publish(self._root, self._newest)

    def _replace(self) -> None:
        """By the same model, file by file, as a careless copy does it."""
        version = self._any()
        good = scaled_models.publish(self._root / ".elsewhere", int(version.name))
        for path in good.iterdir():
            shutil.copyfile(path, version / path.name)
        shutil.rmtree(good)

    def _corrupt(self) -> None:
        path = self._any() / "model.onnx"
        content = bytearray(path.read_bytes())
        content[self._random.randrange(len(content))] ^= 0xFF
        path.write_bytes(content)

    def _truncate(self) -> None:
        path = self._any() / self._random.choice(["model.onnx", "manifest.json", "golden.npz"])
        path.write_bytes(path.read_bytes()[: self._random.randrange(path.stat().st_size)])

    def _delete(self) -> None:
        if len(self._versions()) > 1:
            shutil.rmtree(self._any())

    def _break_config(self) -> None:
        path = self._root / NAME / "config.pbtxt"
        good = path.read_text()
        path.write_text(good[: len(good) // 2])
        time.sleep(0.8 * LOOKS_EVERY)
        path.write_text(good)


def _number(path: Path) -> int:
    return int(path.name)


class Answers:
    """Of callers that ask for some rows, now and then of a certain version."""

    def __init__(self) -> None:
        self._chances = [np.random.default_rng(number) for number in range(CALLERS)]
        self.right: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []

    def turn(self, ask: Ask, number: int) -> None:
        chance = self._chances[number]
        rows = chance.random((int(chance.integers(1, 4)), 4), np.float32)
        pinned = str(chance.integers(1, 30)) if chance.random() < 0.2 else ""
        try:
            version, answer = ask(rows, pinned)
        except Refused as refusal:
            self._note_refusal(refusal)
        except Exception as error:
            self.wrong.append(repr(error))
        else:
            self._note_answer(rows, pinned, version, answer)

    def _note_answer(self, rows: np.ndarray, pinned: str, version: str, answer: np.ndarray) -> None:
        if np.allclose(answer, rows * int(version)) and version == (pinned or version):
            self.right[version] += 1
        else:
            self.wrong.append(f"asked {pinned or 'any'}, version {version} answered {answer} to {rows}")

    def _note_refusal(self, refusal: Refused) -> None:
        if refusal.status in REFUSALS and "Request for unknown model" in refusal.text:
            self.refused[refusal.status] += 1
        else:
            self.wrong.append(str(refusal))


def test_chaos(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, extra="version_policy { latest { num_versions: 3 } }")
    (tmp_path / ".elsewhere" / NAME).mkdir(parents=True)
    chaos = Chaos(tmp_path, seed=20)
    answers, process = Answers(), psutil.Process()
    with running(tmp_path, model_control_mode="poll", repository_poll_secs=LOOKS_EVERY) as server:
        with calling(server, answers.turn, CALLERS):
            for _ in range(20):  # what a server needs once: caches, threads, the runtime's arenas
                chaos.act()
            time.sleep(12 * LOOKS_EVERY)
            memory, threads = process.memory_info().rss, process.num_threads()
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                chaos.act()
                time.sleep(random.Random(sum(chaos.done.values())).uniform(0.0, 0.7) * LOOKS_EVERY)
        assert answers.wrong == []
        assert sum(answers.right.values()) > 1000
        assert len(chaos.done) == 6, "all of them took place"
        shutil.rmtree(tmp_path / NAME)
        scaled_models.add_scaled(tmp_path, 999)
        until(lambda: current(server) == "999", "it lives on")
        gc.collect()
        assert process.memory_info().rss < memory + 50 * 2**20
        assert process.num_threads() < threads + 10
