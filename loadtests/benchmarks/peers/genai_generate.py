"""onnxruntime-genai's Generator over a batch of prompts, told loads on its standard input.

    python genai_generate.py FOLDER ROWS THREADS

Rule: on a processor its Engine runs four requests at a time, whatever its config says, so the batch is the Generator's,
which takes as many as wait and takes no more until all of them are written. Run in its own environment (`make
bench-generation-peers`).
"""

import json
import sys
from collections.abc import Iterator

import numpy as np
import onnxruntime_genai
from told_loads import answer_all

AT_MOST = 32  # rows, else it refuses


class Batches:
    """Prompts of a load are equally long, so none is padded."""

    def __init__(self, folder: str, rows: int, threads: int) -> None:
        config = onnxruntime_genai.Config(folder)
        decoder = {"session_options": {"intra_op_num_threads": threads}}
        config.overlay(json.dumps({"model": {"eos_token_id": [], "pad_token_id": 0, "decoder": decoder}}))
        self._model = onnxruntime_genai.Model(config)
        self._rows = min(rows, AT_MOST)
        self._waiting: list[tuple[int, list[int], int]] = []
        self._batch: list[int] = []
        self._generator = None

    def add(self, number: int, prompt: list[int], count: int) -> None:
        self._waiting.append((number, prompt, count))

    def step(self, longest: float) -> Iterator[tuple[int, list[int]]]:
        if self._generator is None:
            self._begin()
        self._generator.generate_next_token()
        tokens = self._generator.get_next_tokens().tolist()
        if self._generator.is_done():
            self._generator = None
        return ((number, [token]) for number, token in zip(self._batch, tokens, strict=True))

    def end(self, number: int) -> None:
        """The generator knows it, since all end at once."""

    def close(self) -> None:
        del self._generator, self._model

    def _begin(self) -> None:
        taken, self._waiting = self._waiting[: self._rows], self._waiting[self._rows :]
        prompts = np.array([prompt for _, prompt, _ in taken], np.int32)
        params = onnxruntime_genai.GeneratorParams(self._model)
        longest = prompts.shape[1] + max(count for _, _, count in taken)
        params.set_search_options(do_sample=False, max_length=longest, batch_size=len(taken))
        self._generator = onnxruntime_genai.Generator(self._model, params)
        self._generator.append_tokens(prompts)
        self._batch = [number for number, _, _ in taken]


if __name__ == "__main__":
    answer_all(lambda: Batches(sys.argv[1], *map(int, sys.argv[2:])))
