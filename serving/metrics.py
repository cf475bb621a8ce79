"""What Prometheus scrapes: Triton's metrics of every model version and of the machine, Slipway's histograms, and the
process's own figures.

Rule: nothing is counted here; a scrape reads what the engine counted.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

from serving.core.batching_config import latency_objective
from serving.core.nan_check import checks_outputs
from serving.engine.generating_model import GeneratingModel
from serving.engine.registry import ModelRegistry
from serving.engine.response_cache import ResponseCache
from serving.engine.servable import Servable
from serving.engine.statistics import Histogram
from serving.exposition import head, histogram_lines, labels
from serving.generation_metrics import generation
from serving.life_metrics import labels_of, loads, processes, rollouts, states
from serving.machine import FIGURES, Machine

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Metric:
    kind: str
    documentation: str
    value: Callable[[Servable], float]


# Source of names, types and words: Triton's docs/user_guide/metrics.md. Its counters have no `_total` suffix, which
# `prometheus_client` can't write, so these lines are ours.
_MODEL_METRICS = {
    "nv_inference_request_success": _Metric(
        "counter",
        "Number of successful inference requests, all batch sizes",
        lambda model: model.statistics.success.count,
    ),
    "nv_inference_count": _Metric(
        "counter",
        "Number of inferences performed (does not include cached requests)",
        lambda model: model.statistics.inferences,
    ),
    "nv_inference_exec_count": _Metric(
        "counter",
        "Number of model executions performed (does not include cached requests)",
        lambda model: model.statistics.executions,
    ),
    "nv_inference_request_duration_us": _Metric(
        "counter",
        "Cumulative inference request duration in microseconds (includes cached requests)",
        lambda model: model.statistics.success.ns // 1000,
    ),
    "nv_inference_queue_duration_us": _Metric(
        "counter",
        "Cumulative inference queuing duration in microseconds (includes cached requests)",
        lambda model: model.statistics.queue.ns // 1000,
    ),
    "nv_inference_compute_input_duration_us": _Metric(
        "counter",
        "Cumulative compute input duration in microseconds (does not include cached requests)",
        lambda model: model.statistics.compute.compute_input.ns // 1000,
    ),
    "nv_inference_compute_infer_duration_us": _Metric(
        "counter",
        "Cumulative compute inference duration in microseconds (does not include cached requests)",
        lambda model: model.statistics.compute.compute_infer.ns // 1000,
    ),
    "nv_inference_compute_output_duration_us": _Metric(
        "counter",
        "Cumulative inference compute output duration in microseconds (does not include cached requests)",
        lambda model: model.statistics.compute.compute_output.ns // 1000,
    ),
    "nv_inference_pending_request_count": _Metric(
        "gauge",
        "Instantaneous number of pending requests awaiting execution per-model.",
        lambda model: model.pending,
    ),
    "nv_model_load_duration_secs": _Metric("gauge", "Model load time in seconds", lambda model: model.load_seconds),
}
# Of models whose answers are cached.
_CACHED_MODEL_METRICS = {
    "nv_cache_num_hits_per_model": _Metric(
        "counter", "Number of cache hits per model", lambda model: model.statistics.cache_hit.count
    ),
    "nv_cache_num_misses_per_model": _Metric(
        "counter", "Number of cache misses per model", lambda model: model.statistics.cache_miss.count
    ),
    "nv_cache_hit_duration_per_model": _Metric(
        "counter",
        "Total cache hit duration per model, in microseconds",
        lambda model: model.statistics.cache_hit.ns // 1000,
    ),
    "nv_cache_miss_duration_per_model": _Metric(
        "counter",
        "Total cache miss (insert+lookup) duration per model, in microseconds",
        lambda model: model.statistics.cache_miss.ns // 1000,
    ),
}
# Of models whose answers are looked through.
_CHECKED_MODEL_METRICS = {
    "slipway_not_finite_answers_total": _Metric(
        "counter",
        "Answers with a NaN or an infinity, which callers did not get.",
        lambda model: model.statistics.not_finite,
    ),
}
_HISTOGRAMS: dict[str, tuple[str, Callable[[Servable], Histogram]]] = {
    "slipway_request_duration_seconds": (
        "Of answered requests, from the queue's door to the model's answer.",
        lambda model: model.statistics.request_seconds,
    ),
    "slipway_queue_duration_seconds": (
        "Of answered requests, how long they waited for an instance.",
        lambda model: model.statistics.queue_seconds,
    ),
    "slipway_compute_duration_seconds": (
        "Of executions: stacking inputs, running the model, splitting outputs.",
        lambda model: model.statistics.compute_seconds,
    ),
    "slipway_batch_size_rows": ("Rows that ran together.", lambda model: model.statistics.batch_rows),
    "slipway_batch_duration_ratio": (
        "What batches took in what was expected of them, while requests with a deadline waited.",
        lambda model: model.statistics.misprediction,
    ),
}
# Only of models that have them, which are those where they are not 0.
_BOUNDS = {
    "slipway_queue_limit_requests": _Metric(
        "gauge", "Requests that may wait for a version before others are refused.", lambda model: model.queue_limit
    ),
    "slipway_latency_objective_seconds": _Metric(
        "gauge",
        "Within which a version's requests are to be answered that name no time of their own.",
        lambda model: latency_objective(model.config),
    ),
}
_Counts = Callable[[Servable], Mapping[str, int]]
_FAILURES: tuple[str, str, str, _Counts] = (
    "nv_inference_request_failure",
    "Number of failed inference requests, all batch sizes",
    "reason",
    lambda model: {str(reason): count for reason, count in model.statistics.failures.items()},
)
_REFUSALS: tuple[str, str, str, _Counts] = (
    "slipway_refused_requests_total",
    "Requests of reason REJECTED, by why: no room in the queue, no chance to be in time, too long in the queue.",
    "reason",
    lambda model: {str(reason): count for reason, count in model.statistics.refusals.items()},
)
_OBJECTIVES: tuple[str, str, str, _Counts] = (
    "slipway_objective_requests_total",
    "Requests with a deadline, by what became of them.",
    "outcome",
    lambda model: {str(fate): count for fate, count in model.statistics.objectives.counts.items()},
)


class Metrics:
    def __init__(
        self,
        registry: CollectorRegistry,
        models: ModelRegistry,
        machine: Machine,
        cache: ResponseCache | None = None,
        reachable: Callable[[], Mapping[str, bool]] = dict,
    ) -> None:
        """`reachable` says which model repositories could be read when they were asked last."""
        self._registry = registry
        self._models = models
        self._machine = machine
        self._cache = cache
        self._reachable = reachable
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def exposition(self) -> bytes:
        """The text format, version 0.0.4."""
        models = list(self._models.loaded.served())
        lines = [
            *states(self._models.loaded.statuses()),
            *_repositories(self._reachable()),
            *loads(dict(self._models.counts)),
            *rollouts(self._models.loaded.rollouts()),
            *_models(models, _MODEL_METRICS),
            *_bounds(models),
            *_models([model for model in models if checks_outputs(model.config)], _CHECKED_MODEL_METRICS),
            *_counted(models, *_FAILURES),
            *_counted(models, *_REFUSALS),
            *_counted(models, *_OBJECTIVES),
            *_histograms(models),
            *_first_responses(models),
            *processes(models),
            *generation([model for model in models if isinstance(model, GeneratingModel)]),
        ]
        if self._cache is not None:
            lines += _models([model for model in models if model.caches_responses], _CACHED_MODEL_METRICS)
            lines += _response_cache(self._cache)
        lines += _machine(self._machine)
        return "".join(lines).encode() + generate_latest(self._registry)


def _repositories(reachable: Mapping[str, bool]) -> Iterator[str]:
    name = "slipway_repository_reachable"
    yield head(name, "gauge", "1 for a model repository that could be read when it was asked last, else 0.")
    yield from (f"{name}{labels({'repository': place})} {int(is_there)}\n" for place, is_there in reachable.items())


def _models(models: list[Servable], metrics: Mapping[str, _Metric]) -> Iterator[str]:
    for name, metric in metrics.items():
        yield head(name, metric.kind, metric.documentation)
        yield from (f"{name}{labels_of(model)} {metric.value(model)}\n" for model in models)


def _bounds(models: list[Servable]) -> Iterator[str]:
    for name, metric in _BOUNDS.items():
        values = [(model, value) for model in models if (value := metric.value(model))]
        if values:
            yield head(name, metric.kind, metric.documentation)
        yield from (f"{name}{labels_of(model)} {value}\n" for model, value in values)


def _response_cache(cache: ResponseCache) -> Iterator[str]:
    for name, kind, documentation, value in (
        ("slipway_response_cache_size_bytes", "gauge", "What the response cache may keep, in bytes.", cache.size),
        ("slipway_response_cache_used_bytes", "gauge", "What the response cache keeps, in bytes.", cache.used),
        (
            "slipway_response_cache_evictions_total",
            "counter",
            "Responses that went from the cache to make room for others.",
            cache.evictions,
        ),
    ):
        yield f"{head(name, kind, documentation)}{name} {value}\n"


def _counted(models: list[Servable], name: str, words: str, label: str, counts: _Counts) -> Iterator[str]:
    yield head(name, "counter", words)
    for model in models:
        yield from (f"{name}{labels_of(model, **{label: each})} {count}\n" for each, count in counts(model).items())


def _histograms(models: list[Servable]) -> Iterator[str]:
    for name, (documentation, histogram) in _HISTOGRAMS.items():
        yield head(name, "histogram", documentation)
        for model in models:
            yield from _histogram(name, model, histogram(model), scale=1)


def _first_responses(models: list[Servable]) -> Iterator[str]:
    decoupled, name = [model for model in models if model.is_decoupled], "nv_inference_first_response_histogram_ms"
    if decoupled:
        yield head(name, "histogram", "Duration from request to first response in milliseconds")
    for model in decoupled:
        yield from _histogram(name, model, model.statistics.first_response_seconds, scale=1000)


def _histogram(name: str, model: Servable, histogram: Histogram, scale: int) -> Iterator[str]:
    bounds = [f"{bound * scale:g}" for bound in histogram.bounds]
    return histogram_lines(name, partial(labels_of, model), bounds, histogram.cumulative(), histogram.sum * scale)


def _machine(machine: Machine) -> Iterator[str]:
    figures = list(machine.figures())
    for name, (kind, documentation) in FIGURES.items():
        found = [figure for figure in figures if figure.name == name]
        if found:
            yield head(name, kind, documentation)
        for figure in found:
            of = labels({"gpu_uuid": figure.gpu_uuid}) if figure.gpu_uuid else ""
            yield f"{name}{of} {figure.value}\n"
