import shutil
import subprocess
from pathlib import Path

import pytest

FILE = Path(__file__).parents[3] / "loadtests" / "examples" / "k6.js"


@pytest.mark.skipif(shutil.which("node") is None, reason="without Node.js nobody here reads JavaScript")
def test_it_is_javascript(tmp_path: Path) -> None:
    module = tmp_path / "k6.mjs"
    module.write_text(FILE.read_text())
    done = subprocess.run(["node", "--check", str(module)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
