"""What a server said of itself during a load: totals, and how they went over time.

Rule: what it counts is compared with what it had counted before, so that only this load's requests are in a figure; a
figure that a server does not tell is left out, and a note says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from loadtests import exposition

_PARTS = ("queue", "compute_input", "compute_infer", "compute_output")
_ALIKE = 0.1  # how far apart, as a share, two counts of the same requests may be


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one model since the server started, as Triton's statistics count. `seconds` are those of all requests
    together, for each part of their way; `batches` are executions by their rows."""

    requests: int
    seconds: Mapping[str, float]
    inferences: int
    executions: int
    batches: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Process:
    """`cpu` in seconds of processor since it started, `memory` in bytes; `requests` that the model answered."""

    cpu: float
    memory: float
    requests: float | None


@dataclass(frozen=True, slots=True)
class Sample:
    """`at` in seconds since the load began."""

    at: float
    statistics: Statistics | None
    process: Process | None


def statistics(document: Any) -> Statistics | None:
    """Of the reply to /v2/models/M/stats: all its versions together. None where it has no such figures."""
    try:
        models = document["model_stats"]
        batches: dict[int, int] = {}
        for batch in (batch for model in models for batch in model.get("batch_stats", ())):
            rows = int(batch["batch_size"])
            batches[rows] = batches.get(rows, 0) + int(batch["compute_infer"]["count"])
        parts = [model["inference_stats"] for model in models]
        return Statistics(
            sum(int(part["success"].get("count", 0)) for part in parts),
            {name: sum(int(part[name].get("ns", 0)) for part in parts) / 1e9 for name in _PARTS},
            sum(int(model.get("inference_count", 0)) for model in models),
            sum(int(model.get("execution_count", 0)) for model in models),
            batches,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def instances(config: Any) -> dict[str, int]:
    """How many of the model run side by side, as its config tells it; {} where it does not."""
    try:
        count = sum(int(group["count"]) for group in config["instance_group"])
    except (KeyError, TypeError, ValueError):
        return {}
    return {"instances": count} if count else {}


def process(text: str, model: str) -> Process | None:
    """Of what Prometheus scrapes; None where it does not tell of a process."""
    values: dict[str, float] = {}
    requests = None
    for name, labels, value in exposition.samples(text):
        if name in ("process_cpu_seconds_total", "process_resident_memory_bytes"):
            values[name] = values.get(name, 0.0) + float(value)
        elif name == "nv_inference_request_success" and f'model="{model}"' in labels:
            requests = (requests or 0.0) + float(value)
    if len(values) < 2:
        return None
    return Process(values["process_cpu_seconds_total"], values["process_resident_memory_bytes"], requests)


def told(samples: Sequence[Sample], surely: bool) -> dict[str, Any]:
    """`surely` where a person said which metrics are this server's; others count only if they saw the same requests."""
    notes = []
    if not _differences(samples, "statistics"):
        notes.append("the server does not tell how long requests waited and were computed (/v2/models/M/stats)")
    if not _differences(samples, "process"):
        notes.append("nobody told what the server's process used: give --metrics-url (Prometheus, /metrics)")
    elif not surely and not _same_requests(samples):
        notes.append("the metrics on port 8002 are another server's: give --metrics-url")
        samples = [Sample(sample.at, sample.statistics, None) for sample in samples]
    found = {**_split(samples), **_use(samples)}
    return {**found, "series": list(_series(samples)), "notes": notes} if found else {"notes": notes}


def of_streams(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without sizes of batches: each stream counts as a batch of its own, whatever runs beside it."""
    series = [{name: value for name, value in entry.items() if name != "batch"} for entry in found.get("series", ())]
    rest = {name: value for name, value in found.items() if name not in ("batch", "batches")}
    return rest | ({"series": series} if series else {})


def _split(samples: Sequence[Sample]) -> dict[str, Any]:
    told = [sample.statistics for sample in samples if sample.statistics]
    return {} if len(told) < 2 else _between(told[0], told[-1]) | {"batches": _batches(told[0], told[-1])}


def _between(before: Statistics, after: Statistics) -> dict[str, Any]:
    """Milliseconds are those of a request, on average."""
    requests, executions = after.requests - before.requests, after.executions - before.executions
    if requests <= 0:
        return {"requests": max(0, requests)}
    parts = {name: (after.seconds[name] - before.seconds[name]) / requests * 1e3 for name in _PARTS}
    compute = sum(parts[name] for name in _PARTS if name != "queue")
    inferences = after.inferences - before.inferences
    return {
        "requests": requests,
        "compute_ms": round(compute, 4),
        **{f"{name}_ms": round(value, 4) for name, value in parts.items()},
        **({"batch": round(inferences / executions, 3)} if executions > 0 else {}),
    }


def _batches(before: Statistics, after: Statistics) -> dict[str, int]:
    counts = {rows: count - before.batches.get(rows, 0) for rows, count in sorted(after.batches.items())}
    return {str(rows): count for rows, count in counts.items() if count > 0}


def _use(samples: Sequence[Sample]) -> dict[str, Any]:
    told = [sample for sample in samples if sample.process]
    return {} if len(told) < 2 else _used(told[0], told[-1]) | {"memory": max(_memory(sample) for sample in told)}


def _used(before: Sample, after: Sample) -> dict[str, Any]:
    if not before.process or not after.process or after.at <= before.at:
        return {}
    cpu = (after.process.cpu - before.process.cpu) / (after.at - before.at)
    return {"cpu": round(cpu, 3), "memory": after.process.memory} if cpu >= 0 else {}


def _memory(sample: Sample) -> float:
    return sample.process.memory if sample.process else 0.0


def _series(samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """What happened up to `at` since the entry before."""
    for before, after in pairwise(samples):
        split = _between(before.statistics, after.statistics) if before.statistics and after.statistics else {}
        yield {"at": round(after.at, 3), **split, **_used(before, after)}


def _differences(samples: Sequence[Sample], name: str) -> bool:
    return sum(getattr(sample, name) is not None for sample in samples) >= 2


def _same_requests(samples: Sequence[Sample]) -> bool:
    both = [
        (sample.statistics.requests, sample.process.requests)
        for sample in samples
        if sample.statistics and sample.process and sample.process.requests is not None
    ]
    if len(both) < 2:
        return False
    one, other = both[-1][0] - both[0][0], (both[-1][1] or 0) - (both[0][1] or 0)
    return abs(both[-1][0] - (both[-1][1] or 0)) <= _ALIKE * max(one, 10) and abs(one - other) <= _ALIKE * max(one, 10)
