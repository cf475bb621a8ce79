"""A real Prometheus on a free port, and what can be asked of it."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from tests.running_server import until

FOLDER = Path(__file__).parents[1] / "deploy" / "monitoring"
HERE = shutil.which("promtool") and shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(
    not HERE, reason="prometheus and promtool are not installed (Debian and Ubuntu: apt-get install prometheus)"
)


class Prometheus:
    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def numbers(self, query: str) -> list[float]:
        """Of each series that it gives now, without those that are not numbers."""
        found = self._asked("query", query=query)
        rows = [found["result"]] if found["resultType"] == "scalar" else [row["value"] for row in found["result"]]
        return [number for _, text in rows if not isnan(number := float(text))]

    def values(self, label: str, series: str) -> list[str]:
        return list(self._asked(f"label/{label}/values", **{"match[]": series}))

    def names(self) -> set[str]:
        """Of every metric that it has."""
        return set(self._asked("label/__name__/values"))

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._asked("rules")["groups"] for rule in group["rules"]]

    def close(self) -> None:
        self._client.close()

    def _asked(self, path: str, **parameters: str) -> Any:
        reply = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert reply["status"] == "success", (parameters, reply["error"])
        return reply["data"]


@contextmanager
def scraping(folder: Path, *targets: int, labels: Mapping[str, str] | None = None) -> Iterator[Prometheus]:
    """The ports, each second, with the rules and the job of deploy/monitoring; its files are in `folder`. `labels` are
    what else a series is given, as Kubernetes' discovery gives its own."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
    config["scrape_configs"][0]["static_configs"] = [
        {"targets": [f"127.0.0.1:{port}" for port in targets], "labels": dict(labels or {})}
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--log.level=error",
    ]
    with subprocess.Popen(command) as process:
        try:
            until(lambda: _ports(process.pid), "Prometheus listens")
            prometheus = Prometheus(*_ports(process.pid))
            until(prometheus.is_ready, "Prometheus is ready")
            yield prometheus
            prometheus.close()
        finally:
            process.terminate()


def _ports(pid: int) -> list[int]:
    """At which it listens."""
    found = psutil.Process(pid).net_connections("tcp")
    return [each.laddr.port for each in found if each.status == psutil.CONN_LISTEN]


def always(query: str) -> str:
    """Answers 0 or 1 where the query's comparisons would answer nothing or something, so that its data is seen."""
    return re.sub(r"\{[^}]*\}|==|!=|>=|<=|>|<", lambda found: found[0] + " bool" * (found[0][0] != "{"), query)
