"""Every option, variable, path, port, metric and method that a file under `deploy` names is one of the server's."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deploy.check.chart import VALUES, rendered
from deploy.check.programs import ROOT
from serving.commands.configuration import variable
from serving.commands.serve_options import KINDS
from serving.settings import Settings
from tests import slipway_config, tiny_models
from tests.deploy.chart.manifests import configuration, container, each_values, needs_helm, of_kind
from tests.grpc_client import stub_of
from tests.running_server import RunningServer, running
from tests.tiny_decoders import add_tiny_decoder

DEPLOY = ROOT / "deploy"
FILES = [path for path in (ROOT / "Dockerfile", *sorted(DEPLOY.rglob("*"))) if path.is_file() and path.suffix != ".pyc"]
ADAPTER = DEPLOY / "monitoring" / "prometheus-adapter.yaml"

METRIC = re.compile(r"\b(?:nv_(?:inference|gpu|cpu|energy)|slipway|vllm:|process)_?\w+(?=\{)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("models")
    tiny_models.add_double(root)
    add_tiny_decoder(root)
    with running(root) as server:
        yield server


def test_every_variable_is_an_options() -> None:
    ours = {variable(name) for name in KINDS} | {"SLIPWAY_CONFIG"}
    named = {path: set(re.findall(r"\bSLIPWAY_[A-Z_]+[A-Z]\b", path.read_text(errors="replace"))) for path in FILES}
    assert {path: names - ours for path, names in named.items() if names - ours} == {}
    assert any(named.values())


@needs_helm
@each_values
def test_the_pod_is_configured_as_its_values_say(values: str, tmp_path: Path) -> None:
    written = tomllib.loads(configuration(values))
    (tmp_path / "slipway.toml").write_text(configuration(values))
    environment = {it["name"]: it["value"] for it in container(values)["env"]}
    environment["SLIPWAY_CONFIG"] = str(tmp_path / "slipway.toml")
    chosen = slipway_config.configuration(**environment)
    assert {name: chosen[name]["value"] for name in written} == written
    assert {chosen[name]["from"] for name in written} == {"file"}, "no variable comes before it"
    assert chosen["model_cache"]["from"] == "SLIPWAY_MODEL_CACHE"


@needs_helm
def test_ports_and_the_time_to_end_are_the_servers_own_where_nothing_is_said() -> None:
    options, own = tomllib.loads(configuration("defaults")), Settings(Path())
    for name in ("http_port", "grpc_port", "metrics_port", "shutdown_timeout"):
        assert options[name] == getattr(own, name)


@needs_helm
def test_probes_ask_what_a_server_answers(server: RunningServer) -> None:
    for probe in ("startup", "readiness", "liveness"):
        path = container("defaults")[f"{probe}Probe"]["httpGet"]["path"]
        assert httpx.get(server.url + path).status_code == 200
    (test,) = of_kind("defaults", "Pod")
    command = test["spec"]["containers"][0]["command"]
    assert httpx.get(server.url + httpx.URL(command[-1]).path).status_code == 200


@needs_helm
def test_metrics_are_where_they_are_scraped(server: RunningServer) -> None:
    (monitor,) = of_kind("production", "PodMonitor")
    path = monitor["spec"]["podMetricsEndpoints"][0]["path"]
    assert httpx.get(f"http://127.0.0.1:{server.metrics_port}{path}").status_code == 200


@needs_helm
@pytest.mark.parametrize("values", ["production", "adapter"])
def test_paths_from_outside_lead_to_models_and_not_to_the_repository(values: str, server: RunningServer) -> None:
    routes = httpx.get(f"{server.url}/openapi.json").json()["paths"].keys()
    open_to_all = {
        *(path["path"] for it in of_kind(values, "Ingress") for path in it["spec"]["rules"][0]["http"]["paths"]),
        *(match["path"]["value"] for it in of_kind(values, "HTTPRoute") for match in it["spec"]["rules"][0]["matches"]),
    }
    prefixes = {path for path in open_to_all if not path.startswith("/inference.")}
    assert [prefix for prefix in prefixes if not any(route.startswith(prefix) for route in routes)] == []
    reached = {route for route in routes if any(f"{route}/".startswith(f"{prefix}/") for prefix in prefixes)}
    assert {"/v2/models/{model}/infer", "/v1/chat/completions", "/v2/health/ready"} <= reached
    assert not {route for route in reached if "repository" in route or "sharedmemory" in route or "metrics" in route}


@needs_helm
@pytest.mark.parametrize("values", ["production", "adapter"])
def test_grpc_from_outside_leads_to_methods_that_there_are(values: str, server: RunningServer) -> None:
    methods = {
        *(
            path["path"].rpartition("/")[2]
            for it in of_kind(values, "Ingress")
            if it["metadata"]["name"].endswith("-grpc")
            for path in it["spec"]["rules"][0]["http"]["paths"]
        ),
        *(
            match["method"]["method"]
            for it in of_kind(values, "GRPCRoute")
            for match in it["spec"]["rules"][0]["matches"]
        ),
    }
    with stub_of(server) as stub:
        assert [name for name in methods if not hasattr(stub, name)] == []
    assert "ModelInfer" in methods
    assert not {name for name in methods if "Repository" in name or "SharedMemory" in name or "Setting" in name}


def metrics_of(server: RunningServer) -> set[str]:
    return {re.split(r"[{ ]", line)[0] for line in server.metrics().splitlines() if not line.startswith("#")}


@needs_helm
def test_what_keda_asks_prometheus_for_is_there(server: RunningServer) -> None:
    everything = {f"autoscaling.{name}PerReplica": 1 for name in SIGNALS}
    queries = scaled_by("keda", everything)
    assert queries.keys() == {"requests-in-flight", "requests-waiting", "requests-per-second", "sequences"}
    named = {name for query in queries.values() for name in METRIC.findall(query)}
    assert len(named) == 6
    assert named - metrics_of(server) == set()


@needs_helm
def test_what_the_autoscaler_asks_for_is_what_the_adapter_makes() -> None:
    everything = {f"autoscaling.{name}PerReplica": 1 for name in SIGNALS}
    rules = yaml.safe_load(ADAPTER.read_text())["rules"]["custom"]
    assert scaled_by("hpa", everything).keys() <= {rule["name"]["as"] for rule in rules}


SIGNALS = ("requestsInFlight", "requestsWaiting", "requestsPerSecond", "sequences")


def scaled_by(kind: str, more: dict[str, Any]) -> dict[str, str]:
    """What is looked at, by its name, and KEDA's query for it."""
    found = rendered(VALUES["production"], more={"autoscaling.kind": kind, **more})
    for it in found:
        if it["kind"] == "ScaledObject":
            return {trigger["name"]: trigger["metadata"]["query"] for trigger in it["spec"]["triggers"]}
        if it["kind"] == "HorizontalPodAutoscaler":
            return {metric["pods"]["metric"]["name"]: "" for metric in it["spec"]["metrics"]}
    raise AssertionError("nothing scales")
