"""What serves is in the image, and nothing else; it needs no rights, no network and no place to write but /tmp."""

import json
import re
import signal
from pathlib import Path

import pytest

from serving import __version__
from tests.deploy.image import images
from tests.deploy.image.client import ROWS
from tests.deploy.image.containers import Container, ended, mounted, started
from tests.deploy.image.programs import run
from tests.running_server import until

DISTRIBUTIONS = """
import json
from importlib.metadata import distributions
print(json.dumps([[each.name, each.version] for each in distributions(path=["LIBRARY"])]))
"""
NOT_FOR_SERVING = ("pip", "ensurepip", "training", "loadtests", "torch", "setuptools", "hatchling")


def test_it_serves_over_http(server: Container) -> None:
    assert server.ask("http") == (2 * ROWS).tolist()


def test_it_serves_over_grpc(server: Container) -> None:
    assert server.ask("grpc") == (2 * ROWS).tolist()


def test_its_metrics_are_scraped(server: Container) -> None:
    server.ask("http")
    samples = server.ask("metrics")
    assert re.search(r'^nv_inference_request_success\{model="double",version="1"\} [1-9]', samples, re.M)


def test_a_model_written_in_python_runs_in_it(server: Container) -> None:
    client = server.asking("slow")
    out, err = client.communicate(timeout=60)
    assert out.split() == ["sent", "200"], err


def test_the_server_is_process_1_of_user_10001_without_capabilities_or_new_privileges(server: Container) -> None:
    status = dict(line.split(":\t", 1) for line in server.exec("cat", "/proc/1/status").splitlines())
    assert status["Uid"].split() == ["10001"] * 4
    assert (status["CapEff"], status["CapBnd"], status["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
    assert server.exec("cat", "/proc/1/cmdline").split("\0")[1:3] == ["/opt/slipway/bin/slipway", "serve"]


def test_its_root_can_not_be_written(server: Container) -> None:
    code = "open('/opt/slipway/x', 'w')"
    done = run("podman", "exec", "--user=0", server.name, "python", "-c", code, check=False)
    assert "Read-only file system" in done.stderr


def test_docker_s_health_check_holds_without_a_shell(server: Container, image: str) -> None:
    assert images.inspected(image)["Healthcheck"]["Test"][:2] == ["CMD", "python"]
    assert run("podman", "healthcheck", "run", server.name, check=False).returncode == 0


def test_the_health_check_says_no_where_no_server_answers(server: Container, image: str) -> None:
    _, *command = images.inspected(image)["Healthcheck"]["Test"]
    done = run("podman", "exec", "--env=SLIPWAY_HTTP_PORT=1", server.name, *command, check=False)
    assert done.returncode == 1, done.stdout


def test_nothing_but_what_serves_is_in_it(server: Container) -> None:
    code = f"from importlib.util import find_spec; print([it for it in {NOT_FOR_SERVING!r} if find_spec(it)])"
    assert server.exec("python", "-c", code) == "[]"
    programs = "import shutil; print([it for it in 'pip pip3 uv gcc cc c++ ld as make'.split() if shutil.which(it)])"
    assert server.exec("python", "-c", programs) == "[]"


@pytest.mark.parametrize("command", ["train --missing", "loadtest http://localhost:8000", "import --help"])
def test_a_command_that_is_not_in_it_says_what_has_it(server: Container, command: str) -> None:
    done = run("podman", "exec", server.name, "slipway", *command.split(), check=False)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("slipway"))
    assert (done.returncode, "is not in this installation" in line, "the image 'training'" in line) == (2, True, True)


def test_every_installed_distribution_is_in_the_list_of_parts(server: Container) -> None:
    library = server.exec("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
    installed = json.loads(server.exec("python", "-c", DISTRIBUTIONS.replace("LIBRARY", library)))
    parts = json.loads(server.exec("cat", "/opt/slipway/sbom.cdx.json"))
    listed = {(part["name"], part["version"]) for part in parts["components"]}
    assert parts["bomFormat"] == "CycloneDX"
    assert {tuple(it) for it in installed} == listed
    assert ("slipway-serving", __version__) in listed
    assert all(
        part["purl"].startswith("pkg:pypi/") for part in parts["components"] if part["name"] != "slipway-serving"
    )


def test_it_is_labelled_as_it_was_told(image: str) -> None:
    labels = images.inspected(image)["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert {key: labels[prefix + key.lower()] for key in images.LABELS} == images.LABELS


def test_what_it_runs_and_how_it_is_stopped(image: str) -> None:
    config = images.inspected(image)["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("10001:10001", ["slipway"], ["serve"])
    assert config["StopSignal"] == "SIGTERM"
    assert set(config["ExposedPorts"]) == {"8000/tcp", "8001/tcp", "8002/tcp"}


def test_stopping_answers_what_runs_and_ends_with_0(image: str, models: Path) -> None:
    with started(image, options=mounted(models)) as container:
        assert container.ask("ready") is True
        client = container.asking("slow")
        assert client.stdout is not None
        assert client.stdout.readline() == "sent\n"
        assert container.stop() == 0
        assert client.communicate(timeout=60)[0] == "200\n"
        assert "every accepted request was answered" in container.log()


def test_stopping_it_while_it_starts_needs_no_grace(image: str, models: Path) -> None:
    with started(image, options=mounted(models)) as container:
        until(lambda: container.listens_to(signal.SIGTERM))
        assert "is at http://" not in container.log()
        assert container.stop() in (0, 143)


def test_a_user_that_a_cluster_chose_can_run_it(image: str, models: Path) -> None:
    with started(image, options=(*mounted(models), "--user=1234567:0")) as container:
        assert container.ask("ready") is True, container.log()
        assert container.ask("http") == (2 * ROWS).tolist()
        assert container.stop() == 0


def test_a_repository_that_is_not_there_is_one_line_and_exit_code_3(image: str) -> None:
    done = ended(image, options=("--env=SLIPWAY_MODEL_REPOSITORY=/elsewhere",))
    assert done.returncode == 3, done.stderr
    assert "/elsewhere does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_repository_that_can_not_be_read_is_one_line_and_exit_code_3(image: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    done = ended(image, options=mounted(tmp_path))
    assert done.returncode == 3, done.stderr
    assert "/models can't be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_file_that_can_not_be_written_is_one_line_and_exit_code_7(image: str, models: Path) -> None:
    done = ended(image, options=(*mounted(models), "--env=SLIPWAY_STATE_FILE=/state.json"))
    assert done.returncode == 7, done.stderr
    assert "/state.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_gpu_where_one_is_demanded_is_one_line_and_exit_code_6(image: str, models: Path) -> None:
    done = ended(image, "serve", "--require-gpu", options=mounted(models))
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr


def test_two_builds_from_nothing_are_the_same_to_the_bit(image: str) -> None:
    target = image.rpartition(":")[2]
    again = images.build(target, "--no-cache", tag=f"{target}-again")
    assert images.inspected(again)["RootFS"]["Layers"] == images.inspected(image)["RootFS"]["Layers"]
