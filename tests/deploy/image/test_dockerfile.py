"""The Dockerfile by its words. Rule: nothing is built for these."""

import subprocess

import pytest

from tests.deploy.image.programs import ROOT, tool


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = tool("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed; `make image-test` installs it")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_shellcheck_has_nothing_to_say_of_what_a_build_runs() -> None:
    shellcheck = tool("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    scripts = [path for path in (ROOT / "deploy" / "image").iterdir() if path.suffix == ""]
    done = subprocess.run([shellcheck, *map(str, scripts)], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
