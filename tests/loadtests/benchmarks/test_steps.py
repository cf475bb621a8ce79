import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_step_of_both_sizes_is_weighed_and_they_add_up() -> None:
    command = [sys.executable, "-m", "loadtests.benchmarks.steps", "--requests", "50"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    weighed = json.loads(ran.stdout.splitlines()[-1])
    assert len(weighed) == 2
    for steps in weighed.values():
        *parts, (name, whole) = steps.items()
        assert (len(parts), name) == (6, "all")
        assert abs(sum(microseconds for _, microseconds in parts) - whole) < 1
        assert steps["decode: bytes -> InferRequest"] > 0
