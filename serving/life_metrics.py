"""What Prometheus scrapes of models' lives: versions, loads, rollouts, processes.

Rule: nothing is counted here; a scrape reads what the engine counted.
"""

from collections.abc import Callable, Iterator, Mapping

from serving.core.states import ModelState, VersionStatus
from serving.engine.life_counts import LifeCounts
from serving.engine.loaded_model import UNLOADED
from serving.engine.processes import Processes
from serving.engine.running_rollout import RolloutProgress, RunningRollout
from serving.engine.servable import Servable
from serving.exposition import head, labels

_LIFE: dict[str, tuple[str, Callable[[LifeCounts], int]]] = {
    "slipway_model_loads_total": ("Loads that succeeded.", lambda counts: counts.loads),
    "slipway_model_load_failures_total": (
        "Loads that failed; a version that served before goes on.",
        lambda counts: counts.failed_loads,
    ),
    "slipway_model_promotions_total": ("Rollouts whose new version took over.", lambda counts: counts.promotions),
    "slipway_model_rollbacks_total": ("Versions that were rolled back.", lambda counts: counts.rollbacks),
}
_ROLLOUT: dict[str, tuple[str, Callable[[RolloutProgress], float]]] = {
    "slipway_rollout_percent": (
        "Share of the requests that a version on trial is given.",
        lambda rollout: rollout.policy.percent,
    ),
    "slipway_rollout_requests": (
        "Requests that it was given since its trial began.",
        lambda rollout: rollout.candidate_requests.count,
    ),
    "slipway_rollout_error_ratio": (
        "Share of them that failed.",
        lambda rollout: rollout.candidate_requests.error_ratio,
    ),
    "slipway_rollout_current_error_ratio": (
        "Share that failed on the version that serves.",
        lambda rollout: rollout.current_requests.error_ratio,
    ),
    "slipway_rollout_latency_ratio": (
        "Its typical time per request, in those of the version that serves.",
        lambda rollout: rollout.latency_ratio,
    ),
    "slipway_rollout_disagreement_ratio": (
        "Share of compared rows that the two answer differently.",
        lambda rollout: rollout.disagreement,
    ),
}
# Of models whose instances have processes of their own.
_PROCESSES: dict[str, tuple[str, str, Callable[[Processes], int]]] = {
    "slipway_instances_up": ("gauge", "Instances whose process is there and has loaded the model.", lambda it: it.up),
    "slipway_instance_restarts_total": (
        "counter",
        "Processes that were started, or tried to be, because one before them ended.",
        lambda it: it.restarts,
    ),
}


def states(statuses: list[VersionStatus]) -> Iterator[str]:
    name = "slipway_model_ready"
    yield head(name, "gauge", "1 for a version that answers, 0 for one that was tried and does not.")
    for status in statuses:
        if status.reason == UNLOADED:  # as somebody wanted
            continue
        of = labels({"model": status.name, "version": status.version})
        yield f"{name}{of} {int(status.state is ModelState.READY)}\n"


def loads(counts: Mapping[str, LifeCounts]) -> Iterator[str]:
    for name, (documentation, count) in _LIFE.items():
        yield head(name, "counter", documentation)
        yield from (f"{name}{labels({'model': model})} {count(it)}\n" for model, it in sorted(counts.items()))


def rollouts(running: list[RunningRollout]) -> Iterator[str]:
    """Only while one goes on; the label `version` is the candidate's."""
    for name, (documentation, value) in _ROLLOUT.items() if running else ():
        yield head(name, "gauge", documentation)
        yield from (f"{name}{labels_of(each.candidate)} {value(each.progress())}\n" for each in running)


def processes(models: list[Servable]) -> Iterator[str]:
    isolated = [(model, its) for model in models if (its := model.processes) is not None]
    for name, (kind, documentation, count) in _PROCESSES.items() if isolated else ():
        yield head(name, kind, documentation)
        yield from (f"{name}{labels_of(model)} {count(its)}\n" for model, its in isolated)


def labels_of(model: Servable, **more: str) -> str:
    return labels({"model": model.name, "version": model.version, **more})
