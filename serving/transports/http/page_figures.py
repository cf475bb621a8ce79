"""What the web page's live figures are made of: counters of every version, at one moment.

Rule: counters only, as they are; whoever looks twice has the rates, so that looking costs the same for everybody and
nothing where nobody looks.
"""

from collections.abc import Mapping
from typing import Any

from serving.core.states import VersionStatus
from serving.engine.generating_model import GeneratingModel
from serving.engine.loaded_model import LoadedModel
from serving.engine.servable import Servable


def figures(models: Mapping[str, LoadedModel]) -> list[dict[str, Any]]:
    """A row for each version that was loaded or tried, with `counts` where it answers."""
    return [_row(status, model) for name, model in models.items() for status in model.statuses(name)]


def _row(status: VersionStatus, model: LoadedModel) -> dict[str, Any]:
    loaded = model.versions.get(status.version)
    served = None if loaded is None else loaded.served
    return {
        "name": status.name,
        "version": status.version,
        "state": status.state,
        "reason": status.reason,
        "traffic_percent": model.traffic_percent(status.version),
        "counts": None if served is None else _counts(served),
    }


def _counts(model: Servable) -> dict[str, Any]:
    """`seconds` counts requests by how long they took, `bounds` are those of all but the last of its buckets; `loaded`
    tells one load of a version from the next, which begins anew."""
    statistics = model.statistics
    return {
        "loaded": model.created,
        "answered": statistics.success.count,
        "failed": statistics.fail.count,
        "bounds": statistics.request_seconds.bounds,
        "seconds": statistics.request_seconds.buckets,
        "rows": statistics.inferences,
        "batches": statistics.executions,
        "waiting": model.pending,
        **(_written(model) if isinstance(model, GeneratingModel) else {}),
    }


def _written(model: GeneratingModel) -> dict[str, Any]:
    """A batch is a step, and its rows are tokens."""
    return {
        "tokens": model.generation.generation_tokens,
        "rows": model.generation.iteration_tokens.sum,
        "batches": model.generation.steps,
    }
