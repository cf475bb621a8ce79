"""The load test's capacity beside MLPerf's: the highest Poisson rate that holds a latency, found by each of them.

Rule: both ask the same server for the same; MLPerf's own LoadGen (`pip install mlcommons-loadgen`) decides when
its queries leave, counts them and says whether the objective held (its Server scenario).

    python -m loadtests.benchmarks.referee --service 5 --limit 50
"""

import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import Annotated, Any

import typer

from loadtests.benchmarks.callers import Connection
from loadtests.benchmarks.report import last_line, run_command, table
from loadtests.benchmarks.server_process import ServerFailed
from loadtests.benchmarks.stub_server import stub
from loadtests.call import Call
from loadtests.finding import Search
from loadtests.load import Closed
from loadtests.objective import Measure, Objective
from loadtests.result import Result
from loadtests.run import Plan, Progress, Target

_CALLERS = 64
_CALL = Call("/", b"x")
_AROUND = (0.90, 0.95, 1.0, 1.05, 1.10)


@dataclass(frozen=True, slots=True)
class Judgement:
    """LoadGen's of one rate: whether its run was valid, and its percentile of latency in milliseconds."""

    rate: float
    valid: bool
    latency_ms: float


class _Callers:
    """Threads that ask the server for what LoadGen wants asked, and tell it when the answer is there."""

    def __init__(self, port: int, complete: Callable[[int], None]) -> None:
        self._queries: SimpleQueue[int | None] = SimpleQueue()
        self._complete = complete
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for _ in range(_CALLERS)]
        for thread in self._threads:
            thread.start()

    def issue(self, samples: Sequence[Any]) -> None:
        for sample in samples:
            self._queries.put(sample.id)

    def close(self) -> None:
        for _ in self._threads:
            self._queries.put(None)
        for thread in self._threads:
            thread.join()

    def _ask(self, port: int) -> None:
        connection = Connection(port)
        while (query := self._queries.get()) is not None:
            connection.ask(_CALL, 0.0)
            self._complete(query)
        connection.close()


def judged(port: int, rate: float, limit: float, seconds: float) -> Judgement:
    """By LoadGen: its Server scenario at a rate, with 99 % within `limit` seconds."""
    import mlperf_loadgen as lg

    def complete(query: int) -> None:
        lg.QuerySamplesComplete([lg.QuerySampleResponse(query, 0, 0)])

    settings = lg.TestSettings()
    settings.scenario, settings.mode = lg.TestScenario.Server, lg.TestMode.PerformanceOnly
    settings.server_target_qps = rate
    settings.server_target_latency_ns = round(limit * 1e9)
    settings.server_target_latency_percentile = 0.99
    settings.min_duration_ms = settings.max_duration_ms = round(seconds * 1e3)
    settings.min_query_count = 1
    callers = _Callers(port, complete)
    with tempfile.TemporaryDirectory() as folder, _started(lg, callers) as parts:
        lg.StartTestWithLogSettings(*parts, settings, _logging(lg, folder))
        summary = Path(folder, "mlperf_log_summary.txt").read_text()
    return Judgement(rate, "Result is : VALID" in summary, _latency(summary))


@contextmanager
def _started(lg: Any, callers: _Callers) -> Any:
    sut = lg.ConstructSUT(callers.issue, lambda: None)
    qsl = lg.ConstructQSL(1, 1, lambda _: None, lambda _: None)
    try:
        yield sut, qsl
    finally:
        callers.close()
        lg.DestroyQSL(qsl)
        lg.DestroySUT(sut)


def _logging(lg: Any, folder: str) -> Any:
    settings = lg.LogSettings()
    settings.log_output.outdir = folder
    settings.log_output.copy_summary_to_stdout = False
    settings.enable_trace = False
    return settings


def _latency(summary: str) -> float:
    [line] = [line for line in summary.splitlines() if line.startswith("99.00 percentile latency (ns)")]
    return int(line.rpartition(":")[2]) / 1e6


def _found(url: str, limit: float, seconds: float, first: float) -> float:
    """By our search."""
    target = Target(url, "stub", "v2", (_CALL,))
    plan = Plan(Closed(1), seconds, warm_up=0.5)
    search = Search(target, plan, (Objective(Measure.LATENCY, 99.0, limit),), _tell, _watch, first)
    return float(search.capacity().decision["capacity"])


def _tell(result: Result, words: str) -> None:
    print(f"  ours at {result.load.get('rate', 0):8.1f}/s: p99 {result.latency.p99:7.2f} ms; {words}", flush=True)


def _watch(_: Plan) -> Callable[[Progress], bool]:
    return lambda _: False


def main(
    service: Annotated[float, typer.Option(min=0.1, help="Milliseconds that the server takes for each.")] = 5.0,
    limit: Annotated[float, typer.Option(min=1, help="Milliseconds within which 99 % have to be answered.")] = 50.0,
    seconds: Annotated[float, typer.Option(min=1, help="Of each try.")] = 20.0,
) -> None:
    """Find the capacity of a server that takes known times, and have MLPerf's LoadGen judge the rates around it."""
    if find_spec("mlperf_loadgen") is None:
        raise ServerFailed("MLPerf's LoadGen is missing: pip install mlcommons-loadgen")
    with stub(service / 1e3) as url:
        port = int(url.rpartition(":")[2])
        capacity = _found(url, limit / 1e3, seconds, 0.7e3 / service)
        judge = partial(judged, port, limit=limit / 1e3, seconds=seconds)
        judgements = [judge(capacity * share) for share in _AROUND]
    rows = [
        (f"{share:.0%}", f"{each.rate:.1f}", f"{each.latency_ms:.2f}", "valid" if each.valid else "invalid")
        for share, each in zip(_AROUND, judgements, strict=True)
    ]
    table(("of our capacity", "rate", "LoadGen's p99 (ms)", "LoadGen says"), *rows)
    last_line({"capacity": capacity, "judgements": [asdict(each) for each in judgements]})


if __name__ == "__main__":
    run_command(main)
