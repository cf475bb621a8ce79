"""docs/licences.md: everything that constraints.txt pins, under which licence, and what brings it.

Rule: a licence is what a package's own metadata says, read here or by pip without installing it; where that says
nothing that can be told apart, `TOLD` says what was found instead, and where. `python -m deploy.supply.licences`.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "licences.md"
_START, _END = "<!-- packages -->\n", "<!-- end of packages -->"
_OURS = "slipway-serving"
_PIP = ROOT / ".venv" / "tools" / "audit" / "bin" / "python"  # which is new enough to read all of a package's metadata

PERMISSIVE = frozenset(
    (
        *("MIT", "MIT-0", "MIT-CMU", "Apache-2.0", "LLVM-exception", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD"),
        *("ISC", "PSF-2.0", "CNRI-Python", "Zlib", "BSL-1.0", "ZPL-2.1", "CC0-1.0"),
    )
)

# Words of older metadata, in SPDX's; a "BSD" that does not say which is permissive in every version that is in use.
_SPDX = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD License": "BSD",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "Python Software Foundation License": "PSF-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
    "DFSG approved": "",
}

_NVIDIA = "NVIDIA's libraries, with the gpu extra or PyTorch for CUDA only; whoever installs them takes NVIDIA's terms"
_MPL = "MPL-2.0 is about changes to its own files, and none of them is changed"
EXCEPTIONS = {
    "certifi": _MPL,
    "hypothesis": f"{_MPL}; for tests only",
    "orjson": f"{_MPL}; the rest of it is Apache-2.0 or MIT",
    "pathspec": f"{_MPL}; for development only",
    "tqdm": f"{_MPL}; the rest of it is MIT",
    "soxr": "LGPL: a library of its own that can be exchanged; with the audio extra only",
    "espeakng-loader": "GPL: data for one recipe, called in a process of its own; with the voices extra only",
    "nvidia-*": _NVIDIA,
    "cuda-*": _NVIDIA,
}
"""What is not permissive, and why it is here all the same."""

TOLD = {
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # without files of its own, it requires NVIDIA's
    "espeakng-loader": "GPL-3.0-or-later",  # eSpeak NG's, which it is made of
    "faster-coco-eval": "Apache-2.0",  # the LICENSE in its wheel
    "mlcommons-loadgen": "Apache-2.0",  # of mlcommons/inference, where it is made
}
"""By package, the licence of those whose metadata says none, and who says it instead."""


@dataclass(frozen=True, slots=True)
class Package:
    """`requires` as in its metadata."""

    name: str
    licence: str
    requires: tuple[str, ...] = ()


def licence(expression: str, classifiers: Iterable[str], words: str) -> str:
    """In SPDX's words, from the fields that metadata has for it; "" where they say nothing that can be told."""
    if expression:
        return expression
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    spdx = sorted({_SPDX.get(each, each) for each in named} - {"", "OSI Approved", "Other/Proprietary License"})
    first = words.strip().partition("\n")[0]
    told = _SPDX.get(first, first)
    if is_permissive(told) or (told and not spdx and len(told) <= 40):
        return told
    return " AND ".join(spdx)


def is_permissive(text: str) -> bool:
    """Of choices each must be, which is more than is needed, and simple."""
    ids = _ids(text)
    return bool(ids) and set(ids) <= PERMISSIVE


def is_excepted(name: str) -> bool:
    return name in EXCEPTIONS or f"{name.partition('-')[0]}-*" in EXCEPTIONS


def pins(constraints: str) -> dict[str, str]:
    """Of each package one release, of this Python and system where there are several."""
    found: dict[str, str] = {}
    for pin in map(Requirement, constraints.splitlines()):
        if pin.name not in found or pin.marker is None or pin.marker.evaluate():
            found[pin.name] = str(pin.specifier)
    return found


def installed(name: str) -> Package | None:
    try:
        told: Any = metadata(name)
    except PackageNotFoundError:
        return None
    found = licence(told.get("License-Expression", ""), told.get_all("Classifier") or (), told.get("License", ""))
    return Package(name, TOLD.get(name, found), tuple(told.get_all("Requires-Dist") or ()))


def listed(page: str) -> dict[str, tuple[str, str]]:
    """By package its licence and what brings it, as the page has it."""
    table = page.partition(_START)[2].partition(_END)[0]
    rows = re.findall(r"^\| ([\w.-]+) \| (.*?) \| (.*?) \|$", table, re.M)
    return {name: (words, brings) for name, words, brings in rows[1:]}


def brought(packages: Mapping[str, Package], ours: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """By package the first of `ours`, names and what they require, that brings it here."""
    found: dict[str, str] = {}
    for name, requires in ours.items():
        left, seen = [*map(Requirement, requires)], set[tuple[str, frozenset[str]]]()
        while left:
            each = left.pop()
            key, extras = canonicalize_name(each.name), frozenset(each.extras)
            if key not in packages or (key, extras) in seen or not _holds(each, frozenset()):
                continue
            seen.add((key, extras))
            found.setdefault(key, name)
            needed = map(Requirement, packages[key].requires)
            left += [_without_marker(it) for it in needed if _holds(it, extras)]
    return found


def _holds(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _without_marker(requirement: Requirement) -> Requirement:
    requirement.marker = None
    return requirement


def _ids(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w.+-]+", text) if word not in ("AND", "OR", "WITH")]


def _from_index(specifiers: Mapping[str, str]) -> list[Package]:
    """By pip, which reads metadata without installing anything."""
    command = [
        str(_PIP),
        "-m",
        "pip",
        "install",
        "-q",
        "--dry-run",
        "--ignore-installed",
        "--no-deps",
        "--ignore-requires-python",
    ]
    command += ["--report", "-", *(f"{name}{release}" for name, release in specifiers.items())]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return [_of_report(each["metadata"]) for each in report["install"]]


def _of_report(told: Mapping[str, object]) -> Package:
    name = canonicalize_name(str(told["name"]))
    classifiers, requires = told.get("classifier") or [], told.get("requires_dist") or []
    assert isinstance(classifiers, list)
    assert isinstance(requires, list)
    found = licence(str(told.get("license_expression") or ""), classifiers, str(told.get("license") or ""))
    return Package(name, TOLD.get(name, found), tuple(requires))


def _ours() -> dict[str, list[str]]:
    """The server's first, then each extra's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return {
        "server": project["dependencies"],
        **{n: [r for r in them if not r.startswith(_OURS)] for n, them in extras.items()},
    }


def page(packages: Iterable[Package], brings: Mapping[str, str], before: str) -> str:
    rows = [
        f"| {each.name} | {each.licence or 'unknown'} | {brings.get(each.name, 'other systems and builds')} |"
        for each in sorted(packages, key=lambda each: each.name)
    ]
    table = "\n".join(["| Package | Licence | Comes with |", "|---|---|---|", *rows, ""])
    exceptions = "\n".join(
        ["| Package | Why it is here |", "|---|---|", *(f"| {n} | {why} |" for n, why in EXCEPTIONS.items())]
    )
    return f"{before.partition(_START)[0]}{_START}{table}{_END}\n\n## Not permissive\n\n{exceptions}\n"


def main() -> None:
    wanted = pins((ROOT / "constraints.txt").read_text())
    here = {name: package for name in wanted if (package := installed(name))}
    elsewhere = _from_index({name: release for name, release in wanted.items() if name not in here})
    packages = {**here, **{package.name: package for package in elsewhere}}
    PAGE.write_text(page(packages.values(), brought(packages, _ours()), PAGE.read_text()))


if __name__ == "__main__":
    main()
