"""What HPA and KEDA ask, in a real Prometheus that scrapes a real server under a load whose figures are known."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import yaml

from deploy.check.chart import rendered
from deploy.check.programs import program
from tests import python_models, scaled_models
from tests.prometheus_server import FOLDER, Prometheus, needs_prometheus, scraping
from tests.running_server import RunningServer, running, until
from tests.tiny_decoders import add_tiny_decoder

NAMESPACE, POD = "models", "slipway-7d4b9c-x2x9k"
WINDOW = "4s"
CALLERS, WRITERS = 4, 2
SLOW = """
import time

class Model:
    def execute(self, request):
        time.sleep(0.05)
        return {"y": request.inputs["x"]}
"""
ROW = scaled_models.request()
WRITTEN = {"model": "writer", "prompt": "the quick brown", "max_tokens": 24, "ignore_eos": True}


@dataclass
class Load:
    """Callers who ask again as soon as they are answered, so that so many requests are there at any time."""

    server: RunningServer
    over: threading.Event = field(default_factory=threading.Event)
    answered: list[float] = field(default_factory=list)
    """When each request to the slow model was."""

    def ask(self) -> None:
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            while not self.over.is_set():
                client.post("/v2/models/slow/infer", json=ROW).raise_for_status()
                self.answered.append(time.monotonic())

    def write(self) -> None:
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            while not self.over.is_set():
                client.post("/v1/completions", json=WRITTEN).raise_for_status()

    def per_second(self, seconds: float) -> float:
        now = time.monotonic()
        return sum(now - seconds < at for at in list(self.answered)) / seconds


@contextmanager
def loading(server: RunningServer) -> Iterator[Load]:
    load = Load(server)
    threads = [threading.Thread(target=load.ask) for _ in range(CALLERS)]
    threads += [threading.Thread(target=load.write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Load]:
    root = tmp_path_factory.mktemp("models")
    tensor = "data_type: TYPE_FP32 dims: 4 }"
    python_models.add_model(
        root, "slow", f'max_batch_size: 1 input {{ name: "x" {tensor} output {{ name: "y" {tensor}', SLOW
    )
    add_tiny_decoder(root)
    with running(root) as server, loading(server) as load:
        yield load


@pytest.fixture(scope="module")
def prometheus(load: Load, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    labels = {"namespace": NAMESPACE, "pod": POD}
    with scraping(tmp_path_factory.mktemp("prometheus"), load.server.metrics_port, labels=labels) as prometheus:
        yield prometheus


def of_adapter(models: str) -> dict[str, str]:
    """By the metric's name, what prometheus-adapter asks for a HorizontalPodAutoscaler."""
    rules = yaml.safe_load((FOLDER / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    found = {}
    for rule in rules:
        label = "model_name" if rule["seriesQuery"].startswith("vllm:") else "model"
        matchers = f'namespace="{NAMESPACE}",pod=~"{POD}|slipway-7d4b9c-other",{label}="{models}"'
        query = rule["metricsQuery"].replace("<<.Series>>", rule["seriesQuery"].partition("{")[0])
        query = query.replace("<<.LabelMatchers>>", matchers).replace("<<.GroupBy>>", "pod")
        found[rule["name"]["as"].removeprefix("slipway_")] = query.replace("[1m]", f"[{WINDOW}]")
    return found


def of_keda(models: str) -> dict[str, str]:
    """What the chart's ScaledObject asks."""
    if program("helm") is None:
        pytest.skip("helm is not installed: make deploy-tools")
    values = {
        "enabled": True,
        "kind": "keda",
        "window": WINDOW,
        "models": models,
        "requestsInFlightPerReplica": 4,
        "requestsWaitingPerReplica": 4,
        "requestsPerSecondPerReplica": 4,
        "sequencesPerReplica": 4,
    }
    more = {f"autoscaling.{name}": value for name, value in values.items()} | {"monitoring.interval": "1s"}
    manifests = rendered(more=more, namespace=NAMESPACE)
    (scaled,) = (manifest for manifest in manifests if manifest["kind"] == "ScaledObject")
    triggers = scaled["spec"]["triggers"]
    return {trigger["name"].replace("-", "_"): trigger["metadata"]["query"] for trigger in triggers}


@needs_prometheus
@pytest.mark.parametrize("asked", [of_adapter, of_keda], ids=["hpa", "keda"])
def test_each_query_tells_what_the_callers_know(asked: object, prometheus: Prometheus, load: Load) -> None:
    """One request runs and the other callers' wait, so that nothing depends on how fast the machine is."""
    assert callable(asked)
    queries = asked("slow") | {"sequences": asked("writer")["sequences"]}
    assert queries.keys() == {"requests_in_flight", "requests_waiting", "requests_per_second", "sequences"}

    def tells(name: str, least: float, most: float) -> None:
        def is_so() -> bool:
            found = prometheus.numbers(queries[name])
            return len(found) == 1 and least <= found[0] <= most

        until(
            is_so, f"{name} is within {least:g} and {most:g}, not {prometheus.numbers(queries[name])}: {queries[name]}"
        )

    tells("requests_in_flight", 0.7 * CALLERS, 1.05 * CALLERS)
    tells("requests_waiting", CALLERS - 1, CALLERS - 1)
    tells("sequences", WRITERS, WRITERS)

    def rates() -> tuple[list[float], float]:
        return prometheus.numbers(queries["requests_per_second"]), load.per_second(4.0)

    def agree(told: list[float], measured: float) -> bool:
        return len(told) == 1 and abs(told[0] - measured) <= 0.2 * measured

    until(lambda: agree(*rates()), f"both rates of the same seconds agree: {queries['requests_per_second']}")


@needs_prometheus
@pytest.mark.parametrize("asked", [of_adapter, of_keda], ids=["hpa", "keda"])
def test_other_models_and_other_pods_are_not_counted(asked: object, prometheus: Prometheus) -> None:
    assert callable(asked)
    for query in asked("another").values():
        assert prometheus.numbers(query) == []
    for query in asked("slow").values():
        assert prometheus.numbers(query.replace(NAMESPACE, "elsewhere")) == []
