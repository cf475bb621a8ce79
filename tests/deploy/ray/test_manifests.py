"""What is shipped for Ray, as far as it can be told without Ray."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from serving import __version__
from serving.core.autocomplete import DEFAULT_MAX_BATCH_SIZE
from serving.settings import Settings
from tests.deploy.crd_schemas import faults

FOLDER = Path(__file__).parents[3] / "deploy" / "ray"
SERVE: dict[str, Any] = yaml.safe_load((FOLDER / "serve.yaml").read_text())
RAYSERVICE: dict[str, Any] = yaml.safe_load((FOLDER / "rayservice.yaml").read_text())
SPEC = RAYSERVICE["spec"]
CLUSTER = SPEC["rayClusterConfig"]
(APPLICATION,) = SERVE["applications"]
(DEPLOYMENT,) = APPLICATION["deployments"]


def pods() -> list[dict[str, Any]]:
    groups = [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def environment(pod: dict[str, Any]) -> dict[str, str]:
    (container,) = pod["containers"]
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_every_field_is_one_that_kuberay_has() -> None:
    assert faults(RAYSERVICE) == []


def test_kubernetes_and_the_command_line_serve_the_same() -> None:
    assert yaml.safe_load(SPEC["serveConfigV2"]) == SERVE


def test_the_app_is_there_and_takes_its_options() -> None:
    module, name = APPLICATION["import_path"].split(":")
    assert f"def {name}(" in (FOLDER / f"{module}.py").read_text()
    assert {"model_repository"} < set(APPLICATION["args"])
    assert set(APPLICATION["args"]) - {"model_repository"} <= {field.name for field in fields(Settings)}


def test_batches_can_fill_and_queues_are_bounded() -> None:
    assert DEPLOYMENT["max_ongoing_requests"] > 2 * DEFAULT_MAX_BATCH_SIZE
    assert 0 < DEPLOYMENT["max_queued_requests"] < 1000
    scaling = DEPLOYMENT["autoscaling_config"]
    assert DEFAULT_MAX_BATCH_SIZE < scaling["target_ongoing_requests"] < DEPLOYMENT["max_ongoing_requests"]


def test_a_replica_has_the_time_to_drain() -> None:
    draining = float(environment(pods()[1])["RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"])
    grace = DEPLOYMENT["graceful_shutdown_timeout_s"]
    assert draining + APPLICATION["args"]["shutdown_timeout"] < grace < pods()[1]["terminationGracePeriodSeconds"]


def test_the_ingress_is_haproxy_and_nobody_commands_the_cluster_without_a_token() -> None:
    assert CLUSTER["authOptions"] == {"mode": "token"}
    assert all(environment(pod)["RAY_SERVE_ENABLE_HA_PROXY"] == "1" for pod in pods())


def test_replicas_find_their_models_and_fit_their_pods() -> None:
    (worker,) = pods()[1]["containers"]
    assert APPLICATION["args"]["model_repository"] in [mount["mountPath"] for mount in worker["volumeMounts"]]
    cpus = int(worker["resources"]["requests"]["cpu"]) * CLUSTER["workerGroupSpecs"][0]["replicas"]
    assert DEPLOYMENT["autoscaling_config"]["min_replicas"] * DEPLOYMENT["ray_actor_options"]["num_cpus"] <= cpus
    assert CLUSTER["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


def test_all_name_the_same_versions() -> None:
    ray = (FOLDER / "requirements.txt").read_text().strip().removeprefix("ray[serve]==")
    dockerfile = (FOLDER / "Dockerfile").read_text()
    assert CLUSTER["rayVersion"] == ray
    assert f"rayproject/ray:{ray}-" in dockerfile
    for pod in pods():
        assert pod["containers"][0]["image"] == f"slipway-ray:{__version__}"
    assert f"slipway-ray:{__version__}" in dockerfile
