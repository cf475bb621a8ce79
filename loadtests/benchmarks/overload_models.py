"""The same model once for each batching policy, in one repository.

Rule: policies differ in their config.pbtxt alone; the one of deadlines says its objective and nothing else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from loadtests.benchmarks.dense_model import Dense, write_config, write_version

MAX_BATCH = 8
BASE, PER_ROW = 0.003, 0.001
"""Seconds of a batch, and of each of its rows, of the model that waits: 11 ms for a full one, 727 rows a second."""

SIZE = Dense(width=2600, layers=4)
"""Of the model that computes: some milliseconds for a batch, and one for each of its rows."""

_WAITS = """import time


class Model:
    def execute(self, request):
        x = request.inputs["x"]
        time.sleep({base} + {per_row} * len(x))
        return {{"y": x}}
"""


class Kind(StrEnum):
    WAITS = "waits"
    MLP = "mlp"


@dataclass(frozen=True, slots=True)
class Policy:
    """`name` is the model's, too; `timeout` of the queue in seconds, 0 for none; `sets_deadlines` where a request's
    objective is told to the server."""

    name: str
    config: str
    timeout: float = 0.0
    sets_deadlines: bool = False


FIXED = Policy("fixed-delay", "dynamic_batching { max_queue_delay_microseconds: 5000 }")


def queue_timeout(seconds: float) -> Policy:
    milliseconds = round(seconds * 1e3)
    policy = f"default_queue_policy {{ default_timeout_microseconds: {milliseconds}000 }}"
    return Policy(f"queue-timeout-{milliseconds}", f"dynamic_batching {{ {policy} }}", seconds)


def deadlines(objective: float) -> Policy:
    """In seconds."""
    parameter = f'key: "latency_objective_ms" value {{ string_value: "{objective * 1e3:g}" }}'
    return Policy("deadlines", f"dynamic_batching {{ }}\nparameters {{ {parameter} }}", sets_deadlines=True)


def write_models(root: Path, policies: Iterable[Policy], kind: Kind, size: Dense = SIZE) -> None:
    weights = size.weights(seed=0) if kind is Kind.MLP else []
    for policy in policies:
        if kind is Kind.WAITS:
            write_config(root, policy.name, "python", policy.config, MAX_BATCH)
            version = root / policy.name / "1"
            version.mkdir()
            (version / "model.py").write_text(_WAITS.format(base=BASE, per_row=PER_ROW))
        else:
            # One thread, so that a core is left to the server and to those who ask.
            thread = 'parameters { key: "intra_op_thread_count" value { string_value: "1" } }'
            write_config(root, policy.name, extra=f"{policy.config}\n{thread}", max_batch_size=MAX_BATCH)
            write_version(root / policy.name / "1", weights)
