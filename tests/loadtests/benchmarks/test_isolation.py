import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_case_is_measured_inside_and_outside() -> None:
    command = [sys.executable, "-m", "loadtests.benchmarks.isolation", "--requests", "10", "--rounds", "1"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found.keys() == {"4 floats", "10 MB", "a loop, 2 instances"}
    assert all(of["inside"] > 0 and of["outside"] > 0 for of in found.values())
