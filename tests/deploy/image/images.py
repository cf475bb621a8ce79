"""The Dockerfile, unchanged, built by buildah on the base that it names.

Rule: where that base is not on this machine, one is made of Debian's packages under its name, and nothing is pulled.
"""

import json
import os
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from deploy.check.programs import ROOT
from tests.deploy.image.programs import run, said

DOCKERFILE = (ROOT / "Dockerfile").read_text()
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PACKAGES = "ca-certificates,netbase,tzdata,python3,python3-venv"
EPOCH = "1700000000"  # of every file and layer

LABELS = {"VERSION": "1.2.3", "REVISION": "0123abc", "SOURCE": "https://example.com/slipway"}


def base() -> str:
    """Its name, once it is there."""
    found = re.search(r"^ARG BASE=(python:([\d.]+)-slim-(\w+))$", DOCKERFILE, re.M)
    assert found is not None
    name, python, suite = found.groups()
    if run("podman", "image", "exists", name, check=False).returncode:
        _make(name, python, suite)
    return name


def _make(name: str, python: str, suite: str) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip(f"the base {name} is not here, and mmdebstrap, which would make one, is not installed")
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "base.tar"
        link = f'ln -s /usr/bin/python{python} "$1/usr/local/bin/python"'  # where the real one has it
        options = ("--variant=minbase", f"--include={PACKAGES}", f"--customize-hook={link}")
        run("mmdebstrap", *options, suite, str(archive), timeout=600)
        run("podman", "import", "--message", "made of Debian's packages", str(archive), name)


def build(target: str, *options: str, tag: str | None = None) -> str:
    """The image's name. A bundle of certificates in SLIPWAY_IMAGE_CA is the build's, where packages come through a
    proxy that has a certificate of its own."""
    base()
    name = f"slipway-test:{tag or target}"
    labels = [f"--build-arg={key}={value}" for key, value in LABELS.items()]
    bundle = os.environ.get("SLIPWAY_IMAGE_CA")
    trust = ["--volume", f"{bundle}:{BUNDLE}:ro"] if bundle else []
    how = ("--isolation=chroot", "--pull-never", "--format=docker", "--layers", f"--timestamp={EPOCH}")
    run("buildah", "bud", *how, *trust, *labels, "--target", target, *options, "-t", name, ".", timeout=1800)
    return name


def inspected(image: str) -> dict[str, Any]:
    (found,) = json.loads(said("podman", "image", "inspect", image))
    return dict(found)


def layers(image: str) -> list[tuple[str, str]]:
    """What each layer that has files was made by, and its size."""
    lines = said("podman", "history", "--format", "{{.Size}}\t{{.CreatedBy}}", "--no-trunc", image).splitlines()
    pairs = [line.split("\t", 1) for line in lines]
    return [(size, command) for size, command in pairs if not size.startswith("0 ")]
