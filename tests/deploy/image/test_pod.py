"""The chart's pod, as helm writes it, played by podman, which has neither probes nor preStop: those are not claimed."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.check.chart import rendered
from deploy.check.programs import program
from tests.deploy.image.client import ROWS
from tests.deploy.image.containers import Container
from tests.deploy.image.programs import run, said

NAME = "image-test"


@pytest.fixture(scope="module")
def manifests(image: str, models: Path) -> list[dict[str, Any]]:
    """The deployment's pod and what it mounts."""
    if program("helm") is None:
        pytest.skip("helm is not installed: make deploy-tools")
    repository, tag = said("podman", "image", "inspect", "--format={{index .RepoTags 0}}", image).rsplit(":", 1)
    values = {
        "image": {"repository": repository, "tag": tag},
        "extraVolumes": [{"name": "tiny", "hostPath": {"path": str(models)}}],
        "extraVolumeMounts": [{"name": "tiny", "mountPath": "/models", "readOnly": True}],
    }
    all_of_them = rendered(release=NAME, more=values)
    (deployment,) = (it for it in all_of_them if it["kind"] == "Deployment")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": deployment["spec"]["template"]["spec"],
    }
    return [*(it for it in all_of_them if it["kind"] == "ConfigMap"), pod]


@pytest.fixture(scope="module")
def pod(manifests: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    played = deepcopy(manifests)
    del played[-1]["spec"]["containers"][0]["ports"]  # names for others, which podman would publish
    file = tmp_path_factory.mktemp("pod") / "pod.yaml"
    file.write_text(yaml.safe_dump_all(played))
    run("podman", "play", "kube", "--network=none", str(file))
    container = Container(f"{NAME}-slipway")
    try:
        assert container.ask("ready") is True, container.log()
        yield container
    finally:
        run("podman", "play", "kube", "--down", str(file), check=False)
        volumes = [it["metadata"]["name"] for it in manifests if it["kind"] == "ConfigMap"]
        run("podman", "volume", "rm", "--force", *volumes, check=False)


def test_the_pod_serves_without_rights(pod: Container) -> None:
    status = dict(line.split(":\t", 1) for line in pod.exec("cat", "/proc/1/status").splitlines())
    assert (status["Uid"].split()[0], status["CapEff"], status["NoNewPrivs"]) == ("10001", "0" * 16, "1")
    assert pod.ask("http") == pod.ask("grpc") == (2 * ROWS).tolist()


def test_each_of_the_pod_s_probes_holds(pod: Container, manifests: list[dict[str, Any]]) -> None:
    (container,) = manifests[-1]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        url = f"http://127.0.0.1:{ports[asked['port']]}{asked['path']}"
        assert pod.exec("python", "-c", f"import urllib.request as r; print(r.urlopen({url!r}).status)") == "200"


def test_stopping_the_pod_drains_it_within_its_grace(pod: Container, manifests: list[dict[str, Any]]) -> None:
    client = pod.asking("slow")
    assert client.stdout is not None
    assert client.stdout.readline() == "sent\n"
    run("podman", "pod", "stop", f"--time={manifests[-1]['spec']['terminationGracePeriodSeconds']}", NAME)
    assert client.communicate(timeout=60)[0] == "200\n"
    assert pod.state()["ExitCode"] == 0, pod.log()
