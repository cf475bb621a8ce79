"""What KServe makes of the runtime and the examples is something that our server runs, and the cluster keeps apart."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import typer
import yaml
from tritonclient.http import InferenceServerClient, InferInput

from serving import __version__
from serving.cli import app
from tests import tiny_models
from tests.deploy.crd_schemas import faults

FOLDER = Path(__file__).parents[3] / "deploy" / "kserve"
RUNTIME: dict[str, Any] = yaml.safe_load((FOLDER / "runtime" / "runtime.yaml").read_text())
(CONTAINER,) = RUNTIME["spec"]["containers"]
EXAMPLES = {path.stem: yaml.safe_load(path.read_text()) for path in (FOLDER / "examples").glob("*.yaml")}
PREDICTORS = {
    (name, number): predictor
    for name, example in EXAMPLES.items()
    for number, predictor in enumerate(
        [example["spec"]["predictor"], *(canary["predictor"] for canary in example["spec"].get("canary", []))]
    )
}
GRACE = 30  # seconds that KServe's pods have unless an InferenceService says otherwise
SLACK = 5  # between the server's own end and the kill


def arguments(predictor: dict[str, Any] | None = None, name: str = "digits") -> list[str]:
    """As KServe puts them together: the runtime's, then the service's, with its name filled in."""
    own = (predictor or {"model": {}})["model"].get("args", [])
    return [argument.replace("{{.Name}}", name) for argument in [*CONTAINER["args"], *own]]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What our own command line makes of them; fails where it refuses."""
    group: Any = typer.main.get_command(app)
    name, command, rest = group.resolve_command(group.context_class(group), arguments)
    with command.make_context(name, rest) as context:
        return dict(context.params)


@pytest.mark.parametrize("resource", [RUNTIME, *EXAMPLES.values()], ids=["runtime", *EXAMPLES])
def test_every_field_is_one_that_kserve_has(resource: dict[str, Any]) -> None:
    assert faults(resource) == []


def test_a_field_that_kserve_lacks_is_found() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(EXAMPLES["gpu"]))
    wrong["spec"]["predictor"]["model"]["storageURI"] = "s3://models"
    assert faults(wrong) != []


@pytest.mark.parametrize("which", PREDICTORS)
def test_our_command_takes_the_arguments_and_there_is_time_to_drain(which: tuple[str, int]) -> None:
    predictor = PREDICTORS[which]
    chosen = parsed(arguments(predictor))
    drain = chosen["lame_duck_secs"] + chosen["shutdown_timeout"]
    assert drain + SLACK < predictor.get("terminationGracePeriodSeconds", GRACE)


@pytest.mark.parametrize("which", PREDICTORS)
def test_the_runtime_takes_the_format_and_the_protocol(which: tuple[str, int]) -> None:
    model = PREDICTORS[which]["model"]
    assert model["runtime"] == RUNTIME["metadata"]["name"]
    assert model["modelFormat"]["name"] in [known["name"] for known in RUNTIME["spec"]["supportedModelFormats"]]
    assert model["protocolVersion"] in RUNTIME["spec"]["protocolVersions"]


def test_ports_are_those_that_the_server_is_given() -> None:
    chosen = parsed(arguments())
    assert {CONTAINER[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")} == {
        chosen["http_port"]
    }
    assert RUNTIME["spec"]["annotations"]["prometheus.kserve.io/port"] == str(chosen["metrics_port"])
    (port,) = EXAMPLES["grpc"]["spec"]["predictor"]["model"]["ports"]
    assert port["containerPort"] == chosen["grpc_port"]
    assert chosen["http_port"] == 8080, "which KServe assumes of a container that names no port"


def test_the_pod_is_restricted_and_can_write_where_the_server_does() -> None:
    security = CONTAINER["securityContext"]
    assert security["runAsNonRoot"]
    assert security["readOnlyRootFilesystem"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    writable = {mount["name"]: mount["mountPath"] for mount in CONTAINER["volumeMounts"]}
    assert {volume["name"] for volume in RUNTIME["spec"]["volumes"] if "emptyDir" in volume} == set(writable)
    (cache,) = [variable["value"] for variable in CONTAINER["env"] if variable["name"] == "SLIPWAY_MODEL_CACHE"]
    assert {"/tmp", cache} <= set(writable.values())


def test_requests_are_within_limits_and_a_gpu_is_both() -> None:
    for resources in (CONTAINER["resources"], EXAMPLES["gpu"]["spec"]["predictor"]["model"]["resources"]):
        limits, requests = resources["limits"], resources["requests"]
        assert all(limits[name] == requests[name] for name in limits)
    assert "--require-gpu" in arguments(PREDICTORS["gpu", 0])


def test_the_image_is_this_version() -> None:
    assert CONTAINER["image"] == f"slipway:{__version__}"
    assert EXAMPLES["gpu"]["spec"]["predictor"]["model"]["runtimeVersion"] == f"{__version__}-gpu"


def test_canaries_are_what_kserve_accepts() -> None:
    """Its webhook checks more than its schema does."""
    spec = EXAMPLES["canary"]["spec"]
    names = [spec["predictor"]["name"], *(canary["predictor"]["name"] for canary in spec["canary"])]
    assert len(set(names)) == len(names)
    assert sum(canary["trafficPercent"] for canary in spec["canary"]) <= 100
    for canary in spec["canary"]:
        assert not {"maxReplicas", "scaleTarget", "scaleMetric", "autoScaling"} & set(canary["predictor"])
    assert EXAMPLES["canary"]["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Standard"


def test_the_runtimes_command_serves_a_models_folder_under_the_services_name(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    models = tmp_path / "mnt" / "models"
    shutil.copytree(tmp_path / "double" / "1", models)  # as a storageUri that ends in the version

    own = {"/mnt/models": str(models), "--host=0.0.0.0": "--host=127.0.0.1"}
    command = [own.get(argument, argument) for argument in arguments(name="digits")]
    command = [re.sub(r"^(--\w+-port)=\d+$", r"\1=0", argument) for argument in command]
    with served(command) as (url, metrics):
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert httpx.get(url + CONTAINER[probe]["httpGet"]["path"]).status_code == 200
        assert httpx.get(f"{url}/v2/models/digits/ready").status_code == 200
        client = InferenceServerClient(url.removeprefix("http://"))
        x = InferInput("x", [1, 4], "FP32").set_data_from_numpy(tiny_models.ROW)
        np.testing.assert_array_equal(client.infer("digits", [x]).as_numpy("y"), 2 * tiny_models.ROW)
        assert metrics.endswith(RUNTIME["spec"]["annotations"]["prometheus.kserve.io/path"])
        exposed = set(re.findall(r"^\w+", httpx.get(metrics).text, re.MULTILINE))
        assert {"nv_inference_count", *re.findall(r"rate\((\w+)", query())} <= exposed


def query() -> str:
    (metric,) = EXAMPLES["gpu"]["spec"]["predictor"]["autoScaling"]["metrics"]
    return str(metric["external"]["metric"]["query"])


@contextmanager
def served(command: list[str]) -> Iterator[tuple[str, str]]:
    """The addresses of its HTTP and its metrics."""
    of_image = {"SLIPWAY_MODEL_REPOSITORY": "/models", "SLIPWAY_HOST": "0.0.0.0"}  # which the arguments come before
    everything = {**os.environ, **of_image}
    own = [sys.executable, "-m", "serving", *command]
    with subprocess.Popen(own, env=everything, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            said = ""
            while "Ctrl-C" not in said:
                line = process.stdout.readline()
                assert line, f"the server ended: {said}"
                said += line
            yield re.findall(r"is at (\S+)", said)[0], re.findall(r"metrics +(\S+)", said)[0]
        finally:
            process.kill()
