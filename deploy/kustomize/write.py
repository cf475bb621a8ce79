"""Writes `base` from the chart, for those who would rather use kustomize: `make deploy-kustomize`.

Rule: what the chart says of helm stays out; names of configurations, which kustomize makes itself, are left to it.
"""

from pathlib import Path

import yaml

from deploy.check.chart import Manifest, rendered

BASE = Path(__file__).parent / "base"
CONFIGURATION = "slipway.toml"
HELMS_LABELS = ("helm.sh/chart", "app.kubernetes.io/managed-by")
NOTE = "# Written by `make deploy-kustomize` from deploy/helm/slipway; change it in an overlay.\n"


def plain(manifest: Manifest) -> Manifest:
    """Without what helm or a namespace put there."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "namespace"}
    metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key not in HELMS_LABELS}
    manifest = {**manifest, "metadata": metadata}
    if manifest["kind"] == "Deployment":
        manifest["spec"]["template"]["metadata"].pop("annotations")  # the configuration's checksum, and nothing else
    return manifest


def files() -> dict[str, str]:
    """The base by names of files."""
    manifests = [plain(it) for it in rendered() if it["kind"] != "Pod"]
    (configuration,) = (it["data"][CONFIGURATION] for it in manifests if it["kind"] == "ConfigMap")
    written: dict[str, list[Manifest]] = {}
    for it in manifests:
        if it["kind"] != "ConfigMap":
            written.setdefault(f"{it['kind'].lower()}.yaml", []).append(it)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(written),
        "configMapGenerator": [{"name": "slipway", "files": [CONFIGURATION]}],
    }
    return {
        **{name: NOTE + yaml.safe_dump_all(them, sort_keys=False) for name, them in written.items()},
        "kustomization.yaml": NOTE + yaml.safe_dump(kustomization, sort_keys=False),
        CONFIGURATION: configuration,
    }


def write() -> None:
    BASE.mkdir(exist_ok=True)
    for path in BASE.iterdir():
        path.unlink()
    for name, text in files().items():
        (BASE / name).write_text(text)


if __name__ == "__main__":
    write()
