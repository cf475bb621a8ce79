"""Kustomize's files say what the chart says."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from deploy.check.chart import VALUES, rendered
from deploy.check.programs import program
from deploy.kustomize import write
from tests.deploy.chart.manifests import needs_helm

OVERLAYS = write.BASE.parent / "overlays"
KUBECTL = program("kubectl")

pytestmark = needs_helm


def built(folder: str) -> list[dict[str, Any]]:
    assert KUBECTL
    text = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=True).stdout
    return list(yaml.safe_load_all(re.sub(r"\bslipway-[a-z0-9]{10}\b", "slipway", text)))  # hashes of configurations


def in_order(value: Any) -> Any:
    """Lists without their order, since kustomize puts what it adds first."""
    if isinstance(value, dict):
        return {key: in_order(it) for key, it in value.items()}
    if isinstance(value, list):
        return sorted(map(in_order, value), key=lambda it: json.dumps(it, sort_keys=True))
    return value


def by_place(manifests: list[dict[str, Any]]) -> dict[str, Any]:
    return {f"{it['kind']} {it['metadata']['name']}": in_order(it) for it in manifests}


def test_the_base_is_what_the_chart_renders_now() -> None:
    assert {path.name: path.read_text() for path in write.BASE.iterdir()} == write.files(), "make deploy-kustomize"


@pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed: make deploy-tools")
@pytest.mark.parametrize("overlay", ["gpu", "volume"])
def test_an_overlay_is_what_the_chart_renders_of_its_values(overlay: str) -> None:
    charts = by_place([write.plain(it) for it in rendered(VALUES[overlay]) if it["kind"] != "Pod"])
    ours = by_place(built(str(OVERLAYS / overlay)))
    del charts["ConfigMap slipway"]["metadata"]["labels"]
    assert ours.keys() == charts.keys()
    for place, chart in charts.items():
        assert ours[place] == chart
