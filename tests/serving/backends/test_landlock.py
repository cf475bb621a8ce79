"""A process behind the wall, and what it tries outside."""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

VERSION = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) if sys.platform == "linux" else 0
INSIDE = """
import ctypes, errno, json, mmap, os, signal, subprocess, sys
from pathlib import Path
from serving.backends.capabilities import give_up_capabilities
from serving.backends.landlock import wall_in

def tried(call):
    try:
        call()
        return "allowed"
    except OSError as error:
        return errno.errorcode[error.errno]
folder = Path(sys.argv[2])
memory, given = os.memfd_create("m"), (folder / "given").open("w")
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
give_up_capabilities()  # root's reach further
wall_in(reads_only=json.loads(sys.argv[1]))
child = subprocess.Popen(["sleep", "60"])
print(json.dumps({
    "read": tried(lambda: (folder / "there").read_text()),
    "write": tried(lambda: (folder / "there").write_text("changed")),
    "create": tried(lambda: (folder / "new").touch()),
    "remove": tried(lambda: (folder / "there").unlink()),
    "device": tried(lambda: os.mknod(folder / "zero", 0o020666, os.makedev(1, 5))),
    "null": tried(lambda: Path("/dev/null").write_text("x")),
    "given": tried(lambda: given.write("x") and given.flush()),
    "memory": tried(lambda: os.ftruncate(memory, 1 << 16)),
    "environment": tried(lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes()),
    "memory of the server": tried(lambda: Path(f"/proc/{os.getppid()}/mem").open("rb")),
    "own environment": tried(lambda: Path("/proc/self/environ").read_bytes()),
    "signal": tried(lambda: os.kill(os.getppid(), 0)),
    "signal to a child": tried(lambda: child.kill()),
}))
"""


@pytest.mark.skipif(VERSION < 3, reason="the kernel has no Landlock, or none that knows of cutting files short")
@pytest.mark.parametrize("reads_only", [True, False])
def test_what_is_outside_is_read_at_most(reads_only: bool, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("as it was")
    command = [sys.executable, "-c", INSIDE, json.dumps(reads_only), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    changes = {found.pop(name) for name in ("write", "create", "remove")}
    assert changes == {"EACCES" if reads_only else "allowed"}
    assert (tmp_path / "there").exists() == reads_only
    assert found.pop("device") in ("EACCES", "EPERM"), "a device is for root alone, behind the wall for nobody"
    outside = {found.pop("environment"), found.pop("memory of the server")}
    assert outside == {"EACCES"}, "what the server was started with, and what it holds, may be secret"
    assert found.pop("signal") == ("EPERM" if VERSION >= 6 else "allowed")
    assert set(found.values()) == {"allowed"}
    assert Path(f"/proc/{os.getpid()}/environ").read_bytes()
