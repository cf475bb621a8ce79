"""What no schema of Kubernetes sees: that the parts of the chart fit each other."""

import re
import tomllib
from typing import Any

import yaml

from deploy.check.chart import VALUES, rendered
from deploy.check.programs import ROOT
from tests.deploy.chart.manifests import (
    SCALED,
    configuration,
    container,
    deployment,
    each_values,
    manifests,
    needs_helm,
    of_kind,
    pod,
    pods,
)

pytestmark = needs_helm

MONITORING = ROOT / "deploy" / "monitoring"
UNITS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    f"{letter}i": 1024 ** (at + 1) for at, letter in enumerate("KMGT")
}


def amount(quantity: str | int) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", str(quantity)).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def selects(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


@each_values
def test_whatever_selects_pods_selects_the_servers_and_no_others(values: str) -> None:
    ours = deployment(values)["spec"]["template"]["metadata"]["labels"]
    (test,) = of_kind(values, "Pod")
    selectors = {
        **{f"Service {it['metadata']['name']}": it["spec"]["selector"] for it in of_kind(values, "Service")},
        **{
            it["kind"]: it["spec"]["selector"]["matchLabels"]
            for it in of_kind(values, "Deployment", "PodDisruptionBudget", "PodMonitor")
        },
        "NetworkPolicy": of_kind(values, "NetworkPolicy")[0]["spec"]["podSelector"]["matchLabels"],
        **{
            f"spread over {it['topologyKey']}": it["labelSelector"]["matchLabels"]
            for it in pod(values)["topologySpreadConstraints"]
        },
    }
    assert len(selectors) >= 7
    assert [place for place, selector in selectors.items() if not selects(selector, ours)] == []
    assert [place for place, selector in selectors.items() if selects(selector, test["metadata"]["labels"])] == []


def test_a_service_monitor_finds_one_service_and_that_has_the_port() -> None:
    for service in ("ClusterIP", "LoadBalancer"):
        found = rendered(more={"monitoring.kind": "serviceMonitor", "service.type": service})
        (monitor,) = (it for it in found if it["kind"] == "ServiceMonitor")
        selector = monitor["spec"]["selector"]["matchLabels"]
        services = [it for it in found if it["kind"] == "Service" and selects(selector, it["metadata"]["labels"])]
        assert len(services) == 1, "a pod that is found twice is counted twice"
        assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in services[0]["spec"]["ports"]}


@each_values
def test_only_one_thing_scales_and_it_scales_the_deployment(values: str) -> None:
    scaling = of_kind(values, "HorizontalPodAutoscaler", "ScaledObject")
    name = deployment(values)["metadata"]["name"]
    assert len(scaling) <= 1
    assert [it["spec"]["scaleTargetRef"]["name"] for it in scaling] == [name] * len(scaling)
    assert ("replicas" in deployment(values)["spec"]) is not bool(scaling), "else an update would reset their number"
    assert {it["kind"] for it in manifests(values)} & SCALED


@each_values
def test_a_pod_asks_for_no_more_than_it_may_have_and_for_gpus_as_many(values: str) -> None:
    for spec in pods(values):
        for it in spec["containers"]:
            requests, limits = it["resources"]["requests"], it["resources"]["limits"]
            assert all(amount(requests[name]) <= amount(limit) for name, limit in limits.items())
            assert requests["memory"] == limits["memory"]
            assert requests.get("nvidia.com/gpu") == limits.get("nvidia.com/gpu")


@each_values
def test_a_pod_is_killed_only_after_all_that_may_take_its_time(values: str) -> None:
    options = tomllib.loads(configuration(values))
    waits = container(values)["lifecycle"]["preStop"]["sleep"]["seconds"]
    ending = waits + options["lame_duck_secs"] + options["shutdown_timeout"]
    assert ending + 5 <= pod(values)["terminationGracePeriodSeconds"]


def test_the_pause_before_the_end_needs_no_shell_and_an_old_cluster_gets_it_too() -> None:
    (old,) = (it for it in rendered(kubernetes="1.29") if it["kind"] == "Deployment")
    hook = old["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"]
    assert hook == {"exec": {"command": ["python", "-c", "import time; time.sleep(5)"]}}
    none = rendered(more={"drain.preStopSeconds": 0, "drain.lameDuckSeconds": 0.5})
    (spec,) = (it["spec"]["template"]["spec"] for it in none if it["kind"] == "Deployment")
    assert "lifecycle" not in spec["containers"][0]
    assert spec["terminationGracePeriodSeconds"] == 41


@each_values
def test_probes_and_services_name_ports_that_the_server_listens_on(values: str) -> None:
    options = tomllib.loads(configuration(values))
    ports = {port["name"]: port["containerPort"] for port in container(values)["ports"]}
    assert ports == {name: options[f"{name}_port"] for name in ("http", "grpc", "metrics")}

    named = {container(values)[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "readiness", "liveness")}
    named |= {port["targetPort"] for it in of_kind(values, "Service") for port in it["spec"]["ports"]}
    (policy,) = of_kind(values, "NetworkPolicy")
    named |= {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
    monitors = of_kind(values, "PodMonitor", "ServiceMonitor")
    named |= {
        it["port"]
        for monitor in monitors
        for it in monitor["spec"].get("podMetricsEndpoints") or monitor["spec"]["endpoints"]
    }
    assert named == ports.keys()


def test_whoever_asks_an_encrypted_server_for_its_health_does_so_encrypted() -> None:
    found = rendered(more={"config.ssl_certfile": "/tls/tls.crt"})
    (spec,) = (it["spec"]["template"]["spec"] for it in found if it["kind"] == "Deployment")
    probes = [spec["containers"][0][f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert [probe["scheme"] for probe in probes] == ["HTTPS"] * 3
    (test,) = (it for it in found if it["kind"] == "Pod")
    assert test["spec"]["containers"][0]["command"][-1].startswith("https://")


def test_keys_are_read_where_their_secret_is_mounted() -> None:
    (file,) = (it["value"] for it in container("production")["env"] if it["name"] == "SLIPWAY_API_KEY_FILE")
    (mount,) = (it for it in container("production")["volumeMounts"] if file == f"{it['mountPath']}/keys.toml")
    (volume,) = (it for it in pod("production")["volumes"] if it["name"] == mount["name"])
    assert volume["secret"] == {"secretName": "slipway-keys"}


@each_values
def test_routes_lead_to_ports_of_the_service(values: str) -> None:
    (service,) = (it for it in of_kind(values, "Service") if not it["metadata"]["name"].endswith("-headless"))
    name, ports = service["metadata"]["name"], service["spec"]["ports"]
    for ingress in of_kind(values, "Ingress"):
        for path in (path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]):
            backend = path["backend"]["service"]
            assert (backend["name"], backend["port"]["name"] in {port["name"] for port in ports}) == (name, True)
    for route in of_kind(values, "HTTPRoute", "GRPCRoute"):
        (rule,) = route["spec"]["rules"]
        numbers = {port["name"]: port["port"] for port in ports}
        port = numbers["http" if route["kind"] == "HTTPRoute" else "grpc"]
        assert rule["backendRefs"] == [{"name": name, "port": port, "weight": 100}]
        assert len(rule["matches"]) <= 8, "Gateway API takes no more"


def test_a_canary_gets_its_share_over_both_protocols() -> None:
    canary = {"gateway.canary": {"service": "slipway-canary", "weight": 5}}
    routes = [it for it in rendered(VALUES["production"], more=canary) if it["kind"].endswith("Route")]
    assert len(routes) == 2
    for route in routes:
        shares = {it["name"]: it["weight"] for it in route["spec"]["rules"][0]["backendRefs"]}
        assert shares == {"slipway": 95, "slipway-canary": 5}


def test_a_canary_takes_no_routes_and_repeats_no_alerts_beside_the_release_whose_values_it_has() -> None:
    """Two Ingresses of one host are refused; alerts and dashboards are those of all releases."""
    mine = [VALUES["production"], VALUES["adapter"]]
    gateway = {"gateway.canary": {"service": "slipway-canary", "weight": 5}}
    assert {"Ingress", "HTTPRoute", "PrometheusRule"} <= {it["kind"] for it in rendered(*mine, more=gateway)}
    found = rendered(*mine, VALUES["canary"], release="slipway-canary")
    assert {it["kind"] for it in found} == {
        *("ConfigMap", "Deployment", "NetworkPolicy", "Pod", "PodDisruptionBudget", "Service", "ServiceAccount"),
        "ServiceMonitor",
    }
    assert len([it for it in found if it["kind"] == "ConfigMap"]) == 1


def test_where_only_some_may_ask_the_pod_of_helm_test_still_may() -> None:
    clients = [{"podSelector": {"matchLabels": {"app": "shop"}}}]
    found = rendered(more={"networkPolicy.clients": clients})
    (policy,) = (it["spec"] for it in found if it["kind"] == "NetworkPolicy")
    (test,) = (it["metadata"]["labels"] for it in found if it["kind"] == "Pod")
    peers = policy["ingress"][0]["from"]
    assert clients[0] in peers
    assert any(selects(peer["podSelector"]["matchLabels"], test) for peer in peers)


@each_values
def test_pods_keep_to_the_restricted_level_and_write_only_into_their_volumes(values: str) -> None:
    for spec in pods(values):
        security = spec["securityContext"]
        assert (security["runAsNonRoot"], security["runAsUser"]) == (True, 10001)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        for it in spec["containers"]:
            assert it["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    volumes = {volume["name"]: volume for volume in pod(values)["volumes"]}
    places = {mount["mountPath"]: mount for mount in container(values)["volumeMounts"]}
    variables = {it["name"]: it["value"] for it in container(values)["env"]}
    for place in ("/tmp", variables["SLIPWAY_MODEL_CACHE"]):
        assert "emptyDir" in volumes[places[place]["name"]], f"{place} can be written to"
        assert not places[place].get("readOnly")
    assert {mount["name"] for mount in places.values()} == volumes.keys()
    folder = variables["SLIPWAY_CONFIG"].rpartition("/")[0]
    assert "configMap" in volumes[places[folder]["name"]]


def test_a_cluster_may_choose_users_itself() -> None:
    nobody = {f"security.{name}": None for name in ("runAsUser", "runAsGroup", "fsGroup")}
    (found,) = (it for it in rendered(more=nobody) if it["kind"] == "Deployment")
    security = found["spec"]["template"]["spec"]["securityContext"]
    assert security == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


@each_values
def test_models_come_from_where_the_values_say(values: str) -> None:
    repository = next(it["value"] for it in container(values)["env"] if it["name"] == "SLIPWAY_MODEL_REPOSITORY")
    mounted = {mount["mountPath"]: mount["name"] for mount in container(values)["volumeMounts"]}
    source: Any = [it for it in pod(values)["volumes"] if it["name"] == mounted.get("/models")]
    expected: dict[str, Any] = {
        "s3": "s3://team-models/production",
        "volume": [{"name": "models", "persistentVolumeClaim": {"claimName": "models", "readOnly": True}}],
        "canary": [
            {
                "name": "models",
                "image": {"reference": "registry.example.com/team/models:2026-11-26", "pullPolicy": "IfNotPresent"},
            }
        ],
    }
    assert (source or repository) == expected.get(values, "/models")


def test_a_new_configuration_replaces_the_pods() -> None:
    def checksum(**config: Any) -> str:
        (found,) = (it for it in rendered(more={"config": config}) if it["kind"] == "Deployment")
        return str(found["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum() != checksum(strict_readiness=True)


def test_alerts_and_dashboards_are_those_of_the_monitoring_folder() -> None:
    (rule,) = of_kind("production", "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    (boards,) = (it for it in of_kind("production", "ConfigMap") if "slipway.json" in it["data"])
    assert boards["data"]["slipway.json"].strip() == (MONITORING / "dashboard.json").read_text().strip()


@each_values
def test_alerts_know_the_jobs_that_are_scraped(values: str) -> None:
    for monitor in of_kind(values, "PodMonitor", "ServiceMonitor"):
        (scraped,) = monitor["spec"].get("podMetricsEndpoints") or monitor["spec"]["endpoints"]
        (job,) = scraped["relabelings"]
        assert job == {"targetLabel": "job", "replacement": "slipway/models/slipway"}


def test_a_release_whose_name_has_dots_gets_names_that_services_may_have() -> None:
    found = rendered(release="models.v2", more={"nameOverride": "server"})
    assert {it["metadata"]["name"] for it in found if it["kind"] == "Service"} == {
        "models-v2-server",
        "models-v2-server-headless",
    }


def test_names_stay_apart_and_short_enough_for_all_that_is_put_behind_them() -> None:
    found = rendered(release="a" * 53, more={"autoscaling.enabled": True, "autoscaling.kind": "keda"})
    names = {(it["kind"], it["metadata"]["name"]) for it in found}
    (name,) = (name for kind, name in names if kind == "Deployment")
    assert len(name) + len("-0123456789-") <= 58, "a pod's name keeps all of it"
    assert len(names) == len(found)
    (scaled,) = (it for it in found if it["kind"] == "ScaledObject")
    pattern = re.findall(r'pod=~"([^"]+)"', scaled["spec"]["triggers"][0]["metadata"]["query"])[0]
    assert re.fullmatch(pattern, f"{name}-7d9f8b6c5d-x2x4z")
    assert not re.fullmatch(pattern, f"{name}-canary-7d9f8b6c5d-x2x4z")
