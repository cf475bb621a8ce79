"""What a model that writes has done since it was loaded, in the counts that vLLM keeps.

Source: vLLM's docs/design/metrics.md; buckets from vllm/v1/metrics (0.32). Rule: written by the event loop only, once a
step; a scrape may read at any time.
"""

from dataclasses import dataclass, field
from functools import partial

from serving.core.generation import FinishReason
from serving.engine.statistics import Histogram

_FIRST_TOKEN = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
    *(160.0, 640.0, 2560.0),
)
_BETWEEN_TOKENS = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
_REQUEST = (
    *(0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0),
    *(1920.0, 7680.0),
)
_TOKENS = tuple(float(first * 10**power) for power in range(6) for first in (1, 2, 5))
_STEP_TOKENS = tuple(float(2**power) for power in (0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14))


@dataclass(slots=True)
class GenerationStatistics:
    """Durations in seconds: to the first token and in all since a request arrived; queued until the first step that it
    was part of; prefill from there to the first token; decode from there to the last."""

    prompt_tokens: int = 0
    generation_tokens: int = 0
    finished: dict[FinishReason, int] = field(default_factory=lambda: dict.fromkeys(FinishReason, 0))
    steps: int = 0
    time_to_first_token: Histogram = field(default_factory=partial(Histogram, _FIRST_TOKEN))
    inter_token_latency: Histogram = field(default_factory=partial(Histogram, _BETWEEN_TOKENS))
    time_per_output_token: Histogram = field(default_factory=partial(Histogram, _BETWEEN_TOKENS))
    e2e_latency: Histogram = field(default_factory=partial(Histogram, _REQUEST))
    queue_time: Histogram = field(default_factory=partial(Histogram, _REQUEST))
    prefill_time: Histogram = field(default_factory=partial(Histogram, _REQUEST))
    decode_time: Histogram = field(default_factory=partial(Histogram, _REQUEST))
    inference_time: Histogram = field(default_factory=partial(Histogram, _REQUEST))
    request_prompt_tokens: Histogram = field(default_factory=partial(Histogram, _TOKENS))
    request_generation_tokens: Histogram = field(default_factory=partial(Histogram, _TOKENS))
    iteration_tokens: Histogram = field(default_factory=partial(Histogram, _STEP_TOKENS))

    def step(self, tokens: int) -> None:
        """So many were computed, of prompts and of answers."""
        self.steps += 1
        self.iteration_tokens.observe(tokens)

    def first_token(self, since_arrival: float) -> None:
        """Of a request."""
        self.generation_tokens += 1
        self.time_to_first_token.observe(since_arrival)

    def next_token(self, since_last: float) -> None:
        """Of the same request."""
        self.generation_tokens += 1
        self.inter_token_latency.observe(since_last)

    def request(
        self, reason: FinishReason, prompt: int, written: int, queued: float, prefill: float, decode: float
    ) -> None:
        """That is over: its tokens, and its seconds in each part."""
        self.finished[reason] += 1
        self.prompt_tokens += prompt
        self.request_prompt_tokens.observe(prompt)
        self.request_generation_tokens.observe(written)
        self.queue_time.observe(queued)
        self.prefill_time.observe(prefill)
        self.decode_time.observe(decode)
        self.inference_time.observe(prefill + decode)
        self.e2e_latency.observe(queued + prefill + decode)
        if written > 1:
            self.time_per_output_token.observe(decode / (written - 1))
