"""A Ray cluster of one small node, with what `deploy/ray/serve.yaml` asks for."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from tests.running_server import until
from tests.serving.test_server import free_port

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy" / "ray"
PATIENCE = 120  # seconds; Ray is some ten processes
WORKERS = range(20500, 20700)  # for which Ray takes no free ports of the system's choice


@dataclass(frozen=True)
class Cluster:
    programs: Path
    environment: dict[str, str]
    config: Path
    http_port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.http_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def run(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.programs / program, *arguments],
            env={**self.environment, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def deploy(self, **arguments: Any) -> None:
        """What was deployed, with other arguments of the app."""
        config = yaml.safe_load(self.config.read_text())
        config["applications"][0]["args"].update(arguments)
        self.config.write_text(yaml.safe_dump(config))
        deployed = self.run("serve", "run", "--non-blocking", str(self.config))
        assert deployed.returncode == 0, deployed.stderr

    def replicas(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _is_replica(process)]

    def is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/v2/health/ready").status_code == 200
        return False


def serve_config(repository: Path, http_port: int, **deployment: Any) -> dict[str, Any]:
    """What is shipped, but small: half a processor for each of two replicas, and bounds that a test can reach."""
    config: dict[str, Any] = yaml.safe_load((DEPLOY / "serve.yaml").read_text())
    config["http_options"]["port"] = http_port
    (application,) = config["applications"]
    application["args"]["model_repository"] = str(repository)
    application["args"]["auto_tune_secs"] = 0
    (slipway,) = application["deployments"]
    slipway["autoscaling_config"]["max_replicas"] = 2
    slipway["ray_actor_options"]["num_cpus"] = 0.5
    slipway.update(deployment)
    return config


def shipped_environment() -> dict[str, str]:
    cluster = yaml.safe_load((DEPLOY / "rayservice.yaml").read_text())["spec"]["rayClusterConfig"]
    (head,) = cluster["headGroupSpec"]["template"]["spec"]["containers"]
    return {variable["name"]: variable["value"] for variable in head["env"]}


@contextmanager
def small_cluster(programs: Path, folder: Path, config: dict[str, Any]) -> Iterator[Cluster]:
    gcs = free_port()
    environment = {
        **os.environ,
        **shipped_environment(),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}:{DEPLOY}",
        "RAY_ADDRESS": f"127.0.0.1:{gcs}",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": "a-token-of-enough-letters-for-this-test",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    written = folder / "serve.yaml"
    written.write_text(yaml.safe_dump(config))
    cluster = Cluster(programs, environment, written, config["http_options"]["port"])
    with (folder / "ray.log").open("w") as log:
        node = subprocess.Popen(
            [
                *(programs / "ray", "start", "--head", "--block", "--num-cpus=2", "--object-store-memory=100000000"),
                *("--include-dashboard=false", f"--port={gcs}"),
                *(f"--min-worker-port={WORKERS.start}", f"--max-worker-port={WORKERS.stop}"),
            ],
            env={name: value for name, value in environment.items() if name != "RAY_ADDRESS"},
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until(lambda: "Ray runtime started" in (folder / "ray.log").read_text(), "Ray did not start", PATIENCE)
        cluster.deploy()
        until(lambda: cluster.is_ready() and len(cluster.replicas()) == 2, "no two replicas came up", PATIENCE)
        yield cluster
    finally:
        _kill_session(node.pid)
        node.wait()


def _kill_session(leader: int) -> None:
    """Ray gives each of its processes a group of its own."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader:
                process.kill()


def _is_replica(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.cmdline()[:1] != [] and process.cmdline()[0].startswith("ray::ServeReplica:slipway:Slipway")
    return False
