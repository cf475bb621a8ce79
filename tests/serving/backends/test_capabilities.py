import subprocess
import sys

import pytest

GIVE_UP = """
from pathlib import Path
from serving.backends.capabilities import give_up_capabilities

give_up_capabilities()
print(Path("/proc/self/status").read_text(), Path("/proc/thread-self/status").read_text())
import os
os.execv("/bin/cat", ["cat", "/proc/self/status"])
"""
FOR_FILES = 0b11011111  # the capabilities 0 to 4, 6 and 7


@pytest.mark.skipif(sys.platform != "linux", reason="they are Linux's")
def test_root_keeps_what_is_for_files_and_its_programs_get_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", GIVE_UP], capture_output=True, text=True, timeout=60, check=True)
    sets = [line.split() for line in done.stdout.splitlines() if line.startswith(("CapPrm", "CapEff", "CapInh"))]
    assert len(sets) == 9, "the process, its thread and the program that it became"
    assert all(int(bits, 16) & ~FOR_FILES == 0 for _, bits in sets)
