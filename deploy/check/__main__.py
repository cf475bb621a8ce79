"""Everything under `deploy` as linters see it: `make deploy-check`.

Rule: nothing is left out in silence; what is accepted, and what is not installed, is told with a reason.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from deploy.check.chart import CHART, VALUES, Refused, rendered
from deploy.check.programs import ROOT, program

DEPLOY = ROOT / "deploy"
MONITORING = DEPLOY / "monitoring"
RELEASES = ("1.27", "1.30", "1.33", "1.35", "1.37")
NEEDS = {"canary": (1, 33)}
"""The release that a file of values asks for."""

KSERVES = ("annotations", "protocolVersions", "supportedModelFormats")
"""What a runtime has beside a pod's fields."""

ACCEPTED = {
    (
        "CKV_K8S_11",
        "Deployment",
    ): "a limit of processors throttles in the middle of a batch; requests are what shares them",
    ("CKV_K8S_11", "Pod"): "the same",
    ("CKV_K8S_15", "Deployment"): "a tag of ours is never moved, and a node that has it starts sooner, registry or not",
    ("CKV_K8S_15", "Pod"): "the same",
    ("CKV_K8S_43", "Deployment"): "image.digest is there for it; which one it is depends on who built the image",
    ("CKV_K8S_43", "Pod"): "the same",
    ("CKV_K8S_8", "Pod"): "asks once and ends",
    ("CKV_K8S_9", "Pod"): "asks once and ends",
    ("CKV2_K8S_6", "Pod"): "takes no connections, and is there for a second",
}
"""Checkov's findings that stay, and why."""


def main() -> int:
    """0 where everything holds."""
    with TemporaryDirectory() as folder:
        failed = [title for title, check in CHECKS.items() if not told(title, list(check(Path(folder))))]
    print(f"{len(CHECKS) - len(failed)} of {len(CHECKS)} hold")
    return bool(failed)


def told(title: str, problems: list[str]) -> bool:
    print(f"{'ok    ' if not problems else 'FAILED'}  {title}", flush=True)
    for problem in problems:
        print(f"          {problem}")
    return not problems


def run(name: str, *arguments: str, accepted: Iterable[int] = (0,)) -> Iterator[str]:
    """What it says where it does not agree."""
    where = program(name)
    if where is None:
        yield f"{name} is not installed"
        return
    done = subprocess.run([where, *arguments], capture_output=True, text=True, cwd=ROOT)
    if done.returncode not in accepted:
        yield from (done.stdout + done.stderr).splitlines()


def invalid(release: str, *files: Path) -> Iterator[str]:
    """What that release of Kubernetes would not take, or not know."""
    yield from run("kubernetes-validate", "--strict", "--no-warn", "--quiet", "-k", release, *map(str, files))


def helm_lints(_: Path) -> Iterator[str]:
    for values in VALUES.values():
        yield from run("helm", "lint", "--strict", "--quiet", str(CHART), *(["-f", str(values)] if values else []))


def schemas_agree(folder: Path) -> Iterator[str]:
    for release in RELEASES:
        files = written(folder / release, release)
        yield from invalid(release, *files)


def written(folder: Path, release: str) -> list[Path]:
    """Each file of values as that release of Kubernetes would get it; one that needs a newer is refused."""
    folder.mkdir(exist_ok=True)
    paths = []
    for name, values in VALUES.items():
        path = folder / f"{name}.yaml"
        try:
            manifests = rendered(values, kubernetes=release)
        except Refused:
            if tuple(map(int, release.split("."))) >= NEEDS.get(name, (0,)):
                raise
            continue
        path.write_text(yaml.safe_dump_all(manifests))
        paths.append(path)
    return paths


def kustomize_builds(folder: Path) -> Iterator[str]:
    for overlay in (DEPLOY / "kustomize" / "base", *sorted((DEPLOY / "kustomize" / "overlays").iterdir())):
        file = folder / f"kustomize-{overlay.name}.yaml"
        yield from run("kubectl", "kustomize", str(overlay), "--output", str(file))
        yield from invalid(RELEASES[-1], file)
    for runtime in (DEPLOY / "kserve").glob("*/kustomization.yaml"):
        yield from run("kubectl", "kustomize", str(runtime.parent))


def other_pods_agree(folder: Path) -> Iterator[str]:
    """Those in resources of KServe, Ray and Kubeflow, of which Kubernetes' own schemas know no more than the pods."""
    files = [file for name in ("kserve", "ray", "training") for file in sorted((DEPLOY / name).rglob("*.yaml"))]
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": file.stem}, "spec": spec}
        for file in files
        for spec in pods_in(list(yaml.safe_load_all(file.read_text())))
    ]
    path = folder / "pods.yaml"
    path.write_text(yaml.safe_dump_all(pods))
    for file in (path, DEPLOY / "training" / "storage.yaml"):
        yield from invalid(RELEASES[-1], file)


def pods_in(value: Any) -> Iterator[dict[str, Any]]:
    """Whatever has containers, with the fields that a pod has too."""
    if isinstance(value, dict) and isinstance(value.get("containers"), list):
        yield {name: it for name, it in value.items() if name not in KSERVES}
    elif isinstance(value, dict | list):
        for it in value.values() if isinstance(value, dict) else value:
            yield from pods_in(it)


def policies_agree(folder: Path) -> Iterator[str]:
    where = program("checkov")
    if where is None:
        yield "checkov is not installed"
        return
    manifests = folder / "policies"
    written(manifests, RELEASES[-1])
    command = [where, "-d", str(manifests), "--framework", "kubernetes", "--quiet", "--compact", "-o", "json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    found = {(it["check_id"], it["resource"].split(".")[0]): it for it in report["results"]["failed_checks"]}
    for (check, kind), it in found.items():
        if (check, kind) not in ACCEPTED:
            yield f"{check} of {it['resource']} in {Path(it['file_path']).name}: {it['check_name']}"
    for check, kind in ACCEPTED.keys() - found.keys():
        yield f"{check} of a {kind} is accepted and not found any more: remove it"


def rules_agree(_: Path) -> Iterator[str]:
    yield from run("promtool", "check", "rules", str(MONITORING / "alerts.yaml"))
    yield from run("promtool", "test", "rules", str(MONITORING / "alerts_test.yaml"))


def queries_agree(folder: Path) -> Iterator[str]:
    """Those that replicas are counted by, as rules, which is what promtool reads."""
    targets = ("requestsInFlight", "requestsWaiting", "requestsPerSecond", "sequences")
    more = {f"autoscaling.{target}PerReplica": 1 for target in targets}
    found = rendered(VALUES["production"], more=more)
    (scaled,) = (it for it in found if it["kind"] == "ScaledObject")
    rules = [
        {"record": f"asked:{trigger['name'].replace('-', '_')}", "expr": trigger["metadata"]["query"]}
        for trigger in scaled["spec"]["triggers"]
    ]
    path = folder / "queries.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    yield from run("promtool", "check", "rules", str(path))


def builds_lint(_: Path) -> Iterator[str]:
    yield from run("hadolint", "Dockerfile", "deploy/ray/Dockerfile")
    scripts = (path for path in (DEPLOY / "image").iterdir() if not path.suffix)
    yield from run("shellcheck", *map(str, scripts))


CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    f"helm lint, of {len(VALUES)} files of values": helm_lints,
    f"Kubernetes' own schemas, strictly, of {', '.join(RELEASES)}": schemas_agree,
    "kustomize build, and the newest schemas": kustomize_builds,
    "the pods of KServe, Ray and Kubeflow, by the newest schemas": other_pods_agree,
    f"checkov, but for {len(ACCEPTED)} findings with a reason": policies_agree,
    "promtool, of alerts and their tests": rules_agree,
    "promtool, of what replicas are counted by": queries_agree,
    "hadolint and ShellCheck, of what builds images": builds_lint,
}

if __name__ == "__main__":
    sys.exit(main())
