"""Programs that images are built and run with. Rule: what one says is in the error where it fails."""

import os
import shutil
import subprocess
from pathlib import Path

from deploy.check.programs import ROOT

CONF = Path(__file__).with_name("containers.conf")
NEEDED = ("buildah", "podman", "runc", "nsenter")


def missing() -> str | None:
    """Why nothing can be proved here."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        return f"{', '.join(absent)} is not installed (on Debian: apt-get install buildah podman runc mmdebstrap)"
    return None if os.geteuid() == 0 else "images are built as root here"


def run(*command: str, timeout: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONTAINERS_CONF": str(CONF)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)
    assert not check or done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


def said(*command: str, timeout: float = 120) -> str:
    return run(*command, timeout=timeout).stdout.strip()
