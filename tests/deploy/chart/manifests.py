"""Every shipped file of values as what a cluster would get, rendered once."""

from functools import cache
from typing import Any

import pytest

from deploy.check.chart import VALUES, Manifest, rendered
from deploy.check.programs import program

needs_helm = pytest.mark.skipif(program("helm") is None, reason="helm is not installed: make deploy-tools")
each_values = pytest.mark.parametrize("values", VALUES)

SCALED = {"Deployment", "HorizontalPodAutoscaler", "ScaledObject"}


@cache
def manifests(values: str) -> list[Manifest]:
    return rendered(VALUES[values])


def of_kind(values: str, *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests(values) if manifest["kind"] in kinds]


def deployment(values: str) -> Manifest:
    (found,) = of_kind(values, "Deployment")
    return found


def pod(values: str) -> dict[str, Any]:
    spec: dict[str, Any] = deployment(values)["spec"]["template"]["spec"]
    return spec


def pods(values: str) -> list[dict[str, Any]]:
    """The server's and the one of `helm test`."""
    return [pod(values), *(manifest["spec"] for manifest in of_kind(values, "Pod"))]


def container(values: str) -> dict[str, Any]:
    (found,) = pod(values)["containers"]
    return dict(found)


def configuration(values: str) -> str:
    """The file that the server reads."""
    (text,) = (it["data"]["slipway.toml"] for it in of_kind(values, "ConfigMap") if "slipway.toml" in it["data"])
    return str(text)
