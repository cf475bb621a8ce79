"""What Prometheus scrapes: Triton's counters of every model version, and the process's own figures.

Rule: nothing is counted here; a scrape reads what the engine counted.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest

from serving.engine.served_model import ServedModel
from serving.engine.statistics import ModelStatistics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Source: Triton's docs/user_guide/metrics.md. Its counters have no `_total` suffix, which `prometheus_client` can't
# write, so these lines are ours.
_COUNTERS: dict[str, tuple[str, Callable[[ModelStatistics], int]]] = {
    "nv_inference_request_success": (
        "Number of successful inference requests, all batch sizes",
        lambda statistics: statistics.success,
    ),
    "nv_inference_request_failure": (
        "Number of failed inference requests, all batch sizes",
        lambda statistics: statistics.failure,
    ),
    "nv_inference_count": ("Number of inferences performed", lambda statistics: statistics.inferences),
    "nv_inference_exec_count": ("Number of model executions performed", lambda statistics: statistics.executions),
    "nv_inference_request_duration_us": (
        "Cumulative inference request duration in microseconds",
        lambda statistics: statistics.request_us,
    ),
    "nv_inference_queue_duration_us": (
        "Cumulative inference queuing duration in microseconds",
        lambda statistics: statistics.queue_us,
    ),
    "nv_inference_compute_infer_duration_us": (
        "Cumulative compute inference duration in microseconds",
        lambda statistics: statistics.compute_us,
    ),
}


class Metrics:
    def __init__(self, registry: CollectorRegistry, served: Callable[[], Iterable[ServedModel]]) -> None:
        """`served` gives the versions that are loaded at the time of a scrape."""
        self._registry = registry
        self._served = served
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

    def exposition(self) -> bytes:
        """The text format, version 0.0.4."""
        models = list(self._served())
        lines = [line for name in _COUNTERS for line in _counter(name, models)]
        lines += _pending(models)
        return "".join(lines).encode() + generate_latest(self._registry)


def _counter(name: str, models: list[ServedModel]) -> Iterable[str]:
    documentation, value = _COUNTERS[name]
    yield f"# HELP {name} {documentation}\n# TYPE {name} counter\n"
    yield from (f"{name}{_labels(model)} {value(model.statistics)}\n" for model in models)


def _pending(models: list[ServedModel]) -> Iterable[str]:
    name = "nv_inference_pending_request_count"
    yield f"# HELP {name} Instantaneous number of pending requests awaiting execution per-model.\n# TYPE {name} gauge\n"
    yield from (f"{name}{_labels(model)} {model.pending}\n" for model in models)


def _labels(model: ServedModel) -> str:
    return f'{{model="{_escape(model.name)}",version="{model.version}"}}'


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
