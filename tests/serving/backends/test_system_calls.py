"""A process that gave up calls, and tries them: each in a way that would do nothing where it were allowed."""

import json
import platform
import subprocess
import sys

import pytest

CALLS = """
import ctypes, errno, json, os, socket, subprocess, sys, threading
from serving.backends.system_calls import refuse_calls

libc = ctypes.CDLL(None, use_errno=True)
def tried(call, *arguments):
    return "allowed" if call(*arguments) >= 0 else errno.errorcode[ctypes.get_errno()]
def tried_python(call):
    try:
        return "allowed" if call() is not None else ""
    except OSError as error:
        return errno.errorcode[error.errno]
def try_all():
    return {
        "ptrace": tried(libc.ptrace, 16, 0, 0, 0),
        "unshare": tried(libc.unshare, 0),
        "mount": tried(libc.mount, None, b"/no/such", None, 0, None),
        "clone": tried(libc.syscall, clone, 0x10000000, 0, 0, 0, 0),
        "clone3": tried(libc.syscall, 435, 0, 0),
        "execve": tried_python(lambda: subprocess.run(["true"])),
        "internet": tried_python(lambda: socket.socket(socket.AF_INET)),
        "local": tried_python(lambda: socket.socket(socket.AF_UNIX)),
        "chmod": tried(libc.chmod, b"/no/such", 0),
        "utimensat": tried(libc.utimensat, -1, b"/no/such", None, 0),
        "limits": tried(libc.prlimit, 0, 7, None, None),
        "others_limits": tried(libc.prlimit, os.getppid(), 7, None, None),
        "ioctl": tried(libc.ioctl, terminal, 0x540B, 0),
        "typing": tried(libc.ioctl, null, 0x5412, b"x"),
        "pair": tried_python(socket.socketpair),
        "x32": tried(libc.syscall, 0x40000000 + 39),
    }
clone = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
terminal, null = os.openpty()[0], os.open("/dev/null", os.O_RDONLY)
libc.prctl(38, 1, 0, 0, 0)
refuse_calls(only_computes=json.loads(sys.argv[1]))
found = []
thread = threading.Thread(target=lambda: found.append(try_all()))
thread.start()
thread.join()
found.append(try_all())
print(json.dumps(found))
"""
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="a filter is for these"
)


@pytest.mark.parametrize(("only_computes", "of_programs"), [(True, "EPERM"), (False, "allowed")])
def test_calls_are_refused_in_every_thread_and_the_process_goes_on(only_computes: bool, of_programs: str) -> None:
    command = [sys.executable, "-c", CALLS, json.dumps(only_computes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    in_thread, found = json.loads(done.stdout)
    assert in_thread == found
    assert [found.pop(name) for name in ("execve", "internet", "local")] == [of_programs] * 3
    of_files = "EPERM" if only_computes else "ENOENT"
    assert [found.pop(name) for name in ("chmod", "utimensat")] == [of_files] * 2
    assert [found.pop(name) for name in ("pair", "limits", "ioctl")] == ["allowed"] * 3
    assert found.pop("clone3") == "ENOSYS", "so that threads are started by the call whose flags can be seen"
    assert found == dict.fromkeys(("ptrace", "unshare", "mount", "clone", "x32", "others_limits", "typing"), "EPERM")
