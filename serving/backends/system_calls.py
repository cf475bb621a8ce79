"""Calls of Linux that a model's process can't make any more, by a filter that the kernel keeps (seccomp).

Rule: what is refused fails as if it were not permitted, and nothing is ended for it; what is not named is allowed. A
filter holds for the thread that asks for it and for all that it starts later.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable, Iterator

_NUMBERS = {  # of asm/unistd_64.h and asm-generic/unistd.h; None where a processor has no such call
    # to look into other processes, and to take what they hold
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    # to see another file system, or other things than the system's
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_by_handle_at": (304, 265),
    "setns": (308, 268),
    "unshare": (272, 97),
    # to change the system
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "acct": (163, 89),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    # where kernels had their holes, and models have no business
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
}
_NOT_TO_COMPUTE = {
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),  # of this machine too: a container's daemon, or a desktop's bus, starts programs for others
    # what Landlock lets be: a file's rights, owner, times and attributes
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
}
_CLONE, _CLONE3, _PRLIMIT, _IOCTL = (56, 220), 435, (302, 261), (16, 29)
_PROCESSORS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # their place above, AUDIT_ARCH_*
_OTHER_CALLS = 0x40000000  # x86_64's numbers from there on are those of its 32 bits (x32)

_NAMESPACES = 0x7E020000  # CLONE_NEW*
_TYPES_INTO_A_TERMINAL = 0x5412  # TIOCSTI
_PR_SET_SECCOMP, _FILTER = 22, 2  # linux/prctl.h, linux/seccomp.h
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_NUMBER_AT, _PROCESSOR_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24  # struct seccomp_data
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000

_Line = tuple[int, int, int, int]
"""What to do, how many lines to go on from the next where it is so and where not, and with what."""


class Unsupported(Exception):
    """The kernel or the processor knows no such thing."""


def refuse_calls(only_computes: bool) -> None:
    """For good. A model that `only_computes` has no reason to start programs or to open connections, others may.

    Needs PR_SET_NO_NEW_PRIVS. Raises `Unsupported`.
    """
    machine = platform.machine()
    if machine not in _PROCESSORS:
        raise Unsupported(f"no list of calls for {machine}")
    lines = b"".join(struct.pack("=HBBI", *line) for line in _lines(*_PROCESSORS[machine], only_computes))
    buffer = ctypes.create_string_buffer(lines, len(lines))
    program = struct.pack("@HP", len(lines) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.create_string_buffer(program, len(program)), 0, 0):
        raise Unsupported(errno.errorcode.get(ctypes.get_errno(), "unknown"))


def _lines(place: int, processor: int, only_computes: bool) -> Iterator[_Line]:
    yield (_LOAD, 0, 0, _PROCESSOR_AT)
    yield (_EQUAL, 1, 0, processor)
    yield _fails(errno.EPERM)
    yield (_LOAD, 0, 0, _NUMBER_AT)
    yield from ((_AT_LEAST, 0, 1, _OTHER_CALLS), _fails(errno.EPERM))
    yield from ((_EQUAL, 0, 1, _CLONE3), _fails(errno.ENOSYS))  # whose flags can't be seen; `clone` takes its place
    yield from _refused(numbers[place] for numbers in _NUMBERS.values())
    if only_computes:
        yield from _refused(numbers[place] for numbers in _NOT_TO_COMPUTE.values())
    yield from _refused_where(_CLONE[place], _FIRST_ARGUMENT_AT, _ANY_BIT, _NAMESPACES)
    yield from _refused_where(_PRLIMIT[place], _FIRST_ARGUMENT_AT, _AT_LEAST, 1)  # others': one ends who is over it
    yield from _refused_where(_IOCTL[place], _SECOND_ARGUMENT_AT, _EQUAL, _TYPES_INTO_A_TERMINAL)
    yield (_RETURN, 0, 0, _ALLOW)


def _refused(numbers: Iterable[int | None]) -> Iterator[_Line]:
    for number in numbers:
        if number is not None:
            yield from ((_EQUAL, 0, 1, number), _fails(errno.EPERM))


def _refused_where(number: int, argument_at: int, compared: int, value: int) -> Iterator[_Line]:
    yield from ((_EQUAL, 0, 4, number), (_LOAD, 0, 0, argument_at))
    yield from ((compared, 0, 1, value), _fails(errno.EPERM), (_RETURN, 0, 0, _ALLOW))


def _fails(number: int) -> _Line:
    return (_RETURN, 0, 0, _ERROR | number)
