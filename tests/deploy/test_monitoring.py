"""The dashboard and the alerts, in a real Prometheus that scrapes real servers, which do a little of everything."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from typing import Any

import httpx
import pytest
import yaml

from deploy.monitoring import dashboard
from serving.machine import FIGURES
from tests import python_models, scaled_models, tiny_models
from tests.grpc_client import request, stub_of
from tests.prometheus_server import FOLDER, Prometheus, always, needs_prometheus, scraping
from tests.running_server import RunningServer, running, until
from tests.tiny_decoders import add_tiny_decoder

DOCS = FOLDER.parents[1] / "docs" / "observability.md"
ALERTS = yaml.safe_load((FOLDER / "alerts.yaml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
BOARD = json.loads(dashboard.FILE.read_text())
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
CHOSEN = {"$job": "slipway", "$instance": ".+", "$model": ".+", "$__rate_interval": "30s"}

WITHOUT_DATA = {
    "SlipwayAbsent": "has none by its nature, while there is a server",
    "SlipwayMemoryGrowing": "looks back 6 hours",
    "SlipwayGpuLost": "looks back a quarter of an hour, at GPUs",
}
"""What stays empty here, beside queries of nothing but GPUs."""


def asked(query: str) -> str:
    for name, value in CHOSEN.items():
        query = query.replace(name, value)
    return query


def metrics_in(query: str) -> set[str]:
    return set(re.findall(r"\b(?:nv_|slipway[_:]|vllm:|process_)[\w:]+|\bup\b", query))


def is_of_gpus(query: str) -> bool:
    named = metrics_in(query)
    return bool(named) and named <= {name for name in FIGURES if "gpu" in name or "energy" in name}


def queries() -> dict[str, str]:
    """Where each stands, and its text; comparisons of marks and alerts answer 0 or 1."""
    found = {f"{panel['title']} {it['legendFormat']}": it["expr"] for panel in PANELS for it in panel["targets"]}
    found |= {f"mark '{it['name']}'": always(it["expr"]) for it in BOARD["annotations"]["list"]}
    found |= {rule.get("alert") or rule["record"]: always(rule["expr"]) for rule in RULES}
    return {place: asked(query) for place, query in found.items()}


# --- what is written ---


def test_the_dashboard_is_what_its_source_says() -> None:
    assert dashboard.FILE.read_text() == dashboard.text(), "write it: python -m deploy.monitoring.dashboard"


def test_grafana_finds_what_it_needs_in_it() -> None:
    assert (BOARD["schemaVersion"], BOARD["uid"]) == (39, "slipway")
    assert [it["name"] for it in BOARD["templating"]["list"]] == ["datasource", "job", "instance", "model"]
    assert {panel["type"] for panel in PANELS} == {"timeseries", "heatmap", "stat"}
    assert [panel["id"] for panel in BOARD["panels"]] == list(range(1, len(BOARD["panels"]) + 1))
    queried = [it for panel in PANELS for it in (panel, *panel["targets"])] + BOARD["annotations"]["list"]
    assert all(it["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for it in queried)
    assert all(panel["targets"] for panel in PANELS)
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if overlap(*pair)]


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "w"), ("y", "h"))
    )


def test_each_alert_says_what_it_is_and_where_help_is() -> None:
    headings = re.findall(r"^#+ (.+)$", DOCS.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    for rule in RULES:
        if "alert" in rule:
            notes = rule["annotations"]
            assert notes.keys() == {"summary", "description", "runbook"}
            assert rule["labels"]["severity"] in {"warning", "critical"}
            page, _, anchor = notes["runbook"].partition("#")
            assert (page, anchor in anchors) == ("docs/observability.md", True), notes["runbook"]


def test_each_alert_is_tested_to_fire_and_not_to() -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]
    checks = [check for test in tests for check in test["alert_rule_test"]]
    alerts = {rule["alert"] for rule in RULES if "alert" in rule}
    assert {check["alertname"] for check in checks if check.get("exp_alerts")} == alerts
    assert {check["alertname"] for check in checks if not check.get("exp_alerts")} == alerts


# --- what promtool says ---


def promtool(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=FOLDER, input=given, capture_output=True, text=True)


@needs_prometheus
@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "alerts.yaml"), ("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yaml")],
    ids=" ".join,
)
def test_promtool_agrees(arguments: tuple[str, ...]) -> None:
    done = promtool(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_promtool_reads_the_metrics_and_minds_only_others_names(servers: list[RunningServer]) -> None:
    for server in servers:
        done = promtool("check", "metrics", given=server.metrics())
        assert done.returncode in {0, 3}, done.stderr  # 3: it has something to say
        minded = [line for line in done.stderr.splitlines() if not line.startswith(("nv_", "vllm:"))]
        assert minded == [], "these are ours, and can be as it wants them"


# --- what Prometheus says ---

ROW = {**scaled_models.request(), "parameters": {"timeout": 10_000_000}}
FAILING = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [python_models.FAIL, 0, 0, 0]}]}
TRIAL = {"strategy": "canary", "percent": "50", "min_requests": "100000", "max_latency_ratio": "1000"}


def parameters(**values: str) -> str:
    return " ".join(f'parameters {{ key: "{key}" value {{ string_value: "{it}" }} }}' for key, it in values.items())


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RunningServer]]:
    """One with a model of each sort, and one with HTTP workers."""
    root, other = tmp_path_factory.mktemp("all_sorts"), tmp_path_factory.mktemp("workers")
    tiny_models.add_double(root, extra="dynamic_batching { } " + parameters(latency_objective_ms="10000"))
    tiny_models.add_double(root, "cached", extra="response_cache { enable: true }")
    tiny_models.add_ensemble(root, "twice", "double:x>t double:t>y")
    python_models.add_hazard(root)
    add_tiny_decoder(root)
    scaled_models.add_scaled(root, 1, extra=parameters(**{f"rollout.{key}": it for key, it in TRIAL.items()}))
    tiny_models.add_double(other)
    with ExitStack() as stack:
        everything = {"model_control_mode": "explicit", "load_model": ("*",), "response_cache_byte_size": 10**6}
        yield [
            stack.enter_context(running(root, **everything)),
            stack.enter_context(running(other, http_workers=2)),
        ]


@pytest.fixture(scope="module")
def prometheus(servers: list[RunningServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    with scraping(folder, *(server.metrics_port for server in servers)) as prometheus:
        yield prometheus


def use(server: RunningServer) -> None:
    """A little of everything."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        for model in ("double", "cached", "twice", "hazard", "scaled", "scaled"):
            client.post(f"/v2/models/{model}/infer", json=ROW).raise_for_status()
        assert client.post("/v2/models/hazard/infer", json=FAILING).status_code == 500
        written = {"model": "writer", "prompt": "the quick brown", "max_tokens": 4, "ignore_eos": True}
        client.post("/v1/completions", json=written).raise_for_status()
    with stub_of(server) as stub:
        stub.ModelInfer(request("double", x=[[1, 2, 3, 4]]))


@needs_prometheus
def test_every_query_of_the_dashboard_and_of_the_alerts_has_data(
    prometheus: Prometheus, servers: list[RunningServer], tmp_path_factory: pytest.TempPathFactory
) -> None:
    until(lambda: prometheus.numbers("sum(up)") == [2.0], "both are scraped")
    scaled_models.publish(next(tmp_path_factory.getbasetemp().glob("all_sorts*")), 2)
    httpx.post(f"{servers[0].url}/v2/repository/models/{scaled_models.NAME}/load", timeout=60).raise_for_status()
    asked_for = {place: query for place, query in queries().items() if place not in WITHOUT_DATA}
    missing, deadline = asked_for, time.monotonic() + 30
    while missing and time.monotonic() < deadline:
        use(servers[0])
        time.sleep(1)  # in which it scrapes
        empty = {place: query for place, query in missing.items() if not prometheus.numbers(query)}
        missing = {place: query for place, query in empty.items() if not is_of_gpus(query)}
    assert missing == {}
    assert not {rule["name"]: rule["lastError"] for rule in prometheus.rules() if rule["health"] == "err"}


@needs_prometheus
def test_there_is_something_to_choose_from(prometheus: Prometheus) -> None:
    found = {}
    for variable in BOARD["templating"]["list"][1:]:
        series, _, label = variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
        until(lambda series=series, label=label: prometheus.values(label, asked(series)), variable["name"])
        found[variable["name"]] = prometheus.values(label, asked(series))
    assert found["job"] == ["slipway"]
    assert len(found["instance"]) == 2
    assert found["model"] == ["cached", "double", "hazard", "scaled", "twice", "writer"]


@needs_prometheus
def test_each_metric_that_is_named_is_one_of_ours(prometheus: Prometheus) -> None:
    named = {name for query in queries().values() for name in metrics_in(query)}
    assert named - prometheus.names() - FIGURES.keys() == set()
