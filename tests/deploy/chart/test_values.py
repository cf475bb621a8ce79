"""Wrong values are refused before anything reaches a cluster, by name and with what was expected."""

import json
import re
import shlex
import subprocess
from typing import Any

import pytest
import yaml

from deploy.check.chart import CHART, Refused, rendered
from deploy.check.programs import ROOT, program
from loadtests.replicas import Assumptions, Replicas
from loadtests.replicas import values as planned_values
from serving import __version__
from serving.commands.serve_options import KINDS
from tests.deploy.chart.manifests import needs_helm

pytestmark = needs_helm

DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())

WRONG_KINDS = {
    "replicas": ("two", "got string, want integer"),
    "image.pullPolicy": ("Sometimes", "value must be one of 'Always', 'IfNotPresent', 'Never'"),
    "image.digest": ("latest", "does not match pattern"),
    "ports.http": (70000, "maximum: got 70,000, want 65,535"),
    "repository.source": ("s3", "value must be one of 'baked', 'pvc', 'remote', 'image'"),
    "repository.remote.addresses": (["bucket/models"], "does not match pattern"),
    "resources.limits.memory": ("2Gb", "does not match pattern"),
    "gpu.count": (-1, "minimum: got -1, want 0"),
    "drain.shutdownTimeoutSeconds": (0, "minimum: got 0, want 1"),
    "probes.liveness.period": (5, "additional properties 'period' not allowed"),
    "podDisruptionBudget.maxUnavailable": ("half", "does not match pattern"),
    "drain.lameDuckSeconds": (None, "missing property 'lameDuckSeconds'"),
    "config.http_worker": (2, "additional properties 'http_worker' not allowed"),
    "config.http_workers": ("two", "got string, want integer"),
    "config.trace_config": ({"rate": 1}, "got object, want array"),
    "env": ([{"value": "1"}], "missing property 'name'"),
    "autoscaling.kind": ("both", "value must be one of 'hpa', 'keda'"),
    "autoscaling.requestsInFlightPerReplica": (0, "exclusiveMinimum"),
    "autoscaling.window": ("1 minute", "does not match pattern"),
    "monitoring.interval": (15, "got number, want string"),
    "networkPolicy.objectStorePorts": (["https"], "got string, want integer"),
    "ingress.paths": (["v2"], "does not match pattern"),
    "gateway.canary.weight": (101, "maximum: got 101, want 100"),
    "replicaCount": (3, "additional properties 'replicaCount' not allowed"),
}
"""Each value, wrong, and what is said of it."""

WRONG_TOGETHER: list[tuple[dict[str, Any], str]] = [
    ({"autoscaling.minReplicas": 11}, "autoscaling: minReplicas (11) must be at most maxReplicas (10)"),
    (
        {"autoscaling.enabled": True, "autoscaling.requestsInFlightPerReplica": None},
        "autoscaling: give at least one of requestsInFlightPerReplica",
    ),
    (
        {"autoscaling.enabled": True, "autoscaling.window": "30s"},
        "autoscaling.window: 30s is shorter than 4 times monitoring.interval (15s)",
    ),
    ({"repository.source": "pvc"}, "repository.pvc.claimName: source `pvc` needs the name of a PersistentVolumeClaim"),
    ({"repository.source": "remote"}, "repository.remote.addresses: source `remote` needs at least one address"),
    ({"repository.source": "image"}, "repository.image.reference: source `image` needs an image"),
    ({"config.http_port": 9000}, "config.http_port: set `ports.http` instead"),
    ({"config.shutdown_timeout": 60}, "config.shutdown_timeout: set `drain.shutdownTimeoutSeconds` instead"),
    ({"config.api_key": ["k"]}, "config.api_key: set `apiKeys.secretName` instead"),
    ({"config.ssl_ca_certs": "/ca.pem"}, "config.ssl_ca_certs: Kubernetes' probes have no certificate to show"),
    ({"env": [{"name": "SLIPWAY_LAME_DUCK_SECS", "value": "1"}]}, "env: set `drain.lameDuckSeconds` instead"),
    (
        {"config.state_file": "/data/state.json"},
        "config.state_file: /data/state.json is on the read-only root; name a file below /tmp/ or /var/cache/slipway/",
    ),
    ({"ports.metrics": 8000}, "ports: http, grpc and metrics must differ"),
    ({"strategy": {"maxSurge": 0, "maxUnavailable": "0%"}}, "strategy: maxSurge and maxUnavailable can't both be 0"),
    ({"ingress.enabled": True}, "ingress.host: an enabled ingress needs a host"),
    ({"gateway.enabled": True}, "gateway.parentRefs: an enabled route needs a Gateway"),
    ({"gateway.canary.weight": 5}, "gateway.canary.service: a weight needs the name of the other release's Service"),
    ({"gateway.canary.service": "slipway"}, "gateway.canary.service: that is this release's own Service"),
]


def test_the_schema_refuses_wrong_kinds_of_values_all_at_once() -> None:
    with pytest.raises(Refused) as refused:
        rendered(more={place: value for place, (value, _) in WRONG_KINDS.items()})
    lines = str(refused.value).splitlines()
    for place, (_, said) in WRONG_KINDS.items():
        parent = "/" + place.rpartition(".")[0].replace(".", "/")
        own = "/" + place.replace(".", "/")
        about = [line for line in lines if re.search(rf"at '({own}(/\d+)?|{parent.rstrip('/')}|)'", line)]
        assert any(said in line for line in about), f"{place}: {said}\n" + "\n".join(lines)


@pytest.mark.parametrize(("wrong", "said"), WRONG_TOGETHER, ids=lambda it: it if isinstance(it, str) else "")
def test_values_that_contradict_one_another_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=re.escape(said)):
        rendered(more=wrong)


def test_a_release_whose_name_no_service_may_have_is_refused_with_what_helps() -> None:
    with pytest.raises(Refused, match=re.escape("fullnameOverride: a Service's name begins with a letter, and 2nd-")):
        rendered(release="2nd")
    assert rendered(release="2nd", more={"fullnameOverride": "second"})


def test_variables_that_are_not_the_servers_may_have_any_name() -> None:
    assert rendered(more={"env": [{"name": "HOST", "value": "x"}, {"name": "CONFIG", "value": "y"}]})


def test_files_may_be_written_on_volumes_of_ones_own() -> None:
    volume = {"extraVolumes": [{"name": "data", "emptyDir": {}}]}
    mount = {"extraVolumeMounts": [{"name": "data", "mountPath": "/data"}]}
    assert rendered(more={**volume, **mount, "config.state_file": "/data/state.json"})


def test_an_image_as_a_volume_needs_a_cluster_that_has_them() -> None:
    source = {"repository.source": "image", "repository.image.reference": "models:1"}
    with pytest.raises(Refused, match=r"needs Kubernetes 1\.33 or newer, and this is v1\.32; use `pvc`"):
        rendered(kubernetes="1.32", more=source)
    assert rendered(kubernetes="1.33", more=source)


def test_every_value_is_in_the_schema_and_every_name_of_the_schema_has_a_default() -> None:
    def names(schema: dict[str, Any], at: str = "") -> set[str]:
        if "$ref" in schema:
            schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
        inner = schema.get("properties", {}) if schema.get("type") == "object" else {}
        below = {name for key, it in inner.items() for name in names(it, f"{at}.{key}")}
        return below or {at}

    def given(value: Any, at: str = "") -> set[str]:
        if isinstance(value, dict) and value:
            return {name for key, it in value.items() for name in given(it, f"{at}.{key}")}
        return {at}

    of_any_key = {".ingress.grpcAnnotations", ".monitoring.dashboardLabels"}
    defaults = {name for name in given(DEFAULTS) if not any(name.startswith(f"{it}.") for it in of_any_key)}
    wanted = {re.sub(r"^\.config\..*", ".config", name) for name in names(SCHEMA)} - {".global"}
    assert {re.sub(r"^(\.resources\.\w+)\..*", r"\1", name) for name in defaults} == wanted - of_any_key


def test_options_of_the_server_are_in_the_schema_with_their_kinds() -> None:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    found = {name: it["type"] for name, it in SCHEMA["properties"]["config"]["properties"].items()}
    assert found == {name: kinds[kind] for name, kind in KINDS.items()}


def test_what_a_load_test_recommends_can_be_pasted() -> None:
    plan = Replicas(
        wanted=5000,
        capacity=400,
        replicas=16,
        in_flight=3.71,
        rate=280.5,
        cpu="2200m",
        memory="896Mi",
        assumptions=Assumptions(),
    )
    pasted = planned_values(plan)
    found = rendered(more={**pasted, "autoscaling": {**pasted["autoscaling"], "enabled": True}})
    (scaled,) = (it["spec"] for it in found if it["kind"] == "HorizontalPodAutoscaler")
    assert (scaled["minReplicas"], scaled["maxReplicas"]) == (4, 32)
    assert [it["pods"]["target"]["averageValue"] for it in scaled["metrics"]] == ["3.71", "280.5"]


def test_the_chart_is_of_the_servers_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_commands_of_the_documentation_name_values_and_files_that_there_are() -> None:
    helm = program("helm")
    assert helm
    for page in ("README.md", "docs/kubernetes.md", "docs/observability.md"):
        text = (ROOT / page).read_text().replace("\\\n", " ")
        commands = re.findall(r"helm (?:install|upgrade|template) ([^`|>\n]*deploy/helm[^`|>\n]*)", text)
        assert commands, page
        for command in commands:
            words = shlex.split(command.replace("-f mine.yaml", "").replace("--wait", ""), comments=True)
            words = [word for word in words if word not in {"--create-namespace", "--install"}]
            done = subprocess.run([helm, "template", *words], cwd=ROOT, capture_output=True, text=True)
            refused = "replicas=two" in command
            assert bool(done.returncode) is refused, f"{page}: {command}\n{done.stderr}"
