"""What load tests may have found, to be told."""

from dataclasses import asdict, replace

import numpy as np

from loadtests.capacity import Trial
from loadtests.conclusions import capacity_found
from loadtests.load import Open
from loadtests.objective import parsed
from loadtests.replicas import Assumptions, Use, replicas, values
from loadtests.result import Result
from loadtests.result_file import Document
from tests.loadtests.results import result_of

EVIL = "<script>alert(1)</script>"
SERVER = {
    "name": "triton",
    "version": "1.2.3",
    "queue_ms": 2.5,
    "compute_ms": 7.5,
    "batch": 1.5,
    "batches": {"1": 50, "2": 50},
    "cpu": 1.25,
    "memory": 2.0**29,
    "series": [{"at": at, "queue_ms": 2.5, "compute_ms": 7.5, "batch": 1.5, "cpu": 1.25} for at in (1.0, 2.0)],
    "notes": [],
}
MACHINE = {
    "cpu": "Z80",
    "cores": 2,
    "memory": 2**34,
    "load": 0.5,
    "system": "Linux",
    "python": "3.11.1",
    "slipway": "0.1.0",
    "commit": "abc1234",
    "command": "slipway loadtest URL",
}


def run(rate: float = 100.0, slower: float = 1.0) -> Result:
    """Of streams, one in a hundred of which was refused."""
    latencies = np.random.default_rng(0).gamma(4.0, 0.005 * slower, 990)
    result = result_of(
        latencies,
        refused=10,
        first=np.append(latencies, np.zeros(10)) / 2,
        gaps=latencies / 10,
        rate=rate,
        load=Open(rate),
    )
    return replace(result, server=SERVER, machine=MACHINE, messages={EVIL: 10}, notes=("a note",))


def capacity() -> Document:
    """At 100 requests/s, for which 1000 need some replicas."""
    runs = (run(100.0), run(200.0, slower=5.0))
    decision = capacity_found(runs, (parsed("p90<100ms"),), runs[0], [Trial(100.0, True)])
    needed = replicas(1000.0, runs[0], Use(1.25, 2.0**29), Assumptions())
    return Document(runs, {**decision, "plan": asdict(needed), "values": values(needed)})
