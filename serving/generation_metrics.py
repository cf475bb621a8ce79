"""What Prometheus scrapes of models that write, under vLLM's names, so that its dashboards and autoscalers work.

Source: vLLM's docs/design/metrics.md (0.32). Rule: nothing is counted here; a scrape reads what the engine counted.
"""

from collections.abc import Callable, Iterator
from functools import partial

from serving.engine.generating_model import GeneratingModel
from serving.engine.statistics import Histogram
from serving.exposition import head, histogram_lines, labels

_GAUGES: dict[str, tuple[str, Callable[[GeneratingModel], float]]] = {
    "vllm:num_requests_running": (
        "Requests whose prompt is read or whose answer is written.",
        lambda model: model.batcher.running,
    ),
    "vllm:num_requests_waiting": ("Requests that wait for a row of the cache.", lambda model: model.pending),
    "slipway_kv_cache_rows": ("Requests that can be under way at once.", lambda model: model.rows),
    "slipway_kv_cache_positions": (
        "Tokens that the cache has room for, in all its rows.",
        lambda model: model.positions,
    ),
    "vllm:kv_cache_usage_perc": (
        "Share of the cache that requests under way fill, 0 to 1.",
        lambda model: model.batcher.used_positions / model.positions,
    ),
}
_COUNTERS: dict[str, tuple[str, Callable[[GeneratingModel], float]]] = {
    "vllm:prompt_tokens_total": ("Prompt tokens of requests that ended.", lambda model: model.generation.prompt_tokens),
    "vllm:generation_tokens_total": ("Tokens that were written.", lambda model: model.generation.generation_tokens),
    "vllm:prefix_cache_queries_total": (
        "Prompt tokens that were looked for in the cache.",
        lambda model: model.batcher.prefix_queries,
    ),
    "vllm:prefix_cache_hits_total": (
        "Prompt tokens that were there and not read again.",
        lambda model: model.batcher.prefix_hits,
    ),
    "vllm:num_preemptions_total": ("Always 0: rows have room.", lambda model: model.batcher.preemptions),
    "slipway_generation_steps_total": (
        "Steps that were made; tokens that were written by them are how many are written together.",
        lambda model: model.generation.steps,
    ),
}
_HISTOGRAMS: dict[str, tuple[str, Callable[[GeneratingModel], Histogram]]] = {
    "vllm:time_to_first_token_seconds": (
        "From a request's arrival to its first token.",
        lambda model: model.generation.time_to_first_token,
    ),
    "vllm:inter_token_latency_seconds": (
        "From one token of a request to the next.",
        lambda model: model.generation.inter_token_latency,
    ),
    "vllm:request_time_per_output_token_seconds": (
        "Mean of a request's times between tokens.",
        lambda model: model.generation.time_per_output_token,
    ),
    "vllm:e2e_request_latency_seconds": (
        "From a request's arrival to its last token.",
        lambda model: model.generation.e2e_latency,
    ),
    "vllm:request_queue_time_seconds": ("How long a request waited.", lambda model: model.generation.queue_time),
    "vllm:request_prefill_time_seconds": (
        "From a request's first step to its first token.",
        lambda model: model.generation.prefill_time,
    ),
    "vllm:request_decode_time_seconds": (
        "From a request's first token to its last.",
        lambda model: model.generation.decode_time,
    ),
    "vllm:request_inference_time_seconds": (
        "From a request's first step to its last token.",
        lambda model: model.generation.inference_time,
    ),
    "vllm:request_prompt_tokens": ("Tokens of a prompt.", lambda model: model.generation.request_prompt_tokens),
    "vllm:request_generation_tokens": (
        "Tokens of an answer.",
        lambda model: model.generation.request_generation_tokens,
    ),
    "vllm:iteration_tokens_total": ("Tokens of a step.", lambda model: model.generation.iteration_tokens),
}


def generation(models: list[GeneratingModel]) -> Iterator[str]:
    if not models:
        return
    for kind, metrics in (("gauge", _GAUGES), ("counter", _COUNTERS)):
        for name, (words, value) in metrics.items():
            yield head(name, kind, words)
            yield from (f"{name}{_labels(model)} {value(model)}\n" for model in models)
    name = "vllm:request_success_total"
    yield head(name, "counter", "Requests that ended, by why.")
    for model in models:
        for reason, count in model.generation.finished.items():
            yield f"{name}{_labels(model, finished_reason=str(reason))} {count}\n"
    for name, (words, histogram) in _HISTOGRAMS.items():
        yield head(name, "histogram", words)
        for model in models:
            yield from _histogram(name, model, histogram(model))


def _histogram(name: str, model: GeneratingModel, histogram: Histogram) -> Iterator[str]:
    bounds = [str(bound) for bound in histogram.bounds]
    return histogram_lines(name, partial(_labels, model), bounds, histogram.cumulative(), histogram.sum)


def _labels(model: GeneratingModel, **more: str) -> str:
    """`engine` counts vLLM's engines, of which a version here has one."""
    return labels({"model_name": model.name, "version": model.version, "engine": "0", **more})
