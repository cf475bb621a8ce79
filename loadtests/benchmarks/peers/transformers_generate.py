"""transformers' continuous batching in process, told loads on its standard input.

    python transformers_generate.py FOLDER ROWS THREADS BLOCKS

Rule: what `generate_batch` uses, with the same settings as its server gets, and told of each token as it comes. Run in
its own environment (`make bench-generation-peers`).
"""

import sys
from collections.abc import Iterator

import torch
from told_loads import answer_all
from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

BLOCK = 32  # positions
BATCH = 512  # tokens
NO_END = -1


class Batching:
    def __init__(self, folder: str, rows: int, threads: int, blocks: int) -> None:
        torch.set_num_threads(threads)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa").eval()
        config = ContinuousBatchingConfig(
            page_size=BLOCK,
            num_blocks=blocks,
            max_batch_tokens=BATCH,
            max_requests_per_batch=rows,
            allow_block_sharing=False,  # no prompt comes twice
            auto_switch_to_flash=False,
        )
        greedy = GenerationConfig(do_sample=False, eos_token_id=NO_END, pad_token_id=0)
        self._manager = model.init_continuous_batching(greedy, config)
        with torch.inference_mode():  # its thread computes as who starts it does
            self._manager.start()
        self._told: dict[str, int] = {}

    def add(self, number: int, prompt: list[int], count: int) -> None:
        self._told[str(number)] = 0
        self._manager.add_request(prompt, str(number), max_new_tokens=count, streaming=True, eos_token_id=NO_END)

    def step(self, longest: float) -> Iterator[tuple[int, list[int]]]:
        """The manager's thread makes the steps; a result has all tokens so far."""
        result = self._manager.get_result(timeout=max(longest, 0.001))
        if result is None:
            if not self._manager.is_running():
                raise RuntimeError("its thread ended")
            return
        if result.error:
            raise RuntimeError(result.error)
        name = result.request_id
        if name in self._told and (new := result.generated_tokens[self._told[name] :]):
            self._told[name] += len(new)
            yield int(name), new

    def end(self, number: int) -> None:
        del self._told[str(number)]

    def close(self) -> None:
        """The thread would keep the process alive."""
        self._manager.destroy()


if __name__ == "__main__":
    answer_all(lambda: Batching(sys.argv[1], *map(int, sys.argv[2:])))
