"""The chart, rendered by helm as a cluster of some version would get it. Rule: nothing is asked of a cluster."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.check.programs import ROOT, program

CHART = ROOT / "deploy" / "helm" / "slipway"
EXAMPLES = ROOT / "deploy" / "helm" / "examples"

Manifest = dict[str, Any]

VALUES: dict[str, Path | None] = {
    "defaults": None,
    "gpu": CHART / "values-gpu.yaml",
    **{path.stem: path for path in sorted(EXAMPLES.glob("*.yaml"))},
}
"""By its name, each file of values that is shipped."""


class Refused(Exception):
    """In helm's words."""


def rendered(
    *values: Path | None,
    kubernetes: str | None = None,
    release: str = "slipway",
    more: Mapping[str, Any] | None = None,
    namespace: str = "models",
) -> list[Manifest]:
    """Each of `values` over the one before; `more` are values by path, as `drain.preStopSeconds`. Raises `Refused`."""
    helm = program("helm")
    assert helm is not None, "make deploy-tools"
    command = [helm, "template", release, str(CHART), "--namespace", namespace]
    command += [f"--values={file}" for file in values if file]
    command += ["--kube-version", kubernetes] if kubernetes else []
    for path, value in (more or {}).items():
        command += ["--set-json", f"{path}={json.dumps(value)}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Refused(done.stderr)
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
