"""What the cluster is asked to run is what the command line takes."""

from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from torch.distributed.run import get_args_parser

from training.cli import app

FOLDER = Path(__file__).parents[2] / "deploy" / "training"


def documents(name: str) -> dict[str, Any]:
    return {found["kind"]: found["spec"] for found in yaml.safe_load_all((FOLDER / name).read_text())}


def trainjob() -> tuple[dict[str, Any], list[str], int]:
    found = documents("trainjob.yaml")
    job, runtime = found["TrainJob"], found["TrainingRuntime"]
    assert runtime["mlPolicy"]["numNodes"] == job["trainer"]["numNodes"]
    (node,) = runtime["template"]["spec"]["replicatedJobs"]
    return node["template"]["spec"]["template"]["spec"], job["trainer"]["command"] + job["trainer"]["args"], 2


def pytorchjob() -> tuple[dict[str, Any], list[str], int]:
    job = documents("pytorchjob.yaml")["PyTorchJob"]
    worker = job["pytorchReplicaSpecs"]["Worker"]
    assert job["elasticPolicy"]["minReplicas"] == worker["replicas"]
    (container,) = worker["template"]["spec"]["containers"]
    return worker["template"]["spec"], container["command"] + container["args"], worker["replicas"]


@pytest.mark.parametrize("job", [trainjob, pytorchjob])
def test_torchrun_and_our_command_line_take_the_command(job: Any) -> None:
    _, command, nodes = job()
    assert command[0] == "torchrun"
    torchrun = get_args_parser().parse_args(command[1:])
    assert (torchrun.module, torchrun.training_script, nodes) == (True, "training", 2)

    group: Any = typer.main.get_command(app)
    name, chosen, rest = group.resolve_command(group.context_class(group), torchrun.training_script_args)
    with chosen.make_context(name, rest) as context:
        assert (name, context.params["name"], context.params["size"]) == ("train", "gpt-docs", "medium")


@pytest.mark.parametrize("job", [trainjob, pytorchjob])
def test_all_that_a_run_goes_on_from_is_in_the_volume_that_nodes_share(job: Any) -> None:
    pod, command, _ = job()
    claim = documents("storage.yaml")["PersistentVolumeClaim"]
    (container,), (volume,) = pod["containers"], pod["volumes"]

    assert claim["accessModes"] == ["ReadWriteMany"]
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": container["workingDir"]}]
    assert volume["persistentVolumeClaim"]["claimName"] == "slipway-training"
    assert not {"--runs", "--checkpoints", "--repository"} & set(command), "which are in the working folder"
